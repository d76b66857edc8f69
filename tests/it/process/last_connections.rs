//! The end of the listener: whoever the kernel has let in is served, whoever comes later is refused. A connection
//! that was established and then reset would be a request lost, and Nexmo might not send it again.

use std::collections::VecDeque;
use std::io;
use std::thread;

use crate::harness::{ADMITTED, PATIENCE, Sender, Setup, Signal, Upstream, post};

/// Connections when TERM comes.
const BEFORE: usize = 100;
/// Connections that wait for their answer at once. More than the runtime gives an accept loop in one turn.
const AT_ONCE: usize = 300;
/// Many more than come in until the listener is closed: reaching this would mean that it never was.
const MOST: usize = 20_000;
const ROUNDS: usize = 4;

/// What became of senders that came one after the other, as fast as they can, while the gate was told to end.
#[derive(Debug, Default)]
struct Crowd {
    connected: usize,
    answered: usize,
    /// The first of those that were let in and not answered.
    lost: Option<io::ErrorKind>,
    refused: Option<io::ErrorKind>,
}

impl Crowd {
    fn hear(&mut self, mut sender: Sender) {
        match sender.try_reply() {
            Ok(_) => self.answered += 1,
            Err(cut) => self.lost = self.lost.or(Some(cut.why)),
        }
    }
}

fn crowd_at_the_end() -> Crowd {
    let upstream = Upstream::echo();
    let mut gate = Setup::new(upstream.url()).plainly().start();
    let mut crowd = Crowd::default();
    let mut waiting = VecDeque::new();
    while crowd.connected < MOST && crowd.refused.is_none() {
        match gate.try_connect(ADMITTED) {
            Ok(mut sender) => {
                crowd.connected += 1;
                // If this fails, so does reading the answer.
                let _ = sender.try_send(&post("/hook", "last"));
                waiting.push_back(sender);
            }
            Err(error) => crowd.refused = Some(error.kind()),
        }
        if crowd.connected == BEFORE {
            gate.signal(Signal::SIGTERM);
        }
        if waiting.len() == AT_ONCE {
            crowd.hear(waiting.pop_front().expect("a sender"));
        }
    }
    for sender in waiting {
        crowd.hear(sender);
    }
    assert_eq!(gate.wait_exit(PATIENCE), Some(0));
    crowd
}

#[test]
fn a_connection_that_is_established_while_the_listener_closes_is_answered() {
    let rounds: Vec<_> = (0..ROUNDS).map(|_| thread::spawn(crowd_at_the_end)).collect();
    for round in rounds {
        let crowd = round.join().expect("a round");
        assert_eq!(crowd.refused, Some(io::ErrorKind::ConnectionRefused), "{crowd:?}");
        assert!(crowd.connected >= BEFORE, "{crowd:?}");
        assert_eq!((crowd.answered, crowd.lost), (crowd.connected, None), "{crowd:?}");
    }
}
