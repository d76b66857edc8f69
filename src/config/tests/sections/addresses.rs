//! Where the gate listens and is administered, and whom it trusts to name the client.

use crate::config::tests::sections::rows;
use crate::config::tests::*;

#[test]
fn listen_reports_every_bad_address() {
    rows(&[
        ("listen: []", "listen: is empty; without a listener no request can come in"),
        ("listen:", "listen: is empty, wanted a list such as [{ address: \"0.0.0.0:8080\" }]"),
        (
            "listen: 0.0.0.0:80",
            "listen: found the text \"0.0.0.0:80\", wanted a list such as [{ address: \"0.0.0.0:8080\" }]",
        ),
        (
            "listen: [8080]",
            "listen[0]: found the number 8080, wanted an address with a port such as 0.0.0.0:8080",
        ),
        ("listen: [{}]", "listen[0].address: missing; wanted an address with a port such as 0.0.0.0:8080"),
        (
            "listen: [\":80\"]",
            "listen[0]: \":80\" has no address; write 0.0.0.0:80 for all of IPv4 or [::]:80 for both",
        ),
        ("listen: [0.0.0.0]", "listen[0]: \"0.0.0.0\" has no port; write for example 0.0.0.0:8080"),
        ("listen: [\"::1\"]", "listen[0]: \"::1\" has no port; write for example [::1]:8080"),
        (
            "listen: [\"2001:db8::1:80:90:1:2:3\"]",
            "listen[0]: an IPv6 address must be in brackets; write [2001:db8::1:80:90:1:2]:3",
        ),
        (
            "listen: [\"1:2:3:4:5:6:7:8:80\"]",
            "listen[0]: an IPv6 address must be in brackets; write [1:2:3:4:5:6:7:8]:80",
        ),
        (
            "listen: [\"a.example:80\"]",
            "listen[0]: \"a.example:80\" is not an address with a port such as 0.0.0.0:8080; names are not looked up",
        ),
        (
            "listen: [\"127.0.0.1:80\", { address: \"0.0.0.0:80\" }]",
            "listen[1].address: 0.0.0.0:80 is taken by the listener on 127.0.0.1:80",
        ),
        (
            "listen: [\"[::]:80\", \"127.0.0.1:80\"]",
            "listen[1]: 127.0.0.1:80 is taken by the listener on [::]:80",
        ),
        ("listen: [\"[::1]:80\", \"[::]:80\"]", "listen[1]: [::]:80 is taken by the listener on [::1]:80"),
        (
            "listen: [\"[::ffff:127.0.0.1]:80\", \"127.0.0.1:80\"]",
            "listen[1]: 127.0.0.1:80 is taken by the listener on [::ffff:127.0.0.1]:80",
        ),
        (
            "listen: [{ address: \"0.0.0.0:80\", http2: maybe }]",
            "listen[0].http2: found the text \"maybe\", wanted true or false",
        ),
        (
            "listen: [{ address: \"0.0.0.0:80\", proxy_protocol: true }]",
            "listen[0].proxy_protocol: only a trusted proxy may send the PROXY header, and trusted_proxies is empty, so every connection would be closed; name the proxies there",
        ),
        (
            "listen: [{ address: \"0.0.0.0:80\", proxy_protocol: v2 }]",
            "listen[0].proxy_protocol: found the text \"v2\", wanted true or false",
        ),
        (
            "trusted_proxies: [\"::/0\"]\nlisten: [{ address: \"0.0.0.0:80\", proxy_protocol: true }]",
            "trusted_proxies[0]: ::/0 trusts every address, so any sender could claim to be a client that a list admits; name the proxies' own addresses",
        ),
    ]);
    good("listen: [\"127.0.0.1:0\", \"127.0.0.1:0\", \"127.0.0.1:80\", \"127.0.0.2:80\", \"[::1]:80\"]");
    good("listen: [\"0.0.0.0:80\", \"[::]:80\"]");
    good("listen: [\"[::]:80\", \"0.0.0.0:80\"]");
    good("listen: [\"[::]:0\", \"127.0.0.1:0\"]");
}

#[test]
fn trusted_proxies_reports_every_bad_entry() {
    rows(&[
        (
            "trusted_proxies: 10.0.0.0/8",
            "trusted_proxies: found the text \"10.0.0.0/8\", wanted a list of CIDRs such as [10.0.0.0/8]",
        ),
        (
            "trusted_proxies: [10]",
            "trusted_proxies[0]: found the number 10, wanted a CIDR or the name of a range list",
        ),
        (
            "trusted_proxies: [\"::/0\"]",
            "trusted_proxies[0]: ::/0 trusts every address, so any sender could claim to be a client that a list admits; name the proxies' own addresses",
        ),
        (
            "trusted_proxies: [lb.example]",
            "trusted_proxies[0]: \"lb.example\": is not an IP address; names are not looked up",
        ),
        (
            "trusted_proxies: [10.0.0]",
            "trusted_proxies[0]: \"10.0.0\": an IPv4 address has four parts; write 10.0.0.0/24",
        ),
    ]);
    let short = with("trusted_proxies: [0.0.0.0/7]");
    assert!(
        short[0].starts_with("trusted_proxies[0]: \"0.0.0.0/7\": a prefix shorter than /8 is refused"),
        "{short:?}"
    );
    assert_eq!(good("trusted_proxies:").trusted_proxies, []);
}

#[test]
fn admin_reports_every_bad_value_and_may_be_off() {
    rows(&[
        (
            "admin: 9901",
            "admin: found the number 9901, wanted an address such as 127.0.0.1:9901, unix:/run/nexmo-gate/admin.sock, or off",
        ),
        (
            "admin: { adress: \"127.0.0.1:1\" }",
            "admin.adress: unknown key; did you mean \"address\"? There are: address, allow_remote",
        ),
        (
            "admin: { address: \"[::]:9901\" }",
            "admin.address: [::]:9901 can be reached from other machines, and anyone who connects may reload and read the status; use 127.0.0.1 or unix:PATH, or set allow_remote: true",
        ),
        (
            "admin: { address: \"127.0.0.1:1\", allow_remote: yes please }",
            "admin.allow_remote: found the text \"yes please\", wanted true or false",
        ),
        ("admin: \"unix:\"", "admin: the path is missing; write unix:/run/app.sock"),
        ("admin: 127.0.0.1:8080", "admin: 127.0.0.1:8080 is taken by the listener on 0.0.0.0:8080"),
    ]);
    for text in ["admin: off", "admin: false", "admin:", "admin: null", "admin: ~"] {
        assert_eq!(good(text).admin, None, "{text}");
    }
    let tcp = |text: &str| Some(Admin { address: AdminAddress::Tcp(text.parse().unwrap()) });
    assert_eq!(good("admin: {}").admin, tcp("127.0.0.1:9901"));
    assert_eq!(good("admin: \"[::1]:1\"").admin, tcp("[::1]:1"));
    assert_eq!(good("admin: \"[::ffff:127.0.0.1]:1\"").admin, tcp("[::ffff:127.0.0.1]:1"));
}

#[test]
fn metrics_and_health_path_report_every_bad_value() {
    rows(&[
        ("metrics: {}", "metrics.address: missing; wanted an address such as 0.0.0.0:9902"),
        ("metrics: 0.0.0.0", "metrics: \"0.0.0.0\" has no port; write for example 0.0.0.0:8080"),
        ("metrics: 0.0.0.0:8080", "metrics: 0.0.0.0:8080 is taken by the listener on 0.0.0.0:8080"),
        (
            "metrics: { address: \"0.0.0.0:9901\" }",
            "metrics: 0.0.0.0:9901 is taken by the admin interface on 127.0.0.1:9901",
        ),
        ("health_path: \"/-/*\"", "health_path: must be one path, without a star"),
        (
            "health_path: /a\nroutes: [{ path: /b }, { path: /a }]",
            "health_path: /a is the path of routes[1] already",
        ),
    ]);
    assert_eq!(good("").metrics, None);
    assert_eq!(good("metrics: off").metrics, None);
    assert_eq!(good("metrics: 0.0.0.0:9902").metrics, "0.0.0.0:9902".parse().ok());
    assert_eq!(good("metrics: { address: \"[::]:1\" }").metrics, "[::]:1".parse().ok());
    assert_eq!(good("health_path:").health_path, None);
    assert_eq!(good("health_path: /-/healthy").health_path.as_deref(), Some("/-/healthy"));
}
