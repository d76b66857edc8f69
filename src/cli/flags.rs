//! The options that several commands share: which file, and what stands over the file.
//!
//! Each has an environment variable, because a sidecar is configured that way. A flag stands over its
//! variable, a variable over the file.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::config::Overrides;

/// Where a configuration is looked for when none is named.
const USUAL_PLACES: [&str; 2] = ["config.yaml", "/etc/nexmo-gate/config.yaml"];

/// Which configuration file.
#[derive(Args, Clone, Debug, Default)]
pub struct ConfigFile {
    /// The configuration file [default: ./config.yaml, else /etc/nexmo-gate/config.yaml, else none]
    #[arg(long, value_name = "FILE", env = "NEXMO_GATE_CONFIG", hide_env_values = true)]
    pub config: Option<PathBuf>,
}

impl ConfigFile {
    /// The file to read; `None` means flags and variables alone.
    #[must_use]
    pub fn path(&self) -> Option<PathBuf> {
        self.config.clone().or_else(|| {
            // A file that cannot be looked at is taken, so that reading it says why.
            let there = |place: &&&str| Path::new(place).try_exists().unwrap_or(true);
            USUAL_PLACES.iter().find(there).map(PathBuf::from)
        })
    }
}

/// Which running gate.
#[derive(Args, Clone, Debug, Default)]
pub struct Gate {
    #[command(flatten)]
    #[expect(missing_docs, reason = "its own docs become the help")]
    pub file: ConfigFile,
    /// The gate's admin address: IP:PORT or unix:PATH [default: the one in the configuration]
    #[arg(long, value_name = "ADDRESS", env = "NEXMO_GATE_ADMIN", hide_env_values = true)]
    pub admin: Option<String>,
}

/// The configuration of this run: a file, and what stands over it.
#[derive(Args, Clone, Debug, Default)]
#[expect(missing_docs, reason = "their docs are the help")]
pub struct Settings {
    #[command(flatten)]
    pub file: ConfigFile,
    #[command(flatten)]
    pub keys: Keys,
}

/// What stands over keys of the file.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Instead of keys of the configuration file")]
pub struct Keys {
    /// Where to accept requests: IP:PORT, several with commas
    #[arg(long, value_name = "ADDRESS", env = "NEXMO_GATE_LISTEN", hide_env_values = true)]
    pub listen: Option<String>,
    /// Your application: http://HOST:PORT, https://HOST:PORT or unix:PATH, several with commas
    #[arg(long, value_name = "URL", env = "NEXMO_GATE_UPSTREAM", hide_env_values = true)]
    pub upstream: Option<String>,
    /// The range lists that may use the one route there is without a file: voice,sms,messages
    #[arg(long, value_name = "LISTS", env = "NEXMO_GATE_ALLOW", hide_env_values = true)]
    pub allow: Option<String>,
    /// The folder of range files (*.txt)
    #[arg(long, value_name = "FOLDER", env = "NEXMO_GATE_RANGES", hide_env_values = true)]
    pub ranges: Option<String>,
    /// Proxies that may name the client for us: CIDRs or list names, with commas
    #[arg(long, value_name = "CIDRS", env = "NEXMO_GATE_TRUSTED_PROXIES", hide_env_values = true)]
    pub trusted_proxies: Option<String>,
    /// What a denied sender hears: forbid (403), hide (404) or retry (503)
    #[arg(long, value_name = "ANSWER", env = "NEXMO_GATE_DENY", hide_env_values = true)]
    pub deny: Option<String>,
    /// enforce, or observe: log what would be denied and forward it all the same
    #[arg(long, value_name = "MODE", env = "NEXMO_GATE_MODE", hide_env_values = true)]
    pub mode: Option<String>,
    /// The admin interface: IP:PORT, unix:PATH or off
    #[arg(long, value_name = "ADDRESS", env = "NEXMO_GATE_ADMIN", hide_env_values = true)]
    pub admin: Option<String>,
    /// Health and metrics for other machines, read-only: IP:PORT or off
    #[arg(long, value_name = "ADDRESS", env = "NEXMO_GATE_METRICS", hide_env_values = true)]
    pub metrics: Option<String>,
    /// The path on which the listeners answer probes of trusted proxies and of this machine
    #[arg(long, value_name = "PATH", env = "NEXMO_GATE_HEALTH_PATH", hide_env_values = true)]
    pub health_path: Option<String>,
    /// A folder that keeps the last good lists over a restart
    #[arg(long, value_name = "FOLDER", env = "NEXMO_GATE_STATE", hide_env_values = true)]
    pub state: Option<String>,
    /// The form of log lines: json or text
    #[arg(long, value_name = "FORMAT", env = "NEXMO_GATE_LOG_FORMAT", hide_env_values = true)]
    pub log_format: Option<String>,
    /// How much is logged about the gate itself: error, warn, info or debug
    #[arg(long, value_name = "LEVEL", env = "NEXMO_GATE_LOG_LEVEL", hide_env_values = true)]
    pub log_level: Option<String>,
    /// Where the access log goes: stdout, stderr, off or a file
    #[arg(long, value_name = "WHERE", env = "NEXMO_GATE_ACCESS_LOG", hide_env_values = true)]
    pub access_log: Option<String>,
    /// Worker threads: auto or a number
    #[arg(long, value_name = "NUMBER", env = "NEXMO_GATE_THREADS", hide_env_values = true)]
    pub threads: Option<String>,
}

impl Settings {
    /// What stands over the file.
    #[must_use]
    pub fn overrides(&self) -> Overrides {
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
        }
    }
}
