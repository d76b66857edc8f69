//! The composition root: makes a running process from a configuration, and ends it.
//!
//! Load, bind, start, serve, drain: every part is made here once and passed down. Sockets are bound before
//! anything runs, so that a port that is in use gives one clear line and not a half-started process.
//!
//! | file | noun |
//! | --- | --- |
//! | [`activation`] | sockets that the service manager passed |
//! | [`bind`](mod@bind) | the sockets of the process |
//! | [`logs`] | the event log and the access log |
//! | [`services`] | what pingora's server runs: the gate and the admin interface |
//! | [`signals`] | what a signal does |
//! | [`notify`] | what the service manager is sent |
//! | [`watchdog`] | whether the process still works |
//! | [`descriptors`] | how many files may be open |
//! | [`unbound`] | why an address cannot be listened on |
//! | [`failure`] | why the process ends, and its exit code |

mod activation;
mod bind;
mod descriptors;
pub(crate) mod failure;
mod logs;
mod notify;
mod services;
mod signals;
mod unbound;
mod watchdog;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use pingora::server::configuration::ServerConf;
use pingora::server::{RunArgs, Server};
use tokio::sync::watch;

use self::activation::Inherited;
use self::bind::{AdminSide, Sockets};
pub(crate) use self::failure::{BAD_CONFIG, Failure};
use self::logs::{Logs, reopen_access_log};
use self::notify::Notifier;
use self::services::{AdminService, GateService, Sides};
use self::watchdog::Watchdog;
use crate::admin::{AdminContext, Scope};
use crate::config::{Config, Listener, Overrides, Problem};
use crate::files::settle::Pace;
use crate::gate::Gate;
use crate::gate::accept::turns::workers;
use crate::load::loader::{Loaded, Loader};
use crate::load::reload::Reloader;
use crate::state::report::Report;
use crate::state::snapshot::Snapshot;
use crate::state::stats::gauges::Gauges;
use crate::state::stats::history::History;
use crate::state::store::Store;

/// Serves until a signal ends it.
///
/// # Errors
/// The configuration or the lists cannot be used (78), or a system call failed (1).
pub(crate) fn serve(config_path: Option<PathBuf>, overrides: Overrides) -> Result<(), Failure> {
    let started = Instant::now();
    let inherited = Inherited::take()?;
    let mut loader = Loader::new(config_path, overrides);
    let Loaded { snapshot, problems, warnings, .. } = loader.begin();
    let Some(snapshot) = snapshot else {
        return Err(Failure { code: BAD_CONFIG, lines: problems.iter().map(ToString::to_string).collect() });
    };
    let logs = Logs::open(&snapshot.config)?;
    let sockets = Sockets::bind(&snapshot.config, inherited)?;
    announce(&snapshot, &problems, &warnings);
    let process = Process::start(loader, snapshot, logs, started)?;
    process.run(sockets)
}

/// Everything that is made once and passed down.
struct Process {
    started: Instant,
    store: Arc<Store>,
    gauges: Arc<Gauges>,
    reloader: Reloader,
    gate: Arc<Gate>,
    notifier: Notifier,
    logs: Logs,
}

impl Process {
    /// Starts the thread that reloads.
    fn start(loader: Loader, snapshot: Snapshot, logs: Logs, started: Instant) -> Result<Self, Failure> {
        let notifier = Notifier::from_env();
        let room = descriptors::room(&snapshot.config.limits);
        let store = Arc::new(Store::new(snapshot));
        let gauges = Arc::new(Gauges::default());
        let (reporter, current) = (notifier.clone(), Arc::clone(&store));
        let on_report = move |report: &Arc<Report>| reporter.reloaded(&current.load(), report);
        let also_reload = reopen_access_log(logs.access.clone(), Arc::clone(&gauges));
        let reloader =
            Reloader::start(loader, Arc::clone(&store), Pace::default(), also_reload, on_report)
                .map_err(|error| Failure::run_time(format!("cannot start the reload thread: {error}")))?;
        let gate = Arc::new(Gate::new(Arc::clone(&store), Arc::clone(&gauges), logs.access.clone(), room));
        Ok(Self { started, store, gauges, reloader, gate, notifier, logs })
    }

    /// Serves on these sockets until a signal ends it, and flushes the logs.
    fn run(self, sockets: Sockets) -> Result<(), Failure> {
        let (stop_accepting, accepting) = watch::channel(false);
        let signals = signals::listen(signals::Reaction {
            gate: Arc::clone(&self.gate),
            reloader: self.reloader.clone(),
            stop_accepting,
            notifier: self.notifier.clone(),
        })
        .map_err(|error| Failure::run_time(format!("cannot listen for signals: {error}")))?;
        let mut server = Server::new_with_opt_and_conf(None, runtime_of(&self.store.load().config));
        let Sockets { listeners, admin, metrics } = sockets;
        let shown = |side: &Option<AdminSide>| {
            side.as_ref().map_or_else(|| "off".to_owned(), |(_, address)| address.clone())
        };
        let sides = Sides { admin: shown(&admin), metrics: shown(&metrics) };
        let history = Arc::new(History::new(tokio::time::Instant::now()));
        for (name, scope, side) in [("admin", Scope::Whole, admin), ("metrics", Scope::Probes, metrics)] {
            if let Some((listener, _)) = side {
                let context = Arc::new(self.admin_context(scope, &history));
                server.add_service(AdminService::new(name, listener, context));
            }
        }
        let Self { gauges, reloader, gate, notifier, logs, .. } = self;
        let watchdog = Watchdog { notifier, reloader: reloader.clone(), gauges };
        let kept = Arc::clone(&gate);
        server.add_service(GateService::new(gate, listeners, accepting, sides, watchdog));
        server.run(RunArgs { shutdown_signal: Box::new(signals) });
        reloader.stop();
        kept.keep_at_end();
        logs.end();
        Ok(())
    }

    fn admin_context(&self, scope: Scope, history: &Arc<History>) -> AdminContext {
        AdminContext {
            scope,
            store: Arc::clone(&self.store),
            reloader: self.reloader.clone(),
            gauges: Arc::clone(&self.gauges),
            history: Arc::clone(history),
            denials: Arc::clone(&self.gate.events.denials),
            strangers: Arc::clone(&self.gate.strangers),
            doctor: Arc::clone(&self.gate.doctor),
            capture: Arc::clone(&self.gate.events.capture),
            started: self.started,
        }
    }
}

fn runtime_of(config: &Config) -> ServerConf {
    let threads = workers(config);
    // With one thread there is no work to steal, and a scheduler without work stealing costs less per
    // request.
    ServerConf { threads, work_stealing: threads > 1, ..ServerConf::default() }
}

/// Logs what the operator must see at the start.
fn announce(snapshot: &Snapshot, problems: &[Problem], warnings: &[Problem]) {
    for origin in snapshot.config.listen.iter().filter_map(Listener::origin) {
        tracing::info!("{origin}");
    }
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    for problem in problems {
        tracing::error!("a stored copy is in use instead: {problem}");
    }
}
