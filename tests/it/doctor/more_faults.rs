//! Faults that are seen on the gate's own machine, behind a proxy that is as it should be.

use super::cases;
use super::chain::Chain;
use super::plant::Plant::{
    Application, Gate, Inside, Later, LaterKey, NoApplication, NoGate, OpenApplication, Reviewed, Shown,
    Strangers, Text,
};
use super::plant::{self, Case, case};
use super::proxy::Proxy::{Caddy, HaproxyHttp, HaproxyThrough, Nginx};

#[rustfmt::skip]
const ALL: &[Case] = &[
    case("a list was not compared for years", Nginx, &[Reviewed("2020-01-01"), Inside], "lists.age"),
    case("denials are not carried out", Nginx, &[Gate("mode", "observe"), Inside], "gate.mode"),
    case("the application is down", Caddy, &[NoApplication, Inside], "upstream.answers"),
    case("the application speaks no HTTP", Nginx, &[Application(plant::Application::Garbage), Inside], "upstream.answers"),
    case("the application fails", Nginx, &[Application(plant::Application::Broken), Inside], "upstream.answers"),
    case("the application's clock is off", Nginx, &[Application(plant::Application::LongAgo), Inside], "time.clock"),
    case("the application listens on every address", HaproxyHttp, &[OpenApplication, Inside], "upstream.reach"),
    case("the admin address is open", Nginx, &[Gate("admin", "{ address: \"0.0.0.0:{SECOND}\", allow_remote: true }"), Inside], "admin.reach"),
    case("a large part of the internet is trusted", Nginx, &[Gate("trusted_proxies", "[\"127.0.0.1/32\", \"128.0.0.0/8\"]"), Inside], "client.trusted"),
    case("a list cannot be read any more", Nginx, &[Later("ranges/test.txt", "127.0.0.2/32\nnone\n"), Inside], "config.read"),
    case("the configuration cannot be read any more", Nginx, &[LaterKey("mode", "perhaps"), Inside], "config.read"),
    case("a key waits for a restart", HaproxyHttp, &[LaterKey("threads", "1"), Inside], "gate.files"),
    case("the gate is down", Nginx, &[NoGate, Inside], "gate.running"),
    case("the gate's own certificate is over", HaproxyThrough, &[Shown(Chain::Expired), Inside], "tls.files"),
    case("the gate's own chain is not whole", HaproxyThrough, &[Shown(Chain::LeafAlone), Inside], "tls.files"),
    case("the proxy names nobody", Nginx, &[Text("proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;", "proxy_set_header X-Forwarded-For \"\";"), Strangers(3), Inside], "client.named"),
    case("everybody is denied", Caddy, &[Strangers(21), Inside], "client.admitted"),
];

#[test]
#[ignore = "needs nginx, haproxy and caddy: make test-long"]
fn each_fault_of_the_gates_own_machine_is_named_and_no_other() {
    assert_eq!(ALL.len(), 17);
    cases::are_told(ALL);
}
