//! Ways past the gate.

use std::net::{IpAddr, SocketAddr};

use crate::cli::doctor::checks::Check;
use crate::cli::doctor::outside::course::{Course, Proven};
use crate::cli::doctor::verdict::bypass::{self, Tried};
use crate::judge::served::seen::Seen;

/// Asks.
pub(crate) fn ask(course: &mut Course, proven: &Proven) {
    let named: Vec<Tried> =
        course.application.clone().into_iter().map(|address| try_plain(course, address, "/")).collect();
    let guessed: Vec<Tried> =
        guessed(course, &proven.seen).into_iter().map(|at| try_plain(course, at, "/")).collect();
    course.found(bypass::application(&named, &guessed));
    let listener = beside(course, &proven.seen.listener).filter(|_| stands_behind(proven));
    let tried = listener.map(|address| try_gate(course, address));
    course.found(bypass::gate(tried.as_ref()));
    for (check, configured, path) in [
        (Check::BypassAdmin, &proven.seen.admin, "/healthz"),
        (Check::BypassMetrics, &proven.seen.metrics, "/metrics"),
    ] {
        let address = configured.as_deref().and_then(|text| beside(course, text));
        let tried = address.map(|address| try_plain(course, address, path));
        course.found(bypass::admin(check, tried.as_ref()));
    }
    let plain = course.place.https.then(|| SocketAddr::new(course.machine(), course.http_port));
    let tried = plain.map(|address| try_token(course, address, false));
    course.found(bypass::plain(tried.as_ref(), proven.front));
    let others: Vec<SocketAddr> = course.addresses[1..].to_vec();
    let https = course.place.https;
    let others: Vec<Tried> = others.into_iter().map(|address| try_token(course, address, https)).collect();
    course.found(bypass::addresses(&course.first().to_string(), &others));
}

/// Whether something stands in front of the gate.
fn stands_behind(proven: &Proven) -> bool {
    proven.seen.peer_is_trusted || !proven.seen.forwarding.is_empty()
}

/// The port of an address of the gate's configuration, on the machine that the name leads to. The port of the URL is none
/// beside it, and a port that the system chose is not known. An address of loopback that is asked itself shows only that
/// the doctor is on the gate's own machine.
fn beside(course: &Course, configured: &str) -> Option<SocketAddr> {
    let configured = configured.parse::<SocketAddr>().ok()?;
    let port = configured.port();
    let is_own = configured.ip().is_loopback() && configured.ip() == course.machine();
    (port > 0 && !is_own && port != course.first().port()).then(|| SocketAddr::new(course.machine(), port))
}

/// Where the application would answer, if its machine is that of the gate: only then its port may be tried there.
fn guessed(course: &Course, seen: &Seen) -> Vec<SocketAddr> {
    let here = |host: &str| match host.parse::<IpAddr>() {
        Ok(ip) => ip.is_loopback() != (ip == course.machine()),
        Err(_) => host == "localhost" && !course.machine().is_loopback(),
    };
    let ports = seen.upstreams.iter().filter_map(|target| target.rsplit_once(':'));
    let ports = ports.filter(|(host, _)| here(host)).filter_map(|(_, port)| port.parse::<u16>().ok());
    let other = ports.filter(|port| *port != course.first().port());
    other
        .map(|port| SocketAddr::new(course.machine(), port))
        .filter(|at| !course.application.contains(at))
        .collect()
}

fn try_plain(course: &mut Course, address: SocketAddr, path: &str) -> Tried {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    let way = course.way_to(address, false);
    course.try_address(&way, address.to_string(), request.as_bytes())
}

fn try_token(course: &mut Course, address: SocketAddr, tls: bool) -> Tried {
    let request = course.request("GET", &course.target(""), "", b"");
    let way = course.way_to(address, tls);
    course.try_address(&way, address.to_string(), &request)
}

/// Without TLS first, then with it.
fn try_gate(course: &mut Course, address: SocketAddr) -> Tried {
    let plain = try_token(course, address, false);
    if matches!(plain.came, Some(Err(_))) { try_token(course, address, true) } else { plain }
}
