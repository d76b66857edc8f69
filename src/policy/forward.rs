//! Header edits.
