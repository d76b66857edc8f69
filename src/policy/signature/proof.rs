//! The proof that the holder of a secret made a whole message, and not only a part of it.
//!
//! Invariant: a [`Proof`] exists only for a message that is `valid`, and that has an id of its own, so that whoever sends
//! it again can be told from the one who made it.

use crate::policy::signature::finding::Finding;
use crate::policy::signature::vouch::Vouched;

/// That the message was made by the holder of a secret.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Proof(());

impl Proof {
    /// The proof of a message with this finding; `None` where the signature is not good, covers nothing of the message,
    /// or has no id.
    #[must_use]
    pub(crate) fn of(finding: Finding, vouched: &Vouched) -> Option<Self> {
        let has_id = vouched.id().is_some_and(|id| !id.is_empty());
        (finding == Finding::Valid && has_id).then_some(Self(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_valid_message_with_an_id_is_proven() {
        let vouched = |id| Vouched::by_parameter(0, 0, None, id);
        for finding in Finding::ALL {
            assert_eq!(Proof::of(finding, &vouched(Some("1"))).is_some(), finding == Finding::Valid);
            assert!(Proof::of(finding, &vouched(None)).is_none());
            assert!(Proof::of(finding, &vouched(Some(""))).is_none());
        }
    }
}
