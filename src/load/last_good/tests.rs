use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use super::*;
use crate::load::last_good::store::OWN_HEAD;
use crate::policy::address::range_list;
use crate::state::snapshot::List;

fn lists(texts: &[(&str, &str)]) -> BTreeMap<String, Arc<List>> {
    let list = |(name, text): &(&str, &str)| {
        let path = PathBuf::from(format!("ranges/{name}.txt"));
        let bytes = Bytes::copy_from_slice(text.as_bytes());
        let list = List::read(name, &path, &bytes, range_list::parse(text.as_bytes()).unwrap(), None);
        ((*name).to_owned(), Arc::new(list))
    };
    texts.iter().map(list).collect()
}

/// Stores these lists with a fixed configuration.
fn store(keep: &mut LastGoodStore, texts: &[(&str, &str)]) -> Vec<Problem> {
    keep.store(&lists(texts), Path::new("/nonexistent/ranges"), "deny: hide\n")
}

/// The names in a folder that do not begin with a dot.
fn names(folder: &Path) -> Vec<String> {
    let all = fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = all.filter(|name| !name.starts_with('.')).collect();
    names.sort();
    names
}

#[test]
fn what_is_kept_is_read_again_byte_for_byte() {
    let state = tempfile::tempdir().unwrap();
    let text = "# reviewed: 2026-11-21\r\n192.0.2.0/28";
    assert_eq!(store(&mut LastGoodStore::new(Some(state.path())), &[("sms", text)]), []);
    let (kept, warnings) = LastGood::read(state.path());
    assert_eq!(warnings, []);
    assert_eq!(kept.names().collect::<Vec<_>>(), ["sms"]);
    assert_eq!(kept.list("sms").unwrap().text, text.as_bytes());
}

#[test]
fn a_list_that_is_gone_is_not_kept() {
    let state = tempfile::tempdir().unwrap();
    let mut keep = LastGoodStore::new(Some(state.path()));
    store(&mut keep, &[("sms", "192.0.2.1"), ("voice", "192.0.2.2")]);
    assert_eq!(store(&mut keep, &[("voice", "192.0.2.3")]), []);
    assert_eq!(names(&state.path().join("lists")), ["voice.txt"]);
    // Also one that an earlier run wrote.
    store(&mut LastGoodStore::new(Some(state.path())), &[("sms", "192.0.2.1")]);
    assert_eq!(names(&state.path().join("lists")), ["sms.txt"]);
}

#[test]
fn an_unchanged_list_is_not_written_again() {
    let state = tempfile::tempdir().unwrap();
    let path = state.path().join("lists/sms.txt");
    let inode = || std::os::unix::fs::MetadataExt::ino(&fs::metadata(&path).unwrap());
    let same = [("sms", "192.0.2.1")];
    let mut keep = LastGoodStore::new(Some(state.path()));
    store(&mut keep, &same);
    // Held open, so that its inode number is not reused.
    let _open = File::open(&path).unwrap();
    let before = inode();
    store(&mut keep, &same);
    store(&mut LastGoodStore::new(Some(state.path())), &same);
    assert_eq!(inode(), before);
    store(&mut keep, &[("sms", "192.0.2.2")]);
    assert_ne!(inode(), before);
}

#[test]
fn what_somebody_else_put_there_is_neither_removed_nor_changed_nor_a_list() {
    let state = tempfile::tempdir().unwrap();
    let folder = state.path().join("lists");
    let mut keep = LastGoodStore::new(Some(state.path()));
    store(&mut keep, &[("sms", "192.0.2.1"), ("old", "192.0.2.9")]);
    for name in ["notes", "new"] {
        fs::write(folder.join(format!("{name}.txt")), "203.0.113.7\n").unwrap();
    }
    // In the same run and in a later one.
    let warnings = store(&mut keep, &[("sms", "192.0.2.2"), ("new", "192.0.2.3")]);
    assert!(
        warnings.len() == 1 && warnings[0].message.contains("lists/new.txt was not written by this program"),
        "{warnings:?}"
    );
    let again =
        store(&mut LastGoodStore::new(Some(state.path())), &[("sms", "192.0.2.2"), ("new", "192.0.2.3")]);
    assert_eq!(again, warnings);
    assert_eq!(names(&folder), ["new.txt", "notes.txt", "sms.txt"]);
    for name in ["notes", "new"] {
        assert_eq!(fs::read_to_string(folder.join(format!("{name}.txt"))).unwrap(), "203.0.113.7\n");
    }
    let (kept, _) = LastGood::read(state.path());
    assert_eq!(kept.names().collect::<Vec<_>>(), ["sms"]);
    assert_eq!(kept.config(), Some("deny: hide\n"));
}

/// Version 0.1.0 left copies and no `.kept`.
#[test]
fn copies_of_an_older_version_are_adopted_and_foreign_files_are_left_alone() {
    let state = tempfile::tempdir().unwrap();
    let folder = state.path().join("lists");
    fs::create_dir(&folder).unwrap();
    for (name, text) in [("sms", "192.0.2.1\n"), ("notes", "to do: call Bob\n")] {
        fs::write(folder.join(format!("{name}.txt")), text).unwrap();
    }
    assert!(LastGood::read(state.path()).0.list("sms").is_some());
    assert_eq!(store(&mut LastGoodStore::new(Some(state.path())), &[("sms", "192.0.2.2")]), []);
    assert_eq!(names(&folder), ["notes.txt", "sms.txt"]);
    assert_eq!(fs::read_to_string(folder.join("sms.txt")).unwrap(), "192.0.2.2");
    assert_eq!(LastGood::read(state.path()).1, []);
    store(&mut LastGoodStore::new(Some(state.path())), &[("voice", "192.0.2.2")]);
    assert_eq!(names(&folder), ["notes.txt", "voice.txt"]);
}

/// After any crash, the files of this program are recognised, because their names are written first.
#[test]
fn a_crash_between_the_names_and_the_files_leaves_nothing_behind() {
    let state = tempfile::tempdir().unwrap();
    let folder = state.path().join("lists");
    store(&mut LastGoodStore::new(Some(state.path())), &[("sms", "192.0.2.1")]);
    // One name whose file was not written yet, and one whose file is no longer needed.
    fs::write(folder.join(OWN), format!("{OWN_HEAD}\nsms\nvoice\nmessages\n")).unwrap();
    fs::write(folder.join("voice.txt"), "192.0.2.7\n").unwrap();
    fs::write(folder.join(".sms.txt.tmp"), "192.0.").unwrap();
    assert_eq!(store(&mut LastGoodStore::new(Some(state.path())), &[("sms", "192.0.2.2")]), []);
    assert_eq!(names(&folder), ["sms.txt"]);
    assert_eq!(own(&folder).unwrap().into_iter().collect::<Vec<_>>(), ["sms"]);
    assert_eq!(store(&mut LastGoodStore::new(Some(state.path())), &[("messages", "192.0.2.2")]), []);
    assert_eq!(names(&folder), ["messages.txt"]);
}

#[test]
fn the_folder_of_the_range_files_is_never_written_to() {
    let state = tempfile::tempdir().unwrap();
    let folder = state.path().join("lists");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("sms.txt"), "198.51.100.1\n").unwrap();
    let mut keep = LastGoodStore::new(Some(state.path()));
    let warnings = keep.store(&lists(&[("sms", "192.0.2.1")]), &folder, "");
    assert!(warnings.len() == 1 && warnings[0].at == "state", "{warnings:?}");
    assert_eq!(fs::read_to_string(folder.join("sms.txt")).unwrap(), "198.51.100.1\n");
}

#[test]
fn a_broken_copy_is_left_out_with_a_warning() {
    let state = tempfile::tempdir().unwrap();
    store(&mut LastGoodStore::new(Some(state.path())), &[("sms", "192.0.2.1"), ("voice", "192.0.2.2")]);
    fs::write(state.path().join("lists/sms.txt"), "192.0.2.").unwrap();
    let (kept, warnings) = LastGood::read(state.path());
    assert_eq!(kept.names().collect::<Vec<_>>(), ["voice"]);
    assert!(
        warnings[0].at.ends_with("lists/sms.txt") && warnings[0].message.contains("line 1"),
        "{warnings:?}"
    );
}

#[test]
fn a_state_folder_that_cannot_be_used_is_a_warning() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    for state in [dir.path().join("missing"), file] {
        let warnings = store(&mut LastGoodStore::new(Some(&state)), &[("sms", "192.0.2.1")]);
        assert_eq!(warnings.len(), 1);
        assert!(
            warnings[0].to_string().starts_with("state: the last good lists cannot be kept in "),
            "{warnings:?}"
        );
        assert!(!state.join("lists").exists());
    }
    assert_eq!(store(&mut LastGoodStore::new(None), &[("sms", "192.0.2.1")]), []);
}
