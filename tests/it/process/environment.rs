//! What the environment of the process configures, and what it does not.

use nexmo_gate::exports::keys::KEYS;

use crate::harness::Setup;
use crate::harness::gate::setup::{Exit, binary, exit_of};

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
