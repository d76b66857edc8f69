//! The last exchanges, the whole of one, and what became of a wish or a replay: what `/inspect` and `/replay` answer.
//!
//! Every text of an exchange in here went through a mask.

use serde::{Deserialize, Serialize};

use crate::admin::api::Document;

/// The last exchanges.
#[expect(clippy::struct_field_names, reason = "they are keys of JSON")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Exchanges {
    /// `off`, `masked` or `full`; null while nothing is kept.
    pub bodies: Option<String>,
    /// The exchanges, the oldest first.
    pub exchanges: Vec<Row>,
    /// The number of the first one that is still kept, whether it is shown here or not.
    pub first: Option<u64>,
    /// How many are kept.
    pub keep: usize,
    /// The number of the last one since the start.
    pub last: u64,
    /// Whether they are kept.
    pub on: bool,
    /// For how long they are still kept; null where the configuration says that they are.
    pub seconds_left: Option<u64>,
}

/// One exchange in a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Row {
    /// How often the message was sent to the application.
    pub attempts: u8,
    /// The bytes of the request's body.
    pub bytes_in: u64,
    /// The bytes of the reply's body.
    pub bytes_out: u64,
    /// The client.
    pub client: Option<String>,
    /// Whether it was denied, or would be without `mode: observe`.
    pub denied: bool,
    /// When it ended.
    pub ended: String,
    /// The version of HTTP.
    pub http: Option<String>,
    /// The list that admitted the client.
    pub list: Option<String>,
    /// The method.
    pub method: String,
    /// What the sender does now.
    pub next: String,
    /// Advice for the operator.
    pub note: Option<String>,
    /// Its number, by which it is asked for.
    pub number: u64,
    /// The outcome in the log.
    pub outcome: String,
    /// The path.
    pub path: String,
    /// The other end of the connection.
    pub peer: String,
    /// How long each phase took.
    pub phases: Phases,
    /// The prefix in the list.
    pub prefix: Option<String>,
    /// The reason in the log.
    pub reason: String,
    /// The request id.
    pub request_id: String,
    /// The route.
    pub route: Option<String>,
    /// What became of the signature.
    pub signature: Option<String>,
    /// The status that the sender was told.
    pub status: Option<u16>,
    /// Whether the connection was TLS.
    pub tls: bool,
    /// The status of the application's answer.
    pub upstream_status: Option<u16>,
    /// The webhook.
    pub webhook: Option<String>,
    /// The reason for which it would be denied without `mode: observe`.
    pub would_deny: Option<String>,
}

/// How long each phase took, in microseconds.
#[expect(clippy::struct_field_names, reason = "each key says its unit")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Phases {
    /// Reading the body.
    pub body_us: Option<u64>,
    /// Reading and judging the head.
    pub head_us: Option<u64>,
    /// Writing the reply.
    pub reply_us: Option<u64>,
    /// All of it.
    pub total_us: u64,
    /// Asking the application.
    pub upstream_us: Option<u64>,
}

/// The whole of one exchange.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Whole {
    /// What the application answered.
    pub answer: Option<Message>,
    /// `off`, `masked` or `full`: how it is shown here.
    pub bodies: String,
    /// The request as a command of curl; null where its body is not shown.
    pub curl: Option<String>,
    /// The request as a file; null where its body is not shown.
    pub file: Option<String>,
    /// The head that the application was sent.
    pub forwarded: Option<Message>,
    /// What the sender was told.
    pub reply: Option<Message>,
    /// What was received.
    pub request: Option<Message>,
    /// The same in a line.
    pub row: Row,
}

/// A head and its body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Message {
    /// The text of the body; null where its length and its kind are told alone.
    pub body: Option<String>,
    /// The bytes that the body has.
    pub bytes: usize,
    /// Whether there is more of it than is kept.
    pub cut: bool,
    /// The lines behind the first one, each as name and value.
    pub fields: Vec<(String, String)>,
    /// The kind of the body.
    pub kind: String,
    /// The names of what was left out, because it proves somebody's right.
    pub left_out: Vec<String>,
    /// The first line.
    pub line: String,
}

/// What became of a wish.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Switched {
    /// `off`, `masked` or `full`: what is kept now; null if nothing is.
    pub bodies: Option<String>,
    /// The number of the last exchange.
    pub last: u64,
    /// The number by which the wish is taken back.
    pub lease: Option<u64>,
    /// Whether exchanges are kept now.
    pub on: bool,
    /// For how long this wish counts.
    pub seconds_left: Option<u64>,
    /// What should be known of it.
    pub warning: Option<String>,
}

/// What became of a replay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Replayed {
    /// The number of the exchange.
    pub number: u64,
    /// The outcome and the reason that a sender's request would have.
    pub outcome: String,
    /// The reason.
    pub reason: String,
    /// What a sender would be told.
    pub status: u16,
    /// How long it took, in microseconds.
    pub took_us: u64,
    /// The status of the application's answer.
    pub upstream_status: Option<u16>,
}

impl Document for Exchanges {
    const NAME: &'static str = "list of exchanges";
}

impl Document for Whole {
    const NAME: &'static str = "exchange";
}

impl Document for Switched {
    const NAME: &'static str = "answer to a wish";
}

impl Document for Replayed {
    const NAME: &'static str = "result of a replay";
}
