//! The binary, as its users meet it: started, asked over HTTP, stopped by signals. Each test starts its own in a folder
//! of its own, on ports that the system chooses.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by failing")]

mod addresses;
mod bad_clients;
mod bank;
mod beside;
mod bulk;
mod callbacks;
mod commands;
mod delivery;
mod demo;
mod documents;
mod imports;
mod kill;
mod papers;
mod reading;
mod running;
mod serving;
mod sign_in;
mod storage;
mod upkeep;
