//! docs/fronts.md, nginx.

use std::net::SocketAddr;
use std::process::Command;

use crate::fronts::page::put;
use crate::fronts::stand::{Ground, ON_LOOPBACK, Recipe, installed};
use crate::fronts::{restart, who_asks};

static NGINX: Recipe = Recipe {
    heading: "nginx",
    place: 0,
    gate: "127.0.0.1:8080",
    speaks_http: true,
    command,
    program: || installed("nginx"),
    people: &ON_LOOPBACK,
};

/// The recipe stands in a file of its own below what Debian's nginx.conf has.
fn command(ground: &Ground, own: SocketAddr) -> Command {
    let block = ground.certified(&ground.page.block("nginx", 0), "/etc/nginx");
    let block = put(&block, "server 127.0.0.1:8080;", &format!("server {};", ground.gate));
    let block = put(&block, "listen 443 ssl;", &format!("listen {own} ssl;"));
    let places: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path {};\n", ground.file(name)))
        .concat();
    let text = format!(
        "daemon off;\nmaster_process off;\npid {};\nerror_log stderr crit;\nevents {{}}\n\
         http {{\naccess_log off;\n{places}{block}}}\n",
        ground.file("nginx.pid")
    );
    let mut command = Command::new(&ground.program);
    command.args(["-e", "stderr", "-p"]).arg(&ground.folder).arg("-c").arg(ground.write("nginx.conf", &text));
    command
}

#[test]
#[ignore = "needs nginx: make test-long"]
fn the_recipe_for_nginx_shows_who_asks() {
    who_asks::shown_by(&NGINX);
}

#[test]
#[ignore = "needs nginx: make test-long"]
fn behind_nginx_a_restart_of_the_gate_loses_nothing() {
    restart::loses_nothing_behind(&NGINX);
}
