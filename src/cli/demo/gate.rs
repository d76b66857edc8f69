//! The gate of the demo: this program as a child process, on free ports of loopback.
//!
//! It runs the shipped configuration with other addresses, one list, one secret, signatures required where the vendor
//! signs, its log on stdout, and no state folder.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;

use serde_yaml::Value as Yaml;

use crate::cli::child::folder::{FilesError, Folder};
use crate::cli::child::{Child, Event};
use crate::cli::demo::sender::ADMITTED;
use crate::cli::webhooks::signer::{ACCOUNT, Signer};
use crate::cli::{Failure, failed};
use crate::policy::provider::DEFAULT;
use crate::policy::provider::signing::Signed;

/// The shipped configuration, because the demo shows its routes.
const SHIPPED: &str = include_str!("../../../config.yaml");
/// The name of the file with the secret.
const SECRET: &str = "secret";

/// Starts the gate in front of an application and waits until it is ready.
///
/// # Errors
/// Its files cannot be written, or it did not start; then the failure has everything that it logged.
pub(super) fn start(
    application: SocketAddr,
    signer: &Signer,
    events: &Sender<Event>,
) -> Result<Child, Failure> {
    let unwritten = |error: FilesError| failed(error.to_string());
    let folder = Folder::of_command("demo").map_err(unwritten)?;
    let config = write(&folder, application, signer).map_err(unwritten)?;
    Child::start(folder, &config, events)
}

/// The file of the secret with which the gate judges signatures.
pub(super) fn secret_file(gate: &Child) -> PathBuf {
    gate.folder().path().join(SECRET)
}

/// Writes the range file, the secret and the configuration; returns the path of the configuration.
fn write(folder: &Folder, application: SocketAddr, signer: &Signer) -> Result<PathBuf, FilesError> {
    folder.write(SECRET, signer.secret())?;
    folder.write("demo.txt", format!("# The one address that this demo admits.\n{ADMITTED}/32\n"))?;
    folder.write("config.yaml", &config(SHIPPED, application, folder.path())?)
}

/// The shipped configuration with the demo's addresses and secret, with its one list on every route, and with signatures
/// required wherever the vendor signs.
fn config(shipped: &str, application: SocketAddr, ranges: &Path) -> Result<String, FilesError> {
    let mut config: Yaml = serde_yaml::from_str(shipped)?;
    config["listen"] = Yaml::Sequence(vec![free_address()]);
    config["admin"] = free_address();
    config["upstream"] = Yaml::from(format!("http://{application}"));
    config["ranges"] = Yaml::from(ranges.display().to_string());
    config["log"] = serde_yaml::from_str("{ format: json, level: info, access: stdout }")?;
    if let Some(map) = config.as_mapping_mut() {
        map.remove("state");
    }
    for route in config["routes"].as_sequence_mut().into_iter().flatten() {
        route["allow"] = Yaml::Sequence(vec![Yaml::from("demo")]);
        let webhook = route["webhook"].as_str().and_then(|name| DEFAULT.webhook(name));
        if webhook.is_some_and(|webhook| webhook.spec().signed != Signed::Never) {
            route["signature"] = Yaml::from("require");
        }
    }
    config["signatures"] =
        serde_yaml::from_str(&format!("secrets: [ {{ api_key: {ACCOUNT}, file: {SECRET} }} ]"))?;
    Ok(serde_yaml::to_string(&config)?)
}

/// A section whose address is a free port of loopback.
fn free_address() -> Yaml {
    Yaml::Mapping([(Yaml::from("address"), Yaml::from("127.0.0.1:0"))].into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config as checked;
    use crate::config::Overrides;
    use crate::policy::demand::Need;

    #[test]
    fn the_demo_runs_the_shipped_routes_with_its_own_list() {
        let text = config(SHIPPED, "127.0.0.1:3000".parse().unwrap(), Path::new("/tmp/x")).unwrap();
        let parsed = checked::parse(Some(&text), &Overrides::default(), Path::new("/tmp/x")).unwrap();
        assert_eq!(parsed.config.routes.len(), 12);
        assert!(parsed.config.routes.iter().all(|route| route.allow == ["demo"]));
        let required = |route: &&checked::Route| route.signature.need == Need::Require;
        assert_eq!(parsed.config.routes.iter().filter(required).count(), 11, "all but number-insight");
        assert!(parsed.config.listen.iter().all(|listener| listener.address.ip().is_loopback()));
    }
}
