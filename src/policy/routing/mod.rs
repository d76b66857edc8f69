//! Finds the route of a request: its host, its path, and the table of routes.

pub(crate) mod authority;
pub(crate) mod bypass;
pub(crate) mod path;
pub(crate) mod route;
