//! The keys that a config file may have, and the nearest one to a slip of the pen.
//!
//! [`KEYS`] is the only list of keys: what it does not hold is refused as unknown, so it can be
//! neither incomplete nor out of date. `[]` stands for any entry of a list.

use strsim::osa_distance;

/// Every key that has a meaning, in the order of the shipped file.
pub const KEYS: &[&str] = &[
    "listen[].address",
    "listen[].proxy_protocol",
    "listen[].tls.certificate",
    "listen[].tls.key",
    "listen[].tls.certificates[].certificate",
    "listen[].tls.certificates[].key",
    "listen[].tls.min_version",
    "listen[].tls.client_ca",
    "listen[].tls.client_auth",
    "listen[].http2",
    "listen[].acme_challenges",
    "upstream",
    "upstream.url",
    "upstream.urls",
    "upstream.ca",
    "upstream.server_name",
    "upstream.health.path",
    "upstream.health.every",
    "upstream.health.timeout",
    "ranges",
    "trusted_proxies",
    "forwarded_header",
    "deny",
    "mode",
    "routes[].path",
    "routes[].host",
    "routes[].webhook",
    "routes[].allow",
    "routes[].upstream",
    "routes[].upstream.url",
    "routes[].upstream.urls",
    "routes[].upstream.ca",
    "routes[].upstream.server_name",
    "routes[].upstream.health.path",
    "routes[].upstream.health.every",
    "routes[].upstream.health.timeout",
    "routes[].upstream_host",
    "routes[].success",
    "routes[].deadline",
    "routes[].client_errors",
    "routes[].server_errors",
    "limits.max_body",
    "limits.max_response",
    "limits.max_head",
    "limits.head_timeout",
    "limits.body_timeout",
    "limits.keepalive",
    "limits.connections",
    "limits.connections_per_stranger",
    "limits.connections_per_client",
    "limits.concurrent_requests",
    "limits.buffers",
    "drain.delay",
    "drain.grace",
    "state",
    "admin.address",
    "admin.allow_remote",
    "metrics.address",
    "health_path",
    "log.format",
    "log.level",
    "log.access",
    "threads",
];

/// The keys that may stand directly in the mapping at a key path.
#[must_use]
pub fn children(path: &str) -> Vec<&'static str> {
    let parent = pattern(path);
    let mut found: Vec<&str> = Vec::new();
    for key in KEYS {
        let below = if parent.is_empty() {
            Some(*key)
        } else {
            key.strip_prefix(parent.as_str()).and_then(|k| k.strip_prefix('.'))
        };
        let Some(child) = below.and_then(|k| k.split(['.', '[']).next()) else { continue };
        if !found.contains(&child) {
            found.push(child);
        }
    }
    found
}

/// `routes[3].path` as `routes[].path`.
fn pattern(path: &str) -> String {
    let mut pattern = String::with_capacity(path.len());
    let mut inside = false;
    for c in path.chars() {
        inside = inside && c != ']';
        if !inside {
            pattern.push(c);
        }
        inside = inside || c == '[';
    }
    pattern
}

/// The known word that the unknown one was probably meant to be.
#[must_use]
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Longer words are no slips of ours, and the distance takes their length squared.
    if word.len() > 64 {
        return None;
    }
    let plain = |w: &str| w.to_ascii_lowercase().replace('-', "_");
    let own = plain(word);
    known
        .into_iter()
        // Letters to insert, drop, change or swap with their neighbour (optimal string alignment).
        .map(|name| (osa_distance(&own, &plain(name)), name))
        .filter(|(distance, name)| *distance <= name.len().max(word.len()).div_ceil(3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn children_are_the_keys_one_step_down() {
        assert_eq!(children("drain"), ["delay", "grace"]);
        assert_eq!(children("listen[7]"), ["address", "proxy_protocol", "tls", "http2", "acme_challenges"]);
        assert_eq!(children("routes[12].upstream"), ["url", "urls", "ca", "server_name", "health"]);
        assert_eq!(children("upstream.health"), ["path", "every", "timeout"]);
        assert_eq!(children("").len(), 16);
        assert!(children("nothing").is_empty());
    }

    #[test]
    fn a_slip_finds_its_word() {
        let words = ["messages", "sms", "voice"];
        for (slip, meant) in [
            ("vioce", Some("voice")),
            ("Voice", Some("voice")),
            ("smss", Some("sms")),
            ("message", Some("messages")),
            ("upstream", None),
            ("", None),
            ("x", None),
        ] {
            assert_eq!(nearest(slip, words), meant, "{slip}");
        }
        assert_eq!(nearest("max-body", ["max_head", "max_body"]), Some("max_body"));
        assert_eq!(nearest(&"v".repeat(10_000), words), None);
    }
}
