//! Requests that parsers read differently: whether all on the way read them alike.

use crate::cli::doctor::checks::Check;
use crate::cli::doctor::outside::answer::{Answer, Instead};
use crate::cli::doctor::report::Finding;
use crate::cli::doctor::verdict::remedy::{Front, LEAVE_THE_PATH, NO_TUNNEL};
use crate::judge::served::seen::Seen;

/// The end of the target of a request that is hidden in the body of another.
pub(crate) const HIDDEN: &str = "/hidden";

/// A request that is read two ways, and the answers on its connection and to the next request.
#[derive(Clone, Debug)]
pub(crate) struct TwoWays {
    /// What it is.
    pub what: &'static str,
    /// All answers on its connection.
    pub answers: Vec<Answer>,
    /// What the gate saw of the plain request that was sent next, over a connection of its own, and its target.
    pub next: Option<(String, Seen)>,
}

/// Whether no request that is hidden in a body is served, except where whoever stands in front took it for one too:
/// then it bears what all its requests bear.
#[must_use]
pub(crate) fn framing(plain: &Seen, rows: &[TwoWays]) -> Finding {
    for row in rows {
        let hidden = row.answers.iter().filter_map(Answer::seen).find(|seen| seen.target.ends_with(HIDDEN));
        let smuggled =
            hidden.is_some_and(|seen| seen.forwarding != plain.forwarding || seen.client != plain.client);
        let mixed = row
            .next
            .as_ref()
            .is_some_and(|(sent, seen)| seen.target.ends_with(HIDDEN) && !sent.ends_with(HIDDEN));
        if smuggled || mixed {
            let what = row.what;
            let evidence = format!("{what}: a request hidden in a body passes what stands in front unseen");
            return Finding::fail(
                Check::ProtocolFraming,
                evidence,
                "update what stands in front of the gate, and let it close the connection after such a message",
            );
        }
    }
    Finding::pass(Check::ProtocolFraming, format!("{} kinds, each one message or refused", rows.len()))
}

/// A question of some kind, and what came.
pub(crate) type Row = (&'static str, Result<Answer, Instead>);

/// What came that is neither the gate's nor a refusal in front: nobody knows what became of such a request.
fn unproven(rows: &[Row]) -> Option<String> {
    let is_judged = |came: &Result<Answer, Instead>| {
        came.as_ref().is_ok_and(|answer| answer.is_of_gate() || answer.is_refusal_in_front())
    };
    let (what, came) = rows.iter().find(|(_, came)| !is_judged(came))?;
    let words = came.as_ref().map_or_else(Instead::to_string, Answer::shown);
    Some(format!("{what}: {words}, and the gate does not prove that it came"))
}

/// What is to be done about that.
const PASS_OR_REFUSE: &str = "let what stands in front pass it to the gate, or refuse it with 400";

/// Whether a spelling that leads out of a folder was resolved before the gate saw it: each with the part that must be
/// left as it is.
#[must_use]
pub(crate) fn paths(rows: &[Row], is_rewritten: bool, front: Front) -> Finding {
    if is_rewritten {
        return Finding::skip(Check::ProtocolPaths, "paths are rewritten: see front.path");
    }
    for (spelling, came) in rows {
        let seen = came.as_ref().ok().and_then(Answer::seen);
        // The digits of an escape are the same in either case (RFC 3986 section 2.1).
        let resolved = |seen: &&Seen| !seen.target.to_ascii_lowercase().contains(spelling);
        if let Some(seen) = seen.as_ref().filter(resolved) {
            let end: String =
                seen.target.chars().rev().take(12).collect::<Vec<_>>().into_iter().rev().collect();
            return Finding::fail(
                Check::ProtocolPaths,
                format!(
                    "{spelling} reaches the gate resolved, as ...{end}: a rule in front and the gate differ"
                ),
                LEAVE_THE_PATH.of(front),
            );
        }
    }
    if let Some(evidence) = unproven(rows) {
        return Finding::warn(Check::ProtocolPaths, evidence, PASS_OR_REFUSE);
    }
    Finding::pass(Check::ProtocolPaths, format!("{} spellings are left alone or refused", rows.len()))
}

/// Whether a target with scheme and host is the same request for all (RFC 9112 section 3.2.2), or is refused.
#[must_use]
pub(crate) fn target(
    (plain, sent): (&Seen, &str),
    came: &Result<Answer, Instead>,
    is_rewritten: bool,
    front: Front,
) -> Finding {
    let check = Check::ProtocolTarget;
    if is_rewritten {
        return Finding::skip(check, "paths are rewritten: see front.path");
    }
    match came.as_ref().map(|answer| (answer, answer.seen())) {
        Ok((_, Some(seen))) if seen.target == sent && seen.host == plain.host => {
            Finding::pass(check, "a target with scheme and host is the same request")
        }
        Ok((_, Some(seen))) => {
            let what = if seen.target == sent { "host" } else { "path" };
            let evidence = format!(
                "a target with scheme and host reaches the gate with another {what}: a rule in front and a route differ"
            );
            Finding::fail(check, evidence, LEAVE_THE_PATH.of(front))
        }
        Ok((answer, None)) if answer.is_refusal_in_front() => {
            Finding::pass(check, format!("a target with scheme and host is refused with {}", answer.shown()))
        }
        Ok((answer, None)) if answer.status < 400 => {
            let evidence = format!(
                "a target with scheme and host is answered with {}, and does not reach the gate",
                answer.shown()
            );
            Finding::fail(check, evidence, PASS_OR_REFUSE)
        }
        other => {
            let words = other.map_or_else(ToString::to_string, |(answer, _)| answer.shown());
            Finding::warn(check, format!("a target with scheme and host: {words}"), PASS_OR_REFUSE)
        }
    }
}

/// Whether a request became a tunnel.
#[must_use]
pub(crate) fn upgrade(rows: &[Row], front: Front) -> Finding {
    let is_tunnel = |came: &Result<Answer, Instead>| came.as_ref().is_ok_and(|answer| answer.status == 101);
    if let Some((what, _)) = rows.iter().find(|(_, came)| is_tunnel(came)) {
        let evidence = format!("{what} is answered with 101: what follows passes the gate unread");
        return Finding::fail(Check::ProtocolUpgrade, evidence, NO_TUNNEL.of(front));
    }
    if let Some(evidence) = unproven(rows) {
        return Finding::warn(Check::ProtocolUpgrade, evidence, PASS_OR_REFUSE);
    }
    Finding::pass(Check::ProtocolUpgrade, format!("{} offers are declined", rows.len()))
}

/// Whether a large head is answered, and one in pieces by the gate.
#[must_use]
pub(crate) fn heads(large: &Result<Answer, Instead>, pieces: &Result<Answer, Instead>) -> Finding {
    let check = Check::ProtocolHeads;
    if let Some(evidence) = unproven(&[("a head of 16 KiB", large.clone())]) {
        return Finding::warn(
            check,
            evidence,
            "let what stands in front answer a head that it does not take (431 or 400)",
        );
    }
    match pieces {
        Ok(answer) if answer.is_of_gate() => Finding::pass(check, "a head of 16 KiB, and one in two pieces"),
        other => {
            let words = other.as_ref().map_or_else(Instead::to_string, Answer::shown);
            Finding::warn(
                check,
                format!("a head that comes in two pieces is answered with {words}"),
                "let what stands in front wait for a head for some seconds",
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::outside::answer::{Progress, read};
    use crate::cli::doctor::report::Verdict;

    fn answer(seen: &Seen) -> Answer {
        let body = serde_json::to_string(seen).unwrap();
        let head =
            format!("HTTP/1.1 200 OK\r\nX-Nexmo-Gate-Doctor: 1\r\nContent-Length: {}\r\n\r\n", body.len());
        match read(format!("{head}{body}").as_bytes(), true) {
            Progress::Whole(answer, _) => answer.proven(),
            other => panic!("{other:?}"),
        }
    }

    fn seen(target: &str, forwarding: &[&str]) -> Seen {
        Seen {
            client: Some("192.0.2.1".into()),
            forwarded_header: "x-forwarded-for".into(),
            listener: "[::]:80".into(),
            method: "GET".into(),
            named_by: "connection".into(),
            peer: "192.0.2.1".into(),
            version: "0".into(),
            target: target.into(),
            forwarding: forwarding.iter().map(|name| (*name).to_owned()).collect(),
            ..Seen::default()
        }
    }

    #[test]
    fn a_hidden_request_counts_only_where_the_front_did_not_see_it() {
        let plain = seen("/t", &["x-forwarded-for"]);
        let row = |answers, next| TwoWays { what: "CL.TE", answers, next };
        let first = answer(&plain);
        let known = answer(&seen("/t/hidden", &["x-forwarded-for"]));
        let unknown = answer(&seen("/t/hidden", &[]));
        let verdict = |row| framing(&plain, &[row]).verdict;
        assert_eq!(verdict(row(vec![first.clone()], None)), Verdict::Pass);
        assert_eq!(verdict(row(vec![first.clone(), known], None)), Verdict::Pass);
        assert_eq!(verdict(row(vec![first.clone(), unknown], None)), Verdict::Fail);
        let next = Some(("/t".to_owned(), seen("/t/hidden", &[])));
        assert_eq!(verdict(row(vec![first], next)), Verdict::Fail);
    }

    #[test]
    fn a_target_with_a_host_is_the_same_request_or_refused() {
        let plain = seen("/t", &[]);
        let came = |text: &str| match read(text.as_bytes(), true) {
            Progress::Whole(answer, _) => Ok(answer),
            other => panic!("{other:?}"),
        };
        let verdict = |came| target((&plain, "/t"), &came, false, Front::Nginx).verdict;
        assert_eq!(verdict(Ok(answer(&plain))), Verdict::Pass);
        assert_eq!(verdict(Ok(answer(&seen("/other", &[])))), Verdict::Fail);
        assert_eq!(verdict(Ok(answer(&Seen { host: "other".into(), ..plain.clone() }))), Verdict::Fail);
        assert_eq!(verdict(came("HTTP/1.1 400 X\r\n\r\n")), Verdict::Pass);
        assert_eq!(verdict(came("HTTP/1.1 502 X\r\n\r\n")), Verdict::Warn);
        assert_eq!(verdict(Err(Instead("none".into()))), Verdict::Warn);
    }

    #[test]
    fn a_resolved_spelling_is_found_and_101_is_a_tunnel() {
        let paths = |came| paths(&[("..%2f", came)], false, Front::Nginx).verdict;
        assert_eq!(paths(Ok(answer(&seen("/t/b", &[])))), Verdict::Fail);
        assert_eq!(paths(Ok(answer(&seen("/a/..%2fb", &[])))), Verdict::Pass);
        assert_eq!(paths(Ok(answer(&seen("/a/..%2Fb", &[])))), Verdict::Pass);
        assert_eq!(paths(Ok(own(400))), Verdict::Pass);
        let upgrade = |came| upgrade(&[("websocket", came)], Front::Nginx).verdict;
        assert_eq!(upgrade(Ok(own(101))), Verdict::Fail);
        assert_eq!(upgrade(Ok(answer(&seen("/t", &[])))), Verdict::Pass);
        assert_eq!(upgrade(Ok(own(426))), Verdict::Pass);
    }

    fn own(status: u16) -> Answer {
        match read(format!("HTTP/1.1 {status} X\r\n\r\n").as_bytes(), true) {
            Progress::Whole(answer, _) => answer,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_answer_without_a_proof_passes_only_as_a_refusal() {
        let plain = seen("/t", &[]);
        let good = answer(&plain);
        for (came, wanted) in
            [(Ok(own(400)), Verdict::Pass), (Ok(own(200)), Verdict::Warn), (Ok(own(302)), Verdict::Warn)]
        {
            assert_eq!(paths(&[("..%2f", came.clone())], false, Front::Nginx).verdict, wanted, "{came:?}");
            assert_eq!(upgrade(&[("websocket", came.clone())], Front::Nginx).verdict, wanted, "{came:?}");
            assert_eq!(heads(&came, &Ok(good.clone())).verdict, wanted, "{came:?}");
            let found = target((&plain, "/t"), &came, false, Front::Nginx).verdict;
            assert_eq!(found, if wanted == Verdict::Pass { wanted } else { Verdict::Fail }, "{came:?}");
        }
    }
}
