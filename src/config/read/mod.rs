//! Reading YAML: nodes and sections, units and host names, and the report that collects every problem.
//!
//! The meaning of a key does not belong here: `sections` know it.

pub(super) mod document;
pub(crate) mod error;
pub(crate) mod host;
pub(crate) mod node;
pub(crate) mod report;
pub(crate) mod section;
pub(crate) mod units;
