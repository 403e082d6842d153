//! Administrators: people who may act on an account that is not theirs. The owner confirms a new one by a code; then she
//! proves her phone and her mail, each by itself, and is sent codes only where she has. She is no user: what is known of her
//! is sealed with a key of her own.

pub mod actions;
pub mod callback;
mod model;
pub mod questions;
pub(crate) mod store;

pub use actions::{
    AddAdministrator, Opened, RemoveAdministrator, Selector, SetAdministratorRights, VerifyAdministrator,
};
pub use model::{Administrator, AdministratorState, Contact, IdType, Person, Rights};
pub use questions::{AdministratorPage, ListAdministrators, SeenAdministrator, ShowAdministrator};
