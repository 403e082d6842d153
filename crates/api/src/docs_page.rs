//! `/docs`: our OpenAPI document, readable. The viewer (Swagger UI, see `assets/VENDORED.md`) ships inside the binary and
//! runs under a policy that lets it speak with this server only, so the page works without any network but our own.

use std::sync::LazyLock;

use askama::Template;
use axum::Router;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;

use crate::assets::Asset;

const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

static VIEWER: LazyLock<Asset> =
    LazyLock::new(|| Asset::gzip("swagger-ui", "js", SCRIPT, include_bytes!("../assets/swagger-ui-bundle.js.gz")));
static VIEWER_CSS: LazyLock<Asset> =
    LazyLock::new(|| Asset::gzip("swagger-ui", "css", CSS, include_bytes!("../assets/swagger-ui.css.gz")));
static START: LazyLock<Asset> =
    LazyLock::new(|| Asset::plain("docs", "js", SCRIPT, include_bytes!("../assets/docs.js")));
static OUR_CSS: LazyLock<Asset> =
    LazyLock::new(|| Asset::plain("docs", "css", CSS, include_bytes!("../assets/docs.css")));

/// The page and its files. It reads `/openapi.json`, which is served elsewhere.
pub fn routes() -> Router {
    Router::new()
        .route("/docs", get(show))
        .route(&VIEWER.path, Asset::route(&VIEWER))
        .route(&VIEWER_CSS.path, Asset::route(&VIEWER_CSS))
        .route(&START.path, Asset::route(&START))
        .route(&OUR_CSS.path, Asset::route(&OUR_CSS))
}

/// The viewer's icons are `data:` images in its stylesheet; that is the only exception it needs.
const HEADERS: [(HeaderName, HeaderValue); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
             form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        ),
    ),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
];

async fn show() -> Response {
    let template =
        DocsPage { viewer: &VIEWER.path, viewer_css: &VIEWER_CSS.path, script: &START.path, css: &OUR_CSS.path };
    let html = template.render().expect("this template only writes into a String");
    (HEADERS, Html(html)).into_response()
}

#[derive(Template)]
#[template(path = "docs.html")]
struct DocsPage<'a> {
    viewer: &'a str,
    viewer_css: &'a str,
    script: &'a str,
    css: &'a str,
}
