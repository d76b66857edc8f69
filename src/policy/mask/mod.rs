//! What of a request and its answer may be shown to a person: the shape of it, and nothing that says who wrote what to whom.
//!
//! There are two ways. *Masked*: digits, texts, names, addresses of mail and opaque words are replaced by their length or a
//! part of them. *Full*: everything but secrets. What proves somebody's right (`Authorization`, cookies, tokens, signatures,
//! API secrets) is left out in both, by its name and by its shape, and what was left out is told by name only. What a provider
//! calls its fields is in its table. Invariants: no masked text has seven digits in a row, in any script; no text has a token.
//!
//! | file | noun |
//! | --- | --- |
//! | [`mode`] | how much is shown |
//! | [`digits`] | runs of digits |
//! | [`text`] | a text without a name, by the shape of its words |
//! | [`names`] | what the name of a field says of its value |
//! | [`json`] | a JSON text |
//! | [`pairs`] | a query or a form |
//! | [`target`] | the target of a request |
//! | [`head`] | the lines of a head |
//! | [`body`] | a body, by its kind |

pub(crate) mod body;
pub(crate) mod digits;
pub(crate) mod head;
pub(crate) mod json;
pub(crate) mod mode;
pub(crate) mod names;
pub(crate) mod pairs;
pub(crate) mod target;
pub(crate) mod text;

#[cfg(test)]
mod tests;
