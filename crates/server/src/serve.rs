//! Serving: connections in, answers out, and an end in order. At SIGTERM or SIGINT no new connection is taken, requests
//! in flight are answered, the worker finishes what it has begun, and the queue of writes is worked off.

use std::convert::Infallible;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Semaphore, watch};

use crate::config::Settings;
use crate::trouble::{Done, Trouble};
use crate::wire_up::{self, Absent, Opened};
use crate::worker::Worker;
use crate::{log, metrics};

/// How long a client may take to send the head of a request; also how long a quiet connection is kept.
const HEAD: Duration = Duration::from_secs(30);
/// How many headers a request may have, and how large its head may be.
const HEADERS: usize = 100;
const HEAD_BYTES: usize = 64 * 1024;
/// How long requests in flight may take once we are told to stop.
const LAST_REQUESTS: Duration = Duration::from_secs(20);
/// A pause when no connection can be taken (too many open files), so that the loop does not spin.
const PAUSE: Duration = Duration::from_millis(50);

/// `bursar serve`.
pub async fn serve(settings: Settings) -> Done {
    log::start(&settings.config)?;
    let prometheus = metrics::start()?;
    let stop = signals()?;
    // Before the database is touched: a second server on the same address must not come that far.
    let listener = listen(settings.config.listen).await?;
    let opened = wire_up::open(&settings, Absent::Make).await?;
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
    let worker = Worker::new(desk.clone(), wire_up::outside(config)?, public_url.to_owned(), ending);
    let working = tokio::spawn(worker.run());
    tracing::info!(%address, version = env!("CARGO_PKG_VERSION"), "listening");
    ready(address);
    connections(listener, router, config.max_connections, stop).await;
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
async fn connections(listener: TcpListener, router: Router, at_most: usize, mut stop: watch::Receiver<bool>) {
    let room = Arc::new(Semaphore::new(at_most));
    let open = GracefulShutdown::new();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD).max_headers(HEADERS).max_buf_size(HEAD_BYTES);
    loop {
        // A place first, then a connection: those for whom there is no place wait in the system's queue.
        let taken = async {
            let place = room.clone().acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
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
        // Answers are small and complete; waiting for more of them to send helps nobody.
        if stream.set_nodelay(true).is_err() {
            continue;
        }
        let connection = open.watch(one(&http, stream, peer, router.clone()));
        tokio::spawn(async move {
            // How a client leaves is its own affair.
            let _ = connection.await;
            drop(place);
        });
    }
    drop(listener);
    if tokio::time::timeout(LAST_REQUESTS, open.shutdown()).await.is_err() {
        tracing::warn!("some requests were not finished in time");
    }
}

fn one(
    http: &http1::Builder,
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
) -> http1::Connection<TokioIo<TcpStream>, Answering> {
    http.serve_connection(TokioIo::new(stream), Answering { router, peer })
}

/// Answers the requests of one connection.
struct Answering {
    router: Router,
    peer: SocketAddr,
}

impl hyper::service::Service<hyper::Request<Incoming>> for Answering {
    type Response = axum::response::Response;
    type Error = Infallible;
    type Future = axum::routing::future::RouteFuture<Infallible>;

    fn call(&self, mut request: hyper::Request<Incoming>) -> Self::Future {
        request.extensions_mut().insert(ConnectInfo(self.peer));
        // A router is always ready, so there is no need to ask.
        tower::Service::call(&mut self.router.clone(), request)
    }
}
