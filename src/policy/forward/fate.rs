//! What becomes of a header line, by its name.
//!
//! In a request an underscore counts as a hyphen: CGI and WSGI servers fold both into one variable, and
//! `X_Forwarded_For` must not pass where `X-Forwarded-For` does not.

use crate::policy::bytes::is_word;
use crate::policy::forward::claim::is_claim;
use crate::policy::forward::name::same_name;

/// Every header that begins so is the gate's word.
const OWN_PREFIX: &[u8] = b"x-nexmo-gate-";

/// What becomes of a header line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It passes as it is.
    Keep,
    /// It belongs to one connection, or the gate frames the message anew.
    HopByHop,
    /// The gate writes it.
    Own,
    /// It says something about the client, by the habit of one vendor or another: kept from a trusted proxy only.
    Claim,
}

/// The fate of a request header on its way to the upstream.
#[inline]
#[must_use]
pub(crate) fn request_fate(name: &[u8]) -> Fate {
    match fate_by_name(name) {
        Fate::Keep if is_claim(name) => Fate::Claim,
        fate => fate,
    }
}

/// The names that have a fate of their own, the shorter ones first.
const NAMED: [(&[u8], Fate); 22] = [
    (b"te", Fate::HopByHop),
    (b"host", Fate::Own),
    // Reserved, because `Connection: close` would name it (RFC 9110 section 7.6.1).
    (b"close", Fate::HopByHop),
    (b"expect", Fate::HopByHop),
    (b"trailer", Fate::HopByHop),
    (b"upgrade", Fate::HopByHop),
    (b"forwarded", Fate::Own),
    (b"x-real-ip", Fate::Own),
    (b"connection", Fate::HopByHop),
    (b"keep-alive", Fate::HopByHop),
    (b"x-request-id", Fate::Own),
    (b"content-length", Fate::HopByHop),
    (b"http2-settings", Fate::HopByHop),
    (b"x-forwarded-for", Fate::Own),
    (b"proxy-connection", Fate::HopByHop),
    (b"x-forwarded-host", Fate::Own),
    (b"x-forwarded-port", Fate::Own),
    (b"transfer-encoding", Fate::HopByHop),
    (b"x-forwarded-proto", Fate::Own),
    (b"proxy-authenticate", Fate::HopByHop),
    (b"proxy-authorization", Fate::HopByHop),
    (b"x-client-cert-subject", Fate::Own),
];

/// The names of one length: where they stand in [`NAMED`], and the letters that they begin with.
#[derive(Clone, Copy)]
struct OfLength {
    first: usize,
    end: usize,
    letters: u32,
}

/// By length. Length and first letter sort out nearly every line without a comparison.
const BY_LENGTH: [OfLength; 32] = {
    let mut table = [OfLength { first: 0, end: 0, letters: 0 }; 32];
    let mut at = 0;
    while at < NAMED.len() {
        let name = NAMED[at].0;
        assert!(at == 0 || NAMED[at - 1].0.len() <= name.len(), "the shorter ones first");
        let row = &mut table[name.len()];
        if row.end == 0 {
            row.first = at;
        }
        row.end = at + 1;
        row.letters |= 1 << (name[0] & 31);
        at += 1;
    }
    table
};

/// The fate of what has a name of its own; whatever else there is may be a claim by its kind.
#[inline]
fn fate_by_name(name: &[u8]) -> Fate {
    // Five bits of a letter are the same in both cases.
    let letter = name.first().map_or(0, |first| first & 31);
    if let Some(of_length) = BY_LENGTH.get(name.len())
        && of_length.letters >> letter & 1 != 0
        && let Some(named) = NAMED.get(of_length.first..of_length.end)
        && let Some((_, fate)) = named.iter().find(|(named, _)| same_name(name, named))
    {
        return *fate;
    }
    let may_be_own = letter == OWN_PREFIX[0] & 31 && name.len() > OWN_PREFIX.len();
    if may_be_own && same_name(&name[..OWN_PREFIX.len()], OWN_PREFIX) { Fate::Own } else { Fate::Keep }
}

/// Whether a header of the upstream's answer is left out on its way to the sender.
#[must_use]
pub fn response_drops(name: &[u8]) -> bool {
    let is = |other: &str| is_word(name, other.as_bytes());
    match name.len() {
        2 => is("te"),
        7 => is("trailer") || is("upgrade"),
        10 => is("connection") || is("keep-alive"),
        14 => is("content-length"),
        16 => is("proxy-connection"),
        17 => is("transfer-encoding"),
        18 => is("proxy-authenticate"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each name again, flat: an arm of the wrong length would never match.
    const REQUEST: [(&str, Fate); 25] = [
        ("connection", Fate::HopByHop),
        ("content-length", Fate::HopByHop),
        ("expect", Fate::HopByHop),
        ("http2-settings", Fate::HopByHop),
        ("keep-alive", Fate::HopByHop),
        ("proxy-authenticate", Fate::HopByHop),
        ("proxy-authorization", Fate::HopByHop),
        ("proxy-connection", Fate::HopByHop),
        ("te", Fate::HopByHop),
        ("trailer", Fate::HopByHop),
        ("transfer-encoding", Fate::HopByHop),
        ("upgrade", Fate::HopByHop),
        ("forwarded", Fate::Own),
        ("host", Fate::Own),
        ("x-client-cert-subject", Fate::Own),
        ("x-forwarded-for", Fate::Own),
        ("x-forwarded-host", Fate::Own),
        ("x-forwarded-port", Fate::Own),
        ("x-forwarded-proto", Fate::Own),
        ("x-real-ip", Fate::Own),
        ("x-request-id", Fate::Own),
        ("cf-connecting-ip", Fate::Claim),
        ("true-client-ip", Fate::Claim),
        ("x-client-ip", Fate::Claim),
        ("x-cluster-client-ip", Fate::Claim),
    ];

    const ANSWER: [(&str, Fate); 9] = [
        ("connection", Fate::HopByHop),
        ("content-length", Fate::HopByHop),
        ("keep-alive", Fate::HopByHop),
        ("proxy-authenticate", Fate::HopByHop),
        ("proxy-connection", Fate::HopByHop),
        ("te", Fate::HopByHop),
        ("trailer", Fate::HopByHop),
        ("transfer-encoding", Fate::HopByHop),
        ("upgrade", Fate::HopByHop),
    ];

    #[test]
    fn every_row_is_found_however_it_is_written() {
        for (name, fate) in REQUEST {
            for written in [name.to_owned(), name.to_uppercase(), name.replace('-', "_")] {
                assert_eq!(request_fate(written.as_bytes()), fate, "{written}");
            }
            let longer = request_fate(format!("{name}x").as_bytes());
            assert!(matches!(longer, Fate::Keep | Fate::Claim), "{name}");
        }
        for (name, _) in ANSWER {
            assert!(response_drops(name.to_uppercase().as_bytes()), "{name}");
            assert_eq!(response_drops(name.replace('-', "_").as_bytes()), !name.contains('-'), "{name}");
        }
    }
}
