//! Who of several rows gets a name that somebody has who gives it up in the same file. Rows that swap or rotate e-mails and
//! usernames are looked at together: what counts is who has what once all of them are done. Pure.

use std::collections::{HashMap, HashSet};

use crate::user::unique::Unique;
use crate::value::id::UserId;
use crate::value::token::UniqueToken;

/// What a row asks for and gives up, in the order of the file.
pub(super) struct Wish {
    /// Who the row is about.
    pub user: UserId,
    /// The names that the user shall have and has not.
    pub asks: Vec<(Unique, UniqueToken)>,
    /// The names that the user has and shall have no longer.
    pub gives_up: Vec<UniqueToken>,
}

/// Gives each row the names it asks for, where it can have all of them, and answers for each of the others one that it cannot.
/// `holders` are then as all of that leaves them.
pub(super) fn settled(wishes: &[Wish], holders: &mut HashMap<UniqueToken, UserId>) -> Vec<Option<Unique>> {
    let mut found = vec![None; wishes.len()];
    let mut left: Vec<usize> = (0..wishes.len()).collect();
    loop {
        let some: Vec<&Wish> = left.iter().map(|at| &wishes[*at]).collect();
        let round = denied(&some, |token| holders.get(token).copied());
        let may: Vec<&Wish> = some.iter().zip(&round).filter(|(_, no)| no.is_none()).map(|(wish, _)| *wish).collect();
        for wish in &may {
            for token in &wish.gives_up {
                holders.remove(token);
            }
        }
        for wish in &may {
            holders.extend(wish.asks.iter().map(|(_, token)| (*token, wish.user)));
        }
        let (before, mut denied) = (left.len(), Vec::new());
        for (at, no) in left.into_iter().zip(round) {
            found[at] = no;
            denied.extend(no.map(|_| at));
        }
        // Who came behind a row that has failed may have what that one did not get.
        if denied.is_empty() || denied.len() == before {
            return found;
        }
        left = denied;
    }
}

/// For each row the name that it cannot have, if there is one: somebody keeps it, or an earlier row has asked for it. A row
/// that fails gives nothing up, so that those fail who count on it.
fn denied(wishes: &[&Wish], holder: impl Fn(&UniqueToken) -> Option<UserId>) -> Vec<Option<Unique>> {
    let mut denied = vec![None; wishes.len()];
    let by_user: HashMap<UserId, usize> = wishes.iter().enumerate().map(|(at, wish)| (wish.user, at)).collect();
    // Who counts on a row: to be looked at again when it fails.
    let mut counting: Vec<Vec<usize>> = vec![Vec::new(); wishes.len()];
    for (at, wish) in wishes.iter().enumerate() {
        for (field, token) in &wish.asks {
            match holder(token).filter(|it| *it != wish.user) {
                None => {}
                Some(other) => match by_user.get(&other).filter(|row| wishes[**row].gives_up.contains(token)) {
                    Some(row) => counting[*row].push(at),
                    None => denied[at] = denied[at].or(Some(*field)),
                },
            }
        }
    }
    let failed: Vec<usize> = (0..wishes.len()).filter(|at| denied[*at].is_some()).collect();
    fail(wishes, &mut counting, &mut denied, failed);
    // Of those who are left the first that asks for a name has it.
    let mut asked: HashSet<UniqueToken> = HashSet::new();
    let mut failed = Vec::new();
    for (at, wish) in wishes.iter().enumerate().filter(|(at, _)| denied[*at].is_none()).collect::<Vec<_>>() {
        let second = wish.asks.iter().find(|(_, token)| asked.contains(token));
        match second {
            Some((field, _)) => {
                denied[at] = Some(*field);
                failed.push(at);
            }
            None => asked.extend(wish.asks.iter().map(|(_, token)| *token)),
        }
    }
    fail(wishes, &mut counting, &mut denied, failed);
    denied
}

/// Denies those who count on rows that failed, and who counts on these.
fn fail(wishes: &[&Wish], counting: &mut [Vec<usize>], denied: &mut [Option<Unique>], mut open: Vec<usize>) {
    while let Some(failed) = open.pop() {
        for at in std::mem::take(&mut counting[failed]) {
            if denied[at].is_none() {
                let given_up = &wishes[failed].gives_up;
                denied[at] =
                    wishes[at].asks.iter().find(|(_, token)| given_up.contains(token)).map(|(field, _)| *field);
                open.push(at);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u8) -> UserId {
        UserId(uuid::Uuid::from_bytes([n; 16]))
    }

    fn token(n: u8) -> UniqueToken {
        [n; 16]
    }

    /// User `n` has name `n`; each row: who, what she asks for, whether she gives up what she has.
    fn told(rows: &[(u8, u8, bool)], holders: u8) -> Vec<bool> {
        let wishes: Vec<Wish> = rows
            .iter()
            .map(|(user, asks, gives_up)| Wish {
                user: id(*user),
                asks: vec![(Unique::Email, token(*asks))],
                gives_up: gives_up.then_some(token(*user)).into_iter().collect(),
            })
            .collect();
        let mut holders = (1..=holders).map(|n| (token(n), id(n))).collect();
        settled(&wishes, &mut holders).iter().map(Option::is_none).collect()
    }

    #[test]
    fn swaps_rotations_and_chains_reach_their_final_state() {
        assert_eq!(told(&[(1, 2, true), (2, 1, true)], 2), [true, true]);
        assert_eq!(told(&[(1, 2, true), (2, 3, true), (3, 1, true)], 3), [true; 3]);
        assert_eq!(told(&[(1, 2, true), (2, 9, true)], 2), [true, true]);
        assert_eq!(told(&[(2, 9, true), (1, 2, true)], 2), [true, true]);
    }

    #[test]
    fn who_counts_on_a_row_that_fails_fails_too() {
        // 3 keeps its name, so 2 cannot have it, so 1 cannot have that of 2.
        assert_eq!(told(&[(1, 2, true), (2, 3, true)], 3), [false, false]);
        assert_eq!(told(&[(2, 3, true), (1, 2, true)], 3), [false, false]);
        assert_eq!(told(&[(1, 2, true), (2, 9, false)], 2), [false, true]);
    }

    #[test]
    fn of_two_who_ask_for_the_same_the_first_has_it() {
        assert_eq!(told(&[(1, 9, true), (2, 9, true)], 2), [true, false]);
        // The second gives nothing up then.
        assert_eq!(told(&[(1, 9, true), (2, 9, true), (3, 2, true)], 3), [true, false, false]);
        // The first fails because of another name: then the second has it.
        let wish = |n: u8, asks: &[u8]| Wish {
            user: id(n),
            asks: asks.iter().map(|n| (Unique::Email, token(*n))).collect(),
            gives_up: vec![token(n)],
        };
        let mut holders = (1..=4).map(|n| (token(n), id(n))).collect();
        let wishes = [wish(1, &[9, 2]), wish(2, &[4]), wish(3, &[9])];
        let found = settled(&wishes, &mut holders);
        assert_eq!(found.iter().map(Option::is_none).collect::<Vec<_>>(), [false, false, true]);
        assert_eq!((holders.get(&token(9)), holders.get(&token(3))), (Some(&id(3)), None));
    }

    #[test]
    fn a_long_rotation_is_looked_at_once() {
        let ring = |keeps: Option<u16>| -> Vec<Wish> {
            let name = |n: u16| {
                let mut token = [0; 16];
                token[..2].copy_from_slice(&n.to_be_bytes());
                token
            };
            let row = |n: u16| Wish {
                user: UserId(uuid::Uuid::from_u128(u128::from(n))),
                asks: vec![(Unique::Email, name((n + 1) % 5000))],
                gives_up: if keeps == Some(n) { Vec::new() } else { vec![name(n)] },
            };
            (0..5000).map(row).collect()
        };
        let holders = || -> HashMap<UniqueToken, UserId> {
            ring(None).into_iter().map(|wish| (wish.gives_up[0], wish.user)).collect()
        };
        assert!(settled(&ring(None), &mut holders()).iter().all(Option::is_none));
        assert!(settled(&ring(Some(7)), &mut holders()).iter().all(Option::is_some), "nobody moves");
    }
}
