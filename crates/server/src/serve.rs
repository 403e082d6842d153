//! Serving: connections in, answers out, and an end in order. At SIGTERM or SIGINT no new connection is taken, requests
//! in flight are answered, the worker finishes what it has begun, and the queue of writes is worked off.

mod answering;
mod connections;
mod forwarded;

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use api::kit::layers::limited_by;
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use self::answering::Service;
use self::connections::{Connections, Place};
use self::forwarded::Proxies;
use crate::config::Settings;
use crate::trouble::{Done, Trouble};
use crate::wire_up::{self, Absent, Opened, Purpose};
use crate::worker::Worker;
use crate::{log, metrics};

pub use self::forwarded::Network;

/// How long a client may take to send the head of a request; also how long a quiet connection is kept.
const HEAD: Duration = Duration::from_secs(30);
/// How many headers a request may have, and how large its head may be.
const HEADERS: usize = 100;
const HEAD_BYTES: usize = 64 * 1024;
/// How long requests in flight may take once we are told to stop.
const LAST_REQUESTS: Duration = Duration::from_secs(20);
/// How long a connection that gives way may take to do so, unless a request of it is being answered.
const LEAVING: Duration = Duration::from_millis(100);
/// What somebody is told who holds as many connections as one address may.
const TOO_MANY: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
/// A pause when no connection can be taken (too many open files), so that the loop does not spin.
const PAUSE: Duration = Duration::from_millis(50);

/// `bursar serve`.
pub async fn serve(settings: Settings) -> Done {
    log::start(&settings.config)?;
    let prometheus = metrics::start()?;
    let stop = signals()?;
    // Before the database is touched: a second server on the same address must not come that far.
    let listener = listen(settings.config.listen).await?;
    let opened = wire_up::open(&settings, Absent::Make, Purpose::Serve).await?;
    if wire_up::tenants(&opened.desk).await?.is_empty() {
        tell(&first_steps(&settings));
    }
    let public_url = settings.config.public_url();
    run(Router::new(), &settings, opened, listener, &public_url, prometheus, stop, |address| {
        tell(&format!("bursar {} listens on http://{address}", env!("CARGO_PKG_VERSION")));
    })
    .await
}

/// For people at a terminal. Whoever closed it does not want to know.
fn tell(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

fn first_steps(settings: &Settings) -> String {
    let same = settings.how_given();
    format!(
        "There is no institution yet. In another terminal, as the same user:\n\
         \n    bursar tenant create --name \"Your Bank\" --kind bank{same}\
         \n    bursar staff add --email you@bank.example --name \"Your Name\" --role admin{same}\n"
    )
}

/// Takes the address, or says who may have it.
pub async fn listen(address: SocketAddr) -> Done<TcpListener> {
    TcpListener::bind(address).await.map_err(|fault| {
        Trouble::new(
            format!("cannot listen on {address}: {fault}"),
            "Something else may be listening there; choose another address with --listen.",
        )
    })
}

/// Becomes true at the first SIGTERM or SIGINT. A second one ends the process at once.
pub fn signals() -> Done<watch::Receiver<bool>> {
    let failed = |fault: std::io::Error| Trouble::new(format!("cannot watch for signals: {fault}"), "");
    let mut term = signal(SignalKind::terminate()).map_err(failed)?;
    let mut int = signal(SignalKind::interrupt()).map_err(failed)?;
    let (tell, stop) = watch::channel(false);
    tokio::spawn(async move {
        for told in 0.. {
            tokio::select! {
                _ = term.recv() => {}
                _ = int.recv() => {}
            }
            if told > 0 {
                std::process::exit(1);
            }
            tracing::info!("stopping: requests in flight are finished first");
            tell.send_replace(true);
        }
    });
    Ok(stop)
}

/// Serves until told to stop, then ends in order: what everybody is served, and `more`.
#[expect(clippy::too_many_arguments, reason = "what a server is made of, once for all")]
pub async fn run(
    more: Router,
    settings: &Settings,
    opened: Opened,
    listener: TcpListener,
    public_url: &str,
    prometheus: PrometheusHandle,
    stop: watch::Receiver<bool>,
    ready: impl FnOnce(SocketAddr),
) -> Done {
    let config = &settings.config;
    let Opened { desk, db, .. } = opened;
    let address = listener.local_addr().unwrap_or(config.listen);
    let (ended, ending) = watch::channel(false);
    let metrics = match config.metrics_listen() {
        Some(place) => {
            let listener = metrics::listen(place).await?;
            Some(tokio::spawn(metrics::serve(listener, prometheus, desk.clone(), ending.clone())))
        }
        None => None,
    };
    let vault = wire_up::vault(config);
    if let Err(fault) = vault.ready() {
        tracing::warn!(%fault, "the place for documents cannot be opened: they can be neither added nor shown");
    }
    if !vault.can_read().await {
        tracing::warn!("the process that reads documents does not answer: they can be neither added nor shown");
    }
    let router = wire_up::router(&desk, config, public_url).merge(more);
    let worker = Worker::new(desk.clone(), wire_up::outside(config)?, public_url.to_owned(), ending)
        .with_witness(config.audit_witness.clone());
    let working = tokio::spawn(worker.run());
    tracing::info!(%address, version = env!("CARGO_PKG_VERSION"), "listening");
    ready(address);
    let proxies = Arc::new(Proxies::of(&config.trusted_proxies));
    connections(listener, router, proxies, config.max_connections, stop).await;
    ended.send_replace(true);
    if working.await.is_err() {
        tracing::error!("the worker has panicked");
    }
    if let Some(metrics) = metrics {
        metrics.abort();
    }
    db.stop().await;
    tracing::info!("stopped");
    Ok(())
}

/// Takes connections until told to stop; then waits for those that are in the middle of a request.
async fn connections(
    listener: TcpListener,
    router: Router,
    proxies: Arc<Proxies>,
    at_most: usize,
    mut stop: watch::Receiver<bool>,
) {
    let room = Arc::new(Semaphore::new(at_most));
    let all = Connections::new(at_most);
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD).max_headers(HEADERS).max_buf_size(HEAD_BYTES);
    let stopping = stop.clone();
    loop {
        let taken = async {
            let accepted = listener.accept().await;
            (accepted, room_for(&room, &all).await)
        };
        let (accepted, permit) = tokio::select! {
            _ = stop.wait_for(|stopping| *stopping) => break,
            taken = taken => taken,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(fault) => {
                tracing::warn!(%fault, "a connection could not be taken");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        // Behind a trusted proxy are many clients.
        let address = Some(limited_by(peer.ip())).filter(|_| !proxies.trust(peer.ip()));
        let Some(place) = all.enter(address) else {
            ::metrics::counter!("bursar_connections_refused_total").increment(1);
            let _ = stream.try_write(TOO_MANY);
            continue;
        };
        // Answers are small and complete; waiting for more of them to send helps nobody.
        if stream.set_nodelay(true).is_err() {
            continue;
        }
        let service = Service::new(router.clone(), peer, proxies.clone(), place.connection.clone());
        tokio::spawn(serve_one(http.clone(), stream, service, stopping.clone(), place, permit));
    }
    drop(listener);
    let everybody = room.acquire_many(u32::try_from(at_most).unwrap_or(u32::MAX));
    if tokio::time::timeout(LAST_REQUESTS, everybody).await.is_err() {
        tracing::warn!("some requests were not finished in time");
    }
}

/// Room for one connection more. Where there is none, whoever is slowest gives way; if all are being answered, it is waited for.
async fn room_for(room: &Arc<Semaphore>, all: &Arc<Connections>) -> Option<OwnedSemaphorePermit> {
    if let Ok(permit) = room.clone().try_acquire_owned() {
        return Some(permit);
    }
    loop {
        all.make_room();
        if let Ok(permit) = tokio::time::timeout(LEAVING, room.clone().acquire_owned()).await {
            return permit.ok();
        }
    }
}

/// One connection, to its end: the client's, that of the server, or because it gives way.
async fn serve_one(
    http: http1::Builder,
    stream: TcpStream,
    service: Service,
    mut stop: watch::Receiver<bool>,
    place: Place,
    permit: Option<OwnedSemaphorePermit>,
) {
    let mut connection = std::pin::pin!(http.serve_connection(TokioIo::new(stream), service));
    // How a client leaves is its own affair.
    tokio::select! {
        _ = connection.as_mut() => {}
        () = place.connection.asked_to_leave() => {
            connection.as_mut().graceful_shutdown();
            let left = tokio::time::timeout(LEAVING, connection.as_mut()).await;
            if left.is_err() && place.connection.is_answering() {
                let _ = connection.await;
            }
        }
        _ = async { stop.wait_for(|stopping| *stopping).await.is_ok() } => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
    drop((place, permit));
}
