//! `signature`: judges the signature of one recorded request, step by step.
//!
//! The code that serves requests judges. Invariant: nothing that is printed holds a secret, a token, a parameter `sig`, or
//! the text that was signed.
//!
//! | file | noun |
//! | --- | --- |
//! | [`request`] | the recorded request |
//! | [`moment`] | the time that it is judged for |
//! | [`given`] | the secrets that the command line names |

pub(crate) mod given;
pub(crate) mod moment;
pub(crate) mod request;

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};

use self::given::Given;
use self::moment::Moment;
use self::request::{NoRequest, Recorded};
use crate::admin::api::Document as _;
use crate::admin::api::signature::{SignatureReport, SignatureVerdict};
use crate::admin::explain::signature::{secret_of, verdict};
use crate::admin::text::signature::report as text;
use crate::cli::flags::Settings;
use crate::cli::{BAD_CONFIG, DENIED, Failure, USAGE, failed, loading, print, print_json};
use crate::judge::facts::{Facts, loggable};
use crate::judge::request::flaw_of_request;
use crate::judge::signature::{Seen, answer_is_read, message, seen};
use crate::policy::demand::Demand;
use crate::policy::outcome::Reason;
use crate::policy::provider::signing::Signed;
use crate::policy::signature::fault::Fault;
use crate::policy::signature::mac::Method;
use crate::policy::signature::rules::Rules;
use crate::state::secrets::LiveSecret;
use crate::state::snapshot::{LiveRoute, Snapshot};

/// Judge the signature of one recorded request: every step, and the first that fails.
///
/// The request is read as it was sent or recorded: its head, an empty line, its body. Lines may end in LF alone, but the
/// body must be there byte for byte. The secrets are those of the configuration, and the route that the request comes to
/// says which of them count. With --secret-file no configuration is read. No secret and no signature is printed.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Exit: 0 good (on a route: what `signature: require` would let pass there), 2 no request or no \
                        secret, 3 not good, 78 bad configuration, ranges or secret.\n\n\
                        Example: nexmo-gate signature recorded.txt --at 2026-11-27T21:30:00Z"
)]
pub struct Args {
    /// The request; - reads it from standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// A file with a secret, in place of those of the configuration; may be there several times
    #[arg(long = "secret-file", value_name = "FILE")]
    secret_files: Vec<PathBuf>,
    /// The account that the secrets of --secret-file are of; by default any
    #[arg(long, value_name = "KEY", requires = "secret_files")]
    api_key: Option<String>,
    /// How parameters are signed, in place of `signatures.sms_method`
    #[arg(long, value_name = "METHOD", value_parser = methods())]
    method: Option<Method>,
    /// Judge for this time instead of now: RFC 3339, or Unix seconds
    #[arg(long, value_name = "TIME")]
    at: Option<Moment>,
    /// Judge for this route, by its name in the log, wherever the request comes to
    #[arg(long, value_name = "ROUTE", conflicts_with = "secret_files")]
    route: Option<String>,
    /// As JSON, for programs
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: Settings,
}

/// Why a request cannot be judged.
#[derive(Debug, thiserror::Error)]
enum Unjudged {
    /// There is no secret.
    #[error("there is no secret to judge by: `signatures.secrets` is empty; give --secret-file FILE")]
    NoSecret,
    /// There is no such route.
    #[error("--route: there is no route {0:?}; there are: {1}")]
    NoRoute(String, String),
}

fn methods() -> impl TypedValueParser<Value = Method> {
    PossibleValuesParser::new(Method::ALL.map(Method::word))
        .map(|word| Method::ALL.into_iter().find(|method| method.word() == word).unwrap_or_default())
}

pub(super) fn run(args: &Args) -> Result<u8, Failure> {
    let unread = |error: NoRequest| Failure { code: USAGE, lines: vec![error.to_string()] };
    let request = request::bytes_of(&args.file).and_then(|bytes| Recorded::read(&bytes)).map_err(unread)?;
    let at = args.at.unwrap_or_else(Moment::now);
    let report = if args.secret_files.is_empty() {
        by_config(args, request, at)?
    } else {
        by_files(args, request, at)?
    };
    if args.json {
        print_json(&report.to_json().map_err(|error| failed(error.to_string()))?)?;
    } else {
        print(&text(&report))?;
    }
    Ok(if report.good { 0 } else { DENIED })
}

/// Judges by the secrets of the configuration.
fn by_config(args: &Args, mut request: Recorded, at: Moment) -> Result<SignatureReport, Failure> {
    let unjudged = |error: Unjudged| Failure { code: USAGE, lines: vec![error.to_string()] };
    let snapshot = loading::read(&args.settings)?.snapshot;
    if snapshot.secrets.sources.is_empty() {
        return Err(unjudged(Unjudged::NoSecret));
    }
    let route = route(&snapshot, &request, args.route.as_deref()).map_err(unjudged)?;
    if let Some(reason) = route.and_then(|route| flaw_on(route, &request, &snapshot)) {
        request.refuse(&format!("the route would refuse this request: {}", reason.word()));
    }
    let demand = route.map_or_else(Demand::default, |route| route.signature.clone());
    let Some(signing) = snapshot.config.provider.signing.as_ref() else {
        return Err(unjudged(Unjudged::NoSecret));
    };
    let rules = snapshot.rules_of(&demand, signing);
    let owners = || snapshot.secrets.sources.iter().map(LiveSecret::owner).collect();
    let asked = Asked { route, method: args.method, at };
    Ok(asked.report(rules, request, |place| secret_of(&snapshot, place), owners))
}

/// Judges by the secrets of the command line.
fn by_files(args: &Args, request: Recorded, at: Moment) -> Result<SignatureReport, Failure> {
    let bad = |error: given::NotGiven| Failure { code: BAD_CONFIG, lines: vec![error.to_string()] };
    let given = Given::read(&args.secret_files, args.api_key.as_deref()).map_err(bad)?;
    let owners = || given.owners();
    let asked = Asked { route: None, method: args.method, at };
    Ok(asked.report(given.rules(), request, |place| given.secret(place), owners))
}

/// The route of a name, else the one that the request comes to.
fn route<'s>(
    snapshot: &'s Snapshot,
    request: &Recorded,
    name: Option<&str>,
) -> Result<Option<&'s LiveRoute>, Unjudged> {
    let Some(name) = name else {
        let facts = Facts::read(&request.head).ok();
        let place = facts.and_then(|facts| snapshot.table.find(Some(facts.name), facts.path));
        return Ok(place.and_then(|place| snapshot.routes.get(place)).map(|route| &**route));
    };
    let found = snapshot.routes.iter().find(|route| route.label == name);
    found.map(|route| Some(&**route)).ok_or_else(|| {
        let labels: Vec<&str> = snapshot.routes.iter().map(|route| route.label.as_str()).collect();
        Unjudged::NoRoute(name.to_owned(), labels.join(", "))
    })
}

/// The reason for which a route refuses a request before it looks at its signature; nothing where the head was refused.
fn flaw_on(route: &LiveRoute, request: &Recorded, snapshot: &Snapshot) -> Option<Reason> {
    let facts = Facts::read(&request.head).ok()?;
    flaw_of_request(&request.head, &facts, route, snapshot.config.limits.max_body)
}

/// What a request is judged for.
struct Asked<'s> {
    route: Option<&'s LiveRoute>,
    method: Option<Method>,
    at: Moment,
}

impl Asked<'_> {
    /// Judges a request; `secret` says which secret stands at a place of the keyring, `owners` whose there are.
    fn report(
        self,
        mut rules: Rules<'_>,
        request: Recorded,
        secret: impl Fn(usize) -> Option<String>,
        owners: impl Fn() -> Vec<String>,
    ) -> SignatureReport {
        rules.sms_method = self.method.unwrap_or(rules.sms_method);
        let spec = self.route.map(|route| route.webhook.spec());
        // Where the provider signs nothing, somebody may have signed all the same.
        let signed = spec.map(|spec| spec.signed).filter(|signed| *signed != Signed::Never);
        let signed = signed.unwrap_or(Signed::Parameter);
        let whole = message(&request.head, request.target(), &request.body);
        let seen = seen(&rules, signed, &request.head, Some(&whole), self.at.0);
        let Recorded { head, body, servable, mut notes } = request;
        let reason = match (&seen, self.route) {
            (Seen::Judged(judgement), Some(route)) => judgement.denial_on(route),
            _ => None,
        };
        // As good as a route would take it for that requires one: a token for the hash of nothing is not always enough.
        let head_is_enough = self.route.is_some_and(answer_is_read);
        let (good, fault) = match &seen {
            Seen::Judged(judgement) => (judgement.denial(head_is_enough).is_none(), judgement.fault),
            Seen::Open(_) => (false, None),
        };
        if fault == Some(Fault::UnknownKey) {
            notes.push(format!("there are secrets of: {}", owners().join(", ")));
        }
        let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        SignatureReport {
            at: self.at.text(),
            body_bytes: body.len(),
            good: good && servable,
            method: shown(head.method()),
            notes,
            path: shown(loggable(head.target())),
            route: self.route.map(|route| route.label.clone()),
            signature: SignatureVerdict {
                need: self.route.map(|route| route.signature.need.word().to_owned()),
                reason: reason.map(|reason| reason.word().to_owned()),
                ..verdict(&seen, signed, secret)
            },
            webhook: self.route.map(|route| route.webhook.name().to_owned()),
        }
    }
}
