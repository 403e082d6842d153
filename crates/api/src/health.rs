//! Whether we live (`/healthz`), whether we can serve (`/readyz`), and the specification.

use std::sync::OnceLock;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use desk::Desk;

/// The routes.
pub fn routes(desk: Desk) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/openapi.json", get(specification))
        .with_state(desk)
}

/// Written when somebody first asks for it: most starts need it never.
async fn specification() -> impl IntoResponse {
    static TEXT: OnceLock<String> = OnceLock::new();
    let text: &'static str = TEXT.get_or_init(crate::openapi_json);
    ([(header::CONTENT_TYPE, "application/json")], text)
}

async fn ready(State(desk): State<Desk>) -> Response {
    match desk.db().ready().await {
        Ok(()) => "ready\n".into_response(),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {}\n", error.code())).into_response(),
    }
}
