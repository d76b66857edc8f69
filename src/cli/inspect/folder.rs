//! Requests saved as files, each a raw request of HTTP/1 that `explain --request` and others read.
//!
//! Invariant: a file that is there is never changed, no link is followed, and nobody else may read what was written.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::admin::api::exchanges::Whole;

/// The folder.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

/// Why a request is not saved.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotSaved {
    /// The folder cannot be used.
    #[error("{}: {error}", .path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The folder is a link or a file.
    #[error("{}: is no folder, or a link to one", .0.display())]
    NoFolder(PathBuf),
    /// There is nothing to be saved.
    #[error("its head or its body is not shown")]
    NotShown,
    /// The file cannot be written.
    #[error("{}: {error}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

impl Folder {
    /// A folder that is there, or one that is made now.
    pub(super) fn open(path: &Path) -> Result<Self, NotSaved> {
        let failed = |error| NotSaved::Folder { path: path.to_owned(), error };
        match fs::symlink_metadata(path) {
            Ok(there) if there.is_dir() => {}
            Ok(_) => return Err(NotSaved::NoFolder(path.to_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                DirBuilder::new().mode(0o700).create(path).map_err(failed)?;
            }
            Err(error) => return Err(failed(error)),
        }
        Ok(Self(path.to_owned()))
    }

    /// Saves the request of an exchange.
    pub(super) fn save(&self, whole: &Whole) -> Result<PathBuf, NotSaved> {
        let text = whole.file.as_ref().ok_or(NotSaved::NotShown)?;
        let path = self.0.join(name(whole));
        let failed = |error| NotSaved::File { path: path.clone(), error };
        // `create_new` follows no link and opens nothing that is there.
        let mut file =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(failed)?;
        file.write_all(text.as_bytes()).map_err(failed)?;
        Ok(path)
    }
}

/// The time, the number and the webhook. The gate may be another program, so only plain characters count.
fn name(whole: &Whole) -> String {
    let row = &whole.row;
    let plain = |text: &str| -> String {
        text.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(40).collect()
    };
    let webhook = plain(row.webhook.as_deref().unwrap_or("unrouted"));
    format!("{}-{}-{webhook}.http", plain(row.ended.get(..19).unwrap_or("")), row.number)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;
    use crate::admin::api::exchanges::{Phases, Row};

    fn whole(number: u64, file: Option<&str>) -> Whole {
        let row = Row {
            attempts: 1,
            bytes_in: 0,
            bytes_out: 0,
            client: None,
            denied: false,
            ended: "2026-11-28T04:05:06.123Z".to_owned(),
            http: None,
            list: None,
            method: "POST".to_owned(),
            next: String::new(),
            note: None,
            number,
            outcome: "delivered".to_owned(),
            path: "/".to_owned(),
            peer: String::new(),
            phases: Phases::default(),
            prefix: None,
            reason: String::new(),
            request_id: String::new(),
            route: None,
            signature: None,
            status: None,
            tls: false,
            upstream_status: None,
            webhook: Some("../../sms-inbound".to_owned()),
            would_deny: None,
        };
        let file = file.map(str::to_owned);
        let bodies = "masked".to_owned();
        Whole { answer: None, bodies, curl: None, file, forwarded: None, reply: None, request: None, row }
    }

    #[test]
    fn a_request_is_saved_once_for_its_owner_alone_and_no_link_is_followed() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let folder = Folder::open(&at("new")).unwrap();
        let path = folder.save(&whole(7, Some("POST / HTTP/1.1\r\n\r\n"))).unwrap();
        assert_eq!(path.file_name().unwrap(), "2026-11-28T040506-7-sms-inbound.http");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_to_string(&path).unwrap(), "POST / HTTP/1.1\r\n\r\n");
        assert!(matches!(folder.save(&whole(7, Some("other"))), Err(NotSaved::File { .. })));
        assert!(matches!(folder.save(&whole(8, None)), Err(NotSaved::NotShown)));
        symlink(at("elsewhere"), at("new/2026-11-28T040506-9-sms-inbound.http")).unwrap();
        assert!(matches!(folder.save(&whole(9, Some("x"))), Err(NotSaved::File { .. })));
        assert!(!at("elsewhere").exists());
        symlink(at("new"), at("link")).unwrap();
        assert!(matches!(Folder::open(&at("link")), Err(NotSaved::NoFolder(_))));
        assert!(matches!(Folder::open(&path), Err(NotSaved::NoFolder(_))));
        assert!(matches!(Folder::open(&at("a/b")), Err(NotSaved::Folder { .. })));
    }
}
