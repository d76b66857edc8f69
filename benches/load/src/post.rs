//! POSTs on many connections: as fast as they are answered, or at a fixed rate.

use std::io::Read as _;
use std::net::Ipv4Addr;
use std::thread;
use std::time::{Duration, Instant};

use crate::arguments::{Arguments, Security};
use crate::connection::Connection;
use crate::tls;

/// What one thread saw.
#[derive(Default)]
struct Seen {
    took_us: Vec<u32>,
    errors: u64,
    broken: u64,
    connections: u64,
    resumed: u64,
    first_problem: Option<String>,
}

fn request(arguments: &Arguments) -> Vec<u8> {
    let Arguments { to, path, body, close, .. } = arguments;
    let connection = if *close { "Connection: close\r\n" } else { "" };
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: {to}\r\nContent-Type: application/json\r\n{connection}Content-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// Sends for the time asked for.
///
/// # Errors
/// No TLS, or not one request was answered.
pub fn run(arguments: &Arguments) -> Result<String, String> {
    let bytes = request(arguments);
    let begin = Instant::now();
    let each = |place| {
        let bytes = &bytes;
        move || sender(arguments, bytes, begin, place)
    };
    let all: Result<Vec<Seen>, String> = thread::scope(|scope| {
        let threads: Vec<_> = (0..arguments.connections).map(|place| scope.spawn(each(place))).collect();
        threads.into_iter().map(|thread| thread.join().map_err(|_| "a sender panicked".to_owned())?).collect()
    });
    let took = begin.elapsed();
    let mut sum = Seen::default();
    for mut one in all? {
        sum.took_us.append(&mut one.took_us);
        sum.errors += one.errors;
        sum.broken += one.broken;
        sum.connections += one.connections;
        sum.resumed += one.resumed;
        sum.first_problem = sum.first_problem.or(one.first_problem);
    }
    if let Some(problem) = &sum.first_problem {
        eprintln!("load: {problem}");
    }
    sum.took_us.sort_unstable();
    let share = |hundredth: usize| sum.took_us.get(sum.took_us.len() * hundredth / 100).copied();
    let (Some(p50), Some(p99)) = (share(50), share(99)) else {
        return Err("no request was answered".to_owned());
    };
    Ok(format!(
        "requests={} duration_us={} p50_us={p50} p99_us={p99} status={} broken={} connections={} resumed={}",
        sum.took_us.len(),
        took.as_micros(),
        sum.errors,
        sum.broken,
        sum.connections,
        sum.resumed,
    ))
}

/// The life of one thread. At a fixed rate, a request is due at its time whatever became of the one before, and
/// its time is counted from there: an answer that is late makes those behind it late, as for a real sender.
fn sender(arguments: &Arguments, bytes: &[u8], begin: Instant, place: usize) -> Result<Seen, String> {
    let tls = match arguments.security {
        Security::Plain => None,
        security => Some(tls::config(security)?),
    };
    let mut seen = Seen::default();
    let mut room = Vec::new();
    let mut kept = None;
    let end = begin + Duration::from_secs(arguments.seconds);
    let ahead = |sent: usize| u32::try_from(place + sent * arguments.connections).unwrap_or(u32::MAX);
    for sent in 0.. {
        let mut due = Instant::now();
        if let Some(gap) = arguments.rate {
            let scheduled = begin + gap * ahead(sent);
            thread::sleep(scheduled.saturating_duration_since(due));
            due = scheduled;
        }
        if due.max(Instant::now()) >= end {
            break;
        }
        let outcome = (|| {
            let mut connection = if let Some(connection) =
                kept.take().filter(|kept: &Connection| arguments.rate.is_none() || !kept.was_closed())
            {
                connection
            } else {
                seen.connections += 1;
                Connection::new(arguments.to, None, tls.as_ref())?
            };
            let status = connection.ask(bytes, &mut room)?;
            seen.took_us.push(u32::try_from(due.elapsed().as_micros()).unwrap_or(u32::MAX));
            if arguments.close {
                seen.resumed += u64::from(connection.is_resumed());
                connection.wait_closed()?;
            } else {
                kept = Some(connection);
            }
            Ok::<u16, std::io::Error>(status)
        })();
        match outcome {
            Ok(status) => seen.errors += u64::from(status > 399),
            Err(error) => {
                seen.broken += 1;
                seen.first_problem.get_or_insert_with(|| error.to_string());
            }
        }
    }
    Ok(seen)
}

/// Opens all connections from many addresses, sends one POST on each and keeps them until stdin ends.
///
/// # Errors
/// One of them failed.
pub fn hold(arguments: &Arguments) -> Result<String, String> {
    let bytes = request(arguments);
    let tls = match arguments.security {
        Security::Plain => None,
        security => Some(tls::config(security)?),
    };
    let mut room = Vec::new();
    let mut open = Vec::with_capacity(arguments.connections);
    for place in 0..arguments.connections {
        let octet = |number: usize| u8::try_from(number % 250 + 1).unwrap_or(1);
        let source = Ipv4Addr::new(127, 1, octet(place / 250), octet(place));
        let asked = Connection::new(arguments.to, Some(source), tls.as_ref())
            .and_then(|mut connection| connection.ask(&bytes, &mut room).map(|status| (connection, status)));
        match asked {
            Ok((connection, 200)) => open.push(connection),
            Ok((_, status)) => return Err(format!("connection {place} was told {status}")),
            Err(error) => return Err(format!("connection {place}: {error}")),
        }
    }
    println!("HELD {}", open.len());
    let mut rest = Vec::new();
    std::io::stdin().read_to_end(&mut rest).map_err(|error| error.to_string())?;
    Ok(format!("held={}", open.len()))
}
