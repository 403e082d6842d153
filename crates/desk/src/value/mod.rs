//! Small values without dependencies on the rest: ids, time, chance, words, sealed text, masks, passwords.
//! Nothing in here touches the database.

pub mod callback_url;
pub mod clock;
pub mod contact;
pub mod id;
pub mod json;
pub mod mask;
pub mod money;
pub mod name;
pub mod normal;
pub mod password;
pub mod random;
pub mod seal;
pub mod secret;
pub mod token;
pub mod totp;
mod word;

pub(crate) use word::words;
