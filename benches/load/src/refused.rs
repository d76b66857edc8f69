//! Connections that the proxy closes without an answer, as many as fit into the time.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read as _, Write as _};
use std::time::{Duration, Instant};

use socket2::Socket;

use crate::arguments::Arguments;
use crate::connection;

/// Opens connections, a window of them at a time, and waits for each to be closed.
///
/// # Errors
/// A connection could not be opened.
pub fn run(arguments: &Arguments) -> Result<String, String> {
    let begin = Instant::now();
    let end = begin + Duration::from_secs(arguments.seconds);
    let mut open: VecDeque<(Socket, Instant)> = VecDeque::with_capacity(arguments.connections);
    let mut took_us = Vec::new();
    let (mut broken, mut bytes) = (0_u64, 0);
    loop {
        let more = Instant::now() < end;
        if more && open.len() < arguments.connections {
            let opened = Instant::now();
            let mut socket = match connection::open(arguments.to, None) {
                Ok(socket) => socket,
                // Closed before we were told that it was open.
                Err(error) if error.kind() == ErrorKind::ConnectionReset => {
                    took_us.push(micros(opened));
                    continue;
                }
                Err(error) => return Err(error.to_string()),
            };
            // The port is free again at once: there are only so many of them.
            socket.set_linger(Some(Duration::ZERO)).map_err(|error| error.to_string())?;
            if arguments.speak {
                // It may have been closed already, which the read will tell.
                let _ = socket.write_all(b"GET / HTTP/1.1\r\nHost: stranger\r\n\r\n");
            }
            open.push_back((socket, opened));
            continue;
        }
        let Some((mut socket, opened)) = open.pop_front() else { break };
        match socket.read(&mut [0; 256]) {
            Ok(0) => {}
            Ok(count) => bytes += count,
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
            Err(_) => broken += 1,
        }
        took_us.push(micros(opened));
    }
    let took = begin.elapsed();
    took_us.sort_unstable();
    let share = |hundredth: usize| took_us.get(took_us.len() * hundredth / 100).copied();
    let (Some(p50), Some(p99)) = (share(50), share(99)) else { return Err("nothing was opened".to_owned()) };
    Ok(format!(
        "requests={} duration_us={} p50_us={p50} p99_us={p99} status=0 broken={broken} connections={} resumed=0 bytes={bytes}",
        took_us.len(),
        took.as_micros(),
        took_us.len(),
    ))
}

fn micros(since: Instant) -> u32 {
    u32::try_from(since.elapsed().as_micros()).unwrap_or(u32::MAX)
}
