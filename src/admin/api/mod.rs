//! The JSON answers of the admin interface, as types. The server writes them and the commands read them; both
//! use these types, so they cannot differ.
//!
//! They are an interface: users' scripts read these keys. A key keeps its name and meaning. Fields are in
//! alphabetical order, which is the order on the wire. Readers ignore unknown keys, so that an older command
//! can read a newer gate; a key that a later version adds gets `#[serde(default)]`, so that a newer command
//! can read an older gate. Nothing is decided here.
//!
//! | file | noun |
//! | --- | --- |
//! | [`status`] | what is loaded, and the counts and states |
//! | [`reload`] | the result of a reload |
//! | [`explanation`] | why an address is admitted or denied |
//! | [`doctor`] | the token that lets the doctor ask from elsewhere |
//! | [`signature`] | what became of a signature, step by step |
//! | [`exchanges`] | the last exchanges |
//! | [`strangers`] | the clients in no list that proved themselves |

pub(crate) mod doctor;
pub(crate) mod exchanges;
pub(crate) mod explanation;
pub(crate) mod reload;
pub(crate) mod signature;
pub(crate) mod status;
pub(crate) mod strangers;
#[cfg(test)]
mod tests;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A JSON answer.
pub(crate) trait Document: Serialize + DeserializeOwned {
    /// Its name in the error when something else was answered.
    const NAME: &'static str;

    /// The JSON text, indented for people who read it.
    ///
    /// # Errors
    /// It cannot be written as JSON; that happens for none of the types here.
    fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }

    /// Reads the JSON text.
    ///
    /// # Errors
    /// What is wrong in it, and where.
    fn from_json(text: &str) -> serde_json::Result<Self> {
        serde_json::from_str(text)
    }
}

impl Document for explanation::Explanation {
    const NAME: &'static str = "explanation";
}

impl Document for reload::ReloadReport {
    const NAME: &'static str = "report of a reload";
}

impl Document for status::Status {
    const NAME: &'static str = "status";
}

impl Document for signature::SignatureReport {
    const NAME: &'static str = "report of a signature";
}
