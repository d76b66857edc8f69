//! The sample application: a webhook application, as small as possible.
//!
//! It answers every request, and records it, so that the tour can compare what was sent with what arrived.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// The answer to a call: speak one sentence.
pub(super) const NCCO: &str = r#"[{"action":"talk","text":"Hello"}]"#;
/// Far larger than any sample.
const MAX_HEAD: usize = 64 * 1024;
const MAX_BODY: usize = 1 << 20;
/// The requests that are kept until somebody takes them.
const MOST_KEPT: usize = 100;

/// A request as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Accepted {
    /// The method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// The body.
    pub body: Vec<u8>,
    /// The list that admitted the sender, from the gate's header.
    pub list: String,
}

/// The running application.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Application {
    /// Where it listens.
    pub(in crate::cli) address: SocketAddr,
    arrived: Arc<Mutex<Vec<Accepted>>>,
}

impl Application {
    /// Starts it on a free port. Its threads end with the process.
    ///
    /// # Errors
    /// No socket on loopback.
    pub(in crate::cli) fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let application = Self { address: listener.local_addr()?, arrived: Arc::default() };
        let own = application.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let own = own.clone();
                // A connection that fails is closed; the tour notices the missing request.
                thread::spawn(move || own.serve(stream));
            }
        });
        Ok(application)
    }

    /// Takes the requests that arrived since the last call.
    #[must_use]
    pub(super) fn take(&self) -> Vec<Accepted> {
        std::mem::take(&mut self.arrived.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Serves one connection, request after request.
    fn serve(&self, mut stream: TcpStream) -> io::Result<()> {
        let mut bytes = Vec::new();
        while let Some((head, length)) = read_head(&mut stream, &mut bytes)? {
            let whole = length + head.content_length;
            while bytes.len() < whole {
                read_some(&mut stream, &mut bytes)?;
            }
            let answer = answer_to(&head);
            let body = bytes[length..whole].to_vec();
            bytes.drain(..whole);
            let arrival = Accepted { method: head.method, target: head.target, body, list: head.list };
            let mut arrived = self.arrived.lock().unwrap_or_else(PoisonError::into_inner);
            // Where nobody takes them, they are not kept for ever.
            if arrived.len() < MOST_KEPT {
                arrived.push(arrival);
            }
            drop(arrived);
            stream.write_all(answer.as_bytes())?;
        }
        Ok(())
    }
}

/// The status and the body of the answer for a path.
#[must_use]
pub(super) fn answer_for(path: &str) -> (u16, &'static str) {
    match path {
        "/webhooks/answer" | "/webhooks/fallback" => (200, NCCO),
        _ => (204, ""),
    }
}

fn answer_to(head: &Head) -> String {
    match answer_for(head.target.split('?').next().unwrap_or_default()) {
        (204, _) => "HTTP/1.1 204 No Content\r\n\r\n".to_owned(),
        (status, body) => format!(
            "HTTP/1.1 {status} OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ),
    }
}

struct Head {
    method: String,
    target: String,
    content_length: usize,
    list: String,
}

/// Reads the next head; returns it with its length, or `None` when the other end has closed.
fn read_head(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> io::Result<Option<(Head, usize)>> {
    let bad = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    loop {
        let mut lines = [httparse::EMPTY_HEADER; 64];
        let mut request = httparse::Request::new(&mut lines);
        if let httparse::Status::Complete(length) =
            request.parse(bytes).map_err(|error| bad(&error.to_string()))?
        {
            let field = |name: &str| {
                let line = request.headers.iter().find(|line| line.name.eq_ignore_ascii_case(name));
                line.map(|line| String::from_utf8_lossy(line.value).trim().to_owned())
            };
            let content_length = match field("content-length") {
                None => 0,
                Some(text) => text.parse().map_err(|_| bad("Content-Length"))?,
            };
            if field("transfer-encoding").is_some() || content_length > MAX_BODY {
                return Err(bad("a body that this small application does not read"));
            }
            let head = Head {
                method: request.method.unwrap_or_default().to_owned(),
                target: request.path.unwrap_or_default().to_owned(),
                content_length,
                list: field("x-nexmo-gate-list").unwrap_or_default(),
            };
            return Ok(Some((head, length)));
        }
        if bytes.len() > MAX_HEAD {
            return Err(bad("a head that is too large"));
        }
        match read_some(stream, bytes) {
            Err(_) if bytes.is_empty() => return Ok(None),
            read => read?,
        }
    }
}

fn read_some(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> io::Result<()> {
    let mut buffer = [0; 8192];
    match stream.read(&mut buffer)? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        count => {
            bytes.extend_from_slice(&buffer[..count]);
            Ok(())
        }
    }
}
