//! What becomes of a header line, by its name.
//!
//! In a request an underscore counts as a hyphen: CGI and WSGI servers fold both into one variable, and
//! `X_Forwarded_For` must not pass where `X-Forwarded-For` does not.

/// Every header that begins so is the gate's word.
const OWN_PREFIX: &[u8] = b"x-nexmo-gate-";

/// What becomes of a header line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It passes as it is.
    Keep,
    /// It belongs to one connection, or the gate frames the message anew.
    HopByHop,
    /// The gate writes it.
    Own,
    /// It names a client, by the habit of one vendor or another: kept from a trusted proxy only.
    Claim,
}

static REQUEST: Fates = Fates::new(&[
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
]);

static ANSWER: Fates = Fates::new(&[
    ("connection", Fate::HopByHop),
    ("content-length", Fate::HopByHop),
    ("keep-alive", Fate::HopByHop),
    ("proxy-authenticate", Fate::HopByHop),
    ("proxy-connection", Fate::HopByHop),
    ("te", Fate::HopByHop),
    ("trailer", Fate::HopByHop),
    ("transfer-encoding", Fate::HopByHop),
    ("upgrade", Fate::HopByHop),
]);

/// The fate of a request header on its way to the upstream.
#[must_use]
pub fn request_fate(name: &[u8]) -> Fate {
    if name.len() > OWN_PREFIX.len() && same_name(&name[..OWN_PREFIX.len()], OWN_PREFIX) {
        return Fate::Own;
    }
    REQUEST.of(name, same_name)
}

/// Whether a header of the upstream's answer is left out on its way to the sender.
#[must_use]
pub fn response_drops(name: &[u8]) -> bool {
    ANSWER.of(name, <[u8]>::eq_ignore_ascii_case) == Fate::HopByHop
}

/// Header names in lower case, each with its fate. A line is compared with the names of its length only: one or two,
/// not two dozen.
struct Fates {
    rows: &'static [(&'static str, Fate)],
    /// For each length, the places of the rows whose name has it, as bits.
    by_length: [u32; 24],
}

impl Fates {
    /// A name that is too long, or one row too many, is an error of the compiler's.
    const fn new(rows: &'static [(&'static str, Fate)]) -> Self {
        let mut by_length = [0; 24];
        let mut place = 0;
        while place < rows.len() {
            by_length[rows[place].0.len()] |= 1 << place;
            place += 1;
        }
        Self { rows, by_length }
    }

    #[inline]
    fn of(&self, name: &[u8], is: impl Fn(&[u8], &[u8]) -> bool) -> Fate {
        let mut places = self.by_length.get(name.len()).copied().unwrap_or(0);
        while places != 0 {
            let (one, fate) = self.rows[places.trailing_zeros() as usize];
            if is(name, one.as_bytes()) {
                return fate;
            }
            places &= places - 1;
        }
        Fate::Keep
    }
}

/// Whether a name is this one in lower case, with underscores for hyphens.
pub fn same_name(name: &[u8], lower: &[u8]) -> bool {
    let fold = |b: &u8| if *b == b'_' { b'-' } else { b.to_ascii_lowercase() };
    name.len() == lower.len() && name.iter().zip(lower).all(|(a, b)| fold(a) == *b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_found_however_it_is_written() {
        for (name, fate) in REQUEST.rows {
            for written in [(*name).to_owned(), name.to_uppercase(), name.replace('-', "_")] {
                assert_eq!(request_fate(written.as_bytes()), *fate, "{written}");
            }
            assert_eq!(request_fate(format!("{name}x").as_bytes()), Fate::Keep);
        }
        for (name, _) in ANSWER.rows {
            assert!(response_drops(name.to_uppercase().as_bytes()), "{name}");
            assert_eq!(response_drops(name.replace('-', "_").as_bytes()), !name.contains('-'), "{name}");
        }
        assert_eq!((REQUEST.rows.len(), ANSWER.rows.len()), (25, 9));
    }
}
