//! Which header lines pass, and which the gate writes itself.
//!
//! Towards the upstream: what belongs to one connection is removed (RFC 9110 section 7.6.1), what the
//! gate vouches for is removed too and then written anew, so that nobody can forge or remove it.
//!
//! | file | noun |
//! | --- | --- |
//! | [`fate`] | what becomes of a line, by its name |
//! | [`claim`] | the names by which a line says something about the client |
//! | [`name`] | when two names are one |

mod claim;
mod fate;
pub(crate) mod name;

pub use self::fate::response_drops;
pub(crate) use self::fate::{Fate, request_fate};
use crate::policy::bytes::is_word;
use crate::policy::client::client_ip::{Client, ForwardedHeader};
use crate::policy::client::forwarded;
use crate::policy::forward::name::same_name;
use crate::policy::provider;
use crate::policy::text;

/// The lines that the gate writes itself.
#[derive(Clone, Copy, Debug)]
pub struct Own<'a> {
    /// Who is asking, and through whom.
    pub client: &'a Client,
    /// Whether a trusted proxy wrote the request: then what it claims about the client is kept.
    pub believed: bool,
    /// The header that names clients here: with `Forwarded` the upstream is given the chain in that
    /// form too.
    pub header: ForwardedHeader,
    /// The Host that the upstream is given.
    pub host: &'a [u8],
    /// The Host that the sender asked for.
    pub forwarded_host: &'a [u8],
    /// `http` or `https`: how the sender reached the first proxy that we trust.
    pub proto: &'a str,
    /// Names the request in both logs.
    pub request_id: &'a [u8],
    /// The list that admitted the client; `None` when only `mode: observe` let it pass.
    pub list: Option<&'a str>,
    /// The route's webhook.
    pub webhook: &'a str,
    /// The subject of the sender's certificate, which an authority of the operator's signed.
    pub client_cert: Option<&'a str>,
    /// What became of the request's signature, if it was judged.
    pub signature: Option<&'static str>,
    /// The account that a good signature names.
    pub account: Option<&'a str>,
    /// Whether the signed message was delivered before.
    pub repeat: bool,
}

/// Writes the request line, `Host`, the lines that pass and the gate's own. `Content-Length` and the
/// empty line are left to the caller, who knows the body.
pub fn write_request_head<'a>(
    out: &mut Vec<u8>,
    method: &[u8],
    target: &[u8],
    fields: impl Iterator<Item = (&'a [u8], &'a [u8])>,
    named_by_connection: &[u8],
    own: Own<'_>,
) {
    out.extend_from_slice(method);
    out.push(b' ');
    out.extend_from_slice(target);
    out.extend_from_slice(b" HTTP/1.1\r\n");
    line(out, b"Host: ", own.host);
    for (name, value) in fields {
        let passes = match request_fate(name) {
            Fate::Keep => !names(named_by_connection, name),
            Fate::Claim => own.believed,
            Fate::HopByHop | Fate::Own => false,
        };
        if passes {
            out.extend_from_slice(name);
            out.extend_from_slice(b": ");
            out.extend_from_slice(value);
            out.extend_from_slice(b"\r\n");
        }
    }
    let client = own.client.address;
    out.extend_from_slice(b"X-Forwarded-For: ");
    text::address(out, client);
    for proxy in &own.client.via {
        out.extend_from_slice(b", ");
        text::address(out, *proxy);
    }
    out.extend_from_slice(b"\r\nX-Real-IP: ");
    text::address(out, client);
    out.extend_from_slice(b"\r\n");
    if own.header == ForwardedHeader::Forwarded {
        out.extend_from_slice(b"Forwarded: ");
        forwarded::write(out, own.client, own.proto, own.forwarded_host);
        out.extend_from_slice(b"\r\n");
    }
    line(out, b"X-Forwarded-Proto: ", own.proto.as_bytes());
    line(out, b"X-Forwarded-Host: ", own.forwarded_host);
    line(out, b"X-Request-Id: ", own.request_id);
    if let Some(list) = own.list {
        line(out, b"X-Nexmo-Gate-List: ", list.as_bytes());
    }
    line(out, b"X-Nexmo-Gate-Webhook: ", own.webhook.as_bytes());
    if let Some(finding) = own.signature {
        line(out, b"X-Nexmo-Gate-Signature: ", finding.as_bytes());
    }
    if let Some(account) = own.account {
        line(out, b"X-Nexmo-Gate-Api-Key: ", account.as_bytes());
    }
    if own.repeat {
        line(out, b"X-Nexmo-Gate-Repeat: ", b"1");
    }
    if let Some(subject) = own.client_cert {
        line(out, b"X-Client-Cert-Subject: ", subject.as_bytes());
    }
}

#[inline]
fn line(out: &mut Vec<u8>, name_and_colon: &[u8], value: &[u8]) {
    out.extend_from_slice(name_and_colon);
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// Whether a comma-separated list of header names (a Connection field's value) holds this one.
#[must_use]
pub(crate) fn names(list: &[u8], name: &[u8]) -> bool {
    !list.is_empty() && list.split(|b| *b == b',').any(|one| one.trim_ascii().eq_ignore_ascii_case(name))
}

/// Names that a Connection field may have. Every header line is looked for among them; real senders name one or two.
pub(crate) const MAX_NAMED: usize = 16;

/// Whether a Connection field names a header that the gate sets or decides by, or more names than any sender
/// needs. Such a request is refused: honouring it would let a sender remove what the next hop relies on, or have
/// each of its lines compared with thousands of names.
#[must_use]
pub(crate) fn connection_overreaches(list: &[u8]) -> bool {
    // What nearly every sender says.
    if list.is_empty() || is_word(list, b"close") || is_word(list, b"keep-alive") {
        return false;
    }
    if memchr::memchr_iter(b',', list).count() >= MAX_NAMED {
        return true;
    }
    list.split(|b| *b == b',').map(<[u8]>::trim_ascii).any(|name| {
        let framing = ["content-length", "transfer-encoding", "expect", "content-type", "content-encoding"];
        matches!(request_fate(name), Fate::Own | Fate::Claim)
            || framing.iter().any(|f| same_name(name, f.as_bytes()))
            || signature_headers().any(|header| same_name(name, header.as_bytes()))
    })
}

/// The headers that may hold a signature: the application is promised that it passes.
fn signature_headers() -> impl Iterator<Item = &'static str> {
    let carriers = provider::DEFAULT.signing.iter().flat_map(|signing| signing.carriers);
    carriers.map(|carrier| carrier.header)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::address::addr::Address;

    fn written(fields: &[(&str, &str)], connection: &str, via: &[&str]) -> String {
        written_with(|_| {}, fields, connection, via)
    }

    fn written_with(
        change: impl FnOnce(&mut Own<'_>),
        fields: &[(&str, &str)],
        connection: &str,
        via: &[&str],
    ) -> String {
        let address = |text: &str| Address::new(text.parse().unwrap());
        let client = Client { address: address("192.0.2.7"), via: via.iter().map(|v| address(v)).collect() };
        let mut own = Own {
            client: &client,
            believed: !via.is_empty(),
            header: ForwardedHeader::XForwardedFor,
            host: b"app.example",
            forwarded_host: b"hooks.example",
            proto: "http",
            request_id: b"id-1",
            list: Some("sms"),
            webhook: "sms-inbound",
            client_cert: None,
            signature: None,
            account: None,
            repeat: false,
        };
        change(&mut own);
        let mut out = Vec::new();
        let fields = fields.iter().map(|(n, v)| (n.as_bytes(), v.as_bytes()));
        write_request_head(&mut out, b"POST", b"/a?b=https://c:1,2", fields, connection.as_bytes(), own);
        String::from_utf8(out).unwrap()
    }

    const OWN: &str = "X-Real-IP: 192.0.2.7\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: hooks.example\r\nX-Request-Id: id-1\r\nX-Nexmo-Gate-List: sms\r\nX-Nexmo-Gate-Webhook: sms-inbound\r\n";

    #[test]
    fn a_connection_field_has_few_names() {
        let named = |count: usize| connection_overreaches(vec!["a"; count].join(",").as_bytes());
        assert!(!named(MAX_NAMED));
        assert!(named(MAX_NAMED + 1) && named(8000));
    }

    #[test]
    fn what_the_gate_vouches_for_is_written_anew() {
        let forged = [
            ("Host", "hooks.example"),
            ("X-Forwarded-For", "10.0.0.1"),
            ("x_forwarded_for", "10.0.0.1"),
            ("X-Real-IP", "10.0.0.1"),
            ("Forwarded", "for=10.0.0.1"),
            ("X-Forwarded-Port", "1"),
            ("X-Client-Cert-Subject", "CN=vonage"),
            ("x_client_cert_subject", "CN=vonage"),
            ("X-Nexmo-Gate-List", "all"),
            ("X_Nexmo_Gate_Whatever", "x"),
            ("True-Client-IP", "10.0.0.1"),
            ("CF-Connecting-IP", "10.0.0.1"),
            ("Authorization", "Bearer x"),
        ];
        let wanted = format!(
            "POST /a?b=https://c:1,2 HTTP/1.1\r\nHost: app.example\r\nAuthorization: Bearer x\r\nX-Forwarded-For: 192.0.2.7\r\n{OWN}"
        );
        assert_eq!(written(&forged, "", &[]), wanted);
    }

    #[test]
    fn a_trusted_proxy_keeps_its_word_and_the_chain_is_told() {
        let text = written(&[("CF-Connecting-IP", "192.0.2.7")], "", &["10.0.0.2", "10.0.0.1"]);
        assert!(
            text.contains(
                "CF-Connecting-IP: 192.0.2.7\r\nX-Forwarded-For: 192.0.2.7, 10.0.0.2, 10.0.0.1\r\n"
            ),
            "{text}"
        );
    }

    #[test]
    fn a_stranger_behind_a_proxy_that_only_relays_bytes_claims_nothing() {
        let claim = [("CF-Connecting-IP", "192.0.2.8")];
        let text = written_with(|own| own.believed = false, &claim, "", &["10.0.0.1"]);
        assert!(!text.contains("CF-Connecting-IP"), "{text}");
        assert!(text.contains("X-Forwarded-For: 192.0.2.7, 10.0.0.1\r\n"), "{text}");
    }

    #[test]
    fn forwarded_is_written_where_it_was_chosen_and_a_forged_one_never_passes() {
        let forged = [("Forwarded", "for=8.8.8.8"), ("forwarded", "for=8.8.4.4")];
        let chosen = |own: &mut Own<'_>| own.header = ForwardedHeader::Forwarded;
        let text = written_with(chosen, &forged, "", &["10.0.0.2", "10.0.0.1"]);
        let line =
            "\r\nForwarded: for=192.0.2.7;proto=http;host=hooks.example, for=10.0.0.2, for=10.0.0.1\r\n";
        assert!(text.contains(line), "{text}");
        assert_eq!(text.matches("orwarded: for").count(), 1, "{text}");
        assert!(text.contains("X-Forwarded-For: 192.0.2.7, 10.0.0.2, 10.0.0.1\r\n"), "{text}");
    }

    #[test]
    fn what_belongs_to_one_connection_stays_there() {
        let hop = [
            ("Connection", "close, X-Hop"),
            ("X-Hop", "1"),
            ("Keep-Alive", "timeout=5"),
            ("TE", "trailers"),
            ("Transfer-Encoding", "chunked"),
            ("Content-Length", "5"),
            ("Upgrade", "websocket"),
            ("Proxy-Authorization", "x"),
            ("Expect", "100-continue"),
            ("HTTP2-Settings", "x"),
            ("Trailer", "x"),
            ("Accept", "*/*"),
        ];
        let text = written(&hop, "close, X-Hop", &[]);
        assert!(
            text.starts_with(
                "POST /a?b=https://c:1,2 HTTP/1.1\r\nHost: app.example\r\nAccept: */*\r\nX-Forwarded-For: "
            ),
            "{text}"
        );
    }

    #[test]
    fn connection_may_not_name_what_the_gate_sets_or_decides_by() {
        for list in [
            "X-Forwarded-For",
            "close, x-real-ip",
            "Host",
            "keep-alive,Content-Length",
            "X-Nexmo-Gate-List",
            "x_forwarded_proto",
            "X-Client-Cert-Subject",
            "close, Authorization",
            "X-Hop, AUTHORIZATION",
        ] {
            assert!(connection_overreaches(list.as_bytes()), "{list}");
        }
        for list in ["close", "keep-alive, Upgrade", "X-Hop, Cookie", "", "TE"] {
            assert!(!connection_overreaches(list.as_bytes()), "{list}");
        }
    }
}
