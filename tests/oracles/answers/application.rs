//! The application: many connections, each request with a plan of its own, everything written down in the ledger.
//!
//! It does what it does by the clock and not in turns: what is late is written when it is due, whether the next request
//! has come meanwhile or not.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use socket2::SockRef;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::ledger::{Ledger, What};
use super::plan::{Asked, Deed, IDLE_TIMEOUT, Kind, Plan, UNAVAILABLE};
use super::senders::token_of;
use crate::dice::Dice;

/// How an application behaves.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    pub seed: u64,
    /// Faults in a thousand requests.
    pub faults: usize,
    /// Which.
    pub kind: fn(&mut Dice) -> Kind,
    /// How long a right answer takes, at least and at most.
    pub takes: (Duration, Duration),
}

pub struct Shared {
    pub manner: Manner,
    pub ledger: Ledger,
    /// Whether it misbehaves now.
    pub faulty: AtomicBool,
}

/// Listens on so many addresses, and serves until the runtime ends. To the gate each is an application of its own.
pub async fn start(manner: Manner, endpoints: usize) -> (Vec<SocketAddr>, Arc<Shared>) {
    let faulty = AtomicBool::new(true);
    let shared = Arc::new(Shared { manner, ledger: Ledger::default(), faulty });
    let mut addresses = Vec::new();
    for _ in 0..endpoints {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        addresses.push(listener.local_addr().expect("an address"));
        tokio::spawn(listen(listener, Arc::clone(&shared)));
    }
    (addresses, shared)
}

async fn listen(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        stream.set_nodelay(true).expect("nodelay");
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let mut connection = Connection {
                number: shared.ledger.open(),
                shared: &shared,
                stream,
                wire: Vec::new(),
                head: None,
                due: BTreeMap::new(),
                scheduled: 0,
                busy: 0,
            };
            connection.serve().await;
        });
    }
}

struct Connection<'a> {
    shared: &'a Shared,
    number: usize,
    stream: TcpStream,
    wire: Vec<u8>,
    /// A request whose body is not whole yet, and what is left to come.
    head: Option<(Plan, usize)>,
    /// By when, and in which order it was planned; each with the request that it comes from.
    due: BTreeMap<(Instant, usize), (usize, Deed)>,
    scheduled: usize,
    /// Requests that were not answered yet.
    busy: usize,
}

impl Connection<'_> {
    async fn serve(&mut self) {
        let mut dice = Dice::of(self.shared.manner.seed, 1 << 40 | self.number as u64);
        if self.shared.faulty.load(Relaxed) && dice.chance(self.shared.manner.faults / 30) {
            self.note(Instant::now(), What::Unasked);
            let _ = self.stream.write_all(UNAVAILABLE).await;
            return;
        }
        loop {
            while self.take_in() {}
            let next = self.due.first_key_value().map(|((at, _), _)| *at);
            tokio::select! {
                biased;
                () = tokio::time::sleep_until(next.unwrap_or_else(Instant::now).into()), if next.is_some() => {
                    let (_, (token, deed)) = self.due.pop_first().expect("something is due");
                    if !self.perform(token, deed).await {
                        return;
                    }
                }
                read = self.stream.read_buf(&mut self.wire) => {
                    if !matches!(read, Ok(count) if count > 0) {
                        self.note(Instant::now(), What::GateClosed);
                        return;
                    }
                }
            }
        }
    }

    fn note(&self, at: Instant, what: What) {
        self.shared.ledger.note(self.number, at, what);
    }

    /// Takes in a head or what is there of a body; false when there is nothing more to take in.
    fn take_in(&mut self) -> bool {
        if let Some((plan, left)) = &mut self.head {
            let taken = self.wire.len().min(*left);
            self.wire.drain(..taken);
            *left -= taken;
            if *left > 0 {
                return false;
            }
            let plan = plan.clone();
            self.head = None;
            if !plan.early {
                self.schedule(plan);
            }
            return true;
        }
        let Some(end) = self.wire.windows(4).position(|four| four == b"\r\n\r\n") else { return false };
        let text = String::from_utf8_lossy(&self.wire[..end]).into_owned();
        self.wire.drain(..end + 4);
        let token = text.split(' ').nth(1).and_then(token_of).expect("a token");
        let asked = Asked { token, is_head: text.starts_with("HEAD ") };
        let length = text
            .lines()
            .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ").map(str::to_owned));
        let length = length.map_or(0, |digits| digits.parse().expect("a length"));
        let plan = self.plan(asked);
        self.note(Instant::now(), What::Arrived { token: asked.token, kind: plan.kind });
        self.busy += 1;
        if plan.early {
            self.schedule(plan.clone());
        }
        self.head = Some((plan, length));
        true
    }

    fn plan(&self, asked: Asked) -> Plan {
        let Manner { seed, faults, kind, takes } = self.shared.manner;
        let mut dice = Dice::of(seed, asked.token as u64);
        let faulty = dice.chance(faults) && self.shared.faulty.load(Relaxed);
        let kind = if faulty { kind(&mut dice) } else { Kind::Right };
        Plan::new(asked, kind, takes, &mut dice)
    }

    fn schedule(&mut self, plan: Plan) {
        let now = Instant::now();
        for (after, deed) in plan.deeds {
            self.due.insert((now + after, self.scheduled), (plan.token, deed));
            self.scheduled += 1;
        }
    }

    /// False when the connection is over.
    async fn perform(&mut self, token: usize, deed: Deed) -> bool {
        // Before the write: what comes of it cannot be older.
        let now = Instant::now();
        match deed {
            Deed::Answer { bytes, status } => {
                self.busy = self.busy.saturating_sub(1);
                let written = self.stream.write_all(&bytes).await.is_ok();
                if written {
                    self.note(now, What::Answered { token, status });
                }
                written
            }
            Deed::Part { bytes } => {
                self.due.retain(|_, (whose, _)| *whose == token);
                self.note(now, What::WrotePart { token, bytes: bytes.len() });
                self.stream.write_all(&bytes).await.is_ok()
            }
            Deed::Other { bytes } => {
                self.note(now, What::WroteOther { token, bytes: bytes.len() });
                self.stream.write_all(&bytes).await.is_ok()
            }
            Deed::IdleTimeout if self.busy > 0 => true,
            Deed::IdleTimeout => {
                self.note(now, What::IdleTimeout);
                let _ = self.stream.write_all(IDLE_TIMEOUT).await;
                false
            }
            Deed::Close => {
                self.note(now, What::Closed);
                false
            }
            Deed::Reset => {
                self.note(now, What::Reset);
                SockRef::from(&self.stream).set_linger(Some(Duration::ZERO)).expect("SO_LINGER 0");
                false
            }
        }
    }
}
