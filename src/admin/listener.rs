//! The admin socket: its connections, one request each, and their bounds.
//!
//! What is asked and answered is not decided here but in [`crate::admin::routes`]. A connection carries one
//! request and is closed: those who ask are few, and a closed connection can hold nothing up. Who waits
//! for a reload holds no place: a file system that does not answer must not silence `/healthz`.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{Semaphore, watch};

use crate::admin::places::{Most, Place, Places};
use crate::admin::routes::{self, Answer, Asked, Told};
use crate::admin::wire::{hear, tell};
use crate::admin::{AdminContext, Scope};
use crate::state::stats::gauges::Gauges;

/// Connections at once. Many more than those who have something to ask.
const fn most(scope: Scope) -> Most {
    match scope {
        Scope::Whole => Most { all: 32, each: 16 },
        // Where other machines may come.
        Scope::Probes => Most { all: 64, each: 16 },
    }
}

/// Who may wait for a reload at once. Reloads that wait together are one, so nobody needs more.
const WAITING_FOR_RELOAD: usize = 4;
/// Long answers that are worked out at once.
const AT_WORK: usize = 1;
/// Descriptors that the connections to both sockets may take.
pub(crate) const DESCRIPTORS: usize = most(Scope::Whole).all + most(Scope::Probes).all + WAITING_FOR_RELOAD;
/// What the kernel holds of an answer, on its way to somebody who may not read it.
const SEND_BUFFER: usize = 256 * 1024;
/// After an accept failed, for want of descriptors as a rule.
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

/// A connection, whatever it came by.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

impl Listening {
    fn new(listener: AdminListener) -> io::Result<Self> {
        // Tokio polls: a blocking descriptor would stop the thread that it runs on.
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

    async fn accept(&self) -> io::Result<(Box<dyn Stream>, Option<IpAddr>)> {
        Ok(match self {
            Self::Tcp(tcp) => {
                let (stream, from) = tcp.accept().await?;
                // Neither is worth losing the connection for.
                let _ = stream.set_nodelay(true);
                let _ = socket2::SockRef::from(&stream).set_send_buffer_size(SEND_BUFFER);
                (Box::new(stream), Some(from.ip()))
            }
            Self::Unix(unix) => (Box::new(unix.accept().await?.0), None),
        })
    }
}

/// Serves until `shutdown` turns true (or its sender is gone), so that `/readyz` can say "draining"
/// for as long as the caller drains. Answers that are being written then are finished in the background.
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
            Ok((stream, from)) => {
                let (place, made_room) = places.enter(from);
                if made_room {
                    Gauges::add(&ctx.gauges.admin_made_room);
                }
                let number = place.number();
                let task = tokio::spawn(converse(stream, Arc::clone(&ctx), place, Arc::clone(&turns)));
                places.ends_with(number, task.abort_handle());
            }
            Err(error) => {
                tracing::warn!(%error, "the admin interface cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// One request and its answer. Whoever says nothing is hung up on: there is no one to log it for.
async fn converse(mut stream: Box<dyn Stream>, ctx: Arc<AdminContext>, place: Place, turns: Arc<Turns>) {
    let Some(heard) = hear(&mut stream).await else { return };
    place.has_asked();
    let is_head = heard.as_ref().is_ok_and(|asked| asked.method == "HEAD");
    let told = match heard {
        Err(answer) => Told::Now(answer),
        Ok(asked) if routes::is_probe(&asked) => routes::answer(&ctx, &asked),
        Ok(asked) => {
            let Some(told) = turns.work_out(Arc::clone(&ctx), asked).await else { return };
            told
        }
    };
    let (answer, _place) = match told {
        Told::Now(answer) => (answer, Some(place)),
        Told::AfterReload => match turns.reload.try_acquire() {
            Ok(_waits) => {
                // Neither kept from others nor taken away by them.
                drop(place);
                (routes::reload(&ctx).await, None)
            }
            Err(_) => (busy(), Some(place)),
        },
    };
    if let Err(error) = tell(&mut stream, answer, is_head).await {
        tracing::debug!(%error, "an admin answer could not be written");
    }
}

/// What connections take turns at.
#[derive(Debug)]
struct Turns {
    /// To wait for a reload.
    reload: Semaphore,
    /// To work out a long answer.
    long: Arc<Semaphore>,
}

impl Turns {
    fn new() -> Self {
        Self { reload: Semaphore::new(WAITING_FOR_RELOAD), long: Arc::new(Semaphore::new(AT_WORK)) }
    }

    /// The metrics of a thousand routes take a while. They are worked out on another thread, so that a crowd that
    /// asks for them keeps no probe waiting, and few at once, so that it does not take the processor from senders.
    async fn work_out(&self, ctx: Arc<AdminContext>, asked: Asked) -> Option<Told> {
        let turn = Arc::clone(&self.long).acquire_owned().await.ok()?;
        let answer = move || {
            let told = routes::answer(&ctx, &asked);
            drop(turn);
            told
        };
        // Fails where it panics, which is logged, or where the process ends.
        tokio::task::spawn_blocking(answer).await.ok()
    }
}

fn busy() -> Answer {
    Answer::plain(503, format!("{WAITING_FOR_RELOAD} others wait for a reload already; ask again\n"))
}
