//! Where an export comes from: what stands at the beginning of its text.
//!
//! Invariant: it is three lines of printable characters, whatever the command line held, so that nothing of it can end a comment.

use crate::policy::export::json;

/// The origin of an export.
#[derive(Clone, Debug)]
pub(crate) struct Header {
    /// The names of the lists, in order.
    pub lists: Vec<String>,
    /// The digest of the ranges.
    pub digest: String,
    /// The number of IPv4 and of IPv6 prefixes.
    pub counts: (usize, usize),
    /// When it was made.
    pub time: String,
    /// The command that made it.
    pub command: String,
}

impl Header {
    /// The three lines.
    fn lines(&self) -> [String; 3] {
        let (v4, v6) = self.counts;
        let line = |text: String| text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        [
            line(format!("The ranges of {}: {v4} IPv4 and {v6} IPv6 prefixes.", self.lists.join(", "))),
            line(format!("SHA-256 of the sorted prefixes: {}", self.digest)),
            line(format!("Made {} by: {}", self.time, self.command)),
        ]
    }

    /// As comments that begin with `#`.
    #[must_use]
    pub(crate) fn comment(&self) -> String {
        self.lines().map(|line| format!("# {line}\n")).concat()
    }

    /// In one line, for a field.
    #[must_use]
    pub(crate) fn field(&self) -> String {
        self.lines().join(" ")
    }

    /// The least that says which lists of when these are: for a field of each prefix.
    #[must_use]
    pub(crate) fn short(&self) -> String {
        let digest = self.digest.get(..12).unwrap_or(&self.digest);
        let lists: String = self.lists.join(", ").chars().take(100).collect();
        format!("nexmo-gate: {lists}; sha256 {digest}; {}", self.time)
    }

    /// As an object of JSON.
    #[must_use]
    pub(crate) fn object(&self) -> String {
        let (lists, digest) = (json::list(&self.lists), json::string(&self.digest));
        let (time, command) = (json::string(&self.time), json::string(&self.command));
        format!(r#"{{"lists": {lists}, "sha256": {digest}, "made": {time}, "command": {command}}}"#)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_command_line_ends_a_comment() {
        let header = Header {
            lists: vec!["sms".to_owned()],
            digest: "ab".to_owned(),
            counts: (1, 0),
            time: "2026-11-27T00:00:00.000Z".to_owned(),
            command: "nexmo-gate \n10.0.0.0/8\r\u{85}\"x".to_owned(),
        };
        assert_eq!(header.comment().lines().count(), 3);
        assert!(header.comment().lines().all(|line| line.starts_with("# ")));
        assert!(header.comment().ends_with("by: nexmo-gate  10.0.0.0/8  \"x\n"), "{}", header.comment());
        assert!(
            header.object().ends_with("\"command\": \"nexmo-gate \\u000a10.0.0.0/8\\u000d\\u0085\\\"x\"}")
        );
        assert_eq!(header.short(), "nexmo-gate: sms; sha256 ab; 2026-11-27T00:00:00.000Z");
    }
}
