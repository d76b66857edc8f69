//! `ranges fetch`: fetches a document by HTTPS with `curl`, and proposes what it says.
//!
//! The program has no HTTP client for the outside: `curl` has the system's authorities and proxies, is updated with the
//! system, and can be confined together with this command by a unit of its own. Invariants: nothing but HTTPS is spoken,
//! also where a reply leads elsewhere; time and size are bounded; an `ETag` is kept only for a document that was read.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::cli::flags::Settings;
use crate::cli::ranges::UNREACHABLE;
use crate::cli::ranges::propose::{Shape, Since, propose, unreadable};
use crate::cli::ranges::setting::{Setting, store};
use crate::cli::{DENIED, Failure, failed, print};
use crate::files::file::read;
use crate::load::proposals::history::live_digest;
use crate::load::proposals::proposal::{Proposal, make_folder};
use crate::load::proposals::record::sha256;
use crate::policy::proposal::document::refusal::{MOST_BYTES, Refusal};
use crate::policy::visible::is_hidden;

/// The bytes of an `ETag`.
const MOST_TAG: u64 = 8 << 10;
/// What `curl` says when it has ended: how the document came, and the status.
const WRITE_OUT: &str =
    "%{stderr}\n%{http_version} %header{content-length} %header{transfer-encoding}\n%{http_code}";
/// Seconds for the whole fetch.
const WITHIN: &str = "30";
/// How often a reply may lead elsewhere.
const MOST_REDIRECTS: &str = "3";
/// What `curl` says for a document that is larger than it may be.
const TOO_LARGE: i32 = 63;
/// What it may say about a failure.
const MOST_WORDS: u64 = 4096;

/// Fetch a document by HTTPS, and propose what it says for a list.
///
/// `curl` fetches it: by HTTPS only, within 30 seconds, at most 1 MiB. What follows is that of `ranges propose`. A document
/// that the server calls unchanged is not read again.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Exit: 0 the same as the list, unchanged, or proposed; 3 proposed, and publish will hold it; 65 the \
                        document cannot be read as a list; 69 not reachable."
)]
pub(super) struct Args {
    /// The list
    #[arg(value_name = "LIST")]
    list: String,
    /// Where the document is: https://
    #[arg(long, value_name = "URL", value_parser = address)]
    url: String,
    /// Trust these authorities instead of the system's, in PEM
    #[arg(long, value_name = "FILE")]
    cacert: Option<PathBuf>,
    #[command(flatten)]
    shape: Shape,
    #[command(flatten)]
    settings: Settings,
}

/// The text is no address that is fetched.
#[derive(Debug, thiserror::Error)]
enum NoAddress {
    #[error("only https:// is fetched: whoever changes the document on its way would choose who is admitted")]
    NotHttps,
    #[error("has a character that no address has")]
    Character,
    #[error("a user or a password does not belong into it: the address is written into the list")]
    Password,
}

fn address(text: &str) -> Result<String, NoAddress> {
    let rest =
        text.get(..8).filter(|begin| begin.eq_ignore_ascii_case("https://")).and_then(|_| text.get(8..));
    let rest = rest.ok_or(NoAddress::NotHttps)?;
    if text.contains(|c: char| is_hidden(c) || c.is_whitespace() || c == '\\') {
        return Err(NoAddress::Character);
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') { Err(NoAddress::Password) } else { Ok(text.to_owned()) }
}

/// What `curl` brought.
enum Fetched {
    Document(Vec<u8>),
    Unchanged,
}

/// Why it brought nothing.
#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error(
        "curl cannot be started: {0}; install it, or fetch the document otherwise and give it to `ranges propose`"
    )]
    NoCurl(io::Error),
    #[error("cannot be fetched: {0}")]
    Failed(String),
    #[error(transparent)]
    Large(Refusal),
    #[error(
        "the answer does not say where it ends, and its last line has no end: a part of it may be missing"
    )]
    Cut,
}

pub(super) fn run(args: &Args) -> Result<u8, Failure> {
    let setting = Setting::read(&args.settings, &args.list)?;
    make_folder(&setting.places.proposals()).map_err(store)?;
    not_of_others(&setting.places.proposals())?;
    // What is asked for may be a secret, and the address is written into the list.
    let source = args.url.split(['?', '#']).next().unwrap_or_default();
    let tag = Tag::of(&setting, args);
    let known = is_known(&setting, source).then(|| tag.known()).flatten();
    let fetched = fetch(args, known, &tag.new);
    let outcome = match fetched {
        Ok(Fetched::Document(bytes)) => propose(&setting, &bytes, source, &args.shape, Since::First),
        Ok(Fetched::Unchanged) => print(&format!("{}: {source} has not changed\n", args.list)).map(|()| 0),
        Err(error @ (FetchError::Large(_) | FetchError::Cut)) => Err(unreadable(source, [error.to_string()])),
        Err(error) => Err(Failure { code: UNREACHABLE, lines: vec![format!("{source}: {error}")] }),
    };
    let is_read = outcome.as_ref().map_or_else(|failure| failure.code == DENIED, |_| true);
    tag.keep(is_read);
    outcome
}

/// Root writes through whatever the owner of a folder puts there, so in a folder of somebody else's it fetches nothing.
fn not_of_others(folder: &Path) -> Result<(), Failure> {
    let owner = |path: &Path| fs::metadata(path).map(|found| found.uid()).ok();
    match (owner(Path::new("/proc/self")), owner(folder)) {
        (Some(0), Some(other)) if other != 0 => Err(failed(format!(
            "{} belongs to user {other}, and root must not write there: run it as that user, as in sudo -u '#{other}' nexmo-gate ...",
            folder.display()
        ))),
        _ => Ok(()),
    }
}

/// Whether the list or its proposal is what this source said last. Otherwise an unchanged document says something new.
fn is_known(setting: &Setting, source: &str) -> bool {
    let live = live_digest(&setting.places, &setting.list);
    if let Ok(Some(proposal)) = Proposal::read(&setting.places, &setting.list) {
        return proposal.record.source == source && proposal.record.base == live;
    }
    let newest = setting.history().pop();
    newest.is_some_and(|newest| newest.record.source == source && Some(newest.record.sha256) == live)
}

/// The file with the `ETag` of what was read last, and the one of this fetch.
struct Tag {
    kept: PathBuf,
    new: PathBuf,
}

impl Tag {
    /// A tag is that of an address, read in a certain way.
    fn of(setting: &Setting, args: &Args) -> Self {
        let digest = sha256(
            [std::slice::from_ref(&args.url), args.shape.groups.as_slice()].concat().join("\n").as_bytes(),
        );
        let place = |end: &str| {
            let name = format!(".{}.{}.{end}", setting.list, digest.get(..12).unwrap_or_default());
            setting.places.proposals().join(name)
        };
        Self { kept: place("etag"), new: place("etag.tmp") }
    }

    /// The tag of what was read last. One that is none goes: a server would be asked nonsense, or read it as two lines.
    fn known(&self) -> Option<&Path> {
        let text = read(&self.kept, MOST_TAG);
        if text.as_ref().is_ok_and(|text| is_tag(text)) {
            return Some(&self.kept);
        }
        if fs::symlink_metadata(&self.kept).is_ok() {
            eprintln!("warning: {}: is no ETag, so the document is fetched whole", self.kept.display());
            let _ = fs::remove_file(&self.kept);
        }
        None
    }

    /// Keeps the new tag, or forgets it. Without a tag the document is fetched whole, which is no failure.
    fn keep(&self, is_read: bool) {
        let is_tag = read(&self.new, MOST_TAG).is_ok_and(|text| is_tag(&text));
        let _ =
            if is_read && is_tag { fs::rename(&self.new, &self.kept) } else { fs::remove_file(&self.new) };
    }
}

/// Whether a text is an `ETag` (RFC 9110, 8.8.3), as curl writes it.
fn is_tag(text: &[u8]) -> bool {
    let text = text.trim_ascii();
    let opaque = text.strip_prefix(b"W/").unwrap_or(text);
    let inner = opaque.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
    inner.is_some_and(|inner| inner.iter().all(|byte| *byte > b' ' && !matches!(byte, b'"' | 0x7F)))
}

fn fetch(args: &Args, known: Option<&Path>, tag: &Path) -> Result<Fetched, FetchError> {
    let mut curl = Command::new("curl");
    // The first argument keeps curl from reading options of its own from a file, `--globoff` from making several addresses
    // of one that has brackets.
    curl.args(["--disable", "--silent", "--show-error", "--fail", "--location", "--globoff"])
        .args(["--proto", "=https", "--proto-redir", "=https", "--max-redirs", MOST_REDIRECTS])
        .args(["--max-time", WITHIN, "--max-filesize", &MOST_BYTES.to_string()])
        .args(["--user-agent", concat!("nexmo-gate/", env!("CARGO_PKG_VERSION"))])
        .args(["--write-out", WRITE_OUT])
        .arg("--etag-save")
        .arg(tag);
    if let Some(known) = known {
        curl.arg("--etag-compare").arg(known);
    }
    if let Some(authorities) = &args.cacert {
        curl.arg("--cacert").arg(authorities);
    }
    curl.args(["--url", &args.url]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = curl.spawn().map_err(FetchError::NoCurl)?;
    // A server that does not say how long the document is may send without end.
    let body = bounded(child.stdout.take(), MOST_BYTES as u64 + 1);
    if body.len() > MOST_BYTES {
        let _ = child.kill();
        let _ = child.wait();
        return Err(FetchError::Large(Refusal::Large));
    }
    let words = bounded(child.stderr.take(), MOST_WORDS);
    let words = String::from_utf8_lossy(&words).into_owned();
    let ended = child.wait().map_err(FetchError::NoCurl)?;
    let status = words.get(words.len().saturating_sub(3)..).unwrap_or_default();
    let words = words.strip_suffix(status).unwrap_or(&words).trim_end();
    let (words, how) = words.rsplit_once('\n').unwrap_or(("", words));
    match (ended.code(), status) {
        (Some(0), "304") if known.is_some() => Ok(Fetched::Unchanged),
        (Some(0), "200") if !has_end(how) && is_open(&body) => Err(FetchError::Cut),
        (Some(0), "200") => Ok(Fetched::Document(body)),
        // A part of a document, or nothing that was asked for.
        (Some(0), _) => Err(FetchError::Failed(format!("the answer was {status}, wanted 200"))),
        (Some(TOO_LARGE), _) => Err(FetchError::Large(Refusal::Large)),
        _ => Err(FetchError::Failed(words.trim().trim_start_matches("curl: ").to_owned())),
    }
}

/// Whether an answer says where it ends, by what `curl` says of it: HTTP/2 and 3 always do, HTTP/1 by a length or by chunks.
/// Without one the document ends where the connection does, which may be too early.
fn has_end(how: &str) -> bool {
    let mut words = how.split_whitespace();
    let version = words.next().unwrap_or_default();
    let is_framed = matches!(version.split('.').next(), Some("2" | "3"));
    let says = |word: &str| word.eq_ignore_ascii_case("chunked") || word.parse::<u64>().is_ok();
    is_framed || words.any(says)
}

/// Whether a document may go on: of JSON the reader knows, and a text has a line end at its end.
fn is_open(body: &[u8]) -> bool {
    let is_json = body.trim_ascii_start().starts_with(b"{") || body.trim_ascii_start().starts_with(b"[");
    !is_json && !body.ends_with(b"\n")
}

fn bounded(from: Option<impl Read>, most: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(from) = from {
        // What was read until a failure is short, and curl's exit code says that it failed.
        let _ = from.take(most).read_to_end(&mut bytes);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_ends_with_its_connection_has_no_end_of_its_own() {
        for how in ["2", "3", "1.1 17", "1.1 chunked", "1.1 17 Chunked", "1.0 0"] {
            assert!(has_end(how), "{how}");
        }
        // A curl before 7.84 knows no headers here.
        for how in ["1.1", "1.0", "1.1  gzip", "1.1 %header{content-length} %header{transfer-encoding}", ""] {
            assert!(!has_end(how), "{how}");
        }
        for (body, open) in
            [("8.8.8.8/2", true), ("8.8.8.8\n", false), (" {\"a\": [", false), ("", true), ("<html>", true)]
        {
            assert_eq!(is_open(body.as_bytes()), open, "{body}");
        }
    }

    #[test]
    fn a_tag_is_one_in_quotes() {
        for good in ["\"\"", "\"a-1\"\n", "W/\"x\"", "\"\u{e4}\""] {
            assert!(is_tag(good.as_bytes()), "{good}");
        }
        for bad in ["", "a", "\"a", "\"a\"b\"", "\"a\nX: y\"", "w/\"x\"", "\"a b\"", "\0"] {
            assert!(!is_tag(bad.as_bytes()), "{bad}");
        }
    }

    #[test]
    fn only_https_without_a_password_is_an_address() {
        for good in ["https://vendor.example/ips-v4", "HTTPS://[::1]/", "https://a:8443/b?c=d"] {
            assert!(address(good).is_ok(), "{good}");
        }
        for (bad, why) in [
            ("http://vendor.example/", "only https://"),
            ("file:///etc/passwd", "only https://"),
            ("-o/etc/passwd", "only https://"),
            ("https://a:b@vendor.example/", "a user or a password"),
            ("https://vendor.example\\@other.example/", "has a character"),
            ("https://vendor.example/ a", "has a character"),
            ("https://vendor.example/\n", "has a character"),
            ("https://vendor.example/\u{202e}", "has a character"),
        ] {
            assert!(address(bad).unwrap_err().to_string().starts_with(why), "{bad}");
        }
    }
}
