//! TLS that does not get on.

use std::io;
use std::io::Write as _;

use crate::attacker::{Field, Line};

/// Stops at one stage after the other.
pub async fn stopped(line: &mut Line, field: &Field) -> io::Result<()> {
    field.pace(1).await;
    let (mut tls, hello) = Line::hello(field);
    match line.number % 7 {
        0 => {}
        1 => line.put(&hello[..1]).await?,
        2 => line.put(&hello[..hello.len() / 2]).await?,
        3 => line.put(b"\x16\x03\x01\xff\xff these are no handshake messages").await?,
        4 => line.put(&hello).await?,
        stage => {
            line.put(&hello).await?;
            let finished = Box::pin(line.answer_to_flight(&mut tls)).await?;
            let half = finished.len() / 2;
            // Half of the last flight, or all of it and no request after it.
            line.put(if stage == 5 { &finished[..half] } else { &finished }).await?;
        }
    }
    line.ignore_to_the_end().await
}

/// The library bears 32 in a row; data between them begins a new row.
pub async fn key_updates(line: &mut Line, field: &Field) -> io::Result<()> {
    const UPDATES: u32 = 30;
    loop {
        field.pace(UPDATES).await;
        field.tally.begin(1);
        let Some(tls) = &mut line.tls else { return Ok(()) };
        for _ in 0..UPDATES {
            tls.refresh_traffic_keys().map_err(io::Error::other)?;
        }
        tls.writer().write_all(b"GET /keys HTTP/1.1\r\nHost: a\r\n\r\n")?;
        line.flush().await?;
        field.tally.end(1);
        line.hear_now()?;
    }
}
