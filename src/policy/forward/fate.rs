//! What becomes of a header line, by its name.
//!
//! In a request an underscore counts as a hyphen: CGI and WSGI servers fold both into one variable, and
//! `X_Forwarded_For` must not pass where `X-Forwarded-For` does not.

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
#[must_use]
pub(crate) fn request_fate(name: &[u8]) -> Fate {
    let is = |other: &str| same_name(name, other.as_bytes());
    let one_of = |names: &[&str], fate| if names.iter().any(|n| is(n)) { fate } else { Fate::Keep };
    if name.len() > OWN_PREFIX.len() && same_name(&name[..OWN_PREFIX.len()], OWN_PREFIX) {
        return Fate::Own;
    }
    // By length first, and written out: 62 instructions a line. A flat table that is searched by length took 96 to 120.
    let fate = match name.len() {
        2 => one_of(&["te"], Fate::HopByHop),
        4 => one_of(&["host"], Fate::Own),
        6 => one_of(&["expect"], Fate::HopByHop),
        7 => one_of(&["upgrade", "trailer"], Fate::HopByHop),
        9 => one_of(&["forwarded", "x-real-ip"], Fate::Own),
        10 => one_of(&["connection", "keep-alive"], Fate::HopByHop),
        12 => one_of(&["x-request-id"], Fate::Own),
        14 => one_of(&["content-length", "http2-settings"], Fate::HopByHop),
        15 => one_of(&["x-forwarded-for"], Fate::Own),
        16 if is("proxy-connection") => Fate::HopByHop,
        16 => one_of(&["x-forwarded-host", "x-forwarded-port"], Fate::Own),
        17 if is("x-forwarded-proto") => Fate::Own,
        17 => one_of(&["transfer-encoding"], Fate::HopByHop),
        18 => one_of(&["proxy-authenticate"], Fate::HopByHop),
        19 => one_of(&["proxy-authorization"], Fate::HopByHop),
        21 => one_of(&["x-client-cert-subject"], Fate::Own),
        _ => Fate::Keep,
    };
    if fate == Fate::Keep && is_claim(name) { Fate::Claim } else { fate }
}

/// Whether a header of the upstream's answer is left out on its way to the sender.
#[must_use]
pub fn response_drops(name: &[u8]) -> bool {
    let is = |other: &str| name.eq_ignore_ascii_case(other.as_bytes());
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
