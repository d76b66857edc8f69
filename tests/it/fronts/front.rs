//! A proxy that runs, and ends with the test.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use crate::harness::sender::transport::Protocol;
use crate::harness::{PATIENCE, Port, Sender, Session};

/// The address that every proxy has on this machine.
pub const LOOPBACK: &str = "127.0.0.1";
/// Who asks whether it listens yet. From its own address a sender might meet itself: the port that it is given
/// may be the one that it asks, and TCP connects the two.
const WAITS: &str = "127.0.0.9";

pub struct Front {
    child: Child,
    log: PathBuf,
    address: SocketAddr,
    protocol: Protocol,
}

impl Front {
    /// `start` is given an address to listen on. Somebody else may take that in between: then another is tried.
    pub fn begin(folder: &Path, protocol: &Protocol, start: impl FnMut(SocketAddr) -> Command) -> Self {
        Self::begin_on(LOOPBACK, folder, protocol, start)
    }

    /// The same on another address of this machine.
    pub fn begin_on(
        ip: &str,
        folder: &Path,
        protocol: &Protocol,
        mut start: impl FnMut(SocketAddr) -> Command,
    ) -> Self {
        let log = folder.join("front.log");
        for _ in 0..5 {
            let address = Port::free(ip).address();
            let mut command = start(address);
            let said = File::create(&log).expect("a log of the proxy");
            let again = said.try_clone().expect("the log");
            command.stdin(Stdio::null()).stdout(again).stderr(said);
            let child = command.spawn().expect("the proxy");
            let mut front = Self { child, log: log.clone(), address, protocol: protocol.clone() };
            if front.listens() {
                return front;
            }
        }
        panic!("the proxy ends at once: {}", fs::read_to_string(&log).unwrap_or_default());
    }

    /// Waits until it listens; false when it ended instead.
    fn listens(&mut self) -> bool {
        let until = Instant::now() + PATIENCE;
        while self.child.try_wait().expect("a status").is_none() {
            assert!(Instant::now() < until, "the proxy does not listen");
            if Sender::try_connect(WAITS, self.address).is_ok() {
                return true;
            }
            std::thread::yield_now();
        }
        false
    }

    /// A sender that keeps its connection as long as the proxy lets it.
    pub fn session(&self, from: &str) -> Session {
        Session::new(from, self.address, self.protocol.clone())
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- the proxy said\n{}", fs::read_to_string(&self.log).unwrap_or_default());
        }
    }
}
