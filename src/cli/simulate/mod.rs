//! `simulate`: sends webhooks as the vendor does, and says what the vendor would make of the answer.
//!
//! | file | noun |
//! | --- | --- |
//! | [`args`] | the command line |
//! | [`target`] | where they are sent |
//! | [`consent`] | whether they may be |
//! | [`plan`] | what is sent |
//! | [`message`] | one message on the wire |
//! | [`sign`] | how it is signed |
//! | [`verdict`] | what an answer is worth |
//! | [`course`] | the tries of a message |
//! | [`crowd`] | many messages |
//! | [`report`] | what came of it |

pub(crate) mod args;
mod consent;
mod course;
mod crowd;
mod message;
mod plan;
mod report;
mod sign;
mod target;
mod verdict;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write as _;
use std::time::Instant;

use rustls::pki_types::ServerName;

pub(crate) use self::args::Args;

use self::course::{Pace, Tried};
use self::crowd::MOST;
use self::plan::{NoPlan, Plan};
use self::report::{Done, Run, json, junit, text};
use self::target::Target;
use crate::cli::child::stop::Wish;
use crate::cli::webhooks::connection::Line;
use crate::cli::webhooks::samples;
use crate::cli::{DENIED, FAILED, Failure, USAGE, failed, print, print_json, printed};
use crate::files::file::{self, MAX_PEM};
use crate::state::authorities;

/// Shows what there is to send.
const LIST: &str = "list";

pub(super) fn run(args: &Args) -> Result<u8, Failure> {
    let usage = |problem: String| Failure { code: USAGE, lines: vec![problem] };
    if args.webhook == LIST {
        let samples = samples::all().map_err(|error| failed(error.to_string()))?;
        return print(&text::list(&samples)).map(|()| 0);
    }
    let target = args.to.as_ref().ok_or_else(|| usage("--to URL: say where to send it".to_owned()))?;
    let plan = Plan::new(args).map_err(|error| usage(error.to_string()))?;
    let count = count(&plan, args).map_err(|error| usage(error.to_string()))?;
    // All of the first round can be made before anything is sent.
    for place in 0..count.min(u32::try_from(plan.len()).unwrap_or(u32::MAX)) {
        plan.message(place, target, args).map_err(|error| usage(error.to_string()))?;
    }
    let line = line(target, args)?;
    // Whoever wants a file hears before the first message that there can be none.
    let mut results = match &args.junit {
        Some(path) => {
            let file = File::create(path);
            Some((path, file.map_err(|error| failed(format!("--junit: {}: {error}", path.display())))?))
        }
        None => None,
    };
    let run = send(&plan, &line, target, count, args)?;
    if args.json {
        print_json(&json::document(&run).map_err(|error| failed(error.to_string()))?)?;
    } else {
        if is_crowd(args) {
            print(&text::crowd(&run))?;
        }
        print(&text::closing(&run))?;
    }
    if let Some((path, file)) = &mut results {
        file.write_all(junit::file(&run).as_bytes())
            .map_err(|error| failed(format!("--junit: {}: {error}", path.display())))?;
    }
    Ok(match run.good() == run.done.len() {
        _ if run.is_cut() => FAILED,
        true => 0,
        false => DENIED,
    })
}

/// How many messages there are in all.
fn count(plan: &Plan, args: &Args) -> Result<u32, NoPlan> {
    let all = u32::try_from(plan.len()).unwrap_or(u32::MAX).saturating_mul(args.count);
    if all > MOST { Err(NoPlan::TooMany(all)) } else { Ok(all) }
}

/// Where to connect, when that is allowed.
fn line(target: &Target, args: &Args) -> Result<Line, Failure> {
    let usage = |problem: String| Failure { code: USAGE, lines: vec![problem] };
    let addresses =
        target.resolve().map_err(|error| failed(format!("--to {target}: {}: {error}", target.host)))?;
    consent::ask(&target.host, &addresses, args.i_may).map_err(|error| usage(error.to_string()))?;
    let tls = if target.tls {
        let config = match &args.cacert {
            None => authorities::of_system(),
            Some(path) => {
                let pem = file::read(path, MAX_PEM);
                let pem = pem.map_err(|error| usage(format!("--cacert: {}: {error}", path.display())))?;
                authorities::of_pem(path, &pem)
            }
        };
        let config = config.map_err(|error| usage(error.to_string()))?;
        let name = ServerName::try_from(target.host.clone());
        Some((
            config,
            name.map_err(|_| {
                usage(format!("--to: {:?} is not a valid name for a certificate", target.host))
            })?,
        ))
    } else {
        None
    };
    // Whoever waits for a name to be resolved is ended as any program is.
    Ok(Line { addresses, tls, from: args.from.map(|from| (from, args.via)), stop: Wish::on_signal() })
}

/// Whether the messages are too many to be told one by one.
fn is_crowd(args: &Args) -> bool {
    args.count > 1 || args.rate.is_some()
}

fn send(plan: &Plan, line: &Line, target: &Target, count: u32, args: &Args) -> Result<Run, Failure> {
    let tells = !args.json && !is_crowd(args);
    let begun = Instant::now();
    let one = |place: u32| {
        plan.message(place, target, args).map(|message| follow(message, plan, line, args, tells))
    };
    let goes_on = |done: &Result<(Done, bool), NoPlan>| matches!(done, Ok((_, true)));
    let (mut done, mut begun_at) = (Vec::new(), BTreeSet::new());
    for (place, result) in crowd::each(count, args.rate, &line.stop, one, goes_on) {
        done.push(result.map_err(|error| failed(error.to_string()))?.0);
        begun_at.insert(place);
    }
    let took = begun.elapsed();
    let unsent = (0..count).filter(|place| !begun_at.contains(place));
    let unsent: Result<Vec<_>, NoPlan> = unsent.map(|place| plan.message(place, target, args)).collect();
    let unsent = unsent.map_err(|error| failed(error.to_string()))?;
    Ok(Run { to: target.to_string(), done, unsent, took })
}

/// Sends one message, and tells of it. The second value says whether somebody still listens.
fn follow(message: message::Message, plan: &Plan, line: &Line, args: &Args, tells: bool) -> (Done, bool) {
    let mut listens = !tells || tell(&text::opening(&message, args.show));
    let pace = Pace { until: args.until, speed: args.speed, other: args.other_schedule };
    let is_forged = plan.is_forged(&message);
    let mut told: Vec<String> = Vec::new();
    let mut seen = |tried: &Tried| {
        // Where a refusal is what is wanted, there is nothing to mend.
        let known = if is_forged { &tried.verdict.problems } else { &told };
        if tells && listens && tried.number <= text::TOLD {
            listens = tell(&text::tried(tried, args.show, known));
        }
        told.clone_from(&tried.verdict.problems);
        listens
    };
    let mut course = course::follow(line, &message, pace, args.show, &mut seen);
    if course.stopped {
        // What has no end is not judged.
    } else if is_forged {
        course::expect_refusal(&message, &mut course);
    } else if args.twice {
        course::repeat(line, &message, &mut course);
    }
    let done = Done { message, course };
    if tells && listens {
        listens = tell(&text::ending(&done));
    }
    (done, listens)
}

/// Prints; false when nobody reads any more.
fn tell(text: &str) -> bool {
    printed(text).unwrap_or(false)
}
