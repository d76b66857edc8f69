//! What each webhook's documents say: methods, deadline, success codes.
//!
//! The table is data, one row a webhook, with the source of its figures. A deadline lies inside the
//! sender's own read time-out, so that the sender hears a 504 from the gate and not silence; it runs
//! from the first byte of the request's head and covers everything until the answer is complete.

use std::time::Duration;

use crate::policy::delivery::RelayAs;

/// The kinds of webhook that the vendor sends, and `generic` for everything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Webhook {
    /// The call's first question: what shall happen? The answer is an NCCO.
    VoiceAnswer,
    /// What happened in a call; some events expect an NCCO too.
    VoiceEvent,
    /// Asked when the answer or event webhook failed.
    VoiceFallback,
    /// A message to one of the account's numbers.
    SmsInbound,
    /// What became of a message that was sent.
    SmsDeliveryReceipt,
    /// Messages to, and receipts of, US short codes.
    ShortCode,
    /// A message through the Messages API.
    MessagesInbound,
    /// What became of a message sent through the Messages API.
    MessagesStatus,
    /// The result of an asynchronous Number Insight request.
    NumberInsight,
    /// Conversation and RTC events.
    RtcEvent,
    /// Verify v2 events.
    Verify,
    /// Anything else.
    Generic,
}

/// The methods that a webhook arrives with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Methods {
    /// GET or POST, by account or application setting.
    GetPost,
    /// POST only.
    Post,
    /// Everything but CONNECT and TRACE.
    Any,
}

impl Methods {
    /// Whether a request with this method is served.
    #[must_use]
    pub fn allow(self, method: &[u8]) -> bool {
        match self {
            Self::GetPost => method == b"POST" || method == b"GET",
            Self::Post => method == b"POST",
            Self::Any => method != b"CONNECT" && method != b"TRACE",
        }
    }

    /// The value of the Allow field of a 405 (RFC 9110 section 10.2.1).
    #[must_use]
    pub fn allow_field(self) -> &'static str {
        match self {
            Self::GetPost => "GET, POST",
            Self::Post => "POST",
            Self::Any => "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
        }
    }
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    /// The kind.
    pub webhook: Webhook,
    /// Its name in the config, the log and the metrics.
    pub name: &'static str,
    /// The methods it arrives with.
    pub methods: Methods,
    /// How long the sender may be kept waiting, in milliseconds.
    pub deadline_ms: u16,
    /// As what a success status reaches the sender.
    pub relay_as: RelayAs,
    /// Whether the answer should be an NCCO: status 200 and JSON. Anything else is a warning in the log.
    pub answers_ncco: bool,
    /// Where the figures are from.
    pub source: &'static str,
}

/// The table, in the order of the enum.
pub const TABLE: [Spec; 12] = [
    Spec {
        webhook: Webhook::VoiceAnswer,
        name: "voice-answer",
        methods: Methods::GetPost,
        deadline_ms: 4500,
        relay_as: RelayAs::Same,
        answers_ncco: true,
        source: "Voice webhook reference: connect 1 s, read 5 s; an answer is 200 with a JSON NCCO",
    },
    Spec {
        webhook: Webhook::VoiceEvent,
        name: "voice-event",
        methods: Methods::GetPost,
        deadline_ms: 9000,
        relay_as: RelayAs::Same,
        answers_ncco: false,
        source: "Voice webhook reference: read 10 s",
    },
    Spec {
        webhook: Webhook::VoiceFallback,
        name: "voice-fallback",
        methods: Methods::GetPost,
        deadline_ms: 4500,
        relay_as: RelayAs::Same,
        answers_ncco: true,
        source: "Voice webhook reference: connect 1 s, read 5 s; stands in for the answer webhook",
    },
    Spec {
        webhook: Webhook::SmsInbound,
        name: "sms-inbound",
        methods: Methods::GetPost,
        deadline_ms: 14_000,
        relay_as: RelayAs::OkOrNoContent,
        answers_ncco: false,
        source: "SMS support article 226572227: connect 3 s, read 15 s; inbound guide names 200 and 204",
    },
    Spec {
        webhook: Webhook::SmsDeliveryReceipt,
        name: "sms-delivery-receipt",
        methods: Methods::GetPost,
        deadline_ms: 14_000,
        relay_as: RelayAs::OkOrNoContent,
        answers_ncco: false,
        source: "SMS support article 226572227: connect 3 s, read 15 s",
    },
    Spec {
        webhook: Webhook::ShortCode,
        name: "short-code",
        methods: Methods::GetPost,
        deadline_ms: 14_000,
        relay_as: RelayAs::OkOrNoContent,
        answers_ncco: false,
        source: "US short codes use the SMS shapes and their time-outs",
    },
    Spec {
        webhook: Webhook::MessagesInbound,
        name: "messages-inbound",
        methods: Methods::Post,
        deadline_ms: 14_000,
        relay_as: RelayAs::Ok,
        answers_ncco: false,
        source: "Messages documents and support article 360028543292 name 200 only",
    },
    Spec {
        webhook: Webhook::MessagesStatus,
        name: "messages-status",
        methods: Methods::Post,
        deadline_ms: 14_000,
        relay_as: RelayAs::Ok,
        answers_ncco: false,
        source: "Messages documents and support article 360028543292 name 200 only",
    },
    Spec {
        webhook: Webhook::NumberInsight,
        name: "number-insight",
        methods: Methods::GetPost,
        deadline_ms: 14_000,
        relay_as: RelayAs::Same,
        answers_ncco: false,
        source: "Number Insight specification lists 200; time-outs are not published",
    },
    Spec {
        webhook: Webhook::RtcEvent,
        name: "rtc-event",
        methods: Methods::GetPost,
        deadline_ms: 9000,
        relay_as: RelayAs::Same,
        answers_ncco: false,
        source: "Application specification lists GET and POST; time-outs as voice events",
    },
    Spec {
        webhook: Webhook::Verify,
        name: "verify",
        methods: Methods::Post,
        deadline_ms: 14_000,
        relay_as: RelayAs::OkOrNoContent,
        answers_ncco: false,
        source: "Verify v2 webhook guide names 200 and 204",
    },
    Spec {
        webhook: Webhook::Generic,
        name: "generic",
        methods: Methods::Any,
        deadline_ms: 14_000,
        relay_as: RelayAs::Same,
        answers_ncco: false,
        source: "webhook guide: any status from 200 to 205",
    },
];

impl Webhook {
    /// This webhook's row.
    #[must_use]
    pub fn spec(self) -> &'static Spec {
        &TABLE[self as usize]
    }

    /// Its name in the config, the log and the metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.spec().name
    }

    /// The deadline that its documents allow.
    #[must_use]
    pub fn deadline(self) -> Duration {
        Duration::from_millis(u64::from(self.spec().deadline_ms))
    }

    /// The webhook of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        TABLE.iter().find(|spec| spec.name == name).map(|spec| spec.webhook)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_in_the_order_of_the_enum() {
        for (place, spec) in TABLE.iter().enumerate() {
            assert_eq!(spec.webhook as usize, place, "{}", spec.name);
            assert_eq!(Webhook::named(spec.name), Some(spec.webhook));
        }
        assert_eq!(Webhook::named("voice"), None);
    }

    #[test]
    fn no_webhook_takes_a_tunnel_or_an_echo() {
        for spec in TABLE {
            assert!(!spec.methods.allow(b"CONNECT") && !spec.methods.allow(b"TRACE"));
            assert!(spec.methods.allow(b"POST"));
        }
    }
}
