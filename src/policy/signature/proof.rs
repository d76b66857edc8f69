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
    /// The proof of a message with this finding; `None` where the signature is not good, does not cover all of the
    /// message, or has no id.
    #[must_use]
    pub(crate) fn of(finding: Finding, covers_all: bool, vouched: &Vouched) -> Option<Self> {
        (finding == Finding::Valid && covers_all && vouched.has_id()).then_some(Self(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::signature::rules::Signer;

    #[test]
    fn only_a_valid_message_with_an_id_is_proven() {
        let vouched = |id| Vouched::by_parameter(Signer::default(), 0, None, id);
        for finding in Finding::ALL {
            let of = |covers, id| Proof::of(finding, covers, &vouched(id)).is_some();
            assert_eq!(of(true, Some("1")), finding == Finding::Valid);
            assert!(!of(false, Some("1")) && !of(true, None) && !of(true, Some("")));
        }
    }
}
