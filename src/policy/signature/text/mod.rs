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
