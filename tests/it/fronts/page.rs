//! A section of a document: its blocks, and those of the gate put into a test's setup.

use std::fs;
use std::path::Path;

use crate::harness::Setup;

pub struct Page {
    text: String,
}

impl Page {
    /// The headings of the second rank whose sections have these words, in their order.
    pub fn headings(page: &str, words: &str) -> Vec<String> {
        let text = read(page);
        let sections = text.split("\n## ").skip(1).filter(|section| section.contains(words));
        sections.filter_map(|section| section.lines().next()).map(str::to_owned).collect()
    }

    /// What stands below a heading of the second rank, up to the next one.
    pub fn section(page: &str, heading: &str) -> Self {
        let text = read(page);
        let (_, below) = text.split_once(&format!("\n## {heading}\n")).unwrap_or_else(|| panic!("{heading}"));
        Self { text: below.split("\n## ").next().unwrap_or_default().to_owned() }
    }

    /// The block of this language in this place, from 0.
    pub fn block(&self, language: &str, place: usize) -> String {
        let fence = format!("```{language}\n");
        let rest = self.text.split(&fence).nth(place + 1);
        let block = rest.and_then(|rest| rest.split("```").next());
        block.unwrap_or_else(|| panic!("no block {place} of {language} in\n{}", self.text)).to_owned()
    }
}

fn read(page: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(page);
    fs::read_to_string(&path).expect("a page of docs/")
}

/// Puts `new` in the place of what stands exactly once.
pub fn put(text: &str, old: &str, new: &str) -> String {
    assert_eq!(text.matches(old).count(), 1, "{old:?} in\n{text}");
    text.replace(old, new)
}

/// The keys of a block of the gate's own configuration, each with its value as it is written.
pub fn keys(block: &str) -> Vec<(String, String)> {
    let mut keys: Vec<(String, String)> = Vec::new();
    for line in block.lines() {
        if let Some((name, value)) = line.split_once(':').filter(|_| !line.starts_with([' ', '-'])) {
            keys.push((name.to_owned(), value.trim().to_owned()));
        } else {
            let (_, value) = keys.last_mut().expect("a key before its value");
            value.push('\n');
            value.push_str(line);
        }
    }
    assert!(!keys.is_empty(), "no key in {block:?}");
    keys
}

/// The setup with the keys of such a block.
pub fn configured(setup: Setup, block: &str) -> Setup {
    keys(block).iter().fold(setup, |setup, (name, value)| setup.key(name, value))
}
