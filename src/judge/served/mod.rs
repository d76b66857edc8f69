//! Requests that the gate itself serves: nothing of them is for the application.
//!
//! | file | noun |
//! | --- | --- |
//! | [`probe`] | health probes |
//! | [`challenge`] | the requests of certificate authorities |
//! | [`doctor`] | the requests of `nexmo-gate doctor` |
//! | [`seen`] | what the gate saw of one of them |

pub(crate) mod challenge;
pub(crate) mod doctor;
pub(crate) mod probe;
pub(crate) mod seen;
