//! The oracle: the upstream's own record, the access log and what the sender saw must tell one story.

use std::collections::HashMap;

use serde_json::Value;

use super::upstream::Arrival;

/// What one sender saw of one request; `case` is its `X-Case` header.
pub struct Seen {
    pub case: String,
    /// `None`: no whole response came.
    pub status: Option<u16>,
}

impl Seen {
    pub fn new(case: &str, status: Option<u16>) -> Self {
        Self { case: case.to_owned(), status }
    }
}

pub fn is_success(status: u16) -> bool {
    (200..=205).contains(&status)
}

/// `events` must be the whole log of a gate that got exactly the requests `seen`.
pub fn agree(seen: &[Seen], arrivals: &[Arrival], events: &[Value]) {
    assert_eq!(events.len(), seen.len(), "one request, one event");
    let mut by_case: HashMap<String, Vec<&Arrival>> = HashMap::new();
    for arrival in arrivals {
        if let Some(case) = arrival.case() {
            by_case.entry(case).or_default().push(arrival);
        }
    }
    let mut by_id: HashMap<&str, Vec<&Value>> = HashMap::new();
    for event in events {
        by_id.entry(event["request_id"].as_str().expect("request_id")).or_default().push(event);
    }
    for one in seen {
        let arrived = by_case.remove(&one.case).unwrap_or_default();
        let said_success = arrived.iter().any(|arrival| arrival.said.is_some_and(is_success));
        let heard_success = one.status.is_some_and(is_success);
        assert!(!heard_success || said_success, "{}: the sender heard a success nobody said", one.case);
        assert!(arrived.len() <= 2, "{}: sent to the upstream {} times", one.case, arrived.len());

        let Some(last) = arrived.last() else { continue };
        let id = last.head.one("x-request-id").expect("X-Request-Id at the upstream");
        let logged = by_id.get(id.as_str()).map(Vec::as_slice).unwrap_or_default();
        assert_eq!(logged.len(), 1, "{}: events with its request id", one.case);
        let event = logged[0];
        let delivered = event["delivered"].as_bool().expect("delivered is a boolean");
        assert_eq!(delivered, event["outcome"] == "delivered", "{}: {event}", one.case);
        assert_eq!(delivered, heard_success, "{}: the log and the sender differ: {event}", one.case);
        assert_eq!(event["status"].as_u64(), one.status.map(u64::from), "{}: {event}", one.case);
        let attempts = event["attempts"].as_u64().expect("attempts is a number");
        assert!(
            (arrived.len() as u64..=2).contains(&attempts),
            "{}: {} arrivals, {event}",
            one.case,
            arrived.len()
        );
    }
    let delivered = events.iter().filter(|event| event["delivered"] == true).count();
    let heard = seen.iter().filter(|one| one.status.is_some_and(is_success)).count();
    assert_eq!(delivered, heard, "events that say delivered, and senders that heard a success");
}
