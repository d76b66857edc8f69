//! What breaks a rule today and is known. Nothing may be added: mend it instead. What was mended must be
//! taken out, so each list only becomes shorter.

/// Imports in a circle. Where several circles share a file, breaking one can show another behind it.
pub const CIRCLES: &[&str] = &[];

/// Folders with too many files. When one has fewer, its number here becomes smaller.
pub const FOLDERS: &[&str] = &[];

/// Tables of files in the documentation of a module.
pub const TABLES: &[&str] = &[];

/// A breach that can be on a list.
pub struct Finding {
    /// What it is known by: without the lines, which change.
    pub key: String,
    pub says: String,
}

/// What is not on the list, and what is on the list and gone.
pub fn beyond(found: &[Finding], known: &[&str]) -> Vec<String> {
    let is_known = |finding: &&Finding| known.contains(&finding.key.as_str());
    let is_gone = |key: &&&str| found.iter().all(|finding| finding.key != **key);
    let new = found.iter().filter(|finding| !is_known(finding)).map(|finding| finding.says.clone());
    let gone = known.iter().filter(is_gone);
    new.chain(gone.map(|key| format!("tests/layers/known.rs: `{key}` is mended, take it out"))).collect()
}
