//! What is asked of `/inspect` and `/replay`: the parameters of a query. Nothing is decided here.

use std::time::Duration;

use crate::admin::explain::question::decode;
use crate::config::units;
use crate::policy::mask::mode::Bodies;
use crate::state::capture::exchange::Exchange;

/// For how long it is on where nobody says.
pub(crate) const USUAL: Duration = Duration::from_secs(600);

/// Why a query makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum QueryError {
    /// An unknown parameter.
    #[error(
        "{0:?} is not a parameter; there are: after, anyway, bodies, denied, for, format, id, lease, refresh, route"
    )]
    Unknown(String),
    /// A value that is not understood.
    #[error("{key}: {value:?} is not {wanted}")]
    Value {
        /// The parameter.
        key: &'static str,
        /// Its value.
        value: String,
        /// What it should be.
        wanted: &'static str,
    },
    /// The exchange is missing.
    #[error("the number of the exchange is missing: id=7")]
    NoId,
}

/// The parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Query {
    /// Only exchanges behind this number.
    pub after: u64,
    /// One exchange.
    pub id: Option<u64>,
    /// Only those of this route.
    pub route: Option<String>,
    /// Only denied ones.
    pub denied: bool,
    /// How they are shown or kept.
    pub bodies: Bodies,
    /// For how long; zero turns it off.
    pub time: Duration,
    /// The wish that is taken back.
    pub lease: Option<u64>,
    /// A replay although its answer directs something.
    pub anyway: bool,
}

impl Query {
    /// Reads a query.
    ///
    /// # Errors
    /// An unknown parameter or value.
    pub(crate) fn read(query: &str) -> Result<Self, QueryError> {
        let mut read = Self {
            after: 0,
            id: None,
            route: None,
            denied: false,
            bodies: Bodies::Masked,
            time: USUAL,
            lease: None,
            anyway: false,
        };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = decode(value).and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
            match key {
                "after" => read.after = number("after", &value)?,
                "id" => read.id = Some(number("id", &value)?),
                "lease" => read.lease = Some(number("lease", &value)?),
                "route" => read.route = Some(value),
                "denied" => read.denied = truth("denied", &value)?,
                "anyway" => read.anyway = truth("anyway", &value)?,
                "bodies" => {
                    let wanted = "one of: off, masked, full";
                    read.bodies =
                        Bodies::of_word(&value).ok_or(QueryError::Value { key: "bodies", value, wanted })?;
                }
                "for" => read.time = time(value)?,
                // They are the page's.
                "refresh" | "format" => {}
                other => return Err(QueryError::Unknown(other.to_owned())),
            }
        }
        Ok(read)
    }

    /// Whether an exchange is asked for.
    #[must_use]
    pub(super) fn wants(&self, exchange: &Exchange) -> bool {
        exchange.number > self.after
            && (!self.denied || exchange.is_denied())
            && self.route.as_ref().is_none_or(|route| exchange.route.as_ref() == Some(route))
    }
}

fn number(key: &'static str, value: &str) -> Result<u64, QueryError> {
    value.parse().map_err(|_| QueryError::Value { key, value: value.to_owned(), wanted: "a number" })
}

fn truth(key: &'static str, value: &str) -> Result<bool, QueryError> {
    match value {
        "1" | "true" | "" => Ok(true),
        "0" | "false" => Ok(false),
        _ => Err(QueryError::Value { key, value: value.to_owned(), wanted: "0 or 1" }),
    }
}

/// `10m`, or `off`.
fn time(value: String) -> Result<Duration, QueryError> {
    if value == "off" {
        return Ok(Duration::ZERO);
    }
    let wanted = "a time from 1s to 1h, as 10m, or off";
    let most = Duration::from_secs(3600);
    let read = units::duration(&value).ok().filter(|time| *time >= Duration::from_secs(1) && *time <= most);
    read.ok_or(QueryError::Value { key: "for", value, wanted })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_read_or_refused_by_name() {
        let query =
            Query::read("after=3&route=%2Fa%2Fb&denied=1&bodies=full&for=90s&lease=2&id=4&anyway&refresh=5")
                .unwrap();
        assert_eq!(
            (query.after, query.route.as_deref(), query.denied, query.bodies),
            (3, Some("/a/b"), true, Bodies::Full)
        );
        assert_eq!((query.time.as_secs(), query.lease, query.id, query.anyway), (90, Some(2), Some(4), true));
        assert_eq!(Query::read("for=off").unwrap().time, Duration::ZERO);
        assert_eq!(Query::read("").unwrap().bodies, Bodies::Masked);
        for (query, wanted) in [
            (
                "x=1",
                "\"x\" is not a parameter; there are: after, anyway, bodies, denied, for, format, id, lease, refresh, route",
            ),
            ("id=x", "id: \"x\" is not a number"),
            ("bodies=all", "bodies: \"all\" is not one of: off, masked, full"),
            ("for=2h", "for: \"2h\" is not a time from 1s to 1h, as 10m, or off"),
            ("for=10", "for: \"10\" is not a time from 1s to 1h, as 10m, or off"),
            ("denied=x", "denied: \"x\" is not 0 or 1"),
        ] {
            assert_eq!(Query::read(query).unwrap_err().to_string(), wanted);
        }
    }
}
