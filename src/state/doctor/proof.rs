//! The proof of an answer to the doctor: that the gate wrote it, for this very question, and what it said.
//!
//! The key is the secret half of a token, and never travels. The proof stands in one field of the answer, in four parts with
//! dots between: the nonce of the question, the status that the gate said, SHA-256 of the body that it sent, and HMAC-SHA256 of
//! the three. So an answer that somebody changed on the way can be told from one that the gate never gave. Invariant: it is
//! compared in constant time.

use ring::digest::{SHA256, SHA256_OUTPUT_LEN, digest};
use ring::hmac::{self, HMAC_SHA256};

use crate::policy::signature::text::hex::unhex;

/// The field of an answer in which the proof stands.
pub(crate) const FIELD: &str = "X-Nexmo-Gate-Doctor";
/// The letters of a nonce, which the doctor makes anew for each question.
pub(crate) const NONCE: usize = 32;
/// Keeps the keyed text apart from every other one.
const LABEL: &[u8] = b"nexmo-gate doctor 1\n";

/// The key of the proofs.
#[derive(Clone)]
pub(crate) struct ProofKey(hmac::Key);

impl std::fmt::Debug for ProofKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ProofKey")
    }
}

/// What a proof that holds says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Vouched {
    /// The question that the gate answered.
    pub nonce: String,
    /// The status that the gate said.
    pub status: u16,
    /// Whether the body is the one that the gate sent.
    pub is_whole: bool,
}

impl ProofKey {
    /// The key of a token's secret half.
    #[must_use]
    pub(crate) fn of(secret: &str) -> Self {
        Self(hmac::Key::new(HMAC_SHA256, secret.as_bytes()))
    }

    /// The proof for an answer.
    #[must_use]
    pub(crate) fn prove(&self, nonce: &str, status: u16, body: &[u8]) -> String {
        let said = format!("{nonce}.{status}.{}", sha256(body));
        let tag = hmac::sign(&self.0, &[LABEL, said.as_bytes()].concat());
        format!("{said}.{}", hexadecimal(tag.as_ref()))
    }

    /// What a proof says of the body that came with it; `None` where the key did not make it.
    #[must_use]
    pub(crate) fn verify(&self, proof: &str, body: &[u8]) -> Option<Vouched> {
        let (said, tag) = proof.rsplit_once('.')?;
        let mut wanted = [0; SHA256_OUTPUT_LEN];
        unhex(tag.as_bytes(), &mut wanted)?;
        hmac::verify(&self.0, &[LABEL, said.as_bytes()].concat(), &wanted).ok()?;
        let mut parts = said.split('.');
        let (nonce, status, sum) = (parts.next()?, parts.next()?.parse().ok()?, parts.next()?);
        Some(Vouched { nonce: nonce.to_owned(), status, is_whole: sum == sha256(body) })
    }
}

/// SHA-256 in hexadecimal.
#[must_use]
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hexadecimal(digest(&SHA256, bytes).as_ref())
}

/// Two letters for each byte.
#[must_use]
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_holds_for_its_key_nonce_status_and_body_alone() {
        let (key, nonce) = (ProofKey::of("secret"), "0".repeat(NONCE));
        let proof = key.prove(&nonce, 403, b"body");
        let whole = Vouched { nonce: nonce.clone(), status: 403, is_whole: true };
        assert_eq!(key.verify(&proof, b"body"), Some(whole.clone()));
        assert_eq!(key.verify(&proof, b"other"), Some(Vouched { is_whole: false, ..whole }));
        assert_eq!(ProofKey::of("other").verify(&proof, b"body"), None);
        for (old, new) in [(".403.", ".200."), ("000", "100"), (".", ""), (".", "..")] {
            assert_eq!(key.verify(&proof.replacen(old, new, 1), b"body"), None, "{old}");
        }
        let end = &proof[..proof.len() - 2];
        for wrong in ["", "1", "...", "a.b.c.zz", end, &format!("{end}é")] {
            assert_eq!(key.verify(wrong, b"body"), None, "{wrong}");
        }
    }

    /// A proof has one spelling of each byte, as few readers of hexadecimal digits have.
    #[test]
    fn a_sign_is_no_digit_of_a_proof_and_a_lone_digit_no_byte() {
        let key = ProofKey::of("secret");
        let with = |pair: fn(&str) -> bool| {
            let proofs = (0..2000).map(|n| key.prove(&n.to_string(), 200, b""));
            proofs.into_iter().find(|proof| pair(&proof[proof.len() - 2..])).unwrap()
        };
        let zero_and_digit = with(|pair| pair.starts_with('0'));
        let end = zero_and_digit.len() - 2;
        assert!(key.verify(&zero_and_digit, b"").is_some());
        for pair in [format!("+{}", &zero_and_digit[end + 1..]), zero_and_digit[end + 1..].to_owned()] {
            assert_eq!(key.verify(&format!("{}{pair}", &zero_and_digit[..end]), b""), None, "{pair}");
        }
    }

    #[test]
    fn a_proof_is_the_hmac_that_the_page_describes() {
        // openssl: printf 'nexmo-gate doctor 1\nN.200.SUM' | openssl dgst -sha256 -hmac secret
        let proof = ProofKey::of("secret").prove("n", 200, b"");
        assert!(proof.starts_with("n.200.e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855."));
        assert!(
            proof.ends_with("b3400e75b06a501fdfb2d11f78ac1baf6eb6ad996d1911f9709d2f1fadd9bbbf"),
            "{proof}"
        );
    }
}
