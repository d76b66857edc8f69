//! Sockets that were opened before this process started (`sd_listen_fds(3)`): a service manager keeps them
//! over a restart, so that no sender is refused.
//!
//! The name of a socket says what it is for: `admin` is the admin interface, `metrics` its read-only part,
//! and every other name (also the default name, that of the socket unit) is a listener. Invariant: only the
//! configuration decides on addresses. A socket is used for the key that has its address; a socket whose
//! address no key has stops the start, because the gate would serve at an address that its file does not
//! name.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use listenfd::ListenFd;
use socket2::SockRef;

use crate::server::failure::{BAD_CONFIG, Failure};

/// The name of the admin interface's socket (`FileDescriptorName=`).
const ADMIN: &str = "admin";
/// The name of the metrics' socket.
const METRICS: &str = "metrics";

/// The purpose of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Listen,
    Admin,
    Metrics,
}

/// The sockets that are not used yet.
#[derive(Debug, Default)]
pub(super) struct Inherited {
    sockets: Vec<Named>,
}

#[derive(Debug)]
struct Named {
    name: String,
    socket: Socket,
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpListener, SocketAddr),
    Unix(UnixListener, PathBuf),
}

impl Inherited {
    /// Takes the sockets that the environment names. Must be called once, before there are threads: it
    /// removes the variables, so that a child process does not take the sockets for its own.
    ///
    /// # Errors
    /// A socket was passed that cannot accept connections.
    pub(super) fn take() -> Result<Self, Failure> {
        let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
        let mut passed = ListenFd::from_env();
        let mut sockets = Vec::new();
        let mut problems = Vec::new();
        for (place, name) in (0..passed.len()).zip(names.split(':').chain(std::iter::repeat(""))) {
            match Socket::take(&mut passed, place) {
                Ok(socket) => sockets.push(Named { name: name.to_owned(), socket }),
                Err(error) => {
                    problems.push(format!("the socket {name:?} that was passed (LISTEN_FDS): {error}"));
                }
            }
        }
        if problems.is_empty() {
            Ok(Self { sockets })
        } else {
            Err(Failure { code: BAD_CONFIG, lines: problems })
        }
    }

    /// The number of sockets that are not used yet.
    pub(super) fn len(&self) -> usize {
        self.sockets.len()
    }

    /// The listener on this address.
    pub(super) fn listener(&mut self, wanted: SocketAddr) -> Option<TcpListener> {
        self.tcp(Role::Listen, wanted)
    }

    /// The admin interface's socket on this address.
    pub(super) fn admin_tcp(&mut self, wanted: SocketAddr) -> Option<TcpListener> {
        self.tcp(Role::Admin, wanted)
    }

    /// The metrics' socket on this address.
    pub(super) fn metrics(&mut self, wanted: SocketAddr) -> Option<TcpListener> {
        self.tcp(Role::Metrics, wanted)
    }

    /// The admin interface's socket on this path.
    pub(super) fn admin_unix(&mut self, wanted: &Path) -> Option<UnixListener> {
        let fits = |named: &Named| matches!(&named.socket, Socket::Unix(_, path) if named.role() == Role::Admin && path == wanted);
        match self.remove(fits)? {
            Socket::Unix(socket, _) => Some(socket),
            Socket::Tcp(..) => None,
        }
    }

    fn tcp(&mut self, role: Role, wanted: SocketAddr) -> Option<TcpListener> {
        let fits = |named: &Named| matches!(&named.socket, Socket::Tcp(_, address) if named.role() == role && *address == wanted);
        match self.remove(fits)? {
            Socket::Tcp(socket, _) => Some(socket),
            Socket::Unix(..) => None,
        }
    }

    fn remove(&mut self, fits: impl Fn(&Named) -> bool) -> Option<Socket> {
        let place = self.sockets.iter().position(fits)?;
        Some(self.sockets.swap_remove(place).socket)
    }

    /// One problem for each socket whose address the configuration does not have.
    pub(super) fn unused(&self) -> Vec<String> {
        self.sockets
            .iter()
            .map(|named| {
                let Named { name, socket } = named;
                let key = match named.role() {
                    Role::Listen => "a listen[].address",
                    Role::Admin => "admin.address",
                    Role::Metrics => "metrics.address",
                };
                let at = match socket {
                    Socket::Tcp(_, address) => address.to_string(),
                    Socket::Unix(_, path) => format!("unix:{}", path.display()),
                };
                format!(
                    "the socket {name:?} that was passed (LISTEN_FDS) is bound to {at}, which is not {key} of \
                     the configuration: change ListenStream= of the socket unit, or the configuration"
                )
            })
            .collect()
    }
}

impl Named {
    fn role(&self) -> Role {
        match self.name.as_str() {
            ADMIN => Role::Admin,
            METRICS => Role::Metrics,
            _ => Role::Listen,
        }
    }
}

/// Why no connection can be accepted on a socket that was passed.
#[derive(Debug, thiserror::Error)]
enum SocketError {
    /// It is of another kind.
    #[error("is neither a TCP nor a UNIX stream socket")]
    Kind,
    /// It is one connection.
    #[error("does not listen (the socket unit must not say Accept=yes)")]
    Connected,
    /// The system says no.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Socket {
    fn take(passed: &mut ListenFd, place: usize) -> Result<Self, SocketError> {
        // For a socket of another kind the call fails, and the socket stays in place.
        if let Ok(Some(socket)) = passed.take_tcp_listener(place) {
            accepts(&SockRef::from(&socket))?;
            socket.set_nonblocking(true)?;
            let address = socket.local_addr()?;
            return Ok(Self::Tcp(socket, address));
        }
        let Ok(Some(socket)) = passed.take_unix_listener(place) else {
            return Err(SocketError::Kind);
        };
        accepts(&SockRef::from(&socket))?;
        let address = socket.local_addr()?;
        Ok(Self::Unix(socket, address.as_pathname().map(Path::to_owned).unwrap_or_default()))
    }
}

fn accepts(socket: &SockRef<'_>) -> Result<(), SocketError> {
    if socket.is_listener()? { Ok(()) } else { Err(SocketError::Connected) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(name: &str) -> (Named, SocketAddr) {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        (Named { name: name.to_owned(), socket: Socket::Tcp(socket, address) }, address)
    }

    #[test]
    fn a_socket_is_used_once_and_only_where_its_name_and_address_stand() {
        let ((gate, at), (admin, admin_at)) = (tcp("nexmo-gate.socket"), tcp("admin"));
        let mut inherited = Inherited { sockets: vec![gate, admin] };
        assert!(inherited.admin_tcp(at).is_none());
        assert!(inherited.listener(admin_at).is_none());
        assert!(inherited.listener(at).is_some());
        assert!(inherited.listener(at).is_none());
        assert!(inherited.admin_tcp(admin_at).is_some());
        assert_eq!(inherited.len(), 0);
        assert!(inherited.unused().is_empty());
    }

    #[test]
    fn a_unix_socket_is_the_admin_interface_by_its_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("admin.sock");
        let socket = Socket::Unix(UnixListener::bind(&path).unwrap(), path.clone());
        let mut inherited = Inherited { sockets: vec![Named { name: ADMIN.to_owned(), socket }] };
        assert!(inherited.admin_unix(&folder.path().join("other.sock")).is_none());
        assert!(inherited.admin_unix(&path).is_some());
    }

    #[test]
    fn a_socket_without_a_place_says_what_to_change() {
        let (named, at) = tcp("web");
        let inherited = Inherited { sockets: vec![named] };
        assert_eq!(
            inherited.unused(),
            [format!(
                "the socket \"web\" that was passed (LISTEN_FDS) is bound to {at}, which is not a listen[].address of \
                 the configuration: change ListenStream= of the socket unit, or the configuration"
            )]
        );
    }

    #[test]
    fn a_socket_that_does_not_listen_is_refused() {
        let (named, at) = tcp("web");
        let connected = std::net::TcpStream::connect(at).unwrap();
        assert!(accepts(&SockRef::from(&connected)).is_err());
        let Socket::Tcp(socket, _) = &named.socket else { panic!() };
        assert!(accepts(&SockRef::from(socket)).is_ok());
    }
}
