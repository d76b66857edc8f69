//! The gate that serves, as the commands of lists see it: when each prefix was hit last, what it holds, and the reload.

use std::collections::BTreeSet;
use std::time::Duration;

use ipnet::IpNet;

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
/// The one with the number of prefixes that are not shown.
const CUT: &str = "nexmo_gate_prefix_last_hit_cut{";
/// The one with the time since which hits are counted.
const SINCE: &str = "nexmo_gate_prefix_hits_since_timestamp_seconds ";

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

    /// The last hits of a list, as far as the gate shows them.
    pub(super) fn hits(&self, list: &str) -> Hits {
        let metrics = self.client.ask("GET", "/metrics", WITHIN);
        metrics.map_or_else(|_| Hits::default(), |reply| Hits::read(&reply.body, list))
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

/// What a gate shows of the last hits of a list.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Hits {
    /// Those that there were.
    pub latest: Vec<Hit>,
    /// Since when the gate counts, in Unix seconds.
    pub since: Option<u64>,
    /// Every prefix that is shown, also without a hit.
    shown: BTreeSet<IpNet>,
    /// Prefixes that are not shown.
    cut: u64,
}

impl Hits {
    fn read(metrics: &str, list: &str) -> Self {
        let mut hits = Self::default();
        for line in metrics.lines() {
            if let Some(value) = line.strip_prefix(SINCE).and_then(seconds) {
                hits.since = Some(value.as_secs());
            } else if let Some((labels, value)) = labelled(line, CUT)
                && label(labels, "list") == Some(list)
            {
                hits.cut = value.as_secs();
            } else if let Some((labels, at)) = labelled(line, LAST_HIT)
                && label(labels, "list") == Some(list)
                && let Some(prefix) = label(labels, "prefix").and_then(|text| text.parse().ok())
            {
                hits.shown.insert(prefix);
                hits.latest.extend((!at.is_zero()).then_some(Hit { prefix, at }));
            }
        }
        hits
    }

    /// Whether the gate says of this prefix when it was hit. Of a list that admits nobody it says nothing, and need not.
    pub(super) fn knows(&self, prefix: &IpNet) -> bool {
        self.cut == 0 || self.shown.contains(prefix)
    }
}

/// The labels of a sample of this metric, and its value.
fn labelled<'m>(line: &'m str, metric: &str) -> Option<(&'m str, Duration)> {
    let (labels, value) = line.strip_prefix(metric)?.split_once('}')?;
    Some((labels, seconds(value)?))
}

fn label<'m>(labels: &'m str, name: &str) -> Option<&'m str> {
    let of_name = |part: &'m str| Some(part.strip_prefix(name)?.strip_prefix("=\"")?.trim_end_matches('"'));
    labels.split(',').find_map(of_name)
}

fn seconds(value: &str) -> Option<Duration> {
    Duration::try_from_secs_f64(value.trim().parse().ok()?).ok()
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
        let metrics = metrics.to_owned()
            + "nexmo_gate_prefix_hits_since_timestamp_seconds 1790000000\nnexmo_gate_prefix_last_hit_cut{list=\"sms\"} 7\n";
        let hit =
            |prefix: &str| Hit { prefix: prefix.parse().unwrap(), at: Duration::from_secs(1_800_000_000) };
        let sms = Hits::read(&metrics, "sms");
        assert_eq!(sms.latest, [hit("192.0.2.0/28"), hit("2001:db8::/32")]);
        assert_eq!((sms.since, sms.cut), (Some(1_790_000_000), 7));
        let knows = |prefix: &str| sms.knows(&prefix.parse().unwrap());
        assert!(knows("192.0.2.16/28") && !knows("192.0.2.32/28"));
        let none = Hits::read(&metrics, "messages");
        assert!(none.latest.is_empty() && none.knows(&"192.0.2.0/28".parse().unwrap()));
    }
}
