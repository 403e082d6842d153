//! Our own doors, spoken to as callers do: the real router in process, on every engine that is available.

mod coverage;
mod harness;
mod native;
mod pages;
