//! The rules that need several files find what they forbid, and nothing else.

use crate::circles::circles;
use crate::floors::{is_allowed, layers};
use crate::house::House;
use crate::known::{Finding, beyond};
use crate::plan::MOST_FILES;
use crate::shape::{folders, tables};
use crate::source::Source;

fn keys(found: Vec<Finding>) -> Vec<String> {
    found.into_iter().map(|finding| finding.key).collect()
}

fn circles_of(files: &[(&str, &str)]) -> Vec<String> {
    keys(circles(&House::planted(files)))
}

#[test]
fn a_test_module_in_a_file_of_its_own_is_known_as_one() {
    let source = Source::new("config/mod.rs", "mod keys;\n#[cfg(test)]\nmod tests;\n#[cfg(test)] mod t { }");
    assert_eq!(source.test_modules(), [["config", "tests"]]);
    assert_eq!(source.lines, 1);
    let house = House::planted(&[
        ("config/mod.rs", "#[cfg(test)]\nmod tests;"),
        ("config/tests/mod.rs", "mod deep; fn f() { x.unwrap(); }"),
        ("config/tests/deep.rs", "fn f() { panic!() }"),
    ]);
    assert!(house.sources.iter().all(|source| source.lines == 0));
    assert!(house.source("config/tests/mod.rs").calls[0].at.test);
    assert!(house.source("config/tests/deep.rs").macros[0].at.test);
}

#[test]
fn within_a_room_no_import_runs_up_or_to_the_side() {
    let floors: &[&[&str]] = &[&["wire"], &["*"], &["http1", "http2"], &["accept"]];
    let allowed = [
        ("accept", "http1"),
        ("http1", "memory"),
        ("memory", "wire"),
        ("memory", "clock"),
        ("http1", "http1"),
    ];
    let forbidden = [
        ("http1", "accept"),
        ("http1", "http2"),
        ("memory", "http1"),
        ("wire", "memory"),
        ("wire", "accept"),
    ];
    assert!(allowed.iter().all(|(own, other)| is_allowed(floors, own, other)));
    assert!(forbidden.iter().all(|(own, other)| !is_allowed(floors, own, other)));
    assert!(is_allowed(&[], "http1", "accept"), "a room without floors is not checked");
}

#[test]
fn what_a_room_itself_holds_is_for_all_its_parts() {
    let house = House::planted(&[
        ("gate/mod.rs", "mod request; mod http1; use http1::line::Line; pub struct Gate;"),
        ("gate/request/mod.rs", "use super::Gate;\nuse crate::gate::http1;\nuse super::http1::line::Line;"),
        ("gate/http1/mod.rs", "use crate::gate::{Gate, request::Request};"),
        ("gate/http1/line.rs", "\n#[cfg(test)] mod t { use super::super::super::accept::Place; }"),
        ("gate/accept/mod.rs", ""),
    ]);
    let breaches: Vec<String> = house.sources.iter().flat_map(|source| layers(source, &house)).collect();
    let line = "src/gate/http1/line.rs:2: gate/http1 imports from gate/accept";
    let request = "src/gate/request/mod.rs:2: gate/request imports from gate/http1";
    assert_eq!(breaches, [line, request]);
}

#[test]
fn a_circle_is_reported_whole() {
    let house = House::planted(&[
        ("gate/a.rs", "use super::b::B;"),
        ("gate/b.rs", "\nfn f() -> crate::gate::c::C {}"),
        ("gate/c.rs", "\n\nuse crate::gate::{a as first, b};"),
    ]);
    let found = circles(&house);
    let says: Vec<&str> = found.iter().map(|finding| finding.says.as_str()).collect();
    let long = "imports in a circle: gate/a -> gate/b -> gate/c -> gate/a\n    src/gate/a.rs:1 imports gate/b\n    \
                src/gate/b.rs:2 imports gate/c\n    src/gate/c.rs:3 imports gate/a";
    let short = "imports in a circle: gate/b -> gate/c -> gate/b\n    src/gate/b.rs:2 imports gate/c\n    \
                 src/gate/c.rs:3 imports gate/b";
    assert_eq!(says, [long, short]);
}

#[test]
fn a_circle_is_found_however_it_is_written() {
    let back = ("gate/b.rs", "use super::a::A;");
    let written = [
        "use super::b::B;",
        "use super::b::*;",
        "use super::{b::{self, B}};",
        "use crate::gate::b as other;",
        "use nexmo_gate::gate::b::B;",
        "use super::super::gate::b::B;",
        "fn f() { super::b::g() }",
        "use crate::gate; fn f() { gate::b::g() }",
        "use crate::{gate as all}; type B = all::b::B;",
        "fn f() { format!(\"{}\", super::b::g()) }",
        "fn f() { tokio::select! { _ = wait() => { use super::b::{B, C}; } } }",
        "#[derive(super::b::B)] struct S;",
        "macro_rules! m { () => { $crate::gate::b::g() } }",
        "mod inside { fn f() { super::super::b::g() } }",
        "mod inside { use super::*; fn f() { b::g() } } use super::b;",
    ];
    for text in written {
        assert_eq!(circles_of(&[("gate/a.rs", text), back]), ["gate/a -> gate/b -> gate/a"], "{text}");
    }
}

#[test]
fn a_re_export_is_an_import_of_the_file_behind_it() {
    let gate = ("gate/mod.rs", "mod a; mod b; pub use b::B as Renamed; pub struct Gate;");
    let found = circles_of(&[gate, ("gate/a.rs", "use super::Renamed;"), ("gate/b.rs", "use super::a::A;")]);
    assert_eq!(found, ["gate/a -> gate/b -> gate/a"]);
}

#[test]
fn a_plain_use_of_a_child_is_an_import() {
    let gate = ("gate/mod.rs", "mod a;\nuse a::A;\npub struct Gate;");
    assert_eq!(circles_of(&[gate, ("gate/a.rs", "use super::Gate;")]), ["gate -> gate/a -> gate"]);
}

#[test]
fn what_is_no_circle_is_not_found() {
    let houses: [&[(&str, &str)]; 6] = [
        &[("gate/mod.rs", "mod a; pub struct Gate { a: a::A }"), ("gate/a.rs", "use super::Gate;")],
        &[("gate/mod.rs", "mod a; pub use a::A; struct Gate;"), ("gate/a.rs", "use super::Gate;")],
        &[("gate/a.rs", "use super::b::B;"), ("gate/b.rs", "#[cfg(test)] mod t { use crate::gate::a::A; }")],
        &[("gate/a.rs", "use super::b::B; use self::inside::C; mod inside {}"), ("gate/b.rs", "use b::B;")],
        &[
            ("gate/a.rs", "/// [`super::b::B`]\nconst A: &str = \"super::b::B\";"),
            ("gate/b.rs", "use super::a;"),
        ],
        &[("gate/a.rs", "fn f(b: B) { b.call(b) }"), ("gate/b.rs", "pub(in crate::gate) use super::a::A;")],
    ];
    for files in houses {
        assert_eq!(circles_of(files), Vec::<String>::new(), "{files:?}");
    }
}

#[test]
fn a_full_folder_is_found() {
    let names: Vec<String> = (0..=MOST_FILES).map(|n| format!("gate/wire/n{n}.rs")).collect();
    let mut files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
    files.push(("gate/mod.rs", ""));
    assert_eq!(keys(folders(&House::planted(&files))), ["gate/wire: 13 files"]);
    files.remove(0);
    assert_eq!(keys(folders(&House::planted(&files))), Vec::<String>::new());
}

#[test]
fn a_table_that_lies_is_found() {
    let text = "//! | file | noun |\n//! | --- | --- |\n//! | [`a`] | one |\n//! | [`c`] | gone |\n\nmod a;\npub mod b;\n\
                #[cfg(test)]\nmod tests;\nmod d { mod e {} }";
    let found = tables(&House::planted(&[("gate/mod.rs", text), ("gate/a.rs", "mod untold;")]));
    let says: Vec<&str> = found.iter().map(|finding| finding.says.as_str()).collect();
    let expected = [
        "src/gate/mod.rs:7: the table lacks `b`",
        "src/gate/mod.rs:10: the table lacks `d`",
        "src/gate/mod.rs:4: `c` is in the table and no module",
    ];
    assert_eq!(says, expected);
}

#[test]
fn a_list_of_what_is_known_only_becomes_shorter() {
    let found = || ["a", "b"].map(|key| Finding { key: key.to_owned(), says: format!("found {key}") });
    assert_eq!(beyond(&found(), &["a", "b"]), Vec::<String>::new());
    assert_eq!(beyond(&found(), &["b"]), ["found a"]);
    let gone = "tests/layers/known.rs: `c` is mended, take it out";
    assert_eq!(beyond(&found(), &["a", "b", "c"]), [gone]);
}
