//! The wish that exchanges are kept, for as long as the command runs, and what ends the command.

use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use crate::admin::api::exchanges::Switched;
use crate::cli::Failure;
use crate::cli::admin_client::AdminClient;

const WITHIN: Duration = Duration::from_secs(10);

/// A wish that was granted.
pub(super) struct Lease<'c> {
    client: &'c AdminClient,
    number: Option<u64>,
}

impl<'c> Lease<'c> {
    /// Asks for it.
    pub(super) fn take(client: &'c AdminClient, time: Duration, bodies: &str) -> Result<Self, Failure> {
        let target = format!("/inspect?for={}ms&bodies={bodies}", time.as_millis());
        let (switched, _) = client.fetch::<Switched>("POST", &target, WITHIN, &[200])?;
        if let Some(warning) = &switched.warning {
            eprintln!("warning: {}", warning.escape_debug());
        }
        eprintln!("inspect is on; Ctrl-C ends it");
        Ok(Self { client, number: switched.lease })
    }

    /// Takes it back.
    pub(super) fn give_back(self) -> Result<(), Failure> {
        let Some(number) = self.number else { return Ok(()) };
        self.client
            .fetch::<Switched>("POST", &format!("/inspect?for=off&lease={number}"), WITHIN, &[200])
            .map(|_| ())
    }
}

/// INT and TERM.
pub(super) struct Stop(Receiver<()>);

impl Stop {
    /// From now on they end the command in good order.
    pub(super) fn on_signal() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        let (told, stop) = channel();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let Ok(runtime) = runtime else { return std::mem::forget(told) };
            runtime.block_on(async {
                let signals = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
                match signals {
                    (Ok(mut interrupt), Ok(mut terminate)) => {
                        tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
                    }
                    // Then they end the process as usual, and the gate's own time-out ends the wish.
                    _ => std::future::pending().await,
                }
            });
            // An error means that the command has ended.
            let _ = told.send(());
        });
        Self(stop)
    }

    /// Waits, and says whether a signal came meanwhile.
    pub(super) fn within(&self, time: Duration) -> bool {
        !matches!(self.0.recv_timeout(time), Err(RecvTimeoutError::Timeout))
    }
}
