//! nginx, with a server for each host that the routes name: it says what path it normalised, and which server it chose.

use std::path::Path;
use std::process::Command;

use super::process::{Process, wait_listening};
use super::{Application, Understood, View, socket};
use crate::harness::scratch::Scratch;
use crate::spelling::Spelling;
use crate::spelling::pipeline::{self, Heard};

/// The name of the server for every host that no other has.
const NONE: &str = "none.invalid";

pub struct Nginx {
    folder: Scratch,
    _process: Process,
}

impl Nginx {
    pub fn start(hosts: &[&str], routes: usize) -> Option<Self> {
        let folder = Scratch::new();
        folder.write("nginx.conf", &config(folder.path(), hosts, routes));
        let mut command = Command::new("nginx");
        command.arg("-p").arg(folder.path()).args(["-e", "stderr", "-c"]);
        command.arg(folder.path().join("nginx.conf"));
        let process = Process::start(&mut command, "nginx")?;
        (0..routes).for_each(|route| wait_listening(&socket(folder.path(), route)));
        Some(Self { folder, _process: process })
    }
}

fn config(folder: &Path, hosts: &[&str], routes: usize) -> String {
    let folder = folder.display();
    let server = |route: usize, host: &str| {
        let default = if host == NONE { " default_server backlog=1024" } else { "" };
        let answer = format!("return 200 \"{route}\\n$host\\n$server_name\\n$uri\";");
        format!(
            "server {{ listen unix:{folder}/{route}.sock{default}; server_name \"{host}\"; location / {{ {answer} }} }}\n"
        )
    };
    let hosts: Vec<&str> = [NONE].iter().chain(hosts).copied().collect();
    let servers: String = (0..routes)
        .flat_map(|route| hosts.iter().map(move |host| (route, *host)))
        .map(|(route, host)| server(route, host))
        .collect();
    let own_folders: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|kind| format!("{kind}_temp_path {folder}/{kind};\n"))
        .collect();
    format!(
        "daemon off; master_process off; pid {folder}/nginx.pid;\n\
         events {{ worker_connections 4096; }}\n\
         http {{ access_log off; default_type text/plain; keepalive_requests 1000000;\n{own_folders}{servers}}}\n"
    )
}

impl Application for Nginx {
    fn name(&self) -> &'static str {
        "nginx"
    }

    fn way(&self) -> &'static str {
        "requests on a socket of its own, in a row"
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn read(&self, body: &[u8]) -> Understood {
        let mut lines = body.splitn(4, |byte| *byte == b'\n');
        let mut next = || lines.next().expect("four lines").to_vec();
        let (route, host, server, path) = (next(), next(), next(), next());
        let route = String::from_utf8_lossy(&route).parse().expect("a route");
        let view = |how: &str, host| View { how: how.to_owned(), host, path: path.clone() };
        Understood { route, views: vec![view("$host", host), view("server_name", server)] }
    }

    fn judge(&self, spellings: &[Spelling]) -> Vec<Vec<View>> {
        let heard = pipeline::ask_socket(&self.socket(0), spellings);
        let views =
            |heard: Heard| if heard.status == 200 { self.read(&heard.body).views } else { Vec::new() };
        heard.into_iter().map(views).collect()
    }
}
