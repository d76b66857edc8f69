//! What is asked of `explain`: an address, the way to the gate, and a request or a part of one.
//!
//! It comes from a command line or from the query of `GET /explain`; both mean the same. Whether the client is admitted is
//! not decided here.

use crate::policy::address::addr::Address;
use crate::policy::routing::path::byte_of;

/// The words for a PROXY header that names no source (its command is LOCAL, or its family UNKNOWN).
const LOCAL: &str = "local";
/// The words for a connection that begins without a PROXY header.
const NO_HEADER: &str = "none";

/// Why a question makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum QuestionError {
    /// The address is missing.
    #[error("the address is missing: /explain?ip=192.0.2.1&path=/webhooks/answer")]
    NoAddress,
    /// The address is not valid.
    #[error("{0:?} is not an IP address")]
    BadAddress(String),
    /// The path does not begin with a slash.
    #[error("a path begins with '/', this one is {0:?}")]
    BadPath(String),
    /// The source of a PROXY header is not valid.
    #[error("proxy: {0:?} is neither an IP address, nor local, nor none")]
    BadSource(String),
    /// A header line is not valid. Its text may be a token, so only its number is told.
    #[error("header: number {0} is not NAME: VALUE on one line")]
    BadHeader(usize),
    /// A whole request and parts of one.
    #[error("{0}: the whole request already says this; leave out `request` or `{0}`")]
    Twice(&'static str),
    /// There is no such listener.
    #[error("listener: no listener has the address {0:?}; there are: {1}")]
    NoListener(String, String),
    /// The listener takes no PROXY header.
    #[error("proxy: the listener {0} takes no PROXY header (proxy_protocol)")]
    NoProxyProtocol(String),
    /// There is no such parameter.
    #[error(
        "{0:?} is not a parameter; there are: ip, via, path, host, method, header, request, listener, proxy"
    )]
    UnknownKey(String),
    /// A parameter that may be there once is there twice.
    #[error("{0} is given twice; give it once")]
    Repeated(String),
    /// A percent sign in the value of this parameter encodes nothing.
    #[error("{0}: broken percent-encoding")]
    BadEncoding(String),
    /// The value of this parameter is not text.
    #[error("{0}: is not UTF-8 text")]
    NotUtf8(String),
}

/// The parameters, as text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Parameters {
    /// The other end of the TCP connection.
    pub ip: Option<String>,
    /// The value of the forwarding header.
    pub via: Option<String>,
    /// The path, perhaps with a query.
    pub path: Option<String>,
    /// The Host.
    pub host: Option<String>,
    /// The method.
    pub method: Option<String>,
    /// More header lines.
    pub headers: Vec<String>,
    /// A whole request, as it is sent.
    pub request: Option<Vec<u8>>,
    /// The listener: its address, as in the config.
    pub listener: Option<String>,
    /// The source that a PROXY header names.
    pub proxy: Option<String>,
}

impl Parameters {
    /// The parameters in a query, percent-encoded.
    ///
    /// # Errors
    /// An unknown parameter, a value that is not text, or a parameter that is repeated.
    pub(crate) fn from_query(query: &str) -> Result<Self, QuestionError> {
        let mut all = Self::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let bytes = decode(value).ok_or_else(|| QuestionError::BadEncoding(key.to_owned()))?;
            let repeated = || QuestionError::Repeated(key.to_owned());
            if key == "request" {
                if all.request.replace(bytes).is_some() {
                    return Err(repeated());
                }
                continue;
            }
            let text = String::from_utf8(bytes).map_err(|_| QuestionError::NotUtf8(key.to_owned()))?;
            let slot = match key {
                "ip" => &mut all.ip,
                "via" => &mut all.via,
                "path" => &mut all.path,
                "host" => &mut all.host,
                "method" => &mut all.method,
                "listener" => &mut all.listener,
                "proxy" => &mut all.proxy,
                "header" => {
                    all.headers.push(text);
                    continue;
                }
                _ => return Err(QuestionError::UnknownKey(key.to_owned())),
            };
            if slot.replace(text).is_some() {
                return Err(repeated());
            }
        }
        Ok(all)
    }

    /// The query that [`Self::from_query`] reads.
    #[must_use]
    pub(crate) fn to_query(&self) -> String {
        let one = |key, value: &Option<String>| value.as_ref().map(|text| (key, text.clone().into_bytes()));
        let singles = [
            one("ip", &self.ip),
            one("via", &self.via),
            one("path", &self.path),
            one("host", &self.host),
            one("method", &self.method),
            one("listener", &self.listener),
            one("proxy", &self.proxy),
            self.request.clone().map(|bytes| ("request", bytes)),
        ];
        let headers = self.headers.iter().map(|line| ("header", line.clone().into_bytes()));
        let pairs = singles.into_iter().flatten().chain(headers);
        pairs.map(|(key, value)| format!("{key}={}", encode(&value))).collect::<Vec<_>>().join("&")
    }
}

/// What a connection begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProxyHeader {
    /// No PROXY header.
    Missing,
    /// One that names this source, or none.
    Source(Option<Address>),
}

/// What is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// The address alone: every route is tried.
    EveryRoute,
    /// A request of these parts.
    Parts {
        /// The target.
        target: String,
        /// The Host.
        host: Option<String>,
        /// The method; the first that the route allows, where it is not named.
        method: Option<String>,
        /// More header lines, without line ends.
        headers: Vec<String>,
    },
    /// A request as it is sent.
    Raw(Vec<u8>),
}

/// Who asks for what, and how it comes to the gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Question {
    /// The other end of the TCP connection.
    pub peer: Address,
    /// The listener's address; the first that fits, where it is not named.
    pub listener: Option<String>,
    /// What the connection begins with, where that was said.
    pub proxy: Option<ProxyHeader>,
    /// The value of the forwarding header as the peer would send it.
    pub via: Option<String>,
    /// What is asked about.
    pub subject: Subject,
}

impl Question {
    /// A question from its parameters.
    ///
    /// # Errors
    /// What is missing, not valid, or said twice.
    pub(crate) fn new(parameters: Parameters) -> Result<Self, QuestionError> {
        let Parameters { ip, via, path, host, method, headers, request, listener, proxy } = parameters;
        let ip = ip.ok_or(QuestionError::NoAddress)?;
        let peer = Address::new(ip.parse().map_err(|_| QuestionError::BadAddress(ip))?);
        let proxy = proxy.map(proxy_header).transpose()?;
        let is_odd = |line: &String| !line.contains(':') || line.contains(['\r', '\n']);
        if let Some(place) = headers.iter().position(is_odd) {
            return Err(QuestionError::BadHeader(place + 1));
        }
        let parts = [
            ("path", path.is_some()),
            ("via", via.is_some()),
            ("host", host.is_some()),
            ("method", method.is_some()),
            ("header", !headers.is_empty()),
        ];
        let subject = match (request, path) {
            (Some(bytes), _) => match parts.iter().find(|(_, given)| *given) {
                Some((name, _)) => return Err(QuestionError::Twice(name)),
                None => Subject::Raw(bytes),
            },
            (None, Some(target)) if target.starts_with('/') => {
                Subject::Parts { target, host, method, headers }
            }
            (None, Some(path)) => return Err(QuestionError::BadPath(path)),
            (None, None) => Subject::EveryRoute,
        };
        Ok(Self { peer, listener, proxy, via, subject })
    }
}

fn proxy_header(text: String) -> Result<ProxyHeader, QuestionError> {
    match text.as_str() {
        NO_HEADER => Ok(ProxyHeader::Missing),
        LOCAL => Ok(ProxyHeader::Source(None)),
        address => match address.parse() {
            Ok(ip) => Ok(ProxyHeader::Source(Some(Address::new(ip)))),
            Err(_) => Err(QuestionError::BadSource(text)),
        },
    }
}

/// Percent-encodes what is not plain. The `percent-encoding` crate is not used: it passes broken encodings on.
pub(crate) fn encode(bytes: &[u8]) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/:".contains(&byte);
    bytes
        .iter()
        .map(|byte| if plain(*byte) { char::from(*byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// The bytes of a value in a query; `None` where an encoding is broken.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        if *first == b'%' {
            bytes.push(byte_of(tail.get(..2)?)?);
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn refused(query: &str) -> String {
        let question = Parameters::from_query(query).and_then(Question::new);
        question.unwrap_err().to_string()
    }

    #[test]
    fn a_question_that_makes_no_sense_is_refused() {
        let missing = "the address is missing: /explain?ip=192.0.2.1&path=/webhooks/answer";
        for (query, wanted) in [
            ("", missing),
            ("path=/a", missing),
            ("ip=x", "\"x\" is not an IP address"),
            ("ip=192.0.2.1&path=a", "a path begins with '/', this one is \"a\""),
            ("ip=192.0.2.1&proxy=x", "proxy: \"x\" is neither an IP address, nor local, nor none"),
            ("ip=192.0.2.1&path=/&header=x", "header: number 1 is not NAME: VALUE on one line"),
            (
                "ip=192.0.2.1&request=x&host=a",
                "host: the whole request already says this; leave out `request` or `host`",
            ),
            ("ip=192.0.2.1&ip=192.0.2.2", "ip is given twice; give it once"),
            ("request=x&request=x", "request is given twice; give it once"),
            (
                "ip=192.0.2.1&x=y",
                "\"x\" is not a parameter; there are: ip, via, path, host, method, header, request, listener, proxy",
            ),
            ("ip=%zz", "ip: broken percent-encoding"),
            ("ip=%", "ip: broken percent-encoding"),
            ("path=%+d", "path: broken percent-encoding"),
            ("path=%-1", "path: broken percent-encoding"),
            ("path=%d\u{e4}", "path: broken percent-encoding"),
            ("path=%ff", "path: is not UTF-8 text"),
        ] {
            assert_eq!(refused(query), wanted, "{query}");
        }
    }

    proptest! {
        #[test]
        fn parameters_survive_their_query(
            texts in prop::collection::vec(prop::option::of(".{0,20}"), 7),
            headers in prop::collection::vec(".{0,20}", 0..3),
            request in prop::option::of(prop::collection::vec(any::<u8>(), 0..30)),
        ) {
            let text = |n: usize| texts[n].clone();
            let parameters = Parameters {
                ip: text(0), via: text(1), path: text(2), host: text(3), method: text(4), listener: text(5),
                proxy: text(6), headers, request,
            };
            prop_assert_eq!(Parameters::from_query(&parameters.to_query()), Ok(parameters));
        }
    }
}
