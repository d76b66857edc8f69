//! What targets print, as those of the versions that were at hand printed it.

use super::*;

fn name() -> Name {
    Name::chosen("sms").unwrap()
}

fn read_as(live: Live, text: &str) -> Result<Ranges, String> {
    read(live, text.as_bytes(), &name()).map_err(|error| error.to_string())
}

fn ranges(text: &str) -> Ranges {
    Ranges::of(text.split_whitespace().map(|word| word.parse().unwrap()))
}

#[test]
fn nft_prints_addresses_prefixes_ranges_and_what_is_counted() {
    let sets = |elements: &str| {
        format!(
            r#"{{"nftables": [{{"metainfo": {{"version": "1.0.6"}}}},
            {{"set": {{"family": "inet", "name": "other_v4", "table": "t", "elem": ["203.0.113.1"]}}}},
            {{"set": {{"family": "inet", "name": "sms_v6", "table": "t"}}}},
            {{"set": {{"family": "inet", "name": "sms_v4", "table": "t", "elem": {elements}}}}}]}}"#
        )
    };
    let all = r#"["192.0.2.1", {"prefix": {"addr": "198.51.100.0", "len": 24}}, {"range": ["10.0.0.0", "10.0.0.5"]},
        {"elem": {"val": {"prefix": {"addr": "10.1.0.0", "len": 16}}, "counter": {"packets": 1, "bytes": 2}}}]"#;
    assert_eq!(
        read_as(Live::Nft, &sets(all)),
        Ok(ranges("192.0.2.1/32 198.51.100.0/24 10.0.0.0/30 10.0.0.4/31 10.1.0.0/16"))
    );
    assert_eq!(read_as(Live::Nft, &sets("[]")), Ok(ranges("")));
    assert_eq!(
        read_as(Live::Nft, &sets(r#"["x"]"#)).unwrap_err(),
        "\"\\\"x\\\"\" is no address and no range"
    );
    let other = read_as(Live::Nft, r#"{"nftables": [{"set": {"name": "other"}}]}"#);
    assert_eq!(other.unwrap_err(), "it holds no set sms_v4 or sms_v6; it holds: other");
    for bad in ["", "{}", "table inet t {}"] {
        assert!(
            read_as(Live::Nft, bad).unwrap_err().starts_with("it is not what `nft -j list` prints"),
            "{bad}"
        );
    }
}

#[test]
fn of_ipset_and_iptables_only_the_sets_and_the_chain_of_the_export_count() {
    let saved = "create sms_v4 hash:net family inet hashsize 1024 maxelem 65536\nadd sms_v4 192.0.2.0/24\nadd sms_v4 10.0.0.1\n\
                 create mine hash:ip family inet\nadd mine 203.0.113.1\n";
    assert_eq!(read_as(Live::Ipset, saved), Ok(ranges("192.0.2.0/24 10.0.0.1/32")));
    assert_eq!(read_as(Live::Ipset, "create sms_v4 hash:net\n"), Ok(ranges("")));
    let hole = format!("{saved}add sms_v4 192.0.2.64/26 timeout 0 nomatch\n");
    assert_eq!(read_as(Live::Ipset, &hole), Ok(ranges("192.0.2.0/26 192.0.2.128/25 10.0.0.1/32")));
    assert_eq!(read_as(Live::Ipset, "").unwrap_err(), "it holds no set sms_v4 or sms_v6; it holds: ");
    let saved = "*filter\n:INPUT ACCEPT [0:0]\n:NG-sms - [0:0]\n:NG-sms_2 - [0:0]\n-A INPUT -s 203.0.113.1/32 -j DROP\n\
                 -A NG-sms -s 192.0.2.0/24 -j RETURN\n-A NG-sms_2 -s 203.0.113.2/32 -j RETURN\n-A NG-sms -j DROP\nCOMMIT\n";
    assert_eq!(read_as(Live::Iptables, saved), Ok(ranges("192.0.2.0/24")));
    assert!(
        read_as(Live::Iptables, "*filter\n:INPUT ACCEPT [0:0]\n").unwrap_err().contains("no chain NG-sms")
    );
}

#[test]
fn of_json_and_yaml_the_keys_of_the_format_count() {
    let aws = Live::Keys(&["Cidr"]);
    let entries =
        r#"{"Entries": [{"Cidr": "192.0.2.0/24", "Description": "10.0.0.0/8"}, {"Cidr": "2001:db8::/32"}]}"#;
    assert_eq!(read_as(aws, entries), Ok(ranges("192.0.2.0/24 2001:db8::/32")));
    assert_eq!(
        read_as(aws, r#"{"Entries": [{"Cidr": "192.0.2.0"}, {"Cidr": "x"}]}"#).unwrap_err(),
        "\"x\" is no address and no range"
    );
    assert_eq!(read_as(aws, r#"{"Entry": []}"#).unwrap_err(), "it holds no key Cidr; it holds: Entry");
    let rule =
        r#"{"direction": "INGRESS", "destinationRanges": ["10.0.0.0/8"], "sourceRanges": ["192.0.2.0/24"]}"#;
    assert_eq!(read_as(Live::Keys(&["sourceRanges"]), rule), Ok(ranges("192.0.2.0/24")));
    let policy = "kind: NetworkPolicy\nspec:\n  ingress:\n  - from:\n    - ipBlock:\n        cidr: 192.0.2.0/24\nstatus: 10.0.0.1\n";
    assert_eq!(read_as(Live::Keys(&["cidr"]), policy), Ok(ranges("192.0.2.0/24")));
    let envoy = r#"{"a": [{"direct_remote_ip": {"address_prefix": "192.0.2.0", "prefix_len": 24}}]}"#;
    assert_eq!(read_as(Live::Keys(&["address_prefix"]), envoy), Ok(ranges("192.0.2.0/24")));
    assert_eq!(read_as(aws, "text with 192.0.2.1 in it"), Ok(ranges("192.0.2.1/32")), "not JSON");
}

#[test]
fn of_any_other_text_every_address_counts_and_comments_do_not() {
    let acl =
        "0x55d0 192.0.2.0/24\n0x55d1 198.51.100.1 sms\n# 10.0.0.0/8\nallow 2001:db8::/32; # 10.0.0.1\n\n";
    assert_eq!(read_as(Live::Addresses, acl), Ok(ranges("192.0.2.0/24 198.51.100.1/32 2001:db8::/32")));
    let json = r#"{"about": {"made": "2026-11-27T10:20:30.123Z"}, "ipv4": ["192.0.2.0/24"], "ipv6": []}"#;
    assert_eq!(read_as(Live::Addresses, json), Ok(ranges("192.0.2.0/24")));
    for nothing in ["", "Unknown ACL identifier.\n", "<html>", r#"{"ipv4": []}"#] {
        assert_eq!(read_as(Live::Addresses, nothing).unwrap_err(), "it holds no address", "{nothing}");
    }
    assert_eq!(read(Live::Addresses, b"\xff", &name()).unwrap_err().to_string(), "it is not UTF-8 text");
}
