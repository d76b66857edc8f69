//! A text whose name says nothing of it, by the shape of its words.
//!
//! A word with `@`, a URL, a long opaque word and the id of a person are told by their length. Numbers are for [`digits`]. A
//! token is left out in any mode, and so is what the name of a secret stands before, also where a part of either is
//! percent-encoded. Invariant: the result holds no token that a reader of the text could use.

use crate::policy::mask::digits;
use crate::policy::mask::mode::Mask;
use crate::policy::signature::text::hex::unhex;
use crate::policy::signature::text::{base64, percent};

/// Letters and digits without a break: an id, a hash or a key, and not a word. The parts of a UUID are shorter.
const OPAQUE: usize = 20;
/// A text of this many characters is one that somebody wrote.
const LONG: usize = 400;
/// What a token begins with: it is base64 of `{"`.
const TOKEN: &str = "eyJ";
/// What stands for a secret.
pub(crate) const LEFT_OUT: &str = "(left_out)";
/// Names of secrets, as they stand before a value in a text.
const NAMED: [&str; 5] = ["sig=", "signature=", "secret=", "token=", "password="];

/// A URL in a URL in a URL is encoded three times; nobody writes more.
pub(crate) const MOST_ENCODED: usize = 4;

/// What stands for a text of this length.
#[must_use]
pub(crate) fn length(text: &str) -> String {
    format!("({}_characters)", text.chars().count())
}

impl Mask {
    /// The text as it may be shown.
    #[must_use]
    pub(crate) fn text(&self, text: &str) -> String {
        if self.full {
            return without_tokens(text);
        }
        let trimmed = text.trim_start();
        // JSON in a string of JSON has names of its own; a long text is somebody's.
        if trimmed.starts_with(['{', '[']) && trimmed.len() > 2 || text.chars().nth(LONG).is_some() {
            return length(text);
        }
        let seen: String = text.chars().filter(|c| !digits::is_unseen(*c)).collect();
        let words = seen.split_inclusive(char::is_whitespace).map(|word| {
            let bare = word.trim_end();
            let blank = &word[bare.len()..];
            format!("{}{blank}", word_shown(bare))
        });
        digits::masked(&words.collect::<String>())
    }
}

/// A word as it may be shown, apart from its numbers.
fn word_shown(word: &str) -> String {
    if has_secret(word) {
        return LEFT_OUT.to_owned();
    }
    let lower = word.to_ascii_lowercase();
    let is_mail = word.find('@').is_some_and(|at| at > 0 && at + 1 < word.len());
    if is_mail
        || ["sip:", "sips:", "tel:", "mailto:"].iter().any(|scheme| lower.starts_with(scheme))
        || is_person(word)
    {
        return length(word);
    }
    if let Some(scheme) =
        ["http://", "https://", "ws://", "wss://"].iter().find(|scheme| lower.starts_with(**scheme))
    {
        return url(word, scheme.len());
    }
    if hides_number(word) {
        return length(word);
    }
    let parts = word.split(|c: char| !c.is_alphanumeric() && !matches!(c, '+' | '/' | '=' | '_'));
    if parts.into_iter().any(is_opaque) { length(word) } else { word.to_owned() }
}

/// Whether a number stands in a word in percent-encoding or in base64.
fn hides_number(word: &str) -> bool {
    let has_number = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        digits::masked(&text) != text
    };
    if word.contains('%') && percent::decoded(word.as_bytes()).is_ok_and(|bytes| has_number(&bytes)) {
        return true;
    }
    let parts = word.split(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '+' | '/' | '=' | '_' | '-'));
    parts.into_iter().any(|part| {
        let bare = part.trim_end_matches('=');
        let read = base64::url(bare.as_bytes()).or_else(|_| base64::standard(part.as_bytes())).ok();
        // Other words are base64 too, of bytes that nobody wrote.
        read.is_some_and(|bytes| {
            bytes.iter().all(|b| b.is_ascii_graphic() || *b == b' ') && has_number(&bytes)
        })
    })
}

/// Whether a token stands in a text, or the name of a secret before its value, however often they are percent-encoded.
/// What has more layers means nobody knows what.
fn has_secret(text: &str) -> bool {
    let mut layers = layers(text);
    let is_there = layers.by_ref().take(MOST_ENCODED).any(|text| text.contains(TOKEN) || names_secret(&text));
    is_there || layers.next().is_some()
}

/// The text as it is, and without each layer of percent-encoding. Each is shorter than the one before.
pub(crate) fn layers(text: &str) -> impl Iterator<Item = String> {
    std::iter::successors(Some(text.to_owned()), |text| unescaped(text))
}

/// The text without one layer of percent-encoding; `None` where it has none. A `%` that begins no encoding means itself.
fn unescaped(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut out = parts.next().unwrap_or_default().as_bytes().to_vec();
    let mut found = false;
    for part in parts {
        let part = part.as_bytes();
        if let Some(byte) = part.get(..2).and_then(unhex_one) {
            found = true;
            out.push(byte);
            out.extend_from_slice(&part[2..]);
        } else {
            out.push(b'%');
            out.extend_from_slice(part);
        }
    }
    found.then(|| String::from_utf8_lossy(&out).into_owned())
}

fn unhex_one(two: &[u8]) -> Option<u8> {
    let mut byte = [0];
    unhex(two, &mut byte).map(|()| byte[0])
}

fn names_secret(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    NAMED.iter().any(|name| lower.contains(name))
}

/// The host of a URL, and how long the rest is: a path or a query may name what is to be fetched with no other proof.
fn url(word: &str, scheme: usize) -> String {
    let rest = &word[scheme..];
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest.get(end..).unwrap_or_default() {
        "" | "/" => word.to_owned(),
        path => format!("{}{}/{}", &word[..scheme], &rest[..end], length(path)),
    }
}

/// Whether a part of a word is an id, a hash or a key, and not a word of a language.
fn is_opaque(part: &str) -> bool {
    let (mut letter, mut digit) = (false, false);
    part.chars().for_each(|c| (letter, digit) = (letter | c.is_alphabetic(), digit | c.is_numeric()));
    part.len() >= OPAQUE && letter && digit
}

/// Whether a word is the id of a person at a messenger: a country, a point and many letters and digits.
fn is_person(word: &str) -> bool {
    let parts: Vec<&str> = word.split('.').collect();
    let [country, .., id] = &parts[..] else { return false };
    country.len() == 2
        && country.bytes().all(|b| b.is_ascii_uppercase())
        && id.len() >= 10
        && id.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// The text without tokens, and without what a name of a secret stands before.
fn without_tokens(text: &str) -> String {
    if !has_secret(text) {
        return text.to_owned();
    }
    let part = |c: char| c.is_whitespace() || "\"'<>(),;&?{}[]".contains(c);
    let shown = text.split_inclusive(part).map(|word| {
        let bare = word.trim_end_matches(part);
        let end = &word[bare.len()..];
        format!("{}{end}", if has_secret(bare) { LEFT_OUT } else { bare })
    });
    shown.collect()
}
