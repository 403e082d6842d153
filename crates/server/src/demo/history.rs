//! What happened to the people of an institution, day by day: when they came, when they signed in or mistyped, what was
//! done about them and written down. Pure: made from the people alone.

use super::bridge;
use super::people::{DemoStanding, LockCause, Person, SignInLock};

/// Strangers to the card who can sign in as well.
const WITH_PASSWORD: usize = 50;
/// So many of them did, and left their devices; each costs a real check of a password, and the visitor waits.
const SIGNING_IN: usize = 20;
/// People who are locked out because wrong passwords were really typed; the others of a large town come locked.
const MISTYPING: usize = 40;

/// Something that happened to the person of this index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Happening {
    /// She became a customer.
    Came(usize),
    /// An agent wrote this note of hers.
    Noted(usize, usize),
    /// She signed in on this device of hers.
    SignedIn(usize, usize),
    /// She mistyped her password until she was locked out.
    Mistyped(usize),
    /// What brings her into her standing was done.
    Dealt(usize),
}

/// The people a visitor is introduced to, by index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Named {
    /// Locked out by wrong passwords, and nothing else is the matter.
    pub locked: usize,
    /// Nothing is the matter.
    pub active: usize,
    /// Put to sleep by the core.
    pub dormant: usize,
    /// Disabled by staff.
    pub disabled: usize,
    /// Has several devices.
    pub with_devices: usize,
}

impl Named {
    /// All of them.
    pub fn all(&self) -> [usize; 5] {
        [self.locked, self.active, self.dormant, self.disabled, self.with_devices]
    }

    fn among(people: &[Person]) -> Option<Named> {
        // A business, or an employee, only where there is nobody else.
        let first = |fits: &dyn Fn(&Person) -> bool| {
            let ordinary = people.iter().position(|one| one.business_name.is_none() && !one.employee && fits(one));
            ordinary.or_else(|| people.iter().position(fits))
        };
        let plain_but = |one: &Person, change: &dyn Fn(&mut DemoStanding)| {
            let mut standing = one.standing.clone();
            change(&mut standing);
            standing.is_plain()
        };
        let with_devices = first(&|one| one.standing.is_plain() && one.devices.len() >= 2)?;
        Some(Named {
            locked: first(&|one| is_locked_by_tries(one) && plain_but(one, &|it| it.sign_in_lock = SignInLock::Open))?,
            active: first(&|one| one.standing.is_plain() && one.devices.len() == 1)?,
            dormant: first(&|one| {
                plain_but(one, &|it| it.core = super::people::CoreState::Normal)
                    && !one.standing.is_plain()
                    && one.standing.core == super::people::CoreState::Dormant
            })?,
            disabled: first(&|one| one.standing.disabled.is_some() && plain_but(one, &|it| it.disabled = None))?,
            with_devices,
        })
    }
}

fn is_locked_by_tries(one: &Person) -> bool {
    one.standing.sign_in_lock == SignInLock::Locked { cause: LockCause::FailedSignIns, hours: None }
}

/// The history of an institution.
pub struct History {
    /// Who is introduced.
    pub named: Named,
    /// What happened, the oldest first: how many days ago, and what.
    pub days: Vec<(u32, Vec<Happening>)>,
    /// Who has a password.
    pub with_password: Vec<bool>,
    /// Whose lock comes from typing.
    pub mistyping: Vec<bool>,
}

impl History {
    /// What happened to these people. `None` if somebody the card needs is not among them.
    pub fn of(people: &[Person]) -> Option<History> {
        let named = Named::among(people)?;
        let mut with_password = vec![false; people.len()];
        let mut mistyping = vec![false; people.len()];
        let others =
            (0..people.len()).filter(|index| people[*index].standing.is_plain() && !people[*index].devices.is_empty());
        let mut signs_in = vec![false; people.len()];
        for (place, index) in named.all().into_iter().chain(others.take(WITH_PASSWORD)).enumerate() {
            with_password[index] = true;
            signs_in[index] = place < SIGNING_IN;
        }
        let locked = (0..people.len()).filter(|index| is_locked_by_tries(&people[*index]));
        for index in std::iter::once(named.locked).chain(locked.take(MISTYPING)) {
            mistyping[index] = true;
        }
        let mut all = Vec::new();
        for (index, one) in people.iter().enumerate() {
            let came = one.created_days_ago;
            all.push((came, Happening::Came(index)));
            let mut last = came;
            for (note, written) in one.notes.iter().enumerate() {
                let ago = written.written_days_ago.min(came);
                last = last.min(ago);
                all.push((ago, Happening::Noted(index, note)));
            }
            if signs_in[index] {
                for (device, known) in one.devices.iter().enumerate() {
                    let ago = known.last_seen_days_ago.min(came);
                    last = last.min(ago);
                    all.push((ago, Happening::SignedIn(index, device)));
                }
            }
            if mistyping[index] {
                last = last.min(one.last_seen_days_ago.unwrap_or(0));
                all.push((last, Happening::Mistyped(index)));
            }
            if bridge::has_deeds(&one.standing) {
                // After whatever else she did; spread over a month where that leaves room.
                all.push((last.min(u32::try_from(index % 30).unwrap_or(0)), Happening::Dealt(index)));
            }
        }
        // On one day: came, noted, signed in, mistyped, dealt with, each by index.
        all.sort_by_key(|(ago, happening)| (std::cmp::Reverse(*ago), rank(*happening), *happening));
        let mut days: Vec<(u32, Vec<Happening>)> = Vec::new();
        for (ago, happening) in all {
            match days.last_mut() {
                Some((day, happenings)) if *day == ago => happenings.push(happening),
                _ => days.push((ago, vec![happening])),
            }
        }
        Some(History { named, days, with_password, mistyping })
    }

    /// How many happenings there are.
    pub fn len(&self) -> usize {
        self.days.iter().map(|(_, happenings)| happenings.len()).sum()
    }
}

fn rank(happening: Happening) -> u8 {
    match happening {
        Happening::Came(_) => 0,
        Happening::Noted(..) => 1,
        Happening::SignedIn(..) => 2,
        Happening::Mistyped(_) => 3,
        Happening::Dealt(_) => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::super::people::{Flavour, people};
    use super::*;

    #[test]
    fn everybody_the_card_needs_is_there_from_sixty_people_on() {
        for flavour in [Flavour::Bank, Flavour::CreditUnion] {
            for seed in 0..40 {
                let people = people(seed, 60, flavour);
                let history = History::of(&people);
                assert!(history.is_some(), "seed {seed}, {flavour:?}");
                let named = history.unwrap().named.all();
                let mut apart = named.to_vec();
                apart.sort_unstable();
                apart.dedup();
                assert_eq!(apart.len(), named.len());
            }
        }
    }

    #[test]
    fn everybody_comes_first_and_is_dealt_with_last() {
        let people = people(3, 400, Flavour::Bank);
        let history = History::of(&people).unwrap();
        let mut state = vec![0; people.len()];
        for happening in history.days.iter().flat_map(|(_, happenings)| happenings) {
            let (index, from, to) = match *happening {
                Happening::Came(index) => (index, 0..=0, 1),
                Happening::Noted(index, _) | Happening::SignedIn(index, _) | Happening::Mistyped(index) => {
                    (index, 1..=1, 1)
                }
                Happening::Dealt(index) => (index, 1..=1, 2),
            };
            assert!(from.contains(&state[index]), "{happening:?} of {index}");
            state[index] = to;
        }
    }
}
