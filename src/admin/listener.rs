//! The admin socket: its connections, one request each, and their bounds.
//!
//! What is asked and answered is not decided here but in [`super::routes`]. A connection carries one
//! request and is closed: those who ask are few, and a closed connection can hold nothing up.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use pingora::http::ResponseHeader;
use pingora::protocols::Stream as BoxedStream;
use pingora::protocols::http::ServerSession;
use pingora::protocols::l4::stream::Stream;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{Semaphore, watch};

use super::routes::{self, Answer, Asked};
use super::{AdminContext, Scope};

/// Connections served at once; more wait in the socket's backlog. Where other machines may come, a few
/// that say nothing must not hold up a probe.
fn connections(scope: Scope) -> usize {
    match scope {
        Scope::Whole => 16,
        Scope::Probes => 256,
    }
}
/// For the whole head of a request.
const READ_TIMEOUT: Duration = Duration::from_secs(10);
/// For each write.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// After an accept failed, for want of descriptors as a rule.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// A bound socket.
#[derive(Debug)]
pub enum AdminListener {
    /// On an address.
    Tcp(std::net::TcpListener),
    /// On a path.
    Unix(std::os::unix::net::UnixListener),
}

enum Listening {
    Tcp(TcpListener),
    Unix(UnixListener),
}

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

    async fn accept(&self) -> io::Result<Stream> {
        Ok(match self {
            Self::Tcp(tcp) => tcp.accept().await?.0.into(),
            Self::Unix(unix) => unix.accept().await?.0.into(),
        })
    }
}

/// Serves until `shutdown` turns true (or its sender is gone), so that `/readyz` can say "draining"
/// for as long as the caller drains. Answers that are being written then are finished in the background.
///
/// # Errors
/// The socket cannot be used.
pub async fn serve(
    listener: AdminListener,
    ctx: Arc<AdminContext>,
    mut shutdown: watch::Receiver<bool>,
) -> io::Result<()> {
    let listening = Listening::new(listener)?;
    let seats = Arc::new(Semaphore::new(connections(ctx.scope)));
    loop {
        let accepted = tokio::select! {
            _ = shutdown.wait_for(|stop| *stop) => return Ok(()),
            accepted = async {
                let seat = Arc::clone(&seats).acquire_owned().await.map_err(io::Error::other)?;
                listening.accept().await.map(|stream| (stream, seat))
            } => accepted,
        };
        match accepted {
            Ok((stream, seat)) => {
                let ctx = Arc::clone(&ctx);
                tokio::spawn(async move {
                    converse(Box::new(stream), &ctx).await;
                    drop(seat);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "the admin interface cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// One request and its answer. Whoever asks badly is hung up on: there is no one to log it for.
async fn converse(stream: BoxedStream, ctx: &AdminContext) {
    let mut session = ServerSession::new_http1(stream);
    session.set_keepalive(None);
    session.set_write_timeout(Some(WRITE_TIMEOUT));
    let answer = match tokio::time::timeout(READ_TIMEOUT, session.read_request()).await {
        Ok(Ok(true)) => routes::answer(ctx, &asked(&session)).await,
        Ok(Err(_)) => Answer::plain(400, "not a request that is served here\n"),
        Ok(Ok(false)) | Err(_) => return,
    };
    // Parsing a request turns keep-alive on again.
    session.set_keepalive(None);
    if let Err(error) = write(&mut session, answer).await {
        tracing::debug!(%error, "an admin answer could not be written");
        return;
    }
    // Closes; nothing is left to say whether it works or not.
    let _ = session.finish().await;
}

fn asked(session: &ServerSession) -> Asked {
    let head = session.req_header();
    let text = |name: &str| String::from_utf8_lossy(session.get_header_bytes(name)).into_owned();
    let host = match text("host") {
        host if host.is_empty() => head.uri.authority().map(ToString::to_string).unwrap_or_default(),
        host => host,
    };
    Asked {
        method: head.method.as_str().to_owned(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        host,
        has_origin: head.headers.contains_key("origin"),
        wants_html: text("accept").contains("text/html"),
    }
}

async fn write(session: &mut ServerSession, answer: Answer) -> pingora::Result<()> {
    let mut head = ResponseHeader::build(answer.status, Some(8))?;
    head.insert_header("Content-Type", answer.content_type)?;
    head.insert_header("Content-Length", answer.body.len())?;
    head.insert_header("Cache-Control", "no-store")?;
    head.insert_header("X-Content-Type-Options", "nosniff")?;
    if let Some(allow) = answer.allow {
        head.insert_header("Allow", allow)?;
    }
    if let Some(policy) = answer.policy {
        head.insert_header("Content-Security-Policy", policy)?;
        head.insert_header("Referrer-Policy", "no-referrer")?;
    }
    session.write_response_header(Box::new(head)).await?;
    // To HEAD, pingora writes no body.
    session.write_response_body(Bytes::from(answer.body), true).await
}
