//! Whether we live (`/healthz`), whether we can serve (`/readyz`), and the specification.

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use desk::{Desk, Error};

use crate::assets::takes_gzip;

/// The routes.
pub fn routes(desk: Desk) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/openapi.json", get(specification))
        .with_state(desk)
}

/// As it is kept, compressed, to whoever takes it so.
async fn specification(asked: HeaderMap) -> Response {
    let as_json = [(header::CONTENT_TYPE, "application/json"), (header::VARY, "accept-encoding")];
    if takes_gzip(&asked) {
        (as_json, [(header::CONTENT_ENCODING, "gzip")], crate::SPECIFICATION).into_response()
    } else {
        (as_json, crate::committed_openapi_json()).into_response()
    }
}

async fn ready(State(desk): State<Desk>) -> Response {
    match desk.db().ready().await {
        Ok(()) => "ready\n".into_response(),
        Err(error) => {
            let mut text = format!("not ready: {}", error.code());
            if let Error::Busy(why) = &error {
                text = format!("{text}: {}", why.sentence());
            }
            (StatusCode::SERVICE_UNAVAILABLE, text + "\n").into_response()
        }
    }
}
