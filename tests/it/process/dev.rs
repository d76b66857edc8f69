//! `dev`: the gate of somebody who writes an application, as they see it.

use std::fs;
use std::net::TcpListener;
use std::process::Child;

use nix::sys::signal::kill;
use nix::unistd::Pid;

use crate::harness;
use crate::harness::gate::lines::Lines;
use crate::harness::gate::setup::binary;
use crate::harness::scratch::Scratch;
use crate::harness::{PATIENCE, Sender, Signal, Upstream, wait_until};

/// A `dev` that is told to stop when a test fails.
struct Dev {
    child: Child,
    lines: Lines,
    listen: std::net::SocketAddr,
    admin: String,
    scratch: Scratch,
}

impl Dev {
    fn start(args: &[&str]) -> Self {
        let scratch = Scratch::new();
        let mut command = binary();
        command.arg("dev").args(["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]).args(args);
        // What is set for a gate of one's own is not for this one.
        command.env("TMPDIR", scratch.path()).env("PORT", "1").env("NEXMO_GATE_DENY", "hide");
        let mut child = command.spawn().expect("the gate's binary");
        let lines = Lines::of(child.stdout.take().expect("stdout"));
        let place = |name: &'static str| {
            let found = lines.find(0, PATIENCE, |lines| {
                let line = lines.iter().find(|line| line.trim().starts_with(name))?;
                let url = line.split_whitespace().find_map(|word| word.strip_prefix("http://"))?;
                Some(url.trim_end_matches("/inspect").to_owned())
            });
            found.unwrap_or_else(|| panic!("no line for {name}: {:?}", lines.all()))
        };
        let (listen, admin) = (place("gate "), place("what came "));
        let listen = listen.parse().expect("an address");
        Self { child, lines, listen, admin, scratch }
    }

    /// What one sender is told for a POST with this Host that names this client.
    fn status(&self, from: &str, host: &str, client: Option<&str>) -> u16 {
        let mut fields = vec![("Content-Type", "application/x-www-form-urlencoded")];
        fields.extend(client.map(|client| ("X-Forwarded-For", client)));
        let bytes =
            request("POST", "/webhooks/inbound-sms", &fields, b"msisdn=447700900000&text=Hello", host);
        let mut sender = Sender::connect(from, self.listen);
        sender.send(&bytes);
        sender.reply().status
    }

    fn shows(&self, text: &str) {
        let found =
            self.lines.find(0, PATIENCE, |lines| lines.iter().any(|line| line.contains(text)).then_some(()));
        assert!(found.is_some(), "{text:?} is not in {:#?}", self.lines.all());
    }

    /// Stops it as Ctrl-C does; nothing may be left.
    fn stop(mut self) {
        kill(Pid::from_raw(i32::try_from(self.child.id()).expect("a pid")), Signal::SIGINT).expect("told");
        assert!(self.lines.wait_end(PATIENCE), "still there: {:?}", self.lines.all());
        assert_eq!(self.child.wait().expect("an exit status").code(), Some(0));
        let left = std::fs::read_dir(self.scratch.path()).expect("the folder").count();
        assert_eq!(left, 0, "its folder is gone");
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// A request for this host.
fn request(method: &str, target: &str, fields: &[(&str, &str)], body: &[u8], host: &str) -> Vec<u8> {
    let bytes = harness::request(method, target, fields, body);
    String::from_utf8(bytes).expect("text").replacen("hooks.example", host, 1).into_bytes()
}

#[test]
fn dev_lets_this_machine_in_and_whoever_names_another_host_not() {
    let upstream = Upstream::echo();
    let dev = Dev::start(&["--to", upstream.url()]);
    let own = dev.listen.to_string();
    assert_eq!(dev.status("127.0.0.1", &own, None), 200);
    assert_eq!(dev.status("127.0.0.1", "localhost:8080", None), 200);
    dev.shows(
        "200  delivered  POST /webhooks/inbound-sms from 127.0.0.1, list this-machine, webhook sms-inbound",
    );
    // So it comes through a tunnel that `dev` was not told of: everybody is 127.0.0.1.
    let told = dev.status("127.0.0.1", "a1b2.ngrok-free.app", Some("203.0.113.9"));
    assert_eq!(told, 503, "sent again, and not forwarded");
    dev.shows("denied (no_route)");
    dev.shows("without --tunnel, only http://127.0.0.1:");
    assert_eq!(upstream.arrivals().len(), 2);
    dev.stop();
}

#[test]
fn dev_believes_a_tunnel_that_it_was_told_of_and_nobody_else() {
    let upstream = Upstream::echo();
    let dev =
        Dev::start(&["--to", upstream.url(), "--tunnel", "ngrok", "--url", "https://a1b2.ngrok-free.app"]);
    dev.shows("https://a1b2.ngrok-free.app/webhooks/inbound-sms");
    let host = "a1b2.ngrok-free.app";
    let through = |sender: &str| dev.status("127.0.0.1", host, Some(sender));
    assert_eq!(through("169.63.86.164"), 200, "a shipped list holds it");
    assert_eq!(through("203.0.113.9"), 503, "no list holds it");
    assert_eq!(through("127.0.0.2, 203.0.113.9"), 503, "what the sender writes itself stands on the left");
    assert_eq!(dev.status("127.0.0.1", host, None), 503, "the agent names somebody or is nobody");
    assert_eq!(dev.status("127.0.0.2", "localhost", None), 200, "from this machine past the tunnel");
    assert_eq!(upstream.arrivals().len(), 2);
    dev.stop();
}

#[test]
fn dev_keeps_what_came_and_shows_it_on_its_page() {
    let upstream = Upstream::echo();
    let dev = Dev::start(&["--to", upstream.url()]);
    let own = dev.listen.to_string();
    assert_eq!(dev.status("127.0.0.1", &own, None), 200);
    dev.shows("200  delivered");
    let mut page = Sender::connect("127.0.0.1", dev.admin.parse().expect("an address"));
    page.send(&request("GET", "/inspect", &[("Accept", "application/json")], b"", "localhost"));
    let reply = page.reply();
    assert_eq!(reply.status, 200);
    let text = String::from_utf8(reply.body).expect("text");
    assert!(text.contains("/webhooks/inbound-sms"), "{text}");
    assert!(!text.contains("447700900000"), "masked: {text}");
    dev.stop();
}

#[test]
fn dev_says_what_is_wrong_before_it_starts() {
    let run = |args: &[&str]| binary().arg("dev").args(args).output().expect("the gate's binary");
    let open = run(&["--to", "http://127.0.0.1:3000", "--listen", "0.0.0.0:8080"]);
    assert_eq!(open.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&open.stderr).contains("use a loopback address"), "{open:?}");
    let bad = run(&["--to", "ftp://127.0.0.1:3000", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
    assert_eq!(bad.status.code(), Some(78));
    assert!(String::from_utf8_lossy(&bad.stderr).contains("upstream"), "{bad:?}");
}

#[test]
fn a_dev_that_is_killed_leaves_no_gate_and_the_next_one_no_folder() {
    let mut dev = Dev::start(&[]);
    let (listen, mut admin) = (dev.listen, dev.admin.clone());
    dev.child.kill().expect("killed");
    dev.child.wait().expect("its end");
    admin.truncate(admin.find('/').unwrap_or(admin.len()));
    let is_free = |address: &str| TcpListener::bind(address).is_ok();
    wait_until(
        || is_free(&listen.to_string()) && is_free(&admin),
        || format!("its gate still listens on {listen} and {admin}"),
    );
    let folders = || fs::read_dir(dev.scratch.path()).expect("the folder").count();
    assert_eq!(folders(), 1, "what it was killed with");
    let mut next = binary();
    next.args(["demo", "--once"]).env("TMPDIR", dev.scratch.path());
    next.output().expect("the gate's binary");
    assert_eq!(folders(), 1, "another command leaves it alone");
    let mut next = binary();
    next.args(["dev", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]).env("TMPDIR", dev.scratch.path());
    let mut child = next.spawn().expect("the gate's binary");
    let lines = Lines::of(child.stdout.take().expect("stdout"));
    let ready =
        lines.find(0, PATIENCE, |lines| lines.iter().any(|line| line.contains("gate ")).then_some(()));
    let left = folders();
    kill(Pid::from_raw(i32::try_from(child.id()).expect("a pid")), Signal::SIGINT).expect("told");
    child.wait().expect("its end");
    assert_eq!((ready, left), (Some(()), 1), "its own alone");
    assert_eq!(folders(), 0);
}
