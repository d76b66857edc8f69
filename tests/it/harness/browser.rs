//! Headless Chromium, told what to do over its debugging pipe: messages of JSON, each ended by a zero byte.
//!
//! The shell moves the pipes to the descriptors 3 and 4, where Chromium wants them. No port, no driver.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde_json::{Value, json};

use super::scratch::Scratch;

/// Starting a browser takes seconds where others build.
const WITHIN: Duration = Duration::from_secs(60);
const FLAGS: [&str; 10] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-pipe",
];

/// One tab of a browser with a profile of its own.
pub struct Browser {
    child: Child,
    commands: ChildStdin,
    messages: Receiver<Value>,
    heard: Vec<Value>,
    sent: u64,
    session: String,
    profile: Scratch,
}

impl Browser {
    /// Starts `program` and opens an empty tab.
    pub fn start(program: &str) -> Self {
        let profile = Scratch::new();
        let mut command = Command::new("sh");
        command.args(["-c", r#"exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null 2>&1"#, program]).args(FLAGS);
        command.arg(format!("--user-data-dir={}", profile.path().display())).arg("about:blank");
        // It leaves a folder for its sockets there when it is killed.
        command.env("TMPDIR", profile.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
        let mut child = command.spawn().expect("a shell");
        let commands = child.stdin.take().expect("stdin");
        let mut answers = BufReader::new(child.stdout.take().expect("stdout"));
        let (sender, messages) = mpsc::channel();
        thread::spawn(move || {
            let mut message = Vec::new();
            while answers.read_until(0, &mut message).is_ok_and(|length| length > 0) {
                let end = message.len() - usize::from(message.ends_with(&[0]));
                let Ok(value) = serde_json::from_slice(&message[..end]) else { return };
                if sender.send(value).is_err() {
                    return;
                }
                message.clear();
            }
        });
        let (heard, session) = (Vec::new(), String::new());
        let mut browser = Self { child, commands, messages, heard, sent: 0, session, profile };
        let tab = browser.call("Target.createTarget", &json!({ "url": "about:blank" }));
        let attached = json!({ "targetId": tab["targetId"], "flatten": true });
        let attached = browser.call("Target.attachToTarget", &attached);
        attached["sessionId"].as_str().expect("a session").clone_into(&mut browser.session);
        for domain in ["Page", "Runtime", "Log"] {
            browser.call(&format!("{domain}.enable"), &json!({}));
        }
        browser
    }

    /// A command and its result.
    pub fn call(&mut self, method: &str, parameters: &Value) -> Value {
        self.sent += 1;
        let mut message = json!({ "id": self.sent, "method": method, "params": parameters });
        if !self.session.is_empty() {
            message["sessionId"] = json!(self.session);
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        self.commands.write_all(&bytes).expect("the browser listens");
        let id = self.sent;
        let mut answer = self.wait(method, |message| message["id"] == id);
        assert!(answer["error"].is_null(), "{method}: {answer}");
        answer["result"].take()
    }

    /// Reads messages until one is `wanted`; the others are kept.
    fn wait(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + WITHIN;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let message = self.messages.recv_timeout(left).unwrap_or_else(|error| panic!("{what}: {error}"));
            if wanted(&message) {
                return message;
            }
            self.heard.push(message);
        }
    }

    /// Shows the page on a screen of this width, in `light` or `dark`, and waits until it is loaded.
    pub fn open(&mut self, url: &str, width: u32, scheme: &str) {
        let screen = json!({ "width": width, "height": 740, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.call("Emulation.setDeviceMetricsOverride", &screen);
        let feature = json!({ "name": "prefers-color-scheme", "value": scheme });
        self.call("Emulation.setEmulatedMedia", &json!({ "features": [feature] }));
        let is_loaded = |message: &Value| message["method"] == "Page.loadEventFired";
        // That of a page before this one is not meant.
        self.heard.retain(|message| !is_loaded(message));
        let navigated = self.call("Page.navigate", &json!({ "url": url }));
        assert!(navigated["errorText"].is_null(), "{navigated}");
        if !self.heard.iter().any(is_loaded) {
            self.wait("the page", is_loaded);
        }
    }

    /// Waits until the page that a link led to is loaded.
    pub fn wait_loaded(&mut self) {
        let is_loaded = |message: &Value| message["method"] == "Page.loadEventFired";
        if let Some(at) = self.heard.iter().position(is_loaded) {
            self.heard.remove(at);
            return;
        }
        self.wait("the page", is_loaded);
    }

    /// A picture of the whole page, as PNG.
    pub fn picture(&mut self, width: u32) -> Vec<u8> {
        let height = self.value("document.documentElement.scrollHeight");
        let clip = json!({ "x": 0, "y": 0, "width": width, "height": height, "scale": 1 });
        let parameters = json!({ "format": "png", "captureBeyondViewport": true, "clip": clip });
        let shot = self.call("Page.captureScreenshot", &parameters);
        base64(shot["data"].as_str().expect("a picture"))
    }

    /// The value of an expression, evaluated by the browser itself: no policy of the page forbids it.
    pub fn value(&mut self, expression: &str) -> Value {
        let mut result =
            self.call("Runtime.evaluate", &json!({ "expression": expression, "returnByValue": true }));
        assert!(result["exceptionDetails"].is_null(), "{result}");
        result["result"]["value"].take()
    }

    /// Whether the sockets that it leaves behind are in its own folder, which ends with it.
    pub fn keeps_to_its_folder(&self) -> bool {
        let socket = self.profile.path().join("SingletonSocket");
        std::fs::read_link(socket).is_ok_and(|place| place.starts_with(self.profile.path()))
    }

    /// What the browser had to say about the pages so far: console, errors, breaches of the policy.
    pub fn complaints(&mut self) -> Vec<Value> {
        let is_complaint = |message: &Value| {
            let method = message["method"].as_str().unwrap_or_default();
            ["Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown"].contains(&method)
        };
        let (complaints, rest) = std::mem::take(&mut self.heard).into_iter().partition(is_complaint);
        self.heard = rest;
        complaints
    }
}

/// The bytes that a text of base64 stands for.
fn base64(text: &str) -> Vec<u8> {
    let digits = text.bytes().filter_map(|byte| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    });
    let (mut bytes, mut bits, mut count) = (Vec::new(), 0u32, 0);
    for digit in digits {
        bits = bits << 6 | u32::from(digit);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count).to_le_bytes()[0]);
            bits &= (1 << count) - 1;
        }
    }
    bytes
}

impl Drop for Browser {
    fn drop(&mut self) {
        // All of its processes are in the group that it leads.
        let group = Pid::from_raw(i32::try_from(self.child.id()).unwrap_or(i32::MAX));
        let _ = killpg(group, Signal::SIGKILL);
        let _ = self.child.wait();
    }
}
