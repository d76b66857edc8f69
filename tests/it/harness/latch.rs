//! A latch that opens once: lets a test hold a scripted upstream exactly until it has seen what it wanted to see.

use std::sync::{Arc, Condvar, Mutex};

use super::PATIENCE;

#[derive(Clone, Default)]
pub struct Latch(Arc<(Mutex<bool>, Condvar)>);

impl Latch {
    pub fn release(&self) {
        *self.0.0.lock().expect("latch") = true;
        self.0.1.notify_all();
    }

    /// Blocks until released; gives up after twice [`PATIENCE`], so that a failed test leaves no thread behind.
    pub fn wait(&self) {
        let open = self.0.0.lock().expect("latch");
        let _ = self.0.1.wait_timeout_while(open, PATIENCE * 2, |open| !*open).expect("latch");
    }
}
