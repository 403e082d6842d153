//! Accounts: money that is kept here for a user. An account has an owner and a state of its own; who else may act on it is
//! the `administrator`'s business. What says whose it is (number, name, short code) is sealed with the owner's key.

pub mod actions;
mod model;
pub mod questions;
pub(crate) mod store;

pub use actions::{AccountChange, ChangeAccount, OpenAccount};
pub use model::{Account, AccountKind, AccountStatus, Details};
pub use questions::{AccountPage, AccountRef, ListAccounts, RevealAccount, SeenAccount, ShowAccount};
