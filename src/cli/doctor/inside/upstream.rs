//! The application: whether it answers, and what its clock says.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use time::OffsetDateTime;
use time::macros::format_description;

use crate::cli::doctor::checks::Check;
use crate::cli::doctor::outside::answer::{Answer, Instead};
use crate::cli::doctor::outside::shown::Versions;
use crate::cli::doctor::outside::visitor::{NoAnswer, Visitor, Way};
use crate::cli::doctor::report::Finding;
use crate::config::Target;
use crate::state::endpoint::Endpoint;
use crate::state::snapshot::Snapshot;
use crate::telemetry::timestamp::unix_seconds;

const WITHIN: Duration = Duration::from_secs(5);
/// How far the clocks may differ, in seconds.
const APART: i64 = 5;

/// Asks each endpoint once, on its path for health or on `/`.
#[must_use]
pub(crate) fn judge(snapshot: &Snapshot) -> Vec<Finding> {
    let mut visitor = Visitor::new(None, None);
    let endpoints = snapshot.endpoints();
    let rows: Vec<(String, Result<Option<Answer>, Instead>)> =
        endpoints.values().map(|endpoint| (endpoint.url.clone(), ask(&mut visitor, endpoint))).collect();
    let now = i64::try_from(unix_seconds(SystemTime::now())).unwrap_or(i64::MAX);
    vec![answers(&rows), clock(&rows, now)]
}

/// An answer; none where a UNIX socket takes connections.
fn ask(visitor: &mut Visitor, endpoint: &Endpoint) -> Result<Option<Answer>, Instead> {
    let (Target::Http { host, port } | Target::Https { host, port }) = &endpoint.target else {
        let Target::Unix(path) = &endpoint.target else { return Ok(None) };
        return UnixStream::connect(path).map(|_| None).map_err(|error| Instead::of(&error));
    };
    let found =
        (host.as_str(), *port).to_socket_addrs().map_err(|error| Instead(format!("{host}: {error}")))?;
    let path = endpoint.check.as_ref().map_or("/", |check| check.path.as_str());
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    let mut last = format!("{host} has no address");
    for address in found {
        match visitor.ask(&way(endpoint, address), &[request.as_bytes()]) {
            Ok(heard) => return Ok(Some(heard.answer().clone())),
            Err(error @ NoAnswer::Unreached(..)) => last = error.to_string(),
            Err(error) => return Err(Instead::of(&error)),
        }
    }
    Err(Instead(last))
}

fn way(endpoint: &Endpoint, address: SocketAddr) -> Way {
    Way {
        address,
        tls: endpoint.tls.as_ref().map(|tls| tls.name.clone()),
        config: endpoint.tls.as_ref().map(|tls| Arc::clone(&tls.config)),
        versions: Versions::Both,
        sni: true,
        preface: Vec::new(),
        within: WITHIN,
        all: false,
    }
}

fn answers(rows: &[(String, Result<Option<Answer>, Instead>)]) -> Finding {
    let check = Check::UpstreamAnswers;
    if let Some((url, Err(words))) = rows.iter().find(|(_, came)| came.is_err()) {
        let change = "start the application, or mend upstream: in the configuration";
        return Finding::fail(check, format!("{url}: {words}"), change);
    }
    let shown = |(url, came): &(String, Result<Option<Answer>, Instead>)| match came {
        Ok(Some(answer)) => format!("{url} answers {}", answer.status),
        _ => format!("{url} takes connections"),
    };
    let broken = |came: &Result<Option<Answer>, Instead>| {
        came.as_ref().is_ok_and(|answer| answer.as_ref().is_some_and(|answer| answer.status >= 500))
    };
    match rows.iter().find(|(_, came)| broken(came)) {
        Some(row) => Finding::warn(check, shown(row), "look at the application's own log"),
        None => Finding::pass(check, rows.iter().map(shown).collect::<Vec<_>>().join(", ")),
    }
}

fn clock(rows: &[(String, Result<Option<Answer>, Instead>)], now: i64) -> Finding {
    let dated = rows.iter().find_map(|(url, came)| {
        let date = came.as_ref().ok()?.as_ref()?.field("date")?;
        Some((url, seconds(date)?))
    });
    let Some((url, then)) = dated else {
        return Finding::skip(Check::TimeClock, "the application's answer has no Date to compare with");
    };
    let apart = (now - then).abs();
    let evidence = format!("this clock and that of {url} are {apart} s apart");
    if apart <= APART {
        return Finding::pass(Check::TimeClock, evidence);
    }
    Finding::warn(Check::TimeClock, evidence, "let both follow a time server: timedatectl set-ntp true")
}

/// The Unix time of a date (RFC 9110 section 5.6.7).
fn seconds(date: &str) -> Option<i64> {
    let form = format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    let date = time::PrimitiveDateTime::parse(date, form).ok()?;
    Some(OffsetDateTime::unix_timestamp(date.assume_utc()))
}
