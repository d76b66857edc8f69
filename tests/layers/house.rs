//! All sources of the house, and which file holds what.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use crate::source::Source;

/// All sources.
pub struct House {
    pub sources: Vec<Source>,
    /// Where the file of each module is in the list.
    files: BTreeMap<Vec<String>, usize>,
}

impl House {
    pub fn new(mut sources: Vec<Source>) -> Self {
        let tests: Vec<Vec<String>> = sources.iter().flat_map(Source::test_modules).collect();
        for source in &mut sources {
            if tests.iter().any(|test| source.module.starts_with(test)) {
                source.become_test();
            }
        }
        sources.sort_by(|a, b| a.path.cmp(&b.path));
        // `lib.rs` and `main.rs` are both a root; the library's is the one that is imported from.
        let imported = sources.iter().enumerate().filter(|(_, source)| source.path != "main.rs");
        let files = imported.map(|(at, source)| (source.module.clone(), at)).collect();
        Self { sources, files }
    }

    /// What is in `src/`, read once.
    pub fn real() -> &'static Self {
        static REAL: LazyLock<House> = LazyLock::new(House::read);
        &REAL
    }

    fn read() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut found = Vec::new();
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    let name = path.strip_prefix(&root).unwrap().to_str().unwrap();
                    found.push(Source::new(name, &fs::read_to_string(&path).unwrap()));
                }
            }
        }
        Self::new(found)
    }

    /// A house that is made up: paths below `src/` and what stands there.
    pub fn planted(files: &[(&str, &str)]) -> Self {
        Self::new(files.iter().map(|(path, text)| Source::new(path, text)).collect())
    }

    pub fn source(&self, path: &str) -> &Source {
        let found = self.sources.iter().find(|source| source.path == path);
        found.unwrap_or_else(|| panic!("src/{path} is not there"))
    }

    /// The file that holds what a path from the root of the crate names.
    pub fn file_of(&self, to: &[String]) -> Option<&Source> {
        let found = (0..=to.len()).rev().find_map(|end| self.files.get(&to[..end]))?;
        Some(&self.sources[*found])
    }
}
