//! Small values without dependencies on the rest: ids, time, chance, words, sealed text, masks, passwords.
//! Nothing in here touches the database.

pub mod clock;
pub mod id;
pub mod random;
mod word;

pub(crate) use word::words;
