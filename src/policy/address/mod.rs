//! Addresses: their canonical form, sets of prefixes, range files, the difference between two lists, and what a list has
//! lost.

pub(crate) mod addr;
pub(crate) mod bits;
pub(crate) mod difference;
pub(crate) mod prefix_set;
pub(crate) mod range_list;
pub(crate) mod removed;
pub(crate) mod reserved;
pub(crate) mod suggest;
