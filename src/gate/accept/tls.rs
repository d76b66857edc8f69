//! The TLS handshake on an accepted connection, within a deadline (`limits.head_timeout`).
//!
//! The snapshot decides which certificate is shown and which client certificates are accepted (`state::tls`); this
//! file only runs the handshake. Invariant: a failed handshake ends the connection and never falls back to plain HTTP.

use std::sync::Arc;

use pingora::listeners::tls::Acceptor;
use pingora::protocols::l4::stream::Stream as L4Stream;
use pingora::protocols::{ALPN, Ssl as _, Stream};
use tokio::time::{Instant, timeout_at};

use crate::gate::accept::turns::Turns;
use crate::state::tls::{LiveTls, subject};

/// A connection whose TLS handshake is complete.
#[derive(Debug)]
pub(crate) struct Secured {
    /// The decrypted stream.
    pub stream: Stream,
    /// ALPN selected HTTP/2.
    pub http2: bool,
    /// The subject of the client certificate, which a configured authority has signed.
    pub client_cert: Option<Arc<str>>,
}

/// Why a connection does not speak TLS.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HandshakeError {
    /// The two could not agree, or one of them broke off.
    #[error("{}", rustls_error(&.0.to_string()))]
    Failed(#[source] Box<pingora::Error>),
    /// It was not over at the deadline.
    #[error("not complete within limits.head_timeout")]
    Late,
    /// The subject cannot be read. The verifier refuses such a certificate before; this is a second check.
    #[error("the subject of the sender's certificate cannot be read")]
    Illegible,
}

/// Runs the handshake.
///
/// # Errors
/// The handshake failed or was not complete at the deadline: the cause as a text for the log.
pub(crate) async fn accept(
    turns: &Turns,
    tls: &LiveTls,
    stream: L4Stream,
    deadline: Instant,
) -> Result<Secured, HandshakeError> {
    let acceptor = Acceptor::from_server_config(Arc::clone(&tls.server));
    // On the heap, because it is large and is not needed any more while requests are served.
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

/// The error text of rustls, without the prefixes that pingora adds.
fn rustls_error(error: &str) -> &str {
    error.rsplit_once("tls connect error: ").map_or(error, |(_, cause)| cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_reported_without_its_prefixes() {
        let wrapped =
            " TLSHandshakeFailure context: TLS accept() failed: tls connect error: peer is incompatible: X";
        assert_eq!(rustls_error(wrapped), "peer is incompatible: X");
        assert_eq!(rustls_error("another"), "another");
    }
}
