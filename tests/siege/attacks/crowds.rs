//! Connections for their own sake.

use std::io;

use crate::attacker::{Field, Line};

/// From a trusted proxy, which would have to say first for whom it speaks.
pub async fn without_proxy_header(line: &mut Line, field: &Field) -> io::Result<()> {
    field.pace(1).await;
    match line.number % 3 {
        0 => {}
        1 => line.put(b"PROXY TCP4 203.0.113").await?,
        _ => line.put(b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\xcb\x00").await?,
    }
    line.ignore_to_the_end().await
}

/// Who has begun a head is held for as long as a head may take.
pub async fn with_half_a_head(line: &mut Line, field: &Field) -> io::Result<()> {
    field.pace(1).await;
    field.tally.begin(1);
    line.write(b"GET /half HTTP/1.1\r\nHost: ").await?;
    line.hear_to_the_end().await
}

/// Every second one is reset.
pub async fn connect(line: &mut Line, field: &Field) -> io::Result<()> {
    field.pace(1).await;
    if line.number % 2 == 1 {
        line.reset_at_close();
    }
    Ok(())
}
