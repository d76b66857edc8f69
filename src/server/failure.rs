//! Why a command failed: lines for the operator, and an exit code.

/// The exit code for a configuration or lists that cannot be used (`EX_CONFIG` of sysexits.h).
pub(crate) const BAD_CONFIG: u8 = 78;

/// A failed command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The exit code.
    pub code: u8,
    /// What went wrong, one problem per line.
    pub lines: Vec<String>,
}

impl Failure {
    /// A problem of the running process: exit code 1.
    pub(crate) fn run_time(line: String) -> Self {
        Self { code: 1, lines: vec![line] }
    }
}
