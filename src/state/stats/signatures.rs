//! The signatures of a route's requests.
//!
//! It counts the findings by scheme, the ages of good signatures, and the forms of payload that tokens cover.
//! Only atomics. Invariant: every signature of a client that may use the route is counted once.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::policy::signature::finding::{Finding, Scheme};
use crate::policy::signature::payload::PayloadForm;

/// Upper bounds of the histogram of ages, in seconds: they tell whether a message that is tried again is signed again.
pub(crate) const AGE_BOUNDS_S: [u64; 8] = [1, 5, 30, 60, 300, 3600, 21_600, 86_400];
/// So many requests in a row without a good signature are more than chance: the secret or the account's settings are more
/// likely to be wrong than every sender.
pub(crate) const MANY_IN_A_ROW: u64 = 20;
const FINDINGS: usize = Finding::ALL.len();
/// Three rows: token, parameter, no signature.
const SCHEMES: usize = 3;

/// What is counted of one signature.
#[derive(Clone, Copy, Debug)]
pub struct Counted {
    /// How the request is signed; `None` if it is not.
    pub scheme: Option<Scheme>,
    /// What was found.
    pub finding: Finding,
    /// The age of a good one, in seconds.
    pub age: Option<i64>,
    /// The form of payload that the token covers, if it was found.
    pub form: Option<PayloadForm>,
}

/// What the last requests of a route have in common, if there are many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Row {
    /// So many had no signature, so no secret can be wrong.
    Unsigned(u64),
    /// So many had no good signature.
    NotGood(u64),
}

/// The counts.
#[derive(Debug, Default)]
pub struct SignatureCounters {
    findings: [[AtomicU64; FINDINGS]; SCHEMES],
    ages: [AtomicU64; AGE_BOUNDS_S.len() + 1],
    ages_sum_s: AtomicU64,
    forms: [AtomicU64; PayloadForm::ALL.len()],
    /// Requests without a good signature since the last good one.
    in_a_row: AtomicU64,
    /// Requests without any signature since the last one that had one.
    unsigned_in_a_row: AtomicU64,
    repeats: AtomicU64,
    strangers: AtomicU64,
}

impl SignatureCounters {
    /// Counts one of a client that may use the route.
    pub fn count(&self, counted: &Counted) {
        let good = counted.finding.is_good();
        self.findings[row_of(counted.scheme)][counted.finding as usize].fetch_add(1, Relaxed);
        if let Some(form) = counted.form {
            self.forms[form as usize].fetch_add(1, Relaxed);
        }
        if let Some(age) = counted.age.filter(|_| good) {
            let age = u64::try_from(age).unwrap_or(0);
            let slot = AGE_BOUNDS_S.iter().position(|bound| age <= *bound).unwrap_or(AGE_BOUNDS_S.len());
            self.ages[slot].fetch_add(1, Relaxed);
            self.ages_sum_s.fetch_add(age, Relaxed);
        }
        let add_or_end = |row: &AtomicU64, goes_on: bool| {
            if goes_on {
                row.fetch_add(1, Relaxed);
            } else {
                row.store(0, Relaxed);
            }
        };
        add_or_end(&self.in_a_row, !good);
        add_or_end(&self.unsigned_in_a_row, counted.finding == Finding::Unsigned);
    }

    /// Counts one of a client that only `mode: observe` lets pass, if it is good. Anybody can send such a request with any
    /// other signature, which says nothing about the secret, and no alert may follow from it.
    pub(crate) fn count_observed(&self, counted: &Counted) {
        if counted.finding.is_good() {
            self.count(counted);
        }
    }

    /// Counts a message that was delivered before.
    pub(crate) fn count_repeat(&self) {
        self.repeats.fetch_add(1, Relaxed);
    }

    /// Counts a request of a client that no list holds and whose signature is good.
    pub(crate) fn count_stranger(&self) {
        self.strangers.fetch_add(1, Relaxed);
    }

    /// Requests of clients that no list holds and whose signatures are good.
    #[must_use]
    pub(crate) fn strangers(&self) -> u64 {
        self.strangers.load(Relaxed)
    }

    /// Messages that had been delivered before.
    #[must_use]
    pub(crate) fn repeats(&self) -> u64 {
        self.repeats.load(Relaxed)
    }

    /// Requests without a good signature since the last good one.
    #[must_use]
    pub(crate) fn in_a_row(&self) -> u64 {
        self.in_a_row.load(Relaxed)
    }

    /// Whether so many requests in a row had no good signature that somebody has to look.
    #[must_use]
    pub(crate) fn row(&self) -> Option<Row> {
        let [faults, unsigned] = [&self.in_a_row, &self.unsigned_in_a_row].map(|row| row.load(Relaxed));
        match (faults >= MANY_IN_A_ROW, unsigned >= MANY_IN_A_ROW) {
            (true, true) => Some(Row::Unsigned(unsigned)),
            (true, false) => Some(Row::NotGood(faults)),
            (false, _) => None,
        }
    }

    /// The count of each finding that occurred, by scheme.
    pub(crate) fn by_finding(&self) -> impl Iterator<Item = (Option<Scheme>, Finding, u64)> {
        let schemes = [Some(Scheme::Token), Some(Scheme::Parameter), None];
        schemes
            .into_iter()
            .flat_map(|scheme| Finding::ALL.map(|finding| (scheme, finding)))
            .map(|(scheme, finding)| {
                (scheme, finding, self.findings[row_of(scheme)][finding as usize].load(Relaxed))
            })
            .filter(|(.., count)| *count > 0)
    }

    /// The count of each form of payload that occurred.
    pub(crate) fn by_form(&self) -> impl Iterator<Item = (PayloadForm, u64)> {
        PayloadForm::ALL
            .into_iter()
            .map(|form| (form, self.forms[form as usize].load(Relaxed)))
            .filter(|(_, count)| *count > 0)
    }

    /// The histogram: good signatures of at most each age (cumulative, the last one is all), and the sum in seconds.
    #[must_use]
    pub(crate) fn ages(&self) -> ([u64; AGE_BOUNDS_S.len() + 1], u64) {
        let mut sum = 0;
        let cumulative = std::array::from_fn(|slot| {
            sum += self.ages[slot].load(Relaxed);
            sum
        });
        (cumulative, self.ages_sum_s.load(Relaxed))
    }
}

/// The row of a scheme in the counts.
fn row_of(scheme: Option<Scheme>) -> usize {
    match scheme {
        Some(Scheme::Token) => 0,
        Some(Scheme::Parameter) => 1,
        None => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_finding_has_a_cell_and_only_good_ones_have_an_age() {
        let counters = SignatureCounters::default();
        for finding in Finding::ALL {
            let counted = Counted { scheme: Some(Scheme::Token), finding, age: Some(7), form: None };
            counters.count(&counted);
            counters.count(&Counted { scheme: None, ..counted });
        }
        assert_eq!(counters.by_finding().count(), 2 * Finding::ALL.len());
        let (ages, sum) = counters.ages();
        assert_eq!((ages[1], ages[2], ages[8], sum), (0, 4, 4, 28), "seven seconds each");
        assert_eq!(counters.by_form().count(), 0);
    }

    #[test]
    fn faults_count_in_a_row_until_a_good_one() {
        let counters = SignatureCounters::default();
        let of = |finding| Counted { scheme: None, finding, age: None, form: Some(PayloadForm::Body) };
        for (finding, in_a_row) in
            [(Finding::Bad, 1), (Finding::Unsigned, 2), (Finding::Valid, 0), (Finding::Stale, 1)]
        {
            counters.count(&of(finding));
            assert_eq!(counters.in_a_row(), in_a_row);
        }
        assert_eq!(counters.by_form().collect::<Vec<_>>(), [(PayloadForm::Body, 4)]);
    }

    fn of(finding: Finding) -> Counted {
        Counted { scheme: None, finding, age: None, form: None }
    }

    #[test]
    fn a_row_without_signatures_is_no_row_of_bad_ones() {
        let counters = SignatureCounters::default();
        let many = |finding, times| (0..times).for_each(|_| counters.count(&of(finding)));
        many(Finding::Unsigned, MANY_IN_A_ROW - 1);
        assert_eq!(counters.row(), None);
        many(Finding::Unsigned, 1);
        assert_eq!(counters.row(), Some(Row::Unsigned(20)));
        many(Finding::Bad, 1);
        assert_eq!(counters.row(), Some(Row::NotGood(21)));
        many(Finding::Unsigned, MANY_IN_A_ROW + 1);
        assert_eq!(counters.row(), Some(Row::Unsigned(21)), "those before were signed");
        many(Finding::Valid, 1);
        assert_eq!(counters.row(), None);
    }

    #[test]
    fn what_only_observe_lets_pass_makes_no_row_and_can_end_one() {
        let counters = SignatureCounters::default();
        for finding in [Finding::Unsigned, Finding::Bad] {
            (0..=MANY_IN_A_ROW).for_each(|_| counters.count_observed(&of(finding)));
        }
        assert_eq!((counters.in_a_row(), counters.row()), (0, None));
        let counted =
            |counters: &SignatureCounters| counters.by_finding().map(|(.., count)| count).sum::<u64>();
        assert_eq!(counted(&counters), 0, "an alert follows from these counts");
        (0..MANY_IN_A_ROW).for_each(|_| counters.count(&of(Finding::Bad)));
        counters.count_observed(&of(Finding::Unsigned));
        assert_eq!(counters.row(), Some(Row::NotGood(20)));
        counters.count_observed(&of(Finding::Valid));
        assert_eq!((counters.row(), counted(&counters)), (None, 21));
    }
}
