//! `inspect`: what just came, what was told, and why, from the memory of the running gate.
//!
//! The gate keeps exchanges only while this runs: the wish is taken back when the command ends, also by a signal, and ends by
//! itself where the command is killed. Invariant: what is printed or saved is what the gate's mask let out, and nothing else.
//!
//! | file | noun |
//! | --- | --- |
//! | [`lease`] | the wish, for as long as the command runs |
//! | [`folder`] | requests saved as files |
//! | [`lines`] | exchanges as text |

mod folder;
mod lease;
mod lines;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::builder::PossibleValuesParser;

use self::folder::Folder;
use self::lease::{Lease, Stop};
use crate::admin::api::exchanges::{Exchanges, Replayed, Row, Whole};
use crate::admin::explain::question::encode;
use crate::cli::admin_client::AdminClient;
use crate::cli::flags::Gate;
use crate::cli::{FAILED, Failure, failed, print, print_json};
use crate::config::units;

const WITHIN: Duration = Duration::from_secs(10);
/// The application may take as long as the longest deadline.
const REPLAY_WITHIN: Duration = Duration::from_secs(75);
/// How long to wait before the gate is asked again.
const PAUSE: Duration = Duration::from_millis(300);
/// The longest time that a gate grants.
const LONGEST: Duration = Duration::from_secs(3600);

/// Show what just came, what the sender was told, and why.
///
/// The running gate keeps the last exchanges in memory while this command runs, for an hour at most, and forgets them when it
/// ends. Numbers, texts and names are masked; tokens, signatures, cookies and keys are never shown. Without --follow it shows
/// what is kept already, or waits for the first exchange and shows all of it.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Exit: 0 shown, 1 not reachable, nothing came in time, or the replay was not delivered.\n\n\
                        Example: nexmo-gate inspect --follow --denied"
)]
#[expect(clippy::struct_excessive_bools, reason = "they are flags of a command line")]
pub struct Args {
    /// Go on with each exchange that comes, until --for is over or a signal ends it
    #[arg(long)]
    follow: bool,
    /// Only exchanges of this route, by its name in the log
    #[arg(long, value_name = "ROUTE")]
    route: Option<String>,
    /// Only what was denied, or would be in mode enforce
    #[arg(long)]
    denied: bool,
    /// How bodies are kept and shown: full shows numbers and texts, and only an admin address of this machine allows it
    #[arg(long, value_name = "HOW", default_value = "masked", value_parser = PossibleValuesParser::new(["off", "masked", "full"]))]
    bodies: String,
    /// For how long, from 1s to 1h
    #[arg(long = "for", value_name = "TIME", default_value = "10m", value_parser = time)]
    time: Duration,
    /// As JSON, one exchange a line
    #[arg(long)]
    json: bool,
    /// Write each request into a file of this folder, as other commands read it
    #[arg(long, value_name = "FOLDER")]
    save: Option<PathBuf>,
    /// Show all of one exchange that is kept
    #[arg(long, value_name = "NUMBER", conflicts_with_all = ["follow", "save", "replay"])]
    id: Option<u64>,
    /// Send one exchange that is kept to its application again, marked with X-Nexmo-Gate-Replay
    #[arg(long, value_name = "NUMBER", conflicts_with_all = ["follow", "save"])]
    replay: Option<u64>,
    /// Replay it although its answer says what happens next, as that to an answer webhook does
    #[arg(long, requires = "replay")]
    anyway: bool,
    #[command(flatten)]
    gate: Gate,
}

/// Why a text is no time for this.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum TimeError {
    /// It is no duration.
    #[error("{0}")]
    Unread(String),
    /// It is too short or too long.
    #[error("is not from 1s to 1h")]
    Range,
}

fn time(text: &str) -> Result<Duration, TimeError> {
    let time = units::duration(text).map_err(|error| TimeError::Unread(error.to_string()))?;
    if (Duration::from_secs(1)..=LONGEST).contains(&time) { Ok(time) } else { Err(TimeError::Range) }
}

pub(super) fn run(args: &Args) -> Result<u8, Failure> {
    let client = AdminClient::find(&args.gate)?;
    if let Some(number) = args.replay {
        return replay(&client, number, args);
    }
    if let Some(number) = args.id {
        let (whole, _) = one(&client, number, &args.bodies)?;
        show_whole(&whole, args)?;
        return Ok(0);
    }
    let folder =
        args.save.as_deref().map(Folder::open).transpose().map_err(|error| failed(error.to_string()))?;
    let stop = Stop::on_signal();
    let lease = Lease::take(&client, args.time, &args.bodies)?;
    let outcome = Watch { client: &client, args, folder, stop: &stop, after: 0 }.run();
    // Whatever happened: it is not kept for nobody.
    let given_back = lease.give_back();
    let code = outcome?;
    given_back?;
    Ok(code)
}

fn replay(client: &AdminClient, number: u64, args: &Args) -> Result<u8, Failure> {
    let target = format!("/replay?id={number}&anyway={}", u8::from(args.anyway));
    let (replayed, reply) = client.fetch::<Replayed>("POST", &target, REPLAY_WITHIN, &[200])?;
    if args.json { print_json(&reply.body) } else { print(&lines::replayed(&replayed)) }?;
    Ok(if replayed.outcome == "delivered" { 0 } else { FAILED })
}

fn one(client: &AdminClient, number: u64, bodies: &str) -> Result<(Whole, String), Failure> {
    let target = format!("/inspect?id={number}&bodies={bodies}");
    let (whole, reply) = client.fetch::<Whole>("GET", &target, WITHIN, &[200])?;
    Ok((whole, reply.body))
}

fn show_whole(whole: &Whole, args: &Args) -> Result<(), Failure> {
    if !args.json {
        return print(&lines::whole(whole));
    }
    print_json(&(serde_json::to_string(whole).map_err(|error| failed(error.to_string()))? + "\n"))
}

/// Exchanges as they come.
struct Watch<'w> {
    client: &'w AdminClient,
    args: &'w Args,
    folder: Option<Folder>,
    stop: &'w Stop,
    /// The last one that was seen.
    after: u64,
}

impl Watch<'_> {
    fn run(mut self) -> Result<u8, Failure> {
        let end = Instant::now() + self.args.time;
        let mut shown = 0;
        loop {
            let list = self.next()?;
            for row in &list.exchanges {
                self.show(row)?;
                shown += 1;
            }
            if shown > 0 && !self.args.follow {
                return Ok(0);
            }
            if !list.on {
                eprintln!("inspect was turned off");
                return Ok(if shown > 0 { 0 } else { FAILED });
            }
            if self.stop.within(PAUSE) {
                return Ok(0);
            }
            if Instant::now() >= end {
                eprintln!("the time is over; --for says how long it takes");
                return Ok(if shown > 0 || self.args.follow { 0 } else { FAILED });
            }
        }
    }

    /// What came since.
    fn next(&mut self) -> Result<Exchanges, Failure> {
        let route = self.args.route.as_ref().map(|route| format!("&route={}", encode(route.as_bytes())));
        let target = format!(
            "/inspect?after={}&denied={}&bodies={}{}",
            self.after,
            u8::from(self.args.denied),
            self.args.bodies,
            route.unwrap_or_default()
        );
        let (list, _) = self.client.fetch::<Exchanges>("GET", &target, WITHIN, &[200])?;
        let first = list.first.unwrap_or(list.last + 1);
        if self.after > 0 && first > self.after + 1 {
            eprintln!("{} exchanges passed unseen: more came than are kept", first - self.after - 1);
        }
        self.after = list.last;
        Ok(list)
    }

    fn show(&self, row: &Row) -> Result<(), Failure> {
        let needs_whole = self.args.json || self.folder.is_some() || !self.args.follow;
        if !needs_whole {
            return print(&lines::row(row));
        }
        let Ok((whole, _)) = one(self.client, row.number, &self.args.bodies) else {
            // It went in the meantime; its line is known, but is no JSON.
            if self.args.json {
                eprintln!("exchange {} is not kept any more", row.number);
                return Ok(());
            }
            return print(&lines::row(row));
        };
        if self.args.follow && !self.args.json {
            print(&lines::row(row))?;
        } else {
            show_whole(&whole, self.args)?;
        }
        if let Some(folder) = &self.folder {
            match folder.save(&whole) {
                Ok(path) => eprintln!("saved {}", path.display()),
                Err(error) => eprintln!("exchange {} is not saved: {error}", row.number),
            }
        }
        Ok(())
    }
}
