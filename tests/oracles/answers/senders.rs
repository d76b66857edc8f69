//! Senders that keep their connections and ask one thing after the other. They only write down what they hear.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use crate::dice::Dice;
use crate::harness::{ADMITTED, PATIENCE};

/// What a sender heard to its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard {
    pub token: usize,
    /// When it was sent: nothing that came to the gate before can be an answer to it.
    pub sent: Instant,
    /// 0: the gate closed without an answer.
    pub status: u16,
    /// The request that the answer names; the gate's own names none.
    pub named: Option<usize>,
}

/// How senders behave.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    pub senders: usize,
    /// The longest pause between two requests of one sender.
    pub pause: Duration,
    /// Applications that are asked one after the other, each so many times.
    pub endpoints: usize,
    /// Small POSTs and nothing else, as webhooks are: a HEAD or a large body ends what goes wrong on a connection.
    pub webhooks: bool,
}

/// Requests that one application of several is asked, one after the other.
pub const IN_A_ROW: usize = 200;

impl Pace {
    fn path(&self, token: usize) -> String {
        format!("/{}/{token}", (token / IN_A_ROW).min(self.endpoints - 1))
    }
}

/// The request that a path belongs to.
pub fn token_of(path: &str) -> Option<usize> {
    path.rsplit('/').next()?.parse().ok()
}

/// The numbers of the requests of one round, and where they end.
pub struct Tokens {
    pub next: AtomicUsize,
    pub end: AtomicUsize,
}

pub struct Sender {
    pub gate: SocketAddr,
    pub dice: Dice,
    pace: Pace,
    stream: Option<TcpStream>,
}

impl Sender {
    pub fn new(gate: SocketAddr, dice: Dice, pace: Pace) -> Self {
        Self { gate, dice, pace, stream: None }
    }

    /// Asks until the numbers are used up.
    pub async fn ask_all(&mut self, tokens: &Tokens) -> Vec<Heard> {
        let mut heard = Vec::new();
        loop {
            let token = tokens.next.fetch_add(1, Relaxed);
            if token >= tokens.end.load(Relaxed) {
                return heard;
            }
            heard.push(self.ask(token).await);
        }
    }

    pub async fn ask(&mut self, token: usize) -> Heard {
        if !self.pace.pause.is_zero() && self.dice.chance(700) {
            let most = usize::try_from(self.pace.pause.as_micros()).expect("microseconds");
            tokio::time::sleep(Duration::from_micros(self.dice.below(most) as u64)).await;
        }
        let (request, is_head) = self.request(token);
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => connect(self.gate).await,
        };
        let sent = Instant::now();
        let asked = async {
            stream.write_all(&request).await.ok()?;
            read(&mut stream, is_head).await
        };
        let reply = tokio::time::timeout(PATIENCE, asked).await.expect("the gate answers in time");
        let Some((status, named, close)) = reply else {
            return Heard { token, sent, status: 0, named: None };
        };
        if !close {
            self.stream = Some(stream);
        }
        Heard { token, sent, status, named }
    }

    fn request(&mut self, token: usize) -> (Vec<u8>, bool) {
        let path = self.pace.path(token);
        let kind = if self.pace.webhooks { 8 } else { self.dice.below(20) };
        match kind {
            0..2 => (format!("HEAD {path} HTTP/1.1\r\nHost: a\r\n\r\n").into_bytes(), true),
            2..8 => (format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").into_bytes(), false),
            _ => {
                // Some larger than what an application reads at once.
                let length =
                    if self.dice.chance(20) { self.dice.below(200_000) } else { self.dice.below(3000) };
                let head = format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n");
                ([head.as_bytes(), &vec![b'x'; length]].concat(), false)
            }
        }
    }
}

async fn connect(gate: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(SocketAddr::new(ADMITTED.parse().expect("an address"), 0)).expect("bind");
    let stream = socket.connect(gate).await.expect("connect to the gate");
    stream.set_nodelay(true).expect("nodelay");
    stream
}

/// The status, the request that it names, and whether the connection ends.
async fn read(stream: &mut TcpStream, is_head: bool) -> Option<(u16, Option<usize>, bool)> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
    let value = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let status: u16 = head.get(9..12)?.parse().ok()?;
    let named = value("x-token:").map(|text| text.parse().unwrap_or(usize::MAX));
    let length: usize = value("content-length:").map_or(0, |text| text.parse().expect("a length"));
    let bodiless = is_head || matches!(status, 204 | 304);
    let whole = end + if bodiless { 0 } else { length };
    while bytes.len() < whole {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    assert_eq!(bytes.len(), whole, "the gate sent more than one answer: {head}");
    Some((status, named, value("connection:") == Some("close")))
}
