//! What is asked of this program: `load JOB --key value ...`.

use std::net::SocketAddr;
use std::time::Duration;

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// Send POSTs.
    Post,
    /// Send one POST on each of many connections, say so, and keep them open until stdin ends.
    Hold,
    /// Open connections that will be closed without an answer.
    Refused,
}

/// How a connection is secured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// Not at all.
    Plain,
    /// TLS, a full handshake each time.
    Full,
    /// TLS, resumed from a ticket from the second connection on.
    Resumed,
}

/// Everything that can be said on the command line.
#[derive(Clone, Debug)]
pub struct Arguments {
    pub job: Job,
    pub to: SocketAddr,
    pub seconds: u64,
    pub connections: usize,
    pub path: String,
    pub body: String,
    pub security: Security,
    /// A new connection for each request.
    pub close: bool,
    /// Requests a second in all, or none: as fast as they are answered.
    pub rate: Option<Duration>,
    /// Refused: say something, because this proxy refuses requests and not connections.
    pub speak: bool,
}

impl Arguments {
    /// Reads the command line.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read() -> Result<Self, String> {
        let mut words = std::env::args().skip(1);
        let job = match words.next().as_deref() {
            Some("post") => Job::Post,
            Some("hold") => Job::Hold,
            Some("refused") => Job::Refused,
            other => return Err(format!("post, hold or refused, not {other:?}")),
        };
        let mut to = None;
        let mut all = Self {
            job,
            to: SocketAddr::from(([127, 0, 0, 1], 0)),
            seconds: 1,
            connections: 1,
            path: "/".to_owned(),
            body: String::new(),
            security: Security::Plain,
            close: false,
            rate: None,
            speak: false,
        };
        while let Some(key) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{key} needs a value"));
            match key.as_str() {
                "--to" => to = Some(number(&value()?)?),
                "--seconds" => all.seconds = number(&value()?)?,
                "--connections" => all.connections = number(&value()?)?,
                "--path" => all.path = value()?,
                "--body" => {
                    let file = value()?;
                    all.body = std::fs::read_to_string(&file).map_err(|e| format!("{file}: {e}"))?;
                }
                "--rate" => all.rate = Some(Duration::from_secs(1) / number(&value()?)?),
                "--tls" => all.security = Security::Full,
                "--resume" => all.security = Security::Resumed,
                "--close" => all.close = true,
                "--speak" => all.speak = true,
                _ => return Err(format!("no such argument: {key}")),
            }
        }
        all.to = to.ok_or("--to ADDRESS:PORT is missing")?;
        Ok(all)
    }
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("not understood: {text:?}"))
}
