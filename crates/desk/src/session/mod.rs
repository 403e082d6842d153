//! Signing in, for users and staff: sessions, what counts wrong passwords, and the second step.

pub mod actions;
pub mod phone;
pub mod questions;
pub(crate) mod sign_in;
pub(crate) mod store;
pub mod unlock;

pub use actions::{ConfirmSignIn, EndSession, EndSessions, SignIn, SignInAnswer, SignOut};
pub use phone::{ConfirmPhone, PhoneAnswer, SendPhoneCode};
pub use questions::{ListSessions, SeenSession};
pub use sign_in::{NewDevice, SignInRequest};
pub(crate) use unlock::LIVES_ON;
pub use unlock::{AskUnlock, UnlockByCode, tenant_of_unlock_code};
