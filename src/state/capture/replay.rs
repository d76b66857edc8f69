//! Orders to send an exchange to its application again: the desk between who asks and who sends.
//!
//! Who asks is an operator, and who sends is the gate; neither knows the other. Invariant: few orders wait, and an order whose
//! asker has gone is not waited for.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use crate::policy::outcome::Reason;
use crate::state::capture::exchange::Exchange;

/// Orders under way or waiting.
pub(crate) const MOST_ORDERS: usize = 4;

/// An order.
#[derive(Debug)]
pub(crate) struct Order {
    /// What is sent again.
    pub exchange: Arc<Exchange>,
    /// An answer that directs something, such as a call, is wanted all the same.
    pub anyway: bool,
    /// Where the result goes.
    pub result: oneshot::Sender<Result<Replayed, NotReplayed>>,
}

/// What the application answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Replayed {
    /// The status of its answer, if there was one.
    pub upstream_status: Option<u16>,
    /// What a sender would be told.
    pub status: u16,
    /// Why.
    pub reason: Reason,
    /// How long it took.
    pub took: Duration,
}

/// Why it was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotReplayed {
    /// It was denied, or answered by the gate.
    #[error("it never went to the application, so it does not go there now")]
    NotForwarded,
    /// A part of it is missing.
    #[error("it was larger than what is kept of a request, so it cannot be sent as it was")]
    Cut,
    /// Bodies are not kept.
    #[error("its body was not kept: ask for bodies masked or full")]
    NoBody,
    /// Its route has gone.
    #[error("the configuration has no such route any more")]
    NoRoute,
    /// The answer would direct a call.
    #[error(
        "the answer to this webhook says what happens next, and nobody reads the answer to a replay; ask for it with anyway=1"
    )]
    AnswerIsRead,
    /// The process ends.
    #[error("the gate is ending, or has not begun")]
    Ending,
    /// Too many orders.
    #[error("{MOST_ORDERS} replays are under way; try again later")]
    Busy,
}

/// Where orders are given and taken.
#[derive(Debug)]
pub(crate) struct Desk {
    orders: mpsc::Sender<Order>,
    taken: Mutex<Option<mpsc::Receiver<Order>>>,
}

impl Default for Desk {
    fn default() -> Self {
        let (orders, taken) = mpsc::channel(MOST_ORDERS);
        Self { orders, taken: Mutex::new(Some(taken)) }
    }
}

impl Desk {
    /// The orders, for the one who sends.
    pub(crate) fn orders(&self) -> Option<mpsc::Receiver<Order>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Orders a replay, and waits for its result.
    ///
    /// # Errors
    /// Why it was not sent.
    pub(crate) async fn order(&self, exchange: Arc<Exchange>, anyway: bool) -> Result<Replayed, NotReplayed> {
        let (result, told) = oneshot::channel();
        self.orders.try_send(Order { exchange, anyway, result }).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => NotReplayed::Busy,
            mpsc::error::TrySendError::Closed(_) => NotReplayed::Ending,
        })?;
        told.await.unwrap_or(Err(NotReplayed::Ending))
    }
}
