//! Signs of life: what is told to the service manager's watchdog, and what is said about the reload thread.
//!
//! Two things can be dead while the process runs: the runtime that accepts and serves, and the thread that
//! notices changed files. Without the second the gate would serve yesterday's lists for ever. A reload that
//! takes long is another matter: the last good state serves meanwhile, so it is told and nothing more.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use crate::admin::LONG_RELOAD;
use crate::load::reload::{Reloader, ReloaderHealth};
use crate::server::notify::Notifier;
use crate::state::stats::gauges::Gauges;

/// How often the reload thread is asked for.
const LOOK: Duration = Duration::from_millis(500);

/// What is watched.
#[derive(Clone, Debug)]
pub(super) struct Watchdog {
    pub(super) notifier: Notifier,
    pub(super) reloader: Reloader,
    pub(super) gauges: Arc<Gauges>,
}

impl Watchdog {
    /// Tells the service manager that the runtime on which this runs still runs tasks and timers, and that
    /// neither an accept loop nor the reload thread was lost. It ends with the runtime, not with the listeners:
    /// a drain is no standstill.
    pub(super) async fn beat(self, whole: Arc<AtomicBool>) {
        let Some(pause) = self.notifier.heartbeat() else { return };
        let mut pace = interval(pause);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            pace.tick().await;
            if !whole.load(Relaxed) || self.reloader.health() == ReloaderHealth::Dead {
                return;
            }
            self.notifier.alive();
        }
    }

    /// Says when the reload thread has ended, and when a reload takes long.
    pub(super) async fn watch(self) {
        let mut pace = interval(LOOK);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut told = false;
        loop {
            pace.tick().await;
            let busy = match self.reloader.health() {
                ReloaderHealth::Dead => {
                    self.gauges.reload_dead.store(1, Relaxed);
                    tracing::error!(
                        "the reload thread has ended, a defect of nexmo-gate: no change of a file is noticed any more; \
                         not ready, to be restarted"
                    );
                    return;
                }
                ReloaderHealth::Busy(busy) => busy,
                ReloaderHealth::Alive => Duration::ZERO,
            };
            self.gauges.reload_busy.store(busy.as_secs(), Relaxed);
            if busy >= LONG_RELOAD && !told {
                told = true;
                tracing::warn!(
                    seconds = busy.as_secs(),
                    "a reload takes long: does the file system of the configuration or of the ranges answer? The \
                     last good state goes on serving"
                );
            } else if told && busy < LONG_RELOAD {
                told = false;
                tracing::info!("the reload thread answers again");
            }
        }
    }
}
