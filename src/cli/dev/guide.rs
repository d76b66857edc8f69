//! What a person who starts `dev` reads first: what runs where, and what to type next.
//!
//! Invariant: every line that can be typed works as it stands, or has a word in capitals to put in.

use std::fmt::Write as _;
use std::net::SocketAddr;

use crate::cli::dev::config::OWN_LIST;
use crate::cli::dev::tunnel::Tunnel;
use crate::cli::table::columns;
use crate::policy::provider::{DEFAULT, Webhook};

/// Stands for the public URL of a tunnel that is not known.
const PUBLIC: &str = "https://PUBLIC";
/// An address of this machine that no tunnel's agent uses.
const SECOND: &str = "127.0.0.2";

/// Whether something listens where the application should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reachable {
    /// It accepts connections.
    Yes,
    /// It does not.
    No,
    /// It is the sample application of this process.
    Sample,
    /// Its address was not tried.
    Unknown,
}

/// What runs where.
pub(super) struct Guide<'a> {
    /// The application's URL.
    pub application: &'a str,
    /// Whether it is there.
    pub reachable: Reachable,
    /// Where the gate listens.
    pub listen: SocketAddr,
    /// Where its pages are.
    pub admin: String,
    /// The tunnel whose agent runs on this machine.
    pub tunnel: Option<Tunnel>,
    /// The tunnel's public URL.
    pub public: Option<String>,
    /// The path of each route, with its webhook.
    pub routes: Vec<(String, Webhook)>,
    /// Whether signatures are judged.
    pub judges_signatures: bool,
}

impl Guide<'_> {
    /// The whole text.
    pub(super) fn text(&self) -> String {
        let mut text = self.places();
        text.push_str(&self.first_request());
        text.push_str(&self.tunnels());
        text.push_str(&self.urls());
        text.push_str("\nWhat comes is shown here. Ctrl-C stops it.\n\n");
        text
    }

    fn places(&self) -> String {
        let application = match self.reachable {
            Reachable::Yes | Reachable::Unknown => "",
            Reachable::Sample => {
                "   a sample: answers calls with an NCCO, the rest with 204; yours: --to http://127.0.0.1:PORT"
            }
            Reachable::No => "   nothing listens there yet: start it, the gate need not be restarted",
        };
        let signatures = if self.judges_signatures {
            "are judged and shown"
        } else {
            "are not judged: --api-key and --secret-file"
        };
        format!(
            "nexmo-gate dev\n\n  \
             application  {}{application}\n  \
             gate         http://{}   the shipped routes; admits this machine (list {OWN_LIST}) and the shipped lists\n  \
             what came    {}/inspect\n  \
             signatures   {signatures}\n",
            self.application, self.listen, self.admin,
        )
    }

    fn first_request(&self) -> String {
        let from = if self.tunnel.is_some() { format!(" --interface {SECOND}") } else { String::new() };
        format!(
            "\nSee one arrive, in another terminal:\n\n  \
             curl -i{from} -d 'msisdn=447700900000&to=447700900001&text=Hello' http://{}/webhooks/inbound-sms\n",
            self.listen
        )
    }

    fn tunnels(&self) -> String {
        let mut text = String::new();
        match (self.tunnel, &self.public) {
            (Some(tunnel), Some(public)) => {
                let _ = writeln!(text, "\n{} leads here from {public}\n", tunnel.name());
            }
            (Some(tunnel), None) => {
                let _ = writeln!(
                    text,
                    "\nStart the tunnel, in another terminal. It prints the URL that {PUBLIC} stands for:\n\n  {}",
                    tunnel.command(self.listen)
                );
            }
            (None, _) => {
                text.push_str("\nFor real webhooks start `dev` again with --tunnel, and the tunnel in another terminal:\n\n");
                for tunnel in Tunnel::ALL {
                    let flag = format!("--tunnel {}", tunnel.name());
                    let _ = writeln!(text, "  {flag:<20}  {}", tunnel.command(self.listen));
                }
            }
        }
        text
    }

    fn urls(&self) -> String {
        let public = self.public.as_deref().unwrap_or(PUBLIC).trim_end_matches('/');
        let row = |(path, webhook): &(String, Webhook)| {
            vec![format!("{public}{path}"), webhook.spec().registered.to_owned()]
        };
        let table = columns(&self.routes.iter().map(row).collect::<Vec<_>>(), &[]);
        format!("\nPut these into the dashboard of {}:\n\n{table}", DEFAULT.name)
    }
}

/// What to say when a request found no route, and no tunnel was announced.
pub(super) fn only_this_machine(listen: SocketAddr) -> String {
    format!(
        "          without --tunnel, only http://{listen} and http://localhost:{} lead to the application, on the paths of the \
         table above\n",
        listen.port()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guide(tunnel: Option<Tunnel>, public: Option<&str>) -> String {
        Guide {
            application: "http://127.0.0.1:3000",
            reachable: Reachable::No,
            listen: "127.0.0.1:8080".parse().unwrap(),
            admin: "http://127.0.0.1:9901".to_owned(),
            tunnel,
            public: public.map(str::to_owned),
            routes: vec![("/webhooks/event".to_owned(), DEFAULT.webhook("voice-event").unwrap())],
            judges_signatures: false,
        }
        .text()
    }

    #[test]
    fn every_tunnel_is_named_until_one_is_chosen() {
        let text = guide(None, None);
        assert!(text.contains("nothing listens there yet"), "{text}");
        for tunnel in Tunnel::ALL {
            assert!(text.contains(&format!("--tunnel {}", tunnel.name())), "{text}");
            assert!(text.contains(&tunnel.command("127.0.0.1:8080".parse().unwrap())), "{text}");
        }
        assert!(text.contains("  https://PUBLIC/webhooks/event  application, Voice, Event URL\n"), "{text}");
        // The agent of a tunnel comes from 127.0.0.1, which is then no client.
        assert!(
            !text.contains("--interface")
                && guide(Some(Tunnel::Ngrok), None).contains("--interface 127.0.0.2")
        );
    }

    #[test]
    fn the_public_url_is_put_into_every_line() {
        let text = guide(Some(Tunnel::Cloudflared), Some("https://a.trycloudflare.com/"));
        assert!(text.contains("  https://a.trycloudflare.com/webhooks/event  "), "{text}");
        assert!(!text.contains(PUBLIC), "{text}");
    }
}
