//! The configuration of the gate that `dev` starts: the shipped one, made for this machine.
//!
//! Invariant: nobody is admitted but this machine and whom the lists hold. Without a tunnel a request must also name this
//! machine as its host: through a tunnel that nobody has told us of, everybody comes from 127.0.0.1, and would be this
//! machine.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use serde_yaml::{Mapping, Value as Yaml};

use crate::cli::child::folder::{FilesError, Folder};
use crate::cli::dev::tunnel::{AGENT, Tunnel};
use crate::policy::provider::{DEFAULT, Webhook};

/// The shipped configuration.
const SHIPPED: &str = include_str!("../../../config.yaml");
/// The name of the list of this machine.
pub(super) const OWN_LIST: &str = "this-machine";

/// What is shown of bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Bodies {
    /// Numbers and texts are hidden.
    Masked,
    /// All of them.
    Full,
}

/// What the user wants.
pub(super) struct Wanted<'a> {
    /// The application's URL.
    pub application: &'a str,
    /// Where the gate listens.
    pub listen: SocketAddr,
    /// Where it shows its pages.
    pub admin: SocketAddr,
    /// The folder of its lists.
    pub ranges: &'a Path,
    /// The tunnel whose agent runs on this machine.
    pub tunnel: Option<Tunnel>,
    /// An account and the file of its secret.
    pub secret: Option<(&'a str, &'a Path)>,
    /// What is shown of bodies.
    pub bodies: Bodies,
}

/// Writes the lists into the folder: this machine's, the user's, and the shipped ones that the user's do not replace;
/// returns the folder that holds them.
///
/// # Errors
/// A list cannot be read or written.
pub(super) fn write_lists(folder: &Folder, users: Option<&Path>) -> Result<PathBuf, FilesError> {
    let own = "# Whoever is on this machine.\n127.0.0.0/8\n::1/128\n";
    folder.write(&format!("{OWN_LIST}.txt"), own)?;
    let theirs = users.map(|users| copied(folder, users)).transpose()?.unwrap_or_default();
    // The shipped routes name these lists.
    for (name, text) in DEFAULT.lists.iter().filter(|(name, _)| !theirs.iter().any(|own| own == name)) {
        folder.write(name, text)?;
    }
    Ok(folder.path().to_owned())
}

/// Copies the lists of the user; returns their names.
fn copied(folder: &Folder, users: &Path) -> Result<Vec<String>, FilesError> {
    let unread = |path: &Path, error| FilesError::Unwritten { path: path.to_owned(), error };
    let mut names = Vec::new();
    for entry in fs::read_dir(users).map_err(|error| unread(users, error))? {
        let path = entry.map_err(|error| unread(users, error))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.extension().is_some_and(|end| end == "txt") && !name.starts_with('.') {
            folder.write(&name, fs::read(&path).map_err(|error| unread(&path, error))?)?;
            names.push(name);
        }
    }
    Ok(names)
}

/// The text of the configuration.
///
/// # Errors
/// The built-in configuration cannot be parsed; a test rules that out.
pub(super) fn text(wanted: &Wanted<'_>) -> Result<String, FilesError> {
    let mut config: Yaml = serde_yaml::from_str(SHIPPED)?;
    config["listen"] = Yaml::Sequence(vec![map([("address", wanted.listen.to_string().into())])]);
    config["admin"] = map([("address", wanted.admin.to_string().into())]);
    config["upstream"] = wanted.application.into();
    config["ranges"] = wanted.ranges.display().to_string().into();
    config["trusted_proxies"] = Yaml::Sequence(wanted.tunnel.iter().map(|_| Yaml::from(AGENT)).collect());
    // What is not yet known to be Nexmo's is sent again, as it should be in a first deployment.
    config["deny"] = "retry".into();
    config["log"] = map([("format", "json".into()), ("level", "info".into()), ("access", "stdout".into())]);
    let bodies = match wanted.bodies {
        Bodies::Masked => "masked",
        Bodies::Full => "full",
    };
    config["inspect"] = map([("bodies", bodies.into())]);
    if let Some((api_key, file)) = wanted.secret {
        let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
        let secret = map([("api_key", api_key.into()), ("file", file.display().to_string().into())]);
        config["signatures"] = map([("secrets", Yaml::Sequence(vec![secret]))]);
    }
    let hosts = hosts(wanted);
    if let Some(routes) = config["routes"].as_sequence_mut() {
        let shipped = std::mem::take(routes);
        routes
            .extend(shipped.iter().flat_map(|route| hosts.iter().map(|host| local(route, host.as_deref()))));
    }
    Ok(serde_yaml::to_string(&config)?)
}

/// The path of each shipped route, with its webhook.
///
/// # Errors
/// The built-in configuration cannot be parsed; a test rules that out.
pub(super) fn shipped_routes() -> Result<Vec<(String, Webhook)>, FilesError> {
    let config: Yaml = serde_yaml::from_str(SHIPPED)?;
    let routes = config["routes"].as_sequence().into_iter().flatten();
    let read = |route: &Yaml| {
        Some((route["path"].as_str()?.to_owned(), DEFAULT.webhook(route["webhook"].as_str()?)?))
    };
    Ok(routes.filter_map(read).collect())
}

/// The hosts that lead to the application; one `None` means any.
fn hosts(wanted: &Wanted<'_>) -> Vec<Option<String>> {
    if wanted.tunnel.is_some() {
        return vec![None];
    }
    let own = match wanted.listen.ip() {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    };
    vec![Some("localhost".to_owned()), Some(own)]
}

/// A shipped route that this machine may use too.
fn local(route: &Yaml, host: Option<&str>) -> Yaml {
    let mut route = route.clone();
    if let Some(allow) = route["allow"].as_sequence_mut() {
        allow.push(OWN_LIST.into());
    }
    if let Some(host) = host {
        route["host"] = host.into();
    }
    route
}

fn map<const N: usize>(entries: [(&str, Yaml); N]) -> Yaml {
    Yaml::Mapping(entries.into_iter().map(|(key, value)| (Yaml::from(key), value)).collect::<Mapping>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config as checked;
    use crate::config::Overrides;

    fn parsed(tunnel: Option<Tunnel>, listen: &str) -> checked::Config {
        let wanted = Wanted {
            application: "http://127.0.0.1:3000",
            listen: listen.parse().unwrap(),
            admin: "127.0.0.1:9901".parse().unwrap(),
            ranges: Path::new("/tmp/x"),
            tunnel,
            secret: Some(("a1b2c3d", Path::new("secret"))),
            bodies: Bodies::Masked,
        };
        let text = text(&wanted).unwrap();
        checked::parse(Some(&text), &Overrides::default(), Path::new("/tmp/x")).unwrap().config
    }

    #[test]
    fn without_a_tunnel_a_request_must_name_this_machine() {
        for (listen, host) in [("127.0.0.1:8080", "127.0.0.1"), ("[::1]:8080", "[::1]")] {
            let config = parsed(None, listen);
            assert_eq!(config.routes.len(), 2 * 12);
            assert_eq!(shipped_routes().unwrap().len(), 12);
            let mut hosts: Vec<String> =
                config.routes.iter().map(|route| format!("{:?}", route.host)).collect();
            hosts.sort();
            hosts.dedup();
            assert_eq!(hosts.len(), 2, "{hosts:?}");
            assert!(hosts.iter().any(|text| text.contains("localhost")), "{hosts:?}");
            assert!(hosts.iter().any(|text| text.contains(host)), "{hosts:?}");
            assert!(config.trusted_proxies.is_empty());
        }
    }

    #[test]
    fn with_a_tunnel_its_agent_alone_says_who_the_client_is() {
        let config = parsed(Some(Tunnel::Ngrok), "127.0.0.1:8080");
        assert_eq!(config.routes.len(), 12);
        assert!(config.routes.iter().all(|route| route.host.is_none()));
        assert!(config.routes.iter().all(|route| route.allow.iter().any(|name| name == OWN_LIST)));
        assert_eq!(config.trusted_proxies.len(), 1);
    }

    #[test]
    fn the_shipped_lists_are_those_of_the_folder() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("ranges");
        let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let mut names: Vec<String> = paths
            .filter(|path| path.extension().is_some_and(|end| end == "txt"))
            .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
            .collect();
        names.sort();
        assert_eq!(names, DEFAULT.lists.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    }

    #[test]
    fn the_users_lists_take_the_place_of_the_shipped_ones_of_their_names() {
        let theirs = Folder::of_command("dev-test-theirs").unwrap();
        theirs.write("voice.txt", "192.0.2.0/24\n").unwrap();
        let ours = Folder::of_command("dev-test-ours").unwrap();
        write_lists(&ours, Some(theirs.path())).unwrap();
        let mut names: Vec<_> =
            fs::read_dir(ours.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.retain(|name| name != "lock");
        names.sort();
        let mut wanted: Vec<_> =
            DEFAULT.lists.iter().map(|(name, _)| std::ffi::OsString::from(name)).collect();
        wanted.push("this-machine.txt".into());
        wanted.sort();
        assert_eq!(names, wanted);
        assert_eq!(fs::read_to_string(ours.path().join("voice.txt")).unwrap(), "192.0.2.0/24\n");
        let error = write_lists(&Folder::of_command("dev-test-none").unwrap(), Some(Path::new("/nowhere")));
        assert!(error.unwrap_err().to_string().starts_with("/nowhere: "));
    }
}
