//! What reaches the gate of a request: scheme, host, path, query, method, body, the token of a signature, the connection.

use crate::cli::doctor::checks::Check;
use crate::cli::doctor::outside::answer::Instead;
use crate::cli::doctor::report::Finding;
use crate::cli::doctor::verdict::remedy::{
    Front, KEEP_CONNECTIONS, LEAVE_THE_PATH, PASS_THE_TOKEN, Remedy, SAY_HOST, SAY_HTTPS, TAKE_BODIES,
    TAKE_LONG_QUERIES, TAKE_POST,
};
use crate::judge::served::seen::Seen;

/// What came back for one request: what the gate saw, or in words what else there was.
pub(crate) type Came = Result<Seen, Instead>;

/// Whether the gate knows that the sender came by https.
#[must_use]
pub(crate) fn scheme(plain: &Seen, https: bool, front: Front) -> Finding {
    let wanted = if https { "https" } else { "http" };
    if plain.scheme == wanted {
        return Finding::pass(Check::FrontScheme, format!("the gate sees {wanted}"));
    }
    // What is not believed is not heard: the client's own connection is judged first.
    if plain.client.is_none() || (!plain.peer_is_trusted && !plain.forwarding.is_empty()) {
        return Finding::skip(Check::FrontScheme, "what stands in front is not believed: see client.address");
    }
    let evidence =
        format!("the gate sees {}; the application is told so, and makes wrong URLs", plain.scheme);
    let change = format!("{}; or at the gate: scheme: https at the listener", SAY_HTTPS.of(front));
    Finding::warn(Check::FrontScheme, evidence, change)
}

/// Whether the host is the one that was asked for.
#[must_use]
pub(crate) fn host(plain: &Seen, authority: &str, front: Front) -> Finding {
    let bare = |host: &str| host.rsplit_once(':').map_or(host, |(name, _)| name).to_ascii_lowercase();
    if bare(&plain.host) == bare(authority) {
        return Finding::pass(Check::FrontHost, format!("the gate sees {}", plain.host));
    }
    let evidence =
        format!("the gate sees {}: a route with host: {} matches nothing", plain.host, bare(authority));
    Finding::warn(Check::FrontHost, evidence, SAY_HOST.of(front))
}

/// Whether targets reach the gate as they were sent: each with what was sent.
#[must_use]
pub(crate) fn path(rows: &[(String, Came)], front: Front) -> Finding {
    for (sent, came) in rows {
        match came {
            Ok(seen) if seen.target == *sent => {}
            Ok(seen) => {
                let (sent, seen) = differing(sent, &seen.target);
                let evidence = format!("{sent} reaches the gate as {seen}: no route matches it");
                return Finding::fail(Check::FrontPath, evidence, LEAVE_THE_PATH.of(front));
            }
            Err(words) => {
                let evidence = format!("a path with an escaped blank is answered with {words}");
                return Finding::fail(Check::FrontPath, evidence, LEAVE_THE_PATH.of(front));
            }
        }
    }
    Finding::pass(Check::FrontPath, "as the sender wrote it")
}

/// Two targets without the token and the nonce in them.
fn differing<'t>(sent: &'t str, seen: &'t str) -> (String, String) {
    let hidden = |target: &'t str| {
        let place = "/.well-known/nexmo-gate/";
        match target.split_once(place) {
            Some((before, rest)) => {
                let mut parts = rest.splitn(3, '/').skip(2);
                let after = parts.next().map(|after| format!("/{after}")).unwrap_or_default();
                format!("{before}{place}TOKEN{after}")
            }
            None => target.chars().take(80).collect(),
        }
    };
    (hidden(sent), hidden(seen))
}

/// Whether a long query is taken.
#[must_use]
pub(crate) fn query(sent: &str, came: &Came, front: Front) -> Finding {
    match came {
        Ok(seen) if seen.target == sent => Finding::pass(Check::FrontQuery, "all of it"),
        // A path that is rewritten is a fault of its own.
        Ok(seen) if ends_alike(sent, &seen.target) => Finding::pass(Check::FrontQuery, "all of it"),
        Ok(seen) => Finding::fail(
            Check::FrontQuery,
            format!("{} of {} bytes reach the gate", seen.target.len(), sent.len()),
            TAKE_LONG_QUERIES.of(front),
        ),
        Err(words) => refused(Check::FrontQuery, "a GET with long texts", words, TAKE_LONG_QUERIES, front),
    }
}

fn ends_alike(sent: &str, seen: &str) -> bool {
    let query = |target: &str| target.split_once('?').map(|(_, query)| query.to_owned());
    query(sent) == query(seen)
}

/// Whether a POST comes as one.
#[must_use]
pub(crate) fn method(came: &Came, front: Front) -> Finding {
    match came {
        Ok(seen) if seen.method == "POST" => Finding::pass(Check::FrontMethod, "POST comes as POST"),
        Ok(seen) => {
            Finding::fail(Check::FrontMethod, format!("POST comes as {}", seen.method), TAKE_POST.of(front))
        }
        Err(words) => refused(Check::FrontMethod, "a POST", words, TAKE_POST, front),
    }
}

/// Whether a large body comes whole. `sent` is its length and its digest.
#[must_use]
pub(crate) fn body(sent: (u64, &str), came: &Came, posts: bool, front: Front) -> Finding {
    if !posts {
        return Finding::skip(Check::FrontBody, "no POST comes through: see front.method");
    }
    match came {
        Ok(seen) if (seen.body_bytes, seen.body_sha256.as_str()) == sent => {
            Finding::pass(Check::FrontBody, format!("{} bytes, unchanged", sent.0))
        }
        Ok(seen) => Finding::fail(
            Check::FrontBody,
            format!("{} bytes come as {} others", sent.0, seen.body_bytes),
            TAKE_BODIES.of(front),
        ),
        Err(words) => refused(Check::FrontBody, "such a POST", words, TAKE_BODIES, front),
    }
}

/// Whether the header of signed webhooks comes.
#[must_use]
pub(crate) fn signature(came: &Came, posts: bool, front: Front) -> Finding {
    match came {
        Ok(seen) if seen.authorization => Finding::pass(Check::FrontSignature, "Authorization comes through"),
        Ok(_) => Finding::fail(
            Check::FrontSignature,
            "Authorization is taken away: every signed webhook is unsigned",
            PASS_THE_TOKEN.of(front),
        ),
        Err(_) if !posts => Finding::skip(Check::FrontSignature, "no POST comes through: see front.method"),
        Err(words) => {
            refused(Check::FrontSignature, "a POST with Authorization", words, PASS_THE_TOKEN, front)
        }
    }
}

fn refused(check: Check, what: &str, words: &Instead, remedy: Remedy, front: Front) -> Finding {
    Finding::fail(check, format!("{what} is answered with {words}"), remedy.of(front))
}

/// Whether the connection to the gate is kept.
#[must_use]
pub(crate) fn version(plain: &Seen, front: Front) -> Finding {
    let why = match (plain.http.as_str(), plain.close) {
        ("1.0", _) => "what stands in front speaks HTTP/1.0 to the gate",
        (_, true) => "what stands in front closes each connection to the gate",
        (version, false) => {
            return Finding::pass(Check::FrontVersion, format!("HTTP/{version}, connections are kept"));
        }
    };
    let evidence = format!("{why}: every request pays for a connection");
    Finding::warn(Check::FrontVersion, evidence, KEEP_CONNECTIONS.of(front))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::report::Verdict;

    #[test]
    fn what_is_shown_of_a_changed_path_has_no_token() {
        let token = "0123456789abcdef0123456789abcdef01234567";
        let sent = format!("/webhooks/.well-known/nexmo-gate/{token}/0123/a%20b");
        let seen = Seen { target: format!("/.well-known/nexmo-gate/{token}/0123/a b"), ..Seen::default() };
        let found = path(&[(sent, Ok(seen))], Front::Nginx);
        assert_eq!(found.verdict, Verdict::Fail);
        assert!(!found.evidence.contains(token) && found.evidence.contains("TOKEN/a b"), "{found:?}");
    }

    #[test]
    fn a_body_counts_only_whole_and_only_if_posts_come_at_all() {
        let seen =
            |bytes, digest: &str| Seen { body_bytes: bytes, body_sha256: digest.into(), ..Seen::default() };
        for (came, posts, wanted) in [
            (Ok(seen(9, "x")), true, Verdict::Pass),
            (Ok(seen(8, "x")), true, Verdict::Fail),
            (Ok(seen(9, "y")), true, Verdict::Fail),
            (Err(Instead("413 of nginx".to_owned())), true, Verdict::Fail),
            (Err(Instead("405".to_owned())), false, Verdict::Skip),
        ] {
            assert_eq!(body((9, "x"), &came, posts, Front::Nginx).verdict, wanted, "{came:?}");
        }
    }

    #[test]
    fn a_scheme_that_nobody_believes_is_not_judged() {
        let seen = |scheme: &str, trusted, forwarding: &[&str]| Seen {
            scheme: scheme.into(),
            client: Some("203.0.113.9".into()),
            peer_is_trusted: trusted,
            forwarding: forwarding.iter().map(|name| (*name).to_owned()).collect(),
            ..Seen::default()
        };
        let verdict = |seen: &Seen| scheme(seen, true, Front::Nginx).verdict;
        assert_eq!(verdict(&seen("https", false, &[])), Verdict::Pass);
        assert_eq!(verdict(&seen("http", true, &["x-forwarded-for"])), Verdict::Warn);
        assert_eq!(verdict(&seen("http", false, &["x-forwarded-for"])), Verdict::Skip);
    }
}
