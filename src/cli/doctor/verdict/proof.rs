//! Whether it is the gate that answers: what the first answers, and what came in their place, say of it.

use crate::cli::doctor::checks::Check;
use crate::cli::doctor::outside::answer::{Answer, Instead, Origin};
use crate::cli::doctor::outside::visitor::NoAnswer;
use crate::cli::doctor::report::Finding;
use crate::cli::doctor::verdict::remedy::Front;
use crate::cli::doctor::verdict::{passage, truth};

const CHECK: Check = Check::ProofAnswer;

/// Nothing came.
#[must_use]
pub(crate) fn silent(error: &NoAnswer) -> Finding {
    let change = match error {
        NoAnswer::Unreached(..) => "let something listen there, and the firewall pass it; is the port right?",
        NoAnswer::Tls(_) => "speak TLS 1.2 or 1.3 on this port, with a certificate for the host",
        NoAnswer::Late(_) | NoAnswer::Closed => {
            "see that the gate runs (nexmo-gate status); with deny: drop it closes the connection of whoever is in no list"
        }
        NoAnswer::NotHttp => {
            "does a web server listen on this port? proxy_protocol on one side alone looks so too"
        }
        NoAnswer::Over => "run it again",
    };
    Finding::fail(CHECK, error.to_string(), change)
}

/// What came does not prove that the gate answered this question with it.
#[must_use]
pub(crate) fn stranger(answer: &Answer, by: Front, folder: &str) -> Finding {
    match answer.origin() {
        Origin::Gate { is_whole: false, .. } => return truth::changed(answer, by),
        Origin::Old => return passage::cached(&[], true, by),
        Origin::Imitated => return imitated(answer),
        _ if (300..400).contains(&answer.status) => return truth::redirect(answer, by),
        Origin::Gate { .. } | Origin::Unproven => {}
    }
    let change = match answer.status {
        502 | 504 => {
            "what stands in front does not reach the gate: is its address there that of listen:?".to_owned()
        }
        401 | 407 => {
            "what stands in front asks for a password, which senders do not have: take it away".to_owned()
        }
        _ => format!(
            "a token counts for ten minutes, at the gate that gave it: nexmo-gate doctor --token; what stands in \
             front must pass what lies below {folder}/ to the gate: name such a path in the URL; and of two gates \
             behind one URL both must know the token: nexmo-gate doctor --share TOKEN"
        ),
    };
    Finding::fail(CHECK, format!("{}, and not by the token", answer.passed()), change)
}

/// Something bears the mark of the gate, and does not know the token's secret.
fn imitated(answer: &Answer) -> Finding {
    let by = answer.field("server").map(|server| format!(" through {server}")).unwrap_or_default();
    let evidence = format!(
        "{}{by} bears the gate's mark, and its proof is wrong: not the gate of this token wrote it, but something in its name",
        answer.status
    );
    let change = "look at where the URL leads (DNS, --connect), and at what stands in front: does it answer for the gate \
                  (return, respond, http-request return, a worker at a CDN), or write X-Nexmo-Gate-Doctor itself? Is the \
                  token whole, as nexmo-gate doctor --token printed it?";
    Finding::fail(CHECK, evidence, change)
}

/// What stands in front lets a POST through, and no GET.
#[must_use]
pub(crate) fn no_get(answer: &Answer, folder: &str) -> Finding {
    let evidence = format!("a GET is refused with {}, and a POST reaches the gate", answer.shown());
    let change = format!(
        "let GET through below {folder}/ in what stands in front: the doctor asks by GET, and so do webhooks that are set \
         to GET (nginx: limit_except GET POST)"
    );
    Finding::fail(CHECK, evidence, change)
}

/// Of equal questions some are answered by the token, and some are not.
#[must_use]
pub(crate) fn divided(proven: usize, others: &[Instead]) -> Finding {
    let words = others.first().map_or("", |other| other.0.as_str());
    let evidence = format!(
        "of {} equal questions {proven} are answered by the token and {} are not ({words}): two gates answer behind this URL, \
         or something beside the gate",
        proven + others.len(),
        others.len()
    );
    let change = "the token has to be out on both gates: nexmo-gate doctor --share TOKEN on the one that did not give it; or \
                  take out of the balancer what is no gate";
    Finding::fail(CHECK, evidence, change)
}

/// The token counted, and counts no more.
#[must_use]
pub(crate) fn ended(came: &Instead) -> Finding {
    Finding::fail(
        CHECK,
        format!(
            "the token ended during the run: the proof was asked for twice more, a second apart, and what came was: {came}"
        ),
        "nexmo-gate doctor --token, on the gate's machine, makes a new one; then run this again",
    )
}

/// What stands in front refuses by itself, or does not answer, after proofs that held: neither the token nor a second gate
/// is at fault. `others` came in the place of the proof; `proven` says how often it was there a second later.
#[must_use]
pub(crate) fn refused(proven: usize, others: &[Instead]) -> Finding {
    let words = others.first().map_or("", |other| other.0.as_str());
    let evidence = format!(
        "the front refuses by itself: after proofs that held, what came was: {words}; a second later {proven} of {} equal \
         questions reach the gate",
        proven + others.len().saturating_sub(1)
    );
    let change = "look at limits on rates and connections in what stands in front, and at its log: the doctor asks at most 40 \
                  times a second (429, 503; nginx: limit_req, limit_conn; HAProxy: stick-table). And at rules that take a gate \
                  out which answers 5xx, as the doctor asks it to (HAProxy: observe layer7; Caddy: unhealthy_status; Envoy: \
                  outlier_detection): one application that fails would close the gate to all. And see that the gate runs: nexmo-gate status";
    Finding::fail(CHECK, evidence, change)
}

/// The bounds of a run did not suffice.
#[must_use]
pub(crate) fn slow((sent, seconds): (u32, f64)) -> Finding {
    let evidence = format!(
        "answers take {seconds:.1} s on average: the run was over after {sent} requests ({})",
        NoAnswer::Over
    );
    let change = "something on the way is slow, or drops requests: look at its log, and run the doctor again";
    Finding::fail(Check::ProofWhole, evidence, change)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_answered_is_not_said_before_the_gate_was_heard() {
        let text = b"HTTP/1.1 403 X\r\nServer: nginx\r\nContent-Length: 0\r\n\r\n";
        let crate::cli::doctor::outside::answer::Progress::Whole(answer, _) =
            crate::cli::doctor::outside::answer::read(text, true)
        else {
            panic!()
        };
        let found = stranger(&answer, Front::Nginx, "/webhooks");
        assert!(found.evidence.starts_with("403 through nginx, and not by"), "{found:?}");
        assert!(found.change.contains("--share"), "{found:?}");
    }

    #[test]
    fn two_gates_are_told_with_the_way_to_let_the_token_count_at_both() {
        let found = divided(2, &[Instead("403 through nginx".into()), Instead("403".into())]);
        assert!(found.evidence.contains("of 4 equal questions 2 are"), "{found:?}");
        assert!(found.change.contains("--share TOKEN"), "{found:?}");
    }
}
