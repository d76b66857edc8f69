//! The values of flags and environment variables. Each replaces one key of the file.
//!
//! A relative path is relative to the working directory, and a problem is reported under the name of the flag
//! and the variable.

use std::collections::BTreeMap;

use serde_yaml::Value;

/// The text of each flag or its variable; `None` where neither is set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// `listen`, comma separated.
    pub listen: Option<String>,
    /// `upstream`, comma separated.
    pub upstream: Option<String>,
    /// `allow` of the one default route, comma separated.
    pub allow: Option<String>,
    /// `ranges`.
    pub ranges: Option<String>,
    /// `trusted_proxies`, comma separated.
    pub trusted_proxies: Option<String>,
    /// `deny`.
    pub deny: Option<String>,
    /// `mode`.
    pub mode: Option<String>,
    /// `admin`: an address or `off`.
    pub admin: Option<String>,
    /// `metrics`: an address or `off`.
    pub metrics: Option<String>,
    /// `health_path`.
    pub health_path: Option<String>,
    /// `state`.
    pub state: Option<String>,
    /// `log.format`.
    pub log_format: Option<String>,
    /// `log.level`.
    pub log_level: Option<String>,
    /// `log.access`.
    pub access_log: Option<String>,
    /// `threads`.
    pub threads: Option<String>,
    /// The variable `PORT` of platforms that choose the port; it counts where no listener is named.
    pub port: Option<String>,
    /// The variable `CREDENTIALS_DIRECTORY`: the folder of a service's credentials, where there is one.
    pub credentials: Option<String>,
    /// The names of variables that begin like the gate's and mean nothing to it.
    pub unknown: Vec<String>,
}

impl Overrides {
    /// For each key path: the name of the flag, and the value as the file would have it.
    pub(crate) fn values(&self) -> BTreeMap<&'static str, (String, Value)> {
        type Read<'a> = &'a dyn Fn(&str) -> Value;
        let text = |text: &str| Value::String(text.trim().to_owned());
        let list = |all: &str| Value::Sequence(all.split(',').map(text).collect());
        // A single value stays single: the problems of a list are reported entry by entry.
        let one_or_list = |all: &str| if all.contains(',') { list(all) } else { text(all) };
        let number = |word: &str| match word.trim().parse::<u64>() {
            Ok(number) => Value::Number(number.into()),
            Err(_) => text(word),
        };
        let rows: [(&'static str, &str, &Option<String>, Read); 15] = [
            ("listen", "listen", &self.listen, &list),
            ("upstream", "upstream", &self.upstream, &one_or_list),
            ("allow", "allow", &self.allow, &list),
            ("ranges", "ranges", &self.ranges, &text),
            ("trusted_proxies", "trusted-proxies", &self.trusted_proxies, &list),
            ("deny", "deny", &self.deny, &text),
            ("mode", "mode", &self.mode, &text),
            ("admin", "admin", &self.admin, &text),
            ("metrics", "metrics", &self.metrics, &text),
            ("health_path", "health-path", &self.health_path, &text),
            ("state", "state", &self.state, &text),
            ("log.format", "log-format", &self.log_format, &text),
            ("log.level", "log-level", &self.log_level, &text),
            ("log.access", "access-log", &self.access_log, &text),
            ("threads", "threads", &self.threads, &number),
        ];
        let named =
            |flag: &str| format!("--{flag} (NEXMO_GATE_{})", flag.replace('-', "_").to_ascii_uppercase());
        rows.into_iter()
            .filter_map(|(key, flag, value, read)| Some((key, (named(flag), read(value.as_deref()?)))))
            .collect()
    }
}
