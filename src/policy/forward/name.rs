//! When two header names are one: CGI and WSGI servers fold case and underscores.

/// Whether a name is this one in lower case, with underscores for hyphens.
pub(super) fn same_name(name: &[u8], lower: &[u8]) -> bool {
    let fold = |b: &u8| if *b == b'_' { b'-' } else { b.to_ascii_lowercase() };
    name.len() == lower.len() && name.iter().zip(lower).all(|(a, b)| fold(a) == *b)
}
