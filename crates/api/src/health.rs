//! Whether we live (`/healthz`), whether we can serve (`/readyz`), and the specification.

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use desk::Desk;

/// The routes.
pub fn routes(desk: Desk) -> Router {
    let spec: &'static str = crate::openapi_json().leak();
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/openapi.json", get(move || async move { ([(header::CONTENT_TYPE, "application/json")], spec) }))
        .with_state(desk)
}

async fn ready(State(desk): State<Desk>) -> Response {
    match desk.db().ready().await {
        Ok(()) => "ready\n".into_response(),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {}\n", error.code())).into_response(),
    }
}
