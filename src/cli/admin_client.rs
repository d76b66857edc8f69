//! A request to the admin interface of a running gate: HTTP/1.1 over TCP or a UNIX socket, blocking.
//!
//! One request a connection, everything under one deadline and a bound on size. Nothing of the answer
//! is trusted further than that it is text.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::flags::Gate;
use super::{Failure, failed};
use crate::config::{self, AdminAddress, Overrides};

/// To connect: the gate is on this machine as a rule.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// The largest answer: metrics of some thousand routes.
const MAX_ANSWER: u64 = 64 << 20;
/// Where a gate listens that was told nothing else.
const DEFAULT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9901);

/// A running gate's admin interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminClient {
    address: AdminAddress,
}

/// Its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: String,
}

impl Reply {
    /// The body as JSON; `null` where it is none.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }
}

impl AdminClient {
    /// The gate that the arguments mean.
    ///
    /// # Errors
    /// The admin interface is off, or its address cannot be read.
    pub fn find(gate: &Gate) -> Result<Self, Failure> {
        if let Some(text) = &gate.admin {
            return match parse(text) {
                Some(address) => Ok(Self { address }),
                None => Err(failed(format!("--admin: {text:?} is neither IP:PORT nor unix:PATH"))),
            };
        }
        let Some(path) = gate.file.path() else { return Ok(Self { address: AdminAddress::Tcp(DEFAULT) }) };
        let text = std::fs::read_to_string(&path)
            .map_err(|error| failed(format!("{}: {error} (or name the gate with --admin)", path.display())))?;
        let base = path.parent().map(PathBuf::from).unwrap_or_default();
        match config::parse(Some(&text), &Overrides::default(), &base) {
            Ok(parsed) => match parsed.config.admin {
                Some(admin) => Ok(Self { address: admin.address }),
                None => Err(failed(format!("{}: the admin interface is off", path.display()))),
            },
            // The running gate is still the one to ask what is wrong with its files.
            Err(_) => Ok(Self { address: from_broken(&text) }),
        }
    }

    /// Asks.
    ///
    /// # Errors
    /// Nobody answers there, not in time, or not in HTTP.
    pub fn ask(&self, method: &str, target: &str, within: Duration) -> Result<Reply, Failure> {
        self.exchange(method, target, Instant::now() + within)
            .map_err(|error| failed(format!("the gate's admin interface at {self}: {}", said(&error, within))))
    }

    fn exchange(&self, method: &str, target: &str, until: Instant) -> io::Result<Reply> {
        let host = match &self.address {
            AdminAddress::Tcp(address) => reachable(*address).to_string(),
            AdminAddress::Unix(_) => "localhost".to_owned(),
        };
        let request = format!(
            "{method} {target} HTTP/1.1\r\nHost: {host}\r\nAccept: application/json\r\n\
             Content-Length: 0\r\nConnection: close\r\n\r\n"
        );
        let mut answer = Vec::new();
        match &self.address {
            AdminAddress::Tcp(address) => {
                let mut stream = TcpStream::connect_timeout(&reachable(*address), CONNECT_TIMEOUT)?;
                stream.set_write_timeout(Some(CONNECT_TIMEOUT))?;
                stream.write_all(request.as_bytes())?;
                read_all(&stream, |left| stream.set_read_timeout(Some(left)), until, &mut answer)?;
            }
            AdminAddress::Unix(path) => {
                let mut stream = UnixStream::connect(path)?;
                stream.set_write_timeout(Some(CONNECT_TIMEOUT))?;
                stream.write_all(request.as_bytes())?;
                read_all(&stream, |left| stream.set_read_timeout(Some(left)), until, &mut answer)?;
            }
        }
        read_reply(&answer)
    }
}

impl fmt::Display for AdminClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.address {
            AdminAddress::Tcp(address) => write!(f, "http://{address}"),
            AdminAddress::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// Reads to the end, each read under what is left of the time.
fn read_all(
    mut stream: impl Read,
    set_timeout: impl Fn(Duration) -> io::Result<()>,
    until: Instant,
    answer: &mut Vec<u8>,
) -> io::Result<()> {
    let mut buffer = [0; 16 * 1024];
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        set_timeout(left)?;
        match stream.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => answer.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        if answer.len() as u64 > MAX_ANSWER {
            return Err(io::Error::other("the answer is too large"));
        }
    }
}

fn read_reply(answer: &[u8]) -> io::Result<Reply> {
    let no_http = || io::Error::new(io::ErrorKind::InvalidData, "the answer is not HTTP; is this a gate?");
    let mut lines = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Response::new(&mut lines);
    let Ok(httparse::Status::Complete(length)) = head.parse(answer) else { return Err(no_http()) };
    let body = &answer[length..];
    let declared = head.headers.iter().find(|line| line.name.eq_ignore_ascii_case("content-length"));
    let declared = declared.and_then(|line| std::str::from_utf8(line.value).ok()?.trim().parse::<usize>().ok());
    if declared.is_some_and(|declared| declared != body.len()) {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the answer broke off"));
    }
    let status = head.code.ok_or_else(no_http)?;
    Ok(Reply { status, body: String::from_utf8_lossy(body).into_owned() })
}

fn said(error: &io::Error, within: Duration) -> String {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => format!("no answer within {} s", within.as_secs_f64()),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => {
            format!("{error}; is the gate running, and is this its address?")
        }
        _ => error.to_string(),
    }
}

/// An address that a socket listens on, as one that can be connected to.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

fn parse(text: &str) -> Option<AdminAddress> {
    match text.strip_prefix("unix:") {
        Some("") => None,
        Some(path) => Some(AdminAddress::Unix(PathBuf::from(path))),
        None => text.parse().ok().map(AdminAddress::Tcp),
    }
}

/// The admin address of a configuration that has problems elsewhere, or the default.
fn from_broken(text: &str) -> AdminAddress {
    let value: serde_yaml::Value = serde_yaml::from_str(text).unwrap_or_default();
    let address = value.get("admin").and_then(|admin| admin.get("address")).and_then(serde_yaml::Value::as_str);
    address.and_then(parse).unwrap_or(AdminAddress::Tcp(DEFAULT))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::fixture::{CONFIG, Stage};
    use crate::admin::{self, AdminListener};
    use crate::state::gauges::Phase;
    use std::os::unix::net::UnixListener;
    use std::sync::Arc;

    const WITHIN: Duration = Duration::from_secs(20);

    /// A client of a real admin interface on a socket, with its context, for as long as the test runs.
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
            for (phase, status, body) in
                [(Phase::Starting, 503, "starting\n"), (Phase::Ready, 200, "ready\n"), (Phase::Draining, 503, "draining\n")]
            {
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
            let unchanged = client.ask("POST", "/reload", WITHIN).unwrap();
            assert_eq!((unchanged.status, &unchanged.json()["published"]), (200, &false.into()));

            std::fs::write(folder.join("ranges/voice.txt"), "192.0.2.0/28\n").unwrap();
            let reply = client.ask("POST", "/reload", WITHIN).unwrap();
            assert_eq!((reply.status, &reply.json()["generation"]), (200, &2.into()));
            assert!(reply.body.contains("voice"), "{}", reply.body);
            assert_eq!(context.store.load().lists["voice"].ranges.entries().len(), 1);

            std::fs::write(folder.join("ranges/voice.txt"), "192.0.2.0/2\nx\n").unwrap();
            let reply = client.ask("POST", "/reload", WITHIN).unwrap();
            assert_eq!(reply.status, 422);
            assert_eq!(reply.json()["problems"].as_array().map(Vec::len), Some(2), "{}", reply.body);
            assert_eq!(context.store.load().lists["voice"].ranges.entries().len(), 1);
            let status = client.ask("GET", "/status", WITHIN).unwrap().json();
            assert_eq!(status["last_reload"]["problems"], reply.json()["problems"]);
            let metrics = client.ask("GET", "/metrics", WITHIN).unwrap().body;
            assert!(metrics.contains("\nnexmo_gate_last_reload_ok 0\n"), "{metrics}");
        });
    }

    #[test]
    fn the_live_gate_explains_like_the_command() {
        use crate::admin::explain::{Question, explain};
        let (listener, client) = tcp();
        with_admin(listener, |_, context| {
            let question =
                Question::new("10.0.0.1", Some("192.0.2.1, 10.0.0.9".to_owned()), Some("/webhooks/answer"), "").unwrap();
            let reply = client.ask("GET", &format!("/explain?{}", question.to_query()), WITHIN).unwrap();
            assert_eq!(reply.status, 200);
            assert_eq!(reply.json(), explain(&context.store.load(), &question).value());
            assert_eq!(reply.json()["admitted"], true);
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
            assert_eq!(client.ask("GET", "/status", WITHIN).unwrap().json()["phase"], "ready");
        });
    }

    /// Sends raw bytes, half-closes, and reads whatever comes.
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
                ("GET /metrics HTTP/1.1\r\nHost: gate.monitoring.svc:9901\r\n\r\n", "200"),
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
            assert!(page.contains("text/html") && page.contains("<pre>nexmo-gate"), "{page}");
            let head = raw(&client, "HEAD /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
            assert!(head.starts_with("HTTP/1.1 200") && head.ends_with("\r\n\r\n"), "{head}");
        });
    }

    #[test]
    fn nobody_there_is_said_in_time() {
        let silent = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let client = AdminClient { address: AdminAddress::Tcp(silent.local_addr().unwrap()) };
        let failure = client.ask("GET", "/readyz", Duration::from_millis(50)).unwrap_err();
        assert!(failure.lines[0].ends_with("no answer within 0.05 s"), "{failure:?}");
    }


    #[test]
    fn an_answer_that_broke_off_is_no_answer() {
        let whole = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n";
        assert_eq!(read_reply(whole).unwrap(), Reply { status: 200, body: "ok\n".to_owned() });
        assert_eq!(read_reply(&whole[..whole.len() - 1]).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(read_reply(b"SSH-2.0-x\r\n").unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert_eq!(read_reply(b"").unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn the_gate_is_found_even_when_its_configuration_is_broken() {
        let broken = "upstraem: x\nadmin: { address: \"127.0.0.1:7\" }\n";
        assert_eq!(from_broken(broken), AdminAddress::Tcp("127.0.0.1:7".parse().unwrap()));
        assert_eq!(from_broken("a: [\n"), AdminAddress::Tcp(DEFAULT));
        assert_eq!(from_broken("admin: { address: \"unix:/a.sock\" }\nx: y"), AdminAddress::Unix("/a.sock".into()));
    }

    #[test]
    fn a_gate_that_listens_everywhere_is_asked_here() {
        for (bound, asked) in [("0.0.0.0:1", "127.0.0.1:1"), ("[::]:1", "[::1]:1"), ("10.0.0.1:1", "10.0.0.1:1")] {
            assert_eq!(reachable(bound.parse().unwrap()).to_string(), asked);
        }
    }
}
