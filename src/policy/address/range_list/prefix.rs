//! One range: a CIDR or a bare address, or what to write instead.

use ipnet::IpNet;

use crate::policy::address::range_list::cidr::{ParseCidrError, strict};
use crate::policy::address::range_list::meant::{Meant, meant};

/// Why a text is no prefix.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ParsePrefixError {
    /// It is nothing like one, or says itself what to write.
    #[error(transparent)]
    Cidr(#[from] ParseCidrError),
    /// It is something else that can be written as CIDRs.
    #[error(transparent)]
    Meant(#[from] Meant),
}

/// Reads one CIDR or bare address under the rules of a range file. Trusted proxies use them too.
///
/// # Errors
/// What is wrong and, where it can be guessed, what was meant.
pub(crate) fn parse_prefix(text: &str) -> Result<IpNet, ParsePrefixError> {
    strict(text).map_err(|error| match error {
        // These say what to write themselves, or that it is refused whatever is written.
        ParseCidrError::HostBits(_) | ParseCidrError::Short(_) => error.into(),
        error => meant(text).map_or_else(|| error.into(), ParsePrefixError::Meant),
    })
}
