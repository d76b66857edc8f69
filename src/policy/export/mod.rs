//! The lists as other programs take them: firewalls, clouds and proxies in front of the gate.
//!
//! What is written is text. Who reads range files and prints the text is in `cli`; what a target holds is read there too.
//! Invariants: an export covers exactly the addresses of its lists, as disjoint prefixes in order, so that no target has to
//! merge; its text depends on its arguments alone.
//!
//! | file | noun |
//! | --- | --- |
//! | [`ranges`] | the addresses of the chosen lists, of both families |
//! | [`name`] | what a set, a rule or a resource is called |
//! | [`header`] | where an export comes from: the comment at its beginning |
//! | [`order`] | one export: its ranges, its name, its header, and what else was asked for |
//! | [`drift`] | what a target lacks, and what it has too much |
//! | [`json`] | strings and lists of JSON |
//! | [`format`](mod@format) | the formats: one table, and a renderer for each |

pub(crate) mod drift;
pub(crate) mod format;
pub(crate) mod header;
pub(crate) mod json;
pub(crate) mod name;
pub(crate) mod order;
pub(crate) mod ranges;
