//! The recipes of docs/behind-a-proxy.md for nginx and HAProxy, with the real ones in front of the gate: the sender's address
//! arrives, and what the sender writes into the forwarding header does not help. The lines that are tested are
//! those of the document, with a port of the test's own in the place of 443 and without TLS in front.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use crate::harness::{
    ADMITTED, Gate, PATIENCE, Port, Reply, STRANGER, Sender, Setup, Signal, Upstream, cannot_run, request,
    sender,
};

/// The address that every one of them has on this machine.
const LOOPBACK: &str = "127.0.0.1";
/// Who asks whether it listens yet. From its own address a sender might meet itself: the port that it is given
/// may be the one that it asks, and TCP connects the two.
const WAITS: &str = "127.0.0.9";
/// What a sender may say that it is: admitted, a trusted proxy, both in either order.
const CLAIMS: [&[(&str, &str)]; 7] = [
    &[],
    &[("X-Forwarded-For", "127.0.0.2")],
    &[("X-Forwarded-For", "127.0.0.1")],
    &[("X-Forwarded-For", "127.0.0.2, 127.0.0.1")],
    &[("X-Forwarded-For", "127.0.0.1"), ("X-Forwarded-For", "127.0.0.2")],
    &[("X-Real-IP", "127.0.0.2"), ("Forwarded", "for=127.0.0.2")],
    &[("x-forwarded-for", "127.0.0.2,"), ("CF-Connecting-IP", "127.0.0.2")],
];

/// The block of a language of that page that has these words in it.
fn recipe(language: &str, words: &str) -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/behind-a-proxy.md");
    let page = fs::read_to_string(page).expect("docs/behind-a-proxy.md");
    let fence = format!("```{language}\n");
    let blocks = page.split(&fence).skip(1).filter_map(|rest| rest.split("```").next());
    let found: Vec<&str> = blocks.filter(|block| block.contains(words)).collect();
    assert_eq!(found.len(), 1, "blocks of {language} with {words:?}");
    found[0].to_owned()
}

/// Puts `new` in the place of what stands exactly once.
fn put(text: &str, old: &str, new: &str) -> String {
    assert_eq!(text.matches(old).count(), 1, "{old:?} in\n{text}");
    text.replace(old, new)
}

/// A proxy that runs, and ends with the test.
struct Front {
    child: Child,
    address: SocketAddr,
}

impl Drop for Front {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Front {
    /// `start` is given an address to listen on. Somebody else may take that in between: then another is tried.
    fn begin(start: impl Fn(SocketAddr) -> Command) -> Self {
        for _ in 0..5 {
            let address = Port::free(LOOPBACK).address();
            let mut command = start(address);
            let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().expect("the proxy");
            let until = Instant::now() + PATIENCE;
            while child.try_wait().expect("a status").is_none() {
                assert!(Instant::now() < until, "{command:?} does not listen");
                if Sender::try_connect(WAITS, address).is_ok() {
                    return Self { child, address };
                }
                std::thread::yield_now();
            }
        }
        panic!("the proxy ends at once");
    }

    fn ask(&self, from: &str, headers: &[(&str, &str)]) -> Reply {
        sender::ask(from, self.address, &request("POST", "/webhooks/a%20b?url=https://x", headers, b"{}"))
    }
}

fn installed(program: &str) -> bool {
    let found = Command::new(program).arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if found.is_err() {
        cannot_run(
            "a recipe of docs/behind-a-proxy.md",
            &format!("{program} is missing: apt-get install {program}"),
        );
    }
    found.is_ok()
}

fn nginx(gate: &Gate) -> Front {
    let block = recipe("nginx", "proxy_pass http://gate;");
    let block = put(&block, "server 127.0.0.1:8080;", &format!("server {};", gate.addr()));
    let block = put(&block, "    ssl_certificate /etc/nginx/hooks.pem;\n", "");
    let block = put(&block, "    ssl_certificate_key /etc/nginx/hooks.key;\n", "");
    let folder = gate.setup.path().to_owned();
    Front::begin(move |address| {
        let block = put(&block, "listen 443 ssl;", &format!("listen {address};"));
        let places: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {}/{name};\n", folder.display()))
            .concat();
        let file = folder.join("nginx.conf");
        let text = format!(
            "daemon off;\nmaster_process off;\npid {0}/nginx.pid;\nerror_log stderr crit;\nevents {{}}\n\
             http {{\naccess_log off;\n{places}{block}}}\n",
            folder.display()
        );
        fs::write(&file, text).expect("nginx.conf");
        let mut command = Command::new("nginx");
        command.args(["-e", "stderr", "-p"]).arg(&folder).arg("-c").arg(&file);
        command
    })
}

/// The block with these words; `bind` is what it listens on, `server` how it reaches the gate.
fn haproxy(gate: &Gate, words: &str, bind: &str, server: &str) -> Front {
    let block = recipe("haproxy", words);
    let block = put(&block, server, &gate.addr().to_string());
    let folder = gate.setup.path().to_owned();
    let bind = bind.to_owned();
    Front::begin(move |address| {
        let file = folder.join("haproxy.cfg");
        fs::write(
            &file,
            format!("global\n    maxconn 100\n{}", put(&block, &bind, &format!("bind {address}"))),
        )
        .expect("haproxy.cfg");
        let mut command = Command::new("haproxy");
        command.args(["-db", "-q", "-f"]).arg(&file);
        command
    })
}

/// A gate as the recipe says: loopback is trusted.
fn behind_loopback(upstream: &Upstream) -> Setup {
    Setup::new(upstream.url()).plainly().trusts(&["127.0.0.1/32"])
}

/// Every sender is judged by the address that it has, whatever it says.
fn shows_who_asks(front: &Front, gate: &Gate, upstream: &Upstream) {
    let mut asked = 0;
    for claims in CLAIMS {
        for (from, status) in [(STRANGER, 403), (ADMITTED, 200)] {
            assert_eq!(front.ask(from, claims).status, status, "{from}: {claims:?}");
            asked += 1;
            let event = gate.events(asked)[asked - 1].clone();
            assert_eq!(event["client_ip"], from, "{claims:?}: {event}");
            assert_eq!(event["peer_ip"], LOOPBACK, "{event}");
        }
    }
    let arrivals = upstream.arrivals();
    assert_eq!(arrivals.len(), CLAIMS.len());
    for arrival in arrivals {
        assert_eq!(arrival.head.one("x-real-ip").as_deref(), Some(ADMITTED));
        assert_eq!(arrival.target(), "/webhooks/a%20b?url=https://x", "as the sender wrote it");
    }
}

#[test]
#[ignore = "needs nginx: make test-long"]
fn the_recipe_for_nginx_shows_who_asks() {
    if !installed("nginx") {
        return;
    }
    let upstream = Upstream::echo();
    let mut gate = behind_loopback(&upstream).start();
    let front = nginx(&gate);
    shows_who_asks(&front, &gate, &upstream);
    gate.signal(Signal::SIGTERM);
    gate.wait_exit(PATIENCE);
    assert_eq!(front.ask(ADMITTED, &[]).status, 503, "without a gate it says what Voice retries");
}

#[test]
#[ignore = "needs haproxy: make test-long"]
fn the_recipe_for_haproxy_shows_who_asks() {
    if !installed("haproxy") {
        return;
    }
    let upstream = Upstream::echo();
    let mut gate = behind_loopback(&upstream).start();
    let front =
        haproxy(&gate, "option forwardfor", "bind :443 ssl crt /etc/haproxy/hooks.pem", "127.0.0.1:8080");
    shows_who_asks(&front, &gate, &upstream);
    gate.signal(Signal::SIGTERM);
    gate.wait_exit(PATIENCE);
    assert_eq!(front.ask(ADMITTED, &[]).status, 503);
}

#[test]
#[ignore = "needs haproxy: make test-long"]
fn the_recipe_for_haproxy_in_tcp_mode_shows_who_asks() {
    if !installed("haproxy") {
        return;
    }
    let upstream = Upstream::echo();
    let gate = behind_loopback(&upstream).proxy_protocol().start();
    let front = haproxy(&gate, "mode tcp", "bind :443", "127.0.0.1:8443");
    shows_who_asks(&front, &gate, &upstream);
}

/// What the recipe warns of is so: this is also how the tests above know a claim that helps.
#[test]
#[ignore = "needs haproxy: make test-long"]
fn a_balancer_for_tcp_without_the_proxy_protocol_must_not_be_trusted() {
    if !installed("haproxy") {
        return;
    }
    let upstream = Upstream::echo();
    let gate = behind_loopback(&upstream).start();
    let front = haproxy(&gate, "mode tcp", "bind :443", "127.0.0.1:8443 send-proxy-v2");
    assert_eq!(front.ask(STRANGER, &[("X-Forwarded-For", ADMITTED)]).status, 200, "the stranger chose");
    assert_eq!(front.ask(ADMITTED, &[]).status, 403, "and nobody else is named");
}
