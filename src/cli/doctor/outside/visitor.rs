//! Speaks with the place from outside: one connection at a time, within the bounds of a whole run.
//!
//! What is asked and what it shows are not known here. Invariants: no more than [`MOST_REQUESTS`] connections and
//! [`WITHIN`] for all of them; nothing that is answered leads to another host.

use std::io::{self, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use crate::cli::doctor::outside::answer::{Answer, MOST_BYTES, Progress, read};
use crate::cli::doctor::outside::shown::{Recorder, Versions};
use crate::cli::doctor::outside::tally::Tally;
use crate::state::doctor::proof::ProofKey;

/// Connections in one run.
pub(crate) const MOST_REQUESTS: u32 = 200;
/// The time for a whole run.
pub(crate) const WITHIN: Duration = Duration::from_secs(60);
/// From one connection to the next: the gate takes fewer than fifty TLS handshakes a second from one stranger.
const PACE: Duration = Duration::from_millis(25);
/// The time for one connection to be made.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);
/// The time for one answer.
pub(crate) const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// How long a connection is watched for an answer that should not come.
const QUIET: Duration = Duration::from_millis(400);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoAnswer {
    /// No connection.
    #[error("no connection to {0}: {1}")]
    Unreached(SocketAddr, io::Error),
    /// No TLS.
    #[error("the TLS handshake failed: {0}")]
    Tls(String),
    /// Nothing came in time.
    #[error("no answer within {0:.1} s")]
    Late(f64),
    /// The connection ended first.
    #[error("the connection ended without an answer")]
    Closed,
    /// Something came, but no HTTP.
    #[error("what came is not HTTP")]
    NotHttp,
    /// The run is over.
    #[error("a run ends after {MOST_REQUESTS} requests or {} s", WITHIN.as_secs())]
    Over,
}

/// How one connection is made.
#[derive(Clone, Debug)]
pub(crate) struct Way {
    /// To where.
    pub address: SocketAddr,
    /// By TLS, for this name.
    pub tls: Option<String>,
    /// How certificates are judged; every one is taken where nothing is said.
    pub config: Option<Arc<ClientConfig>>,
    /// The versions that are offered.
    pub versions: Versions,
    /// Whether the name is told before the handshake.
    pub sni: bool,
    /// What is sent before everything else, before TLS too.
    pub preface: Vec<u8>,
    /// The time for the answer.
    pub within: Duration,
    /// Whether all answers are waited for, and not only the first.
    pub all: bool,
}

/// What came over one connection.
#[derive(Debug)]
pub(crate) struct Heard {
    /// The answers; never empty.
    pub answers: Vec<Answer>,
    /// The certificates that were shown.
    pub shown: Vec<CertificateDer<'static>>,
    /// The version of TLS.
    pub tls: Option<String>,
    /// The doctor's own address on the connection.
    pub own: IpAddr,
    /// How long the answer took, without the way there and back.
    pub took: Duration,
}

impl Heard {
    /// The first answer.
    #[must_use]
    pub(crate) fn answer(&self) -> &Answer {
        &self.answers[0]
    }
}

/// The bounds of a run, and from where it asks.
#[derive(Debug)]
pub(crate) struct Visitor {
    from: Option<IpAddr>,
    until: Instant,
    left: u32,
    last: Option<Instant>,
    key: Option<ProofKey>,
    /// How often each question was sent, and came.
    pub tally: Tally,
}

trait Stream: io::Read + io::Write {}
impl<S: io::Read + io::Write> Stream for S {}

impl Visitor {
    /// A run that begins now; with the key by which a gate proves its answers, where one is asked.
    #[must_use]
    pub(crate) fn new(from: Option<IpAddr>, key: Option<ProofKey>) -> Self {
        Self {
            from,
            until: Instant::now() + WITHIN,
            left: MOST_REQUESTS,
            last: None,
            key,
            tally: Tally::default(),
        }
    }

    /// How many requests were sent, and the seconds that one of them took on average, with all that belongs to it.
    #[must_use]
    pub(crate) fn pace(&self) -> (u32, f64) {
        let sent = MOST_REQUESTS - self.left;
        (sent, WITHIN.saturating_sub(self.left()).as_secs_f64() / f64::from(sent.max(1)))
    }

    /// What is left of the run.
    #[must_use]
    pub(crate) fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }

    /// Whether no more is asked.
    #[must_use]
    pub(crate) fn is_over(&self) -> bool {
        self.left == 0 || self.left().is_zero()
    }

    /// Makes a connection, sends these pieces with a pause between them, and reads what comes.
    ///
    /// # Errors
    /// Why nothing came.
    pub(crate) fn ask(&mut self, way: &Way, pieces: &[&[u8]]) -> Result<Heard, NoAnswer> {
        if self.is_over() {
            return Err(NoAnswer::Over);
        }
        self.left -= 1;
        if let Some(last) = self.last {
            std::thread::sleep(PACE.saturating_sub(last.elapsed()));
        }
        self.last = Some(Instant::now());
        let until = Instant::now() + way.within.min(self.left());
        let unreached = |error| NoAnswer::Unreached(way.address, error);
        let until_connected = Instant::now();
        let socket = self.connect(way.address).map_err(unreached)?;
        let way_takes = until_connected.elapsed();
        let own = socket.local_addr().map_err(unreached)?.ip();
        let mut plain = socket.try_clone().map_err(unreached)?;
        plain.set_write_timeout(Some(way.within)).map_err(unreached)?;
        // A far end that closes early is heard when its answer is read.
        let _ = plain.write_all(&way.preface);
        let recorder = Arc::new(Recorder::default());
        let mut tls = None;
        let mut stream: Box<dyn Stream> = match &way.tls {
            None => Box::new(plain),
            Some(name) => {
                let connection = handshake(&mut plain, name, &recorder, way, until)?;
                tls = connection.protocol_version().and_then(|version| version.as_str().map(str::to_owned));
                Box::new(StreamOwned::new(connection, plain))
            }
        };
        let asked = pieces.concat();
        self.tally.send(&asked);
        let began = Instant::now();
        for (place, piece) in pieces.iter().enumerate() {
            if place > 0 {
                std::thread::sleep(QUIET / 2);
            }
            let _ = stream.write_all(piece).and_then(|()| stream.flush());
        }
        let mut answers = listen(&mut *stream, &socket, until, way.all).map_err(|why| match why {
            NoAnswer::Late(_) => NoAnswer::Late(began.elapsed().as_secs_f64()),
            why => why,
        })?;
        // What the way itself takes was seen when the connection was made.
        let took = began.elapsed().saturating_sub(way_takes);
        if let Some(key) = &self.key {
            for answer in &mut answers {
                if let Some(nonce) = answer.trace(key, &asked)
                    && let Some(seen) = answer.seen()
                {
                    self.tally.come(&nonce, &seen);
                }
            }
        }
        Ok(Heard { answers, shown: recorder.shown(), tls, own, took })
    }

    /// Connects within the time for it.
    ///
    /// # Errors
    /// The address cannot be reached.
    pub(crate) fn connect(&self, address: SocketAddr) -> io::Result<TcpStream> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        if let Some(from) = self.from.filter(|from| from.is_ipv4() == address.is_ipv4()) {
            socket.bind(&SockAddr::from(SocketAddr::new(from, 0)))?;
        }
        socket.connect_timeout(
            &address.into(),
            CONNECT_WITHIN.min(self.left().max(Duration::from_millis(1))),
        )?;
        Ok(socket.into())
    }
}

/// Sets how long the socket may wait; false when nothing is left.
fn arm(socket: &TcpStream, until: Instant) -> bool {
    let left = until.saturating_duration_since(Instant::now());
    !left.is_zero() && socket.set_read_timeout(Some(left)).is_ok()
}

/// One step at a time, so that the whole handshake has one deadline.
fn handshake(
    socket: &mut TcpStream,
    name: &str,
    recorder: &Arc<Recorder>,
    way: &Way,
    until: Instant,
) -> Result<ClientConnection, NoAnswer> {
    let failed = |error: rustls::Error| NoAnswer::Tls(error.to_string());
    let config = match &way.config {
        Some(config) => Arc::clone(config),
        None => Arc::new(recorder.config(way.versions, way.sni).map_err(failed)?),
    };
    let name = ServerName::try_from(name.to_owned()).map_err(|error| NoAnswer::Tls(error.to_string()))?;
    let mut connection = ClientConnection::new(config, name).map_err(failed)?;
    let io = |error: io::Error| NoAnswer::Tls(error.to_string());
    while connection.is_handshaking() {
        if connection.wants_write() {
            connection.write_tls(socket).map_err(io)?;
            continue;
        }
        if !arm(socket, until) {
            return Err(NoAnswer::Tls("it was not complete in time".to_owned()));
        }
        if connection.read_tls(socket).map_err(io)? == 0 {
            return Err(NoAnswer::Tls("the connection ended".to_owned()));
        }
        connection.process_new_packets().map_err(failed)?;
    }
    Ok(connection)
}

/// Reads the first answer, or all that come before the other end is quiet.
fn listen(
    stream: &mut dyn Stream,
    socket: &TcpStream,
    until: Instant,
    all: bool,
) -> Result<Vec<Answer>, NoAnswer> {
    let (mut bytes, mut answers, mut ended) = (Vec::new(), Vec::new(), false);
    let mut buffer = [0; 16 * 1024];
    loop {
        match read(&bytes, ended) {
            Progress::Whole(answer, used) => {
                bytes.drain(..used);
                answers.push(answer);
                if !all {
                    return Ok(answers);
                }
                continue;
            }
            Progress::NotHttp if !answers.is_empty() => return Ok(answers),
            Progress::NotHttp if ended && bytes.is_empty() => return Err(NoAnswer::Closed),
            Progress::NotHttp => return Err(NoAnswer::NotHttp),
            Progress::More if ended || bytes.len() > MOST_BYTES => return Err(NoAnswer::NotHttp),
            Progress::More => {}
        }
        let until = if answers.is_empty() { until } else { until.min(Instant::now() + QUIET) };
        if !arm(socket, until) {
            return if answers.is_empty() { Err(NoAnswer::Late(0.0)) } else { Ok(answers) };
        }
        match stream.read(&mut buffer) {
            Ok(count) if count > 0 => bytes.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                return if answers.is_empty() { Err(NoAnswer::Late(0.0)) } else { Ok(answers) };
            }
            // A far end that ends TLS without a word has ended all the same.
            Ok(_) | Err(_) => ended = true,
        }
    }
}
