//! Faults that need root, another program, or time: `make test-long`. A machine that cannot run one says so loudly.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::lines::json;
use crate::harness::pace::Times;
use crate::harness::script::echo;
use crate::harness::setup::binary;
use crate::harness::vitals::cpu_ticks;
use crate::harness::{
    ADMITTED, Act, Answer, Gate, STRANGER, Sender, Session, Setup, Signal, Upstream, cannot_run, get, post,
};
use crate::reload::rename_over;

const PACE: Duration = Duration::from_millis(10);

#[test]
#[ignore = "ten thousand requests: make test-long"]
fn ten_thousand_answers_among_foreign_bytes_are_each_ones_own() {
    let upstream = Upstream::start(|arrival| match arrival.target().rsplit('/').next() {
        Some("extra") => Answer::raw(
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nownHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison",
            Some(200),
        ),
        _ => echo(arrival),
    });
    let gate = Setup::new(upstream.url()).start();
    thread::scope(|scope| {
        for sender in 0..4 {
            let mut session = Session::new(ADMITTED, gate.addr());
            scope.spawn(move || {
                for round in 0..1250 {
                    assert_eq!(
                        session.ask(&post(&format!("/{sender}/{round}/extra"), "extra")).text(),
                        "own"
                    );
                    let target = format!("/{sender}/{round}");
                    assert_eq!(session.ask(&post(&target, "own")).text(), target);
                }
            });
        }
    });
    assert_eq!(upstream.arrivals().len(), 10_000);
    let events = gate.finish().events;
    assert_eq!(events.iter().filter(|event| event["delivered"] == true).count(), 10_000);
}

/// A list of `count` addresses from 16.0.0.0 on, every other one so that no two are neighbours, and the admitted one.
fn addresses(count: u32) -> String {
    let mut text = format!("{ADMITTED}/32\n");
    for number in 0..count {
        let [_, b, c, d] = (number * 2).to_be_bytes();
        let _ = writeln!(text, "{}.{b}.{c}.{d}", 16 + ((number * 2) >> 24));
    }
    text
}

#[test]
#[ignore = "loads twenty megabytes: make test-long"]
fn a_million_prefixes_load_beside_the_traffic() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).start();
    let file = gate.setup.path().join("ranges/test.txt");
    let traffic = || Times::of_posts(&gate, 300, PACE);
    traffic();
    let mut figures = Vec::new();
    for round in 0..5 {
        let quiet = traffic();
        let before = gate.vitals();
        rename_over(&file, &addresses(1_000_000 + round));
        let (answer, took, busy) = thread::scope(|scope| {
            let loading = scope.spawn(|| {
                let begin = Instant::now();
                (gate.reload(), begin.elapsed())
            });
            let busy = traffic();
            let (answer, took) = loading.join().expect("a reload");
            (answer, took, busy)
        });
        assert_eq!(answer.0, 200, "{}", answer.1);
        assert_eq!(gate.metric("list_prefixes{list=\"test\"}"), u64::from(1_000_001 + round));
        let after = gate.vitals();
        let figure = format!(
            "loaded in {took:?}, p99 {:?} quiet, {:?} meanwhile, {before:?} {after:?}",
            quiet.p99(),
            busy.p99()
        );
        eprintln!("a million prefixes, {figure}");
        figures.push(figure);
        assert!(after.resident_kib < 1024 * 1024, "{after:?}");
        assert_eq!((gate.ask(ADMITTED, &get("/")).status, gate.ask(STRANGER, &get("/")).status), (200, 403));
        if busy.is_close_to(&quiet) {
            return;
        }
    }
    panic!("traffic suffers while a list loads: {figures:#?}");
}

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
    let crowd: Vec<Sender> =
        (0..120).filter_map(|_| Sender::try_connect(ADMITTED, gate.addr()).ok()).collect();
    // What it has no room for is closed at once, some of it before it is connected here.
    assert!(crowd.len() > 60, "more than it has descriptors for: {}", crowd.len());
    thread::sleep(Duration::from_secs(3));
    let lines = gate.stderr.len() - from;
    drop(crowd);
    let closed = Instant::now();
    let served = std::iter::repeat_with(|| {
        let mut sender = Sender::try_connect(ADMITTED, gate.addr()).ok()?;
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
        let mut waiting = Sender::connect(ADMITTED, gate.addr());
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
    let mut session = Session::new(ADMITTED, gate.addr());
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
#[ignore = "a flood of ten seconds: make test-long"]
fn a_flood_of_denials_fills_no_disk_and_slows_nobody_admitted() {
    let upstream = Upstream::echo();
    let gate =
        Setup::new(upstream.url()).key("log", "{ format: json, level: info, access: ./access.log }").start();
    let folder = std::sync::Arc::clone(&gate.setup.dir);
    let file = folder.path().join("access.log");
    let traffic = || Times::of_posts(&gate, 300, PACE);
    traffic();
    let (mut asked, mut figures) = (0u64, Vec::new());
    let mut admitted = 300;
    let mut good = false;
    for _ in 0..5 {
        let quiet = traffic();
        let before = fs::metadata(&file).expect("the log").len();
        let stop = AtomicBool::new(false);
        let begin = Instant::now();
        let (busy, denied) = thread::scope(|scope| {
            let flood = || {
                let mut session = Session::new(STRANGER, gate.addr());
                let mut count = 0u64;
                while !stop.load(Ordering::Relaxed) {
                    assert_eq!(session.ask(&get("/hook")).status, 403);
                    count += 1;
                }
                count
            };
            let floods: Vec<_> = (0..2).map(|_| scope.spawn(flood)).collect();
            let busy = traffic();
            stop.store(true, Ordering::Relaxed);
            (busy, floods.into_iter().map(|one| one.join().expect("a flood")).sum::<u64>())
        });
        asked += denied;
        admitted += 600;
        let bytes = fs::metadata(&file).expect("the log").len() - before;
        let per_second = bytes * 1000 / u64::try_from(begin.elapsed().as_millis()).expect("milliseconds");
        let figure = format!(
            "{denied} denials, {per_second} bytes of log a second, p99 {:?} quiet, {:?} in the flood",
            quiet.p99(),
            busy.p99()
        );
        eprintln!("denied flood, {figure}");
        figures.push(figure);
        // 200 lines of denials and 100 of deliveries a second, of half a kilobyte each.
        assert!(per_second < 250_000, "{figures:#?}");
        good = busy.is_close_to(&quiet);
        if good {
            break;
        }
    }
    assert!(good, "admitted traffic suffers: {figures:#?}");
    gate.finish();
    let text = fs::read_to_string(&file).expect("the log");
    let events: Vec<Value> = text.lines().map(json).collect();
    let count = |outcome: &str| -> u64 {
        let of = events.iter().filter(|event| event["outcome"] == outcome);
        of.map(|event| event["suppressed"].as_u64().unwrap_or(1)).sum()
    };
    assert_eq!((count("denied"), count("delivered")), (asked, admitted), "summed up, and exact");
}

/// The library of the `faketime` package that shifts the wall clock of a program with threads.
fn faketime() -> Option<PathBuf> {
    let folders = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib"];
    folders
        .into_iter()
        .map(|folder| Path::new(folder).join("faketime/libfaketimeMT.so.1"))
        .find(|file| file.exists())
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
    let mut idle = Sender::connect(ADMITTED, gate.addr());
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
