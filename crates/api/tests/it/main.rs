//! Our own doors, spoken to as callers do: the real router in process, on every engine that is available.

#![expect(clippy::unwrap_used, reason = "a test that fails may panic")]

mod bulk;
mod callbacks;
mod coverage;
mod harness;
mod http;
mod imports;
mod native;
mod pages;
mod registrations;
mod requests;
mod text;
mod verification;
