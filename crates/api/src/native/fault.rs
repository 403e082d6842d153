//! The native voice for what goes wrong: RFC 9457 problem details. `code` is stable and for programs, `detail` is a
//! sentence for people, `errors` names fields. Never repeats a value that was sent.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use desk::value::json::Flaw;
use desk::{Busy, Conflict, Error, Refusal};
use serde::Serialize;
use utoipa::ToSchema;

use crate::kit::{Json, Trouble};

/// What went wrong, as `application/problem+json`.
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem {
    /// `urn:bursar:problem:` and the code.
    #[schema(example = "urn:bursar:problem:not_found")]
    pub r#type: String,
    /// The kind of problem in a few words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// One sentence about this case.
    pub detail: String,
    /// The stable code.
    #[schema(example = "not_found")]
    pub code: String,
    /// The id of the request, also in `X-Request-Id`.
    pub request_id: String,
    /// Fields that cannot be accepted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldProblem>,
}

/// A field that cannot be accepted.
#[derive(Debug, Serialize, ToSchema)]
pub struct FieldProblem {
    /// Where it stands, e.g. `address.zip`.
    pub field: String,
    /// A stable code, e.g. `required`, `taken`.
    pub code: String,
    /// One sentence.
    pub message: String,
}

/// A problem as a response.
pub fn problem(status: StatusCode, code: &str, title: &str, detail: String, request_id: &str) -> Response {
    with_fields(status, code, title, detail, request_id, Vec::new())
}

fn with_fields(
    status: StatusCode,
    code: &str,
    title: &str,
    detail: String,
    request_id: &str,
    errors: Vec<FieldProblem>,
) -> Response {
    let problem = Problem {
        r#type: format!("urn:bursar:problem:{code}"),
        title: title.to_owned(),
        status: status.as_u16(),
        detail,
        code: code.to_owned(),
        request_id: request_id.to_owned(),
        errors,
    };
    let mut response = (status, Json(problem)).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    response
}

/// A trouble as a problem.
pub fn fault(trouble: &Trouble, request_id: &str) -> Response {
    let say = |status, code: &str, title: &str, detail: String| problem(status, code, title, detail, request_id);
    match trouble {
        Trouble::Desk(error) => desk_fault(error, request_id),
        Trouble::Path => say(StatusCode::NOT_FOUND, "no_such_path", "Not found", "There is no such path.".into()),
        Trouble::Method => say(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "Method not allowed",
            "This path does not take this method; see the Allow header.".into(),
        ),
        Trouble::BodyMalformed(flaw) => unread("body", flaw, request_id),
        Trouble::BodyType => say(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "body_type",
            "Unsupported media type",
            "Send the body as application/json.".into(),
        ),
        Trouble::BodyTooLarge(limit) => say(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body_too_large",
            "Content too large",
            format!("The body may have at most {limit} bytes."),
        ),
        Trouble::Query(flaw) => unread("query", flaw, request_id),
        Trouble::Precondition(why) => {
            say(StatusCode::PRECONDITION_FAILED, "precondition_failed", "Precondition failed", (*why).to_owned())
        }
        Trouble::TimedOut => say(
            StatusCode::SERVICE_UNAVAILABLE,
            "timed_out",
            "Timed out",
            "The request took too long; whether it took effect can be seen in the audit.".into(),
        ),
        Trouble::Panicked => internal(request_id),
    }
}

/// A body or a query that cannot be read; where it is a field's fault, the field is named.
fn unread(what: &str, flaw: &Flaw, request_id: &str) -> Response {
    let field = |flaw: &Flaw| FieldProblem {
        field: flaw.path.clone(),
        code: flaw.code.to_owned(),
        message: format!("{}.", flaw.message),
    };
    let errors = Some(flaw).filter(|flaw| !flaw.path.is_empty()).map(field).into_iter().collect();
    let (code, detail) = (format!("{what}_malformed"), format!("The {what} cannot be read: {flaw}."));
    with_fields(StatusCode::BAD_REQUEST, &code, "Bad request", detail, request_id, errors)
}

fn internal(request_id: &str) -> Response {
    let detail = "A fault of ours; the log has more under this request id.".to_owned();
    problem(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal error", detail, request_id)
}

fn desk_fault(error: &Error, request_id: &str) -> Response {
    let say = |status, title: &str, detail: String| problem(status, error.code(), title, detail, request_id);
    match error {
        Error::Unauthenticated(why) => {
            let detail = format!("Send a key or session as `Authorization: Bearer …`: {why}.");
            let mut response = say(StatusCode::UNAUTHORIZED, "Not signed in", detail);
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            response
        }
        Error::Forbidden(permission) => {
            say(StatusCode::FORBIDDEN, "Not allowed", format!("This needs the permission `{permission}`."))
        }
        Error::NotFound(noun) => say(StatusCode::NOT_FOUND, "Not found", format!("There is no such {noun}.")),
        Error::Invalid(fields) => {
            let errors: Vec<_> = fields
                .iter()
                .map(|field| FieldProblem {
                    field: field.path.clone(),
                    code: field.code.to_owned(),
                    message: field.message.clone(),
                })
                .collect();
            let detail =
                errors.first().map_or("Invalid input.".to_owned(), |it| format!("{}: {}", it.field, it.message));
            with_fields(StatusCode::BAD_REQUEST, error.code(), "Invalid input", detail, request_id, errors)
        }
        Error::Conflict(conflict) => {
            let (status, detail) = match conflict {
                Conflict::Version => {
                    (StatusCode::PRECONDITION_FAILED, "It has changed since you looked; read it again and repeat.")
                }
                Conflict::Exists => (StatusCode::CONFLICT, "Something with this unique value exists already."),
                Conflict::KeyReused => {
                    (StatusCode::UNPROCESSABLE_ENTITY, "This Idempotency-Key was used before with another request.")
                }
                Conflict::KeyInUse => {
                    (StatusCode::CONFLICT, "A request with this Idempotency-Key is being worked on; repeat it later.")
                }
                Conflict::Migration | Conflict::Newer => {
                    (StatusCode::CONFLICT, "The database does not fit this version.")
                }
            };
            say(status, "Conflict", detail.to_owned())
        }
        Error::Refused(refusal) => say(refused_status(*refusal), "Refused", refusal.sentence().to_owned()),
        Error::Busy(busy) => {
            let status = match busy {
                Busy::RateLimited => StatusCode::TOO_MANY_REQUESTS,
                _ => StatusCode::SERVICE_UNAVAILABLE,
            };
            let mut response = say(status, "Busy", busy.sentence().to_owned());
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            response
        }
        Error::Internal(_) => internal(request_id),
    }
}

/// Most refusals are a matter of state; links that are used up are gone.
fn refused_status(refusal: Refusal) -> StatusCode {
    match refusal {
        Refusal::LinkInvalid | Refusal::LinkExpired => StatusCode::GONE,
        Refusal::BeyondOwnRights | Refusal::NotADecider | Refusal::ProofNeeded | Refusal::ProofWrong => {
            StatusCode::FORBIDDEN
        }
        _ => StatusCode::CONFLICT,
    }
}
