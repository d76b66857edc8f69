//! How much something needs the operator's attention.

/// The severity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// Messages may be lost, now or soon.
    Bad,
    /// The operator should look into it.
    Warn,
}

impl Level {
    /// Its CSS class.
    #[must_use]
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Bad => "bad",
            Self::Warn => "warn",
        }
    }
}
