//! Header lines by which some proxy says who the client is, how it came, or what it asked for.
//!
//! Every vendor has names of its own for that, and every framework believes some of them. The gate believes none, but
//! an application behind it may: so they pass only where a trusted proxy wrote the request. Names are told by their
//! kind, since lists are never complete: whatever is named after an IP address says whose it is. Where a row holds
//! for names with and without `X-`, it is written without. Invariant: a name is compared as CGI folds it, in any case
//! and with underscores for hyphens.

use crate::policy::forward::name::same_name;

/// What a name must have to be a claim.
enum Rule {
    /// The whole name.
    Is(&'static str),
    /// Its beginning.
    Begins(&'static str),
    /// Its end.
    Ends(&'static str),
}

use Rule::{Begins, Ends, Is};

/// The kinds, and where each is found. Looked up in November 2026.
const RULES: [Rule; 51] = [
    // X-Forwarded-Ssl, -Scheme, -Server, -Prefix, -User, -Client-Cert, X-Forward-For, Forwarded-For and whatever
    // else: developer.mozilla.org/docs/Web/HTTP/Headers/X-Forwarded-For, httpd.apache.org/docs/2.4/mod/mod_proxy.html,
    // doc.traefik.io/traefik/middlewares/http/passtlsclientcert (X-Forwarded-Tls-Client-Cert), Envoy (XFCC).
    Begins("forward"),
    // Client-IP (PHP's HTTP_CLIENT_IP), True-Client-IP (Akamai, Cloudflare), Fastly-Client-IP (fastly.com/documentation/
    // reference/http/http-headers/Fastly-Client-IP), Fly-Client-IP (fly.io/docs/networking/request-headers), X-Cluster-
    // Client-IP (Rackspace), Incap-Client-IP (Imperva), CF-Connecting-IP (developers.cloudflare.com/fundamentals/
    // reference/http-headers), DO-Connecting-IP (DigitalOcean), X-NF-Client-Connection-IP (Netlify), X-ProxyUser-IP
    // (Google), X-Remote-IP, X-Originating-IP, Ali-CDN-Real-IP (Alibaba).
    Ends("-ip"),
    // CF-Pseudo-IPv4 and CF-Connecting-IPv6 (Cloudflare, as above).
    Ends("-ipv4"),
    Ends("-ipv6"),
    // X-Sucuri-ClientIP (docs.sucuri.net/website-firewall/troubleshooting/same-ip-for-all-users).
    Ends("clientip"),
    // X-Remote-Addr, Remote-Addr: CGI's REMOTE_ADDR as a header.
    Ends("remote-addr"),
    // X-Envoy-External-Address, -Original-Path, -Internal, -Peer-Metadata: Envoy removes them at its edge too
    // (envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers).
    Begins("envoy-"),
    // X-Azure-ClientIP, -SocketIP, -FDID (learn.microsoft.com/azure/frontdoor/front-door-http-headers-protocol).
    Begins("azure-"),
    // X-Appengine-User-IP, -Https (cloud.google.com/appengine/docs/standard/reference/request-headers).
    Begins("appengine-"),
    // X-ARR-SSL, X-ARR-ClientCert: IIS Application Request Routing, Azure App Service.
    Begins("arr-"),
    // CloudFront-Viewer-Address, CloudFront-Forwarded-Proto (docs.aws.amazon.com/AmazonCloudFront/latest/
    // DeveloperGuide/adding-cloudfront-headers.html).
    Begins("cloudfront-"),
    // X-Vercel-Forwarded-For, X-Vercel-Proxied-For (vercel.com/docs/headers/request-headers).
    Begins("vercel-forwarded"),
    Begins("vercel-proxied"),
    // Fly-Forwarded-Proto, -Port, -SSL (as above).
    Begins("fly-forwarded"),
    // WL-Proxy-Client-IP, -Client-Cert, -SSL (docs.oracle.com/middleware/12211/webtier/develop-plugin/plugin_params.htm).
    Begins("wl-proxy-"),
    // How the client came: CF-Visitor (Cloudflare), Fastly-SSL (Fastly), Front-End-Https (Microsoft), X-Url-Scheme
    // (gunicorn, aiohttp), X-Scheme (ingress-nginx).
    Is("cf-visitor"),
    Is("fastly-ssl"),
    Is("front-end-https"),
    Is("url-scheme"),
    Is("scheme"),
    // What it asked for: X-Original-URL and X-Rewrite-URL (IIS; Symfony, Zend: CVE-2018-14773), X-Original-Host (Azure
    // Application Gateway, ngrok), X-Original-URI, X-Original-Forwarded-For (ingress-nginx).
    Begins("original-"),
    Begins("rewrite-"),
    // X-Host, X-HTTP-Host-Override: portswigger.net/web-security/host-header/exploiting.
    Is("host"),
    Is("http-host-override"),
    // Who it proved to be: Client-Cert, Client-Cert-Chain (RFC 9440 section 4 asks to remove them), X-SSL-Client-DN and
    // SSL-Client-Verify (HAProxy, ingress-nginx), X-Amzn-Mtls-Clientcert (AWS).
    Begins("client-cert"),
    Begins("ssl"),
    Begins("amzn-mtls-"),
    Begins("client-dn"),
    Begins("client-verify"),
    // Whom a proxy let in: Remote-User, X-Remote-User and Remote-Host (CGI), X-WebAuth-User (grafana.com/docs/grafana/
    // latest/setup-grafana/configure-security/configure-authentication/auth-proxy), X-Auth-Request-User (oauth2-proxy),
    // X-MS-Client-Principal (Azure App Service), X-Goog-Authenticated-User-Email (Google IAP), Tailscale-User-Login
    // (tailscale serve), Cf-Access-Authenticated-User-Email (Cloudflare Access).
    Begins("remote-"),
    Begins("webauth-"),
    // By their ends: Authorization begins like them, and most webhooks have one.
    Ends("auth-request-user"),
    Ends("auth-request-email"),
    Begins("ms-client-principal"),
    Begins("goog-authenticated-user"),
    Begins("tailscale-user"),
    Begins("cf-access-"),
    // Other spellings of the address and the way: X-Client-Addr, X-Client-Proto, X-IP-Address, Client-IP-Address,
    // Z-Forwarded-For, X-Real-Host, X-Real-Scheme, X-Proto, X-Https.
    Begins("client-addr"),
    Begins("client-proto"),
    Is("ip-address"),
    Ends("-ip-address"),
    Ends("-forwarded-for"),
    Begins("real-"),
    Is("proto"),
    Is("https"),
    // Another method or target than the one that was judged: X-HTTP-Method-Override (Symfony, Rails, Express), X-HTTP-
    // Method (Microsoft), X-Method-Override (IBM), X-Host-Override, X-Request-URI, X-Script-Name (uWSGI, gunicorn).
    Begins("http-method"),
    Begins("method-override"),
    Begins("host-override"),
    Is("request-uri"),
    Is("script-name"),
    // What CGI makes of it is HTTP_PROXY: httpoxy.org.
    Is("proxy"),
];

/// For each letter that a rule begins with, the second letters: most names are sorted out by their first two.
const BEGINNINGS: [u32; 32] = letters(false);
/// The same for the last two.
const ENDINGS: [u32; 32] = letters(true);

const fn letters(ends: bool) -> [u32; 32] {
    let mut table = [0; 32];
    let mut at = 0;
    while at < RULES.len() {
        let (text, last) = match RULES[at] {
            Is(text) | Begins(text) => (text.as_bytes(), false),
            Ends(text) => (text.as_bytes(), true),
        };
        if last == ends {
            let first = if last { text.len() - 2 } else { 0 };
            table[(text[first] & 31) as usize] |= 1 << (text[first + 1] & 31);
        }
        at += 1;
    }
    table
}

/// Whether a header of this name claims something about the client.
#[inline]
pub(super) fn is_claim(name: &[u8]) -> bool {
    let plain = without_x(name);
    is_likely(name, plain) && is_listed(name, plain)
}

#[inline]
fn without_x(name: &[u8]) -> &[u8] {
    match name {
        [b'x' | b'X', separator, plain @ ..] if !separator.is_ascii_alphanumeric() => plain,
        _ => name,
    }
}

/// Whether a rule may hold, by two letters at each end.
#[inline]
fn is_likely(name: &[u8], plain: &[u8]) -> bool {
    // Five bits of a letter are the same in both cases.
    let known = |table: &[u32; 32], one: u8, two: u8| table[usize::from(one & 31)] >> (two & 31) & 1 != 0;
    match (plain, name) {
        ([one, two, ..], [.., last_but_one, last]) => {
            known(&BEGINNINGS, *one, *two) || known(&ENDINGS, *last_but_one, *last)
        }
        _ => false,
    }
}

#[cold]
fn is_listed(name: &[u8], plain: &[u8]) -> bool {
    RULES.iter().any(|rule| match rule {
        Is(text) => same_name(plain, text.as_bytes()),
        Begins(text) => plain.get(..text.len()).is_some_and(|begin| same_name(begin, text.as_bytes())),
        Ends(text) => {
            let begin = name.len().checked_sub(text.len());
            begin.is_some_and(|begin| same_name(&name[begin..], text.as_bytes()))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What real proxies and frameworks have, and scanners try.
    const CLAIMS: [&str; 81] = [
        "x-http-method-override",
        "x-method-override",
        "x-host-override",
        "x-real-host",
        "x-request-uri",
        "x-script-name",
        "remote-user",
        "x-remote-user",
        "x-webauth-user",
        "x-auth-request-user",
        "x-ms-client-principal-name",
        "x-goog-authenticated-user-email",
        "tailscale-user-login",
        "cf-access-authenticated-user-email",
        "x-client-dn",
        "x-client-addr",
        "x-client-proto",
        "client-ip-address",
        "z-forwarded-for",
        "x-https",
        "x-ssl-offloaded",
        "x-proto",
        "x.real.host",
        "client|ip",
        "ali-cdn-real-ip",
        "cdn-src-ip",
        "cf-connecting-ip",
        "cf-connecting-ipv6",
        "cf-pseudo-ipv4",
        "cf-visitor",
        "client-cert",
        "client-cert-chain",
        "client-ip",
        "cloudfront-forwarded-proto",
        "cloudfront-viewer-address",
        "do-connecting-ip",
        "fastly-client-ip",
        "fastly-ssl",
        "fly-client-ip",
        "fly-forwarded-proto",
        "forwarded-for",
        "forwarded-for-ip",
        "front-end-https",
        "incap-client-ip",
        "proxy",
        "proxy-client-ip",
        "remote-addr",
        "ssl-client-verify",
        "true-client-ip",
        "wl-proxy-client-ip",
        "wl-proxy-ssl",
        "x-amzn-mtls-clientcert",
        "x-appengine-user-ip",
        "x-arr-ssl",
        "x-azure-clientip",
        "x-azure-socketip",
        "x-client-cert-verified",
        "x-client-ip",
        "x-cluster-client-ip",
        "x-envoy-external-address",
        "x-envoy-original-path",
        "x-forward-for",
        "x-forwarded",
        "x-forwarded-client-cert",
        "x-forwarded-scheme",
        "x-forwarded-server",
        "x-forwarded-ssl",
        "x-host",
        "x-http-host-override",
        "x-nf-client-connection-ip",
        "x-original-forwarded-for",
        "x-original-host",
        "x-original-url",
        "x-originating-ip",
        "x-proxyuser-ip",
        "x-remote-addr",
        "x-remote-ip",
        "x-rewrite-url",
        "x-scheme",
        "x-url-scheme",
        "x-vercel-forwarded-for",
    ];

    /// What senders of webhooks have, and what lies near to a rule.
    const OTHERS: [&str; 34] = [
        "accept",
        "accept-encoding",
        "authorization",
        "cache-control",
        "cf-ray",
        "content-encoding",
        "content-type",
        "cookie",
        "date",
        "fastly-ff",
        "fore",
        "from",
        "ip",
        "origin",
        "proxy-status",
        "referer",
        "scheme-x",
        "traceparent",
        "tracestate",
        "user-agent",
        "via",
        "x",
        "x-",
        "x-amzn-trace-id",
        "x-b3-traceid",
        "x-hub-signature-256",
        "x-newrelic-id",
        "x-nexmo-trace-id",
        "x-opentok-signature",
        "x-requested-with",
        "x-tooltip",
        "x-vonage-signature",
        "x-vonage-webhook-auth-token",
        "zip",
    ];

    #[test]
    fn every_spelling_of_a_claim_is_one_and_its_neighbours_are_not() {
        for name in CLAIMS {
            for written in [name.to_owned(), name.to_uppercase(), name.replace('-', "_")] {
                assert!(is_claim(written.as_bytes()), "{written}");
            }
        }
        for name in OTHERS {
            assert!(!is_claim(name.as_bytes()), "{name}");
        }
        assert!(!is_claim(b""));
    }

    #[test]
    fn usual_names_are_sorted_out_by_their_letters() {
        for name in
            ["Accept", "Accept-Encoding", "Authorization", "Content-Type", "User-Agent", "traceparent"]
        {
            assert!(!is_likely(name.as_bytes(), without_x(name.as_bytes())), "{name}");
        }
    }

    proptest! {
        /// The letters sort nothing out that a rule would find.
        #[test]
        fn the_short_cut_changes_nothing(
            x in "([xX][-_])?",
            text in prop::sample::select(
                RULES.map(|rule| match rule { Is(text) | Begins(text) | Ends(text) => text }).to_vec()
            ),
            before in "[a-zA-Z-]{0,3}",
            after in "[a-zA-Z-]{0,3}",
            upper in any::<bool>(),
        ) {
            let name = format!("{x}{before}{text}{after}");
            let name = if upper { name.to_uppercase() } else { name };
            prop_assert_eq!(is_claim(name.as_bytes()), is_listed(name.as_bytes(), without_x(name.as_bytes())));
        }
    }
}
