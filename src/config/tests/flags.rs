//! Flags and variables.

use crate::config::tests::*;
use std::collections::BTreeSet;
use std::path::PathBuf;

fn with_flags(set: impl FnOnce(&mut Overrides)) -> Overrides {
    let mut overrides = Overrides::default();
    set(&mut overrides);
    overrides
}

#[expect(clippy::unnecessary_wraps, reason = "it fills the fields of Overrides")]
fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn all() -> Overrides {
    Overrides {
        listen: some("127.0.0.1:0, [::1]:8081"),
        upstream: some("unix:run/app.sock"),
        allow: some("voice, office"),
        ranges: some("lists"),
        trusted_proxies: some("10.0.0.0/8,balancers"),
        deny: some("retry"),
        mode: some("enforce"),
        admin: some("unix:admin.sock"),
        metrics: some("0.0.0.0:9902"),
        health_path: some("/-/healthy"),
        state: some("kept"),
        log_format: some("text"),
        log_level: some("warn"),
        access_log: some("./access.log"),
        threads: some("2"),
        ..Overrides::default()
    }
}

#[test]
fn flags_alone_make_a_configuration_with_paths_from_the_working_directory() {
    let config = parse(None, &all(), Path::new(BASE)).unwrap().config;
    let listen: Vec<String> = config.listen.iter().map(|l| l.address.to_string()).collect();
    assert_eq!(listen, ["127.0.0.1:0", "[::1]:8081"]);
    assert_eq!(config.upstream.targets, [Target::Unix(PathBuf::from("run/app.sock"))]);
    assert_eq!(config.routes.len(), 1);
    assert_eq!(config.routes[0].allow, ["voice", "office"]);
    assert_eq!(config.ranges, Path::new("lists"));
    let trusted = [Trusted::Prefix("10.0.0.0/8".parse().unwrap()), Trusted::List("balancers".to_owned())];
    assert_eq!(config.trusted_proxies, trusted);
    assert_eq!((config.deny, config.mode, config.threads), (Deny::Retry, Mode::Enforce, Some(2)));
    assert_eq!(config.admin, Some(Admin { address: AdminAddress::Unix(PathBuf::from("admin.sock")) }));
    assert_eq!(config.state, Some(PathBuf::from("kept")));
    let access = AccessLog::File(PathBuf::from("./access.log"));
    assert_eq!(config.log, Log { format: LogFormat::Text, level: LogLevel::Warn, access });
    let bare = with_flags(|o| o.upstream = some("http://127.0.0.1:3000"));
    assert_eq!(parse(None, &bare, Path::new(BASE)).unwrap().config.ranges, Path::new("ranges"));
}

#[test]
fn several_upstreams_come_with_commas() {
    let said_so = |text: &str| {
        let flags = with_flags(|o| o.upstream = some(text));
        parse(None, &flags, Path::new(BASE)).map(|parsed| parsed.config.upstream.targets)
    };
    let targets = said_so("http://a:1, unix:run/app.sock").unwrap();
    assert_eq!(
        targets.iter().map(Target::to_string).collect::<Vec<_>>(),
        ["http://a:1", "unix:run/app.sock"]
    );
    let flag = "--upstream (NEXMO_GATE_UPSTREAM)";
    for (text, wanted) in [
        ("http://a,http://a", "http://a:80 is listed twice"),
        ("http://a,", "is empty, wanted a URL such as http://127.0.0.1:3000"),
        ("http://a,b", "\"b\" has no scheme; write http://b or https://b"),
    ] {
        assert_eq!(lines(&said_so(text).unwrap_err()), [format!("{flag}: {wanted}")], "{text}");
    }
}

#[test]
fn a_flag_stands_in_the_place_of_the_files_value() {
    let file = "
listen: [\"0.0.0.0:1\"]
upstream: nonsense
ranges: elsewhere
trusted_proxies: [office]
deny: hide
admin: off
state: other
log: { format: json, level: error, access: off }
threads: 7
";
    let config = parse(Some(file), &all(), Path::new(BASE)).unwrap().config;
    assert_eq!(config, parse(None, &all(), Path::new(BASE)).unwrap().config);
    let ranges = with_flags(|o| o.ranges = some("mine"));
    let file = "upstream: http://127.0.0.1:3000\nstate: kept\n";
    let config = parse(Some(file), &ranges, Path::new(BASE)).unwrap().config;
    assert_eq!(
        (config.ranges.as_path(), config.state.as_deref()),
        (Path::new("mine"), Some(Path::new("/etc/gate/kept")))
    );
}

#[test]
fn a_problem_of_a_flag_names_the_flag_and_its_variable() {
    let flags = Overrides {
        listen: some("8080,,0.0.0.0:99999"),
        upstream: some("127.0.0.1:3000"),
        allow: some("voice,192.0.2.0/24,"),
        ranges: some(""),
        trusted_proxies: some("0.0.0.0/0"),
        deny: some("refuse"),
        mode: some("observ"),
        admin: some("0.0.0.0:9901"),
        metrics: some("9902"),
        health_path: some("healthy"),
        state: some(" "),
        log_format: some("xml"),
        log_level: some("trace"),
        access_log: some("stdot"),
        threads: some("0"),
        ..Overrides::default()
    };
    let wanted = [
        "--trusted-proxies (NEXMO_GATE_TRUSTED_PROXIES): 0.0.0.0/0 trusts every address, so any sender could claim to be a client that a list admits; name the proxies' own addresses",
        "--listen (NEXMO_GATE_LISTEN): \"8080\" is not an address with a port such as 0.0.0.0:8080; names are not looked up",
        "--listen (NEXMO_GATE_LISTEN): is empty, wanted an address with a port such as 0.0.0.0:8080",
        "--listen (NEXMO_GATE_LISTEN): the port \"99999\" is not a number from 0 to 65535",
        "--upstream (NEXMO_GATE_UPSTREAM): \"127.0.0.1:3000\" has no scheme; write http://127.0.0.1:3000 or https://127.0.0.1:3000",
        "--allow (NEXMO_GATE_ALLOW): \"192.0.2.0/24\" is an address; write it into a file of the ranges folder, and that file's name here",
        "--allow (NEXMO_GATE_ALLOW): is empty, wanted the name of a range list",
        "--admin (NEXMO_GATE_ADMIN): 0.0.0.0:9901 can be reached from other machines, and anyone who connects may reload and read the status; use 127.0.0.1 or unix:PATH, or set allow_remote: true",
        "--metrics (NEXMO_GATE_METRICS): \"9902\" is not an address with a port such as 0.0.0.0:8080; names are not looked up",
        "--ranges (NEXMO_GATE_RANGES): is empty, wanted the path of a folder",
        "--deny (NEXMO_GATE_DENY): unknown value \"refuse\"; there are: forbid, hide, retry, retry_when_stale, drop",
        "--mode (NEXMO_GATE_MODE): unknown value \"observ\"; did you mean \"observe\"? There are: enforce, observe",
        "--state (NEXMO_GATE_STATE): is empty, wanted the path of a folder",
        "--log-format (NEXMO_GATE_LOG_FORMAT): unknown value \"xml\"; there are: json, text",
        "--log-level (NEXMO_GATE_LOG_LEVEL): unknown value \"trace\"; there are: error, warn, info, debug",
        "--access-log (NEXMO_GATE_ACCESS_LOG): \"stdot\" is not stdout, stderr, off, or the path of a file; a file in this folder is written \"./stdot\"",
        "--threads (NEXMO_GATE_THREADS): 0 is not from 1 to 1024",
        "--health-path (NEXMO_GATE_HEALTH_PATH): a path begins with '/', this one is \"healthy\"",
    ];
    assert_eq!(lines(&parse(None, &flags, Path::new(BASE)).unwrap_err()), wanted);
}

#[test]
fn allow_as_a_flag_is_for_the_one_default_route() {
    let flags = with_flags(|o| o.allow = some("voice"));
    let file = "upstream: http://127.0.0.1:3000\n";
    let config = parse(Some(file), &flags, Path::new(BASE)).unwrap().config;
    assert_eq!(config.routes[0].allow, ["voice"]);
    let routes = format!("{file}routes: [{{ path: /a, allow: [sms] }}]\n");
    let wanted =
        ["--allow (NEXMO_GATE_ALLOW): the config file has routes; set `allow` in each of them instead"];
    assert_eq!(lines(&parse(Some(&routes), &flags, Path::new(BASE)).unwrap_err()), wanted);
}

#[test]
fn what_a_flag_spoils_elsewhere_is_reported_under_the_flag() {
    let flags = Overrides {
        listen: some("0.0.0.0:8080"),
        upstream: some("http://127.0.0.1:8080"),
        admin: some("127.0.0.1:8080"),
        ..Overrides::default()
    };
    let wanted = [
        "--admin (NEXMO_GATE_ADMIN): 127.0.0.1:8080 is taken by the listener on 0.0.0.0:8080",
        "--upstream (NEXMO_GATE_UPSTREAM): http://127.0.0.1:8080 is the gate itself, which listens on 0.0.0.0:8080",
    ];
    assert_eq!(lines(&parse(None, &flags, Path::new(BASE)).unwrap_err()), wanted);
}

#[test]
fn the_port_of_a_platform_counts_where_no_listener_is_named() {
    let read = |file: &str, port: &str, listen: Option<String>| {
        let file = format!("upstream: http://127.0.0.1:3000\n{file}");
        let flags = with_flags(|o| (o.port, o.listen) = (some(port), listen));
        let parsed = parse(Some(&file), &flags, Path::new(BASE)).map_err(|problems| lines(&problems))?;
        let listen = parsed.config.listen.iter();
        Ok::<_, Vec<String>>(
            listen.map(|l| (l.address.to_string(), l.origin().is_some())).collect::<Vec<_>>(),
        )
    };
    let one = |address: &str, is_of_port| Ok(vec![(address.to_owned(), is_of_port)]);
    assert_eq!(read("", "5000", None), one("0.0.0.0:5000", true));
    assert_eq!(read("", " 65535 ", None), one("0.0.0.0:65535", true));
    assert_eq!(read("", "5000", some("[::1]:7")), one("[::1]:7", false));
    assert_eq!(read("listen: [\"127.0.0.1:8\"]", "5000", None), one("127.0.0.1:8", false));
    for bad in ["http", "0", "65536", "-1", "tcp://10.0.0.1:80", "80,81"] {
        let wanted = format!(
            "PORT: {bad:?} is not a port from 1 to 65535; the gate listens on it, as no listener is named"
        );
        assert_eq!(read("", bad, None), Err(vec![wanted]), "{bad}");
        assert_eq!(read("listen: [\"127.0.0.1:8\"]", bad, None), one("127.0.0.1:8", false), "{bad}");
    }
    let taken = read("", "9901", None).unwrap_err();
    assert_eq!(taken, ["admin: 127.0.0.1:9901 is taken by the listener on 0.0.0.0:9901"]);
}

#[test]
fn a_misspelt_variable_is_a_warning_and_stands_with_the_problems_if_any() {
    let told = "NEXMO_GATE_UPSTREM: unknown variable; did you mean NEXMO_GATE_UPSTREAM?";
    let flags = with_flags(|o| o.unknown = vec!["NEXMO_GATE_UPSTREM".to_owned()]);
    let parsed = parse(Some("upstream: http://127.0.0.1:3000\n"), &flags, Path::new(BASE)).unwrap();
    assert_eq!(lines(&parsed.warnings), [told]);
    let problems = lines(&parse(None, &flags, Path::new(BASE)).unwrap_err());
    assert!(problems.len() == 2 && problems[1] == told, "{problems:?}");
}

#[test]
fn problems_name_flags_and_variables_as_the_table_of_keys_has_them() {
    let named: BTreeSet<String> = all().values().into_values().map(|(name, _)| name).collect();
    let flags = keys::KEYS.iter().filter_map(|key| key.flag);
    assert_eq!(named, flags.map(|flag| format!("{} ({})", flag.name, flag.env)).collect());
}
