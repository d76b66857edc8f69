//! stand-in
#[derive(Debug, Default)]
pub struct Kept;
