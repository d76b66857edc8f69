//! One text becomes the list: the steps of a publication, in an order that every end in between leaves in a good state.
//!
//! 1. What ended too early before is settled, and a list that somebody saved by hand becomes a generation.
//! 2. The new text and its pending record are written to the history.
//! 3. The list is replaced: from here on it is published.
//! 4. The record gets its name, old generations go, and the proposal that was published goes.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;

use nix::fcntl::{Flock, FlockArg};

use crate::files::file::read;
use crate::files::folder::MOST_BYTES;
use crate::files::whole;
use crate::load::proposals::history::{
    KEPT, PENDING, live_digest, named, newest_number, pending, record_name, text_name,
};
use crate::load::proposals::places::{Places, StoreError};
use crate::load::proposals::proposal::{Proposal, make_folder};
use crate::load::proposals::record::{Change, Record, sha256};
use crate::policy::address::range_list::parse;
use crate::policy::proposal::moves::{moves, set};

/// Who published a list that no command published.
pub(crate) const BY_HAND: &str = "somebody";

/// What some lists hold, by name; none where there is no file.
pub(crate) type Digests = BTreeMap<String, Option<String>>;

/// What these lists hold.
#[must_use]
pub(crate) fn digests<'n>(places: &Places, lists: impl IntoIterator<Item = &'n String>) -> Digests {
    lists.into_iter().map(|list| (list.clone(), live_digest(places, list))).collect()
}

/// Makes the text the list, and returns the number of its generation. The digest in the record must be that of the text.
///
/// # Errors
/// The list is not the one that the record was compared with, or the lists of `beside` are not what they were, or a step fails. The list is the old one, or the new one, and the
/// history says which.
pub(crate) fn make_live(
    places: &Places,
    list: &str,
    text: &[u8],
    record: &Record,
    beside: &Digests,
) -> Result<u64, StoreError> {
    let live = places.live(list);
    if fs::symlink_metadata(&live).is_ok_and(|found| found.is_symlink()) {
        return Err(StoreError::Link(live));
    }
    let folder = places.history(list);
    make_folder(&places.histories())?;
    make_folder(&folder)?;
    let _lock = lock(places)?;
    let unwritten = StoreError::unwritten(&folder);
    settle(places, list)?;
    // Nobody else publishes now. An editor may still save the file, as at any time.
    if live_digest(places, list) != record.base {
        return Err(StoreError::Moved(live));
    }
    for (other, digest) in beside {
        if live_digest(places, other) != *digest {
            return Err(StoreError::Meanwhile(places.live(other)));
        }
    }
    found(places, list)?;
    let number = newest_number(&folder) + 1;
    whole::write(&folder, &text_name(number), text, 0o644).map_err(&unwritten)?;
    whole::write(&folder, PENDING, &record.json(), 0o644).map_err(&unwritten)?;
    whole::sync_folder(&folder).map_err(&unwritten)?;

    let replace = || {
        whole::write_alike(places.ranges(), &format!("{list}.txt"), text)?;
        whole::sync_folder(places.ranges())
    };
    replace().map_err(StoreError::unwritten(&live))?;

    settle(places, list)?;
    for old in named(places, list).generations.iter().rev().skip(KEPT) {
        let _ = fs::remove_file(folder.join(record_name(old.number)));
        let _ = fs::remove_file(&old.path);
    }
    Ok(number)
}

/// Ends a publication that was not ended, without one of its own, and says whether there was one.
///
/// # Errors
/// It cannot be ended, or another command publishes now.
pub(crate) fn end(places: &Places, list: &str) -> Result<bool, StoreError> {
    make_folder(&places.histories())?;
    make_folder(&places.history(list))?;
    let _lock = lock(places)?;
    let is_begun = !matches!(pending(places, list), Ok(None)) || Proposal::read(places, list)?.is_some();
    settle(places, list)?;
    Ok(is_begun)
}

/// Ends a publication that was not ended: its record gets its name if its text is the list, goes if it is not, and is set aside
/// if it cannot be read. A proposal that is the list goes too.
fn settle(places: &Places, list: &str) -> Result<(), StoreError> {
    let folder = places.history(list);
    let unwritten = StoreError::unwritten(&folder);
    let waiting = folder.join(PENDING);
    let next = newest_number(&folder) + 1;
    match pending(places, list) {
        Ok(Some(ended)) => {
            fs::rename(&waiting, folder.join(record_name(ended.number))).map_err(&unwritten)?;
            whole::sync_folder(&folder).map_err(&unwritten)?;
        }
        Ok(None) => remove(&waiting).map_err(&unwritten)?,
        Err(_) => {
            fs::rename(&waiting, folder.join(format!(".damaged-{next:06}.json"))).map_err(&unwritten)?;
        }
    }
    let live = live_digest(places, list);
    match Proposal::read(places, list) {
        Ok(Some(proposal)) if live.as_ref() == Some(&proposal.record.sha256) => {
            Proposal::remove(places, list)
        }
        _ => Ok(()),
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Makes a list that no command published a generation, so that it can come back.
fn found(places: &Places, list: &str) -> Result<(), StoreError> {
    let folder = places.history(list);
    let newest = named(places, list).generations.pop();
    let live = places.live(list);
    let Ok(text) = read(&live, MOST_BYTES) else { return Ok(()) };
    // What is no list cannot come back.
    let Ok(ranges) = parse(&text) else { return Ok(()) };
    let digest = sha256(&text);
    if newest.as_ref().is_some_and(|newest| newest.record.sha256 == digest) {
        return Ok(());
    }
    let before = newest.as_ref().and_then(|newest| parse(&newest.text().ok()?).ok());
    let change = moves(&set(before.as_ref()), &set(Some(&ranges))).difference;
    let saved = fs::metadata(&live).and_then(|found| found.modified());
    let record = Record {
        as_of: None,
        at: saved.map_or(0, crate::telemetry::timestamp::unix_seconds),
        base: newest.map(|newest| newest.record.sha256),
        by: BY_HAND.to_owned(),
        change: Change::from(&change),
        document: None,
        sha256: digest,
        source: "the file as it was found".to_owned(),
    };
    let number = newest_number(&folder) + 1;
    let unwritten = StoreError::unwritten(&folder);
    whole::write(&folder, &text_name(number), &text, 0o644).map_err(&unwritten)?;
    whole::write(&folder, &record_name(number), &record.json(), 0o644).map_err(&unwritten)
}

/// One publication at a time in a ranges folder. The system gives the lock back when the process ends.
fn lock(places: &Places) -> Result<Flock<File>, StoreError> {
    let path = places.histories().join(".lock");
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
    let file = file.map_err(StoreError::unwritten(&path))?;
    Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|_| StoreError::Busy(path))
}
