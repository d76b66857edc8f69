//! Copies of the last good text of every list, for a restart with a broken range file.
//!
//! A copy is `STATE/lists/NAME.txt`, a range file like any other: a person can read it, and it is parsed as
//! strictly. Beside the copies, `.kept` names the lists that this program has written, and `.config.yaml` is
//! the configuration that was loaded with them. A failure here is only a warning: serving does not depend on
//! the copies.
//!
//! Invariants: a copy is complete, because it is written to a temporary file and renamed. A file that this
//! program did not write is never changed, removed or read as a list. A name is in `.kept` before its file
//! exists, so that after a crash the program still knows its own files. Version 0.1.0 wrote no `.kept`:
//! without it, files whose names are those of current lists count as written by this program, and all others
//! are left alone.

//!
//! | file | noun |
//! | --- | --- |
//! | [`copies`] | the copies that an earlier run wrote, read at the start |
//! | [`store`] | the copies of this run, written after each publication |

pub(crate) mod copies;
pub(crate) mod store;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use crate::config::Problem;
use crate::files::file::read;

pub(crate) use self::copies::LastGood;
pub(crate) use self::store::LastGoodStore;

/// The names of the lists that this program has written, one a line.
const OWN: &str = ".kept";
/// The largest `.kept` file that is read; it has room for far more names than there can be lists.
const MAX_OWN: u64 = 1 << 20;
/// The configuration that was loaded last.
const CONFIG: &str = ".config.yaml";

/// The lists whose files this program has written; `None` without a readable `.kept`.
fn own(folder: &Path) -> Option<BTreeSet<String>> {
    let text = String::from_utf8(read(&folder.join(OWN), MAX_OWN).ok()?).ok()?;
    Some(text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect())
}

fn lists_folder(state: &Path) -> PathBuf {
    state.join("lists")
}

fn warning(folder: &Path, what: &str, error: &io::Error) -> Problem {
    Problem::new(
        "state",
        format!(
            "the last good lists cannot be {what} in {}: {error}; a restart with a broken range file would have none",
            folder.display()
        ),
    )
}
