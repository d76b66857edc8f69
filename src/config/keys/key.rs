//! One key, with all texts about it.
//!
//! Defaults, values and help are Markdown, as in docs/configuration.md: text between backticks is written
//! like that in the file, and a link leads to another page.

/// A key of the configuration file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its path; `[]` stands for any entry of a list.
    pub path: &'static str,
    /// Its default, or that it is required.
    pub default: &'static str,
    /// The unit, the form or the allowed values.
    pub values: &'static str,
    /// What it means.
    pub help: &'static str,
    /// When a change of it takes effect.
    pub change: Change,
    /// The flag and the variable that override it.
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

/// A flag that overrides a key of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flag {
    /// Its name, with two dashes.
    pub name: &'static str,
    /// The name of its value in the help.
    pub value: &'static str,
    /// The name of the environment variable.
    pub env: &'static str,
    /// Its text in `--help`.
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
