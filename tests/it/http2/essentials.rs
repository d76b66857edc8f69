//! What the other tests say of HTTP/1, again over HTTP/2: the delivery table whole, who the client is, the samples and
//! every broken answer. `make test-over-http2` runs all the rest of the black-box tests like this.

use crate::client::client_address;
use crate::harness::{ADMITTED, STRANGER, Setup, Upstream, get};
use crate::requests::bytes;
use crate::upstream::{bad_answers, delivery};

#[test]
fn the_whole_delivery_table_holds_over_http2() {
    delivery::every_final_status_as_the_table_says(Setup::over_http2);
}

#[test]
fn no_broken_answer_is_a_success_over_http2() {
    bad_answers::no_broken_answer_is_a_success(Setup::over_http2);
}

#[test]
fn every_sample_webhook_arrives_byte_for_byte_over_http2() {
    bytes::every_sample_arrives(Setup::over_http2);
}

#[test]
fn forged_headers_count_for_nothing_over_http2() {
    bytes::forged_headers_count_for_nothing(Setup::over_http2);
}

#[test]
fn lists_of_hops_over_several_lines_are_one_chain_over_http2() {
    client_address::every_chain_is_walked_from_the_right(Setup::over_http2);
}

#[test]
fn strangers_are_denied_and_the_log_says_how_they_came() {
    for (over, tls) in [(Setup::over_http2 as fn(Setup) -> Setup, true), (Setup::over_h2c, false)] {
        let upstream = Upstream::echo();
        let gate = over(Setup::new(upstream.url())).start();
        assert_eq!(gate.ask(STRANGER, &get("/hook")).status, 403);
        assert_eq!(gate.ask(ADMITTED, &get("/hook")).status, 200);
        let events = gate.finish().events;
        assert_eq!(events.len(), 2);
        for event in &events {
            assert_eq!((&event["tls"], &event["http"]), (&tls.into(), &"2".into()), "{event}");
        }
        assert_eq!(events.iter().filter(|event| event["delivered"] == true).count(), 1);
        assert_eq!(upstream.arrivals().len(), 1);
    }
}
