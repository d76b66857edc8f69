//! What every black-box test stands on. No test sleeps: each wait blocks on the thing it waits for, with a bound.

pub mod browser;
pub mod gate;
pub mod http;
pub mod http2;
pub mod latch;
pub mod oracle;
pub mod scratch;
pub mod sender;
#[expect(dead_code, reason = "the unit tests share it, and use more of it")]
pub mod test_ca;
pub mod tls;
pub mod upstream;

use std::time::Duration;

pub use gate::Gate;
pub use gate::setup::Setup;
pub use http::{Reply, get, post, request};
pub use latch::Latch;
pub use nix::sys::signal::Signal;
pub use sender::{Sender, Session};
pub use upstream::script::{Act, Answer};
pub use upstream::{Port, Upstream};

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
