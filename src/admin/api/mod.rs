//! The answers of the admin interface that are JSON, as types: the server makes and writes them, the commands read
//! them, and both mean the same because they share these.
//!
//! An interface: users' scripts read these keys. A key keeps its name and meaning. Fields stand in the order of the
//! wire, which is that of the alphabet. Readers ignore keys that they do not know, so that an older command reads a newer
//! gate; a key that a later version adds gets `#[serde(default)]`, so that a newer command reads an older gate.
//! Nothing is decided here, and nothing of `state` is known here but words.
//!
//! | file | noun |
//! | --- | --- |
//! | [`status`] | what is loaded and how it is doing |
//! | [`reload`] | how a reload went |
//! | [`explanation`] | why an address is admitted or denied |

pub(crate) mod explanation;
pub(crate) mod reload;
pub(crate) mod status;
#[cfg(test)]
mod tests;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A whole answer.
pub(crate) trait Document: Serialize + DeserializeOwned {
    /// What it is called where something else was answered.
    const NAME: &'static str;

    /// The text on the wire, for programs and for people who look at it.
    ///
    /// # Errors
    /// It cannot be written as JSON; none of the types here is like that.
    fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }

    /// Reads the text.
    ///
    /// # Errors
    /// What is not as it must be, and where.
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
