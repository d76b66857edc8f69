//! What every black-box test stands on. No test sleeps: each wait blocks on the thing it waits for, with a bound.

pub mod browser;
pub mod certificates;
pub mod gate;
pub mod http;
pub mod latch;
pub mod lines;
pub mod oracle;
pub mod pace;
pub mod papers;
pub mod scratch;
pub mod script;
pub mod sender;
pub mod setup;
pub mod transport;
pub mod upstream;
pub mod vitals;

use std::time::Duration;

pub use gate::Gate;
pub use http::{Reply, get, post, request};
pub use latch::Latch;
pub use nix::sys::signal::Signal;
pub use script::{Act, Answer};
pub use sender::{Sender, Session};
pub use setup::Setup;
pub use upstream::{Port, Upstream};
pub use vitals::Vitals;

/// The address that the default range list admits.
pub const ADMITTED: &str = "127.0.0.2";
/// An address that no list of any test admits.
pub const STRANGER: &str = "127.0.0.3";
/// Says loudly that this machine cannot run a case; the caller returns.
pub fn cannot_run(case: &str, why: &str) {
    eprintln!("CANNOT RUN {case}: {why}");
}

/// How long a test waits for something that should come at once: long enough for a busy machine with two cores.
pub const PATIENCE: Duration = Duration::from_secs(20);
