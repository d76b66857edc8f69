//! docs/fronts.md, Traefik.

use std::net::SocketAddr;
use std::process::Command;

use crate::fronts::page::put;
use crate::fronts::stand::{Ground, ON_LOOPBACK, Recipe, kept};
use crate::fronts::{probes, restart, who_asks};

static TRAEFIK: Recipe = Recipe {
    heading: "Traefik",
    place: 0,
    gate: "127.0.0.1:8080",
    speaks_http: true,
    command,
    program: || kept("bin/traefik"),
    people: &ON_LOOPBACK,
};

fn command(ground: &Ground, own: SocketAddr) -> Command {
    let hooks = ground.certified(&ground.page.block("yml", 1), "/etc/traefik");
    let hooks = ground.write("hooks.yml", &put(&hooks, "127.0.0.1:8080", &ground.gate.to_string()));
    let fixed = put(&ground.page.block("yml", 0), ":443", &own.to_string());
    let fixed = put(&fixed, "/etc/traefik/hooks.yml", &hooks.display().to_string());
    let mut command = Command::new(&ground.program);
    command.arg(format!("--configFile={}", ground.write("traefik.yml", &fixed).display()));
    command
}

#[test]
#[ignore = "needs traefik: make test-long"]
fn the_recipe_for_traefik_shows_who_asks() {
    who_asks::shown_by(&TRAEFIK);
}

#[test]
#[ignore = "needs traefik: make test-long"]
fn the_health_checks_of_traefik_are_green() {
    probes::are_green_for(&TRAEFIK);
}

#[test]
#[ignore = "needs traefik: make test-long"]
fn behind_traefik_a_restart_of_the_gate_loses_nothing() {
    restart::loses_nothing_behind(&TRAEFIK);
}
