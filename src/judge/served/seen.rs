//! The answer to a request of `nexmo-gate doctor`: what the gate saw of that request, as JSON.
//!
//! The gate writes it and the command reads it. Fields are in alphabetical order. A field that a later version adds gets
//! a default, so that an older and a newer program can read each other's answers. What follows from it is the command's
//! matter; here it is only told whether a gate wrote it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What the gate saw of one request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Seen {
    /// The admin address, if it is a TCP address.
    pub admin: Option<String>,
    /// The host that was asked for, as trusted proxies say it, else as `Host` does.
    pub asked_host: String,
    /// Whether an Authorization field came.
    pub authorization: bool,
    /// The bytes of the body.
    pub body_bytes: u64,
    /// SHA-256 of the body, in hexadecimal.
    pub body_sha256: String,
    /// The client; none where none could be found.
    pub client: Option<String>,
    /// Whether the request asks to close the connection, by HTTP/1.0 or `Connection: close`.
    pub close: bool,
    /// The header in which trusted proxies name the client.
    pub forwarded_header: String,
    /// The forwarding fields that came, by name.
    pub forwarding: Vec<String>,
    /// The name that this gate gave itself for the token. Two gates that share one token have two names.
    pub gate: String,
    /// The value of `Host`, by which routes are found.
    pub host: String,
    /// The version of HTTP.
    pub http: String,
    /// The address of the listener in the configuration.
    pub listener: String,
    /// The longest deadline of a route.
    pub longest_deadline_ms: u64,
    /// The largest body that is taken.
    pub max_body: u64,
    /// The method.
    pub method: String,
    /// The address of the metrics.
    pub metrics: Option<String>,
    /// Where the address of the client comes from.
    pub named_by: String,
    /// The reason for which no client was found.
    pub no_client: Option<String>,
    /// The time of the gate, in milliseconds since 1970.
    pub now_ms: u64,
    /// The other end of the connection.
    pub peer: String,
    /// Whether that is a trusted proxy.
    pub peer_is_trusted: bool,
    /// The scheme, as trusted proxies say it, else as the connection does.
    pub scheme: String,
    /// The target as it arrived, without scheme and host.
    pub target: String,
    /// How often this very question came, this time included.
    pub times: u32,
    /// Of the peer and the addresses that the request names, believed or not, those that are trusted proxies, each with the
    /// entry of `trusted_proxies` that has it.
    pub trusted_hops: BTreeMap<String, String>,
    /// The applications that are reached by TCP, as `host:port`.
    pub upstreams: Vec<String>,
    /// The version of the gate.
    pub version: String,
    /// The trusted proxies between, the one nearest to the client first.
    pub via: Vec<String>,
}

impl Seen {
    /// Whether the fields are there that every gate fills in. Missing fields read as empty, so JSON that no gate
    /// wrote can be read as a `Seen` too.
    #[must_use]
    pub(crate) fn is_of_a_gate(&self) -> bool {
        let words = [
            &self.forwarded_header,
            &self.listener,
            &self.method,
            &self.named_by,
            &self.target,
            &self.version,
        ];
        let ip = |text: &str| text.parse::<std::net::IpAddr>().is_ok();
        let is_named = match (&self.client, &self.no_client) {
            (Some(client), None) => ip(client),
            (None, Some(why)) => !why.is_empty(),
            _ => false,
        };
        is_named && ip(&self.peer) && words.iter().all(|word| !word.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_that_lacks_a_field_of_every_gate_is_not_of_a_gate() {
        let whole = r#"{"client":"192.0.2.1","forwarded_header":"x-forwarded-for","listener":"[::]:80","method":"GET",
            "named_by":"connection","peer":"192.0.2.1","target":"/","version":"0.1.0"}"#;
        let is_of_a_gate =
            |text: &str| serde_json::from_str::<Seen>(text).is_ok_and(|seen| seen.is_of_a_gate());
        assert!(is_of_a_gate(whole));
        assert!(is_of_a_gate(&whole.replace(r#""client":"192.0.2.1""#, r#""no_client":"bad_chain""#)));
        assert!(!is_of_a_gate("{}"));
        for key in
            ["client", "forwarded_header", "listener", "method", "named_by", "peer", "target", "version"]
        {
            assert!(!is_of_a_gate(&whole.replace(&format!("\"{key}\""), "\"x\"")), "without {key}");
        }
        assert!(!is_of_a_gate(&whole.replace("192.0.2.1", "nobody")));
    }
}
