//! Bodies that are announced and do not come, or come in crumbs.

use std::io;

use crate::attacker::{Field, Line};

/// Every second one announces as little as it can: it takes a place, and no room.
pub async fn absent(line: &mut Line, field: &Field) -> io::Result<()> {
    let length = if line.number.is_multiple_of(2) { 1 << 20 } else { 1 };
    let head = format!("POST /absent HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n");
    field.pace(1).await;
    field.tally.begin(1);
    line.write(head.as_bytes()).await?;
    line.hear_to_the_end().await
}

pub async fn tiny_chunks(line: &mut Line, field: &Field) -> io::Result<()> {
    const CHUNKS: u32 = 1000;
    const BATCH: u32 = 20;
    let chunks = b"1\r\nx\r\n".repeat(BATCH as usize);
    loop {
        field.tally.begin(1);
        line.write(b"POST /chunks HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").await?;
        for _ in 0..CHUNKS / BATCH {
            field.pace(BATCH).await;
            line.write(&chunks).await?;
            line.hear_now()?;
        }
        line.write(b"0\r\n\r\n").await?;
        field.tally.end(1);
    }
}
