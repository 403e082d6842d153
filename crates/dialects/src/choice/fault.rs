//! How troubles are told (contract 5): a code and a sentence.

use api::kit::Trouble;
use axum::http::StatusCode;
use desk::value::id::{AccountId, AdministratorId, ChallengeId, UserId};
use desk::{Busy, Error, Refusal};

/// What went wrong.
#[derive(Debug)]
pub(super) struct Wrong {
    pub code: &'static str,
    pub msg: String,
    is_ours: bool,
}

impl Wrong {
    pub fn new(code: &'static str, msg: impl Into<String>) -> Wrong {
        Wrong { code, msg: msg.into(), is_ours: false }
    }

    /// The first field that is missing, as the vendor says it.
    pub fn input(field: &str) -> Wrong {
        Wrong::new("12001", format!("please input {field}"))
    }

    /// 200, but for our own faults.
    pub fn status(&self) -> StatusCode {
        match (self.is_ours, self.code) {
            (true, "10000") => StatusCode::INTERNAL_SERVER_ERROR,
            (true, _) => StatusCode::SERVICE_UNAVAILABLE,
            (false, _) => StatusCode::OK,
        }
    }

    pub fn of_trouble(trouble: &Trouble) -> Wrong {
        match trouble {
            Trouble::Desk(error) => Wrong::of(error),
            Trouble::Path => Wrong::new("12001", "there is no such path"),
            Trouble::Method => Wrong::new("12000", "Type of request is not supported"),
            Trouble::Precondition(why) => Wrong::new("12001", *why),
            Trouble::BodyMalformed(_) | Trouble::BodyType | Trouble::BodyTooLarge(_) | Trouble::Query(_) => {
                Wrong::new("12001", "request body is not a JSON object")
            }
            Trouble::TimedOut => Wrong { is_ours: true, ..Wrong::new("10002", "system timeout") },
            Trouble::Panicked => Wrong { is_ours: true, ..Wrong::new("10000", "system error") },
        }
    }

    fn of(error: &Error) -> Wrong {
        match error {
            Error::Unauthenticated(_) | Error::Forbidden(_) => Wrong::new("11000", "no permission"),
            Error::NotFound(noun) => match *noun {
                AccountId::NOUN => Wrong::new("13000", "account does not exist"),
                UserId::NOUN => Wrong::new("13005", "user not found"),
                AdministratorId::NOUN => Wrong::new("19002", "administrator not found"),
                ChallengeId::NOUN => Wrong::new("19003", "operation not found"),
                _ => Wrong::new("10000", "not found"),
            },
            Error::Invalid(fields) => {
                let field = fields.first();
                let path = field.map_or("params", |field| field.path.as_str());
                match (path, field.map(|field| field.code)) {
                    ("mobile", _) => Wrong::new("12010", "invalid mobile number"),
                    (_, Some("never_sent")) => Wrong::new("12001", "no OTP was sent for this businessId yet"),
                    _ => Wrong::new("12001", format!("invalid {}", wire_name(path))),
                }
            }
            Error::Conflict(_) => Wrong::new("10001", "system busy"),
            Error::Refused(refusal) => refused(*refusal),
            Error::Busy(Busy::RateLimited) => Wrong::new("10001", "system busy"),
            Error::Busy(_) => Wrong { is_ours: true, ..Wrong::new("10001", "system busy") },
            Error::Internal(source) => {
                tracing::error!(error = %source, "a request failed inside");
                Wrong { is_ours: true, ..Wrong::new("10000", "system error") }
            }
        }
    }
}

impl From<Error> for Wrong {
    fn from(error: Error) -> Wrong {
        Wrong::of(&error)
    }
}

/// Our name of a field in the vendor's spelling.
fn wire_name(path: &str) -> &str {
    match path {
        "id_type" => "idType",
        "id_number" => "idNumber",
        "full_name" => "fullName",
        "country_code" => "countryCode",
        "channel" => "otpType",
        "contact" => "verifyType",
        other => other,
    }
}

/// The vendor's codes, and a band of our own where it has none (contract 5).
fn refused(refusal: Refusal) -> Wrong {
    let (code, msg) = match refusal {
        Refusal::AccountLocked => ("13001", "account is locked"),
        Refusal::AccountClosed => ("13002", "account is closed"),
        Refusal::AccountFrozen | Refusal::AccountDormant => ("13003", "account is abnormal"),
        Refusal::AdministratorExists | Refusal::AdministratorIsOwner => {
            ("19001", "administrator already exists on this account")
        }
        Refusal::ChallengeExpired => ("19004", "operation has expired"),
        Refusal::ChallengeOver => ("19005", "operation is already completed or cancelled"),
        Refusal::ContactVerified => ("19005", "contact is already verified"),
        Refusal::ContactNotVerified => ("19006", "contact is not verified"),
        Refusal::SelectorsDiffer => ("19007", "mobile and id select different administrators"),
        Refusal::TooManyCodes => ("11200", "too many OTPs today"),
        Refusal::CodeTooSoon => ("11201", "OTP requested too frequently"),
        Refusal::TooManyTries => ("11202", "OTP is locked after too many failures"),
        Refusal::CodeWrong => ("11203", "wrong OTP"),
        Refusal::CodeExpired => ("11203", "OTP has expired"),
        Refusal::NoDeliveryAddress => ("12001", "invalid otpType: no such contact on file"),
        // Who may not be given power, or may not confirm: a barred owner, an account of another kind, a policy.
        _ => ("11000", "no permission"),
    };
    Wrong::new(code, msg)
}
