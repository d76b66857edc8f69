//! How many file descriptors the process may have, and how many connections fit.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::admin::listener::DESCRIPTORS;
use crate::config::Limits;

/// Standard streams, logs, listeners, the poller, files during a reload, and the admin interface.
const OWN: u64 = 100 + DESCRIPTORS as u64;
/// Idle upstream connections that are kept open.
const IDLE: u64 = 1024;

/// Raises the soft limit to the hard limit, and returns how many sender connections fit: each takes a
/// descriptor, and so do the upstream connections of the requests in flight.
pub(super) fn room(limits: &Limits) -> usize {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap_or((1024, 1024));
    let raised = setrlimit(Resource::RLIMIT_NOFILE, hard, hard).map_or(soft, |()| hard);
    let room = fits(raised, limits);
    if room < limits.connections {
        tracing::warn!(
            descriptors = raised,
            connections = room,
            "limits.connections: {} lowered: too few file descriptors; raise LimitNOFILE or ulimit -n",
            limits.connections
        );
    }
    room
}

fn fits(descriptors: u64, limits: &Limits) -> usize {
    let requests = limits.concurrent_requests as u64;
    // With few descriptors, half of the remaining ones are for senders and half for upstreams.
    let left = descriptors.saturating_sub(OWN.min(descriptors / 4));
    let room = left.saturating_sub(requests + IDLE).max(left / 2).max(1);
    usize::try_from(room).unwrap_or(usize::MAX).min(limits.connections)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_fit_the_descriptors() {
        let parsed = crate::config::parse(
            Some("upstream: http://127.0.0.1:1"),
            &crate::config::Overrides::default(),
            std::path::Path::new("."),
        );
        let limits = parsed.unwrap().config.limits;
        for (descriptors, room) in [(20_000, 10_000), (11_000, 8748), (1024, 410), (60, 22), (1, 1)] {
            assert_eq!(fits(descriptors, &limits), room, "{descriptors}");
        }
    }
}
