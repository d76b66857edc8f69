//! The provider that sends the webhooks, as data: its rules for each kind of webhook, and its texts for
//! messages.
//!
//! A provider is one [`Provider`], a value of tables in a file of its own; the rest of the program reads
//! these tables. Invariant: no other room names a provider or has a rule of one (`tests/layers/` checks the
//! names).
//!
//! | file | noun |
//! | --- | --- |
//! | [`spec`] | one kind of webhook: methods, deadline, success, the required answer |
//! | [`tries`] | how it is tried |
//! | [`next`] | what the sender does after a try |
//! | [`outlook`] | that in a sentence |
//! | [`advice`] | advice to the operator |
//! | [`signing`] | how it signs |
//! | [`nexmo`] | Nexmo, now Vonage |

pub(crate) mod advice;
#[cfg(test)]
pub(crate) mod github;
pub(crate) mod nexmo;
pub(crate) mod next;
pub(crate) mod outlook;
pub(crate) mod signing;
pub(crate) mod spec;
pub(crate) mod tries;

use std::fmt;
use std::hash::{Hash, Hasher};

/// The provider of every configuration: there is no key for another one.
pub use self::nexmo::NEXMO as DEFAULT;
use crate::policy::mask::names::Names;
use crate::policy::provider::advice::Advice;
use crate::policy::provider::signing::Signing;
use crate::policy::provider::spec::Spec;

/// A sender of webhooks.
pub struct Provider {
    /// Its name in messages.
    pub name: &'static str,
    /// The kinds of webhook that it sends, each name once.
    pub webhooks: &'static [Spec],
    /// The kind of a route without `webhook`.
    pub other: Spec,
    /// The range lists of a route without `allow`.
    pub allow: &'static [&'static str],
    /// The range lists that come with the program: file names and texts.
    pub lists: &'static [(&'static str, &'static str)],
    /// A route for one of its webhooks in the form of a config file, as an example for messages.
    pub example: &'static str,
    /// How it signs, if it does in a way that is understood here.
    pub signing: Option<Signing>,
    /// Its fields that hold what nobody else may read.
    pub fields: Names,
    /// Its clauses for advice to the operator.
    pub advice: Advice,
}

impl Provider {
    /// Every kind, with `other` last.
    pub fn webhooks(&'static self) -> impl Iterator<Item = Webhook> {
        self.webhooks.iter().chain([&self.other]).map(move |spec| Webhook { provider: self, spec })
    }

    /// The kind with this name.
    #[must_use]
    pub fn webhook(&'static self, name: &str) -> Option<Webhook> {
        self.webhooks().find(|webhook| webhook.spec.name == name)
    }

    /// The kind of a route without `webhook`.
    #[must_use]
    pub fn other(&'static self) -> Webhook {
        Webhook { provider: self, spec: &self.other }
    }
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Providers are identified by their names.
impl PartialEq for Provider {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// A kind of webhook: a row of a provider's tables, with the provider. Only [`Provider`] makes one, so the
/// row is always the provider's.
#[derive(Clone, Copy)]
pub struct Webhook {
    provider: &'static Provider,
    spec: &'static Spec,
}

impl Webhook {
    /// The provider that sends it.
    #[must_use]
    pub fn provider(self) -> &'static Provider {
        self.provider
    }

    /// The row of the provider's table.
    #[must_use]
    pub fn spec(self) -> &'static Spec {
        self.spec
    }

    /// Its name in the config, the log and the metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.spec.name
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.spec.name)
    }
}

impl PartialEq for Webhook {
    fn eq(&self, other: &Self) -> bool {
        self.provider == other.provider && self.spec.name == other.spec.name
    }
}

impl Eq for Webhook {}

impl Hash for Webhook {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.provider.name, self.spec.name).hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::provider::github::GITHUB;

    /// Whether a name can be written as it is in a config file and in a metric's label.
    fn is_plain(name: &str) -> bool {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
    }

    #[test]
    fn every_row_of_every_provider_can_be_used() {
        let mut rows = 0;
        for provider in [&DEFAULT, &GITHUB] {
            for webhook in provider.webhooks() {
                let (name, spec) = (webhook.name(), webhook.spec());
                assert_eq!(provider.webhook(name), Some(webhook), "{name} is there twice");
                assert_eq!(webhook.provider(), provider);
                assert!(is_plain(name), "{name}");
                assert!(!spec.source.is_empty() && !spec.registered.is_empty(), "{name}");
                assert!(!spec.methods.allow(b"CONNECT") && !spec.methods.allow(b"TRACE"), "{name}");
                assert!(spec.methods.allow(b"POST"), "{name}");
                // No provider may make a success of a redirect or a failure.
                let (first, last) = (*spec.success.start(), *spec.success.end());
                assert!(200 <= first && first <= last && last <= 299, "{name}");
                rows += 1;
            }
            assert!(provider.example.contains(" webhook: "), "{}", provider.example);
            assert!(!provider.allow.is_empty(), "a route would admit nobody");
        }
        assert_eq!(rows, 13 + 2);
        assert_eq!(DEFAULT.webhook("voice"), None);
    }

    #[test]
    fn rows_of_two_providers_are_never_the_same() {
        assert_ne!(DEFAULT.other(), GITHUB.other());
        assert_eq!(DEFAULT.other().name(), GITHUB.other().name());
    }
}
