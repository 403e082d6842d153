//! How troubles are told (contract 3): a sentence, and reasons by field where fields are at fault. Sentences that the vendor
//! has of its own are the vendor's, to the letter.

use api::kit::{Fault, Json, Trouble};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use desk::{Busy, Error, Field, Refusal};
use serde_json::{Map, Value, json};

use super::Switch;
use super::token::INVALID_CLIENT;

/// What went wrong: something every voice must be able to say, or a sentence of this one.
pub(super) enum Wrong {
    /// As every voice has it.
    Trouble(Trouble),
    /// A sentence under a status.
    Said(StatusCode, String),
    /// Fields at fault, under a sentence of this voice.
    Fields(&'static str, Vec<Field>),
}

impl Wrong {
    /// 400 with a sentence.
    pub fn bad(message: &str) -> Wrong {
        Wrong::Said(StatusCode::BAD_REQUEST, message.to_owned())
    }

    /// 404 in the vendor's wording for what is not there (contract 3).
    pub fn absent(noun: &str, id: &str) -> Wrong {
        // Nobody's number is longer; what was sent is otherwise repeated as the vendor repeats it.
        let id: String = id.chars().filter(|it| !it.is_control()).take(64).collect();
        Wrong::Said(StatusCode::NOT_FOUND, format!("{noun} with id - {id} -, does not exist"))
    }

    /// 400 with a field and its reason.
    pub fn field(field: &str, reason: &str) -> Wrong {
        Wrong::Fields("Invalid input", vec![Field::new(field, "invalid", reason)])
    }

    /// The same trouble under another sentence, where fields are at fault.
    pub fn under(self, message: &'static str) -> Wrong {
        match self {
            Wrong::Trouble(Trouble::Desk(Error::Invalid(fields))) | Wrong::Fields(_, fields) => {
                Wrong::Fields(message, fields)
            }
            other => other,
        }
    }
}

impl From<Error> for Wrong {
    fn from(error: Error) -> Wrong {
        Wrong::Trouble(Trouble::Desk(error))
    }
}

impl From<Trouble> for Wrong {
    fn from(trouble: Trouble) -> Wrong {
        Wrong::Trouble(trouble)
    }
}

impl IntoResponse for Wrong {
    fn into_response(self) -> Response {
        match self {
            Wrong::Trouble(trouble) => Fault::<Switch>::from(trouble).into_response(),
            Wrong::Said(status, message) => said(status, &message),
            Wrong::Fields(message, fields) => at_fault(message, &fields),
        }
    }
}

/// What went wrong, in the vendor's voice.
pub(super) fn told(trouble: &Trouble) -> Response {
    match trouble {
        Trouble::Desk(error) => desk_says(error),
        Trouble::Path => said(StatusCode::NOT_FOUND, "Not found"),
        Trouble::Method => said(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed"),
        Trouble::BodyMalformed(what) => said(StatusCode::BAD_REQUEST, &format!("The body cannot be read: {what}")),
        Trouble::Precondition(why) => said(StatusCode::PRECONDITION_FAILED, why),
        Trouble::BodyType => said(StatusCode::UNSUPPORTED_MEDIA_TYPE, "The body must be application/json"),
        Trouble::Query(what) => said(StatusCode::BAD_REQUEST, &format!("The query cannot be read: {what}")),
        Trouble::BodyTooLarge(limit) => {
            said(StatusCode::PAYLOAD_TOO_LARGE, &format!("The body is larger than {limit} bytes"))
        }
        Trouble::TimedOut => later(StatusCode::SERVICE_UNAVAILABLE, "The request took too long"),
        Trouble::Panicked => internal(),
    }
}

fn desk_says(error: &Error) -> Response {
    match error {
        Error::Unauthenticated(INVALID_CLIENT) => said(StatusCode::UNAUTHORIZED, "Invalid client"),
        Error::Unauthenticated(_) => {
            let mut response = said(StatusCode::UNAUTHORIZED, "Invalid or expired token");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            response
        }
        Error::Forbidden(_) => said(StatusCode::FORBIDDEN, "You are not authorized to perform this action"),
        Error::NotFound(noun) => {
            let mut noun = (*noun).to_owned();
            noun[..1].make_ascii_uppercase();
            said(StatusCode::NOT_FOUND, &format!("{noun} does not exist"))
        }
        Error::Invalid(fields) => at_fault("Invalid input", fields),
        Error::Conflict(_) => said(StatusCode::BAD_REQUEST, "The request collides with what is stored"),
        Error::Refused(refusal) => said(StatusCode::BAD_REQUEST, sentence(*refusal)),
        Error::Busy(Busy::RateLimited) => later(StatusCode::TOO_MANY_REQUESTS, "Too many requests"),
        Error::Busy(busy) => later(StatusCode::SERVICE_UNAVAILABLE, busy.sentence().trim_end_matches('.')),
        Error::Internal(_) => internal(),
    }
}

/// The vendor's sentence for a refusal, else ours.
fn sentence(refusal: Refusal) -> &'static str {
    match refusal {
        // Contract 5.3, 5.4 and 6.
        Refusal::AlreadyDisabled => "user is already disabled",
        Refusal::NotDisabled => "user is not disabled",
        other => other.sentence(),
    }
}

fn at_fault(message: &str, fields: &[Field]) -> Response {
    let mut errors = Map::new();
    for field in fields {
        let reasons = errors.entry(vendors(&field.path).to_owned()).or_insert_with(|| json!([]));
        if let Value::Array(reasons) = reasons {
            reasons.push(Value::from(reason(field)));
        }
    }
    (StatusCode::BAD_REQUEST, Json(json!({ "message": message, "errors": errors }))).into_response()
}

/// The vendor's name of a field of ours.
fn vendors(path: &str) -> &str {
    match path {
        "address.line_one" => "address",
        "address.city" => "city",
        "address.state" => "state",
        "address.zip" => "zipcode",
        "address.country" => "country",
        "identifiers.bvn" => "bvn",
        "demographic.gender" => "gender",
        "sales_agent_code" => "sales_agent_referral_code",
        "home_contact.name" => "nigerian_contact_name",
        "home_contact.phone" => "nigerian_contact_phone",
        "home_contact.address" => "nigerian_contact_address",
        "home_contact.relationship" => "nigerian_contact_relationship",
        other => other,
    }
}

/// The vendor's reason where it has one (contract 3).
fn reason(field: &Field) -> &str {
    match field.code {
        "taken" => "has already been taken",
        "required" => "can't be blank",
        _ => &field.message,
    }
}

fn internal() -> Response {
    said(StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong here; it was logged")
}

fn later(status: StatusCode, message: &str) -> Response {
    let mut response = said(status, message);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

/// The body of every trouble.
pub(super) fn said(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "message": message }))).into_response()
}
