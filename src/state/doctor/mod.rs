//! The tokens by which `nexmo-gate doctor` shows from elsewhere that the owner of this gate sent it.
//!
//! A token is an id and a secret. The id stands in the path of each question, the secret is the key of the proof that this gate
//! gave the answer ([`proof`]): it never travels, and the two have nothing in common. A few are out at a time, and each for some
//! minutes: two people may look at one gate. Which request bears an id, and what that request is answered, does not belong here.
//! Invariants: a token is in no log, its id is compared in constant time; where none is out, looking costs one load.

pub(crate) mod proof;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ring::rand::{SecureRandom as _, SystemRandom};
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};

use self::proof::{ProofKey, hexadecimal};

/// How long a token counts.
pub(crate) const LASTS: Duration = Duration::from_secs(600);
/// The random bytes of each half of a token; its text has two letters for each.
const BYTES: usize = 20;
/// The letters of an id, and of a secret.
pub(crate) const LETTERS: usize = 2 * BYTES;

/// Tokens that are out at a time; one more ends the oldest.
const MOST: usize = 4;
/// Nonces of one token that are remembered, more than several runs have.
const MOST_NONCES: usize = 1024;

/// No token was made.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum NoToken {
    /// No random bytes.
    #[error("the system gave no random bytes, so no token was made; try again")]
    NoBytes,
    /// A text that is no token.
    #[error(
        "this is not a token of `nexmo-gate doctor --token`: an id, a dot and a secret of {LETTERS} letters each"
    )]
    NotOne,
}

/// The tokens that are out, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct DoctorToken {
    out: AtomicBool,
    held: Mutex<Vec<Held>>,
}

struct Held {
    id: String,
    key: ProofKey,
    /// Tells the answers of two gates apart that have the same token.
    gate: String,
    until: Instant,
    /// The questions that came, and how often each.
    nonces: VecDeque<(Vec<u8>, u32)>,
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Held").field("until", &self.until).finish_non_exhaustive()
    }
}

/// A question by a token that is out.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    /// The key that proves the answer.
    pub key: ProofKey,
    /// The gate's name for this token.
    pub gate: String,
    /// How often this question came, this time included.
    pub times: u32,
}

/// The halves of a token; `None` for a text that is none.
#[must_use]
pub(crate) fn halves(token: &str) -> Option<(&str, &str)> {
    let is_half =
        |half: &str| half.len() == LETTERS && half.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    token.split_once('.').filter(|(id, secret)| is_half(id) && is_half(secret))
}

/// Random letters, two for each byte.
///
/// # Errors
/// The system has no random bytes.
pub(crate) fn letters<const COUNT: usize>() -> Result<String, NoToken> {
    let mut bytes = [0; COUNT];
    SystemRandom::new().fill(&mut bytes).map_err(|_| NoToken::NoBytes)?;
    Ok(hexadecimal(&bytes))
}

impl DoctorToken {
    /// Makes a token that counts from now on, beside the last ones before.
    ///
    /// # Errors
    /// The system has no random bytes.
    pub(crate) fn make(&self, now: Instant) -> Result<String, NoToken> {
        let token = format!("{}.{}", letters::<BYTES>()?, letters::<BYTES>()?);
        self.adopt(&token, now)?;
        Ok(token)
    }

    /// Lets a token count here from now on that another gate made: for two gates behind one URL.
    ///
    /// # Errors
    /// The text is no token, or the system has no random bytes.
    pub(crate) fn adopt(&self, token: &str, now: Instant) -> Result<(), NoToken> {
        let (id, secret) = halves(token).ok_or(NoToken::NotOne)?;
        let gate = letters::<8>()?;
        let mut held = self.lock();
        held.retain(|one| now < one.until && one.id != id);
        if held.len() >= MOST {
            held.remove(0);
        }
        let (id, key) = (id.to_owned(), ProofKey::of(secret));
        held.push(Held { id, key, gate, until: now + LASTS, nonces: VecDeque::new() });
        self.out.store(true, Relaxed);
        Ok(())
    }

    /// Whether a token may be out: a request need not be looked at where none is.
    #[must_use]
    pub(crate) fn is_out(&self) -> bool {
        self.out.load(Relaxed)
    }

    /// Counts a question, if its id is that of a token that is out.
    #[must_use]
    pub(crate) fn ask(&self, id: &[u8], nonce: &[u8], now: Instant) -> Option<Question> {
        let mut held = self.lock();
        held.retain(|one| now < one.until);
        if held.is_empty() {
            self.out.store(false, Relaxed);
        }
        // Each is compared, whichever it is: the time does not say which one fits.
        let (mut is, mut place) = (Choice::from(0), 0u64);
        for (at, one) in (0u64..).zip(held.iter()) {
            let fits = one.id.as_bytes().ct_eq(id);
            place.conditional_assign(&at, fits);
            is |= fits;
        }
        if !bool::from(is) {
            return None;
        }
        let one = held.get_mut(usize::try_from(place).ok()?)?;
        let times = one.count(nonce);
        Some(Question { key: one.key.clone(), gate: one.gate.clone(), times })
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// How often this nonce came, this time included.
    fn count(&mut self, nonce: &[u8]) -> u32 {
        if let Some((_, times)) = self.nonces.iter_mut().rev().find(|(one, _)| one == nonce) {
            *times = times.saturating_add(1);
            return *times;
        }
        if self.nonces.len() >= MOST_NONCES {
            self.nonces.pop_front();
        }
        self.nonces.push_back((nonce.to_vec(), 1));
        1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(doctor: &DoctorToken, token: &str, now: Instant) -> bool {
        doctor.ask(halves(token).unwrap().0.as_bytes(), b"n", now).is_some()
    }

    #[test]
    fn a_token_counts_until_its_time_is_over() {
        let (doctor, now) = (DoctorToken::default(), Instant::now());
        assert!(!doctor.is_out() && doctor.ask(b"", b"n", now).is_none());
        let first = doctor.make(now).unwrap();
        assert_eq!(first.len(), 2 * LETTERS + 1);
        assert!(doctor.is_out() && is(&doctor, &first, now));
        assert!(doctor.ask(&first.as_bytes()[1..LETTERS], b"n", now).is_none(), "a part of it");
        assert!(doctor.ask(&first.as_bytes()[LETTERS + 1..], b"n", now).is_none(), "the secret is no id");
        let second = doctor.make(now).unwrap();
        assert!(first != second && is(&doctor, &first, now), "both count");
        assert!(is(&doctor, &second, now + Duration::from_secs(599)));
        assert!(!is(&doctor, &second, now + LASTS));
        assert!(!doctor.is_out() && !is(&doctor, &second, now), "it is over");
    }

    #[test]
    fn one_token_more_than_there_may_be_ends_the_oldest() {
        let (doctor, now) = (DoctorToken::default(), Instant::now());
        let all: Vec<String> = (0..=MOST).map(|_| doctor.make(now).unwrap()).collect();
        let count: Vec<bool> = all.iter().map(|one| is(&doctor, one, now)).collect();
        assert_eq!(count, [false, true, true, true, true]);
        let later = now + LASTS;
        let last = doctor.make(later).unwrap();
        assert!(is(&doctor, &last, later) && !is(&doctor, &all[MOST], later));
    }

    #[test]
    fn each_token_has_a_key_of_its_own_and_counts_its_questions() {
        let (doctor, now) = (DoctorToken::default(), Instant::now());
        let tokens = [doctor.make(now).unwrap(), doctor.make(now).unwrap()];
        for token in &tokens {
            let (id, secret) = halves(token).unwrap();
            let ask = |nonce: &[u8]| doctor.ask(id.as_bytes(), nonce, now).unwrap();
            assert_eq!([b"a", b"b", b"a"].map(|nonce| ask(nonce).times), [1, 1, 2]);
            let proof = ask(b"c").key.prove("c", 200, b"");
            assert!(ProofKey::of(secret).verify(&proof, b"").is_some());
            assert!(ProofKey::of(id).verify(&proof, b"").is_none(), "the id is no key");
            for number in 0..=MOST_NONCES {
                let _ = ask(number.to_string().as_bytes());
            }
            assert!(doctor.lock().iter().all(|one| one.nonces.len() <= MOST_NONCES));
            assert_eq!(ask(b"0").times, 1, "the oldest are forgotten");
        }
    }

    #[test]
    fn a_token_of_another_gate_counts_here_once_it_was_adopted() {
        let (first, second, now) = (DoctorToken::default(), DoctorToken::default(), Instant::now());
        let token = first.make(now).unwrap();
        assert!(!is(&second, &token, now));
        second.adopt(&token, now).unwrap();
        assert!(second.is_out() && is(&second, &token, now));
        let ask = |gate: &DoctorToken| gate.ask(&token.as_bytes()[..LETTERS], b"n", now).unwrap().gate;
        assert_ne!(ask(&first), ask(&second), "their answers can be told apart");
        for wrong in ["", "a.b", &token[1..], &token.replace('.', ":"), &token.to_uppercase()] {
            assert_eq!(second.adopt(wrong, now), Err(NoToken::NotOne), "{wrong}");
        }
    }

    #[test]
    fn what_is_shown_of_it_has_no_letter_of_it() {
        let doctor = DoctorToken::default();
        let token = doctor.make(Instant::now()).unwrap();
        let shown =
            format!("{doctor:?} {:?}", doctor.ask(&token.as_bytes()[..LETTERS], b"n", Instant::now()));
        assert!(!shown.contains(&token[..LETTERS]) && !shown.contains(&token[LETTERS + 1..]));
    }
}
