//! Tests of the client against the real admin interface on a socket, which test both.

use crate::admin::api::explanation::Explanation;
use crate::admin::api::reload::ReloadReport;
use crate::admin::api::status::Status;
use crate::admin::fixture::{CONFIG, Stage};
use crate::admin::{self, AdminListener};
use crate::cli::admin_client::*;
use crate::state::stats::gauges::Phase;
use std::os::unix::net::UnixListener;
use std::sync::Arc;

const WITHIN: Duration = Duration::from_secs(20);

/// Runs a test with the socket's path and the context of a real admin interface.
fn with_admin(listener: AdminListener, test: impl FnOnce(&std::path::Path, &admin::AdminContext)) {
    let (folder, context) = Stage::new(CONFIG).context();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let serving = runtime.spawn(admin::serve(listener, Arc::clone(&context), stopped));
    test(folder.path(), &context);
    stop.send(true).unwrap();
    runtime.block_on(serving).unwrap().unwrap();
}

fn tcp() -> (AdminListener, AdminClient) {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = AdminAddress::Tcp(listener.local_addr().unwrap());
    (AdminListener::Tcp(listener), AdminClient { address })
}

#[test]
fn readiness_follows_the_phase() {
    let (listener, client) = tcp();
    with_admin(listener, |_, context| {
        for (phase, status, body) in [
            (Phase::Starting, 503, "starting\n"),
            (Phase::Ready, 200, "ready\n"),
            (Phase::Draining, 503, "draining\n"),
        ] {
            context.gauges.enter(phase);
            let reply = client.ask("GET", "/readyz", WITHIN).unwrap();
            assert_eq!(reply, Reply { status, body: body.to_owned() });
            assert_eq!(client.ask("GET", "/healthz", WITHIN).unwrap().status, 200);
        }
    });
}

#[test]
fn a_reload_tells_what_changed_or_every_problem() {
    let (listener, client) = tcp();
    with_admin(listener, |folder, context| {
        let reload = || client.fetch::<ReloadReport>("POST", "/reload", WITHIN, &[200, 422]).unwrap();
        let (unchanged, reply) = reload();
        assert_eq!((reply.status, unchanged.published), (200, false));

        std::fs::write(folder.join("ranges/voice.txt"), "192.0.2.0/28\n").unwrap();
        let (report, reply) = reload();
        assert_eq!((reply.status, report.generation), (200, 2));
        assert!(report.changes.iter().any(|change| change.contains("voice")), "{report:?}");
        assert_eq!(context.store.load().lists["voice"].ranges.entries().len(), 1);

        std::fs::write(folder.join("ranges/voice.txt"), "192.0.2.0/2\nx\n").unwrap();
        let (report, reply) = reload();
        assert_eq!((reply.status, report.problems.len()), (422, 2), "{report:?}");
        assert_eq!(context.store.load().lists["voice"].ranges.entries().len(), 1);
        let (status, _) = client.fetch::<Status>("GET", "/status", WITHIN, &[200]).unwrap();
        assert_eq!(status.last_reload.map(|last| last.problems), Some(report.problems));
        let metrics = client.ask("GET", "/metrics", WITHIN).unwrap().body;
        assert!(metrics.contains("\nnexmo_gate_last_reload_ok 0\n"), "{metrics}");
    });
}

#[test]
fn the_live_gate_explains_like_the_command() {
    use crate::admin::explain::explain;
    use crate::admin::explain::question::{Parameters, Question};
    let (listener, client) = tcp();
    with_admin(listener, |_, context| {
        let parameters = Parameters {
            ip: Some("10.0.0.1".to_owned()),
            via: Some("192.0.2.1, 10.0.0.9".to_owned()),
            path: Some("/webhooks/answer".to_owned()),
            ..Parameters::default()
        };
        let target = format!("/explain?{}", parameters.to_query());
        let question = Question::new(parameters).unwrap();
        let (got, _) = client.fetch::<Explanation>("GET", &target, WITHIN, &[200]).unwrap();
        assert_eq!(got, explain(&context.store.load(), &question, |_| None, 0).unwrap());
        assert!(got.admitted);
        assert_eq!(client.ask("GET", "/explain?ip=nobody", WITHIN).unwrap().status, 400);
    });
}

#[test]
fn a_socket_file_serves_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("admin.sock");
    let listener = AdminListener::Unix(UnixListener::bind(&path).unwrap());
    let client = AdminClient { address: AdminAddress::Unix(path) };
    with_admin(listener, |_, _| {
        let (status, _) = client.fetch::<Status>("GET", "/status", WITHIN, &[200]).unwrap();
        assert_eq!(status.phase, "ready");
    });
}

/// Sends raw bytes, half-closes, and reads the answer.
fn raw(client: &AdminClient, request: &str) -> String {
    let AdminAddress::Tcp(address) = &client.address else { panic!("a TCP client") };
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(WITHIN)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn pages_in_a_browser_can_neither_act_nor_read() {
    let (listener, client) = tcp();
    with_admin(listener, |_, context| {
        let cases = [
            ("POST /reload HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: http://127.0.0.1\r\n\r\n", "403"),
            ("POST /reload HTTP/1.1\r\nHost: rebound.example\r\n\r\n", "403"),
            ("GET /status HTTP/1.1\r\nHost: rebound.example:9901\r\n\r\n", "403"),
            ("GET /explain?ip=192.0.2.1 HTTP/1.1\r\nHost: rebound.example\r\n\r\n", "403"),
            ("GET /metrics HTTP/1.1\r\nHost: gate.monitoring.svc:9901\r\n\r\n", "403"),
            ("GET /readyz HTTP/1.1\r\nHost: gate.monitoring.svc:9901\r\n\r\n", "200"),
            ("GET /reload HTTP/1.1\r\nHost: localhost\r\n\r\n", "405"),
            ("POST /status HTTP/1.1\r\nHost: localhost\r\n\r\n", "405"),
            ("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "404"),
            ("nonsense\r\n\r\n", "400"),
        ];
        for (request, status) in cases {
            let answer = raw(&client, request);
            assert_eq!(answer.split(' ').nth(1), Some(status), "{request}\n{answer}");
        }
        assert!(context.store.last_reload().is_none());
    });
}

#[test]
fn a_browser_gets_a_page_and_head_gets_no_body() {
    let (listener, client) = tcp();
    with_admin(listener, |_, _| {
        let page = raw(&client, "GET /status HTTP/1.1\r\nHost: localhost\r\nAccept: text/html,*/*\r\n\r\n");
        assert!(page.contains("text/html") && page.contains("<h1>nexmo-gate</h1>"), "{page}");
        assert!(page.contains(&format!("Content-Security-Policy: {}\r\n", admin::page::POLICY)), "{page}");
        let json = "GET /status?format=json HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\n\r\n";
        let json = raw(&client, json);
        assert!(json.contains("application/json") && !json.contains("Content-Security"), "{json}");
        let head = raw(&client, "HEAD /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
        assert!(head.starts_with("HTTP/1.1 200") && head.ends_with("\r\n\r\n"), "{head}");
    });
}

#[test]
fn a_gate_that_does_not_answer_is_reported_in_time() {
    let silent = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let client = AdminClient { address: AdminAddress::Tcp(silent.local_addr().unwrap()) };
    let failure = client.ask("GET", "/readyz", Duration::from_millis(50)).unwrap_err();
    assert!(failure.lines[0].ends_with("no answer within 0.05 s"), "{failure:?}");
}

/// The error of `fetch` for this answer.
fn error_of<T: Document + fmt::Debug>(status: u16, body: &str) -> String {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.extend(byte);
        }
        stream.write_all(answer.as_bytes()).unwrap();
    });
    let client = AdminClient { address: AdminAddress::Tcp(address) };
    let failure = client.fetch::<T>("GET", "/", WITHIN, &[200]).unwrap_err();
    server.join().unwrap();
    assert_eq!(failure.lines.len(), 1);
    failure.lines[0].replace(&address.to_string(), "ADDRESS")
}

#[test]
fn an_unexpected_answer_is_an_error_that_names_the_fault_and_the_address() {
    let no_number = include_str!("../../../tests/fixtures/admin/reload.json")
        .replace("\"generation\": 2", "\"generation\": \"2\"");
    for (got, wanted) in [
        (
            error_of::<Status>(200, "{ \"version\": 7 }"),
            "http://ADDRESS did not answer with a valid status: invalid type: integer `7`, expected a string at line 1 column 14; check the gate's address",
        ),
        (
            error_of::<Status>(200, "{}"),
            "http://ADDRESS did not answer with a valid status: missing field `certificates` at line 1 column 2; check the gate's address",
        ),
        (
            error_of::<ReloadReport>(200, &no_number),
            "http://ADDRESS did not answer with a valid report of a reload: invalid type: string \"2\", expected u64 at line 5 column 19; check the gate's address",
        ),
        (
            error_of::<Explanation>(200, "ok\n"),
            "http://ADDRESS did not answer with a valid explanation: expected value at line 1 column 1; check the gate's address",
        ),
        (error_of::<Explanation>(404, "nothing\n"), "http://ADDRESS answered 404: nothing"),
    ] {
        assert_eq!(got, wanted);
    }
}

#[test]
fn an_answer_that_broke_off_is_no_answer() {
    let whole = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n";
    assert_eq!(read_reply(whole).unwrap(), Reply { status: 200, body: "ok\n".to_owned() });
    assert_eq!(read_reply(&whole[..whole.len() - 1]).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    assert_eq!(read_reply(b"SSH-2.0-x\r\n").unwrap_err().kind(), io::ErrorKind::InvalidData);
    let none = read_reply(b"").unwrap_err();
    let told = describe(&none, Duration::from_secs(1));
    assert!(told.contains("closed without an answer: it may be asked by many at once"), "{told}");
}

#[test]
fn the_gate_is_found_even_when_its_configuration_is_broken() {
    let tcp = Some(AdminAddress::Tcp("127.0.0.1:7".parse().unwrap()));
    let unix = Some(AdminAddress::Unix("/a.sock".into()));
    for (broken, found) in [
        ("upstraem: x\nadmin: { address: \"127.0.0.1:7\" }\n", &tcp),
        ("upstraem: x\n", &Some(AdminAddress::default())),
        ("a: [\n# admin: { address: \"127.0.0.1:7\" }\n", &Some(AdminAddress::default())),
        ("admin: { address: \"unix:/a.sock\" }\nx: y", &unix),
        // Not YAML, except for the section that matters.
        ("a: [\nadmin:\n  # where\n  address: unix:/a.sock\n\nb: }", &unix),
        ("admin: { address: \"127.0.0.1:7\" }\nlimits: {{\n", &tcp),
    ] {
        assert_eq!(&from_broken(broken), found, "{broken}");
    }
}

#[test]
fn a_broken_configuration_that_tells_no_address_does_not_mean_another_gate() {
    for broken in [
        "admin: {\n",
        "admin: 7\n",
        "admin: { address: [] }\n",
        "admin:\n address: nowhere\nx: [",
        "Admin: { address: \"127.0.0.1:7\" }\n",
        "admn: { address: \"127.0.0.1:7\" }\n",
        "admin_address: \"127.0.0.1:7\"\n",
        "limits:\n  admin: { address: \"127.0.0.1:7\" }\n",
        "admin: { address: \"127.0.0.1:7\" }\nadmin: off\n",
        "log: { access: \"x\nadmin: {address: '127.0.0.1:7'}\n\" }\nadmin: {address: \"127.0.0.1:8\"}\nlisten: [\n",
    ] {
        assert_eq!(from_broken(broken), None, "{broken}");
    }
}

#[test]
fn a_gate_that_listens_everywhere_is_asked_here() {
    for (bound, asked) in [("0.0.0.0:1", "127.0.0.1:1"), ("[::]:1", "[::1]:1"), ("10.0.0.1:1", "10.0.0.1:1")]
    {
        assert_eq!(reachable(bound.parse().unwrap()).to_string(), asked);
    }
}
