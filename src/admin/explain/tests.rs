use super::*;
use crate::admin::explain::question::Parameters;
use crate::admin::fixture::{CONFIG, SIGNED, Stage, anonymous};
use crate::admin::text::explanation::text;
use proptest::prelude::*;

fn parameters(ip: &str, via: Option<&str>, path: Option<&str>) -> Parameters {
    let (via, path) = (via.map(str::to_owned), path.map(str::to_owned));
    Parameters { ip: Some(ip.to_owned()), via, path, ..Parameters::default() }
}

fn ask(snapshot: &Snapshot, parameters: Parameters) -> Explanation {
    explain(snapshot, &Question::new(parameters).unwrap(), |_| None, 0).unwrap()
}

fn told(config: &str, ip: &str, via: Option<&str>, path: Option<&str>) -> (bool, String) {
    let mut stage = Stage::new(config);
    let explanation = ask(&stage.snapshot(), parameters(ip, via, path));
    (explanation.admitted, anonymous(&text(&explanation), stage.folder.path()))
}

#[test]
fn the_whole_chain_of_an_admitted_client_is_told() {
    let via = Some("1.2.3.4, 198.51.100.7, 203.0.113.9");
    let (admitted, text) = told(CONFIG, "::ffff:10.1.1.1", via, Some("/webhooks/answer?x=1"));
    assert!(admitted);
    let wanted = "\
listener 0.0.0.0:8080
peer     10.1.1.1           a trusted proxy (10.0.0.0/8)
hop      203.0.113.9        a trusted proxy (list edge)
hop      198.51.100.7       not a trusted proxy, so it is the client
client   198.51.100.7
route    /webhooks/answer (voice-answer) for /webhooks/answer
list     voice              does not hold it (2 prefixes in DIR/ranges/voice.txt)
list     sms                holds it: 198.51.100.7/32 at DIR/ranges/sms.txt:4
verdict  ADMITTED by list sms, prefix 198.51.100.7/32
answer   what the application answers, judged by the delivery rules
";
    assert_eq!(text, wanted);
}

#[test]
fn a_stranger_learns_nothing_by_a_header() {
    let (admitted, text) = told(CONFIG, "192.0.2.99", Some("192.0.2.1"), Some("/webhooks/answer"));
    assert!(!admitted);
    let wanted = "\
listener 0.0.0.0:8080
peer     192.0.2.99         not a trusted proxy, so it is the client
client   192.0.2.99
         the forwarding header is ignored: only a trusted proxy may name the client
route    /webhooks/answer (voice-answer) for /webhooks/answer
list     voice              does not hold it (2 prefixes in DIR/ranges/voice.txt)
list     sms                does not hold it (3 prefixes in DIR/ranges/sms.txt)
verdict  DENIED, not_listed: the client is in none of the route's lists
answer   403 (deny: forbid)
note     no list of the route holds the client
";
    assert_eq!(text, wanted);
}

#[test]
fn nobody_can_be_named_in_two_ways() {
    let (_, unnamed) = told(CONFIG, "10.1.1.1", Some("10.2.2.2"), Some("/nowhere"));
    assert!(unnamed.contains("client   nobody: every hop is a trusted proxy"), "{unnamed}");
    assert!(unnamed.contains("DENIED, no_client"), "{unnamed}");
    let (_, unreadable) = told(CONFIG, "10.1.1.1", Some("192.0.2.1, _\"x"), Some("/webhooks/answer"));
    assert!(unreadable.contains("hop      \"_\\\"x\"             is not an address"), "{unreadable}");
    assert!(unreadable.contains("DENIED, bad_chain"), "{unreadable}");
}

#[test]
fn without_a_path_every_route_is_tried() {
    let (admitted, text) = told(CONFIG, "192.0.2.1", None, None);
    assert!(admitted);
    let wanted = "\
listener 0.0.0.0:8080
peer     192.0.2.1          not a trusted proxy, so it is the client
client   192.0.2.1

route                            webhook               verdict
/webhooks/answer                 voice-answer          admitted  voice 192.0.2.0/28 at DIR/ranges/voice.txt:3
/webhooks/sms/*                  sms-inbound           denied    not_listed, answer 403 (deny: forbid)
api.example.com/webhooks/verify  verify                denied    not_listed, answer 403 (deny: forbid)
";
    assert_eq!(text, wanted);
}

#[test]
fn what_only_observe_lets_pass_is_not_admitted() {
    let observe = format!("{CONFIG}\nmode: observe\ndeny: retry\n");
    let (admitted, text) = told(&observe, "192.0.2.99", None, Some("/webhooks/answer"));
    assert!(!admitted);
    assert!(text.contains("verdict  WOULD BE DENIED, not_listed"), "{text}");
    assert!(text.contains("answer   what the application answers"), "{text}");
}

#[test]
fn a_host_and_an_odd_path_count() {
    let snapshot = Stage::new(CONFIG).snapshot();
    let at = |host: Option<&str>, path: &str| {
        let host = host.map(str::to_owned);
        ask(&snapshot, Parameters { host, ..parameters("198.51.100.1", None, Some(path)) })
    };
    assert!(at(Some("API.example.com:443"), "/webhooks/verify").admitted);
    assert!(!at(None, "/webhooks/verify").admitted);
    let odd = text(&at(None, "/webhooks/sms/../x"));
    assert!(
        odd.contains("verdict  REJECTED, bad_target\nanswer   400\nnote     the path has a dot segment"),
        "{odd}"
    );
}

/// The one row of what became of a request.
fn row(snapshot: &Snapshot, parameters: Parameters) -> RouteVerdict {
    let [row] = <[RouteVerdict; 1]>::try_from(ask(snapshot, parameters).routes).unwrap();
    row
}

#[test]
fn whatever_can_decide_can_be_asked_about() {
    let config = format!(
        "{CONFIG}\nhealth_path: /gate\nlisten: [\"127.0.0.1:1\", {{ address: \"127.0.0.1:2\", proxy_protocol: true }}]\n"
    );
    let snapshot = Stage::new(&config).snapshot();
    let answer = |ip: &str| parameters(ip, None, Some("/webhooks/answer"));
    let some = |text: &str| Some(text.to_owned());
    for (asked, verdict, reason, status, note) in [
        (answer("192.0.2.1"), Verdict::Admitted, None, None, None),
        (
            Parameters { method: some("PUT"), ..answer("192.0.2.1") },
            Verdict::Rejected,
            Some("bad_method"),
            Some(405),
            some("a method that the webhook of the route does not have"),
        ),
        (
            Parameters {
                headers: vec!["Content-Length: 2".into(), "Content-Length: 3".into()],
                ..answer("192.0.2.1")
            },
            Verdict::Rejected,
            Some("bad_framing"),
            Some(400),
            some("Content-Length and Transfer-Encoding contradict each other, or are malformed"),
        ),
        (
            parameters("192.0.2.1", None, Some("/webhooks/answer/")),
            Verdict::Denied,
            Some("no_route"),
            Some(403),
            some("differs from /webhooks/answer by its last slash"),
        ),
        (
            Parameters { listener: some("127.0.0.1:2"), ..answer("192.0.2.1") },
            Verdict::Closed,
            Some("no_proxy_header"),
            None,
            some("this listener takes connections of trusted_proxies only (proxy_protocol)"),
        ),
        (
            Parameters { proxy: some("none"), ..answer("10.0.0.1") },
            Verdict::Closed,
            Some("no_proxy_header"),
            None,
            some("this listener takes connections of trusted_proxies only (proxy_protocol)"),
        ),
        (Parameters { proxy: some("192.0.2.1"), ..answer("10.0.0.1") }, Verdict::Admitted, None, None, None),
        (
            Parameters { proxy: some("local"), ..answer("10.0.0.1") },
            Verdict::Denied,
            Some("no_client"),
            Some(403),
            some("the trusted proxy names no client; let it set the forwarding header"),
        ),
        (
            Parameters {
                ip: some("127.0.0.1"),
                request: Some(b"GET /gate HTTP/1.0\r\n\r\n".to_vec()),
                ..Parameters::default()
            },
            Verdict::Served,
            None,
            None,
            some("a health probe: 200 while the gate is ready, else 503"),
        ),
        (
            Parameters {
                ip: some("192.0.2.1"),
                request: Some(b"\x16\x03\x01\x02\0\x01".to_vec()),
                ..Parameters::default()
            },
            Verdict::Rejected,
            Some("malformed_head"),
            Some(400),
            some("begins like a TLS handshake"),
        ),
    ] {
        let found = row(&snapshot, asked.clone());
        assert_eq!(
            (found.verdict, found.reason.as_deref(), found.status, found.note),
            (verdict, reason, status, note),
            "{asked:?}"
        );
    }
}

#[test]
fn a_challenge_is_answered_by_its_file_where_that_can_be_seen() {
    let config = format!("{CONFIG}\nlisten: [{{ address: \"127.0.0.1:1\", acme_challenges: /acme }}]\n");
    let snapshot = Stage::new(&config).snapshot();
    let verdict = |exists: Exists| {
        let asked = parameters("192.0.2.99", None, Some("/.well-known/acme-challenge/token"));
        let found = explain(&snapshot, &Question::new(asked).unwrap(), exists, 0).unwrap().routes.remove(0);
        (found.verdict, found.note.unwrap_or_default())
    };
    let note = "an ACME challenge: /acme/token is the answer";
    assert_eq!(verdict(|_| Some(true)), (Verdict::Served, note.to_owned()));
    assert_eq!(verdict(|_| None), (Verdict::Denied, format!("{note}, if it is there")));
    let (missing, note) = verdict(|_| Some(false));
    assert_eq!(missing, Verdict::Denied);
    assert!(note.starts_with("no route matches"), "{note}");
}

#[test]
fn a_listener_that_cannot_be_meant_is_refused() {
    let snapshot = Stage::new(CONFIG).snapshot();
    let problem = |change: fn(&mut Parameters)| {
        let mut asked = parameters("192.0.2.1", None, Some("/"));
        change(&mut asked);
        explain(&snapshot, &Question::new(asked).unwrap(), |_| None, 0).unwrap_err().to_string()
    };
    assert_eq!(
        problem(|asked| asked.listener = Some("1.2.3.4:5".into())),
        "listener: no listener has the address \"1.2.3.4:5\"; there are: 0.0.0.0:8080"
    );
    assert_eq!(
        problem(|asked| asked.proxy = Some("192.0.2.1".into())),
        "proxy: the listener 0.0.0.0:8080 takes no PROXY header (proxy_protocol)"
    );
}

proptest! {
    /// What is shown is what was decided on.
    #[test]
    fn the_hops_end_where_the_client_is(
        peer in "(10\\.0\\.0\\.1|192\\.0\\.2\\.1|203\\.0\\.113\\.9)",
        hops in prop::option::of(prop::collection::vec("(10\\.0\\.0\\.[1-9]|203\\.0\\.113\\.9|192\\.0\\.2\\.[1-9]|_x|)", 0..5)),
        forwarded: bool,
    ) {
        let header = if forwarded { "forwarded" } else { "x-forwarded-for" };
        let snapshot = Stage::new(&format!("{CONFIG}\nforwarded_header: {header}\n")).snapshot();
        let via = hops.map(|hops| hops.join(", "));
        let explanation = ask(&snapshot, parameters(&peer, via.as_deref(), None));
        let (last, before) = explanation.hops.split_last().unwrap();
        prop_assert!(before.iter().all(|hop| hop.trusted_by.is_some()));
        match (explanation.client, explanation.no_client.as_deref()) {
            (Some(client), None) => {
                prop_assert_eq!(&last.hop, &client);
                prop_assert!(last.trusted_by.is_none());
            }
            (None, Some("no_client")) => prop_assert!(last.trusted_by.is_some()),
            (None, Some("bad_chain")) => prop_assert!(last.trusted_by.is_none()),
            other => prop_assert!(false, "{:?}", other),
        }
    }
}

#[test]
fn an_unsigned_stranger_is_told_what_a_signature_would_change() {
    let with =
        |unlisted: &str| SIGNED.replace("signatures:\n", &format!("signatures:\n  unlisted: {unlisted}\n"));
    let note = |config: &str, path: &str| told(config, "192.0.2.99", None, Some(path)).1;
    let retry = "unsigned with a good and fresh one it would hear 503 with Retry-After, and be shown as one that a list may lack \
                 (signatures.unlisted: retry)";
    assert!(note(SIGNED, "/webhooks/answer").contains(retry), "{}", note(SIGNED, "/webhooks/answer"));
    let admit = "with a good and fresh one it would be admitted (signatures.unlisted: admit)";
    assert!(note(&with("admit"), "/webhooks/answer").contains(admit));
    for (config, path) in [
        (with("deny"), "/webhooks/answer"),
        (SIGNED.to_owned(), "/webhooks/off"),
        (CONFIG.to_owned(), "/webhooks/answer"),
    ] {
        assert!(!note(&config, path).contains("signatures.unlisted"), "{path}: {config}");
    }
    let mut stage = Stage::new(&with("admit"));
    let every = ask(&stage.snapshot(), parameters("192.0.2.99", None, None));
    let notes: Vec<bool> =
        every.routes.iter().map(|route| route.with_signature.as_deref() == Some(admit)).collect();
    assert_eq!(notes, [true, true, false], "{:?}", every.routes);
}
