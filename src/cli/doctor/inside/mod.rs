//! `doctor` on the gate's machine: reads the configuration, asks the running gate, and the application whether it is there.
//!
//! Invariant: nothing is changed, and connections go to the gate's admin address and to the application alone.
//!
//! | file | noun |
//! | --- | --- |
//! | [`gate`] | what the running gate says of itself |
//! | [`lists`] | range lists, and what waits for them |
//! | [`client`] | who is admitted, and whom it believes |
//! | [`upstream`] | the application, and the clock |
//! | [`certificates`] | the certificates of the listeners |
//! | [`machine`] | open files, sockets that listen, the firewall's table |

pub(crate) mod certificates;
pub(crate) mod client;
pub(crate) mod gate;
pub(crate) mod lists;
pub(crate) mod machine;
pub(crate) mod upstream;

use std::time::{Duration, SystemTime};

use crate::admin::api::doctor::Invitation;
use crate::admin::api::status::Status;
use crate::admin::api::strangers::SignedStrangers;
use crate::admin::status::rfc3339;
use crate::cli::admin_client::AdminClient;
use crate::cli::doctor::checks::Check;
use crate::cli::doctor::report::{Finding, Report};
use crate::cli::flags::{Gate, Settings};
use crate::cli::loading::{self, Read};
use crate::cli::{Failure, failed};
use crate::state::doctor::halves;

const WITHIN: Duration = Duration::from_secs(10);

/// Looks, and says what was found.
pub(crate) fn examine(settings: &Settings) -> Report {
    let at = rfc3339(SystemTime::now());
    let read = loading::read(settings);
    let mut findings = vec![config(settings, &read)];
    let admin = Gate { file: settings.file.clone(), admin: settings.keys.admin.clone() };
    let client = AdminClient::find(&admin);
    let status = client.and_then(|client| {
        let (status, _) = client.fetch::<Status>("GET", "/status", WITHIN, &[200])?;
        // An older gate knows nothing of strangers.
        let strangers = client.fetch::<SignedStrangers>("GET", "/strangers", WITHIN, &[200]);
        Ok((status, strangers.map(|(strangers, _)| strangers).unwrap_or_default()))
    });
    let is_read = read.is_ok();
    match &status {
        Ok((status, strangers)) => {
            findings.extend(gate::judge(status, is_read));
            findings.extend(lists::running(status, strangers, is_read));
            findings.extend(client::running(status));
            findings.extend(certificates::judge(status, read.as_ref().ok()));
        }
        Err(failure) => findings.push(Finding::fail(
            Check::GateRunning,
            failure.lines.join("; "),
            "systemctl status nexmo-gate; if it runs: --admin with its admin address",
        )),
    }
    if let Ok(read) = &read {
        findings.push(lists::age(&read.snapshot, SystemTime::now()));
        findings.push(client::trusted(&read.snapshot.config.trusted_proxies));
        findings.extend(upstream::judge(&read.snapshot));
        findings.push(machine::upstream_reach(&read.snapshot));
        findings.push(machine::admin_reach(&read.snapshot.config));
        findings.push(machine::files(&read.snapshot.config));
    }
    findings.push(machine::conntrack());
    findings.sort_by_key(|finding| finding.check);
    Report { subject: "on this machine".to_owned(), at, findings }
}

fn config(settings: &Settings, read: &Result<Read, Failure>) -> Finding {
    let check = Check::ConfigRead;
    match read {
        Ok(read) => {
            let source =
                read.config.as_ref().map_or("flags and variables".to_owned(), |at| at.display().to_string());
            let (routes, lists) = (read.snapshot.routes.len(), read.snapshot.lists.len());
            Finding::pass(check, format!("{source}: {routes} routes, {lists} lists"))
        }
        Err(failure) => {
            let (first, more) =
                (failure.lines.first().map_or("", String::as_str), failure.lines.len().saturating_sub(1));
            let more = if more == 0 { String::new() } else { format!("; and {more} more") };
            let file =
                settings.file.path().map(|path| format!(" --config {}", path.display())).unwrap_or_default();
            Finding::fail(
                check,
                format!("{first}{more}"),
                format!("mend what `nexmo-gate check{file}` shows"),
            )
        }
    }
}

/// Asks the running gate for a token, or to let that of another gate count too.
///
/// # Errors
/// No gate answers.
pub(crate) fn invite(settings: &Settings, shared: Option<&str>) -> Result<Invitation, Failure> {
    let admin = Gate { file: settings.file.clone(), admin: settings.keys.admin.clone() };
    let client = AdminClient::find(&admin)?;
    let path = shared.map_or_else(|| "/doctor".to_owned(), |token| format!("/doctor?token={token}"));
    let (invitation, _) = client.fetch::<Invitation>("POST", &path, WITHIN, &[200])?;
    // An older gate makes tokens without a secret.
    if halves(&invitation.token).is_some() && shared.is_none_or(|token| token == invitation.token) {
        Ok(invitation)
    } else {
        Err(failed("what the gate's admin address answered is no token: is the gate as new as this program?"))
    }
}
