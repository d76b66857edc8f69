//! Decides whether a client may use a route.
//!
//! Invariant: [`decide`] is the only place that makes a [`Permit`], and forwarding requires one, so a request
//! that was not judged cannot be forwarded. Deny by default: without a route, a client, and a list that holds it or a
//! signature that proves it, the request is denied. Doubts about a list make a denial one that the sender repeats, and
//! never a permit.

use std::time::Duration;

use crate::policy::address::addr::Address;
use crate::policy::address::range_list::{Day, RangeList};
use crate::policy::address::removed::{Lost, Removed};
use crate::policy::client::client_ip::{Client, NoClient};
use crate::policy::outcome::Reason;
use crate::policy::signature::proof::Proof;

/// Whether denials are carried out or only logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Mode {
    /// A denied request gets the deny answer.
    #[default]
    Enforce,
    /// A request that would be denied is forwarded all the same and logged as `would_deny`.
    Observe,
}

/// The answer to a denied request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Deny {
    /// 403.
    #[default]
    Forbid,
    /// 404: as if nothing were there.
    Hide,
    /// 503 with `Retry-After`: if the lists lack a new address of the provider, its messages are sent again.
    Retry,
    /// 503 while a list of the route was not reviewed for longer than `ranges_review`, because then the list may be what
    /// is wrong; else 403.
    RetryWhenStale,
    /// No answer: a connection on which every request would be denied is closed. A client behind a trusted
    /// proxy gets a 403, because the connection is the proxy's.
    Drop,
}

impl Mode {
    /// Its name in the config.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Observe => "observe",
        }
    }
}

impl Deny {
    /// Its name in the config.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Forbid => "forbid",
            Self::Hide => "hide",
            Self::Retry => "retry",
            Self::RetryWhenStale => "retry_when_stale",
            Self::Drop => "drop",
        }
    }

    /// The status of its answer where nothing speaks against the lists.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::Forbid | Self::RetryWhenStale | Self::Drop => 403,
            Self::Hide => 404,
            Self::Retry => 503,
        }
    }
}

/// Why a request is not admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Denial {
    reason: Reason,
    doubt: Option<Doubt>,
}

/// Why a list may be what is wrong, and not the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doubt {
    /// A load took the prefix that held the client.
    Removed {
        /// The index among what was removed.
        list: usize,
        /// The prefix, and when.
        lost: Lost,
    },
    /// A list was not reviewed for too long.
    Stale {
        /// The index in the route's `allow`.
        list: usize,
        /// When it was reviewed last.
        reviewed: Day,
    },
}

/// Which doubts count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Doubts {
    /// How long a removed prefix counts.
    pub removed_grace: Duration,
    /// The number of days after which a list that was not reviewed counts as stale; `None` where that does not matter.
    pub review_days: Option<i64>,
}

impl Denial {
    /// That of a client that no list has, without a doubt.
    #[must_use]
    pub(crate) fn not_listed() -> Self {
        Self::of(Reason::NotListed)
    }

    /// A denial without a doubt.
    fn of(reason: Reason) -> Self {
        Self { reason, doubt: None }
    }

    /// Why a list may be what is wrong.
    #[must_use]
    pub(crate) fn doubt(self) -> Option<Doubt> {
        self.doubt
    }

    /// The reason in the log; its outcome is always `denied`.
    #[must_use]
    pub(crate) fn reason(self) -> Reason {
        self.reason
    }
}

/// The right to be forwarded. It cannot be made outside this module.
#[derive(Clone, Debug)]
#[must_use]
pub(crate) struct Permit {
    client: Client,
    grant: Grant,
}

/// Why a permit was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grant {
    /// The client is in one of the route's lists.
    Listed {
        /// The index in the route's `allow`.
        list: usize,
        /// The index in the entries of that list.
        entry: usize,
    },
    /// No list of the route has the client, and its signature proves who made the whole message.
    Signed,
    /// The request would be denied, but the mode is `observe`.
    Observed(Denial),
}

impl Permit {
    /// The client that is admitted.
    #[must_use]
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Why it is admitted.
    #[must_use]
    pub(crate) fn grant(&self) -> Grant {
        self.grant
    }
}

/// Decides about a request. `allow` are the lists of the matched route, `None` when no route matched; `peer`
/// replaces the client if the mode is `observe` and no client could be named; `proof` admits a client that none of the
/// lists has; `unlisted` says how it is denied without one, and is asked about no other.
///
/// # Errors
/// The denial of the request, with the client if it is known.
pub(crate) fn decide<'a>(
    client: Result<Client, NoClient>,
    peer: Address,
    allow: Option<impl IntoIterator<Item = &'a RangeList>>,
    mode: Mode,
    proof: Option<Proof>,
    unlisted: impl FnOnce(Address) -> Denial,
) -> Result<Permit, (Denial, Option<Client>)> {
    let (denial, client) = match client {
        Err(unnamed) => (Denial::of(unnamed.reason()), None),
        Ok(client) => match (allow.map(|lists| listed(client.address, lists)), proof) {
            (Some(Some(grant)), _) => return Ok(Permit { client, grant }),
            (Some(None), Some(_)) => return Ok(Permit { client, grant: Grant::Signed }),
            (Some(None), None) => (unlisted(client.address), Some(client)),
            (None, _) => (Denial::of(Reason::NoRoute), Some(client)),
        },
    };
    match mode {
        Mode::Enforce => Err((denial, client)),
        Mode::Observe => {
            let client = client.unwrap_or(Client { address: peer, via: Vec::new() });
            Ok(Permit { client, grant: Grant::Observed(denial) })
        }
    }
}

fn listed<'a>(client: Address, lists: impl IntoIterator<Item = &'a RangeList>) -> Option<Grant> {
    lists
        .into_iter()
        .enumerate()
        .find_map(|(list, ranges)| ranges.set().find(client).map(|entry| Grant::Listed { list, entry }))
}

/// How a client is denied that no list has: `removed` is what was taken from the lists, `lists` are those of the route.
/// `now` is the time since 1970-01-01.
#[must_use]
pub(crate) fn unlisted<'a>(
    client: Address,
    removed: impl IntoIterator<Item = &'a Removed>,
    lists: impl IntoIterator<Item = &'a RangeList>,
    doubts: Doubts,
    now: Duration,
) -> Denial {
    let lost = removed.into_iter().enumerate().filter_map(|(list, removed)| {
        removed.find(client, doubts.removed_grace, now).map(|lost| (list, lost))
    });
    if let Some((list, lost)) = lost.max_by_key(|(_, lost)| lost.at) {
        return Denial { reason: Reason::JustRemoved, doubt: Some(Doubt::Removed { list, lost }) };
    }
    let stale = doubts.review_days.and_then(|most| stale(lists, most, now));
    let reason = if stale.is_some() { Reason::StaleList } else { Reason::NotListed };
    Denial { reason, doubt: stale }
}

/// The list that was not reviewed for the longest time, if that is more than `most` days. A list that was never reviewed
/// says nothing of its age.
fn stale<'a>(lists: impl IntoIterator<Item = &'a RangeList>, most: i64, now: Duration) -> Option<Doubt> {
    let today = i64::try_from(now.as_secs() / 86_400).unwrap_or(i64::MAX);
    let reviewed = lists.into_iter().enumerate().filter_map(|(list, ranges)| {
        (ranges.reviewed_days(today)? > most).then_some((list, ranges.reviewed()?))
    });
    reviewed.min_by_key(|(_, day)| *day).map(|(list, reviewed)| Doubt::Stale { list, reviewed })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::address::range_list;

    #[expect(clippy::unnecessary_wraps, reason = "the shape that decide takes")]
    fn client(text: &str) -> Result<Client, NoClient> {
        Ok(Client { address: Address::new(text.parse().unwrap()), via: Vec::new() })
    }

    fn judge(who: Result<Client, NoClient>, lists: Option<Vec<&str>>, mode: Mode) -> Result<Grant, Reason> {
        let lists: Option<Vec<RangeList>> =
            lists.map(|l| l.iter().map(|text| range_list::parse(text.as_bytes()).unwrap()).collect());
        let peer = Address::new("192.0.2.77".parse().unwrap());
        let unlisted = |_| Denial::of(Reason::NotListed);
        decide(who, peer, lists.as_ref(), mode, None, unlisted)
            .map(|p| p.grant())
            .map_err(|(d, _)| d.reason())
    }

    #[test]
    fn the_first_list_that_holds_the_client_admits_it() {
        let lists = Some(vec!["192.0.2.0/28", "198.51.100.0/24\n198.51.100.8/32"]);
        assert_eq!(
            judge(client("198.51.100.8"), lists, Mode::Enforce),
            Ok(Grant::Listed { list: 1, entry: 1 })
        );
    }

    #[test]
    fn a_client_on_no_list_is_denied() {
        let lists = || Some(vec!["192.0.2.0/28"]);
        assert_eq!(judge(client("192.0.2.16"), lists(), Mode::Enforce), Err(Reason::NotListed));
        assert_eq!(judge(client("192.0.2.1"), None, Mode::Enforce), Err(Reason::NoRoute));
        assert_eq!(judge(client("192.0.2.1"), Some(vec![]), Mode::Enforce), Err(Reason::NotListed));
        assert_eq!(judge(Err(NoClient::Unnamed), lists(), Mode::Enforce), Err(Reason::NoClient));
        assert_eq!(judge(Err(NoClient::Unreadable), lists(), Mode::Enforce), Err(Reason::BadChain));
    }

    #[test]
    fn observe_admits_but_remembers_the_denial() {
        let observed = |reason| Ok(Grant::Observed(Denial::of(reason)));
        assert_eq!(
            judge(client("192.0.2.16"), Some(vec!["192.0.2.0/28"]), Mode::Observe),
            observed(Reason::NotListed)
        );
        assert_eq!(judge(client("192.0.2.16"), None, Mode::Observe), observed(Reason::NoRoute));
        assert_eq!(judge(Err(NoClient::Unreadable), None, Mode::Observe), observed(Reason::BadChain));
    }

    const DAY: u64 = 86_400;

    fn denied(
        client: &str,
        removed: &[Removed],
        lists: &[&str],
        review_days: Option<i64>,
        day: u64,
    ) -> Denial {
        let lists: Vec<RangeList> =
            lists.iter().map(|text| range_list::parse(text.as_bytes()).unwrap()).collect();
        let doubts = Doubts { removed_grace: Duration::from_secs(DAY), review_days };
        let client = Address::new(client.parse().unwrap());
        unlisted(client, removed, &lists, doubts, Duration::from_secs(day * DAY))
    }

    fn removed(text: &str, day: u64) -> Removed {
        let list = range_list::parse(text.as_bytes()).unwrap();
        let (grace, now) = (Duration::from_secs(DAY), Duration::from_secs(day * DAY));
        Removed::after(None, Some(&list), None, grace, now).unwrap()
    }

    #[test]
    fn what_was_taken_last_is_the_doubt_and_the_grace_ends_it() {
        let removed = [removed("192.0.2.0/24", 10), removed("198.51.100.0/24\n192.0.2.8", 10)];
        let one = denied("198.51.100.1", &removed, &["203.0.113.1"], None, 10);
        assert_eq!(one.reason(), Reason::JustRemoved);
        assert!(matches!(one.doubt(), Some(Doubt::Removed { list: 1, .. })), "{one:?}");
        assert_eq!(
            denied("198.51.100.1", &removed, &["203.0.113.1"], None, 11),
            Denial::of(Reason::NotListed)
        );
        assert_eq!(denied("198.51.101.1", &removed, &[], None, 10), Denial::of(Reason::NotListed));
    }

    #[test]
    fn a_stale_list_is_a_doubt_where_it_matters() {
        let (old, older, never) =
            ("# reviewed: 1970-02-01\n10.0.0.1", "# reviewed: 1970-01-31\n10.0.0.2", "10.0.0.3");
        let lists = [never, old, older];
        // 1970-01-31 is day 30.
        assert_eq!(denied("192.0.2.1", &[], &lists, Some(90), 120), Denial::of(Reason::NotListed));
        let stale = denied("192.0.2.1", &[], &lists, Some(90), 121);
        assert_eq!(stale.reason(), Reason::StaleList);
        assert_eq!(
            stale.doubt(),
            Some(Doubt::Stale { list: 2, reviewed: Day::parse("1970-01-31").unwrap() })
        );
        assert_eq!(denied("192.0.2.1", &[], &lists, None, 500), Denial::of(Reason::NotListed));
        assert_eq!(denied("192.0.2.1", &[], &[never], Some(90), 500), Denial::of(Reason::NotListed));
        // What was just removed says more.
        let removed = [removed("192.0.2.1", 121)];
        assert_eq!(denied("192.0.2.1", &removed, &lists, Some(90), 121).reason(), Reason::JustRemoved);
    }

    #[test]
    fn a_doubt_never_admits_and_nobody_else_is_asked_about() {
        let peer = Address::new("192.0.2.77".parse().unwrap());
        let list = range_list::parse(b"192.0.2.1").unwrap();
        let doubtful = || Denial { reason: Reason::JustRemoved, doubt: None };
        let denied = decide(client("192.0.2.2"), peer, Some([&list]), Mode::Enforce, None, |_| doubtful());
        assert_eq!(denied.map_err(|(denial, _)| denial).unwrap_err(), doubtful());
        let observed = decide(client("192.0.2.2"), peer, Some([&list]), Mode::Observe, None, |_| doubtful());
        assert_eq!(observed.unwrap().grant(), Grant::Observed(doubtful()));
        let unasked = |_| panic!("asked about somebody else");
        assert!(decide(client("192.0.2.1"), peer, Some([&list]), Mode::Enforce, None, unasked).is_ok());
        assert!(
            decide(client("192.0.2.2"), peer, None::<[&RangeList; 0]>, Mode::Enforce, None, unasked).is_err()
        );
        assert!(decide(Err(NoClient::Unnamed), peer, Some([&list]), Mode::Enforce, None, unasked).is_err());
    }
}
