//! The command line of `simulate`.

use std::net::IpAddr;
use std::path::PathBuf;

use crate::cli::simulate::course::Until;
use crate::cli::simulate::crowd::{MOST, Rate};
use crate::cli::simulate::sign::Sign;
use crate::cli::simulate::target::Target;
use crate::cli::webhooks::connection::Via;
use crate::cli::webhooks::fields::Setting;
use crate::cli::webhooks::form::Form;

/// Send webhooks as the vendor does, and see what the vendor would make of the answer.
///
/// The messages are those of the vendor's documents. With --until they are tried again by the vendor's schedule, on a clock
/// that may run faster. Only this machine is sent to, unless you say --i-may once for a host.
#[derive(clap::Args, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
#[command(
    after_help = "Exit: 0 all delivered (of forged signatures: all refused), 1 it could not be tried or was stopped, 2 wrong usage, \
                        3 something was lost, late or wrong.\n\n\
                        Example: nexmo-gate simulate sms-inbound --to http://127.0.0.1:3000/webhooks/inbound-sms"
)]
pub struct Args {
    /// The webhook, or a sample of it; all: every sample; list: show what there is
    #[arg(value_name = "WEBHOOK")]
    pub(super) webhook: String,
    /// Where to; without a path each sample has its own
    #[arg(long, value_name = "URL")]
    pub(super) to: Option<Target>,
    /// The form of the message: get (query), form or json (POST); by default that of the sample
    #[arg(long, value_name = "FORM", value_enum, hide_possible_values = true)]
    pub(super) method: Option<Form>,
    /// Set a field; in JSON with points on the way, as in message.content.text=Hello
    #[arg(long, value_name = "FIELD=VALUE")]
    pub(super) set: Vec<Setting>,
    /// The message, as a raw HTTP request: what `explain --request` reads; - reads it from standard input
    #[arg(long, value_name = "FILE")]
    pub(super) file: Option<PathBuf>,
    /// How many rounds; from the second on each message has an id of its own
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST)))]
    pub(super) count: u32,
    /// How many messages a time, as in 20/s or 600/min, some of them at once; by default one after the other
    #[arg(long, value_name = "RATE")]
    pub(super) rate: Option<Rate>,
    /// jwt, sig:METHOD, none; wrong, stale or other-body: forged; by default as the vendor does, if there is a secret
    #[arg(long, value_name = "HOW")]
    pub(super) sign: Option<Sign>,
    /// A file with the signature secret and nothing else
    #[arg(long, value_name = "FILE")]
    pub(super) secret_file: Option<PathBuf>,
    /// The account that signs
    #[arg(long, value_name = "KEY")]
    pub(super) api_key: Option<String>,
    /// The sender's address, for a gate or a proxy that is tested
    #[arg(long, value_name = "IP")]
    pub(super) from: Option<IpAddr>,
    /// How that address is told
    #[arg(long, value_name = "HOW", value_enum, default_value = "x-forwarded-for", requires = "from")]
    pub(super) via: Via,
    /// Try again by the vendor's schedule
    #[arg(long, value_name = "END", value_enum, conflicts_with_all = ["count", "rate"])]
    pub(super) until: Option<Until>,
    /// How many times faster the waits between tries pass; time-outs stay as they are
    #[arg(long, value_name = "TIMES", default_value_t = 1, requires = "until", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(super) speed: u32,
    /// Where the documents have two schedules, use the second
    #[arg(long, requires = "until")]
    pub(super) other_schedule: bool,
    /// Send each message once more, and compare the answers
    #[arg(long)]
    pub(super) twice: bool,
    /// Show each request and answer whole, but no signature; never with messages of real people where others read it
    #[arg(long, conflicts_with_all = ["json", "rate"])]
    pub(super) show: bool,
    /// As JSON, for programs
    #[arg(long)]
    pub(super) json: bool,
    /// Write the results for a CI, in the XML of junit
    #[arg(long, value_name = "FILE")]
    pub(super) junit: Option<PathBuf>,
    /// Trust these authorities instead of the system's, in PEM
    #[arg(long, value_name = "FILE")]
    pub(super) cacert: Option<PathBuf>,
    /// You may send to this host, which is not this machine; it is remembered
    #[arg(long)]
    pub(super) i_may: bool,
}
