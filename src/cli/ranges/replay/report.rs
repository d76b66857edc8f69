//! The result of a replay for programs. A key keeps its name and meaning.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::cli::ranges::replay::entry::Stamp;
use crate::cli::ranges::replay::tally::{Lines, Networks, Row, Tally};
use crate::policy::signature::finding::Finding;

/// The signature of requests for which none was judged.
pub(crate) const UNJUDGED: &str = "-";
/// Signatures with a word that this version does not know.
const OTHER: &str = "other";

/// The result.
#[derive(Debug, Serialize)]
pub(crate) struct ReplayReport {
    /// Requests that only the new lists admit.
    pub gained: Side,
    /// Requests that both admit.
    pub kept: u64,
    /// How many lines were what.
    pub lines: LineCounts,
    /// The names of the lists that were tried.
    pub lists: Vec<String>,
    /// Requests that only the lists that are there now admit.
    pub lost: Side,
    /// Requests that neither admits.
    pub out: u64,
    /// The first and the last request that was judged.
    pub seen: Option<Seen>,
    /// The oldest time that counts.
    pub since: Option<String>,
    /// The logs that could not be read to their ends, and why.
    pub unfinished: BTreeMap<String, String>,
}

/// How many lines were what. The sum of all but `all` and `summed_up` is `all`.
#[derive(Debug, Serialize)]
pub(crate) struct LineCounts {
    /// All.
    pub all: u64,
    /// Older than what was asked for.
    pub before: u64,
    /// Cut off, or no line that the gate wrote.
    pub damaged: u64,
    /// Requests that were judged.
    pub judged: u64,
    /// Requests whose client is not known.
    pub no_client: u64,
    /// Requests that no route matched.
    pub no_route: u64,
    /// Of another log.
    pub other: u64,
    /// Requests whose route is not in the configuration any more.
    pub route_gone: u64,
    /// Sums of requests that have no line of their own.
    pub summaries: u64,
    /// The requests in these.
    pub summed_up: u64,
}

/// The requests that would be gained, or lost.
#[derive(Debug, Serialize)]
pub(crate) struct Side {
    /// Those of networks that are not here, because there are too many.
    pub beyond: u64,
    /// Those that the gate forwarded, or would have but for the application.
    pub forwarded: u64,
    /// The last of these.
    #[serde(skip)]
    pub last_forwarded: Option<Stamp>,
    /// A /24 each, and of IPv6 a /48; those with the most requests first.
    pub networks: Vec<Network>,
    /// All of them.
    pub requests: u64,
}

/// One network.
#[derive(Debug, Serialize)]
#[expect(clippy::struct_field_names, reason = "the network is its own name")]
pub(crate) struct Network {
    /// The first request.
    pub first: String,
    /// Those that the gate forwarded, or would have but for the application.
    pub forwarded: u64,
    /// The last request.
    pub last: String,
    /// The network.
    pub network: String,
    /// Requests of routes that are not here, because there are too many.
    pub other_routes: u64,
    /// All requests.
    pub requests: u64,
    /// By the route's name.
    pub routes: BTreeMap<String, u64>,
    /// By the word in the log; `-` where no signature was judged.
    pub signatures: BTreeMap<&'static str, u64>,
}

/// The first and the last of some requests.
#[derive(Debug, Serialize)]
pub(crate) struct Seen {
    /// The first.
    pub first: String,
    /// The last.
    pub last: String,
}

/// What a replay was asked for, and how its reading ended.
#[derive(Debug)]
pub(crate) struct Asked {
    /// The names of the lists that were tried.
    pub lists: Vec<String>,
    /// The oldest time that counts.
    pub since: Option<Stamp>,
    /// The logs that could not be read to their ends, and why.
    pub unfinished: BTreeMap<String, String>,
}

impl ReplayReport {
    /// The report of a tally; `label` is the name of a route by its index.
    #[must_use]
    pub(crate) fn new<'l>(tally: &Tally, asked: Asked, label: impl Fn(usize) -> &'l str) -> Self {
        Self {
            gained: side(&tally.gained, &label),
            kept: tally.kept,
            lines: counts(&tally.lines, tally.summed_up),
            lists: asked.lists,
            lost: side(&tally.lost, &label),
            out: tally.out,
            seen: tally
                .seen
                .map(|(first, last)| Seen { first: first.text().to_owned(), last: last.text().to_owned() }),
            since: asked.since.map(|since| since.text().to_owned()),
            unfinished: asked.unfinished,
        }
    }
}

fn counts(lines: &Lines, summed_up: u64) -> LineCounts {
    let Lines { all, judged, before, route_gone, no_route, no_client, summaries, other, damaged } = *lines;
    LineCounts { all, before, damaged, judged, no_client, no_route, other, route_gone, summaries, summed_up }
}

fn side<'l>(networks: &Networks, label: &impl Fn(usize) -> &'l str) -> Side {
    let network = |(network, row): (ipnet::IpNet, &Row)| Network {
        first: row.seen.0.text().to_owned(),
        forwarded: row.forwarded,
        last: row.seen.1.text().to_owned(),
        network: network.to_string(),
        other_routes: row.other_routes,
        requests: row.requests,
        routes: row.routes.iter().map(|(place, count)| (label(*place).to_owned(), *count)).collect(),
        signatures: signatures(row),
    };
    Side {
        beyond: networks.beyond,
        forwarded: networks.forwarded,
        last_forwarded: networks.last_forwarded,
        networks: networks.sorted().into_iter().map(network).collect(),
        requests: networks.requests,
    }
}

fn signatures(row: &Row) -> BTreeMap<&'static str, u64> {
    let found = Finding::ALL.into_iter().map(|finding| (finding.word(), row.signatures[finding as usize]));
    let all = found.chain([(UNJUDGED, row.unjudged), (OTHER, row.other_signatures)]);
    all.filter(|(_, count)| *count > 0).collect()
}
