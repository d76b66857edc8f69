//! Real applications that say what they understood: Python's wsgiref, Node's http, nginx.
//!
//! Each listens on a UNIX socket for each route, so it knows by which route a request came, and reports what path and
//! host it decoded. What route those mean is not its business. Nothing in here knows how the gate decides.

pub mod nginx;
pub mod node;
pub mod process;
pub mod python;

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::spelling::Spelling;

/// How an application read one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// By which of its ways.
    pub how: String,
    /// The host, in the application's spelling.
    pub host: Vec<u8>,
    /// The path, decoded.
    pub path: Vec<u8>,
}

/// What an application says of one request that it did not refuse.
#[derive(Clone, Debug)]
pub struct Understood {
    /// The socket it came by.
    pub route: usize,
    pub views: Vec<View>,
}

pub trait Application: Sync {
    fn name(&self) -> &'static str;

    /// How it is asked without the gate, for the report.
    fn way(&self) -> &'static str;

    fn folder(&self) -> &Path;

    /// Reads the body of its answer.
    fn read(&self, body: &[u8]) -> Understood;

    /// How it understands each of these; without a view, it refuses the request.
    fn judge(&self, spellings: &[Spelling]) -> Vec<Vec<View>>;

    fn socket(&self, route: usize) -> PathBuf {
        socket(self.folder(), route)
    }
}

/// Every application that this machine has.
pub fn all(hosts: &[&str], routes: usize) -> Vec<Box<dyn Application>> {
    let python = python::Python::start(routes).map(|one| Box::new(one) as Box<dyn Application>);
    let node = node::Node::start(routes).map(|one| Box::new(one) as Box<dyn Application>);
    let nginx = nginx::Nginx::start(hosts, routes).map(|one| Box::new(one) as Box<dyn Application>);
    [python, node, nginx].into_iter().flatten().collect()
}

pub fn socket(folder: &Path, route: usize) -> PathBuf {
    folder.join(format!("{route}.sock"))
}

/// Reads what the scripts say.
fn understood(body: &[u8]) -> Understood {
    let value: Value =
        serde_json::from_slice(body).unwrap_or_else(|bad| panic!("{bad}: {}", String::from_utf8_lossy(body)));
    let text = |view: &Value, key: &str| view[key].as_str().expect("a text").to_owned();
    let view = |view: &Value| View {
        how: text(view, "how"),
        host: bytes(&text(view, "host")),
        path: bytes(&text(view, "path")),
    };
    let route = usize::try_from(value["route"].as_u64().unwrap_or(0)).expect("a route");
    Understood { route, views: value["views"].as_array().expect("views").iter().map(view).collect() }
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks(2);
    digits.map(|two| u8::from_str_radix(&String::from_utf8_lossy(two), 16).expect("hexadecimal")).collect()
}
