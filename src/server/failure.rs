//! Why a command failed: lines for people, and an exit code.

/// The exit code for a configuration or lists that cannot serve (`EX_CONFIG` of sysexits.h).
pub(crate) const BAD_CONFIG: u8 = 78;

/// Why a command failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The exit code.
    pub code: u8,
    /// What went wrong, one problem a line.
    pub lines: Vec<String>,
}

impl Failure {
    /// One problem that arose while the gate ran: exit code 1.
    pub(crate) fn run_time(line: String) -> Self {
        Self { code: 1, lines: vec![line] }
    }
}
