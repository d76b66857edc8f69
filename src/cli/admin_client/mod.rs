//! A client for the admin interface of a running gate: HTTP/1.1 over TCP or a UNIX socket, blocking.
//!
//! One request per connection, everything under one deadline and with a bound on size. An answer is text or a
//! document of [`crate::admin::api`]; any other answer is an error that names the address.

#[cfg(test)]
mod tests;

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::admin::api::Document;
use crate::cli::flags::Gate;
use crate::cli::{Failure, USAGE, failed};
use crate::config::{self, AdminAddress, Overrides};
use crate::files::file;

/// The time to connect: the gate is usually on this machine.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// The largest answer: the metrics of some thousand routes.
const MAX_ANSWER: u64 = 64 << 20;

/// The admin interface of a running gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AdminClient {
    address: AdminAddress,
}

/// Its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    /// The status.
    pub status: u16,
    /// The body, without control characters, which could act on a terminal.
    pub body: String,
}

impl AdminClient {
    /// Finds the admin interface from the arguments.
    ///
    /// # Errors
    /// The admin interface is off, or its address cannot be read.
    pub(crate) fn find(gate: &Gate) -> Result<Self, Failure> {
        if let Some(text) = &gate.admin {
            return match parse(text) {
                Some(address) => Ok(Self { address }),
                None if text == "off" => Err(failed("--admin: the admin interface is off")),
                None => Err(failed(format!("--admin: {text:?} is neither IP:PORT nor unix:PATH"))),
            };
        }
        let Some(path) = gate.file.path() else { return Ok(Self { address: AdminAddress::default() }) };
        let unread = |why: &str| {
            failed(format!("{}: {why}; mend it, or set --admin to the gate's admin address", path.display()))
        };
        let bytes = file::read(&path, config::MAX_TEXT).map_err(|error| unread(&error.to_string()))?;
        let text = String::from_utf8(bytes).map_err(|_| unread("is not UTF-8 text"))?;
        let base = path.parent().map(PathBuf::from).unwrap_or_default();
        match config::parse(Some(&text), &Overrides::default(), &base) {
            Ok(parsed) => match (parsed.config.admin, parsed.config.metrics) {
                (Some(admin), _) => Ok(Self { address: admin.address }),
                // The metrics' socket is enough for `health`; for other requests it answers what it has.
                (None, Some(metrics)) => Ok(Self { address: AdminAddress::Tcp(metrics) }),
                (None, None) => Err(failed(format!("{}: the admin interface is off", path.display()))),
            },
            // A running gate can still be asked, even if its file is broken now.
            Err(_) => from_broken(&text).map(|address| Self { address }).ok_or_else(|| {
                failed(format!(
                    "{}: it has problems, and the gate's admin address cannot be read from it: mend it, or set \
                     --admin; `nexmo-gate check` shows the problems",
                    path.display()
                ))
            }),
        }
    }

    /// Sends one request and reads the whole reply, within `within`.
    ///
    /// # Errors
    /// No gate answered, or not in time, or not in HTTP.
    pub(crate) fn ask(&self, method: &str, target: &str, within: Duration) -> Result<Reply, Failure> {
        self.exchange(method, target, Instant::now() + within).map_err(|error| {
            failed(format!("the gate's admin interface at {self}: {}", describe(&error, within)))
        })
    }

    /// Sends a request for a document, and accepts only these statuses. Returns also the reply as it was
    /// written.
    ///
    /// # Errors
    /// As in [`Self::ask`], or the answer is something else.
    pub(crate) fn fetch<T: Document>(
        &self,
        method: &str,
        target: &str,
        within: Duration,
        statuses: &[u16],
    ) -> Result<(T, Reply), Failure> {
        let reply = self.ask(method, target, within)?;
        if !statuses.contains(&reply.status) {
            // What was asked is wrong, not the gate.
            if reply.status == 400 {
                return Err(Failure { code: USAGE, lines: vec![reply.body.trim().to_owned()] });
            }
            return Err(failed(format!("{self} answered {}: {}", reply.status, reply.body.trim())));
        }
        match T::from_json(&reply.body) {
            Ok(document) => Ok((document, reply)),
            Err(error) => Err(failed(format!(
                "{self} did not answer with a valid {}: {error}; check the gate's address",
                T::NAME
            ))),
        }
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

/// Reads to the end; each read may take what is left of the time.
pub(in crate::cli) fn read_all(
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
            Ok(count) => {
                answer.extend_from_slice(&buffer[..count]);
                // A complete answer need not be followed by a close.
                if is_whole(answer) {
                    return Ok(());
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        if answer.len() as u64 > MAX_ANSWER {
            return Err(io::Error::other("the answer is too large"));
        }
    }
}

/// Whether the answer has a length and is complete.
fn is_whole(answer: &[u8]) -> bool {
    let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    length == Some(answer.len() - end - 4)
}

fn read_reply(answer: &[u8]) -> io::Result<Reply> {
    if answer.is_empty() {
        return Err(io::ErrorKind::ConnectionReset.into());
    }
    let no_http =
        || io::Error::new(io::ErrorKind::InvalidData, "the answer is not HTTP; check the gate's address");
    let mut lines = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Response::new(&mut lines);
    let Ok(httparse::Status::Complete(length)) = head.parse(answer) else { return Err(no_http()) };
    let body = &answer[length..];
    let declared = head.headers.iter().find(|line| line.name.eq_ignore_ascii_case("content-length"));
    let declared =
        declared.and_then(|line| std::str::from_utf8(line.value).ok()?.trim().parse::<usize>().ok());
    if declared.is_some_and(|declared| declared != body.len()) {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the answer broke off"));
    }
    let status = head.code.ok_or_else(no_http)?;
    let tame = |c: &char| !c.is_control() || matches!(c, '\n' | '\t');
    let body = String::from_utf8_lossy(body).chars().filter(tame).collect();
    Ok(Reply { status, body })
}

fn describe(error: &io::Error, within: Duration) -> String {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
            format!("no answer within {} s", within.as_secs_f64())
        }
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
            "the connection was closed without an answer: it may be asked by many at once, or it is ending; try again"
                .to_owned()
        }
        io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => {
            format!("{error}; check that the gate runs, and that this is its address")
        }
        io::ErrorKind::PermissionDenied => {
            format!("{error}; only root, the gate's user and the gate's group may connect")
        }
        _ => error.to_string(),
    }
}

/// The address to connect to, for an address that a socket listens on.
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

/// The admin address in a configuration that has problems elsewhere; `None` if it is not certain: a wrong
/// gate must never be asked.
fn from_broken(text: &str) -> Option<AdminAddress> {
    let yaml_of = |text: &str| -> Option<serde_yaml::Value> {
        config::check_cost(text).ok()?;
        serde_yaml::from_str(text).ok().filter(serde_yaml::Value::is_mapping)
    };
    let uncommented = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    if !uncommented.clone().any(|line| line.to_ascii_lowercase().contains("adm")) {
        return Some(AdminAddress::default());
    }
    let whole = match yaml_of(text) {
        Some(whole) => whole,
        // The section may be valid where the rest is not.
        None => yaml_of(&section_of("admin", text)?)?,
    };
    whole.get("admin")?.get("address").and_then(serde_yaml::Value::as_str).and_then(parse)
}

/// The lines of a top-level key, up to the next key; `None` if the key is not there exactly once.
fn section_of(key: &str, text: &str) -> Option<String> {
    let is_it = |line: &&str| line.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with(':'));
    let is_inner = |line: &&str| line.is_empty() || line.starts_with([' ', '#', '-']);
    if text.lines().filter(is_it).count() != 1 {
        return None;
    }
    let mut lines = text.lines().skip_while(|line| !is_it(line));
    let first = lines.next()?;
    Some(std::iter::once(first).chain(lines.take_while(is_inner)).collect::<Vec<_>>().join("\n"))
}
