//! `explain`: whether an address is admitted, and why.

use std::time::Duration;

use crate::admin::api::Document;
use crate::admin::api::explanation::Explanation;
use crate::admin::explain::explain;
use crate::admin::question::Question;
use crate::admin::text::explanation::text;
use crate::cli::admin_client::AdminClient;
use crate::cli::flags::{Gate, Settings};
use crate::cli::{DENIED, Failure, failed, loading, print};

const WITHIN: Duration = Duration::from_secs(10);
/// The exit code for wrong usage that clap cannot detect.
const USAGE: u8 = 2;

/// Show whether an address is admitted, and why, with every step of the decision.
///
/// The code that serves requests decides, from the files as they are now. Without --path every route is
/// tried.
#[derive(clap::Args, Debug)]
#[command(after_help = "Exit: 0 admitted (without --path: by some route), 3 denied (also where only \
                        `mode: observe` would let it pass), 78 bad configuration or ranges.\n\n\
                        Example: nexmo-gate explain 169.63.86.164 --path /webhooks/inbound-sms")]
pub struct Args {
    /// The other end of the TCP connection: the sender, or the proxy in front of the gate
    #[arg(value_name = "IP")]
    ip: String,
    /// The path of the request
    #[arg(long, value_name = "PATH")]
    path: Option<String>,
    /// The value of the forwarding header as IP would send it, as in "198.51.100.7, 10.0.0.1"
    #[arg(long, value_name = "HOPS")]
    via: Option<String>,
    /// The Host of the request, where routes name one
    #[arg(long, value_name = "HOST", default_value = "")]
    host: String,
    /// Ask the running gate instead of reading the files
    #[arg(long)]
    running: bool,
    /// As JSON, for programs
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: Settings,
}

pub(super) fn run(args: &Args) -> Result<u8, Failure> {
    let question = Question::new(&args.ip, args.via.clone(), args.path.as_deref(), &args.host)
        .map_err(|problem| Failure { code: USAGE, lines: vec![problem.to_string()] })?;
    let (explanation, json) = if args.running {
        ask(&args.settings, &question)?
    } else {
        let explanation = explain(&loading::read(&args.settings)?.snapshot, &question);
        let json = explanation.to_json().map_err(|error| failed(error.to_string()))?;
        (explanation, json)
    };
    print(&if args.json { json } else { text(&explanation) })?;
    Ok(if explanation.admitted { 0 } else { DENIED })
}

/// The explanation of the running gate, and the JSON text of it.
fn ask(settings: &Settings, question: &Question) -> Result<(Explanation, String), Failure> {
    let gate = Gate { file: settings.file.clone(), admin: settings.keys.admin.clone() };
    let client = AdminClient::find(&gate)?;
    let target = format!("/explain?{}", question.to_query());
    let (explanation, reply) = client.fetch("GET", &target, WITHIN, &[200])?;
    Ok((explanation, reply.body))
}
