//! An attacker: a process that makes one attack over some connections for some seconds, then stands still with what is
//! open until it is told to end. While it stands still nothing of it moves: what the gate does about it is the gate's.

mod ears;
pub mod frames;
mod line;
mod orders;
mod tls;

use std::cell::Cell;
use std::io::Read as _;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinSet, LocalSet};
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

pub use line::{Line, Opening};
pub use orders::{Orders, Tally, Way, add};

/// Before a connection that ended is made again.
const PAUSE: Duration = Duration::from_millis(5);

/// What all connections of an attacker share.
pub struct Field {
    pub orders: Orders,
    pub tally: Tally,
    /// Where the attack stops.
    pub until: Instant,
    tls: Option<Arc<rustls::ClientConfig>>,
    opened: Cell<u32>,
    next: Cell<Instant>,
}

impl Field {
    fn new(orders: Orders) -> Self {
        let now = Instant::now();
        Self {
            tally: Tally::default(),
            until: now + orders.lasting,
            tls: orders.way.is_secured().then(|| tls::client(&orders)),
            opened: Cell::new(0),
            next: Cell::new(now),
            orders,
        }
    }

    /// Waits for its turn to make so many steps.
    pub async fn pace(&self, steps: u32) {
        // What was missed is not made up for: a burst after a standstill would be another attack.
        let turn = self.next.get().max(Instant::now().checked_sub(PAUSE * 2).unwrap_or_else(Instant::now));
        self.next.set(turn + Duration::from_secs(1) * steps / self.orders.rate.max(1));
        sleep_until(turn).await;
    }

    /// A number for each connection, from 0.
    fn number(&self) -> u32 {
        self.opened.replace(self.opened.get().wrapping_add(1))
    }
}

pub fn run(orders: Orders) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let local = LocalSet::new();
    let field = Rc::new(Field::new(orders));
    let held: Vec<Option<Line>> = local.block_on(&runtime, async {
        let mut all = JoinSet::new();
        for _ in 0..field.orders.connections {
            all.spawn_local(one(Rc::clone(&field)));
        }
        all.join_all().await
    });
    println!("{}", field.tally.line());
    // Until the other end of stdin is closed. Nothing is read from or written to any connection meanwhile.
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    drop(held);
}

/// One connection after the other until the time is over; the last one, if it is still open.
async fn one(field: Rc<Field>) -> Option<Line> {
    while Instant::now() < field.until {
        match timeout_at(field.until, Line::open(&field)).await {
            Err(_) => return None,
            Ok(Err(_)) => {
                add(&field.tally.refused, 1);
                sleep(PAUSE * 4).await;
            }
            Ok(Ok(mut line)) => {
                add(&field.tally.connects, 1);
                let moves = Box::pin(field.orders.attack.strike(&mut line, &field));
                let end = field.until + field.orders.attack.finishes_within();
                let struck = timeout_at(end, moves).await;
                add(&field.tally.heard, line.ears.answers());
                match struck {
                    Err(_) => return Some(line),
                    Ok(Err(_)) => add(&field.tally.ended, 1),
                    // The attack wants another connection.
                    Ok(Ok(())) => {}
                }
                drop(line);
                sleep(PAUSE).await;
            }
        }
    }
    None
}
