//! A socket without TLS, as it is.
//!
//! pingora's own stream measures how long each read and write waited and can put bytes back in front; it reads the clock
//! for that four times a request, and nothing here needs either. TLS runs over pingora's. Invariant: what is written is
//! handed to the kernel at once, so there is never anything to flush.

use std::fmt;
use std::io::{self, IoSlice};
use std::os::fd::AsRawFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use async_trait::async_trait;
use pingora::protocols::raw_connect::ProxyDigest;
use pingora::protocols::{
    GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl, Stream,
    TimingDigest, UniqueID, UniqueIDType,
};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf};

/// A TCP or UNIX socket.
pub(crate) trait Socket:
    AsyncRead + AsyncWrite + AsRawFd + fmt::Debug + Send + Sync + Unpin + 'static
{
}

impl Socket for tokio::net::TcpStream {}
impl Socket for tokio::net::UnixStream {}

/// The stream of a socket.
#[must_use]
pub(crate) fn stream(socket: impl Socket) -> Stream {
    Box::new(Plain(socket))
}

#[derive(Debug)]
struct Plain<S>(S);

impl<S: Socket> AsyncRead for Plain<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_read(cx, into)
    }
}

impl<S: Socket> AsyncWrite for Plain<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().0).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().0).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_shutdown(cx)
    }
}

#[async_trait]
impl<S: Socket> Shutdown for Plain<S> {
    async fn shutdown(&mut self) {
        // An error means that the peer has gone already.
        let _ = self.0.shutdown().await;
    }
}

impl<S: Socket> UniqueID for Plain<S> {
    fn id(&self) -> UniqueIDType {
        self.0.as_raw_fd()
    }
}

impl<S: Socket> GetSocketDigest for Plain<S> {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        Some(Arc::new(SocketDigest::from_raw_fd(self.0.as_raw_fd())))
    }
}

impl<S: Socket> GetTimingDigest for Plain<S> {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        Vec::new()
    }
}

impl<S: Socket> GetProxyDigest for Plain<S> {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        None
    }
}

impl<S: Socket> Ssl for Plain<S> {}

impl<S: Socket> Peek for Plain<S> {}
