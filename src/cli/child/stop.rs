//! INT and TERM: as an event, so that a command can end its gate and remove its files, and as a wish that blocking steps ask
//! about.

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use crate::cli::child::Event;

/// Sends [`Event::Stop`] at the first signal. Once this returns, no signal ends the program any more.
pub(in crate::cli) fn on_signal(events: Sender<Event>) {
    let (ready, listens) = channel::<()>();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let Ok(runtime) = runtime else { return };
        runtime.block_on(async {
            let signals = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
            drop(ready);
            if let (Ok(mut interrupt), Ok(mut terminate)) = signals {
                tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
            }
        });
        // An error means that the command is over and nobody waits.
        let _ = events.send(Event::Stop);
    });
    // The thread drops its end when it listens, or when it cannot.
    let _ = listens.recv();
}

/// Whether the user wants to stop. Nobody does until the first signal.
#[derive(Debug, Default)]
pub(in crate::cli) struct Wish {
    said: Mutex<bool>,
    heard: Condvar,
}

impl Wish {
    /// One that the first signal says.
    pub(in crate::cli) fn on_signal() -> Arc<Self> {
        let wish = Arc::new(Self::default());
        let (send, events) = channel();
        on_signal(send);
        let told = Arc::clone(&wish);
        thread::spawn(move || {
            if events.recv().is_ok() {
                told.say();
            }
        });
        wish
    }

    /// Says it, to whoever waits too.
    pub(in crate::cli) fn say(&self) {
        *self.said.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.heard.notify_all();
    }

    /// Whether it was said.
    pub(in crate::cli) fn is_said(&self) -> bool {
        *self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a time, or until it is said. The value says whether it was.
    pub(in crate::cli) fn wait(&self, time: Duration) -> bool {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.heard.wait_timeout_while(said, time, |said| !*said);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_ends_every_wait() {
        let wish = Arc::new(Wish::default());
        assert!(!wish.is_said() && !wish.wait(Duration::ZERO));
        let waiting = Arc::clone(&wish);
        let waits = thread::spawn(move || waiting.wait(Duration::from_secs(3600)));
        wish.say();
        assert!(waits.join().unwrap() && wish.is_said() && wish.wait(Duration::from_secs(3600)));
    }
}
