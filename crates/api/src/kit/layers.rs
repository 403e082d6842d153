//! What surrounds every handler: a request id, limits of time and rate, a net under panics, counting and one line of log.

use std::future::Future;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use desk::value::id;
use desk::value::random::Random;
use desk::{Busy, Caller, Error, Who};
use governor::clock::DefaultClock;
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};

use super::dialect::{Dialect, House, Options};
use super::extract::{NO_TEXT, is_text};
use super::trouble::{Fault, Trouble};

/// The request id's header, in and out.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// How long an upload may take that keeps coming.
const UPLOAD: Duration = Duration::from_secs(24 * 3600);

/// The id of a request, in its extensions.
#[derive(Debug, Clone)]
pub struct RequestId(pub String);

/// What a limited caller is told: the limit, and how many requests are left at this moment.
#[derive(Debug, Clone, Copy, Default)]
pub struct Allowance {
    /// Requests in a second.
    pub limit: u32,
    /// Left now.
    pub remaining: u32,
}

tokio::task_local! {
    static CURRENT: RequestId;
    static ALLOWANCE: std::cell::Cell<Option<Allowance>>;
}

/// The id of the request this task works for.
pub fn current_request_id() -> String {
    CURRENT.try_with(|id| id.0.clone()).unwrap_or_default()
}

/// An id handed in is taken over when it is short and plain; else one is made.
fn request_id(request: &Request) -> String {
    let given = request.headers().get(REQUEST_ID).and_then(|it| it.to_str().ok()).filter(|text| {
        (8..=64).contains(&text.len()) && text.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-' || it == b'_')
    });
    match given {
        Some(text) => text.to_owned(),
        None => format!("req_{}", id::encode(uuid_now())),
    }
}

fn uuid_now() -> uuid::Uuid {
    id::uuid_v7(desk::value::clock::Clock::System.now(), &Random::System)
}

/// Headers that say who calls, in whose name, or which request it is. Of two that differ, a proxy in front may believe the one
/// and we the other.
const ONCE: &[&str] =
    &["authorization", "auth_token", "x-agent", "swi-cid", "swi-cs", "bursar-tenant", "idempotency-key"];

/// The first of these headers that came twice.
fn repeated(headers: &HeaderMap) -> Option<&'static str> {
    ONCE.iter().copied().find(|name| headers.get_all(*name).iter().nth(1).is_some())
}

/// Puts the layers around a dialect's routes.
pub fn wrap<D: Dialect>(routes: Router<House<D::Own>>, options: &Options) -> Router<House<D::Own>> {
    let time = Duration::from_secs(options.request_seconds);
    routes.layer(middleware::from_fn(move |request: Request, next: Next| around::<D>(request, next, time)))
}

async fn around<D: Dialect>(mut request: Request, next: Next, time: Duration) -> Response {
    let began = Instant::now();
    let id = RequestId(request_id(&request));
    let route = request.extensions().get::<MatchedPath>().map_or("unknown", |path| path.as_str()).to_owned();
    let method = request.method().clone();
    request.extensions_mut().insert(id.clone());
    let time = if D::UPLOADS.contains(&route.as_str()) { UPLOAD } else { time };
    let id_header = HeaderValue::from_str(&id.0).unwrap_or(HeaderValue::from_static("unknown"));
    let repeated = repeated(request.headers());
    let work = async move {
        if let Some(name) = repeated {
            let error = desk::Error::invalid(name, "repeated", "This header may stand in a request once.");
            return Fault::<D>::from(error).into_response();
        }
        // In whatever voice, and whether it is read or not.
        let mut response = match is_text(request.uri().query().unwrap_or_default().as_bytes()) {
            false => Fault::<D>::from(Trouble::query(NO_TEXT)).into_response(),
            true => match guarded(tokio::time::timeout(time, next.run(request))).await {
                Ok(Ok(response)) => response,
                Ok(Err(_)) => Fault::<D>::from(Trouble::TimedOut).into_response(),
                Err(Panicked) => Fault::<D>::from(Trouble::Panicked).into_response(),
            },
        };
        if let Some(allowance) = ALLOWANCE.with(std::cell::Cell::get) {
            tell(&mut response, allowance);
        }
        response
    };
    let mut response = CURRENT.scope(id.clone(), ALLOWANCE.scope(std::cell::Cell::new(None), work)).await;
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, id_header);
    // Nearly everything shows somebody, and the rest is not worth a list: nobody on the way keeps it, nor guesses what it is.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let status = response.status().as_u16();
    let took = began.elapsed();
    let labels = [("door", D::NAME.to_owned()), ("route", route.clone()), ("status", status.to_string())];
    metrics::counter!("bursar_requests_total", &labels).increment(1);
    metrics::histogram!("bursar_request_seconds", "door" => D::NAME, "route" => route.clone())
        .record(took.as_secs_f64());
    if status >= 500 {
        tracing::warn!(request_id = id.0, door = D::NAME, %method, route, status, micros = took.as_micros() as u64, "request failed");
    } else {
        tracing::debug!(request_id = id.0, door = D::NAME, %method, route, status, micros = took.as_micros() as u64, "request");
    }
    response
}

fn tell(response: &mut Response, allowance: Allowance) {
    let headers = response.headers_mut();
    let policy = format!("\"caller\";q={};w=1", allowance.limit);
    let state = format!("\"caller\";r={};t=1", allowance.remaining);
    for (name, text) in [("ratelimit-policy", policy), ("ratelimit", state)] {
        if let Ok(value) = HeaderValue::from_str(&text) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
}

struct Panicked;

/// A panic of a handler is told like any other trouble; the process goes on.
async fn guarded<F: Future>(work: F) -> Result<F::Output, Panicked> {
    let mut work = std::pin::pin!(AssertUnwindSafe(work));
    std::future::poll_fn(|cx| match std::panic::catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx))) {
        Ok(poll) => poll.map(Ok),
        Err(_) => std::task::Poll::Ready(Err(Panicked)),
    })
    .await
}

/// A known path with another method; the router adds `Allow`.
pub async fn wrong_method<D: Dialect>() -> Fault<D> {
    Trouble::Method.into()
}

/// An unknown path.
pub async fn wrong_path<D: Dialect>() -> Fault<D> {
    Trouble::Path.into()
}

/// After so many requests, those who have been quiet are forgotten: else every address that ever asked would be kept.
const FORGET_EVERY: u64 = 65_536;

/// By what an address is limited: of IPv6, one client has a network of 64 bits to itself.
pub fn limited_by(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
    }
}

type Keyed<K> = RateLimiter<K, DefaultKeyedStateStore<K>, DefaultClock, StateInformationMiddleware>;

/// How often somebody may ask: each caller, and each address of strangers.
pub struct Limiters {
    callers: Keyed<(u8, u128)>,
    addresses: Keyed<IpAddr>,
    limit: u32,
    looks: AtomicU64,
}

impl Limiters {
    /// Limits in requests a second.
    pub fn new(callers: u32, addresses: u32) -> Limiters {
        let quota = |limit: u32| Quota::per_second(NonZeroU32::new(limit).unwrap_or(NonZeroU32::MAX));
        Limiters {
            callers: RateLimiter::keyed(quota(callers)).with_middleware(),
            addresses: RateLimiter::keyed(quota(addresses)).with_middleware(),
            limit: callers,
            looks: AtomicU64::new(0),
        }
    }

    /// Whether this caller may ask now.
    pub fn admits(&self, caller: &Caller) -> bool {
        let key = match caller.who {
            Who::Anonymous | Who::House => (0, 0),
            Who::User { id, .. } => (1, id.0.as_u128()),
            Who::Staff { id, .. } => (2, id.0.as_u128()),
            Who::Key { id, .. } => (3, id.0.as_u128()),
        };
        self.forget_now_and_then();
        let answer = self.callers.check_key(&key);
        let remaining = answer.as_ref().map_or(0, |state| state.remaining_burst_capacity());
        let allowance = Allowance { limit: self.limit, remaining };
        let _ = ALLOWANCE.try_with(|cell| cell.set(Some(allowance)));
        answer.is_ok()
    }

    /// Whether somebody unknown at this address may ask now.
    pub fn admits_address(&self, address: IpAddr) -> bool {
        self.forget_now_and_then();
        self.addresses.check_key(&limited_by(address)).is_ok()
    }

    /// What somebody is told whose proof does not hold: what is wrong with it, or, once there are too many from an address, to slow
    /// down. Whoever proves who they are is not counted, also at that address, nor who brings no proof.
    pub fn refused(&self, error: Error, address: Option<IpAddr>) -> Error {
        let is_guess = matches!(error, Error::Unauthenticated(_));
        match address {
            Some(address) if is_guess && !self.admits_address(address) => Error::Busy(Busy::RateLimited),
            _ => error,
        }
    }

    /// Forgets those who have not asked for a while.
    fn forget_now_and_then(&self) {
        if self.looks.fetch_add(1, Ordering::Relaxed) % FORGET_EVERY == FORGET_EVERY - 1 {
            self.callers.retain_recent();
            self.addresses.retain_recent();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_client_is_limited_by_its_network_and_an_ipv4_one_in_either_form() {
        let limiters = Limiters::new(1000, 2);
        let admits = |text: &str| limiters.admits_address(text.parse().unwrap());
        assert!(admits("2001:db8:1:2::1") && admits("2001:db8:1:2:ffff::7"));
        assert!(!admits("2001:db8:1:2:3::4"), "the same /64");
        assert!(admits("2001:db8:1:3::1"), "another one");
        assert!(admits("192.0.2.1") && admits("::ffff:192.0.2.1") && !admits("192.0.2.1"));
    }

    #[test]
    fn addresses_that_went_quiet_are_forgotten() {
        let limiters = Limiters::new(1000, 1_000_000);
        let every = u32::try_from(FORGET_EVERY).unwrap();
        for number in 0..3 * every {
            assert!(limiters.admits_address(IpAddr::from(number.to_be_bytes())));
        }
        assert!(limiters.addresses.len() < 2 * every as usize, "{} are kept", limiters.addresses.len());
    }
}
