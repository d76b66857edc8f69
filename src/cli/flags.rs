//! The options that several commands share: the configuration file, and flags that override its keys.
//!
//! Each has an environment variable, because a sidecar is configured that way. A flag overrides its variable,
//! and a variable overrides the file.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::environment;
use crate::config::Overrides;
use crate::config::keys::flag_help;
use crate::config::variables::CONFIG;

/// Where the configuration file is looked for if none is named.
const USUAL_PLACES: [&str; 2] = ["config.yaml", "/etc/nexmo-gate/config.yaml"];

/// The configuration file.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct ConfigFile {
    /// The configuration file [default: ./config.yaml, else /etc/nexmo-gate/config.yaml, else none]
    #[arg(long, value_name = "FILE", env = CONFIG, hide_env_values = true)]
    pub config: Option<PathBuf>,
}

impl ConfigFile {
    /// The file to read; `None` means flags and variables alone.
    #[must_use]
    pub(crate) fn path(&self) -> Option<PathBuf> {
        self.config.clone().or_else(|| {
            // A file whose existence cannot be checked is chosen, so that reading it gives the error.
            let there = |place: &&&str| Path::new(place).try_exists().unwrap_or(true);
            USUAL_PLACES.iter().find(there).map(PathBuf::from)
        })
    }
}

/// The running gate.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Gate {
    #[command(flatten)]
    #[allow(clippy::missing_docs_in_private_items, reason = "its own docs become the help")]
    pub file: ConfigFile,
    /// The gate's admin address: IP:PORT or unix:PATH [default: the one in the configuration]
    #[arg(long, value_name = "ADDRESS", env = "NEXMO_GATE_ADMIN", hide_env_values = true)]
    pub admin: Option<String>,
}

/// The configuration of this run: a file, and overrides of its keys.
#[derive(Args, Clone, Debug, Default)]
#[allow(clippy::missing_docs_in_private_items, reason = "their docs are the help")]
pub(crate) struct Settings {
    #[command(flatten)]
    pub file: ConfigFile,
    #[command(flatten)]
    pub keys: Keys,
}

/// Overrides of keys of the file.
#[derive(Args, Clone, Debug, Default)]
#[allow(clippy::missing_docs_in_private_items, reason = "the table of keys has their help")]
#[command(next_help_heading = "Override keys of the configuration file")]
pub(crate) struct Keys {
    #[arg(long, value_name = "ADDRESS", env = "NEXMO_GATE_LISTEN", hide_env_values = true, help = flag_help("--listen"))]
    pub listen: Option<String>,
    #[arg(long, value_name = "URL", env = "NEXMO_GATE_UPSTREAM", hide_env_values = true, help = flag_help("--upstream"))]
    pub upstream: Option<String>,
    #[arg(long, value_name = "LISTS", env = "NEXMO_GATE_ALLOW", hide_env_values = true, help = flag_help("--allow"))]
    pub allow: Option<String>,
    #[arg(long, value_name = "FOLDER", env = "NEXMO_GATE_RANGES", hide_env_values = true, help = flag_help("--ranges"))]
    pub ranges: Option<String>,
    #[arg(long, value_name = "CIDRS", env = "NEXMO_GATE_TRUSTED_PROXIES", hide_env_values = true, help = flag_help("--trusted-proxies"))]
    pub trusted_proxies: Option<String>,
    #[arg(long, value_name = "ANSWER", env = "NEXMO_GATE_DENY", hide_env_values = true, help = flag_help("--deny"))]
    pub deny: Option<String>,
    #[arg(long, value_name = "MODE", env = "NEXMO_GATE_MODE", hide_env_values = true, help = flag_help("--mode"))]
    pub mode: Option<String>,
    #[arg(long, value_name = "ADDRESS", env = "NEXMO_GATE_ADMIN", hide_env_values = true, help = flag_help("--admin"))]
    pub admin: Option<String>,
    #[arg(long, value_name = "ADDRESS", env = "NEXMO_GATE_METRICS", hide_env_values = true, help = flag_help("--metrics"))]
    pub metrics: Option<String>,
    #[arg(long, value_name = "PATH", env = "NEXMO_GATE_HEALTH_PATH", hide_env_values = true, help = flag_help("--health-path"))]
    pub health_path: Option<String>,
    #[arg(long, value_name = "FOLDER", env = "NEXMO_GATE_STATE", hide_env_values = true, help = flag_help("--state"))]
    pub state: Option<String>,
    #[arg(long, value_name = "FORMAT", env = "NEXMO_GATE_LOG_FORMAT", hide_env_values = true, help = flag_help("--log-format"))]
    pub log_format: Option<String>,
    #[arg(long, value_name = "LEVEL", env = "NEXMO_GATE_LOG_LEVEL", hide_env_values = true, help = flag_help("--log-level"))]
    pub log_level: Option<String>,
    #[arg(long, value_name = "WHERE", env = "NEXMO_GATE_ACCESS_LOG", hide_env_values = true, help = flag_help("--access-log"))]
    pub access_log: Option<String>,
    #[arg(long, value_name = "NUMBER", env = "NEXMO_GATE_THREADS", hide_env_values = true, help = flag_help("--threads"))]
    pub threads: Option<String>,
}

impl Settings {
    /// The values that override the file, and what else the environment says.
    #[must_use]
    pub(crate) fn overrides(&self) -> Overrides {
        let own = self.keys.clone();
        Overrides {
            listen: own.listen,
            upstream: own.upstream,
            allow: own.allow,
            ranges: own.ranges,
            trusted_proxies: own.trusted_proxies,
            deny: own.deny,
            mode: own.mode,
            admin: own.admin,
            metrics: own.metrics,
            health_path: own.health_path,
            state: own.state,
            log_format: own.log_format,
            log_level: own.log_level,
            access_log: own.access_log,
            threads: own.threads,
            port: environment::port(),
            credentials: environment::credentials(),
            unknown: environment::unknown(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::keys::KEYS;
    use crate::config::keys::key::Flag;

    #[test]
    fn each_flag_has_its_row_in_the_table_of_keys_and_each_row_its_flag() {
        let command = Keys::augment_args(clap::Command::new("keys"));
        let mut flags: Vec<[String; 4]> = command
            .get_arguments()
            .map(|arg| {
                [
                    format!("--{}", arg.get_long().unwrap()),
                    arg.get_value_names().unwrap()[0].to_string(),
                    arg.get_env().unwrap().to_str().unwrap().to_owned(),
                    arg.get_help().unwrap().to_string(),
                ]
            })
            .collect();
        let row = |flag: Flag| [flag.name, flag.value, flag.env, flag.help].map(str::to_owned);
        let mut rows: Vec<[String; 4]> = KEYS.iter().filter_map(|key| key.flag).map(row).collect();
        flags.sort();
        rows.sort();
        assert_eq!(flags, rows);
    }
}
