//! `dev`: a gate in front of an application that somebody is writing, on their own machine.
//!
//! [`config`] makes the configuration of that gate, [`guide`] what the user types next, [`tunnel`] knows how a tunnel's
//! agent behaves, [`row`] shows one request as it came. The gate itself is a child process.

mod config;
mod guide;
mod row;
mod tunnel;

use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use crate::cli::child::folder::{FilesError, Folder};
use crate::cli::child::{Child, Event, Told, stop};
use crate::cli::demo::application::Application;
use crate::cli::dev::config::{Bodies, Wanted};
use crate::cli::dev::guide::{Guide, Reachable};
use crate::cli::dev::row::Row;
use crate::cli::dev::tunnel::Tunnel;
use crate::cli::{FAILED, Failure, USAGE, failed, print};

/// An application on the same machine accepts at once, or does not run.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// Write an application for webhooks: a gate on this machine that shows what came and what became of it.
///
/// It has the routes and the lists that are shipped, admits this machine too, and keeps the last requests in memory
/// for the page that it names. It prints what to type for a tunnel and which URL to register for which webhook.
/// Nothing is left behind when it ends.
#[derive(clap::Args, Debug)]
#[command(after_help = "Exit: 0 you stopped it, 1 the gate failed, 2 wrong usage, 78 a bad file.\n\n\
                        The way from here to the first real message: docs/develop.md.")]
pub struct Args {
    /// The address of the application
    #[arg(
        long,
        value_name = "URL",
        help = "The application: http://HOST:PORT, https://HOST:PORT or unix:PATH [default: a sample application]"
    )]
    to: Option<String>,
    /// Where the gate listens, on a loopback address
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Where the gate shows its pages, on a loopback address
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:9901")]
    admin: SocketAddr,
    /// The tunnel whose agent runs on this machine: it is believed who the sender is
    #[arg(long, value_name = "AGENT")]
    tunnel: Option<Tunnel>,
    /// The tunnel's public URL, for the URLs to register [default: asked of the agent]
    #[arg(long, value_name = "URL", requires = "tunnel")]
    url: Option<String>,
    /// Range lists in place of those of the same name that are shipped
    #[arg(long, value_name = "FOLDER")]
    ranges: Option<PathBuf>,
    /// The account of --secret-file
    #[arg(long, value_name = "KEY", requires = "secret_file")]
    api_key: Option<String>,
    /// The account's signature secret: shows whether a request is signed with it
    #[arg(long, value_name = "FILE", requires = "api_key")]
    secret_file: Option<PathBuf>,
    /// What is shown of bodies: masked hides numbers and texts
    #[arg(long, value_name = "HOW", default_value = "masked")]
    bodies: Bodies,
}

pub(super) fn run(args: &Args) -> Result<u8, Failure> {
    for (flag, address) in [("--listen", args.listen), ("--admin", args.admin)] {
        if !address.ip().is_loopback() {
            let line = format!(
                "{flag} {address}: `dev` serves this machine only; use a loopback address such as 127.0.0.1:8080"
            );
            return Err(Failure { code: USAGE, lines: vec![line] });
        }
    }
    let (send, events) = channel();
    stop::on_signal(send.clone());
    let (application, reachable) = match &args.to {
        Some(url) => (url.clone(), reachable(url)),
        None => (sample()?, Reachable::Sample),
    };
    let gate = start(args, &application, &send)?;
    let unwritten = |error: FilesError| failed(error.to_string());
    let guide = Guide {
        application: &application,
        reachable,
        listen: gate.listen,
        admin: gate.admin_url(),
        tunnel: args.tunnel,
        public: args.url.clone().or_else(|| args.tunnel.and_then(Tunnel::public_url)),
        routes: config::shipped_routes().map_err(unwritten)?,
        judges_signatures: args.secret_file.is_some(),
    };
    print(&guide.text())?;
    follow(&events, args)
}

/// Starts a sample application for who has none yet; returns its URL. It ends with the process.
fn sample() -> Result<String, Failure> {
    let application =
        Application::start().map_err(|error| failed(format!("the sample application: {error}")))?;
    Ok(format!("http://{}", application.address))
}

fn start(args: &Args, application: &str, events: &Sender<Event>) -> Result<Child, Failure> {
    let unwritten = |error: FilesError| failed(error.to_string());
    let folder = Folder::of_command("dev").map_err(unwritten)?;
    let own = config::write_lists(&folder, args.ranges.as_deref()).map_err(unwritten)?;
    let wanted = Wanted {
        application,
        listen: args.listen,
        admin: args.admin,
        ranges: &own,
        tunnel: args.tunnel,
        secret: args.api_key.as_deref().zip(args.secret_file.as_deref()),
        bodies: args.bodies,
    };
    let text = config::text(&wanted).map_err(unwritten)?;
    let path = folder.write("config.yaml", &text).map_err(unwritten)?;
    Child::start(folder, &path, events)
}

/// Whether something listens where the application should. An address that needs a look-up is not looked up.
fn reachable(application: &str) -> Reachable {
    let address = application.strip_prefix("http://").map(|rest| rest.trim_end_matches('/'));
    let Some(address) = address.map(|rest| rest.replacen("localhost:", "127.0.0.1:", 1)) else {
        return Reachable::Unknown;
    };
    match address.parse() {
        Err(_) => Reachable::Unknown,
        Ok(address) => match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
            Ok(_) => Reachable::Yes,
            Err(_) => Reachable::No,
        },
    }
}

/// Prints each request, and each warning of the gate, until the user stops it or the gate ends.
fn follow(events: &Receiver<Event>, args: &Args) -> Result<u8, Failure> {
    let mut told_of_tunnels = args.tunnel.is_some();
    loop {
        match events.recv() {
            Ok(Event::Access(line)) => {
                let row: Row = serde_json::from_str(&line).unwrap_or_default();
                print(&row.text(args.bodies == Bodies::Full))?;
                if row.has_no_route() && !told_of_tunnels {
                    told_of_tunnels = true;
                    print(&guide::only_this_machine(args.listen))?;
                }
            }
            Ok(Event::Told(told)) => print(&grave(&told))?,
            Ok(Event::Stop) | Err(_) => return print("\nstopped\n").map(|()| 0),
            Ok(Event::Ended) => {
                // Ctrl-C reaches the gate too, which may end first.
                return match events.recv_timeout(Duration::from_secs(1)) {
                    Ok(Event::Stop) => print("\nstopped\n").map(|()| 0),
                    _ => Err(Failure { code: FAILED, lines: vec!["the gate ended".to_owned()] }),
                };
            }
        }
    }
}

/// A warning or an error of the gate as one line; nothing for what only informs.
fn grave(told: &Told) -> String {
    match told.level.to_ascii_lowercase().as_str() {
        "warn" | "error" => format!("          {}: {}\n", told.level.to_ascii_lowercase(), told.message),
        _ => String::new(),
    }
}
