//! The delivery table and the strictness of the plain listener, again over TLS: the same tests, another transport.

use crate::harness::{ADMITTED, PATIENCE, Setup, Upstream, get, post};
use crate::requests::ambiguous;
use crate::upstream::delivery;

#[test]
fn the_whole_delivery_table_holds_over_tls() {
    delivery::every_final_status_as_the_table_says(Setup::over_tls);
}

#[test]
fn what_is_ambiguous_is_refused_over_tls() {
    ambiguous::every_row_is_refused(Setup::over_tls);
}

#[test]
fn a_sender_that_closes_its_side_is_answered_whether_it_says_goodbye_or_not() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).over_tls().start();
    for (case, says_goodbye) in [("/goodbye", true), ("/silent", false)] {
        let mut sender = gate.connect(ADMITTED);
        sender.send(&get(case));
        if says_goodbye {
            sender.half_close();
        } else {
            sender.half_close_tcp();
        }
        assert_eq!(sender.reply().text(), case);
    }
    assert!(gate.finish().events.iter().all(|event| event["delivered"] == true));
}

#[test]
fn a_connection_is_kept_pipelined_and_closed_over_tls() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).over_tls().start();
    let mut sender = gate.connect(ADMITTED);
    sender.send(&[post("/one", "one"), get("/two")].concat());
    assert_eq!((sender.reply().text(), sender.reply().text()), ("/one".into(), "/two".into()));
    sender.half_close();
    assert!(sender.is_closed_within(PATIENCE));
    let finished = gate.finish();
    assert_eq!(finished.code, Some(0));
    assert!(finished.events.iter().all(|event| event["tls"] == true && event["delivered"] == true));
}
