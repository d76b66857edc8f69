//! Why an address is admitted or denied: the decision of [`crate::policy`] with its whole chain.
//!
//! The verdict comes from the code that serves: [`client_ip::resolve`], the route table's `find` and
//! [`admission::decide`]. What is added here is only for reading: which CIDR or list made a hop a trusted
//! one, and on which line of which file the prefix stands. A test holds the hops shown to the client
//! decided on. The words are in [`crate::admin::explain_text`].

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::admin::question::Question;
use crate::admin::status::{deny_word, mode_word};
use crate::policy::address::addr::Address;
use crate::policy::admission::{self, Grant};
use crate::policy::client::client_ip::{self, Client, ForwardedHeader, NoClient, Origin};
use crate::policy::outcome::Reason;
use crate::policy::routing::authority::Host;
use crate::policy::routing::path::ambiguity;
use crate::state::snapshot::{LiveRoute, Snapshot};

/// One step from the peer to the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    /// The address, or the text that is none.
    pub text: String,
    /// The CIDR or list that makes it a trusted proxy; `None` for the client and for what cannot be read.
    pub trusted_by: Option<String>,
}

/// What a route says to the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteVerdict {
    /// Its name in the log; `None` when no route matches the path.
    pub route: Option<String>,
    /// Its webhook.
    pub webhook: Option<&'static str>,
    /// What each allowed list holds of the client, in the order in which they are asked.
    pub lists: Vec<ListVerdict>,
    /// What the gate does.
    pub verdict: Verdict,
}

/// What one list says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListVerdict {
    /// The list.
    pub name: String,
    /// Its file.
    pub file: PathBuf,
    /// Whether it is the last good version of a file that cannot be used now.
    pub last_good: bool,
    /// How many prefixes it has.
    pub prefixes: usize,
    /// The longest prefix that holds the client, and its line.
    pub found: Option<(String, u32)>,
}

/// The decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Forwarded; the place of the list in `lists` that admits.
    Admitted(usize),
    /// Not forwarded, and what the sender hears.
    Denied(Reason, u16),
    /// Would be denied, but `mode: observe` forwards it all the same.
    Observed(Reason),
}

/// The decision and how it came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The question.
    pub question: Question,
    /// From the peer to the client, in the order of the walk.
    pub hops: Vec<Hop>,
    /// Who is asking, or why nobody can be named.
    pub client: Result<Client, NoClient>,
    /// One route where a path was given, else all of them.
    pub routes: Vec<RouteVerdict>,
    /// What makes the path a 400 for whoever is admitted.
    pub ambiguous: Option<&'static str>,
    /// The snapshot it was judged by.
    pub generation: u64,
    mode: &'static str,
    deny: &'static str,
}

/// Asks the policy.
#[must_use]
pub fn explain(snapshot: &Snapshot, question: &Question) -> Explanation {
    // The hops of a question are written the plain way, whichever header the gate reads.
    let header = ForwardedHeader::XForwardedFor;
    let client = client_ip::resolve(question.peer, Origin::Peer, &snapshot.trusted, header, question.lines());
    let routes = match &question.path {
        None => snapshot.routes.iter().map(|route| judge(snapshot, question, &client, Some(route))).collect(),
        Some(path) => {
            let found = snapshot.table.find(Host::read(question.host.as_bytes()), path.as_bytes());
            let route = found.and_then(|place| snapshot.routes.get(place));
            vec![judge(snapshot, question, &client, route.map(AsRef::as_ref))]
        }
    };
    Explanation {
        question: question.clone(),
        hops: hops(snapshot, question),
        client,
        routes,
        ambiguous: question.path.as_deref().and_then(|path| ambiguity(path.as_bytes())),
        generation: snapshot.generation,
        mode: mode_word(snapshot.config.mode),
        deny: deny_word(snapshot.config.deny),
    }
}

fn judge(
    snapshot: &Snapshot,
    question: &Question,
    client: &Result<Client, NoClient>,
    route: Option<&LiveRoute>,
) -> RouteVerdict {
    let allow = route.map(|route| route.allow.iter().map(|list| &list.ranges));
    let config = &snapshot.config;
    let verdict = match admission::decide(client.clone(), question.peer, allow, config.mode) {
        Ok(permit) => match permit.grant() {
            Grant::Listed { list, .. } => Verdict::Admitted(list),
            Grant::Observed(denial) => Verdict::Observed(denial.reason()),
        },
        Err((denial, _)) => Verdict::Denied(denial.reason(), config.deny.status()),
    };
    let lists = route.map_or(&[][..], |route| &route.allow).iter().map(|list| {
        let entries = list.ranges.entries();
        let place = client.as_ref().ok().and_then(|client| list.ranges.set().find(client.address));
        ListVerdict {
            name: list.name.clone(),
            file: list.path.clone(),
            last_good: list.last_good,
            prefixes: entries.len(),
            found: place.and_then(|at| entries.get(at)).map(|entry| (entry.prefix.to_string(), entry.line)),
        }
    });
    RouteVerdict {
        route: route.map(|route| route.label.clone()),
        webhook: route.map(|route| route.webhook.name()),
        lists: lists.collect(),
        verdict,
    }
}

/// The walk of [`client_ip::resolve`] as a person would note it down: every trusted hop with the reason,
/// and the one at which the walk ends.
fn hops(snapshot: &Snapshot, question: &Question) -> Vec<Hop> {
    let trusted_by = |address: Address| {
        snapshot.trusted.find(address).map(|at| snapshot.trusted_names.get(at).cloned().unwrap_or_default())
    };
    let peer = Hop { text: question.peer.to_string(), trusted_by: trusted_by(question.peer) };
    let mut noted = vec![peer];
    let written = question.via.iter().flat_map(|line| line.rsplit(',')).map(str::trim_ascii);
    for text in written {
        if noted.last().is_none_or(|last| last.trusted_by.is_none()) {
            break;
        }
        noted.push(match Address::from_hop(text.as_bytes()) {
            Some(address) => Hop { text: address.to_string(), trusted_by: trusted_by(address) },
            None => Hop { text: text.to_owned(), trusted_by: None },
        });
    }
    noted
}

impl Explanation {
    /// Whether the lists admit it: on the route of the path, or on any route where no path was given.
    /// What only `mode: observe` lets pass is not admitted.
    #[must_use]
    pub fn admitted(&self) -> bool {
        self.routes.iter().any(|route| matches!(route.verdict, Verdict::Admitted(_)))
    }

    /// The explanation as JSON.
    #[must_use]
    pub fn value(&self) -> Value {
        json!({
            "peer": self.question.peer.to_string(),
            "via": self.question.via,
            "host": self.question.host,
            "path": self.question.path,
            "hops": self.hops.iter().map(|hop| json!({
                "hop": hop.text,
                "trusted_by": hop.trusted_by,
            })).collect::<Vec<_>>(),
            "client": self.client.as_ref().ok().map(|client| client.address.to_string()),
            "no_client": self.client.as_ref().err().map(|none| none.reason().word()),
            "admitted": self.admitted(),
            "routes": self.routes.iter().map(RouteVerdict::value).collect::<Vec<_>>(),
            "ambiguous_path": self.ambiguous,
            "mode": self.mode,
            "deny": self.deny,
            "generation": self.generation,
        })
    }
}

impl RouteVerdict {
    fn value(&self) -> Value {
        let (verdict, reason, status) = match self.verdict {
            Verdict::Admitted(_) => ("admitted", None, None),
            Verdict::Denied(reason, status) => ("denied", Some(reason.word()), Some(status)),
            Verdict::Observed(reason) => ("would_deny", Some(reason.word()), None),
        };
        let by = match self.verdict {
            Verdict::Admitted(place) => self.lists.get(place),
            _ => None,
        };
        json!({
            "route": self.route,
            "webhook": self.webhook,
            "verdict": verdict,
            "reason": reason,
            "status": status,
            "list": by.map(|list| &list.name),
            "prefix": by.and_then(|list| list.found.as_ref()).map(|(prefix, _)| prefix),
            "lists": self.lists.iter().map(ListVerdict::value).collect::<Vec<_>>(),
        })
    }
}

impl ListVerdict {
    fn value(&self) -> Value {
        json!({
            "name": self.name,
            "file": self.file.display().to_string(),
            "last_good": self.last_good,
            "prefixes": self.prefixes,
            "prefix": self.found.as_ref().map(|(prefix, _)| prefix),
            "line": self.found.as_ref().map(|(_, line)| line),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::explain_text::text;
    use crate::admin::fixture::{CONFIG, Stage, anonymous};
    use proptest::prelude::*;

    fn asked(ip: &str, via: Option<&str>, path: Option<&str>) -> Question {
        Question::new(ip, via.map(str::to_owned), path, "").unwrap()
    }

    fn told(config: &str, ip: &str, via: Option<&str>, path: Option<&str>) -> (bool, String) {
        let mut stage = Stage::new(config);
        let explanation = explain(&stage.snapshot(), &asked(ip, via, path));
        (explanation.admitted(), anonymous(&text(&explanation.value()), stage.folder.path()))
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
        assert!(explain(&snapshot, &verify).admitted());
        assert!(!explain(&snapshot, &Question { host: String::new(), ..verify }).admitted());
        let odd = explain(&snapshot, &asked("198.51.100.1", None, Some("/webhooks/sms/../x")));
        assert!(text(&odd.value()).contains("answer   400: the path holds a dot segment"));
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
            let explanation = explain(&snapshot, &asked(&peer, via.as_deref(), None));
            let (last, before) = explanation.hops.split_last().unwrap();
            prop_assert!(before.iter().all(|hop| hop.trusted_by.is_some()));
            match &explanation.client {
                Ok(client) => {
                    prop_assert_eq!(&last.text, &client.address.to_string());
                    prop_assert!(last.trusted_by.is_none());
                    let via: Vec<String> = client.via.iter().rev().map(ToString::to_string).collect();
                    prop_assert_eq!(before.iter().map(|hop| hop.text.clone()).collect::<Vec<_>>(), via);
                }
                Err(NoClient::Unnamed) => prop_assert!(last.trusted_by.is_some()),
                Err(NoClient::Unreadable) => {
                    prop_assert!(last.trusted_by.is_none() && Address::from_hop(last.text.as_bytes()).is_none());
                }
            }
        }
    }
}
