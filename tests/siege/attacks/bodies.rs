//! Bodies that are announced and do not come, or come in crumbs.

use std::io;

use crate::attacker::{Field, Line};

/// A token of the account that the site knows, signed by somebody else. Its claims are those of the vendor's sample.
const TOKEN: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpYXQiOjE1ODc0OTQ5NjIsImp0aSI6ImM1YmE4ZjI0LTFhMTQtNGMxMC1iZmRmLTNmYmU4Y2U1MTFiNSIsImlzcyI6IlZvbmFnZSIsInBheWxvYWRfaGFzaCI6ImQ2YzBlNzRiNTg1N2RmMjBlM2I3ZTUxYjMwYzBjMmE0MGVjNzNhNzc4NzliNmYwNzRkZGM3YTIzMTdkZDAzMWIiLCJhcGlfa2V5IjoiYTFiMmMzZCIsImFwcGxpY2F0aW9uX2lkIjoiYWFhYWFhYWEtYmJiYi1jY2NjLWRkZGQtMDEyMzQ1Njc4OWFiIn0.JQRKi1d0SQitmjPINfTWMpt3XZkGsLbD7EjCdXoNSbk";

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

/// Every fourth connection announces a form that never comes: it takes one of the few places in which strangers are heard.
pub async fn forged(line: &mut Line, field: &Field) -> io::Result<()> {
    let form =
        format!("api-key=a1b2c3d&text={}&timestamp=1700000000&sig={}", "x".repeat(400), "0".repeat(32));
    let head = |more: &str, length: usize| {
        format!("POST /signed/hook HTTP/1.1\r\nHost: a\r\n{more}Content-Length: {length}\r\n\r\n")
    };
    let of_form = head("Content-Type: application/x-www-form-urlencoded\r\n", form.len());
    if line.number % 4 == 3 {
        field.pace(1).await;
        field.tally.begin(1);
        line.write(of_form.as_bytes()).await?;
        return line.hear_to_the_end().await;
    }
    let with_token =
        head(&format!("Authorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\n"), 2) + "{}";
    let requests = [with_token, of_form + &form];
    for number in 1u64.. {
        field.pace(1).await;
        field.tally.begin(1);
        line.write(requests[usize::try_from(number % 2).unwrap_or_default()].as_bytes()).await?;
        field.tally.end(1);
        line.hear_until(number).await?;
    }
    Ok(())
}
