//! The target of a request as it may be shown: its path and its query.
//!
//! The access log has the path as it is. Here it is masked too, because what is shown here is passed on. Invariant: the
//! result has no blank and no byte outside of ASCII, as a target has none.

use crate::policy::mask::digits;
use crate::policy::mask::mode::{LeftOut, Mask};
use crate::policy::mask::pairs::plain;
use crate::policy::mask::text::LEFT_OUT;
use crate::policy::signature::text::percent;

impl Mask {
    /// A target as it may be shown, and what was left out.
    #[must_use]
    pub(crate) fn target(&self, target: &[u8]) -> (String, LeftOut) {
        let end = memchr::memchr2(b'?', b'#', target).unwrap_or(target.len());
        let path = self.path(&target[..end]);
        let query = target.get(end + 1..).unwrap_or_default();
        if query.is_empty() {
            return (path, LeftOut::default());
        }
        // What cannot be decoded is not shown.
        let (query, left_out) =
            self.pairs(query).unwrap_or_else(|_| (LEFT_OUT.to_owned(), LeftOut::default()));
        let mark = if query.is_empty() { "" } else { "?" };
        (format!("{path}{mark}{query}"), left_out)
    }

    /// A path as it may be shown.
    #[must_use]
    pub(crate) fn path(&self, path: &[u8]) -> String {
        let segment = |segment: &[u8]| {
            let written = String::from_utf8_lossy(segment);
            let meant = percent::decoded(segment)
                .map_or(written.clone().into_owned(), |bytes| String::from_utf8_lossy(&bytes).into_owned());
            let shown = self.text(&meant);
            let is_plain = shown == meant && (self.full || digits::masked(&written) == written);
            if is_plain && written.bytes().all(|b| b.is_ascii_graphic()) {
                written.into_owned()
            } else {
                plain(&shown)
            }
        };
        path.split(|byte| *byte == b'/').map(segment).collect::<Vec<_>>().join("/")
    }
}
