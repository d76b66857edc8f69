//! The course of one message: its tries, by the sender's schedule, on a clock that may run faster.
//!
//! The clock runs by the waits of the schedule and by the whole seconds that a try took, so that the moments of an
//! application that fails at once are those of the documents. Waits are divided by the speed; time-outs stay real.
//! Invariant: every course ends, because every schedule does.

use std::time::Duration;

use crate::cli::simulate::message::Message;
use crate::cli::simulate::verdict::{Verdict, judge};
use crate::cli::webhooks::connection::Line;
use crate::cli::webhooks::exchange::{Exchange, exchange};
use crate::policy::mask::mode::Mask;
use crate::policy::provider::DEFAULT;
use crate::policy::provider::next::{Next, Try};
use crate::policy::provider::spec::AnswerRule;
use crate::policy::provider::tries::{Ended, Schedule};
use crate::policy::signature::mac::sha256;

/// How far a message is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Until {
    /// To the first success, or until the message is lost
    Success,
    /// To the end of the schedule: as if every success was lost on its way back
    Lost,
}

/// How messages are tried.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// `None`: once.
    pub until: Option<Until>,
    /// How much faster the waits pass.
    pub speed: u32,
    /// The second schedule of the documents, where there is one.
    pub other: bool,
}

/// One try.
#[derive(Clone, Debug)]
pub(super) struct Tried {
    /// Which one, from 1.
    pub number: u32,
    /// Since the first one, on the sender's clock.
    pub at: Duration,
    /// How long it took.
    pub took: Duration,
    /// What came back is worth.
    pub verdict: Verdict,
    /// The body of the answer; `None` without an answer.
    pub body: Option<Body>,
    /// What the sender does now.
    pub next: Next,
    /// That in words.
    pub outlook: String,
    /// The raw answer, where it is to be shown.
    pub shown: Option<Vec<u8>>,
}

/// What is kept of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Body {
    /// How many bytes it has.
    pub len: usize,
    /// Its hash.
    pub hash: [u8; 32],
}

/// What became of a message.
#[derive(Debug)]
pub(super) struct Course {
    /// Its tries.
    pub tries: Vec<Tried>,
    /// What is wrong with the whole of it.
    pub problems: Vec<String>,
    /// What is good to know about the whole of it.
    pub notes: Vec<String>,
    /// The message is delivered, and nothing is wrong.
    pub good: bool,
    /// The user ended it before its end.
    pub stopped: bool,
}

impl Course {
    /// What was not tried to its end is neither good nor bad.
    fn stop(&mut self) {
        self.good = false;
        self.stopped = true;
        self.notes.push("stopped before its end".to_owned());
    }
}

/// Follows one message. `seen` hears of each try, and ends the course where it says no.
pub(super) fn follow(
    line: &Line,
    message: &Message,
    pace: Pace,
    show: bool,
    seen: &mut dyn FnMut(&Tried) -> bool,
) -> Course {
    let spec = message.webhook.spec();
    let schedule = schedule(spec.tries.schedules, pace.other);
    let (mut at, mut number, mut unanswered) = (Duration::ZERO, 1, 0);
    let mut all = Vec::new();
    loop {
        let came = exchange(line, spec.tries.connect, spec.tries.answer, &message.bytes);
        if line.stop.is_said() && came.got.is_err() {
            // Whether it would have failed, nobody knows.
            return stopped(all);
        }
        let verdict = judge(message.webhook, &came);
        let since_first = at + Duration::from_secs(came.took.as_secs());
        let real = Try { number, since_first, ended: verdict.ended };
        let is_success = spec.is_delivered(verdict.ended);
        // The answer was lost on its way back: to the sender the connection closed before it.
        let heard = if pace.until == Some(Until::Lost) && is_success { Ended::Closed } else { verdict.ended };
        let next = spec.after_by(Try { ended: heard, ..real }, schedule);
        unanswered += u32::from(!is_success);
        let tried = Tried {
            number,
            at,
            took: came.took,
            body: came
                .got
                .as_ref()
                .ok()
                .map(|answer| Body { len: answer.body.len(), hash: sha256(&answer.body) }),
            next,
            outlook: spec.outlook_by(real, schedule),
            shown: show.then(|| raw(&came)),
            verdict,
        };
        let goes_on = seen(&tried);
        all.push(tried);
        match next {
            Next::Again(wait) if goes_on && pace.until.is_some() => {
                if line.stop.wait(wait / pace.speed.max(1)) {
                    return stopped(all);
                }
                at = since_first + wait;
                number += 1;
            }
            _ => {
                let good = if pace.until == Some(Until::Lost) { unanswered == 0 } else { is_success };
                return Course { tries: all, problems: Vec::new(), notes: Vec::new(), good, stopped: false };
            }
        }
    }
}

/// The course of tries after which the user wanted to stop.
fn stopped(tries: Vec<Tried>) -> Course {
    let mut course = Course { tries, problems: Vec::new(), notes: Vec::new(), good: false, stopped: false };
    course.stop();
    course
}

/// Sends a message once more, as a sender does whose first answer was lost, and compares what the application says.
pub(super) fn repeat(line: &Line, message: &Message, course: &mut Course) {
    let spec = message.webhook.spec();
    let came = exchange(line, spec.tries.connect, spec.tries.answer, &message.bytes);
    if line.stop.is_said() && came.got.is_err() {
        course.stop();
        return;
    }
    let verdict = judge(message.webhook, &came);
    let Some(first) = course.tries.last() else { return };
    if verdict.ended != first.verdict.ended {
        let told = |ended| spec.tries.how(ended);
        course.problems.push(format!(
            "sent twice, the first ended with {} and the second with {}: a repeat must be taken as the first was",
            told(first.verdict.ended),
            told(verdict.ended)
        ));
    } else if came.got.as_ref().ok().map(|answer| sha256(&answer.body)) != first.body.map(|body| body.hash) {
        let text = "sent twice, the second answer has another body than the first".to_owned();
        let is_read = spec.answer != AnswerRule::Any;
        if is_read { &mut course.problems } else { &mut course.notes }.push(text);
    } else {
        course.notes.push("sent twice, with the same answer".to_owned());
    }
    course.good &= course.problems.is_empty();
}

/// A message whose signature is forged must be refused, with an answer.
pub(super) fn expect_refusal(message: &Message, course: &mut Course) {
    let Some(last) = course.tries.last_mut() else { return };
    // An answer that the sender cannot use is a success to whoever gave it; so is a redirect.
    let taken = match last.verdict.ended {
        Ended::Unusable => Some("a success".to_owned()),
        Ended::Status(status @ ..400) => Some(status.to_string()),
        ended => message.webhook.spec().is_delivered(ended).then(|| "a success".to_owned()),
    };
    course.good = false;
    if let Some(told) = taken {
        course.problems.push(format!(
            "a message with a forged signature was answered with {told}, and must be refused with a status from 400: nothing \
             checks signatures here"
        ));
    } else if last.body.is_none() {
        course.problems.push("there was no answer, so nothing says that signatures are checked".to_owned());
    } else {
        course.good = true;
        course.notes.push(
            "refused, as a forged signature must be; that is for the signature only if a good one is delivered".to_owned(),
        );
        // It is what was wanted, and nothing to mend.
        last.verdict.problems.clear();
    }
}

/// The schedule that counts.
pub(super) fn schedule(schedules: &'static [Schedule], other: bool) -> Option<&'static Schedule> {
    let second = schedules.get(1).filter(|_| other);
    second.or_else(|| schedules.first())
}

/// What came, for people.
fn raw(exchange: &Exchange) -> Vec<u8> {
    match &exchange.got {
        // An application that repeats what it got repeats the signature too.
        Ok(answer) => {
            let text = [&answer.head[..], &answer.body].concat();
            Mask { full: true, names: &DEFAULT.fields }.text(&String::from_utf8_lossy(&text)).into_bytes()
        }
        Err(failed) => failed.why.clone().into_bytes(),
    }
}
