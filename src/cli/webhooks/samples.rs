//! The sample webhooks: one for each form in the vendor's documents and SDKs.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::cli::webhooks::document::Node;
use crate::policy::provider::{self, Webhook};

/// The tests use the same file; a note in it names the sources of the samples.
const FILE: &str = include_str!("../../../tests/fixtures/webhooks.json");

#[derive(Deserialize)]
struct Row {
    webhook: String,
    method: String,
    target: String,
    headers: BTreeMap<String, String>,
    body: String,
}

/// What is wrong with the built-in file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SamplesError {
    /// It has another structure.
    #[error("webhooks.json: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// It has no samples.
    #[error("webhooks.json: it has no samples")]
    None,
    /// The webhook of a sample does not exist.
    #[error("webhooks.json: {name}: there is no webhook {webhook:?}")]
    UnknownWebhook {
        /// The name of the sample.
        name: String,
        /// The name of its webhook.
        webhook: String,
    },
}

/// One webhook as a sender would send it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sample {
    /// The name of the sample.
    pub name: String,
    /// The kind of webhook.
    pub webhook: Webhook,
    /// The method.
    pub method: String,
    /// Path and query, byte for byte.
    pub target: String,
    /// Header lines, without Host and Content-Length.
    pub headers: Vec<(String, String)>,
    /// The body, byte for byte; may be empty.
    pub body: String,
}

impl Sample {
    /// The target without its query, as the access log shows it.
    #[must_use]
    pub(crate) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or(&self.target)
    }

    /// The query, without the question mark, if there is one.
    #[must_use]
    pub(crate) fn query(&self) -> Option<&str> {
        self.target.split_once('?').map(|(_, query)| query)
    }

    fn of(name: String, row: Row) -> Result<Self, SamplesError> {
        let Row { webhook, method, target, headers, body } = row;
        let Some(webhook) = provider::DEFAULT.webhook(&webhook) else {
            return Err(SamplesError::UnknownWebhook { name, webhook });
        };
        Ok(Self { name, webhook, method, target, headers: headers.into_iter().collect(), body })
    }
}

/// All samples, those of a webhook next to each other, its usual one first.
///
/// # Errors
/// The built-in file cannot be parsed; a test rules that out.
pub(crate) fn all() -> Result<Vec<Sample>, SamplesError> {
    let mut file = Node::read(FILE)?;
    let rows = file.get_mut("samples").and_then(|samples| samples.members()).ok_or(SamplesError::None)?;
    let sample = |(name, row): &(String, Node)| Sample::of(name.clone(), serde_json::from_str(&row.text())?);
    let mut samples: Vec<Sample> = rows.iter().map(sample).collect::<Result<_, _>>()?;
    samples.sort_by_key(|sample| provider::DEFAULT.webhooks().position(|one| one == sample.webhook));
    Ok(samples)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn there_are_thirty_samples_of_every_webhook_of_the_vendor() {
        let samples = all().unwrap();
        assert_eq!(samples.len(), 30);
        let kinds: HashSet<Webhook> = samples.iter().map(|sample| sample.webhook).collect();
        assert_eq!(kinds.len(), 12);
        assert!(samples.iter().all(|sample| sample.webhook.spec().methods.allow(sample.method.as_bytes())));
    }
}
