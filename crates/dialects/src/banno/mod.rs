//! The Banno Admin API, as far as it serves the support of users: `docs/dialects/banno.md` says what is covered and where
//! the truth came from. This file shows every route; `token`, `assertion`, `keys` and `caller` are how somebody proves
//! who she is, `wire` and `words` how things are spelled, `fault` how troubles are told, the rest are the handlers.

mod abilities;
mod assertion;
mod caller;
mod devices;
mod fault;
mod history;
mod keys;
mod person;
mod reset;
mod status;
mod token;
mod users;
mod wire;
mod words;

use api::kit::{self, Dialect, Fault, House, Trouble};
use axum::Router;
use axum::http::request::Parts;
use axum::response::Response;
use axum::routing::{MethodRouter, any, delete, get, post, put};
use desk::{Caller, Desk, Door, Origin, Result};

/// What the operator may choose.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Addresses of the token endpoint that a client's assertion may name besides our own: the vendor's own differ by
    /// year, and programs have them built in. Without any, only our own address is accepted.
    pub token_urls: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        let hosts = ["https://banno.com", "https://login.jackhenry.com"];
        Settings { token_urls: hosts.iter().map(|host| format!("{host}{}", keys::TOKEN)).collect() }
    }
}

/// The Banno voice.
pub struct Banno;

/// What this dialect keeps for itself.
pub struct Own {
    settings: Settings,
    keys: keys::Keys,
    bearers: caller::Bearers,
}

type Wrong = Fault<Banno>;
type Answer<T> = std::result::Result<T, Wrong>;

impl Dialect for Banno {
    const NAME: &'static str = "banno";
    const DOOR: Door = Door::Banno;
    type Own = Own;

    fn fault(trouble: &Trouble, _: &str) -> Response {
        fault::told(trouble)
    }

    async fn caller(house: &House<Own>, parts: &Parts, origin: Origin) -> Result<Caller> {
        caller::caller(house, parts, origin).await
    }
}

/// One method of one path.
pub struct Route {
    /// The method.
    pub method: &'static str,
    /// The path.
    pub path: &'static str,
    /// The scope it needs from clients whose scopes are enforced (contract 2.3).
    pub scope: Option<&'static str>,
    handler: fn() -> MethodRouter<House<Own>>,
}

const fn route(
    method: &'static str,
    path: &'static str,
    scope: Option<&'static str>,
    handler: fn() -> MethodRouter<House<Own>>,
) -> Route {
    Route { method, path, scope, handler }
}

const USERS: &str = "/a/consumer-user-search/api/v0/institutions/{institutionId}/users";
const DETAILS: &str = "/a/mobile/api/v0/institutions/{institutionId}/users/{userId}/details";
const STATUS: &str = "/a/consumer-status/api/v0/users/{userId}/status";
const LOCKED: &str = "/a/consumer-status/api/v0/users/{userId}/status/locked";
const RESET: &str = "/a/password-reset/api/v0/institutions/{institutionId}/users/{userId}/password/reset";
/// The guide's curl line leaves out `v0` (contract 4.5).
const RESET_ALIAS: &str = "/a/password-reset/api/institutions/{institutionId}/users/{userId}/password/reset";
const RESET_SETTINGS: &str = "/a/password-reset/api/v0/institutions/{institutionId}/settings";
const USER_EVENTS: &str = "/a/history/api/v0/institutions/{institutionId}/user-events";
const PERSON_EVENTS: &str = "/a/history/api/v0/institutions/{institutionId}/person-events";
const USER_ABILITIES: &str = "/a/mobile/api/v0/institutions/{institutionId}/users/{userId}/abilities";
const ABILITIES: &str = "/a/mobile/api/v0/institutions/{institutionId}/abilities";
const ABILITIES_METADATA: &str = "/a/mobile/api/v0/abilities/metadata";
const DEVICES: &str = "/a/consumer/api/v0/users/{userId}/devices";

const SEARCH_SCOPE: Option<&str> = Some("https://jackhenry.com/consumer-user-search");
const RESET_SCOPE: Option<&str> = Some("https://jackhenry.com/password-reset/password-reset.write");
const SETTINGS_SCOPE: Option<&str> = Some("https://jackhenry.com/institutions/settings.read");
const USER_EVENTS_SCOPE: Option<&str> = Some("https://jackhenry.com/history/user-events.read");
const PERSON_EVENTS_SCOPE: Option<&str> = Some("https://jackhenry.com/history/person-events.read");

/// Every route there is.
pub const ROUTES: &[Route] = &[
    route("POST", keys::TOKEN, None, || post(token::issue)),
    route("POST", keys::REVOCATION, None, || post(token::revoke)),
    route("GET", keys::CONFIGURATION, None, || get(keys::configuration)),
    route("GET", keys::JWKS, None, || get(keys::jwks)),
    route("GET", USERS, SEARCH_SCOPE, || get(users::find)),
    route("GET", DETAILS, None, || get(users::details)),
    route("GET", STATUS, None, || get(status::show)),
    route("PUT", LOCKED, None, || put(status::unlock)),
    route("POST", RESET, RESET_SCOPE, || post(reset::send)),
    route("POST", RESET_ALIAS, RESET_SCOPE, || post(reset::send)),
    route("GET", RESET_SETTINGS, SETTINGS_SCOPE, || get(reset::settings)),
    route("PUT", RESET_SETTINGS, None, || put(reset::change_settings)),
    route("GET", USER_EVENTS, USER_EVENTS_SCOPE, || get(history::of_staff)),
    route("GET", PERSON_EVENTS, PERSON_EVENTS_SCOPE, || get(history::of_users)),
    route("GET", USER_ABILITIES, None, || get(abilities::of_user)),
    route("GET", ABILITIES, None, || get(abilities::of_institution)),
    route("GET", ABILITIES_METADATA, None, || get(abilities::metadata)),
    route("GET", DEVICES, None, || get(devices::list)),
    route("DELETE", DEVICES, None, || delete(devices::deactivate)),
];

/// The dialect's routes.
pub fn app(desk: Desk, options: &api::Options, settings: Settings) -> Router {
    let keys = keys::Keys::of(&desk);
    let house = House::new(desk, options, Own { settings, keys, bearers: caller::Bearers::new() });
    let mut routes = Router::new();
    for route in ROUTES {
        routes = routes.route(route.path, (route.handler)());
    }
    // All of `/a/` is this vendor's, also what is not there.
    let nowhere = || any(kit::layers::wrong_path::<Banno>);
    let routes = routes.route("/a/", nowhere()).route("/a/{*rest}", nowhere());
    kit::voice::<Banno>(routes, house)
}
