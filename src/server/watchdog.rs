//! Checks that the process works: the service manager's watchdog, and the log lines about the reload thread.
//!
//! Two parts can be dead while the process runs: the runtime that accepts and serves, and the thread that
//! notices changed files. Without the second, the gate would serve with old lists for ever. A slow reload is
//! only logged, because the last good state stays in use meanwhile.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use crate::admin::LONG_RELOAD;
use crate::load::reload::{Reloader, ReloaderHealth};
use crate::server::notify::Notifier;
use crate::state::stats::gauges::Gauges;

/// How often the reload thread is checked.
const POLL: Duration = Duration::from_millis(500);

/// The parts that are watched and notified.
#[derive(Clone, Debug)]
pub(super) struct Watchdog {
    pub(super) notifier: Notifier,
    pub(super) reloader: Reloader,
    pub(super) gauges: Arc<Gauges>,
}

impl Watchdog {
    /// Feeds the service manager's watchdog while this runtime runs tasks and timers, and while every accept
    /// loop and the reload thread are alive. It runs until the runtime ends, not only until the listeners are
    /// closed: a drain must not look like a standstill.
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

    /// Logs when the reload thread has ended, and when a reload takes long.
    pub(super) async fn watch(self) {
        let mut pace = interval(POLL);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut reported = false;
        loop {
            pace.tick().await;
            let busy = match self.reloader.health() {
                ReloaderHealth::Dead => {
                    self.gauges.reload_dead.store(1, Relaxed);
                    tracing::error!(
                        "the reload thread has ended, which is a defect of nexmo-gate: changes of files are no longer \
                         noticed; restart the gate, it reports not ready until then"
                    );
                    return;
                }
                ReloaderHealth::Busy(busy) => busy,
                ReloaderHealth::Alive => Duration::ZERO,
            };
            self.gauges.reload_busy.store(busy.as_secs(), Relaxed);
            if busy >= LONG_RELOAD && !reported {
                reported = true;
                tracing::warn!(
                    seconds = busy.as_secs(),
                    "a reload takes long; check whether the file system of the configuration and of the ranges \
                     answers. The last good state stays in use"
                );
            } else if reported && busy < LONG_RELOAD {
                reported = false;
                tracing::info!("the reload thread answers again");
            }
        }
    }
}
