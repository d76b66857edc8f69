//! The documents hold together: every link of every Markdown file leads to a file and a heading that exist, README.md stays
//! short, and every page of docs/ begins by itself and stands in the index.

#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

/// What a newcomer reads in one go.
const README_LINES: usize = 200;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every Markdown file of the project, relative to its root.
fn markdown_files() -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![root().to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let entry = entry.expect("an entry");
            let (path, name) = (entry.path(), entry.file_name());
            if entry.file_type().expect("a kind").is_dir() {
                if name != "target" && name != ".git" {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|own| own == "md") {
                found.push(path.strip_prefix(root()).expect("below the root").to_owned());
            }
        }
    }
    found.sort();
    found
}

/// The pages of docs/, without their index.
fn pages() -> BTreeSet<String> {
    let files = markdown_files().into_iter();
    let pages = files.filter_map(|path| path.strip_prefix("docs").ok()?.to_str().map(str::to_owned));
    pages.filter(|name| name != "README.md").collect()
}

// ---------------------------------------------------------------------------------------------------
// Reading Markdown

/// The lines outside of fenced blocks.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut fenced = false;
    text.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    })
}

/// A line without what stands between backticks.
fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect()
}

/// Where the links and images of a text lead.
fn links(text: &str) -> Vec<String> {
    let targets = |line: String| -> Vec<String> {
        let targets = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        targets.map(str::to_owned).collect()
    };
    prose(text).map(without_code).flat_map(targets).collect()
}

/// The text of a heading as a reader sees it: of a link, only its words.
fn shown(heading: &str) -> String {
    let mut pieces = heading.split("](");
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |text, piece| text + piece.split_once(')').map_or(piece, |(_, rest)| rest))
}

/// GitHub's anchors of the headings of a text: lower case, hyphens for spaces, no punctuation but hyphens and underscores.
/// The second heading of the same words has `-1` at its end.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut found = BTreeSet::new();
    for line in prose(text) {
        let words = line.trim_start_matches('#');
        let rank = line.len() - words.len();
        if !(1..=6).contains(&rank) || !words.starts_with(' ') {
            continue;
        }
        let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
        let slug: String = shown(words.trim()).chars().filter(kept).collect();
        let slug = slug.to_lowercase().replace(' ', "-");
        let before = seen.entry(slug.clone()).or_default();
        found.insert(if *before == 0 { slug } else { format!("{slug}-{before}") });
        *before += 1;
    }
    found
}

/// `folder/target` without `..` and `.`, or nothing when it leaves the project.
fn joined(folder: &Path, target: &str) -> Option<PathBuf> {
    let mut path = PathBuf::new();
    for part in folder.join(target).components() {
        match part {
            Component::Normal(name) => path.push(name),
            Component::CurDir => {}
            Component::ParentDir => {
                if !path.pop() {
                    return None;
                }
            }
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(path)
}

/// What is wrong with a link of the file `from`, if anything is. `text_of` gives the text of a file that exists.
fn broken(from: &Path, target: &str, text_of: impl Fn(&Path) -> Option<String>) -> Option<String> {
    if ["https://", "http://", "mailto:"].iter().any(|scheme| target.starts_with(scheme)) {
        return None;
    }
    let (file, anchor) = target.split_once('#').map_or((target, None), |(file, own)| (file, Some(own)));
    let say = |what: &str| Some(format!("{}: {target}: {what}", from.display()));
    let folder = from.parent().unwrap_or(Path::new(""));
    let path = if file.is_empty() { Some(from.to_owned()) } else { joined(folder, file) };
    let Some(text) = path.and_then(|path| text_of(&path)) else { return say("no such file") };
    match anchor {
        Some(anchor) if !anchors(&text).contains(anchor) => say("no such heading"),
        _ => None,
    }
}

/// The text of a file of the project; of a folder or an image, nothing to read.
fn text_in_the_project(path: &Path) -> Option<String> {
    let path = root().join(path);
    path.exists().then(|| fs::read_to_string(path).unwrap_or_default())
}

/// Whether a text begins with a heading of the first rank, an empty line and a paragraph.
fn begins_with_a_paragraph(text: &str) -> bool {
    let mut lines = text.lines();
    let heading = lines.next().is_some_and(|line| line.starts_with("# ") && line.len() > 2);
    heading
        && lines.next() == Some("")
        && lines.next().is_some_and(|line| line.starts_with(char::is_alphanumeric))
}

// ---------------------------------------------------------------------------------------------------
// The documents

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    let (mut seen, mut wrong) = (0, Vec::new());
    let files = markdown_files();
    assert!(files.len() >= 20, "{files:?}");
    for file in files {
        for target in links(&read(&file)) {
            seen += 1;
            wrong.extend(broken(&file, &target, text_in_the_project));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen >= 80, "{seen} links");
}

#[test]
fn a_planted_broken_link_is_found() {
    let page = "# Page\n\nSee [a](docs/a.md#the-two-words), [b](docs/b.md), [c](#page), [d](#pages), [e](docs/a.md#the-two-words-1),\n\
                [f](docs/a.md#in-a-block), [g](../outside.md), [h](/docs/a.md), ![i](docs/no.png), [j](https://example.com/x)\n\
                and `[k](docs/in-code.md)`.\n\n```\n[l](docs/in-a-block.md)\n```\n";
    let other = "# A\n\n## The *two* words!\n\n## [The two](x.md) words\n\n```sh\n# in a block\n```\n";
    let text_of = |path: &Path| match path.to_str() {
        Some("page.md") => Some(page.to_owned()),
        Some("docs/a.md") => Some(other.to_owned()),
        _ => None,
    };
    let wrong: Vec<String> =
        links(page).iter().filter_map(|target| broken(Path::new("page.md"), target, text_of)).collect();
    assert_eq!(
        wrong,
        [
            "page.md: docs/b.md: no such file",
            "page.md: #pages: no such heading",
            "page.md: docs/a.md#in-a-block: no such heading",
            "page.md: ../outside.md: no such file",
            "page.md: /docs/a.md: no such file",
            "page.md: docs/no.png: no such file",
        ]
    );
    // From a page in a folder the way up is found.
    assert_eq!(broken(Path::new("docs/a.md"), "../page.md#page", text_of), None);
}

#[test]
fn the_readme_is_short_and_leads_to_every_page() {
    let text = read(Path::new("README.md"));
    let lines = text.lines().count();
    assert!(lines <= README_LINES, "README.md has {lines} lines, more than {README_LINES}");
    let linked: BTreeSet<String> = links(&text).into_iter().collect();
    for page in pages() {
        assert!(linked.contains(&format!("docs/{page}")), "README.md does not lead to docs/{page}");
    }
}

#[test]
fn the_index_has_every_page_once() {
    let index = read(Path::new("docs/README.md"));
    let rows =
        index.lines().filter_map(|line| line.strip_prefix("| [")?.split_once("](")?.1.split(')').next());
    let named: Vec<&str> = rows.collect();
    let pages = pages();
    assert!(pages.len() >= 13, "{pages:?}");
    assert_eq!(named.len(), pages.len(), "{named:?}");
    assert_eq!(named.into_iter().map(str::to_owned).collect::<BTreeSet<_>>(), pages);
}

#[test]
fn every_page_begins_with_its_title_and_a_paragraph() {
    for page in pages().into_iter().chain(["README.md".to_owned()]) {
        assert!(begins_with_a_paragraph(&read(&Path::new("docs").join(&page))), "docs/{page}");
    }
    for bad in ["", "Text\n", "# A\n", "# A\n\n## B\n", "# A\n\n| a |\n", "# A\nText\n", "# A\n\n- b\n"] {
        assert!(!begins_with_a_paragraph(bad), "{bad:?}");
    }
}

/// The way of a request is described by the names of files: each must be there.
#[test]
fn every_file_that_contributing_names_is_there() {
    let text = read(Path::new("CONTRIBUTING.md"));
    // Every second piece stands between backticks.
    let named: BTreeSet<&str> = text
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|name| Path::new(name).extension().is_some_and(|own| own == "rs"))
        .collect();
    let is_there = |name: &str| {
        ["src", "", "tests/oracles"].iter().any(|folder| root().join(folder).join(name).is_file())
    };
    let missing: Vec<&str> = named.iter().copied().filter(|name| !is_there(name)).collect();
    assert!(missing.is_empty(), "CONTRIBUTING.md names files that are not there: {missing:?}");
    assert!(named.len() > 30 && !is_there("gate/request.rs"), "{}", named.len());
}
