//! What every black-box test stands on. No test sleeps: each wait blocks on the thing it waits for, with a bound.
//!
//! | module | what it is |
//! | --- | --- |
//! | [`gate`] | a running gate: its configuration, its logs, its admin pages, what it uses of the machine |
//! | [`sender`] | the sender's side of a connection, over whatever the gate's listener speaks |
//! | [`upstream`] | the application: a server that records every byte and follows a script |
//! | [`http`], [`http2`], [`proxy_header`] | the bytes |
//! | [`test_ca`], [`tls`] | certificates of a test's own, and clients and servers that stand on them |
//! | [`signer`] | signs as the vendor does |
//! | [`oracle`] | whether upstream, access log and sender agree |
//! | [`browser`] | headless Chromium |
//! | [`numbers`] | numbers without a pattern, the same in every run |
//! | [`latch`], [`scratch`] | a latch that opens once; a directory of one test |

pub mod browser;
pub mod gate;
pub mod http;
pub mod http2;
pub mod latch;
pub mod numbers;
pub mod oracle;
pub mod proxy_header;
pub mod scratch;
pub mod sender;
pub mod signer;
pub mod test_ca;
pub mod tls;
pub mod upstream;

use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

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
/// The trusted proxy of [`Setup::behind_proxy`].
pub const PROXY: &str = "127.0.0.10";

/// Says loudly that this machine cannot run a case; the caller returns.
pub fn cannot_run(case: &str, why: &str) {
    eprintln!("CANNOT RUN {case}: {why}");
}

/// How long a test waits for something that should come at once: long enough for a busy machine with two cores.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Tries again and again until it is so; `why` says what is wrong when [`PATIENCE`] is over.
pub fn wait_until(mut is_so: impl FnMut() -> bool, why: impl Fn() -> String) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "{}", why());
        thread::sleep(Duration::from_millis(5));
    }
}

/// The library of the `faketime` package that shifts the wall clock of a program with threads. The command of that name
/// would wait for a child of its own, which nobody here could end.
pub fn faketime() -> Option<PathBuf> {
    let folders = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib"];
    let files = folders.map(|folder| Path::new(folder).join("faketime/libfaketimeMT.so.1"));
    files.into_iter().find(|file| file.exists())
}
