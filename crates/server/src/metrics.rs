//! What operators watch: counters and histograms that the doors keep, and gauges of the desk, in Prometheus' format on
//! an address of their own.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use desk::Desk;
use desk::value::clock::SECOND;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::trouble::{Done, Trouble};

/// Seconds: from what an indexed read takes to what a caller gives up at.
const BUCKETS: &[f64] = &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// How often old samples are folded and the gauges read.
const EVERY: Duration = Duration::from_secs(5);

/// Begins to count. Once in a process, before anything is counted.
pub fn start() -> Done<PrometheusHandle> {
    let failed = |fault: metrics_exporter_prometheus::BuildError| {
        Trouble::new(format!("the metrics cannot be started: {fault}"), "Set metrics_listen to off.")
    };
    let handle = PrometheusBuilder::new().set_buckets(BUCKETS).map_err(failed)?.install_recorder().map_err(failed)?;
    metrics::describe_counter!("bursar_requests_total", "Requests answered, by door, route and status.");
    metrics::describe_histogram!("bursar_request_seconds", metrics::Unit::Seconds, "How long answers took.");
    metrics::describe_counter!(
        "bursar_unauthenticated_total",
        "Requests whose proof of identity did not hold, by door."
    );
    metrics::describe_counter!(
        "bursar_connections_refused_total",
        "Connections refused because their address held a tenth of all, none of which gave way."
    );
    metrics::describe_gauge!("bursar_queue_depth", "Writes that wait.");
    metrics::describe_gauge!("bursar_wal_pages", "Pages in SQLite's write-ahead log.");
    metrics::describe_counter!("bursar_commits_total", "Transactions committed.");
    metrics::describe_counter!("bursar_writes_total", "Changes within them.");
    metrics::describe_gauge!("bursar_job_lag_seconds", "How long the oldest job that is due has waited.");
    metrics::describe_counter!("bursar_jobs_total", "Jobs worked on, by kind and outcome.");
    metrics::describe_counter!("bursar_bulk_users_total", "Users who had their turn in a bulk action.");
    metrics::describe_counter!("bursar_messages_total", "Messages handed over, by channel and outcome.");
    metrics::describe_gauge!("bursar_build_info", "Always 1; the version is a label.");
    metrics::gauge!("bursar_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    Ok(handle)
}

fn read_gauges(desk: &Desk) {
    let gauges = desk.db().gauges();
    metrics::gauge!("bursar_queue_depth").set(gauges.queue_depth as f64);
    metrics::gauge!("bursar_wal_pages").set(gauges.wal_pages as f64);
    metrics::counter!("bursar_commits_total").absolute(gauges.batches);
    metrics::counter!("bursar_writes_total").absolute(gauges.actions);
}

/// Listens for whoever collects the metrics.
pub async fn listen(address: SocketAddr) -> Done<TcpListener> {
    TcpListener::bind(address).await.map_err(|fault| {
        Trouble::new(
            format!("cannot serve metrics on {address}: {fault}"),
            "Choose another address with --metrics-listen, or `--metrics-listen off`.",
        )
    })
}

/// Serves the metrics until the process stops.
pub async fn serve(listener: TcpListener, handle: PrometheusHandle, desk: Desk, mut stop: watch::Receiver<bool>) {
    let (folding, polled) = (handle.clone(), desk.clone());
    let upkeep = tokio::spawn(async move {
        loop {
            folding.run_upkeep();
            read_gauges(&polled);
            if let Ok(due) = polled.next_job_due().await {
                let late = due.map_or(0, |due| polled.now().0.saturating_sub(due.0).max(0));
                metrics::gauge!("bursar_job_lag_seconds").set(late as f64 / SECOND as f64);
            }
            tokio::time::sleep(EVERY).await;
        }
    });
    let page = get(move || {
        read_gauges(&desk);
        let text = handle.render();
        async move { ([("content-type", "text/plain; version=0.0.4; charset=utf-8")], text) }
    });
    let until = async move {
        // An error means that nobody is left to say stop: the process is ending.
        let _ = stop.wait_for(|stopping| *stopping).await;
    };
    let served = axum::serve(listener, Router::new().route("/metrics", page)).with_graceful_shutdown(until);
    if let Err(fault) = served.await {
        tracing::error!(%fault, "metrics are no longer served");
    }
    upkeep.abort();
}
