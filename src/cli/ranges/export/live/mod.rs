//! What a target prints of what it has loaded.
//!
//! Invariants: what cannot be read is an error and never an empty set; where a target holds several sets, only those of the
//! export count.
//!
//! | file | noun |
//! | --- | --- |
//! | [`nft`] | sets of nftables |
//! | [`lines`] | lines of ipset and iptables, and any text |
//! | [`around`] | what stands around the addresses: whether everybody else is refused |
//! | [`keys`] | JSON and YAML |

pub(super) mod around;
mod keys;
mod lines;
mod nft;

use std::net::IpAddr;

use ipnet::IpNet;

use crate::policy::export::format::Live;
use crate::policy::export::name::Name;
use crate::policy::export::order::{chain, set};
use crate::policy::export::ranges::{Family, Ranges};

/// A first and a last address.
type Pair = (IpAddr, IpAddr);

/// What a target printed cannot be compared.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unread {
    /// It is not text.
    #[error("it is not UTF-8 text")]
    NoText,
    /// It is not the form that was expected.
    #[error("it is not {0}: {1}")]
    Form(&'static str, String),
    /// There is no set of the export.
    #[error("it holds no {0}; it holds: {1}")]
    NoSet(String, String),
    /// There is no address at all.
    #[error("it holds no address")]
    Nothing,
    /// Something that is in the place of an address is none.
    #[error("{0:?} is no address and no range")]
    NoAddress(String),
}

/// The addresses that a target holds.
pub(super) fn read(live: Live, bytes: &[u8], name: &Name) -> Result<Ranges, Unread> {
    let text = std::str::from_utf8(bytes).map_err(|_| Unread::NoText)?;
    let sets = Family::ALL.map(|family| set(name, family));
    let pairs = match live {
        Live::Nft => nft::sets(text, &sets)?,
        Live::Ipset => {
            let [inside, outside] = lines::ipset(text, &sets)?.map(Ranges::between);
            return Ok(inside.without(&outside));
        }
        Live::Iptables => lines::iptables(text, &chain(name))?,
        Live::Keys(keys) => keys::under(text, keys)?,
        Live::Addresses => keys::anywhere(text)?,
    };
    Ok(Ranges::between(pairs))
}

/// The prefixes of the entries of a prefix list, as its API prints them.
pub(super) fn entries(bytes: &[u8], keys: &[&str]) -> Result<Vec<IpNet>, Unread> {
    let text = std::str::from_utf8(bytes).map_err(|_| Unread::NoText)?;
    keys::prefixes(text, keys)
}

/// A range or an address as text.
fn net(text: &str) -> Option<IpNet> {
    text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from)).map(|net| net.trunc())
}

fn pair(net: IpNet) -> Pair {
    (net.network(), net.broadcast())
}

#[cfg(test)]
mod tests;
