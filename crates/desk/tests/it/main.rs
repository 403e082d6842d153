//! The desk against real engines: one binary, every test on each engine that is available.

#![expect(clippy::unwrap_used, reason = "a test that fails may panic")]

mod accounts;
mod audit;
mod authority;
mod bulk;
mod callbacks;
mod cooling;
mod coverage;
mod credentials;
mod customer;
mod db;
mod door;
mod house;
mod imports;
mod jobs;
mod lists;
mod masked;
mod names;
mod papers;
mod passwords;
mod privacy;
mod proposals;
mod registration;
mod requests;
mod rights;
mod search;
mod sign_in;
mod standing;
mod support;
mod switch;
mod unique;
mod verification;
