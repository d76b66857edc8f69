//! Each section's own rules, one bad value a row.

use crate::config::tests::*;

mod addresses;
mod limits;
mod rest;
mod routes;
mod signatures;
mod upstream;

/// Each row is a line in an otherwise correct file, and the one problem that it causes.
fn rows(rows: &[(&str, &str)]) {
    for (text, wanted) in rows {
        assert_eq!(with(text), [*wanted], "{text}");
    }
}
