//! Who sends the webhooks, as data: what its documents say about each kind, and its words in messages.
//!
//! A provider is one [`Provider`], a value of tables in a file of its own, and the rest of the program asks those
//! tables. Invariant: no other room names a provider or knows a rule of one (`tests/layers/` holds the names).
//!
//! | file | noun |
//! | --- | --- |
//! | [`spec`] | one kind of webhook: methods, deadline, success, what its answer must be |
//! | [`advice`] | what an operator is told to mend |
//! | [`nexmo`] | Nexmo, now Vonage |

pub(crate) mod advice;
#[cfg(test)]
pub(crate) mod github;
pub(crate) mod nexmo;
pub(crate) mod spec;

use std::fmt;
use std::hash::{Hash, Hasher};

/// The provider that a configuration means: it has no key for another one.
pub use self::nexmo::NEXMO as DEFAULT;
use crate::policy::provider::advice::Advice;
use crate::policy::provider::spec::Spec;

/// A sender of webhooks.
pub struct Provider {
    /// Its name in messages.
    pub name: &'static str,
    /// The kinds of webhook that it sends, each name once.
    pub webhooks: &'static [Spec],
    /// The kind of everything else: what a route without `webhook` takes.
    pub other: Spec,
    /// The range lists that a route allows when it does not say.
    pub allow: &'static [&'static str],
    /// A route for one of its webhooks, as a config file writes it: the example in messages.
    pub example: &'static str,
    /// What an operator is told to mend.
    pub advice: Advice,
}

impl Provider {
    /// Every kind, the one of everything else last.
    pub fn webhooks(&'static self) -> impl Iterator<Item = Webhook> {
        self.webhooks.iter().chain([&self.other]).map(move |spec| Webhook { provider: self, spec })
    }

    /// The kind of that name.
    #[must_use]
    pub fn webhook(&'static self, name: &str) -> Option<Webhook> {
        self.webhooks().find(|webhook| webhook.spec.name == name)
    }

    /// The kind of everything else.
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

/// Providers are known by their names.
impl PartialEq for Provider {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// A kind of webhook: a row of a provider's tables, and whose row it is. Only [`Provider`] makes one, so the two
/// belong together.
#[derive(Clone, Copy)]
pub struct Webhook {
    provider: &'static Provider,
    spec: &'static Spec,
}

impl Webhook {
    /// Who sends it.
    #[must_use]
    pub fn provider(self) -> &'static Provider {
        self.provider
    }

    /// What its documents say.
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

    /// A name can be written in a config file and in a label of a metric as it is.
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
                assert!(!spec.source.is_empty(), "{name}");
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
        assert_eq!(rows, 12 + 2);
        assert_eq!(DEFAULT.webhook("voice"), None);
    }

    #[test]
    fn rows_of_two_providers_are_never_the_same() {
        assert_ne!(DEFAULT.other(), GITHUB.other());
        assert_eq!(DEFAULT.other().name(), GITHUB.other().name());
    }
}
