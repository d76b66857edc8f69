//! The gate as a process: what it says of itself, what the kernel says of it, and its end.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use super::PATIENCE;
use super::ledger::Ledger;
use super::site::Site;
use super::usage::{self, Usage};

/// What the process may hold where `nexmo-gate check` does not say it: an older binary, for comparison.
const UNTOLD_MIB: u64 = 180;
/// How often is asked whether something has come true.
const LOOK: Duration = Duration::from_millis(20);

pub struct Gate {
    child: Child,
    pub site: Site,
    pub ledger: Ledger,
    listen: Vec<SocketAddr>,
    admin: SocketAddr,
    pub most: Memory,
}

/// The memory that the process may take.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    pub mib: u64,
    /// `check` said it.
    pub is_told: bool,
}

/// What the gate counts.
#[derive(Clone, Debug, Default)]
pub struct Numbers(BTreeMap<String, u64>);

impl Numbers {
    pub fn of(&self, name: &str) -> u64 {
        self.0.get(name).copied().unwrap_or_default()
    }
}

/// Where the binary is: `NEXMO_GATE_TEST_BINARY`, or the one that was built with this.
pub fn program() -> PathBuf {
    std::env::var_os("NEXMO_GATE_TEST_BINARY")
        .map_or_else(|| env!("CARGO_BIN_EXE_nexmo-gate").into(), PathBuf::from)
}

fn command(word: &str, site: &Site) -> Command {
    let mut command = Command::new(program());
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("NEXMO_GATE_"))
    {
        command.env_remove(name);
    }
    command.args([word, "--config"]).arg(site.config());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

impl Gate {
    pub fn start(site: Site) -> Self {
        let most = memory(&site);
        let mut child = command("run", &site).spawn().expect("the gate's binary");
        let ledger = Ledger::of(child.stdout.take().expect("stdout"));
        let (tell, told) = mpsc::channel();
        let log = BufReader::new(child.stderr.take().expect("stderr"));
        thread::spawn(move || {
            for line in log.lines().map_while(Result::ok) {
                let event: Value = serde_json::from_str(&line).unwrap_or_default();
                if event["message"] == "ready" {
                    // Nobody waits for a second one.
                    let _ = tell.send(event);
                } else if event["level"].as_str().is_none_or(|level| level.eq_ignore_ascii_case("error")) {
                    eprintln!("siege: the gate says: {line}");
                }
            }
        });
        let ready = told.recv_timeout(PATIENCE).expect("the gate becomes ready");
        let text = |key: &str| ready[key].as_str().expect("a text").to_owned();
        let listen = text("listen").split(',').map(|one| one.trim().parse().expect("an address")).collect();
        let admin = text("admin").parse().expect("an address");
        Self { child, site, ledger, listen, admin, most }
    }

    pub fn address(&self, door: usize) -> SocketAddr {
        self.listen[door]
    }

    fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    pub fn usage(&self) -> Usage {
        Usage::of(self.pid())
    }

    /// Processor time so far.
    pub fn cpu(&self) -> Duration {
        Duration::from_millis(10 * usage::cpu_ticks(self.pid()))
    }

    /// The memory that is held now.
    pub fn resident_mib(&self) -> u64 {
        self.usage().resident_kib / 1024
    }

    /// The most memory that was held since [`Gate::forget_peak`].
    pub fn peak_mib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("the process");
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("VmHWM");
        let kib: u64 = line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("KiB");
        kib.div_ceil(1024)
    }

    pub fn forget_peak(&self) {
        fs::write(format!("/proc/{}/clear_refs", self.pid()), "5").expect("clear_refs");
    }

    /// What it counts.
    ///
    /// # Errors
    /// The admin interface does not answer.
    pub fn numbers(&self) -> io::Result<Numbers> {
        let mut stream = TcpStream::connect_timeout(&self.admin, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(stream, "GET /metrics HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.admin)?;
        let mut page = String::new();
        stream.read_to_string(&mut page)?;
        let mut numbers = Numbers::default();
        for line in page.lines() {
            let Some((sample, value)) =
                line.strip_prefix("nexmo_gate_").and_then(|line| line.rsplit_once(' '))
            else {
                continue;
            };
            // Samples of one name are one number here, whatever their labels.
            let name = sample.split('{').next().unwrap_or(sample);
            *numbers.0.entry(name.to_owned()).or_default() += value.parse::<u64>().unwrap_or_default();
        }
        Ok(numbers)
    }

    /// Asks again and again until the numbers are `good`; the last ones, and whether they were.
    pub fn settle(&self, within: Duration, good: impl Fn(&Numbers) -> bool) -> (Numbers, bool) {
        let end = Instant::now() + within;
        loop {
            let numbers = self.numbers().unwrap_or_default();
            let is_good = !numbers.0.is_empty() && good(&numbers);
            if is_good || Instant::now() >= end {
                return (numbers, is_good);
            }
            thread::sleep(LOOK);
        }
    }

    /// TERM; how long the end took, if it came.
    pub fn terminate(&mut self, within: Duration) -> Option<Duration> {
        let began = Instant::now();
        kill(Pid::from_raw(i32::try_from(self.pid()).expect("a pid")), Signal::SIGTERM)
            .expect("signal the gate");
        while self.is_running() {
            if began.elapsed() > within {
                return None;
            }
            thread::sleep(LOOK);
        }
        let took = began.elapsed();
        let end = Instant::now() + PATIENCE;
        while !self.ledger.has_ended() && Instant::now() < end {
            thread::sleep(LOOK);
        }
        Some(took)
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What `nexmo-gate check` says of the worst case.
fn memory(site: &Site) -> Memory {
    let output = command("check", site).output().expect("nexmo-gate check");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "check: {text}{}", String::from_utf8_lossy(&output.stderr));
    let told = text.lines().find_map(|line| {
        let words = line.trim().strip_prefix("memory at worst")?;
        // Thousands are grouped.
        let digits: String = words.trim().strip_suffix("MiB")?.chars().filter(char::is_ascii_digit).collect();
        digits.parse().ok()
    });
    Memory { mib: told.unwrap_or(UNTOLD_MIB), is_told: told.is_some() }
}
