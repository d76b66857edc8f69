//! The outcomes and reasons that the access log, the metrics and `explain` use.
//!
//! Invariant: a reason belongs to exactly one outcome, so the two cannot contradict each other: code names a
//! [`Reason`], and [`Reason::outcome`] follows from it.

/// What became of a request, with regard to the message in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The application completed a success, and the sender got it.
    Delivered,
    /// The application did not finish a success for an admitted message; the sender got 429 or a 5xx.
    Undelivered,
    /// The application answered a 4xx other than 429, and the sender got it.
    Refused,
    /// The client may not use this route.
    Denied,
    /// The request itself cannot be served.
    Rejected,
    /// The sender was gone before the answer was written.
    Abandoned,
    /// The gate answered itself; there was no message for the application.
    Served,
}

impl Outcome {
    /// Every outcome, in the order of declaration: `ALL[o as usize] == o`.
    pub const ALL: [Self; 7] = [
        Self::Delivered,
        Self::Undelivered,
        Self::Refused,
        Self::Denied,
        Self::Rejected,
        Self::Abandoned,
        Self::Served,
    ];

    /// Its name in logs and metrics.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Undelivered => "undelivered",
            Self::Refused => "refused",
            Self::Denied => "denied",
            Self::Rejected => "rejected",
            Self::Abandoned => "abandoned",
            Self::Served => "served",
        }
    }
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $word:literal => $outcome:ident,)+) => {
        /// Why the outcome is what it is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Reason { $($(#[$doc])* $name,)+ }

        impl Reason {
            /// Every reason, in the order of declaration: `ALL[r as usize] == r`.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// Its name in logs and metrics.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)+ }
            }

            /// The outcome that this reason belongs to.
            #[must_use]
            pub fn outcome(self) -> Outcome {
                match self { $(Self::$name => Outcome::$outcome,)+ }
            }
        }
    };
}

reasons! {
    /// A complete success answer, relayed.
    Success = "success" => Delivered,

    /// A complete answer whose 2xx status does not count as a success on the route.
    Status = "status" => Undelivered,
    /// A 3xx: never followed, and never a success.
    Redirect = "redirect" => Undelivered,
    /// 429: the application asks the sender to wait.
    TooManyRequests = "too_many_requests" => Undelivered,
    /// 5xx.
    ServerError = "server_error" => Undelivered,
    /// 4xx on a route with `client_errors: retry`.
    ClientErrorRetried = "client_error_retried" => Undelivered,
    /// Nothing listens at the upstream.
    ConnectRefused = "connect_refused" => Undelivered,
    /// The upstream did not accept a connection within the connect time-out.
    ConnectTimeout = "connect_timeout" => Undelivered,
    /// The upstream cannot be connected to for another reason (name not resolved, no route).
    ConnectFailed = "connect_failed" => Undelivered,
    /// The upstream's certificate was not accepted, or its handshake failed.
    TlsFailed = "tls_failed" => Undelivered,
    /// The upstream closed before its answer was complete.
    UpstreamClosed = "upstream_closed" => Undelivered,
    /// The upstream reset the connection before its answer was complete.
    UpstreamReset = "upstream_reset" => Undelivered,
    /// The upstream's answer is not HTTP/1.1, or is ambiguous.
    UpstreamMalformed = "upstream_malformed" => Undelivered,
    /// The upstream's answer is larger than `limits.max_response`.
    ResponseTooLarge = "response_too_large" => Undelivered,
    /// No complete answer by the webhook's deadline.
    Deadline = "deadline" => Undelivered,
    /// More requests or bytes at once than `limits` allow.
    Overloaded = "overloaded" => Undelivered,
    /// The gate itself failed (a panic); this request alone is affected.
    Internal = "internal" => Undelivered,
    /// An admitted sender's body did not arrive in time.
    BodyTimeout = "body_timeout" => Undelivered,
    /// An admitted sender's body broke off.
    BodyIncomplete = "body_incomplete" => Undelivered,

    /// The application refused the message with a 4xx.
    ClientError = "client_error" => Refused,

    /// The client's address is in none of the route's lists.
    NotListed = "not_listed" => Denied,
    /// The client's address is in none of the route's lists, but one had it until a load within `removed_grace`.
    JustRemoved = "just_removed" => Denied,
    /// The client's address is in none of the route's lists, and one of them was not reviewed for longer than
    /// `ranges_review` (`deny: retry_when_stale`).
    StaleList = "stale_list" => Denied,
    /// The client's address is in none of the route's lists, and a secret of the operator's signed the request: the
    /// provider may have a new range.
    SignedStranger = "signed_stranger" => Denied,
    /// A listed sender connected to a listener that only takes connections of trusted proxies (`proxy_protocol`).
    NoProxyHeader = "no_proxy_header" => Denied,
    /// A trusted proxy named no client, or only trusted proxies.
    NoClient = "no_client" => Denied,
    /// A forwarding hop that cannot be read is between the gate and the client.
    BadChain = "bad_chain" => Denied,
    /// No route matches the path.
    NoRoute = "no_route" => Denied,
    /// The route requires a signature, and the request has none.
    Unsigned = "unsigned" => Denied,
    /// The route requires a signature, and there is no secret of the account that the request names.
    UnknownKey = "unknown_key" => Denied,
    /// The route requires a signature, and that of the request was not made with a secret that counts, or cannot be read.
    BadSignature = "bad_signature" => Denied,
    /// The route requires a signature, and that of the request is too old or lies in the future.
    StaleSignature = "stale_signature" => Denied,
    /// The route requires a signature, and that of the request is of another body or query.
    PayloadMismatch = "payload_mismatch" => Denied,

    /// Not an HTTP/1 request head, or one that two parsers would read differently.
    MalformedHead = "malformed_head" => Rejected,
    /// The head did not arrive within `limits.head_timeout`.
    HeadTimeout = "head_timeout" => Rejected,
    /// The head is larger than `limits.max_head`, or has too many lines.
    HeadTooLarge = "head_too_large" => Rejected,
    /// The request target alone is larger than `limits.max_head` allows.
    TargetTooLong = "target_too_long" => Rejected,
    /// A protocol version that is not supported.
    BadVersion = "bad_version" => Rejected,
    /// `Host` is missing, repeated, malformed, or contradicts the target.
    BadHost = "bad_host" => Rejected,
    /// The request target is ambiguous (dot segments, encoded slashes, raw bytes ...).
    BadTarget = "bad_target" => Rejected,
    /// Content-Length and Transfer-Encoding contradict each other, or are malformed.
    BadFraming = "bad_framing" => Rejected,
    /// `Connection` names a header that the gate sets or relies on.
    BadConnection = "bad_connection" => Rejected,
    /// A transfer coding other than `chunked`.
    UnknownCoding = "unknown_coding" => Rejected,
    /// A method that this webhook does not allow.
    BadMethod = "bad_method" => Rejected,
    /// An `Expect` other than `100-continue`.
    BadExpectation = "bad_expectation" => Rejected,
    /// The body is larger than `limits.max_body`.
    BodyTooLarge = "body_too_large" => Rejected,
    /// A chunked body whose syntax is wrong.
    MalformedBody = "malformed_body" => Rejected,

    /// The sender closed or reset before the answer was written.
    SenderGone = "sender_gone" => Abandoned,

    /// A signed message that was delivered before, with `signatures.repeats: answer`.
    Repeated = "repeated" => Served,
    /// The file of an ACME challenge, which anyone may get.
    AcmeChallenge = "acme" => Served,
    /// A request of `nexmo-gate doctor` with the token that is out.
    Doctor = "doctor" => Served,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn reasons_are_distinct_snake_case_words_in_order() {
        let words: HashSet<_> = Reason::ALL.iter().map(|r| r.word()).collect();
        assert_eq!(words.len(), Reason::ALL.len());
        for (place, reason) in Reason::ALL.iter().enumerate() {
            assert_eq!(*reason as usize, place);
            assert!(reason.word().bytes().all(|b| b.is_ascii_lowercase() || b == b'_'));
        }
        for (place, outcome) in Outcome::ALL.iter().enumerate() {
            assert_eq!(*outcome as usize, place);
            assert!(Reason::ALL.iter().any(|reason| reason.outcome() == *outcome));
        }
    }
}
