//! The sample webhooks: one of every shape that the vendor's documents and SDKs show.

use serde_json::Value;

use crate::policy::provider::{self, Webhook};

/// The tests use the same file; its own note says where the samples are from.
const FILE: &str = include_str!("../../../tests/fixtures/webhooks.json");

/// One webhook as a sender would send it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// What it shows.
    pub name: String,
    /// Its kind.
    pub webhook: Webhook,
    /// The method.
    pub method: String,
    /// Path and query, byte for byte.
    pub target: String,
    /// Header lines but for Host and Content-Length.
    pub headers: Vec<(String, String)>,
    /// The body, byte for byte; may be empty.
    pub body: String,
}

impl Sample {
    /// The target without its query, as the access log shows it.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or(&self.target)
    }

    fn read(name: &str, row: &Value) -> Option<Self> {
        let text = |key: &str| row[key].as_str().map(str::to_owned);
        let header = |(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.to_owned()));
        Some(Self {
            name: name.to_owned(),
            webhook: provider::DEFAULT.webhook(row["webhook"].as_str()?)?,
            method: text("method")?,
            target: text("target")?,
            headers: row["headers"].as_object()?.iter().map(header).collect::<Option<_>>()?,
            body: text("body")?,
        })
    }
}

/// All samples, those of a webhook next to each other.
///
/// # Errors
/// The file that was built in does not read: never, as a test sees to.
pub fn all() -> Result<Vec<Sample>, String> {
    let file: Value = serde_json::from_str(FILE).map_err(|error| format!("webhooks.json: {error}"))?;
    let rows = file["samples"].as_object().ok_or("webhooks.json: no samples")?;
    let read = |(name, row): (&String, &Value)| {
        Sample::read(name, row).ok_or_else(|| format!("webhooks.json: {name}"))
    };
    let mut samples = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    samples.sort_by_key(|sample| provider::DEFAULT.webhooks().position(|one| one == sample.webhook));
    Ok(samples)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn there_are_twenty_samples_of_every_webhook_of_the_vendor() {
        let samples = all().unwrap();
        assert_eq!(samples.len(), 20);
        let kinds: HashSet<Webhook> = samples.iter().map(|sample| sample.webhook).collect();
        assert_eq!(kinds.len(), 11);
        assert!(samples.iter().all(|sample| sample.webhook.spec().methods.allow(sample.method.as_bytes())));
    }
}
