//! The plan of the house: its rooms, and what each may use. To change a rule, change this file.

/// A top-level folder of `src/`, or a file beside them.
pub struct Room {
    pub name: &'static str,
    /// The files and folders of the room from the bottom up. Empty: their order is not checked.
    pub floors: &'static [&'static [&'static str]],
}

const fn room(name: &'static str) -> Room {
    Room { name, floors: &[] }
}

/// On a floor of a room: all files and folders that no floor names. Among themselves they are free.
pub const THE_REST: &str = "*";

/// From the bottom up; a room imports only from lower floors, never from its own floor.
pub const HOUSE: &[&[Room]] = &[
    &[room("policy")],
    &[room("config")],
    &[room("telemetry"), room("files")],
    &[Room { name: "state", floors: &[&["stats", "tls"], &[THE_REST]] }],
    &[room("load"), room("wire")],
    &[room("upstream"), room("judge")],
    &[Room { name: "gate", floors: GATE }, room("admin")],
    &[room("server")],
    &[room("cli")],
    &[room("exports")],
    &[room("main")],
];

/// `memory` adds up what all the others may hold. `mod.rs` has no floor: its `Gate` is known to all.
const GATE: &[&[&str]] = &[&[THE_REST], &["request"], &["http1"], &["http2"], &["accept"], &["memory"]];

/// The rooms that may name pingora.
pub const PINGORA: &[&str] = &["wire", "upstream", "gate", "server"];

/// What `policy` may use of the standard library: no clock, no disk, no socket, no thread.
pub const STD_FOR_POLICY: [&str; 19] = [
    "std::array",
    "std::borrow",
    "std::char",
    "std::cmp",
    "std::collections",
    "std::fmt",
    "std::hash",
    "std::hint::black_box",
    "std::io::Write",
    "std::iter",
    "std::mem",
    "std::net::IpAddr",
    "std::net::Ipv4Addr",
    "std::net::Ipv6Addr",
    "std::num",
    "std::ops",
    "std::str",
    "std::sync::Arc",
    "std::time::Duration",
];
/// What `config` may use besides: names of files and addresses, and cells for its report.
pub const STD_FOR_CONFIG: [&str; 4] = ["std::path", "std::net::SocketAddr", "std::cell", "std::rc"];
/// Crates that only compute: `time` for its calendar, whose clocks are in the list below; `thiserror` only derives. Of
/// `ring` its digests and HMAC, which ask the system for nothing.
pub const CRATES_FOR_POLICY: [&str; 10] =
    ["hmac", "ipnet", "itoa", "memchr", "ring", "smallvec", "subtle", "thiserror", "time", "zeroize"];
pub const CRATES_FOR_CONFIG: [&str; 5] = ["ipnet", "serde", "serde_yaml", "strsim", "thiserror"];
/// Words that `policy` has no use for.
pub const NOT_IN_POLICY: [&str; 10] = [
    "async",
    "await",
    "Instant",
    "SystemTime",
    "OffsetDateTime",
    "UtcDateTime",
    "println",
    "eprintln",
    "Serialize",
    "Deserialize",
];
/// Methods of `Path` that ask the disk.
pub const DISK_METHODS: [&str; 10] = [
    "exists",
    "try_exists",
    "is_file",
    "is_dir",
    "is_symlink",
    "canonicalize",
    "metadata",
    "symlink_metadata",
    "read_dir",
    "read_link",
];

/// A provider's names: its tables say them, and all others ask the tables.
pub const PROVIDER_NAMES: [&str; 2] = ["nexmo", "vonage"];
/// Where they may stand: in the tables, and in what shows the product at work.
pub const NAME_PROVIDERS: [&str; 2] = ["policy/provider/", "cli/demo/"];
/// The product's own name, in its headers, variables and metrics.
pub const PRODUCT: [&str; 2] = ["nexmo-gate", "nexmo_gate"];

/// The only file that makes a snapshot current.
pub const PUBLISHES: &str = "load/reload/worker.rs";
/// The only file that makes a `Permit`.
pub const PERMITS: &str = "policy/admission.rs";
/// The rooms that meet a request's header.
pub const MEET_HEADERS: &[&str] = &["gate", "judge", "upstream", "wire"];
/// The only file of them that parses it.
pub const PARSES_HEADERS: &str = "judge/http1/parse.rs";
/// The files that read what it holds: what it means, who is asking, and what the application is sent. (`head.rs` is the
/// head itself, `answer.rs` the head of an application's answer.)
pub const READS_HEADERS: &[&str] = &[
    "judge/facts.rs",
    "judge/request.rs",
    "judge/served/probe.rs",
    "judge/served/doctor.rs",
    "judge/signature/mod.rs",
    "gate/request/upstream_head.rs",
    "judge/head.rs",
    "upstream/answer.rs",
];

/// Lines of code a file may have: blank lines and test modules are not counted.
pub const MOST_LINES: usize = 350;
/// Files a folder may have: those of its folders are not counted.
pub const MOST_FILES: usize = 12;
