//! Keys that cannot change while the process runs.
//!
//! Invariant: these are the keys that the table of keys marks with a restart (a test of the loader compares both).

use crate::config::{Config, Listener};
use crate::policy::client::original::Scheme;

/// Restores the values of keys that cannot change while the process runs, and returns which keys differed.
pub(crate) fn keep_cold(new: &mut Config, old: &Config) -> Vec<String> {
    let mut changed = Vec::new();
    if !same_sockets(&new.listen, &old.listen) {
        put_back("listen", &mut new.listen, &old.listen, &mut changed);
    }
    put_back("admin", &mut new.admin, &old.admin, &mut changed);
    put_back("metrics", &mut new.metrics, &old.metrics, &mut changed);
    put_back("threads", &mut new.threads, &old.threads, &mut changed);
    put_back("log.format", &mut new.log.format, &old.log.format, &mut changed);
    put_back("log.level", &mut new.log.level, &old.log.level, &mut changed);
    put_back("log.access", &mut new.log.access, &old.log.access, &mut changed);
    put_back("state", &mut new.state, &old.state, &mut changed);
    put_back("limits.connections", &mut new.limits.connections, &old.limits.connections, &mut changed);
    changed
}

/// Whether the listeners differ only in what can change while they are open: certificates and TLS rules, the
/// scheme in front, and the folder of ACME challenges.
fn same_sockets(new: &[Listener], old: &[Listener]) -> bool {
    let socket =
        // A listener on the same port stays, whoever names it.
        |one: &Listener| Listener { tls: None, scheme: Scheme::Http, acme_challenges: None, is_of_port: false, ..one.clone() };
    let same = |(new, old): (&Listener, &Listener)| {
        socket(new) == socket(old) && new.tls.is_some() == old.tls.is_some()
    };
    new.len() == old.len() && new.iter().zip(old).all(same)
}

fn put_back<T: PartialEq + Clone>(key: &str, new: &mut T, old: &T, changed: &mut Vec<String>) {
    if new != old {
        new.clone_from(old);
        changed.push(format!("{key}: needs a restart"));
    }
}
