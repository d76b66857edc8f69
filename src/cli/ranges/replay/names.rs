//! The names of the parts of a log that is rotated.

use std::path::{Path, PathBuf};

/// What packed files end with that can be read, or that say themselves by what they are packed.
const PACKED: [&str; 6] = [".gz", ".gzip", ".xz", ".zst", ".bz2", ".lz4"];
/// What a number or a day is set off with.
const MARKS: [char; 3] = ['.', '-', '_'];
/// The digits of a number in a name that a day is not.
const MOST_DIGITS: usize = 3;
/// The digits of a day.
const DAY: usize = 8;

/// What a name beside a log says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    /// It is one that a rotation makes.
    Rotated,
    /// It is one that a rotation makes, or the log of another gate.
    Doubtful,
    /// It begins like one.
    Strange,
}

/// What the name of a file says that lies beside a log of this name; none where it has nothing to do with it.
#[must_use]
pub(crate) fn name(name: &str, log: &str) -> Option<Name> {
    let plain = without_packing(name);
    if let Some(behind) = name.strip_prefix(log) {
        if !behind.starts_with(MARKS) {
            return None;
        }
        let behind = plain.get(log.len()..).unwrap_or_default();
        let ending = log.rsplit_once('.').map_or("", |(_, ending)| ending);
        let number = behind.strip_suffix(ending).and_then(|rest| rest.strip_suffix('.')).unwrap_or(behind);
        let is_rotated = behind.is_empty() || behind == ".old" || is_number(number);
        return Some(if is_rotated { Name::Rotated } else { Name::Strange });
    }
    let (stem, ending) = log.rsplit_once('.').filter(|(stem, _)| !stem.is_empty())?;
    let behind = name.strip_prefix(stem)?;
    if !behind.starts_with(MARKS) {
        return None;
    }
    let number = plain.strip_prefix(stem).and_then(|rest| rest.strip_suffix(ending)?.strip_suffix('.'));
    Some(match number.filter(|number| is_number(number)).map(digits) {
        Some(DAY..) => Name::Rotated,
        Some(..=MOST_DIGITS) => Name::Doubtful,
        _ => Name::Strange,
    })
}

/// The path of a packed file before it was packed.
#[must_use]
pub(crate) fn unpacked(path: &Path) -> Option<PathBuf> {
    let path = path.to_str()?;
    Some(without_packing(path)).filter(|plain| plain.len() < path.len()).map(PathBuf::from)
}

fn without_packing(name: &str) -> &str {
    let plain = |end: &&str| {
        let (plain, found) = name.split_at_checked(name.len().checked_sub(end.len())?)?;
        found.eq_ignore_ascii_case(end).then_some(plain)
    };
    PACKED.iter().find_map(plain).unwrap_or(name)
}

fn digits(text: &str) -> usize {
    text.chars().filter(char::is_ascii_digit).count()
}

/// `.1`, `-20261121`, `_2026-11-21T19:30`: set off, and with nothing but what numbers and times have.
fn is_number(text: &str) -> bool {
    let Some(number) = text.strip_prefix(MARKS) else { return false };
    let is_of_time = |c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '_' | ':' | '+' | 'T' | 'Z');
    number.trim_start_matches(MARKS).starts_with(|c: char| c.is_ascii_digit())
        && number.chars().all(is_of_time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_a_rotated_log_are_known() {
        let log = "access.log";
        for rotated in [
            "access.log.1",
            "access.log.14.gz",
            "access.log.2.zst",
            "access.log.1.GZ",
            "access.log.1.gzip",
            "access.log.gz",
            "access.log.old",
            "access.log.1.log",
            "access.log-20261121",
            "access.log_20261121",
            "access.log.-20261121",
            "access.log-20261121.gz",
            "access.log-2026-11-21T19:30Z",
            "access.log-20261121T0500+0100",
            "access.log-20261121-1795289400.gz",
            "access-20261121.log.gz",
            "access_2026-11-21.log",
        ] {
            assert_eq!(name(rotated, log), Some(Name::Rotated), "{rotated}");
        }
        for doubtful in ["access.1.log", "access.2.log.gz", "access-14.log"] {
            assert_eq!(name(doubtful, log), Some(Name::Doubtful), "{doubtful}");
        }
        for strange in [
            "access.log.bak",
            "access.log.1.old",
            "access.log.1.lzma",
            "access.log.1~",
            "access.log.",
            "access.log.1.gz.tmp",
            "access.log-host-20261121",
            "access-8081.log",
            "access.json",
        ] {
            assert_eq!(name(strange, log), Some(Name::Strange), "{strange}");
        }
        for other in ["access.log", "access.log1", "access2.log", "other.log.1", "access"] {
            assert_eq!(name(other, log), None, "{other}");
        }
        assert_eq!(name("access.1", "access"), Some(Name::Rotated));
        assert_eq!((name("access.log", "access"), name("x.log", ".log")), (Some(Name::Strange), None));
        assert_eq!(unpacked(Path::new("/a/access.log.1.gz")), Some(PathBuf::from("/a/access.log.1")));
    }
}
