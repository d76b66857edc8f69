//! TLS on an attacker's connection, and handshakes that are made by hand.

use std::io::{self, ErrorKind};
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use super::{Field, Line, Orders, Way};
use crate::test_ca::HOST;

/// A client that trusts the gate's authority.
pub fn client(orders: &Orders) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_file(&orders.authority).expect("--authority is a PEM file");
    roots.add(authority).expect("an authority");
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let mut client = builder
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let word: &[u8] = if orders.way == Way::H2 { b"h2" } else { b"http/1.1" };
    client.alpn_protocols = vec![word.to_vec()];
    // Each handshake is to cost the gate what it can.
    client.resumption = Resumption::disabled();
    Arc::new(client)
}

pub fn handshake(client: &Arc<ClientConfig>) -> ClientConnection {
    let name = HOST.to_owned().try_into().expect("a host name");
    ClientConnection::new(Arc::clone(client), name).expect("a client")
}

impl Line {
    /// A handshake that is made by hand: the client, and its first flight.
    pub fn hello(field: &Field) -> (ClientConnection, Vec<u8>) {
        let mut tls = handshake(field.tls.as_ref().expect("an attack on TLS"));
        let mut hello = Vec::new();
        tls.write_tls(&mut hello).expect("a vector takes everything");
        (tls, hello)
    }

    /// Reads the gate's flight; the client's answer to it, which is not sent.
    pub async fn answer_to_flight(&mut self, tls: &mut ClientConnection) -> io::Result<Vec<u8>> {
        let mut room = [0u8; 16 << 10];
        while tls.is_handshaking() {
            self.stream.readable().await?;
            let count = match self.stream.try_read(&mut room) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                Err(error) => return Err(error),
            };
            let mut bytes = &room[..count];
            while !bytes.is_empty() {
                tls.read_tls(&mut bytes)?;
                tls.process_new_packets().map_err(io::Error::other)?;
            }
        }
        let mut answer = Vec::new();
        while tls.wants_write() {
            tls.write_tls(&mut answer)?;
        }
        Ok(answer)
    }
}
