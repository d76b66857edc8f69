//! What `ranges export` prints is loaded by those it is for, and read back from them.
//!
//! A thousand random lists are exported in each format. Programs in Python load the texts into the real target, in a network
//! of their own, and compare what it holds with `ipaddress.collapse_addresses` of the lists, as a set. Clouds are not at hand:
//! there the published models of their packages judge, and for AWS an account of the calls. Where a target prints what it
//! holds, `--check` must find nothing, and must find what was taken away from a list.

mod judge;
mod lists;

use judge::{Judge, Text};
use lists::Lists;

/// In how many random lists the texts are made.
const LISTS: usize = 1_000;

/// Exports all lists as these texts, and lets a program judge them.
fn judged(judge: &Judge, texts: &[Text]) {
    let Some(program) = judge.program() else { return };
    let lists = Lists::random(LISTS);
    let made: usize = texts.iter().map(|text| lists.export(text)).sum();
    let said = program.ask(lists.path());
    eprintln!("export oracle, {}, NEXMO_GATE_ORACLE_SEED={}: {made} texts\n{said}", judge.case, lists.seed);
}

/// A text of both families.
const fn whole(format: &'static str) -> Text {
    Text { format, more: &[], folder: format }
}

/// A text of one family.
const fn of_family(format: &'static str, folder: &'static str, more: &'static [&'static str]) -> Text {
    Text { format, more, folder }
}

#[test]
#[ignore = "needs root, nft, ipset and iptables: make test-long"]
fn packet_filters_hold_exactly_what_the_lists_have() {
    let judge = Judge::in_own_network("packet filters", "packets.py");
    judged(
        &judge,
        &[
            whole("nft"),
            of_family("nft", "nft-chain", &["--chain", "443"]),
            whole("ipset"),
            of_family("iptables", "iptables-4", &["--family", "ipv4"]),
            of_family("iptables", "iptables-6", &["--family", "ipv6"]),
        ],
    );
}

#[test]
#[ignore = "needs root, haproxy and socat: make test-long"]
fn haproxy_holds_exactly_what_the_lists_have() {
    let judge = Judge::in_own_network("HAProxy", "haproxy.py");
    judged(&judge, &[whole("haproxy"), whole("haproxy-map"), whole("haproxy-runtime")]);
}

#[test]
#[ignore = "needs root, nginx and caddy: make test-long"]
fn nginx_and_caddy_admit_exactly_whom_the_lists_have() {
    let judge = Judge::in_own_network("nginx and Caddy", "web.py");
    judged(&judge, &[whole("nginx-geo"), whole("nginx-allow"), whole("caddy")]);
}

#[test]
#[ignore = "needs root, traefik and envoy: make test-long"]
fn traefik_and_envoy_hold_exactly_what_the_lists_have() {
    let judge = Judge::in_own_network("Traefik and Envoy", "discovered.py");
    judged(&judge, &[whole("traefik"), whole("envoy")]);
}

#[test]
#[ignore = "needs packages of the clouds: make test-long"]
fn the_models_of_the_clouds_take_exactly_what_the_lists_have() {
    let judge = Judge::with_packages("the models of clouds", "models.py");
    judged(
        &judge,
        &[
            of_family("aws", "aws-4", &["--family", "ipv4"]),
            of_family("aws", "aws-6", &["--family", "ipv6"]),
            of_family("gcp", "gcp-4", &["--family", "ipv4"]),
            of_family("gcp", "gcp-6", &["--family", "ipv6"]),
            of_family("azure", "azure-4", &["--family", "ipv4"]),
            of_family("azure", "azure-6", &["--family", "ipv6"]),
            whole("cloudflare"),
            whole("kubernetes"),
            whole("terraform"),
            whole("tfvars"),
            whole("json"),
            whole("text"),
        ],
    );
}

/// Two lists that both admit one sender, in turn, while it connects all the time.
#[test]
#[ignore = "needs root and nft: make test-long"]
fn a_firewall_that_is_replaced_refuses_nobody_and_admits_no_stranger() {
    let judge = Judge::in_own_network("a firewall that is replaced", "replaced.py");
    let Some(program) = judge.program() else { return };
    let lists = Lists::of(&["198.51.100.0/25\n192.0.2.0/24\n", "198.51.100.2/32\n2001:db8::/32\n"]);
    assert_eq!(
        lists.export(&of_family("nft", "nft-chain", &["--chain", "443", "--name", "hooks"])),
        2,
        "both texts replace the same sets"
    );
    eprintln!("{}", program.ask(lists.path()));
}
