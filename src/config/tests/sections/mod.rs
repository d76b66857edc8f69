//! Each section's own rules, one bad value a row.

use crate::config::tests::*;

mod addresses;
mod limits;
mod rest;
mod routes;
mod upstream;

/// Every row is a line of a file that is right otherwise, and the one problem it makes.
fn rows(rows: &[(&str, &str)]) {
    for (text, wanted) in rows {
        assert_eq!(with(text), [*wanted], "{text}");
    }
}
