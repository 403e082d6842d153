//! The Switch admin API, and as much of its user side as it takes to see that a refusal works: `docs/dialects/switch.md`
//! says what is covered and where the truth came from. This file shows every route; `token` and `call` are how somebody
//! proves who she is and what is checked in which order, `wire` and `words` how things are spelled, `fault` how troubles
//! are told, the rest are the handlers.

mod account;
mod admins;
mod audits;
mod call;
mod countries;
mod devices;
mod factors;
mod fault;
mod page;
mod requests;
mod session;
mod token;
mod users;
mod verification;
mod wire;
mod words;

use api::kit::{self, Dialect, House, Trouble};
use axum::Router;
use axum::http::request::Parts;
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};
use desk::{Caller, Desk, Door, Origin, Result};

use self::fault::Wrong;

/// The Switch voice.
pub struct Switch;

/// What this dialect keeps for itself.
pub struct Own {
    tokens: token::Tokens,
}

type Answer<T> = std::result::Result<T, Wrong>;

impl Dialect for Switch {
    const NAME: &'static str = "switch";
    const DOOR: Door = Door::Switch;
    type Own = Own;

    fn fault(trouble: &Trouble, _: &str) -> Response {
        fault::told(trouble)
    }

    async fn caller(house: &House<Own>, parts: &Parts, origin: Origin) -> Result<Caller> {
        let client = token::client(house, &parts.headers).await?;
        token::caller(house, &client, &parts.headers, token::Side::Admin, origin).await
    }
}

/// One method of one path.
pub struct Route {
    /// The method.
    pub method: &'static str,
    /// The path.
    pub path: &'static str,
    handler: fn() -> MethodRouter<House<Own>>,
}

const fn route(method: &'static str, path: &'static str, handler: fn() -> MethodRouter<House<Own>>) -> Route {
    Route { method, path, handler }
}

/// The two halves of the vendor's paths.
const ADMIN: &str = "/admin";
const USER: &str = "/user";

/// Every route there is.
pub const ROUTES: &[Route] = &[
    // Admins themselves.
    route("POST", "/admin/login", || post(session::login)),
    route("POST", "/admin/logout", || post(session::logout)),
    route("GET", "/admin", || get(admins::me)),
    route("GET", "/admin/list", || get(admins::list)),
    route("POST", "/admin/new", || post(admins::create)),
    route("GET", "/admin/{id}", || get(admins::show)),
    route("POST", "/admin/disable/{id}", || post(admins::disable)),
    // Users.
    route("GET", "/admin/users", || get(users::list)),
    route("GET", "/admin/users/pending_verification_requests", || get(users::pending)),
    route("GET", "/admin/users/{id}", || get(users::show)),
    route("POST", "/admin/users/disable/{id}", || post(users::disable)),
    route("POST", "/admin/users/enable/{id}", || post(users::enable)),
    route("POST", "/admin/users/update_fraud_status/{id}", || post(users::set_fraud_status)),
    route("POST", "/admin/users/reset_password/{id}", || post(users::reset_password)),
    route("GET", "/admin/users/{id}/devices", || get(devices::list)),
    route("POST", "/admin/users/delete/{id}/devices/{device_id}", || post(devices::delete)),
    // Additions, which the vendor's pages do not have (contract 6.5).
    route("POST", "/admin/users/verify/{id}", || post(verification::verify)),
    route("POST", "/admin/users/decline_verification/{id}", || post(verification::decline)),
    // What one admin proposes and another decides.
    route("POST", "/admin/disable_requests", || post(requests::propose_disable)),
    route("GET", "/admin/disable_requests", || get(requests::list_disable)),
    route("GET", "/admin/disable_requests/{id}", || get(requests::show_disable)),
    route("POST", "/admin/disable_requests/approve/{id}", || post(requests::approve_disable)),
    route("POST", "/admin/disable_requests/decline/{id}", || post(requests::decline_disable)),
    route("POST", "/admin/enable_requests", || post(requests::propose_enable)),
    route("GET", "/admin/enable_requests", || get(requests::list_enable)),
    // Documented with the user's number in the path, too.
    route("POST", "/admin/enable_requests/{id}", || post(requests::propose_enable)),
    route("GET", "/admin/enable_requests/{id}", || get(requests::show_enable)),
    route("POST", "/admin/enable_requests/approve/{id}", || post(requests::approve_enable)),
    route("POST", "/admin/enable_requests/decline/{id}", || post(requests::decline_enable)),
    // The book.
    route("GET", "/admin/audits", || get(audits::list)),
    // What users do themselves.
    route("POST", "/user/register", || post(account::register)),
    route("POST", "/user/login", || post(account::login)),
    route("POST", "/user/logout", || post(account::logout)),
    route("POST", "/user/forgot_password", || post(account::forgot_password)),
    route("POST", "/user/reset_password", || post(account::reset_password)),
    route("POST", "/user/unlock_account", || post(account::unlock)),
    route("POST", "/user/resend_unlock_email", || post(account::resend_unlock_email)),
    route("GET", "/user", || get(account::show)),
    route("GET", "/user/balance", || get(account::balance)),
    route("POST", "/user/two_factor_auth/set_pin", || post(factors::set_pin)),
    route("POST", "/user/two_factor_auth/send_otp", || post(factors::send_otp)),
    route("POST", "/user/two_factor_auth/verify_phone", || post(factors::verify_phone)),
    route("POST", "/user/two_factor_auth/set_two_factor_auth", || post(factors::choose)),
    route("POST", "/user/verification/update", || post(verification::update)),
    route("POST", "/user/verification/process", || post(verification::process)),
    route("GET", "/user/verification/progress", || get(verification::progress)),
];

/// The dialect's routes. Each half of the paths has a router of its own, so that whatever is not there is told in this
/// voice, too.
pub fn app(desk: Desk, options: &api::Options) -> Router {
    let own = Own { tokens: token::Tokens::of(&desk) };
    let house = House::new(desk, options, own);
    let half = |prefix: &'static str| {
        let mut routes = Router::new();
        for route in ROUTES {
            let Some(path) = route.path.strip_prefix(prefix) else { continue };
            // `/admin` and `/admin/login`, but not `/administer`.
            if path.is_empty() || path.starts_with('/') {
                routes = routes.route(if path.is_empty() { "/" } else { path }, (route.handler)());
            }
        }
        kit::voice::<Switch>(routes.fallback(kit::layers::wrong_path::<Switch>), house.clone())
    };
    Router::new().nest_service(ADMIN, half(ADMIN)).nest_service(USER, half(USER))
}
