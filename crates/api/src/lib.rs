//! HTTP, and our own voice. `kit` is what every dialect shares; `native` is the native REST API, a dialect itself.
//! Knows no SQL.

pub mod kit;
pub mod native;

pub use kit::Options;
