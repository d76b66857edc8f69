//! One request as a line or two for the person who writes the application.

use std::fmt::Write as _;

use serde::Deserialize;

use crate::policy::mask::mode::Mask;
use crate::policy::provider::DEFAULT;
use crate::policy::provider::next::Try;
use crate::policy::provider::tries::Ended;

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
    pub(super) fn text(&self, full: bool) -> String {
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
            self.path(full),
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
        for line in self.note.iter().chain(&self.what_follows()) {
            let _ = writeln!(text, "          {line}");
        }
        text
    }

    /// The path, without numbers unless all is shown: a terminal is easily shown to others.
    fn path(&self, full: bool) -> String {
        let path = self.path.as_deref().unwrap_or(NOTHING);
        Mask { full, names: &DEFAULT.fields }.path(path.as_bytes())
    }

    /// What the sender does now, where that is not nothing.
    fn what_follows(&self) -> Option<String> {
        let webhook = DEFAULT.webhook(self.webhook.as_deref()?)?;
        let outlook = || Some(webhook.spec().outlook(Try::first(Ended::Status(self.status?))));
        match self.outcome.as_deref()? {
            "undelivered" | "refused" => outlook(),
            // It may be anybody.
            "denied" => Some(format!("if it was {}: {}", DEFAULT.name, outlook()?)),
            _ => None,
        }
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
            row.text(false),
            "12:03:11  200  delivered  POST /webhooks/inbound-sms from 127.0.0.1, list this-machine, webhook sms-inbound\n          \
             the application answered 201 after 3.25 ms\n"
        );
    }

    #[test]
    fn a_request_that_failed_has_its_reason_and_the_note() {
        let of_person = Row { path: Some("/short-code/447700900123".to_owned()), ..Row::default() };
        assert!(of_person.text(false).contains(" /short-code/4477******23 "), "{}", of_person.text(false));
        assert!(of_person.text(true).contains(" /short-code/447700900123 "));
        let row = Row {
            ts: Some("x".to_owned()),
            outcome: Some("denied".to_owned()),
            reason: Some("no_route".to_owned()),
            note: Some("write it otherwise".to_owned()),
            ..Row::default()
        };
        assert!(row.has_no_route());
        assert_eq!(
            row.text(false),
            "-         -    denied (no_route)  - - from -\n          write it otherwise\n"
        );
        let down = Row {
            outcome: Some("undelivered".to_owned()),
            webhook: Some("sms-inbound".to_owned()),
            status: Some(503),
            ..Row::default()
        };
        assert!(
            down.text(false).contains("\n          503: SMS sends it again in 60 s"),
            "{}",
            down.text(false)
        );
        let stranger = Row { outcome: Some("denied".to_owned()), ..down };
        assert!(
            stranger.text(false).contains(&format!("\n          if it was {}: 503: SMS sends", DEFAULT.name)),
            "{}",
            stranger.text(false)
        );
        let summary = Row { suppressed: Some(7), reason: Some("not_listed".to_owned()), ..Row::default() };
        assert_eq!(summary.text(false), "-         7 more: not_listed\n");
    }
}
