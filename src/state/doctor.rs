//! The tokens by which `nexmo-gate doctor` shows from elsewhere that the owner of this gate sent it.
//!
//! A few are out at a time, and each for some minutes: two people may look at one gate. Which request bears it, and what that request is answered, does not belong
//! here. Invariants: a token is in no log and compared in constant time; where none is out, looking costs one load.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ring::rand::{SecureRandom as _, SystemRandom};
use subtle::{Choice, ConstantTimeEq as _};

/// How long a token counts.
pub(crate) const LASTS: Duration = Duration::from_secs(600);
/// The random bytes of a token; its text has two letters for each.
const BYTES: usize = 20;
/// The letters of a token.
pub(crate) const LETTERS: usize = 2 * BYTES;

/// Tokens that are out at a time; one more ends the oldest.
const MOST: usize = 4;

/// No token could be made.
#[derive(Debug, thiserror::Error)]
#[error("the system gave no random bytes, so no token was made; try again")]
pub(crate) struct NoToken;

/// The tokens that are out, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct DoctorToken {
    out: AtomicBool,
    held: Mutex<Vec<Held>>,
}

struct Held {
    token: String,
    until: Instant,
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Held").field("until", &self.until).finish_non_exhaustive()
    }
}

impl DoctorToken {
    /// Makes a token that counts from now on, beside the last ones before.
    ///
    /// # Errors
    /// The system has no random bytes.
    pub(crate) fn make(&self, now: Instant) -> Result<String, NoToken> {
        let mut bytes = [0; BYTES];
        SystemRandom::new().fill(&mut bytes).map_err(|_| NoToken)?;
        let token: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut held = self.lock();
        held.retain(|one| now < one.until);
        if held.len() >= MOST {
            held.remove(0);
        }
        held.push(Held { token: token.clone(), until: now + LASTS });
        self.out.store(true, Relaxed);
        Ok(token)
    }

    /// Whether a token may be out: a request need not be looked at where none is.
    #[must_use]
    pub(crate) fn is_out(&self) -> bool {
        self.out.load(Relaxed)
    }

    /// Whether these letters are a token that is out.
    #[must_use]
    pub(crate) fn is(&self, letters: &[u8], now: Instant) -> bool {
        let mut held = self.lock();
        held.retain(|one| now < one.until);
        if held.is_empty() {
            self.out.store(false, Relaxed);
        }
        // Each is compared, whichever it is: the time does not say which one fits.
        held.iter().fold(Choice::from(0), |is, one| is | one.token.as_bytes().ct_eq(letters)).into()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_counts_until_its_time_is_over() {
        let (doctor, now) = (DoctorToken::default(), Instant::now());
        assert!(!doctor.is_out() && !doctor.is(b"", now));
        let first = doctor.make(now).unwrap();
        assert_eq!(first.len(), LETTERS);
        assert!(doctor.is_out() && doctor.is(first.as_bytes(), now));
        assert!(!doctor.is(&first.as_bytes()[1..], now), "a part of it");
        let second = doctor.make(now).unwrap();
        assert!(first != second && doctor.is(first.as_bytes(), now), "both count");
        assert!(doctor.is(second.as_bytes(), now + Duration::from_secs(599)));
        assert!(!doctor.is(second.as_bytes(), now + LASTS));
        assert!(!doctor.is_out() && !doctor.is(second.as_bytes(), now), "it is over");
    }

    #[test]
    fn one_token_more_than_there_may_be_ends_the_oldest() {
        let (doctor, now) = (DoctorToken::default(), Instant::now());
        let all: Vec<String> = (0..=MOST).map(|_| doctor.make(now).unwrap()).collect();
        let count: Vec<bool> = all.iter().map(|one| doctor.is(one.as_bytes(), now)).collect();
        assert_eq!(count, [false, true, true, true, true]);
        let later = now + LASTS;
        let last = doctor.make(later).unwrap();
        assert!(doctor.is(last.as_bytes(), later) && !doctor.is(all[MOST].as_bytes(), later));
    }

    #[test]
    fn what_is_shown_of_it_has_no_letter_of_it() {
        let doctor = DoctorToken::default();
        let token = doctor.make(Instant::now()).unwrap();
        assert!(!format!("{doctor:?}").contains(&token));
    }
}
