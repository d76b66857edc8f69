//! Every attack, and what must be known of it: what it speaks, and how long its connections may outlive it.
//!
//! To add one: a name here, its moves in the room where it belongs, a place in `plan.rs`.

mod bodies;
mod crowds;
mod floods;
mod handshakes;
mod heads;
mod partings;
mod streams;
mod traffic;

use std::io;
use std::time::Duration;

use crate::attacker::{Field, Line, Way};
use crate::stand::site;

pub use crate::attacker::Opening;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attack {
    Pipelining,
    UnreadAnswers,
    SlowReading,
    SlowSending,
    Partings,
    EndlessHeads,
    AbsentBodies,
    TinyChunks,
    ForgedTokens,
    StoppedHandshakes,
    KeyUpdates,
    AbsentProxyHeaders,
    OneSource,
    ManyAddresses,
    Connects,
    ZeroWindows,
    RapidResets,
    LateResets,
    EndlessContinuations,
    SettingsFloods,
    PingFloods,
    EmptyFrames,
    UnendedStreams,
    LargeHeaders,
    /// No attack: what the soak is made of.
    Traffic,
}

/// What an attack is about; each family meets every way to deny, and `observe`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    Http1,
    Http2,
    Tls,
    Crowd,
}

impl Attack {
    pub const ALL: [Self; 24] = [
        Self::Pipelining,
        Self::UnreadAnswers,
        Self::SlowReading,
        Self::SlowSending,
        Self::Partings,
        Self::EndlessHeads,
        Self::AbsentBodies,
        Self::TinyChunks,
        Self::ForgedTokens,
        Self::StoppedHandshakes,
        Self::KeyUpdates,
        Self::AbsentProxyHeaders,
        Self::OneSource,
        Self::ManyAddresses,
        Self::Connects,
        Self::ZeroWindows,
        Self::RapidResets,
        Self::LateResets,
        Self::EndlessContinuations,
        Self::SettingsFloods,
        Self::PingFloods,
        Self::EmptyFrames,
        Self::UnendedStreams,
        Self::LargeHeaders,
    ];

    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().chain([Self::Traffic]).find(|attack| attack.name() == name)
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Pipelining => "pipelining",
            Self::UnreadAnswers => "unread-answers",
            Self::SlowReading => "slow-reading",
            Self::SlowSending => "slow-sending",
            Self::Partings => "partings",
            Self::EndlessHeads => "endless-heads",
            Self::AbsentBodies => "absent-bodies",
            Self::TinyChunks => "tiny-chunks",
            Self::ForgedTokens => "forged-tokens",
            Self::StoppedHandshakes => "stopped-handshakes",
            Self::KeyUpdates => "key-updates",
            Self::AbsentProxyHeaders => "absent-proxy-headers",
            Self::OneSource => "one-source",
            Self::ManyAddresses => "many-addresses",
            Self::Connects => "connects",
            Self::ZeroWindows => "zero-windows",
            Self::RapidResets => "rapid-resets",
            Self::LateResets => "late-resets",
            Self::EndlessContinuations => "endless-continuations",
            Self::SettingsFloods => "settings-floods",
            Self::PingFloods => "ping-floods",
            Self::EmptyFrames => "empty-frames",
            Self::UnendedStreams => "unended-streams",
            Self::LargeHeaders => "large-headers",
            Self::Traffic => "traffic",
        }
    }

    /// What it does, for the table of the documents.
    pub fn words(self) -> &'static str {
        match self {
            Self::Pipelining => "27-byte requests, one behind the other, answers are read",
            Self::UnreadAnswers => "pipelined requests whose answers are never read",
            Self::SlowReading => "the same, read a byte a second",
            Self::SlowSending => "a head, a byte a second",
            Self::Partings => "half-closed or reset at every byte of an exchange, over every protocol",
            Self::EndlessHeads => "a head that never ends",
            Self::AbsentBodies => "bodies of 1 MiB and of one byte that are announced and do not come",
            Self::TinyChunks => "bodies in chunks of one byte",
            Self::ForgedTokens => {
                "signatures of somebody else, in tokens and in forms, on a route that judges them; some bodies do not come"
            }
            Self::StoppedHandshakes => "TLS handshakes that stop at each of seven stages",
            Self::KeyUpdates => "30 TLS key updates before each request",
            Self::AbsentProxyHeaders => {
                "connections of a trusted proxy without a PROXY header, or with half of one"
            }
            Self::OneSource => "a trusted proxy names one stranger for all of its connections",
            Self::ManyAddresses => "every connection from another 127.x.y.z, each with half a head",
            Self::Connects => "connects that are closed or reset at once",
            Self::ZeroWindows => "streams whose answers have no window to leave by",
            Self::RapidResets => "streams that are reset with their request",
            Self::LateResets => "streams that are reset when their answer is there and cannot leave",
            Self::EndlessContinuations => "a header that goes on in CONTINUATION frames for ever",
            Self::SettingsFloods => "SETTINGS whose acknowledgements are not read",
            Self::PingFloods => "PINGs whose answers are not read",
            Self::EmptyFrames => "empty DATA frames",
            Self::UnendedStreams => "a hundred streams with bodies that do not end",
            Self::LargeHeaders => "a hundred streams with headers as large as allowed that do not end",
            Self::Traffic => "requests, each after the answer to the last one",
        }
    }

    pub fn family(self) -> Family {
        match self {
            Self::StoppedHandshakes | Self::KeyUpdates => Family::Tls,
            Self::AbsentProxyHeaders | Self::OneSource | Self::ManyAddresses | Self::Connects => {
                Family::Crowd
            }
            Self::ZeroWindows
            | Self::RapidResets
            | Self::LateResets
            | Self::EndlessContinuations
            | Self::SettingsFloods
            | Self::PingFloods
            | Self::EmptyFrames
            | Self::UnendedStreams
            | Self::LargeHeaders => Family::Http2,
            _ => Family::Http1,
        }
    }

    /// Over what it is made.
    pub fn ways(self) -> &'static [Way] {
        match self.family() {
            Family::Http2 => &[Way::H2c, Way::H2],
            Family::Tls => &[Way::Tls],
            Family::Http1 if matches!(self, Self::SlowReading | Self::Partings) => {
                &[Way::Plain, Way::Tls, Way::H2c, Way::H2]
            }
            Family::Crowd if self == Self::AbsentProxyHeaders => &[Way::Plain],
            Family::Http1 | Family::Crowd => &[Way::Plain, Way::Tls],
        }
    }

    /// What a connection says before the attack begins.
    pub fn opening(self) -> Opening {
        match self {
            Self::StoppedHandshakes => Opening::Named,
            Self::AbsentProxyHeaders | Self::Connects => Opening::Bare,
            _ => Opening::Whole,
        }
    }

    /// It never reads, and its kernel takes as little as it can.
    pub fn is_deaf(self) -> bool {
        matches!(self, Self::UnreadAnswers | Self::SlowReading | Self::SettingsFloods | Self::PingFloods)
    }

    /// How long it may go on when its time is over, to hear what it has asked for.
    pub fn finishes_within(self) -> Duration {
        if self == Self::Traffic { Duration::from_secs(5) } else { Duration::ZERO }
    }

    /// How long after its last move the gate may still hold a connection of it: the longest wait that applies, and
    /// what a goodbye may take.
    pub fn bound(self) -> Duration {
        match self {
            // A head, a PROXY header or a handshake that does not go on.
            Self::SlowSending
            | Self::EndlessHeads
            | Self::StoppedHandshakes
            | Self::AbsentProxyHeaders
            | Self::OneSource
            | Self::ManyAddresses => site::HEAD + site::LINGER,
            Self::AbsentBodies | Self::TinyChunks | Self::ForgedTokens => site::BODY + site::LINGER,
            Self::Connects => site::HEAD,
            // Answers that are not taken.
            Self::Pipelining
            | Self::UnreadAnswers
            | Self::SlowReading
            | Self::Partings
            | Self::KeyUpdates => site::WRITE + site::LINGER + site::GOODBYE,
            // Idle, told so, and no answer to that.
            Self::EndlessContinuations | Self::SettingsFloods | Self::PingFloods => {
                site::KEEPALIVE + site::PARTING + site::GOODBYE
            }
            // Answers that are not taken, and then idle.
            _ => site::WRITE + site::KEEPALIVE + site::PARTING + site::GOODBYE,
        }
    }

    /// Makes its moves over one connection for as long as it lasts.
    ///
    /// # Errors
    /// The gate has ended the connection.
    pub async fn strike(self, line: &mut Line, field: &Field) -> io::Result<()> {
        match self {
            Self::Pipelining => heads::pipelining(line, field).await,
            Self::UnreadAnswers => heads::unread_answers(line, field).await,
            Self::SlowReading => heads::slow_reading(line, field).await,
            Self::SlowSending => heads::slow_sending(line, field).await,
            Self::EndlessHeads => heads::endless(line, field).await,
            Self::Partings => partings::one(line, field).await,
            Self::AbsentBodies => bodies::absent(line, field).await,
            Self::TinyChunks => bodies::tiny_chunks(line, field).await,
            Self::ForgedTokens => bodies::forged(line, field).await,
            Self::StoppedHandshakes => Box::pin(handshakes::stopped(line, field)).await,
            Self::KeyUpdates => handshakes::key_updates(line, field).await,
            Self::AbsentProxyHeaders => crowds::without_proxy_header(line, field).await,
            Self::OneSource | Self::ManyAddresses => crowds::with_half_a_head(line, field).await,
            Self::Connects => crowds::connect(line, field).await,
            Self::ZeroWindows => streams::zero_windows(line, field).await,
            Self::RapidResets => streams::rapid_resets(line, field).await,
            Self::LateResets => streams::late_resets(line, field).await,
            Self::UnendedStreams => streams::unended(line, field).await,
            Self::LargeHeaders => streams::large_headers(line, field).await,
            Self::EndlessContinuations => floods::continuations(line, field).await,
            Self::SettingsFloods => floods::settings(line, field).await,
            Self::PingFloods => floods::pings(line, field).await,
            Self::EmptyFrames => floods::empty_frames(line, field).await,
            Self::Traffic => traffic::run(line, field).await,
        }
    }
}
