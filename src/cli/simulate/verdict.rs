//! What an answer is worth to the sender: how the try ended, what speaks against the application, and what to know.

use serde_json::Value;

use crate::cli::webhooks::exchange::{Answer, Exchange};
use crate::policy::provider::Webhook;
use crate::policy::provider::spec::AnswerRule;
use crate::policy::provider::tries::Ended;

/// What an answer is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    /// How the try ended.
    pub ended: Ended,
    /// What the application must mend for the message to be delivered.
    pub problems: Vec<String>,
    /// What is good to know, and stops nothing.
    pub notes: Vec<String>,
}

/// Judges what came back.
pub(super) fn judge(webhook: Webhook, exchange: &Exchange) -> Verdict {
    let spec = webhook.spec();
    let answer = match &exchange.got {
        Ok(answer) => answer,
        Err(failed) => {
            let mut verdict =
                Verdict { ended: failed.ended, problems: vec![failed.why.clone()], notes: Vec::new() };
            if failed.ended == Ended::TimedOut {
                let (connect, answer) = (spec.tries.connect, spec.tries.answer);
                verdict.problems = vec![format!(
                    "{} waits {} s for a connection and then {} s for the whole answer",
                    spec.tries.sender,
                    connect.as_secs(),
                    answer.as_secs()
                )];
            }
            return verdict;
        }
    };
    let mut verdict =
        Verdict { ended: Ended::Status(answer.status), problems: Vec::new(), notes: Vec::new() };
    verdict.problems.extend(on_status(webhook, answer));
    if spec.is_delivered(verdict.ended)
        && let Some(why) = unusable(spec.answer, answer)
    {
        verdict.ended = Ended::Unusable;
        verdict.problems.push(why);
    }
    if exchange.took > spec.tries.answer / 2 {
        let (took, most) = (exchange.took.as_millis(), spec.tries.answer.as_secs());
        verdict.notes.push(format!("slow: {took} ms of the {most} s that {} waits", spec.tries.sender));
    }
    if answer.cut {
        verdict.notes.push("the answer has more than 4 MiB and was not read to its end".to_owned());
    }
    if spec.answer == AnswerRule::Any
        && !answer.body.is_empty()
        && is_html(answer)
        && verdict.ended == Ended::Status(200)
    {
        verdict.notes.push("the answer is an HTML page; is this the webhook's path?".to_owned());
    }
    verdict
}

/// What a status that is no success asks of the operator.
fn on_status(webhook: Webhook, answer: &Answer) -> Option<String> {
    let (spec, advice) = (webhook.spec(), &webhook.provider().advice);
    if let (300..=399, Some(location)) = (answer.status, &answer.location) {
        return Some(advice.on_redirect(location));
    }
    if spec.is_delivered(Ended::Status(answer.status)) {
        return None;
    }
    let content_type = || answer.content_type.as_deref();
    let by_rule = spec
        .success
        .contains(&answer.status)
        .then(|| spec.answer.advice(answer.status, content_type))
        .flatten();
    Some(by_rule.unwrap_or_else(|| advice.on_status(answer.status)))
}

/// Why the sender cannot use a success whose body it reads.
fn unusable(rule: AnswerRule, answer: &Answer) -> Option<String> {
    let AnswerRule::Content { words, .. } = rule else { return None };
    if let Some(advice) = rule.advice(answer.status, || answer.content_type.as_deref()) {
        return Some(advice);
    }
    let what = match serde_json::from_slice::<Value>(&answer.body) {
        Err(_) if answer.body.is_empty() => "no body".to_owned(),
        Err(error) => format!("a body that is no JSON ({error})"),
        Ok(Value::Array(actions)) => {
            let is_action = |action: &Value| action.get("action").is_some_and(Value::is_string);
            let bad = actions.iter().position(|action| !is_action(action))?;
            format!("a list whose element {bad} has no \"action\"")
        }
        Ok(_) => "JSON that is no list of actions".to_owned(),
    };
    Some(format!("{words}; the application answered with {what}"))
}

fn is_html(answer: &Answer) -> bool {
    answer.content_type.as_deref().is_some_and(|value| value.to_ascii_lowercase().starts_with(b"text/html"))
        && answer.body.trim_ascii_start().starts_with(b"<")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::cli::webhooks::connection::Failed;
    use crate::policy::provider::DEFAULT;

    fn judged(webhook: &str, status: u16, kind: &str, body: &str) -> Verdict {
        let answer = Answer {
            status,
            content_type: (!kind.is_empty()).then(|| kind.into()),
            body: body.into(),
            ..Answer::default()
        };
        let exchange = Exchange { got: Ok(answer), took: Duration::from_millis(3) };
        judge(DEFAULT.webhook(webhook).unwrap(), &exchange)
    }

    #[test]
    fn an_answer_webhook_needs_a_list_of_actions_as_json() {
        let good = r#"[{"action":"talk","text":"Hi"}]"#;
        assert_eq!(
            judged("voice-answer", 200, "application/json; charset=utf-8", good).ended,
            Ended::Status(200)
        );
        assert_eq!(judged("voice-answer", 200, "application/json", "[]").ended, Ended::Status(200));
        for (status, kind, body, wanted) in [
            (200, "text/html", good, "answered 200 with \"text/html\""),
            (200, "", good, "answered 200 with \"\""),
            (200, "application/json", "", "with no body"),
            (200, "application/json", "{\"action\":\"talk\"}", "with JSON that is no list of actions"),
            (200, "application/json", "[{\"action\":\"talk\"},{}]", "element 1 has no \"action\""),
            (200, "application/json", "[", "with a body that is no JSON"),
        ] {
            let verdict = judged("voice-answer", status, kind, body);
            assert_eq!(verdict.ended, Ended::Unusable, "{body}");
            assert!(verdict.problems[0].contains(wanted), "{:?}", verdict.problems);
        }
        let verdict = judged("voice-answer", 204, "", "");
        assert_eq!(verdict.ended, Ended::Status(204));
        assert!(verdict.problems[0].contains("answered 204 with \"\""), "{:?}", verdict.problems);
    }

    #[test]
    fn a_success_has_no_problem_and_anything_else_has_one() {
        for status in 200..600 {
            let verdict = judged("sms-inbound", status, "", "");
            assert_eq!(verdict.problems.is_empty(), (200..=205).contains(&status), "{status}");
            assert_eq!(verdict.ended, Ended::Status(status));
        }
    }

    #[test]
    fn a_redirect_and_a_page_are_named() {
        let answer = Answer { status: 302, location: Some(b"/login".to_vec()), ..Answer::default() };
        let exchange = Exchange { got: Ok(answer), took: Duration::ZERO };
        let verdict = judge(DEFAULT.webhook("sms-inbound").unwrap(), &exchange);
        assert!(verdict.problems[0].starts_with("the application redirected to \"/login\";"), "{verdict:?}");
        let verdict = judged("sms-inbound", 200, "text/html", "<!doctype html>");
        assert_eq!((verdict.problems.len(), verdict.notes.len()), (0, 1));
    }

    #[test]
    fn a_time_out_names_the_senders_own() {
        let failed = Failed { ended: Ended::TimedOut, why: "time-out".to_owned() };
        let exchange = Exchange { got: Err(failed), took: Duration::from_secs(5) };
        let verdict = judge(DEFAULT.webhook("voice-answer").unwrap(), &exchange);
        assert_eq!(verdict.ended, Ended::TimedOut);
        let wanted = "Voice waits 1 s for a connection and then 5 s for the whole answer";
        assert_eq!(verdict.problems, [wanted]);
    }
}
