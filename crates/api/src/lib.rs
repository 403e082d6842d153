//! HTTP and our own voice. Knows no SQL.

mod assets;
pub mod docs_page;
pub mod pages;
