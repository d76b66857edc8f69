//! The header fields that platforms write, as they document them (looked up in November 2026). What they pass on from the
//! sender stands in `{before}`.

pub struct Shape {
    pub heading: &'static str,
    /// Who connects to the gate.
    pub peer: &'static str,
    /// The connection begins with a PROXY header that names the sender.
    pub proxy_header: bool,
    pub lines: &'static [(&'static str, &'static str)],
    /// How the sender came, as far as the platform says it.
    pub scheme: &'static str,
}

const HTTP: Shape = Shape { heading: "", peer: "", proxy_header: false, lines: &[], scheme: "https" };

pub const SHAPES: [Shape; 14] = [
    // docs.aws.amazon.com/elasticloadbalancing/latest/application/x-forwarded-headers.html
    Shape {
        heading: "AWS Application Load Balancer",
        peer: "10.0.1.7",
        lines: &[
            ("X-Forwarded-For", "{before}{client}"),
            ("X-Forwarded-Proto", "https"),
            ("X-Forwarded-Port", "443"),
            ("X-Amzn-Trace-Id", "Root=1-67891233-abcdef012345678912345678"),
        ],
        ..HTTP
    },
    // The same with the attribute for the client's port.
    Shape {
        heading: "AWS Application Load Balancer",
        peer: "10.0.0.7",
        lines: &[("X-Forwarded-For", "{before}{client}:61234"), ("X-Forwarded-Proto", "https")],
        ..HTTP
    },
    // docs.aws.amazon.com/elasticloadbalancing/latest/network/edit-target-group-attributes.html: bytes pass, so the
    // sender's fields are its own word.
    Shape {
        heading: "AWS Network Load Balancer",
        peer: "10.0.0.7",
        proxy_header: true,
        lines: &[("X-Forwarded-For", "{before}"), ("X-Forwarded-Proto", "https")],
        scheme: "http",
    },
    // cloud.google.com/load-balancing/docs/https: the sender's own, the sender, the forwarding rule's address.
    Shape {
        heading: "Google Cloud",
        peer: "35.191.12.34",
        lines: &[
            ("X-Forwarded-For", "{before}{client},203.0.113.10"),
            ("X-Forwarded-Proto", "https"),
            ("Via", "1.1 google"),
            ("X-Cloud-Trace-Context", "0123456789abcdef0123456789abcdef/1;o=1"),
        ],
        ..HTTP
    },
    // learn.microsoft.com/azure/application-gateway/how-application-gateway-works
    Shape {
        heading: "Azure Application Gateway",
        peer: "10.0.2.4",
        lines: &[
            ("X-Forwarded-For", "{before}{client}:51234"),
            ("X-Forwarded-Proto", "https"),
            ("X-Forwarded-Port", "443"),
            ("X-Original-Host", "hooks.example"),
            ("X-Original-Url", "/webhooks/x"),
            ("X-Appgw-Trace-Id", "ac882cd65a2712a0fe1289ec2bb6aee7"),
        ],
        ..HTTP
    },
    // learn.microsoft.com/azure/frontdoor/front-door-http-headers-protocol
    Shape {
        heading: "Azure Front Door",
        peer: "147.243.1.2",
        lines: &[
            ("X-Forwarded-For", "{before}{client}"),
            ("X-Forwarded-Proto", "https"),
            ("X-Forwarded-Host", "hooks.example"),
            ("X-Azure-ClientIP", "{client}"),
            ("X-Azure-SocketIP", "{client}"),
            ("X-Azure-FDID", "55ce4ed1-4b06-4bf1-b40e-4638452104da"),
            ("Via", "1.1 Azure"),
        ],
        ..HTTP
    },
    // developers.cloudflare.com/fundamentals/reference/http-headers
    Shape {
        heading: "Cloudflare or another CDN",
        peer: "172.70.1.2",
        lines: &[
            ("X-Forwarded-For", "{before}{client}"),
            ("X-Forwarded-Proto", "https"),
            ("CF-Connecting-IP", "{client}"),
            ("CF-Visitor", r#"{"scheme":"https"}"#),
            ("CF-Ray", "230b030023ae2822-SJC"),
            ("CDN-Loop", "cloudflare"),
        ],
        ..HTTP
    },
    // The same, from cloudflared on this machine.
    Shape {
        heading: "Cloudflare Tunnel",
        peer: "127.0.0.1",
        lines: &[
            ("X-Forwarded-For", "{before}{client}"),
            ("X-Forwarded-Proto", "https"),
            ("CF-Connecting-IP", "{client}"),
            ("CDN-Loop", "cloudflare; loops=1"),
        ],
        ..HTTP
    },
    Shape {
        heading: "ngrok",
        peer: "127.0.0.1",
        lines: &[
            ("X-Forwarded-For", "{before}{client}"),
            ("X-Forwarded-Host", "hooks.example"),
            ("X-Forwarded-Proto", "https"),
        ],
        ..HTTP
    },
    // fly.io/docs/networking/request-headers; superfly/flyctl issue 121: the last one is the application's own address.
    Shape {
        heading: "Fly",
        peer: "172.16.3.2",
        lines: &[
            ("X-Forwarded-For", "{before}{client}, 2001:db8:1::20"),
            ("X-Forwarded-Proto", "https"),
            ("X-Forwarded-Ssl", "on"),
            ("Fly-Client-IP", "{client}"),
            ("Via", "1.1 fly.io"),
        ],
        ..HTTP
    },
    // devcenter.heroku.com/articles/http-routing#heroku-headers
    Shape {
        heading: "Heroku",
        peer: "10.1.23.45",
        lines: &[
            ("X-Forwarded-For", "{before}{client}"),
            ("X-Forwarded-Proto", "https"),
            ("X-Forwarded-Port", "443"),
            ("X-Request-Start", "1764270000000"),
            ("Via", "1.1 vegur"),
        ],
        ..HTTP
    },
    // arcjet/arcjet-js issue 5411: what a service on Render gets.
    Shape {
        heading: "Render",
        peer: "10.19.64.1",
        lines: &[
            ("X-Forwarded-For", "{before}{client}, 172.71.95.118, 10.19.64.237"),
            ("X-Forwarded-Proto", "https"),
            ("CF-Connecting-IP", "{client}"),
            ("True-Client-IP", "{client}"),
        ],
        ..HTTP
    },
    // kubernetes/ingress-nginx, its nginx.tmpl: what the sender says of itself goes into another field.
    Shape {
        heading: "Kubernetes",
        peer: "10.244.7.9",
        lines: &[
            ("X-Real-IP", "{client}"),
            ("X-Forwarded-For", "{client}"),
            ("X-Forwarded-Host", "hooks.example"),
            ("X-Forwarded-Port", "443"),
            ("X-Forwarded-Proto", "https"),
            ("X-Forwarded-Scheme", "https"),
            ("X-Scheme", "https"),
            ("X-Original-Forwarded-For", "{before}"),
        ],
        ..HTTP
    },
    // The same controller with `use-forwarded-headers` and `compute-full-forwarded-for`.
    Shape {
        heading: "Kubernetes",
        peer: "10.244.7.9",
        lines: &[("X-Forwarded-For", "{before}{client}"), ("X-Forwarded-Proto", "https")],
        ..HTTP
    },
];
