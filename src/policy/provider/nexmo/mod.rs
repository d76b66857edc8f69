//! Nexmo, now Vonage: its webhooks, and its texts for messages.
//!
//! [`tries`] has how it tries to deliver them.

mod tries;

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::policy::mask::names::Names;
use crate::policy::provider::Provider;
use crate::policy::provider::advice::Advice;
use crate::policy::provider::signing::{Carrier, Signed, Signing};
use crate::policy::provider::spec::{AnswerRule, Methods, RelayAs, Spec};

/// Webhook guide: a status from 200 to 205 is a delivered message, and anything else is not.
const DELIVERED: RangeInclusive<u16> = 200..=205;

/// Voice webhook reference: the answer to an answer webhook is an NCCO.
const NCCO: AnswerRule = AnswerRule::Content {
    status: 200,
    kind: "json",
    words: "an answer webhook must say 200 with a JSON NCCO",
};

/// All APIs retry 503 and 504; whether other statuses are retried depends on the API.
pub static NEXMO: Provider = Provider {
    name: "Nexmo",
    webhooks: &[
        // Asks what to do with a new call. The answer is an NCCO.
        Spec {
            name: "voice-answer",
            registered: "application, Voice, Answer URL",
            methods: Methods::GetPost,
            deadline: Duration::from_millis(4500),
            success: DELIVERED,
            relay_as: RelayAs::Same,
            answer: NCCO,
            signed: Signed::Token,
            tries: tries::ANSWER,
            source: "Voice webhook reference: connect 1 s, read 5 s; an answer is 200 with a JSON NCCO",
        },
        // Reports an event of a call; for some events the answer is an NCCO too.
        Spec {
            name: "voice-event",
            registered: "application, Voice, Event URL",
            methods: Methods::GetPost,
            deadline: Duration::from_secs(9),
            success: DELIVERED,
            relay_as: RelayAs::Same,
            answer: AnswerRule::Any,
            signed: Signed::Token,
            tries: tries::EVENT,
            source: "Voice webhook reference: read 10 s",
        },
        // Sent when the answer or event webhook failed.
        Spec {
            name: "voice-fallback",
            registered: "application, Voice, Fallback URL",
            methods: Methods::GetPost,
            deadline: Duration::from_millis(4500),
            success: DELIVERED,
            relay_as: RelayAs::Same,
            answer: NCCO,
            signed: Signed::Token,
            tries: tries::FALLBACK,
            source: "Voice webhook reference: connect 1 s, read 5 s; stands in for the answer webhook",
        },
        // A message to one of the account's numbers.
        Spec {
            name: "sms-inbound",
            registered: "API settings, SMS settings, Inbound SMS webhooks",
            methods: Methods::GetPost,
            deadline: Duration::from_secs(14),
            success: DELIVERED,
            relay_as: RelayAs::OkOrNoContent,
            answer: AnswerRule::Any,
            signed: Signed::Parameter,
            tries: tries::SMS,
            source: "SMS support article 226572227: connect 3 s, read 15 s; inbound guide names 200 and 204",
        },
        // The state of a message that was sent.
        Spec {
            name: "sms-delivery-receipt",
            registered: "API settings, SMS settings, Delivery receipts (DLR) webhooks",
            methods: Methods::GetPost,
            deadline: Duration::from_secs(14),
            success: DELIVERED,
            relay_as: RelayAs::OkOrNoContent,
            answer: AnswerRule::Any,
            signed: Signed::Parameter,
            tries: tries::SMS_RECEIPT,
            source: "SMS support article 226572227: connect 3 s, read 15 s",
        },
        // Messages to US short codes, and their receipts.
        Spec {
            name: "short-code",
            registered: "the short code, Inbound webhook URL",
            methods: Methods::GetPost,
            deadline: Duration::from_secs(14),
            success: DELIVERED,
            relay_as: RelayAs::OkOrNoContent,
            answer: AnswerRule::Any,
            signed: Signed::Parameter,
            tries: tries::SMS,
            source: "US short codes use the SMS shapes and their time-outs",
        },
        // A message through the Messages API.
        Spec {
            name: "messages-inbound",
            registered: "application, Messages, Inbound URL",
            methods: Methods::Post,
            deadline: Duration::from_secs(14),
            success: DELIVERED,
            relay_as: RelayAs::Ok,
            answer: AnswerRule::Any,
            signed: Signed::Token,
            tries: tries::MESSAGES,
            source: "Messages documents and support article 360028543292 name 200 only",
        },
        // The state of a message that was sent through the Messages API.
        Spec {
            name: "messages-status",
            registered: "application, Messages, Status URL",
            methods: Methods::Post,
            deadline: Duration::from_secs(14),
            success: DELIVERED,
            relay_as: RelayAs::Ok,
            answer: AnswerRule::Any,
            signed: Signed::Token,
            tries: tries::MESSAGES,
            source: "Messages documents and support article 360028543292 name 200 only",
        },
        // The result of an asynchronous Number Insight request.
        Spec {
            name: "number-insight",
            registered: "`callback` of the request",
            methods: Methods::GetPost,
            deadline: Duration::from_secs(14),
            success: DELIVERED,
            relay_as: RelayAs::Same,
            answer: AnswerRule::Any,
            signed: Signed::Never,
            tries: tries::INSIGHT,
            source: "Number Insight specification lists 200; time-outs are not published",
        },
        // Conversation and RTC events.
        Spec {
            name: "rtc-event",
            registered: "application, RTC, Event URL",
            methods: Methods::GetPost,
            deadline: Duration::from_secs(9),
            success: DELIVERED,
            relay_as: RelayAs::Same,
            answer: AnswerRule::Any,
            signed: Signed::Token,
            tries: tries::RTC,
            source: "Application specification lists GET and POST; time-outs as voice events",
        },
        // Verify v2 events.
        Spec {
            name: "verify",
            registered: "application, Verify, Status URL",
            methods: Methods::Post,
            deadline: Duration::from_secs(14),
            success: DELIVERED,
            relay_as: RelayAs::OkOrNoContent,
            answer: AnswerRule::Any,
            signed: Signed::Token,
            tries: tries::VERIFY,
            source: "Verify v2 webhook guide names 200 and 204",
        },
        // Events of Video sessions.
        Spec {
            name: "video",
            registered: "application, Video, callback URLs",
            methods: Methods::Post,
            deadline: Duration::from_secs(14),
            success: DELIVERED,
            relay_as: RelayAs::Ok,
            answer: AnswerRule::Any,
            signed: Signed::Token,
            tries: tries::VIDEO,
            source: "session monitoring guide: POST; sent by the common callback service, signed since 2024-01 \
                     (support articles 11703629696412 and 6646236108700); time-outs are not published",
        },
    ],
    other: Spec {
        name: "generic",
        registered: "wherever the webhook is set up",
        methods: Methods::Any,
        deadline: Duration::from_secs(14),
        success: DELIVERED,
        relay_as: RelayAs::Same,
        answer: AnswerRule::Any,
        signed: Signed::Parameter,
        tries: tries::GENERIC,
        source: "webhook guide: any status from 200 to 205",
    },
    allow: &["voice", "sms", "messages"],
    lists: &[
        ("messages.txt", include_str!("../../../../ranges/messages.txt")),
        ("nexmo-2018.txt", include_str!("../../../../ranges/nexmo-2018.txt")),
        ("sms.txt", include_str!("../../../../ranges/sms.txt")),
        ("voice.txt", include_str!("../../../../ranges/voice.txt")),
    ],
    example: "{ path: /webhooks/event, webhook: voice-event }",
    signing: Some(Signing {
        issuer: "Vonage",
        carriers: &[
            Carrier { header: "authorization", named: false },
            // A platform of the vendor that relays webhooks signs `Authorization` itself, and puts the token here.
            Carrier { header: "x-vonage-webhook-auth-token", named: false },
            // The Contact Center, whose subscriptions have a secret each.
            Carrier { header: "vonage-signature", named: true },
        ],
        account: &["api-key", "api_key"],
        optional: &[
            "text",
            "keyword",
            "type",
            "data",
            "udh",
            "concat",
            "concat-ref",
            "concat-total",
            "concat-part",
            "to",
            "msisdn",
            "messageId",
            "message-timestamp",
            "network-code",
            "price",
            "status",
            "scts",
            "err-code",
            "client-ref",
            "api-key",
            "nonce",
        ],
        source: "signed webhooks guide (2020-05-28); Cloud Runtime, verify-auth; Contact Center, webhooks subscriptions",
    }),
    // Inbound SMS: `keyword` is the first word of the text, `data` and `udh` are a binary one. Voice: `dtmf` and `digits` are what
    // a caller typed, `speech` what a caller said, `User-to-User` what another telephone system said of it.
    fields: Names {
        secret: &["x_opentok_auth"],
        private: &[
            "keyword",
            "udh",
            "dtmf",
            "digits",
            "speech",
            "transcription",
            "user_to_user",
            "whatsapp",
            "viber",
            "wa_id",
        ],
    },
    advice: Advice {
        redirect: "Nexmo does not follow redirects: register the final URL, or stop the application from redirecting this path",
        status: "is no success to Nexmo: answer 200",
        self_signed: "Nexmo calls only servers whose certificate an authority signed, and does not retry a call that \
                      fails for this",
        incomplete_chain: "Nexmo does not retry a call that fails for this",
        client_certificate: "Vonage is known to present one for Video only",
    },
};
