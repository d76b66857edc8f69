//! docs/fronts.md, Caddy.

use std::net::SocketAddr;
use std::process::Command;

use crate::fronts::front::LOOPBACK;
use crate::fronts::page::put;
use crate::fronts::stand::{Ground, ON_LOOPBACK, Recipe, installed};
use crate::fronts::{probes, restart, who_asks};
use crate::harness::Port;

static CADDY: Recipe = Recipe {
    heading: "Caddy",
    place: 0,
    gate: "127.0.0.1:8080",
    speaks_http: true,
    command,
    program: || installed("caddy"),
    people: &ON_LOOPBACK,
};

/// What stands before the recipe moves ports, addresses and files, and nothing else.
fn command(ground: &Ground, own: SocketAddr) -> Command {
    let block = ground.certified(&ground.page.block("caddyfile", 0), "/etc/caddy");
    let block = put(&block, "127.0.0.1:8080", &ground.gate.to_string());
    let text = format!(
        "{{\n\tadmin off\n\tdefault_bind {LOOPBACK}\n\thttp_port {}\n\thttps_port {}\n\tstorage file_system {}\n}}\n{block}",
        Port::free(LOOPBACK).address().port(),
        own.port(),
        ground.file("storage"),
    );
    let file = ground.write("Caddyfile", &text);
    let mut command = Command::new(&ground.program);
    command.args(["run", "--adapter", "caddyfile", "--config"]).arg(file);
    for place in ["HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"] {
        command.env(place, &ground.folder);
    }
    command
}

#[test]
#[ignore = "needs caddy: make test-long"]
fn the_recipe_for_caddy_shows_who_asks() {
    who_asks::shown_by(&CADDY);
}

#[test]
#[ignore = "needs caddy: make test-long"]
fn the_health_checks_of_caddy_are_green() {
    probes::are_green_for(&CADDY);
}

#[test]
#[ignore = "needs caddy: make test-long"]
fn behind_caddy_a_restart_of_the_gate_loses_nothing() {
    restart::loses_nothing_behind(&CADDY);
}
