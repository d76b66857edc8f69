//! A text becomes the list, unless something holds it, and the running gate serves it.

use std::io::{IsTerminal as _, stdin};

use serde::Serialize;

use crate::cli::ranges::replay::report::ReplayReport;
use crate::cli::ranges::replay::text::brief;
use crate::cli::ranges::review::{Review, json, now};
use crate::cli::ranges::running::Running;
use crate::cli::ranges::setting::{Live, Setting, operator, store};
use crate::cli::{DENIED, FAILED, Failure, USAGE, print, print_json};
use crate::load::proposals::publication::{Digests, make_live};
use crate::load::proposals::record::{Change, Record, sha256};

/// Whether a person releases what is held.
#[derive(clap::Args, Clone, Copy, Debug)]
pub(super) struct Force {
    /// Publish what is held; for a person at a terminal
    #[arg(long)]
    force: bool,
    /// With --force: a person has read what is held, and there is no terminal
    #[arg(long, requires = "force")]
    yes_i_know: bool,
}

/// What a person said of a change that is held.
#[derive(Debug)]
pub(super) enum Consent {
    /// Nothing.
    None,
    /// It is released all the same.
    Forced,
    /// Whatever it was, it was about another change; and what to do now.
    OfAnother(String),
}

impl Force {
    /// What a person says.
    ///
    /// # Errors
    /// A program does.
    pub(super) fn consent(self) -> Result<Consent, Failure> {
        if self.force && !self.yes_i_know && !stdin().is_terminal() {
            let line = "--force is for a person at a terminal; without one, --yes-i-know says that a person has read it";
            return Err(Failure { code: USAGE, lines: vec![line.to_owned()] });
        }
        Ok(if self.force { Consent::Forced } else { Consent::None })
    }
}

/// A change that is held, for programs.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    review: &'a Review,
    /// What the access log says of it; none where it was not asked.
    replay: Option<&'a ReplayReport>,
}

/// Shows the change and everything that speaks against it.
///
/// # Errors
/// Something holds it.
pub(super) fn show(
    head: &str,
    review: &Review,
    replay: Option<&ReplayReport>,
    consent: Consent,
    as_json: bool,
) -> Result<(), Failure> {
    if !as_json {
        let replay = replay.map(brief).unwrap_or_default();
        print(&format!("{}: {head}\n{}{replay}", review.list, review.text()))?;
    }
    review.warn();
    let advice = match consent {
        Consent::Forced => None,
        Consent::None => Some("read the difference; a person may publish it with --force".to_owned()),
        Consent::OfAnother(advice) => Some(advice),
    };
    if let Some(advice) = advice.filter(|_| !review.held.is_empty()) {
        if as_json {
            print_json(&json(&Told { review, replay }))?;
        }
        return Err(Failure { code: DENIED, lines: [review.held_lines(), vec![advice]].concat() });
    }
    for line in review.held_lines() {
        eprintln!("warning: forced, {line}");
    }
    Ok(())
}

/// What is released, and where it is from.
pub(super) struct Release<'a> {
    /// The range file.
    pub text: &'a [u8],
    /// Where it is from.
    pub source: String,
    /// The day that the source gives for itself.
    pub as_of: Option<String>,
    /// The digest of the document that it was read from.
    pub document: Option<String>,
    /// How much it changes.
    pub change: Change,
    /// What the other lists held when it was judged.
    pub beside: Digests,
}

/// What became of it; `--json` prints it.
#[derive(Debug, Serialize)]
struct Released<'a> {
    /// The newest generation of the list in its history.
    generation: Option<u64>,
    list: &'a str,
    /// The generation of the gate that serves it; none if no gate answered.
    serves: Option<u64>,
}

/// Says what serves now.
///
/// # Errors
/// Nothing can be printed.
pub(super) fn released(setting: &Setting, serves: Option<u64>, as_json: bool) -> Result<u8, Failure> {
    let list = &setting.list;
    if as_json {
        let newest = setting.history().pop();
        print_json(&json(&Released { generation: newest.map(|newest| newest.number), list, serves }))?;
    } else if let Some(serves) = serves {
        print(&format!("{list}: live, the gate serves its generation {serves}\n"))?;
    }
    Ok(0)
}

/// Publishes the text, and lets the running gate load it. Without a gate that answers it is loaded at the next start.
///
/// # Errors
/// The list cannot be written, or the gate does not load it.
pub(super) fn release(
    setting: &Setting,
    live: &Live,
    running: Result<Running, Failure>,
    release: Release<'_>,
    as_json: bool,
) -> Result<u8, Failure> {
    let list = &setting.list;
    let record = Record {
        as_of: release.as_of,
        at: now().as_secs(),
        base: live.digest(),
        by: operator(),
        change: release.change,
        document: release.document,
        sha256: sha256(release.text),
        source: release.source,
    };
    let generation =
        make_live(&setting.places, list, release.text, &record, &release.beside).map_err(store)?;
    let loaded = running.map(|running| running.reload());
    let serves = match &loaded {
        Ok(Ok(serves)) => Some(*serves),
        _ => None,
    };
    if !as_json {
        print(&format!("{list}: published as generation {generation}\n"))?;
    }
    released(setting, serves, as_json)?;
    match loaded {
        Ok(Ok(_)) => Ok(0),
        Ok(Err(failure)) => {
            let first = format!("{list}: published, but the gate has not loaded it:");
            Err(Failure { code: FAILED, lines: [vec![first], failure.lines].concat() })
        }
        Err(failure) => {
            for line in failure.lines {
                eprintln!(
                    "warning: no gate was asked to load it, so it counts from its next load on: {line}"
                );
            }
            Ok(0)
        }
    }
}
