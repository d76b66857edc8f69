//! Who the gate believes to be asked by: the address, and whether somebody else can choose it.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::cli::doctor::checks::Check;
use crate::cli::doctor::outside::answer::Answer;
use crate::cli::doctor::report::Finding;
use crate::cli::doctor::verdict::remedy::{FORGE_NOTHING, Front, NAME_THE_CLIENT, SAY_HOST, SAY_HTTPS};
use crate::judge::served::seen::Seen;
use crate::policy::address::reserved::reserved;

/// A request with something forged, and what the gate saw of it; nothing where it was refused.
#[derive(Clone, Debug)]
pub(crate) struct Forged {
    /// What was forged.
    pub what: &'static str,
    /// What the gate saw.
    pub seen: Option<Seen>,
    /// What came in the place of that and is no refusal, in words.
    pub own: Option<String>,
}

impl Forged {
    /// From what came.
    pub(crate) fn of(what: &'static str, came: Option<&Answer>) -> Self {
        let own = came.filter(|answer| !answer.is_of_gate() && !answer.is_refusal_in_front());
        Self { what, seen: came.and_then(Answer::seen), own: own.map(Answer::shown) }
    }
}

/// What was answered in front, so that nobody knows what the gate would have seen.
fn answered_in_front(rows: &[Forged]) -> Option<String> {
    let found = rows.iter().find_map(|row| Some((row.what, row.own.as_ref()?)));
    found
        .map(|(what, own)| format!("{what} is answered with {own}, and the gate does not prove that it came"))
}

const PASS_OR_REFUSE: &str =
    "let what stands in front pass such a request to the gate, or refuse it with 400";

/// Whether a forged header or PROXY header changes the address.
#[must_use]
pub(crate) fn forged(plain: &Seen, rows: &[Forged], own: IpAddr, front: Front) -> Finding {
    let check = Check::ClientForged;
    let asker = Asker::of(plain, own);
    if asker == Asker::Proxy {
        return Finding::skip(check, asks_as_proxy(own));
    }
    let changed = |row: &&Forged| row.seen.as_ref().is_some_and(|seen| is_changed(plain, seen));
    let Some(row) = rows.iter().find(changed) else {
        if let Some(evidence) = answered_in_front(rows) {
            return Finding::warn(check, evidence, PASS_OR_REFUSE);
        }
        return Finding::pass(check, format!("{} forged headers change nothing", rows.len()));
    };
    let client = row.seen.as_ref().and_then(|seen| seen.client.as_deref()).unwrap_or("nobody");
    let evidence = format!("{} makes the gate see {client}: whoever asks chooses an address", row.what);
    if let Asker::Covered(entry) = asker {
        let evidence =
            format!("trusted_proxies has {entry}, and so {own}, from which the doctor asks; {evidence}");
        // A net of one's own may hold proxies that the doctor is beside; the internet holds senders.
        let found = if is_public(own) { Finding::fail } else { Finding::warn };
        return found(check, evidence, mend_trust(entry));
    }
    let own = own.to_string();
    if row.seen.as_ref().is_some_and(|seen| seen.via.contains(&own)) {
        let change =
            format!("trusted_proxies: it holds {own}, which is no proxy; name your own proxies alone");
        return Finding::fail(check, evidence, change);
    }
    Finding::fail(check, evidence, FORGE_NOTHING.of(front))
}

/// Who the doctor is to the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asker<'s> {
    /// Whoever a sender could be.
    Sender,
    /// An address that `trusted_proxies` names by itself: it may say who asks, as it should.
    Proxy,
    /// One of many that an entry of `trusted_proxies` has.
    Covered(&'s str),
}

impl<'s> Asker<'s> {
    fn of(plain: &'s Seen, own: IpAddr) -> Self {
        match plain.trusted_hops.get(&own.to_string()) {
            None => Self::Sender,
            Some(entry) if is_one(entry) => Self::Proxy,
            Some(entry) => Self::Covered(entry),
        }
    }
}

/// Whether an entry of `trusted_proxies` has one address alone.
fn is_one(entry: &str) -> bool {
    let net = entry.parse::<IpNet>().or_else(|_| entry.parse::<IpAddr>().map(IpNet::from));
    net.is_ok_and(|net| net.prefix_len() == net.max_prefix_len())
}

fn asks_as_proxy(own: IpAddr) -> String {
    format!(
        "the doctor asks from {own}, a trusted proxy, which may name any client: ask from a machine that is none"
    )
}

fn mend_trust(entry: &str) -> String {
    format!(
        "trusted_proxies: in the place of {entry} your own proxies alone; if it holds nobody else, run the doctor from a \
         machine outside it, as senders are"
    )
}

/// A forged request that makes the gate find nobody is denied, and nobody gains by it.
fn is_changed(plain: &Seen, forged: &Seen) -> bool {
    forged.client.is_some() && forged.client != plain.client
}

/// Whether the gate sees the address of who asks. `own` is the doctor's address on its connection to `target`.
#[must_use]
pub(crate) fn address(plain: &Seen, own: IpAddr, target: IpAddr, is_chosen: bool, front: Front) -> Finding {
    let check = Check::ClientAddress;
    if is_chosen {
        return Finding::skip(check, "whoever asks chooses it: see client.forged");
    }
    let asker = Asker::of(plain, own);
    if asker == Asker::Proxy {
        return Finding::skip(check, asks_as_proxy(own));
    }
    if let (None, Asker::Covered(entry)) = (&plain.client, asker) {
        let evidence =
            format!("trusted_proxies has {entry}, and so {own}, from which the doctor asks: it is no client");
        return Finding::warn(check, evidence, mend_trust(entry));
    }
    let peer = &plain.peer;
    let came = || plain.forwarding.join(", ");
    let Some(client) = &plain.client else {
        let header = &plain.forwarded_header;
        let other = plain.forwarding.iter().any(|name| name != header && name.ends_with("orwarded-for"))
            || plain.forwarding.iter().any(|name| name == "forwarded" && name != header);
        let why = if plain.no_client.as_deref() == Some("bad_chain") {
            format!("{header} of {peer} has an element that is no address")
        } else if other {
            format!("{peer} is trusted and does not name the client in {header} (it sends {})", came())
        } else {
            format!("{peer} is trusted and names no client")
        };
        let change = if other && !plain.forwarding.contains(header) {
            let found =
                plain.forwarding.iter().find(|name| *name == "forwarded" || *name == "x-forwarded-for");
            format!("forwarded_header: {}", found.map_or("x-forwarded-for", String::as_str))
        } else {
            NAME_THE_CLIENT.of(front)
        };
        return Finding::fail(check, why, change);
    };
    if is_mine(client, own, target) {
        let how = match plain.named_by.as_str() {
            "connection" => "its own connection".to_owned(),
            by => format!("{by} through {}", plain.via.join(", ")),
        };
        return Finding::pass(check, format!("the gate sees {client}, by {how}"));
    }
    let evidence = format!("the gate sees {client} and not {own}: everybody looks like one");
    let named = plain.forwarding.iter().any(|name| name == "x-forwarded-for" || name == "forwarded");
    let change = match client {
        _ if client == peer && named => format!("trusted_proxies: [\"{peer}\"]; it sends {}", came()),
        _ if client == peer => NAME_THE_CLIENT.of(front),
        _ => format!(
            "trusted_proxies: add {client}, if it is a proxy of yours; else let the proxy behind it append to the header: {}",
            NAME_THE_CLIENT.of(front)
        ),
    };
    Finding::fail(check, evidence, change)
}

/// Whether this can be the doctor's address as the gate sees it. Where an address is translated on the way, only a
/// public one can be.
fn is_mine(client: &str, own: IpAddr, target: IpAddr) -> bool {
    let Ok(client) = client.parse::<IpAddr>() else { return false };
    client == own || (!is_public(own) && is_public(target) && is_public(client))
}

fn is_public(ip: IpAddr) -> bool {
    reserved(&IpNet::from(ip)).is_none()
}

/// Whether a forged header changes scheme or host.
#[must_use]
pub(crate) fn claims(plain: &Seen, rows: &[Forged], front: Front) -> Finding {
    for row in rows {
        let Some(seen) = &row.seen else { continue };
        let (was, is, remedy) = if seen.scheme != plain.scheme {
            (&plain.scheme, &seen.scheme, SAY_HTTPS)
        } else if seen.asked_host != plain.asked_host {
            (&plain.asked_host, &seen.asked_host, SAY_HOST)
        } else {
            continue;
        };
        return Finding::warn(
            Check::ClientClaims,
            format!("{} makes the gate see {is} instead of {was}", row.what),
            remedy.of(front),
        );
    }
    if let Some(evidence) = answered_in_front(rows) {
        return Finding::warn(Check::ClientClaims, evidence, PASS_OR_REFUSE);
    }
    Finding::pass(Check::ClientClaims, format!("{}://{} whatever is claimed", plain.scheme, plain.asked_host))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::report::Verdict;

    fn seen(client: Option<&str>, peer: &str, trusted: bool, forwarding: &[&str]) -> Seen {
        Seen {
            client: client.map(str::to_owned),
            forwarded_header: "x-forwarded-for".into(),
            forwarding: forwarding.iter().map(|name| (*name).to_owned()).collect(),
            named_by: if trusted { "x-forwarded-for".into() } else { "connection".into() },
            peer: peer.into(),
            peer_is_trusted: trusted,
            ..Seen::default()
        }
    }

    #[test]
    fn the_line_to_change_follows_from_what_came() {
        let xff = &["x-forwarded-for"][..];
        for (plain, verdict, says) in [
            (seen(Some("203.0.113.9"), "10.0.0.5", true, xff), Verdict::Pass, ""),
            (
                seen(Some("10.0.0.5"), "10.0.0.5", false, xff),
                Verdict::Fail,
                "trusted_proxies: [\"10.0.0.5\"]",
            ),
            (seen(Some("10.0.0.5"), "10.0.0.5", false, &[]), Verdict::Fail, "X-Forwarded-For"),
            (seen(None, "10.0.0.5", true, &[]), Verdict::Fail, "X-Forwarded-For"),
            (seen(None, "10.0.0.5", true, &["forwarded"]), Verdict::Fail, "forwarded_header: forwarded"),
            (seen(Some("10.0.0.7"), "10.0.0.5", true, xff), Verdict::Fail, "add 10.0.0.7"),
        ] {
            let (own, target) = ("203.0.113.9".parse().unwrap(), "8.8.8.8".parse().unwrap());
            let found = address(&plain, own, target, false, Front::Nginx);
            assert_eq!(found.verdict, verdict, "{found:?}");
            assert!(found.change.contains(says), "{found:?}");
        }
    }

    #[test]
    fn who_asks_from_a_trusted_proxy_is_told_so_and_no_alarm_is_raised() {
        let chosen = |own: &str| Forged {
            what: "X-Forwarded-For",
            seen: Some(Seen { via: vec![own.into()], ..seen(Some("192.0.2.77"), "10.0.0.5", true, &[]) }),
            own: None,
        };
        for (own, entry, verdicts) in [
            ("10.0.0.7", "10.0.0.7", (Verdict::Skip, Verdict::Skip)),
            ("10.0.0.7", "10.0.0.7/32", (Verdict::Skip, Verdict::Skip)),
            ("2001:db8::1", "2001:db8::1/128", (Verdict::Skip, Verdict::Skip)),
            ("10.0.0.7", "10.0.0.0/8", (Verdict::Warn, Verdict::Warn)),
            ("9.9.9.9", "0.0.0.0/0", (Verdict::Fail, Verdict::Warn)),
            ("9.9.9.9", "my-balancers", (Verdict::Fail, Verdict::Warn)),
        ] {
            let mut plain = seen(None, "10.0.0.5", true, &["x-forwarded-for"]);
            plain.trusted_hops.insert(own.to_owned(), entry.to_owned());
            let (own, target): (IpAddr, IpAddr) = (own.parse().unwrap(), "8.8.8.8".parse().unwrap());
            let row = chosen(&own.to_string());
            let found = (
                forged(&plain, &[row], own, Front::Nginx),
                address(&plain, own, target, false, Front::Nginx),
            );
            assert_eq!((found.0.verdict, found.1.verdict), verdicts, "{entry}: {found:?}");
            assert!(found.0.evidence.contains(&own.to_string()), "{found:?}");
        }
    }

    #[test]
    fn a_translated_address_is_mine_if_it_is_public() {
        let mine = |client: &str, own: &str, target: &str| {
            is_mine(client, own.parse().unwrap(), target.parse().unwrap())
        };
        assert!(mine("9.9.9.9", "192.168.1.2", "8.8.8.8"));
        assert!(!mine("10.0.0.5", "192.168.1.2", "8.8.8.8"));
        assert!(!mine("10.0.0.5", "192.168.1.2", "10.0.0.1"));
        assert!(!mine("9.9.9.8", "9.9.9.9", "8.8.8.8"));
    }

    #[test]
    fn a_forged_header_that_changes_the_address_is_named() {
        let plain = seen(Some("203.0.113.9"), "10.0.0.5", true, &[]);
        let row = |what, client: Option<&str>| Forged {
            what,
            seen: Some(seen(client, "10.0.0.5", true, &[])),
            own: None,
        };
        let same = row("X-Real-IP", Some("203.0.113.9"));
        let refused = Forged { what: "Forwarded", seen: None, own: None };
        let own = Forged { own: Some("200 of nginx".into()), ..refused.clone() };
        assert_eq!(claims(&plain, std::slice::from_ref(&own), Front::Nginx).verdict, Verdict::Warn);
        let rows = [same.clone(), own];
        let own = "203.0.113.9".parse().unwrap();
        assert_eq!(
            forged(&plain, &rows, own, Front::Nginx).verdict,
            Verdict::Warn,
            "nobody knows what the gate sees"
        );
        assert_eq!(forged(&plain, &[same.clone(), refused], own, Front::Nginx).verdict, Verdict::Pass);
        let found = forged(&plain, &[same, row("X-Forwarded-For", Some("192.0.2.77"))], own, Front::Nginx);
        assert!(found.verdict == Verdict::Fail && found.evidence.starts_with("X-Forwarded-For"), "{found:?}");
        let mut through = row("X-Forwarded-For", Some("192.0.2.77"));
        through.seen.as_mut().unwrap().via = vec!["203.0.113.9".into(), "10.0.0.5".into()];
        let found = forged(&plain, &[through], own, Front::Nginx);
        assert!(found.change.starts_with("trusted_proxies: it holds 203.0.113.9"), "{found:?}");
        assert_eq!(forged(&plain, &[row("Forwarded", None)], own, Front::Nginx).verdict, Verdict::Pass);
    }
}
