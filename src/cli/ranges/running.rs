//! The gate that serves, as the commands of lists see it: when each prefix was hit last, what it holds, and the reload.

use std::time::Duration;

use crate::admin::api::reload::ReloadReport;
use crate::admin::api::status::Status;
use crate::cli::Failure;
use crate::cli::admin_client::AdminClient;
use crate::cli::flags::Gate;
use crate::policy::proposal::guard::Hit;

const WITHIN: Duration = Duration::from_secs(10);
/// Large lists take long, and so does a slow file system.
const RELOAD_WITHIN: Duration = Duration::from_secs(60);
/// The metric with the last hit of each prefix.
const LAST_HIT: &str = "nexmo_gate_prefix_last_hit_timestamp_seconds{";

/// A gate that answered.
#[derive(Debug)]
pub(super) struct Running {
    client: AdminClient,
    held: Vec<String>,
}

impl Running {
    /// The gate of this configuration, or why there is none.
    ///
    /// # Errors
    /// No gate answers. That may be well: a gate that is not running loads the list when it starts.
    pub(super) fn find(gate: &Gate) -> Result<Self, Failure> {
        let client = AdminClient::find(gate)?;
        let (status, _) = client.fetch::<Status>("GET", "/status", WITHIN, &[200])?;
        let held = status.last_reload.map(|last| last.held).unwrap_or_default();
        Ok(Self { client, held })
    }

    /// The last hit of each prefix of a list. A gate that does not count them has none.
    pub(super) fn hits(&self, list: &str) -> Vec<Hit> {
        let metrics = self.client.ask("GET", "/metrics", WITHIN);
        metrics.map_or(Vec::new(), |reply| hits(&reply.body, list))
    }

    /// What the gate holds besides this list: a reload confirms it too.
    pub(super) fn held_besides(&self, list: &str) -> Vec<&str> {
        let own = format!("list={list} ");
        self.held.iter().map(String::as_str).filter(|held| !held.starts_with(&own)).collect()
    }

    /// Loads the files, and returns the generation that serves.
    ///
    /// # Errors
    /// The gate did not answer, or found problems.
    pub(super) fn reload(&self) -> Result<u64, Failure> {
        let (report, _) = self.client.fetch::<ReloadReport>("POST", "/reload", RELOAD_WITHIN, &[200, 422])?;
        let lines: Vec<String> = report.problems.iter().map(ToString::to_string).collect();
        if lines.is_empty() {
            Ok(report.generation)
        } else {
            Err(Failure { code: crate::cli::FAILED, lines })
        }
    }
}

fn hits(metrics: &str, list: &str) -> Vec<Hit> {
    metrics.lines().filter_map(|line| hit(line, list)).collect()
}

fn hit(line: &str, list: &str) -> Option<Hit> {
    let (labels, value) = line.strip_prefix(LAST_HIT)?.split_once('}')?;
    let label = |name: &str| {
        let of_name =
            |part: &str| Some(part.strip_prefix(name)?.strip_prefix("=\"")?.trim_end_matches('"').to_owned());
        labels.split(',').find_map(of_name)
    };
    let seconds: f64 = value.trim().parse().ok()?;
    let at = Duration::try_from_secs_f64(seconds).ok().filter(|at| !at.is_zero())?;
    let prefix = label("prefix")?.parse().ok()?;
    (label("list")? == list).then_some(Hit { prefix, at })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_hits_of_a_list_are_read_from_the_metrics() {
        let metrics = "# TYPE nexmo_gate_prefix_last_hit_timestamp_seconds gauge\n\
            nexmo_gate_prefix_last_hit_timestamp_seconds{list=\"sms\",prefix=\"192.0.2.0/28\"} 1800000000\n\
            nexmo_gate_prefix_last_hit_timestamp_seconds{list=\"voice\",prefix=\"192.0.2.0/28\"} 1800000001\n\
            nexmo_gate_prefix_last_hit_timestamp_seconds{list=\"sms\",prefix=\"2001:db8::/32\"} 1.8e9\n\
            nexmo_gate_prefix_last_hit_timestamp_seconds{list=\"sms\",prefix=\"192.0.2.16/28\"} 0\n\
            nexmo_gate_prefix_last_hit_timestamp_seconds{list=\"sms\",prefix=\"x\"} 1\n\
            nexmo_gate_generation 3\n";
        let hit =
            |prefix: &str| Hit { prefix: prefix.parse().unwrap(), at: Duration::from_secs(1_800_000_000) };
        assert_eq!(hits(metrics, "sms"), [hit("192.0.2.0/28"), hit("2001:db8::/32")]);
        assert_eq!(hits(metrics, "messages"), []);
    }
}
