//! What a sender makes of the certificate and the versions of TLS that are shown to it.

use rustls::pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer as _;

use crate::cli::doctor::checks::Check;
use crate::cli::doctor::report::Finding;
use crate::cli::doctor::verdict::remedy::{Front, NEW_TLS, WHOLE_CHAIN};
use crate::policy::provider::DEFAULT;
use crate::state::tls::chain;

const DAY: i64 = 86_400;
/// A certificate with fewer days left deserves a warning, if it is also in the last third of its life.
const FEW_DAYS: i64 = 14;

/// What the first certificate of a chain says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Leaf {
    /// The hosts that it is for; `*.` stands for one label.
    pub names: Vec<String>,
    /// The first second of its validity, since 1970.
    pub not_before: i64,
    /// The last second.
    pub not_after: i64,
    /// The day of that.
    pub until: String,
    /// What the whole chain lacks, by its own order.
    pub flaws: Vec<String>,
}

/// Reads a chain; `None` where its first certificate cannot be read.
#[must_use]
pub(crate) fn leaf(shown: &[CertificateDer<'_>]) -> Option<Leaf> {
    let parsed: Vec<X509Certificate<'_>> =
        shown.iter().filter_map(|one| X509Certificate::from_der(one).ok()).map(|(_, one)| one).collect();
    let first = parsed.first()?;
    let names = first.subject_alternative_name().ok().flatten();
    let names = names.map(|found| found.value.general_names.iter().filter_map(host).collect());
    let validity = first.validity();
    Some(Leaf {
        names: names.unwrap_or_default(),
        not_before: validity.not_before.timestamp(),
        not_after: validity.not_after.timestamp(),
        until: validity.not_after.to_datetime().date().to_string(),
        flaws: chain::flaws(&parsed, &DEFAULT.advice),
    })
}

fn host(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
        GeneralName::IPAddress(bytes) => match <[u8; 4]>::try_from(*bytes) {
            Ok(v4) => Some(std::net::Ipv4Addr::from(v4).to_string()),
            Err(_) => <[u8; 16]>::try_from(*bytes).ok().map(|v6| std::net::Ipv6Addr::from(v6).to_string()),
        },
        _ => None,
    }
}

/// Whether who has only the roots can verify the chain: `is_vouched` says that these roots do.
#[must_use]
pub(crate) fn whole(leaf: &Leaf, count: usize, is_vouched: bool, front: Front) -> Finding {
    let check = Check::TlsChain;
    let disorder = leaf.flaws.iter().find(|flaw| flaw.contains("did not sign the one before it"));
    match (is_vouched, disorder) {
        (true, None) => Finding::pass(check, format!("{count} certificates, whole and in order")),
        (true, Some(flaw)) => Finding::warn(check, format!("out of order: {flaw}"), WHOLE_CHAIN.of(front)),
        (false, _) => match leaf.flaws.first() {
            Some(flaw) => Finding::fail(check, format!("the certificate: {flaw}"), WHOLE_CHAIN.of(front)),
            None => Finding::fail(
                check,
                "no authority that this machine trusts signed it",
                "use a certificate of a public authority; if senders trust another one: --cacert FILE",
            ),
        },
    }
}

/// Whether it is for the host.
#[must_use]
pub(crate) fn name(leaf: &Leaf, host: &str) -> Finding {
    let host = host.to_ascii_lowercase();
    let wild = host.split_once('.').map(|(_, rest)| format!("*.{rest}"));
    if leaf.names.iter().any(|name| *name == host || Some(name) == wild.as_ref()) {
        return Finding::pass(Check::TlsName, format!("for {host}"));
    }
    let names = if leaf.names.is_empty() { "no host".to_owned() } else { leaf.names.join(", ") };
    let change =
        format!("use a certificate for {host}, or give the provider a URL with the name of this one");
    Finding::fail(Check::TlsName, format!("it is for {names}"), change)
}

/// Whether it is valid now, and how long.
#[must_use]
pub(crate) fn life(leaf: &Leaf, now: i64) -> Finding {
    let check = Check::TlsLife;
    let renew = "renew it, and let what renews it load it: certbot renew --deploy-hook ...";
    if now > leaf.not_after {
        return Finding::fail(check, format!("expired on {}", leaf.until), renew);
    }
    if now < leaf.not_before {
        return Finding::fail(
            check,
            "not valid yet",
            "set the clock of this machine, or use the right certificate",
        );
    }
    let (left, life) = (leaf.not_after - now, (leaf.not_after - leaf.not_before).max(1));
    let evidence = format!("{} days left, {} % of its life", left / DAY, left.saturating_mul(100) / life);
    if left < FEW_DAYS * DAY && left.saturating_mul(3) < life {
        return Finding::warn(check, evidence, renew);
    }
    Finding::pass(check, evidence)
}

/// Which versions are spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spoken {
    /// 1.2
    pub tls12: bool,
    /// 1.3
    pub tls13: bool,
    /// 1.1 or 1.0
    pub older: bool,
}

/// Whether new versions are spoken, and old ones not.
#[must_use]
pub(crate) fn versions(spoken: Spoken, front: Front) -> Finding {
    let words: Vec<&str> = [(spoken.older, "1.1 or 1.0"), (spoken.tls12, "1.2"), (spoken.tls13, "1.3")]
        .into_iter()
        .filter_map(|(is, word)| is.then_some(word))
        .collect();
    let evidence = format!("TLS {}", words.join(", "));
    if spoken.older {
        return Finding::warn(Check::TlsVersions, evidence, NEW_TLS.of(front));
    }
    Finding::pass(Check::TlsVersions, evidence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::report::Verdict;

    fn leaf(names: &[&str], days: (i64, i64), flaws: &[&str]) -> Leaf {
        let own = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Leaf {
            names: own(names),
            not_before: days.0 * DAY,
            not_after: days.1 * DAY,
            until: "2026-01-01".into(),
            flaws: own(flaws),
        }
    }

    #[test]
    fn a_name_fits_itself_and_one_label_of_a_wildcard() {
        for (names, host, wanted) in [
            (&["hooks.example"][..], "Hooks.Example", Verdict::Pass),
            (&["*.example"], "hooks.example", Verdict::Pass),
            (&["*.example"], "a.hooks.example", Verdict::Fail),
            (&["other.example"], "hooks.example", Verdict::Fail),
            (&[], "hooks.example", Verdict::Fail),
        ] {
            assert_eq!(name(&leaf(names, (0, 1), &[]), host).verdict, wanted, "{names:?} {host}");
        }
    }

    #[test]
    fn a_life_that_ends_soon_is_warned_about_by_its_length() {
        for (days, now, wanted) in [
            ((0, 90), 10, Verdict::Pass),
            ((0, 90), 77, Verdict::Warn),
            ((0, 90), 91, Verdict::Fail),
            ((10, 90), 9, Verdict::Fail),
            ((0, 6), 3, Verdict::Pass),
            ((0, 6), 5, Verdict::Warn),
        ] {
            assert_eq!(life(&leaf(&[], days, &[]), now * DAY).verdict, wanted, "{days:?} {now}");
        }
    }

    #[test]
    fn a_chain_that_is_vouched_for_is_whole_whatever_it_leaves_out() {
        let missing = "the certificate of its issuer (CN=x) does not follow it";
        let verdict =
            |flaws: &[&str], vouched| whole(&leaf(&[], (0, 1), flaws), 1, vouched, Front::Nginx).verdict;
        assert_eq!(verdict(&[missing], true), Verdict::Pass);
        assert_eq!(verdict(&[missing], false), Verdict::Fail);
        assert_eq!(verdict(&[], false), Verdict::Fail);
        assert_eq!(verdict(&["certificate 3 of 3 did not sign the one before it"], true), Verdict::Warn);
    }
}
