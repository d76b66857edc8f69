//! The composition root: makes a running process from a configuration, and ends it.
//!
//! Load, bind, start, serve, drain: every part is made here once and passed down. Sockets are bound before
//! anything runs, so that a port that is in use gives one clear line and not a half-started process.

mod activation;
mod descriptors;
pub(crate) mod failure;
mod notify;
mod services;
mod signals;
mod watchdog;

use std::fs::Permissions;
use std::net::TcpListener;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use pingora::server::configuration::ServerConf;
use pingora::server::{RunArgs, Server};
use tokio::sync::watch;

use self::activation::Inherited;
pub(crate) use self::failure::{BAD_CONFIG, Failure};
use self::notify::Notifier;
use self::services::{AdminService, Bound, GateService, Sides};
use self::watchdog::Watchdog;
use crate::admin::{AdminContext, AdminListener, Scope};
use crate::config::{
    AccessLog as AccessConfig, AdminAddress, Config, LogFormat, LogLevel, Mode, Overrides, Problem,
};
use crate::files::settle::Pace;
use crate::gate::Gate;
use crate::gate::accept::handshake::ListenerOptions;
use crate::gate::accept::listener_close::Owner;
use crate::gate::accept::turns::workers;
use crate::gate::request::log::access_log::AccessLog;
use crate::load::loader::{Loaded, Loader};
use crate::load::reload::Reloader;
use crate::state::report::{Cause, Report};
use crate::state::snapshot::Snapshot;
use crate::state::stats::gauges::Gauges;
use crate::state::stats::history::History;
use crate::state::store::Store;
use crate::telemetry::events::{self, Form};
use crate::telemetry::{Destination, LineSink};

/// Connections that the kernel queues until they are accepted.
const BACKLOG: i32 = 4096;
/// The mode of the admin interface's socket: its owner and its group may connect.
const SOCKET_MODE: u32 = 0o660;
/// How long a reload, or the end of the process, waits for the logs to be written.
const FLUSH_WITHIN: Duration = Duration::from_secs(1);
/// Serves until a signal ends it.
///
/// # Errors
/// The configuration or the lists cannot be used (78), or a system call failed (1).
pub(crate) fn serve(config_path: Option<PathBuf>, overrides: Overrides) -> Result<(), Failure> {
    let started = Instant::now();
    let mut inherited = Inherited::take()?;
    let mut loader = Loader::new(config_path, overrides);
    let Loaded { snapshot, problems, warnings, .. } = loader.begin();
    let Some(snapshot) = snapshot else {
        return Err(Failure { code: BAD_CONFIG, lines: problems.iter().map(ToString::to_string).collect() });
    };
    let config = snapshot.config.clone();
    let logs = Logs::open(&config)?;
    let notifier = Notifier::from_env();
    let passed = inherited.len();
    let listeners = bind_all(&config, &mut inherited)?;
    let admin = config.admin.as_ref().map(|admin| bind_admin(&admin.address, &mut inherited)).transpose()?;
    let metrics = config.metrics.map(|address| bind_metrics(address, &mut inherited)).transpose()?;
    if inherited.len() > 0 {
        return Err(Failure { code: BAD_CONFIG, lines: inherited.unused() });
    }
    if passed > 0 {
        tracing::info!(sockets = passed, "listening on sockets of the service manager");
    }
    announce(&snapshot, &problems, &warnings);

    let store = Arc::new(Store::new(snapshot));
    let gauges = Arc::new(Gauges::default());
    let notify = (notifier.clone(), Arc::clone(&store));
    let on_report = move |report: &Arc<Report>| notify.0.reloaded(&notify.1.load(), report);
    let also_reload = reopen_access_log(logs.access.clone(), Arc::clone(&gauges));
    let reloader = Reloader::start(loader, Arc::clone(&store), Pace::default(), also_reload, on_report)
        .map_err(|error| Failure::run_time(format!("cannot start the reload thread: {error}")))?;
    let room = descriptors::room(&config.limits);
    let gate = Arc::new(Gate::new(Arc::clone(&store), Arc::clone(&gauges), logs.access.clone(), room));
    let (stop_accepting, accepting) = watch::channel(false);
    let signals = signals::listen(signals::Reaction {
        gate: Arc::clone(&gate),
        reloader: reloader.clone(),
        stop_accepting,
        notifier: notifier.clone(),
    })
    .map_err(|error| Failure::run_time(format!("cannot listen for signals: {error}")))?;

    let mut server = Server::new_with_opt_and_conf(None, runtime_of(&config));
    let shown = |side: &Option<(AdminListener, String)>| {
        side.as_ref().map_or_else(|| "off".to_owned(), |(_, address)| address.clone())
    };
    let history = Arc::new(History::new(tokio::time::Instant::now()));
    let sides = Sides { admin: shown(&admin), metrics: shown(&metrics) };
    for (name, scope, side) in [("admin", Scope::Whole, admin), ("metrics", Scope::Probes, metrics)] {
        let Some((listener, _)) = side else { continue };
        let context = AdminContext {
            scope,
            store: Arc::clone(&store),
            reloader: reloader.clone(),
            gauges: Arc::clone(&gauges),
            history: Arc::clone(&history),
            denials: Arc::clone(&gate.events.denials),
            started,
        };
        server.add_service(AdminService::new(name, listener, Arc::new(context)));
    }
    let watchdog = Watchdog { notifier, reloader: reloader.clone(), gauges };
    server.add_service(GateService::new(gate, listeners, accepting, sides, watchdog));
    server.run(RunArgs { shutdown_signal: Box::new(signals) });
    reloader.stop();
    logs.access.sum_up(true);
    logs.flush();
    Ok(())
}

fn runtime_of(config: &Config) -> ServerConf {
    let threads = workers(config);
    // With one thread there is no work to steal, and a scheduler without work stealing costs less per
    // request.
    ServerConf { threads, work_stealing: threads > 1, ..ServerConf::default() }
}

/// What a reload also does: it opens the access log's file again at a manual reload, and at every reload
/// while that has failed. A failure is a problem of the reload.
fn reopen_access_log(access: AccessLog, gauges: Arc<Gauges>) -> impl Fn(Cause) -> Vec<Problem> {
    move |cause| {
        if cause != Cause::Changed || access.trouble().is_some() {
            access.reopen(FLUSH_WITHIN);
        }
        let trouble = access.trouble();
        gauges.log_reopen_failed.store(trouble.is_some().into(), Relaxed);
        trouble.map(|why| Problem::new("log.access", why)).into_iter().collect()
    }
}

/// The two logs of the process.
struct Logs {
    events: LineSink,
    access_lines: LineSink,
    access: AccessLog,
}

impl Logs {
    fn open(config: &Config) -> Result<Self, Failure> {
        let form = match config.log.format {
            LogFormat::Json => Form::Json,
            LogFormat::Text => Form::Text,
        };
        let level = match config.log.level {
            LogLevel::Error => tracing::Level::ERROR,
            LogLevel::Warn => tracing::Level::WARN,
            LogLevel::Info => tracing::Level::INFO,
            LogLevel::Debug => tracing::Level::DEBUG,
        };
        let cannot =
            |what: &str, error: &dyn std::fmt::Display| Failure::run_time(format!("{what}: {error}"));
        let events = LineSink::open(Destination::Stderr).map_err(|e| cannot("cannot log", &e))?;
        events::install(events.clone(), form, level).map_err(|e| cannot("cannot log", &e))?;
        std::panic::set_hook(Box::new(
            |panic| tracing::error!(%panic, "panic: a defect of nexmo-gate, please report it"),
        ));
        let destination = match &config.log.access {
            AccessConfig::Stderr => Destination::Stderr,
            AccessConfig::Stdout => Destination::Stdout,
            AccessConfig::Off => Destination::Off,
            AccessConfig::File(path) => Destination::of(path),
        };
        let access_lines = match destination {
            // One writer for both, so that lines stay whole.
            Destination::Stderr => events.clone(),
            Destination::File(path) => LineSink::open(Destination::File(path.clone()))
                .map_err(|e| cannot(&format!("log.access: {}", path.display()), &e))?,
            other => LineSink::open(other).map_err(|e| cannot("log.access", &e))?,
        };
        let access = AccessLog::new(access_lines.clone(), form);
        Ok(Self { events, access_lines, access })
    }

    fn flush(&self) {
        let until = Instant::now() + FLUSH_WITHIN;
        self.access_lines.flush(until);
        self.events.flush(until);
    }
}

/// Logs what the operator must see at the start.
fn announce(snapshot: &Snapshot, problems: &[Problem], warnings: &[Problem]) {
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    for problem in problems {
        tracing::error!("a stored copy is in use instead: {problem}");
    }
    if snapshot.config.mode == Mode::Observe {
        tracing::warn!("mode is observe: NOTHING IS DENIED, every request is forwarded and only logged");
    }
}

fn bind_all(config: &Config, inherited: &mut Inherited) -> Result<Vec<Bound>, Failure> {
    let mut bound = Vec::new();
    let mut problems = Vec::new();
    for (place, listener) in config.listen.iter().enumerate() {
        let passed = inherited.listener(listener.address).map(|socket| (socket, Owner::Manager));
        match passed.map_or_else(|| bind(listener.address).map(|socket| (socket, Owner::Gate)), Ok) {
            Ok((socket, owner)) => {
                let (proxy_protocol, http2) = (listener.proxy_protocol, listener.http2);
                bound.push(Bound { socket, owner, door: ListenerOptions { place, proxy_protocol, http2 } });
            }
            Err(error) => {
                problems.push(format!("listen[{place}].address: cannot bind {}: {error}", listener.address));
            }
        }
    }
    if problems.is_empty() { Ok(bound) } else { Err(Failure { code: 1, lines: problems }) }
}

fn bind(address: std::net::SocketAddr) -> std::io::Result<TcpListener> {
    use socket2::{Domain, Protocol, Socket, Type};
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // Without this, a restart fails while connections of the last process are in TIME_WAIT.
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        // `[::]` accepts IPv4 too, whatever the system's default is; mapped addresses are folded when they
        // are judged.
        socket.set_only_v6(false)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn bind_admin(address: &AdminAddress, inherited: &mut Inherited) -> Result<(AdminListener, String), Failure> {
    let cannot = |what: &str, error: std::io::Error| {
        Failure::run_time(format!("admin.address: cannot bind {what}: {error}"))
    };
    match address {
        AdminAddress::Tcp(address) => {
            let socket = inherited.admin_tcp(*address).map_or_else(|| bind(*address), Ok);
            let socket = socket.map_err(|error| cannot(&address.to_string(), error))?;
            let bound = socket.local_addr().map_err(|error| cannot(&address.to_string(), error))?;
            Ok((AdminListener::Tcp(socket), bound.to_string()))
        }
        AdminAddress::Unix(path) => {
            let shown = format!("unix:{}", path.display());
            if let Some(socket) = inherited.admin_unix(path) {
                return Ok((AdminListener::Unix(socket), shown));
            }
            clear_stale(path);
            let socket = bind_unix(path).map_err(|error| cannot(&shown, error))?;
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
    address: std::net::SocketAddr,
    inherited: &mut Inherited,
) -> Result<(AdminListener, String), Failure> {
    let socket = inherited.metrics(address).map_or_else(|| bind(address), Ok);
    let bound = socket.and_then(|socket| Ok((socket.local_addr()?.to_string(), socket)));
    let (shown, socket) = bound
        .map_err(|error| Failure::run_time(format!("metrics.address: cannot bind {address}: {error}")))?;
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
