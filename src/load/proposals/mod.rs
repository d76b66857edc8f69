//! Lists as reviewed deploys: what is proposed for a list, what was published before, and the steps of a publication.
//!
//! All of it lies in the ranges folder, in folders whose names begin with a dot, which the loader does not read. No HTTP,
//! and no decision: those are in `policy/proposal`. Invariant: whatever ends a publication, the list on the disk is the
//! old one or the new one, whole, and the newest generation of the history is what lies there.
//!
//! | file | noun |
//! | --- | --- |
//! | [`places`] | where everything lies |
//! | [`record`] | what is known of a text: when, who, from where, how much it changes |
//! | [`proposal`] | a text that waits to be published |
//! | [`history`] | the generations that were published |
//! | [`lookout`] | what waits, for those who run the gate |
//! | [`publication`] | one text becomes the list |

pub(crate) mod history;
pub(crate) mod lookout;
pub(crate) mod places;
pub(crate) mod proposal;
pub(crate) mod publication;
pub(crate) mod record;
#[cfg(test)]
mod tests;
