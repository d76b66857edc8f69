//! The files of deploy/ agree with the image, with the configuration's rules and with each other. A
//! renamed variable, a port in one place only, or a probe of a path that does not exist fails here.

#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::CommandFactory as _;
use nexmo_gate::exports::{AdminAddress, Cli, Config, Overrides, Target, memory, parse_config};
use serde_yaml::Value;

fn top() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn text(path: &str) -> String {
    std::fs::read_to_string(top().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn documents(path: &str) -> Vec<Value> {
    let text = text(path);
    text.split("\n---\n")
        .map(|one| serde_yaml::from_str(one).unwrap_or_else(|error| panic!("{path}: {error}")))
        .collect()
}

fn of_kind(documents: &[Value], kind: &str) -> Value {
    documents.iter().find(|one| one["kind"] == kind).unwrap_or_else(|| panic!("no {kind}")).clone()
}

/// A configuration of an example: it must be good, with every list it names shipped.
fn example(what: &str, text: &str) -> Config {
    let parsed = parse_config(Some(text), &Overrides::default(), Path::new("/etc/nexmo-gate/config"));
    let config = parsed.unwrap_or_else(|problems| panic!("{what}: {problems:#?}")).config;
    for route in &config.routes {
        for list in &route.allow {
            assert!(top().join(format!("ranges/{list}.txt")).is_file(), "{what}: {list}");
        }
    }
    config
}

fn seconds(value: &Value) -> u64 {
    let text = value.as_str().map_or_else(|| format!("{}s", value.as_u64().expect("seconds")), str::to_owned);
    text.strip_suffix('s').and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{text}"))
}

fn fields<'a>(value: &'a Value, name: &str) -> Vec<&'a str> {
    let rows = value.as_sequence().into_iter().flatten();
    rows.map(|row| row[name].as_str().unwrap_or_else(|| panic!("{name} in {row:?}"))).collect()
}

/// The instructions of the last stage.
fn image() -> Vec<(String, String)> {
    let text = text("deploy/Dockerfile").replace("\\\n", " ");
    let lines: Vec<(String, String)> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(' '))
        .map(|(word, rest)| (word.to_owned(), rest.trim().to_owned()))
        .collect();
    let last = lines.iter().rposition(|(word, _)| word == "FROM").expect("FROM");
    assert_eq!(lines[last].1, "scratch");
    lines[last..].to_vec()
}

fn instruction(name: &str) -> String {
    let found: Vec<String> =
        image().into_iter().filter(|(word, _)| word == name).map(|(_, rest)| rest).collect();
    assert_eq!(found.len(), 1, "{name}: {found:?}");
    found[0].clone()
}

fn ports_of_the_image() -> BTreeSet<u64> {
    instruction("EXPOSE").split_whitespace().map(|port| port.parse().expect("a port")).collect()
}

fn command_line(value: &Value) {
    let words = value.as_sequence().into_iter().flatten().map(|word| word.as_str().expect("a word"));
    let words: Vec<&str> = std::iter::once("nexmo-gate").chain(words).collect();
    Cli::command().try_get_matches_from(&words).unwrap_or_else(|error| panic!("{words:?}: {error}"));
}

fn variables() -> BTreeSet<String> {
    let mut command = Cli::command();
    command.build();
    let run = command.find_subcommand("run").expect("run");
    run.get_arguments().filter_map(|arg| arg.get_env()?.to_str().map(str::to_owned)).collect()
}

#[test]
fn the_image_runs_existing_commands_unprivileged_where_its_files_are() {
    for name in ["ENTRYPOINT", "CMD"] {
        assert!(serde_json::from_str::<Vec<String>>(&instruction(name)).is_ok(), "{name} needs a shell");
    }
    assert_eq!(instruction("ENTRYPOINT"), r#"["/nexmo-gate"]"#);
    command_line(&serde_yaml::from_str(&instruction("CMD")).expect("a list"));
    let health = instruction("HEALTHCHECK");
    let (_, command) = health.split_once("CMD ").expect("CMD");
    assert_eq!(command, r#"["/nexmo-gate", "health"]"#);
    command_line(&Value::Sequence(vec!["health".into()]));
    assert_eq!(instruction("USER"), "65532:65532");
    // `config.yaml` and `ranges/` are looked for in the working directory.
    assert_eq!(instruction("WORKDIR"), "/etc/nexmo-gate");
    assert!(text("deploy/Dockerfile").contains("COPY ranges /image/etc/nexmo-gate/ranges"));
}

#[test]
fn every_file_that_the_dockerfile_copies_is_in_its_context() {
    let ignore = text(".dockerignore");
    let allowed: BTreeSet<&str> = ignore.lines().filter_map(|line| line.strip_prefix('!')).collect();
    let dockerfile = text("deploy/Dockerfile");
    let mut copied = BTreeSet::new();
    for line in dockerfile.lines().filter_map(|line| line.strip_prefix("COPY ")) {
        if line.starts_with("--from") {
            continue;
        }
        let mut words: Vec<&str> = line.split_whitespace().collect();
        words.pop();
        copied.extend(words);
    }
    assert_eq!(copied, allowed);
    for path in copied {
        assert!(top().join(path).exists(), "{path}");
    }
}

/// A target of the manifest without a path is looked for where it usually lies, and there are no tests or measurements
/// in the image's context.
#[test]
fn cargo_understands_the_manifest_where_nothing_but_the_sources_are() {
    let folder = tempfile::tempdir().expect("a folder");
    for file in ["Cargo.toml", "Cargo.lock"] {
        std::fs::copy(top().join(file), folder.path().join(file)).expect("a copy");
    }
    std::os::unix::fs::symlink(top().join("src"), folder.path().join("src")).expect("a link");
    let mut cargo = std::process::Command::new(env!("CARGO"));
    // Only a build looks for every target's file. It ends before anything is built: there is no such program.
    cargo.args(["build", "--locked", "--offline", "--bin", "no-such-program"]).current_dir(folder.path());
    let said = cargo.output().expect("cargo");
    let said = String::from_utf8_lossy(&said.stderr);
    assert!(said.contains("no bin target named `no-such-program`"), "{said}");
}

#[test]
fn the_image_is_built_with_a_compiler_that_is_new_enough() {
    let number =
        |text: &str| -> Vec<u32> { text.split('.').map(|part| part.parse().expect("a number")).collect() };
    let dockerfile = text("deploy/Dockerfile");
    let (_, rest) = dockerfile.split_once("FROM rust:").expect("the build stage");
    let version = rest.split('-').next().expect("a version");
    let cargo = text("Cargo.toml");
    let (_, rest) = cargo.split_once("rust-version = \"").expect("rust-version");
    assert!(number(version) >= number(rest.split('"').next().expect("a version")), "{version}");
}

#[test]
fn compose_agrees_with_the_image() {
    let compose = &documents("deploy/compose/compose.yaml")[0];
    let gate = &compose["services"]["gate"];
    let app = &compose["services"]["app"];
    let config = example("compose", &text("deploy/compose/config/config.yaml"));

    for port in gate["ports"].as_sequence().expect("ports") {
        let (_, inside) = port.as_str().expect("text").rsplit_once(':').expect("HOST:CONTAINER");
        let inside: u16 = inside.parse().expect("a port");
        assert!(ports_of_the_image().contains(&u64::from(inside)));
        assert!(
            config.listen.iter().any(|one| one.address.port() == inside && one.address.ip().is_unspecified())
        );
    }
    assert!(app["ports"].is_null(), "the application is reached through the gate only");
    assert_eq!(app["networks"], gate["networks"]);
    for network in gate["networks"].as_sequence().expect("networks") {
        assert!(!compose["networks"][network].is_null(), "{network:?}");
    }
    assert_eq!(config.upstream.targets, [Target::Http { host: "app".to_owned(), port: 3000 }]);

    let known = variables();
    for (name, _) in gate["environment"].as_mapping().expect("environment") {
        assert!(known.contains(name.as_str().expect("text")), "{name:?}");
    }
    let mounts: Vec<&str> = gate["volumes"]
        .as_sequence()
        .expect("volumes")
        .iter()
        .map(|one| one.as_str().expect("text"))
        .collect();
    for mount in &mounts {
        let mut parts = mount.split(':');
        let (from, to) = (parts.next().expect("from"), parts.next().expect("to"));
        if from.starts_with('.') {
            let place = top().join("deploy/compose").join(from);
            assert!(place.is_dir(), "{from}: whole folders, or replaced files are not seen");
            assert_eq!(parts.next(), Some("ro"), "{mount}");
        } else {
            assert!(!compose["volumes"][from].is_null(), "{from}");
            assert_eq!(gate["environment"]["NEXMO_GATE_STATE"], to);
        }
    }
    let file = gate["environment"]["NEXMO_GATE_CONFIG"].as_str().expect("text");
    assert_eq!(file, "/etc/nexmo-gate/config/config.yaml");
    assert!(mounts.iter().any(|mount| mount.contains(":/etc/nexmo-gate/config:")));
    assert_eq!(config.ranges, Path::new("/etc/nexmo-gate/config/../ranges/"));
    assert!(mounts.iter().any(|mount| mount.contains(":/etc/nexmo-gate/ranges:")));

    assert_eq!(gate["user"], instruction("USER").as_str());
    assert_eq!(gate["read_only"], true);
    assert_eq!(gate["cap_drop"][0], "ALL");
    assert_eq!(gate["security_opt"][0], "no-new-privileges:true");
    let grace = seconds(&gate["stop_grace_period"]);
    assert!(grace > (config.drain.delay + config.drain.grace).as_secs(), "{grace}");
    assert!(
        top()
            .join("deploy/compose")
            .join(gate["build"]["context"].as_str().expect("text"))
            .join("Cargo.toml")
            .is_file()
    );
    assert_eq!(gate["build"]["dockerfile"], "deploy/Dockerfile");
    // An image without a health check has this one.
    let health = &gate["healthcheck"];
    let command: Vec<String> = serde_yaml::from_value(health["test"].clone()).expect("a list");
    let flags = ["interval", "timeout", "start_period"]
        .map(|name| format!("--{}={}s", name.replace('_', "-"), seconds(&health[name])))
        .join(" ");
    let retries = health["retries"].as_u64().expect("a number");
    assert_eq!(command[0], "CMD", "there is no shell");
    assert_eq!(
        instruction("HEALTHCHECK"),
        format!(
            "{flags} --retries={retries} CMD [{}]",
            command[1..].iter().map(|word| format!("{word:?}")).collect::<Vec<_>>().join(", ")
        )
    );
    // The health check of the image asks the default address.
    let admin = config.admin.expect("admin").address;
    assert_eq!(admin, AdminAddress::Tcp("127.0.0.1:9901".parse().expect("an address")));
}

#[test]
fn kubernetes_agrees_with_the_image() {
    let documents = documents("deploy/kubernetes/nexmo-gate.yaml");
    assert_eq!(documents.len(), 4);
    let configmap = of_kind(&documents, "ConfigMap");
    let config = example("ConfigMap", configmap["data"]["config.yaml"].as_str().expect("config.yaml"));
    let deployment = of_kind(&documents, "Deployment");
    let pod = &deployment["spec"]["template"]["spec"];
    let containers = pod["containers"].as_sequence().expect("containers");
    let gate = containers.iter().find(|one| one["name"] == "nexmo-gate").expect("the gate");
    assert_eq!(containers.len(), 2);

    // The way past the gate is closed: the application is on loopback.
    assert_eq!(config.upstream.targets, [Target::Http { host: "127.0.0.1".to_owned(), port: 3000 }]);

    command_line(&gate["args"]);
    // Every command in the container finds the gate by the same file, `kubectl exec` too.
    let environment = gate["env"].as_sequence().expect("env").iter();
    let named = environment.clone().find(|one| one["name"] == "NEXMO_GATE_CONFIG").expect("the file");
    let file = named["value"].as_str().expect("text");
    let mounts = &gate["volumeMounts"];
    let folder = Path::new(file).parent().expect("a folder").to_str().expect("text");
    assert!(fields(mounts, "mountPath").contains(&folder), "{folder}");
    assert!(
        !configmap["data"][Path::new(file).file_name().and_then(|name| name.to_str()).expect("text")]
            .is_null()
    );
    assert!(fields(mounts, "mountPath").contains(&"/etc/nexmo-gate/ranges"));
    assert_eq!(config.ranges, Path::new("/etc/nexmo-gate/config/../ranges/"));
    assert_eq!(config.state.as_deref(), Some(Path::new("/var/lib/nexmo-gate")));
    assert!(fields(mounts, "mountPath").contains(&"/var/lib/nexmo-gate"));
    for mount in mounts.as_sequence().expect("mounts") {
        assert!(mount["subPath"].is_null(), "a subPath mount never changes while the pod runs");
    }
    let volumes: BTreeSet<&str> = fields(&pod["volumes"], "name").into_iter().collect();
    assert_eq!(fields(mounts, "name").into_iter().collect::<BTreeSet<_>>(), volumes);
    let volume = |path: &str| {
        let rows = mounts.as_sequence().expect("mounts").iter();
        let name = &rows.clone().find(|mount| mount["mountPath"] == path).expect("a mount")["name"];
        let volumes = pod["volumes"].as_sequence().expect("volumes").iter();
        volumes.clone().find(|volume| volume["name"] == *name).expect("a volume").clone()
    };
    assert_eq!(volume("/etc/nexmo-gate/config")["configMap"]["name"], configmap["metadata"]["name"]);
    // Made by hand, as the comments of both files say.
    let lists = volume("/etc/nexmo-gate/ranges")["configMap"]["name"].as_str().expect("a name").to_owned();
    for path in ["deploy/kubernetes/nexmo-gate.yaml", "deploy/README.md"] {
        let create = format!("kubectl create configmap {lists} --from-file=ranges/");
        assert_eq!(text(path).matches(&create).count(), 2, "{path}: once to begin with, once for a change");
    }
    assert!(!volume("/var/lib/nexmo-gate")["emptyDir"].is_null(), "written by the gate");

    // Loopback is the whole pod's: the admin interface is where the application is not.
    let admin = config.admin.expect("admin").address;
    assert_eq!(admin, AdminAddress::Unix("/run/nexmo-gate/admin.sock".into()));
    assert!(!volume("/run/nexmo-gate")["emptyDir"].is_null(), "written by the gate");
    let others = containers.iter().filter(|one| one["name"] != "nexmo-gate");
    assert!(others.clone().all(|other| other["volumeMounts"].is_null()), "{others:?}");

    // Ports: the image's, the configuration's, the service's and the probes' are the same.
    let ports = gate["ports"].as_sequence().expect("ports");
    let port_of = |name: &str| {
        let port = ports.iter().find(|port| port["name"] == name).unwrap_or_else(|| panic!("no port {name}"));
        port["containerPort"].as_u64().expect("a port")
    };
    assert_eq!(ports_of_the_image(), [port_of("webhooks"), port_of("metrics")].into());
    assert!(config.listen.iter().any(|one| u64::from(one.address.port()) == port_of("webhooks")));
    let metrics = config.metrics.expect("metrics");
    assert!(metrics.ip().is_unspecified(), "the kubelet comes from outside of the pod");
    assert_eq!(u64::from(metrics.port()), port_of("metrics"));
    let service = of_kind(&documents, "Service");
    assert_eq!(fields(&service["spec"]["ports"], "targetPort"), ["webhooks"]);
    assert_eq!(service["spec"]["externalTrafficPolicy"], "Local");
    let labels = &deployment["spec"]["template"]["metadata"];
    assert_eq!(service["spec"]["selector"], labels["labels"]);
    assert_eq!(deployment["spec"]["selector"]["matchLabels"], labels["labels"]);
    assert_eq!(labels["annotations"]["prometheus.io/port"], port_of("metrics").to_string().as_str());
    assert_eq!(labels["annotations"]["prometheus.io/path"], "/metrics");
    // Everybody may send webhooks; the metrics are for the monitoring only.
    let policy = of_kind(&documents, "NetworkPolicy");
    assert_eq!(policy["spec"]["podSelector"]["matchLabels"], labels["labels"]);
    let ingress = policy["spec"]["ingress"].as_sequence().expect("rules");
    let rule_of = |port: &str| {
        let rule = ingress.iter().find(|rule| rule["ports"][0]["port"] == port);
        rule.unwrap_or_else(|| panic!("no rule for {port}"))
    };
    assert_eq!(ingress.len(), 2);
    assert!(rule_of("webhooks")["from"].is_null());
    assert!(!rule_of("metrics")["from"][0]["namespaceSelector"].is_null());
    for (probe, path) in
        [("startupProbe", "/readyz"), ("readinessProbe", "/readyz"), ("livenessProbe", "/healthz")]
    {
        assert_eq!(gate[probe]["httpGet"]["path"], path, "{probe}");
        assert_eq!(gate[probe]["httpGet"]["port"], "metrics", "{probe}");
    }

    let (delay, grace) = (config.drain.delay.as_secs(), config.drain.grace.as_secs());
    let allowed = pod["terminationGracePeriodSeconds"].as_u64().expect("seconds");
    assert!(allowed > delay + grace, "{allowed}");
    let leaves = gate["readinessProbe"]["periodSeconds"].as_u64().expect("seconds");
    assert!(delay > leaves, "the endpoint must have left the service before the gate stops accepting");

    let user: u64 = instruction("USER").split(':').next().expect("a user").parse().expect("a number");
    assert_eq!(pod["securityContext"]["runAsUser"], user);
    let group: u64 = instruction("USER").split(':').nth(1).expect("a group").parse().expect("a number");
    assert_eq!(pod["securityContext"]["runAsGroup"], group);
    assert_eq!(pod["securityContext"]["fsGroup"], group, "or the state cannot be written");
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    let own = &gate["securityContext"];
    assert_eq!(own["readOnlyRootFilesystem"], true);
    assert_eq!(own["allowPrivilegeEscalation"], false);
    assert_eq!(own["capabilities"]["drop"][0], "ALL");
}

/// On a machine that boots without a clock every certificate is not valid yet.
#[test]
fn the_unit_starts_after_the_clock_is_set() {
    let unit = text("systemd/nexmo-gate.service");
    for line in ["Wants=time-sync.target", "After=time-sync.target"] {
        assert!(unit.lines().any(|own| own == line), "{line}");
    }
}

#[test]
fn the_units_agree_with_the_shipped_configuration() {
    let service = text("systemd/nexmo-gate.service");
    let value = |text: &str, key: &str| -> Vec<String> {
        text.lines().filter_map(|line| line.strip_prefix(&format!("{key}=")[..])).map(str::to_owned).collect()
    };
    for key in ["ExecStart", "ExecReload"] {
        let line = value(&service, key).pop().unwrap_or_else(|| panic!("no {key}"));
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(words[0], "/usr/bin/nexmo-gate", "{key}");
        Cli::command().try_get_matches_from(&words).unwrap_or_else(|error| panic!("{key}: {error}"));
        assert!(words.contains(&"/etc/nexmo-gate/config.yaml"), "{key}");
    }
    let config = example("config.yaml", &text("config.yaml"));
    let allowed: u64 = value(&service, "TimeoutStopSec")[0].trim_end_matches('s').parse().expect("seconds");
    assert!(allowed > (config.drain.delay + config.drain.grace).as_secs());
    // A socket that the configuration does not name would stop the start.
    let sockets = value(&text("systemd/nexmo-gate.socket"), "ListenStream");
    let listeners: Vec<String> = config.listen.iter().map(|one| one.address.to_string()).collect();
    assert_eq!(sockets, listeners);
    assert_eq!(value(&service, "User"), ["nexmo-gate"]);
    assert!(text("systemd/sysusers.conf").contains("\nu nexmo-gate "));
    assert!(
        text("config.yaml").contains("\n# state: /var/lib/nexmo-gate\n"),
        "scripts/package-files turns it on"
    );
    assert_eq!(value(&service, "StateDirectory"), ["nexmo-gate"]);
    assert_eq!(value(&service, "RuntimeDirectory"), ["nexmo-gate"], "for the admin socket");
    // What the package installs for logrotate is about the folder that the unit makes, and its user's.
    assert_eq!(value(&service, "LogsDirectory"), ["nexmo-gate"]);
    // Without a log file the lines go to the journal, which would drop those of a busy second.
    assert_eq!(value(&service, "LogRateLimitIntervalSec"), ["0"]);
    let rotation = text("deploy/logrotate");
    assert!(rotation.contains("\n/var/log/nexmo-gate/*.log {\n"), "{rotation}");
    for line in ["su nexmo-gate nexmo-gate", "create 0640 nexmo-gate nexmo-gate"] {
        assert!(rotation.contains(&format!("\n    {line}\n")), "{line}");
    }
    assert!(rotation.contains("systemctl reload nexmo-gate.service"), "{rotation}");
    assert!(text("Cargo.toml").contains("[\"deploy/logrotate\", \"etc/logrotate.d/nexmo-gate\", \"644\"]"));
}

/// The lines of a unit that confine it, without those that differ for a reason.
fn sandbox(unit: &str) -> BTreeSet<&str> {
    let (_, lines) = unit.split_once("# The sandbox.\n").expect("a sandbox");
    lines.lines().take_while(|line| !line.starts_with('[')).filter(|line| line.contains('=')).collect()
}

#[test]
fn the_timer_proposes_and_is_confined_as_the_gate_is() {
    let service = text("systemd/nexmo-gate-ranges@.service");
    let value = |text: &str, key: &str| -> Vec<String> {
        text.lines().filter_map(|line| line.strip_prefix(&format!("{key}=")[..])).map(str::to_owned).collect()
    };
    let drop_in = text("systemd/nexmo-gate-ranges.url.conf");
    let environment = value(&drop_in, "Environment");
    let url = environment[0].strip_prefix("RANGES_URL=").expect("the address");
    let line = value(&service, "ExecStart")[0].replace("${RANGES_URL}", url).replace("%i", "sms");
    let words: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(
        words[..4],
        ["/usr/bin/nexmo-gate", "ranges", "fetch", "sms"],
        "it proposes, and never publishes"
    );
    Cli::command().try_get_matches_from(&words).unwrap_or_else(|error| panic!("{error}"));
    assert!(words.contains(&"/etc/nexmo-gate/config.yaml") && !line.contains("--auto-add"), "{line}");
    let own = sandbox(&service);
    let gate = text("systemd/nexmo-gate.service");
    let missing: Vec<_> = sandbox(&gate).difference(&own).copied().collect();
    assert!(missing.is_empty(), "the gate has these too: {missing:?}");
    assert!(own.contains("CapabilityBoundingSet="), "{own:?}");
    let writes = "/etc/nexmo-gate/ranges/.proposed";
    assert_eq!(value(&service, "ReadWritePaths"), [writes]);
    assert!(text("systemd/tmpfiles.conf").contains(&format!("\nd {writes} 0755 nexmo-gate nexmo-gate ")));
    assert_eq!(value(&service, "User"), value(&gate, "User"));
    let timer = text("systemd/nexmo-gate-ranges@.timer");
    for line in ["OnCalendar=daily", "RandomizedDelaySec=6h", "Persistent=true", "WantedBy=timers.target"] {
        assert!(timer.lines().any(|own| own == line), "{line}");
    }
    let package = text("Cargo.toml");
    for line in [
        "[\"systemd/nexmo-gate-ranges@.service\", \"usr/lib/systemd/system/\", \"644\"]",
        "[\"systemd/nexmo-gate-ranges@.timer\", \"usr/lib/systemd/system/\", \"644\"]",
        "\"usr/lib/systemd/system/nexmo-gate-ranges@.service.d/10-url.conf\", \"644\"]",
    ] {
        assert!(package.contains(line), "{line}");
    }
    assert!(!text("deploy/debian/postinst").contains("ranges@"), "it is enabled by a person");
}

/// On loopback every process of the machine could ask for a reload.
#[test]
fn the_packaged_configuration_has_an_admin_socket_and_keeps_its_lists() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut script = std::process::Command::new(top().join("scripts/package-files"));
    script.arg(env!("CARGO_BIN_EXE_nexmo-gate")).arg(folder.path());
    assert!(script.status().expect("scripts/package-files").success());
    let packaged = std::fs::read_to_string(folder.path().join("config.yaml")).expect("config.yaml");
    let config = example("the packaged config.yaml", &packaged);
    let admin = config.admin.expect("admin").address;
    assert_eq!(admin, AdminAddress::Unix("/run/nexmo-gate/admin.sock".into()));
    assert_eq!(config.state.as_deref(), Some(Path::new("/var/lib/nexmo-gate")));
}

/// Each page is made by the program, and its section has a line among the files of the package.
#[test]
fn the_package_has_the_pages_of_the_program_and_of_its_configuration() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut man = std::process::Command::new(env!("CARGO_BIN_EXE_nexmo-gate"));
    man.args(["man", "--dir"]).arg(folder.path());
    assert!(man.status().expect("nexmo-gate man").success());
    let files = std::fs::read_dir(folder.path()).expect("the pages");
    let names: BTreeSet<String> =
        files.map(|file| file.expect("a page").file_name().into_string().expect("a name")).collect();
    for page in ["nexmo-gate.1", "nexmo-gate-run.1", "nexmo-gate.yaml.5"] {
        assert!(names.contains(page), "{page}: {names:?}");
    }
    let manifest = text("Cargo.toml");
    let sections: BTreeSet<&str> = names.iter().filter_map(|name| Some(name.rsplit_once('.')?.1)).collect();
    for section in sections {
        let line = format!("[\"target/package/man/*.{section}\", \"usr/share/man/man{section}/\", \"644\"]");
        assert!(manifest.contains(&line), "{line}");
    }
}

#[test]
fn the_image_has_one_name_and_every_variable_is_one_of_the_programs() {
    let makefile = text("Makefile");
    let (_, rest) = makefile.split_once("build -f deploy/Dockerfile -t ").expect("the target image");
    let name = rest.split_whitespace().next().expect("a name");
    assert_eq!(documents("deploy/compose/compose.yaml")[0]["services"]["gate"]["image"], name);
    let deployment = of_kind(&documents("deploy/kubernetes/nexmo-gate.yaml"), "Deployment");
    let containers = &deployment["spec"]["template"]["spec"]["containers"];
    assert!(fields(containers, "image").contains(&name));

    let known = variables();
    let mut seen = 0;
    for path in
        ["deploy/README.md", "deploy/Dockerfile", "deploy/compose/compose.yaml", "tests/container/run"]
    {
        for rest in text(path).split("NEXMO_GATE_").skip(1) {
            let end = rest.find(|c: char| !c.is_ascii_uppercase()).unwrap_or(rest.len());
            let variable = format!("NEXMO_GATE_{}", &rest[..end]);
            // The test's own.
            if variable != "NEXMO_GATE_OWN" {
                assert!(known.contains(&variable), "{path}: {variable}");
                seen += 1;
            }
        }
    }
    assert!(seen >= 8, "{seen} variables");
    // The image's own folder for the state is the one that the examples mount.
    assert!(
        text("deploy/Dockerfile")
            .contains("COPY --from=build --chown=65532:65532 /state /var/lib/nexmo-gate\n")
    );
}

#[test]
fn certbots_hook_is_where_the_documents_say_and_fills_the_services_folder() {
    let hook = text("deploy/certbot-deploy-hook");
    let installed = "/usr/share/nexmo-gate/certbot-deploy-hook";
    assert!(
        text("Cargo.toml").contains("[\"deploy/certbot-deploy-hook\", \"usr/share/nexmo-gate/\", \"755\"]")
    );
    for path in ["docs/tls.md", "deploy/README.md", "deploy/certbot-deploy-hook"] {
        assert!(text(path).contains(&format!("--deploy-hook {installed}")), "{path}");
    }
    // What systemd makes, for the group that systemd makes.
    let folder = "/etc/nexmo-gate/tls";
    assert!(text("systemd/tmpfiles.conf").contains(&format!("\nd {folder} 0750 root nexmo-gate ")));
    assert!(
        hook.contains(&format!("\nfolder=\"{folder}/$name\"\n"))
            && hook.contains("-m 0640 -o root -g nexmo-gate")
    );
    assert!(
        text("docs/tls.md").contains(&format!("certificate: {folder}/hooks.example.com/fullchain.pem\n"))
    );
}

/// README.md, deploy/README.md and every page of docs/.
fn documents_with_recipes() -> Vec<String> {
    let names = names_in("docs").into_iter().filter(|name| is_page(name));
    let mut documents: Vec<String> = names.map(|name| format!("docs/{name}")).collect();
    assert!(documents.len() >= 13, "{documents:?}");
    documents.extend(["README.md", "deploy/README.md"].map(str::to_owned));
    documents
}

fn names_in(folder: &str) -> BTreeSet<String> {
    let entries = std::fs::read_dir(top().join(folder)).expect("a folder");
    entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("text")).collect()
}

fn is_page(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|own| own == "md")
}

/// In the package the links of README.md lead to the pages beside it, as they do here.
#[test]
fn the_package_has_every_page_of_the_documents() {
    let manifest = text("Cargo.toml");
    for asset in [
        "[\"README.md\", \"usr/share/doc/nexmo-gate/\", \"644\"]",
        "[\"docs/*.md\", \"usr/share/doc/nexmo-gate/docs/\", \"644\"]",
    ] {
        assert!(manifest.contains(asset), "{asset}");
    }
    for name in names_in("docs").iter().filter(|name| !is_page(name)) {
        let asset = format!("[\"docs/{name}\", \"usr/share/doc/nexmo-gate/docs/\", \"644\"]");
        assert!(manifest.contains(&asset), "{asset}");
    }
}

/// Every YAML block of a document is a configuration that `check` takes, once its files are there: certificates
/// of the test's own, the shipped lists, and the list of a CDN, which everybody saves for themselves.
#[test]
fn every_recipe_passes_check() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = |name: &str| folder.path().join(name);
    for name in ["ranges", "tls/hooks.example.com", "acme/.well-known/acme-challenge"] {
        std::fs::create_dir_all(place(name)).expect("folders");
    }
    for entry in std::fs::read_dir(top().join("ranges")).expect("ranges") {
        let entry = entry.expect("a list");
        std::fs::copy(entry.path(), place("ranges").join(entry.file_name())).expect("a copy");
    }
    let write = |name: &str, text: &str| std::fs::write(place(name), text).expect("a file");
    for list in ["cloudflare", "front-door"] {
        write(&format!("ranges/{list}.txt"), "198.51.100.0/24\n2001:db8::/32\n");
    }
    std::fs::create_dir_all(place("secrets")).expect("a folder");
    for secret in ["a1b2c3d", "a1b2c3d.old", "a1b2c3d.new", "video", "b2c3d4e"] {
        write(&format!("secrets/{secret}"), "a secret of thirty-two bytes....\n");
    }
    let own =
        rcgen::generate_simple_self_signed(vec!["hooks.example.com".to_owned()]).expect("a certificate");
    for path in ["tls/", "tls/hooks.example.com/"] {
        write(&format!("{path}fullchain.pem"), &own.cert.pem());
        write(&format!("{path}privkey.pem"), &own.signing_key.serialize_pem());
    }
    for path in ["tls/origin-pull-ca.pem", "app-ca.pem"] {
        write(path, &own.cert.pem());
    }

    let mut seen = 0;
    for document in documents_with_recipes() {
        for block in text(&document).split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()) {
            let here = folder.path().to_str().expect("text");
            let mut config =
                block.replace("/etc/nexmo-gate", here).replace("/var/lib/acme", &format!("{here}/acme"));
            if !config.lines().any(|line| line.starts_with("upstream:")) {
                config.push_str("upstream: \"http://127.0.0.1:3000\"\n");
            }
            write("config.yaml", &config);
            let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_nexmo-gate"));
            for name in variables() {
                command.env_remove(name);
            }
            let checked =
                command.args(["check", "--config"]).arg(place("config.yaml")).output().expect("check");
            assert!(
                checked.status.success(),
                "{document}:\n{block}\n{}",
                String::from_utf8_lossy(&checked.stderr)
            );
            seen += 1;
        }
    }
    assert!(seen >= 14, "{seen} blocks");
}

/// What a configuration may hold at worst, in MiB, with lists far larger than any that are published.
fn worst_case(config: &Config) -> u64 {
    const LISTS: u64 = 4 << 20;
    memory::worst(&memory::terms(config, LISTS)).div_ceil(1 << 20)
}

#[test]
fn the_memory_that_is_allowed_holds_the_worst_case_of_what_is_shipped() {
    let unit = text("systemd/nexmo-gate.service");
    let allowed = unit.lines().find_map(|line| line.strip_prefix("MemoryMax=")).expect("MemoryMax=");
    let allowed: u64 = allowed.strip_suffix('M').and_then(|number| number.parse().ok()).expect("MiB");
    let shipped = text("config.yaml");
    let secured = shipped.replace(
        "  - address: \"0.0.0.0:8080\"\n",
        "  - address: \"0.0.0.0:8080\"\n    http2: true\n    tls: { certificate: c.pem, key: k.pem }\n",
    );
    assert_ne!(secured, shipped);
    let worst = worst_case(&example("config.yaml", &secured));
    assert!(worst <= allowed && allowed <= 2 * worst, "MemoryMax={allowed}M, at worst {worst} MiB");

    let documents = documents("deploy/kubernetes/nexmo-gate.yaml");
    let configmap = of_kind(&documents, "ConfigMap");
    let config = example("ConfigMap", configmap["data"]["config.yaml"].as_str().expect("config.yaml"));
    let deployment = of_kind(&documents, "Deployment");
    let containers = deployment["spec"]["template"]["spec"]["containers"].as_sequence().expect("containers");
    let gate = containers.iter().find(|one| one["name"] == "nexmo-gate").expect("the gate");
    let allowed = gate["resources"]["limits"]["memory"].as_str().expect("a limit");
    let allowed: u64 = allowed.strip_suffix("Mi").and_then(|number| number.parse().ok()).expect("MiB");
    let worst = worst_case(&config);
    assert!(worst <= allowed && allowed <= 2 * worst, "{allowed}Mi, at worst {worst} MiB");
}
