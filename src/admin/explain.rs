//! Why an address is admitted or denied: the decision of [`crate::policy`] with its whole chain.
//!
//! The verdict comes from the code that serves: [`client_ip::resolve`], the route table's `find` and
//! [`admission::decide`]. What is added here is only for reading: which CIDR or list made a hop a trusted
//! one, and on which line of which file the prefix stands. A test holds the hops shown to the client
//! decided on. The words are in [`crate::admin::text::explanation`].

use crate::admin::api::explanation::{Explanation, Hop, ListVerdict, RouteVerdict, Verdict};
use crate::admin::question::Question;
use crate::policy::address::addr::Address;
use crate::policy::admission::{self, Grant};
use crate::policy::client::client_ip::{self, Client, ForwardedHeader, NoClient, Origin};
use crate::policy::routing::authority::Host;
use crate::policy::routing::path::ambiguity;
use crate::state::snapshot::{List, LiveRoute, Snapshot};

type WhoAsks = Result<Client, NoClient>;

/// Asks the policy.
#[must_use]
pub(crate) fn explain(snapshot: &Snapshot, question: &Question) -> Explanation {
    let client = who_asks(snapshot, question);
    let routes: Vec<RouteVerdict> = match &question.path {
        None => snapshot.routes.iter().map(|route| judge(snapshot, question, &client, Some(route))).collect(),
        Some(path) => {
            let found = snapshot.table.find(Host::read(question.host.as_bytes()), path.as_bytes());
            let route = found.and_then(|place| snapshot.routes.get(place));
            vec![judge(snapshot, question, &client, route.map(AsRef::as_ref))]
        }
    };
    let ambiguous = question.path.as_deref().and_then(|path| ambiguity(path.as_bytes()));
    Explanation {
        admitted: routes.iter().any(|route| route.verdict == Verdict::Admitted),
        ambiguous_path: ambiguous.map(str::to_owned),
        client: client.as_ref().ok().map(|client| client.address.to_string()),
        deny: snapshot.config.deny.word().to_owned(),
        generation: snapshot.generation,
        hops: hops(snapshot, question),
        host: question.host.clone(),
        mode: snapshot.config.mode.word().to_owned(),
        no_client: client.as_ref().err().map(|none| none.reason().word().to_owned()),
        path: question.path.clone(),
        peer: question.peer.to_string(),
        routes,
        via: question.via.clone(),
    }
}

fn who_asks(snapshot: &Snapshot, question: &Question) -> WhoAsks {
    // The hops of a question are written the plain way, whichever header the gate reads.
    let header = ForwardedHeader::XForwardedFor;
    client_ip::resolve(question.peer, Origin::Peer, &snapshot.trusted, header, question.lines())
}

fn judge(
    snapshot: &Snapshot,
    question: &Question,
    client: &WhoAsks,
    route: Option<&LiveRoute>,
) -> RouteVerdict {
    let allow = route.map(|route| route.allow.iter().map(|list| &list.ranges));
    let config = &snapshot.config;
    let (verdict, place, reason) = match admission::decide(client.clone(), question.peer, allow, config.mode)
        .map(|permit| permit.grant())
    {
        Ok(Grant::Listed { list, .. }) => (Verdict::Admitted, Some(list), None),
        Ok(Grant::Observed(denial)) => (Verdict::WouldDeny, None, Some(denial.reason())),
        Err((denial, _)) => (Verdict::Denied, None, Some(denial.reason())),
    };
    let lists = route.map_or(&[][..], |route| &route.allow).iter();
    let lists: Vec<ListVerdict> = lists.map(|list| held_by(list, client)).collect();
    let by = place.and_then(|place| lists.get(place));
    RouteVerdict {
        list: by.map(|list| list.name.clone()),
        prefix: by.and_then(|list| list.prefix.clone()),
        reason: reason.map(|reason| reason.word().to_owned()),
        route: route.map(|route| route.label.clone()),
        status: (verdict == Verdict::Denied).then(|| config.deny.status()),
        verdict,
        webhook: route.map(|route| route.webhook.name().to_owned()),
        lists,
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

/// The walk of [`client_ip::resolve`] as a person would note it down: every trusted hop with the reason,
/// and the one at which the walk ends.
fn hops(snapshot: &Snapshot, question: &Question) -> Vec<Hop> {
    let trusted_by = |address: Address| {
        snapshot
            .trusted
            .find(address)
            .map(|at| snapshot.trusted_names.get(at).map(ToString::to_string).unwrap_or_default())
    };
    let peer = Hop { hop: question.peer.to_string(), trusted_by: trusted_by(question.peer) };
    let mut noted = vec![peer];
    let written = question.via.iter().flat_map(|line| line.rsplit(',')).map(str::trim_ascii);
    for text in written.filter(|text| !text.is_empty()) {
        if noted.last().is_none_or(|last| last.trusted_by.is_none()) {
            break;
        }
        noted.push(match Address::from_hop(text.as_bytes()) {
            Some(address) => Hop { hop: address.to_string(), trusted_by: trusted_by(address) },
            None => Hop { hop: text.to_owned(), trusted_by: None },
        });
    }
    noted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::fixture::{CONFIG, Stage, anonymous};
    use crate::admin::text::explanation::text;
    use proptest::prelude::*;

    fn asked(ip: &str, via: Option<&str>, path: Option<&str>) -> Question {
        Question::new(ip, via.map(str::to_owned), path, "").unwrap()
    }

    fn told(config: &str, ip: &str, via: Option<&str>, path: Option<&str>) -> (bool, String) {
        let mut stage = Stage::new(config);
        let explanation = explain(&stage.snapshot(), &asked(ip, via, path));
        (explanation.admitted, anonymous(&text(&explanation), stage.folder.path()))
    }

    #[test]
    fn the_whole_chain_of_an_admitted_client_is_told() {
        let via = Some("1.2.3.4, 198.51.100.7, 203.0.113.9");
        let (admitted, text) = told(CONFIG, "::ffff:10.1.1.1", via, Some("/webhooks/answer?x=1"));
        assert!(admitted);
        let wanted = "\
peer     10.1.1.1           a trusted proxy (10.0.0.0/8)
hop      203.0.113.9        a trusted proxy (list edge)
hop      198.51.100.7       not a trusted proxy, so it is the client
client   198.51.100.7
route    /webhooks/answer (voice-answer) for /webhooks/answer
list     voice              does not hold it (2 prefixes in DIR/ranges/voice.txt)
list     sms                holds it: 198.51.100.7/32 at DIR/ranges/sms.txt:4
verdict  ADMITTED by list sms, prefix 198.51.100.7/32
answer   what the application answers, judged by the delivery rules
";
        assert_eq!(text, wanted);
    }

    #[test]
    fn a_stranger_learns_nothing_by_a_header() {
        let (admitted, text) = told(CONFIG, "192.0.2.99", Some("192.0.2.1"), Some("/webhooks/answer"));
        assert!(!admitted);
        let wanted = "\
peer     192.0.2.99         not a trusted proxy, so it is the client
client   192.0.2.99
         the forwarding header is ignored: only a trusted proxy may name the client
route    /webhooks/answer (voice-answer) for /webhooks/answer
list     voice              does not hold it (2 prefixes in DIR/ranges/voice.txt)
list     sms                does not hold it (3 prefixes in DIR/ranges/sms.txt)
verdict  DENIED, not_listed: the client is in none of the route's lists
answer   403 (deny: forbid)
";
        assert_eq!(text, wanted);
    }

    #[test]
    fn nobody_can_be_named_in_two_ways() {
        let (_, unnamed) = told(CONFIG, "10.1.1.1", Some("10.2.2.2"), Some("/nowhere"));
        assert!(unnamed.contains("client   nobody: every hop is a trusted proxy"), "{unnamed}");
        assert!(unnamed.contains("DENIED, no_client"), "{unnamed}");
        let (_, unreadable) = told(CONFIG, "10.1.1.1", Some("192.0.2.1, \x1b[2J"), Some("/webhooks/answer"));
        assert!(unreadable.contains("hop      \"\\u{1b}[2J\"        is not an address"), "{unreadable}");
        assert!(unreadable.contains("DENIED, bad_chain"), "{unreadable}");
    }

    #[test]
    fn without_a_path_every_route_is_tried() {
        let (admitted, text) = told(CONFIG, "192.0.2.1", None, None);
        assert!(admitted);
        let wanted = "\
peer     192.0.2.1          not a trusted proxy, so it is the client
client   192.0.2.1

route                            webhook               verdict
/webhooks/answer                 voice-answer          admitted  voice 192.0.2.0/28 at DIR/ranges/voice.txt:3
/webhooks/sms/*                  sms-inbound           denied    not_listed, answer 403 (deny: forbid)
api.example.com/webhooks/verify  verify                denied    not_listed, answer 403 (deny: forbid)
";
        assert_eq!(text, wanted);
    }

    #[test]
    fn what_only_observe_lets_pass_is_not_admitted() {
        let observe = format!("{CONFIG}\nmode: observe\ndeny: retry\n");
        let (admitted, text) = told(&observe, "192.0.2.99", None, Some("/webhooks/answer"));
        assert!(!admitted);
        assert!(text.contains("verdict  WOULD BE DENIED, not_listed"), "{text}");
        assert!(text.contains("answer   what the application answers"), "{text}");
    }

    #[test]
    fn a_host_and_an_odd_path_count() {
        let mut stage = Stage::new(CONFIG);
        let snapshot = stage.snapshot();
        let verify =
            Question::new("198.51.100.1", None, Some("/webhooks/verify"), "API.example.com:443").unwrap();
        assert!(explain(&snapshot, &verify).admitted);
        assert!(!explain(&snapshot, &Question { host: String::new(), ..verify }).admitted);
        let odd = explain(&snapshot, &asked("198.51.100.1", None, Some("/webhooks/sms/../x")));
        assert!(text(&odd).contains("answer   400: the path holds a dot segment"));
    }

    proptest! {
        /// What is shown is what was decided on.
        #[test]
        fn the_hops_end_where_the_client_is(
            peer in "(10\\.0\\.0\\.1|192\\.0\\.2\\.1|203\\.0\\.113\\.9)",
            hops in prop::option::of(prop::collection::vec("(10\\.0\\.0\\.[1-9]|203\\.0\\.113\\.9|192\\.0\\.2\\.[1-9]|_x|)", 0..5)),
        ) {
            let snapshot = Stage::new(CONFIG).snapshot();
            let via = hops.map(|hops| hops.join(", "));
            let question = asked(&peer, via.as_deref(), None);
            let explanation = explain(&snapshot, &question);
            let (last, before) = explanation.hops.split_last().unwrap();
            prop_assert!(before.iter().all(|hop| hop.trusted_by.is_some()));
            match who_asks(&snapshot, &question) {
                Ok(client) => {
                    prop_assert_eq!(Some(&last.hop), explanation.client.as_ref());
                    prop_assert_eq!(&last.hop, &client.address.to_string());
                    prop_assert!(last.trusted_by.is_none());
                    let via: Vec<String> = client.via.iter().rev().map(ToString::to_string).collect();
                    prop_assert_eq!(before.iter().map(|hop| hop.hop.clone()).collect::<Vec<_>>(), via);
                }
                Err(NoClient::Unnamed) => prop_assert!(last.trusted_by.is_some()),
                Err(NoClient::Unreadable) => {
                    prop_assert!(last.trusted_by.is_none() && Address::from_hop(last.hop.as_bytes()).is_none());
                }
            }
        }
    }
}
