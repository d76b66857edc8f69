//! Addresses: their canonical form, sets of prefixes, range files, and the difference between two lists.

pub(crate) mod addr;
pub(crate) mod bits;
pub(crate) mod difference;
pub(crate) mod prefix_set;
pub(crate) mod range_list;
