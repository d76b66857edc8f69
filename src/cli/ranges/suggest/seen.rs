//! Where the signed senders are read from: the running gate, its state folder, or an access log.
//!
//! Invariant: an access log is read line by line, and no more senders are kept than a gate keeps.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use crate::admin::api::strangers::{SignedStranger, SignedStrangers};
use crate::cli::admin_client::AdminClient;
use crate::cli::flags::{Gate, Settings};
use crate::cli::signature::moment::Moment;
use crate::cli::{Failure, failed};
use crate::load::strangers::kept;
use crate::policy::outcome::{Outcome, Reason};
use crate::policy::signature::finding::Finding;
use crate::state::snapshot::Snapshot;
use crate::state::strangers::{Proven, Strangers};

const WITHIN: Duration = Duration::from_secs(10);
/// A line of the access log has at most 8 KiB.
const MOST_OF_LINE: u64 = 64 * 1024;

/// What a line of the access log says of its sender.
#[derive(Deserialize)]
struct Line {
    ts: String,
    client_ip: Option<IpAddr>,
    route: Option<String>,
    outcome: String,
    reason: String,
    list: Option<String>,
    would_deny: Option<String>,
    signature: Option<String>,
    api_key: Option<String>,
}

impl Line {
    /// Whether no list held the sender, and its signature was a good one.
    fn is_of_signed_stranger(&self) -> bool {
        let signed = Reason::SignedStranger.word();
        let good = [Finding::Valid, Finding::ValidHead].map(Finding::word);
        let is_good = self.signature.as_deref().is_some_and(|finding| good.contains(&finding));
        let denied = (self.outcome == Outcome::Denied.word()).then_some(self.reason.as_str());
        let why = self.would_deny.as_deref().or(denied);
        self.list.is_none() && is_good && why.is_none_or(|why| why == signed)
    }
}

/// Those that the running gate knows; without one, those that it kept.
pub(super) fn from_gate(settings: &Settings, snapshot: &Snapshot) -> Result<Vec<SignedStranger>, Failure> {
    let gate = Gate { file: settings.file.clone(), admin: settings.keys.admin.clone() };
    let asked = AdminClient::find(&gate)
        .and_then(|client| client.fetch::<SignedStrangers>("GET", "/strangers", WITHIN, &[200]));
    match (asked, snapshot.config.state.as_deref()) {
        (Ok((strangers, _)), _) => Ok(strangers.clients),
        (Err(failure), Some(state)) if state.join(crate::load::strangers::FILE).is_file() => {
            for line in failure.lines {
                eprintln!("the state folder {} is read instead: {line}", state.display());
            }
            kept(state).map_err(|error| failed(error.to_string()))
        }
        (Err(failure), _) => Err(failure),
    }
}

/// Those of an access log. Lines of another kind are passed over.
pub(super) fn from_log(path: &Path) -> Result<Vec<SignedStranger>, Failure> {
    let shown = || path.display().to_string();
    let log: Box<dyn Read> = if path.as_os_str() == "-" {
        Box::new(io::stdin().lock())
    } else {
        Box::new(File::open(path).map_err(|error| failed(format!("--from: {}: {error}", shown())))?)
    };
    let (mut log, mut line) = (BufReader::new(log), Vec::new());
    let strangers = Strangers::default();
    let (mut lines, mut read) = (0u64, 0u64);
    loop {
        line.clear();
        let length = log.by_ref().take(MOST_OF_LINE).read_until(b'\n', &mut line);
        if length.map_err(|error| failed(format!("--from: {}: {error}", shown())))? == 0 {
            break;
        }
        lines += 1;
        let Ok(parsed) = serde_json::from_slice::<Line>(&line) else { continue };
        read += 1;
        note(&strangers, &parsed);
    }
    if lines > 0 && read == 0 {
        return Err(failed(format!(
            "--from: {}: none of {lines} lines is one of an access log in JSON",
            shown()
        )));
    }
    Ok(strangers.all())
}

fn note(strangers: &Strangers, line: &Line) {
    let at = line.ts.parse::<Moment>().ok();
    let (Some(client), Some(route), Some(Moment(now))) = (line.client_ip, &line.route, at) else { return };
    if line.is_of_signed_stranger() {
        let signed_by =
            line.api_key.as_ref().map_or_else(|| "a named secret".to_owned(), |key| format!("api_key {key}"));
        strangers.note(Proven { client, signed_by: &signed_by, route, now });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_of_a_signed_stranger_where_no_list_and_no_other_reason_stands_against_it() {
        let line = |text: &str| serde_json::from_str::<Line>(text).unwrap().is_of_signed_stranger();
        let with = |outcome: &str, reason: &str, list: &str, would_deny: &str, signature: &str| {
            line(&format!(
                "{{\"ts\":\"2026-11-27T21:30:00.000Z\",\"client_ip\":\"8.8.8.8\",\"route\":\"/a\",\"outcome\":\"{outcome}\",\
                 \"reason\":\"{reason}\",\"list\":{list},\"would_deny\":{would_deny},\"signature\":{signature},\"more\":1}}"
            ))
        };
        assert!(with("denied", "signed_stranger", "null", "null", "\"valid_head\""));
        assert!(with("delivered", "success", "null", "null", "\"valid\""));
        assert!(with("undelivered", "status", "null", "\"signed_stranger\"", "\"valid\""));
        assert!(!with("delivered", "success", "\"sms\"", "null", "\"valid\""));
        assert!(!with("denied", "not_listed", "null", "null", "null"));
        assert!(!with("denied", "just_removed", "null", "null", "\"valid\""));
        assert!(!with("delivered", "success", "null", "\"not_listed\"", "\"bad\""));
    }
}
