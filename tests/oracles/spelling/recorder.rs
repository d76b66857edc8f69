//! An application that is as fast as the gate and understands nothing: it says by which socket a request came, and what
//! host and target stood in it. What those mean is asked of real ones afterwards.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::thread;

use super::Spelling;
use crate::applications::socket;
use crate::harness::scratch::Scratch;

pub struct Recorder {
    folder: Scratch,
}

impl Recorder {
    pub fn start(routes: usize) -> Self {
        let folder = Scratch::new();
        for route in 0..routes {
            let listener = UnixListener::bind(socket(folder.path(), route)).expect("a socket");
            thread::spawn(move || {
                for stream in listener.incoming().flatten() {
                    thread::spawn(move || serve(&stream, route));
                }
            });
        }
        Self { folder }
    }

    pub fn socket(&self, route: usize) -> PathBuf {
        socket(self.folder.path(), route)
    }

    /// Reads the body of its answer.
    pub fn read(body: &[u8]) -> (usize, Spelling) {
        let mut lines = body.splitn(3, |byte| *byte == b'\n').map(<[u8]>::to_vec);
        let mut next = || lines.next().expect("three lines");
        let (route, host, target) = (next(), next(), next());
        (String::from_utf8_lossy(&route).parse().expect("a route"), Spelling { target, host })
    }
}

fn serve(stream: &UnixStream, route: usize) {
    let mut reader = BufReader::new(stream);
    let mut line = Vec::new();
    loop {
        let (mut target, mut host) = (Vec::new(), Vec::new());
        loop {
            line.clear();
            if !matches!(reader.read_until(b'\n', &mut line), Ok(count) if count > 0) {
                return;
            }
            let text = line.strip_suffix(b"\r\n").expect("whole lines");
            if text.is_empty() {
                break;
            } else if target.is_empty() {
                target = text.split(|byte| *byte == b' ').nth(1).expect("a target").to_vec();
            } else if text.len() > 5 && text[..5].eq_ignore_ascii_case(b"host:") {
                host = text[5..].trim_ascii().to_vec();
            }
        }
        let body = [route.to_string().as_bytes(), &host, &target].join(&b'\n');
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        if (&*stream).write_all(&[head.as_bytes(), &body].concat()).is_err() {
            return;
        }
    }
}
