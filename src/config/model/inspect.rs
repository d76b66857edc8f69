//! Whether the last exchanges are kept in memory, to be looked at.

use crate::policy::mask::mode::Bodies;

/// What `inspect` may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Inspect {
    /// Exchanges are kept when somebody asks for it at the admin interface, for a time.
    #[default]
    Off,
    /// They are never kept.
    Never,
    /// They are kept as long as this stands in the file.
    On {
        /// How many.
        keep: usize,
        /// With which bodies.
        bodies: Bodies,
    },
}
