//! Faults of the machine, which need root or another program: `make test-long`. A machine that cannot run one says so
//! loudly.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::gate::setup::binary;
use crate::harness::gate::usage::cpu_ticks;
use crate::harness::upstream::script::echo;
use crate::harness::{
    ADMITTED, Act, Answer, Gate, Sender, Setup, Signal, Upstream, cannot_run, faketime, get, post,
};

/// `sh` with a limit of descriptors, then the gate.
fn with_descriptors(setup: &Setup, limit: u32) -> Command {
    through(setup, "sh", &["-c", &format!("ulimit -n {limit}; exec \"$0\" \"$@\"")])
}

/// The gate, started by another program that takes its place.
fn through(setup: &Setup, program: &str, arguments: &[&str]) -> Command {
    let plain = setup.command_of(binary());
    let mut command = Command::new(program);
    command.args(arguments).arg(plain.get_program()).args(plain.get_args());
    for (name, value) in plain.get_envs() {
        if value.is_none() {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[test]
#[ignore = "seconds without descriptors: make test-long"]
fn a_gate_without_descriptors_recovers_when_they_are_free_again() {
    let upstream = Upstream::echo();
    let setup = Setup::new(upstream.url());
    setup.write_config();
    let mut command = with_descriptors(&setup, 60);
    let gate = setup.start_as(&mut command);
    let from = gate.stderr.len();
    let begin = Instant::now();
    let crowd: Vec<Sender> = (0..120).filter_map(|_| gate.try_connect(ADMITTED).ok()).collect();
    // What it has no room for is closed at once, some of it before it is connected here.
    assert!(crowd.len() > 60, "more than it has descriptors for: {}", crowd.len());
    thread::sleep(Duration::from_secs(3));
    let lines = gate.stderr.len() - from;
    drop(crowd);
    let closed = Instant::now();
    let served = std::iter::repeat_with(|| {
        let mut sender = gate.try_connect(ADMITTED).ok()?;
        sender.try_send(&get("/room")).ok()?;
        sender.try_reply().ok().map(|reply| reply.status)
    });
    assert!(served.take(200).any(|status| status == Some(200)), "served again");
    eprintln!(
        "60 descriptors, 120 connections: {lines} lines in {:?}, recovered in {:?}",
        begin.elapsed(),
        closed.elapsed()
    );
    assert!(lines <= 20, "{lines} lines of log");
    assert!(closed.elapsed() < Duration::from_secs(5), "{:?}", closed.elapsed());
}

/// A program of this machine, if it is there.
fn tool(name: &str) -> Option<PathBuf> {
    std::env::var_os("PATH")
        .and_then(|path| std::env::split_paths(&path).map(|dir| dir.join(name)).find(|file| file.exists()))
}

/// `strace` on a running gate that lets each accept fail with `error`; gives up being attached when told to.
fn fail_accepts(gate: &Gate, error: &str) -> Option<Child> {
    let out = gate.setup.path().join(format!("strace.{error}"));
    let mut child = Command::new(tool("strace")?)
        .args(["-f", "-qq", "-e", "trace=accept4", "-e", &format!("inject=accept4:error={error}")])
        .arg("-o")
        .arg(&out)
        .args(["-p", &gate.pid().to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    // Attached when the kernel says that the gate has a tracer.
    let traced = || {
        let status = fs::read_to_string(format!("/proc/{}/status", gate.pid())).unwrap_or_default();
        status.lines().any(|line| line.starts_with("TracerPid:") && !line.ends_with("\t0"))
    };
    for _ in 0..200 {
        if traced() {
            // Its threads follow one by one.
            thread::sleep(Duration::from_millis(300));
            return Some(child);
        }
        thread::sleep(Duration::from_millis(10));
    }
    let _ = child.kill();
    let _ = child.wait();
    None
}

#[test]
#[ignore = "needs strace: make test-long"]
fn an_accept_that_fails_is_tried_again_without_a_busy_loop() {
    for error in ["ENFILE", "ENOBUFS", "ENOMEM", "EMFILE"] {
        let upstream = Upstream::echo();
        let gate = Setup::new(upstream.url()).start();
        let Some(mut tracer) = fail_accepts(&gate, error) else {
            return cannot_run("ps-enfile-enomem", "strace is not installed or may not trace");
        };
        let (from, ticks) = (gate.stderr.len(), cpu_ticks(gate.pid()));
        let mut waiting = gate.connect(ADMITTED);
        waiting.send(&get("/waits"));
        thread::sleep(Duration::from_secs(3));
        let (lines, ticks) = (gate.stderr.len() - from, cpu_ticks(gate.pid()) - ticks);
        let tracer_pid = nix::unistd::Pid::from_raw(i32::try_from(tracer.id()).expect("a pid"));
        nix::sys::signal::kill(tracer_pid, Signal::SIGINT).expect("detach");
        tracer.wait().expect("strace");
        let freed = Instant::now();
        assert_eq!(waiting.reply().text(), "/waits", "{error}: served when accept works again");
        eprintln!(
            "{error} for 3 s: {lines} lines, {ticks} ticks of 10 ms, served after {:?}",
            freed.elapsed()
        );
        assert!(lines >= 1, "{error}: it was tried");
        assert!(lines <= 15, "{error}: {lines} lines in 3 s");
        assert!(ticks <= 60, "{error}: {ticks} ticks in 3 s");
        assert!(freed.elapsed() < Duration::from_secs(3), "{error}: {:?}", freed.elapsed());
    }
}

/// The log on a file system of one megabyte that only the gate sees.
#[test]
#[ignore = "needs root: make test-long"]
fn logging_goes_on_when_a_full_disk_has_space_again() {
    if !nix::unistd::Uid::effective().is_root() || tool("unshare").is_none() {
        return cannot_run(
            "ps-disk-full on a tmpfs",
            "mounting one needs root and unshare; /dev/full is tried all the same",
        );
    }
    let upstream = Upstream::echo();
    let setup =
        Setup::new(upstream.url()).key("log", "{ format: json, level: info, access: logs/access.log }");
    setup.write_config();
    fs::create_dir(setup.path().join("logs")).expect("a mount point");
    let mount =
        format!("mount -t tmpfs -o size=1m none {}/logs && exec \"$0\" \"$@\"", setup.path().display());
    let mut command = through(&setup, "unshare", &["-m", "--propagation", "private", "sh", "-c", &mount]);
    let gate = setup.start_as(&mut command);
    // The gate's own view of the file system.
    let logs: PathBuf = [Path::new("/proc"), Path::new(&gate.pid().to_string()), Path::new("root")]
        .iter()
        .collect::<PathBuf>()
        .join(gate.setup.path().strip_prefix("/").expect("absolute"))
        .join("logs");
    let mut session = gate.session(ADMITTED);
    let mut ask = |path: &str| assert_eq!(session.ask(&post(path, "disk")).status, 200, "{path}");
    ask("/first");
    fs::write(logs.join("filler"), vec![0u8; 900 * 1024]).expect("fill it");
    (0..1000).for_each(|_| ask("/full"));
    let dropped =
        std::iter::repeat_with(|| gate.metric("log_lines_dropped_total")).take(500).find(|count| *count > 0);
    let dropped = dropped.expect("lines were dropped, and counted");
    fs::remove_file(logs.join("filler")).expect("make room");
    ask("/room");
    let file = logs.join("access.log");
    let begin = Instant::now();
    let lines = loop {
        let text = fs::read_to_string(&file).expect("the log");
        if text.contains("/room") || begin.elapsed() > Duration::from_secs(10) {
            break text.lines().map(str::to_owned).collect::<Vec<_>>();
        }
        thread::sleep(Duration::from_millis(20));
    };
    let whole: Vec<Value> = lines.iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
    eprintln!(
        "a full tmpfs: {} lines whole, {} torn, {dropped} dropped",
        whole.len(),
        lines.len() - whole.len()
    );
    assert_eq!(whole.last().expect("a line")["path"], "/room", "logging goes on");
    assert!(lines.len() - whole.len() <= 1, "one line is torn at most");
    // The metric follows the writer once a second at most.
    let begin = Instant::now();
    let accounted = || whole.len() as u64 + gate.metric("log_lines_dropped_total");
    while accounted() < 1002 && begin.elapsed() < Duration::from_secs(5) {
        thread::sleep(Duration::from_millis(50));
    }
    assert!(accounted() >= 1002, "each line is there or counted: {}", accounted());
    assert_eq!(upstream.arrivals().len(), 1002);
}

#[test]
#[ignore = "needs faketime: make test-long"]
fn a_wall_clock_that_jumps_expires_nothing_and_hastens_nothing() {
    let Some(library) = faketime() else {
        return cannot_run("ps-clock-jump", "libfaketime is not installed");
    };
    let upstream = Upstream::start(|arrival| match arrival.target().as_str() {
        "/held" => echo(arrival).first(Act::Pause(Duration::from_millis(1500))),
        "/never" => Answer::broken([Act::Hold]),
        _ => echo(arrival),
    });
    let setup = Setup::new(upstream.url()).routes(&[
        "{ path: /never, webhook: generic, allow: [test], deadline: 700ms }",
        r#"{ path: "/*", webhook: generic, allow: [test] }"#,
    ]);
    setup.write_config();
    let clock = setup.path().join("clock");
    fs::write(&clock, "+0").expect("the clock");
    let mut command = setup.command_of(binary());
    command.env("LD_PRELOAD", library).env("FAKETIME_TIMESTAMP_FILE", &clock);
    command
        .env("FAKETIME_NO_CACHE", "1")
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
        .env("DONT_FAKE_MONOTONIC", "1");
    let gate = setup.start_as(&mut command);
    let mut idle = gate.connect(ADMITTED);
    // The day of the log's line for the `number`-th request of its kind.
    let day = |number: usize| {
        assert_eq!(gate.ask(ADMITTED, &post("/day", "day")).status, 200);
        let days = |events: &[Value]| events.iter().filter(|event| event["path"] == "/day").count();
        let events = gate.events_until(|events| days(events) > number);
        let event = events.iter().rfind(|event| event["path"] == "/day").expect("an event");
        event["ts"].as_str().expect("ts")[..10].to_owned()
    };
    let mut days = vec![day(0)];
    for (number, jump) in ["+1d", "-1d", "+1d", "+0"].into_iter().enumerate() {
        let arrived = upstream.arrivals().len();
        idle.send(&post("/held", jump));
        upstream.wait_arrivals(arrived + 1);
        fs::write(&clock, jump).expect("the clock jumps");
        days.push(day(number + 1));
        let begin = Instant::now();
        assert_eq!(gate.ask(ADMITTED, &post("/never", "never")).status, 504, "{jump}");
        let took = begin.elapsed();
        assert!(
            (Duration::from_millis(650)..Duration::from_secs(3)).contains(&took),
            "{jump}: 700 ms, {took:?}"
        );
        assert_eq!(
            idle.reply().status,
            200,
            "{jump}: what was in flight is served, on the connection it came on"
        );
    }
    eprintln!("the log's days: {days:?}");
    days.sort();
    days.dedup();
    assert!(days.len() >= 3, "the clock did jump: {days:?}");
    assert_eq!(gate.admin("GET", "/readyz").status, 200);
    assert!(
        gate.finish()
            .events
            .iter()
            .all(|event| event["duration_ms"].as_f64().is_some_and(|ms| ms < 20_000.0))
    );
}
