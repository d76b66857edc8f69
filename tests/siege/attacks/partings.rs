//! Connections that end at every point of an exchange, half-closed or reset.

use std::io;

use crate::attacker::{Field, Line, Way, frames};

/// The exchange, as bytes.
fn exchange(way: Way) -> Vec<u8> {
    match way {
        Way::Plain | Way::Tls => {
            b"POST /parting HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789".to_vec()
        }
        Way::H2c | Way::H2 => [
            frames::begin(&[]),
            frames::request(1, "POST", "/parting", false),
            frames::frame(frames::DATA, frames::END_STREAM, 1, b"0123456789"),
        ]
        .concat(),
    }
}

/// Ends after one byte more with every second connection. Past the last one it waits for the answer to begin.
pub async fn one(line: &mut Line, field: &Field) -> io::Result<()> {
    let bytes = exchange(field.orders.way);
    let points = bytes.len() + 2;
    let (point, resets) = (line.number as usize / 2 % points, line.number % 2 == 1);
    field.pace(1).await;
    field.tally.begin(1);
    line.write(&bytes[..point.min(bytes.len())]).await?;
    if point >= bytes.len() {
        field.tally.end(1);
    }
    if point > bytes.len() {
        line.hear().await?;
    }
    if resets {
        line.reset_at_close();
        return Ok(());
    }
    line.half_close().await?;
    line.hear_to_the_end().await
}
