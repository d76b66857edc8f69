//! Decides whether a client may use a route.
//!
//! Invariant: [`decide`] is the only place that makes a [`Permit`], and forwarding requires one, so a request
//! that was not judged cannot be forwarded. Deny by default: without a route, a client, a list or an entry
//! the request is denied.

use crate::policy::address::addr::Address;
use crate::policy::address::range_list::RangeList;
use crate::policy::client::client_ip::{Client, NoClient};
use crate::policy::outcome::Reason;

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
            Self::Drop => "drop",
        }
    }

    /// The status of its answer.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::Forbid | Self::Drop => 403,
            Self::Hide => 404,
            Self::Retry => 503,
        }
    }
}

/// Why a request is not admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Denial {
    reason: Reason,
}

impl Denial {
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
/// replaces the client if the mode is `observe` and no client could be named.
///
/// # Errors
/// The denial of the request, with the client if it is known.
pub(crate) fn decide<'a>(
    client: Result<Client, NoClient>,
    peer: Address,
    allow: Option<impl IntoIterator<Item = &'a RangeList>>,
    mode: Mode,
) -> Result<Permit, (Denial, Option<Client>)> {
    let (reason, client) = match client {
        Err(unnamed) => (unnamed.reason(), None),
        Ok(client) => match allow.map(|lists| listed(client.address, lists)) {
            Some(Some(grant)) => return Ok(Permit { client, grant }),
            Some(None) => (Reason::NotListed, Some(client)),
            None => (Reason::NoRoute, Some(client)),
        },
    };
    let denial = Denial { reason };
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
        decide(who, peer, lists.as_ref(), mode).map(|p| p.grant()).map_err(|(d, _)| d.reason())
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
        let observed = |reason| Ok(Grant::Observed(Denial { reason }));
        assert_eq!(
            judge(client("192.0.2.16"), Some(vec!["192.0.2.0/28"]), Mode::Observe),
            observed(Reason::NotListed)
        );
        assert_eq!(judge(client("192.0.2.16"), None, Mode::Observe), observed(Reason::NoRoute));
        assert_eq!(judge(Err(NoClient::Unreadable), None, Mode::Observe), observed(Reason::BadChain));
    }
}
