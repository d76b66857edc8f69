//! What an answer is worth, and how that is told: in lines, as JSON, in a file for a CI, and by the exit code.

use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;

use super::{first_try, json, run};
use crate::harness::scratch::Scratch;
use crate::harness::test_ca::Authority;
use crate::harness::{Act, Answer, Upstream, cannot_run};

const NCCO: &[u8] = br#"[{"action":"talk","text":"Hi"}]"#;

#[test]
fn the_exit_code_and_the_words_say_what_the_sender_makes_of_it() {
    type Row = (&'static str, Answer, i32, &'static str);
    let json_of = |status, body: &[u8]| Answer::body(status, "application/json", body);
    let rows: [Row; 12] = [
        ("sms-inbound", Answer::status(204), 0, "204: delivered "),
        ("messages-inbound", Answer::status(201), 0, "while other documents count only 200; 200 is safe"),
        ("voice-answer", json_of(200, NCCO), 0, "200: delivered "),
        ("voice-answer", json_of(200, b"{}"), 3, "answered with JSON that is no list of actions"),
        ("voice-answer", json_of(200, b"[{}]"), 3, "a list whose element 0 has no \"action\""),
        ("voice-answer", json_of(200, b""), 3, "answered with no body"),
        ("voice-answer", Answer::body(200, "text/html", NCCO), 3, "answered 200 with \"text/html\""),
        ("voice-answer", json_of(201, NCCO), 3, "answered 201 with \"application/json\""),
        ("sms-inbound", Answer::status(404), 3, "no document says that SMS sends it again; count it as lost"),
        (
            "sms-inbound",
            Answer::raw(
                "HTTP/1.1 301 Moved\r\nLocation: /elsewhere?x\r\nContent-Length: 0\r\n\r\n",
                Some(301),
            ),
            3,
            "redirected to \"/elsewhere\"; Nexmo does not follow redirects",
        ),
        (
            "sms-inbound",
            Answer::cut("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", Act::Close),
            3,
            "closed after 2 of 5 bytes",
        ),
        (
            "sms-inbound",
            Answer::body(200, "text/html; charset=utf-8", b"<!doctype html><p>Welcome"),
            0,
            "note: the answer is an HTML page; is this the webhook's path?",
        ),
    ];
    for (webhook, answer, code, wanted) in rows {
        let upstream = Upstream::start(move |_| answer.clone());
        let ran = run(&[webhook, "--to", upstream.url()]);
        assert_eq!(ran.code, code, "{webhook}: {}", ran.text);
        assert!(ran.text.contains(wanted), "{wanted:?} is not in {}", ran.text);
    }
}

#[test]
fn interim_answers_and_chunks_are_read_over() {
    let bytes = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\
                 Content-Type: application/json\r\n\r\n1\r\n[\r\n1\r\n]\r\n0\r\n\r\n";
    let upstream = Upstream::start(move |_| Answer::raw(bytes, Some(200)));
    let (code, document) = json(&["voice-answer", "--to", upstream.url()]);
    assert_eq!((code, first_try(&document)["answer_bytes"].as_u64()), (0, Some(2)), "{document}");
}

#[test]
fn an_answer_without_end_is_not_read_to_its_end() {
    let upstream = Upstream::start(|_| {
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n";
        Answer::broken([Act::Send(head.into()), Act::Send(vec![b'x'; 6 << 20]), Act::Hold])
    });
    let ran = run(&["sms-inbound", "--to", upstream.url()]);
    assert!(ran.text.contains("the answer has more than 4 MiB and was not read to its end"), "{}", ran.text);
    assert_eq!(ran.code, 0, "{}", ran.text);
}

#[test]
fn a_message_that_is_sent_twice_must_be_answered_the_same() {
    let answers = |rows: [Answer; 2]| {
        let next = AtomicU32::new(0);
        Upstream::start(move |_| rows[next.fetch_add(1, Ordering::SeqCst) as usize % 2].clone())
    };
    let ncco =
        |text: &str| Answer::body(200, "application/json", format!(r#"[{{"action":"{text}"}}]"#).as_bytes());
    for (webhook, rows, code, wanted) in [
        (
            "sms-inbound",
            [Answer::status(200), Answer::status(200)],
            0,
            "note: sent twice, with the same answer",
        ),
        (
            "sms-inbound",
            [Answer::status(200), Answer::status(500)],
            3,
            "sent twice, the first ended with 200 and the second with 500: a repeat must be taken as the first was",
        ),
        (
            "sms-inbound",
            [Answer::status(200), Answer::body(200, "text/plain", b"other")],
            0,
            "note: sent twice, the second answer has another body than the first",
        ),
        (
            "voice-answer",
            [ncco("talk"), ncco("record")],
            3,
            "the second answer has another body than the first",
        ),
    ] {
        let upstream = answers(rows);
        let ran = run(&[webhook, "--twice", "--to", upstream.url()]);
        assert_eq!(ran.code, code, "{}", ran.text);
        assert!(ran.text.contains(wanted), "{}", ran.text);
        let bodies: Vec<(String, Vec<u8>)> =
            upstream.arrivals().into_iter().map(|arrival| (arrival.target(), arrival.body)).collect();
        assert_eq!(bodies[0], bodies[1], "it is the same message");
    }
}

#[test]
fn the_names_of_the_document_stay_as_they_are() {
    let upstream = Upstream::start(|_| Answer::status(503));
    let (_, document) = json(&["sms-inbound", "--to", upstream.url()]);
    let keys =
        |value: &Value| value.as_object().expect("an object").keys().cloned().collect::<Vec<_>>().join(" ");
    assert_eq!(keys(&document), "good messages seconds sent to unsent");
    let message = "bytes form good method notes number path problems sample signed stopped tries webhook";
    assert_eq!(keys(&document["messages"][0]), message);
    let one = "again_in_s answer_bytes at_s ended next notes number problems says status took_ms";
    assert_eq!(keys(first_try(&document)), one);
    let told = |key: &str| first_try(&document)[key].clone();
    assert_eq!((told("again_in_s"), told("next"), told("status")), (60.into(), "again".into(), 503.into()));
}

#[test]
fn the_file_for_a_ci_is_xml_whatever_an_application_answers() {
    let upstream = Upstream::start(|arrival| match arrival.method().as_str() {
        "GET" => Answer::status(200),
        _ => Answer::raw(
            b"HTTP/1.1 302 Found\r\nLocation: /\"<&>\x01\xff]]>'\xc3\xa9\r\nContent-Length: 0\r\n\r\n"
                .to_vec(),
            Some(302),
        ),
    });
    let folder = Scratch::new();
    let path = folder.path().join("results.xml").display().to_string();
    let ran = run(&["all", "--to", upstream.url(), "--junit", &path]);
    assert_eq!(ran.code, 3, "{}", ran.text);
    // 23 POSTs are redirected, and one GET asks for an NCCO.
    let script = "import sys, xml.etree.ElementTree as e\n\
                  r = e.parse(sys.argv[1]).getroot()\n\
                  f = r.findall('testcase/failure')\n\
                  assert int(r.get('failures')) == len(f) and int(r.get('tests')) == len(r.findall('testcase'))\n\
                  assert all(x.get('message') and x.text for x in f)\n\
                  print(r.tag, r.get('tests'), len(f), sum(float(x.get('time')) >= 0 for x in r.findall('testcase')))";
    let Ok(read) = Command::new("python3").args(["-c", script, &path]).output() else {
        return cannot_run("the file for a CI", "python3 is missing");
    };
    let told = String::from_utf8_lossy(&read.stdout);
    assert_eq!(told.trim(), "testsuite 30 24 30", "{}", String::from_utf8_lossy(&read.stderr));
}

#[test]
fn https_is_spoken_and_a_certificate_must_be_trusted() {
    let authority = Authority::new("Test CA");
    let upstream = Upstream::start_tls(authority.server("localhost"), |_| Answer::status(200));
    let folder = Scratch::new();
    folder.write("ca.pem", &authority.pem);
    let ca = folder.path().join("ca.pem").display().to_string();
    let (code, document) = json(&["sms-inbound", "--to", upstream.url(), "--cacert", &ca]);
    assert_eq!(code, 0, "{document}");
    folder.write("other.pem", &Authority::new("Another CA").pem);
    let other = folder.path().join("other.pem").display().to_string();
    let ran = run(&["voice-answer", "--to", upstream.url(), "--cacert", &other]);
    assert_eq!(ran.code, 3, "{}", ran.text);
    assert!(
        ran.text.contains("a certificate that is not trusted: Voice does not send it again"),
        "{}",
        ran.text
    );
    let ran = run(&["sms-inbound", "--to", &upstream.url().replace("https", "http")]);
    assert_eq!(ran.code, 3, "TLS is spoken there: {}", ran.text);
}
