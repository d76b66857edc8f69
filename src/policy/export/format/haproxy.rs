//! HAProxy: a file of patterns, a map, and a script for the socket of a running one.
//!
//! Invariant: the script fills a new version of the list and then commits it, so that no request sees a half list.

use crate::policy::export::order::Order;

/// Each command goes over a connection of its own or, with `prompt`, many over one. Anything that HAProxy answers to
/// `add acl` is an error.
const SCRIPT: &str = r#"set -eu
socket="${SOCKET:-/run/haproxy/admin.sock}"
acl="${ACL:?the file of the acl as the configuration names it, or #N}"
ask() { socat -t 30 - "UNIX-CONNECT:$socket"; }
version="$(echo "prepare acl $acl" | ask | sed -n 's/^New version created: //p')"
[ -n "$version" ] || { echo "HAProxy has no acl $acl" >&2; exit 1; }
said="$(while read -r range; do echo "add acl @$version $acl $range"; done <<RANGES | { echo "prompt"; cat; echo "quit"; } | ask | tr -d '> \n'
"#;
const COMMIT: &str = r#"RANGES
)"
[ -z "$said" ] || { echo "HAProxy refuses: $said" >&2; exit 1; }
said="$(echo "commit acl @$version $acl" | ask | tr -d '\n')"
[ -z "$said" ] || { echo "HAProxy refuses: $said" >&2; exit 1; }
"#;

pub(super) fn file(order: &Order) -> String {
    lines(order, "")
}

pub(super) fn map(order: &Order) -> String {
    lines(order, &format!(" {}", order.name.underscored()))
}

fn lines(order: &Order, after: &str) -> String {
    let line = |prefix| format!("{prefix}{after}\n");
    order.header.comment() + &order.all().into_iter().map(line).collect::<String>()
}

pub(super) fn runtime(order: &Order) -> String {
    let ranges: String = order.all().iter().map(|prefix| format!("{prefix}\n")).collect();
    format!("#!/bin/sh\n{}{SCRIPT}{ranges}{COMMIT}", order.header.comment())
}
