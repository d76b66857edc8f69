//! The machine: open files, sockets that listen, the firewall's table of connections. What this system does not show is
//! skipped.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

use crate::cli::doctor::checks::Check;
use crate::cli::doctor::report::Finding;
use crate::config::{AdminAddress, Config, Target};
use crate::state::snapshot::Snapshot;

/// A socket that listens, as the kernel tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Listening {
    ip: IpAddr,
    port: u16,
    inode: u64,
}

/// The sockets of a table of the kernel that listen.
fn listening(table: &str) -> Vec<Listening> {
    const LISTEN: &str = "0A";
    let row = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (ip, port) = words.get(1)?.split_once(':')?;
        let ip = match ip.len() {
            8 => IpAddr::V4(Ipv4Addr::from(u32::from_str_radix(ip, 16).ok()?.to_ne_bytes())),
            32 => {
                let mut bytes = [0; 16];
                for (place, part) in bytes.chunks_exact_mut(4).enumerate() {
                    let word = u32::from_str_radix(ip.get(place * 8..place * 8 + 8)?, 16).ok()?;
                    part.copy_from_slice(&word.to_ne_bytes());
                }
                IpAddr::V6(Ipv6Addr::from(bytes)).to_canonical()
            }
            _ => return None,
        };
        let port = u16::from_str_radix(port, 16).ok()?;
        let inode = words.get(9)?.parse().ok()?;
        (*words.get(3)? == LISTEN).then_some(Listening { ip, port, inode })
    };
    table.lines().skip(1).filter_map(row).collect()
}

fn all_listening() -> Vec<Listening> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|path| fs::read_to_string(path).unwrap_or_default());
    tables.iter().flat_map(|table| listening(table)).collect()
}

/// Whether an application on this machine listens where others reach it.
#[must_use]
pub(crate) fn upstream_reach(snapshot: &Snapshot) -> Finding {
    let endpoints = snapshot.endpoints();
    let ports = endpoints.values().filter_map(|endpoint| match &endpoint.target {
        Target::Http { host, port } | Target::Https { host, port } => {
            let here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
            here.then_some(*port)
        }
        Target::Unix(_) => None,
    });
    reach(&ports.collect::<Vec<_>>(), &all_listening())
}

fn reach(ports: &[u16], all: &[Listening]) -> Finding {
    let check = Check::UpstreamReach;
    let own = |one: &&Listening| ports.contains(&one.port);
    if let Some(open) = all.iter().filter(own).find(|one| !one.ip.is_loopback()) {
        let what = if open.ip.is_unspecified() { "every address".to_owned() } else { open.ip.to_string() };
        return Finding::warn(
            check,
            format!(
                "the application listens on {what}, port {}: who reaches that passes the gate",
                open.port
            ),
            "let the application listen on 127.0.0.1, or close the port in the firewall",
        );
    }
    if all.iter().any(|one| ports.contains(&one.port)) {
        return Finding::pass(check, "on loopback alone");
    }
    Finding::skip(check, "it is not on this machine, or no port of it can be seen")
}

/// Whether others may ask the admin interface.
#[must_use]
pub(crate) fn admin_reach(config: &Config) -> Finding {
    let check = Check::AdminReach;
    match config.admin.as_ref().map(|admin| &admin.address) {
        None => Finding::pass(check, "it is off"),
        Some(AdminAddress::Unix(path)) => Finding::pass(check, format!("unix:{}", path.display())),
        Some(AdminAddress::Tcp(address)) if address.ip().is_loopback() => {
            Finding::pass(check, address.to_string())
        }
        Some(AdminAddress::Tcp(address)) => Finding::warn(
            check,
            format!("{address}: it has no password, and whoever reaches it may ask for a reload"),
            "admin: { address: \"127.0.0.1:9901\" }",
        ),
    }
}

/// Whether the gate may open as many files as its limits need.
#[must_use]
pub(crate) fn files(config: &Config) -> Finding {
    let check = Check::SystemFiles;
    let port = match config.admin.as_ref().map(|admin| &admin.address) {
        Some(AdminAddress::Tcp(address)) if address.port() > 0 => address.port(),
        _ => return Finding::skip(check, "its process cannot be found without an admin address of TCP"),
    };
    let inode = all_listening().into_iter().find(|one| one.port == port).map(|one| one.inode);
    let limits = inode.and_then(owner).and_then(|pid| fs::read_to_string(pid.join("limits")).ok());
    let Some(most) = limits.as_deref().and_then(most_files) else {
        return Finding::skip(check, "its process cannot be seen: run the doctor as root");
    };
    // As many again for the application's side, and some of its own.
    let needed = (config.limits.connections + config.limits.concurrent_requests + 256) as u64;
    if most < needed {
        let change = format!("LimitNOFILE={needed} in the unit, or limits: {{ connections: {} }}", most / 2);
        return Finding::warn(check, format!("{most} of {needed} that limits.connections needs"), change);
    }
    Finding::pass(check, format!("{most}, and {needed} are needed"))
}

/// The soft limit: the gate raises it to the hard one.
fn most_files(limits: &str) -> Option<u64> {
    let line = limits.lines().find(|line| line.starts_with("Max open files"))?;
    line.split_whitespace().nth(3)?.parse().ok()
}

/// The process that holds a socket.
fn owner(inode: u64) -> Option<PathBuf> {
    let processes = fs::read_dir("/proc").ok()?.flatten().map(|entry| entry.path());
    let holds = |process: &PathBuf| {
        let files = fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
        files.map(|file| file.path()).any(|file| fs::metadata(file).is_ok_and(|file| file.ino() == inode))
    };
    processes.filter(|path| path.join("limits").exists()).find(holds)
}

/// Whether the firewall can follow more connections.
#[must_use]
pub(crate) fn conntrack() -> Finding {
    let number = |name: &str| {
        let path = format!("/proc/sys/net/netfilter/nf_conntrack_{name}");
        fs::read_to_string(path).ok()?.trim().parse::<u64>().ok()
    };
    tracked(number("count").zip(number("max")))
}

fn tracked(seen: Option<(u64, u64)>) -> Finding {
    let check = Check::SystemConntrack;
    let Some((count, most)) = seen else {
        return Finding::skip(check, "this system keeps no such table, or does not show it");
    };
    let evidence = format!("{count} of {most}");
    if count.saturating_mul(5) > most.saturating_mul(4) {
        let change = format!("sysctl -w net.netfilter.nf_conntrack_max={}", most.saturating_mul(2));
        return Finding::warn(check, evidence, change);
    }
    Finding::pass(check, evidence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::report::Verdict;

    const TABLE: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
        \x20  0: 0100007F:0BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 100 0 0 10 0\n\
        \x20  1: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4712 1 0 100 0 0 10 0\n\
        \x20  2: 0100007F:0BB9 0100007F:0001 01 00000000:00000000 00:00000000 00000000     0        0 4713 1 0 100 0 0 10 0\n";

    #[test]
    fn only_what_listens_beyond_loopback_is_open() {
        let all = listening(TABLE);
        assert_eq!(all.len(), 2, "{all:?}");
        if cfg!(target_endian = "little") {
            assert_eq!((all[0].ip, all[0].port, all[0].inode), (Ipv4Addr::LOCALHOST.into(), 3000, 4711));
        }
        assert_eq!(reach(&[3000], &all).verdict, Verdict::Pass);
        assert_eq!(reach(&[8080], &all).verdict, Verdict::Warn);
        assert_eq!(reach(&[3001], &all).verdict, Verdict::Skip);
    }

    #[test]
    fn limits_and_tables_are_read_as_the_kernel_writes_them() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units\n\
                      Max open files            1024                 524288               files\n";
        assert_eq!(most_files(limits), Some(1024));
        assert_eq!(tracked(Some((79, 100))).verdict, Verdict::Pass);
        assert_eq!(tracked(Some((81, 100))).verdict, Verdict::Warn);
        assert_eq!(tracked(None).verdict, Verdict::Skip);
    }
}
