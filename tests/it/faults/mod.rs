//! Every fault of `tests/fixtures/faults.yaml`, and the tests that show what the gate does about it.

mod allowlist_files;
mod downstream;
mod machine;
mod process;
mod shown_by;
mod upstream;
mod volume;

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;

use serde_yaml::Value;
use shown_by::SHOWN_BY;

/// The ids of the fixture in their order.
fn ids() -> Vec<String> {
    let faults: Value = serde_yaml::from_str(include_str!("../../fixtures/faults.yaml")).expect("YAML");
    let sections = ["upstream", "downstream", "allowlist_files", "process"];
    let rows = sections.into_iter().flat_map(|name| faults[name].as_sequence().expect("a list").clone());
    rows.map(|row| row["id"].as_str().expect("id").to_owned()).collect()
}

/// The source of a test named `room::name`: black box here, a unit test below `src` where it begins with `src::`.
fn source_of(test: &str) -> (String, String) {
    let (module, name) = test.rsplit_once("::").expect("module::name");
    let (folder, module) = match module.strip_prefix("src::") {
        Some(inner) => ("src", inner),
        None => ("tests/it", module),
    };
    let folder: PathBuf = [env!("CARGO_MANIFEST_DIR"), folder, &module.replace("::", "/")].iter().collect();
    let file = folder.with_extension("rs");
    let path = if file.exists() { file } else { folder.join("mod.rs") };
    let source = fs::read_to_string(&path).unwrap_or_else(|bad| panic!("{test}: {}: {bad}", path.display()));
    (source, name.to_owned())
}

#[test]
fn every_fault_names_the_tests_that_show_it_and_they_exist() {
    let ids = ids();
    assert_eq!(ids.len(), 71);
    let named: Vec<&str> = SHOWN_BY.iter().map(|(id, _)| *id).collect();
    assert_eq!(named, ids, "the table follows the fixture");
    let mut tests = HashSet::new();
    for (id, shown_by) in SHOWN_BY {
        assert!(!shown_by.is_empty(), "{id}: nothing shows it");
        for test in *shown_by {
            let (source, name) = source_of(test);
            let at = source.find(&format!("fn {name}(")).unwrap_or_else(|| panic!("{id}: no test {test}"));
            let before = &source[source[..at].rfind("\n}\n").map_or(0, |end| end)..at];
            assert!(before.contains("#[test]"), "{id}: {test} is no test");
            tests.insert(*test);
        }
    }
    eprintln!("{} faults, shown by {} tests", ids.len(), tests.len());
}
