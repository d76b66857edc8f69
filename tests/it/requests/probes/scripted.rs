//! The application that the probes were recorded against: one path for each way to answer.

use std::time::Duration;

use crate::harness::upstream::Arrival;
use crate::harness::upstream::script::echo;
use crate::harness::{Act, Answer};

/// The answer to one request. What a path names after its second slash is a number.
pub fn answer(arrival: &Arrival) -> Answer {
    let target = arrival.target();
    let mut parts = target.trim_start_matches('/').splitn(2, '/');
    let (path, number) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let number: usize = number.parse().unwrap_or_default();
    match path {
        "slow" => echo(arrival).first(Act::Pause(Duration::from_secs(number as u64))),
        "midclose" => Answer::cut("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", Act::Close),
        "midchunk" => {
            Answer::cut("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", Act::Close)
        }
        "rst" => Answer::broken([Act::Reset]),
        "flood1xx" => {
            let interim = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n".repeat(number);
            Answer::raw(format!("{interim}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), Some(200))
        }
        "bighdr" => {
            let line = "a".repeat(number);
            Answer::raw(format!("HTTP/1.1 200 OK\r\nX-Big: {line}\r\nContent-Length: 2\r\n\r\nok"), Some(200))
        }
        "dupcl" => Answer::cut(
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
            Act::Pause(Duration::from_millis(50)),
        ),
        "extra" => Answer::raw(
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison",
            Some(200),
        ),
        "http10" => Answer::raw("HTTP/1.0 200 OK\r\n\r\nok", Some(200)).then(Act::Close),
        // A body that 199 and 999 may have, as an application would write it that knows no better.
        "status" if !(200..=599).contains(&number) => {
            Answer::cut(format!("HTTP/1.1 {number} Odd\r\nContent-Length: 2\r\n\r\nok"), Act::Hold)
        }
        "status" => Answer::status(u16::try_from(number).expect("three digits")),
        "early" => Answer::status(200).before_body().then(Act::Hold),
        // The request after a probe: its connection is not kept, so that the next probe meets a fresh one.
        "after" => {
            let length = target.len();
            let head = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
            Answer::raw(format!("{head}{target}"), Some(200)).then(Act::Close)
        }
        _ => echo(arrival),
    }
}
