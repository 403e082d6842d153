//! The log: one line for each event, to standard error, JSON or for people. Spans carry the request id; personal data
//! never gets here (values are ids, codes and counts).

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{Config, LogFormat};
use crate::trouble::{Done, Trouble};

/// Starts the log. Once in a process.
pub fn start(config: &Config) -> Done {
    let filter = EnvFilter::try_new(&config.log_level).map_err(|fault| {
        Trouble::usage(
            format!("the setting log_level cannot be used: {fault}"),
            "Use error, warn, info or debug, or a filter such as info,api=debug.",
        )
    })?;
    let registry = tracing_subscriber::registry().with(filter);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let started = match config.log_format {
        LogFormat::Json => registry.with(lines.json().flatten_event(true)).try_init(),
        LogFormat::Text => registry.with(lines.with_target(false).with_ansi(false)).try_init(),
    };
    started.map_err(|fault| Trouble::new(format!("the log cannot be started: {fault}"), ""))
}
