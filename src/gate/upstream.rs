//! Where an upstream is and how it is connected to.
//!
//! A plain connection is a socket and nothing else. TLS is pingora's connector, which verifies the
//! certificate against the system's roots or the given file. Names are resolved away from requests:
//! the addresses at hand are used while newer ones are fetched, and a failing name server changes
//! nothing as long as there are old ones.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use pingora::connectors::{ConnectorOptions, TransportConnector};
use pingora::protocols::Stream;
use pingora::protocols::l4::stream::Stream as L4Stream;
use pingora::upstreams::peer::HttpPeer;
use tokio::net::{TcpStream, UnixStream, lookup_host};
use tokio::time::{Instant, timeout};

use crate::config::{Target, Upstream as Spec};
use crate::policy::outcome::Reason;

/// How long one address may take to accept a connection, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// How old resolved addresses may be before newer ones are fetched.
const RESOLVE_EVERY: Duration = Duration::from_secs(30);

/// A way to an upstream.
#[derive(Debug)]
pub struct Upstream {
    spec: Arc<Spec>,
    addresses: Arc<Addresses>,
    tls: OnceLock<Connector>,
}

struct Connector(TransportConnector);

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Connector")
    }
}

impl Upstream {
    /// A way to this upstream; nothing is opened yet.
    #[must_use]
    pub fn new(spec: Arc<Spec>) -> Self {
        Self { spec, addresses: Arc::default(), tls: OnceLock::new() }
    }

    /// Opens a connection, trying one address after the other.
    ///
    /// # Errors
    /// Why none could be opened: the last address's reason.
    pub async fn connect(&self) -> Result<Stream, Reason> {
        match &self.spec.target {
            Target::Unix(path) => connect_unix(path).await,
            Target::Http { host, port } => {
                let mut last = Reason::ConnectFailed;
                for address in self.addresses.of(host, *port).await.iter() {
                    match connect_tcp(*address).await {
                        Ok(stream) => return Ok(stream),
                        Err(reason) => last = reason,
                    }
                }
                Err(last)
            }
            Target::Https { host, port } => {
                let name = self.spec.server_name.as_ref().unwrap_or(host);
                let mut last = Reason::ConnectFailed;
                for address in self.addresses.of(host, *port).await.iter() {
                    match self.connect_tls(*address, name).await {
                        Ok(stream) => return Ok(stream),
                        Err(reason) => last = reason,
                    }
                }
                Err(last)
            }
        }
    }

    async fn connect_tls(&self, address: SocketAddr, name: &str) -> Result<Stream, Reason> {
        let mut peer = HttpPeer::new(address, true, name.to_owned());
        peer.options.connection_timeout = Some(CONNECT_TIMEOUT);
        peer.options.total_connection_timeout = Some(CONNECT_TIMEOUT);
        let connector = self.tls.get_or_init(|| {
            let mut options = ConnectorOptions::new(1);
            options.ca_file = self.spec.ca.as_ref().map(|path| path.to_string_lossy().into_owned());
            Connector(TransportConnector::new(Some(options)))
        });
        connector.0.new_stream(&peer).await.map_err(|error| {
            tracing::warn!(upstream = name, address = %address, %error, "upstream TLS connection failed");
            reason_of(&error)
        })
    }
}

async fn connect_unix(path: &Path) -> Result<Stream, Reason> {
    let connected =
        timeout(CONNECT_TIMEOUT, UnixStream::connect(path)).await.map_err(|_| Reason::ConnectTimeout)?;
    connected.map(|socket| Box::new(L4Stream::from(socket)) as Stream).map_err(|error| failure(&error))
}

async fn connect_tcp(address: SocketAddr) -> Result<Stream, Reason> {
    let connected =
        timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await.map_err(|_| Reason::ConnectTimeout)?;
    let socket = connected.map_err(|error| failure(&error))?;
    // A message leaves in one write; waiting for more of it would only add delay. Failing to say so is harmless.
    let _ = socket.set_nodelay(true);
    Ok(Box::new(L4Stream::from(socket)))
}

fn failure(error: &std::io::Error) -> Reason {
    match error.kind() {
        // A socket file that nobody listens on refuses; one that is not there is no different to an operator.
        std::io::ErrorKind::ConnectionRefused | std::io::ErrorKind::NotFound => Reason::ConnectRefused,
        std::io::ErrorKind::TimedOut => Reason::ConnectTimeout,
        _ => Reason::ConnectFailed,
    }
}

fn reason_of(error: &pingora::Error) -> Reason {
    use pingora::ErrorType;
    match error.etype() {
        ErrorType::ConnectRefused => Reason::ConnectRefused,
        ErrorType::ConnectTimedout | ErrorType::TLSHandshakeTimedout => Reason::ConnectTimeout,
        ErrorType::TLSHandshakeFailure | ErrorType::InvalidCert | ErrorType::HandshakeError => {
            Reason::TlsFailed
        }
        _ => Reason::ConnectFailed,
    }
}

/// The last known addresses of a name.
#[derive(Debug, Default)]
struct Addresses {
    known: ArcSwapOption<Known>,
    fetching: AtomicBool,
}

#[derive(Debug)]
struct Known {
    list: Arc<[SocketAddr]>,
    fetched: Instant,
}

impl Addresses {
    async fn of(self: &Arc<Self>, host: &str, port: u16) -> Arc<[SocketAddr]> {
        if let Ok(ip) = host.parse::<IpAddr>() {
            return Arc::from([SocketAddr::new(ip, port)]);
        }
        let Some(known) = self.known.load_full() else {
            return self.fetch(host.to_owned(), port).await;
        };
        if known.fetched.elapsed() > RESOLVE_EVERY && !self.fetching.swap(true, SeqCst) {
            let (this, host) = (Arc::clone(self), host.to_owned());
            tokio::spawn(async move {
                this.fetch(host, port).await;
                this.fetching.store(false, SeqCst);
            });
        }
        Arc::clone(&known.list)
    }

    /// Asks the resolver. An empty or failed answer leaves what is known.
    async fn fetch(&self, host: String, port: u16) -> Arc<[SocketAddr]> {
        let found: Arc<[SocketAddr]> = match timeout(RESOLVE_EVERY, lookup_host((host.as_str(), port))).await
        {
            Ok(Ok(addresses)) => addresses.collect(),
            Ok(Err(error)) => {
                tracing::warn!(host, %error, "upstream name not resolved");
                Arc::default()
            }
            Err(_) => {
                tracing::warn!(host, "upstream name not resolved in time");
                Arc::default()
            }
        };
        let list = match self.known.load_full() {
            Some(old) if found.is_empty() => Arc::clone(&old.list),
            _ => found,
        };
        if !list.is_empty() {
            self.known.store(Some(Arc::new(Known { list: Arc::clone(&list), fetched: Instant::now() })));
        }
        list
    }
}
