//! The gate ends and starts anew while senders go on: each message is delivered once, or its sender was told to send it
//! again and the application never saw it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use super::front::Front;
use super::page::put;
use super::stand::{ANY_PORT, Recipe, Stand};
use crate::harness::upstream::Arrival;
use crate::harness::upstream::script::echo;
use crate::harness::{Act, Answer, post, wait_until};

const SENDERS: usize = 4;
/// A sender stops at this many, whatever happens.
const MOST: usize = 4_000;
/// Delivered before the end of the first gate, and by the second one.
const EACH: usize = 60;

/// Slow enough that the end comes while messages are under way.
fn application(arrival: &Arrival) -> Answer {
    echo(arrival).first(Act::Pause(Duration::from_millis(10)))
}

/// What each message's sender heard.
#[derive(Default)]
struct Crowd {
    heard: Mutex<HashMap<String, Option<u16>>>,
    delivered: AtomicUsize,
    /// How many each sender has begun to send.
    begun: [AtomicUsize; SENDERS],
    over: AtomicBool,
}

impl Crowd {
    fn send(&self, front: &Front, recipe: &Recipe, number: usize) {
        // Half of the senders keep their connection where the proxy itself speaks HTTP.
        let keeps = recipe.speaks_http && number.is_multiple_of(2);
        let mut session = front.session(recipe.people.admitted);
        for round in 0..MOST {
            if self.over.load(Ordering::Relaxed) {
                return;
            }
            if !keeps || round % 50 == 0 {
                session = front.session(recipe.people.admitted);
            }
            let case = format!("{number}-{round}");
            self.begun[number].fetch_add(1, Ordering::Relaxed);
            let status = session.try_ask(&post("/webhooks/x", &case)).ok().map(|reply| reply.status);
            if status == Some(200) {
                self.delivered.fetch_add(1, Ordering::Relaxed);
            }
            self.heard.lock().expect("the crowd").insert(case, status);
        }
    }

    fn begun(&self) -> Vec<usize> {
        self.begun.iter().map(|count| count.load(Ordering::Relaxed)).collect()
    }

    fn wait_delivered(&self, count: usize) {
        let delivered = || self.delivered.load(Ordering::Relaxed);
        wait_until(|| delivered() >= count, || format!("{} of {count} delivered", delivered()));
    }
}

/// Ends the crowd, also when the test fails.
struct Over<'a>(&'a Crowd);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::Relaxed);
    }
}

pub fn loses_nothing_behind(recipe: &'static Recipe) {
    let Some(Stand { front, gate, upstream, listen, .. }) = Stand::of(recipe, application) else { return };
    let crowd = Crowd::default();
    let listen = put(&listen, ANY_PORT, &gate.addr().to_string());
    let events = thread::scope(|scope| {
        let over = Over(&crowd);
        for number in 0..SENDERS {
            let (crowd, front) = (&crowd, &front);
            scope.spawn(move || crowd.send(front, recipe, number));
        }
        crowd.wait_delivered(EACH);
        let before = crowd.begun();
        let first = gate.finish();
        // Each sender comes while no gate listens, or while the first one ends.
        let comes = || crowd.begun().iter().zip(&before).all(|(now, before)| now > before);
        wait_until(comes, || format!("{:?} begun", crowd.begun()));
        let second = first.setup.clone().key("listen", &listen).start();
        crowd.wait_delivered(crowd.delivered.load(Ordering::Relaxed) + EACH);
        drop(over);
        (first.events, second)
    });
    let (mut events, second) = events;
    events.extend(second.finish().events);
    agree(recipe, &crowd.heard.into_inner().expect("the crowd"), &upstream.arrivals(), &events);
}

/// What senders heard, what the application saw and what the gate wrote down are one story, in which nothing is lost.
fn agree(recipe: &Recipe, heard: &HashMap<String, Option<u16>>, arrivals: &[Arrival], events: &[Value]) {
    let mut seen: HashMap<String, usize> = HashMap::new();
    for arrival in arrivals {
        *seen.entry(arrival.case().expect("a case")).or_default() += 1;
    }
    let mut told: BTreeMap<Option<u16>, usize> = BTreeMap::new();
    for (case, status) in heard {
        *told.entry(*status).or_default() += 1;
        let times = seen.remove(case).unwrap_or_default();
        match status {
            Some(200) => assert_eq!(times, 1, "{case}: delivered once"),
            Some(503) => assert_eq!(times, 0, "{case}: the sender sends it again"),
            None if !recipe.speaks_http => assert_eq!(times, 0, "{case}: the sender heard nothing"),
            other => panic!("{case}: {other:?}, and the application saw it {times} times"),
        }
    }
    assert!(seen.is_empty(), "nobody sent {seen:?}");
    let delivered = events.iter().filter(|event| event["delivered"] == true).count();
    assert_eq!(Some(&delivered), told.get(&Some(200)), "{told:?}");
    println!("{} ({}): what senders heard: {told:?}", recipe.heading, recipe.place);
}
