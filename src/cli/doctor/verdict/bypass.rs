//! Ways past the gate: what else answers where only the gate should.

use crate::cli::doctor::checks::Check;
use crate::cli::doctor::outside::answer::{Answer, Instead};
use crate::cli::doctor::report::Finding;
use crate::cli::doctor::verdict::remedy::{Front, TO_HTTPS};

/// An address that was tried, and what came: nothing where there was no connection.
#[derive(Clone, Debug)]
pub(crate) struct Tried {
    /// The address, as the operator knows it.
    pub address: String,
    /// What came over a connection that was made: an answer, or why there is none.
    pub came: Option<Result<Answer, Instead>>,
}

impl Tried {
    fn words(&self) -> String {
        match &self.came {
            Some(Ok(answer)) => format!("{} answers {}", self.address, answer.shown()),
            Some(Err(_)) => format!("{} takes connections", self.address),
            None => format!("{} cannot be reached", self.address),
        }
    }
}

fn list(tried: &[Tried]) -> String {
    tried.iter().map(Tried::words).collect::<Vec<_>>().join(", ")
}

/// Whether the application can be reached: those that were named must take no connection. Those that were only guessed
/// from the configuration must not answer in HTTP: another program may own that port here.
#[must_use]
pub(crate) fn application(named: &[Tried], guessed: &[Tried]) -> Finding {
    let check = Check::BypassApplication;
    let open = named.iter().find(|one| one.came.is_some());
    let open = open.or_else(|| guessed.iter().find(|one| matches!(&one.came, Some(Ok(_)))));
    if let Some(one) = open {
        let change =
            "let the application listen on 127.0.0.1, or close its port: everybody can send it anything";
        return Finding::fail(check, one.words(), change);
    }
    if named.is_empty() && guessed.is_empty() {
        return Finding::skip(check, "where the application is was not said: --application HOST:PORT");
    }
    Finding::pass(check, list(&[named, guessed].concat()))
}

/// Whether the gate's own listener can be reached beside what stands in front.
#[must_use]
pub(crate) fn gate(tried: Option<&Tried>) -> Finding {
    let check = Check::BypassGate;
    match tried {
        None => Finding::skip(check, "nothing stands in front, or it uses the gate's own port"),
        Some(one) if matches!(&one.came, Some(Ok(answer)) if answer.is_of_gate()) => Finding::warn(
            check,
            format!("{}: who comes this way passes what stands in front", one.words()),
            "listen: an address that only the proxy reaches, as 127.0.0.1, or close the port",
        ),
        Some(one) => Finding::pass(check, format!("{} is not the gate", one.address)),
    }
}

/// Whether the admin address or the metrics can be reached; they are known by their answer.
#[must_use]
pub(crate) fn admin(check: Check, tried: Option<&Tried>) -> Finding {
    let is_gates = |answer: &Answer| match check {
        Check::BypassAdmin => answer.status == 200 && answer.body == b"ok\n",
        _ => memchr::memmem::find(&answer.body, b"nexmo_gate_").is_some(),
    };
    match tried {
        None => Finding::skip(
            check,
            "it is off or a UNIX socket, or its port is not known, or this is the gate's own machine",
        ),
        Some(one) if matches!(&one.came, Some(Ok(answer)) if is_gates(answer)) => {
            let evidence = format!("{}: it has no password", one.words());
            if check == Check::BypassAdmin {
                return Finding::fail(
                    check,
                    evidence,
                    "admin: { address: \"127.0.0.1:9901\" }, or close the port",
                );
            }
            Finding::warn(
                check,
                evidence,
                "metrics: an address that only your monitoring reaches, or close the port",
            )
        }
        Some(one) => Finding::pass(check, format!("{} is not the gate's", one.address)),
    }
}

/// Whether plain HTTP leads to the gate.
#[must_use]
pub(crate) fn plain(tried: Option<&Tried>, front: Front) -> Finding {
    let check = Check::BypassPlain;
    let Some(one) = tried else { return Finding::skip(check, "the URL itself is plain: see tls.used") };
    match &one.came {
        Some(Ok(answer)) if answer.is_of_gate() => {
            let evidence = format!("{}: messages and signatures can be read on the way", one.words());
            Finding::fail(check, evidence, TO_HTTPS.of(front))
        }
        Some(Ok(answer)) if (300..400).contains(&answer.status) => {
            Finding::pass(check, format!("{} redirects with {}", one.address, answer.status))
        }
        _ => Finding::pass(check, one.words()),
    }
}

/// Whether each further address of the name leads to the gate.
#[must_use]
pub(crate) fn addresses(first: &str, others: &[Tried]) -> Finding {
    let check = Check::BypassAddresses;
    let is_gate = |one: &&Tried| matches!(&one.came, Some(Ok(answer)) if answer.is_of_gate());
    if let Some(one) = others.iter().find(|one| !is_gate(one)) {
        let change =
            format!("let {} lead to the gate as {first} does, or take it out of the DNS", one.address);
        return Finding::fail(check, one.words(), change);
    }
    Finding::pass(
        check,
        if others.is_empty() { format!("{first} alone") } else { format!("all {}", others.len() + 1) },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::outside::answer::{Progress, read};
    use crate::cli::doctor::report::Verdict;

    fn tried(text: Option<&str>) -> Tried {
        let came = text.map(|text| match read(text.as_bytes(), true) {
            Progress::Whole(answer, _) if text == MARKED => Ok(answer.proven()),
            Progress::Whole(answer, _) => Ok(answer),
            _ => Err(Instead("not HTTP".to_owned())),
        });
        Tried { address: "198.51.100.1:3000".into(), came }
    }

    const OK: &str = "HTTP/1.1 200 OK\r\n\r\nok\n";
    const MARKED: &str = "HTTP/1.1 200 OK\r\nX-Nexmo-Gate-Doctor: 1\r\n\r\n{}";

    #[test]
    fn a_named_address_must_take_nothing_and_a_guessed_one_must_not_speak_http() {
        let verdict = |named: &[Tried], guessed: &[Tried]| application(named, guessed).verdict;
        assert_eq!(verdict(&[], &[]), Verdict::Skip);
        assert_eq!(verdict(&[tried(None)], &[tried(None)]), Verdict::Pass);
        assert_eq!(verdict(&[tried(Some("x"))], &[]), Verdict::Fail);
        assert_eq!(verdict(&[], &[tried(Some("x"))]), Verdict::Pass);
        assert_eq!(verdict(&[], &[tried(Some(OK))]), Verdict::Fail);
    }

    #[test]
    fn only_what_is_the_gates_own_counts_as_its_admin_address() {
        let verdict = |text| admin(Check::BypassAdmin, Some(&tried(text))).verdict;
        assert_eq!(verdict(Some(OK)), Verdict::Fail);
        assert_eq!(verdict(Some("HTTP/1.1 404 Not Found\r\n\r\nok\n")), Verdict::Pass);
        assert_eq!(verdict(None), Verdict::Pass);
        let metrics = "HTTP/1.1 200 OK\r\n\r\nnexmo_gate_requests_total 1\n";
        assert_eq!(admin(Check::BypassMetrics, Some(&tried(Some(metrics)))).verdict, Verdict::Warn);
    }

    #[test]
    fn plain_http_may_redirect_or_be_closed_and_must_not_lead_to_the_gate() {
        let verdict = |text| plain(Some(&tried(text)), Front::Nginx).verdict;
        assert_eq!(verdict(Some(MARKED)), Verdict::Fail);
        assert_eq!(verdict(Some("HTTP/1.1 308 X\r\nLocation: https://a/\r\n\r\n")), Verdict::Pass);
        assert_eq!(verdict(None), Verdict::Pass);
        assert_eq!(addresses("a", &[tried(Some(MARKED))]).verdict, Verdict::Pass);
        let imitation = MARKED.replace("{}", "{ }");
        assert_eq!(verdict(Some(&imitation)), Verdict::Pass, "without the gate's proof it is not the gate");
        for other in [OK, &imitation] {
            assert_eq!(addresses("a", &[tried(Some(other))]).verdict, Verdict::Fail);
        }
    }
}
