//! The application: answers every request with a short 200, and `/large` with a long one.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::thread;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const LARGE: usize = 64 << 10;

#[derive(Debug, Default)]
struct Counted {
    open: AtomicU64,
    requests: AtomicU64,
}

/// It serves until the siege is over.
#[derive(Debug)]
pub struct Application {
    pub address: SocketAddr,
    counted: Arc<Counted>,
}

impl Application {
    pub fn start() -> Self {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        socket.set_nonblocking(true).expect("a socket");
        let address = socket.local_addr().expect("an address");
        let counted: Arc<Counted> = Arc::default();
        let shared = Arc::clone(&counted);
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(accept(socket, shared));
        });
        Self { address, counted }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Connections that the gate holds open.
    pub fn open(&self) -> u64 {
        self.counted.open.load(SeqCst)
    }
}

async fn accept(socket: std::net::TcpListener, counted: Arc<Counted>) {
    let listener = TcpListener::from_std(socket).expect("a listener");
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let counted = Arc::clone(&counted);
        tokio::spawn(async move {
            counted.open.fetch_add(1, SeqCst);
            // An error ends the connection, as it would end an application's.
            let _ = serve(stream, &counted).await;
            counted.open.fetch_sub(1, SeqCst);
        });
    }
}

async fn serve(mut stream: TcpStream, counted: &Counted) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let large = format!("HTTP/1.1 200 OK\r\nContent-Length: {LARGE}\r\n\r\n{}", "x".repeat(LARGE));
    let mut buffer = Vec::new();
    loop {
        let head = loop {
            if let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            if stream.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
        };
        let text = String::from_utf8_lossy(&buffer[..head]).to_ascii_lowercase();
        let length = text.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
        let is_large = text.lines().next().is_some_and(|line| line.contains(" /large"));
        let whole = head + length.unwrap_or(0);
        while buffer.len() < whole {
            if stream.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
        }
        buffer.drain(..whole);
        counted.requests.fetch_add(1, SeqCst);
        let answer =
            if is_large { large.as_bytes() } else { b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" };
        stream.write_all(answer).await?;
    }
}
