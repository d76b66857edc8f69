//! The answer to `GET /explain`: the decision about an address, with its whole chain.

use serde::{Deserialize, Serialize};

/// The decision and how it came about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Explanation {
    /// Whether the lists admit it: on the route of the path, or on any route where no path was given. What only
    /// `mode: observe` lets pass is not admitted.
    pub admitted: bool,
    /// What makes the path a 400 for whoever is admitted.
    pub ambiguous_path: Option<String>,
    /// Who is asking; none where nobody can be named.
    pub client: Option<String>,
    /// What a denied sender hears, as in the config.
    pub deny: String,
    /// The snapshot it was judged by.
    pub generation: u64,
    /// From the peer to the client, in the order of the walk.
    pub hops: Vec<Hop>,
    /// The Host that was asked about; may be empty.
    pub host: String,
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
    /// The prefix that admits.
    pub prefix: Option<String>,
    /// Why it is denied, or would be.
    pub reason: Option<String>,
    /// Its name in the log; none where no route matches the path.
    pub route: Option<String>,
    /// What a denied sender hears.
    pub status: Option<u16>,
    /// What the gate does.
    pub verdict: Verdict,
    /// Its webhook.
    pub webhook: Option<String>,
}

/// What the gate does. A word that is not known here is an error: it must not be taken for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    /// It forwards.
    Admitted,
    /// It does not.
    Denied,
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
