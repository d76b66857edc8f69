//! The names that are used outside the library: by `main.rs`, benchmarks, fuzz targets and the tests of shipped
//! files. Nothing else is public, so the compiler finds what nobody uses. A name whose last use goes, goes too.

pub use crate::cli::{Cli, command_line, run};
pub use crate::config::{AdminAddress, Config, Overrides, Parsed, Target, parse as parse_config};
pub use crate::gate::memory;
pub use crate::gate::request::log::access_log::AccessLog;
pub use crate::gate::request::log::event::Event;
pub use crate::judge::facts::Facts;
pub use crate::judge::head::{Head, MAX_FIELDS, Version};
pub use crate::judge::http1::parse::parse as parse_head;
pub use crate::judge::http1::scan::{Progress, Scan};
pub use crate::load::loader::Loader;
pub use crate::policy::address::addr::Address;
pub use crate::policy::address::prefix_set::PrefixSet;
pub use crate::policy::outcome::{Outcome, Reason};
pub use crate::policy::routing::authority::Host;
pub use crate::policy::routing::path::ambiguity;
pub use crate::policy::routing::route::{PathPattern, RouteTable};
pub use crate::policy::visible::visible;
pub use crate::state::stats::gauges::Gauges;
pub use crate::telemetry::events::Form;
pub use crate::telemetry::{Destination, LineSink};
pub use crate::upstream::answer_head::parse_head as parse_answer_head;
pub use crate::wire::body::Framing;
pub use crate::wire::body::chunked::{Decoder, Malformed};
pub use crate::wire::read_buffer::ReadBuffer;

/// The table of config keys.
pub mod keys {
    pub use crate::config::keys::{Change, KEYS, Key, paths};
}

/// The form of a range file.
pub mod range_list {
    pub use crate::policy::address::range_list::{MIN_V4_LENGTH, MIN_V6_LENGTH, parse};
}

/// A document that is proposed for a list.
pub mod proposal {
    pub use crate::policy::proposal::document::read;
    pub use crate::policy::proposal::document::refusal::{MOST_PREFIXES, Refusal};
}

/// The client's address from the peer's and what a proxy wrote.
pub mod client_ip {
    pub use crate::policy::client::client_ip::{Client, ForwardedHeader, NoClient, Origin, resolve};
}

/// The `Forwarded` header and the X-Forwarded family.
pub mod forwarded {
    pub use crate::policy::client::forwarded::{Node, elements, read, write};
}

/// The header of the PROXY protocol.
pub mod proxy_header {
    pub use crate::policy::client::proxy_header::{Header, MAX_V2, parse};
}

/// What the sender is told.
pub mod delivery {
    pub use crate::policy::delivery::{OnError, Rules, SuccessSet, relay};
}

/// What an application receives.
pub mod forward {
    pub use crate::policy::forward::{Own, response_drops, write_request_head};
}

/// Whether a request was signed with one of the operator's secrets.
pub mod signature {
    pub use crate::policy::provider::signing::{Carrier, Signed, Signing};
    pub use crate::policy::signature::fault::{Fault, Part};
    pub use crate::policy::signature::finding::{Finding, Scheme, Step};
    pub use crate::policy::signature::keyring::{Entry, Keyring, Owner};
    pub use crate::policy::signature::mac::Method;
    pub use crate::policy::signature::payload::{PayloadForm, bound, query_json};
    pub use crate::policy::signature::rules::{Message, Rules};
    pub use crate::policy::signature::secret::{Encoding, NoSecret, Secret};
    pub use crate::policy::signature::sms::{BaseForm, judge};
    pub use crate::policy::signature::text::base64::Malformed as NotBase64;
    pub use crate::policy::signature::text::json::Malformed as NotJson;
    pub use crate::policy::signature::text::pairs::Unreadable;
    pub use crate::policy::signature::vouch::{Vouched, vouch};
    pub use crate::state::stats::signatures::Counted;
}

/// What is known of the sender.
pub mod provider {
    pub use crate::policy::provider::next::{Next, Try};
    pub use crate::policy::provider::spec::{AnswerRule, Methods, RelayAs};
    pub use crate::policy::provider::tries::{Bound, Ended, Otherwise, Schedule, Tries};
    pub use crate::policy::provider::{DEFAULT, Webhook};
}

/// The text of `/metrics`, and what of it is in no snapshot.
pub mod metrics {
    pub use crate::admin::metrics::render;
    pub use crate::state::proposals::{Change, Proposals, Unreadable, Waiting};
}
