//! What reaches the sender of an answer: its status, Retry-After, its body, and that it is waited for.

use std::time::Duration;

use crate::cli::doctor::checks::Check;
use crate::cli::doctor::outside::answer::{Answer, Instead};
use crate::cli::doctor::report::Finding;
use crate::cli::doctor::verdict::remedy::{
    DO_NOT_REDIRECT, Front, PASS_RETRY_AFTER, PASS_THE_ANSWER, PASS_THE_STATUS, SAY_503, WAIT,
};

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
    if changed.is_empty() {
        return Finding::pass(Check::TruthCodes, format!("{} arrive as they are, or as 503", rows.len()));
    }
    Finding::fail(Check::TruthCodes, changed.join(", "), PASS_THE_STATUS.of(front))
}

/// Whether successes stay successes.
#[must_use]
pub(crate) fn success(rows: &[Told], front: Front) -> Finding {
    let is_good = |came: &Result<Answer, Instead>| {
        came.as_ref().is_ok_and(|answer| (200..=205).contains(&answer.status))
    };
    let Some((said, came)) = rows.iter().find(|(_, came)| !is_good(came)) else {
        return Finding::pass(Check::TruthSuccess, "200 to 205 arrive");
    };
    let words = came.as_ref().map_or_else(Instead::to_string, Answer::shown);
    let evidence = format!("{said} arrives as {words}: a message that was delivered comes again");
    Finding::fail(Check::TruthSuccess, evidence, PASS_THE_STATUS.of(front))
}

/// Whether a 503 says when to come again.
#[must_use]
pub(crate) fn retry(rows: &[Told], front: Front) -> Finding {
    match rows.iter().find(|(said, _)| *said == 503) {
        Some((_, Ok(answer))) if answer.status == 503 => match answer.field("retry-after") {
            Some(seconds) => Finding::pass(Check::TruthRetry, format!("503 says {seconds} s")),
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

/// Whether an answer is waited for as long as the gate may take.
#[must_use]
pub(crate) fn patience(
    longest: Duration,
    took: Duration,
    came: &Result<Answer, Instead>,
    front: Front,
) -> Finding {
    let seconds = |time: Duration| format!("{:.1} s", time.as_secs_f64());
    let words = match came {
        Ok(answer) if answer.is_of_gate() && answer.status == 200 => {
            return Finding::pass(Check::TruthPatience, format!("waits {}", seconds(longest)));
        }
        Ok(answer) => answer.shown(),
        Err(words) => words.to_string(),
    };
    let evidence = format!("{words} after {}, and the gate may take {}", seconds(took), seconds(longest));
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
            let found = codes(&[(said, Ok(came(arrives)))], Front::Nginx);
            assert_eq!(found.verdict, wanted, "{said} {arrives} {found:?}");
        }
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
