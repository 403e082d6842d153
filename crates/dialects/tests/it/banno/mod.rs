//! The Banno voice: recorded exchanges (`*.http`) for what is said, Rust for what needs a moved clock, forged proofs or
//! many callers at once.

mod abuse;
mod access;
mod assertion;
mod calls;
mod text;
mod transcript;
mod world;
