//! The first request: whether this gate answers, and knows the token.

use std::time::SystemTime;

use crate::cli::doctor::checks::Check;
use crate::cli::doctor::outside::answer::{Answer, Instead};
use crate::cli::doctor::outside::course::{Course, Proven};
use crate::cli::doctor::outside::visitor::NoAnswer;
use crate::cli::doctor::report::Finding;
use crate::cli::doctor::verdict::remedy::Front;
use crate::cli::doctor::verdict::truth;
use crate::telemetry::timestamp::since_1970;

/// Asks. Without the proof there is one finding, and the run is over.
pub(crate) fn ask(course: &mut Course) -> Option<Proven> {
    let target = course.target("");
    let before = now_ms();
    let heard = match course.ask("GET", &target, "", b"") {
        Ok(heard) => heard,
        Err(error) => {
            course.found(silent(&error));
            return None;
        }
    };
    let now_ms = before.midpoint(now_ms());
    let front = Front::named(heard.answer().field("server"));
    let Some(seen) = heard.answer().seen() else {
        let finding = match heard.answer().status {
            403 | 405 if course.came("POST", &target, "", b"{}").is_ok() => {
                no_get(heard.answer(), &course.place.folder)
            }
            _ => stranger(heard.answer(), front, &course.place.folder),
        };
        course.found(finding);
        return None;
    };
    let version = &seen.version;
    course.found(Finding::pass(Check::ProofAnswer, format!("nexmo-gate {version} knows the token")));
    Some(Proven { seen, heard, front, target, now_ms })
}

/// Asks for the proof once more; what came instead, where it is there no more.
pub(crate) fn ended(course: &mut Course) -> Option<Instead> {
    let target = course.target("");
    course.came("GET", &target, "", b"").err()
}

/// Says why the run was cut short, and skips what was not judged.
pub(crate) fn is_cut_short(course: &mut Course, ended: Option<Instead>) {
    let is_over = course.visitor.is_over();
    let finding = match ended {
        Some(came) if !is_over => Finding::fail(
            Check::ProofAnswer,
            format!(
                "the token ended during the run: the proof was asked for once more, and what came was: {came}"
            ),
            "nexmo-gate doctor --token, on the gate's machine, makes a new one; then run this again",
        ),
        _ => slow(course.visitor.pace()),
    };
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

/// The bounds of a run did not suffice.
fn slow((sent, seconds): (u32, f64)) -> Finding {
    let evidence = format!(
        "answers take {seconds:.1} s on average: the run was over after {sent} requests ({})",
        NoAnswer::Over
    );
    let change = "something on the way is slow, or drops requests: look at its log, and run the doctor again";
    Finding::fail(Check::ProofWhole, evidence, change)
}

/// What stands in front lets a POST through, and no GET.
fn no_get(answer: &Answer, folder: &str) -> Finding {
    let evidence = format!("a GET is refused with {}, and a POST reaches the gate", answer.shown());
    let change = format!(
        "let GET through below {folder}/ in what stands in front: the doctor asks by GET, and so do webhooks that are set \
         to GET (nginx: limit_except GET POST)"
    );
    Finding::fail(Check::ProofAnswer, evidence, change)
}

fn now_ms() -> u64 {
    u64::try_from(since_1970(SystemTime::now()).as_millis()).unwrap_or(u64::MAX)
}

fn silent(error: &NoAnswer) -> Finding {
    let change = match error {
        NoAnswer::Unreached(..) => "let something listen there, and the firewall pass it; is the port right?",
        NoAnswer::Tls(_) => "speak TLS 1.2 or 1.3 on this port, with a certificate for the host",
        NoAnswer::Late(_) | NoAnswer::Closed => {
            "see that the gate runs (nexmo-gate status); with deny: drop it closes the connection of whoever is in no list"
        }
        NoAnswer::NotHttp => {
            "does a web server listen on this port? proxy_protocol on one side alone looks so too"
        }
        NoAnswer::Over => "run it again",
    };
    Finding::fail(Check::ProofAnswer, error.to_string(), change)
}

/// Somebody answered, but not the gate that gave the token.
fn stranger(answer: &Answer, front: Front, folder: &str) -> Finding {
    if (300..400).contains(&answer.status) {
        return truth::redirect(answer, front);
    }
    let change = match answer.status {
        _ if answer.is_marked() => {
            "the answer has the mark of a gate, and not what a gate says it saw: does something in front answer for it, or \
             change answers?"
                .to_owned()
        }
        502 | 504 => {
            "what stands in front does not reach the gate: is its address there that of listen:?".to_owned()
        }
        401 | 407 => {
            "what stands in front asks for a password, which senders do not have: take it away".to_owned()
        }
        _ => format!(
            "a token counts for ten minutes, at the gate that gave it: nexmo-gate doctor --token; and what stands in \
             front must pass what lies below {folder}/ to the gate: name such a path in the URL"
        ),
    };
    Finding::fail(Check::ProofAnswer, format!("{}, and not by the token", answer.shown()), change)
}
