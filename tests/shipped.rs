//! What is shipped beside the program is true: the configuration, the range files, the unit file, and
//! every table and command line of the documents, each compared with the program itself.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "in a test they are how it fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use clap::{CommandFactory as _, Parser as _};
use nexmo_gate::exports::keys::{self, Change, KEYS, Key};
use nexmo_gate::exports::provider::{self, AnswerRule, Ended, Methods, RelayAs, Try, Webhook};
use nexmo_gate::exports::{Cli, Config, Overrides, Parsed, Reason, parse_config, range_list};

const README: &str = include_str!("../README.md");
const CONTRIBUTING: &str = include_str!("../CONTRIBUTING.md");
const CONFIGURATION: &str = include_str!("../docs/configuration.md");
const DELIVERY: &str = include_str!("../docs/delivery.md");
const LOGS: &str = include_str!("../docs/logs.md");
const OPERATIONS: &str = include_str!("../docs/operations.md");
const PERFORMANCE: &str = include_str!("../docs/performance.md");
const RANGES: &str = include_str!("../docs/ranges.md");

/// What the vendor's guide listed from 2019-01-31 to 2019-12-12 (Nexmo/nexmo-developer d9173da6b), its
/// callback service's range of 2024-01 (support article 11703629696412), and one range that only third
/// parties name.
const CURRENT: [&str; 7] = [
    "119.81.44.0/28",
    "169.60.146.16/28",
    "169.63.86.160/28",
    "5.10.112.112/28",
    "169.50.200.64/28",
    "216.147.0.0/18",
    "168.100.64.0/18",
];
/// What the guide listed until 2018-08-15 (Nexmo/nexmo-developer 39fa392c5).
const UNTIL_2018: [&str; 4] =
    ["174.37.245.32/29", "174.36.197.192/28", "173.193.199.16/28", "119.81.44.0/28"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The program in the project's folder, without the environment's own settings for it.
fn gate(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nexmo-gate"));
    command.args(args).current_dir(root()).stdin(Stdio::null());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("NEXMO_GATE_")) {
        command.env_remove(name);
    }
    command
}

fn output(args: &[&str]) -> (Output, String) {
    let output = gate(args).output().unwrap();
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    (output, text)
}

fn parse(text: &str) -> Parsed {
    parse_config(Some(text), &Overrides::default(), root())
        .unwrap_or_else(|problems| panic!("{text}\n{problems:#?}"))
}

// ---------------------------------------------------------------------------------------------------
// Reading Markdown

/// README.md, CONTRIBUTING.md and every page of docs/.
fn documents() -> Vec<String> {
    let mut pages: Vec<PathBuf> =
        fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path()).collect();
    pages.retain(|path| path.extension().is_some_and(|own| own == "md"));
    pages.sort();
    assert!(pages.len() >= 13, "{pages:?}");
    let pages = pages.iter().map(|path| fs::read_to_string(path).unwrap());
    [README.to_owned(), CONTRIBUTING.to_owned()].into_iter().chain(pages).collect()
}

/// The text under a heading, up to the next heading of its rank or a higher one.
fn section<'t>(text: &'t str, heading: &str) -> &'t str {
    let begin = text.find(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("no heading {heading:?}"));
    let body = &text[begin + heading.len() + 2..];
    let rank = heading.chars().take_while(|c| *c == '#').count();
    let ends = |line: &&str| {
        let own = line.chars().take_while(|c| *c == '#').count();
        (1..=rank).contains(&own) && line[own..].starts_with(' ')
    };
    let (prose, mut fenced) = (body.lines(), false);
    let end = prose
        .take_while(|line| {
            fenced ^= line.starts_with("```");
            fenced || !ends(line)
        })
        .map(|line| line.len() + 1)
        .sum::<usize>();
    &body[..end.min(body.len())]
}

/// The rows of the table whose first head cell is `first`, without its head.
fn table<'t>(text: &'t str, first: &str) -> Vec<Vec<&'t str>> {
    let head = format!("| {first} |");
    let rows: Vec<Vec<&str>> = text
        .lines()
        .skip_while(|line| !line.starts_with(&head))
        .take_while(|line| line.starts_with('|'))
        .skip(2)
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    assert!(!rows.is_empty(), "no table begins with the column {first:?}");
    rows
}

/// What stands between backticks.
fn code(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// The fenced blocks of a language.
fn blocks<'t>(text: &'t str, language: &str) -> Vec<&'t str> {
    let fence = format!("```{language}\n");
    text.split(fence.as_str()).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

// ---------------------------------------------------------------------------------------------------
// Configuration and ranges

#[test]
fn the_shipped_configuration_and_ranges_pass_check() {
    let parsed = parse(&read("config.yaml"));
    assert_eq!(parsed.warnings, []);
    let (output, text) = output(&["check", "--config", "config.yaml"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    for list in ["messages", "nexmo-2018", "sms", "voice"] {
        assert!(text.lines().any(|line| line.split_whitespace().next() == Some(list)), "{list}: {text}");
    }
    for spec in provider::DEFAULT.webhooks {
        let row = |line: &&str| line.split_whitespace().any(|word| word == spec.name);
        assert_eq!(text.lines().filter(row).count(), 1, "{}: {text}", spec.name);
    }
}

#[test]
fn the_shipped_configuration_shows_the_defaults() {
    let shipped = parse(&read("config.yaml")).config;
    let bare = parse("upstream: \"http://127.0.0.1:3000\"").config;
    assert_eq!(shipped, Config { routes: shipped.routes.clone(), ..bare });
}

#[test]
fn every_key_stands_in_the_shipped_configuration_or_in_its_comments() {
    let text = read("config.yaml");
    for key in keys::paths() {
        let word = key.rsplit('.').next().unwrap();
        assert!(text.contains(&format!("{word}:")), "config.yaml does not mention {key}");
    }
}

#[test]
fn the_range_files_hold_exactly_what_was_published() {
    let mut names = Vec::new();
    for entry in fs::read_dir(root().join("ranges")).unwrap() {
        names.push(entry.unwrap().file_name().into_string().unwrap());
    }
    names.sort();
    assert_eq!(names, ["messages.txt", "nexmo-2018.txt", "sms.txt", "voice.txt"]);
    for name in names {
        let text = read(Path::new("ranges").join(&name));
        let list =
            range_list::parse(text.as_bytes()).unwrap_or_else(|problems| panic!("{name}: {problems:?}"));
        let (wanted, groups, addresses) = if name == "nexmo-2018.txt" {
            (UNTIL_2018.to_vec(), 1, 8 + 3 * 16)
        } else {
            (CURRENT.to_vec(), 3, 5 * 16 + 2 * 16_384)
        };
        let held: Vec<String> = list.entries().iter().map(|entry| entry.prefix.to_string()).collect();
        let sorted = |list: Vec<String>| list.into_iter().collect::<BTreeSet<_>>();
        assert_eq!(held.len(), wanted.len(), "{name}");
        assert_eq!(sorted(held), sorted(wanted.iter().map(|text| (*text).to_owned()).collect()), "{name}");
        assert_eq!(list.set().covered(), (addresses, 0), "{name}");
        assert!(list.reviewed().is_some() && list.as_of().is_some(), "{name}");
        for word in ["# source: ", "# as-of: ", "# how sure: "] {
            assert_eq!(text.lines().filter(|line| line.starts_with(word)).count(), groups, "{name}: {word}");
        }
    }
}

#[test]
fn the_page_of_ranges_names_every_shipped_prefix_and_where_it_is_from() {
    let rows = table(RANGES, "group");
    let named: Vec<&str> = rows.iter().flat_map(|row| code(row[0])).collect();
    assert_eq!(named, [&CURRENT[..], &UNTIL_2018].concat());
}

/// A key as docs/configuration.md has it.
fn row(key: &Key) -> String {
    let cold = if key.change == Change::Cold { "; cold" } else { "" };
    format!("| `{}` | {} | {} | {}{cold} |\n", key.path, key.default, key.values, key.help)
}

#[test]
fn the_configuration_table_is_the_programs_own() {
    let whole: String = KEYS.iter().map(row).collect();
    let (_, shown) = CONFIGURATION.split_once("\n| key |").unwrap();
    let shown: String = shown
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| format!("{line}\n"))
        .collect();
    assert!(shown == whole, "docs/configuration.md has another table than:\n{whole}");
}

#[test]
fn the_table_of_flags_is_the_programs_own() {
    let mut known: BTreeMap<String, (&str, &str)> = BTreeMap::new();
    for key in KEYS {
        if let Some(flag) = key.flag {
            known.insert(format!("{} {}", flag.name, flag.value), (flag.env, key.path));
        }
    }
    // It is not about a key.
    known.insert("--config FILE".to_owned(), ("NEXMO_GATE_CONFIG", ""));
    let mut rows = 0;
    for row in table(CONFIGURATION, "flag") {
        let flag = code(row[0])[0];
        let (env, key) = known[flag];
        assert_eq!(code(row[1]), [env], "{flag}");
        // The flag is about the one route there is without a file.
        let key = key.trim_start_matches("routes[].");
        assert_eq!(code(row[2]).first().copied().unwrap_or_default(), key, "{flag}");
        rows += 1;
    }
    assert_eq!(rows, known.len());
}

/// A configuration in which one key is set.
fn with(key: &str, value: &str) -> String {
    let mut place = key.split('.');
    let first = place.next().unwrap();
    let inner = place.rev().fold(value.to_owned(), |value, word| format!("{{ {word}: {value} }}"));
    match first {
        "upstream" => format!("upstream: {inner}"),
        "routes[]" if key == "routes[].path" => format!("upstream: \"http://a\"\nroutes: [{inner}]"),
        "signatures" if key.starts_with("signatures.secrets[].") => {
            let own = key.trim_start_matches("signatures.secrets[].");
            format!(
                "upstream: \"http://a\"\nsignatures: {{ secrets: [{{ api_key: a, file: b, {own}: {value} }}] }}"
            )
        }
        "routes[]" if key == "routes[].signature" => format!(
            "upstream: \"http://a\"\nsignatures: {{ secrets: [{{ api_key: a, file: b }}] }}\nroutes: [{{ path: \"/*\", signature: \
             {value} }}]"
        ),
        "routes[]" => {
            let own = inner.trim_start_matches('{');
            format!("upstream: \"http://a\"\nroutes: [{{ path: \"/*\", {own}]")
        }
        "listen[]" if key == "listen[].address" => format!("upstream: \"http://a\"\nlisten: [{inner}]"),
        "listen[]" if key.starts_with("listen[].tls.") => {
            let own = key.trim_start_matches("listen[].tls.");
            format!(
                "upstream: \"http://a\"\nlisten: [{{ address: \"0.0.0.0:8080\", tls: {{ certificate: a, key: b, client_ca: c, \
                 {own}: {value} }} }}]"
            )
        }
        "listen[]" => {
            let inner = inner.trim_start_matches('{');
            format!(
                "upstream: \"http://a\"\ntrusted_proxies: [10.0.0.0/8]\nlisten: [{{ address: \"0.0.0.0:8080\",{inner}]"
            )
        }
        _ => format!("upstream: \"http://a\"\n{first}: {inner}"),
    }
}

#[test]
fn the_configuration_table_states_the_real_defaults() {
    let mut compared = 0;
    for row in table(CONFIGURATION, "key") {
        let (key, default) = (code(row[0])[0], row[1]);
        // Words without backticks say in prose what there is instead.
        let [value] = code(default)[..] else { continue };
        if keys::paths().any(|key| key == value) {
            continue;
        }
        let bare = if key.starts_with("signatures.secrets[].") {
            "upstream: \"http://a\"\nsignatures: { secrets: [{ api_key: a, file: b }] }"
        } else if key.starts_with("routes[]") {
            "upstream: \"http://a\"\nroutes: [{ path: \"/*\" }]"
        } else if key.starts_with("listen[].") && key != "listen[].address" {
            "upstream: \"http://a\"\ntrusted_proxies: [10.0.0.0/8]"
        } else {
            "upstream: \"http://a\""
        };
        let quoted = if value.starts_with('[') { value.to_owned() } else { format!("\"{value}\"") };
        let quoted = if value.bytes().all(|b| b.is_ascii_digit()) { value } else { quoted.as_str() };
        let quoted = if matches!(value, "true" | "false") { value } else { quoted };
        assert_eq!(parse(&with(key, quoted)).config, parse(bare).config, "{key} is not {value} by default");
        compared += 1;
    }
    assert!(compared >= 25, "{compared} defaults");
}

/// Every key that can be changed is changed at once, and the running gate says which of them wait.
#[test]
fn the_configuration_table_says_which_keys_need_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for ranges in ["one", "two"] {
        fs::create_dir(path(ranges)).unwrap();
        fs::write(path(ranges).join("sms.txt"), "192.0.2.0/24\n").unwrap();
    }
    let write = |text: &str| fs::write(path("config.yaml"), text).unwrap();
    write(
        "upstream: \"http://127.0.0.1:1\"\nlisten: [{ address: \"127.0.0.1:0\" }]\nadmin: \"unix:admin.sock\"\n\
         ranges: one\nroutes: [{ path: /a, allow: [sms] }]\n",
    );
    let (_running, _) = Running::begin(&["run"], folder.path());
    write(
        "upstream: \"http://127.0.0.1:2\"\nlisten: [{ address: \"127.0.0.2:0\" }]\nadmin: \"unix:other.sock\"\n\
         ranges: two\nroutes: [{ path: /b, allow: [sms] }]\ntrusted_proxies: [10.0.0.0/8]\ndeny: hide\nmode: observe\n\
         limits: { max_body: 1KiB, max_response: 1KiB, max_head: 1KiB, head_timeout: 1s, body_timeout: 1s, keepalive: 1s, \
         connections: 20, concurrent_requests: 10, buffers: 1MiB }\ndrain: { delay: 1s, grace: 20s }\nstate: kept\n\
         metrics: { address: \"127.0.0.1:0\" }\nhealth_path: /-/healthy\nlog: { format: text, level: debug, access: stderr }\nthreads: 1\n",
    );
    let reload = gate(&["reload", "--admin", "unix:admin.sock"]).current_dir(folder.path()).output().unwrap();
    let text = String::from_utf8(reload.stdout).unwrap();
    assert_eq!(reload.status.code(), Some(0), "{text}{}", String::from_utf8_lossy(&reload.stderr));
    let waiting: BTreeSet<&str> =
        text.lines().filter_map(|line| line.trim().strip_suffix(": needs a restart")).collect();
    let rows = table(CONFIGURATION, "key");
    let cold = rows.iter().filter(|row| row[3].ends_with("; cold")).map(|row| code(row[0])[0]);
    let cold: BTreeSet<&str> =
        cold.map(|key| key.split("[]").next().unwrap().trim_end_matches(".address")).collect();
    assert_eq!(cold, waiting, "{text}");
}

#[test]
fn every_value_that_the_configuration_table_offers_is_taken() {
    let mut taken = 0;
    for row in table(CONFIGURATION, "key") {
        let key = code(row[0])[0];
        for value in code(row[2]).into_iter().filter(|value| !value.chars().any(char::is_uppercase)) {
            let quoted =
                if matches!(value, "true" | "false") { value.to_owned() } else { format!("\"{value}\"") };
            parse(&with(key, &quoted));
            taken += 1;
        }
    }
    assert!(taken >= 20, "{taken} values");
}

#[test]
fn the_yaml_of_the_documents_parses() {
    let mut seen = 0;
    for block in documents().iter().flat_map(|text| blocks(text, "yaml")) {
        let whole = block.lines().any(|line| line.starts_with("upstream:"));
        parse(&if whole {
            block.to_owned()
        } else {
            format!("upstream: \"http://127.0.0.1:3000\"\n{block}")
        });
        seen += 1;
    }
    assert!(seen >= 15, "{seen} blocks");
}

// ---------------------------------------------------------------------------------------------------
// Webhooks, reasons, the access log

#[test]
fn the_table_of_tries_is_what_the_program_says_of_them() {
    let mut shown = BTreeMap::new();
    for row in table(section(DELIVERY, "## When Nexmo sends again"), "kind") {
        for name in code(row[0]) {
            assert!(shown.insert(name, row[1..].to_vec()).is_none(), "{name} is there twice");
        }
    }
    assert_eq!(shown.len(), provider::DEFAULT.webhooks().count(), "{shown:?}");
    for spec in provider::DEFAULT.webhooks().map(Webhook::spec) {
        let told = |status: u16| {
            let told = spec.outlook(Try::first(Ended::Status(status)));
            told.split_once(": ").unwrap().1.to_owned()
        };
        let waits = format!("{} s, {} s", spec.tries.connect.as_secs(), spec.tries.answer.as_secs());
        assert_eq!(shown[spec.name], [waits, told(503), told(404)], "{}", spec.name);
    }
}

#[test]
fn the_webhook_table_is_the_programs_table() {
    let mut shown = BTreeMap::new();
    for row in table(DELIVERY, "webhook") {
        let methods: BTreeSet<&str> = row[1].split(", ").collect();
        for name in code(row[0]) {
            assert!(shown.insert(name, (methods.clone(), row[2], row[3])).is_none(), "{name} is there twice");
        }
    }
    assert_eq!(shown.len(), provider::DEFAULT.webhooks().count(), "{shown:?}");
    for spec in provider::DEFAULT.webhooks().map(Webhook::spec) {
        let (methods, deadline, relayed) = &shown[spec.name];
        let wanted: BTreeSet<&str> = match spec.methods {
            Methods::Any => ["any but CONNECT and TRACE"].into(),
            other => other.allow_field().split(", ").collect(),
        };
        assert_eq!(*methods, wanted, "{}", spec.name);
        let milliseconds = match deadline.split_once(' ') {
            Some((number, "ms")) => number.parse::<u64>().unwrap(),
            Some((number, "s")) => number.parse::<u64>().unwrap() * 1000,
            _ => panic!("{}: {deadline:?} is no deadline", spec.name),
        };
        assert_eq!(Duration::from_millis(milliseconds), spec.deadline, "{}", spec.name);
        let (same, wanted) = match spec.relay_as {
            RelayAs::Same => ("they are", true),
            RelayAs::OkOrNoContent => ("200 and 204 as they are, else 200", true),
            RelayAs::Ok => ("200", true),
        };
        assert_eq!(relayed.split(" (").next() == Some(same), wanted, "{}: {relayed}", spec.name);
        assert_eq!(relayed.contains("NCCO"), spec.answer != AnswerRule::Any, "{}", spec.name);
    }
}

#[test]
fn the_table_of_reasons_is_the_programs_list() {
    let mut shown: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for row in table(section(DELIVERY, "## Reasons"), "outcome") {
        let outcome = code(row[0])[0];
        for reason in code(row[1]) {
            assert!(shown.entry(outcome).or_default().insert(reason), "{reason} is there twice");
        }
    }
    let mut wanted: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for reason in Reason::ALL {
        wanted.entry(reason.outcome().word()).or_default().insert(reason.word());
    }
    assert_eq!(shown, wanted);
}

/// A gate that is ended when the test is.
struct Running(Child);

impl Running {
    /// Starts a gate and waits until it is ready; the listener's address is given too.
    fn begin(args: &[&str], folder: &Path) -> (Self, String) {
        let mut command = gate(args);
        command.current_dir(folder).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut running = Self(command.spawn().unwrap());
        let mut said = BufReader::new(running.0.stderr.take().unwrap()).lines();
        let ready = said.find_map(|line| {
            let line = line.unwrap();
            let event: serde_json::Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line}"));
            (event["message"] == "ready").then(|| event["listen"].as_str().unwrap().to_owned())
        });
        // The pipe is closed from here on: what the gate still says is lost, and it must not mind.
        (running, ready.expect("the gate ended"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_access_log_has_exactly_the_documented_keys() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("sms.txt"), "192.0.2.0/24\n").unwrap();
    let ranges = folder.path().to_str().unwrap();
    // Port 1 of loopback: nothing listens there, and nothing is sent, as a stranger asks.
    let args = ["run", "--listen", "127.0.0.1:0", "--upstream", "http://127.0.0.1:1", "--allow", "sms"];
    // A folder without a configuration file: flags alone.
    let args = [&args[..], &["--ranges", ranges, "--admin", "off"]].concat();
    let (mut running, address) = Running::begin(&args, folder.path());
    let mut sender = TcpStream::connect(address).unwrap();
    sender
        .write_all(b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    sender.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    let line = BufReader::new(running.0.stdout.take().unwrap()).lines().next().unwrap().unwrap();
    let event: serde_json::Value = serde_json::from_str(&line).unwrap();
    let written: BTreeSet<&str> = event.as_object().unwrap().keys().map(String::as_str).collect();

    let rows = table(section(LOGS, "## The access log"), "field");
    let named: Vec<&str> = rows.iter().flat_map(|row| code(row[0])).collect();
    assert_eq!(named.len(), written.len(), "{named:?}");
    assert_eq!(named.into_iter().collect::<BTreeSet<_>>(), written);
}

// ---------------------------------------------------------------------------------------------------
// The command line

#[test]
fn the_documents_describe_every_command() {
    let (_, help) = output(&["--help"]);
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let listed = listed.take_while(|line| line.starts_with("  "));
    // Deeper lines go on with a description.
    let listed = listed.filter(|line| !line.starts_with("   "));
    let commands: BTreeSet<&str> = listed.filter_map(|line| line.split_whitespace().next()).collect();
    assert!(commands.len() >= 9, "{help}");
    let commands: BTreeSet<&str> = commands.into_iter().filter(|command| *command != "help").collect();
    for page in [README, OPERATIONS] {
        let rows = table(section(page, "## Commands"), "command");
        let shown: BTreeSet<&str> = rows.iter().filter_map(|row| code(row[0])[0].split(' ').next()).collect();
        assert_eq!(shown, commands);
    }
}

#[test]
fn the_documents_have_every_flag_of_run_and_its_variable() {
    let (_, help) = output(&["run", "--help"]);
    // Long lines are broken anywhere between two words.
    let help = help.lines().map(|line| {
        if line.trim_start().starts_with('-') { format!("\n{line}") } else { format!(" {}", line.trim()) }
    });
    let help: String = help.collect();
    let variables: BTreeSet<&str> =
        help.split("[env: ").skip(1).map(|rest| rest.split([']', '=']).next().unwrap()).collect();
    let flags: BTreeSet<&str> = help
        .lines()
        .map(str::trim_start)
        .filter(|line| line.starts_with("--") && !line.starts_with("--help"))
        .map(|line| line.split_whitespace().next().unwrap())
        .collect();
    assert!(flags.len() >= 14 && variables.len() == flags.len(), "{help}");
    let rows = table(CONFIGURATION, "flag");
    assert_eq!(
        rows.iter().map(|row| code(row[0])[0].split(' ').next().unwrap()).collect::<BTreeSet<_>>(),
        flags
    );
    assert_eq!(rows.iter().map(|row| code(row[1])[0]).collect::<BTreeSet<_>>(), variables);
    for row in rows {
        let flag = code(row[0])[0].split(' ').next().unwrap();
        let block = help.split(&format!("{flag} ")).nth(1).unwrap();
        let variable = block.split("[env: ").nth(1).unwrap().split([']', '=']).next().unwrap();
        assert_eq!(variable, code(row[1])[0], "{flag}");
    }
}

#[test]
fn the_example_of_explain_is_what_the_program_says() {
    let (output, text) = output(&["explain", "169.63.86.164", "--path", "/webhooks/inbound-sms"]);
    assert_eq!(output.status.code(), Some(0));
    let commands = section(OPERATIONS, "## Commands");
    assert!(
        blocks(commands, "sh").contains(&"nexmo-gate explain 169.63.86.164 --path /webhooks/inbound-sms\n")
    );
    assert!(
        commands.contains(&format!("\n```\n{text}```\n")),
        "docs/operations.md shows something else than:\n{text}"
    );
}

/// Whether the program's own parser takes the words.
fn parses(line: &str) -> Result<(), String> {
    Cli::try_parse_from(line.split_whitespace()).map(|_| ()).map_err(|error| format!("{line}: {error}"))
}

#[test]
fn command_lines_in_the_documents_are_taken_by_the_program() {
    let mut seen = 0;
    let documents = documents();
    for text in &documents {
        for line in blocks(text, "sh").iter().flat_map(|block| block.lines()) {
            // Up to a comment, a pipe or a file.
            let line = [" #", " | ", " > "].iter().fold(line, |line, end| line.split(end).next().unwrap());
            let line = line.trim_end_matches('&').trim();
            if line.starts_with("nexmo-gate ") {
                parses(line).unwrap();
                seen += 1;
            }
        }
    }
    assert!(seen >= 3, "{seen} command lines");
    let program = Cli::command();
    for text in &documents {
        for line in code(text) {
            let Some(command) = line.strip_prefix("nexmo-gate ").and_then(|rest| rest.split(' ').next())
            else {
                continue;
            };
            let known =
                command == "help" || command.starts_with('-') || program.find_subcommand(command).is_some();
            assert!(known, "no such command: {line}");
            seen += 1;
        }
    }
    assert!(seen >= 8, "{seen} command lines and commands");
    assert!(parses("nexmo-gate run --no-such-flag").is_err());
}

#[test]
fn make_targets_in_the_documents_exist() {
    let makefile = read("Makefile");
    let mut seen = 0;
    for text in &documents() {
        let inline = code(text).into_iter().chain(blocks(text, "sh").into_iter().flat_map(str::lines));
        for line in inline.filter(|line| line.starts_with("make ")) {
            let target = line.split_whitespace().nth(1).unwrap();
            assert!(makefile.contains(&format!("\n{target}: ")), "no target for {line:?}");
            seen += 1;
        }
    }
    assert!(seen >= 5, "{seen} targets");
}

#[test]
fn the_unit_file_starts_and_reloads_what_is_installed() {
    let unit = read("systemd/nexmo-gate.service");
    let mut seen = 0;
    for line in unit.lines() {
        let Some((key, command)) = line.split_once('=').filter(|(key, _)| key.starts_with("Exec")) else {
            continue;
        };
        let command = command.strip_prefix("/usr/bin/").unwrap_or_else(|| panic!("{key}: {command}"));
        parses(command).unwrap();
        seen += 1;
    }
    assert_eq!(seen, 2, "ExecStart and ExecReload");
    // What the comments of the unit promise about its configuration's paths.
    for (setting, path) in
        [("StateDirectory", "/var/lib/nexmo-gate"), ("LogsDirectory", "/var/log/nexmo-gate")]
    {
        assert!(unit.contains(&format!("\n{setting}=nexmo-gate\n")) && unit.contains(path), "{setting}");
    }
    let grace = parse(&read("config.yaml")).config.drain;
    let stop = unit.lines().find_map(|line| line.strip_prefix("TimeoutStopSec=")).unwrap();
    let stop = stop.trim_end_matches('s').parse::<u64>().unwrap();
    assert!(stop > (grace.delay + grace.grace).as_secs(), "systemd would kill the gate while it drains");
}

// ---------------------------------------------------------------------------------------------------
// The documents themselves

/// What README.md shows of the last measurement is copied from the whole table of it.
#[test]
fn the_figures_of_the_readme_are_those_of_the_whole_table() {
    let whole = table(PERFORMANCE, "figure");
    assert!(whole.len() >= 25, "{whole:?}");
    let shown = table(section(README, "## Speed"), "figure");
    assert_eq!(shown.len(), 5);
    for row in shown {
        assert!(
            whole.iter().any(|other| other.starts_with(&row)),
            "docs/performance.md has other figures: {row:?}"
        );
    }
}

/// Every file of the project.
fn files() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name();
            let kind = entry.file_type().unwrap();
            if kind.is_dir() && name != "target" && name != ".git" && name != "__pycache__" {
                folders.push(entry.path());
            } else if kind.is_file() && name != ".git" {
                found.push(entry.path());
            }
        }
    }
    found
}

#[test]
fn no_file_names_somebodys_own_machine() {
    // In two pieces, so that this file does not name them either.
    let words: Vec<String> = [
        ("/ro", "ot/"),
        ("/ho", "me/"),
        ("/Us", "ers/"),
        ("/wo", "rk/"),
        ("/wor", "kspace"),
        ("index.cra", "tes.io"),
        ("static.cra", "tes.io"),
        ("pypi", ".org"),
        ("files.python", "hosted"),
        ("registry.npm", "js"),
        ("proxy.gol", "ang"),
        ("docker", ".io"),
        ("gh", "cr.io"),
        ("arti", "factory"),
        ("replace", "-with"),
    ]
    .map(|(a, b)| format!("{a}{b}"))
    .to_vec();
    let mut seen = 0;
    for path in files() {
        let bytes = fs::read(&path).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        seen += 1;
        for word in &words {
            assert!(!text.contains(word), "{} names {word}", path.display());
        }
    }
    assert!(seen > 100, "{seen} files");
    // Every crate comes from the public registry, by the name that Cargo gives it.
    let lock = read("Cargo.lock");
    let sources: BTreeSet<&str> = lock.lines().filter(|line| line.starts_with("source = ")).collect();
    assert_eq!(sources.len(), 1, "{sources:?}");
    assert!(sources.iter().all(|source| source.contains("rust-lang/crates.io-index")), "{sources:?}");
}

#[test]
fn the_changelog_knows_this_version() {
    let text = read("CHANGELOG.md");
    assert!(text.contains(&format!(" {}\n", env!("CARGO_PKG_VERSION"))));
    assert!(
        section(&text, &format!("## Unreleased: {}", env!("CARGO_PKG_VERSION"))).contains("### Range files")
    );
}
