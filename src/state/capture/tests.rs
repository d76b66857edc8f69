//! What is kept, for how long, and that it is never more than there is room for.

use std::time::{Duration, SystemTime};

use super::*;
use crate::policy::address::addr::Address;
use crate::policy::outcome::Reason;
use crate::state::capture::exchange::Phases;

const BUFFERS: usize = 64 << 20;
const ON: Inspect = Inspect::On { keep: 4, bodies: Bodies::Masked };

fn capture() -> (Arc<Capture>, Arc<Gauges>) {
    let gauges = Arc::new(Gauges::default());
    (Arc::new(Capture::new(Arc::clone(&gauges))), gauges)
}

fn wish(seconds: u64, bodies: Bodies) -> Wish {
    Wish { time: Duration::from_secs(seconds), bodies }
}

fn exchange(capture: &Arc<Capture>, buffers: usize, reason: Reason, body: &[u8]) -> Option<Exchange> {
    let mut draft = capture.begin(buffers)?;
    draft.request_body(body);
    let (parts, charge) = draft.finish(b"POST / HTTP/1.1\r\n\r\n")?;
    Some(Exchange {
        number: 0,
        ended: SystemTime::now(),
        request_id: "id".to_owned(),
        client: None,
        peer: Address::new([192, 0, 2, 1].into()),
        listed: None,
        route: None,
        webhook: None,
        method: b"POST".to_vec(),
        path: b"/".to_vec(),
        reason,
        would_deny: None,
        status: Some(200),
        upstream_status: None,
        attempts: 0,
        bytes_in: body.len() as u64,
        bytes_out: 0,
        phases: Phases::default(),
        signature: None,
        tls: false,
        http: None,
        note: None,
        parts,
        charge,
    })
}

/// One request that ends.
fn one(capture: &Arc<Capture>, buffers: usize, reason: Reason, body: &[u8]) -> bool {
    let exchange = exchange(capture, buffers, reason, body);
    let room = Room::of(capture.after(0).standing.map_or(4, |standing| standing.keep), buffers);
    exchange.map(|exchange| capture.keep(exchange, room)).is_some()
}

fn held(gauges: &Gauges) -> u64 {
    gauges.buffered.load(Relaxed)
}

#[test]
fn off_keeps_nothing_and_turning_it_off_forgets_all() {
    let (capture, gauges) = capture();
    let now = Instant::now();
    assert!(!one(&capture, BUFFERS, Reason::Success, b"a"));
    let (lease, standing) = capture.ask(&wish(10, Bodies::Masked), now).unwrap();
    assert_eq!(standing.bodies, Bodies::Masked);
    assert!(one(&capture, BUFFERS, Reason::Success, b"abc"));
    assert_eq!(capture.after(0).exchanges[0].parts.request.body.bytes[..], *b"abc");
    assert_eq!(gauges.inspect_on.load(Relaxed), 1);
    assert!(held(&gauges) > 1000);
    let ended = capture.end(Some(lease.number), now);
    assert_eq!(ended, Ended { was_on: true, is_on: false, any: true });
    assert_eq!((held(&gauges), gauges.inspect_on.load(Relaxed)), (0, 0));
    assert!(capture.after(0).exchanges.is_empty());
}

#[test]
fn a_wish_ends_by_itself_within_an_hour_and_another_one_stays() {
    let (capture, _) = capture();
    let now = Instant::now();
    let after = |seconds| now + Duration::from_secs(seconds);
    let (long, _) = capture.ask(&wish(90_000, Bodies::Full), now).unwrap();
    assert_eq!(long.until, after(3600));
    capture.ask(&wish(60, Bodies::Masked), now).unwrap();
    assert!(capture.keep_time(Inspect::Off, after(61)).is_on);
    assert_eq!(capture.find(1).standing.unwrap().bodies, Bodies::Full);
    assert_eq!(capture.keep_time(Inspect::Off, after(3600)), Ended { was_on: true, is_on: false, any: true });
    for _ in 0..8 {
        capture.ask(&wish(60, Bodies::Off), now).unwrap();
    }
    assert_eq!(capture.ask(&wish(60, Bodies::Off), now), Err(Refused::Many));
    assert!(capture.ask(&wish(60, Bodies::Off), after(61)).is_ok(), "their time is over");
    assert!(!capture.end(None, now).is_on);
    assert_eq!(capture.keep_time(Inspect::Never, now), Ended::default());
    assert_eq!(capture.ask(&wish(60, Bodies::Off), now), Err(Refused::Never));
}

#[test]
fn bodies_go_when_they_are_not_wanted_any_more() {
    let (capture, gauges) = capture();
    let now = Instant::now();
    assert!(capture.keep_time(ON, now).is_on);
    assert!(one(&capture, BUFFERS, Reason::Success, b"abc"));
    assert!(capture.keep_time(Inspect::On { keep: 4, bodies: Bodies::Off }, now).is_on);
    assert_eq!(held(&gauges), 0);
    assert!(one(&capture, BUFFERS, Reason::Success, b"abc"));
    let kept = capture.after(0);
    let body = &kept.exchanges[0].parts.request.body;
    assert_eq!((body.bytes.len(), body.whole), (0, 3));
}

#[test]
fn strangers_do_not_push_the_others_out() {
    let (capture, _) = capture();
    capture.keep_time(ON, Instant::now());
    for _ in 0..3 {
        one(&capture, BUFFERS, Reason::Success, b"");
    }
    for _ in 0..100 {
        one(&capture, BUFFERS, Reason::NotListed, b"");
    }
    let reasons: Vec<_> = capture.after(0).exchanges.iter().map(|one| (one.number, one.reason)).collect();
    assert_eq!(
        reasons,
        [(2, Reason::Success), (3, Reason::Success), (102, Reason::NotListed), (103, Reason::NotListed)]
    );
    for _ in 0..100 {
        one(&capture, BUFFERS, Reason::Success, b"");
    }
    assert_eq!(capture.after(0).exchanges.iter().filter(|one| one.is_denied()).count(), 2);
    assert!(capture.find(5).exchanges.is_empty(), "it is gone");
    assert_eq!(
        (capture.find(203).exchanges.len(), capture.after(203).exchanges.len(), capture.after(0).last),
        (1, 0, 203)
    );
}

#[test]
fn memory_is_bounded_whatever_comes_and_however_much_is_under_way() {
    let (capture, gauges) = capture();
    capture.keep_time(Inspect::On { keep: 1000, bodies: Bodies::Full }, Instant::now());
    let body = vec![b'x'; 1 << 20];
    let mut under_way = Vec::new();
    for number in 0..500 {
        if number % 3 == 0 {
            let mut draft = capture.begin(BUFFERS).unwrap();
            draft.request_body(&body);
            under_way.push(draft);
        } else {
            one(&capture, BUFFERS, Reason::Success, &body);
        }
        assert!(held(&gauges) <= 1 << 20, "{}", held(&gauges));
    }
    under_way.clear();
    assert!(one(&capture, BUFFERS, Reason::Success, &body));
    assert!(capture.after(0).exchanges.iter().all(|one| one.parts.request.body.bytes.len() <= 16 << 10));
    // A small account gives a quarter.
    capture.give_way();
    for _ in 0..100 {
        one(&capture, 100 << 10, Reason::Success, &body);
        assert!(held(&gauges) <= 25 << 10);
    }
}

#[test]
fn what_messages_need_is_given_back_and_not_taken() {
    let (capture, gauges) = capture();
    capture.keep_time(ON, Instant::now());
    assert!(!capture.give_way(), "nothing is held");
    one(&capture, BUFFERS, Reason::Success, b"abc");
    assert!(capture.give_way() && held(&gauges) == 0);
    // Messages hold nearly all.
    gauges.buffered.store(BUFFERS as u64 - 10, Relaxed);
    assert!(!one(&capture, BUFFERS, Reason::Success, b"abc"));
    assert_eq!(held(&gauges), BUFFERS as u64 - 10);
}

#[tokio::test]
async fn few_orders_wait_and_one_without_a_gate_is_told_so() {
    let (capture, _) = capture();
    capture.keep_time(ON, Instant::now());
    one(&capture, BUFFERS, Reason::Success, b"");
    let exchange = capture.after(0).exchanges.remove(0);
    let mut orders = capture.desk.orders().unwrap();
    assert!(capture.desk.orders().is_none(), "one takes them");
    let asked: Vec<_> = (0..6)
        .map(|_| {
            let (capture, exchange) = (Arc::clone(&capture), Arc::clone(&exchange));
            tokio::spawn(async move { capture.desk.order(exchange, false).await })
        })
        .collect();
    tokio::task::yield_now().await;
    for _ in 0..4 {
        let order = orders.recv().await.unwrap();
        order.result.send(Err(replay::NotReplayed::NoRoute)).unwrap();
    }
    orders.close();
    let mut told = Vec::new();
    for one in asked {
        told.push(one.await.unwrap().unwrap_err());
    }
    let busy = told.iter().filter(|one| **one == replay::NotReplayed::Busy).count();
    assert_eq!((told.len(), busy), (6, 2), "{told:?}");
    let order = capture.desk.order(exchange, false).await;
    assert_eq!(order, Err(replay::NotReplayed::Ending));
}
