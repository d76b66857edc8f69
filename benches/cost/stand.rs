//! A gate under observation, an application behind it and a sender in front: one request after the other on
//! one kept connection, so that the counts do not depend on who comes when.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use md5::{Digest as _, Md5};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::operations::signed;

/// Longer than any of it takes under valgrind on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
const BODY: usize = 390;
const ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{\"status\":\"ok\"}";

/// How requests come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// On one kept connection, from an address that is admitted.
    Kept,
    /// The same, a new connection for each.
    New,
    /// On [`STRANGERS`] connections, from an address that is not.
    Denied,
    /// On one kept connection, each with a token of its own, which the route requires.
    Signed,
    /// The same, with signed parameters in a form.
    SignedForm,
}

/// Connections of a run of [`Way::Denied`], however many requests it has: the gate closes a stranger's connection after
/// sixteen, and what is counted is one more request and no connection.
pub const STRANGERS: usize = 256;

/// Runs the gate as the last words of `command`, sends `count` requests and ends it in good order.
pub fn run(mut command: Command, folder: &Path, way: Way, count: usize) {
    let application = application();
    // Of its own: the gate watches the folder of its configuration, and what strace or valgrind write there
    // would wake it.
    let folder = folder.join("gate");
    fs::create_dir_all(folder.join("ranges")).unwrap();
    let admitted = if way == Way::Denied { "192.0.2.0/24" } else { "127.0.0.0/8" };
    fs::write(folder.join("ranges/bench.txt"), format!("{admitted}\n")).unwrap();
    fs::write(folder.join("secret"), signed::SECRET).unwrap();
    let secrets = format!("signatures: {{ secrets: [{{ api_key: {}, file: secret }}] }}\n", signed::ACCOUNT);
    let (webhook, more, secrets) = match way {
        Way::Kept | Way::New | Way::Denied => ("generic", "", ""),
        Way::Signed => ("messages-inbound", ", signature: require", &*secrets),
        Way::SignedForm => ("sms-inbound", ", signature: require", &*secrets),
    };
    let config = format!(
        "listen: [{{ address: \"127.0.0.1:0\" }}]\nupstream: \"http://{application}\"\nranges: ranges\nadmin: off\n\
         routes: [{{ path: \"/webhooks/*\", webhook: {webhook}, allow: [bench]{more} }}]\nthreads: 1\n\
         {secrets}\
         log: {{ format: json, level: info, access: stdout }}\n"
    );
    fs::write(folder.join("config.yaml"), config).unwrap();
    command.arg(env!("CARGO_BIN_EXE_nexmo-gate")).args(["run", "--config"]).arg(folder.join("config.yaml"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("NEXMO_GATE_"))
    {
        command.env_remove(name);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut gate = Running(command.spawn().expect("the gate under observation"));
    let address = gate.ready();
    send(address, way, count);
    gate.end();
}

/// Answers every request whose body is whole.
fn application() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for connection in listener.incoming().map(Result::unwrap) {
            thread::spawn(move || serve(connection));
        }
    });
    address
}

fn serve(mut connection: TcpStream) {
    let _ = connection.set_nodelay(true);
    let mut got = Vec::new();
    loop {
        while let Some(end) = got.windows(4).position(|four| four == b"\r\n\r\n") {
            if got.len() < end + 4 + BODY {
                break;
            }
            got.drain(..end + 4 + BODY);
            if connection.write_all(ANSWER).is_err() {
                return;
            }
        }
        let mut room = [0; 8192];
        match connection.read(&mut room) {
            Ok(count) if count > 0 => got.extend_from_slice(&room[..count]),
            _ => return,
        }
    }
}

fn send(to: SocketAddr, way: Way, count: usize) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let wanted: &[u8] = if way == Way::Denied { b"HTTP/1.1 403" } else { b"HTTP/1.1 200" };
    let mut kept = connect(to);
    for number in 0..count {
        if way == Way::New && number > 0 {
            kept = connect(to);
        }
        kept.write_all(&request(to, way, now, number)).unwrap();
        let answer = read_answer(&mut kept);
        assert!(answer.starts_with(wanted), "request {number}: {:?}", String::from_utf8_lossy(&answer));
        if way == Way::Denied && (number + 1) % (count / STRANGERS) == 0 {
            kept = connect(to);
        }
        if way == Way::New {
            assert_eq!(kept.read(&mut [0; 64]).expect("closed in time"), 0, "closed after its answer");
        }
    }
}

fn request(to: SocketAddr, way: Way, now: u64, number: usize) -> Vec<u8> {
    let (mut kind, mut more, mut body) = ("application/json", Vec::new(), vec![b'x'; BODY]);
    match way {
        Way::Kept | Way::Denied => {}
        Way::New => more.extend_from_slice(b"Connection: close\r\n"),
        Way::Signed => {
            let bearer = signed::bearer_at(now, number, &body);
            more = [&b"Authorization: "[..], &bearer, b"\r\n"].concat();
        }
        Way::SignedForm => {
            (kind, body) = ("application/x-www-form-urlencoded", form_at(now, number, BODY));
        }
    }
    let head = format!("POST /webhooks/inbound-message HTTP/1.1\r\nHost: {to}\r\nContent-Type: {kind}\r\n");
    let length = format!("Content-Length: {BODY}\r\n\r\n");
    [head.as_bytes(), &more, length.as_bytes(), &body].concat()
}

/// Signed parameters of just so many bytes, as a form, by the usual method.
fn form_at(now: u64, number: usize, length: usize) -> Vec<u8> {
    let before = format!("&api-key={}&nonce=aaaaaaaa-bbbb-cccc-dddd-{number:012x}&text=", signed::ACCOUNT);
    let behind = format!("&timestamp={now}");
    let filled = length + 1 - before.len() - behind.len() - "&sig=".len() - 32;
    let text = format!("{before}{}{behind}", "x".repeat(filled));
    let hash = Md5::digest(format!("{text}{}", signed::SECRET));
    let sig: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}&sig={sig}", &text[1..]).into_bytes()
}

fn connect(to: SocketAddr) -> TcpStream {
    let connection = TcpStream::connect(to).unwrap();
    connection.set_nodelay(true).unwrap();
    connection.set_read_timeout(Some(PATIENCE)).unwrap();
    connection
}

/// Head and body, as long as the head says.
fn read_answer(connection: &mut TcpStream) -> Vec<u8> {
    let mut got = Vec::new();
    loop {
        let end = got.windows(4).position(|four| four == b"\r\n\r\n");
        let length =
            end.map(|end| String::from_utf8_lossy(&got[..end]).to_ascii_lowercase()).and_then(|head| {
                head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok())
            });
        if let (Some(end), Some(length)) = (end, length)
            && got.len() >= end + 4 + length
        {
            return got;
        }
        let mut room = [0; 8192];
        let count = connection.read(&mut room).expect("an answer in time");
        assert!(count > 0, "closed after {:?}", String::from_utf8_lossy(&got));
        got.extend_from_slice(&room[..count]);
    }
}

struct Running(Child);

impl Running {
    fn ready(&mut self) -> SocketAddr {
        let mut lines = BufReader::new(self.0.stderr.take().unwrap()).lines();
        let mut said = Vec::new();
        let address = loop {
            let Some(Ok(line)) = lines.next() else {
                panic!("the gate ended before it was ready: {said:#?}")
            };
            let event: Option<serde_json::Value> = serde_json::from_str(&line).ok();
            if let Some(event) = event.filter(|event| event["message"] == "ready") {
                break event["listen"].as_str().unwrap().parse().unwrap();
            }
            said.push(line);
        };
        // Nothing may wait for us to read the rest.
        thread::spawn(move || lines.for_each(drop));
        address
    }

    fn end(&mut self) {
        kill(Pid::from_raw(self.0.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
        let begin = Instant::now();
        while begin.elapsed() < PATIENCE {
            if let Some(status) = self.0.try_wait().unwrap() {
                assert!(status.success(), "the gate ended with {status}");
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
        panic!("the gate did not end");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
