//! From a view of the files to a snapshot, or to a list of every problem.
//!
//! The [`Loader`] remembers what was loaded before: the config in use and the history of each list. It publishes nothing.

mod compile;
mod removals;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime};

use bytes::Bytes;

use self::compile::Compiler;
use self::removals::Earlier;
use crate::config::cold::keep_cold;
use crate::config::{self, Config, Overrides, Parsed, Problem, Route};
use crate::files::file::{FileContent, Files, MAX_PEM};
use crate::files::folder::Reader;
use crate::files::secret::SecretContent;
use crate::load::before::{Before, Initiator};
use crate::load::file_view::FileView;
use crate::load::last_good::LastGood;
use crate::load::lists::{Lists, Standings, remember, resolve, to_come};
use crate::load::named::{list_names, unknown_lists, unread};
use crate::load::serving::Serving;
use crate::load::source::ConfigSource;
use crate::policy::address::range_list::Day;
use crate::policy::hold::Outline;
use crate::state::authorities;
use crate::state::held::Held;
use crate::state::secrets::{self, Secrets};
use crate::state::snapshot::Snapshot;
use crate::state::tls::{self, Doors};
use crate::telemetry::timestamp::unix_seconds;

/// Loads the files, at the start and at each reload.
#[derive(Debug)]
pub struct Loader {
    source: ConfigSource,
    /// The config in use.
    serving: Option<Serving>,
    standings: Standings,
    reader: RefCell<Reader>,
    compiler: Compiler,
    marks: RandomState,
    loaded: Option<u64>,
}

/// The result of a load.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The new snapshot; `None` when the problems do not allow one.
    pub snapshot: Option<Snapshot>,
    /// Everything that is wrong. A snapshot may come with problems: then some lists are last good versions.
    pub problems: Vec<Problem>,
    /// What looks like a mistake, but works.
    pub warnings: Vec<Problem>,
    /// What was not loaded, because it looks like an accident.
    pub held: Vec<Held>,
    /// Keys whose change takes effect at the next start, as `KEY: needs a restart`.
    pub needs_restart: Vec<String>,
}

impl Loader {
    /// A loader that has not loaded yet. Without a path, the overrides are the whole config.
    #[must_use]
    pub fn new(config_path: Option<PathBuf>, overrides: Overrides) -> Self {
        Self {
            source: ConfigSource::new(config_path, overrides),
            serving: None,
            standings: Standings::new(),
            reader: RefCell::default(),
            compiler: Compiler::default(),
            marks: RandomState::new(),
            loaded: None,
        }
    }

    /// The first load of a process that is going to serve: stored copies replace broken lists.
    pub fn begin(&mut self) -> Loaded {
        let look = self.look();
        let (kept, warnings) = self.kept(&look);
        let mut loaded = self.load_after(&look, Before::operator(None, &kept));
        loaded.warnings.extend(warnings);
        loaded
    }

    /// The load of a command that does not serve. Nothing replaces a broken list, because the question is what the files
    /// contain; what an earlier run kept only shows what has changed since.
    pub(crate) fn inspect(&mut self) -> (Loaded, LastGood) {
        let look = self.look();
        // Without readable copies there are no differences to show.
        let (kept, _) = self.kept(&look);
        let nothing = LastGood::default();
        (self.load_after(&look, Before { run: &kept, ..Before::operator(None, &nothing) }), kept)
    }

    /// What an earlier run kept in the state folder that the config names.
    fn kept(&self, look: &FileView) -> (LastGood, Vec<Problem>) {
        let state = self.source.parse(look.config.as_ref()).ok().and_then(|parsed| parsed.config.state);
        state.as_deref().map(LastGood::read).unwrap_or_default()
    }

    /// Reads the config and the files that it names, once each, as for a manual reload.
    #[must_use]
    pub fn look(&self) -> FileView {
        self.view_for(Initiator::Operator, Instant::now())
    }

    /// Reads the same files for either initiator. For the watcher, a held file that did not change is not
    /// read again.
    pub(crate) fn view_for(&self, initiator: Initiator, now: Instant) -> FileView {
        let config = self.source.path().map(|path| FileContent::at(path, config::MAX_TEXT));
        let parsed = self.source.parse(config.as_ref()).ok();
        let held = parsed.as_ref().filter(|_| initiator == Initiator::Watcher);
        let held = held.and_then(|parsed| self.serving.as_ref()?.hold(self.source.path()?, parsed, now));
        let mut look = FileView {
            config,
            held,
            ranges: None,
            authorities: Files::default(),
            certificates: Files::default(),
            secrets: Vec::new(),
        };
        let serving = self.serving.as_ref().map(|serving| &serving.config);
        let config = parsed.as_ref().map(|parsed| &parsed.config);
        let config = if look.held.is_some() { serving } else { config };
        let authorities: BTreeSet<&Path> = config.into_iter().flat_map(authorities::files).collect();
        look.authorities =
            Files(authorities.into_iter().map(|path| FileContent::at(path, MAX_PEM)).collect());
        // Also read the certificates and secrets in use: the new config may be refused.
        let both = config.into_iter().chain(serving);
        let certificates: BTreeSet<&Path> =
            both.clone().flat_map(|config| tls::files(&config.listen)).collect();
        look.certificates =
            Files(certificates.into_iter().map(|path| FileContent::at(path, MAX_PEM)).collect());
        let secrets: BTreeSet<&Path> = both.flat_map(secrets::files).collect();
        look.secrets = secrets.into_iter().map(|path| SecretContent::at(path, secrets::MOST)).collect();
        look.ranges = config.or(serving).map(|config| {
            let named = list_names(config).into_iter().map(|(_, name)| name).collect();
            self.reader.borrow_mut().folder(&config.ranges, &named, initiator == Initiator::Operator, now)
        });
        look
    }

    /// Loads a view as for a manual reload: nothing is held.
    pub fn load(&mut self, look: &FileView, previous: Option<&Snapshot>, kept: &LastGood) -> Loaded {
        self.load_after(look, Before::operator(previous, kept))
    }

    /// Loads a view for either initiator, on top of what is in use. Each stage adds what it finds to `loaded`; only when
    /// all have run is it decided whether there is a new snapshot, so that an operator sees every problem at once.
    pub(crate) fn load_after(&mut self, look: &FileView, before: Before<'_>) -> Loaded {
        self.loaded = Some(self.mark(look));
        let mut loaded = Loaded::default();
        let parsed = self.parse(look, &mut loaded);
        let lists = self.read_lists(look, before, parsed.as_ref().map(|parsed| &parsed.config), &mut loaded);
        let Some(Parsed { mut config, outline, .. }) = parsed else { return loaded };
        let unusable = self.compiler.load_authorities(&config, &look.authorities);
        let fatal = lists.fatal || !unusable.is_empty();
        loaded.problems.extend(unusable);
        let from_file = (config.clone(), outline);
        if let Some(snapshot) = before.snapshot {
            loaded.needs_restart = keep_cold(&mut config, &snapshot.config);
        }
        let doors = load_certificates(&config, look, before, &mut loaded);
        let secrets = load_secrets(&config, look, before, &mut loaded);
        let Some((doors, secrets)) = doors.zip(secrets).filter(|_| !fatal) else { return loaded };
        let old_serving = self.serving.take();
        self.serving =
            Some(Serving::next(old_serving, config.clone(), from_file, look.held.is_some(), before));
        remember(&mut self.standings, &lists.good, &loaded.held, before);
        let generation = before.snapshot.map_or(1, |snapshot| snapshot.generation + 1);
        let run_routes = self.routes_of(before.run.config(), &config);
        let earlier = match before.snapshot {
            Some(snapshot) => Earlier::serving(snapshot),
            None => Earlier::kept(&run_routes, before.run),
        };
        loaded.snapshot =
            Some(self.compiler.compile(config, lists.good, doors, secrets, generation, earlier));
        loaded
    }

    /// The config of the view, or the one in use where the view's is held; `None` when it has problems.
    fn parse(&self, look: &FileView, loaded: &mut Loaded) -> Option<Parsed> {
        loaded.held.extend(look.held.clone());
        let mut parsed = match self.source.parse(look.config.as_ref()) {
            Ok(parsed) if look.held.is_none() => parsed,
            // The held text is not checked further.
            Ok(_) => self.serving.as_ref().map(Serving::parsed)?,
            Err(problems) => {
                loaded.problems = problems;
                return None;
            }
        };
        loaded.warnings = std::mem::take(&mut parsed.warnings);
        Some(parsed)
    }

    /// The lists of the view. They are read for a config with problems too: theirs are shown with them.
    fn read_lists(
        &self,
        look: &FileView,
        before: Before<'_>,
        config: Option<&Config>,
        loaded: &mut Loaded,
    ) -> Lists {
        let named = config.or(before.snapshot.map(|snapshot| &snapshot.config)).map(list_names);
        let used: BTreeSet<&str> = named.iter().flatten().map(|(_, name)| *name).collect();
        let folder = look.ranges.as_ref();
        let mut lists =
            folder.map(|folder| resolve(folder, before, &used, &self.standings)).unwrap_or_default();
        loaded.warnings.extend(folder.and_then(unread));
        loaded.warnings.append(&mut lists.warnings);
        let today = Day::at(unix_seconds(SystemTime::now()));
        loaded.warnings.extend(to_come(&lists.good, &used, today));
        loaded.held.append(&mut lists.held);
        if config.is_some() {
            let mut unknown = unknown_lists(named.as_deref().unwrap_or_default(), &lists, look);
            for problem in &mut unknown {
                self.source.name_flag(problem);
            }
            lists.fatal |= !unknown.is_empty();
            loaded.problems.extend(unknown);
        }
        loaded.problems.append(&mut lists.problems);
        lists
    }

    /// The outline of the config file in use.
    #[must_use]
    pub fn outline(&self) -> Option<&Outline> {
        self.serving.as_ref().map(|serving| &serving.outline)
    }

    /// The routes of an earlier text of the config file; those of `config` where it is not known.
    fn routes_of(&self, text: Option<&str>, config: &Config) -> Vec<Route> {
        let earlier = text.and_then(|text| self.parsed(text));
        earlier.map_or_else(|| config.routes.clone(), |parsed| parsed.config.routes)
    }

    fn parsed(&self, text: &str) -> Option<Parsed> {
        let path = self.source.path()?.to_owned();
        let content = Ok(Bytes::copy_from_slice(text.as_bytes()));
        self.source.parse(Some(&FileContent { path, content })).ok()
    }

    /// The outline of an earlier text of the config file, and whether that text means the same as the one in
    /// use; `None` when it is not a valid configuration.
    #[must_use]
    pub fn earlier(&self, text: &str) -> Option<(Outline, bool)> {
        let parsed = self.parsed(text)?;
        let same = self.serving.as_ref().is_some_and(|serving| serving.config == parsed.config);
        Some((parsed.outline, same))
    }

    /// The text of the config file in use.
    pub(crate) fn text(&self) -> &str {
        self.serving.as_ref().map_or("", |serving| &serving.outline.text)
    }

    /// A hash of the view, equal for equal views; valid in this process only.
    pub(crate) fn mark(&self, look: &FileView) -> u64 {
        self.marks.hash_one(look)
    }

    /// The hash of the view that was loaded last, successfully or not.
    pub(crate) fn loaded(&self) -> Option<u64> {
        self.loaded
    }

    /// What to watch: the single files (the config, certificates, keys and secrets), and the ranges folder.
    pub(crate) fn places(&self) -> (impl Iterator<Item = &Path>, Option<&Path>) {
        let serving = self.serving.as_ref().map(|serving| &serving.config);
        let certificates = serving.into_iter().flat_map(|config| tls::files(&config.listen));
        let secrets = serving.into_iter().flat_map(secrets::files);
        (
            self.source.path().into_iter().chain(certificates).chain(secrets),
            serving.map(|config| config.ranges.as_path()),
        )
    }
}

/// The certificates of the listeners; `None` when they do not allow a snapshot.
fn load_certificates(
    config: &Config,
    look: &FileView,
    before: Before<'_>,
    loaded: &mut Loaded,
) -> Option<Doors> {
    let doors = before.snapshot.map_or(&[][..], |snapshot| &snapshot.doors);
    let advice = &config.provider.advice;
    let tls = tls::load(&config.listen, &look.certificates, doors, SystemTime::now(), advice);
    loaded.problems.extend(tls.problems);
    loaded.warnings.extend(tls.warnings);
    tls.doors
}

/// The secrets that webhooks are signed with; `None` when their files do not allow a snapshot.
fn load_secrets(
    config: &Config,
    look: &FileView,
    before: Before<'_>,
    loaded: &mut Loaded,
) -> Option<Secrets> {
    let in_use = before.snapshot.map(|snapshot| &snapshot.secrets);
    let now = unix_seconds(SystemTime::now());
    let secrets = secrets::load(&config.signatures.secrets, &look.secrets, in_use, now);
    loaded.problems.extend(secrets.problems);
    loaded.warnings.extend(secrets.warnings);
    if let Some(secrets) = &secrets.secrets {
        loaded.warnings.extend(secrets::dead_ends(&config.routes, secrets, now));
    }
    secrets.secrets
}

#[cfg(test)]
mod tests;
