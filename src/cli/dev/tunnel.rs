//! The tunnels that lead from a public URL to this machine: which command starts one, and which URL it has.
//!
//! An agent runs on this machine and connects from 127.0.0.1 for everybody. It names the sender at the end of
//! X-Forwarded-For. Sources: ngrok.com/docs, "HTTP endpoints: headers" and the agent API's `GET /api/tunnels`;
//! developers.cloudflare.com, "Quick tunnels"; cloudflared answers `GET /quicktunnel` on its metrics address.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::Value as Json;

use crate::cli::admin_client::read_all;

/// The address that an agent connects from.
pub(super) const AGENT: &str = "127.0.0.1/32";
/// The agents answer from memory.
const ASK_TIMEOUT: Duration = Duration::from_millis(500);

/// A tunnel's agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Tunnel {
    /// `ngrok http`.
    Ngrok,
    /// `cloudflared tunnel`.
    Cloudflared,
}

impl Tunnel {
    /// All that are known.
    pub(super) const ALL: [Self; 2] = [Self::Ngrok, Self::Cloudflared];

    /// Its name on the command line.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ngrok => "ngrok",
            Self::Cloudflared => "cloudflared",
        }
    }

    /// The command that starts it.
    pub(super) fn command(self, gate: SocketAddr) -> String {
        match self {
            Self::Ngrok => format!("ngrok http http://{gate}"),
            Self::Cloudflared => format!("cloudflared tunnel --url http://{gate}"),
        }
    }

    /// The public URL of the tunnel that runs on this machine, if its agent tells.
    pub(super) fn public_url(self) -> Option<String> {
        let (port, path) = match self {
            Self::Ngrok => (4040, "/api/tunnels"),
            // The first of the ports that it takes for its metrics.
            Self::Cloudflared => (20241, "/quicktunnel"),
        };
        self.url_in(&ask((Ipv4Addr::LOCALHOST, port).into(), path)?)
    }

    /// The public URL in the agent's answer.
    fn url_in(self, answer: &str) -> Option<String> {
        let answer: Json = serde_json::from_str(answer).ok()?;
        let url = match self {
            Self::Ngrok => {
                let urls = answer["tunnels"].as_array()?.iter().filter_map(|one| one["public_url"].as_str());
                urls.filter(|url| url.starts_with("https://")).map(str::to_owned).next()?
            }
            Self::Cloudflared => {
                format!("https://{}", answer["hostname"].as_str().filter(|name| !name.is_empty())?)
            }
        };
        // It is printed: what is no plain URL is not believed.
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-.:/".contains(c);
        url.chars().all(is_plain).then_some(url)
    }
}

/// The body of the answer to one GET; nothing when nobody listens there or something else answers.
fn ask(address: SocketAddr, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect_timeout(&address, ASK_TIMEOUT).ok()?;
    stream.set_write_timeout(Some(ASK_TIMEOUT)).ok()?;
    // HTTP/1.0, so that the answer ends with the connection and is not chunked.
    let asked = format!("GET {path} HTTP/1.0\r\nHost: {address}\r\nAccept: application/json\r\n\r\n");
    stream.write_all(asked.as_bytes()).ok()?;
    let mut answer = Vec::new();
    let until = Instant::now() + ASK_TIMEOUT;
    read_all(&stream, |left| stream.set_read_timeout(Some(left)), until, &mut answer).ok()?;
    let answer = String::from_utf8(answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    (head.split(' ').nth(1) == Some("200")).then(|| body.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;
    use std::net::TcpListener;
    use std::thread;

    #[test]
    fn the_url_is_read_from_the_answer_of_the_agent() {
        let ngrok = r#"{"tunnels":[{"name":"a","public_url":"tcp://0.tcp.ngrok.io:1"},
            {"name":"b","public_url":"https://a1b2.ngrok-free.app","proto":"https"}],"uri":"/api/tunnels"}"#;
        assert_eq!(Tunnel::Ngrok.url_in(ngrok).as_deref(), Some("https://a1b2.ngrok-free.app"));
        let cloudflared = r#"{"hostname":"some-words.trycloudflare.com"}"#;
        let url = Tunnel::Cloudflared.url_in(cloudflared);
        assert_eq!(url.as_deref(), Some("https://some-words.trycloudflare.com"));
        for bad in [
            "",
            "{}",
            r#"{"tunnels":[]}"#,
            r#"{"hostname":""}"#,
            r#"{"hostname":"a b\u001b[31m"}"#,
            r#"{"tunnels":[{"public_url":"https://a\nb"}]}"#,
        ] {
            for tunnel in Tunnel::ALL {
                assert_eq!(tunnel.url_in(bad), None, "{bad}");
            }
        }
    }

    #[test]
    fn an_agent_is_asked_over_a_socket() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let server = thread::spawn(move || {
            for answer in ["HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}", "HTTP/1.1 404 No\r\n\r\n{}"] {
                let (mut stream, _) = listener.accept().unwrap();
                let mut head = [0; 4096];
                let length = stream.read(&mut head).unwrap();
                assert!(head[..length].starts_with(b"GET /quicktunnel HTTP/1.0\r\n"));
                stream.write_all(answer.as_bytes()).unwrap();
            }
        });
        assert_eq!(ask(address, "/quicktunnel").as_deref(), Some("{}"));
        assert_eq!(ask(address, "/quicktunnel"), None);
        server.join().unwrap();
        assert_eq!(ask(address, "/quicktunnel"), None, "nobody listens any more");
    }
}
