//! HTTP, and our own voice. `kit` is what every dialect shares; `native` is the native REST API, a dialect itself;
//! `pages` are what users reach by a link; `docs_page` shows the specification; `health` says whether we live.
//! Knows no SQL.

mod assets;
pub mod docs_page;
mod health;
pub mod kit;
pub mod native;
pub mod pages;

use std::io::Read;

use axum::Router;
use desk::Desk;

pub use kit::Options;

/// Everything that is served under our own name; dialects are merged into it.
pub fn app(desk: Desk, options: Options) -> Router {
    health::routes(desk.clone())
        .merge(pages::limited_routes(desk.clone(), &options))
        .merge(docs_page::routes())
        .merge(native::routes(desk, &options))
}

/// The specification of the native API as text, made from the handlers: what `docs/openapi.json` must hold.
pub fn openapi_json() -> String {
    let mut text = native::specification().to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

/// The committed specification, which is part of the program.
pub fn committed_openapi_json() -> String {
    let mut text = String::new();
    let done = flate2::read::GzDecoder::new(SPECIFICATION).read_to_string(&mut text);
    done.expect("the program's own bytes are whole");
    text
}

/// `docs/openapi.json`, compressed by the build script to a sixtieth.
const SPECIFICATION: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/openapi.json.gz"));
