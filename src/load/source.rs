//! The configuration as it is given: a file with flags and variables, or flags and variables alone.
//!
//! The text is parsed again only when the bytes of the file changed, because parsing is most of the cost of a
//! reload. Reads no file: [`crate::load::file_view`] does. Invariant: the result equals that of
//! [`config::parse()`].

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use crate::config::{self, Overrides, Parsed, Problem};
use crate::files::file::FileContent;

type ParseResult = Result<Parsed, Vec<Problem>>;

/// Where the configuration comes from, and the result of the last parse.
#[derive(Debug)]
pub(crate) struct ConfigSource {
    path: Option<PathBuf>,
    overrides: Overrides,
    last: RefCell<Option<(Option<FileContent>, ParseResult)>>,
}

impl ConfigSource {
    /// Without a path, the overrides are the whole configuration.
    pub(crate) fn new(path: Option<PathBuf>, overrides: Overrides) -> Self {
        Self { path, overrides, last: RefCell::default() }
    }

    /// The path of the file.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Parses the content of the file, or returns the last result if the content is the same.
    pub(crate) fn parse(&self, file: Option<&FileContent>) -> ParseResult {
        let mut last = self.last.borrow_mut();
        if let Some((seen, result)) = last.as_ref()
            && seen.as_ref() == file
        {
            return result.clone();
        }
        let result = self.parse_file(file);
        *last = Some((file.cloned(), result.clone()));
        result
    }

    fn parse_file(&self, file: Option<&FileContent>) -> ParseResult {
        let base = self.path().and_then(Path::parent).unwrap_or(Path::new(""));
        let text = match file {
            None => None,
            Some(seen) => {
                let bad = |message: String| vec![Problem::new(seen.path.display().to_string(), message)];
                let bytes = seen.content.as_ref().map_err(|error| bad(error.to_string()))?;
                Some(std::str::from_utf8(bytes).map_err(|error| bad(format!("is not UTF-8 text: {error}")))?)
            }
        };
        config::parse(text, &self.overrides, base)
    }

    /// Puts the flag's name in place of the key path, for a name that came from a flag.
    pub(crate) fn name_flag(&self, problem: &mut Problem) {
        if self.overrides.trusted_proxies.is_some() && problem.at.starts_with("trusted_proxies") {
            "--trusted-proxies (NEXMO_GATE_TRUSTED_PROXIES)".clone_into(&mut problem.at);
        } else if self.overrides.allow.is_some() && problem.at.starts_with("routes") {
            "--allow (NEXMO_GATE_ALLOW)".clone_into(&mut problem.at);
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn a_file_that_changes_is_parsed_again_whatever_was_before() {
        let source = ConfigSource::new(Some("/etc/gate/config.yaml".into()), Overrides::default());
        let parse = |text: &str| {
            let content = Ok(Bytes::copy_from_slice(text.as_bytes()));
            source.parse(Some(&FileContent { path: "/etc/gate/config.yaml".into(), content }))
        };
        let config = |port: u16| {
            format!(
                "listen: [{{ address: \"127.0.0.1:8080\" }}]\nupstream: \"http://127.0.0.1:{port}\"\n\
                 ranges: ranges\nroutes: [{{ path: /a, webhook: generic, allow: [test] }}]\n"
            )
        };
        let first = parse(&config(3000)).unwrap();
        assert_eq!(parse(&config(3000)).unwrap(), first);
        assert_ne!(parse(&config(3001)).unwrap(), first);
        assert!(parse("listen: [").is_err());
        assert!(parse("listen: [").is_err());
        assert_eq!(parse(&config(3000)).unwrap(), first);
    }
}
