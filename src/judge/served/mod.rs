//! Requests that the gate itself serves: nothing of them is for the application.
//!
//! | file | noun |
//! | --- | --- |
//! | [`probe`] | health probes |
//! | [`challenge`] | the requests of certificate authorities |

pub(crate) mod challenge;
pub(crate) mod probe;
