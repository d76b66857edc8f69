//! Deployments as the documents have them: the doctor finds nothing.

use super::cases;
use super::plant::Plant::{Doctor, Gate, Inside, More, Stopped, Strangers};
use super::plant::{Case, sound};
use super::proxy::Proxy::{
    Caddy, HaproxyHttp, HaproxyOld, HaproxyThrough, HaproxyTls, Nginx, NginxTwice, Nothing, Traefik,
};

#[rustfmt::skip]
const ALL: &[Case] = &[
    sound("the gate alone", Nothing, &[]),
    sound("nginx", Nginx, &[]),
    sound("nginx behind nginx", NginxTwice, &[]),
    sound("nginx that redirects plain HTTP", Nginx, &[More("server { listen 127.0.0.20:{PLAIN}; return 308 https://$host$request_uri; }\n")]),
    sound("nginx on IPv4 and IPv6", Nginx, &[More("server { listen [::1]:{THIRD} ssl; ssl_certificate /etc/nginx/hooks.pem; ssl_certificate_key /etc/nginx/hooks.key; location /webhooks/ { proxy_pass http://gate; proxy_http_version 1.1; proxy_set_header Connection \"\"; } }\n"), Doctor(&["--connect", "[::1]:{THIRD}"])]),
    sound("nginx, and the gate is stopped", Nginx, &[Doctor(&["--drill"]), Stopped]),
    sound("nginx, asked from a trusted proxy", Nginx, &[Gate("trusted_proxies", "[\"127.0.0.1/32\", \"127.0.0.3\"]")]),
    sound("nginx before a gate that hides", Nginx, &[Gate("deny", "hide")]),
    sound("nginx before a gate that observes", Nginx, &[Gate("mode", "observe")]),
    sound("HAProxy for HTTP", HaproxyHttp, &[]),
    sound("HAProxy for HTTP, and the gate is stopped", HaproxyHttp, &[Doctor(&["--drill"]), Stopped]),
    sound("HAProxy that passes TLS through", HaproxyThrough, &[]),
    sound("HAProxy with TLS in the PROXY header", HaproxyTls, &[]),
    sound("HAProxy with version 1 of the PROXY header", HaproxyOld, &[]),
    sound("Caddy", Caddy, &[]),
    sound("Caddy, and the gate is stopped", Caddy, &[Doctor(&["--drill"]), Stopped]),
    sound("Traefik", Traefik, &[]),
    sound("nginx, on the gate's machine", Nginx, &[Inside]),
    sound("HAProxy, on the gate's machine after some strangers", HaproxyHttp, &[Strangers(5), Inside]),
    sound("a gate with TLS of its own, on its machine", HaproxyThrough, &[Inside]),
    sound("Caddy, on the gate's machine", Caddy, &[Inside]),
];

#[test]
#[ignore = "needs nginx, haproxy, caddy and traefik: make test-long"]
fn nothing_is_found_where_all_is_well() {
    assert_eq!(ALL.len(), 21);
    cases::are_told(ALL);
}
