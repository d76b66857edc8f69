//! Lines of `ipset save`, of `iptables-save`, and of any text.

use super::{Pair, Unread, net, pair};

/// The members of the named sets, and what these leave out of them (`nomatch`). One of the sets may be missing: where it is, its
/// addresses are.
pub(super) fn ipset(text: &str, names: &[String]) -> Result<[Vec<Pair>; 2], Unread> {
    let words = || text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let all: Vec<&str> = words()
        .filter(|line| line.first() == Some(&"create"))
        .filter_map(|line| line.get(1).copied())
        .collect();
    if all.iter().all(|name| !names.iter().any(|ours| ours == name)) {
        return Err(Unread::NoSet(format!("set {}", names.join(" or ")), all.join(", ")));
    }
    let members = words().filter_map(|line| match line.as_slice() {
        ["add", name, member, options @ ..] if names.iter().any(|ours| ours == name) => {
            Some(((*member).to_owned(), options.contains(&"nomatch")))
        }
        _ => None,
    });
    let [mut inside, mut outside] = [Vec::new(), Vec::new()];
    for (member, is_left_out) in members {
        let pair = net(&member).map(pair).ok_or(Unread::NoAddress(member))?;
        if is_left_out { &mut outside } else { &mut inside }.push(pair);
    }
    Ok([inside, outside])
}

/// The sources from which a chain lets packets go on.
pub(super) fn iptables(text: &str, chain: &str) -> Result<Vec<Pair>, Unread> {
    let chains: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix(':')?.split(' ').next()).collect();
    if !chains.contains(&chain) {
        return Err(Unread::NoSet(format!("chain {chain}"), chains.join(", ")));
    }
    let sources = text.lines().filter_map(|line| {
        let rest = line.strip_prefix("-A ")?.strip_prefix(chain)?.strip_prefix(" -s ")?;
        rest.strip_suffix(" -j RETURN")
    });
    sources.map(|source| net(source).map(pair).ok_or_else(|| Unread::NoAddress(source.to_owned()))).collect()
}

/// Every address and every range of a text, but not in comments.
pub(super) fn anywhere(text: &str) -> Result<Vec<Pair>, Unread> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | ':' | '/' | '-' | '_');
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default());
    let words = lines.flat_map(|line| line.split(|c| !is_part(c)));
    let found: Vec<Pair> = words.filter_map(net).map(pair).collect();
    if found.is_empty() { Err(Unread::Nothing) } else { Ok(found) }
}
