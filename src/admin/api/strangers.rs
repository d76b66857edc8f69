//! The clients that no list holds and that proved themselves by a signature.

use serde::{Deserialize, Serialize};

use crate::admin::api::Document;
pub(crate) use crate::state::strangers::SignedStranger;

/// All that are known, by address.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SignedStrangers {
    /// The clients.
    pub clients: Vec<SignedStranger>,
}

impl Document for SignedStrangers {
    const NAME: &'static str = "a list of signed senders";
}
