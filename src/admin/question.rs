//! The parameters of `explain`: an address, and optionally a forwarding header, a path and a host.
//!
//! They come from a command line or from the query of `GET /explain`; both are read by the same rules.

use crate::policy::address::addr::Address;

/// Why the parameters cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum QuestionError {
    /// The address is missing.
    #[error("the address is missing: /explain?ip=192.0.2.1&path=/webhooks/answer")]
    NoAddress,
    /// The address cannot be read.
    #[error("{0:?} is not an IP address")]
    BadAddress(String),
    /// The path does not begin with a slash.
    #[error("a path begins with '/', this one is {0:?}")]
    BadPath(String),
    /// A parameter that does not exist.
    #[error("{0:?} is not a parameter; there are: ip, via, path, host")]
    UnknownKey(String),
    /// The value of this parameter cannot be decoded.
    #[error("{0}: broken percent-encoding")]
    BadEncoding(String),
}

/// The request to explain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Question {
    /// The other end of the TCP connection.
    pub peer: Address,
    /// The value of the forwarding header as the peer would send it.
    pub via: Option<String>,
    /// The path; without one, every route is tried.
    pub path: Option<String>,
    /// The Host; empty when not given, so that only routes without a host match.
    pub host: String,
}

impl Question {
    /// Makes a question from arguments: an address, and a path that may still have its query.
    ///
    /// # Errors
    /// The address or the path cannot be used.
    pub(crate) fn new(
        ip: &str,
        via: Option<String>,
        path: Option<&str>,
        host: &str,
    ) -> Result<Self, QuestionError> {
        let peer = ip.parse().map_err(|_| QuestionError::BadAddress(ip.to_owned()))?;
        let path = match path {
            None => None,
            Some(text) if text.starts_with('/') => Some(text.split('?').next().unwrap_or(text).to_owned()),
            Some(text) => return Err(QuestionError::BadPath(text.to_owned())),
        };
        Ok(Self { peer: Address::new(peer), via, path, host: host.to_owned() })
    }

    /// Makes a question from the query of `GET /explain?ip=..&via=..&path=..&host=..`, percent-encoded.
    ///
    /// # Errors
    /// What is missing, unknown or unreadable.
    pub(crate) fn from_query(query: &str) -> Result<Self, QuestionError> {
        let (mut ip, mut via, mut path, mut host) = (None, None, None, None);
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let slot = match key {
                "ip" => &mut ip,
                "via" => &mut via,
                "path" => &mut path,
                "host" => &mut host,
                _ => return Err(QuestionError::UnknownKey(key.to_owned())),
            };
            *slot = Some(decode(value).ok_or_else(|| QuestionError::BadEncoding(key.to_owned()))?);
        }
        let ip = ip.ok_or(QuestionError::NoAddress)?;
        Self::new(&ip, via, path.as_deref(), host.as_deref().unwrap_or_default())
    }

    /// The query that [`Self::from_query`] reads.
    #[must_use]
    pub(crate) fn to_query(&self) -> String {
        let peer = self.peer.to_string();
        let host = Some(self.host.as_str()).filter(|host| !host.is_empty());
        [("ip", Some(&*peer)), ("via", self.via.as_deref()), ("path", self.path.as_deref()), ("host", host)]
            .into_iter()
            .filter_map(|(key, value)| Some(format!("{key}={}", encode(value?))))
            .collect::<Vec<_>>()
            .join("&")
    }
}

impl Question {
    /// The lines of the forwarding header.
    pub(super) fn lines(&self) -> impl DoubleEndedIterator<Item = &[u8]> {
        self.via.iter().map(String::as_bytes)
    }
}

fn encode(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/:".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        if *first == b'%' {
            let digits = std::str::from_utf8(tail.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_question_that_makes_no_sense_is_refused() {
        let missing = "the address is missing: /explain?ip=192.0.2.1&path=/webhooks/answer";
        for (query, wanted) in [
            ("", missing),
            ("path=/a", missing),
            ("ip=x", "\"x\" is not an IP address"),
            ("ip=192.0.2.1&path=a", "a path begins with '/', this one is \"a\""),
            ("ip=192.0.2.1&x=y", "\"x\" is not a parameter; there are: ip, via, path, host"),
            ("ip=%zz", "ip: broken percent-encoding"),
            ("ip=%", "ip: broken percent-encoding"),
        ] {
            assert_eq!(Question::from_query(query).unwrap_err().to_string(), wanted, "{query}");
        }
    }

    proptest! {
        #[test]
        fn a_question_survives_its_query(via in ".{0,40}", path in "/[ -~]{0,20}", host in "[a-z:&=%]{0,9}") {
            let question = Question::new("2001:db8::1", Some(via), Some(&path), &host).unwrap();
            prop_assert_eq!(Question::from_query(&question.to_query()), Ok(question));
        }
    }
}
