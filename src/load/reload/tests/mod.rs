//! The reload thread on real files: how it is asked, what it notices, and what it holds.

use std::fs;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use crate::files::settle::Notice;
use crate::load::reload::*;
use crate::load::testkit::{Site, first};

mod holds;
mod log;
mod notices;
mod requests;
mod worker_thread;

/// Far longer than any reload takes; only a failing test waits that long.
const LONG: Duration = Duration::from_secs(60);

const NEVER: Duration = Duration::from_secs(100_000);

/// Only events can notice a change within the time of a test.
const EVENTS: Pace = Pace { debounce: Duration::from_millis(20), poll: NEVER, notice: Notice::Events };

/// Only the poll can notice a change.
const POLL: Pace =
    Pace { debounce: Duration::from_millis(20), poll: Duration::from_millis(20), notice: Notice::Poll };

/// Nothing notices a change; a reload happens only on request.
const ASKED: Pace = Pace { debounce: NEVER, poll: NEVER, notice: Notice::Poll };

const LONGER: &str = "192.0.2.0/28\n198.51.100.0/28\n203.0.113.0/28\n192.0.2.192/27\n";

struct Running {
    reloader: Reloader,
    store: Arc<Store>,
    reports: Receiver<Arc<Report>>,
}

fn run(site: &Site, pace: Pace) -> Running {
    let mut loader = site.loader();
    let store = Arc::new(Store::new(first(&mut loader)));
    let (sender, reports) = channel();
    let send_report = move |report: &Arc<Report>| drop(sender.send(Arc::clone(report)));
    let reloader = Reloader::start(loader, Arc::clone(&store), pace, |_| Vec::new(), send_report).unwrap();
    Running { reloader, store, reports }
}

/// The same after a first reload. It takes the place of the first look, which would find a change without being told.
fn run_looked(site: &Site, pace: Pace) -> Running {
    let running = run(site, pace);
    running.ask(Cause::Asked);
    running.next();
    running
}

impl Running {
    fn ask(&self, cause: Cause) -> Arc<Report> {
        block_on(self.reloader.reload(cause))
    }

    fn next(&self) -> Arc<Report> {
        self.reports.recv_timeout(LONG).expect("no reload came")
    }

    fn admits(&self, list: &str, ip: &str) -> bool {
        let address = crate::policy::address::addr::Address::new(ip.parse().unwrap());
        self.store.load().lists[list].ranges.set().contains(address)
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

fn other_folder(site: &Site, name: &str) {
    fs::create_dir(site.path(name)).unwrap();
    site.write(&format!("{name}/sms.txt"), LONGER);
    site.write(&format!("{name}/voice.txt"), "2001:db8::/32\n");
}
