//! The Choice Bank API: account administrators, confirmed by one-time codes. Signed envelopes, the outcome in `code`, and
//! always 200. `docs/dialects/choice.md` says what is covered and where the truth came from. This file shows every route
//! and what is checked of a request in which order (contract 3); `message` reads and signs, `operations` do, `fault` is how
//! troubles are told.

pub mod callback;
mod fault;
pub mod message;
mod operations;

use api::kit::{self, Dialect, House, Trouble, origin};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use desk::credential::ChoiceSender;
use desk::value::clock::SECOND;
use desk::value::id;
use desk::value::random::Random;
use desk::value::secret::Secret;
use desk::{Caller, Desk, Door, Error, Origin, Result};
use serde_json::value::RawValue;

use self::fault::Wrong;
use self::message::Value;

/// The Choice voice.
pub struct Choice;

impl Dialect for Choice {
    const NAME: &'static str = "choice";
    const DOOR: Door = Door::Choice;
    type Own = ();

    fn fault(trouble: &Trouble, _: &str) -> Response {
        let wrong = Wrong::of_trouble(trouble);
        let status = match trouble {
            Trouble::Path => StatusCode::NOT_FOUND,
            _ => wrong.status(),
        };
        Envelope::broken().answer(status, &Err(wrong), 0)
    }

    async fn caller(_: &House, _: &Parts, _: Origin) -> Result<Caller> {
        Err(Error::Unauthenticated("a request proves itself by its signature"))
    }
}

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Contract 7.1.
    Add,
    /// Contract 7.2.
    Send,
    /// Contract 7.3.
    Confirm,
    /// Contract 7.4.
    Resend,
    /// Contract 7.5.
    Verify,
    /// Contract 7.6.
    Remove,
    /// Contract 7.7.
    Details,
    /// Contract 7.8.
    Accounts,
}

/// Every path there is.
pub const ROUTES: &[(&str, Operation)] = &[
    ("/account/v2/addAccountAdministrator", Operation::Add),
    ("/account/verifyAccountAdministrator", Operation::Verify),
    ("/account/removeAccountAdministrator", Operation::Remove),
    ("/account/queryAccountListByUserId", Operation::Accounts),
    ("/common/sendOtp", Operation::Send),
    ("/common/resendOtp", Operation::Resend),
    ("/common/confirmOperation", Operation::Confirm),
    ("/query/getAccountDetails", Operation::Details),
];

/// The largest body, in bytes (contract 2).
const BODY_MAX: usize = 256 * 1024;
/// The longest id of a request (contract 3).
const REQUEST_ID_MAX: usize = 128;
/// The longest locale that is echoed.
const LOCALE_MAX: usize = 16;
/// What the signature of an unknown sender is compared with.
const NOBODYS_KEY: &str = "nobody's key: sixty-four characters, as those of partners are....";
/// How we call ourselves in answers (contract 3).
const PLATFORM: &str = "apigw.baas.choice";
/// For how long an id of a request is remembered at least, in seconds; twice the window if that is longer, a day if there
/// is no window.
const REMEMBERED: i64 = 3600;
const REMEMBERED_FOR_EVER: i64 = 86_400;

/// The dialect's routes.
pub fn app(desk: Desk, options: &api::Options) -> Router {
    let house = House::new(desk, options, ());
    let mut app = Router::new();
    for prefix in ["/account", "/common", "/query"] {
        let mut routes = Router::new();
        for (path, operation) in ROUTES {
            let Some(path) = path.strip_prefix(prefix) else { continue };
            let operation = *operation;
            let handler = move |house: State<House>, request: Request| handle(house.0, operation, request);
            routes = routes.route(path, any(handler)).route(&format!("{path}/"), any(handler));
        }
        let routes = routes.fallback(kit::layers::wrong_path::<Choice>);
        app = app.nest(prefix, kit::voice::<Choice>(routes, house.clone()));
    }
    app
}

/// What an answer says back, as far as it is known.
struct Envelope {
    request_id: String,
    locale: String,
    sender: Option<ChoiceSender>,
}

/// What an operation gives: a result, or nothing to tell.
type Told = std::result::Result<Option<Box<RawValue>>, Wrong>;

impl Envelope {
    fn broken() -> Envelope {
        Envelope { request_id: String::new(), locale: "en_KE".to_owned(), sender: None }
    }

    /// Prints an answer, signed where there is a key. `now` is in milliseconds.
    fn answer(&self, status: StatusCode, told: &Told, now: i64) -> Response {
        let (code, msg, data) = match told {
            Ok(data) => ("00000", "Completed successfully", data.as_ref()),
            Err(wrong) => (wrong.code, wrong.msg.as_str(), None),
        };
        let text = |text: &str| serde_json::Value::from(text).to_string();
        let salt = id::encode(id::uuid_v7(desk::value::clock::Time(now * 1000), &Random::System));
        let head = format!(
            r#"{{"code":"{code}","msg":{},"requestId":{},"sender":"{PLATFORM}","locale":{},"timestamp":{now},"salt":"{salt}""#,
            text(msg),
            text(&self.request_id),
            text(&self.locale)
        );
        let data = data.map(|data| format!(r#","data":{}"#, data.get())).unwrap_or_default();
        let signature = self.sender.as_ref().and_then(|sender| {
            let message = Value::read(&format!("{head}{data}}}")).ok()?;
            message::signature(&message, sender.signing_key.expose()).ok()
        });
        let signature = signature.map(|it| format!(r#","signature":"{it}""#)).unwrap_or_default();
        let body = format!("{head}{signature}{data}}}");
        (status, [(header::CONTENT_TYPE, "application/json;charset=UTF-8")], body).into_response()
    }
}

/// Whether a text can be echoed in what is signed.
fn is_plain(text: &str) -> bool {
    !text.chars().any(|it| it == '&' || it == '=' || it.is_control())
}

async fn handle(house: House, operation: Operation, request: Request) -> Response {
    let now = house.desk.now();
    let mut envelope = Envelope::broken();
    let told = if request.method() == Method::POST {
        served(&house, operation, request, &mut envelope).await
    } else {
        Err(Wrong::new("12000", format!("Type of {} request is not supported", request.method())))
    };
    let status = told.as_ref().err().map_or(StatusCode::OK, Wrong::status);
    envelope.answer(status, &told, now.0.div_euclid(1000))
}

/// The checks of contract 3, in their order, and then the operation.
async fn served(house: &House, operation: Operation, request: Request, envelope: &mut Envelope) -> Told {
    let malformed = || Wrong::new("12001", "request body is not a JSON object");
    let (parts, body) = request.into_parts();
    let origin = origin(Choice::DOOR, &parts);
    let bytes = axum::body::to_bytes(body, BODY_MAX).await.map_err(|_| malformed())?;
    let text = std::str::from_utf8(&bytes).map_err(|_| malformed())?;
    let message = Value::read(text).map_err(|_| malformed())?;
    if !matches!(message, Value::Object(_)) {
        return Err(malformed());
    }
    // What is echoed is looked at first: our answers are signed, and an `&` or `=` in an echo could make one text of two.
    let request_id = message.get("requestId").and_then(Value::text).filter(|it| it.len() <= REQUEST_ID_MAX);
    let request_id = request_id.filter(|it| !it.is_empty() && is_plain(it));
    let request_id = request_id.ok_or_else(|| Wrong::new("12002", "invalid request id"))?;
    envelope.request_id = request_id.to_owned();
    match message.get("locale").and_then(Value::text) {
        Some(locale) if !is_plain(locale) => return Err(Wrong::new("12001", "invalid locale")),
        Some(locale) if locale.len() <= LOCALE_MAX => envelope.locale = locale.to_owned(),
        _ => {}
    }
    let sender = message.get("sender").and_then(Value::text);
    let sender = sender.ok_or_else(|| Wrong::new("12003", "invalid sender id"))?;
    let sender = house.desk.choice_sender(sender).await?;
    // An unknown sender and a wrong signature are told alike, and take as long: nobody learns who is a partner.
    let key = sender.as_ref().map_or_else(|| Secret::new(NOBODYS_KEY), |sender| sender.signing_key.clone());
    let is_signed = message::is_signed(&message, key.expose()).map_err(|_| malformed())?;
    let Some(sender) = sender.filter(|_| is_signed) else {
        metrics::counter!("bursar_unauthenticated_total", "door" => Choice::NAME).increment(1);
        let refused = house.limiters.refused(Error::Unauthenticated("the signature is wrong"), origin.address);
        return Err(match refused {
            Error::Unauthenticated(_) => Wrong::new("12004", "invalid signature"),
            other => other.into(),
        });
    };
    let caller = house.desk.caller_of_sender(&sender, origin).await.map_err(|error| match error {
        Error::Unauthenticated(_) => Wrong::new("12003", "invalid sender id"),
        other => other.into(),
    })?;
    let window = sender.tenant.settings.choice_window_seconds;
    // From here on the caller is known, and answers are signed.
    let sender = &*envelope.sender.insert(sender);
    if message.get("senderKey").is_some() {
        tracing::warn!(sender = sender.id, "a request carries a senderKey: the partner sends its key around");
    }
    if !house.limiters.admits(&caller) {
        return Err(Error::Busy(desk::Busy::RateLimited).into());
    }
    let now = house.desk.now();
    let timestamp = match message.get("timestamp") {
        Some(Value::Number(text) | Value::Text(text)) => text.parse::<i64>().ok(),
        _ => None,
    };
    let timestamp = timestamp.ok_or_else(|| Wrong::input("timestamp"))?;
    let distance = timestamp.saturating_mul(1000).saturating_sub(now.0).unsigned_abs();
    if window > 0 && distance > (window * SECOND).unsigned_abs() {
        return Err(Wrong::new("12001", "invalid timestamp"));
    }
    let remembered = if window > 0 { REMEMBERED.max(2 * window) } else { REMEMBERED_FOR_EVER };
    if !house.desk.first_request(sender, request_id, now.plus(remembered * SECOND)).await? {
        return Err(Wrong::new("12002", "duplicate request id"));
    }
    let params = message.get("params").filter(|it| matches!(it, Value::Object(_)));
    let params = params.ok_or_else(|| Wrong::input("params"))?;
    if message.is_ambiguous() {
        return Err(Wrong::new("12001", "a value contains & or a control character"));
    }
    operations::carry_out(house, &caller, &sender.id, operation, params).await
}
