//! A proxy, the gate and an application, as a recipe says.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use super::front::Front;
use super::page::{Page, configured, keys, put};
use crate::harness::sender::transport::Protocol;
use crate::harness::test_ca::{Authority, HOST};
use crate::harness::upstream::Arrival;
use crate::harness::{ADMITTED, Answer, Gate, STRANGER, Setup, Upstream, cannot_run, post, wait_until};

/// One recipe of docs/fronts.md, and how the proxy is started from it.
pub struct Recipe {
    pub heading: &'static str,
    /// Which of the section's blocks for the gate, from 0.
    pub place: usize,
    /// Where the gate listens, as the recipe has it.
    pub gate: &'static str,
    /// Whether the proxy speaks HTTP, so that it has statuses of its own.
    pub speaks_http: bool,
    /// Writes the proxy's files into the folder; the command that runs it there.
    pub command: fn(&Ground, SocketAddr) -> Command,
    pub program: fn() -> Option<PathBuf>,
    pub people: &'static People,
}

/// Whom the gate's list admits, and whom not.
pub struct People {
    pub admitted: &'static str,
    pub stranger: &'static str,
}

pub const ON_LOOPBACK: People = People { admitted: ADMITTED, stranger: STRANGER };

/// What the command of a proxy is made of.
pub struct Ground {
    pub page: Page,
    pub program: PathBuf,
    pub folder: PathBuf,
    pub gate: SocketAddr,
}

impl Ground {
    pub fn file(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.join(name);
        fs::write(&path, text).expect("a file of the proxy");
        path
    }

    /// The text with the test's own certificate and key in the place of the proxy's.
    pub fn certified(&self, text: &str, folder: &str) -> String {
        let text = put(text, &format!("{folder}/hooks.pem"), &self.file("hooks.pem"));
        put(&text, &format!("{folder}/hooks.key"), &self.file("hooks.key"))
    }
}

pub struct Stand {
    pub front: Front,
    pub gate: Gate,
    pub upstream: Upstream,
    /// The gate's key `listen`, with [`ANY_PORT`].
    pub listen: String,
}

/// Where the gate of a test listens, in the place of the recipe's address.
pub const ANY_PORT: &str = "127.0.0.1:0";

impl Stand {
    /// Nothing, loudly, where this machine does not have the proxy. One stranger has been denied already.
    pub fn of(recipe: &'static Recipe, script: fn(&Arrival) -> Answer) -> Option<Self> {
        Self::with(recipe, script, |setup| setup)
    }

    /// The same with more keys for the gate.
    pub fn with(
        recipe: &'static Recipe,
        script: fn(&Arrival) -> Answer,
        edit: fn(Setup) -> Setup,
    ) -> Option<Self> {
        let Some(program) = (recipe.program)() else {
            cannot_run(
                "a recipe of docs/fronts.md",
                &format!("the proxy of {:?} is missing: scripts/prerequisites-long", recipe.heading),
            );
            return None;
        };
        let upstream = Upstream::start(script);
        let page = Page::section("fronts.md", recipe.heading);
        let setup = recipe.setup(&upstream);
        let authority = Authority::new("Test CA");
        certify(&setup, &authority);
        let block = recipe.block(&page, setup.path());
        let listen = keys(&block).into_iter().find(|(name, _)| name == "listen").expect("listen").1;
        let gate = edit(configured(setup, &block)).start();
        let ground = Ground { page, program, folder: gate.setup.path().to_owned(), gate: gate.addr() };
        let protocol = Protocol { tls: Some(Arc::new(authority.client_config())), http2: false };
        let front = Front::begin(&ground.folder, &protocol, |own| (recipe.command)(&ground, own));
        // A proxy may listen before it knows its routes, or before it has found the gate well.
        let ask = || front.session(recipe.people.stranger).try_ask(&post("/webhooks/first", "first"));
        let reached = || ask().is_ok_and(|reply| reply.status == 403);
        wait_until(reached, || format!("the proxy of {:?} does not reach the gate", recipe.heading));
        Some(Self { front, gate, upstream, listen })
    }
}

impl Recipe {
    fn setup(&self, upstream: &Upstream) -> Setup {
        Setup::new(upstream.url()).plainly().range("test", &format!("{}/32\n", self.people.admitted))
    }

    /// The recipe's block for the gate, with the test's own port and paths.
    fn block(&self, page: &Page, folder: &Path) -> String {
        let block = put(&page.block("yaml", self.place), self.gate, ANY_PORT);
        if !block.contains("tls:") {
            return block;
        }
        let own = |name: &str| folder.join(name).display().to_string();
        let block = put(&block, "/etc/nexmo-gate/tls/fullchain.pem", &own("hooks.pem"));
        put(&block, "/etc/nexmo-gate/tls/privkey.pem", &own("hooks.key"))
    }
}

/// A certificate for the test's host and its key, as two files and as one.
fn certify(setup: &Setup, authority: &Authority) {
    let pair = authority.pair(&[HOST]);
    setup.dir.write("hooks.pem", &pair.chain);
    setup.dir.write("hooks.key", &pair.key);
    setup.dir.write("both.pem", &format!("{}{}", pair.chain, pair.key));
}

/// A program of the system, wherever it keeps those for root.
pub fn installed(name: &str) -> Option<PathBuf> {
    let places = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin";
    places.split(':').map(|place| Path::new(place).join(name)).find(|path| path.is_file())
}

/// A program that scripts/prerequisites-long keeps beside the build.
pub fn kept(path: &str) -> Option<PathBuf> {
    let test = std::env::current_exe().expect("this test");
    let target = test.ancestors().nth(3).expect("target/debug/deps");
    let program = target.join("tools/fronts").join(path);
    let runs = Command::new(&program).arg("--help").stdout(Stdio::null()).stderr(Stdio::null()).status();
    runs.is_ok_and(|status| status.success()).then_some(program)
}
