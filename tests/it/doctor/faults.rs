//! Faults of what stands in front, each with the one check that must be red.

use super::cases;
use super::chain::Chain;
use super::plant::Plant::{Application, Clock, Doctor, Gate, More, OpenApplication, Shown, Stopped, Text};
use super::plant::{self, Case, case};
use super::proxy::Proxy::{Caddy, HaproxyHttp, HaproxyThrough, HaproxyTls, Nginx, NginxTwice, Traefik};

const XFF: &str = "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;";
const PASS: &str = "proxy_pass http://gate;";
const REVERSE: &str = "reverse_proxy 127.0.0.1:8080 {";
const CACHE: plant::Plant =
    Text("upstream gate {", "proxy_cache_path /etc/nginx/kept keys_zone=kept:1m;\nupstream gate {");
const NOT_TRUSTED: plant::Plant = Gate("trusted_proxies", "[\"10.0.0.0/8\"]");

#[rustfmt::skip]
const NGINX: &[Case] = &[
    case("nginx empties X-Forwarded-For", Nginx, &[Text(XFF, "proxy_set_header X-Forwarded-For \"\";")], "client.address"),
    case("nginx passes the sender's own X-Forwarded-For", Nginx, &[Text(XFF, "")], "client.forged"),
    case("nginx believes X-Real-IP of anybody", Nginx, &[Text(XFF, "set_real_ip_from 0.0.0.0/0; real_ip_header X-Real-IP; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;")], "client.forged"),
    case("nginx names itself", Nginx, &[Text(XFF, "proxy_set_header X-Forwarded-For $server_addr;")], "client.address"),
    case("nginx names no address", Nginx, &[Text(XFF, "proxy_set_header X-Forwarded-For unknown;")], "client.address"),
    case("the inner nginx replaces X-Forwarded-For", NginxTwice, &[Text("\"$proxy_add_x_forwarded_for\"", "$remote_addr")], "client.address"),
    case("trusted_proxies has another address", Nginx, &[NOT_TRUSTED], "client.address"),
    case("trusted_proxies has the senders too", Nginx, &[Gate("trusted_proxies", "[\"127.0.0.0/8\"]")], "client.forged"),
    case("nginx does not say https", Nginx, &[Text("proxy_set_header X-Forwarded-Proto $scheme;", "")], "front.scheme"),
    case("nginx passes the sender's own X-Forwarded-Host", Nginx, &[Text("proxy_set_header X-Forwarded-Host $http_host;", "")], "client.claims"),
    case("nginx sends another Host", Nginx, &[Text("proxy_set_header Host $http_host;", "proxy_set_header Host gate.internal;")], "front.host"),
    case("nginx takes the folder off the path", Nginx, &[Text(PASS, "proxy_pass http://gate/;")], "front.path"),
    case("nginx resolves paths", Nginx, &[Text(PASS, "rewrite ^/webhooks/(.*)$ /webhooks/$1 break; proxy_pass http://gate;")], "protocol.paths"),
    case("nginx speaks HTTP/1.0 to the gate", Nginx, &[Text("proxy_http_version 1.1;", ""), Text("proxy_set_header Connection \"\";", "")], "front.version"),
    case("nginx closes each connection to the gate", Nginx, &[Text("proxy_set_header Connection \"\";", "")], "front.version"),
    case("nginx takes small bodies only", Nginx, &[Text(PASS, "client_max_body_size 10k; proxy_pass http://gate;")], "front.body"),
    case("nginx takes short queries only", Nginx, &[Text("listen 443 ssl;", "listen 443 ssl; large_client_header_buffers 4 2k;")], "front.query"),
    case("nginx takes GET only", Nginx, &[Text(PASS, "limit_except GET { deny all; } proxy_pass http://gate;")], "front.method"),
    case("nginx takes Authorization away", Nginx, &[Text(PASS, "proxy_set_header Authorization \"\"; proxy_pass http://gate;")], "front.signature"),
    case("nginx asks for a password", Nginx, &[Text(PASS, "auth_basic hooks; auth_basic_user_file /dev/null; proxy_pass http://gate;")], "proof.answer"),
    case("nginx answers refusals with 200", Nginx, &[Text(PASS, "proxy_intercept_errors on; error_page 403 404 =200 @sorry; proxy_pass http://gate;"), Text("location @retry", "location @sorry { return 200 sorry; }\n    location @retry")], "truth.codes"),
    case("nginx answers 503 with a page of its own", Nginx, &[Text(PASS, "proxy_intercept_errors on; error_page 503 @retry; proxy_pass http://gate;")], "truth.retry"),
    case("nginx hides Retry-After", Nginx, &[Text(PASS, "proxy_hide_header Retry-After; proxy_pass http://gate;")], "truth.retry"),
    case("nginx hides the type of an answer", Nginx, &[Text(PASS, "proxy_hide_header Content-Type; default_type text/plain; proxy_pass http://gate;")], "truth.answer"),
    case("nginx gives up early", Nginx, &[Text(PASS, "proxy_read_timeout 300ms; proxy_pass http://gate;")], "truth.patience"),
    case("nginx redirects", Nginx, &[Text(PASS, "return 301 https://other.example$request_uri;")], "truth.redirect"),
    case("nginx says 502 while the gate is down", Nginx, &[Text("error_page 502 =503 @retry;", ""), Doctor(&["--drill"]), Stopped], "truth.down"),
    case("nginx passes plain HTTP to the gate", Nginx, &[More("server { listen 127.0.0.20:{PLAIN}; location /webhooks/ { proxy_pass http://gate; proxy_set_header Host $http_host; } }\n")], "bypass.plain"),
    case("IPv6 leads elsewhere", Nginx, &[More("server { listen [::1]:{THIRD} ssl; ssl_certificate /etc/nginx/hooks.pem; ssl_certificate_key /etc/nginx/hooks.key; return 404; }\n"), Doctor(&["--connect", "[::1]:{THIRD}"])], "bypass.addresses"),
    case("nothing listens on IPv6", Nginx, &[Doctor(&["--connect", "[::1]:{THIRD}"])], "bypass.addresses"),
    case("nginx makes tunnels to the application", Nginx, &[Text(PASS, "proxy_set_header Upgrade $http_upgrade; if ($http_upgrade) { proxy_pass http://127.0.0.1:{APP}; } proxy_pass http://gate;"), Text("proxy_set_header Connection \"\";", "proxy_set_header Connection $http_connection;"), Application(plant::Application::Tunnel)], "protocol.upgrade"),
    case("the application listens on every address", Nginx, &[OpenApplication], "bypass.application"),
    case("the application can be reached at an address of its own", Nginx, &[Doctor(&["--application", "127.0.0.1:{APP}"])], "bypass.application"),
    case("the admin address listens on every address", Nginx, &[Gate("admin", "{ address: \"0.0.0.0:{SECOND}\", allow_remote: true }")], "bypass.admin"),
    case("the metrics listen on every address", Nginx, &[Gate("metrics", "{ address: \"0.0.0.0:{SECOND}\" }")], "bypass.metrics"),
    case("the gate listens on every address", Nginx, &[Gate("listen", "[{ address: \"0.0.0.0:{SECOND}\" }]")], "bypass.gate"),
    case("nginx shows no intermediate certificate", Nginx, &[Shown(Chain::LeafAlone)], "tls.chain"),
    case("nginx shows certificates out of order", Nginx, &[Shown(Chain::OutOfOrder)], "tls.chain"),
    case("nginx shows a certificate that it signed itself", Nginx, &[Shown(Chain::SelfSigned)], "tls.chain"),
    case("nginx shows a certificate of nobody", Nginx, &[Shown(Chain::OfNobody)], "tls.chain"),
    case("nginx shows a certificate for another host", Nginx, &[Shown(Chain::OtherName)], "tls.name"),
    case("nginx shows an expired certificate", Nginx, &[Shown(Chain::Expired)], "tls.life"),
    case("nginx shows a certificate that is nearly over", Nginx, &[Shown(Chain::NearlyOver)], "tls.life"),
    case("nginx shows a certificate of the future", Nginx, &[Shown(Chain::NotYet)], "tls.life"),
    case("nginx speaks old TLS", Nginx, &[Text("listen 443 ssl;", "listen 443 ssl; ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3; ssl_ciphers DEFAULT:@SECLEVEL=0;")], "tls.versions"),
    case("nginx keeps answers", Nginx, &[CACHE, Text(PASS, "proxy_cache kept; proxy_cache_valid 200 1m; proxy_ignore_headers Cache-Control; proxy_pass http://gate;")], "front.cache"),
    case("nginx keeps one answer for all paths", Nginx, &[CACHE, Text(PASS, "proxy_cache kept; proxy_cache_key $host; proxy_cache_valid 200 1m; proxy_ignore_headers Cache-Control; proxy_pass http://gate;")], "front.cache"),
    case("nginx sends each request twice", Nginx, &[Text(PASS, "mirror /copy; proxy_pass http://gate;"), Text("location @retry", "location = /copy { internal; proxy_pass http://gate$request_uri; }\n    location @retry")], "front.once"),
    case("nginx sends POSTs twice", Nginx, &[Text(PASS, "mirror /copy; proxy_pass http://gate;"), Text("location @retry", "location = /copy { internal; if ($request_method != POST) { return 204; } proxy_pass http://gate$request_uri; }\n    location @retry")], "front.once"),
    case("nginx keeps answers to POSTs, whatever their body", Nginx, &[CACHE, More("map $request_method $others { POST 0; default 1; }\n"), Text(PASS, "proxy_cache kept; proxy_cache_methods POST; proxy_cache_bypass $others; proxy_no_cache $others; proxy_cache_valid 200 1m; proxy_ignore_headers Cache-Control; proxy_pass http://gate;")], "front.cache"),
    case("nginx keeps answers to GETs with a query", Nginx, &[CACHE, More("map $args $bare { \"\" 1; default 0; }\n"), Text(PASS, "proxy_cache kept; proxy_cache_bypass $bare; proxy_no_cache $bare; proxy_cache_valid 200 1m; proxy_ignore_headers Cache-Control; proxy_pass http://gate;")], "front.cache"),
    case("nginx answers one spelling of a path by itself", Nginx, &[Text(PASS, "if ($request_uri ~ \"/a/..%2fb\") { return 200 hello; } proxy_pass http://gate;")], "protocol.paths"),
    case("nginx answers successes by itself", Nginx, &[Text("location @retry", "location ~ /status/20[01]$ { return 200 ok; }\n    location @retry")], "truth.success"),
    case("nginx answers refusals by itself", Nginx, &[Text("location @retry", "location ~ /status/403$ { return 403; }\n    location @retry")], "truth.codes"),
    case("nginx says when to come again by itself", Nginx, &[Text(PASS, "proxy_hide_header Retry-After; add_header Retry-After 3600 always; proxy_pass http://gate;")], "truth.retry"),
    case("nginx refuses who asks fast", Nginx, &[Text("upstream gate {", "limit_req_zone $server_port zone=all:1m rate=1r/s;\nupstream gate {"), Text(PASS, "limit_req zone=all burst=8 nodelay; proxy_pass http://gate;")], "proof.answer"),
    case("nginx lets requests wait for each other", Nginx, &[Text("upstream gate {", "limit_req_zone $server_port zone=all:1m rate=160r/m;\nupstream gate {"), Text(PASS, "limit_req zone=all burst=1000; proxy_pass http://gate;")], "front.speed"),
    case("nginx lets requests wait for longer than a run lasts", Nginx, &[Text("upstream gate {", "limit_req_zone $server_port zone=all:1m rate=20r/m;\nupstream gate {"), Text(PASS, "limit_req zone=all burst=1000; proxy_pass http://gate;")], "proof.whole"),
    case("nginx takes smaller bodies than the gate", Nginx, &[Gate("limits", "{ max_body: 2MiB }")], "front.limit"),
    case("nginx changes answers", Nginx, &[Text(PASS, "sub_filter_types application/json; sub_filter '\"client\"' '\"customer\"'; proxy_pass http://gate;")], "truth.answer"),
    case("nginx answers in the gate's name", Nginx, &[Text(PASS, "default_type application/json; add_header X-Nexmo-Gate-Doctor 1; return 200 '{}';")], "proof.answer"),
    case("the gate's clock is an hour ahead", Nginx, &[Clock("+1h")], "time.clock"),
    case("the gate's clock is a day behind", Nginx, &[Clock("-1d")], "time.clock"),
];

#[rustfmt::skip]
const HAPROXY: &[Case] = &[
    case("HAProxy does not name the client", HaproxyHttp, &[Text("    option forwardfor\n", "")], "client.forged"),
    case("HAProxy names the client only if nobody did", HaproxyHttp, &[Text("option forwardfor", "option forwardfor if-none")], "client.forged"),
    case("HAProxy takes X-Forwarded-For away", HaproxyHttp, &[Text("    option forwardfor\n", "    http-request del-header X-Forwarded-For\n")], "client.address"),
    case("the gate reads another header than HAProxy writes", HaproxyHttp, &[Text("option forwardfor", "option forwardfor\n    http-request del-header Forwarded"), Gate("forwarded_header", "forwarded")], "client.address"),
    case("HAProxy is not trusted", HaproxyHttp, &[NOT_TRUSTED], "client.address"),
    case("HAProxy turns 503 into 200", HaproxyHttp, &[Text("http-after-response set-status 503 if { status 502 }", "http-after-response set-status 200 if { status 503 }")], "truth.codes"),
    case("HAProxy turns successes into 500", HaproxyHttp, &[Text("http-after-response set-status 503 if { status 502 }", "http-response set-status 500 if { status 202 }")], "truth.success"),
    case("HAProxy closes each connection to the gate", HaproxyHttp, &[Text("    retries 3\n", "    retries 3\n    option httpclose\n    http-request set-header Connection close\n")], "front.version"),
    case("HAProxy takes Authorization away", HaproxyHttp, &[Text("option forwardfor", "option forwardfor\n    http-request del-header Authorization")], "front.signature"),
    case("HAProxy refuses large bodies", HaproxyHttp, &[Text("option forwardfor", "option forwardfor\n    http-request deny deny_status 413 if { req.hdr_val(content-length) gt 10000 }")], "front.body"),
    case("HAProxy gives up early", HaproxyHttp, &[Text("timeout server 20s", "timeout server 300ms")], "truth.patience"),
    case("HAProxy takes the folder off the path", HaproxyHttp, &[Text("option forwardfor", "option forwardfor\n    http-request replace-path ^/webhooks(.*) \\1")], "front.path"),
    case("HAProxy sends another Host", HaproxyHttp, &[Text("    default_backend", "    http-request set-header Host gate.internal\n    default_backend")], "front.host"),
    case("HAProxy redirects", HaproxyHttp, &[Text("option forwardfor", "option forwardfor\n    http-request redirect prefix https://other.example")], "truth.redirect"),
    case("HAProxy asks a gate that is not there", HaproxyHttp, &[Text("check inter 1s fall 3", "disabled")], "proof.answer"),
    case("HAProxy shows no intermediate certificate", HaproxyHttp, &[Shown(Chain::LeafAlone)], "tls.chain"),
    case("HAProxy in TCP mode without PROXY, and trusted", HaproxyTls, &[Text("send-proxy-v2-ssl ", ""), Gate("listen", "[{ address: \"127.0.0.1:0\", scheme: https }]")], "client.forged"),
    case("HAProxy in TCP mode without PROXY, and not trusted", HaproxyTls, &[Text("send-proxy-v2-ssl ", ""), Gate("listen", "[{ address: \"127.0.0.1:0\", scheme: https }]"), NOT_TRUSTED], "client.address"),
    case("HAProxy does not say https in the PROXY header", HaproxyTls, &[Text("send-proxy-v2-ssl", "send-proxy-v2")], "front.scheme"),
    case("the gate expects a PROXY header that HAProxy does not send", HaproxyTls, &[Text("send-proxy-v2-ssl check inter 1s fall 3", "")], "proof.answer"),
    case("HAProxy sends a PROXY header that the gate does not expect", HaproxyTls, &[Text("check inter 1s fall 3", ""), Gate("listen", "[{ address: \"127.0.0.1:0\", scheme: https }]")], "proof.answer"),
    case("HAProxy keeps answers", HaproxyHttp, &[More("\ncache kept\n    total-max-size 4\n    max-age 60\n"), Text("    retries 3\n", "    retries 3\n    http-request cache-use kept\n    http-response set-header Cache-Control max-age=60\n    http-response cache-store kept\n")], "front.cache"),
    case("HAProxy takes smaller bodies than the gate", HaproxyHttp, &[Text("option forwardfor", "option forwardfor\n    http-request deny deny_status 413 if { req.hdr_val(content-length) gt 500000 }")], "front.limit"),
    case("HAProxy rewrites a target that has a host", HaproxyHttp, &[Text("option forwardfor", "option forwardfor\n    http-request replace-uri ^https?://[^/]*/webhooks/(.*) /\\1")], "protocol.target"),
    case("HAProxy answers a target that has a host by itself", HaproxyHttp, &[Text("option forwardfor", "option forwardfor\n    http-request return status 200 content-type text/plain string ok if { url_beg https:// }")], "protocol.target"),
    case("HAProxy takes a gate out that says 500", HaproxyHttp, &[Text("check inter 1s fall 3", "check inter 1s fall 3 observe layer7 error-limit 2 on-error mark-down")], "proof.answer"),
    case("the gate behind HAProxy has an expired certificate", HaproxyThrough, &[Shown(Chain::Expired)], "tls.life"),
];

#[rustfmt::skip]
const CADDY: &[Case] = &[
    case("Caddy lets True-Client-IP name the client", Caddy, &[Text(REVERSE, "reverse_proxy 127.0.0.1:8080 {\n\t\theader_up X-Forwarded-For {http.request.header.True-Client-IP}")], "client.forged"),
    case("Caddy is not trusted", Caddy, &[NOT_TRUSTED], "client.address"),
    case("Caddy takes the folder off the path", Caddy, &[Text(REVERSE, "uri strip_prefix /webhooks\n\treverse_proxy 127.0.0.1:8080 {")], "front.path"),
    case("Caddy keeps no connection to the gate", Caddy, &[Text("keepalive 50s", "keepalive off")], "front.version"),
    case("Caddy takes small bodies only", Caddy, &[Text(REVERSE, "request_body {\n\t\tmax_size 10KB\n\t}\n\treverse_proxy 127.0.0.1:8080 {")], "front.body"),
    case("Caddy takes Authorization away", Caddy, &[Text(REVERSE, "reverse_proxy 127.0.0.1:8080 {\n\t\theader_up -Authorization")], "front.signature"),
    case("Caddy takes Retry-After away", Caddy, &[Text(REVERSE, "reverse_proxy 127.0.0.1:8080 {\n\t\theader_down -Retry-After")], "truth.retry"),
    case("Caddy gives up early", Caddy, &[Text("keepalive 50s", "keepalive 50s\n\t\t\tresponse_header_timeout 300ms")], "truth.patience"),
    case("Caddy redirects", Caddy, &[Text(REVERSE, "redir https://other.example{uri}\n\treverse_proxy 127.0.0.1:8080 {")], "truth.redirect"),
    case("Caddy says 502 while the gate is down", Caddy, &[Text("\thandle_errors {\n\t\trespond 503\n\t}\n", ""), Text("\t\thealth_uri /-/healthy\n\t\thealth_interval 1s\n\t\tlb_try_duration 3s\n", ""), Doctor(&["--drill"]), Stopped], "truth.down"),
    case("Caddy shows an expired certificate", Caddy, &[Shown(Chain::Expired)], "tls.life"),
    case("Caddy shows a certificate for another host", Caddy, &[Shown(Chain::OtherName)], "tls.name"),
    case("Traefik takes the folder off the path", Traefik, &[Text("middlewares: [unavailable, again]", "middlewares: [unavailable, again, less]"), Text("  middlewares:\n", "  middlewares:\n    less:\n      stripPrefix: { prefixes: [/webhooks] }\n")], "front.path"),
    case("Traefik takes Authorization away", Traefik, &[Text("middlewares: [unavailable, again]", "middlewares: [unavailable, again, less]"), Text("  middlewares:\n", "  middlewares:\n    less:\n      headers: { customRequestHeaders: { Authorization: \"\" } }\n")], "front.signature"),
    case("Traefik is not trusted", Traefik, &[NOT_TRUSTED], "client.address"),
];

#[test]
#[ignore = "needs nginx, openssl and faketime: make test-long"]
fn each_fault_of_nginx_is_named_and_no_other() {
    assert_eq!(NGINX.len(), 63);
    cases::are_told(NGINX);
}

#[test]
#[ignore = "needs haproxy: make test-long"]
fn each_fault_of_haproxy_is_named_and_no_other() {
    assert_eq!(HAPROXY.len(), 27);
    cases::are_told(HAPROXY);
}

#[test]
#[ignore = "needs caddy and traefik: make test-long"]
fn each_fault_of_caddy_and_traefik_is_named_and_no_other() {
    assert_eq!(CADDY.len(), 15);
    cases::are_told(CADDY);
}
