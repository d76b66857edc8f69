//! `explain`: whether an address is admitted, and why.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use crate::admin::api::Document;
use crate::admin::api::explanation::{Explanation, RouteVerdict, Verdict};
use crate::admin::explain::explain;
use crate::admin::explain::question::{Parameters, Question, QuestionError};
use crate::admin::text::explanation::text;
use crate::cli::admin_client::AdminClient;
use crate::cli::flags::{Gate, Settings};
use crate::cli::signature::request::{NoRequest, bytes_of};
use crate::cli::{DENIED, Failure, USAGE, failed, loading, print, print_json};
use crate::telemetry::timestamp::unix_seconds;

const WITHIN: Duration = Duration::from_secs(10);
/// What a running gate reads of a question: its bound for a head, and room for the other lines.
const MAX_QUERY: usize = 60 * 1024;

/// Show what becomes of a request of an address, and why, with every step of the decision.
///
/// The code that serves requests decides, from the files as they are now. Without --path and --request every
/// route is tried.
#[derive(clap::Args, Debug)]
#[command(after_help = "Exit: 0 admitted (without --path: by some route) or answered by the gate, 3 not \
                        forwarded (also where only `mode: observe` would let it pass), 78 bad configuration or ranges.\n\n\
                        Example: nexmo-gate explain 169.63.86.164 --path /webhooks/inbound-sms")]
pub struct Args {
    /// The other end of the TCP connection: the sender, or the proxy in front of the gate
    #[arg(value_name = "IP")]
    ip: String,
    /// The path of the request, perhaps with a query
    #[arg(long, value_name = "PATH")]
    path: Option<String>,
    /// The method of the request; by default the first that the route's webhook has
    #[arg(long, value_name = "METHOD", requires = "path")]
    method: Option<String>,
    /// Another header line of the request
    #[arg(long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,
    /// A whole request in a file, as it is sent: with its body, its signature is judged too; - reads it from standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["path", "via", "host", "method", "headers"])]
    request: Option<PathBuf>,
    /// The listener that the connection comes to; by default the first that fits
    #[arg(long, value_name = "ADDRESS")]
    listener: Option<String>,
    /// The source that a PROXY header names: an address, local (it names none), or none (there is no header)
    #[arg(long, value_name = "SOURCE")]
    proxy: Option<String>,
    /// The value of the forwarding header as IP would send it, as in "198.51.100.7, 10.0.0.1"
    #[arg(long, value_name = "HOPS")]
    via: Option<String>,
    /// The Host of the request, where routes name one
    #[arg(long, value_name = "HOST", requires = "path")]
    host: Option<String>,
    /// Ask the running gate instead of reading the files
    #[arg(long)]
    running: bool,
    /// As JSON, for programs
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: Settings,
}

/// Why a header line is none. It may hold a token, so its text is not told.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum NoHeader {
    /// No colon ends its name.
    #[error("--header, number {0}: has no colon; write \"NAME: VALUE\"")]
    Colon(usize),
    /// It would be two lines.
    #[error("--header, number {0}: has a line end in it; give each line a --header of its own")]
    LineEnd(usize),
}

pub(super) fn run(args: &Args) -> Result<u8, Failure> {
    fits(&args.headers).map_err(|error| Failure { code: USAGE, lines: vec![error.to_string()] })?;
    let usage = |problem: QuestionError| Failure { code: USAGE, lines: vec![problem.to_string()] };
    let parameters = parameters(args)?;
    let question = Question::new(parameters.clone()).map_err(usage)?;
    let (explanation, json) = if args.running {
        ask(&args.settings, &parameters)?
    } else {
        let explanation =
            explain(&loading::read(&args.settings)?.snapshot, &question, |file| Some(file.is_file()), now())
                .map_err(usage)?;
        let json = explanation.to_json().map_err(|error| failed(error.to_string()))?;
        (explanation, json)
    };
    if args.json { print_json(&json) } else { print(&text(&explanation)) }?;
    let fine = |route: &RouteVerdict| matches!(route.verdict, Verdict::Admitted | Verdict::Served);
    Ok(if explanation.routes.iter().any(fine) { 0 } else { DENIED })
}

/// Whether each of them is one line of a head.
fn fits(headers: &[String]) -> Result<(), NoHeader> {
    headers.iter().zip(1..).try_for_each(|(line, number)| match line {
        line if line.contains(['\r', '\n']) => Err(NoHeader::LineEnd(number)),
        line if !line.contains(':') => Err(NoHeader::Colon(number)),
        _ => Ok(()),
    })
}

fn parameters(args: &Args) -> Result<Parameters, Failure> {
    let unread = |error: NoRequest| failed(error.to_string());
    let request = args.request.as_deref().map(bytes_of).transpose().map_err(unread)?;
    let parameters = Parameters {
        ip: Some(args.ip.clone()),
        via: args.via.clone(),
        path: args.path.clone(),
        host: args.host.clone(),
        method: args.method.clone(),
        headers: args.headers.clone(),
        request,
        listener: args.listener.clone(),
        proxy: args.proxy.clone(),
    };
    if !args.running || parameters.to_query().len() <= MAX_QUERY {
        return Ok(parameters);
    }
    let request = parameters.request.map(head_of);
    eprintln!("warning: the request is too large to be sent to the running gate: its head alone is judged");
    Ok(Parameters { request, ..parameters })
}

/// The head, which a gate judges without the body.
fn head_of(mut request: Vec<u8>) -> Vec<u8> {
    let end = memchr::memmem::find(&request, b"\r\n\r\n").map(|end| end + 4);
    request.truncate(end.unwrap_or(request.len()));
    request
}

/// In Unix seconds.
fn now() -> u64 {
    unix_seconds(SystemTime::now())
}

/// The explanation of the running gate, and the JSON text of it.
fn ask(settings: &Settings, parameters: &Parameters) -> Result<(Explanation, String), Failure> {
    let gate = Gate { file: settings.file.clone(), admin: settings.keys.admin.clone() };
    let client = AdminClient::find(&gate)?;
    let target = format!("/explain?{}", parameters.to_query());
    let (explanation, reply) = client.fetch("GET", &target, WITHIN, &[200])?;
    Ok((explanation, reply.body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_that_is_none_is_named_without_its_value() {
        let refused = |lines: &[&str]| {
            let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
            fits(&lines).map_err(|error| error.to_string())
        };
        assert_eq!(refused(&["a: b", "c:"]), Ok(()));
        for (lines, wanted) in [
            (
                ["a: b", "Authorization Bearer TOKEN"],
                "--header, number 2: has no colon; write \"NAME: VALUE\"",
            ),
            (
                ["Authorization: Bearer TOKEN\n", "x"],
                "--header, number 1: has a line end in it; give each line a --header of its own",
            ),
        ] {
            assert_eq!(refused(&lines), Err(wanted.to_owned()));
        }
    }
}
