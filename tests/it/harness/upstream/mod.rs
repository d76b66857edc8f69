//! The application behind the gate: a recording server that answers, or misbehaves, as its script says.

mod port;
pub mod script;
mod stream;

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use self::script::{Answer, echo};
use self::stream::{Stream, perform, read_body};
use super::PATIENCE;
use super::http::{Head, Wire};

pub use self::port::Port;

/// One request as it arrived.
#[derive(Clone, Debug, Default)]
pub struct Arrival {
    /// Number of the connection it came on, from 0 in the order of accept.
    pub connection: usize,
    pub head: Head,
    pub body: Vec<u8>,
    /// The status that was said completely: every byte of the script went out without an error.
    pub said: Option<u16>,
}

impl Arrival {
    fn word(&self, at: usize) -> String {
        String::from_utf8_lossy(self.head.start().split(|&b| b == b' ').nth(at).unwrap_or_default())
            .into_owned()
    }

    pub fn method(&self) -> String {
        self.word(0)
    }

    pub fn target(&self) -> String {
        self.word(1)
    }

    pub fn case(&self) -> Option<String> {
        self.head.one("x-case")
    }
}

#[derive(Default)]
struct Record {
    arrivals: Vec<Arrival>,
    connections: usize,
    /// Connections that are over, by whichever side.
    closed: usize,
    stopped: bool,
}

type Script = dyn Fn(&Arrival) -> Answer + Send + Sync;

struct Shared {
    record: Mutex<Record>,
    changed: Condvar,
    script: Box<Script>,
}

pub struct Upstream {
    shared: Arc<Shared>,
    address: Option<SocketAddr>,
    url: String,
}

impl Upstream {
    /// `script` is asked once for each request, when its head is there.
    pub fn start(script: impl Fn(&Arrival) -> Answer + Send + Sync + 'static) -> Self {
        Port::free("127.0.0.1").listen(script)
    }

    /// Speaks TLS; its URL names `localhost`.
    pub fn start_tls(
        config: Arc<ServerConfig>,
        script: impl Fn(&Arrival) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let port = Port::free("127.0.0.1");
        let url = format!("https://localhost:{}", port.address().port());
        let secured = move |stream| -> Box<dyn Stream> {
            let session = ServerConnection::new(Arc::clone(&config)).expect("a TLS session");
            Box::new(StreamOwned::new(session, stream))
        };
        let mut upstream = Self::accept_from(port.into_listener(), script, secured);
        upstream.url = url;
        upstream
    }

    fn accept_from(
        listener: TcpListener,
        script: impl Fn(&Arrival) -> Answer + Send + Sync + 'static,
        wrap: impl Fn(TcpStream) -> Box<dyn Stream> + Send + 'static,
    ) -> Self {
        let address = listener.local_addr().expect("the upstream's address");
        let shared = Shared::new(script);
        let acceptor = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let _ = stream.set_nodelay(true);
                if !acceptor.accept(wrap(stream)) {
                    return;
                }
            }
        });
        Self { shared, address: Some(address), url: format!("http://{address}") }
    }

    pub fn start_unix(path: &Path, script: impl Fn(&Arrival) -> Answer + Send + Sync + 'static) -> Self {
        let listener = UnixListener::bind(path).expect("an upstream socket");
        let shared = Shared::new(script);
        let acceptor = Arc::clone(&shared);
        thread::spawn(move || listener.incoming().flatten().all(|stream| acceptor.accept(Box::new(stream))));
        Self { shared, address: None, url: format!("unix:{}", path.display()) }
    }

    /// Answers every request with a complete 200 that repeats the request's target, so that no answer can be
    /// mistaken for another one's.
    pub fn echo() -> Self {
        Self::start(echo)
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn arrivals(&self) -> Vec<Arrival> {
        self.shared.record.lock().expect("record").arrivals.clone()
    }

    /// The same from number `from` on.
    pub fn arrivals_from(&self, from: usize) -> Vec<Arrival> {
        self.shared.record.lock().expect("record").arrivals.get(from..).unwrap_or_default().to_vec()
    }

    pub fn of_case(&self, case: &str) -> Vec<Arrival> {
        self.arrivals().into_iter().filter(|arrival| arrival.case().as_deref() == Some(case)).collect()
    }

    pub fn connections(&self) -> usize {
        self.shared.record.lock().expect("record").connections
    }

    /// Whether all but `open` connections are over within [`PATIENCE`].
    pub fn wait_open(&self, open: usize) -> bool {
        let record = self.shared.record.lock().expect("record");
        let over = |record: &mut Record| record.connections - record.closed > open;
        let (_record, waited) =
            self.shared.changed.wait_timeout_while(record, PATIENCE, over).expect("record");
        !waited.timed_out()
    }

    /// Blocks until `count` requests have arrived whole (head and, where the script reads it, body).
    pub fn wait_arrivals(&self, count: usize) {
        let record = self.shared.record.lock().expect("record");
        let (record, _) = self
            .shared
            .changed
            .wait_timeout_while(record, PATIENCE, |record| record.arrivals.len() < count)
            .expect("record");
        assert!(record.arrivals.len() >= count, "{} of {count} requests arrived", record.arrivals.len());
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        // A test that failed while it held the record has poisoned it, and a second panic would end the whole run.
        self.shared.record.lock().unwrap_or_else(PoisonError::into_inner).stopped = true;
        // One connection to ourselves lets the accept loop see that it is over.
        if let Some(address) = self.address {
            let _ = TcpStream::connect(address);
        }
    }
}

impl Shared {
    fn new(script: impl Fn(&Arrival) -> Answer + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { record: Mutex::default(), changed: Condvar::new(), script: Box::new(script) })
    }

    /// Serves the connection on a thread of its own; false when the upstream is over.
    fn accept(self: &Arc<Self>, stream: Box<dyn Stream>) -> bool {
        let number = {
            let mut record = self.record.lock().expect("record");
            if record.stopped {
                return false;
            }
            record.connections += 1;
            record.connections - 1
        };
        let shared = Arc::clone(self);
        thread::spawn(move || {
            let mut stream = stream;
            // Errors end the connection, as they would end an application's.
            let _ = shared.serve(&mut stream, number);
            shared.record.lock().expect("record").closed += 1;
            shared.changed.notify_all();
        });
        true
    }

    fn serve(&self, stream: &mut Box<dyn Stream>, connection: usize) -> io::Result<()> {
        let mut wire = Wire::default();
        while let Some(head) = wire.head(stream)? {
            let mut arrival = Arrival { connection, head, ..Arrival::default() };
            let answer = (self.script)(&arrival);
            if !answer.before_body {
                arrival.body = read_body(&mut wire, stream, &arrival.head)?;
            }
            let at = self.keep(arrival);
            let open = perform(&answer.acts, &mut wire, stream, || self.said(at, answer.says));
            if open.is_err() {
                self.said(at, None);
            }
            if !open? {
                return Ok(());
            }
        }
        Ok(())
    }

    fn said(&self, at: usize, status: Option<u16>) {
        self.record.lock().expect("record").arrivals.get_mut(at).expect("an arrival").said = status;
    }

    fn keep(&self, arrival: Arrival) -> usize {
        let mut record = self.record.lock().expect("record");
        record.arrivals.push(arrival);
        self.changed.notify_all();
        record.arrivals.len() - 1
    }
}
