//! The soak.

pub fn run() -> bool {
    false
}
