//! The Switch voice: recorded exchanges (`*.http`) for what is said, Rust for what needs a moved clock, other doors or many
//! callers at once.

mod abuse;
mod calls;
mod customer_view;
mod order;
mod shapes;
mod text;
mod transcript;
mod world;
