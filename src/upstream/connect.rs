//! Opens a connection to an endpoint: a TCP or UNIX socket, and TLS where the endpoint has it.
//!
//! All addresses of a name are tried in order, each for [`CONNECT_TIMEOUT`], TLS included. TLS is pingora's; its
//! configuration was made when the files were loaded. Invariant: nothing is read from disk here.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use pingora::protocols::Stream;
use pingora::protocols::l4::stream::Stream as L4Stream;
use pingora::protocols::tls::client::handshake;
use pingora::tls::TlsConnector;
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{sleep, timeout};

use crate::config::Target;
use crate::policy::outcome::Reason;
use crate::state::endpoint::Endpoint;
use crate::upstream::resolver::Addresses;
use crate::wire::plain;

/// How long one address may take to accept a connection, TLS included. Longer than the second after which a kernel repeats
/// its first packet: an application whose queue was full for a moment is reached with the second one.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_millis(1500);
/// How long a UNIX socket whose queue is full is left alone.
const QUEUE_PAUSE: Duration = Duration::from_millis(5);

/// Why no connection could be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unreachable {
    /// The reason in the access log.
    pub reason: Reason,
    /// The error, as a text for the operator.
    pub error: String,
}

impl Unreachable {
    fn new(reason: Reason, error: &(impl ToString + ?Sized)) -> Self {
        Self { reason, error: error.to_string() }
    }
}

/// Opens a connection; it tries one address after the other.
///
/// # Errors
/// No address could be connected to: the failure of the last one.
pub(crate) async fn connect(endpoint: &Endpoint, addresses: &Addresses) -> Result<Stream, Unreachable> {
    if let Target::Unix(path) = &endpoint.target {
        return within_time(connect_unix(path)).await;
    }
    let found = addresses.known(CONNECT_TIMEOUT).await;
    let found = found.map_err(|why| Unreachable::new(Reason::ConnectFailed, &*why))?;
    let mut last = Unreachable::new(Reason::ConnectFailed, "the name has no address");
    for address in found.iter() {
        match within_time(connect_ip(endpoint, *address)).await {
            Ok(stream) => return Ok(stream),
            Err(why) => last = Unreachable { error: format!("{address}: {}", why.error), ..why },
        }
    }
    // Whatever the failure was: at an old address may be nobody, no machine, or by now somebody else.
    addresses.doubt();
    Err(last)
}

async fn within_time(
    connecting: impl Future<Output = Result<Stream, Unreachable>>,
) -> Result<Stream, Unreachable> {
    let words = || format!("no connection within {CONNECT_TIMEOUT:?}");
    let too_late = |_| Unreachable::new(Reason::ConnectTimeout, &words());
    timeout(CONNECT_TIMEOUT, connecting).await.map_err(too_late)?
}

/// A UNIX socket whose queue is full refuses at once, where TCP repeats its first packet. So it is tried again.
async fn connect_unix(path: &Path) -> Result<Stream, Unreachable> {
    loop {
        match UnixStream::connect(path).await {
            Ok(socket) => return Ok(plain::stream(socket)),
            Err(full) if full.kind() == std::io::ErrorKind::WouldBlock => sleep(QUEUE_PAUSE).await,
            Err(error) => return Err(failure(&error)),
        }
    }
}

async fn connect_ip(endpoint: &Endpoint, address: SocketAddr) -> Result<Stream, Unreachable> {
    let socket = TcpStream::connect(address).await.map_err(|error| failure(&error))?;
    // A message is one write, so waiting for more bytes would only add delay. If the option fails, it is only slower.
    let _ = socket.set_nodelay(true);
    let Some(tls) = &endpoint.tls else {
        return Ok(plain::stream(socket));
    };
    let connector = TlsConnector::from(Arc::clone(&tls.config));
    let secured = handshake(&connector, &tls.name, L4Stream::from(socket)).await;
    Ok(Box::new(secured.map_err(|error| Unreachable::new(Reason::TlsFailed, &error))?))
}

fn failure(error: &std::io::Error) -> Unreachable {
    let reason = match error.kind() {
        // For an operator, a missing socket file means the same as one on which nothing listens.
        std::io::ErrorKind::ConnectionRefused | std::io::ErrorKind::NotFound => Reason::ConnectRefused,
        std::io::ErrorKind::TimedOut => Reason::ConnectTimeout,
        _ => Reason::ConnectFailed,
    };
    Unreachable::new(reason, error)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::net::IpAddr;
    use std::time::Instant;

    use tokio::net::{TcpListener, UnixSocket};

    use super::*;
    use crate::config::Upstream;
    use crate::state::endpoint::{LiveUpstream, Upstreams};
    use crate::upstream::resolver::keep_resolving;

    fn upstream(target: Target) -> Arc<LiveUpstream> {
        let spec = Upstream { targets: vec![target], ca: None, server_name: None, health: None };
        Upstreams::default().of(&spec, None)
    }

    fn named(port: u16) -> Arc<LiveUpstream> {
        upstream(Target::Http { host: "app.example".to_owned(), port })
    }

    #[tokio::test]
    async fn the_addresses_of_a_name_are_tried_in_order_until_one_accepts() {
        let listener = TcpListener::bind("127.0.0.3:0").await.unwrap();
        let here = listener.local_addr().unwrap();
        let at = |ip: &str| SocketAddr::new(ip.parse().unwrap(), here.port());
        let upstream = named(here.port());
        let endpoint = &upstream.endpoints[0];
        let known = Addresses::answered([at("127.0.0.1"), at("::1"), at("127.0.0.3")]);
        assert!(connect(endpoint, &known).await.is_ok());
        let (_, from) = listener.accept().await.unwrap();
        assert!(from.ip().is_loopback());
        let elsewhere = Addresses::answered([at("127.0.0.1"), at("127.0.0.4")]);
        let why = connect(endpoint, &elsewhere).await.unwrap_err();
        assert_eq!(why.reason, Reason::ConnectRefused);
        assert!(why.error.starts_with(&format!("127.0.0.4:{}: ", here.port())), "{}", why.error);
    }

    #[tokio::test]
    async fn an_application_that_moved_is_found_again_at_once() {
        let listener = TcpListener::bind("127.0.0.4:0").await.unwrap();
        let here = listener.local_addr().unwrap();
        let upstream = named(here.port());
        let endpoint = &upstream.endpoints[0];
        let (addresses, name) = Addresses::of(&endpoint.target);
        let name = name.unwrap();
        let asked = Cell::new(0);
        let ask = || {
            asked.set(asked.get() + 1);
            // It was elsewhere when the name was resolved first.
            let ip = if asked.get() == 1 { IpAddr::from([127, 0, 0, 3]) } else { here.ip() };
            std::future::ready(Ok(vec![SocketAddr::new(ip, here.port())]))
        };
        let requests = async {
            let began = Instant::now();
            assert_eq!(connect(endpoint, &addresses).await.unwrap_err().reason, Reason::ConnectRefused);
            while connect(endpoint, &addresses).await.is_err() {
                assert!(began.elapsed() < Duration::from_secs(10), "it waits for the refresh");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::select! {
            () = requests => {}
            () = keep_resolving(&addresses, &name, ask) => unreachable!(),
        }
        assert_eq!(asked.get(), 2);
    }

    #[tokio::test]
    async fn a_unix_socket_whose_queue_is_full_is_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("app.sock");
        let socket = UnixSocket::new_stream().unwrap();
        socket.bind(&path).unwrap();
        let listener = socket.listen(1).unwrap();
        let mut queued = Vec::new();
        let full = loop {
            match UnixStream::connect(&path).await {
                Ok(one) => queued.push(one),
                Err(full) => break full.kind(),
            }
        };
        assert_eq!((full, queued.len()), (std::io::ErrorKind::WouldBlock, 2));
        let upstream = upstream(Target::Unix(path));
        let endpoint = &upstream.endpoints[0];
        let (addresses, _) = Addresses::of(&endpoint.target);
        let late = async {
            sleep(2 * QUEUE_PAUSE).await;
            listener.accept().await.unwrap()
        };
        let (connected, _accepted) = tokio::join!(connect(endpoint, &addresses), late);
        assert!(connected.is_ok());
        // Nobody takes any more.
        let why = connect(endpoint, &addresses).await.unwrap_err();
        assert_eq!((why.reason, &*why.error), (Reason::ConnectTimeout, "no connection within 1.5s"));
    }

    #[tokio::test]
    async fn a_socket_file_that_is_not_there_refuses() {
        let dir = tempfile::tempdir().unwrap();
        let upstream = upstream(Target::Unix(dir.path().join("app.sock")));
        let endpoint = &upstream.endpoints[0];
        let (addresses, _) = Addresses::of(&endpoint.target);
        assert_eq!(connect(endpoint, &addresses).await.unwrap_err().reason, Reason::ConnectRefused);
    }
}
