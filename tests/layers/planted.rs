//! Each rule finds what it forbids in one file, and nothing else.

use std::collections::BTreeSet;

use crate::house::House;
use crate::plan::{MOST_LINES, PARSES_HEADERS, PERMITS, PUBLISHES, READS_HEADERS};
use crate::rules::RULES;

/// The names of the rules that a source breaks, once for each breach.
fn broken(path: &str, text: &str) -> Vec<&'static str> {
    let house = House::planted(&[(path, text)]);
    let source = house.source(path);
    RULES.iter().flat_map(|(name, rule)| rule(source, &house).into_iter().map(move |_| *name)).collect()
}

#[test]
fn what_is_forbidden_is_found() {
    let cases = [
        ("policy/addr.rs", "use crate::config::Mode;", vec!["layers"]),
        ("config/mod.rs", "fn f() { crate::state::load() }", vec!["layers"]),
        ("config/mod.rs", "use crate::{policy, state::Store};", vec!["layers"]),
        ("config/mod.rs", "use crate::{policy::{a, b}, telemetry, gate::{c}};", vec!["layers", "layers"]),
        ("telemetry.rs", "use super::state::Store;", vec!["layers"]),
        ("gate/head.rs", "use super::super::admin::routes;", vec!["layers"]),
        ("gate/head.rs", "use super::super::{policy, admin::routes};", vec!["layers"]),
        ("gate/head.rs", "mod inside { use super::super::super::server; }", vec!["layers"]),
        ("gate/mod.rs", "use super::admin;", vec!["layers"]),
        ("gate/mod.rs", "use crate::admin;", vec!["layers"]),
        ("admin/mod.rs", "use nexmo_gate::gate::Gate;", vec!["layers"]),
        ("admin/mod.rs", "use crate::*;", vec!["layers"]),
        ("state/store.rs", "use crate::Failure;", vec!["layers"]),
        ("server.rs", "pub use crate::cli::Cli;", vec!["layers"]),
        ("cli/mod.rs", "#[cfg(test)] mod tests { use crate::main; }", vec!["layers"]),
        ("state/store.rs", "use pingora::server::Server;", vec!["pingora"]),
        ("cli/run.rs", "fn f(x: pingora_core::Error) {}", vec!["pingora"]),
        ("main.rs", "use pingora;", vec!["pingora"]),
        ("policy/addr.rs", "use std::time::Instant;", vec!["policy", "policy"]),
        ("policy/addr.rs", "use std::time::{Duration, SystemTime as T};", vec!["policy", "policy"]),
        ("policy/addr.rs", "use std::{fmt, fs::File};", vec!["policy"]),
        ("policy/addr.rs", "use core::{fmt::{self, Write}, time};", vec!["policy"]),
        ("policy/addr.rs", "use std::net::*;", vec!["policy"]),
        ("policy/addr.rs", "fn f(s: std::net::TcpStream) {}", vec!["policy"]),
        ("policy/addr.rs", "async fn f() {}", vec!["policy"]),
        ("policy/addr.rs", "fn f() { tracing::info!(\"x\"); }", vec!["policy"]),
        ("policy/addr.rs", "#[derive(serde_yaml::Value)] struct S;", vec!["policy"]),
        ("policy/addr.rs", "use tokio::time::sleep;", vec!["policy"]),
        ("config/raw.rs", "use std::fs;", vec!["config"]),
        ("config/raw.rs", "use std::env::var;", vec!["config"]),
        ("config/raw.rs", "fn f(p: &std::path::Path) -> bool { p.exists() }", vec!["config"]),
        ("config/raw.rs", "use tokio::sync::Mutex;", vec!["config"]),
        ("gate/record.rs", "fn f() { say(\"Nexmo does not retry\"); }", vec!["provider"]),
        ("config/tls.rs", "const A: &str = r#\"nexmo-gate, for Vonage\"#;", vec!["provider"]),
        (
            "state/chain.rs",
            "fn f() { if is_nexmo(x) { format!(b\"vonage\"); } }",
            vec!["provider", "provider"],
        ),
        ("policy/route.rs", "struct VonageRoute; // Nexmo", vec!["provider"]),
        ("server.rs", "fn f() { store.publish(next); }", vec!["publish"]),
        ("state/watch.rs", "fn f() { Store::publish(&store, next); }", vec!["publish"]),
        ("gate/intake.rs", "fn f() -> Permit { Permit { client, grant } }", vec!["permit"]),
        ("policy/route.rs", "fn f() { let p = admission::Permit { client, grant }; }", vec!["permit"]),
        ("gate/request.rs", "fn f() { head.values(\"x-forwarded-for\"); }", vec!["headers"]),
        ("gate/exchange.rs", "fn f() { for (name, value) in head.fields() {} }", vec!["headers"]),
        ("gate/head.rs", "use httparse::{Request, Status};", vec!["headers"]),
        (READS_HEADERS[0], "fn f() { httparse::Request::new(&mut []); }", vec!["headers"]),
        ("gate/body.rs", "fn f() { session.req_header(); }", vec!["headers"]),
        ("cli/run.rs", "fn f() { x.unwrap(); }", vec!["panics"]),
        ("cli/run.rs", "fn f() { x\n  .expect(\"there\"); }", vec!["panics"]),
        ("cli/run.rs", "fn f() { a.map(Option::unwrap); }", vec!["panics"]),
        ("cli/run.rs", "fn f() { panic!(\"x\") }", vec!["panics"]),
        ("cli/run.rs", "fn f() { unreachable!() } fn g() { todo!() }", vec!["panics", "panics"]),
        ("cli/run.rs", "#[cfg(test)] fn t() {} fn f() { x.unwrap(); }", vec!["panics"]),
        ("cli/run.rs", "/* a \" in a comment */ fn f() { x.unwrap(); }", vec!["panics"]),
        ("cli/run.rs", "const C: char = '\"'; fn f() { x.unwrap(); } // \"", vec!["panics"]),
        ("cli/run.rs", "const C: &str = r#\"\"\"#; fn f<'a>(x: &'a str) { x.unwrap(); }", vec!["panics"]),
        ("cli/run.rs", "fn f() -> Result<(), String> { Ok(()) }", vec!["errors"]),
        (
            "cli/run.rs",
            "struct S { seen: std::result::Result<Vec<u8>, std::string::String> }",
            vec!["errors"],
        ),
        ("cli/run.rs", "fn f(read: impl Fn(&str) -> Option<Result<(A, B), String>>) {}", vec!["errors"]),
        ("cli/run.rs", "fn f() { x.collect::<Result<Vec<_>, String>>(); }", vec!["errors"]),
        // What a macro or an attribute is given.
        ("config/mod.rs", "fn f() { format!(\"{}\", crate::state::now()); }", vec!["layers"]),
        ("config/mod.rs", "fn f() { tracing_of_ours!(at = %super::gate::now()); }", vec!["layers"]),
        (
            "state/store.rs",
            "fn f() { tokio::select! { x = crate::server::x() => { a(x) } } }",
            vec!["layers"],
        ),
        ("state/store.rs", "macro_rules! m { ($a:ident) => { $crate::cli::run($a) } }", vec!["layers"]),
        ("state/store.rs", "#[derive(crate::admin::Row)] struct S;", vec!["layers"]),
        ("state/store.rs", "fn f() { select! { _ = x => { use crate::{gate, policy}; } } }", vec!["layers"]),
        ("policy/addr.rs", "fn f() { write!(out, \"{}\", std::process::id()); }", vec!["policy"]),
        ("config/raw.rs", "fn f() { assert!(path.exists()); }", vec!["config"]),
        ("state/watch.rs", "fn f() { select! { _ = x => store.publish(next) } }", vec!["publish"]),
        ("policy/route.rs", "fn f() { vec![Permit { client, grant }]; }", vec!["permit"]),
        ("gate/body.rs", "fn f() { matches!(head.values(name), Some(_)); }", vec!["headers"]),
        ("cli/run.rs", "fn f() { println!(\"{}\", x.unwrap()); }", vec!["panics"]),
        ("cli/run.rs", "fn f() { select! { _ = x => unreachable!(\"x\") } }", vec!["panics"]),
        ("cli/run.rs", "const C: char = '\\''; fn f() { x.unwrap(); }", vec!["panics"]),
    ];
    let seen: BTreeSet<&str> = cases.iter().flat_map(|(_, _, rules)| rules.clone()).collect();
    assert_eq!(seen.len(), RULES.len() - 1, "every rule has a case here; `size` has its own");
    for (path, text, rules) in cases {
        assert_eq!(broken(path, text), rules, "src/{path}: {text}");
    }
    let long = "fn f() {}\n".repeat(MOST_LINES + 1);
    assert_eq!(broken("cli/run.rs", &long), ["size"]);
}

#[test]
fn what_is_allowed_is_not_found() {
    let most = "fn f() {}\n".repeat(MOST_LINES) + "\n\n#[cfg(test)]\nmod tests {\n}\n";
    let cases = [
        ("gate/head.rs", "use crate::policy::outcome::Reason; use crate::state; use super::alarm::Alarm;"),
        ("gate/head.rs", "mod inside { use super::super::alarm::Alarm; } pub(super) fn f() {}"),
        ("gate/head.rs", "#[cfg(test)] mod tests { use super::*; fn f() { x.unwrap(); panic!() } }"),
        ("gate/head.rs", "use pingora::protocols::Stream; fn f() { map.values(); }"),
        (READS_HEADERS[0], "fn f() { head.values(name); head.fields(); }"),
        (PARSES_HEADERS, "fn f() { httparse::Request::new(&mut []); head.values(name); }"),
        ("gate/answer.rs", "use httparse::Response;"),
        ("gate/exchange.rs", "fn f(permit: &Permit) {}"),
        ("cli/demo/gate.rs", "use crate::cli::Failure; use super::super::Failure;"),
        ("main.rs", "use nexmo_gate::cli::{Cli, run};"),
        ("lib.rs", "pub mod admin;\npub mod cli;"),
        ("config/raw.rs", "use std::path::{Path, PathBuf}; fn f() { key.exists; } use serde_yaml::Value;"),
        (
            "policy/addr.rs",
            "use std::{fmt, net::{IpAddr, Ipv4Addr}}; use std::time::Duration; use ipnet::IpNet;",
        ),
        ("policy/addr.rs", "#[cfg(test)] mod tests { use std::time::Instant; use proptest::prelude::*; }"),
        (
            "policy/addr.rs",
            "// tokio::spawn, pingora, crate::gate\nconst A: &str = \"std::fs::read x.unwrap()\";",
        ),
        ("policy/forward.rs", "/// Nexmo\nconst A: &str = \"X-Nexmo-Gate-List\"; // Vonage"),
        (
            "load/source.rs",
            "#[doc = \"Vonage\"] const A: &str = \"NEXMO_GATE_ALLOW\"; use nexmo_gate::policy;",
        ),
        ("policy/provider/nexmo.rs", "pub static NEXMO: &str = \"Vonage\";"),
        ("cli/demo/tour.rs", "fn f() { say(\"Nexmo\"); }"),
        ("state/subject.rs", "#[cfg(test)] mod tests { const A: &str = \"O=Vonage\"; }"),
        (PERMITS, "pub struct Permit { a: u8 } impl Permit { fn f() -> Permit { Permit { a: 1 } } }"),
        (PUBLISHES, "fn f() { self.store.publish(next); }"),
        ("state/store.rs", "impl Store { pub fn publish(&self) {} }"),
        ("cli/run.rs", "fn f() { let e = seen.expect; }"),
        ("cli/run.rs", "fn f() { x.unwrap_or(1); x.unwrap_or_default(); } #[expect(lint)] fn g() {}"),
        (
            "cli/run.rs",
            "fn f() { matches!(a != (b), true); x.unwrap_or(1); } #[cfg(test)] impl X { fn f() { x.unwrap() } }",
        ),
        (
            "state/store.rs",
            "impl S { #[cfg(test)] #[must_use] fn f() { panic!() } } use crate::policy::{self as p};",
        ),
        ("server.rs", "mod notify; use self::notify::Line; fn f() { notify::send(); }"),
        ("config/raw.rs", "mod http; fn f() { http::parse(); } pub(in crate::config) struct S;"),
        ("cli/run.rs", "fn f() -> Result<String, Vec<String>> { g() } fn g() -> io::Result<String> { h() }"),
        ("cli/run.rs", "#[cfg(test)] mod tests { fn f() -> Result<(), String> { Ok(()) } }"),
        ("cli/run.rs", most.as_str()),
    ];
    for (path, text) in cases {
        assert_eq!(broken(path, text), Vec::<&str>::new(), "src/{path}: {text}");
    }
}
