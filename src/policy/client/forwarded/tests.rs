//! Every row of `tests/fixtures/rfc7239.json`, and the promise that nothing to the left is heard.

use proptest::prelude::*;
use serde_json::Value;

use crate::policy::client::forwarded::*;

fn shown(element: &[u8]) -> Result<Option<String>, Invalid> {
    Ok(read(element)?.map(|node| match node {
        Node::Address(address) => address.to_string(),
        Node::Hidden => "hidden".to_owned(),
    }))
}

/// The elements of a line, the first one first.
fn whole(line: &str) -> Result<Vec<Option<String>>, Invalid> {
    let mut all = elements(line.as_bytes()).map(shown).collect::<Result<Vec<_>, _>>()?;
    all.reverse();
    Ok(all)
}

#[test]
fn every_row_of_the_fixture_is_judged_as_it_says() {
    let file: Value = serde_json::from_str(include_str!("../../../../tests/fixtures/rfc7239.json")).unwrap();
    let rows = file["rows"].as_array().unwrap();
    let (mut valid, mut named) = (0, 0);
    for row in rows {
        let line = row["forwarded"].as_str().unwrap();
        let found = whole(line);
        if line.starts_with("fore=") {
            // The one row that is read otherwise: the RFC lets parameters be added (section 5.5). Without
            // a `for` the element names nobody, so the request is denied all the same.
            assert_eq!(found, Ok(vec![None]), "{line}");
            continue;
        }
        assert_eq!(found.is_ok(), row["valid"].as_bool().unwrap(), "{line}: {found:?}");
        let Ok(found) = found else { continue };
        valid += 1;
        let address = |value: &Value| Some(value.as_str().unwrap_or("hidden").to_owned());
        let wanted: Vec<_> = match (&row["chain"], &row["node"], row.get("ip")) {
            (Value::Array(chain), _, _) => chain.iter().map(address).collect(),
            (_, node @ Value::String(_), _) => vec![address(node)],
            (_, _, Some(ip)) => vec![address(ip)],
            _ => continue,
        };
        assert_eq!(found, wanted, "{line}");
        named += 1;
    }
    assert_eq!((rows.len(), valid, named), (18, 13, 9));
}

#[test]
fn what_an_element_may_look_like() {
    for (text, wanted) in [
        ("FOR=192.0.2.1;Proto=https", Some("192.0.2.1")),
        ("for=\"192.0.2.1:80\"", Some("192.0.2.1")),
        ("for=\"[::ffff:192.0.2.1]\"", Some("192.0.2.1")),
        ("for=\"\\1\\92.0.2.1\"", Some("192.0.2.1")),
        ("for=\"192.0.2.1:_p\"", Some("192.0.2.1")),
        ("for=192.0.2.1 ; proto=https", Some("192.0.2.1")),
        (";;for=192.0.2.1;", Some("192.0.2.1")),
        ("for=192.0.2.1;secret=\"a\\\"b;c\"", Some("192.0.2.1")),
        ("for=UNKNOWN", Some("hidden")),
        ("for=\"_a:_b\"", Some("hidden")),
        ("proto=https", None),
        (";", None),
    ] {
        assert_eq!(shown(text.as_bytes()), Ok(wanted.map(str::to_owned)), "{text}");
    }
}

#[test]
fn what_an_element_may_not_look_like() {
    let many: String = (0..=MAX_PAIRS).map(|n| format!("x{n}=1;")).collect();
    for text in [
        "for=192.0.2.1;For=192.0.2.2",
        "for=192.0.2.1;x=1;X=2",
        "for=192.0.2.1:80",
        "for=2001:db8::1",
        "for=\"2001:db8::1\"",
        "for=[2001:db8::1]",
        "for=\"[192.0.2.1]\"",
        "for=\"[2001:db8::1%eth0]\"",
        "for=\"192.0.2.1:\"",
        "for=\"192.0.2.1:65536\"",
        "for=\"192.0.2.1:+1\"",
        "for=\"192.0.2.1 \"",
        "for=192.0.2.01",
        "for=\"\"",
        "for=",
        "for",
        "=192.0.2.1",
        "for =192.0.2.1",
        "for= 192.0.2.1",
        "for=192.0.2.1 proto=https",
        "for=\"192.0.2.1\"proto=https",
        "for=\"192.0.2.1",
        "for=\"192.0.2.1\\\"",
        "for=192.0.2.1;x=\"\x01\"",
        "for=192.0.2.1\"",
        "for=_",
        "for=localhost",
        "for=192.0.2.1;by=here",
        "for=192.0.2.1;proto=1",
        "for=192.0.2.1;host=\"a b\"",
        "for=192.0.2.1;host=a:80",
        &many,
    ] {
        assert_eq!(shown(text.as_bytes()), Err(Invalid), "{text}");
    }
}

#[test]
fn what_the_gate_writes_can_be_read_again() {
    let address = |text: &str| Address::new(text.parse().unwrap());
    let client = |text: &str, via: &[&str]| Client {
        address: address(text),
        via: via.iter().map(|v| address(v)).collect(),
    };
    for (client, host, wanted) in [
        (client("192.0.2.7", &[]), "a.example", "for=192.0.2.7;proto=https;host=a.example"),
        (
            client("2001:db8::1", &["10.0.0.2", "2001:db8:1::1"]),
            "a.example:8443",
            "for=\"[2001:db8::1]\";proto=https;host=\"a.example:8443\", for=10.0.0.2, for=\"[2001:db8:1::1]\"",
        ),
        (client("192.0.2.7", &[]), "[::1]", "for=192.0.2.7;proto=https;host=\"[::1]\""),
        (client("192.0.2.7", &[]), "a\"\\", "for=192.0.2.7;proto=https;host=\"a\\\"\\\\\""),
    ] {
        let mut out = Vec::new();
        write(&mut out, &client, "https", host.as_bytes());
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text, wanted);
        if !host.contains('"') {
            let chain = std::iter::once(client.address).chain(client.via);
            let wanted: Vec<_> = chain.map(|a| Some(a.to_string())).collect();
            assert_eq!(whole(&text), Ok(wanted));
        }
    }
}

/// The same header read the other way: from the left, commas in quotes passed over, `None` at a flaw.
fn from_the_left(line: &[u8]) -> Option<Vec<&[u8]>> {
    let (mut parts, mut from, mut quoted, mut at) = (Vec::new(), 0, false, 0);
    while at < line.len() {
        match line[at] {
            b'"' => quoted = !quoted,
            b'\\' if quoted => at += 1,
            b'\\' => return None,
            b',' if !quoted => {
                parts.push(&line[from..at]);
                from = at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    parts.push(&line[from..]);
    let parts: Vec<&[u8]> = parts.into_iter().map(<[u8]>::trim_ascii).filter(|p| !p.is_empty()).collect();
    (!quoted).then_some(parts)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    /// Where a reader from the left finds a well-formed header, each hop that is read here, until the
    /// first that is not, is the one that it finds: no comma in quotes makes a hop.
    #[test]
    fn a_hop_that_is_read_is_a_real_one(line in "((for=192\\.0\\.2\\.[1-9]|for=\"|x=\"|a|[\",;\\\\= ]){0,12})") {
        let line = line.as_bytes();
        let Some(parts) = from_the_left(line) else { return Ok(()) };
        if parts.iter().any(|part| read_across_commas(part).is_none()) {
            return Ok(());
        }
        for (element, part) in elements(line).zip(parts.iter().rev()) {
            match read(element) {
                Ok(Some(_)) => prop_assert_eq!(element, *part),
                _ => break,
            }
        }
    }

    #[test]
    fn reading_never_panics(element in prop::collection::vec(any::<u8>(), 0..60)) {
        let _ = read(&element);
    }
}

/// Whether the element is well-formed with commas in quotes allowed: `read` without its cut.
fn read_across_commas(part: &[u8]) -> Option<()> {
    let inside: Vec<u8> = part.iter().map(|b| if *b == b',' { b'.' } else { *b }).collect();
    let mut rest = &inside[..];
    loop {
        rest = rest.trim_ascii_start();
        match rest.first() {
            None => return Some(()),
            Some(b';') => rest = &rest[1..],
            Some(_) => {
                let (_, _, after) = pair(rest).ok()?;
                rest = after.trim_ascii_start();
                if rest.first().is_some_and(|b| *b != b';') {
                    return None;
                }
            }
        }
    }
}
