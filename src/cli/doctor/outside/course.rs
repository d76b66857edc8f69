//! One run from outside: the place, the token, the bounds, and what was found so far.

use std::cell::Cell;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rustls::RootCertStore;

use crate::cli::doctor::outside::answer::{Answer, Instead};
use crate::cli::doctor::outside::order::Order;
use crate::cli::doctor::outside::place::Place;
use crate::cli::doctor::outside::shown::Versions;
use crate::cli::doctor::outside::visitor::{ANSWER_WITHIN, Heard, NoAnswer, Visitor, Way};
use crate::cli::doctor::report::Finding;
use crate::cli::doctor::verdict::bypass::Tried;
use crate::cli::doctor::verdict::front::Came;
use crate::cli::doctor::verdict::remedy::Front;
use crate::judge::served::seen::Seen;
use crate::state::doctor::proof::{NONCE, sha256};
use crate::state::doctor::{NoToken, letters};

/// The run.
#[derive(Debug)]
pub(crate) struct Course {
    /// The URL.
    pub place: Place,
    /// Its addresses; never empty.
    pub addresses: Vec<SocketAddr>,
    /// The connections.
    pub visitor: Visitor,
    /// Whom senders trust.
    pub roots: Arc<RootCertStore>,
    /// Addresses at which the application must not answer.
    pub application: Vec<SocketAddr>,
    /// The port of plain HTTP.
    pub http_port: u16,
    /// What was found.
    pub findings: Vec<Finding>,
    /// How long answers to the plain question took.
    pub waits: Vec<Duration>,
    id: String,
    seed: String,
    nonces: Cell<u64>,
}

/// What the first request showed.
#[derive(Debug)]
pub(crate) struct Proven {
    /// What the gate saw of it.
    pub seen: Seen,
    /// The whole of what came.
    pub heard: Heard,
    /// Who stands in front.
    pub front: Front,
    /// The target that was sent.
    pub target: String,
    /// The doctor's clock in milliseconds, in the middle of the request.
    pub now_ms: u64,
}

impl Course {
    /// A run that begins now.
    ///
    /// # Errors
    /// The system has no random bytes.
    pub(crate) fn new(
        place: Place,
        addresses: Vec<SocketAddr>,
        order: &Order,
        roots: Arc<RootCertStore>,
    ) -> Result<Self, NoToken> {
        Ok(Self {
            place,
            addresses,
            visitor: Visitor::new(order.from, Some(order.key.clone())),
            roots,
            application: order.application.clone(),
            http_port: order.http_port,
            findings: Vec::new(),
            waits: Vec::new(),
            id: order.id.clone(),
            seed: letters::<16>()?,
            nonces: Cell::new(0),
        })
    }

    /// The address that is asked: the first of the name.
    #[must_use]
    pub(crate) fn first(&self) -> SocketAddr {
        self.addresses[0]
    }

    /// The address of the machine that the name leads to.
    #[must_use]
    pub(crate) fn machine(&self) -> IpAddr {
        self.first().ip()
    }

    /// The target of a new question by the token, with a nonce of its own; `rest` stands behind it.
    #[must_use]
    pub(crate) fn target(&self, rest: &str) -> String {
        self.nonces.set(self.nonces.get() + 1);
        // Nobody knows the seed, so nobody knows a nonce before it is sent.
        let nonce = sha256(format!("{} {}", self.seed, self.nonces.get()).as_bytes());
        format!("{}/.well-known/nexmo-gate/{}/{}{rest}", self.place.folder, self.id, &nonce[..NONCE])
    }

    /// The way to the place.
    #[must_use]
    pub(crate) fn way(&self) -> Way {
        self.way_to(self.first(), self.place.https)
    }

    /// The same to another address, by TLS or without.
    #[must_use]
    pub(crate) fn way_to(&self, address: SocketAddr, tls: bool) -> Way {
        Way {
            address,
            tls: tls.then(|| self.place.host.clone()),
            config: None,
            versions: Versions::Both,
            sni: true,
            preface: Vec::new(),
            within: ANSWER_WITHIN,
            all: false,
        }
    }

    /// A request.
    #[must_use]
    pub(crate) fn request(&self, method: &str, target: &str, lines: &str, body: &[u8]) -> Vec<u8> {
        let length =
            if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
        let head = format!(
            "{method} {target} HTTP/1.1\r\nHost: {}\r\nUser-Agent: nexmo-gate-doctor\r\n{lines}{length}\r\n",
            self.place.authority()
        );
        [head.as_bytes(), body].concat()
    }

    /// Sends a request to the place.
    ///
    /// # Errors
    /// Why nothing came.
    pub(crate) fn ask(
        &mut self,
        method: &str,
        target: &str,
        lines: &str,
        body: &[u8],
    ) -> Result<Heard, NoAnswer> {
        let (way, request) = (self.way(), self.request(method, target, lines, body));
        self.visitor.ask(&way, &[&request])
    }

    /// The same for the first answer alone; in words where there is none.
    pub(crate) fn told(&mut self, rest: &str, lines: &str) -> Result<Answer, Instead> {
        let target = self.target(rest);
        let heard = self.ask("GET", &target, lines, b"");
        heard.map(|heard| heard.answer().clone()).map_err(|error| Instead::of(&error))
    }

    /// The same for what the gate saw; in words what else there was.
    pub(crate) fn came(&mut self, method: &str, target: &str, lines: &str, body: &[u8]) -> Came {
        match self.ask(method, target, lines, body) {
            Ok(heard) => {
                if method == "GET" && lines.is_empty() {
                    self.waits.push(heard.took);
                }
                heard.answer().seen().ok_or_else(|| Instead(heard.answer().shown()))
            }
            Err(error) => Err(Instead::of(&error)),
        }
    }

    /// Tries an address with a request of its own.
    pub(crate) fn try_address(&mut self, way: &Way, shown: String, request: &[u8]) -> Tried {
        let way = Way { within: Duration::from_secs(3), ..way.clone() };
        let came = match self.visitor.ask(&way, &[request]) {
            Ok(heard) => Some(Ok(heard.answer().clone())),
            Err(NoAnswer::Unreached(..) | NoAnswer::Over) => None,
            Err(error) => Some(Err(Instead::of(&error))),
        };
        Tried { address: shown, came }
    }

    /// Adds what was found.
    pub(crate) fn found(&mut self, finding: Finding) {
        self.findings.push(finding);
    }
}
