//! One key: what is to be said about it, wherever it is said.
//!
//! Defaults, values and help are Markdown, as docs/configuration.md has them: what is between backticks is written
//! so in the file, and a link leads to another page.

/// A key of the configuration file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Where it stands; `[]` stands for any entry of a list.
    pub path: &'static str,
    /// What holds where it is not set, or that it is required.
    pub default: &'static str,
    /// The unit, the form or the words of its value.
    pub values: &'static str,
    /// What it means.
    pub help: &'static str,
    /// When a change of it takes effect.
    pub change: Change,
    /// The flag and the variable that say the same.
    pub flag: Option<Flag>,
}

/// When a change takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// At a reload.
    Hot,
    /// At the next start.
    Cold,
}

/// What stands over a key of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flag {
    /// With its two dashes.
    pub name: &'static str,
    /// What its value is called.
    pub value: &'static str,
    /// The environment variable.
    pub env: &'static str,
    /// What `--help` says, in plain text.
    pub help: &'static str,
}

pub(super) const fn hot(
    path: &'static str,
    default: &'static str,
    values: &'static str,
    help: &'static str,
) -> Key {
    Key { path, default, values, help, change: Change::Hot, flag: None }
}

pub(super) const fn cold(
    path: &'static str,
    default: &'static str,
    values: &'static str,
    help: &'static str,
) -> Key {
    Key { change: Change::Cold, ..hot(path, default, values, help) }
}

impl Key {
    pub(super) const fn flag(
        self,
        name: &'static str,
        value: &'static str,
        env: &'static str,
        help: &'static str,
    ) -> Self {
        Self { flag: Some(Flag { name, value, env, help }), ..self }
    }
}
