//! A run in lines for people.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use crate::admin::text::quantity::counted;
use crate::cli::simulate::course::Tried;
use crate::cli::simulate::message::Message;
use crate::cli::simulate::report::{Done, Run};
use crate::cli::table;
use crate::cli::webhooks::form::Form;
use crate::cli::webhooks::samples::Sample;

/// How many tries of a message are told one by one.
pub(in crate::cli::simulate) const TOLD: u32 = 12;

/// What is sent.
pub(in crate::cli::simulate) fn opening(message: &Message, show: bool) -> String {
    let Message { webhook, name, method, path, signed, bytes, .. } = message;
    let title = if webhook.name() == name { String::new() } else { format!(": {name}") };
    let size = bytes.len();
    let mut text = format!("{}{title}\n  {method} {path}, {size} bytes, {signed}\n", webhook.name());
    if show {
        text.push_str(&quoted('>', &message.shown));
    }
    text
}

/// One try. What was told of the try before is not told again.
pub(in crate::cli::simulate) fn tried(tried: &Tried, show: bool, told: &[String]) -> String {
    let mut text = String::new();
    if show && let Some(raw) = &tried.shown {
        text.push_str(&quoted('<', &String::from_utf8_lossy(raw)));
    }
    // Writing to a String cannot fail, here and below.
    let _ = writeln!(text, "  {:<11} {}  ({} ms)", moment(tried.at), tried.outlook, tried.took.as_millis());
    for problem in tried.verdict.problems.iter().filter(|problem| !told.contains(*problem)) {
        let _ = writeln!(text, "              {problem}");
    }
    for note in &tried.verdict.notes {
        let _ = writeln!(text, "              note: {note}");
    }
    text
}

/// The end of a message: what was left out, and what is true of the whole of it.
pub(in crate::cli::simulate) fn ending(done: &Done) -> String {
    let mut text = String::new();
    let tries = &done.course.tries;
    if let Some(last) = tries.last().filter(|last| last.number > TOLD) {
        let left_out = u32::try_from(tries.len()).unwrap_or(u32::MAX).saturating_sub(TOLD + 1);
        if left_out > 0 {
            let _ = writeln!(text, "              ... {} more", counted(left_out as usize, "try", "tries"));
        }
        text.push_str(&tried(last, false, &last.verdict.problems));
    }
    for problem in &done.course.problems {
        let _ = writeln!(text, "              {problem}");
    }
    for note in &done.course.notes {
        let _ = writeln!(text, "              note: {note}");
    }
    text
}

/// The last line of a run.
pub(in crate::cli::simulate) fn closing(run: &Run) -> String {
    let (sent, good) = (run.done.len(), run.good());
    let messages = counted(sent, "message", "messages");
    let cut = if run.is_cut() { rest(run) } else { String::new() };
    let stopped = run.stopped();
    if sent - stopped == good {
        let all = if run.is_cut() { format!("{good} good") } else { "all good".to_owned() };
        return format!("\n{messages} to {}: {all}\n{cut}", run.to);
    }
    let mut bad: Vec<&str> = Vec::new();
    for done in run.done.iter().filter(|done| !done.course.good && !done.course.stopped) {
        if !bad.contains(&done.message.name.as_str()) {
            bad.push(&done.message.name);
        }
    }
    let not = sent - good - stopped;
    format!("\n{messages} to {}: {good} good, {not} NOT: {}\n{cut}", run.to, bad.join(", "))
}

/// What a run that was stopped has not done.
fn rest(run: &Run) -> String {
    let begun = counted(run.stopped(), "message", "messages");
    format!("stopped: {begun} begun and not followed to the end, {} not sent\n", run.unsent.len())
}

/// Many messages, by what became of them.
pub(in crate::cli::simulate) fn crowd(run: &Run) -> String {
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    let mut problems: BTreeMap<&str, usize> = BTreeMap::new();
    for done in &run.done {
        if let Some(last) = done.course.tries.last() {
            *kinds.entry(&last.outlook).or_default() += 1;
        }
        done.problems().into_iter().for_each(|problem| *problems.entry(problem).or_default() += 1);
    }
    let seconds = run.took.as_secs_f64();
    let mut text = format!("{} in {seconds:.1} s\n", counted(run.done.len(), "message", "messages"));
    let row = |(what, count): (&&str, &usize)| vec![count.to_string(), (*what).to_owned()];
    text.push_str(&table::columns(&kinds.iter().map(row).collect::<Vec<_>>(), &[0]));
    if !problems.is_empty() {
        text.push_str("to mend:\n");
        text.push_str(&table::columns(&problems.iter().take(20).map(row).collect::<Vec<_>>(), &[0]));
    }
    let mut times: Vec<Duration> =
        run.done.iter().flat_map(|done| &done.course.tries).map(|tried| tried.took).collect();
    times.sort_unstable();
    let at = |share: usize| times.get((times.len() * share / 100).min(times.len().saturating_sub(1)));
    let ms = |time: Option<&Duration>| time.map_or(0, Duration::as_millis);
    let _ = writeln!(
        text,
        "answered after: half within {} ms, 95 of 100 within {} ms, 99 within {} ms, all within {} ms",
        ms(at(50)),
        ms(at(95)),
        ms(at(99)),
        ms(times.last())
    );
    text
}

/// The samples that there are.
pub(in crate::cli::simulate) fn list(samples: &[Sample]) -> String {
    let mut rows = vec![["WEBHOOK", "SAMPLE", "FORM", "PATH"].map(str::to_owned).to_vec()];
    rows.extend(samples.iter().map(|sample| {
        vec![
            sample.webhook.name().to_owned(),
            sample.name.clone(),
            Form::of(sample).word().to_owned(),
            sample.path().to_owned(),
        ]
    }));
    table::columns(&rows, &[])
}

fn quoted(mark: char, text: &str) -> String {
    text.lines().map(|line| format!("  {mark} {line}\n")).collect()
}

/// A moment of the sender's clock.
fn moment(at: Duration) -> String {
    let seconds = at.as_secs();
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("at {rest} s"),
        (0, _) => format!("at {minutes}:{rest:02}"),
        _ => format!("at {hours}:{minutes:02}:{rest:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_told_as_a_clock_tells_it() {
        for (seconds, wanted) in [(0, "at 0 s"), (59, "at 59 s"), (75, "at 1:15"), (86_400, "at 24:00:00")] {
            assert_eq!(moment(Duration::from_secs(seconds)), wanted);
        }
    }
}
