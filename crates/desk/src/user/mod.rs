//! The end customer: profile, standing, and what may be done with both.

pub mod actions;
pub mod admission;
pub(crate) mod census;
pub(crate) mod contacts;
pub(crate) mod cooling;
pub mod export;
pub mod herself;
mod if_seen;
pub mod model;
pub mod newest;
pub mod profile;
pub mod questions;
mod restored;
pub mod search;
pub mod standing;
pub(crate) mod store;
pub(crate) mod tries;
pub(crate) mod unique;
pub mod unlock;
pub mod verification;

pub use actions::*;
pub use admission::{DisableEnabledUser, EnableDisabledUser};
pub use census::house::Recount;
pub use export::{Export, ExportPage, ExportUsers};
pub use herself::{EditMyself, HERS};
pub use if_seen::IfSeen;
pub use model::{Mark, User, UserKind};
pub use newest::UsersNewestFirst;
pub use profile::{Address, Demographic, HomeContact, HouseAccount, Identifiers, NextOfKin, PhotoId, Profile, Wallet};
pub use questions::{
    ListOrder, ListUsers, QueuedUnlocks, RevealUser, SeenUser, ShowUser, UserByName, UserByNumber, UserFilter,
    UserPage, UsersAtRow,
};
pub use search::hidden::FindByHiddenValue;
pub use search::{FindUsers, Found, Term, UserSort};
pub use standing::{Attempt, Axis, Standing, Verdict};
pub(crate) use tries::Checked;
pub(crate) use unique::Round;
pub use unique::names::{DuplicateName, DuplicateNames};
pub use unique::{Unique, WORTH_SETTLING};
pub use unlock::UnlockLockedUser;
pub use verification::{AskVerification, DecideVerification};
