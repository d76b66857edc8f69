//! What the soak is made of: requests one after the other, each answer heard to its end.

use std::io;

use tokio::time::Instant;

use crate::attacker::frames::{self, DATA, END_STREAM, begin, frame};
use crate::attacker::{Field, Line, Way};

/// A connection carries so many: less than its first window of answers.
const EACH: u32 = 5000;
const BODY: &str = "msisdn=447700900001&to=447700900000&messageId=0A0000000123ABCD1&text=soak&type=text";

pub async fn run(line: &mut Line, field: &Field) -> io::Result<()> {
    match field.orders.way {
        Way::Plain | Way::Tls => over_http1(line, field).await,
        Way::H2c | Way::H2 => over_http2(line, field).await,
    }
}

async fn over_http1(line: &mut Line, field: &Field) -> io::Result<()> {
    let length = BODY.len();
    let request = format!("POST /soak HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{BODY}");
    for number in 1..=EACH {
        if Instant::now() >= field.until {
            break;
        }
        field.tally.begin(1);
        line.write(request.as_bytes()).await?;
        field.tally.end(1);
        line.hear_until(u64::from(number)).await?;
    }
    Ok(())
}

async fn over_http2(line: &mut Line, field: &Field) -> io::Result<()> {
    const AT_ONCE: u32 = 8;
    line.write(&begin(&[])).await?;
    for batch in 0..EACH / AT_ONCE {
        if Instant::now() >= field.until {
            break;
        }
        let bytes: Vec<u8> = (batch * AT_ONCE..(batch + 1) * AT_ONCE)
            .map(|number| 2 * number + 1)
            .flat_map(|stream| {
                let body = frame(DATA, END_STREAM, stream, BODY.as_bytes());
                [frames::request(stream, "POST", "/soak", false), body].concat()
            })
            .collect();
        field.tally.begin(u64::from(AT_ONCE));
        line.write(&bytes).await?;
        field.tally.end(u64::from(AT_ONCE));
        line.hear_until(u64::from((batch + 1) * AT_ONCE)).await?;
    }
    Ok(())
}
