//! The configuration of each proxy: the text of docs/fronts.md with the test's own ports, addresses and files.

use std::path::PathBuf;
use std::process::Command;

use super::deployment::Ports;
use crate::fronts::page::{Page, put};
use crate::fronts::stand::{installed, kept};

/// What stands in front of the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proxy {
    /// Nothing: the gate ends TLS itself.
    Nothing,
    Nginx,
    /// One nginx behind another.
    NginxTwice,
    HaproxyHttp,
    /// The balancer passes TLS through.
    HaproxyThrough,
    /// The balancer ends TLS and says so in the PROXY header.
    HaproxyTls,
    /// The same with version 1 of the header.
    HaproxyOld,
    Caddy,
    Traefik,
}

const TCP: &str = "HAProxy or any balancer in TCP mode";

impl Proxy {
    /// Its section of the page, the language of its block, the block's place, and the gate's address in it.
    fn recipe(self) -> Option<(&'static str, &'static str, usize, &'static str)> {
        Some(match self {
            Self::Nothing => return None,
            Self::Nginx | Self::NginxTwice => ("nginx", "nginx", 0, "127.0.0.1:8080"),
            Self::HaproxyHttp => ("HAProxy for HTTP", "haproxy", 0, "127.0.0.1:8080"),
            Self::HaproxyThrough => (TCP, "haproxy", 0, "127.0.0.1:8443"),
            Self::HaproxyTls => (TCP, "haproxy", 1, "127.0.0.1:8081"),
            Self::HaproxyOld => (TCP, "haproxy", 2, "127.0.0.1:8082"),
            Self::Caddy => ("Caddy", "caddyfile", 0, "127.0.0.1:8080"),
            Self::Traefik => ("Traefik", "yml", 1, "127.0.0.1:8080"),
        })
    }

    /// Where the program is, if this machine has it.
    pub fn program(self) -> Option<PathBuf> {
        match self {
            Self::Nothing => Some(PathBuf::new()),
            Self::Nginx | Self::NginxTwice => installed("nginx"),
            Self::Caddy => installed("caddy"),
            Self::Traefik => kept("bin/traefik"),
            _ => installed("haproxy"),
        }
    }

    /// The keys of the recipe's block for the gate.
    pub fn keys(self) -> Vec<(String, String)> {
        let Some((heading, _, place, _)) = self.recipe() else { return Vec::new() };
        let place = if heading == TCP { place } else { 0 };
        crate::fronts::page::keys(&Page::section("fronts.md", heading).block("yaml", place))
    }

    /// The recipe's text for the proxy, as it stands on the page. Two nginx are two servers of one.
    pub fn text(self) -> String {
        let Some((heading, language, place, _)) = self.recipe() else { return String::new() };
        let text = Page::section("fronts.md", heading).block(language, place);
        if self != Self::NginxTwice {
            return text;
        }
        let outer = text.replace("upstream gate", "upstream inner").replace("http://gate", "http://inner");
        let outer =
            put(&outer, "server 127.0.0.1:8080;", "server 127.0.0.1:{SECOND};").replace("@retry", "@outer");
        let inner = put(&text, "listen 443 ssl;", "listen 127.0.0.1:{SECOND};");
        let inner = put(&inner, "    ssl_certificate /etc/nginx/hooks.pem;\n", "");
        let inner = put(&inner, "    ssl_certificate_key /etc/nginx/hooks.key;\n", "");
        let inner = put(&inner, "X-Forwarded-Proto $scheme", "X-Forwarded-Proto $http_x_forwarded_proto");
        // Quoted, so that a fault can be planted in this one alone.
        let inner = put(&inner, "$proxy_add_x_forwarded_for", "\"$proxy_add_x_forwarded_for\"");
        outer + &put(&inner, "X-Forwarded-Host $http_host", "X-Forwarded-Host $http_x_forwarded_host")
    }

    /// The command that runs it with this text, in the folder of the ports.
    pub fn command(self, program: &PathBuf, text: &str, ports: &Ports) -> Command {
        let mut command = Command::new(program);
        let gate = self.recipe().map_or("", |recipe| recipe.3);
        let text = text.replace(gate, &ports.gate.to_string());
        let text = text.replace("/etc/nginx/", &ports.folder).replace("/etc/caddy/", &ports.folder);
        let text = text.replace("/etc/traefik/", &ports.folder);
        let text = ports.put(&text);
        match self {
            Self::Nothing => {}
            Self::Nginx | Self::NginxTwice => {
                let text = text.replace("listen 443 ssl;", &format!("listen {} ssl;", ports.own));
                let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
                    .map(|name| format!("{name}_temp_path {}{name};\n", ports.folder))
                    .concat();
                let whole = format!(
                    "daemon off;\nmaster_process off;\npid {}nginx.pid;\nerror_log stderr crit;\nevents {{}}\n\
                     http {{\naccess_log off;\n{temporary}{text}}}\n",
                    ports.folder
                );
                command.args(["-e", "stderr", "-p", &ports.folder, "-c", &ports.write("nginx.conf", &whole)]);
            }
            Self::Caddy => {
                let whole = format!(
                    "{{\n\tadmin off\n\tdefault_bind {}\n\thttp_port {}\n\thttps_port {}\n\tstorage file_system {}s\n}}\n{text}",
                    ports.own.ip(),
                    ports.plain,
                    ports.own.port(),
                    ports.folder
                );
                command.args([
                    "run",
                    "--adapter",
                    "caddyfile",
                    "--config",
                    &ports.write("Caddyfile", &whole),
                ]);
                for place in ["HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"] {
                    command.env(place, &ports.folder);
                }
            }
            Self::Traefik => {
                let fixed = Page::section("fronts.md", "Traefik").block("yml", 0);
                let fixed = put(&fixed, ":443", &ports.own.to_string());
                let fixed = put(&fixed, "/etc/traefik/hooks.yml", &ports.write("hooks.yml", &text));
                command.arg(format!("--configFile={}", ports.write("traefik.yml", &fixed)));
            }
            _ => {
                let text = text.replace("bind :443", &format!("bind {}", ports.own));
                let text = text.replace("/etc/haproxy/hooks.pem", &format!("{}both.pem", ports.folder));
                let text = format!("global\n    maxconn 100\n{text}");
                command.args(["-db", "-q", "-f", &ports.write("haproxy.cfg", &text)]);
            }
        }
        command
    }
}
