//! INT and TERM as an event, so that a command can end its gate and remove its files.

use std::sync::mpsc::Sender;
use std::thread;

use tokio::signal::unix::{SignalKind, signal};

use crate::cli::child::Event;

/// Sends [`Event::Stop`] at the first signal.
pub(in crate::cli) fn on_signal(events: Sender<Event>) {
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let Ok(runtime) = runtime else { return };
        runtime.block_on(async {
            let signals = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
            if let (Ok(mut interrupt), Ok(mut terminate)) = signals {
                tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
            }
        });
        // An error means that the command is over and nobody waits.
        let _ = events.send(Event::Stop);
    });
}
