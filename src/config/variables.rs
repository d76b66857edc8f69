//! The variables of the environment whose names begin like those of the gate.
//!
//! A misspelt one would be silent otherwise. But a platform sets variables of its own for a service that is called
//! `nexmo-gate`, or begins so: those are nobody's slip.

use crate::config::keys;
use crate::config::read::error::Problem;

/// What the names of the gate's variables begin with.
const PREFIX: &str = "NEXMO_GATE_";
/// The variable that names the configuration file. It is about no key, so the table of keys does not have it.
pub(crate) const CONFIG: &str = "NEXMO_GATE_CONFIG";
/// Only debug builds read these; each is described where it is read.
const DRILLS: [&str; 2] = ["NEXMO_GATE_PANIC_PATH", "NEXMO_GATE_RELOAD_DRILL"];

/// The variables that begin like the gate's and mean nothing to it; each name with its value.
#[must_use]
pub(crate) fn unknown(all: impl IntoIterator<Item = (String, String)>) -> Vec<String> {
    let mut names: Vec<String> = all
        .into_iter()
        .filter(|(name, value)| {
            let Some(rest) = rest(name) else { return false };
            let drill = cfg!(debug_assertions) && DRILLS.contains(&name.as_str());
            !drill && !known().any(|one| one == name) && !is_link(rest, value)
        })
        .map(|(name, _)| name)
        .collect();
    names.sort();
    names
}

/// The warning about an unknown variable.
#[must_use]
pub(crate) fn warning(name: &str) -> Problem {
    // Without the prefix, which would make any two names near to each other.
    let near = rest(name).and_then(|own| keys::nearest(own, known().filter_map(rest)));
    let message = match near {
        Some(near) => format!("unknown variable; did you mean {PREFIX}{near}?"),
        None => "unknown variable".to_owned(),
    };
    Problem::new(name, message)
}

fn rest(name: &str) -> Option<&str> {
    name.strip_prefix(PREFIX)
}

fn known() -> impl Iterator<Item = &'static str> {
    keys::KEYS.iter().filter_map(|key| Some(key.flag?.env)).chain([CONFIG])
}

/// Whether it is one of those that Kubernetes sets for each service (`enableServiceLinks`), or Docker for a link.
/// `rest` is its name after the prefix; a service that is called `nexmo-gate-admin` has `ADMIN_` before the same.
fn is_link(rest: &str, value: &str) -> bool {
    let own = format!("_{rest}");
    let transport = |text: &str| ["TCP", "UDP", "SCTP"].iter().any(|name| text.starts_with(name));
    // `PORT_8080_TCP`, and the same with `_ADDR`, `_PORT`, `_PROTO` behind it.
    let of_a_port = own.split("_PORT_").skip(1).any(|after| {
        after.split_once('_').is_some_and(|(port, behind)| port.parse::<u16>().is_ok() && transport(behind))
    });
    // By the name alone this could be an attempt to say where to listen: NEXMO_GATE_PORT=8080.
    let port = own.ends_with("_PORT") && value.contains("://");
    let name = rest == "NAME" && value.starts_with('/');
    let service = own.ends_with("_SERVICE_HOST") || own.contains("_SERVICE_PORT");
    service || of_a_port || port || name || rest.starts_with("ENV_")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(all: &[(&str, &str)]) -> Vec<String> {
        let owned = all.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        unknown(owned).iter().map(|name| warning(name).to_string()).collect()
    }

    #[test]
    fn a_misspelt_variable_is_told_with_the_nearest_one() {
        let wanted = [
            "NEXMO_GATE_CONFG: unknown variable; did you mean NEXMO_GATE_CONFIG?",
            "NEXMO_GATE_LISTN: unknown variable; did you mean NEXMO_GATE_LISTEN?",
            "NEXMO_GATE_PORT: unknown variable",
            "NEXMO_GATE_SERVICE: unknown variable",
            "NEXMO_GATE_TRUSTED_PROXY: unknown variable; did you mean NEXMO_GATE_TRUSTED_PROXIES?",
            "NEXMO_GATE_listen: unknown variable; did you mean NEXMO_GATE_LISTEN?",
        ];
        let all = [
            ("NEXMO_GATE_LISTN", "0.0.0.0:80"),
            ("NEXMO_GATE_listen", ""),
            ("NEXMO_GATE_TRUSTED_PROXY", "10.0.0.0/8"),
            ("NEXMO_GATE_CONFG", "/etc/x"),
            ("NEXMO_GATE_PORT", "8080"),
            ("NEXMO_GATE_SERVICE", "x"),
            ("PATH", "/bin"),
            ("NEXMO_GATEWAY", "x"),
        ];
        assert_eq!(found(&all), wanted);
    }

    #[test]
    fn known_variables_are_no_warning() {
        let mut seen = 0;
        for name in known() {
            assert_eq!(found(&[(name, "x")]), Vec::<String>::new());
            seen += 1;
        }
        assert!(seen >= 16, "{seen}");
    }

    #[test]
    fn what_platforms_set_for_a_service_is_no_warning() {
        let mut seen = 0;
        for service in ["NEXMO_GATE", "NEXMO_GATE_ADMIN", "NEXMO_GATE_STAGING"] {
            for (rest, value) in [
                ("SERVICE_HOST", "10.96.0.7"),
                ("SERVICE_PORT", "8080"),
                ("SERVICE_PORT_HTTP", "8080"),
                ("PORT", "tcp://10.96.0.7:8080"),
                ("PORT_8080_TCP", "tcp://10.96.0.7:8080"),
                ("PORT_8080_TCP_PROTO", "tcp"),
                ("PORT_8080_TCP_PORT", "8080"),
                ("PORT_8080_TCP_ADDR", "10.96.0.7"),
                ("PORT_443_UDP_ADDR", "10.96.0.7"),
            ] {
                assert_eq!(found(&[(&format!("{service}_{rest}"), value)]), Vec::<String>::new(), "{rest}");
                seen += 1;
            }
        }
        assert_eq!(seen, 27);
        // Docker's links have two more.
        assert_eq!(found(&[("NEXMO_GATE_NAME", "/web/gate"), ("NEXMO_GATE_ENV_HOME", "/")]), [""; 0]);
    }
}
