//! The event log: what happens in the process itself, through `tracing`, as JSON or text.
//!
//! One line per event, with the keys `ts`, `level`, `message` and the event's own fields. Events of pingora
//! and other libraries come in through the `log` facade, warnings and errors only. What a line says is
//! decided elsewhere.

use std::fmt::Write as _;
use std::time::SystemTime;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry;

use crate::telemetry::bounded::{self, json_string};
use crate::telemetry::{LineSink, timestamp};

/// The bytes of a message. With those of the fields it is less than [`bounded::MOST_LINE`].
const MOST_MESSAGE: usize = 2048;
/// The bytes of all fields of text, such as the problems of a reload, and of one that has no place any more: it is
/// named, and cut.
const MOST_FIELDS: usize = 5000;
const LEAST_FIELD: usize = 16;
const _: () = assert!(MOST_MESSAGE + MOST_FIELDS + 1024 <= bounded::MOST_LINE);

/// The format of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One JSON object per line, for programs.
    Json,
    /// Text, for people.
    Text,
}

/// Something else has the events of this process already.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InstallError {
    /// Those of its own.
    #[error(transparent)]
    Subscriber(#[from] tracing::subscriber::SetGlobalDefaultError),
    /// Those of its libraries.
    #[error("{0}")]
    Logger(log::SetLoggerError),
}

/// Sends all events of the process to `sink`, those at least as severe as `level`.
///
/// # Errors
/// Another subscriber is installed already.
pub(crate) fn install(sink: LineSink, form: Form, level: Level) -> Result<(), InstallError> {
    let subscriber = registry().with(Lines { sink, form, level });
    tracing::subscriber::set_global_default(subscriber)?;
    log::set_logger(&Bridge).map_err(InstallError::Logger)?;
    log::set_max_level(log::LevelFilter::Warn);
    Ok(())
}

struct Lines {
    sink: LineSink,
    form: Form,
    level: Level,
}

impl<S: Subscriber> Layer<S> for Lines {
    fn enabled(&self, metadata: &tracing::Metadata<'_>, _: Context<'_, S>) -> bool {
        // A warning of the HTTP/2 library is about something that a peer did, which is counted: a stranger
        // must not fill the log.
        let of_peers = metadata.target().starts_with("h2::") && *metadata.level() > Level::ERROR;
        *metadata.level() <= self.level && !of_peers
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields { form: self.form, message: String::new(), rest: String::new() };
        event.record(&mut fields);
        let mut line = Vec::with_capacity(256);
        let level = event.metadata().level().as_str();
        match self.form {
            Form::Json => {
                line.extend_from_slice(b"{\"ts\":\"");
                timestamp::write(&mut line, SystemTime::now());
                line.extend_from_slice(format!("\",\"level\":\"{level}\",\"message\":").as_bytes());
                json_string(&mut line, fields.message.as_bytes(), MOST_MESSAGE);
                line.extend_from_slice(fields.rest.as_bytes());
                line.extend_from_slice(b"}\n");
            }
            Form::Text => {
                timestamp::write(&mut line, SystemTime::now());
                line.extend_from_slice(format!(" {level:5} ").as_bytes());
                bounded::text(&mut line, fields.message.as_bytes(), MOST_MESSAGE);
                line.extend_from_slice(fields.rest.as_bytes());
                line.push(b'\n');
            }
        }
        self.sink.push(&line);
    }
}

struct Fields {
    form: Form,
    message: String,
    rest: String,
}

impl Fields {
    fn text(&mut self, field: &Field, value: &str) {
        let room = MOST_FIELDS.saturating_sub(self.rest.len()).max(LEAST_FIELD);
        let mut out = Vec::new();
        // Writing to a String cannot fail.
        let _ = match (field.name(), self.form) {
            ("message", _) => return value.clone_into(&mut self.message),
            (name, Form::Json) => {
                json_string(&mut out, value.as_bytes(), room);
                write!(self.rest, ",\"{name}\":{}", String::from_utf8_lossy(&out))
            }
            (name, Form::Text) => {
                bounded::text(&mut out, value.as_bytes(), room);
                write!(self.rest, " {name}={}", String::from_utf8_lossy(&out))
            }
        };
    }

    fn bare(&mut self, field: &Field, value: impl std::fmt::Display) {
        let _ = match self.form {
            Form::Json => write!(self.rest, ",\"{}\":{value}", field.name()),
            Form::Text => write!(self.rest, " {}={value}", field.name()),
        };
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.text(field, &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.bare(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.bare(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.bare(field, value);
    }
}

/// Passes events of the `log` facade to `tracing`.
struct Bridge;

impl log::Log for Bridge {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() <= log::Level::Warn
    }

    fn log(&self, record: &log::Record<'_>) {
        match record.level() {
            log::Level::Error => tracing::error!(library = record.target(), "{}", record.args()),
            log::Level::Warn => tracing::warn!(library = record.target(), "{}", record.args()),
            _ => {}
        }
    }

    fn flush(&self) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::Destination;
    use proptest::prelude::*;
    use std::time::{Duration, Instant};

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn no_line_is_longer_than_its_bound(one in "[\"\\\\a\u{1}ü]{0,12000}", two in "\\PC{0,3000}", length in 0usize..12_000) {
            let folder = tempfile::tempdir().unwrap();
            for form in [Form::Json, Form::Text] {
                let path = folder.path().join(format!("{form:?}"));
                let sink = LineSink::open(Destination::File(path.clone())).unwrap();
                let subscriber = registry().with(Lines { sink: sink.clone(), form, level: Level::INFO });
                tracing::subscriber::with_default(subscriber, || {
                    tracing::info!(one, count = u64::MAX, two, three = one, four = two, five = ?one, "{}", "m".repeat(length));
                });
                sink.flush(Instant::now() + Duration::from_secs(20));
                let text = std::fs::read_to_string(&path).unwrap();
                prop_assert!(text.len() <= bounded::MOST_LINE && text.ends_with('\n'), "{}", text.len());
                prop_assert_eq!(text.lines().count(), 1);
                if form == Form::Json {
                    let line: serde_json::Value = serde_json::from_str(&text).unwrap();
                    prop_assert_eq!(line["count"].as_u64(), Some(u64::MAX));
                }
            }
        }
    }
}
