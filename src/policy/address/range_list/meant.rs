//! What a line that is no CIDR was probably meant to be, as CIDRs that can be pasted into the file.
//!
//! Invariants: what is printed was read as addresses, so that nothing else of the line is repeated; each CIDR that is
//! printed is one that a range file may hold; and those of a range cover exactly the range.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, IpSubnets, Ipv4Subnets, Ipv6Subnets};

use crate::policy::address::addr::{Address, dotted};
use crate::policy::address::range_list::cidr::{floor, strict};
use crate::policy::address::range_list::likeness::Likeness;

/// The CIDRs that are printed at most.
const MOST_SHOWN: usize = 8;
/// A longer line is not looked into: it is a file of another kind.
const LONGEST: usize = 4096;

/// What was meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}{cidrs}")]
pub(crate) struct Meant {
    why: Why,
    cidrs: Cidrs,
}

/// Why the line is no CIDR.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum Why {
    /// `192.0.2.0/255.255.255.0`
    #[error("a netmask is not a prefix length")]
    Netmask,
    /// `192.0.2.0 0.0.0.255`
    #[error("a wildcard mask is not a prefix length")]
    WildcardMask,
    /// `192.0.2.0 - 192.0.2.15`
    #[error("a range from one address to another must be written as CIDRs")]
    FromTo,
    /// `192.0.2.*`, `192.0.2.x`, `192.0.2`
    #[error("an IPv4 address has four parts")]
    Beginning,
    /// `192.0.2.1:443`
    #[error("a port is no part of a range")]
    Port,
    /// `８.８.８.８`, `192.0.2.0 / 24`
    #[error("it has blanks, or letters that only look like those of an address")]
    Letters,
    /// `192.0.2.1#office`
    #[error("a comment begins at a # that stands first or after a blank")]
    Glued,
    /// `192.0.2.0 24`
    #[error("a prefix length stands after a slash")]
    Apart,
    /// `"192.0.2.0/24",` or `{ "prefixes": [`
    #[error("this is JSON, and a range file has one CIDR a line and nothing else")]
    Json,
    /// `"192.0.2.0/24"`, `192.0.2.0/24;`, `allow 192.0.2.0/24`, two of them in a line.
    #[error("a line holds one CIDR, and words only after a #")]
    Around,
}

/// What was probably meant; `None` where nothing can be said that is better than what is wrong.
pub(super) fn meant(text: &str) -> Option<Meant> {
    if text.len() > LONGEST {
        return is_json(text).then(|| Meant { why: Why::Json, cidrs: Cidrs::default() });
    }
    let bare = bare(text);
    let found = masked(bare).or_else(|| {
        let cidrs = |why, nets: Option<Cidrs>| nets.map(|cidrs| Meant { why, cidrs });
        cidrs(Why::FromTo, from_to(bare))
            .or_else(|| cidrs(Why::Beginning, beginning(bare)))
            .or_else(|| cidrs(Why::Port, before_port(bare)))
            .or_else(|| cidrs(Why::Letters, likeness(bare)))
            .or_else(|| cidrs(Why::Apart, apart(bare)))
            .or_else(|| cidrs(Why::Glued, glued(bare)))
    });
    if let Some(found) = found {
        // It may be more than a list may hold, such as all of IPv4.
        return Some(found).filter(|found| !found.cidrs.wide);
    }
    if is_span(bare) {
        return None;
    }
    let words = text.split(|c: char| c.is_whitespace() || JUNK.contains(c));
    let cidrs = Cidrs::of(words.filter_map(|word| strict(word).ok()));
    if is_json(text) {
        return Some(Meant { why: Why::Json, cidrs });
    }
    // An address that begins with 0 or 255 is a mask with holes, and what stands before it is not the whole of it.
    let is_mask = |net: &IpNet| matches!(net.addr(), IpAddr::V4(ip) if matches!(ip.octets()[0], 0 | 255));
    (cidrs.count > 0 && !cidrs.first.iter().any(is_mask)).then_some(Meant { why: Why::Around, cidrs })
}

/// What stands around a CIDR in lists of other kinds.
const JUNK: &str = "\"'`,;{}[]()<>|\u{feff}\u{200b}\u{201c}\u{201d}\u{2018}\u{2019}";

/// The text without what stands around it. Brackets are left: they belong to an IPv6 address with a port.
fn bare(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || (JUNK.contains(c) && !"[]".contains(c)))
}

/// Whether the line is one of a JSON file.
fn is_json(text: &str) -> bool {
    let text = text.trim();
    let is_key = text.starts_with('"') && text.contains("\":");
    let is_item = text.starts_with('"') && text.ends_with("\",");
    let is_frame = text.starts_with(['{', '}', ']']) || (text.starts_with('[') && !text.contains("]:"));
    is_frame || is_key || is_item
}

/// An address and a mask, with a slash or a blank between them.
fn masked(text: &str) -> Option<Meant> {
    let (address, mask) = text.split_once('/').or_else(|| text.split_once(char::is_whitespace))?;
    let mask = mask.trim();
    let mask = mask.strip_prefix("netmask").or_else(|| mask.strip_prefix("mask")).unwrap_or(mask).trim();
    let (address, mask) = (dotted(address.trim().as_bytes())?, dotted(mask.as_bytes())?);
    let (why, length) = match ipnet::ipv4_mask_to_prefix(mask) {
        Ok(length) => (Why::Netmask, length),
        Err(_) => (Why::WildcardMask, ipnet::ipv4_mask_to_prefix(!mask).ok()?),
    };
    let net = IpNet::new(address.into(), length).ok()?.trunc();
    Some(Meant { why, cidrs: Cidrs::of([net]) })
}

/// What stands between the ends of a range.
const BETWEEN: [&str; 5] = ["-", "\u{2013}", "\u{2014}", " to ", ".."];

/// The CIDRs of `A - B`, and of `192.0.2.1-15`, which means the last part.
fn from_to(text: &str) -> Option<Cidrs> {
    BETWEEN.iter().find_map(|between| {
        let (from, to) = text.split_once(between)?;
        let (from, to) = (from.trim().parse::<IpAddr>().ok()?.to_canonical(), to.trim());
        let to = match (to.parse::<IpAddr>(), from) {
            (Ok(to), _) => to.to_canonical(),
            (Err(_), IpAddr::V4(from)) => {
                let [a, b, c, _] = from.octets();
                Ipv4Addr::new(a, b, c, part(to)?).into()
            }
            (Err(_), IpAddr::V6(_)) => return None,
        };
        Some(Cidrs::of(cover(from, to)?))
    })
}

/// Whether it is something like a range, whose ends alone are not what was meant.
fn is_span(text: &str) -> bool {
    let is_end = |text: &str| {
        text.contains(['.', ':']) && text.bytes().all(|b| b.is_ascii_hexdigit() || b".:/".contains(&b))
    };
    let ends = BETWEEN.iter().filter_map(|between| text.split_once(between));
    ends.map(|(from, to)| (from.trim(), to.trim())).any(|(from, to)| is_end(from) && is_end(to))
}

/// The fewest CIDRs that hold these two addresses, all between them and no other.
pub(super) fn cover(from: IpAddr, to: IpAddr) -> Option<IpSubnets> {
    Some(match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) if from <= to => IpSubnets::V4(Ipv4Subnets::new(from, to, 0)),
        (IpAddr::V6(from), IpAddr::V6(to)) if from <= to => IpSubnets::V6(Ipv6Subnets::new(from, to, 0)),
        _ => return None,
    })
}

/// The range of `192.0.2.*`, `192.0.2.x`, `192.0.2.`, `192.0.2` and `192.0.2/24`.
fn beginning(text: &str) -> Option<Cidrs> {
    let (parts, length) = text.split_once('/').map_or((text, None), |(parts, length)| (parts, Some(length)));
    let parts: Vec<&str> = parts.split('.').collect();
    let known: Vec<u8> = parts.iter().map_while(|text| part(text)).collect();
    let rest = &parts[known.len()..];
    let is_beginning = matches!(known.len(), 1..=3) && parts.len() <= 4;
    if !is_beginning || !rest.iter().all(|part| matches!(*part, "" | "*" | "x" | "X")) {
        return None;
    }
    let mut octets = [0; 4];
    octets[..known.len()].copy_from_slice(&known);
    let own = u8::try_from(8 * known.len()).ok()?;
    let length = length.map_or(Some(own), |text| text.parse().ok())?;
    Some(Cidrs::of([IpNet::new(Ipv4Addr::from(octets).into(), length).ok()?.trunc()]))
}

/// A number from 0 to 255 without a leading zero.
fn part(text: &str) -> Option<u8> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| plain)
}

/// The range that the text looks like.
fn likeness(text: &str) -> Option<Cidrs> {
    let likeness = Likeness::of(text);
    let is_other = likeness.is_sure && likeness.text != text;
    is_other.then(|| strict(likeness.text.trim()).ok().map(|net| Cidrs::of([net])))?
}

/// The range of `192.0.2.0 24`, and of `192.0.2.0 /24`.
fn apart(text: &str) -> Option<Cidrs> {
    let (address, length) = text.split_once(char::is_whitespace)?;
    let length = length.trim().trim_start_matches('/');
    let is_length = (1..=3).contains(&length.len()) && length.bytes().all(|b| b.is_ascii_digit());
    is_length.then(|| strict(&format!("{address}/{length}")).ok().map(|net| Cidrs::of([net])))?
}

/// The range before a comment that no blank parts from it.
fn glued(text: &str) -> Option<Cidrs> {
    let (range, _) = text.split_once('#')?;
    strict(range).ok().map(|net| Cidrs::of([net]))
}

/// The address of `192.0.2.1:443` and `[2001:db8::1]:443`.
fn before_port(text: &str) -> Option<Cidrs> {
    let address = Address::from_hop(text.as_bytes())?;
    let has_port = !text.ends_with(']') && strict(text).is_err();
    has_port.then(|| Cidrs::of([IpNet::from(address.ip())]))
}

/// The first CIDRs of several, and how many there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Cidrs {
    first: Vec<IpNet>,
    count: usize,
    /// Whether one of them is wider than a list may hold.
    wide: bool,
}

impl Cidrs {
    fn of(nets: impl IntoIterator<Item = IpNet>) -> Self {
        let mut cidrs = Self::default();
        for net in nets {
            if cidrs.count < MOST_SHOWN {
                cidrs.first.push(net);
            }
            cidrs.count += 1;
            cidrs.wide |= net.prefix_len() < floor(&net);
        }
        cidrs
    }
}

impl fmt::Display for Cidrs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.count {
            0 => "",
            1 => "; write ",
            _ => "; write, each in a line of its own, ",
        })?;
        for (place, net) in self.first.iter().enumerate() {
            f.write_str(if place == 0 { "" } else { ", " })?;
            if net.prefix_len() == net.max_prefix_len() {
                write!(f, "{}", net.addr())?;
            } else {
                write!(f, "{net}")?;
            }
        }
        match self.count - self.first.len() {
            0 => Ok(()),
            more => write!(f, ", and {more} more"),
        }
    }
}
