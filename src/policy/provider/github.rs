//! A second provider, for tests only: GitHub. It proves that a provider needs only its tables.
//!
//! Sources: docs.github.com/webhooks, "Best practices for using webhooks" (a 2XX within 10 seconds), "Handling failed
//! webhook deliveries" (nothing is sent again by itself), "Webhook events and payloads" (deliveries are POST); and
//! docs.github.com/rest/meta, whose `hooks` are the addresses.

use std::time::Duration;

use crate::policy::delivery::{Body, OnError, Rules, SuccessSet, relay};
use crate::policy::mask::names::Names;
use crate::policy::outcome::Reason;
use crate::policy::provider::advice::Advice;
use crate::policy::provider::signing::Signed;
use crate::policy::provider::spec::{AnswerRule, Methods, RelayAs, Spec};
use crate::policy::provider::tries::{Otherwise, Tries};
use crate::policy::provider::{Provider, Webhook};

/// Each webhook is sent once.
const TRIES: Tries = Tries {
    sender: "GitHub",
    connect: Duration::from_secs(10),
    answer: Duration::from_secs(10),
    schedules: &[],
    statuses: &[],
    silences: &[],
    otherwise: Otherwise::Lost("somebody must redeliver it by hand"),
    only: None,
    source: "docs.github.com/webhooks, handling failed webhook deliveries",
};

pub(crate) static GITHUB: Provider = Provider {
    name: "GitHub",
    webhooks: &[Spec {
        name: "hooks",
        registered: "repository, Settings, Webhooks, Payload URL",
        methods: Methods::Post,
        deadline: Duration::from_millis(9500),
        success: 200..=299,
        relay_as: RelayAs::Same,
        answer: AnswerRule::Any,
        signed: Signed::Never,
        tries: TRIES,
        source: "docs.github.com/webhooks: a 2XX status within 10 s; POST",
    }],
    other: Spec {
        name: "generic",
        registered: "wherever the webhook is set up",
        methods: Methods::Any,
        deadline: Duration::from_millis(9500),
        success: 200..=299,
        relay_as: RelayAs::Same,
        answer: AnswerRule::Any,
        signed: Signed::Never,
        tries: TRIES,
        source: "docs.github.com/webhooks: a 2XX status within 10 s",
    },
    signing: None,
    allow: &["hooks"],
    lists: &[],
    example: "{ path: /github, webhook: hooks }",
    fields: Names { secret: &[], private: &[] },
    advice: Advice {
        redirect: "GitHub counts no redirect as delivered: register the final URL",
        status: "is no success to GitHub: answer with a 2xx status",
        self_signed: "GitHub verifies certificates unless the webhook's settings say otherwise",
        incomplete_chain: "GitHub does not deliver to it",
        client_certificate: "GitHub presents none",
    },
};

fn hooks() -> Webhook {
    GITHUB.webhook("hooks").unwrap()
}

#[test]
fn every_2xx_is_delivered_and_nothing_else_is() {
    for status in 200..=599 {
        let verdict = relay(status, Rules::of(hooks()));
        let delivered = (200..=299).contains(&status);
        assert_eq!(verdict.reason == Reason::Success, delivered, "{status}");
        assert_eq!(verdict.status == status, delivered || status >= 400, "{status}");
    }
    assert_eq!(relay(204, Rules::of(hooks())).body, Body::UpstreamEmpty);
    assert_eq!(relay(226, Rules::of(hooks())).body, Body::Upstream);
}

#[test]
fn a_route_may_narrow_its_successes_and_not_widen_them() {
    let only = SuccessSet::parse("202, 299", hooks()).unwrap();
    let rules = Rules { success: only, server_errors: OnError::Retry, ..Rules::of(hooks()) };
    assert_eq!([202, 299, 200, 500].map(|status| relay(status, rules).status), [202, 299, 503, 503]);
    let wrong = "\"302\" is not a status from 200 to 299, and GitHub counts nothing else as delivered";
    assert_eq!(SuccessSet::parse("200-302", hooks()).unwrap_err().to_string(), wrong);
}

#[test]
fn webhooks_are_posts_with_an_answer_in_ten_seconds() {
    let spec = hooks().spec();
    assert!(spec.methods.allow(b"POST") && !spec.methods.allow(b"GET"));
    assert_eq!(spec.methods.allow_field(), "POST");
    assert!(spec.deadline.as_secs() < 10);
    assert_eq!(spec.answer.advice(202, || Some(b"text/plain")), None);
}

#[test]
fn advice_uses_the_providers_words() {
    let advice = &GITHUB.advice;
    let text = "the application redirected to \"/new\"; GitHub counts no redirect as delivered: register the final URL";
    assert_eq!(advice.on_redirect(b"/new"), text);
    assert_eq!(advice.on_status(304), "304 is no success to GitHub: answer with a 2xx status");
}
