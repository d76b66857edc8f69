//! docs/fronts.md, HAProxy: for HTTP, and in TCP mode with both versions of the PROXY protocol.

use std::net::SocketAddr;
use std::process::Command;

use crate::fronts::page::{Page, put};
use crate::fronts::stand::{Ground, ON_LOOPBACK, Recipe, Stand, installed};
use crate::fronts::{probes, restart, who_asks};
use crate::harness::upstream::script::echo;
use crate::harness::{ADMITTED, STRANGER, request};

const TCP: &str = "HAProxy or any balancer in TCP mode";

const fn recipe(
    heading: &'static str,
    place: usize,
    gate: &'static str,
    command: fn(&Ground, SocketAddr) -> Command,
) -> Recipe {
    Recipe {
        heading,
        place,
        gate,
        speaks_http: false,
        command,
        program: || installed("haproxy"),
        people: &ON_LOOPBACK,
    }
}

static HTTP: Recipe = Recipe {
    speaks_http: true,
    ..recipe("HAProxy for HTTP", 0, "127.0.0.1:8080", |ground, own| command(ground, own, 0, "127.0.0.1:8080"))
};
static PASSED_THROUGH: Recipe =
    recipe(TCP, 0, "127.0.0.1:8443", |ground, own| command(ground, own, 0, "127.0.0.1:8443"));
static VERSION_2: Recipe =
    recipe(TCP, 1, "127.0.0.1:8081", |ground, own| command(ground, own, 1, "127.0.0.1:8081"));
static VERSION_1: Recipe =
    recipe(TCP, 2, "127.0.0.1:8082", |ground, own| command(ground, own, 2, "127.0.0.1:8082"));

fn command(ground: &Ground, own: SocketAddr, place: usize, gate: &str) -> Command {
    of_text(ground, own, &put(&ground.page.block("haproxy", place), gate, &ground.gate.to_string()))
}

fn of_text(ground: &Ground, own: SocketAddr, block: &str) -> Command {
    let block = put(block, "bind :443", &format!("bind {own}"));
    let block = block.replace("/etc/haproxy/hooks.pem", &ground.file("both.pem"));
    let mut command = Command::new(&ground.program);
    command.args(["-db", "-q", "-f"]);
    command.arg(ground.write("haproxy.cfg", &format!("global\n    maxconn 100\n{block}")));
    command
}

#[test]
#[ignore = "needs haproxy: make test-long"]
fn the_recipe_for_haproxy_for_http_shows_who_asks() {
    who_asks::shown_by(&HTTP);
}

#[test]
#[ignore = "needs haproxy: make test-long"]
fn the_health_checks_of_haproxy_for_http_are_green() {
    probes::are_green_for(&HTTP);
}

#[test]
#[ignore = "needs haproxy: make test-long"]
fn behind_haproxy_for_http_a_restart_loses_nothing() {
    restart::loses_nothing_behind(&HTTP);
}

#[test]
#[ignore = "needs haproxy: make test-long"]
fn the_recipe_for_haproxy_that_passes_tls_through_shows_who_asks() {
    who_asks::shown_by(&PASSED_THROUGH);
}

#[test]
#[ignore = "needs haproxy: make test-long"]
fn the_health_checks_of_haproxy_that_passes_tls_through_are_green() {
    probes::are_green_for(&PASSED_THROUGH);
}

#[test]
#[ignore = "needs haproxy: make test-long"]
fn behind_haproxy_that_passes_tls_through_a_restart_loses_nothing() {
    restart::loses_nothing_behind(&PASSED_THROUGH);
}

#[test]
#[ignore = "needs haproxy: make test-long"]
fn the_recipe_for_haproxy_with_tls_in_the_proxy_header_shows_who_asks() {
    who_asks::shown_by(&VERSION_2);
}

#[test]
#[ignore = "needs haproxy: make test-long"]
fn the_health_checks_of_haproxy_with_tls_in_the_proxy_header_are_green() {
    probes::are_green_for(&VERSION_2);
}

#[test]
#[ignore = "needs haproxy: make test-long"]
fn behind_haproxy_with_tls_in_the_proxy_header_a_restart_loses_nothing() {
    restart::loses_nothing_behind(&VERSION_2);
}

#[test]
#[ignore = "needs haproxy: make test-long"]
fn the_recipe_for_haproxy_with_proxy_version_1_shows_who_asks() {
    who_asks::shown_by(&VERSION_1);
}

#[test]
#[ignore = "needs haproxy: make test-long"]
fn the_health_checks_of_haproxy_with_proxy_version_1_are_green() {
    probes::are_green_for(&VERSION_1);
}

#[test]
#[ignore = "needs haproxy: make test-long"]
fn behind_haproxy_with_proxy_version_1_a_restart_loses_nothing() {
    restart::loses_nothing_behind(&VERSION_1);
}

/// What the page warns of is so: this is also how the tests above know a claim that helps.
#[test]
#[ignore = "needs haproxy: make test-long"]
fn a_balancer_for_tcp_without_the_proxy_protocol_must_not_be_trusted() {
    static BARE: Recipe = recipe("HAProxy for HTTP", 0, "127.0.0.1:8080", |ground, own| {
        let block = Page::section("fronts.md", TCP).block("haproxy", 2);
        let block = put(&block, "send-proxy ", "");
        of_text(ground, own, &put(&block, "127.0.0.1:8082", &ground.gate.to_string()))
    });
    let Some(stand) = Stand::of(&BARE, echo) else { return };
    let ask = |from: &str, lines: &[(&str, &str)]| {
        stand.front.session(from).ask(&request("POST", "/webhooks/x", lines, b"{}")).status
    };
    assert_eq!(ask(STRANGER, &[("X-Forwarded-For", ADMITTED)]), 200, "the stranger chose");
    assert_eq!(ask(ADMITTED, &[]), 403, "and nobody else is named");
}

/// What the application is told of the scheme behind the recipe that ends TLS, with other words for the server.
fn scheme_with(recipe: &'static Recipe) -> Option<String> {
    let stand = Stand::of(recipe, echo)?;
    let reply = stand.front.session(ADMITTED).ask(&request("POST", "/webhooks/x", &[], b"{}"));
    assert_eq!(reply.status, 200);
    stand.upstream.arrivals()[0].head.one("x-forwarded-proto")
}

fn version_2_with(ground: &Ground, own: SocketAddr, words: &str, more: &str) -> Command {
    let block = put(&ground.page.block("haproxy", 1), "send-proxy-v2-ssl", words);
    let block = put(&block, "    retries 3\n", &format!("    retries 3\n{more}"));
    of_text(ground, own, &put(&block, "127.0.0.1:8081", &ground.gate.to_string()))
}

/// It is the field of the PROXY header that says so, and nothing else.
#[test]
#[ignore = "needs haproxy: make test-long"]
fn without_the_field_for_tls_the_scheme_is_http() {
    static BARE: Recipe =
        recipe(TCP, 1, "127.0.0.1:8081", |ground, own| version_2_with(ground, own, "send-proxy-v2", ""));
    if let Some(scheme) = scheme_with(&BARE) {
        assert_eq!(scheme, "http");
    }
}

/// Everything that HAProxy can add to its header, its checksum too.
#[test]
#[ignore = "needs haproxy: make test-long"]
fn every_field_of_a_proxy_header_of_version_2_is_taken() {
    const FIELDS: &str = "send-proxy-v2 proxy-v2-options \
                          ssl,cert-cn,ssl-cipher,cert-sig,cert-key,authority,crc32c,unique-id";
    static ALL: Recipe = recipe(TCP, 1, "127.0.0.1:8081", |ground, own| {
        version_2_with(ground, own, FIELDS, "    unique-id-format %{+X}o%ci:%cp_%Ts_%rt\n")
    });
    if let Some(scheme) = scheme_with(&ALL) {
        assert_eq!(scheme, "https");
    }
}
