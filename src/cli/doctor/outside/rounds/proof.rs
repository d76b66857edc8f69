//! The first request: whether this gate answers, and knows the token; and whether it still does.

use std::time::SystemTime;

use crate::cli::doctor::checks::Check;
use crate::cli::doctor::outside::answer::{Instead, Origin};
use crate::cli::doctor::outside::course::{Course, Proven};
use crate::cli::doctor::report::Finding;
use crate::cli::doctor::verdict::remedy::Front;
use crate::cli::doctor::verdict::{passage, proof};
use crate::telemetry::timestamp::since_1970;

/// Questions that are asked to find out whether an answer without proof is the rule or comes in turn.
const MORE: usize = 4;

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
                let (proven, others) = count(course);
                match proven {
                    0 => proof::no_get(answer, &course.place.folder),
                    _ => proof::divided(proven + 1, &[vec![Instead(answer.passed())], others].concat()),
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

/// Asks for the proof; what came instead, and whether that was an old answer.
fn prove(course: &mut Course) -> Result<(), (Instead, bool)> {
    let target = course.target("");
    match course.ask("GET", &target, "", b"") {
        Ok(heard) if heard.answer().seen().is_some() => {
            course.waits.push(heard.took);
            Ok(())
        }
        Ok(heard) => Err((Instead(heard.answer().passed()), heard.answer().origin() == Origin::Old)),
        Err(error) => Err((Instead::of(&error), false)),
    }
}

/// Asks some more; how many answers were proven, and what the others were.
fn count(course: &mut Course) -> (usize, Vec<Instead>) {
    let (mut proven, mut others) = (0, Vec::new());
    for _ in 0..MORE {
        match prove(course) {
            Ok(()) => proven += 1,
            Err((other, _)) => others.push(other),
        }
    }
    (proven, others)
}

/// Asks for the proof once more; the finding where it is there no more, or only in turn with something else.
pub(crate) fn ended(course: &mut Course, by: Front) -> Option<Finding> {
    let (came, is_old) = prove(course).err()?;
    if is_old {
        return Some(passage::cached(&[], true, by));
    }
    let (proven, others) = count(course);
    if course.visitor.is_over() {
        return None;
    }
    Some(match proven {
        0 => proof::ended(&came),
        _ => proof::divided(proven, &[vec![came], others].concat()),
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
