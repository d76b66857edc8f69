//! The counts of the last minutes per route, sampled from their counters.
//!
//! Requests do not write here: a sampler copies the counters that they write. The time is passed in. A series
//! belongs to a route's label, as the counters do, so it survives reloads. Invariant: the sum of the columns
//! of a series, with those that were dropped, equals its counters.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::policy::outcome::Outcome;
use crate::state::stats::counters::RouteCounters;

/// The number of columns that are kept, the open one included.
pub(crate) const COLUMNS: usize = 60;
/// The time that a column covers.
pub(crate) const COLUMN: Duration = Duration::from_secs(15);

/// The number of requests by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    by_outcome: [u64; Outcome::ALL.len()],
    /// Requests that only `mode: observe` let pass. Each is counted under its outcome too.
    pub would_deny: u64,
}

impl Tally {
    /// The totals so far.
    #[must_use]
    pub(crate) fn of(counters: &RouteCounters) -> Self {
        let mut tally = Self { would_deny: counters.would_deny(), ..Self::default() };
        for (reason, count) in counters.by_reason() {
            tally.by_outcome[reason.outcome() as usize] += count;
        }
        tally
    }

    /// The number of requests with this outcome.
    #[must_use]
    pub(crate) fn count(&self, outcome: Outcome) -> u64 {
        self.by_outcome[outcome as usize]
    }

    /// All requests.
    #[must_use]
    pub(crate) fn all(&self) -> u64 {
        self.by_outcome.iter().sum()
    }

    /// Admitted requests: all but those that were denied, or that the gate served itself.
    #[must_use]
    pub(crate) fn admitted(&self) -> u64 {
        self.all() - self.count(Outcome::Denied) - self.count(Outcome::Served)
    }

    /// Adds another tally to this one.
    pub(crate) fn add(&mut self, other: &Self) {
        let cells = self.by_outcome.iter_mut().zip(other.by_outcome);
        cells.for_each(|(cell, more)| *cell += more);
        self.would_deny += other.would_deny;
    }

    fn since(&self, earlier: &Self) -> Self {
        let mut rest = *self;
        // Cells are read one after the other while requests count. A cell never decreases, so no difference
        // is negative.
        let cells = rest.by_outcome.iter_mut().zip(earlier.by_outcome);
        cells.for_each(|(cell, less)| *cell = cell.saturating_sub(less));
        rest.would_deny = rest.would_deny.saturating_sub(earlier.would_deny);
        rest
    }
}

/// The last columns of every route.
#[derive(Debug)]
pub(crate) struct History {
    began: Instant,
    book: Mutex<Book>,
}

#[derive(Debug, Default)]
struct Book {
    /// The number of the column that is open.
    open: u64,
    series: HashMap<String, Series>,
}

#[derive(Debug, Default)]
struct Series {
    /// The totals when the open column began.
    before: Tally,
    /// The closed columns, the oldest first.
    closed: VecDeque<Tally>,
}

impl Series {
    fn close(&mut self, column: Tally) {
        if self.closed.len() == COLUMNS - 1 {
            self.closed.pop_front();
        }
        self.closed.push_back(column);
    }
}

impl History {
    /// An empty history whose first column begins now.
    #[must_use]
    pub(crate) fn new(now: Instant) -> Self {
        Self { began: now, book: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When the column that is open at `now` ends.
    #[must_use]
    pub(crate) fn next(&self, now: Instant) -> Instant {
        let columns = u32::try_from(self.number(now) + 1).unwrap_or(u32::MAX);
        self.began + COLUMN * columns
    }

    fn number(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.began).as_secs() / COLUMN.as_secs()
    }

    /// Closes the columns that have ended. If the sampler is late, everything it missed is in the column that
    /// was open.
    pub(crate) fn sample<'r>(
        &self,
        routes: impl Iterator<Item = (&'r str, &'r RouteCounters)>,
        now: Instant,
    ) {
        let mut book = self.lock();
        let number = self.number(now);
        let over = usize::try_from(number.saturating_sub(book.open)).unwrap_or(usize::MAX).min(COLUMNS);
        if over == 0 {
            return;
        }
        book.open = number;
        let totals: HashMap<&str, Tally> =
            routes.map(|(label, counters)| (label, Tally::of(counters))).collect();
        for label in totals.keys() {
            if !book.series.contains_key(*label) {
                book.series.insert((*label).to_owned(), Series::default());
            }
        }
        for (label, series) in &mut book.series {
            // A removed route counts no more; it may come back, with its counters.
            let total = totals.get(label.as_str()).copied().unwrap_or(series.before);
            series.close(total.since(&series.before));
            series.before = total;
            (1..over).for_each(|_| series.close(Tally::default()));
        }
    }

    /// The columns of a route, the oldest first; the last one is open and is current.
    #[must_use]
    pub(crate) fn columns(&self, label: &str, counters: &RouteCounters) -> [Tally; COLUMNS] {
        let total = Tally::of(counters);
        let mut columns = [Tally::default(); COLUMNS];
        let book = self.lock();
        let Some(series) = book.series.get(label) else {
            columns[COLUMNS - 1] = total;
            return columns;
        };
        let first = COLUMNS - 1 - series.closed.len();
        columns[first..COLUMNS - 1].iter_mut().zip(&series.closed).for_each(|(to, from)| *to = *from);
        columns[COLUMNS - 1] = total.since(&series.before);
        columns
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::outcome::Reason;

    struct Route(&'static str, RouteCounters);

    impl Route {
        fn deliver(&self, times: u64) {
            (0..times).for_each(|_| self.1.count(Reason::Success, Some(200)));
        }
    }

    fn two_routes() -> [Route; 2] {
        [Route("/sms", RouteCounters::default()), Route("/call/*", RouteCounters::default())]
    }

    fn sample(history: &History, routes: &[Route], now: Instant) {
        history.sample(routes.iter().map(|route| (route.0, &route.1)), now);
    }

    fn columns(history: &History, route: &Route) -> [Tally; COLUMNS] {
        history.columns(route.0, &route.1)
    }

    fn sum(columns: &[Tally], outcome: Outcome) -> u64 {
        columns.iter().map(|column| column.count(outcome)).sum()
    }

    #[test]
    fn each_count_stands_in_the_column_of_its_time() {
        let routes = two_routes();
        let start = Instant::now();
        let history = History::new(start);
        let route = &routes[0];
        route.deliver(2);
        // The open column is current before the first sample.
        assert_eq!(columns(&history, route)[COLUMNS - 1].count(Outcome::Delivered), 2);
        sample(&history, &routes, start + COLUMN);
        route.deliver(3);
        route.1.count(Reason::NotListed, Some(403));
        route.1.count_would_deny();
        // Two columns late, and again within the same one: nothing is counted twice.
        sample(&history, &routes, start + COLUMN * 4);
        sample(&history, &routes, start + COLUMN * 4 + COLUMN / 2);
        route.deliver(1);
        let all = columns(&history, route);
        let delivered: Vec<u64> =
            all[COLUMNS - 6..].iter().map(|column| column.count(Outcome::Delivered)).collect();
        assert_eq!(delivered, [0, 2, 3, 0, 0, 1]);
        assert_eq!(sum(&all, Outcome::Denied), 1);
        assert_eq!(all[COLUMNS - 4].would_deny, 1);
        assert_eq!(all[COLUMNS - 4].admitted(), 3);
        assert_eq!(columns(&history, &routes[1]), [Tally::default(); COLUMNS]);
    }

    #[test]
    fn columns_are_pushed_out_after_their_time_and_not_before() {
        let routes = two_routes();
        let start = Instant::now();
        let history = History::new(start);
        let route = &routes[0];
        route.deliver(7);
        let count = u32::try_from(COLUMNS).unwrap();
        for number in 1..count {
            sample(&history, &routes, start + COLUMN * number);
            assert_eq!(sum(&columns(&history, route), Outcome::Delivered), 7, "{number}");
        }
        assert_eq!(columns(&history, route)[0].count(Outcome::Delivered), 7);
        sample(&history, &routes, start + COLUMN * count);
        assert_eq!(sum(&columns(&history, route), Outcome::Delivered), 0);
        // Also after a very long sleep.
        route.deliver(1);
        sample(&history, &routes, start + COLUMN * 1_000_000);
        assert_eq!(sum(&columns(&history, route), Outcome::Delivered), 0);
        assert_eq!(history.lock().series[route.0].closed.len(), COLUMNS - 1);
    }

    #[test]
    fn the_next_column_begins_on_the_grid() {
        let start = Instant::now();
        let history = History::new(start);
        assert_eq!(history.next(start), start + COLUMN);
        assert_eq!(history.next(start + COLUMN), start + COLUMN * 2);
        assert_eq!(history.next(start + COLUMN * 2 - Duration::from_millis(1)), start + COLUMN * 2);
    }

    #[test]
    fn routes_that_stay_keep_their_history_and_one_that_comes_back_has_it_again() {
        let [sms, call] = two_routes();
        let start = Instant::now();
        let history = History::new(start);
        sms.deliver(4);
        call.deliver(5);
        let [one, two] = [&sms, &call].map(|route| (route.0, &route.1));
        history.sample([one, two].into_iter(), start + COLUMN);
        let ring = Route("/ring/*", RouteCounters::default());
        sms.deliver(1);
        ring.deliver(2);
        history.sample([one, (ring.0, &ring.1)].into_iter(), start + COLUMN * 2);
        assert_eq!(sum(&columns(&history, &sms), Outcome::Delivered), 5);
        assert_eq!(sum(&columns(&history, &ring), Outcome::Delivered), 2);
        let back = columns(&history, &call);
        assert_eq!(back[COLUMNS - 3].count(Outcome::Delivered), 5);
        assert_eq!(sum(&back, Outcome::Delivered), 5);
    }
}
