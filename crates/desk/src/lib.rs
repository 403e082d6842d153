//! The desk: what the product knows and the one way to change it. In reading order: `door` (perform, ask), `verb`,
//! `caller`, `permission`, `fact`, `error`; then the nouns; then `db`.
//! Knows SQL; knows no HTTP.

pub mod db;
pub mod error;
pub mod testing;
pub mod value;

pub use error::{Error, Refusal, Result};
