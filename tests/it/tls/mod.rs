//! TLS on the listeners: versions, names, certificates that change under way, certificates of senders, and what comes
//! before the handshake.

mod acme;
mod before;
mod certificates;
mod essentials;
mod handshake;
mod senders;
mod swaps;

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use rustls::{ClientConfig, ClientConnection};

use crate::harness::sender::transport;
use crate::harness::test_ca::{Authority, HOST, Pair};
use crate::harness::{ADMITTED, Gate, Reply, Sender, Setup, get};

/// A gate whose listener has these keys in `tls`, and its authority; `write` makes the files.
fn with_tls(upstream: &str, tls: &str, write: impl FnOnce(&Setup, &Authority)) -> (Setup, Authority) {
    let authority = Authority::new("Test CA");
    let setup = Setup::new(upstream);
    write(&setup, &authority);
    (setup.key("listen", &format!(r#"[{{ address: "127.0.0.1:0", tls: {{ {tls} }} }}]"#)), authority)
}

/// The usual one: one certificate for [`HOST`].
fn usual(upstream: &str, more: &str) -> (Setup, Authority) {
    let tls = format!("certificate: chain.pem, key: key.pem{more}");
    with_tls(upstream, &tls, |setup, authority| put(setup, "chain.pem", "key.pem", &authority.pair(&[HOST])))
}

fn put(setup: &Setup, chain: &str, key: &str, pair: &Pair) {
    setup.dir.write(chain, &pair.chain);
    setup.dir.write(key, &pair.key);
}

fn tcp(from: &str, to: SocketAddr) -> TcpStream {
    crate::harness::sender::tcp(from, to, None).expect("connect")
}

fn sender(from: &str, to: SocketAddr, config: &Arc<ClientConfig>, name: &str) -> Sender {
    Sender::over(transport::tls(tcp(from, to), Arc::clone(config), name))
}

/// One GET over a handshake of its own; the reply, and the certificate that was shown.
fn fetch(gate: &Gate, config: &Arc<ClientConfig>, name: &str) -> Result<(Reply, Vec<u8>), String> {
    let mut sender = sender(ADMITTED, gate.addr(), config, name);
    sender.try_send(&get("/hook")).map_err(|error| error.to_string())?;
    let reply = sender.try_reply().map_err(|cut| format!("{cut:?}"))?;
    let certificate = sender.handshake().expect("a handshake").certificate;
    Ok((reply, certificate))
}

fn leaf(pair: &Pair) -> Vec<u8> {
    pair.certificates()[0].to_vec()
}

/// The bytes that a client begins with.
fn client_hello(authority: &Authority) -> Vec<u8> {
    let name = HOST.try_into().expect("a name");
    let mut client = ClientConnection::new(Arc::new(authority.client_config()), name).expect("a client");
    let mut bytes = Vec::new();
    client.write_tls(&mut bytes).expect("a ClientHello");
    bytes
}
