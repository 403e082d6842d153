//! Which users have which standing, counted in the transaction that changes it: every list, total and page number is
//! answered from here, whatever it is filtered on and however deep.
//!
//! A user's axes are packed into one number, so that a filter is a mask and a value. Users are counted by their numbers:
//! a *block* holds the axes of 256 users, a *region* says of 65,536 users how many have which axes, all together and
//! block by block. A list reads the sums of all regions (sixteen for a million users), what it needs of the regions that
//! hold its page, then just the blocks that do, and so knows the numbers of the users it shows.
//!
//! A change writes one small row, a *move*; moves are folded into blocks and regions soon afterwards (`Desk::fold`). Until
//! then whoever reads adds them, so nothing is ever behind, and no row is changed by everybody.

pub(crate) mod house;
pub(crate) mod store;

use std::collections::BTreeMap;

use crate::db::Rd;
use crate::error::{Error, Result};
use crate::user::model::User;
use crate::user::questions::UserFilter;
use crate::user::standing::*;
use crate::value::id::TenantId;

/// All axes of a user in one number of 24 bits; 0 is nobody. Stored: the places below never move.
pub(crate) type Axes = u32;

/// The place of one axis: its first bit and how many it has.
#[derive(Clone, Copy)]
struct At(u32, u32);

impl At {
    fn put(self, value: u32) -> Axes {
        value << self.0
    }

    fn mask(self) -> Axes {
        ((1 << self.1) - 1) << self.0
    }
}

const THERE: At = At(0, 1);
const LOCKED: At = At(1, 1);
const ADMISSION: At = At(2, 1);
const CORE_STATE: At = At(3, 3);
const SUSPENSION: At = At(6, 1);
const FLAG: At = At(7, 2);
const BLACKLIST: At = At(9, 1);
const FRAUD: At = At(10, 2);
const VERIFICATION: At = At(12, 2);
const HOLD: At = At(14, 2);
const PRESENCE: At = At(16, 2);
const KIND: At = At(18, 1);
const EMPLOYEE: At = At(19, 1);
const DIASPORA: At = At(20, 1);
/// Of verification, a bit that only verified users have: so that all others can be asked for, too.
const VERIFIED: At = At(21, 1);
/// Of presence, the bit that only erased users have.
const ERASED: At = At(17, 1);

/// What was not counted from the beginning: rows of before lack it until they are counted anew.
pub(crate) const ADDED: Axes = (1 << 20) | (1 << 21);

/// A user's axes as they are now.
pub(crate) fn axes_of(user: &User) -> Axes {
    let it = &user.standing;
    THERE.put(1)
        | LOCKED.put(u32::from(it.lock != SignInLock::Open))
        | ADMISSION.put(it.admission as u32)
        | CORE_STATE.put(it.core as u32)
        | SUSPENSION.put(it.suspension as u32)
        | FLAG.put(it.flag() as u32)
        | BLACKLIST.put(it.blacklist as u32)
        | FRAUD.put(it.fraud as u32)
        | VERIFICATION.put(it.verification as u32)
        | HOLD.put(it.hold as u32)
        | PRESENCE.put(it.presence as u32)
        | KIND.put(user.kind as u32)
        | EMPLOYEE.put(u32::from(user.employee))
        | DIASPORA.put(u32::from(user.diaspora))
        | VERIFIED.put(u32::from(it.verification == Verification::Verified))
}

/// Which axes are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wanted {
    mask: Axes,
    value: Axes,
}

impl Wanted {
    /// What a filter asks for; `hides_employees` as in `store::hides_employees`. An erased user is wanted only when presence
    /// is asked for.
    pub fn of(filter: &UserFilter, hides_employees: bool) -> Wanted {
        let mut wanted = Wanted { mask: THERE.mask(), value: THERE.put(1) };
        let mut ask = |at: At, value: Option<u32>| {
            if let Some(value) = value {
                wanted.mask |= at.mask();
                wanted.value |= at.put(value);
            }
        };
        ask(LOCKED, filter.locked.map(u32::from));
        ask(ADMISSION, filter.admission.map(|it| it as u32));
        ask(CORE_STATE, filter.core_state.map(|it| it as u32));
        ask(SUSPENSION, filter.suspension.map(|it| it as u32));
        ask(FLAG, filter.flag.map(|it| it as u32));
        ask(BLACKLIST, filter.blacklist.map(|it| it as u32));
        ask(FRAUD, filter.fraud.map(|it| it as u32));
        ask(VERIFICATION, filter.verification.map(|it| it as u32));
        ask(HOLD, filter.hold.map(|it| it as u32));
        ask(PRESENCE, filter.presence.map(|it| it as u32));
        ask(KIND, filter.kind.map(|it| it as u32));
        ask(EMPLOYEE, filter.employee.map(u32::from));
        ask(DIASPORA, filter.diaspora.map(u32::from));
        ask(VERIFIED, filter.verified.map(u32::from));
        if filter.presence.is_none() {
            ask(ERASED, Some(0));
        }
        if hides_employees {
            match filter.employee {
                // Nobody has a bit that is not looked at.
                Some(true) => (wanted.mask, wanted.value) = (0, THERE.put(1)),
                _ => wanted.mask |= EMPLOYEE.mask(),
            }
        }
        wanted
    }

    /// Those with just these axes.
    pub fn exactly(axes: Axes) -> Wanted {
        Wanted { mask: 0x00ff_ffff, value: axes }
    }

    /// Whether somebody with these axes is wanted.
    pub fn fits(self, axes: Axes) -> bool {
        axes & self.mask == self.value
    }

    /// Whether this user is wanted.
    pub fn fits_user(self, user: &User) -> bool {
        self.fits(axes_of(user))
    }

    /// The list in a word, for cursors: two filters that ask for the same are the same list.
    pub fn name(self) -> String {
        format!("{:x}/{:x}", self.mask, self.value)
    }
}

/// Users in a block, as a shift of the number.
const BLOCK: u32 = 8;
const BLOCK_USERS: usize = 1 << BLOCK;
/// Users in a region, as a shift of the number.
const REGION: u32 = 16;
/// Bytes of a user's axes in a block.
const WIDTH: usize = 3;

/// A user's axes have changed; 0 is before she was there.
pub(crate) struct Move {
    number: i64,
    was: Axes,
    axes: Axes,
}

/// So many different axes of a block are told apart by four bits; mostly there are a few.
const PALETTE_MAX: usize = 16;

/// How many bits tell so many apart: so many that they fill bytes.
fn bits_for(count: usize) -> Option<usize> {
    match count {
        1 => Some(0),
        2 => Some(1),
        3..=4 => Some(2),
        5..=PALETTE_MAX => Some(4),
        _ => None,
    }
}

/// The axes of a block's users.
#[derive(Debug, PartialEq, Eq)]
struct Block(Vec<u8>);

impl Block {
    fn empty() -> Block {
        Block(vec![0; BLOCK_USERS * WIDTH])
    }

    /// As stored: first how many different axes there are, then these, then for each user which of them, in as few bits as
    /// tell them apart. Where there are more than four bits tell apart, and where it was written before that was so, the axes of
    /// all, one after the other.
    fn read(bytes: Vec<u8>) -> Result<Block> {
        if bytes.len() == BLOCK_USERS * WIDTH {
            return Ok(Block(bytes));
        }
        let (count, rest) = bytes.split_first().ok_or_else(broken)?;
        let bits = bits_for(usize::from(*count)).ok_or_else(broken)?;
        let (palette, places) = rest.split_at_checked(usize::from(*count) * WIDTH).ok_or_else(broken)?;
        if places.len() != BLOCK_USERS * bits / 8 {
            return Err(broken());
        }
        let mut axes = Vec::with_capacity(BLOCK_USERS * WIDTH);
        for place in 0..BLOCK_USERS {
            let at = place * bits;
            let which = places.get(at / 8).map_or(0, |byte| usize::from(byte >> (at % 8)) & ((1 << bits) - 1));
            axes.extend_from_slice(palette.get(which * WIDTH..(which + 1) * WIDTH).ok_or_else(broken)?);
        }
        Ok(Block(axes))
    }

    fn stored(&self) -> Vec<u8> {
        let mut palette: Vec<&[u8]> = Vec::with_capacity(PALETTE_MAX);
        let mut which = [0u8; BLOCK_USERS];
        for (user, which) in self.0.chunks(WIDTH).zip(&mut which) {
            let known = palette.iter().position(|it| *it == user);
            *which = match known {
                Some(place) => place as u8,
                None if palette.len() == PALETTE_MAX => return self.0.clone(),
                None => {
                    palette.push(user);
                    palette.len() as u8 - 1
                }
            };
        }
        let bits = bits_for(palette.len()).unwrap_or(0);
        let mut bytes = Vec::with_capacity(1 + palette.len() * WIDTH + BLOCK_USERS * bits / 8);
        bytes.push(palette.len() as u8);
        bytes.extend(palette.into_iter().flatten());
        // Nothing tells one from itself.
        if let Some(users) = 8_usize.checked_div(bits) {
            let byte = |some: &[u8]| some.iter().enumerate().fold(0, |byte, (at, which)| byte | which << (at * bits));
            bytes.extend(which.chunks(users).map(byte));
        }
        bytes
    }

    fn get(&self, place: usize) -> Axes {
        let at = place * WIDTH;
        u32::from_le_bytes([self.0[at], self.0[at + 1], self.0[at + 2], 0])
    }

    /// By difference, so that the order in which moves are folded does not matter.
    fn add(&mut self, it: &Move) {
        let place = (it.number as usize) % BLOCK_USERS;
        let axes = self.get(place).wrapping_add(it.axes).wrapping_sub(it.was);
        self.0[place * WIDTH..][..WIDTH].copy_from_slice(&axes.to_le_bytes()[..WIDTH]);
    }
}

/// By how many a tally's counts change.
type Changes = BTreeMap<u32, i64>;

/// How many users have which axes: keys in order, each with how many. The key of a region's blocks has the block's place
/// in the region above the axes.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally(Vec<(u32, i64)>);

impl Tally {
    /// Four bytes of key, then the count, seven bits to a byte.
    fn read(bytes: &[u8]) -> Result<Tally> {
        let mut entries = Vec::with_capacity(bytes.len() / 5);
        Tally::each(bytes, |key, count| entries.push((key, count)))?;
        Ok(Tally(entries))
    }

    /// As `read`, without keeping what was read. A region has some ten thousand entries, nearly all of them with a count
    /// of one byte, and a list reads them all: hence the plain loop.
    #[inline]
    fn each(bytes: &[u8], mut tell: impl FnMut(u32, i64)) -> Result<()> {
        let mut rest = bytes;
        while let [a, b, c, d, low, after @ ..] = rest {
            rest = after;
            let (mut count, mut byte, mut shift) = (i64::from(low & 0x7f), *low, 7);
            while byte & 0x80 != 0 {
                let (next, after) = rest.split_first().filter(|_| shift <= 56).ok_or_else(broken)?;
                (byte, rest) = (*next, after);
                count |= i64::from(byte & 0x7f) << shift;
                shift += 7;
            }
            tell(u32::from_le_bytes([*a, *b, *c, *d]), count);
        }
        if rest.is_empty() { Ok(()) } else { Err(broken()) }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.0.len() * 6);
        for (key, count) in &self.0 {
            bytes.extend_from_slice(&key.to_le_bytes());
            let mut count = *count;
            while count > 0x7f {
                bytes.push((count & 0x7f) as u8 | 0x80);
                count >>= 7;
            }
            bytes.push(count as u8);
        }
        bytes
    }

    /// Adds changes; what comes to nothing is left out. A count below nothing is a fault of ours.
    fn add(&mut self, changes: &Changes) -> Result<()> {
        let mut all: BTreeMap<u32, i64> = self.0.iter().copied().collect();
        for (key, change) in changes {
            *all.entry(*key).or_default() += change;
        }
        all.retain(|_, count| *count != 0);
        if all.values().any(|count| *count < 0) {
            return Err(broken());
        }
        self.0 = all.into_iter().collect();
        Ok(())
    }
}

fn broken() -> Error {
    Error::internal("the counts of users do not add up")
}

/// Where a page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begin {
    /// After the user with this number.
    After(i64),
    /// With this row of the list, from 0.
    Row(i64),
}

/// What a list is answered from: how many users fit in each region, and what is not folded yet.
pub(crate) struct Census {
    tenant: TenantId,
    wanted: Wanted,
    moves: Vec<Move>,
    /// How many fit, by region.
    regions: BTreeMap<i64, i64>,
}

impl Census {
    /// Reads what it takes to count. Two statements, which must see the same state if there are writers.
    pub async fn read(rd: &mut Rd, tenant: TenantId, wanted: Wanted) -> Result<Census> {
        let moves = store::moves(rd, tenant).await?;
        let mut regions = BTreeMap::new();
        for (region, sums) in store::sums(rd, tenant).await? {
            let mut fitting = 0;
            Tally::each(&sums, |axes, count| fitting += if wanted.fits(axes) { count } else { 0 })?;
            regions.insert(region, fitting);
        }
        let mut census = Census { tenant, wanted, moves, regions };
        for (region, change) in census.changes(REGION) {
            *census.regions.entry(region).or_default() += change;
        }
        Ok(census)
    }

    /// By how many what is not folded yet changes those who fit, for each part of the numbers.
    fn changes(&self, shift: u32) -> BTreeMap<i64, i64> {
        let mut changes = BTreeMap::new();
        for it in &self.moves {
            let change = i64::from(self.wanted.fits(it.axes)) - i64::from(self.wanted.fits(it.was));
            if change != 0 {
                *changes.entry(it.number >> shift).or_default() += change;
            }
        }
        changes
    }

    /// How many users fit.
    pub fn total(&self) -> i64 {
        self.regions.values().sum()
    }

    /// The numbers of the users on a page, in order. Two statements, however deep the page and however rare those who fit.
    pub async fn numbers(&self, rd: &mut Rd, begin: Begin, limit: i64) -> Result<Vec<i64>> {
        let (first, mut skip) = match begin {
            // Nobody has the number 0.
            Begin::After(..=0) => (0, 0),
            Begin::After(number) => (number.saturating_add(1), 0),
            Begin::Row(row) => (0, row.max(0)),
        };
        let regions = choose(&self.regions, REGION, first, &mut skip, limit);
        if regions.is_empty() {
            return Ok(Vec::new());
        }
        let mut blocks: BTreeMap<i64, i64> = BTreeMap::new();
        for (region, bytes) in store::blocks_of_regions(rd, self.tenant, &regions).await? {
            let mut counts = [0; 1 << (REGION - BLOCK)];
            Tally::each(&bytes, |key, count| {
                if self.wanted.fits(key & 0x00ff_ffff) {
                    counts[(key >> 24) as usize] += count;
                }
            })?;
            blocks.extend((region << (REGION - BLOCK)..).zip(counts).filter(|(_, count)| *count != 0));
        }
        for (block, change) in self.changes(BLOCK) {
            if regions.binary_search(&(block >> (REGION - BLOCK))).is_ok() {
                *blocks.entry(block).or_default() += change;
            }
        }
        let blocks = choose(&blocks, BLOCK, first, &mut skip, limit);
        let mut axes: BTreeMap<i64, Block> = blocks.iter().map(|block| (*block, Block::empty())).collect();
        for (block, bytes) in store::blocks(rd, self.tenant, &blocks).await? {
            axes.insert(block, Block::read(bytes)?);
        }
        for it in &self.moves {
            if let Some(block) = axes.get_mut(&(it.number >> BLOCK)) {
                block.add(it);
            }
        }
        let mut numbers = Vec::with_capacity(limit.max(0) as usize);
        for (block, axes) in axes {
            for place in 0..BLOCK_USERS {
                let number = (block << BLOCK) | place as i64;
                if number < first || !self.wanted.fits(axes.get(place)) {
                    continue;
                }
                if skip > 0 {
                    skip -= 1;
                } else if (numbers.len() as i64) < limit {
                    numbers.push(number);
                } else {
                    return Ok(numbers);
                }
            }
        }
        Ok(numbers)
    }
}

/// Those parts of the numbers in which a page lies: from the number `first` on, without those that `skip` rows pass over,
/// until there is enough.
fn choose(parts: &BTreeMap<i64, i64>, shift: u32, first: i64, skip: &mut i64, limit: i64) -> Vec<i64> {
    let (mut chosen, mut have) = (Vec::new(), 0);
    for (part, count) in parts.range(first >> shift..).filter(|(_, count)| **count > 0) {
        if chosen.is_empty() && *skip >= *count {
            *skip -= count;
            continue;
        }
        // In the part where a cursor stands it is not known how many come after it.
        if first <= part << shift {
            have += if chosen.is_empty() { count - *skip } else { *count };
        }
        chosen.push(*part);
        if have >= limit {
            break;
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::user::model::UserKind;

    #[test]
    fn stored_words_keep_their_places() {
        assert_eq!(Admission::WORDS, ["enabled", "disabled"]);
        assert_eq!(
            CoreState::WORDS,
            ["normal", "password_expired", "password_needs_reset", "dormant", "permanently_frozen"]
        );
        assert_eq!(Suspension::WORDS, ["no", "suspended"]);
        assert_eq!(FlagReach::WORDS, ["none", "whole", "banks"]);
        assert_eq!(Blacklist::WORDS, ["no", "blacklisted"]);
        assert_eq!(FraudStatus::WORDS, ["whitelisted", "suspicious", "fraudulent"]);
        assert_eq!(Verification::WORDS, ["none", "requested", "verified", "declined"]);
        assert_eq!(Hold::WORDS, ["none", "held", "legal"]);
        assert_eq!(Presence::WORDS, ["present", "removed", "erased"]);
        assert_eq!(UserKind::WORDS, ["individual", "business"]);
    }

    #[test]
    fn a_block_is_stored_in_few_bytes_and_read_as_it_was() {
        for (different, bytes) in [(1, 4), (2, 39), (3, 74), (4, 77), (5, 144), (16, 177), (17, 768), (256, 768)] {
            let mut block = Block::empty();
            for user in 0..BLOCK_USERS {
                let axes = (user * 7 % different) as Axes * 0x0001_0203;
                block.add(&Move { number: user as i64, was: 0, axes });
            }
            let stored = block.stored();
            assert_eq!(stored.len(), bytes, "{different} different");
            assert_eq!(Block::read(stored).unwrap(), block, "{different} different");
            // As it was stored before.
            assert_eq!(Block::read(block.0.clone()).unwrap(), block);
        }
        for broken in [vec![], vec![0], vec![17], vec![1, 1, 2], vec![2; 38], vec![3; 80]] {
            assert!(Block::read(broken).is_err());
        }
    }

    #[test]
    fn no_two_axes_share_a_bit() {
        let all = [
            THERE,
            LOCKED,
            ADMISSION,
            CORE_STATE,
            SUSPENSION,
            FLAG,
            BLACKLIST,
            FRAUD,
            VERIFICATION,
            HOLD,
            PRESENCE,
            KIND,
            EMPLOYEE,
            DIASPORA,
            VERIFIED,
        ];
        let together = all.iter().fold(0, |bits, at| {
            assert_eq!(bits & at.mask(), 0);
            bits | at.mask()
        });
        assert!(together < 1 << 24);
    }

    #[test]
    fn a_tally_reads_what_it_has_written_and_refuses_what_is_cut_off() {
        let mut tally = Tally::default();
        let changes = BTreeMap::from([(7, 1), (0xff00_0001, 127), (9, 128), (10, 70_000), (11, 0)]);
        tally.add(&changes).expect("nothing is below nothing");
        assert_eq!(tally.0.len(), 4);
        let bytes = tally.bytes();
        assert_eq!(Tally::read(&bytes).expect("whole"), tally);
        assert!(Tally::read(&bytes[..bytes.len() - 1]).is_err() && Tally::read(&bytes[..3]).is_err());
        assert!(tally.add(&BTreeMap::from([(7, -2)])).is_err());
    }

    #[test]
    fn hidden_employees_are_wanted_by_no_filter() {
        let employee = THERE.put(1) | EMPLOYEE.put(1);
        for filter in [None, Some(true), Some(false)].map(|employee| UserFilter { employee, ..UserFilter::default() }) {
            assert!(!Wanted::of(&filter, true).fits(employee), "{filter:?}");
            assert_eq!(Wanted::of(&filter, false).fits(employee), filter.employee != Some(false));
        }
        assert!(Wanted::of(&UserFilter::default(), true).fits(THERE.put(1)));
    }
}
