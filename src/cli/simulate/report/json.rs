//! A run as JSON. The names are an interface: they stay as they are, and more may come.

use serde::Serialize;

use crate::cli::simulate::course::Tried;
use crate::cli::simulate::report::{Done, Run};
use crate::policy::provider::next::Next;
use crate::policy::provider::tries::Ended;

#[derive(Serialize)]
struct Document<'r> {
    to: &'r str,
    sent: usize,
    good: usize,
    seconds: f64,
    messages: Vec<Message<'r>>,
    unsent: Vec<Unsent<'r>>,
}

/// A message that was not begun.
#[derive(Serialize)]
struct Unsent<'r> {
    number: u32,
    webhook: &'static str,
    sample: &'r str,
}

#[derive(Serialize)]
struct Message<'r> {
    number: u32,
    webhook: &'static str,
    sample: &'r str,
    method: &'r str,
    path: &'r str,
    form: &'static str,
    bytes: usize,
    signed: &'r str,
    good: bool,
    stopped: bool,
    tries: Vec<One<'r>>,
    problems: &'r [String],
    notes: &'r [String],
}

#[derive(Serialize)]
struct One<'r> {
    number: u32,
    at_s: u64,
    took_ms: u128,
    ended: &'static str,
    status: Option<u16>,
    answer_bytes: Option<usize>,
    next: &'static str,
    again_in_s: Option<u64>,
    says: &'r str,
    problems: &'r [String],
    notes: &'r [String],
}

/// The document of a run, with a newline at its end.
///
/// # Errors
/// It cannot be written; nothing in it is of that kind.
pub(in crate::cli::simulate) fn document(run: &Run) -> serde_json::Result<String> {
    let document = Document {
        to: &run.to,
        sent: run.done.len(),
        good: run.good(),
        seconds: run.took.as_secs_f64(),
        messages: run.done.iter().map(message).collect(),
        unsent: run
            .unsent
            .iter()
            .map(|one| Unsent { number: one.number, webhook: one.webhook.name(), sample: &one.name })
            .collect(),
    };
    serde_json::to_string_pretty(&document).map(|text| text + "\n")
}

fn message(done: &Done) -> Message<'_> {
    let (message, course) = (&done.message, &done.course);
    Message {
        number: message.number,
        webhook: message.webhook.name(),
        sample: &message.name,
        method: &message.method,
        path: &message.path,
        form: message.form.word(),
        bytes: message.bytes.len(),
        signed: &message.signed,
        good: course.good,
        stopped: course.stopped,
        tries: course.tries.iter().map(one).collect(),
        problems: &course.problems,
        notes: &course.notes,
    }
}

fn one(tried: &Tried) -> One<'_> {
    One {
        number: tried.number,
        at_s: tried.at.as_secs(),
        took_ms: tried.took.as_millis(),
        ended: ended(tried.verdict.ended),
        status: if let Ended::Status(status) = tried.verdict.ended { Some(status) } else { None },
        answer_bytes: tried.body.map(|body| body.len),
        next: next(tried.next),
        again_in_s: if let Next::Again(wait) = tried.next { Some(wait.as_secs()) } else { None },
        says: &tried.outlook,
        problems: &tried.verdict.problems,
        notes: &tried.verdict.notes,
    }
}

fn ended(ended: Ended) -> &'static str {
    match ended {
        Ended::Status(_) => "status",
        Ended::Unusable => "unusable",
        Ended::NoConnection => "no_connection",
        Ended::TimedOut => "timed_out",
        Ended::Closed => "closed",
        Ended::Untrusted => "untrusted",
        Ended::Garbled => "garbled",
    }
}

fn next(next: Next) -> &'static str {
    match next {
        Next::Delivered => "delivered",
        Next::Again(_) => "again",
        Next::Fallback => "fallback",
        Next::Lost => "lost",
        Next::Unstated => "unstated",
    }
}
