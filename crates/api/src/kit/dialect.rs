//! What a way of speaking is: a name, how its caller proves itself, its fault voice, and its routes.

use std::future::Future;
use std::sync::Arc;

use axum::Router;
use axum::http::request::Parts;
use axum::response::Response;
use desk::{Caller, Desk, Door, Origin, Result};

use super::layers::Limiters;
use super::trouble::Trouble;

/// How the doors are to behave.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where users and programs reach us, without a slash at the end, e.g. `https://desk.bank.example`.
    pub public_url: String,
    /// Requests a caller may make in a second.
    pub rate_limit_per_second: u32,
    /// Requests an address may make in a second at doors that are open to anybody.
    pub anonymous_rate_limit_per_second: u32,
    /// How long a request may take, in seconds.
    pub request_seconds: u64,
    /// How large a body may be, in bytes.
    pub body_bytes: usize,
    /// How large a file of users may be, in bytes.
    pub import_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            public_url: "http://127.0.0.1:8080".to_owned(),
            rate_limit_per_second: 100_000,
            anonymous_rate_limit_per_second: 200,
            request_seconds: 30,
            body_bytes: 1024 * 1024,
            import_bytes: 2 * 1024 * 1024 * 1024,
        }
    }
}

/// What every handler is lent: the desk, the options, and what a dialect keeps for itself.
pub struct House<X = ()> {
    /// The desk.
    pub desk: Desk,
    /// The options.
    pub options: Arc<Options>,
    /// The limits on how often somebody may ask.
    pub limiters: Arc<Limiters>,
    /// The dialect's own things: keys, caches.
    pub own: Arc<X>,
}

impl<X> Clone for House<X> {
    fn clone(&self) -> Self {
        House {
            desk: self.desk.clone(),
            options: self.options.clone(),
            limiters: self.limiters.clone(),
            own: self.own.clone(),
        }
    }
}

impl<X> House<X> {
    /// A house for a dialect.
    pub fn new(desk: Desk, options: &Options, own: X) -> House<X> {
        let limiters = Limiters::new(options.rate_limit_per_second, options.anonymous_rate_limit_per_second);
        House { desk, options: Arc::new(options.clone()), limiters: Arc::new(limiters), own: Arc::new(own) }
    }
}

/// A way of speaking to the desk.
pub trait Dialect: Send + Sync + 'static {
    /// The stable name.
    const NAME: &'static str;
    /// The door in the record.
    const DOOR: Door;
    /// The dialect's own things.
    type Own: Send + Sync + 'static;

    /// Routes whose body may come for as long as it keeps coming; their handlers see to that.
    const UPLOADS: &'static [&'static str] = &[];

    /// Says in this voice what went wrong. Must match every kind.
    fn fault(trouble: &Trouble, request_id: &str) -> Response;

    /// Who is calling, from what the request proves.
    fn caller(house: &House<Self::Own>, parts: &Parts, origin: Origin) -> impl Future<Output = Result<Caller>> + Send;
}

/// Finishes a dialect's routes: whatever goes wrong between the wire and a handler is said in its voice, every request
/// has an id, a limit of size and of time, and is counted.
pub fn voice<D: Dialect>(routes: Router<House<D::Own>>, house: House<D::Own>) -> Router {
    let routes = routes.method_not_allowed_fallback(super::layers::wrong_method::<D>);
    super::layers::wrap::<D>(routes, &house.options).with_state(house)
}
