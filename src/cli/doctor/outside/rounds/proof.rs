//! The first request: whether this gate answers, and knows the token; and whether it still does.

use std::iter;
use std::time::{Duration, SystemTime};

use crate::cli::doctor::checks::Check;
use crate::cli::doctor::outside::answer::{Instead, Origin};
use crate::cli::doctor::outside::course::{Course, Proven};
use crate::cli::doctor::report::Finding;
use crate::cli::doctor::verdict::remedy::Front;
use crate::cli::doctor::verdict::{passage, proof};
use crate::telemetry::timestamp::since_1970;

/// Questions that are asked to find out whether an answer without proof is the rule or comes in turn.
const MORE: usize = 4;
/// How much later: a limit or a balancer may have refused one alone.
const LATER: Duration = Duration::from_secs(1);

/// Asks. Without the proof there is one finding, and the run is over.
pub(crate) fn ask(course: &mut Course) -> Option<Proven> {
    let target = course.target("");
    let before = now_ms();
    let heard = match course.ask("GET", &target, "", b"") {
        Ok(heard) => heard,
        Err(error) => {
            course.found(proof::silent(&error));
            return None;
        }
    };
    let now_ms = before.midpoint(now_ms());
    let answer = heard.answer();
    let front = Front::named(answer.field("server"));
    let Some(seen) = answer.seen() else {
        let target = course.target("");
        let finding = match answer.status {
            403..=405 if course.came("POST", &target, "", b"{}").is_ok() => {
                // Where two gates take turns, it is not the method that makes the difference.
                let (first, (proven, others)) = (Instead(answer.passed()), count(course));
                match proven {
                    0 => proof::no_get(answer, &course.place.folder),
                    _ => proof::divided(
                        proven + 1,
                        &iter::once(first).chain(words(&others)).collect::<Vec<_>>(),
                    ),
                }
            }
            _ => proof::stranger(answer, front, &course.place.folder),
        };
        course.found(finding);
        return None;
    };
    course.waits.push(heard.took);
    let version = &seen.version;
    course.found(Finding::pass(
        Check::ProofAnswer,
        format!("nexmo-gate {version} proves that it knows the token"),
    ));
    Some(Proven { seen, heard, front, target, now_ms })
}

/// What came in the place of a proof.
struct Missed {
    words: Instead,
    /// Whether it was the gate's answer to another question.
    is_old: bool,
    /// Whether who stands in front says by itself that it will not, or can not, pass the question on.
    is_fronts: bool,
    /// Whether nothing came.
    is_silent: bool,
}

/// Asks for the proof.
fn prove(course: &mut Course) -> Result<(), Missed> {
    let target = course.target("");
    let heard = match course.ask("GET", &target, "", b"") {
        Ok(heard) => heard,
        Err(error) => {
            let words = Instead::of(&error);
            return Err(Missed { words, is_old: false, is_fronts: false, is_silent: true });
        }
    };
    let answer = heard.answer();
    if answer.seen().is_some() {
        course.waits.push(heard.took);
        return Ok(());
    }
    let is_fronts = answer.origin() == Origin::Unproven && matches!(answer.status, 429 | 500..=599);
    let (words, is_old) = (Instead(answer.passed()), answer.origin() == Origin::Old);
    Err(Missed { words, is_old, is_fronts, is_silent: false })
}

/// Asks some more, a second later; how many answers were proven, and what the others were.
fn count(course: &mut Course) -> (usize, Vec<Missed>) {
    std::thread::sleep(LATER.min(course.visitor.left()));
    let (mut proven, mut others) = (0, Vec::new());
    for _ in 0..MORE {
        match prove(course) {
            Ok(()) => proven += 1,
            Err(other) => others.push(other),
        }
    }
    (proven, others)
}

fn words(others: &[Missed]) -> impl Iterator<Item = Instead> {
    others.iter().map(|other| other.words.clone())
}

/// Asks for the proof once more; the finding where it is there no more, or only in turn with something else.
pub(crate) fn ended(course: &mut Course, by: Front) -> Option<Finding> {
    let came = prove(course).err()?;
    if came.is_old {
        return Some(passage::cached(&[], true, by));
    }
    let (proven, mut others) = count(course);
    if course.visitor.is_over() {
        return None;
    }
    others.insert(0, came);
    let said: Vec<Instead> = words(&others).collect();
    // A gate that drops strangers is silent when the token has ended, as a gate is that does not know it.
    let is_refused = others.iter().all(|other| other.is_fronts || other.is_silent)
        && (proven == MORE || others.iter().any(|other| other.is_fronts));
    Some(match proven {
        _ if is_refused => proof::refused(proven, &said),
        0 => proof::ended(&said[0]),
        _ => proof::divided(proven, &said),
    })
}

/// Says why the run was cut short, and skips what was not judged.
pub(crate) fn is_cut_short(course: &mut Course, ended: Option<Finding>) {
    let finding = ended.unwrap_or_else(|| proof::slow(course.visitor.pace()));
    let cause = finding.check;
    course.findings.retain(|one| one.check != cause);
    course.found(finding);
    let is_open = |check: &Check| course.findings.iter().all(|one| one.check != *check);
    let asked = Check::ALL.iter().copied().filter(|check| check.is_asked_outside());
    let open: Vec<Check> = asked.filter(is_open).collect();
    for check in open {
        course.found(Finding::skip(check, format!("the run was cut short: see {}", cause.name())));
    }
}

fn now_ms() -> u64 {
    u64::try_from(since_1970(SystemTime::now()).as_millis()).unwrap_or(u64::MAX)
}
