//! The pages that an end customer reaches by a link of ours, without a session and without JavaScript. `reset` is the
//! page behind the link in a reset message, `confirm` that behind the link of a registration; `words` holds what the pages say, in each `language`; `visit` reads what a
//! request tells about who comes. What the pages may do is decided by the desk.

use std::sync::{Arc, LazyLock};

use askama::Template;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use desk::Desk;

use crate::assets::Asset;
use crate::kit::Options;
use crate::kit::layers::Limiters;

mod confirm;
mod language;
mod reset;
mod visit;
mod words;

pub use language::{Language, said};

/// Two passwords of 128 characters, each of four bytes written as `%XX`, are about 3 KiB.
const BODY_MAX: usize = 8 * 1024;

/// The one stylesheet. No page brings a style, a script, an image or a font of its own.
static STYLESHEET: LazyLock<Asset> =
    LazyLock::new(|| Asset::plain("page", "css", "text/css; charset=utf-8", include_bytes!("../../assets/page.css")));

/// The pages, ready to be merged. Whoever logs requests logs the matched path: the address itself holds the token.
pub fn routes(desk: Desk) -> Router {
    limited_routes(desk, &Options::default())
}

/// The same with limits other than the ordinary ones.
pub fn limited_routes(desk: Desk, options: &Options) -> Router {
    // Whoever asks for links that are none is counted by address.
    let limiters = Arc::new(Limiters::new(options.rate_limit_per_second, options.anonymous_rate_limit_per_second));
    Router::new()
        .route("/reset/{token}", get(reset::show).post(reset::choose))
        .route("/confirm/{token}", get(confirm::show).post(confirm::confirm))
        .layer(middleware::from_fn_with_state((desk.clone(), limiters), reset::limited))
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .with_state(desk)
        .route(&STYLESHEET.path, Asset::route(&STYLESHEET))
}

/// What every page is sent with. The address of a page is a secret: no referrer, no cache, nobody's frame.
const HEADERS: [(HeaderName, HeaderValue); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        ),
    ),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    // For those who do not know `frame-ancestors`.
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
];

fn page(status: StatusCode, language: Language, template: &impl Template) -> Response {
    let html = template.render().expect("these templates only write into a String");
    let mut answer = (status, HEADERS, Html(html)).into_response();
    answer.headers_mut().insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(language.word()));
    answer
}
