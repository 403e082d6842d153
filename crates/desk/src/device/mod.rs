//! Phones and browsers. They appear because a user signed in with one; unlinking one ends its sessions.

pub mod actions;
pub mod questions;
pub(crate) mod store;

pub use actions::{UnlinkAllDevices, UnlinkDevice};
pub(crate) use actions::{open_new, seal_new, seen};
pub use questions::{ListDevices, SeenDevice};
