//! Good and bad pairs of files, and what a reload makes of them.

use std::time::Duration;

use rcgen::{CertificateParams, date_time_ymd};

use crate::policy::client::original::Scheme;
use crate::policy::provider;
use crate::state::tls::fixture::{AT, files, look};
use crate::state::tls::test_ca::{Authority, HOST, Pair};
use crate::state::tls::*;

/// Loads with the advice of the default provider.
fn load(listen: &[Listener], contents: &Files, before: &[Option<Arc<LiveTls>>], now: SystemTime) -> Loaded {
    crate::state::tls::load(listen, contents, before, now, &provider::DEFAULT.advice)
}

fn now() -> SystemTime {
    SystemTime::now()
}

fn listener(pairs: &[(&str, &str)], client_auth: Option<ClientAuth>) -> Vec<Listener> {
    let certificates = pairs.iter().map(|(certificate, key)| files(certificate, key)).collect();
    vec![Listener {
        address: "127.0.0.1:443".parse().unwrap(),
        proxy_protocol: false,
        scheme: Scheme::Http,
        http2: false,
        tls: Some(Tls { certificates, min_version: TlsVersion::V12, client_auth }),
        acme_challenges: None,
        is_of_port: false,
    }]
}

fn lines(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}

/// Loads one pair: its problems, or its warnings.
fn read(certificate: &str, key: &str) -> Result<Vec<String>, Vec<String>> {
    let loaded = load(
        &listener(&[("c.pem", "k.pem")], None),
        &look(&[("c.pem", certificate), ("k.pem", key)]),
        &[],
        now(),
    );
    assert_eq!(loaded.doors.is_none(), !loaded.problems.is_empty(), "at the start there is nothing to keep");
    if loaded.problems.is_empty() { Ok(lines(&loaded.warnings)) } else { Err(lines(&loaded.problems)) }
}

#[test]
fn a_whole_chain_is_good_and_an_incomplete_one_is_a_warning() {
    let root = Authority::new("Root");
    let ca = Authority::below("R11", &root);
    let Pair { certificate, chain, key } = ca.pair(&[HOST]);
    assert_eq!(read(&chain, &key), Ok(vec![]));
    assert_eq!(read(&format!("{chain}{}", root.pem), &key), Ok(vec![]));
    let missing = "listen[0].tls.certificate: c.pem: the certificate of its issuer (CN=R11) does not follow it; a sender that has only the roots cannot verify it, and Nexmo does not retry a call that fails for this: use the whole chain (fullchain.pem)";
    assert_eq!(read(&certificate, &key), Ok(vec![missing.to_owned()]));
    assert_eq!(read(&format!("{certificate}{}", root.pem), &key), Ok(vec![missing.to_owned()]));
    // The same name with another key: an intermediate that was left over.
    let stale = Authority::below("R11", &root);
    assert_eq!(read(&format!("{certificate}{}", stale.pem), &key), Ok(vec![missing.to_owned()]));
    assert_eq!(
        read(&format!("{chain}{}", stale.pem), &key),
        Ok(vec![
            "listen[0].tls.certificate: c.pem: certificate 3 of 3 did not sign the one before it".to_owned()
        ])
    );
}

#[test]
fn a_self_signed_certificate_is_a_warning() {
    let key = rcgen::KeyPair::generate().unwrap();
    let own = CertificateParams::new(vec!["hooks.example".to_owned()]).unwrap().self_signed(&key).unwrap();
    let warnings = read(&own.pem(), &key.serialize_pem()).unwrap();
    assert!(
        warnings.len() == 1 && warnings[0].contains("c.pem: is self-signed; Nexmo calls only"),
        "{warnings:?}"
    );
}

#[test]
fn an_unusable_pair_is_reported_at_the_file_that_is_wrong() {
    let ca = Authority::new("CA");
    let Pair { certificate, chain, key } = ca.pair(&[HOST]);
    let other = ca.pair(&[HOST]);
    let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let cut = &chain[..chain.len() - 30];
    let rows: Vec<(&str, &str, &str, &str)> = vec![
        (
            "certificate",
            "",
            &key,
            "c.pem: holds no certificate: there is no line -----BEGIN CERTIFICATE-----",
        ),
        (
            "certificate",
            "0\u{82}",
            &key,
            "c.pem: holds no certificate: there is no line -----BEGIN CERTIFICATE-----",
        ),
        (
            "certificate",
            cut,
            &key,
            "c.pem: is not valid PEM: a section has no line -----END; the file may be cut off",
        ),
        (
            "key",
            &chain,
            "-----BEGIN PRIVATE KEY hunter2\n",
            "k.pem: is not valid PEM: a line -----BEGIN does not end with -----",
        ),
        ("key", &chain, "", "k.pem: holds no private key: there is no line -----BEGIN PRIVATE KEY-----"),
        ("key", &chain, &certificate, "k.pem: holds no private key"),
        ("key", &chain, encrypted, "k.pem: is encrypted, and the gate cannot ask for a password"),
        ("key", &chain, &other.key, "k.pem: is not the key of c.pem: their public keys differ"),
    ];
    for (place, certificate, key, wanted) in &rows {
        let problems = read(certificate, key).unwrap_err();
        let wanted = format!("{AT}.{place}: {wanted}");
        assert!(problems.len() == 1 && problems[0].starts_with(&wanted), "{problems:?}\n{wanted}");
        assert!(!problems[0].contains("hunter2") && !problems[0].contains("104, 117, 110"), "{problems:?}");
    }
    let swapped = format!("{}{certificate}", ca.pem);
    assert_eq!(
        read(&swapped, &key),
        Err(vec!["listen[0].tls.certificate: c.pem: is out of order: certificate 2 is the key's, and it must come first, then the one that signed it, and so on".to_owned()])
    );
    let both = read("", "").unwrap_err();
    assert_eq!(both.len(), 2, "both files are reported: {both:?}");
}

#[test]
fn a_certificate_that_expires_soon_is_a_warning() {
    let ca = Authority::new("CA");
    let Pair { chain, key, .. } = ca.pair(&[HOST]);
    let look = look(&[("c", &chain), ("k", &key)]);
    let listen = listener(&[("c", "k")], None);
    let loaded = load(&listen, &look, &[], now());
    let doors = loaded.doors.unwrap();
    let one = certificates(&doors).next().unwrap();
    let end = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(one.not_after).unwrap());
    let day = Duration::from_secs(86_400);
    for (before, days) in [(day * 14, None), (day * 13, Some(13)), (Duration::ZERO, Some(0))] {
        let warnings = lines(&load(&listen, &look, &[], end - before).warnings);
        let wanted =
            days.map(|days| format!("{AT}.certificate: c: expires in {days} days, on {}", one.until));
        assert_eq!(warnings, wanted.into_iter().collect::<Vec<_>>(), "{before:?}");
        assert_eq!(untimely(&doors, end - before).count(), usize::from(days.is_some()));
    }
    assert!(
        load(&listen, &look, &[], end + Duration::from_secs(1)).doors.is_some(),
        "there is no better one"
    );
}

#[test]
fn a_certificate_of_a_short_life_is_a_warning_in_its_last_third() {
    let pair = Authority::new("CA").pair(&[HOST]);
    let read = crate::state::tls::fixture::certificate(&pair);
    let day = 86_400;
    // A certificate's last second counts, so it lives a second less than it is said to.
    for (life, warned) in
        [(398, 14), (90, 14), (45, 14), (42, 14), (41, 13), (30, 10), (10, 3), (6, 2), (2, 1)]
    {
        let one = Certificate { not_before: 0, not_after: life * day - 1, ..read.as_last_good() };
        assert_eq!(one.warn_days(), warned, "{life} days");
        let left = |days: i64| {
            one.last_days(
                SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from((life - days) * day - 1).unwrap()),
            )
        };
        assert_eq!(left(warned), None, "{life} days");
        assert_eq!(left(warned - 1), Some(warned - 1), "{life} days");
    }
    // Those of Let's Encrypt live 160 hours.
    let six = Certificate { not_before: 0, not_after: 160 * 3600 - 1, ..read.as_last_good() };
    assert_eq!(six.warn_days(), 2);
}

#[test]
fn a_bad_pair_keeps_the_old_one_and_says_so() {
    let ca = Authority::new("CA");
    let (first, second) = (ca.pair(&[HOST]), ca.pair(&[HOST]));
    let listen = listener(&[("c", "k"), ("d", "l")], None);
    let see = |c: &str, k: &str| look(&[("c", c), ("k", k), ("d", &second.chain), ("l", &second.key)]);
    let good = load(&listen, &see(&first.chain, &first.key), &[], now()).doors.unwrap();
    assert!(changes(&[], &good).iter().all(|line| line.ends_with(" new")));

    // The new certificate with the old key.
    let half = load(&listen, &see(&second.chain, &first.key), &good, now());
    assert_eq!(
        lines(&half.problems),
        [format!("{AT}.key: k: is not the key of c: their public keys differ")]
    );
    let half = half.doors.unwrap();
    let serials = |doors: &Doors| certificates(doors).map(|one| one.serial.clone()).collect::<Vec<_>>();
    assert_eq!(serials(&half), serials(&good));
    assert_eq!(changes(&good, &half), ["certificate=c last good kept"]);

    let same = load(&listen, &see(&second.chain, &first.key), &half, now()).doors.unwrap();
    assert!(Arc::ptr_eq(same[0].as_ref().unwrap(), half[0].as_ref().unwrap()), "nothing is made twice");

    let whole = load(&listen, &see(&second.chain, &second.key), &half, now());
    assert!(whole.problems.is_empty());
    let whole = whole.doors.unwrap();
    let serial = &certificates(&whole).next().unwrap().serial;
    let until = &certificates(&whole).next().unwrap().until;
    assert_eq!(
        changes(&half, &whole),
        ["certificate=c good again".to_owned(), format!("certificate=c serial={serial} until={until}")]
    );
    assert_ne!(serials(&whole)[0], serials(&good)[0]);

    let unchanged = load(&listen, &see(&second.chain, &second.key), &whole, now()).doors.unwrap();
    assert!(Arc::ptr_eq(unchanged[0].as_ref().unwrap(), whole[0].as_ref().unwrap()));
    assert!(changes(&whole, &unchanged).is_empty());
}

/// A wrong clock must not keep a gate down, and the certificate is reported while it is not valid.
#[test]
fn an_expired_or_future_certificate_serves_where_there_is_no_better_one() {
    let ca = Authority::new("CA");
    let dated = |from: i32, to: i32| {
        let pair = ca.signed(&[HOST], |params| {
            (params.not_before, params.not_after) = (date_time_ymd(from, 1, 1), date_time_ymd(to, 1, 1));
        });
        (pair.chain, pair.key)
    };
    let listen = listener(&[("c", "k")], None);
    let see = |(chain, key): &(String, String)| look(&[("c", chain), ("k", key)]);
    let shown = |doors: &Doors| certificates(doors).next().unwrap().serial.clone();
    let good = ca.pair(&[HOST]);
    let good = (good.chain, good.key);
    let good = load(&listen, &see(&good), &[], now()).doors.unwrap();
    for (pair, flaw) in [
        (dated(2020, 2021), "expired on 2021-01-01"),
        (
            dated(2990, 2999),
            "is not valid yet; check the clock of this machine, and whether this is the right certificate",
        ),
    ] {
        let first = load(&listen, &see(&pair), &[], now());
        assert_eq!(
            (lines(&first.problems), lines(&first.warnings)),
            (Vec::new(), vec![format!("{AT}.certificate: c: {flaw}")])
        );
        let doors = first.doors.unwrap();
        let reasons: Vec<String> = untimely(&doors, now()).map(|(_, why)| why).collect();
        assert_eq!(reasons, [flaw]);
        // The same pair again, and another one that is not valid either.
        let same = load(&listen, &see(&pair), &doors, now());
        assert!(same.problems.is_empty() && same.warnings.len() == 1);
        let renewed = load(&listen, &see(&dated(2990, 2999)), &doors, now());
        assert!(renewed.problems.is_empty());
        assert_ne!(shown(&renewed.doors.unwrap()), shown(&doors));
        // It does not replace a valid one.
        let kept = load(&listen, &see(&pair), &good, now());
        assert_eq!(lines(&kept.problems), [format!("{AT}.certificate: c: {flaw}")]);
        assert_eq!(shown(&kept.doors.unwrap()), shown(&good));
    }
}

#[test]
fn a_served_certificate_stays_when_it_expires() {
    let ca = Authority::new("CA");
    let first = ca.pair(&[HOST]);
    let listen = listener(&[("c", "k")], None);
    let see = |pair: &Pair| look(&[("c", &pair.chain), ("k", &pair.key)]);
    let good = load(&listen, &see(&first), &[], now()).doors.unwrap();
    let one = certificates(&good).next().unwrap();
    let late = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(one.not_after).unwrap() + 1);
    let on = load(&listen, &see(&first), &good, late);
    assert_eq!(lines(&on.warnings), [format!("{AT}.certificate: c: expired on {}", one.until)]);
    assert!(on.problems.is_empty() && Arc::ptr_eq(certificates(&on.doors.unwrap()).next().unwrap(), one));
}

#[test]
fn sessions_are_kept_over_new_certificates_and_not_over_new_rules() {
    let ca = Authority::new("CA");
    let (first, second) = (ca.pair(&[HOST]), ca.pair(&[HOST]));
    let auth = |required| Some(ClientAuth { ca: "ca".into(), required });
    let see = |pair: &Pair, ca_file: &str| look(&[("c", &pair.chain), ("k", &pair.key), ("ca", ca_file)]);
    let listen = listener(&[("c", "k")], auth(false));
    let good = load(&listen, &see(&first, &ca.pem), &[], now()).doors.unwrap();
    let tickets = |doors: &Doors| Arc::as_ptr(&doors[0].as_ref().unwrap().sessions.tickets).cast::<()>();
    let renewed = load(&listen, &see(&second, &ca.pem), &good, now()).doors.unwrap();
    assert_eq!(tickets(&renewed), tickets(&good));
    let stricter = load(&listener(&[("c", "k")], auth(true)), &see(&second, &ca.pem), &renewed, now());
    assert_ne!(tickets(&stricter.doors.unwrap()), tickets(&good));
    let other_ca = Authority::new("CA");
    let other = load(&listen, &see(&second, &other_ca.pem), &renewed, now()).doors.unwrap();
    assert_ne!(tickets(&other), tickets(&good));
    assert_eq!(changes(&renewed, &other), ["client_ca=ca changed"]);

    let broken = load(&listen, &see(&second, "nothing"), &renewed, now());
    assert_eq!(
        lines(&broken.problems),
        ["listen[0].tls.client_ca: ca: holds no certificate: there is no line -----BEGIN CERTIFICATE-----"]
    );
    assert!(Arc::ptr_eq(broken.doors.unwrap()[0].as_ref().unwrap(), renewed[0].as_ref().unwrap()));
}
