//! Who is admitted, and whom the gate believes.

use crate::admin::api::status::{Outcomes, Status};
use crate::cli::doctor::checks::Check;
use crate::cli::doctor::report::{Finding, Verdict};
use crate::config::Trusted;
use crate::policy::address::reserved::reserved;

/// Fewer requests say nothing of who is admitted.
const ENOUGH: u64 = 20;
/// The shortest prefixes of the internet that the proxies of one operator have, or of a platform.
const SHORTEST: (u8, u8) = (12, 29);

/// What the counts of the running gate show.
#[must_use]
pub(crate) fn running(status: &Status) -> Vec<Finding> {
    let all = || status.routes.iter().map(|route| &route.outcomes).chain([&status.unrouted.outcomes]);
    let count = |is: &dyn Fn(&str, &str) -> bool| all().map(|outcomes| sum(outcomes, is)).sum::<u64>();
    let total = count(&|_, _| true);
    let unnamed = count(&|_, reason| matches!(reason, "no_client" | "bad_chain"));
    let denied = count(&|outcome, _| outcome == "denied");
    let observed: u64 =
        status.routes.iter().map(|route| route.would_deny).sum::<u64>() + status.unrouted.would_deny;
    let named = named(total, unnamed);
    let is_named = named.verdict != Verdict::Fail;
    vec![named, admitted(total, denied + observed, is_named)]
}

fn sum(outcomes: &Outcomes, is: &dyn Fn(&str, &str) -> bool) -> u64 {
    let rows = outcomes
        .iter()
        .flat_map(|(outcome, reasons)| reasons.iter().map(move |(reason, n)| (outcome, reason, n)));
    rows.filter(|(outcome, reason, _)| is(outcome, reason)).map(|(_, _, count)| count).sum()
}

fn named(total: u64, unnamed: u64) -> Finding {
    let evidence = format!("{unnamed} of {total} requests came through a trusted proxy that names nobody");
    if unnamed > 0 && unnamed * 2 >= total {
        let change = "let the proxy set the header of forwarded_header (docs/fronts.md), or take it out of trusted_proxies";
        return Finding::fail(Check::ClientNamed, evidence, change);
    }
    Finding::pass(Check::ClientNamed, evidence)
}

fn admitted(total: u64, denied: u64, is_named: bool) -> Finding {
    let evidence = format!("{} of {total} requests since the start", total.saturating_sub(denied));
    if !is_named {
        return Finding::skip(Check::ClientAdmitted, "requests name nobody: see client.named");
    }
    if total >= ENOUGH && denied >= total {
        return Finding::warn(
            Check::ClientAdmitted,
            evidence,
            "is client_ip in the access log the sender? if it is a proxy: trusted_proxies; else nexmo-gate explain IP",
        );
    }
    Finding::pass(Check::ClientAdmitted, evidence)
}

/// Whether one entry trusts more than one operator has.
#[must_use]
pub(crate) fn trusted(entries: &[Trusted]) -> Finding {
    let wide = entries.iter().find_map(|entry| match entry {
        Trusted::Prefix(prefix) => {
            let shortest = if prefix.addr().is_ipv4() { SHORTEST.0 } else { SHORTEST.1 };
            (prefix.prefix_len() < shortest && reserved(prefix).is_none()).then(|| prefix.to_string())
        }
        Trusted::List(_) => None,
    });
    match wide {
        Some(wide) => Finding::fail(
            Check::ClientTrusted,
            format!("{wide} is trusted: whoever sends from there chooses the client's address"),
            "trusted_proxies: only the addresses of your own proxies",
        ),
        None => Finding::pass(Check::ClientTrusted, format!("{} entries of trusted_proxies", entries.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_requests_without_a_name_are_no_fault_and_most_are() {
        assert_eq!(named(0, 0).verdict, Verdict::Pass);
        assert_eq!(named(100, 3).verdict, Verdict::Pass);
        assert_eq!(named(100, 50).verdict, Verdict::Fail);
        assert_eq!(admitted(100, 100, true).verdict, Verdict::Warn);
        assert_eq!(admitted(19, 19, true).verdict, Verdict::Pass);
        assert_eq!(admitted(100, 99, true).verdict, Verdict::Pass);
        assert_eq!(admitted(100, 100, false).verdict, Verdict::Skip);
    }

    #[test]
    fn a_prefix_of_more_than_one_operator_is_not_to_be_trusted() {
        let verdict = |text: &str| trusted(&[Trusted::Prefix(text.parse().unwrap())]).verdict;
        assert_eq!(verdict("10.0.0.0/8"), Verdict::Pass);
        assert_eq!(verdict("128.0.0.0/8"), Verdict::Fail);
        assert_eq!(verdict("104.16.0.0/13"), Verdict::Pass);
        assert_eq!(verdict("2600::/12"), Verdict::Fail);
        assert_eq!(verdict("2400:cb00::/32"), Verdict::Pass);
    }
}
