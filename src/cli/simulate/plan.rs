//! What is sent: the messages that the command line asks for, in their order.
//!
//! Invariant: nothing is sent before all of it could be made.

use std::path::{Path, PathBuf};

use crate::cli::signature::request::{NoRequest, Recorded, bytes_of};
use crate::cli::simulate::args::Args;
use crate::cli::simulate::crowd::MOST;
use crate::cli::simulate::message::Message;
use crate::cli::simulate::sign::{NoSigner, Signing};
use crate::cli::simulate::target::Target;
use crate::cli::webhooks::fields::{self, NotSet};
use crate::cli::webhooks::form::{self, Form, NotConverted};
use crate::cli::webhooks::samples::{self, Sample, SamplesError};
use crate::cli::webhooks::series;
use crate::cli::webhooks::signer::Unsignable;
use crate::policy::provider::signing::Signed;
use crate::policy::provider::{DEFAULT, Webhook};

/// Means every sample.
pub(super) const ALL: &str = "all";
/// Header lines that are the connection's, and those that only this program may write.
const NOT_COPIED: [&str; 12] = [
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "upgrade",
    "expect",
    "te",
    "trailer",
    "proxy-authorization",
    "proxy-authenticate",
    "proxy-connection",
];

/// Why it cannot be sent.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoPlan {
    /// There is no such webhook and no such sample.
    #[error("there is no webhook {0:?}; `nexmo-gate simulate list` shows all")]
    Unknown(String),
    /// The built-in samples cannot be read.
    #[error(transparent)]
    Samples(#[from] SamplesError),
    /// A file belongs to one webhook.
    #[error("--file is one message: name its webhook instead of all")]
    FileOfAll,
    /// A webhook without a sample can only come from a file.
    #[error("there is no sample of {0}: give the message with --file")]
    NoSample(&'static str),
    /// The file holds no request.
    #[error("--file {}: {error}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        error: NoRequest,
    },
    /// The file holds bytes that are no text.
    #[error("--file {}: only messages of UTF-8 text can be sent", .0.display())]
    Binary(PathBuf),
    /// The body in the file is in pieces.
    #[error("--file {}: its body is chunked: write it in one piece, without Transfer-Encoding", .0.display())]
    Chunked(PathBuf),
    /// The file has a method that is never sent.
    #[error("--file {}: {webhook} never arrives by {method}", .path.display())]
    Method {
        /// The file.
        path: PathBuf,
        /// The webhook.
        webhook: &'static str,
        /// Its method.
        method: String,
    },
    /// The webhook never arrives so.
    #[error("{webhook} never arrives as {form}: it arrives by {methods}")]
    Form {
        /// The webhook.
        webhook: &'static str,
        /// What was asked for.
        form: &'static str,
        /// What there is.
        methods: &'static str,
    },
    /// A message cannot be written in another form.
    #[error("{name}: {error}")]
    Conversion {
        /// The message.
        name: String,
        /// Why.
        error: NotConverted,
    },
    /// A field cannot be set.
    #[error(transparent)]
    Field(#[from] NotSet),
    /// There are more messages than a run may have.
    #[error("--count: {0} messages are more than {MOST}, the most of one run")]
    TooMany(u32),
    /// There is nobody who signs.
    #[error(transparent)]
    Signer(#[from] NoSigner),
    /// It cannot be signed.
    #[error("--sign: {0}")]
    Unsignable(#[from] Unsignable),
}

/// What is sent.
pub(super) struct Plan {
    samples: Vec<Sample>,
    signing: Signing,
}

impl Plan {
    /// Reads what the command line names.
    ///
    /// # Errors
    /// A part of it cannot be sent.
    pub(super) fn new(args: &Args) -> Result<Self, NoPlan> {
        let signing = Signing::new(args.sign, args.secret_file.as_deref(), args.api_key.as_deref())?;
        let chosen = match &args.file {
            Some(path) => vec![recorded(path, webhook(&args.webhook)?, args.method)?],
            None => chosen(&args.webhook, args.method)?,
        };
        let mut samples = Vec::new();
        for sample in chosen {
            let sample = fields::with(&sample, &args.set)?;
            samples.push(match args.method {
                Some(form) if form != Form::of(&sample) => converted(&sample, form)?,
                _ => sample,
            });
        }
        Ok(Self { samples, signing })
    }

    /// How many messages there are, before they are multiplied.
    pub(super) fn len(&self) -> usize {
        self.samples.len()
    }

    /// Whether a message must be refused, because its signature is forged.
    pub(super) fn is_forged(&self, message: &Message) -> bool {
        self.signing.is_forged(message.webhook)
    }

    /// The message at a place; from the second round on each has an id of its own.
    ///
    /// # Errors
    /// It cannot be signed.
    pub(super) fn message(&self, place: u32, target: &Target, args: &Args) -> Result<Message, NoPlan> {
        let count = u32::try_from(self.samples.len()).unwrap_or(u32::MAX).max(1);
        let sample = &self.samples[(place % count) as usize];
        let mut sample = series::numbered(sample, place / count);
        sample.target = target.for_message(&sample.target);
        if let Some(account) = &args.api_key {
            sample = with_account(&sample, account);
        }
        let (sample, told) = self.signing.sign(&sample)?;
        let via = args.from.map(|from| (from, args.via));
        Ok(Message::new(place + 1, &sample, target, via, told))
    }
}

fn webhook(name: &str) -> Result<Webhook, NoPlan> {
    if name == ALL {
        return Err(NoPlan::FileOfAll);
    }
    DEFAULT.webhook(name).ok_or_else(|| NoPlan::Unknown(name.to_owned()))
}

/// The samples of a word: all, the one of this name, or of a webhook the one in this form, else its first.
fn chosen(name: &str, form: Option<Form>) -> Result<Vec<Sample>, NoPlan> {
    let all = samples::all()?;
    if name == ALL {
        let fits = |sample: &Sample| form.is_none_or(|form| is_possible(sample.webhook, form));
        return Ok(all.into_iter().filter(fits).collect());
    }
    if let Some(sample) = all.iter().find(|sample| sample.name == name && DEFAULT.webhook(name).is_none()) {
        return Ok(vec![sample.clone()]);
    }
    let webhook = webhook(name)?;
    let mut own = all.into_iter().filter(|sample| sample.webhook == webhook);
    let first = own.next().ok_or(NoPlan::NoSample(webhook.name()))?;
    let asked = form.filter(|form| *form != Form::of(&first));
    let other = asked.and_then(|form| own.find(|sample| Form::of(sample) == form));
    Ok(vec![other.unwrap_or(first)])
}

/// Whether a webhook can arrive in a form.
fn is_possible(webhook: Webhook, form: Form) -> bool {
    let method = if form == Form::Get { "GET" } else { "POST" };
    // A form is what an account chooses for messages whose parameters are signed.
    let is_flat = form != Form::Urlencoded || webhook.spec().signed == Signed::Parameter;
    webhook.spec().methods.allow(method.as_bytes()) && is_flat
}

fn converted(sample: &Sample, form: Form) -> Result<Sample, NoPlan> {
    let webhook = sample.webhook;
    if !is_possible(webhook, form) {
        let methods = webhook.spec().methods.allow_field();
        return Err(NoPlan::Form { webhook: webhook.name(), form: form.word(), methods });
    }
    let failed = |error| NoPlan::Conversion { name: sample.name.clone(), error };
    Ok(form::written(sample, form, form::fields(sample).map_err(failed)?))
}

/// The message names the account, where it names one at all.
fn with_account(sample: &Sample, account: &str) -> Sample {
    let has_one = |fields: &[(String, _)]| fields.iter().any(|(key, _)| key == "api-key");
    match form::fields(sample) {
        Ok(fields) if has_one(&fields) => {
            let setting = fields::Setting { path: "api-key".to_owned(), value: account.to_owned() };
            fields::with(sample, &[setting]).unwrap_or_else(|_| sample.clone())
        }
        _ => sample.clone(),
    }
}

/// A message from a file, as `explain --request` reads it. In another form it is written later.
fn recorded(path: &Path, webhook: Webhook, form: Option<Form>) -> Result<Sample, NoPlan> {
    let failed = |error| NoPlan::File { path: path.to_owned(), error };
    let request = bytes_of(path).and_then(|bytes| Recorded::read(&bytes)).map_err(failed)?;
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).map_err(|_| NoPlan::Binary(path.to_owned()));
    let mut headers = Vec::new();
    let is = |name: &[u8], one: &str| name.eq_ignore_ascii_case(one.as_bytes());
    if request.head.fields().any(|(name, _)| is(name, "transfer-encoding")) {
        return Err(NoPlan::Chunked(path.to_owned()));
    }
    // RFC 9110 section 7.6.1: what Connection names is of that connection.
    let named: Vec<&[u8]> = request
        .head
        .fields()
        .filter(|(name, _)| is(name, "connection"))
        .flat_map(|(_, value)| value.split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .collect();
    for (name, value) in request.head.fields() {
        let name = text(name)?;
        let is_named = named.iter().any(|one| one.eq_ignore_ascii_case(name.as_bytes()));
        if !is_named && !NOT_COPIED.contains(&name.to_ascii_lowercase().as_str()) {
            headers.push((name, text(value)?));
        }
    }
    let name = match path.to_str() {
        Some("-") => "standard input".to_owned(),
        _ => path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned(),
    };
    let (method, target, body) =
        (text(request.head.method())?, text(request.target())?, text(&request.body)?);
    // A proxy was asked so; whoever it names is not asked here.
    let target =
        match target.split_once("://").and_then(|(_, rest)| rest.find('/').map(|at| rest[at..].to_owned())) {
            Some(path) if !target.starts_with('/') => path,
            _ => target,
        };
    // Others have answers of their own rules, and no webhook comes by them.
    let is_possible = form.is_some() || webhook.spec().methods.allow(method.as_bytes());
    if !is_possible || !matches!(&*method, "GET" | "POST") {
        return Err(NoPlan::Method { path: path.to_owned(), webhook: webhook.name(), method });
    }
    Ok(Sample { name, webhook, method, target, headers, body })
}
