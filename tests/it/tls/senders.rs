//! The certificates of senders.

use std::sync::Arc;

use rustls::client::Resumption;
use rustls::version;

use super::*;
use crate::harness::tls::BOTH;
use crate::harness::{Upstream, request};

const SUBJECT: &str = "CN=video.example,O=Sender";

fn asking(upstream: &Upstream, how: &str) -> (Gate, Authority, Authority) {
    let (setup, authority) = usual(upstream.url(), &format!(", client_ca: senders.pem, client_auth: {how}"));
    let signer = Authority::new("Senders");
    setup.dir.write("senders.pem", &signer.pem);
    (setup.start(), authority, signer)
}

fn ask(gate: &Gate, config: ClientConfig) -> Result<Reply, String> {
    let forged = [("X-Client-Cert-Subject", "CN=forged"), ("X_Client_Cert_Subject", "CN=forged")];
    let mut sender = sender(ADMITTED, gate.addr(), &Arc::new(config), HOST);
    sender.try_send(&request("GET", "/hook", &forged, b"")).map_err(|error| error.to_string())?;
    sender.try_reply().map_err(|cut| format!("{cut:?}"))
}

#[test]
fn an_optional_client_certificate_is_forwarded_logged_and_cannot_be_forged() {
    let upstream = Upstream::echo();
    let (gate, authority, signer) = asking(&upstream, "optional");
    let own = signer.client("video.example", "Sender");
    for versions in [&[&version::TLS12][..], &[&version::TLS13]] {
        let asked = |config| gate.settled(|| ask(&gate, config));
        assert_eq!(asked(authority.client_of(versions, None)).expect("without").status, 200);
        assert_eq!(asked(authority.client_of(versions, Some(&own))).expect("with").status, 200);
    }
    let events = gate.events(4);
    let arrivals = upstream.arrivals();
    assert_eq!(arrivals.len(), 4);
    for (place, (event, arrival)) in events.iter().zip(&arrivals).enumerate() {
        let wanted = (place % 2 == 1).then_some(SUBJECT);
        assert_eq!(event["client_cert"].as_str(), wanted, "{event}");
        assert_eq!(arrival.head.one("x-client-cert-subject").as_deref(), wanted);
        assert!(arrival.head.all("x_client_cert_subject").is_empty());
    }
    // One that nobody here signed is worse than none.
    let strangers = Authority::new("Others").client("video.example", "Sender");
    ask(&gate, authority.client_of(BOTH, Some(&strangers))).expect_err("a foreign certificate");
    // A server's certificate is not a client's, whoever signed it.
    let server = signer.signed(&[], |params| {
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    });
    ask(&gate, authority.client_of(BOTH, Some(&server))).expect_err("not for clients");
    assert_eq!(upstream.arrivals().len(), 4);
    gate.wait_metric("tls_handshakes_failed_total", 2);
}

#[test]
fn a_required_certificate_is_required() {
    let upstream = Upstream::echo();
    let (gate, authority, signer) = asking(&upstream, "required");
    let own = signer.client("video.example", "Sender");
    for versions in [&[&version::TLS12][..], &[&version::TLS13]] {
        ask(&gate, authority.client_of(versions, None)).expect_err("without");
        assert_eq!(ask(&gate, authority.client_of(versions, Some(&own))).expect("with").status, 200);
    }
    assert_eq!(upstream.arrivals().len(), 2);
}

#[test]
fn a_resumed_sender_is_still_who_it_was_until_the_authority_changes() {
    let upstream = Upstream::echo();
    let (gate, authority, signer) = asking(&upstream, "required");
    let own = signer.client("video.example", "Sender");
    let mut config = authority.client_of(BOTH, Some(&own));
    config.resumption = Resumption::in_memory_sessions(8);
    let config = Arc::new(config);
    let ask = || {
        let mut sender = sender(ADMITTED, gate.addr(), &config, HOST);
        sender.try_send(&get("/hook")).ok()?;
        let reply = sender.try_reply().ok()?;
        Some((reply.status, sender.handshake()?.resumed))
    };
    assert_eq!(ask(), Some((200, false)));
    assert_eq!(ask(), Some((200, true)));
    assert!(gate.events(2).iter().all(|event| event["client_cert"] == SUBJECT));
    // The sender's certificate is no longer one of ours: a ticket must not say otherwise.
    gate.setup.dir.write("senders.pem", &Authority::new("Others").pem);
    let (status, report) = gate.reload();
    assert_eq!(status, 200, "{report}");
    assert!(report["changes"][0].as_str().is_some_and(|change| change.starts_with("client_ca=")), "{report}");
    assert_eq!(ask(), None);
}

#[test]
fn behind_plain_http_nobody_can_claim_a_certificate() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).start();
    let forged = request("GET", "/hook", &[("X-Client-Cert-Subject", "CN=forged")], b"");
    assert_eq!(gate.ask(ADMITTED, &forged).status, 200);
    assert!(upstream.arrivals()[0].head.all("x-client-cert-subject").is_empty());
}
