//! Senders that are admitted: one at an even pace on a connection that it keeps, one that comes anew for each message.
//! A third one goes straight to the application: what it waits is the machine's and the application's part.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use super::site::SENDER;

const MESSAGE: &[u8] = b"POST /hook HTTP/1.1\r\nHost: hooks.example\r\nContent-Length: 5\r\n\r\nhello";
/// What is not answered by then was not served.
const PATIENCE: Duration = Duration::from_secs(5);

/// How a sender keeps its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Habit {
    /// It keeps one.
    Keeps,
    /// It makes one for each message.
    ComesAnew,
}

impl Habit {
    fn every(self) -> Duration {
        match self {
            Self::Keeps => Duration::from_millis(5),
            Self::ComesAnew => Duration::from_millis(10),
        }
    }
}

/// What became of its messages.
#[derive(Clone, Debug, Default)]
pub struct Served {
    pub asked: u64,
    /// Answered by anything but 200, or not at all.
    pub lost: u64,
    /// Why the last one was.
    pub why: String,
    /// How long each answer took, shortest first.
    took: Vec<Duration>,
}

impl Served {
    pub fn slowest(&self) -> Duration {
        self.took.last().copied().unwrap_or_default()
    }

    pub fn p99(&self) -> Duration {
        self.took.get((self.took.len() * 99).div_ceil(100).saturating_sub(1)).copied().unwrap_or_default()
    }
}

#[derive(Debug)]
struct Sender {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Served>,
}

impl Sender {
    fn start(to: SocketAddr, habit: Habit) -> Self {
        let stop: Arc<AtomicBool> = Arc::default();
        let told = Arc::clone(&stop);
        let thread = thread::spawn(move || send(to, habit, &told));
        Self { stop, thread }
    }

    fn stop(self) -> Served {
        self.stop.store(true, SeqCst);
        self.thread.join().expect("a sender")
    }
}

/// How all of them were served in the same time.
#[derive(Clone, Debug)]
pub struct Service {
    /// Through the gate: who keeps its connection, who comes anew.
    pub through: [Served; 2],
    /// Straight to the application.
    pub beside: Served,
}

/// All of them.
#[derive(Debug)]
pub struct Senders {
    through: [Sender; 2],
    beside: Sender,
}

impl Senders {
    pub fn start(gate: SocketAddr, application: SocketAddr) -> Self {
        Self {
            through: [Habit::Keeps, Habit::ComesAnew].map(|habit| Sender::start(gate, habit)),
            beside: Sender::start(application, Habit::Keeps),
        }
    }

    pub fn stop(self) -> Service {
        Service { through: self.through.map(Sender::stop), beside: self.beside.stop() }
    }
}

fn send(to: SocketAddr, habit: Habit, stop: &AtomicBool) -> Served {
    let mut served = Served::default();
    let mut connection = None;
    let mut next = Instant::now();
    while !stop.load(SeqCst) {
        thread::sleep(next.saturating_duration_since(Instant::now()));
        // A late answer is not made up for by a burst.
        next = (next + habit.every()).max(Instant::now());
        let began = Instant::now();
        served.asked += 1;
        match ask(&mut connection, to) {
            Ok(200) => served.took.push(began.elapsed()),
            Ok(status) => {
                served.lost += 1;
                served.why = status.to_string();
            }
            Err(error) => {
                served.lost += 1;
                served.why = format!("{error}, after {} ms", began.elapsed().as_millis());
                connection = None;
            }
        }
        if habit == Habit::ComesAnew {
            connection = None;
        }
    }
    served.took.sort_unstable();
    served
}

fn ask(connection: &mut Option<TcpStream>, to: SocketAddr) -> io::Result<u16> {
    let stream = match connection {
        Some(stream) => stream,
        None => connection.insert(connect(to)?),
    };
    stream.write_all(MESSAGE)?;
    read_status(stream)
}

fn connect(to: SocketAddr) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, None)?;
    socket.bind(&SocketAddr::new(SENDER.parse().expect("an address"), 0).into())?;
    socket.connect_timeout(&to.into(), PATIENCE)?;
    socket.set_tcp_nodelay(true)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.set_write_timeout(Some(PATIENCE))?;
    Ok(socket.into())
}

/// Reads one answer whole.
fn read_status(stream: &mut TcpStream) -> io::Result<u16> {
    let mut answer = Vec::new();
    let mut room = [0u8; 4096];
    loop {
        let count = stream.read(&mut room)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        answer.extend_from_slice(&room[..count]);
        let Some(head) = answer.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let text = String::from_utf8_lossy(&answer[..head]).to_ascii_lowercase();
        let length = text.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
        if answer.len() >= head + 4 + length.unwrap_or(0) {
            let status = text.split(' ').nth(1).and_then(|word| word.parse().ok());
            return status.ok_or_else(|| io::ErrorKind::InvalidData.into());
        }
    }
}
