//! A config file and a ranges folder for each test.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::config::Overrides;
use crate::load::last_good::LastGood;
use crate::load::loader::{Loaded, Loader};
use crate::state::snapshot::Snapshot;

pub(crate) const CONFIG: &str = "\
listen: [{ address: \"127.0.0.1:8080\" }]
upstream: \"http://127.0.0.1:3000\"
routes:
  - { path: /sms, webhook: sms-inbound, allow: [sms] }
  - { path: /call/*, webhook: voice-answer, allow: [voice, sms] }
";

pub(crate) struct Site {
    dir: TempDir,
}

impl Site {
    /// Lists `sms` (three prefixes) and `voice` (one).
    pub(crate) fn new() -> Self {
        let site = Self { dir: tempfile::tempdir().unwrap() };
        fs::create_dir(site.path("ranges")).unwrap();
        site.write("config.yaml", CONFIG);
        site.list("sms", "192.0.2.0/28\n198.51.100.0/28\n203.0.113.0/28\n");
        site.list("voice", "2001:db8::/32\n");
        site
    }

    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    pub(crate) fn list(&self, name: &str, text: &str) {
        self.write(&format!("ranges/{name}.txt"), text);
    }

    pub(crate) fn remove(&self, name: &str) {
        fs::remove_file(self.path(name)).unwrap();
    }

    pub(crate) fn loader(&self) -> Loader {
        Loader::new(Some(self.path("config.yaml")), Overrides::default())
    }

    /// The problems of a load, with the temporary folder's name left out.
    pub(crate) fn problems(&self, loaded: &Loaded) -> Vec<String> {
        self.plain(loaded.problems.iter().map(ToString::to_string))
    }

    pub(crate) fn plain(&self, texts: impl Iterator<Item = String>) -> Vec<String> {
        let prefix = format!("{}/", self.dir.path().display());
        texts.map(|text| text.replace(&prefix, "")).collect()
    }
}

/// A first load that must work.
pub(crate) fn first(loader: &mut Loader) -> Snapshot {
    let outcome = loader.begin();
    outcome.snapshot.unwrap_or_else(|| panic!("{:?}", outcome.problems))
}

/// A manual reload.
pub(crate) fn again(loader: &mut Loader, previous: &Snapshot) -> Loaded {
    loader.load(&loader.look(), Some(previous), &LastGood::default())
}
