//! What reaches the sender of an answer: its status, Retry-After, its body, and that it is waited for.

use std::time::Duration;

use crate::cli::doctor::checks::Check;
use crate::cli::doctor::outside::answer::{Answer, Instead};
use crate::cli::doctor::report::Finding;
use crate::cli::doctor::verdict::remedy::{
    DO_NOT_REDIRECT, Front, PASS_RETRY_AFTER, PASS_THE_ANSWER, PASS_THE_STATUS, SAY_503, WAIT,
};
use crate::policy::delivery::RETRY_AFTER_S;

/// What came for a status that the gate was asked to answer with; in words where there was no answer.
pub(crate) type Told = (u16, Result<Answer, Instead>);

/// Whether what came does as well as what the gate said. 503 is what every sender sends again.
fn is_as_good(said: u16, came: u16) -> bool {
    said == came || (said >= 500 && came == 503)
}

/// Whether refusals and failures keep their status.
#[must_use]
pub(crate) fn codes(rows: &[Told], front: Front) -> Finding {
    let changed: Vec<String> = rows
        .iter()
        .filter_map(|(said, came)| match came {
            Ok(answer) if is_as_good(*said, answer.status) => None,
            Ok(answer) => Some(format!("{said} arrives as {}", answer.shown())),
            Err(words) => Some(format!("{said}: {words}")),
        })
        .collect();
    if !changed.is_empty() {
        return Finding::fail(Check::TruthCodes, changed.join(", "), PASS_THE_STATUS.of(front));
    }
    // A 503 of the front's own is as good for every failure, and judged by its Retry-After; other answers of its own tell nothing.
    let is_own = |came: &&Answer| !came.is_of_gate() && came.status != 503;
    let own: Vec<String> =
        rows.iter().filter_map(|(_, came)| came.as_ref().ok().filter(is_own)).map(Answer::shown).collect();
    if own.is_empty() {
        return Finding::pass(Check::TruthCodes, format!("{} arrive as they are, or as 503", rows.len()));
    }
    let evidence = format!("{}: not the gate wrote that, but something in front by itself", own.join(", "));
    Finding::warn(Check::TruthCodes, evidence, PASS_THE_STATUS.of(front))
}

/// Whether successes stay successes.
#[must_use]
pub(crate) fn success(rows: &[Told], front: Front) -> Finding {
    let is_good = |came: &Result<Answer, Instead>| {
        came.as_ref().is_ok_and(|answer| answer.is_of_gate() && (200..=205).contains(&answer.status))
    };
    let Some((said, came)) = rows.iter().find(|(_, came)| !is_good(came)) else {
        return Finding::pass(Check::TruthSuccess, "200 to 205 arrive");
    };
    let words = came.as_ref().map_or_else(Instead::to_string, Answer::shown);
    let is_own = came.as_ref().is_ok_and(|answer| !answer.is_of_gate() && answer.status < 300);
    let what = if is_own {
        "something in front says so by itself: a message that was never delivered is lost"
    } else {
        "a message that was delivered comes again"
    };
    let evidence = format!("{said} arrives as {words}: {what}");
    Finding::fail(Check::TruthSuccess, evidence, PASS_THE_STATUS.of(front))
}

/// Whether a 503 says when to come again, as the gate says it.
#[must_use]
pub(crate) fn retry(rows: &[Told], front: Front) -> Finding {
    match rows.iter().find(|(said, _)| *said == 503) {
        Some((_, Ok(answer))) if answer.status == 503 => match answer.field("retry-after") {
            Some(seconds) if answer.is_of_gate() && seconds == RETRY_AFTER_S.to_string() => {
                Finding::pass(Check::TruthRetry, format!("503 says {seconds} s"))
            }
            Some(seconds) => {
                let seconds: String = seconds.chars().take(40).collect();
                let evidence = format!(
                    "{} says Retry-After: {seconds}, and the gate says {RETRY_AFTER_S}: something in front writes its own",
                    answer.shown()
                );
                Finding::warn(Check::TruthRetry, evidence, PASS_RETRY_AFTER.of(front))
            }
            None => Finding::warn(
                Check::TruthRetry,
                "503 arrives without Retry-After: the sender comes again when it likes",
                PASS_RETRY_AFTER.of(front),
            ),
        },
        _ => Finding::skip(Check::TruthRetry, "503 does not arrive: see truth.codes"),
    }
}

/// Whether an answer arrives as it was made.
#[must_use]
pub(crate) fn answer(plain: &Answer, front: Front) -> Finding {
    let kind = plain.field("content-type").unwrap_or("no type");
    if kind.starts_with("application/json") {
        return Finding::pass(Check::TruthAnswer, "application/json, unchanged");
    }
    let evidence = format!("application/json arrives as {kind}: a call that needs it fails");
    Finding::fail(Check::TruthAnswer, evidence, PASS_THE_ANSWER.of(front))
}

/// The gate answered, and what came is not what it sent. Nothing more can be judged by such answers.
#[must_use]
pub(crate) fn changed(answer: &Answer, front: Front) -> Finding {
    let evidence = format!(
        "the gate answered, and its answer was changed on the way: {} bytes arrive that are not the ones it sent",
        answer.body.len()
    );
    Finding::fail(Check::TruthAnswer, evidence, PASS_THE_ANSWER.of(front))
}

/// Whether an answer is waited for as long as the gate may take. `deadline` is the longest of a route, of which no more than
/// `longest` was asked for.
#[must_use]
pub(crate) fn patience(
    (deadline, longest): (Duration, Duration),
    took: Duration,
    came: &Result<Answer, Instead>,
    front: Front,
) -> Finding {
    let seconds = |time: Duration| format!("{:.1} s", time.as_secs_f64());
    let words = match came {
        Ok(answer) if answer.is_of_gate() && answer.status == 200 && deadline > longest => {
            let (most, asked) = (seconds(deadline), seconds(longest));
            let why = format!(
                "waits {asked}, the most that the doctor asks for; a route may take {most}, which was not asked"
            );
            return Finding::skip(Check::TruthPatience, why);
        }
        Ok(answer) if answer.is_of_gate() && answer.status == 200 => {
            return Finding::pass(Check::TruthPatience, format!("waits {}", seconds(longest)));
        }
        Ok(answer) => answer.shown(),
        Err(words) => words.to_string(),
    };
    let evidence = format!("{words} after {}, and the gate may take {}", seconds(took), seconds(deadline));
    Finding::fail(Check::TruthPatience, evidence, WAIT.of(front))
}

/// What a sender hears while the gate is down.
#[must_use]
pub(crate) fn down(came: &Result<Answer, Instead>, front: Front) -> Finding {
    match came {
        Ok(answer) if answer.status == 503 => {
            Finding::pass(Check::TruthDown, format!("{}: the sender comes again", answer.shown()))
        }
        Ok(answer) => {
            let evidence = format!("{}: senders of calls do not come again for that", answer.shown());
            Finding::fail(Check::TruthDown, evidence, SAY_503.of(front))
        }
        Err(words) => {
            let evidence = format!("{words}: a sender comes again after a reset, as without a proxy");
            Finding::pass(Check::TruthDown, evidence)
        }
    }
}

/// The finding for a redirect in front. Nothing follows it.
#[must_use]
pub(crate) fn redirect(answer: &Answer, front: Front) -> Finding {
    let to = answer.field("location").unwrap_or("nowhere");
    // A query may hold what the operator wants nobody to read, and the path the token.
    let to = to.split(['?', '#']).next().unwrap_or_default();
    let to = to.split("/.well-known/nexmo-gate/").next().unwrap_or_default();
    let evidence = format!("{} to {to}: senders do not follow, and the message is lost", answer.shown());
    Finding::fail(Check::TruthRedirect, evidence, DO_NOT_REDIRECT.of(front))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::outside::answer::{Progress, read};
    use crate::cli::doctor::report::Verdict;

    fn came(head: &str) -> Answer {
        let text = format!("HTTP/1.1 {head}\r\nContent-Length: 0\r\n\r\n");
        match read(text.as_bytes(), true) {
            Progress::Whole(answer, _) => answer,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_failure_may_become_503_and_nothing_else() {
        for (said, arrives, wanted) in [
            (503, "503 X", Verdict::Pass),
            (502, "503 X", Verdict::Pass),
            (503, "502 Bad Gateway\r\nServer: nginx", Verdict::Fail),
            (503, "200 OK", Verdict::Fail),
            (403, "404 X", Verdict::Fail),
            (403, "503 X", Verdict::Fail),
        ] {
            let found = codes(&[(said, Ok(came(arrives).proven()))], Front::Nginx);
            assert_eq!(found.verdict, wanted, "{said} {arrives} {found:?}");
        }
    }

    #[test]
    fn what_the_front_says_by_itself_is_no_success_and_no_refusal_of_the_gate() {
        for (said, arrives, wanted) in [(403, "403 X", Verdict::Warn), (500, "503 X", Verdict::Pass)] {
            assert_eq!(codes(&[(said, Ok(came(arrives)))], Front::Nginx).verdict, wanted, "{said}");
            assert_eq!(
                codes(&[(said, Ok(came(arrives).proven()))], Front::Nginx).verdict,
                Verdict::Pass,
                "{said}"
            );
        }
        let found = success(&[(200, Ok(came("200 OK")))], Front::Nginx);
        assert!(found.verdict == Verdict::Fail && found.evidence.contains("never delivered"), "{found:?}");
        assert_eq!(success(&[(200, Ok(came("200 OK").proven()))], Front::Nginx).verdict, Verdict::Pass);
    }

    #[test]
    fn a_retry_after_that_is_not_the_gates_is_found() {
        let verdict = |answer| retry(&[(503, Ok(answer))], Front::Nginx).verdict;
        assert_eq!(verdict(came("503 X\r\nRetry-After: 5").proven()), Verdict::Pass);
        assert_eq!(verdict(came("503 X\r\nRetry-After: 5")), Verdict::Warn);
        assert_eq!(verdict(came("503 X\r\nRetry-After: 3600").proven()), Verdict::Warn);
        assert_eq!(verdict(came("503 X").proven()), Verdict::Warn);
    }

    #[test]
    fn patience_that_was_not_asked_for_is_no_pass() {
        let second = Duration::from_secs(1);
        let verdict = |deadline: u32, came| {
            patience((second * deadline, 20 * second), 20 * second, &Ok(came), Front::Nginx).verdict
        };
        assert_eq!(verdict(20, came("200 OK").proven()), Verdict::Pass);
        assert_eq!(verdict(30, came("200 OK").proven()), Verdict::Skip);
        assert_eq!(verdict(30, came("504 X")), Verdict::Fail);
    }

    #[test]
    fn who_says_502_while_the_gate_is_down_is_named() {
        let found = down(&Ok(came("502 Bad Gateway\r\nServer: nginx/1.22")), Front::Nginx);
        assert!(found.verdict == Verdict::Fail && found.evidence.contains("502 of nginx/1.22"), "{found:?}");
        assert_eq!(down(&Ok(came("503 X")), Front::Nginx).verdict, Verdict::Pass);
        assert_eq!(down(&Err(Instead("closed".into())), Front::Nginx).verdict, Verdict::Pass);
    }

    #[test]
    fn a_redirect_is_shown_without_query_and_token() {
        let answer =
            came("301 Moved\r\nLocation: https://other.example/a/.well-known/nexmo-gate/0123?secret=1");
        let found = redirect(&answer, Front::Nginx);
        assert!(found.evidence.starts_with("301 to https://other.example/a:"), "{found:?}");
    }
}
