//! Active health checks: a small GET at regular intervals, to the same addresses and over the same TLS as requests.
//!
//! A status from 200 to 399 passes. What a result changes is decided in `state::stats::health`. Invariant: each check
//! opens a connection of its own, because it must show whether the endpoint accepts one.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use pingora::protocols::Stream;
use tokio::io::AsyncWriteExt as _;
use tokio::time::{sleep, timeout};

use crate::config::{HealthCheck, Target};
use crate::policy::outcome::Reason;
use crate::state::endpoint::Endpoint;
use crate::upstream::answer::{self, Bounds};
use crate::upstream::balancer;
use crate::upstream::connect::{Unreachable, connect};
use crate::upstream::resolver::Addresses;
use crate::wire::budget::Budget;

/// The largest answer to a check, head and body together.
const MAX_ANSWER: usize = 256 << 10;

/// Checks an endpoint until its task is ended, which happens when the configuration no longer names the endpoint.
pub(crate) async fn check_forever(endpoint: &Endpoint, addresses: &Addresses, check: &HealthCheck) {
    // Begin at a random time, so that gates that were started together do not check together.
    sleep(jitter(check.every)).await;
    loop {
        let result = timeout(check.timeout, check_once(endpoint, addresses, check)).await;
        let too_late = failed(Reason::Deadline, "no answer within the check's timeout");
        let result = result.unwrap_or(Err(too_late));
        balancer::note_checked(endpoint, result.as_ref().err());
        sleep(check.every).await;
    }
}

/// A random part of the interval.
fn jitter(every: Duration) -> Duration {
    // The keys of a hasher are the only random numbers that the standard library offers.
    let random = RandomState::new().hash_one(()) % 1000;
    every * u32::try_from(random).unwrap_or(0) / 1000
}

async fn check_once(
    endpoint: &Endpoint,
    addresses: &Addresses,
    check: &HealthCheck,
) -> Result<(), Unreachable> {
    let mut stream = connect(endpoint, addresses).await?;
    let status = get(&mut stream, &request(&endpoint.target, &check.path)).await?;
    if (200..=399).contains(&status) {
        Ok(())
    } else {
        Err(failed(Reason::Status, format!("{} answered {status}", check.path)))
    }
}

async fn get(stream: &mut Stream, request: &[u8]) -> Result<u16, Unreachable> {
    let broke = |error: std::io::Error| failed(answer::ended_by(&error), error.to_string());
    stream.write_all(request).await.map_err(broke)?;
    stream.flush().await.map_err(broke)?;
    // A budget of its own: checks must not use up `limits.buffers`, which bounds webhooks.
    let held = AtomicU64::new(0);
    let mut budget = Budget::alone(&held, 2 * MAX_ANSWER);
    let bounds = Bounds { size: MAX_ANSWER, to_head: false };
    let answer = answer::read(stream, Vec::new(), bounds, &mut budget).await;
    answer.map(|answer| answer.status).map_err(|broken| match broken.flaw {
        Some(flaw) => failed(broken.reason, format!("the answer is malformed: {flaw}")),
        None => failed(broken.reason, "the answer is not complete"),
    })
}

fn failed(reason: Reason, error: impl Into<String>) -> Unreachable {
    Unreachable { reason, error: error.into() }
}

fn request(target: &Target, path: &str) -> Vec<u8> {
    let host = match target {
        Target::Unix(_) => "localhost".to_owned(),
        Target::Http { .. } | Target::Https { .. } => {
            let url = target.to_string();
            url.split_once("://").map_or(String::new(), |(_, authority)| authority.to_owned())
        }
    };
    let version = env!("CARGO_PKG_VERSION");
    format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: nexmo-gate/{version}\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_check_comes_within_the_first_interval() {
        let every = Duration::from_secs(5);
        let drawn: Vec<Duration> = (0..100).map(|_| jitter(every)).collect();
        assert!(drawn.iter().all(|jitter| *jitter < every));
        assert!(drawn.iter().any(|jitter| *jitter != drawn[0]), "it is random");
    }

    #[test]
    fn a_check_is_a_small_get() {
        let target = Target::Https { host: "::1".to_owned(), port: 8443 };
        let text = String::from_utf8(request(&target, "/healthz?deep=1")).unwrap();
        assert!(text.starts_with("GET /healthz?deep=1 HTTP/1.1\r\nHost: [::1]:8443\r\n"), "{text}");
        assert!(text.ends_with("\r\nConnection: close\r\n\r\n"), "{text}");
        let text = String::from_utf8(request(&Target::Unix("/run/app.sock".into()), "/")).unwrap();
        assert!(text.contains("\r\nHost: localhost\r\n"), "{text}");
    }
}
