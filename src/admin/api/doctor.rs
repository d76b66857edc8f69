//! The answer to `POST /doctor`: the token that lets `nexmo-gate doctor --outside` ask.

use serde::{Deserialize, Serialize};

use crate::admin::api::Document;

/// A token that was just made.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Invitation {
    /// How long it counts.
    pub seconds: u64,
    /// The token.
    pub token: String,
}

impl std::fmt::Debug for Invitation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Invitation").field("seconds", &self.seconds).finish_non_exhaustive()
    }
}

impl Document for Invitation {
    const NAME: &'static str = "token of the doctor";
}
