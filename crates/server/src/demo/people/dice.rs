//! Chance with the few throws that inventing people needs.

use desk::value::random::Random;

/// Chance with the few throws we need.
pub(super) struct Dice(pub(super) Random);

impl Dice {
    pub(super) fn below(&self, bound: usize) -> usize {
        usize::try_from(self.0.below(bound as u64)).expect("below a number that was a usize")
    }

    pub(super) fn between(&self, low: usize, high: usize) -> usize {
        low + self.below(high - low + 1)
    }

    pub(super) fn days(&self, low: u32, high: u32) -> u32 {
        low + u32::try_from(self.0.below(u64::from(high - low + 1))).expect("below a number that was a u32")
    }

    pub(super) fn percent(&self, chance: usize) -> bool {
        self.below(100) < chance
    }

    pub(super) fn pick<T: Copy>(&self, list: &[T]) -> T {
        list[self.below(list.len())]
    }

    /// Picks the earlier ones more often.
    pub(super) fn common<T: Copy>(&self, list: &[T]) -> T {
        list[self.below(list.len()).min(self.below(list.len()))]
    }

    pub(super) fn weighted<T: Copy>(&self, list: &[(u32, T)]) -> T {
        let whole: u32 = list.iter().map(|(weight, _)| weight).sum();
        let mut left = self.days(0, whole - 1);
        for (weight, value) in list {
            if left < *weight {
                return *value;
            }
            left -= weight;
        }
        unreachable!("the throw was below the sum of the weights")
    }
}
