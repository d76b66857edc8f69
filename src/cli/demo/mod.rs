//! `demo`: shows the gate at work.
//!
//! A sample application, the gate in front of it, and two senders, all on loopback. [`tour`] sends and
//! compares, [`gate`] starts the gate, [`application`] is behind it, [`sender`] in front of it.
//! The requests are those of [`crate::cli::webhooks`]. The output is written here.

pub(in crate::cli) mod application;
mod gate;
mod sender;
mod tour;

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};
use std::sync::mpsc::{Receiver, channel};

use application::Application;
use sender::{ADMITTED, STRANGER};
use tour::{Broken, From, Visit};

use crate::cli::child::{Child, Event, stop};
use crate::cli::webhooks::samples::{self, Sample};
use crate::cli::webhooks::signer::{ACCOUNT, Signer, Unsignable};
use crate::cli::{FAILED, Failure, failed, print};

/// See the gate at work: a sample application, the gate, and every sample webhook.
///
/// Everything stays on this machine's loopback addresses. Every sample is sent twice: from 127.0.0.2,
/// which the demo's one list admits, and from 127.0.0.3, a stranger. What the vendor signs is signed with a
/// secret of this run; one more is signed with another. Then the gate keeps running, so that you can send requests yourself.
#[derive(clap::Args, Debug)]
#[command(after_help = "Exit: 0 every result was as expected, 1 a result was not.")]
pub struct Args {
    /// Stop at the end of the tour
    #[arg(long)]
    once: bool,
}

pub(super) fn run(args: &Args) -> Result<u8, Failure> {
    let samples = samples::all().map_err(|error| failed(error.to_string()))?;
    let unsigned = |error: Unsignable| failed(error.to_string());
    let (vendor, forger) =
        (Signer::random(ACCOUNT).map_err(unsigned)?, Signer::random(ACCOUNT).map_err(unsigned)?);
    let (send, events) = channel();
    stop::on_signal(send.clone());
    let application =
        Application::start().map_err(|error| failed(format!("the sample application: {error}")))?;
    let gate = gate::start(application.address, &vendor, &send)?;
    print(&opening(&application, &gate))?;
    let requests = requests(&samples, &vendor, &forger).map_err(unsigned)?;
    let good = match walk(&requests, &gate, &application, &events) {
        Ok(visits) => {
            print(&closing(&visits))?;
            visits.iter().all(|visit| visit.wrong.is_empty())
        }
        Err(Walk::Broken(Broken::Stopped)) => return Err(failed("stopped before the end of the tour")),
        Err(Walk::Broken(Broken::GateEnded)) => return Err(failed("the gate ended during the tour")),
        Err(Walk::Failure(failure)) => return Err(failure),
    };
    if !args.once {
        print(&invitation(&gate))?;
        linger(&events)?;
    }
    Ok(if good { 0 } else { FAILED })
}

/// The sample that is forged.
const FORGED: &str = "messages-inbound";

enum Walk {
    Broken(Broken),
    Failure(Failure),
}

/// Every sample for both senders, and one that somebody else signed.
fn requests(samples: &[Sample], vendor: &Signer, forger: &Signer) -> Result<Vec<(Sample, From)>, Unsignable> {
    let mut all = Vec::new();
    for sample in samples {
        all.push((vendor.sign(sample)?, From::Vendor));
        // A stranger has no secret.
        all.push((sample.clone(), From::Stranger));
    }
    if let Some(sample) = samples.iter().find(|sample| sample.name == FORGED) {
        let name = format!("{}, forged", sample.name);
        all.push((Sample { name, ..forger.sign(sample)? }, From::Forger));
    }
    Ok(all)
}

/// Sends every request, and prints each result.
fn walk(
    requests: &[(Sample, From)],
    gate: &Child,
    application: &Application,
    events: &Receiver<Event>,
) -> Result<Vec<Visit>, Walk> {
    print(&row(["sample", "webhook", "sender", "got", "application", "access log"], Tone::Head))
        .map_err(Walk::Failure)?;
    let mut visits = Vec::new();
    for (sample, from) in requests {
        let visit = tour::visit(sample, *from, gate, application, events).map_err(Walk::Broken)?;
        print(&rows(&visit)).map_err(Walk::Failure)?;
        visits.push(visit);
    }
    Ok(visits)
}

/// Prints the access log until the user stops it or the gate ends.
fn linger(events: &Receiver<Event>) -> Result<(), Failure> {
    loop {
        match events.recv() {
            Ok(Event::Access(line)) => {
                if writeln!(std::io::stdout(), "{line}").is_err() {
                    // Nobody reads the output any more.
                    return Ok(());
                }
            }
            Ok(Event::Told(_)) => {}
            Ok(Event::Stop) | Err(_) => return print("\nstopped\n"),
            Ok(Event::Ended) => {
                // Ctrl-C reaches the gate too, which may end first.
                let stop = events.recv_timeout(std::time::Duration::from_secs(1));
                return match stop {
                    Ok(Event::Stop) => print("\nstopped\n"),
                    _ => Err(failed("the gate ended")),
                };
            }
        }
    }
}

fn opening(application: &Application, gate: &Child) -> String {
    format!(
        "nexmo-gate demo, on loopback only\n\n  \
         application  http://{}   a sample: answers calls with an NCCO, the rest with 204\n  \
         gate         http://{}   the shipped routes; its one list admits {ADMITTED}\n  \
         admin        {}\n  \
         secret       {}   made for this run; every signed webhook must be signed with it\n\n\
         Every sample webhook is sent from {ADMITTED}, which is listed, and from {STRANGER}, a stranger. One more is \
         sent\nfrom {ADMITTED} with a forged signature.\n\n",
        application.address,
        gate.listen,
        gate.admin_url(),
        gate::secret_file(gate).display(),
    )
}

fn rows(visit: &Visit) -> String {
    let got = match &visit.got {
        Ok(status) => status.to_string(),
        Err(_) => "nothing".to_owned(),
    };
    let arrived = match visit.arrived {
        0 => "saw nothing".to_owned(),
        1 => "got it".to_owned(),
        more => format!("got it {more} times"),
    };
    let tone = match (visit.wrong.is_empty(), visit.from == From::Vendor) {
        (false, _) => Tone::Bad,
        (true, true) => Tone::Good,
        (true, false) => Tone::Quiet,
    };
    let from = visit.from.address().to_string();
    let mut lines = row([&visit.sample, visit.webhook, &from, &got, &arrived, &visit.logged], tone);
    for wrong in &visit.wrong {
        lines.push_str(&painted(&format!("    WRONG: {wrong}"), Tone::Bad));
        lines.push('\n');
    }
    lines
}

fn closing(visits: &[Visit]) -> String {
    let of = |from: From| visits.iter().filter(move |visit| visit.from == from);
    let count = |from: From| {
        let good = of(from).filter(|visit| visit.wrong.is_empty()).count();
        format!("{good} of {}", of(from).count())
    };
    let mut text = String::from("\nThree lines of the access log in full:\n");
    for from in [From::Vendor, From::Stranger, From::Forger] {
        if let Some(visit) = of(from).find(|visit| !visit.line.is_empty()) {
            // Writing to a String cannot fail, here and below.
            let _ = writeln!(text, "  {}", visit.line);
        }
    }
    let verdict = if visits.iter().all(|visit| visit.wrong.is_empty()) {
        painted("All as expected.", Tone::Good)
    } else {
        painted("NOT as expected; see the lines marked WRONG.", Tone::Bad)
    };
    let _ = writeln!(
        text,
        "\n{} from {ADMITTED} delivered byte for byte; {} from {STRANGER} denied, and the application \
         never saw them; {} with a forged signature refused. {verdict}",
        count(From::Vendor),
        count(From::Stranger),
        count(From::Forger),
    );
    text
}

fn invitation(gate: &Child) -> String {
    let (gate, admin) = (gate.listen, gate.admin_url());
    format!(
        "\nTry it yourself, in another terminal:\n\n  \
         curl -i --interface {ADMITTED} -d '{{}}' http://{gate}/webhooks/number-insight   # such are not signed\n  \
         curl -i --interface {ADMITTED} http://{gate}/webhooks/answer   # 503: it is not signed\n  \
         curl -i --interface {STRANGER} http://{gate}/webhooks/answer   # 403: a stranger\n  \
         curl {admin}/status\n  \
         curl {admin}/metrics\n\n\
         The access log follows. Ctrl-C stops everything.\n\n"
    )
}

/// The meaning of a line, shown by its colour.
#[derive(Clone, Copy)]
enum Tone {
    Head,
    Good,
    Quiet,
    Bad,
}

fn row(cells: [&str; 6], tone: Tone) -> String {
    let [sample, webhook, sender, got, application, log] = cells;
    let line = format!("{sample:<31} {webhook:<21} {sender:<10} {got:<9} {application:<12} {log}");
    format!("{}\n", painted(line.trim_end(), tone))
}

/// Colours the text for a terminal, unless the user wants no colour (<https://no-color.org>).
fn painted(text: &str, tone: Tone) -> String {
    if !std::io::stdout().is_terminal() || std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
    {
        return text.to_owned();
    }
    let code = match tone {
        Tone::Head => "1",
        Tone::Good => "32",
        Tone::Quiet => "2",
        Tone::Bad => "1;31",
    };
    format!("\x1b[{code}m{text}\x1b[0m")
}
