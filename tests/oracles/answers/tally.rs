//! What a run of the answers oracle found: the senders', the log's and the application's words held against each other.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use super::ledger::{Pages, is_success};
use super::plan::Kind;
use super::senders::Heard;

/// Answers to other requests that one fault may bring, however long the traffic goes on.
const MOST_FOR_A_FAULT: f64 = 2.0;
/// Examples that are told of each finding.
const EXAMPLES: usize = 4;

/// What the access log says of one request.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    pub delivered: bool,
    pub status: Option<u16>,
}

#[derive(Default)]
pub struct Tally {
    pub requests: usize,
    pub faults: BTreeMap<Kind, usize>,
    /// Answers to another request.
    pub wrong: Found,
    /// `delivered` in the log, or a success heard, without one that the application completed.
    pub false_delivered: Found,
    /// The log and the sender do not say the same, or the log has not exactly one line.
    pub disagreed: Found,
    /// Answers to others on one connection of the application, and how many have so many.
    pub chains: BTreeMap<usize, usize>,
    /// The most on one connection for each of its faults.
    pub most_for_a_fault: f64,
}

/// Findings of one kind, by when the bytes came that made them.
#[derive(Default)]
pub struct Found {
    /// The application had written them before the sender asked: the gate could have seen them.
    pub seen: usize,
    /// They were written after that, so they may have come when the request was under way: nobody could know.
    pub under_way: usize,
    examples: Vec<String>,
}

impl Found {
    pub fn count(&self) -> usize {
        self.seen + self.under_way
    }

    fn add(&mut self, pages: &Pages, heard: &Heard, what: &str) {
        let written = pages.foreign_bytes(heard.token, heard.named);
        let seen = written.is_none_or(|at| at < heard.sent);
        *(if seen { &mut self.seen } else { &mut self.under_way }) += 1;
        if self.examples.len() < EXAMPLES || (seen && self.examples.len() < 2 * EXAMPLES) {
            let word = if seen { "to be seen" } else { "under way" };
            let Heard { token, status, named, .. } = heard;
            let story = pages.story(*token);
            self.examples.push(format!(
                "{word}: to {token} the sender heard {status}, which names {named:?}; {what}; {story}"
            ));
        }
    }
}

/// Whether a sender heard what the application answered to it, or the gate's word where that is no success to Nexmo.
pub fn is_right(pages: &Pages, heard: &Heard) -> bool {
    match heard.named {
        Some(named) => {
            named == heard.token && pages.completed(heard.token).any(|status| status == heard.status)
        }
        None => {
            heard.status == 503 && pages.completed(heard.token).any(|status| (300..400).contains(&status))
        }
    }
}

impl Tally {
    pub fn judge(&mut self, pages: &Pages, heard: &[Heard], log: &HashMap<usize, Vec<Line>>) {
        self.requests += heard.len();
        for (kind, count) in &pages.faults {
            *self.faults.entry(*kind).or_default() += count;
        }
        let mut wrong_on: BTreeMap<usize, usize> = BTreeMap::new();
        for one in heard {
            let Heard { token, status, named, .. } = *one;
            let lines = log.get(&token).map_or(&[][..], Vec::as_slice);
            if named.is_some_and(|named| named != token) {
                self.wrong.add(pages, one, &format!("the log says {lines:?}"));
                if let Some(arrival) = pages.place(token) {
                    *wrong_on.entry(arrival.connection).or_default() += 1;
                }
            }
            let called_success = is_success(status) || lines.iter().any(|line| line.delivered);
            if called_success && !pages.succeeded(token) {
                let completed: Vec<u16> = pages.completed(token).collect();
                let what = format!("the log says {lines:?}, the application completed {completed:?}");
                self.false_delivered.add(pages, one, &what);
            }
            let agree = matches!(lines, [line] if line.delivered == is_success(status)
                && line.status == Some(status).filter(|status| *status > 0));
            if !agree {
                self.disagreed.add(pages, one, &format!("the log says {lines:?}"));
            }
        }
        for (connection, wrong) in wrong_on {
            *self.chains.entry(wrong).or_default() += 1;
            let faults = pages
                .arrivals
                .values()
                .flatten()
                .filter(|arrival| arrival.connection == connection && arrival.kind != Kind::Right)
                .count();
            let ratio = f64::from(u32::try_from(wrong).expect("few"))
                / f64::from(u32::try_from(faults.max(1)).expect("few"));
            self.most_for_a_fault = self.most_for_a_fault.max(ratio);
        }
    }

    pub fn faults(&self) -> usize {
        self.faults.values().sum()
    }

    /// What must never be, however it came: what could have been known, and what ends in no bound.
    pub fn flaws(&self) -> Vec<String> {
        let rows = [
            (self.disagreed.count() > 0, "the log and the senders do not say the same"),
            (self.false_delivered.seen > 0, "`delivered`, by bytes that were there before the request"),
            (self.wrong.seen > 0, "another's answer, by bytes that were there before the request"),
            (self.most_for_a_fault > MOST_FOR_A_FAULT, "more answers to others than one fault may bring"),
        ];
        rows.iter().filter(|(is_so, _)| *is_so).map(|(_, what)| (*what).to_owned()).collect()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults = self.faults();
        writeln!(f, "{} requests, {faults} faults: {:?}", self.requests, self.faults)?;
        for (what, found) in [
            ("answers to another request", &self.wrong),
            ("false `delivered`", &self.false_delivered),
            ("log and sender differ", &self.disagreed),
        ] {
            writeln!(
                f,
                "{what}: {}, of them {} by bytes that came after the request was sent; {} in 100,000 faults",
                found.count(),
                found.under_way,
                found.count() * 100_000 / faults.max(1)
            )?;
        }
        writeln!(
            f,
            "connections by how many answers to another request they carried: {:?}; the most for one fault: {:.1}",
            self.chains, self.most_for_a_fault
        )?;
        for found in [&self.false_delivered, &self.wrong, &self.disagreed] {
            for example in &found.examples {
                writeln!(f, "- {example}")?;
            }
        }
        Ok(())
    }
}
