//! An upstream that closes its connections right after answering: the message that meets the close is not lost, and
//! not delivered twice without the log saying so.

use std::collections::HashMap;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::harness::oracle::{self, Seen};
use crate::harness::upstream::Arrival;
use crate::harness::upstream::script::echo;
use crate::harness::{ADMITTED, Act, Answer, Gate, Setup, Upstream, post};

const SENDERS: usize = 4;
const POSTS: usize = 2000;

/// Sends [`POSTS`] from several senders at once, each over one connection; every answer must be the application's own.
fn send_all(gate: &Gate) -> Vec<Seen> {
    thread::scope(|scope| {
        let senders: Vec<_> = (0..SENDERS)
            .map(|number| {
                scope.spawn(move || {
                    let mut session = gate.session(ADMITTED);
                    let ask = |round| {
                        let case = format!("/stale/{number}/{round}");
                        let reply = session.ask(&post(&case, &case));
                        assert_eq!(
                            (reply.status, reply.text()),
                            (200, case.clone()),
                            "not the application's"
                        );
                        Seen::new(&case, Some(reply.status))
                    };
                    (0..POSTS / SENDERS).map(ask).collect::<Vec<_>>()
                })
            })
            .collect();
        senders.into_iter().flat_map(|sender| sender.join().expect("a sender")).collect()
    })
}

/// A message that the application saw twice was sent twice by the log too, the first time on a connection that had
/// served before. Gives how many there were.
fn assert_seen_twice_only_where_allowed(arrivals: &[Arrival], events: &[Value]) -> usize {
    let mut by_case: HashMap<String, Vec<&Arrival>> = HashMap::new();
    for arrival in arrivals {
        by_case.entry(arrival.case().expect("a case")).or_default().push(arrival);
    }
    assert_eq!(by_case.len(), POSTS, "every message arrived");
    let mut served: HashMap<usize, usize> = HashMap::new();
    for arrival in arrivals {
        *served.entry(arrival.connection).or_default() += 1;
    }
    let events: HashMap<&str, &Value> =
        events.iter().map(|event| (event["path"].as_str().expect("path"), event)).collect();
    let twice: Vec<_> = by_case.values().filter(|arrived| arrived.len() > 1).collect();
    for arrived in &twice {
        let event = events[arrived[0].target().as_str()];
        assert_eq!((arrived.len(), &event["attempts"]), (2, &2.into()), "{event}");
        assert_eq!(arrived[0].said, None, "answered and sent again: {event}");
        assert!(
            served[&arrived[0].connection] > 1,
            "a fresh connection's failure is never followed by a second attempt: {event}"
        );
        assert_ne!(arrived[0].connection, arrived[1].connection, "{event}");
    }
    twice.len()
}

/// Answers, and closes 0 to 10 ms later: throwing away what came meanwhile, or only when nothing came.
fn answers_and_closes(arrival: &Arrival) -> Answer {
    let pause = Duration::from_millis(arrival.connection as u64 % 11);
    let answer = echo(arrival);
    if arrival.connection.is_multiple_of(2) {
        answer.then(Act::Pause(pause)).then(Act::Close)
    } else {
        answer.then(Act::CloseIdle(pause))
    }
}

#[test]
fn every_post_arrives_once_when_the_upstream_closes_after_each_answer() {
    let upstream = Upstream::start(answers_and_closes);
    let gate = Setup::new(upstream.url()).start();
    let seen = send_all(&gate);
    assert_eq!(seen.len(), POSTS);
    let (arrivals, events) = (upstream.arrivals(), gate.finish().events);
    oracle::agree(&seen, &arrivals, &events);
    assert_eq!(
        assert_seen_twice_only_where_allowed(&arrivals, &events),
        0,
        "nothing was read and not answered"
    );
}

/// Every seventh message that comes over a connection in use is read, and the connection closed without a word.
fn reads_and_hangs_up(served: &Mutex<HashMap<usize, usize>>, arrival: &Arrival) -> Answer {
    let mut served = served.lock().expect("counts");
    let count = served.entry(arrival.connection).or_default();
    *count += 1;
    if *count > 1 && count.is_multiple_of(7) { Answer::broken([Act::Close]) } else { echo(arrival) }
}

#[test]
fn a_post_resent_after_a_hang_up_arrives_twice_only_where_the_log_says_so() {
    let served = Mutex::default();
    let upstream = Upstream::start(move |arrival| reads_and_hangs_up(&served, arrival));
    let gate = Setup::new(upstream.url()).start();
    let seen = send_all(&gate);
    let (arrivals, events) = (upstream.arrivals(), gate.finish().events);
    oracle::agree(&seen, &arrivals, &events);
    let twice = assert_seen_twice_only_where_allowed(&arrivals, &events);
    let logged = events.iter().filter(|event| event["attempts"] == 2).count();
    assert_eq!(twice, logged, "each second attempt is in the log, and no other");
    assert!(twice > POSTS / 20, "the case was tried: {twice}");
}
