//! What the environment of the process configures, and what it does not.

use nexmo_gate::exports::keys::KEYS;

use crate::harness::gate::setup::{Exit, binary, exit_of};
use crate::harness::{ADMITTED, Port, Setup, Upstream, get};

/// `check` of a good configuration with these arguments and variables.
fn check(arguments: &[&str], variables: &[(&str, &str)]) -> Exit {
    let setup = Setup::new("http://127.0.0.1:1");
    setup.write_config();
    let mut command = binary();
    command.args(["check", "--config"]).arg(setup.path().join("config.yaml"));
    command.args(arguments).envs(variables.iter().copied());
    exit_of(command)
}

#[test]
fn a_variable_without_a_value_is_not_set() {
    let names: Vec<&str> =
        KEYS.iter().filter_map(|key| Some(key.flag?.env)).chain(["NEXMO_GATE_CONFIG"]).collect();
    assert!(names.len() >= 16, "{names:?}");
    for value in ["", " "] {
        for name in &names {
            let exit = check(&[], &[(name, value)]);
            assert_eq!(exit.code, Some(0), "{name}={value:?}: {:?}", exit.stderr);
        }
        let all: Vec<(&str, &str)> = names.iter().map(|name| (*name, value)).collect();
        assert_eq!(check(&[], &all).code, Some(0));
    }
    // Nobody writes a flag without a value on purpose.
    let exit = check(&["--state", ""], &[]);
    assert_eq!(exit.code, Some(78));
    assert!(exit.stderr.iter().any(|line| line.contains("--state")), "{:?}", exit.stderr);
}

#[test]
fn an_unknown_variable_is_a_warning_and_that_of_a_platform_is_not() {
    let told = "NEXMO_GATE_LISTN: unknown variable; did you mean NEXMO_GATE_LISTEN?";
    let variables = [
        ("NEXMO_GATE_LISTN", "127.0.0.1:0"),
        ("NEXMO_GATE_SERVICE_HOST", "10.96.0.7"),
        ("NEXMO_GATE_PORT", "tcp://10.96.0.7:8080"),
        ("NEXMO_GATE_PORT_8080_TCP_ADDR", "10.96.0.7"),
    ];
    let exit = check(&[], &variables);
    assert_eq!(exit.code, Some(0), "{:?}", exit.stderr);
    let warned: Vec<&String> = exit.stderr.iter().filter(|line| line.contains("variable")).collect();
    assert_eq!(warned, [&format!("warning: {told}")]);
    let setup = Setup::new("http://127.0.0.1:1");
    setup.write_config();
    let mut command = binary();
    command.args(["run", "--config"]).arg(setup.path().join("config.yaml")).envs(variables);
    let gate = setup.start_as(&mut command);
    gate.wait_message(0, |message, line| message == told && line["level"] == "WARN");
}

#[test]
fn the_port_of_a_platform_is_where_the_gate_listens_if_nobody_says_more() {
    let upstream = Upstream::echo();
    let setup = Setup::new(upstream.url()).http1_alone().plainly();
    // Free on all addresses: what is bound to one of them would be in the way.
    let free = Port::free("0.0.0.0");
    let port = free.address().port().to_string();
    drop(free);
    let told = format!("listens on 0.0.0.0:{port}: no listener is named, and the variable PORT is {port}");
    let bare = |command: &str| {
        let mut bare = binary();
        bare.args([command, "--upstream", upstream.url(), "--allow", "test", "--admin", "127.0.0.1:0"]);
        bare.arg("--ranges").arg(setup.path().join("ranges")).current_dir(setup.path());
        bare
    };
    let bad = {
        let mut command = bare("check");
        command.env("PORT", "http");
        exit_of(command)
    };
    assert_eq!(bad.code, Some(78));
    assert!(
        bad.stderr[0].starts_with("error: PORT: \"http\" is not a port from 1 to 65535"),
        "{:?}",
        bad.stderr
    );
    let mut command = bare("check");
    let good = command.env("PORT", &port).output().expect("the gate's binary");
    assert!(String::from_utf8_lossy(&good.stdout).contains(&told), "{good:?}");
    let mut command = bare("run");
    let gate = setup.start_as(command.env("PORT", &port));
    gate.wait_message(0, |message, _| message == told);
    assert_eq!(gate.addr().port().to_string(), port);
    assert_eq!(gate.ask(ADMITTED, &get("/hook")).status, 200);
}
