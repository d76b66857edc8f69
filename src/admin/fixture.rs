//! A small gate for tests: two lists, three routes, one trusted proxy, in a temporary folder.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::admin::{AdminContext, Scope};
use crate::config::Overrides;
use crate::files::settle::{Notice, Pace};
use crate::load::last_good::LastGood;
use crate::load::loader::{Loaded, Loader};
use crate::load::reload::Reloader;
use crate::state::capture::Capture;
use crate::state::snapshot::Snapshot;
use crate::state::stats::gauges::{Gauges, Phase};
use crate::state::stats::history::History;
use crate::state::store::Store;

pub(crate) const CONFIG: &str = "
upstream: http://127.0.0.1:3000
trusted_proxies: [10.0.0.0/8, edge]
routes:
  - { path: /webhooks/answer, webhook: voice-answer, allow: [voice, sms] }
  - { path: /webhooks/sms/*, webhook: sms-inbound, allow: [sms] }
  - { path: /webhooks/verify, webhook: verify, allow: [sms], host: api.example.com,
      upstream: { urls: [http://127.0.0.1:3001, unix:/run/b.sock], health: { path: /up } } }
";

/// Routes that require signatures, note them and do not look at them; two secrets of one account.
pub(crate) const SIGNED: &str = "
upstream: http://127.0.0.1:3000
signatures:
  secrets:
    - { api_key: a1b2c3d, file: old, until: 2026-12-31 }
    - { api_key: a1b2c3d, file: new }
routes:
  - { path: /webhooks/answer, webhook: voice-answer, allow: [voice], signature: require }
  - { path: /webhooks/sms/*, webhook: sms-inbound, allow: [sms] }
  - { path: /webhooks/off, webhook: voice-event, allow: [voice], signature: off }
";

const SECRETS: [&str; 2] = ["old", "new"];

const LISTS: [(&str, &str); 3] = [
    ("voice", "# reviewed: 2026-11-01\n# as-of: 2024-01-15\n192.0.2.0/28\n192.0.2.64/28\n"),
    ("sms", "# reviewed: 2026-03-01\n198.51.100.0/24\n\n198.51.100.7 # one\n2001:db8::/120\n"),
    ("edge", "203.0.113.9\n"),
];

/// The files, and the loader.
pub(crate) struct Stage {
    pub(crate) folder: TempDir,
    pub(crate) loader: Loader,
}

impl Stage {
    pub(crate) fn new(config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("ranges")).unwrap();
        for (name, text) in LISTS {
            std::fs::write(folder.path().join(format!("ranges/{name}.txt")), text).unwrap();
        }
        for name in SECRETS {
            std::fs::write(folder.path().join(name), format!("the secret of {name}")).unwrap();
        }
        let path = folder.path().join("config.yaml");
        std::fs::write(&path, config).unwrap();
        Self { folder, loader: Loader::new(Some(path), Overrides::default()) }
    }

    pub(crate) fn load(&mut self) -> Loaded {
        let look = self.loader.look();
        self.loader.load(&look, None, &LastGood::default())
    }

    pub(crate) fn snapshot(&mut self) -> Snapshot {
        let loaded = self.load();
        assert!(loaded.problems.is_empty(), "{:?}", loaded.problems);
        loaded.snapshot.unwrap()
    }

    /// A context with these files; it never reads them again unasked.
    pub(crate) fn context(mut self) -> (TempDir, Arc<AdminContext>) {
        let store = Arc::new(Store::new(self.snapshot()));
        let never = Duration::from_secs(86_400);
        let pace = Pace { debounce: never, poll: never, notice: Notice::Poll };
        let gauges = Arc::new(Gauges::default());
        gauges.enter(Phase::Ready);
        let context = AdminContext {
            scope: Scope::Whole,
            reloader: Reloader::start(self.loader, Arc::clone(&store), pace, |_| Vec::new(), |_| {}).unwrap(),
            store,
            capture: Arc::new(Capture::new(Arc::clone(&gauges))),
            gauges,
            history: Arc::new(History::new(tokio::time::Instant::now())),
            denials: Arc::default(),
            strangers: Arc::default(),
            doctor: Arc::default(),
            started: Instant::now(),
        };
        (self.folder, Arc::new(context))
    }
}

/// A text with the folder's name replaced by `DIR`.
pub(crate) fn anonymous(text: &str, folder: &Path) -> String {
    text.replace(&folder.display().to_string(), "DIR")
}
