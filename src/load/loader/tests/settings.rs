//! A configuration that changed: what is refused, what waits for a restart, what is applied.

use crate::config::keys::{Change, KEYS};
use crate::load::loader::tests::*;
use crate::load::testkit::{CONFIG, again};

#[test]
fn a_broken_config_refuses_the_reload_and_the_lists_are_checked_all_the_same() {
    let (site, mut loader, old) = loaded();
    site.write("config.yaml", &format!("{CONFIG}lisen: 1\n"));
    site.list("sms", "192.0.2.\n");
    let outcome = again(&mut loader, &old);
    assert!(outcome.snapshot.is_none());
    let problems = site.problems(&outcome);
    assert!(problems[0].starts_with("lisen") && problems[1].starts_with("ranges/sms.txt:1"), "{problems:?}");
}

/// A change of each key that the table calls cold, alone, waits for the next start; a change of all other
/// keys leaves nothing waiting.
#[test]
fn exactly_the_cold_keys_of_the_table_wait_for_a_restart() {
    let config = |text: &str| {
        let text = format!("upstream: \"http://a\"\ntrusted_proxies: [10.0.0.0/8]\n{text}\n");
        let parsed = config::parse(Some(&text), &Overrides::default(), Path::new("/"));
        parsed.unwrap_or_else(|problems| panic!("{text}: {problems:?}")).config
    };
    let waiting = |new: &str| {
        let (mut new, old) = (config(new), config(""));
        assert_ne!(new, old);
        keep_cold(&mut new, &old)
    };
    let listener = |key: &str| format!("listen: [{{ address: \"0.0.0.0:8080\", {key} }}]");
    let changes = [
        ("listen[].address", "listen: [{ address: \"0.0.0.0:8081\" }]".to_owned()),
        ("listen[].proxy_protocol", listener("proxy_protocol: true")),
        ("listen[].http2", listener("http2: true")),
        ("limits.connections", "limits: { connections: 77 }".to_owned()),
        ("state", "state: kept".to_owned()),
        ("admin.address", "admin: { address: \"127.0.0.1:1\" }".to_owned()),
        ("metrics.address", "metrics: { address: \"0.0.0.0:2\" }".to_owned()),
        ("log.format", "log: { format: text }".to_owned()),
        ("log.level", "log: { level: debug }".to_owned()),
        ("log.access", "log: { access: stderr }".to_owned()),
        ("threads", "threads: 7".to_owned()),
    ];
    let cold = KEYS.iter().filter(|key| key.change == Change::Cold).map(|key| key.path);
    assert_eq!(changes.iter().map(|(key, _)| *key).collect::<Vec<_>>(), cold.collect::<Vec<_>>());
    for (key, text) in &changes {
        // `listen` is restored as a whole, and `admin` and `metrics` may be scalars.
        let name = key.split("[]").next().unwrap().trim_end_matches(".address");
        assert_eq!(waiting(text), [format!("{name}: needs a restart")], "{key}");
    }
    let hot = listener("acme_challenges: challenges")
        + "\nranges: r\nforwarded_header: forwarded\ndeny: hide\nmode: observe\nroutes: [{ path: /a }]\n\
           limits: { max_body: 1KiB, max_response: 1KiB, max_head: 1KiB, head_timeout: 1s, body_timeout: 1s, \
           keepalive: 1s, connections_per_stranger: 3, connections_per_client: 3, concurrent_requests: 9, \
           buffers: 1MiB }\ndrain: { delay: 1s, grace: 20s }\nhealth_path: /-/healthy";
    assert_eq!(waiting(&hot), [""; 0]);
}

#[test]
fn cold_keys_stay_and_the_rest_is_applied() {
    let (site, mut loader, old) = loaded();
    let text = CONFIG.replace("8080", "8081").replace("3000", "3001");
    let cold = "threads: 7\nadmin: { address: \"127.0.0.1:9999\" }\nstate: s\nlimits: { connections: 77, max_body: 2MiB }\n\
                log: { format: text, level: debug, access: stderr }\n";
    site.write("config.yaml", &format!("{text}{cold}deny: hide\ninspect: {{ keep: 7 }}\n"));
    let outcome = again(&mut loader, &old);
    let keys = [
        "listen",
        "admin",
        "threads",
        "log.format",
        "log.level",
        "log.access",
        "state",
        "limits.connections",
    ];
    assert_eq!(outcome.needs_restart, keys.map(|key| format!("{key}: needs a restart")));
    let new = outcome.snapshot.unwrap();
    assert_eq!(new.config.listen, old.config.listen);
    assert_eq!(new.config.limits.connections, old.config.limits.connections);
    assert_eq!(new.config.limits.max_body, 2 << 20);
    assert_eq!(
        new.changes_since(&old),
        ["upstream changed", "deny changed", "limits changed", "inspect changed"]
    );
    // Reported at every reload until the change is undone.
    assert_eq!(again(&mut loader, &new).needs_restart.len(), keys.len());
    site.write("config.yaml", CONFIG);
    assert_eq!(again(&mut loader, &new).needs_restart, [""; 0]);
}
