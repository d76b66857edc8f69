//! A managed prefix list of AWS: a shell script of `modify-managed-prefix-list` calls.
//!
//! Invariants: a call changes at most 100 entries, which is the most that the API takes; what is new is added before anything
//! is removed, so that nobody who stays admitted is kept out in between; and a list that somebody else changed meanwhile is
//! not changed, because each call names the version that it was computed from.

use std::collections::BTreeSet;

use ipnet::IpNet;

use crate::policy::export::json;
use crate::policy::export::order::Order;

/// The most entries of one call.
const IN_A_CALL: usize = 100;

/// Runs the calls one after another: the API refuses one while another is at work.
const SCRIPT: &str = r#"set -eu
id="${PREFIX_LIST_ID:?the id of the prefix list, pl-...}"
version="${VERSION:?the version of the prefix list whose entries were read}"
settled() {
  for _ in $(seq 120); do
    state="$(aws ec2 describe-managed-prefix-lists --prefix-list-ids "$id" --query 'PrefixLists[0].State' --output text)"
    case "$state" in
      *-complete) return 0 ;;
      *-failed) echo "the prefix list is in state $state" >&2; return 1 ;;
    esac
    sleep 1
  done
  echo "the prefix list is still in state $state" >&2
  return 1
}
modify() {
  aws ec2 modify-managed-prefix-list --prefix-list-id "$id" --current-version "$version" --cli-input-json "$1" >/dev/null
  version=$((version + 1))
  settled
}
"#;

pub(super) fn render(order: &Order) -> String {
    let wanted: BTreeSet<IpNet> = order.all().into_iter().collect();
    let have: BTreeSet<IpNet> = order.have.iter().copied().collect();
    let description = json::string(&format!("nexmo-gate ranges of {}", order.name.underscored()));
    let add = |net: &IpNet| format!(r#"{{"Cidr": "{net}", "Description": {description}}}"#);
    let remove = |net: &IpNet| format!(r#"{{"Cidr": "{net}"}}"#);
    let added: Vec<String> = wanted.difference(&have).map(add).collect();
    let removed: Vec<String> = have.difference(&wanted).map(remove).collect();
    let calls = calls("AddEntries", &added) + &calls("RemoveEntries", &removed);
    format!("#!/bin/sh\n{}{SCRIPT}{calls}", order.header.comment())
}

fn calls(list: &str, entries: &[String]) -> String {
    let call = |some: &[String]| format!("modify '{{\"{list}\": [\n  {}\n]}}'\n", some.join(",\n  "));
    entries.chunks(IN_A_CALL).map(call).collect()
}
