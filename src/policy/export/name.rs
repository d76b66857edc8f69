//! What a set, a rule or a resource of an export is called.
//!
//! Invariant: a lower-case letter, then lower-case letters, digits and single underscores, at most 24: every target takes
//! that as a name, with what the formats put before and behind it. (A set of nftables or ipset has 31 characters at most.)

/// The longest name.
const MOST: usize = 24;

/// A name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name(String);

/// No name can be made of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoName {
    /// It has too many characters.
    #[error(
        "{0:?} is too long for the name of a set: at most {MOST} characters; choose one with --name NAME"
    )]
    Long(String),
    /// It has other letters.
    #[error(
        "--name {0:?}: a lower-case letter, then lower-case letters, digits and single underscores, at most {MOST} in all"
    )]
    Other(String),
}

impl Name {
    /// A name that a person chose.
    pub(crate) fn chosen(text: &str) -> Result<Self, NoName> {
        let is_same = |name: &Self| name.0 == text;
        Self::made(text).ok().filter(is_same).ok_or_else(|| NoName::Other(text.to_owned()))
    }

    /// The name of an export of these lists.
    pub(crate) fn of(lists: &[&str]) -> Result<Self, NoName> {
        Self::made(&lists.join("_"))
    }

    fn made(text: &str) -> Result<Self, NoName> {
        let lower = text.to_ascii_lowercase();
        let words = lower.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
        let mut name = words.collect::<Vec<_>>().join("_");
        if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
            name.insert_str(0, "list_");
        }
        if name.len() > MOST { Err(NoName::Long(name)) } else { Ok(Self(name)) }
    }

    /// With underscores, as variables are written.
    #[must_use]
    pub(crate) fn underscored(&self) -> &str {
        &self.0
    }

    /// With hyphens, as clouds want it.
    #[must_use]
    pub(crate) fn hyphenated(&self) -> String {
        self.0.replace('_', "-")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_made_of_the_lists_with_letters_that_every_target_takes() {
        let name = |lists: &[&str]| Name::of(lists).unwrap();
        assert_eq!(name(&["sms", "voice"]).underscored(), "sms_voice");
        assert_eq!(name(&["Nexmo-2018.old"]).hyphenated(), "nexmo-2018-old");
        assert_eq!(name(&["2018-"]).underscored(), "list_2018");
        assert_eq!(name(&["abcdefghijklmnopqrstuvwx"]).underscored().len(), MOST);
        assert_eq!(
            Name::of(&["abcdefghijklm", "abcdefghijkl"]),
            Err(NoName::Long("abcdefghijklm_abcdefghijkl".into()))
        );
    }

    #[test]
    fn a_chosen_name_is_taken_as_it_is_or_refused() {
        assert_eq!(Name::chosen("edge_1").unwrap().underscored(), "edge_1");
        for bad in ["", "Edge", "1edge", "a__b", "a-b", "a b", "_a", "a_", "a;b", "abcdefghijklmnopqrstuvwxy"]
        {
            assert_eq!(Name::chosen(bad), Err(NoName::Other(bad.to_owned())), "{bad}");
        }
    }
}
