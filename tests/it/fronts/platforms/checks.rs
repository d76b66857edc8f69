//! The health checks of platforms, as they document them: good from where the platform checks, nothing to anybody else.

use super::{STRANGER, gate_of, metrics_of};
use crate::fronts::network;
use crate::harness::proxy_header::V2_LOCAL;
use crate::harness::sender::transport::Protocol;
use crate::harness::{Sender, Upstream, sender};

/// Where a check goes.
#[derive(PartialEq, Eq)]
enum To {
    Listener,
    /// The same, and the connection begins with a PROXY header that names nobody.
    AfterProxyHeader(&'static [u8]),
    Metrics,
}

struct Check {
    heading: &'static str,
    from: &'static str,
    to: To,
    /// Request line and fields.
    lines: &'static [&'static str],
}

/// A header of version 2 with the command PROXY and no address (family UNSPEC).
const V2_UNSPEC: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x00\x00\x00";

const CHECKS: [Check; 9] = [
    // docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
    Check {
        heading: "AWS Application Load Balancer",
        from: "10.0.0.9",
        to: To::Listener,
        lines: &[
            "GET /-/healthy HTTP/1.1",
            "Host: 10.0.0.20:8080",
            "Connection: close",
            "User-Agent: ELB-HealthChecker/2.0",
            "Accept-Encoding: gzip, compressed",
        ],
    },
    // .../network/edit-target-group-attributes.html, "Health check connections": a header without the client.
    Check {
        heading: "AWS Network Load Balancer",
        from: "10.0.0.9",
        to: To::AfterProxyHeader(V2_LOCAL),
        lines: &["GET /-/healthy HTTP/1.1", "Host: 10.0.0.20:8080", "User-Agent: ELB-HealthChecker/2.0"],
    },
    Check {
        heading: "AWS Network Load Balancer",
        from: "10.0.1.9",
        to: To::AfterProxyHeader(V2_UNSPEC),
        lines: &["GET /-/healthy HTTP/1.1", "Host: 10.0.0.20:8080", "User-Agent: ELB-HealthChecker/2.0"],
    },
    // cloud.google.com/load-balancing/docs/health-check-concepts
    Check {
        heading: "Google Cloud",
        from: "130.211.1.4",
        to: To::Listener,
        lines: &[
            "GET /-/healthy HTTP/1.1",
            "Host: 10.128.0.2",
            "User-Agent: GoogleHC/1.0",
            "Connection: Keep-alive",
        ],
    },
    // learn.microsoft.com/azure/application-gateway/application-gateway-probe-overview
    Check {
        heading: "Azure Application Gateway",
        from: "10.0.2.5",
        to: To::Listener,
        lines: &["GET /-/healthy HTTP/1.1", "Host: 127.0.0.1"],
    },
    // learn.microsoft.com/azure/frontdoor/health-probes
    Check {
        heading: "Azure Front Door",
        from: "147.243.9.9",
        to: To::Listener,
        lines: &[
            "HEAD /-/healthy HTTP/1.1",
            "Host: hooks.example",
            "User-Agent: Edge Health Probe",
            "X-FD-HealthProbe: 1",
        ],
    },
    // fly.io/docs/reference/configuration, "checks"
    Check {
        heading: "Fly",
        from: "172.16.3.1",
        to: To::Metrics,
        lines: &["GET /readyz HTTP/1.1", "Host: 172.16.3.2:9902", "User-Agent: Consul Health Check"],
    },
    Check {
        heading: "Render",
        from: "10.19.1.1",
        to: To::Listener,
        lines: &["GET /-/healthy HTTP/1.1", "Host: hooks.example", "Connection: close"],
    },
    // kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes
    Check {
        heading: "Kubernetes",
        from: "10.240.0.4",
        to: To::Metrics,
        lines: &[
            "GET /readyz HTTP/1.1",
            "Host: 10.244.7.3:9902",
            "User-Agent: kube-probe/1.31",
            "Accept: */*",
            "Connection: close",
        ],
    },
];

fn is_green(check: &Check) {
    let upstream = Upstream::echo();
    let (gate, _) = gate_of(check.heading, &upstream);
    let bytes = format!("{}\r\n\r\n", check.lines.join("\r\n")).into_bytes();
    let (bytes, to) = match check.to {
        To::Listener => (bytes, gate.addr()),
        To::AfterProxyHeader(header) => ([header, &bytes].concat(), gate.addr()),
        To::Metrics => (bytes, metrics_of(&gate)),
    };
    let status = |from: &str| {
        let stream = sender::tcp(from, to, None).expect("a connection");
        let mut sender = Sender::speaking(&Protocol::default(), stream);
        sender.send(&bytes);
        let is_head = check.lines[0].starts_with("HEAD");
        if is_head {
            Some(sender.reply_to_head().status)
        } else {
            sender.try_reply().ok().map(|reply| reply.status)
        }
    };
    assert_eq!(status(check.from), Some(200), "{}", check.heading);
    if check.to != To::Metrics {
        gate.wait_metric("health_probes_total", 1);
        let stranger = match check.to {
            // Only a trusted proxy may send a PROXY header: the connection is closed.
            To::AfterProxyHeader(_) => None,
            _ => Some(403),
        };
        assert_eq!(status(STRANGER), stranger, "{}: from anybody else", check.heading);
        assert_eq!(gate.events(1).len(), 1, "{}: a check is not logged", check.heading);
    }
    assert!(upstream.arrivals().is_empty(), "{}", check.heading);
}

#[test]
#[ignore = "needs root: make test-long"]
fn the_health_checks_of_every_platform_are_green() {
    network::alone("the health checks of docs/platforms.md", || CHECKS.iter().for_each(is_green));
}
