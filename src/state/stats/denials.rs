//! The last denials, for an operator who looks for a sender that is missing from a list.
//!
//! Denials with the same client, reason and route share a row. The path, which a stranger chooses freely, is
//! not part of the key, so that a scan of a thousand paths is one row; IPv6 clients are distinguished by
//! their /64. Denials on routes of the config have a table of their own, so that others cannot push them out.
//!
//! Invariant: memory is bounded, and recording a denial allocates nothing and never waits. A denial that
//! finds the table locked is only counted as missed; the counters and the access log have every denial.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

use crate::policy::address::addr::Address;
use crate::policy::outcome::Reason;
use crate::state::stats::short::Short;

/// Rows in each of the two tables.
pub(crate) const ROWS: usize = 50;

/// One denial.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Denial<'a> {
    /// Who asked; the peer, where no client could be determined.
    pub client: Address,
    /// Why it was denied.
    pub reason: Reason,
    /// Only `mode: observe` let it pass.
    pub observed: bool,
    /// The route's label; `None` where no route matched, or where the request ended before a route was looked
    /// for.
    pub route: Option<&'a str>,
    /// The path without the query; empty where the request was not read.
    pub path: &'a [u8],
    /// When the request began.
    pub at: Instant,
}

/// The denials of one client, for one reason, on one route.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// Who asked last; for IPv6, any address of the same /64.
    pub client: Address,
    /// Why it was denied.
    pub reason: Reason,
    /// Only `mode: observe` let them pass.
    pub observed: bool,
    /// The route's label.
    pub route: Option<Short<72>>,
    /// The path of the last one.
    pub path: Short<96>,
    /// The number of denials.
    pub count: u64,
    /// When the first one was.
    pub first: Instant,
    /// When the last one was.
    pub last: Instant,
}

impl Row {
    fn new(denial: &Denial<'_>) -> Self {
        Self {
            client: denial.client,
            reason: denial.reason,
            observed: denial.observed,
            route: denial.route.map(|label| Short::new(label.as_bytes())),
            path: Short::new(denial.path),
            count: 1,
            first: denial.at,
            last: denial.at,
        }
    }

    fn add(&mut self, denial: &Denial<'_>) {
        self.client = denial.client;
        self.path.set(denial.path);
        self.count += 1;
        self.last = self.last.max(denial.at);
    }

    fn is_of(&self, denial: &Denial<'_>) -> bool {
        let same_route = || match (&self.route, denial.route) {
            (Some(known), Some(label)) => known.begins(label.as_bytes()),
            (None, None) => true,
            _ => false,
        };
        self.reason == denial.reason
            && network(self.client) == network(denial.client)
            && self.observed == denial.observed
            && same_route()
    }
}

/// What distinguishes clients: the address, or the /64 for IPv6, because one host has a whole /64.
fn network(client: Address) -> IpAddr {
    match client.ip() {
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX))),
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// A hash of what distinguishes rows: comparing fifty numbers is faster than comparing fifty rows. Two rows
/// may share a hash, and a stranger can cause that, so a match is confirmed by comparing the row.
fn mark(denial: &Denial<'_>) -> u64 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |sum: u64, part: u64| (sum.rotate_left(23) ^ part).wrapping_mul(ODD);
    let who = match network(denial.client) {
        IpAddr::V4(ip) => u64::from(ip.to_bits()),
        IpAddr::V6(ip) => !u64::try_from(ip.to_bits() >> 64).unwrap_or_default(),
    };
    let route = denial.route.unwrap_or_default().as_bytes();
    let parts = route.chunks(8).map(|eight| eight.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)));
    parts.fold(mix(mix(0, who), denial.reason as u64 + u64::from(denial.observed) * 256), mix)
}

/// The last denials.
#[derive(Debug)]
pub(crate) struct Denials {
    began: Instant,
    tables: Mutex<Tables>,
    missed: AtomicU64,
}

#[derive(Debug)]
struct Tables {
    routed: Table,
    other: Table,
}

/// The rows of one table. The hashes and ages are kept apart from the rows, because each denial scans them.
#[derive(Debug)]
struct Table {
    marks: [u64; ROWS],
    /// When each row was last added to, in nanoseconds.
    ages: [u64; ROWS],
    rows: Vec<Row>,
}

impl Default for Table {
    fn default() -> Self {
        Self { marks: [0; ROWS], ages: [0; ROWS], rows: Vec::with_capacity(ROWS) }
    }
}

impl Table {
    fn note(&mut self, denial: &Denial<'_>, age: u64) {
        let mark = mark(denial);
        for place in 0..self.rows.len() {
            if self.marks[place] == mark && self.rows[place].is_of(denial) {
                self.rows[place].add(denial);
                self.ages[place] = age;
                return;
            }
        }
        let place = if self.rows.len() < ROWS {
            self.rows.push(Row::new(denial));
            self.rows.len() - 1
        } else {
            // Replace the first of the oldest rows.
            let oldest = self.ages.iter().fold(u64::MAX, |oldest, age| oldest.min(*age));
            let place = self.ages.iter().position(|age| *age == oldest).unwrap_or_default();
            self.rows[place] = Row::new(denial);
            place
        };
        (self.marks[place], self.ages[place]) = (mark, age);
    }
}

/// The recorded denials, the newest row first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Noted {
    /// Denied on a route of the config.
    pub routed: Vec<Row>,
    /// Denied anywhere else.
    pub other: Vec<Row>,
    /// Denials without a row, because the tables were locked.
    pub missed: u64,
}

impl Default for Denials {
    fn default() -> Self {
        let tables = Tables { routed: Table::default(), other: Table::default() };
        Self { began: Instant::now(), tables: Mutex::new(tables), missed: AtomicU64::new(0) }
    }
}

impl Denials {
    /// Records a denial, unless the tables are locked.
    pub(crate) fn note(&self, denial: &Denial<'_>) {
        let Ok(mut tables) = self.tables.try_lock() else {
            self.missed.fetch_add(1, Relaxed);
            return;
        };
        let age = denial.at.saturating_duration_since(self.began).as_nanos();
        let table = if denial.route.is_some() { &mut tables.routed } else { &mut tables.other };
        table.note(denial, u64::try_from(age).unwrap_or(u64::MAX));
    }

    /// The recorded denials.
    #[must_use]
    pub(crate) fn noted(&self) -> Noted {
        let newest_first = |mut rows: Vec<Row>| {
            rows.sort_by_key(|row| std::cmp::Reverse(row.last));
            rows
        };
        let (routed, other) = {
            let tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
            (tables.routed.rows.clone(), tables.other.rows.clone())
        };
        Noted { routed: newest_first(routed), other: newest_first(other), missed: self.missed.load(Relaxed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn denial<'a>(client: &str, route: Option<&'a str>, path: &'a str, at: Instant) -> Denial<'a> {
        let reason = if route.is_some() { Reason::NotListed } else { Reason::NoRoute };
        let client = Address::new(client.parse().unwrap());
        Denial { client, reason, observed: false, route, path: path.as_bytes(), at }
    }

    fn lines(rows: &[Row]) -> Vec<String> {
        let route = |row: &Row| row.route.map_or("-".to_owned(), |label| label.to_string());
        rows.iter().map(|row| format!("{} {} {} x{}", row.client, route(row), row.path, row.count)).collect()
    }

    #[test]
    fn one_client_on_one_route_is_one_row_and_the_newest_comes_first() {
        let (denials, start) = (Denials::default(), Instant::now());
        let at = |second| start + Duration::from_secs(second);
        denials.note(&denial("192.0.2.1", Some("/sms"), "/sms", at(0)));
        denials.note(&denial("192.0.2.2", Some("/sms"), "/sms", at(1)));
        denials.note(&denial("192.0.2.1", Some("/sms"), "/sms", at(2)));
        denials.note(&denial("192.0.2.1", Some("/a/*"), "/a/x", at(3)));
        denials.note(&Denial { observed: true, ..denial("192.0.2.1", Some("/sms"), "/sms", at(4)) });
        denials.note(&Denial { reason: Reason::BadChain, ..denial("192.0.2.1", Some("/sms"), "/s", at(5)) });
        // A scan is one row, and so is a client that takes a new IPv6 address for each request.
        for number in 0..100 {
            denials.note(&denial("198.51.100.9", None, &format!("/{number}"), at(10 + number)));
            denials.note(&denial(&format!("2001:db8::{number:x}"), None, "/x", at(200 + number)));
        }
        let noted = denials.noted();
        assert_eq!(
            lines(&noted.routed),
            [
                "192.0.2.1 /sms /s x1",
                "192.0.2.1 /sms /sms x1",
                "192.0.2.1 /a/* /a/x x1",
                "192.0.2.1 /sms /sms x2",
                "192.0.2.2 /sms /sms x1"
            ]
        );
        assert_eq!(lines(&noted.other), ["2001:db8::63 - /x x100", "198.51.100.9 - /99 x100"]);
        assert_eq!((noted.routed[3].first, noted.routed[3].last), (at(0), at(2)));
        assert_eq!(noted.missed, 0);
    }

    #[test]
    fn a_flood_pushes_out_the_oldest_rows_of_its_own_kind_only() {
        let (denials, start) = (Denials::default(), Instant::now());
        denials.note(&denial("192.0.2.1", Some("/sms"), "/sms", start));
        for number in 0..100_000_u64 {
            let client = format!("10.{}.{}.{}", number >> 16, (number >> 8) & 255, number & 255);
            denials.note(&denial(&client, None, "/", start + Duration::from_millis(number)));
        }
        let noted = denials.noted();
        assert_eq!(lines(&noted.routed), ["192.0.2.1 /sms /sms x1"]);
        assert_eq!(noted.other.len(), ROWS);
        assert_eq!(noted.other[0].client.to_string(), "10.1.134.159");
        assert_eq!(noted.other[ROWS - 1].client.to_string(), "10.1.134.110");
        assert!(denials.tables.lock().unwrap().other.rows.capacity() < 2 * ROWS);
    }

    #[test]
    fn nobody_waits_for_a_table_that_is_in_use() {
        let denials = Denials::default();
        let held = denials.tables.lock().unwrap();
        denials.note(&denial("192.0.2.1", None, "/", Instant::now()));
        drop(held);
        let noted = denials.noted();
        assert!(noted.other.is_empty());
        assert_eq!(noted.missed, 1);
    }

    #[test]
    fn a_path_is_bounded_and_shown_in_visible_ascii() {
        assert_eq!(Short::<8>::new("/a b\u{202e}".as_bytes()).to_string(), "/a\\x20b\\xe2\\x80\\xae");
        let long = Short::<8>::new(b"/12345678");
        assert_eq!((long.to_string().as_str(), long.is_whole()), ("/1234567…", false));
        assert!(long.begins(b"/12345678") && long.begins(b"/1234567x") && !long.begins(b"/1234567"));
        assert!(Short::<8>::new(b"/1234567").is_whole());
    }
}
