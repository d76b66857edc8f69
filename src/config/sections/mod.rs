//! The sections of the configuration, one file for each: keys, defaults, allowed values, and error messages.

pub(crate) mod demands;
pub(crate) mod error;
pub(crate) mod inspect;
pub(crate) mod limits;
pub(crate) mod listener;
pub(crate) mod lists;
pub(crate) mod routes;
pub(crate) mod signatures;
pub(crate) mod tls;
pub(crate) mod upstream;
