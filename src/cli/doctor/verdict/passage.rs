//! How requests pass what stands in front: once, to the gate and no cache, without waiting, and as large as the gate takes.

use std::collections::HashSet;
use std::time::Duration;

use crate::cli::doctor::checks::Check;
use crate::cli::doctor::outside::answer::{Answer, Instead};
use crate::cli::doctor::outside::tally::{Surplus, Tally};
use crate::cli::doctor::report::{Finding, Verdict};
use crate::cli::doctor::verdict::remedy::{Front, HOLD_NOTHING_UP, KEEP_NO_ANSWER, SEND_ONCE, TAKE_BODIES};
use crate::judge::served::seen::Seen;

/// A request that is held up longer than this costs a sender that sends many in a row.
const HELD_UP: Duration = Duration::from_millis(200);

/// Whether equal questions reach the gate, each as one of its own; `is_old` says that an answer to another question came. Equal
/// counts alone show no cache: a gate forgets a question when it is asked very many others. An answer that is kept has an equal time.
#[must_use]
pub(crate) fn cached(all: &[Seen], is_old: bool, front: Front) -> Finding {
    let check = Check::FrontCache;
    let mut counts = HashSet::new();
    let is_again = all.iter().any(|seen| !counts.insert((&seen.gate, seen.times, seen.now_ms)));
    if !is_again && !is_old {
        return Finding::pass(check, format!("{} questions of three kinds, as many answers", all.len()));
    }
    let what = if is_old { "an answer to an earlier question" } else { "the answer to an equal question" };
    let evidence = format!("{what} comes back: a webhook may be answered by a cache, and is lost");
    Finding::fail(check, evidence, KEEP_NO_ANSWER.of(front))
}

/// Whether the gate saw no question more often than it was sent.
#[must_use]
pub(crate) fn once(tally: &Tally, front: Front) -> Finding {
    let check = Check::FrontOnce;
    let Some(Surplus { method, sent, came }) = &tally.surplus else {
        return Finding::pass(check, format!("none of {} questions came too often", tally.counted));
    };
    let evidence = format!(
        "a {method} that was sent {sent} times came {came} times: the application has such a message more than once"
    );
    Finding::fail(check, evidence, SEND_ONCE.of(front))
}

/// Whether requests are answered at once. The middle one counts: a single one may have waited for anything.
#[must_use]
pub(crate) fn speed(waits: &[Duration], front: Front) -> Finding {
    let mut waits = waits.to_vec();
    waits.sort_unstable();
    let middle = waits.get(waits.len() / 2).copied().unwrap_or_default();
    let (count, seconds) = (waits.len(), middle.as_secs_f64());
    if middle <= HELD_UP {
        return Finding::pass(
            Check::FrontSpeed,
            format!("half of {count} plain requests take {seconds:.2} s or less"),
        );
    }
    let evidence = format!(
        "half of {count} plain requests take {seconds:.2} s or more besides the way, one at a time: something holds them up"
    );
    Finding::warn(Check::FrontSpeed, evidence, HOLD_NOTHING_UP.of(front))
}

/// Whether a body of `largest` bytes, which the gate takes, comes whole, and a larger one is refused in words. `body` is what
/// became of a smaller one; the digest is that of the largest.
#[must_use]
pub(crate) fn limit(
    body: Verdict,
    (largest, sum): (u64, &str),
    came: &Result<Answer, Instead>,
    front: Front,
) -> Finding {
    let check = Check::FrontLimit;
    if body != Verdict::Pass {
        return Finding::skip(check, "smaller bodies do not come through: see front.body");
    }
    let words = match came {
        Ok(answer) => match answer.seen() {
            Some(seen) if seen.body_sha256 == sum => {
                return Finding::pass(check, format!("{largest} bytes, as many as the gate takes"));
            }
            // What a client in no list may hold of the gate's memory is less than one body.
            Some(seen) if seen.body_sha256.is_empty() => {
                return Finding::skip(check, "the gate itself refuses it from here: limits.buffers");
            }
            Some(seen) => format!("{} bytes reach the gate", seen.body_bytes),
            None => answer.shown(),
        },
        Err(words) => words.to_string(),
    };
    let evidence =
        format!("the gate takes bodies of {largest} bytes (limits.max_body), and of such a one: {words}");
    let change = format!("{}; or a smaller limits.max_body at the gate", TAKE_BODIES.of(front));
    Finding::warn(check, evidence, change)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(gate: &str, times: u32, now_ms: u64) -> Seen {
        Seen { gate: gate.into(), times, now_ms, ..Seen::default() }
    }

    #[test]
    fn an_answer_that_comes_again_is_kept_and_an_equal_count_is_not() {
        for (all, wanted) in [
            (vec![seen("a", 1, 1), seen("a", 2, 2), seen("a", 3, 3)], Verdict::Pass),
            (vec![seen("a", 1, 1), seen("b", 1, 1), seen("a", 2, 2)], Verdict::Pass),
            (vec![seen("a", 1, 1), seen("a", 1, 1), seen("a", 1, 1)], Verdict::Fail),
            // Somebody asked so much that the gate forgot the question.
            (vec![seen("a", 1, 1), seen("a", 1, 2)], Verdict::Pass),
        ] {
            assert_eq!(cached(&all, false, Front::Nginx).verdict, wanted, "{all:?}");
        }
        assert_eq!(cached(&[], true, Front::Nginx).verdict, Verdict::Fail);
    }

    #[test]
    fn a_question_that_came_too_often_is_named_by_its_method() {
        let surplus = |surplus| {
            let mut tally = Tally::default();
            tally.surplus = surplus;
            once(&tally, Front::Nginx)
        };
        assert_eq!(surplus(None).verdict, Verdict::Pass);
        let found = surplus(Some(Surplus { method: "POST".into(), sent: 1, came: 2 }));
        assert!(
            found.verdict == Verdict::Fail && found.evidence.contains("POST that was sent 1"),
            "{found:?}"
        );
    }

    #[test]
    fn one_slow_answer_of_many_is_nothing() {
        let verdict = |waits: &[u64]| {
            let waits: Vec<Duration> = waits.iter().map(|ms| Duration::from_millis(*ms)).collect();
            speed(&waits, Front::Nginx).verdict
        };
        assert_eq!(verdict(&[1, 2, 900]), Verdict::Pass);
        assert_eq!(verdict(&[1, 300, 900]), Verdict::Warn);
        assert_eq!(verdict(&[]), Verdict::Pass);
    }
}
