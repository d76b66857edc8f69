//! What is wrong with the text of an upstream, of the path of a socket or of the path of a health check.
//!
//! What is `shown` is as it may be: what looks like a secret is counted already.

use crate::config::read::host::HostError;

/// Why a text is no URL of an endpoint.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UrlError {
    /// What would be a host, and must not be repeated.
    #[error("{0} has no scheme")]
    SecretWithoutScheme(String),
    /// A host alone.
    #[error("{shown} has no scheme; write http://{url} or https://{url}")]
    NoScheme {
        /// What stands there.
        shown: String,
        /// The same in whole.
        url: String,
    },
    /// Anything else.
    #[error("{shown} is not {wanted}, https://app.example or unix:/run/app.sock")]
    Other {
        /// What stands there.
        shown: String,
        /// What should.
        wanted: &'static str,
    },
    /// A scheme that is not spoken here.
    #[error("the scheme {0} is not http, https or unix")]
    UnknownScheme(String),
    /// Somebody's name before the host.
    #[error("the URL must not have a user name or password")]
    User,
    /// Something after the host.
    #[error("{shown} must not be there: requests keep their own path and query; write {write}")]
    Path {
        /// What stands there.
        shown: String,
        /// The URL without it.
        write: String,
    },
    /// What stands in the place of the host.
    #[error(transparent)]
    Host(#[from] HostError),
}

/// Why a text after `unix:` is no path of a socket.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UnixPathError {
    /// Nothing.
    #[error("the path is missing; write unix:/run/app.sock")]
    Missing,
    /// A host between the slashes, and what is after it.
    #[error("a UNIX socket has no host; write unix:/{0}")]
    Host(String),
    /// More than an address of a socket holds, or a byte that would end it.
    #[error("the path of a UNIX socket has at most {most} bytes and no zero byte")]
    Long {
        /// What it holds.
        most: usize,
    },
}

/// Why a text cannot be asked for in a health check.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CheckPathError {
    /// This begins otherwise.
    #[error("{0} does not begin with a slash")]
    NoSlash(String),
    /// A letter that does not stand in a request line as it is.
    #[error("{shown} holds {odd:?}, which must be percent-encoded")]
    OddLetter {
        /// The path.
        shown: String,
        /// The letter.
        odd: char,
    },
    /// More than a path may have.
    #[error("has {bytes} bytes; at most {most} are allowed")]
    Long {
        /// How many it has.
        bytes: usize,
        /// How many it may have.
        most: usize,
    },
}
