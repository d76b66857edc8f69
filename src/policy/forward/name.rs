//! When two header names are one: CGI and WSGI servers fold case and underscores, and some of them whatever else is
//! neither a letter nor a digit.

use crate::policy::bytes::is_word;

/// Whether a name is this one in lower case, with any other separator for hyphens.
pub(crate) fn same_name(name: &[u8], lower: &[u8]) -> bool {
    let fold = |b: &u8| if b.is_ascii_alphanumeric() { b.to_ascii_lowercase() } else { b'-' };
    // Written as it usually is, which is cheap to find out.
    is_word(name, lower) || (name.len() == lower.len() && name.iter().zip(lower).all(|(a, b)| fold(a) == *b))
}
