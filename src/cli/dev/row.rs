//! One request as a line or two for the person who writes the application.

use std::fmt::Write as _;

use serde::Deserialize;

/// The fields of an access log line that are shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Row {
    ts: Option<String>,
    outcome: Option<String>,
    reason: Option<String>,
    client_ip: Option<String>,
    list: Option<String>,
    webhook: Option<String>,
    method: Option<String>,
    path: Option<String>,
    status: Option<u16>,
    upstream_status: Option<u16>,
    upstream_ms: Option<serde_json::Number>,
    signature: Option<String>,
    note: Option<String>,
    suppressed: Option<u64>,
}

/// Stands for what is not known.
const NOTHING: &str = "-";

impl Row {
    /// Whether no route led to the application.
    pub(super) fn has_no_route(&self) -> bool {
        self.reason.as_deref() == Some("no_route")
    }

    /// The request, what became of it, and the gate's note.
    pub(super) fn text(&self) -> String {
        let or = |text: &Option<String>| text.clone().unwrap_or_else(|| NOTHING.to_owned());
        if let Some(more) = self.suppressed {
            return format!("{:<8}  {more} more: {}\n", self.time(), or(&self.reason));
        }
        let status = self.status.map_or_else(|| NOTHING.to_owned(), |status| status.to_string());
        let mut text = format!(
            "{:<8}  {status:<3}  {}  {} {} from {}",
            self.time(),
            self.became(),
            or(&self.method),
            or(&self.path),
            or(&self.client_ip),
        );
        let facts = [("list", &self.list), ("webhook", &self.webhook), ("signature", &self.signature)];
        for (name, fact) in facts {
            if let Some(fact) = fact {
                // Writing to a String cannot fail, here and below.
                let _ = write!(text, ", {name} {fact}");
            }
        }
        text.push('\n');
        if let (Some(status), Some(took)) = (self.upstream_status, &self.upstream_ms) {
            let _ = writeln!(text, "          the application answered {status} after {took} ms");
        }
        if let Some(note) = &self.note {
            let _ = writeln!(text, "          {note}");
        }
        text
    }

    /// The outcome, with the reason where it says more.
    fn became(&self) -> String {
        let (outcome, reason) = (self.outcome.as_deref(), self.reason.as_deref());
        match (outcome.unwrap_or(NOTHING), reason) {
            ("delivered", _) | (_, None) => outcome.unwrap_or(NOTHING).to_owned(),
            (outcome, Some(reason)) => format!("{outcome} ({reason})"),
        }
    }

    /// The time of day, as the log has it.
    fn time(&self) -> &str {
        self.ts.as_deref().and_then(|ts| ts.get(11..19)).unwrap_or(NOTHING)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_shown_with_what_became_of_it() {
        let row: Row = serde_json::from_str(
            r#"{"ts":"2026-11-28T12:03:11.123Z","outcome":"delivered","reason":"success","client_ip":"127.0.0.1",
                "list":"this-machine","webhook":"sms-inbound","method":"POST","path":"/webhooks/inbound-sms",
                "status":200,"upstream_status":201,"upstream_ms":3.25,"signature":null,"note":null}"#,
        )
        .unwrap();
        assert_eq!(
            row.text(),
            "12:03:11  200  delivered  POST /webhooks/inbound-sms from 127.0.0.1, list this-machine, webhook sms-inbound\n          \
             the application answered 201 after 3.25 ms\n"
        );
    }

    #[test]
    fn a_request_that_failed_has_its_reason_and_the_note() {
        let row = Row {
            ts: Some("x".to_owned()),
            outcome: Some("denied".to_owned()),
            reason: Some("no_route".to_owned()),
            note: Some("write it otherwise".to_owned()),
            ..Row::default()
        };
        assert!(row.has_no_route());
        assert_eq!(
            row.text(),
            "-         -    denied (no_route)  - - from -\n          write it otherwise\n"
        );
        let summary = Row { suppressed: Some(7), reason: Some("not_listed".to_owned()), ..Row::default() };
        assert_eq!(summary.text(), "-         7 more: not_listed\n");
    }
}
