//! The desk: what the product knows and the one way to change it. In reading order: `door` (perform, ask), `verb`,
//! `caller`, `permission`, `fact`, `error`; then the nouns (`user`, `session`, `staff` …); then `db`.
//! Knows SQL; knows no HTTP.

// The door and what a verb meets there.
pub mod caller;
pub mod credential;
pub mod door;
pub mod error;
pub mod fact;
pub mod permission;
mod plan;
pub mod verb;

// The first storey: what every action leaves behind, and what gives access.
mod access;
pub mod audit;
mod erasure;
pub mod event;
mod idempotency;
pub mod job;
mod tries;

// The nouns.
pub mod account;
pub mod activity;
pub mod administrator;
pub mod authority;
pub mod bulk;
pub mod challenge;
pub mod device;
pub mod import;
pub mod key;
pub mod message;
pub mod note;
pub mod password;
pub mod request;
pub mod role;
pub mod second_factor;
pub mod session;
pub mod staff;
pub mod team;
pub mod tenant;
pub mod user;

// The ground.
pub mod db;
pub mod migrations;
#[cfg(test)]
mod statements;
pub mod testing;
pub mod value;

pub use caller::{Caller, Door, Origin, Who};
pub use door::{Desk, DeskParts, Once, Rendered};
pub use error::{Busy, Conflict, Error, Field, Refusal, Result};
pub use permission::{Permission, Permissions};
pub use plan::Plan;
pub use verb::{Action, Question, Subject};
