use super::*;

/// Excerpts of documents that others publish; each folder's README says from where.
const SHAPES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/shapes");

fn shape(name: &str) -> Vec<u8> {
    std::fs::read(format!("{SHAPES}/{name}")).unwrap()
}

fn texts(prefixes: &[IpNet]) -> Vec<String> {
    prefixes.iter().map(ToString::to_string).collect()
}

fn chosen(document: &[u8], groups: &[&str]) -> Vec<String> {
    let groups: Vec<String> = groups.iter().map(|group| (*group).to_owned()).collect();
    texts(&read(document, &groups).unwrap())
}

fn refused(document: &[u8], groups: &[&str]) -> Vec<String> {
    let groups: Vec<String> = groups.iter().map(|group| (*group).to_owned()).collect();
    read(document, &groups).unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn five_shapes_that_others_publish_are_read() {
    let aws = shape("aws-ip-ranges.json");
    let wanted = "has addresses in several groups, and --group must choose: ipv6_prefixes (2), prefixes (3)";
    assert_eq!(refused(&aws, &[]), [wanted]);
    assert_eq!(chosen(&aws, &["prefixes"]), ["3.4.12.4/32", "3.5.140.0/22", "52.94.76.0/22"]);
    assert_eq!(chosen(&aws, &["prefixes", "ipv6_prefixes"]).len(), 5);

    let github = shape("github-meta.json");
    let wanted = "has addresses in several groups, and --group must choose: api (2), git (2), hooks (6)";
    assert_eq!(refused(&github, &[]), [wanted]);
    let hooks = [
        "140.82.112.0/20",
        "143.55.64.0/20",
        "185.199.108.0/22",
        "192.30.252.0/22",
        "2606:50c0::/32",
        "2a0a:a440::/29",
    ];
    assert_eq!(chosen(&github, &["hooks"]), hooks);

    let stripe = shape("stripe-ips-webhooks.json");
    assert_eq!(
        chosen(&stripe, &[]),
        ["3.18.12.63/32", "3.130.192.231/32", "13.235.14.237/32", "13.235.122.149/32"]
    );
    assert_eq!(chosen(&stripe, &["WEBHOOKS"]).len(), 4, "it may be named");

    let cloudflare = shape("cloudflare-ips-v4.txt");
    assert_eq!(chosen(&cloudflare, &[])[..2], ["103.21.244.0/22", "103.22.200.0/22"]);
    assert_eq!(chosen(&cloudflare, &[]).len(), 15);

    let google = shape("google-goog.json");
    let wanted = "has addresses in several groups, and --group must choose: ipv4Prefix (3), ipv6Prefix (2)";
    assert_eq!(refused(&google, &[]), [wanted]);
    assert_eq!(chosen(&google, &["ipv4Prefix"]), ["8.8.4.0/24", "8.8.8.0/24", "34.0.0.0/15"]);
    assert_eq!(chosen(&google, &["prefixes"]).len(), 5, "the keys that they have in common choose all");
}

#[test]
fn groups_are_named_by_the_first_key_that_differs() {
    let nested = br#"{"data": {"voice": {"v4": ["1.1.1.1"], "v6": ["2606::1"]}, "sms": ["2.2.2.2"]}}"#;
    assert_eq!(
        refused(nested, &[]),
        ["has addresses in several groups, and --group must choose: sms (1), voice (2)"]
    );
    assert_eq!(chosen(nested, &["voice"]), ["1.1.1.1/32", "2606::1/128"]);
    assert_eq!(chosen(nested, &["data.voice.v4"]), ["1.1.1.1/32"]);
    assert_eq!(refused(nested, &["v4"]), ["has no group \"v4\"; it has: sms (1), voice (2)"]);
    assert_eq!(chosen(br#"["1.1.1.1", ["2.2.2.2"]]"#, &[]).len(), 2, "arrays make no groups");
    let mixed = br#"["1.1.1.1", {"more": "2.2.2.2"}]"#;
    assert_eq!(
        refused(mixed, &[]),
        ["has addresses in several groups, and --group must choose: . (1), more (1)"]
    );
    assert_eq!(chosen(mixed, &["."]), ["1.1.1.1/32"]);
}

#[test]
fn a_key_with_dots_is_a_key_of_its_own() {
    let dotted = br#"{"voice": ["1.1.1.1"], "voice.legacy": ["2.2.2.2"], "sms": ["3.3.3.3"]}"#;
    assert_eq!(chosen(dotted, &["voice"]), ["1.1.1.1/32"]);
    assert_eq!(chosen(dotted, &["voice.legacy"]), ["2.2.2.2/32"]);
    assert_eq!(refused(dotted, &["voice.leg"]).len(), 1);
    let inner = br#"{"sms": {"sms": ["1.1.1.1"], "voice": ["2.2.2.2"]}}"#;
    assert_eq!(chosen(inner, &["sms"]), ["1.1.1.1/32"], "a group before the keys on the way to it");
    let both = br#"{"a": {"b": ["1.1.1.1"]}, "a.b": ["2.2.2.2"], "c": ["3.3.3.3"]}"#;
    assert_eq!(chosen(both, &["a.b"]), ["2.2.2.2/32"], "the name of a group");
    let deep = br#"{"x": {"a": {"b": ["1.1.1.1"]}, "a.b": ["2.2.2.2"]}, "y": ["3.3.3.3"]}"#;
    assert_eq!(
        refused(deep, &["x.a.b"]),
        [
            "--group \"x.a.b\" means several things in it, because some of its keys have dots; name a group, or edit the document"
        ]
    );
}

#[test]
fn what_looks_like_an_address_is_never_skipped() {
    let said = refused(
        br#"{"a": [{"ip": "1.1.1.1"}, {"ip": "1.1.1.256"}], "b": "1.1.1.0/33", "c": ["1.1.1.0 - 1.1.1.3"]}"#,
        &["a"],
    );
    assert_eq!(
        said,
        [
            "a[1].ip: \"1.1.1.256\": each part of an IPv4 address is 0 to 255",
            "b: \"1.1.1.0/33\": the prefix length must be 0 to 32",
            "c[0]: \"1.1.1.0 - 1.1.1.3\": a range from one address to another must be written as CIDRs; write 1.1.1.0/30",
        ]
    );
    let said = refused(br#"{"a": {"1.1.1.1": "x"}, "b": [{"start": "1.1.1.0", "end": "1.1.1.3"}]}"#, &[]);
    assert_eq!(
        said,
        [
            "a: has an address as a key; addresses are read from values only, so it cannot be told what is meant",
            "b[0]: start and end are one range in two parts; a range from one address to another must be written as CIDRs; write 1.1.1.0/30",
        ]
    );
    // A secret that was fetched by mistake is not repeated.
    let said = refused(br#"{"token\u001b": "my secret 1.2.3.4 is this"}"#, &[]);
    assert_eq!(said.len(), 1);
    assert!(said[0].starts_with("token\\u{1b}: 25 characters that are not an address: "), "{said:?}");
    assert!(!said[0].contains("secret"), "{said:?}");
}

#[test]
fn numbers_are_no_addresses_and_nothing_is_an_error() {
    for nothing in ["{}", "[]", "[3232235777, 1.1]", "{\"a\": null}", "", "# only words\n", "\u{feff}"] {
        assert_eq!(refused(nothing.as_bytes(), &[]), ["holds no address"], "{nothing}");
    }
}

#[test]
fn other_documents_are_refused_with_their_place_and_what_they_are() {
    let page = b"<!DOCTYPE html>\n<HTML><head><TITLE lang=en>\n Sign in\n | Vendor</title>";
    let wanted = "is a web page (\"Sign in | Vendor\"), not a list; look for the address of the list itself";
    assert_eq!(refused(page, &[]), [wanted]);
    assert_eq!(
        refused(b"Error <html>", &[])[0],
        "is a web page, not a list; look for the address of the list itself"
    );
    for (table, wanted) in [
        ("cidr,region\n", "line 1: is a row of a CSV table; "),
        ("# head\n1.1.1.1;eu\n", "line 2: is a row of a CSV table; "),
        ("1.1.1.1\teu\n", "line 1: is a row of a CSV table; "),
        ("1.1.1.1\n\n| 1.1.1.2 | eu |\n", "line 3: is a row of a Markdown table; "),
    ] {
        let said = refused(table.as_bytes(), &[]);
        assert!(said.len() == 1 && said[0].starts_with(wanted), "{said:?}");
    }
    assert_eq!(
        refused(b"1.1.1.1\n1.1.1.1/24\n1.1.1\n", &[]),
        [
            "line 2: \"1.1.1.1/24\": the address has bits beyond its prefix length; write 1.1.1.0/24 for the range or 1.1.1.1/32 for the one address",
            "line 3: \"1.1.1\": an IPv4 address has four parts; write 1.1.1.0/24",
        ]
    );
    assert_eq!(
        refused(b"[\"1.1.1.1\",\n]", &[]),
        ["line 2: is no JSON that is read: the text is broken here"]
    );
    assert_eq!(refused(b"{\"a\":1,\"a\":2}", &[]), ["line 1: is no JSON that is read: it has a name twice"]);
    assert_eq!(refused(&b"[".repeat(40), &[]), ["line 1: is no JSON that is read: it is nested too deeply"]);
    assert_eq!(refused(b"1.1.1.1\n\xff\n", &[]), ["line 2: is not UTF-8 text"]);
    assert_eq!(refused(b"1.1.1.1\n", &["sms"]), ["has no group \"sms\"; it has: no groups"]);
}

#[test]
fn a_document_of_the_largest_size_is_read_and_a_larger_one_is_not() {
    let lines = |count: usize| (0..count).map(|n| format!("20.{}.{}.{}\n", n >> 16, n >> 8 & 255, n & 255));
    let most: String = lines(MOST_PREFIXES).collect();
    assert_eq!(read(most.as_bytes(), &[]).unwrap().len(), MOST_PREFIXES);
    let more: String = lines(MOST_PREFIXES + 1).collect();
    assert_eq!(read(more.as_bytes(), &[]), Err(vec![Refusal::Many(MOST_PREFIXES + 1)]));
    let mut large = b"1.1.1.1\n#".to_vec();
    large.resize(MOST_BYTES, b'x');
    assert!(read(&large, &[]).is_ok());
    large.push(b'x');
    assert_eq!(read(&large, &[]), Err(vec![Refusal::Large]));
}
