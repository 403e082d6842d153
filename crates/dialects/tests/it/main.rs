//! Tests of the dialects, as their callers see them.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")]

mod banno;
mod choice;
mod recorded;
mod switch;
