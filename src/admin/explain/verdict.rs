//! A verdict on a route, as the answer has it.

use crate::admin::api::explanation::{ListVerdict, RouteVerdict, Verdict};
use crate::policy::admission::Grant;
use crate::policy::client::client_ip::{Client, NoClient};
use crate::policy::outcome::{Outcome, Reason};
use crate::state::snapshot::{List, LiveRoute, UNROUTED};

/// The client, or why there is none.
pub(super) type WhoAsks = Result<Client, NoClient>;

/// A request that is forwarded.
pub(super) fn granted(client: &WhoAsks, route: &LiveRoute, grant: Grant) -> RouteVerdict {
    match grant {
        Grant::Listed { list, .. } => {
            let verdict = refusal(Some(route), Reason::Success, client);
            let by = verdict.lists.get(list);
            let (name, prefix) = (by.map(|by| by.name.clone()), by.and_then(|by| by.prefix.clone()));
            RouteVerdict { verdict: Verdict::Admitted, list: name, prefix, ..verdict }
        }
        Grant::Signed => {
            RouteVerdict { verdict: Verdict::Admitted, ..refusal(Some(route), Reason::Success, client) }
        }
        Grant::Observed(denial) => {
            RouteVerdict { verdict: Verdict::WouldDeny, ..refusal(Some(route), denial.reason(), client) }
        }
    }
}

/// A request that ends for this reason. A success is the application's to give, so it is no reason here.
pub(super) fn refusal(route: Option<&LiveRoute>, reason: Reason, client: &WhoAsks) -> RouteVerdict {
    let route = route.filter(|route| route.label != UNROUTED);
    let verdict = if reason.outcome() == Outcome::Denied { Verdict::Denied } else { Verdict::Rejected };
    RouteVerdict {
        list: None,
        lists: route.map_or(&[][..], |route| &route.allow).iter().map(|list| held_by(list, client)).collect(),
        note: None,
        prefix: None,
        reason: Some(reason.word().to_owned()).filter(|_| reason != Reason::Success),
        route: route.map(|route| route.label.clone()),
        signature: None,
        status: None,
        verdict,
        webhook: route.map(|route| route.webhook.name().to_owned()),
        with_signature: None,
    }
}

/// What a list holds of the client.
fn held_by(list: &List, client: &WhoAsks) -> ListVerdict {
    let entries = list.ranges.entries();
    let place = client.as_ref().ok().and_then(|client| list.ranges.set().find(client.address));
    let entry = place.and_then(|place| entries.get(place));
    ListVerdict {
        file: list.path.display().to_string(),
        last_good: list.last_good,
        line: entry.map(|entry| entry.line),
        name: list.name.clone(),
        prefix: entry.map(|entry| entry.prefix.to_string()),
        prefixes: entries.len(),
    }
}
