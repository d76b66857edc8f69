//! Application, gate and proxy of one case, and the doctor's look at them.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::Child;
use std::sync::atomic::{AtomicU16, Ordering::SeqCst};

use serde_json::Value;

use super::chain::{Authorities, Chain, day};
use super::plant::{Application, Case, Plant};
use super::proxy::Proxy;
use crate::fronts::front::Front;
use crate::harness::faketime;
use crate::harness::gate::setup::binary;
use crate::harness::sender::transport::Protocol;
use crate::harness::test_ca::HOST;
use crate::harness::upstream::Arrival;
use crate::harness::{
    ADMITTED, Answer, Gate, PATIENCE, Port, STRANGER, Setup, Signal, Upstream, post, wait_until,
};

/// The address of the proxy, which neither the gate nor the application has.
const OUTSIDE: &str = "127.0.0.20";

/// The places of one deployment.
pub struct Ports {
    pub own: SocketAddr,
    pub gate: SocketAddr,
    pub plain: u16,
    second: u16,
    third: u16,
    application: u16,
    /// With a slash at its end.
    pub folder: String,
}

impl Ports {
    /// The text with its placeholders filled.
    pub fn put(&self, text: &str) -> String {
        text.replace("{OWN}", &self.own.to_string())
            .replace("{PLAIN}", &self.plain.to_string())
            .replace("{SECOND}", &self.second.to_string())
            .replace("{THIRD}", &self.third.to_string())
            .replace("{APP}", &self.application.to_string())
    }

    /// Writes a file of the proxy; its path.
    pub fn write(&self, name: &str, text: &str) -> String {
        let path = format!("{}{name}", self.folder);
        fs::write(&path, text).expect("a file of the proxy");
        path
    }
}

pub struct Deployment {
    front: Option<Front>,
    gate: Option<Gate>,
    application: Option<Upstream>,
    ports: Ports,
    root: String,
}

/// A port that is free on every address, and that the system gives to no connection of its own.
fn free() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let begin = u16::try_from(std::process::id() % 8000).expect("small") + 16_000;
    for _ in 0..8000 {
        let port = begin + NEXT.fetch_add(1, SeqCst) % 8000;
        if TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok() {
            return port;
        }
    }
    panic!("no free port");
}

fn answers(application: Application, arrival: &Arrival) -> Answer {
    match application {
        Application::Broken => Answer::status(500),
        Application::Garbage => Answer::raw("SSH-2.0-none\r\n", None),
        Application::LongAgo => Answer::raw(
            "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 0\r\n\r\n",
            Some(200),
        ),
        Application::Tunnel if arrival.head.one("upgrade").is_some() => Answer::raw(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
            None,
        ),
        Application::Good | Application::Tunnel => Answer::status(200),
    }
}

impl Deployment {
    /// Starts what a case says; `None` where this machine has not the program.
    pub fn of(case: &Case) -> Option<Self> {
        let program = case.proxy.program()?;
        let plants = case.plants;
        let open = plants.iter().any(|plant| matches!(plant, Plant::OpenApplication));
        let kind = plants.iter().find_map(|plant| match plant {
            Plant::Application(kind) => Some(*kind),
            _ => None,
        });
        let kind = kind.unwrap_or(Application::Good);
        let port = Port::free(if open { "0.0.0.0" } else { "127.0.0.1" });
        let application_port = port.address().port();
        let application = port.listen(move |arrival| answers(kind, arrival));
        let authorities = Authorities::new();
        let mut ports = Ports {
            own: SocketAddr::new(OUTSIDE.parse().expect("an address"), 0),
            gate: SocketAddr::from(([127, 0, 0, 1], 0)),
            plain: free(),
            second: free(),
            third: free(),
            application: application_port,
            folder: String::new(),
        };
        let setup = setup(case, &ports, &authorities);
        ports.folder = format!("{}/", setup.path().display());
        let gate = start(case, setup);
        ports.gate = SocketAddr::new(IpAddr::from([127, 0, 0, 1]), gate.addr().port());
        let root = ports.write("root.pem", &authorities.root.pem);
        let folder = ports.folder.clone();
        let front = (case.proxy != Proxy::Nothing).then(|| {
            let text = plants.iter().fold(case.proxy.text(), |text, plant| match plant {
                Plant::Text(old, new) => {
                    assert_eq!(text.matches(old).count(), 1, "{}: {old:?} in\n{text}", case.name);
                    text.replace(old, new)
                }
                Plant::More(more) => text + more,
                _ => text,
            });
            let mut client = authorities.root.client_config();
            client.alpn_protocols.clear();
            let protocol = Protocol { tls: Some(std::sync::Arc::new(client)), http2: false };
            Front::begin_on(OUTSIDE, Path::new(&folder), &protocol, |own| {
                ports.own = own;
                case.proxy.command(&program, &text, &ports)
            })
        });
        if front.is_none() {
            ports.own = gate.addr();
        }
        // It listens before it knows its routes.
        if let Some(front) = front.as_ref().filter(|_| case.proxy == Proxy::Traefik) {
            let ask = || front.session(STRANGER).try_ask(&post("/webhooks/first", "first"));
            wait_until(
                || ask().is_ok_and(|reply| reply.status != 404),
                || "Traefik knows no route".to_owned(),
            );
        }
        let this = Self { front, gate: Some(gate), application: Some(application), ports, root };
        this.later(case)
    }

    /// What happens when all of it runs.
    fn later(mut self, case: &Case) -> Option<Self> {
        for plant in case.plants {
            match plant {
                Plant::Strangers(count) => {
                    let front = self.front.as_ref()?;
                    for _ in 0..*count {
                        let _ = front.session(STRANGER).try_ask(&post("/webhooks/x", "first"));
                    }
                }
                Plant::Later(name, text) => self.gate.as_ref()?.setup.dir.write(name, text),
                Plant::LaterKey(key, value) => {
                    let gate = self.gate.as_ref()?;
                    let value = self.ports.put(value);
                    gate.setup.clone().key(key, &value).write_config();
                    let _ = gate.admin("POST", "/reload");
                }
                Plant::NoApplication => drop(self.application.take()),
                Plant::NoGate => {
                    let gate = self.gate.as_mut()?;
                    gate.signal(Signal::SIGKILL);
                    gate.wait_exit(PATIENCE);
                }
                _ => {}
            }
        }
        Some(self)
    }

    /// What the doctor finds that is no pass and no skip: by check, with its verdict and its words.
    pub fn examined(mut self, case: &Case) -> Vec<(String, String)> {
        let report = if case.plants.iter().any(|plant| matches!(plant, Plant::Inside)) {
            self.inside(case)
        } else {
            self.outside(case)
        };
        let findings = report["findings"].as_array().unwrap_or_else(|| panic!("{}: {report}", case.name));
        assert!(!findings.is_empty(), "{}: {report}", case.name);
        let red = findings.iter().filter(|one| matches!(one["verdict"].as_str(), Some("warn" | "fail")));
        let text = |one: &Value, key: &str| one[key].as_str().unwrap_or_default().to_owned();
        let shown = |one: &Value| {
            assert!(!text(one, "change").is_empty(), "{}: nothing to change in {one}", case.name);
            (text(one, "check"), format!("{} | {}", text(one, "evidence"), text(one, "change")))
        };
        red.map(shown).collect()
    }

    fn inside(&self, case: &Case) -> Value {
        let mut command = binary();
        command.args(["doctor", "--json", "--config", &format!("{}config.yaml", self.ports.folder)]);
        // Where the configuration leaves the port to the system, it does not say where the gate is asked.
        let is_known = case.plants.iter().any(|plant| matches!(plant, Plant::Gate("admin", _)));
        if let Some(gate) = self.gate.as_ref().filter(|_| !is_known) {
            command.args(["--admin", &gate.admin_addr().to_string()]);
        }
        let output = command.output().expect("the doctor");
        read(&output.stdout, &output.stderr)
    }

    fn outside(&mut self, case: &Case) -> Value {
        let token = self.token();
        let port = self.ports.own.port();
        let mut command = binary();
        command.args(["doctor", "--json", "--outside", &format!("https://{HOST}:{port}/webhooks")]);
        command.args(["--token", &token, "--from", STRANGER, "--cacert", &self.root]);
        command.args([
            "--connect",
            &self.ports.own.to_string(),
            "--http-port",
            &self.ports.plain.to_string(),
        ]);
        for plant in case.plants {
            if let Plant::Doctor(words) = plant {
                command.args(words.iter().map(|word| self.ports.put(word)));
            }
        }
        let mut child = command.spawn().expect("the doctor");
        let stdout = child.stdout.take().expect("stdout");
        let reading = std::thread::spawn(move || {
            let mut text = Vec::new();
            BufReader::new(stdout).read_to_end(&mut text).map(|_| text).unwrap_or_default()
        });
        let said = self.watch(&mut child, case);
        let _ = child.wait();
        read(&reading.join().expect("its output"), said.as_bytes())
    }

    /// What the doctor says on standard error; the gate is stopped when it asks for that.
    fn watch(&mut self, child: &mut Child, case: &Case) -> String {
        let stops = case.plants.iter().any(|plant| matches!(plant, Plant::Stopped));
        let mut said = String::new();
        for line in BufReader::new(child.stderr.take().expect("stderr")).lines().map_while(Result::ok) {
            if stops
                && line.starts_with("stop the gate now")
                && let Some(mut gate) = self.gate.take()
            {
                gate.signal(Signal::SIGKILL);
                gate.wait_exit(PATIENCE);
            }
            said.push_str(&line);
            said.push('\n');
        }
        said
    }

    fn token(&self) -> String {
        let gate = self.gate.as_ref().expect("a gate");
        let output = binary().args(["doctor", "--token", "--admin", &gate.admin_addr().to_string()]).output();
        let output = output.expect("the doctor");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("a token").trim().to_owned()
    }
}

fn read(stdout: &[u8], stderr: &[u8]) -> Value {
    serde_json::from_slice(stdout).unwrap_or_else(|error| {
        panic!("{error}: {}\n{}", String::from_utf8_lossy(stdout), String::from_utf8_lossy(stderr))
    })
}

/// The gate's configuration: that of the recipe, with the test's own ports and files, and what is planted.
fn setup(case: &Case, ports: &Ports, authorities: &Authorities) -> Setup {
    let reviewed = case.plants.iter().find_map(|plant| match plant {
        Plant::Reviewed(day) => Some((*day).to_owned()),
        _ => None,
    });
    let reviewed = reviewed.unwrap_or_else(|| day(-3));
    let url = format!("http://127.0.0.1:{}", ports.application);
    let setup = Setup::new(&url).plainly();
    let setup = setup.range("test", &format!("# reviewed: {reviewed}\n{ADMITTED}/32\n"));
    let setup =
        setup.routes(&[r#"{ path: "/webhooks/*", webhook: generic, allow: [test], deadline: 700ms }"#]);
    let chain = case.plants.iter().find_map(|plant| match plant {
        Plant::Shown(chain) => Some(*chain),
        _ => None,
    });
    let pair = authorities.pair(chain.unwrap_or(Chain::Whole));
    setup.dir.write("hooks.pem", &pair.chain);
    setup.dir.write("hooks.key", &pair.key);
    setup.dir.write("both.pem", &format!("{}{}", pair.chain, pair.key));
    let setup =
        case.proxy.keys().iter().fold(setup, |setup, (name, value)| setup.key(name, &on_any_port(value)));
    let setup = if case.proxy == Proxy::Nothing {
        let listen = format!(
            "[{{ address: \"{OUTSIDE}:0\", tls: {{ certificate: hooks.pem, key: hooks.key }}, http2: true }}]"
        );
        setup.key("listen", &listen)
    } else {
        setup
    };
    case.plants.iter().fold(setup, |setup, plant| match plant {
        Plant::Gate(name, value) => setup.key(name, &ports.put(value)),
        _ => setup,
    })
}

/// A value of the recipe with a free port in the place of its own, and the test's files.
fn on_any_port(value: &str) -> String {
    let value = ["8080", "8443", "8081", "8082"]
        .iter()
        .fold(value.to_owned(), |value, port| value.replace(&format!("127.0.0.1:{port}"), "127.0.0.1:0"));
    value
        .replace("/etc/nexmo-gate/tls/fullchain.pem", "hooks.pem")
        .replace("/etc/nexmo-gate/tls/privkey.pem", "hooks.key")
}

/// The gate, perhaps with another clock.
fn start(case: &Case, setup: Setup) -> Gate {
    let moved = case.plants.iter().find_map(|plant| match plant {
        Plant::Clock(by) => Some(*by),
        _ => None,
    });
    let Some(by) = moved else { return setup.start() };
    setup.write_config();
    let library = faketime().expect("the package faketime");
    let mut command = setup.command_of(binary());
    command.env("LD_PRELOAD", library).env("FAKETIME", by);
    command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("DONT_FAKE_MONOTONIC", "1");
    setup.start_as(&mut command)
}
