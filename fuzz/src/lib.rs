//! What the fuzz targets try. The bodies are in [`cases`], which `tests/fuzz_cases.rs` runs too.

pub mod cases;
