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

use crate::policy::bytes::is_plain;
use crate::telemetry::{LineSink, timestamp};

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
                json_string(&mut line, fields.message.as_bytes());
                line.extend_from_slice(fields.rest.as_bytes());
                line.extend_from_slice(b"}\n");
            }
            Form::Text => {
                timestamp::write(&mut line, SystemTime::now());
                line.extend_from_slice(format!(" {level:5} {}{}\n", fields.message, fields.rest).as_bytes());
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
        match (field.name(), self.form) {
            ("message", _) => value.clone_into(&mut self.message),
            (name, Form::Json) => {
                let mut out = Vec::new();
                json_string(&mut out, value.as_bytes());
                // Writing to a String cannot fail.
                let _ = write!(self.rest, ",\"{name}\":{}", String::from_utf8_lossy(&out));
            }
            (name, Form::Text) => {
                let _ = write!(self.rest, " {name}={}", value.escape_debug());
            }
        }
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

/// Appends a JSON string. Bytes that are not UTF-8 become U+FFFD, so a line is always valid JSON.
pub(crate) fn json_string(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    // Nearly every string is plain.
    if is_plain(bytes) {
        out.extend_from_slice(bytes);
    } else {
        for c in String::from_utf8_lossy(bytes).chars() {
            match c {
                '"' => out.extend_from_slice(b"\\\""),
                '\\' => out.extend_from_slice(b"\\\\"),
                // Control characters of both ranges, and the separators that some readers treat as line ends.
                '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' => {
                    out.extend_from_slice(format!("\\u{:04x}", u32::from(c)).as_bytes());
                }
                c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
    }
    out.push(b'"');
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
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_bytes_become_one_valid_json_string(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let mut out = Vec::new();
            json_string(&mut out, &bytes);
            prop_assert!(!out.contains(&b'\n'));
            let back: String = serde_json::from_slice(&out).unwrap();
            prop_assert_eq!(back, String::from_utf8_lossy(&bytes).into_owned());
        }
    }
}
