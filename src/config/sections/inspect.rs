//! `inspect`: whether exchanges are kept, how many, and with which bodies.

use serde_yaml::Value;

use crate::config::model::{Admin, AdminAddress, Inspect};
use crate::config::read::section::Section;
use crate::policy::mask::mode::Bodies;

/// How many exchanges are kept where the file does not say.
pub(crate) const KEEP: usize = 50;
/// More of them would not fit into the bytes that there are for all.
const MOST: usize = 1000;

/// Reads `inspect`: `off`, `never`, or a mapping.
pub(crate) fn inspect(root: &Section, admin: Option<&Admin>) -> Inspect {
    let Some(node) = root.get("inspect") else { return Inspect::Off };
    if matches!(node.value, Value::Null | Value::Bool(false)) || node.is_word("off") {
        return Inspect::Off;
    }
    if node.is_word("never") {
        return Inspect::Never;
    }
    let Some(section) = node.section("off, never, or a mapping such as { keep: 50, bodies: masked }") else {
        return Inspect::Off;
    };
    let keep = section.get("keep").and_then(|node| node.count(1..=MOST)).unwrap_or(KEEP);
    // `off` in YAML is a text, and `false` means the same.
    let words = Bodies::ALL.map(|bodies| (bodies.word(), bodies));
    let bodies = section.get("bodies").and_then(|node| match node.value {
        Value::Bool(false) => Some(Bodies::Off),
        _ => node.choice(&words, &[]),
    });
    let bodies = bodies.unwrap_or_default();
    match (admin, bodies) {
        (None, _) => node.warning("exchanges are kept and nobody can look at them: admin is off"),
        (Some(admin), Bodies::Full) if !admin.is_local() => {
            section.problem(
                "bodies",
                "full shows whole messages to anyone who connects, and admin can be reached from other machines; use masked, or \
                 let admin be a loopback address or unix:PATH",
            );
        }
        (Some(_), Bodies::Full) => {
            node.warning("messages are kept in memory and shown in full on the admin interface, with numbers and texts");
        }
        (Some(_), _) => {}
    }
    Inspect::On { keep, bodies }
}

impl Admin {
    /// Whether only this machine reaches it.
    #[must_use]
    pub(crate) fn is_local(&self) -> bool {
        match &self.address {
            AdminAddress::Tcp(address) => address.ip().to_canonical().is_loopback(),
            AdminAddress::Unix(_) => true,
        }
    }
}
