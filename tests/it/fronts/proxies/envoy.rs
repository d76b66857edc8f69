//! docs/fronts.md, Envoy. It writes its own address in the place of a sender on loopback, so its senders have others here.

use std::net::SocketAddr;
use std::process::Command;

use crate::fronts::page::put;
use crate::fronts::stand::{Ground, People, Recipe, kept};
use crate::fronts::{network, probes, restart, who_asks};

static ENVOY: Recipe = Recipe {
    heading: "Envoy",
    place: 0,
    gate: "127.0.0.1:8080",
    speaks_http: true,
    command,
    program: || kept("envoy/_bin/envoy"),
    people: &People { admitted: "203.0.113.2", stranger: "203.0.113.3" },
};

fn command(ground: &Ground, own: SocketAddr) -> Command {
    let text = ground.certified(&ground.page.block("yml", 0), "/etc/envoy");
    let text = put(&text, "port_value: 8080", &format!("port_value: {}", ground.gate.port()));
    let text = put(&text, "port_value: 443", &format!("port_value: {}", own.port()));
    let mut command = Command::new(&ground.program);
    command.args(["--concurrency", "1", "--disable-hot-restart", "-l", "error", "-c"]);
    command.arg(ground.write("envoy.yml", &text));
    command
}

#[test]
#[ignore = "needs envoy and root: make test-long"]
fn the_recipe_for_envoy_shows_who_asks() {
    network::alone("the recipe for Envoy", || who_asks::shown_by(&ENVOY));
}

#[test]
#[ignore = "needs envoy and root: make test-long"]
fn the_health_checks_of_envoy_are_green() {
    network::alone("the health checks of Envoy", || probes::are_green_for(&ENVOY));
}

#[test]
#[ignore = "needs envoy and root: make test-long"]
fn behind_envoy_a_restart_of_the_gate_loses_nothing() {
    network::alone("a restart behind Envoy", || restart::loses_nothing_behind(&ENVOY));
}
