//! The addresses in a JSON tree, each with the keys that lead to it.

use std::fmt::Write as _;

use ipnet::IpNet;

use crate::policy::address::range_list::shown;
use crate::policy::proposal::document::json::Json;
use crate::policy::proposal::document::look::Look;
use crate::policy::proposal::document::pair::{Pair, in_array, in_object};
use crate::policy::proposal::document::refusal::{MOST_REFUSALS, Refusal, tame};

/// An address, and the keys on the way to it. Places in arrays do not count: what is in one array is of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found<'j> {
    /// The address or CIDR.
    pub prefix: IpNet,
    /// The keys, outermost first.
    pub keys: Vec<&'j str>,
}

/// All addresses of a tree, in order.
///
/// # Errors
/// Everything that looks like an address and cannot be taken, with its place; at most the first hundred.
pub(super) fn walk<'j>(json: &'j Json<'_>) -> Result<Vec<Found<'j>>, Vec<Refusal>> {
    let mut walk = Walk { way: Vec::new(), found: Vec::new(), refusals: Vec::new() };
    walk.value(json);
    if walk.refusals.is_empty() { Ok(walk.found) } else { Err(walk.refusals) }
}

enum Step<'j> {
    Key(&'j str),
    Place(usize),
}

struct Walk<'j> {
    way: Vec<Step<'j>>,
    found: Vec<Found<'j>>,
    refusals: Vec<Refusal>,
}

impl<'j> Walk<'j> {
    fn value(&mut self, json: &'j Json<'_>) {
        match json {
            Json::Text(text) => self.text(text),
            Json::Number(_) | Json::Word => {}
            Json::Array(values) => {
                self.pair(in_array(values));
                for (place, value) in values.iter().enumerate() {
                    self.inner(Step::Place(place), value);
                }
            }
            Json::Object(members) => {
                self.pair(in_object(members));
                for (key, value) in members {
                    if Look::of(key) != Look::Other {
                        let path = self.path();
                        self.refuse(Refusal::Key { path });
                    }
                    self.inner(Step::Key(key), value);
                }
            }
        }
    }

    fn inner(&mut self, step: Step<'j>, value: &'j Json<'_>) {
        self.way.push(step);
        self.value(value);
        self.way.pop();
    }

    fn text(&mut self, text: &str) {
        match Look::of(text) {
            Look::Other => {}
            Look::Prefix(prefix) => {
                let key = |step: &Step<'j>| match step {
                    Step::Key(key) => Some(*key),
                    Step::Place(_) => None,
                };
                self.found.push(Found { prefix, keys: self.way.iter().filter_map(key).collect() });
            }
            Look::Bad(error) => {
                let (path, shown) = (self.path(), shown(text));
                self.refuse(Refusal::Address { path, shown, message: error.to_string() });
            }
        }
    }

    fn pair(&mut self, pair: Option<Pair>) {
        if let Some(Pair { keys: [one, other], meant }) = pair {
            let (path, keys) = (self.path(), format!("{} and {}", tame(&one), tame(&other)));
            self.refuse(Refusal::Pair { path, keys, meant });
        }
    }

    fn refuse(&mut self, refusal: Refusal) {
        if self.refusals.len() < MOST_REFUSALS {
            self.refusals.push(refusal);
        }
    }

    /// The way as programs write it: `prefixes[3].ip_prefix`.
    fn path(&self) -> String {
        let mut path = String::new();
        for step in &self.way {
            // Writing to a String cannot fail.
            let _ = match step {
                Step::Place(place) => write!(path, "[{place}]"),
                Step::Key(key) if path.is_empty() => write!(path, "{}", tame(key)),
                Step::Key(key) => write!(path, ".{}", tame(key)),
            };
        }
        if path.is_empty() { "the document".to_owned() } else { path }
    }
}
