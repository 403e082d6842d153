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
use axum::handler::Handler;
use axum::http::header;
use axum::http::request::Parts;
use axum::response::Response;
use axum::routing::MethodRouter;
use desk::{Caller, Desk, Door, Error, Origin};
use utoipa::openapi::path::HttpMethod;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{IntoResponses, Modify, OpenApi, Path};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::{PathItemExt, paste, routes};

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

/// Every route, in reading order: handlers of one path stand together. Their paths and methods are in their own
/// `#[utoipa::path]`.
macro_rules! every_route {
    ($make:ident) => {
        $make! {
            [users::create, users::list]
            [users::search]
            [imports::export, imports::export_in_full]
            [users::get, users::patch]
            [users::standing]
            [users::reveal]
            [standing::lock]
            [standing::unlock]
            [standing::disable]
            [standing::enable]
            [standing::suspend]
            [standing::reinstate]
            [standing::flag]
            [standing::unflag]
            [standing::blacklist]
            [standing::unblacklist]
            [standing::fraud_status]
            [standing::hold]
            [standing::release]
            [standing::core_state]
            [standing::ask_verification]
            [standing::decide_verification]
            [verification::pending]
            [verification::show]
            [verification::approve]
            [verification::decline]
            [verification::ask_more]
            [verification::put_document]
            [verification::get_document]
            [standing::remove]
            [standing::erase]
            [around::sessions, around::end_sessions]
            [around::end_session]
            [around::devices, around::unlink_devices]
            [around::unlink_device]
            [around::notes, around::write_note]
            [around::messages]
            [around::reset_password]
            [herself::revoke_password]
            [around::remove_second_factor]
            [accounts::of_user]
            [accounts::open, accounts::list]
            [accounts::get]
            [accounts::reveal]
            [accounts::change]
            [accounts::add_administrator, accounts::administrators]
            [accounts::remove_administrator]
            [accounts::verify_contact]
            [accounts::administrator]
            [accounts::set_rights]
            [accounts::challenges]
            [accounts::challenge]
            [accounts::send_code]
            [accounts::confirm]
            [accounts::cancel]
            [imports::start, imports::list]
            [imports::get]
            [imports::progress]
            [imports::rejected, imports::reveal_rejected]
            [imports::pause]
            [imports::resume]
            [imports::cancel]
            [sign_in::sign_in]
            [sign_in::confirm]
            [sign_in::sign_out]
            [sign_in::me, herself::edit]
            [herself::register]
            [herself::confirm_registration]
            [herself::ask_unlock]
            [herself::redeem_unlock]
            [herself::set_pin]
            [herself::send_phone_code]
            [herself::confirm_phone]
            [herself::choose_second_factor]
            [sign_in::my_devices]
            [sign_in::unlink_my_device]
            [verification::mine, verification::submit_mine]
            [verification::put_mine]
            [sign_in::prepare_second_factor, sign_in::remove_my_second_factor]
            [sign_in::confirm_second_factor]
            [sign_in::change_password]
            [sign_in::ask_reset]
            [sign_in::redeem]
            [staff::sign_in]
            [staff::sign_out]
            [staff::me]
            [staff::change_password]
            [staff::confirm]
            [staff::invite_again]
            [staff::list, staff::add]
            [herself::appoint]
            [staff::disable]
            [staff::enable]
            [staff::teams, staff::create_team]
            [staff::add_member]
            [staff::remove_member]
            [staff::roles, staff::define_role]
            [staff::role, staff::delete_role]
            [permissions::table]
            [permissions::explain]
            [staff::keys, staff::create_key]
            [staff::revoke_key]
            [callbacks::set_url]
            [callbacks::list]
            [callbacks::send_again]
            [bulk::start, bulk::list]
            [bulk::get]
            [bulk::rows]
            [bulk::pause]
            [bulk::resume]
            [bulk::cancel]
            [bulk::undo]
            [requests::propose, requests::list]
            [requests::get]
            [requests::approve]
            [requests::decline]
            [requests::withdraw]
            [records::audit]
            [records::export]
            [records::events]
            [records::settings, records::change_settings]
        }
    };
}

/// The router of them, without their specification: putting that together costs ten times the memory that a server at rest has.
macro_rules! router {
    ($([$($module:ident::$handler:ident),+])*) => {{
        let mut router = Router::new();
        $({
            let paths = [$(paste! { $module::[<__path_ $handler>]::path() }),+];
            let methods = MethodRouter::new();
            $(let methods = on(methods, &paste! { $module::[<__path_ $handler>]::methods() }, $module::$handler);)+
            router = router.route(&paths[0], methods);
        })*
        router
    }};
}

macro_rules! specified {
    ($([$($module:ident::$handler:ident),+])*) => {
        OpenApiRouter::<House>::with_openapi(Spec::openapi())$(.routes(routes!($($module::$handler),+)))*
    };
}

fn on<H, T>(router: MethodRouter<House>, methods: &[HttpMethod], handler: H) -> MethodRouter<House>
where
    H: Handler<T, House>,
    T: 'static,
{
    methods.iter().fold(router, |router, method| router.on(method.to_method_filter(), handler.clone()))
}

/// The specification, made of the handlers. The server does not make it: it brings along what was committed.
pub fn specification() -> utoipa::openapi::OpenApi {
    let mut spec = every_route!(specified).into_openapi();
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
    let router = every_route!(router);
    kit::voice::<Native>(router.fallback(kit::layers::wrong_path::<Native>), House::new(desk, options, ()))
}
