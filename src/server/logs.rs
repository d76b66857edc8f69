//! The two logs of the process: the event log and the access log, opened as the configuration says.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use crate::config::{AccessLog as AccessConfig, Config, LogFormat, LogLevel, Problem};
use crate::gate::request::log::access_log::AccessLog;
use crate::server::failure::Failure;
use crate::state::report::Cause;
use crate::state::stats::gauges::Gauges;
use crate::telemetry::events::{self, Form};
use crate::telemetry::{Destination, LineSink};

/// How long a reload, or the end of the process, waits for the logs to be written.
const FLUSH_WITHIN: Duration = Duration::from_secs(1);

/// What a reload also does: it opens the access log's file again at a manual reload, and at every reload
/// while that has failed. A failure is a problem of the reload.
pub(super) fn reopen_access_log(access: AccessLog, gauges: Arc<Gauges>) -> impl Fn(Cause) -> Vec<Problem> {
    move |cause| {
        if cause != Cause::Changed || access.trouble().is_some() {
            access.reopen(FLUSH_WITHIN);
        }
        let trouble = access.trouble();
        gauges.log_reopen_failed.store(trouble.is_some().into(), Relaxed);
        trouble.map(|why| Problem::new("log.access", why)).into_iter().collect()
    }
}

/// The two logs of the process.
pub(super) struct Logs {
    events: LineSink,
    access_lines: LineSink,
    /// The access log.
    pub access: AccessLog,
}

impl Logs {
    /// Opens both.
    ///
    /// # Errors
    /// A file cannot be opened.
    pub(super) fn open(config: &Config) -> Result<Self, Failure> {
        let form = match config.log.format {
            LogFormat::Json => Form::Json,
            LogFormat::Text => Form::Text,
        };
        let level = match config.log.level {
            LogLevel::Error => tracing::Level::ERROR,
            LogLevel::Warn => tracing::Level::WARN,
            LogLevel::Info => tracing::Level::INFO,
            LogLevel::Debug => tracing::Level::DEBUG,
        };
        let cannot =
            |what: &str, error: &dyn std::fmt::Display| Failure::run_time(format!("{what}: {error}"));
        let events = LineSink::open(Destination::Stderr).map_err(|e| cannot("cannot log", &e))?;
        events::install(events.clone(), form, level).map_err(|e| cannot("cannot log", &e))?;
        std::panic::set_hook(Box::new(
            |panic| tracing::error!(%panic, "panic: a defect of nexmo-gate, please report it"),
        ));
        let destination = match &config.log.access {
            AccessConfig::Stderr => Destination::Stderr,
            AccessConfig::Stdout => Destination::Stdout,
            AccessConfig::Off => Destination::Off,
            AccessConfig::File(path) => Destination::of(path),
        };
        let access_lines = match destination {
            // One writer for both, so that lines stay whole.
            Destination::Stderr => events.clone(),
            Destination::File(path) => LineSink::open(Destination::File(path.clone()))
                .map_err(|e| cannot(&format!("log.access: {}", path.display()), &e))?,
            other => LineSink::open(other).map_err(|e| cannot("log.access", &e))?,
        };
        let access = AccessLog::new(access_lines.clone(), form);
        Ok(Self { events, access_lines, access })
    }

    /// Writes what is still to be written, for a second at most.
    pub(super) fn end(&self) {
        self.access.sum_up(true);
        let until = Instant::now() + FLUSH_WITHIN;
        self.access_lines.flush(until);
        self.events.flush(until);
    }
}
