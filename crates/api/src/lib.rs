//! HTTP, and our own voice. `kit` is what every dialect shares; `native` is the native REST API, a dialect itself;
//! `pages` are what users reach by a link; `docs_page` shows the specification; `health` says whether we live.
//! Knows no SQL.

mod assets;
pub mod docs_page;
mod health;
pub mod kit;
pub mod native;
pub mod pages;

use axum::Router;
use desk::Desk;

pub use kit::Options;

/// Everything that is served under our own name; dialects are merged into it.
pub fn app(desk: Desk, options: Options) -> Router {
    health::routes(desk.clone())
        .merge(pages::routes(desk.clone()))
        .merge(docs_page::routes())
        .merge(native::routes(desk, &options))
}

/// The specification of the native API as text, as `docs/openapi.json` holds it.
pub fn openapi_json() -> String {
    let mut text = native::specification().to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}
