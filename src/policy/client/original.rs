//! How the client asked: the scheme and the host of its request, where trusted proxies say so.
//!
//! Each proxy on the way may append what it saw, so the element that belongs to the client stands as far from the
//! right as the client's own address does in the forwarding header, and what a sender wrote stands to the left of
//! it. Two habits of real proxies are allowed for. A header of one element is the word of whichever proxy set it
//! last. A list that is too short for all of them (some proxies set, some append) is believed where all of its
//! elements are the same. Invariant: the names of the elements are compared without regard to case and blanks, and
//! a header of which nothing can be made is never guessed at: [`Original::unused`] says so.

use std::borrow::Cow;
use std::fmt;

use crate::policy::client::client_ip::ForwardedHeader;
use crate::policy::client::forwarded;
use crate::policy::routing::authority::Host;

const PROTO: &str = "X-Forwarded-Proto";
const HOST: &str = "X-Forwarded-Host";
/// The longest host that is believed: a name has 253 characters at most.
const MAX_HOST: usize = 255;

/// How a request came to whoever took it from the client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scheme {
    /// Plain.
    #[default]
    Http,
    /// Over TLS.
    Https,
}

impl Scheme {
    /// As headers have it.
    #[must_use]
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// A scheme is the same in any case (RFC 3986 section 3.1).
    fn read(word: &[u8]) -> Option<Self> {
        let is = |scheme: Self| word.eq_ignore_ascii_case(scheme.word().as_bytes()).then_some(scheme);
        is(Self::Https).or_else(|| is(Self::Http))
    }
}

/// What trusted proxies say of the client's request; nothing where they say nothing.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Original<'a> {
    /// Its scheme.
    pub scheme: Option<Scheme>,
    /// Its host, with the port where it had one.
    pub host: Option<Cow<'a, [u8]>>,
    /// The first header that could not be used.
    pub unused: Option<Unused>,
}

/// A header that could not be used, for the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unused {
    header: &'static str,
    why: Why,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    NoScheme,
    NoHost,
    TooFew { elements: usize, place: usize },
}

impl fmt::Display for Unused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of the trusted proxy is not used: ", self.header)?;
        match self.why {
            Why::NoScheme => f.write_str("it is neither http nor https"),
            Why::NoHost => f.write_str("it is not a host"),
            Why::TooFew { elements, place } => {
                write!(f, "it has {elements} different elements, and the client is {place} hops away")
            }
        }
    }
}

impl<'a> Original<'a> {
    /// Reads what a trusted proxy wrote. `place` is that of the client in the forwarding header, counted from the
    /// right, from 1; `values` has the lines of a header in the order in which they came.
    ///
    /// Where `Forwarded` names the client, its element says the rest too: the other headers may be the sender's,
    /// whom a proxy that writes `Forwarded` need not contradict there.
    pub(crate) fn read<I>(header: ForwardedHeader, place: usize, values: impl Fn(&'static str) -> I) -> Self
    where
        I: DoubleEndedIterator<Item = &'a [u8]>,
    {
        let mut original = Self::default();
        if header == ForwardedHeader::Forwarded {
            let mut elements = values(header.name()).rev().flat_map(forwarded::elements);
            let named = elements.nth(place.saturating_sub(1)).map(forwarded::parse);
            if let Some(Ok(element)) = named {
                original.take_scheme("Forwarded", element.proto.as_deref());
                original.take_host("Forwarded", element.host);
            }
        }
        if original.scheme.is_none() {
            match element(values("x-forwarded-proto"), place) {
                Ok(found) => original.take_scheme(PROTO, found),
                Err(why) => original.note(PROTO, why),
            }
        }
        if original.host.is_none() {
            match element(values("x-forwarded-host"), place) {
                Ok(found) => original.take_host(HOST, found.map(Cow::Borrowed)),
                Err(why) => original.note(HOST, why),
            }
        }
        original
    }

    fn take_scheme(&mut self, header: &'static str, word: Option<&[u8]>) {
        let Some(word) = word else { return };
        self.scheme = Scheme::read(word);
        if self.scheme.is_none() {
            self.note(header, Why::NoScheme);
        }
    }

    fn take_host(&mut self, header: &'static str, host: Option<Cow<'a, [u8]>>) {
        let Some(host) = host else { return };
        if is_host(&host) {
            self.host = Some(host);
        } else {
            self.note(header, Why::NoHost);
        }
    }

    fn note(&mut self, header: &'static str, why: Why) {
        self.unused.get_or_insert(Unused { header, why });
    }
}

/// The element that belongs to the client, of all lines as one list; `None` where there is none.
fn element<'a>(
    lines: impl DoubleEndedIterator<Item = &'a [u8]>,
    place: usize,
) -> Result<Option<&'a [u8]>, Why> {
    let elements = lines.rev().flat_map(|line| line.rsplit(|b| *b == b','));
    let mut elements = elements.map(<[u8]>::trim_ascii).filter(|element| !element.is_empty());
    let Some(last) = elements.next() else { return Ok(None) };
    let (mut found, mut count, mut differ) = (last, 1, false);
    while count < place
        && let Some(next) = elements.next()
    {
        differ |= !next.eq_ignore_ascii_case(last);
        (found, count) = (next, count + 1);
    }
    if count < place && differ { Err(Why::TooFew { elements: count, place }) } else { Ok(Some(found)) }
}

fn is_host(host: &[u8]) -> bool {
    host.len() <= MAX_HOST && Host::read(host).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Lines<'a> = [(&'static str, &'a [&'a str])];

    fn read(header: ForwardedHeader, place: usize, lines: &Lines<'_>) -> String {
        let values = |name: &'static str| {
            let named = lines.iter().filter(move |(other, _)| *other == name);
            named.flat_map(|(_, values)| values.iter().map(|value| value.as_bytes()))
        };
        let original = Original::read(header, place, values);
        let host = original.host.map(|host| String::from_utf8_lossy(&host).into_owned());
        let unused = original.unused.map(|unused| format!(" ({unused})")).unwrap_or_default();
        format!("{} {}{unused}", original.scheme.map_or("-", Scheme::word), host.as_deref().unwrap_or("-"))
    }

    fn scheme(place: usize, lines: &[&str]) -> String {
        let text = read(ForwardedHeader::XForwardedFor, place, &[("x-forwarded-proto", lines)]);
        text.replacen(" -", "", 1)
    }

    #[test]
    fn the_scheme_is_that_of_the_hop_that_saw_the_client() {
        let rows: [(usize, &[&str], &str); 16] = [
            (1, &["https"], "https"),
            (1, &["HTTPS"], "https"),
            (1, &["\tHttp "], "http"),
            // One element is the last word of somebody who is trusted, however far away the client is.
            (3, &["https"], "https"),
            (3, &["https,", "", " , "], "https"),
            (2, &["https,http"], "https"),
            (2, &["https", "http"], "https"),
            (1, &["https,http"], "http"),
            (2, &["http , HTTPS, http"], "https"),
            (2, &["ftp, https, junk"], "https"),
            (3, &["https, https"], "https"),
            (1, &[], "-"),
            (1, &["", ","], "-"),
            (
                1,
                &["wss"],
                "- (X-Forwarded-Proto of the trusted proxy is not used: it is neither http nor https)",
            ),
            (
                1,
                &["\"https\""],
                "- (X-Forwarded-Proto of the trusted proxy is not used: it is neither http nor https)",
            ),
            (
                3,
                &["https, http"],
                "- (X-Forwarded-Proto of the trusted proxy is not used: it has 2 different elements, and the client is 3 hops away)",
            ),
        ];
        for (place, lines, wanted) in rows {
            assert_eq!(scheme(place, lines), wanted, "{place} {lines:?}");
        }
    }

    #[test]
    fn the_host_is_chosen_alike() {
        let read = |place, lines: &[&str]| {
            read(ForwardedHeader::XForwardedFor, place, &[("x-forwarded-host", lines)])
        };
        assert_eq!(read(2, &["evil.example, hooks.example:8443, inner"]), "- hooks.example:8443");
        assert_eq!(read(1, &["hooks.example"]), "- hooks.example");
        for odd in ["a b".to_owned(), "a".repeat(MAX_HOST + 1)] {
            assert_eq!(
                read(1, &[&odd]),
                "- - (X-Forwarded-Host of the trusted proxy is not used: it is not a host)"
            );
        }
    }

    #[test]
    fn the_element_that_names_the_client_says_how_it_asked() {
        let read = |place, forwarded: &[&str], proto: &[&str]| {
            read(ForwardedHeader::Forwarded, place, &[("forwarded", forwarded), ("x-forwarded-proto", proto)])
        };
        let chain =
            ["for=8.8.8.8;proto=http;host=evil", "for=1.1.1.1;Proto=HTTPS;host=\"a:8443\", for=10.1.1.1"];
        assert_eq!(read(2, &chain, &[]), "https a:8443");
        assert_eq!(read(2, &chain, &["http"]), "https a:8443", "the sender may have written the other one");
        assert_eq!(read(1, &chain, &[]), "- -", "that element says nothing");
        assert_eq!(read(1, &chain, &["https"]), "https -");
        assert_eq!(read(9, &chain, &[]), "- -");
        let odd = read(1, &["for=1.1.1.1;proto=ws"], &[]);
        assert_eq!(odd, "- - (Forwarded of the trusted proxy is not used: it is neither http nor https)");
    }

    #[test]
    fn forwarded_counts_only_where_it_was_chosen() {
        let lines = [("forwarded", &["for=1.1.1.1;proto=https;host=a"][..])];
        assert_eq!(read(ForwardedHeader::XForwardedFor, 1, &lines), "- -");
    }

    proptest! {
        /// Where each of the proxies appended its word, nothing that a sender wrote before them is heard.
        #[test]
        fn prepending_never_changes_what_every_proxy_appended(
            words in prop::collection::vec("(https?|HTTP|junk)", 1..5),
            prefix in "[ -~]{0,30}",
            split in any::<bool>(),
        ) {
            let own = words.join(", ");
            let joined = format!("{prefix},{own}");
            let after = if split { scheme(words.len(), &[&prefix, &own]) } else { scheme(words.len(), &[&joined]) };
            prop_assert_eq!(scheme(words.len(), &[&own]), after);
        }
    }
}
