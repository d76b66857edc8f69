//! What the application does with one request: a right answer, or one of the ways in which applications go wrong.

use std::time::Duration;

use crate::dice::Dice;

/// The longest that anything comes after the answer that it does not belong to.
pub const LATEST: Duration = Duration::from_millis(20);
/// The deadline of the gate's route; `TooLate` and `ShortThenSilent` run into it.
pub const DEADLINE: Duration = Duration::from_millis(400);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// No fault.
    Right,
    TwiceAtOnce,
    TwiceLate,
    /// A whole success that names no request, late.
    NamelessLate,
    JunkAtOnce,
    JunkLate,
    /// More body than was announced.
    Long,
    /// A body behind a status or a method that has none.
    BodyWhereNone,
    /// The answer comes before the body was read.
    Early,
    EarlyThenClose,
    /// Less body than was announced, and then the end.
    Short,
    ShortThenSilent,
    /// The end after any byte of the answer.
    Cut,
    CutByReset,
    /// The end behind a whole answer that did not announce it, at once or late.
    CloseAfter,
    ResetAfter,
    /// 408 on an idle connection, and then the end.
    IdleTimeout,
    Interim,
    InterimFlood,
    InterimLate,
    BrokenChunks,
    TooLate,
    /// 503 to a connection that has not asked yet, and then the end.
    Unasked,
}

/// What may go wrong with a request, the likely ones more than once.
const FAULTS: [Kind; 30] = [
    Kind::TwiceAtOnce,
    Kind::TwiceAtOnce,
    Kind::TwiceLate,
    Kind::TwiceLate,
    Kind::TwiceLate,
    Kind::TwiceLate,
    Kind::TwiceLate,
    Kind::NamelessLate,
    Kind::NamelessLate,
    Kind::JunkAtOnce,
    Kind::JunkLate,
    Kind::Long,
    Kind::Long,
    Kind::BodyWhereNone,
    Kind::BodyWhereNone,
    Kind::Early,
    Kind::EarlyThenClose,
    Kind::Short,
    Kind::Short,
    Kind::Cut,
    Kind::Cut,
    Kind::CutByReset,
    Kind::CloseAfter,
    Kind::ResetAfter,
    Kind::IdleTimeout,
    Kind::IdleTimeout,
    Kind::Interim,
    Kind::InterimFlood,
    Kind::InterimLate,
    Kind::BrokenChunks,
];
/// Those that hold a sender up until the deadline: one fault in so many.
const SLOW_ONE_IN: usize = 300;

impl Kind {
    pub fn of(dice: &mut Dice) -> Self {
        if dice.below(SLOW_ONE_IN) == 0 {
            return *dice.pick(&[Self::ShortThenSilent, Self::TooLate]);
        }
        *dice.pick(&FAULTS)
    }

    /// A second answer and nothing else: what shifts all that come after it, if nobody takes notice.
    pub fn second_answer(dice: &mut Dice) -> Self {
        *dice.pick(&[Self::TwiceLate, Self::TwiceLate, Self::NamelessLate])
    }
}

/// One thing that the application does on a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// The last byte of the right answer to the request.
    Answer {
        bytes: Vec<u8>,
        status: u16,
    },
    /// The beginning of an answer that never ends. What others had left to say on the connection is not said any
    /// more: an application does not write one answer into the middle of another.
    Part {
        bytes: Vec<u8>,
    },
    /// Bytes that are no answer to it.
    Other {
        bytes: Vec<u8>,
    },
    /// 408 and the end, if no request is under way.
    IdleTimeout,
    Close,
    Reset,
}

/// When something is done, from when the request was there: its head if `early`, else all of it.
#[derive(Clone, Debug)]
pub struct Plan {
    pub token: usize,
    pub kind: Kind,
    pub early: bool,
    pub deeds: Vec<(Duration, Deed)>,
}

/// A request, as far as an answer depends on it.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    pub token: usize,
    pub is_head: bool,
}

impl Plan {
    /// The plan for a request; the same for the same dice.
    pub fn new(asked: Asked, kind: Kind, takes: (Duration, Duration), dice: &mut Dice) -> Self {
        let token = asked.token;
        let answer = Answer::new(asked, kind, dice);
        let (status, bytes) = (answer.status, answer.bytes);
        let begin = takes.0 + up_to(dice, takes.1.saturating_sub(takes.0));
        let late = begin + up_to(dice, LATEST);
        let other = |bytes: &[u8]| Deed::Other { bytes: bytes.to_vec() };
        let part = |bytes: &[u8]| Deed::Part { bytes: bytes.to_vec() };
        let whole = |more: &[u8]| Deed::Answer { bytes: [&bytes[..], more].concat(), status };
        let right = (begin, whole(b""));
        let cut = dice.below(bytes.len());
        // A head alone is a whole answer to HEAD, whatever it announces.
        let kind = if kind == Kind::BrokenChunks && asked.is_head { Kind::Cut } else { kind };
        let second = Answer::new(asked, Kind::TwiceLate, dice).bytes;
        let junk = [b"zz".to_vec(), (0..dice.below(40)).map(|_| dice.byte()).collect()].concat();
        let deeds = match kind {
            Kind::Right | Kind::Early => vec![right],
            Kind::TwiceAtOnce => vec![(begin, whole(&second))],
            Kind::TwiceLate => vec![right, (late, other(&second))],
            Kind::NamelessLate => {
                vec![right, (late, other(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"))]
            }
            Kind::JunkAtOnce | Kind::Long | Kind::BodyWhereNone => vec![(begin, whole(&junk))],
            Kind::JunkLate => vec![right, (late, other(&junk))],
            Kind::EarlyThenClose => vec![right, (begin, Deed::Close)],
            Kind::Short | Kind::Cut => vec![(begin, part(&bytes[..cut])), (late, Deed::Close)],
            Kind::ShortThenSilent => vec![(begin, part(&bytes[..cut]))],
            Kind::CutByReset => vec![(begin, part(&bytes[..cut])), (late, Deed::Reset)],
            Kind::CloseAfter => vec![right, (late, Deed::Close)],
            Kind::ResetAfter => vec![right, (late, Deed::Reset)],
            Kind::IdleTimeout => vec![right, (late, Deed::IdleTimeout)],
            Kind::Interim => vec![(begin, other(&interim(1 + dice.below(3)))), (late, whole(b""))],
            Kind::InterimFlood => vec![(begin, other(&interim(40))), (late, whole(b""))],
            Kind::InterimLate => vec![right, (late, other(&interim(1 + dice.below(3))))],
            Kind::BrokenChunks => {
                let head =
                    format!("HTTP/1.1 200 OK\r\nX-Token: {token}\r\nTransfer-Encoding: chunked\r\n\r\n");
                vec![
                    (begin, part(&[head.as_bytes(), b"5\r\nhello\r\n", &junk].concat())),
                    (late, Deed::Close),
                ]
            }
            Kind::TooLate => vec![(DEADLINE + late, whole(b""))],
            Kind::Unasked => vec![(begin, other(UNAVAILABLE)), (begin, Deed::Close)],
        };
        Self { token, kind, early: matches!(kind, Kind::Early | Kind::EarlyThenClose), deeds }
    }
}

pub const UNAVAILABLE: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
pub const IDLE_TIMEOUT: &[u8] =
    b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

/// Now, or any time until then.
fn up_to(dice: &mut Dice, most: Duration) -> Duration {
    let most = usize::try_from(most.as_micros()).expect("microseconds");
    if dice.chance(200) { Duration::ZERO } else { Duration::from_micros(dice.below(most + 1) as u64) }
}

fn interim(count: usize) -> Vec<u8> {
    let heads = ["HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"];
    heads.iter().cycle().take(count).flat_map(|head| head.bytes()).collect()
}

/// A whole answer that names its request.
struct Answer {
    status: u16,
    bytes: Vec<u8>,
}

impl Answer {
    fn new(asked: Asked, kind: Kind, dice: &mut Dice) -> Self {
        const STATUSES: [u16; 16] =
            [200, 200, 200, 200, 200, 201, 202, 204, 204, 205, 302, 304, 404, 429, 500, 503];
        let status = match kind {
            Kind::BodyWhereNone if !asked.is_head => *dice.pick(&[204, 304]),
            _ => *dice.pick(&STATUSES),
        };
        let token = asked.token;
        let head = format!("HTTP/1.1 {status} Whatever\r\nX-Token: {token}\r\n");
        if matches!(status, 204 | 304) {
            return Self { status, bytes: format!("{head}\r\n").into_bytes() };
        }
        let length = if status == 205 { 0 } else { dice.below(600) };
        let body: Vec<u8> = format!("{token} ").into_bytes().into_iter().cycle().take(length).collect();
        let body = if asked.is_head { Vec::new() } else { body };
        let bytes = match dice.below(10) {
            // A short one announces what it does not send.
            0..7 => [format!("{head}Content-Length: {length}\r\n\r\n").as_bytes(), &body].concat(),
            _ if asked.is_head || length == 0 => {
                format!("{head}Content-Length: {length}\r\n\r\n").into_bytes()
            }
            _ => {
                let (first, second) = body.split_at(1 + dice.below(length));
                let mut bytes = format!("{head}Transfer-Encoding: chunked\r\n\r\n").into_bytes();
                for part in [first, second].into_iter().filter(|part| !part.is_empty()) {
                    bytes.extend(format!("{:x}\r\n", part.len()).bytes());
                    bytes.extend(part);
                    bytes.extend(b"\r\n");
                }
                bytes.extend(b"0\r\n\r\n");
                bytes
            }
        };
        Self { status, bytes }
    }
}

#[test]
fn every_fault_is_drawn_and_its_plan_ends_within_its_time() {
    let mut dice = Dice::new(1);
    let mut seen = std::collections::BTreeSet::new();
    for token in 0..20_000 {
        let kind = Kind::of(&mut dice);
        seen.insert(kind);
        let plan =
            Plan::new(Asked { token, is_head: token % 3 == 0 }, kind, (Duration::ZERO, LATEST), &mut dice);
        assert!(plan.deeds.iter().all(|(at, _)| *at <= DEADLINE + 2 * LATEST), "{plan:?}");
        assert!(plan.deeds.is_sorted_by_key(|(at, _)| *at), "{plan:?}");
    }
    assert_eq!(seen.len(), 21, "all but Right and Unasked: {seen:?}");
}
