//! The keys that a config file may have, with all texts about them.
//!
//! Invariant: [`KEYS`] is the only list of keys. The reader refuses keys that are not in it, so it can be
//! neither incomplete nor out of date. The help of the flags and the manual page of the file are made from
//! it, and tests compare it with the table in docs/configuration.md and with the keys that need a restart.
//!
//! | file | noun |
//! | --- | --- |
//! | [`key`] | one key, with all texts about it |
//! | [`table`] | every key |
//! | [`nearest`](mod@nearest) | the known word that is nearest to an unknown one |

pub(crate) mod key;
pub(crate) mod nearest;
pub(crate) mod table;

pub use key::{Change, Key};
pub(crate) use nearest::nearest;
pub use table::KEYS;

/// The path of every key, in the order of the table.
pub fn paths() -> impl Iterator<Item = &'static str> + Clone {
    KEYS.iter().map(|key| key.path)
}

/// The help text of a flag that overrides a key.
#[must_use]
pub(crate) fn flag_help(name: &str) -> Option<&'static str> {
    KEYS.iter().filter_map(|key| key.flag).find(|flag| flag.name == name).map(|flag| flag.help)
}

/// The keys that may be directly in the mapping at a key path.
#[must_use]
pub(crate) fn children(path: &str) -> Vec<&'static str> {
    let parent = pattern(path);
    let mut found: Vec<&str> = Vec::new();
    for key in paths() {
        let below = if parent.is_empty() {
            Some(key)
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::key::Flag;
    use super::*;

    #[test]
    fn children_are_the_keys_one_step_down() {
        assert_eq!(children("drain"), ["delay", "grace"]);
        assert_eq!(
            children("listen[7]"),
            ["address", "proxy_protocol", "scheme", "tls", "http2", "acme_challenges"]
        );
        assert_eq!(children("routes[12].upstream"), ["url", "urls", "ca", "server_name", "health"]);
        assert_eq!(children("upstream.health"), ["path", "every", "timeout"]);
        assert_eq!(children("").len(), 20);
        assert!(children("nothing").is_empty());
    }

    #[test]
    fn a_key_stands_once_and_so_does_a_flag() {
        let unique = |words: Vec<&str>| words.iter().collect::<BTreeSet<_>>().len() == words.len();
        assert!(unique(paths().collect()));
        let flags: Vec<Flag> = KEYS.iter().filter_map(|key| key.flag).collect();
        assert!(flags.len() >= 15, "{flags:?}");
        assert!(unique(flags.iter().map(|flag| flag.name).collect()));
        for flag in flags {
            let name = flag.name.trim_start_matches('-').replace('-', "_").to_ascii_uppercase();
            assert_eq!(flag.env, format!("NEXMO_GATE_{name}"));
            assert_eq!(flag_help(flag.name), Some(flag.help));
        }
        assert_eq!(flag_help("--no-such-flag"), None);
    }

    /// If a key takes one of some words, the help of its flag names all of them.
    #[test]
    fn the_help_of_a_flag_names_every_word_that_its_key_takes() {
        let mut seen = 0;
        for (key, flag) in KEYS.iter().filter_map(|key| Some((key, key.flag?))) {
            let words = key.values.split('`').skip(1).step_by(2);
            for word in words.filter(|word| word.bytes().all(|b| b.is_ascii_lowercase())) {
                assert!(
                    flag.help.split(|c: char| !c.is_alphanumeric()).any(|own| own == word),
                    "{}: {word}",
                    flag.name
                );
                seen += 1;
            }
        }
        assert!(seen >= 15, "{seen} words");
    }
}
