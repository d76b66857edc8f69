//! The answer to `GET /explain`: the decision about an address, with its whole chain.

use serde::{Deserialize, Serialize};

use crate::admin::api::signature::SignatureVerdict;

/// The decision and how it came about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Explanation {
    /// Whether the lists admit it: on the route of the path, or on any route where no path was given. What only
    /// `mode: observe` lets pass is not admitted.
    pub admitted: bool,
    /// The client; none where nobody can be named.
    pub client: Option<String>,
    /// The reply to a denied sender, as in the config.
    pub deny: String,
    /// The snapshot it was judged by.
    pub generation: u64,
    /// From the peer to the client, in the order of the walk.
    pub hops: Vec<Hop>,
    /// The Host that was asked about; may be empty.
    pub host: String,
    /// The address of the listener that the connection came to.
    pub listener: Option<String>,
    /// The method of the request.
    pub method: Option<String>,
    /// Whether denials are carried out, as in the config.
    pub mode: String,
    /// The reason for which nobody can be named.
    pub no_client: Option<String>,
    /// The path that was asked about.
    pub path: Option<String>,
    /// The other end of the connection.
    pub peer: String,
    /// One route where a path was given, else all of them.
    pub routes: Vec<RouteVerdict>,
    /// The forwarding header that was asked about.
    pub via: Option<String>,
}

/// One step from the peer to the client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hop {
    /// The address, or the text that is none.
    pub hop: String,
    /// The CIDR or list that makes it a trusted proxy; none for the client and for what cannot be read.
    pub trusted_by: Option<String>,
}

/// What a route says to the client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RouteVerdict {
    /// The list that admits.
    pub list: Option<String>,
    /// What each allowed list holds of the client, in the order in which they are asked.
    pub lists: Vec<ListVerdict>,
    /// What the access log notes for the operator.
    pub note: Option<String>,
    /// The prefix that admits.
    pub prefix: Option<String>,
    /// Why it is not forwarded, or would not be.
    pub reason: Option<String>,
    /// Its name in the log; none where no route matches the path.
    pub route: Option<String>,
    /// What became of the signature, where the route asks for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<SignatureVerdict>,
    /// The status of the gate's own reply; none where there is none.
    pub status: Option<u16>,
    /// What the gate does.
    pub verdict: Verdict,
    /// Its webhook.
    pub webhook: Option<String>,
    /// What a good signature would change for a client that no list of the route holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub with_signature: Option<String>,
}

/// What the gate does. A word that is not known here is an error: it must not be taken for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    /// It forwards.
    Admitted,
    /// It closes the connection before it reads a request.
    Closed,
    /// It does not forward, because of the client or because no route matches.
    Denied,
    /// It does not forward, because of the request itself.
    Rejected,
    /// It answers itself: there is no message for the application.
    Served,
    /// It would not, but `mode: observe` forwards all the same.
    WouldDeny,
}

/// What one list says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ListVerdict {
    /// Its file.
    pub file: String,
    /// Whether it is the last good version of a file that cannot be used now.
    pub last_good: bool,
    /// The line of the prefix.
    pub line: Option<u32>,
    /// The list.
    pub name: String,
    /// The longest prefix that holds the client.
    pub prefix: Option<String>,
    /// How many prefixes it has.
    pub prefixes: usize,
}
