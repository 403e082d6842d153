//! The native REST API: a dialect like the others, and the widest. Callers prove themselves with a key or a session as
//! bearer; troubles are problem details; the specification is made from the handlers and committed.

mod accounts;
mod act;
mod around;
mod bulk;
mod callbacks;
pub mod fault;
mod herself;
mod imports;
mod permissions;
mod records;
mod requests;
mod sign_in;
mod staff;
mod standing;
mod users;
mod verification;
mod wire;

use axum::Router;
use axum::http::header;
use axum::http::request::Parts;
use axum::response::Response;
use desk::{Caller, Desk, Door, Error, Origin};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{IntoResponses, Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::kit::{self, Dialect, Options, Trouble};

/// What native handlers are lent.
pub type House = kit::House<()>;

/// The native voice.
pub struct Native;

impl Dialect for Native {
    const NAME: &'static str = "native";
    const DOOR: Door = Door::Native;
    const UPLOADS: &'static [&'static str] =
        &["/v1/imports", "/v1/me/verification/documents/{kind}", "/v1/users/{user_id}/verification/documents/{kind}"];
    type Own = ();

    fn fault(trouble: &Trouble, request_id: &str) -> Response {
        fault::fault(trouble, request_id)
    }

    async fn caller(house: &House, parts: &Parts, origin: Origin) -> desk::Result<Caller> {
        let header = parts.headers.get(header::AUTHORIZATION).ok_or(Error::Unauthenticated("there is none"))?;
        let text = header.to_str().map_err(|_| Error::Unauthenticated("it is not text"))?;
        let (scheme, credential) = text.split_once(' ').unwrap_or((text, ""));
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(Error::Unauthenticated("the scheme is not Bearer"));
        }
        house.desk.caller(credential.trim(), origin).await
    }
}

/// The problems every route may answer.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "read by the specification only")]
enum Problems {
    #[response(status = 400, description = "Bad input.", content_type = "application/problem+json")]
    BadRequest(#[to_schema] fault::Problem),
    #[response(status = 401, description = "Not signed in.", content_type = "application/problem+json")]
    Unauthenticated(#[to_schema] fault::Problem),
    #[response(status = 403, description = "Not allowed.", content_type = "application/problem+json")]
    Forbidden(#[to_schema] fault::Problem),
    #[response(status = 404, description = "There is no such thing.", content_type = "application/problem+json")]
    NotFound(#[to_schema] fault::Problem),
    #[response(
        status = 409,
        description = "Refused by the state of things, or in conflict.",
        content_type = "application/problem+json"
    )]
    Refused(#[to_schema] fault::Problem),
    #[response(
        status = 410,
        description = "A link or code that is used up.",
        content_type = "application/problem+json"
    )]
    Gone(#[to_schema] fault::Problem),
    #[response(
        status = 412,
        description = "It has changed since `If-Match` was read.",
        content_type = "application/problem+json"
    )]
    Changed(#[to_schema] fault::Problem),
    #[response(status = 413, description = "The body is too large.", content_type = "application/problem+json")]
    TooLarge(#[to_schema] fault::Problem),
    #[response(status = 415, description = "The body is not JSON.", content_type = "application/problem+json")]
    BodyType(#[to_schema] fault::Problem),
    #[response(
        status = 422,
        description = "The Idempotency-Key was used with another request.",
        content_type = "application/problem+json"
    )]
    KeyReused(#[to_schema] fault::Problem),
    #[response(status = 429, description = "Too many requests.", content_type = "application/problem+json")]
    RateLimited(#[to_schema] fault::Problem),
    #[response(
        status = 503,
        description = "Cannot be served at this moment.",
        content_type = "application/problem+json"
    )]
    Busy(#[to_schema] fault::Problem),
}

#[derive(OpenApi)]
#[openapi(
    info(title = "Bursar", description = "The back office for the people and accounts of a bank or fintech: find, see, be sure, fix, record.\n\nSend a key or a session as `Authorization: Bearer …`. Lists answer `{\"data\", \"next\"}`; errors are RFC 9457 problem details with a stable `code`. Every `POST` takes an `Idempotency-Key`; actions take `preview=true`.", license(name = "Apache-2.0", identifier = "Apache-2.0")),
    modifiers(&Bearer),
    components(schemas(fault::FieldProblem)),
    security(("bearer" = [])),
    tags(
        (name = "users", description = "The institution's customers."),
        (name = "imports", description = "Users brought in from files."),
        (name = "standing", description = "Actions that move a user's standing. Axes are independent: unlocking never enables, enabling never unlocks."),
        (name = "verification", description = "Requests for verification, and the documents shown for them."),
        (name = "accounts", description = "Accounts, who may act on them, and what waits for a person's code."),
        (name = "sessions", description = "Who is signed in."),
        (name = "devices", description = "Phones and browsers."),
        (name = "passwords", description = "Reset links and second factors, by staff."),
        (name = "notes", description = "What agents wrote."),
        (name = "messages", description = "What was sent."),
        (name = "signing in", description = "For users themselves."),
        (name = "staff", description = "Staff, teams, roles, keys."),
        (name = "bulk", description = "One action on many users: previewed, done slice by slice, undone."),
        (name = "requests", description = "Actions that one person proposes and another decides."),
        (name = "records", description = "Audit, events, settings."),
    )
)]
struct Spec;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, spec: &mut utoipa::openapi::OpenApi) {
        let scheme = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
        spec.components.get_or_insert_default().add_security_scheme("bearer", scheme);
    }
}

/// Every route, in reading order.
fn all() -> OpenApiRouter<House> {
    OpenApiRouter::with_openapi(Spec::openapi())
        .routes(routes!(users::create, users::list))
        .routes(routes!(users::search))
        .routes(routes!(imports::export, imports::export_in_full))
        .routes(routes!(users::get, users::patch))
        .routes(routes!(users::standing))
        .routes(routes!(users::reveal))
        .routes(routes!(standing::lock))
        .routes(routes!(standing::unlock))
        .routes(routes!(standing::disable))
        .routes(routes!(standing::enable))
        .routes(routes!(standing::suspend))
        .routes(routes!(standing::reinstate))
        .routes(routes!(standing::flag))
        .routes(routes!(standing::unflag))
        .routes(routes!(standing::blacklist))
        .routes(routes!(standing::unblacklist))
        .routes(routes!(standing::fraud_status))
        .routes(routes!(standing::hold))
        .routes(routes!(standing::release))
        .routes(routes!(standing::core_state))
        .routes(routes!(standing::ask_verification))
        .routes(routes!(standing::decide_verification))
        .routes(routes!(verification::pending))
        .routes(routes!(verification::show))
        .routes(routes!(verification::approve))
        .routes(routes!(verification::decline))
        .routes(routes!(verification::ask_more))
        .routes(routes!(verification::put_document))
        .routes(routes!(verification::get_document))
        .routes(routes!(standing::remove))
        .routes(routes!(standing::erase))
        .routes(routes!(around::sessions, around::end_sessions))
        .routes(routes!(around::end_session))
        .routes(routes!(around::devices, around::unlink_devices))
        .routes(routes!(around::unlink_device))
        .routes(routes!(around::notes, around::write_note))
        .routes(routes!(around::messages))
        .routes(routes!(around::reset_password))
        .routes(routes!(herself::revoke_password))
        .routes(routes!(around::remove_second_factor))
        .routes(routes!(accounts::of_user))
        .routes(routes!(accounts::open, accounts::list))
        .routes(routes!(accounts::get))
        .routes(routes!(accounts::reveal))
        .routes(routes!(accounts::change))
        .routes(routes!(accounts::add_administrator, accounts::administrators))
        .routes(routes!(accounts::remove_administrator))
        .routes(routes!(accounts::verify_contact))
        .routes(routes!(accounts::administrator))
        .routes(routes!(accounts::set_rights))
        .routes(routes!(accounts::challenges))
        .routes(routes!(accounts::challenge))
        .routes(routes!(accounts::send_code))
        .routes(routes!(accounts::confirm))
        .routes(routes!(accounts::cancel))
        .routes(routes!(imports::start, imports::list))
        .routes(routes!(imports::get))
        .routes(routes!(imports::progress))
        .routes(routes!(imports::rejected, imports::reveal_rejected))
        .routes(routes!(imports::pause))
        .routes(routes!(imports::resume))
        .routes(routes!(imports::cancel))
        .routes(routes!(sign_in::sign_in))
        .routes(routes!(sign_in::confirm))
        .routes(routes!(sign_in::sign_out))
        .routes(routes!(sign_in::me, herself::edit))
        .routes(routes!(herself::register))
        .routes(routes!(herself::ask_unlock))
        .routes(routes!(herself::redeem_unlock))
        .routes(routes!(herself::set_pin))
        .routes(routes!(herself::send_phone_code))
        .routes(routes!(herself::confirm_phone))
        .routes(routes!(herself::choose_second_factor))
        .routes(routes!(sign_in::my_devices))
        .routes(routes!(sign_in::unlink_my_device))
        .routes(routes!(verification::mine, verification::submit_mine))
        .routes(routes!(verification::put_mine))
        .routes(routes!(sign_in::prepare_second_factor, sign_in::remove_my_second_factor))
        .routes(routes!(sign_in::confirm_second_factor))
        .routes(routes!(sign_in::change_password))
        .routes(routes!(sign_in::ask_reset))
        .routes(routes!(sign_in::redeem))
        .routes(routes!(staff::sign_in))
        .routes(routes!(staff::sign_out))
        .routes(routes!(staff::me))
        .routes(routes!(staff::list, staff::add))
        .routes(routes!(herself::appoint))
        .routes(routes!(staff::disable))
        .routes(routes!(staff::enable))
        .routes(routes!(staff::teams, staff::create_team))
        .routes(routes!(staff::add_member))
        .routes(routes!(staff::remove_member))
        .routes(routes!(staff::roles, staff::define_role))
        .routes(routes!(staff::role, staff::delete_role))
        .routes(routes!(permissions::table))
        .routes(routes!(permissions::explain))
        .routes(routes!(staff::keys, staff::create_key))
        .routes(routes!(staff::revoke_key))
        .routes(routes!(callbacks::set_url))
        .routes(routes!(callbacks::list))
        .routes(routes!(callbacks::send_again))
        .routes(routes!(bulk::start, bulk::list))
        .routes(routes!(bulk::get))
        .routes(routes!(bulk::rows))
        .routes(routes!(bulk::pause))
        .routes(routes!(bulk::resume))
        .routes(routes!(bulk::cancel))
        .routes(routes!(bulk::undo))
        .routes(routes!(requests::propose, requests::list))
        .routes(routes!(requests::get))
        .routes(routes!(requests::approve))
        .routes(routes!(requests::decline))
        .routes(routes!(requests::withdraw))
        .routes(routes!(records::audit))
        .routes(routes!(records::export))
        .routes(routes!(records::events))
        .routes(routes!(records::settings, records::change_settings))
}

/// The specification.
pub fn specification() -> utoipa::openapi::OpenApi {
    let mut spec = all().into_openapi();
    spec.info.version = env!("CARGO_PKG_VERSION").to_owned();
    // Handlers of two modules may share a name; an operation's id is made of its method and path and shares none.
    for (path, item) in &mut spec.paths.paths {
        let words: Vec<&str> = path.split(['/', '{', '}', '-']).filter(|it| !it.is_empty() && *it != "v1").collect();
        let name = words.join("_");
        let operations = [
            ("get", &mut item.get),
            ("post", &mut item.post),
            ("patch", &mut item.patch),
            ("put", &mut item.put),
            ("delete", &mut item.delete),
        ];
        for (method, operation) in operations {
            if let Some(operation) = operation {
                operation.operation_id = Some(format!("{method}_{name}"));
            }
        }
    }
    spec
}

/// The native API, finished; it also answers for paths that nobody knows.
pub fn routes(desk: Desk, options: &Options) -> Router {
    let (router, _) = all().split_for_parts();
    kit::voice::<Native>(router.fallback(kit::layers::wrong_path::<Native>), House::new(desk, options, ()))
}
