//! How large files and folders may be, and that a module's documentation lists its files.

use std::collections::BTreeMap;

use crate::house::House;
use crate::known::Finding;
use crate::plan::{MOST_FILES, MOST_LINES};
use crate::source::{At, Source};

pub fn size(source: &Source, _: &House) -> Vec<String> {
    let over = source.lines > MOST_LINES;
    let breach = || format!("src/{}: {} lines of code, more than {MOST_LINES}", source.path, source.lines);
    over.then(breach).into_iter().collect()
}

pub fn folders(house: &House) -> Vec<Finding> {
    let mut files: BTreeMap<&str, usize> = BTreeMap::new();
    for source in &house.sources {
        *files.entry(source.folder()).or_default() += 1;
    }
    let over = files.into_iter().filter(|(_, files)| *files > MOST_FILES);
    let finding = |(folder, files)| {
        let key = format!("{folder}: {files} files");
        Finding { says: format!("src/{key}, more than {MOST_FILES}"), key }
    };
    over.map(finding).collect()
}

/// A table lists every `mod` of its file but those of tests, and nothing else.
pub fn tables(house: &House) -> Vec<Finding> {
    house.sources.iter().filter(|source| !source.table.is_empty()).flat_map(table).collect()
}

fn table(source: &Source) -> Vec<Finding> {
    let children = || source.children.iter().filter(|child| child.inside.is_empty() && !child.at.test);
    let missing = children().filter(|child| source.table.iter().all(|row| row.text != child.name));
    let missing = missing.map(|child| (child.at, format!("the table lacks `{}`", child.name)));
    let stray = source.table.iter().filter(|row| children().all(|child| child.name != row.text));
    let stray = stray.map(|row| (row.at, format!("`{}` is in the table and no module", row.text)));
    let finding = |(at, what): (At, String)| Finding {
        key: format!("{}: {what}", source.path),
        says: source.says(at, &what),
    };
    missing.chain(stray).map(finding).collect()
}
