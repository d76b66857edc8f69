//! The sockets of the process: bound here, or taken over from the service manager.
//!
//! All are bound before anything runs. Invariant: a socket that the service manager passed is used or reported; it is
//! never closed without a word.

use std::fs::Permissions;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use crate::admin::AdminListener;
use crate::config::{AdminAddress, Config};
use crate::gate::accept::handshake::ListenerOptions;
use crate::gate::accept::listener_close::Owner;
use crate::server::activation::Inherited;
use crate::server::failure::{BAD_CONFIG, Failure};
use crate::server::services::Bound;
use crate::server::unbound::cannot_bind;

/// Connections that the kernel queues until they are accepted.
const BACKLOG: i32 = 4096;
/// The mode of the admin interface's socket: its owner and its group may connect.
const SOCKET_MODE: u32 = 0o660;

/// A listener of the admin interface, and its address as the log shows it.
pub(super) type AdminSide = (AdminListener, String);

/// The sockets that a configuration asks for.
pub(super) struct Sockets {
    /// One for each entry of `listen`.
    pub listeners: Vec<Bound>,
    /// The admin interface.
    pub admin: Option<AdminSide>,
    /// The probes and metrics.
    pub metrics: Option<AdminSide>,
}

impl Sockets {
    /// Binds them.
    ///
    /// # Errors
    /// An address cannot be bound (1), or the service manager passed a socket that the configuration does not
    /// name (78).
    pub(super) fn bind(config: &Config, mut inherited: Inherited) -> Result<Self, Failure> {
        let passed = inherited.len();
        let listeners = bind_all(config, &mut inherited)?;
        let admin = config.admin.as_ref();
        let admin = admin.map(|admin| bind_admin(config, &admin.address, &mut inherited)).transpose()?;
        let metrics =
            config.metrics.map(|address| bind_metrics(config, address, &mut inherited)).transpose()?;
        if inherited.len() > 0 {
            return Err(Failure { code: BAD_CONFIG, lines: inherited.unused() });
        }
        if passed > 0 {
            tracing::info!(sockets = passed, "listening on sockets of the service manager");
        }
        Ok(Self { listeners, admin, metrics })
    }
}

fn bind_all(config: &Config, inherited: &mut Inherited) -> Result<Vec<Bound>, Failure> {
    let mut bound = Vec::new();
    let mut problems = Vec::new();
    for (place, listener) in config.listen.iter().enumerate() {
        let passed = inherited.listener(listener.address).map(|socket| (socket, Owner::Manager));
        match passed.map_or_else(|| bind(config, listener.address).map(|socket| (socket, Owner::Gate)), Ok) {
            Ok((socket, owner)) => {
                let (proxy_protocol, http2) = (listener.proxy_protocol, listener.http2);
                bound.push(Bound { socket, owner, door: ListenerOptions { place, proxy_protocol, http2 } });
            }
            Err(error) => {
                problems.push(format!("listen[{place}].address: {}", cannot_bind(listener.address, &error)));
            }
        }
    }
    if problems.is_empty() { Ok(bound) } else { Err(Failure { code: 1, lines: problems }) }
}

/// Binds one of the config's addresses.
fn bind(config: &Config, address: SocketAddr) -> std::io::Result<TcpListener> {
    use socket2::{Domain, Protocol, Socket, Type};
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // Without this, a restart fails while connections of the last process are in TIME_WAIT.
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        // `[::]` accepts IPv4 too, whatever the system's default is; mapped addresses are folded when they
        // are judged. Beside `0.0.0.0` it cannot: the port would be taken.
        socket.set_only_v6(leaves_v4(config, address))?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Whether IPv4 is served at this port by another socket of the config.
fn leaves_v4(config: &Config, address: SocketAddr) -> bool {
    let admin = config.admin.as_ref().and_then(|admin| match &admin.address {
        AdminAddress::Tcp(address) => Some(*address),
        AdminAddress::Unix(_) => None,
    });
    let mut all = config.listen.iter().map(|listener| listener.address).chain(admin).chain(config.metrics);
    // Each socket with port 0 has a port of its own.
    address.ip() == Ipv6Addr::UNSPECIFIED
        && address.port() != 0
        && all
            .any(|other| other.ip().to_canonical() == Ipv4Addr::UNSPECIFIED && other.port() == address.port())
}

fn bind_admin(
    config: &Config,
    address: &AdminAddress,
    inherited: &mut Inherited,
) -> Result<AdminSide, Failure> {
    match address {
        AdminAddress::Tcp(address) => {
            let socket = inherited.admin_tcp(*address).map_or_else(|| bind(config, *address), Ok);
            let bound = socket.and_then(|socket| Ok((socket.local_addr()?.to_string(), socket)));
            let (shown, socket) = bound.map_err(|error| {
                Failure::run_time(format!("admin.address: {}", cannot_bind(*address, &error)))
            })?;
            Ok((AdminListener::Tcp(socket), shown))
        }
        AdminAddress::Unix(path) => {
            let shown = format!("unix:{}", path.display());
            if let Some(socket) = inherited.admin_unix(path) {
                return Ok((AdminListener::Unix(socket), shown));
            }
            clear_stale(path);
            let socket = bind_unix(path)
                .map_err(|error| Failure::run_time(format!("admin.address: cannot bind {shown}: {error}")))?;
            Ok((AdminListener::Unix(socket), shown))
        }
    }
}

/// Makes a UNIX socket that its owner and its group may connect to, whatever the umask is. The mode is set
/// before it listens: until then nobody can connect.
fn bind_unix(path: &Path) -> std::io::Result<UnixListener> {
    use socket2::{Domain, SockAddr, Socket, Type};
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.bind(&SockAddr::unix(path)?)?;
    std::fs::set_permissions(path, Permissions::from_mode(SOCKET_MODE))?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn bind_metrics(
    config: &Config,
    address: SocketAddr,
    inherited: &mut Inherited,
) -> Result<AdminSide, Failure> {
    let socket = inherited.metrics(address).map_or_else(|| bind(config, address), Ok);
    let bound = socket.and_then(|socket| Ok((socket.local_addr()?.to_string(), socket)));
    let (shown, socket) = bound
        .map_err(|error| Failure::run_time(format!("metrics.address: {}", cannot_bind(address, &error))))?;
    Ok((AdminListener::Tcp(socket), shown))
}

/// Removes a socket file that a killed process left; a socket that accepts a connection stays.
fn clear_stale(path: &Path) {
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|meta| meta.file_type().is_socket());
    if is_socket && UnixStream::connect(path).is_err() {
        // If it cannot be removed, binding fails and reports it.
        let _ = std::fs::remove_file(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Overrides, parse};
    use std::net::TcpStream;

    const ALL: [&str; 2] = ["0.0.0.0", "[::]"];

    fn bound(keys: &str, port: u16) -> Result<Sockets, Failure> {
        let text = format!(
            "upstream: \"http://127.0.0.1:1\"\nroutes: [{{ path: /a, webhook: generic, allow: [a] }}]\nadmin: off\n{keys}\n"
        );
        let text = text.replace("PORT", &port.to_string());
        let parsed = parse(Some(&text), &Overrides::default(), Path::new(".")).unwrap();
        Sockets::bind(&parsed.config, Inherited::default())
    }

    /// Binds where somebody else may take the port between two looks at it.
    fn bound_somewhere(keys: &str) -> (Sockets, u16) {
        for _ in 0..20 {
            let port = TcpListener::bind("[::]:0").unwrap().local_addr().unwrap().port();
            match bound(keys, port) {
                Ok(sockets) => return (sockets, port),
                Err(failure) if failure.lines.iter().all(|line| line.contains("in use")) => {}
                Err(failure) => panic!("{:?}", failure.lines),
            }
        }
        panic!("{keys}: twenty ports were taken");
    }

    #[test]
    fn both_wildcards_on_one_port_are_both_served() {
        for [first, second] in [ALL, [ALL[1], ALL[0]]] {
            let (sockets, port) = bound_somewhere(&format!("listen: [\"{first}:PORT\", \"{second}:PORT\"]"));
            for (place, all) in [first, second].iter().enumerate() {
                let own = if *all == ALL[0] { format!("127.0.0.1:{port}") } else { format!("[::1]:{port}") };
                let sender = TcpStream::connect(own).unwrap();
                let peer = loop {
                    match sockets.listeners[place].socket.accept() {
                        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                            std::thread::yield_now();
                        }
                        accepted => break accepted.unwrap().1,
                    }
                };
                assert_eq!(peer, sender.local_addr().unwrap(), "the socket of its own family");
            }
        }
    }

    #[test]
    fn a_wildcard_of_ipv6_alone_takes_ipv4_too_and_beside_the_metrics_it_does_not() {
        let (sockets, port) = bound_somewhere("listen: [\"[::]:PORT\"]");
        assert_eq!(sockets.listeners.len(), 1);
        TcpStream::connect(("127.0.0.1", port)).unwrap();
        let (sockets, _) = bound_somewhere("listen: [\"[::]:PORT\"]\nmetrics: \"0.0.0.0:PORT\"");
        assert!(sockets.metrics.is_some());
    }
}
