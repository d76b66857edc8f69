//! How much of an exchange is shown, and the names of what was left out.

use crate::policy::mask::names::Names;

/// How much of the bodies is kept and shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Bodies {
    /// No body is kept. Heads are masked.
    Off,
    /// Bodies are kept, and shown masked.
    #[default]
    Masked,
    /// Bodies are kept, and shown without the secrets in them.
    Full,
}

impl Bodies {
    /// Each one.
    pub const ALL: [Self; 3] = [Self::Off, Self::Masked, Self::Full];

    /// Its name in the config, in a query and on the command line.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Masked => "masked",
            Self::Full => "full",
        }
    }

    /// The one with this name.
    #[must_use]
    pub(crate) fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.word() == word)
    }
}

/// How texts are shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mask {
    /// Whether only secrets are left out.
    pub full: bool,
    /// What the provider's fields are.
    pub names: &'static Names,
}

/// The names of what was left out, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LeftOut(Vec<String>);

impl LeftOut {
    /// Names that are told: more are counted by none of the readers.
    const MOST: usize = 16;

    /// Takes note of a name. It comes from the sender, so only a plain one is told.
    pub(crate) fn note(&mut self, name: &str) {
        let plain = name.len() <= 40 && name.bytes().all(|b| b.is_ascii_alphabetic() || b"-_.".contains(&b));
        let name = if plain { name } else { "(another)" };
        if self.0.len() < Self::MOST && !self.0.iter().any(|one| one.eq_ignore_ascii_case(name)) {
            self.0.push(name.to_owned());
        }
    }

    /// Adds those of another part.
    pub(crate) fn add(&mut self, other: &Self) {
        other.0.iter().for_each(|name| self.note(name));
    }

    /// Whether there is one.
    #[must_use]
    pub(crate) fn has_any(&self) -> bool {
        !self.0.is_empty()
    }

    /// The names.
    #[must_use]
    pub(crate) fn into_names(self) -> Vec<String> {
        self.0
    }
}
