//! Attackers seen from outside: processes that are started together, tell what they did, and are let go.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use crate::attacker::{Orders, Tally};

/// How long after its time an attacker may tell what it did.
const STUCK: Duration = Duration::from_secs(20);
/// It leaves the processor to whom it attacks: what is judged is what the gate does about it, not who wins. Where only
/// the priority is low, the kernel lets it finish its turn of some milliseconds while the gate waits.
const POLITE: [(&str, &[&str]); 2] = [("/usr/bin/chrt", &["--idle", "0"]), ("/usr/bin/nice", &["-n", "19"])];

struct Attacker {
    child: Child,
    stdin: Option<ChildStdin>,
    told: Receiver<String>,
}

impl Attacker {
    fn start(orders: &Orders) -> Self {
        let own = std::env::current_exe().expect("this executable");
        let mut command = match POLITE.iter().find(|(program, _)| Path::new(program).exists()) {
            Some((program, words)) => {
                let mut polite = Command::new(program);
                polite.args(*words).arg(own);
                polite
            }
            None => Command::new(own),
        };
        command.args(orders.words()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("an attacker");
        let (tell, told) = mpsc::channel();
        let stdout = BufReader::new(child.stdout.take().expect("stdout"));
        thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                // Nobody listens any more.
                let _ = tell.send(line);
            }
        });
        let stdin = child.stdin.take();
        Self { child, stdin, told }
    }
}

impl Drop for Attacker {
    fn drop(&mut self) {
        // The end of its input is what it waits for; what hangs is ended.
        drop(self.stdin.take());
        let end = Instant::now() + Duration::from_secs(2);
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < end {
            thread::sleep(Duration::from_millis(5));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub struct Troop(Vec<Attacker>);

impl Troop {
    pub fn start(orders: &[Orders]) -> Self {
        Self(orders.iter().map(Attacker::start).collect())
    }

    /// Waits until all stand still, which they are to do after `lasting`; what they did, and how many tell nothing.
    pub fn stand_still(&self, lasting: Duration) -> (Tally, usize) {
        let tally = Tally::default();
        let end = Instant::now() + lasting + STUCK;
        let stuck = self.0.iter().filter(|attacker| {
            let told = attacker.told.recv_timeout(end.saturating_duration_since(Instant::now()));
            told.map(|line| tally.take_in(&line)).is_err()
        });
        let stuck = stuck.count();
        (tally, stuck)
    }
}
