//! Addresses: how one is written, sets of prefixes, range files, and what differs between two lists.

pub mod addr;
pub(crate) mod bits;
pub mod difference;
pub mod prefix_set;
pub mod range_list;
