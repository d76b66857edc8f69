//! The black-box tests: the real `nexmo-gate` binary between a raw sender and a scripted upstream, all on loopback.
//!
//! Nothing in here imports the crate. What a test may rely on is what an operator, a sender or an application can
//! see: the configuration file, the wire, the two logs, the admin pages, signals and the exit code.
//!
//! | folder | what its tests hold |
//! | --- | --- |
//! | [`client`] | who the client is, and whether it is admitted |
//! | [`fronts`] | the recipes of the documents: real proxies in front, and what platforms send |
//! | [`requests`] | what a request may look like, what it may cost, how slow it may be |
//! | [`upstream`] | what is delivered, by which connection, to which endpoint |
//! | [`http2`], [`tls`] | what only frames, and only TLS, can say |
//! | [`simulate`] | what the command sends, when it sends it again, what it makes of the answers |
//! | [`doctor`] | what the doctor finds in front of the gate and in it |
//! | [`signatures`] | who signed a request, and what becomes of one that nobody did |
//! | [`ranges`] | lists that are proposed, published and rolled back |
//! | [`reloads`] | changes of the files under way |
//! | [`admin`] | the admin and the metrics address, the status page, probes |
//! | [`logs`] | the access log: its lines and its files |
//! | [`process`] | start, end, commands, and the soak |
//! | [`faults`] | every fault of a list of them, and which test shows it |
//! | [`harness`] | what they all stand on; [`self_test`] tries it |
#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking, its harness too")]

mod harness;

mod admin;
mod client;
mod doctor;
mod faults;
mod fronts;
mod http2;
mod logs;
mod process;
mod ranges;
mod reloads;
mod requests;
mod self_test;
mod signatures;
mod simulate;
mod tls;
mod upstream;
