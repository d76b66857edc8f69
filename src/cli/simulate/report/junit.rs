//! A run as the XML of `JUnit`, which every CI reads.
//!
//! Invariant: whatever an application answered, the file is well-formed XML 1.0.

use std::fmt::Write as _;
use std::time::Duration;

use crate::admin::text::quantity::counted;
use crate::cli::simulate::message::Message;
use crate::cli::simulate::report::{Done, Run};

/// The text of the file.
pub(in crate::cli::simulate) fn file(run: &Run) -> String {
    let skipped = run.stopped() + run.unsent.len();
    let (all, bad) = (run.done.len() + run.unsent.len(), run.done.len() - run.good() - run.stopped());
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    // Writing to a String cannot fail, here and below.
    let _ = writeln!(
        text,
        "<testsuite name=\"nexmo-gate simulate {}\" tests=\"{all}\" failures=\"{bad}\" errors=\"0\" skipped=\"{skipped}\" time=\"{:.3}\">",
        escaped(&run.to),
        run.took.as_secs_f64()
    );
    run.done.iter().for_each(|done| case(done, &mut text));
    for message in &run.unsent {
        open(message, Duration::ZERO, &mut text);
        skipped_case("not sent: the run was stopped before", &mut text);
    }
    text.push_str("</testsuite>\n");
    text
}

fn case(done: &Done, text: &mut String) {
    open(&done.message, done.course.tries.iter().map(|tried| tried.took).sum(), text);
    if done.course.good {
        text.push_str("/>\n");
        return;
    }
    if done.course.stopped {
        let tries = counted(done.course.tries.len(), "try", "tries");
        return skipped_case(&format!("stopped before its end, after {tries}"), text);
    }
    let outlook = done.course.tries.last().map_or("", |tried| &tried.outlook);
    let _ = writeln!(
        text,
        ">\n    <failure message=\"{}\">{}</failure>\n  </testcase>",
        escaped(outlook),
        escaped(&done.problems().join("\n"))
    );
}

/// The begin of a case.
fn open(message: &Message, took: Duration, text: &mut String) {
    let name = if message.number == 1 {
        message.name.clone()
    } else {
        format!("{} {}", message.name, message.number)
    };
    let _ = write!(
        text,
        "  <testcase classname=\"{}\" name=\"{}\" time=\"{:.3}\"",
        escaped(message.webhook.name()),
        escaped(&name),
        took.as_secs_f64()
    );
}

/// The rest of one that says nothing of the application.
fn skipped_case(why: &str, text: &mut String) {
    let _ = writeln!(text, ">\n    <skipped message=\"{}\"/>\n  </testcase>", escaped(why));
}

/// Text for an element or an attribute. XML has no way to write most control characters.
fn escaped(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '&' => "&amp;".to_owned(),
            '<' => "&lt;".to_owned(),
            '>' => "&gt;".to_owned(),
            '"' => "&quot;".to_owned(),
            '\n' => "&#10;".to_owned(),
            '\t' => "&#9;".to_owned(),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => '\u{fffd}'.to_string(),
            c => c.to_string(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_ends_an_element_or_an_attribute() {
        assert_eq!(
            escaped("<a b=\"c\">&\u{1}\u{1b}\n\u{85}\u{ffff}é"),
            "&lt;a b=&quot;c&quot;&gt;&amp;\u{fffd}\u{fffd}&#10;\u{fffd}\u{fffd}é"
        );
    }
}
