//! The line to change, in the words of the program that stands in front.

/// The program in front, as far as its answers name it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Front {
    /// `Server: nginx`
    Nginx,
    /// `Server: Caddy`
    Caddy,
    /// Another, or one that does not say: HAProxy and Traefik do not.
    #[default]
    Unknown,
}

impl Front {
    /// By the field `Server` of an answer.
    #[must_use]
    pub(crate) fn named(server: Option<&str>) -> Self {
        match server.map(str::to_ascii_lowercase) {
            Some(name) if name.starts_with("nginx") || name.starts_with("openresty") => Self::Nginx,
            Some(name) if name.starts_with("caddy") => Self::Caddy,
            _ => Self::Unknown,
        }
    }
}

/// What to change in each program.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Remedy {
    /// In nginx.
    pub nginx: &'static str,
    /// In HAProxy.
    pub haproxy: &'static str,
    /// In Caddy.
    pub caddy: &'static str,
    /// In Traefik.
    pub traefik: &'static str,
}

impl Remedy {
    /// The line for the program in front, or those of all that it may be.
    #[must_use]
    pub(crate) fn of(&self, front: Front) -> String {
        match front {
            Front::Nginx => format!("nginx: {}", self.nginx),
            Front::Caddy => format!("Caddy: {}", self.caddy),
            Front::Unknown => format!(
                "HAProxy: {} | Traefik: {} | nginx: {} | Caddy: {}",
                self.haproxy, self.traefik, self.nginx, self.caddy
            ),
        }
    }
}

/// The sender's address does not reach the gate.
pub(crate) const NAME_THE_CLIENT: Remedy = Remedy {
    nginx: "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;",
    haproxy: "option forwardfor (mode http), or send-proxy-v2 on the server line and proxy_protocol: true at the gate",
    caddy: "remove header_up X-Forwarded-For; reverse_proxy sets it itself",
    traefik: "turn nothing on below forwardedHeaders; Traefik sets X-Forwarded-For itself",
};
/// The sender chooses its address.
pub(crate) const FORGE_NOTHING: Remedy = Remedy {
    nginx: "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; and no set_real_ip_from for others",
    haproxy: "option forwardfor without if-none; in mode tcp: send-proxy-v2, and proxy_protocol: true at the gate",
    caddy: "remove header_up X-Forwarded-For and trusted_proxies of others",
    traefik: "forwardedHeaders: { insecure: false }, and trustedIPs of your own proxies alone",
};
/// The scheme does not reach the gate.
pub(crate) const SAY_HTTPS: Remedy = Remedy {
    nginx: "proxy_set_header X-Forwarded-Proto $scheme;",
    haproxy: "http-request set-header X-Forwarded-Proto https; in mode tcp: send-proxy-v2-ssl",
    caddy: "remove header_up X-Forwarded-Proto; reverse_proxy sets it itself",
    traefik: "turn nothing on below forwardedHeaders; Traefik sets X-Forwarded-Proto itself",
};
/// The host does not reach the gate.
pub(crate) const SAY_HOST: Remedy = Remedy {
    nginx: "proxy_set_header Host $http_host; proxy_set_header X-Forwarded-Host $http_host;",
    haproxy: "remove http-request set-header Host; http-request set-header X-Forwarded-Host %[req.hdr(host)]",
    caddy: "remove header_up Host",
    traefik: "passHostHeader: true",
};
/// The path is rewritten.
pub(crate) const LEAVE_THE_PATH: Remedy = Remedy {
    nginx: "proxy_pass http://gate; without a path behind the name, and no rewrite",
    haproxy: "remove http-request set-path and replace-path",
    caddy: "handle instead of handle_path, and no uri or rewrite",
    traefik: "remove stripPrefix, addPrefix and replacePath",
};
/// A long query is refused.
pub(crate) const TAKE_LONG_QUERIES: Remedy = Remedy {
    nginx: "large_client_header_buffers 4 16k; and no limit on $args",
    haproxy: "tune.bufsize 32768, and no rule on the length of url or query",
    caddy: "max_header_size 1MB, and no rule on the query",
    traefik: "no middleware on the length of the query",
};
/// A method is refused or changed.
pub(crate) const TAKE_POST: Remedy = Remedy {
    nginx: "no limit_except, and no if on $request_method",
    haproxy: "no http-request deny by method",
    caddy: "no matcher by method",
    traefik: "no Method() in the rule",
};
/// A body is refused or changed.
pub(crate) const TAKE_BODIES: Remedy = Remedy {
    nginx: "client_max_body_size 1m;",
    haproxy: "no http-request deny by req.body_size or content-length",
    caddy: "request_body max_size 1MB",
    traefik: "buffering: { maxRequestBodyBytes: 1048576 }",
};
/// A request is sent more than once.
pub(crate) const SEND_ONCE: Remedy = Remedy {
    nginx: "no mirror for this path",
    haproxy: "no spoe-mirror, and no retry-on for what the gate answers",
    caddy: "no handler that copies requests",
    traefik: "no mirroring service",
};
/// An answer comes from a cache.
pub(crate) const KEEP_NO_ANSWER: Remedy = Remedy {
    nginx: "no proxy_cache for this path, and no proxy_ignore_headers Cache-Control",
    haproxy: "no http-request cache-use, and no http-response set-header Cache-Control",
    caddy: "no cache handler for this path",
    traefik: "no plugin that keeps answers",
};
/// A request is held up.
pub(crate) const HOLD_NOTHING_UP: Remedy = Remedy {
    nginx: "limit_req with nodelay, and a rate above that of the sender",
    haproxy: "no tcp-request inspect-delay that is waited for, and no http-request wait-for-body; maxconn of the server",
    caddy: "no handler that waits",
    traefik: "a rateLimit above the sender's rate, or none",
};
/// Authorization is taken away.
pub(crate) const PASS_THE_TOKEN: Remedy = Remedy {
    nginx: "no proxy_set_header Authorization",
    haproxy: "no http-request del-header Authorization",
    caddy: "no header_up -Authorization",
    traefik: "no customRequestHeaders for Authorization",
};
/// Each request has a connection of its own.
pub(crate) const KEEP_CONNECTIONS: Remedy = Remedy {
    nginx: "proxy_http_version 1.1; proxy_set_header Connection \"\"; and keepalive 16; in the upstream",
    haproxy: "no option httpclose and no option http-server-close",
    caddy: "no keepalive off and no versions 1.0 in transport http",
    traefik: "no disableKeepAlives, and maxIdleConnsPerHost above 0",
};
/// A status is changed.
pub(crate) const PASS_THE_STATUS: Remedy = Remedy {
    nginx: "proxy_intercept_errors off; and no error_page that answers with another status",
    haproxy: "no http-response set-status and no http-response return for the gate's answers",
    caddy: "no handle_response, replace_status or intercept",
    traefik: "no errors middleware for the gate's own statuses but 502",
};
/// Retry-After is taken away.
pub(crate) const PASS_RETRY_AFTER: Remedy = Remedy {
    nginx: "proxy_intercept_errors off; and no proxy_hide_header Retry-After",
    haproxy: "no http-response del-header Retry-After",
    caddy: "no header_down -Retry-After",
    traefik: "no customResponseHeaders for Retry-After, and no errors middleware for 503",
};
/// An answer is changed.
pub(crate) const PASS_THE_ANSWER: Remedy = Remedy {
    nginx: "no sub_filter and no proxy_hide_header Content-Type",
    haproxy: "no http-response set-header Content-Type",
    caddy: "no header_down Content-Type and no replace",
    traefik: "no customResponseHeaders for Content-Type",
};
/// It gives up before the gate does.
pub(crate) const WAIT: Remedy = Remedy {
    nginx: "proxy_read_timeout 20s;",
    haproxy: "timeout server 20s",
    caddy: "no response_header_timeout below 20s",
    traefik: "forwardingTimeouts: { responseHeaderTimeout: 20s }",
};
/// It says 502 where it cannot reach the gate.
pub(crate) const SAY_503: Remedy = Remedy {
    nginx: "error_page 502 504 =503 @retry; location @retry { return 503; }",
    haproxy: "http-after-response set-status 503 if { status 502 }",
    caddy: "handle_errors { respond 503 }",
    traefik: "errors: { status: [\"502\"], statusRewrites: { \"502\": 503 }, service: noop@internal, query: / }",
};
/// It redirects.
pub(crate) const DO_NOT_REDIRECT: Remedy = Remedy {
    nginx: "no return 301, return 302 or rewrite ... redirect for this path; give the provider the last URL",
    haproxy: "no http-request redirect for this path; give the provider the last URL",
    caddy: "no redir for this path; give the provider the last URL",
    traefik: "no redirectScheme or redirectRegex for this path; give the provider the last URL",
};
/// It makes tunnels.
pub(crate) const NO_TUNNEL: Remedy = Remedy {
    nginx: "no proxy_set_header Upgrade $http_upgrade; for this path",
    haproxy: "http-request del-header Upgrade",
    caddy: "header_up -Upgrade",
    traefik: "a headers middleware that empties Upgrade",
};
/// The chain is not whole.
pub(crate) const WHOLE_CHAIN: Remedy = Remedy {
    nginx: "ssl_certificate .../fullchain.pem; (not cert.pem)",
    haproxy: "crt with fullchain.pem and privkey.pem in one file",
    caddy: "tls .../fullchain.pem .../privkey.pem",
    traefik: "certFile: .../fullchain.pem",
};
/// Old versions of TLS are spoken.
pub(crate) const NEW_TLS: Remedy = Remedy {
    nginx: "ssl_protocols TLSv1.2 TLSv1.3;",
    haproxy: "ssl-default-bind-options ssl-min-ver TLSv1.2",
    caddy: "protocols tls1.2 tls1.3",
    traefik: "minVersion: VersionTLS12",
};
/// Plain HTTP leads to the gate.
pub(crate) const TO_HTTPS: Remedy = Remedy {
    nginx: "in the server of port 80: return 308 https://$host$request_uri; and nothing else",
    haproxy: "in the frontend of port 80: http-request redirect scheme https code 308",
    caddy: "no http:// site for the gate; Caddy redirects by itself",
    traefik: "redirections: { entryPoint: { to: hooks, scheme: https } } on the entry point of port 80",
};
