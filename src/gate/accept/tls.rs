//! The TLS handshake on an accepted connection.
//!
//! Which certificate is shown and who may come in is decided by what the snapshot holds (`state::tls`);
//! here the bytes are exchanged, within a deadline. Invariant: a handshake that fails ends in a closed
//! connection, a count and a line, never in plain HTTP.

use std::sync::Arc;

use pingora::listeners::tls::Acceptor;
use pingora::protocols::l4::stream::Stream as L4Stream;
use pingora::protocols::{ALPN, Ssl as _, Stream};
use tokio::time::{Instant, timeout_at};

use crate::gate::accept::turns::Turns;
use crate::state::tls::{LiveTls, subject};

/// A connection that speaks TLS.
#[derive(Debug)]
pub(crate) struct Secured {
    /// The stream inside.
    pub stream: Stream,
    /// HTTP/2 was agreed on.
    pub http2: bool,
    /// The subject of the certificate that the sender presented and an authority signed.
    pub client_cert: Option<Arc<str>>,
}

/// Why a connection does not speak TLS.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HandshakeError {
    /// The two could not agree, or one of them broke off.
    #[error("{}", plain(&.0.to_string()))]
    Failed(#[source] Box<pingora::Error>),
    /// It was not over at the deadline.
    #[error("not complete within limits.head_timeout")]
    Late,
    /// Nobody could say who it is. The verifier lets no such certificate pass.
    #[error("the subject of the sender's certificate cannot be read")]
    Illegible,
}

/// Makes the handshake.
///
/// # Errors
/// It failed, or was not over at the deadline: why, in words.
pub(crate) async fn accept(
    turns: &Turns,
    tls: &LiveTls,
    stream: L4Stream,
    deadline: Instant,
) -> Result<Secured, HandshakeError> {
    let acceptor = Acceptor::from_server_config(Arc::clone(&tls.server));
    // On the heap: it is large, and gone when the connection begins to be served.
    let mut handshake = Box::pin(acceptor.tls_handshake(stream));
    let stream = match timeout_at(deadline, turns.run(handshake.as_mut())).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Err(HandshakeError::Failed(error)),
        Err(_) => return Err(HandshakeError::Late),
    };
    let certificate = stream.get_ssl().and_then(|facts| facts.peer_certificate_der().map(subject::of));
    let client_cert = match certificate {
        None => None,
        Some(None) => return Err(HandshakeError::Illegible),
        Some(Some(subject)) => Some(Arc::from(subject)),
    };
    let http2 = stream.selected_alpn_proto() == Some(ALPN::H2);
    Ok(Secured { stream: Box::new(stream), http2, client_cert })
}

/// What rustls said, without what was put before it on its way.
fn plain(error: &str) -> &str {
    error.rsplit_once("tls connect error: ").map_or(error, |(_, said)| said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_told_without_its_wrapping() {
        let wrapped =
            " TLSHandshakeFailure context: TLS accept() failed: tls connect error: peer is incompatible: X";
        assert_eq!(plain(wrapped), "peer is incompatible: X");
        assert_eq!(plain("another"), "another");
    }
}
