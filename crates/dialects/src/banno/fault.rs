//! How troubles are told (contract section 3): 403 has the vendor's number, everything else a word and a sentence.

use api::kit::{Json, Trouble};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use desk::{Busy, Error, Refusal};
use serde_json::json;

use super::caller::NO_TOKEN;

/// What went wrong, in the vendor's voice.
pub(super) fn told(trouble: &Trouble) -> Response {
    match trouble {
        Trouble::Desk(error) => desk_says(error),
        Trouble::Path => envelope(StatusCode::NOT_FOUND, "not_found", "There is no such path."),
        Trouble::Method => {
            envelope(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "The path does not take this method.")
        }
        Trouble::BodyMalformed(what) => bad_request(&format!("The body cannot be read: {what}.")),
        Trouble::Precondition(why) => envelope(StatusCode::PRECONDITION_FAILED, "precondition_failed", why),
        Trouble::BodyType => bad_request("The content type is not one that is read here."),
        Trouble::Query(what) => bad_request(&format!("The query cannot be read: {what}.")),
        Trouble::BodyTooLarge(limit) => {
            let message = format!("The body is larger than {limit} bytes.");
            envelope(StatusCode::PAYLOAD_TOO_LARGE, "request_too_large", &message)
        }
        Trouble::TimedOut => later(StatusCode::SERVICE_UNAVAILABLE, "timed_out", "The request took too long."),
        Trouble::Panicked => internal(),
    }
}

fn desk_says(error: &Error) -> Response {
    match error {
        Error::Unauthenticated(what) => unauthorized(what),
        // The observed body (contract 2.3).
        Error::Forbidden(_) => (StatusCode::FORBIDDEN, Json(json!({ "errorCode": 40 }))).into_response(),
        Error::NotFound(noun) => not_found(noun),
        Error::Invalid(fields) => {
            let said: Vec<String> = fields.iter().map(|field| format!("{}: {}", field.path, field.message)).collect();
            bad_request(&said.join(" "))
        }
        Error::Conflict(conflict) => {
            envelope(StatusCode::CONFLICT, conflict.word(), "The request collides with what is stored.")
        }
        Error::Refused(refusal) => refused(*refusal),
        Error::Busy(Busy::RateLimited) => {
            later(StatusCode::TOO_MANY_REQUESTS, Busy::RateLimited.word(), "Too many requests.")
        }
        Error::Busy(busy) => later(StatusCode::SERVICE_UNAVAILABLE, busy.word(), busy.sentence()),
        Error::Internal(_) => internal(),
    }
}

fn refused(refusal: Refusal) -> Response {
    let status = match refusal {
        // Contract 4.5.
        Refusal::NoDeliveryAddress => StatusCode::UNPROCESSABLE_ENTITY,
        // Nobody any more.
        Refusal::UserErased => return not_found("user"),
        _ => StatusCode::CONFLICT,
    };
    envelope(status, refusal.word(), refusal.sentence())
}

fn not_found(noun: &str) -> Response {
    envelope(
        StatusCode::NOT_FOUND,
        &format!("{}_not_found", noun.replace(' ', "_")),
        &format!("There is no such {noun}."),
    )
}

/// Contract 2.2: the error is named when a token was sent.
fn unauthorized(what: &str) -> Response {
    let challenge = if what == NO_TOKEN { "Bearer" } else { "Bearer error=\"invalid_token\"" };
    let mut response = envelope(StatusCode::UNAUTHORIZED, "unauthorized", &format!("Not signed in: {what}."));
    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    response
}

fn bad_request(message: &str) -> Response {
    envelope(StatusCode::BAD_REQUEST, "bad_request", message)
}

fn internal() -> Response {
    envelope(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", "Something went wrong here; it was logged.")
}

fn later(status: StatusCode, error: &str, message: &str) -> Response {
    let mut response = envelope(status, error, message);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

/// The body of every trouble but 403.
pub(super) fn envelope(status: StatusCode, error: &str, message: &str) -> Response {
    (status, Json(json!({ "error": error, "message": message }))).into_response()
}
