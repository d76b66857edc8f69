//! The admin socket: its connections, one request each, and their limits.
//!
//! Requests are answered in [`crate::admin::routes`], not here. A connection carries one request and is
//! closed: there are few clients, and a closed connection cannot block anything. A connection that waits for
//! a reload takes no place, so that a file system that does not answer cannot block `/healthz`.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{Semaphore, watch};

use crate::admin::message::{Answer, Asked};
use crate::admin::places::{Most, Place, Places};
use crate::admin::routes::{self, Told};
use crate::admin::wire::{hear, tell};
use crate::admin::{AdminContext, Scope};
use crate::state::capture::replay::MOST_ORDERS;
use crate::state::stats::gauges::Gauges;

/// Open connections at once; many more than there are clients.
const fn most(scope: Scope) -> Most {
    match scope {
        Scope::Whole => Most { all: 32, each: 16 },
        // Other machines may connect to this one.
        Scope::Probes => Most { all: 64, each: 16 },
    }
}

/// Connections that may wait for a reload at once. Waiting requests share one reload, so more are never
/// needed.
const WAITING_FOR_RELOAD: usize = 4;
/// Connections that may wait for the answer to a replay at once.
const WAITING_FOR_REPLAY: usize = MOST_ORDERS;
/// Long answers that are computed at once.
const COMPUTING: usize = 1;
/// Descriptors that the connections to both sockets may take.
pub(crate) const DESCRIPTORS: usize =
    most(Scope::Whole).all + most(Scope::Probes).all + WAITING_FOR_RELOAD + WAITING_FOR_REPLAY;
/// The kernel's buffer for an answer, which the client may not read.
const SEND_BUFFER: usize = 256 * 1024;
/// The pause after a failed accept, usually for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// A bound socket.
#[derive(Debug)]
pub(crate) enum AdminListener {
    /// On an address.
    Tcp(std::net::TcpListener),
    /// On a path.
    Unix(std::os::unix::net::UnixListener),
}

enum Listening {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// A connection of either kind.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

impl Listening {
    fn new(listener: AdminListener) -> io::Result<Self> {
        // Tokio polls: a blocking descriptor would stop its thread.
        Ok(match listener {
            AdminListener::Tcp(tcp) => {
                tcp.set_nonblocking(true)?;
                Self::Tcp(TcpListener::from_std(tcp)?)
            }
            AdminListener::Unix(unix) => {
                unix.set_nonblocking(true)?;
                Self::Unix(UnixListener::from_std(unix)?)
            }
        })
    }

    /// A connection, and where it is from: an address, or a user of this machine.
    async fn accept(&self) -> io::Result<(Box<dyn Stream>, Option<IpAddr>, String)> {
        Ok(match self {
            Self::Tcp(tcp) => {
                let (stream, from) = tcp.accept().await?;
                // A connection without these settings still works.
                let _ = stream.set_nodelay(true);
                let _ = socket2::SockRef::from(&stream).set_send_buffer_size(SEND_BUFFER);
                (Box::new(stream), Some(from.ip()), from.ip().to_string())
            }
            Self::Unix(unix) => {
                let (stream, _) = unix.accept().await?;
                let by = stream
                    .peer_cred()
                    .map_or_else(|_| "somebody".to_owned(), |who| format!("uid {}", who.uid()));
                (Box::new(stream), None, by)
            }
        })
    }
}

/// Serves until `shutdown` turns true or its sender is dropped; until then `/readyz` can answer "draining".
/// Answers that are being written at that time are finished in the background.
///
/// # Errors
/// The socket cannot be used.
pub(crate) async fn serve(
    listener: AdminListener,
    ctx: Arc<AdminContext>,
    mut shutdown: watch::Receiver<bool>,
) -> io::Result<()> {
    let listening = Listening::new(listener)?;
    let places = Places::new(most(ctx.scope));
    let turns = Arc::new(Turns::new());
    loop {
        let accepted = tokio::select! {
            _ = shutdown.wait_for(|stop| *stop) => return Ok(()),
            accepted = listening.accept() => accepted,
        };
        match accepted {
            Ok((stream, from, by)) => {
                let (place, made_room) = places.enter(from);
                if made_room {
                    Gauges::add(&ctx.gauges.admin_made_room);
                }
                let number = place.number();
                let task = tokio::spawn(serve_one((stream, by), Arc::clone(&ctx), place, Arc::clone(&turns)));
                places.ends_with(number, task.abort_handle());
            }
            Err(error) => {
                tracing::warn!(%error, "the admin interface cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Reads one request and writes its answer. A client that sends no request is disconnected without a log
/// line.
async fn serve_one(
    (mut stream, by): (Box<dyn Stream>, String),
    ctx: Arc<AdminContext>,
    place: Place,
    turns: Arc<Turns>,
) {
    let Some(request) = hear(&mut stream).await else { return };
    place.has_asked();
    let is_head = request.as_ref().is_ok_and(|asked| asked.method == "HEAD");
    let outcome = match request {
        Err(answer) => Told::Now(answer),
        Ok(asked) if routes::is_probe(&asked) => routes::answer(&ctx, &asked),
        Ok(asked) => {
            let asked = Asked { by, ..asked };
            let Some(outcome) = turns.compute(Arc::clone(&ctx), asked).await else { return };
            outcome
        }
    };
    let (answer, _place) = match outcome {
        Told::Now(answer) => (answer, Some(place)),
        // A waiting connection holds no place, and nobody can take it away.
        Told::AfterReload => match turns.reload.try_acquire() {
            Ok(_waits) => {
                drop(place);
                (routes::reload(&ctx).await, None)
            }
            Err(_) => (busy(WAITING_FOR_RELOAD, "a reload"), Some(place)),
        },
        Told::AfterReplay { number, anyway } => match turns.replay.try_acquire() {
            Ok(_waits) => {
                drop(place);
                // Who does not wait any longer is not answered, and nothing is sent for nobody.
                let gone = async { while matches!(stream.read(&mut [0; 64]).await, Ok(1..)) {} };
                let answer = tokio::select! {
                    answer = routes::replay(&ctx, number, anyway) => answer,
                    () = gone => return,
                };
                (answer, None)
            }
            Err(_) => (busy(WAITING_FOR_REPLAY, "a replay"), Some(place)),
        },
    };
    if let Err(error) = tell(&mut stream, answer, is_head).await {
        tracing::debug!(%error, "an admin answer could not be written");
    }
}

/// What connections wait for, one after another.
#[derive(Debug)]
struct Turns {
    /// Waiting for a reload.
    reload: Semaphore,
    /// Waiting for a replay.
    replay: Semaphore,
    /// Computing a long answer.
    long: Arc<Semaphore>,
}

impl Turns {
    fn new() -> Self {
        let (reload, replay) = (Semaphore::new(WAITING_FOR_RELOAD), Semaphore::new(WAITING_FOR_REPLAY));
        Self { reload, replay, long: Arc::new(Semaphore::new(COMPUTING)) }
    }

    /// Computes an answer that may take long: the metrics of a thousand routes do. It runs on another thread,
    /// so that many such requests do not delay a probe, and few run at once, so that they do not take the
    /// processor from senders.
    async fn compute(&self, ctx: Arc<AdminContext>, asked: Asked) -> Option<Told> {
        let turn = Arc::clone(&self.long).acquire_owned().await.ok()?;
        let answer = move || {
            let outcome = routes::answer(&ctx, &asked);
            drop(turn);
            outcome
        };
        // Fails if the computation panics, which is logged, or if the process ends.
        tokio::task::spawn_blocking(answer).await.ok()
    }
}

fn busy(most: usize, what: &str) -> Answer {
    Answer::plain(503, format!("{most} requests wait for {what} already; try again later\n"))
}
