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

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use self::outside::order::Order;
use self::report::Report;
use crate::cli::flags::Settings;
use crate::cli::{Failure, USAGE, failed, print, print_json};
use crate::files::file;
use crate::state::doctor::halves;
use crate::state::doctor::proof::ProofKey;

/// A token with the line's end, and more.
const MOST_OF_TOKEN: u64 = 1024;

/// Say what is wrong with the gate and what stands in front of it, with the line to change.
///
/// On the gate's machine it reads the configuration, asks the running gate and looks whether the application answers. With
/// --outside, on another machine, it goes the way of the senders: `nexmo-gate doctor --token` on the gate's machine gives the
/// token that proves whose gate it is. It changes nothing, makes at most 200 requests, one at a time, and ends within a minute.
#[derive(clap::Args, Debug)]
#[command(after_help = "Exit: 0 nothing fails (also with warnings), 1 something does, 2 wrong usage.\n\n\
                        Example: nexmo-gate doctor --outside https://hooks.example/webhooks --token-file FILE")]
pub struct Args {
    /// Look from elsewhere: the URL below which webhooks come, without the name of a webhook
    #[arg(long, value_name = "URL")]
    outside: Option<String>,
    /// The gate's token, for --outside, or - for standard input; without a value: ask the running gate for one, which counts
    /// for ten minutes
    #[arg(long, value_name = "TOKEN", num_args = 0..=1, default_missing_value = "")]
    token: Option<String>,
    /// Read the token from this file, for --outside: a command line can be read by everybody on this machine
    #[arg(long, value_name = "FILE", requires = "outside", conflicts_with = "token")]
    token_file: Option<PathBuf>,
    /// Let a token of another gate count at the running gate here too, or - for standard input: for two gates behind one URL
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
        return share(args, &typed("--share", shared)?);
    }
    let order = match (&args.outside, args.token.as_deref()) {
        (Some(url), token) => Some(order(args, url, &token_of(args, token)?)?),
        (None, Some("")) => return invite(args),
        (None, Some(_)) => return Err(usage("--token with a value needs --outside URL")),
        (None, None) => None,
    };
    // A file that cannot be written is found before the run, which takes a minute.
    let html = args.html.as_deref().map(|path| open(path).map(|file| (path, file))).transpose()?;
    let report = match &order {
        Some(order) => outside::examine(order)?,
        None => inside::examine(&args.settings),
    };
    if let Some((path, file)) = html {
        write(file, &page::render(&report)).map_err(|error| unwritable(path, &error))?;
    }
    tell(args, &report)
}

/// The token that the command line says, or that is in the file that it names.
fn token_of(args: &Args, token: Option<&str>) -> Result<String, Failure> {
    match (&args.token_file, token) {
        (_, Some(token)) => typed("--token", token),
        (Some(path), None) => {
            let bytes = file::read(path, MOST_OF_TOKEN)
                .map_err(|error| failed(format!("--token-file: {}: {error}", path.display())))?;
            Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
        }
        (None, None) => Err(usage("--outside needs --token-file FILE or --token TOKEN")),
    }
}

/// What was typed as a token, or what standard input has where that is `-`.
fn typed(flag: &str, token: &str) -> Result<String, Failure> {
    if token != "-" {
        return Ok(token.to_owned());
    }
    let mut text = String::new();
    std::io::stdin()
        .take(MOST_OF_TOKEN)
        .read_to_string(&mut text)
        .map_err(|error| failed(format!("{flag} -: standard input: {error}")))?;
    Ok(text.trim().to_owned())
}

/// What the file had stays as it is until the report is there.
fn open(path: &Path) -> Result<File, Failure> {
    let opened = OpenOptions::new().write(true).create(true).truncate(false).open(path);
    opened.map_err(|error| unwritable(path, &error))
}

fn write(mut file: File, text: &str) -> std::io::Result<()> {
    // A pipe or a terminal has no length.
    if file.metadata()?.is_file() {
        file.set_len(0)?;
    }
    file.write_all(text.as_bytes())
}

fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    failed(format!("--html: {}: {error}", path.display()))
}

fn usage(line: &str) -> Failure {
    Failure { code: USAGE, lines: vec![line.to_owned()] }
}

fn order(args: &Args, url: &str, token: &str) -> Result<Order, Failure> {
    let (id, secret) = halves(token).ok_or_else(|| usage("not a token of `nexmo-gate doctor --token`"))?;
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
        print_json(&json)?;
        return Ok(0);
    }
    print(&format!("{}\n", invitation.token))?;
    let minutes = invitation.seconds / 60;
    eprintln!(
        "on another machine, within {minutes} minutes: nexmo-gate doctor --outside https://HOST/PATH --token - < FILE"
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
    if args.json {
        print_json(&report.to_json().map_err(|error| failed(error.to_string()))?)?;
    } else {
        print(&screen::text(report))?;
    }
    Ok(report.exit())
}
