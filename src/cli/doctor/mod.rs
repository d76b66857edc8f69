//! `doctor`: says what is wrong with a gate and with what stands in front of it, and which line to change.
//!
//! On the gate's machine it reads files and asks the gate; from elsewhere it goes the way of the senders. What was found is
//! judged by pure functions. Invariant: it changes nothing.
//!
//! | file | noun |
//! | --- | --- |
//! | [`checks`] | the checks, and what each asks |
//! | [`report`] | what was found |
//! | [`screen`] | the same as text |
//! | [`page`] | the same as HTML |
//! | [`verdict`] | from what was seen to what was found |
//! | [`inside`] | on the gate's machine |
//! | [`outside`] | from elsewhere |

pub(crate) mod checks;
pub(crate) mod inside;
pub(crate) mod outside;
pub(crate) mod page;
pub(crate) mod report;
pub(crate) mod screen;
pub(crate) mod verdict;

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use self::outside::order::Order;
use self::report::Report;
use crate::cli::flags::Settings;
use crate::cli::{Failure, USAGE, failed, print};
use crate::state::doctor::halves;
use crate::state::doctor::proof::ProofKey;

/// Say what is wrong with the gate and what stands in front of it, with the line to change.
///
/// On the gate's machine it reads the configuration, asks the running gate and looks whether the application answers. With
/// --outside, on another machine, it goes the way of the senders: `nexmo-gate doctor --token` on the gate's machine gives the
/// token that proves whose gate it is. It changes nothing, makes at most 200 requests, one at a time, and ends within a minute.
#[derive(clap::Args, Debug)]
#[command(after_help = "Exit: 0 nothing fails (also with warnings), 1 something does, 2 wrong usage.\n\n\
                        Example: nexmo-gate doctor --outside https://hooks.example/webhooks --token TOKEN")]
pub struct Args {
    /// Look from elsewhere: the URL below which webhooks come, without the name of a webhook
    #[arg(long, value_name = "URL", requires = "token")]
    outside: Option<String>,
    /// The gate's token, for --outside; without a value: ask the running gate for one, which counts for ten minutes
    #[arg(long, value_name = "TOKEN", num_args = 0..=1, default_missing_value = "")]
    token: Option<String>,
    /// Let a token of another gate count at the running gate here too: for two gates behind one URL
    #[arg(long, value_name = "TOKEN", conflicts_with_all = ["outside", "token"])]
    share: Option<String>,
    /// Connect to this address instead of those that the name has; may be repeated
    #[arg(long, value_name = "IP:PORT", requires = "outside")]
    connect: Vec<SocketAddr>,
    /// Ask from this address of this machine
    #[arg(long, value_name = "IP", requires = "outside")]
    from: Option<IpAddr>,
    /// Trust these authorities instead of the system's, in PEM
    #[arg(long, value_name = "FILE", requires = "outside")]
    cacert: Option<PathBuf>,
    /// Try whether the application can be reached here past the gate; may be repeated
    #[arg(long, value_name = "IP:PORT", requires = "outside")]
    application: Vec<SocketAddr>,
    /// The port on which plain HTTP is tried beside an https URL
    #[arg(long, value_name = "PORT", requires = "outside", default_value_t = 80)]
    http_port: u16,
    /// At the end wait until you stop the gate, and look what a sender is told then
    #[arg(long, requires = "outside")]
    drill: bool,
    /// As JSON, for programs
    #[arg(long)]
    json: bool,
    /// Write the report as one HTML file too
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    #[command(flatten)]
    settings: Settings,
}

pub(super) fn run(args: &Args) -> Result<u8, Failure> {
    if let Some(shared) = &args.share {
        return share(args, shared);
    }
    let report = match (&args.outside, args.token.as_deref()) {
        (Some(url), Some(token)) => outside::examine(&order(args, url, token)?)?,
        (Some(_), None) => return Err(usage("--outside needs --token")),
        (None, Some("")) => return invite(args),
        (None, Some(_)) => return Err(usage("--token with a value needs --outside URL")),
        (None, None) => inside::examine(&args.settings),
    };
    tell(args, &report)
}

fn usage(line: &str) -> Failure {
    Failure { code: USAGE, lines: vec![line.to_owned()] }
}

fn order(args: &Args, url: &str, token: &str) -> Result<Order, Failure> {
    let (id, secret) =
        halves(token).ok_or_else(|| usage("--token: not a token of `nexmo-gate doctor --token`"))?;
    Ok(Order {
        url: url.to_owned(),
        id: id.to_owned(),
        key: ProofKey::of(secret),
        connect: args.connect.clone(),
        from: args.from,
        cacert: args.cacert.clone(),
        application: args.application.clone(),
        http_port: args.http_port,
        drill: args.drill,
    })
}

/// Prints a token of the running gate.
fn invite(args: &Args) -> Result<u8, Failure> {
    let invitation = inside::invite(&args.settings, None)?;
    if args.json {
        let json =
            crate::admin::api::Document::to_json(&invitation).map_err(|error| failed(error.to_string()))?;
        print(&json)?;
        return Ok(0);
    }
    print(&format!("{}\n", invitation.token))?;
    let minutes = invitation.seconds / 60;
    eprintln!(
        "on another machine, within {minutes} minutes: nexmo-gate doctor --outside https://HOST/PATH --token TOKEN"
    );
    Ok(0)
}

/// Lets the token of another gate count at the running gate too.
fn share(args: &Args, token: &str) -> Result<u8, Failure> {
    if halves(token).is_none() {
        return Err(usage("--share: not a token of `nexmo-gate doctor --token`"));
    }
    let invitation = inside::invite(&args.settings, Some(token))?;
    eprintln!("the token counts here too, for {} minutes", invitation.seconds / 60);
    Ok(0)
}

fn tell(args: &Args, report: &Report) -> Result<u8, Failure> {
    if let Some(path) = &args.html {
        fs::write(path, page::render(report))
            .map_err(|error| failed(format!("--html: {}: {error}", path.display())))?;
    }
    let text = if args.json {
        report.to_json().map_err(|error| failed(error.to_string()))?
    } else {
        screen::text(report)
    };
    print(&text)?;
    Ok(report.exit())
}
