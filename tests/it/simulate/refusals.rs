//! What is not sent, and why; and that nothing goes elsewhere before somebody agreed.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;

use super::{run, run_in};
use crate::harness::gate::setup::binary;
use crate::harness::scratch::Scratch;
use crate::harness::{Answer, Port, Upstream};

#[test]
fn wrong_usage_is_named_before_anything_is_sent() {
    let (upstream, folder) = (Upstream::start(|_| Answer::status(200)), Scratch::new());
    folder.write("none.txt", "hello");
    folder.write("cut.txt", "POST /a HTTP/1.1\nHost: h\nContent-Length: 9\n\nab");
    folder.write("put.txt", "PUT /a HTTP/1.1\nHost: h\n\n");
    folder.write("get.txt", "GET /a?b=c HTTP/1.1\nHost: h\n\n");
    folder.write("both.txt", "GET /a?b=c HTTP/1.1\nHost: h\nContent-Length: 2\n\n{}");
    folder.write("key.pem", "-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----\n");
    fs::write(folder.path().join("binary.txt"), b"POST /a HTTP/1.1\nContent-Length: 2\n\n\xff\xfe")
        .expect("a file");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let to = upstream.url();
    let rows: [(&[&str], &str); 27] = [
        (&["sms-inbound"], "--to URL: say where to send it"),
        (
            &["sms-inbond", "--to", to],
            "there is no webhook \"sms-inbond\"; `nexmo-gate simulate list` shows all",
        ),
        (&["generic", "--to", to], "there is no sample of generic: give the message with --file"),
        (&["sms-inbound", "--to", "127.0.0.1:1"], "wants http://HOST[:PORT][/PATH] or https://..."),
        (&["sms-inbound", "--to", "http://a b/"], "has a character that no address has"),
        (&["sms-inbound", "--to", "http://u:p@127.0.0.1/"], "has a user or a password"),
        (&["sms-inbound", "--to", to, "--set", "text"], "wants FIELD=VALUE, as in text=Hello"),
        (&["messages-inbound", "--to", to, "--set", "text.x=1"], "--set text.x: \"text\" has no fields"),
        (&["sms-inbound", "--to", to, "--file", &path("none.txt")], "not an HTTP request: malformed_head"),
        (
            &["sms-inbound", "--to", to, "--file", &path("cut.txt")],
            "the body is not whole: 2 bytes are there",
        ),
        (
            &["sms-inbound", "--to", to, "--file", &path("binary.txt")],
            "only messages of UTF-8 text can be sent",
        ),
        (&["sms-inbound", "--to", to, "--file", &path("gone.txt")], "gone.txt"),
        (&["generic", "--to", to, "--file", &path("put.txt")], "put.txt: generic never arrives by PUT"),
        (
            &["generic", "--to", to, "--method", "json", "--file", &path("put.txt")],
            "put.txt: generic never arrives by PUT",
        ),
        (
            &["messages-inbound", "--to", to, "--file", &path("get.txt")],
            "messages-inbound never arrives by GET",
        ),
        (
            &["sms-inbound", "--to", to, "--method", "json", "--file", &path("both.txt")],
            "both.txt: it is a GET with a body",
        ),
        (
            &["messages-inbound", "--to", to, "--set", "note={half"],
            "--set note: the value begins like JSON and is none",
        ),
        (
            &["all", "--to", to, "--file", &path("none.txt")],
            "--file is one message: name its webhook instead of all",
        ),
        (&["sms-inbound", "--to", to, "--sign", "jwt"], "--sign jwt needs --secret-file FILE"),
        (&["sms-inbound", "--to", to, "--sign", "sig:md4"], "wants jwt, sig:METHOD"),
        (
            &["sms-inbound", "--to", to, "--secret-file", &path("key.pem")],
            "this is the application's private key",
        ),
        (&["sms-inbound", "--to", to, "--count", "10001"], "10001 is not in 1..=10000"),
        (&["all", "--to", to, "--count", "400"], "12000 messages are more than 10000"),
        (&["sms-inbound", "--to", to, "--rate", "20"], "wants a number and a time, as in 20/s"),
        (&["sms-inbound", "--to", to, "--speed", "2"], "--until"),
        (&["sms-inbound", "--to", to, "--via", "proxy-v2"], "--from"),
        (&["sms-inbound", "--to", to, "--until", "lost", "--count", "2"], "cannot be used with"),
    ];
    for (args, wanted) in rows {
        let ran = run(args);
        assert_eq!(ran.code, 2, "{args:?}: {}{}", ran.text, ran.error);
        assert!(ran.error.contains(wanted), "{args:?}: {wanted:?} is not in {}", ran.error);
    }
    let ran = run(&["sms-inbound", "--to", to, "--junit", &path("none/results.xml")]);
    assert_eq!(ran.code, 1, "{}", ran.text);
    assert_eq!(upstream.connections(), 0);
}

/// 192.0.2.0/24 is for documents (RFC 5737): nobody is there. A route to it may be missing, which is no connection either.
#[test]
fn another_host_is_sent_to_only_after_somebody_agreed() {
    let settings = Scratch::new();
    let args = ["voice-answer", "--to", "http://192.0.2.1:9/webhooks/answer"];
    let asked = run_in(settings.path(), &args);
    let kept = settings.path().join("nexmo-gate/simulate-hosts");
    assert_eq!(asked.code, 2, "{}", asked.text);
    assert!(asked.error.contains("192.0.2.1 is not this machine: say once with --i-may"), "{}", asked.error);
    assert!(asked.error.contains(&kept.display().to_string()) && !kept.exists(), "{}", asked.error);
    // What stands in the file is what somebody agreed to.
    settings.write("nexmo-gate/simulate-hosts", "# mine\n192.0.2.2\n");
    assert_eq!(run_in(settings.path(), &args).code, 2);
}

#[test]
#[ignore = "waits for a host that is not there: make test-long"]
fn a_host_is_remembered_once_it_was_agreed_to() {
    let settings = Scratch::new();
    let args = ["voice-answer", "--to", "http://192.0.2.1:9/webhooks/answer"];
    let agreed = run_in(settings.path(), &[&args[..], &["--i-may"]].concat());
    assert_eq!(agreed.code, 3, "{}{}", agreed.text, agreed.error);
    let kept = settings.path().join("nexmo-gate/simulate-hosts");
    assert!(fs::read_to_string(&kept).expect("the file").ends_with("\n192.0.2.1\n"));
    assert_eq!(fs::metadata(&kept).expect("the file").permissions().mode() & 0o777, 0o600);
    assert_eq!(run_in(settings.path(), &args).code, 3, "it is not asked again");
}

#[test]
fn every_way_to_write_this_machine_is_this_machine() {
    let upstream = Upstream::start(|_| Answer::status(200));
    let port = upstream.url().rsplit(':').next().expect("a port").to_owned();
    for host in ["127.0.0.1", "localhost", "LOCALHOST", "[::ffff:127.0.0.1]"] {
        let ran = run(&["sms-inbound", "--to", &format!("http://{host}:{port}/in?token=t")]);
        assert_eq!(ran.code, 0, "{host}: {}{}", ran.text, ran.error);
        assert!(!ran.text.contains("token=t"), "a query may be a secret: {}", ran.text);
    }
    let arrivals = upstream.arrivals();
    assert!(arrivals.iter().all(|arrival| arrival.target().starts_with("/in?token=t&msisdn=")));
    let six = Port::free("::1");
    let authority = six.address().to_string();
    let upstream = six.listen(|_| Answer::status(200));
    assert_eq!(run(&["sms-inbound", "--to", &format!("http://{authority}/")]).code, 0);
    assert_eq!(upstream.arrivals()[0].head.one("host"), Some(authority));
}

#[test]
fn whoever_stops_reading_stops_the_sending() {
    let upstream = Upstream::start(|_| Answer::status(503));
    let mut command = binary();
    command.args(["sms-inbound", "--to", upstream.url(), "--until", "success", "--speed", "1000"]);
    let mut arguments = binary();
    arguments.arg("simulate").args(command.get_args());
    let mut child = arguments.spawn().expect("the gate's binary");
    let mut line = String::new();
    let mut lines = BufReader::new(child.stdout.take().expect("stdout"));
    lines.read_line(&mut line).expect("a line");
    drop(lines);
    let ended = child.wait().expect("its end");
    assert_eq!(ended.code(), Some(3));
    assert!(upstream.arrivals().len() < 20, "{} tries", upstream.arrivals().len());
}

#[test]
fn list_shows_each_sample_once() {
    let ran = run(&["list"]);
    assert_eq!((ran.code, ran.text.lines().count()), (0, 31), "{}", ran.text);
    assert!(ran.text.contains("messages-inbound-rcs"), "{}", ran.text);
}

#[test]
fn of_a_recorded_request_only_the_message_is_sent() {
    let scratch = Scratch::new();
    let upstream = Upstream::echo();
    scratch.write(
        "chunked",
        "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    );
    scratch.write(
        "proxied",
        "GET http://192.0.2.1/a?b=c HTTP/1.1\r\nHost: h\r\nConnection: X-A\r\nX-A: 1\r\nX-B: 2\r\n\
         Proxy-Authorization: Basic eDp5\r\n\r\n",
    );
    let file = |name: &str| scratch.path().join(name).display().to_string();
    let chunked = run(&["sms-inbound", "--to", upstream.url(), "--file", &file("chunked")]);
    assert_eq!(chunked.code, 2, "{}", chunked.error);
    assert!(chunked.error.contains("its body is chunked"), "{}", chunked.error);
    let proxied = run(&["sms-inbound", "--to", upstream.url(), "--file", &file("proxied")]);
    assert_eq!(proxied.code, 0, "{}{}", proxied.text, proxied.error);
    let arrivals = upstream.arrivals();
    let [arrival] = &arrivals[..] else { panic!("{} arrived", arrivals.len()) };
    assert_eq!(arrival.target(), "/a?b=c");
    assert_eq!((arrival.head.one("x-b").as_deref(), arrival.head.one("x-a")), (Some("2"), None));
    assert_eq!(arrival.head.one("proxy-authorization"), None);
}
