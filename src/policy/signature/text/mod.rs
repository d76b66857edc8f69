//! How the texts that signatures are about are read: strictly, so that no two readers understand them differently.
//!
//! | file | noun |
//! | --- | --- |
//! | [`base64`] | bytes in base64 |
//! | [`hex`] | bytes as hexadecimal digits |
//! | [`json`] | one JSON object |
//! | [`percent`] | text in percent-encoding |
//! | [`pairs`] | the parameters of a request |

pub(crate) mod base64;
pub(crate) mod hex;
pub(crate) mod json;
pub(crate) mod pairs;
pub(crate) mod percent;

/// Whether a text has a control character, which neither logs nor people can show.
#[must_use]
pub(crate) fn has_control(text: &str) -> bool {
    if text.is_ascii() {
        return text.bytes().fold(false, |any, byte| any | byte.is_ascii_control());
    }
    text.chars().any(char::is_control)
}
