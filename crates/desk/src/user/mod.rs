//! The end customer: profile, standing, and what may be done with both.

pub mod actions;
pub mod export;
pub mod model;
pub mod profile;
pub mod questions;
pub mod standing;
pub(crate) mod store;
pub mod unlock;

pub use actions::*;
pub use export::{Export, ExportPage, ExportUsers};
pub use model::{Mark, User, UserKind};
pub use profile::{Address, Demographic, Identifiers, Profile};
pub use questions::{
    FindUsers, Found, ListUsers, QueuedUnlocks, RevealUser, SeenUser, ShowUser, Term, UserByName, UserByNumber,
    UserFilter, UserPage, UserSort,
};
pub use standing::{Attempt, Axis, Standing, Verdict};
pub use store::Unique;
pub use unlock::UnlockLockedUser;
