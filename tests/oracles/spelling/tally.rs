//! What a run of the spelling oracle found, as a table, with examples of what was wrong.

use std::collections::BTreeMap;
use std::fmt;

use super::Spelling;
use super::patterns::{ROUTES, Verdict, compare, meant};
use super::pipeline::Heard;
use crate::applications::View;

/// Examples that are shown of each verdict of each application.
const EXAMPLES: usize = 8;

#[derive(Default)]
pub struct Tally {
    /// Requests through the gate by the version of HTTP and their status; 0: closed or reset without one.
    answers: BTreeMap<(&'static str, u16), usize>,
    passed: usize,
    /// By application, how it was asked, and which of its readings.
    rows: BTreeMap<(&'static str, &'static str, String), Row>,
    examples: BTreeMap<(&'static str, Verdict), Vec<String>>,
}

#[derive(Default)]
struct Row {
    asked: usize,
    /// The application refused it, or could not decode it.
    refused: usize,
    verdicts: BTreeMap<Verdict, usize>,
}

impl Tally {
    pub fn count_answer(&mut self, heard: &Heard) {
        *self.answers.entry((heard.version, heard.status)).or_default() += 1;
    }

    pub fn count_passed(&mut self, count: usize) {
        self.passed += count;
    }

    pub fn judge(
        &mut self,
        name: &'static str,
        way: &'static str,
        chosen: usize,
        spelling: &Spelling,
        views: &[View],
    ) {
        if views.is_empty() {
            let row = self.rows.entry((name, way, String::new())).or_default();
            row.asked += 1;
            row.refused += 1;
        }
        for view in views {
            let verdict = compare(chosen, view);
            let row = self.rows.entry((name, way, view.how.clone())).or_default();
            row.asked += 1;
            *row.verdicts.entry(verdict).or_default() += 1;
            let examples = self.examples.entry((name, verdict)).or_default();
            if verdict != Verdict::Agreed && examples.len() < EXAMPLES {
                examples.push(format!(
                    "{} came by route {}; {} {way}, {}: host \"{}\", path \"{}\", which is route {}",
                    show(spelling),
                    route(Some(chosen)),
                    name,
                    view.how,
                    text(&view.host),
                    text(&view.path),
                    route(meant(&view.host, &view.path)),
                ));
            }
        }
    }

    /// Requests that reached an application by a route that they do not mean.
    pub fn wrong(&self) -> usize {
        let wrong = [Verdict::Wider, Verdict::Other];
        self.rows.values().map(|row| wrong.iter().filter_map(|v| row.verdicts.get(v)).sum::<usize>()).sum()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let asked: usize = self.answers.values().sum();
        writeln!(
            f,
            "{asked} requests through the gate; {} passed to the recorder and were judged by all",
            self.passed
        )?;
        for ((version, status), count) in &self.answers {
            writeln!(f, "{version}, {status} (0: none): {count}")?;
        }
        writeln!(
            f,
            "| application | asked | reads | judged | refused | agreed | stricter | wider | other |"
        )?;
        writeln!(f, "| --- | --- | --- | --- | --- | --- | --- | --- | --- |")?;
        for ((name, way, how), row) in &self.rows {
            let count = |verdict| row.verdicts.get(&verdict).copied().unwrap_or(0);
            writeln!(
                f,
                "| {name} | {way} | {how} | {} | {} | {} | {} | {} | {} |",
                row.asked,
                row.refused,
                count(Verdict::Agreed),
                count(Verdict::Stricter),
                count(Verdict::Wider),
                count(Verdict::Other)
            )?;
        }
        for ((_, verdict), examples) in &self.examples {
            for example in examples {
                writeln!(f, "{verdict:?}: {example}")?;
            }
        }
        Ok(())
    }
}

pub fn show(spelling: &Spelling) -> String {
    format!("\"{}\" with Host \"{}\"", text(&spelling.target), text(&spelling.host))
}

fn text(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

fn route(place: Option<usize>) -> String {
    place.map_or("none".to_owned(), |place| {
        format!("{}{}", ROUTES[place].host.unwrap_or_default(), ROUTES[place].path)
    })
}
