//! Which route a request is for: its host, its path, and the table of routes.

pub mod authority;
pub mod path;
pub mod route;
