//! `ranges export`: prints lists as a firewall or a proxy in front takes them, or compares them with what it has loaded.
//!
//! Invariant: what is printed covers exactly what the gate would admit by these lists, or nothing is printed.
//!
//! | file | noun |
//! | --- | --- |
//! | [`lists`] | the chosen lists, as the gate reads them |
//! | [`live`] | what a target prints of what it has loaded |

mod lists;
mod live;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use clap::ValueEnum;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use ipnet::IpNet;

use crate::admin::text::quantity::grouped;
use crate::cli::flags::Settings;
use crate::cli::ranges::export::lists::Chosen;
use crate::cli::ranges::export::live::{Unread, around};
use crate::cli::{FAILED, Failure, USAGE, print};
use crate::policy::export::drift::Drift;
use crate::policy::export::format::{FORMATS, Format, Live, Takes, Where};
use crate::policy::export::header::Header;
use crate::policy::export::name::{Name, NoName};
use crate::policy::export::order::Order;
use crate::policy::export::ranges::{Family, Ranges, Widest};
use crate::telemetry::timestamp;

/// What a target prints is read up to this.
const MOST: u64 = 64 << 20;
/// Proxies that are named at most.
const NAMED: usize = 3;

const EXIT: &str = "Exit: 0 printed, or loaded as the lists say; 1 --check found a difference, or proxies stand in between; \
                    2 wrong usage, or a file of --check or --have that cannot be read; 78 bad configuration or ranges.\n\n\
                    Example: nexmo-gate ranges export nft sms voice --name hooks --chain 443";

/// Print lists as a firewall or a proxy in front takes them, or compare them with what it has loaded.
///
/// The range files are read as the gate reads them. The prefixes are merged, sorted and disjoint. Nothing is sent and nothing
/// is changed: what is printed is loaded by a command of its own, which docs/firewall.md has for each format.
#[derive(clap::Args, Debug)]
#[command(after_help = EXIT, after_long_help = commands())]
pub(super) struct Args {
    /// The format
    #[arg(value_name = "FORMAT", value_parser = formats())]
    format: &'static Format,
    /// The lists whose ranges are printed together
    #[arg(value_name = "LIST", required = true)]
    lists: Vec<String>,
    /// Compare with what the target prints of what it has loaded; - reads that from standard input
    #[arg(long, value_name = "LIVE", conflicts_with_all = ["chain", "have"])]
    check: Option<PathBuf>,
    /// For nft, also the chain that drops everybody else at this port; for kubernetes, the port of the pod
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    chain: Option<u16>,
    /// For aws, what get-managed-prefix-list-entries printed: the script changes only what differs
    #[arg(long, value_name = "FILE")]
    have: Option<PathBuf>,
    /// What sets, rules and resources are called [default: the names of the lists]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Only this family; where one text holds one family, ipv4 is the default
    #[arg(long, value_name = "FAMILY", conflicts_with = "chain")]
    family: Option<FamilyArg>,
    /// Also where trusted proxies stand between the senders and the gate
    #[arg(long)]
    anyway: bool,
    #[command(flatten)]
    settings: Settings,
}

/// A family of addresses, as the command line names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FamilyArg {
    /// IPv4
    Ipv4,
    /// IPv6
    Ipv6,
}

impl FamilyArg {
    fn family(self) -> Family {
        match self {
            Self::Ipv4 => Family::V4,
            Self::Ipv6 => Family::V6,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
        }
    }
}

/// Why nothing is printed.
#[derive(Debug, thiserror::Error)]
enum Refused {
    /// The format has no use for an option.
    #[error("{0} does not go with the format {1}")]
    Option(&'static str, &'static str),
    /// There is no name.
    #[error(transparent)]
    Name(#[from] NoName),
    /// A file cannot be read.
    #[error("{0}: {1}")]
    File(String, io::Error),
    /// What is in a file cannot be compared.
    #[error("{0}: {1}")]
    Content(String, Unread),
    /// The family has no prefix.
    #[error("the lists hold no {0} prefix, and an export without one could admit everybody")]
    Empty(&'static str),
    /// A firewall would see something else than the senders.
    #[error(
        "behind a proxy the firewall sees {0}, not the sender; --anyway if this is for what stands in front of the proxy"
    )]
    Behind(String),
}

impl Refused {
    fn failure(self) -> Failure {
        let code = if matches!(self, Self::Behind(_)) { FAILED } else { USAGE };
        Failure { code, lines: vec![self.to_string()] }
    }
}

fn formats() -> impl TypedValueParser<Value = &'static Format> {
    let values = FORMATS.iter().map(|format| PossibleValue::new(format.name).help(format.what));
    // The parser has let only names of the table pass.
    PossibleValuesParser::new(values)
        .map(|name| FORMATS.iter().find(|format| format.name == name).unwrap_or(&FORMATS[0]))
}

/// How each format is loaded and compared, for the long help.
fn commands() -> String {
    let of = |format: &Format| format!("\n\n{}\n  {}\n  {}", format.name, format.load, format.verify);
    format!("Each format is loaded and compared by:{}\n\n{EXIT}", FORMATS.iter().map(of).collect::<String>())
}

pub(super) fn run(args: &Args) -> Result<u8, Failure> {
    args.options_fit().map_err(Refused::failure)?;
    let name = args.name().map_err(Refused::failure)?;
    let chosen = lists::read(&args.settings, &args.lists)?;
    let whole =
        Ranges::of(chosen.lists.iter().flat_map(|list| list.ranges.entries()).map(|entry| entry.prefix));
    let families = args.families(&whole);
    let ranges = match families.as_slice() {
        [family] => whole.only(*family),
        _ => whole.clone(),
    };
    if ranges.is_empty() {
        return Err(Refused::Empty(families.first().map_or("", |family| family.word())).failure());
    }
    if let Some(path) = &args.check {
        return check(args, &name, &ranges, path);
    }
    args.is_in_sight_of_senders(&chosen).map_err(Refused::failure)?;
    for note in notes(args.format, &whole, &families) {
        eprintln!("warning: {note}");
    }
    let have = args.have().map_err(Refused::failure)?;
    let header = args.header(&chosen, &ranges);
    let order = Order { name, header, ranges, families, port: args.chain, have };
    print(&(args.format.render)(&order))?;
    Ok(0)
}

impl Args {
    fn options_fit(&self) -> Result<(), Refused> {
        let unfit = |option| Err(Refused::Option(option, self.format.name));
        match self.format.takes {
            Takes::Port | Takes::Nothing if self.have.is_some() => unfit("--have"),
            Takes::Have | Takes::Nothing if self.chain.is_some() => unfit("--chain"),
            _ => Ok(()),
        }
    }

    /// The lists, each once and in order, whatever the order of the words.
    fn sorted_lists(&self) -> Vec<&str> {
        let names: BTreeSet<&str> = self.lists.iter().map(String::as_str).collect();
        names.into_iter().collect()
    }

    fn name(&self) -> Result<Name, Refused> {
        let chosen = self.name.as_deref().map(Name::chosen);
        Ok(chosen.unwrap_or_else(|| Name::of(&self.sorted_lists()))?)
    }

    /// The families that the text is about.
    fn families(&self, ranges: &Ranges) -> Vec<Family> {
        match self.family {
            Some(family) => vec![family.family()],
            None if self.format.both_families => Family::ALL.to_vec(),
            None if ranges.only(Family::V4).is_empty() => vec![Family::V6],
            None => vec![Family::V4],
        }
    }

    fn is_in_sight_of_senders(&self, chosen: &Chosen) -> Result<(), Refused> {
        let matters = self.format.stands != Where::Elsewhere && !self.anyway;
        if !matters || chosen.proxies.is_empty() {
            return Ok(());
        }
        let mut named: Vec<String> = chosen.proxies.iter().take(NAMED).map(IpNet::to_string).collect();
        if chosen.proxies.len() > NAMED {
            named.push(format!("and {} more", chosen.proxies.len() - NAMED));
        }
        Err(Refused::Behind(named.join(", ")))
    }

    fn have(&self) -> Result<Vec<IpNet>, Refused> {
        let (Some(path), Live::Keys(keys)) = (&self.have, self.format.live) else { return Ok(Vec::new()) };
        let bytes = bytes_of(path)?;
        live::entries(&bytes, keys).map_err(|error| Refused::Content(path.display().to_string(), error))
    }

    fn header(&self, chosen: &Chosen, ranges: &Ranges) -> Header {
        let count = |family| ranges.prefixes(family, Widest::HALF).len();
        let mut time = Vec::new();
        timestamp::write(&mut time, SystemTime::now());
        Header {
            lists: chosen.lists.iter().map(|list| list.name.clone()).collect(),
            digest: ranges.digest(),
            counts: (count(Family::V4), count(Family::V6)),
            time: String::from_utf8_lossy(&time).into_owned(),
            command: self.command(),
        }
    }

    /// The command that makes the same text, without the paths of this machine.
    fn command(&self) -> String {
        let mut words = vec![format!("nexmo-gate ranges export {}", self.format.name)];
        words.extend(self.sorted_lists().into_iter().map(str::to_owned));
        words.extend(self.chain.map(|port| format!("--chain {port}")));
        words.extend(self.have.as_ref().map(|_| "--have FILE".to_owned()));
        words.extend(self.name.as_ref().map(|name| format!("--name {name}")));
        words.extend(self.family.map(|family| format!("--family {}", family.word())));
        words.extend(self.anyway.then(|| "--anyway".to_owned()));
        words.join(" ")
    }
}

/// What a person should know before it is loaded.
fn notes(format: &Format, whole: &Ranges, families: &[Family]) -> Vec<String> {
    let mut notes = Vec::new();
    match format.stands {
        Where::Firewall => notes.push(
            "a firewall that drops turns a stale list into connect time-outs: the sender hears no 503 that it would retry, \
             and the gate sees and logs nothing of it"
                .to_owned(),
        ),
        Where::Proxy => notes.push(
            "a proxy that refuses turns a stale list into its own answer: the sender hears no 503 of `deny: retry`, and the \
             gate sees and logs nothing of it"
                .to_owned(),
        ),
        Where::Elsewhere => {}
    }
    if let [family] = families {
        let left = whole.prefixes(family.other(), Widest::HALF).len();
        if left > 0 {
            let (left, other) = (grouped(left as u64), family.other().word());
            notes.push(format!(
                "{left} {other} prefixes are not in this text: --family {} prints them",
                other.to_lowercase()
            ));
        }
    }
    notes
}

/// Compares with what a target has loaded.
fn check(args: &Args, name: &Name, ranges: &Ranges, path: &Path) -> Result<u8, Failure> {
    let bytes = bytes_of(path).map_err(Refused::failure)?;
    let live = live::read(args.format.live, &bytes, name)
        .map_err(|error| Refused::Content(path.display().to_string(), error).failure())?;
    // What is there of the other family is not the question.
    let live = args.family.map_or(live.clone(), |family| live.only(family.family()));
    let drift = Drift::between(ranges, &live);
    let text = String::from_utf8_lossy(&bytes);
    let open = around::faults(args.format.name, &text, name, args.chain);
    if around::is_unused(args.format.name, &text, name) {
        eprintln!("warning: no rule sends packets through the chain");
    }
    if drift.is_none() && open.is_empty() {
        print(&format!("loaded as the lists say: sha256 {}\n", ranges.digest()))?;
        return Ok(0);
    }
    let rows =
        |word: &str, nets: &[IpNet]| nets.iter().map(|net| format!("{word} {net}\n")).collect::<String>();
    let open: String = open.iter().map(|fault| format!("open     {fault}\n")).collect();
    print(&(rows("missing ", &drift.missing) + &rows("too much", &drift.surplus) + &open))?;
    Ok(FAILED)
}

/// A file, or standard input.
fn bytes_of(path: &Path) -> Result<Vec<u8>, Refused> {
    let shown = path.display().to_string();
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        io::stdin().lock().take(MOST + 1).read_to_end(&mut bytes)
    } else {
        File::open(path).and_then(|file| file.take(MOST + 1).read_to_end(&mut bytes))
    };
    let read = read.and_then(|count| {
        let too_much = || io::Error::other("it is larger than 64 MiB");
        if count as u64 > MOST { Err(too_much()) } else { Ok(()) }
    });
    read.map_err(|error| Refused::File(shown, error))?;
    Ok(bytes)
}
