//! A gate's configuration: five listeners, one route for everything, small limits; and the addresses that matter.

use std::fmt::Write as _;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use crate::attacker::Way;
use crate::test_ca::{Authority, HOST};

/// `limits.head_timeout`, `limits.body_timeout`, `limits.keepalive`.
pub const HEAD: Duration = Duration::from_secs(1);
pub const BODY: Duration = Duration::from_secs(1);
pub const KEEPALIVE: Duration = Duration::from_secs(2);
/// What the gate has no setting for: how long an answer may wait to be taken, how long what a sender goes on sending
/// behind its answer is read over, how long an idle HTTP/2 connection may take to hear that it ends, and how long the
/// last words may take.
pub const WRITE: Duration = Duration::from_secs(10);
pub const LINGER: Duration = Duration::from_secs(2);
pub const PARTING: Duration = Duration::from_secs(2);
pub const GOODBYE: Duration = Duration::from_secs(1);
/// `drain.grace`; the route's deadline is as long.
pub const GRACE: Duration = Duration::from_secs(3);

/// Who is admitted and served.
pub const SENDER: &str = "127.0.0.2";
/// Who is admitted and attacks. It is one client, also where a proxy names it: two of them could take all that there is,
/// since each is trusted with three quarters (docs/limits.md).
pub const LISTED: [u8; 4] = [127, 0, 1, 1];
/// The first of the trusted proxies.
pub const PROXY: [u8; 4] = [127, 0, 9, 1];

/// What a denied sender hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    Forbid,
    Hide,
    Retry,
    Drop,
    /// `mode: observe`: nobody is denied.
    Observe,
}

/// How large the limits are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sizes {
    /// So small that the formula bites.
    Tight,
    /// Those of a configuration that names none.
    Default,
}

#[derive(Clone, Copy, Debug)]
pub struct Terms {
    pub judgement: Judgement,
    pub sizes: Sizes,
}

impl Terms {
    /// The configuration, in a few words.
    pub fn words(self) -> String {
        let judgement = match self.judgement {
            Judgement::Forbid => "forbid",
            Judgement::Hide => "hide",
            Judgement::Retry => "retry",
            Judgement::Drop => "drop",
            Judgement::Observe => "observe",
        };
        match self.sizes {
            Sizes::Tight => judgement.to_owned(),
            Sizes::Default => format!("{judgement}, default sizes"),
        }
    }
}

/// Which of the listeners, by its place in the configuration.
pub fn door(way: Way, proxied: bool) -> usize {
    match (way.is_secured(), proxied) {
        (false, false) => usize::from(way == Way::H2c),
        (true, false) => 2,
        (false, true) => 3,
        (true, true) => 4,
    }
}

pub struct Site {
    dir: TempDir,
    pub terms: Terms,
}

impl Site {
    pub fn new(terms: Terms, application: &str) -> Self {
        let dir = TempDir::with_prefix("nexmo-gate-siege-").expect("a folder");
        let authority = Authority::new("Siege CA");
        let pair = authority.pair(&[HOST]);
        let put = |name: &str, text: &str| fs::write(dir.path().join(name), text).expect("a file");
        fs::create_dir(dir.path().join("ranges")).expect("a folder");
        put("authority.pem", &authority.pem);
        put("chain.pem", &pair.chain);
        put("key.pem", &pair.key);
        let listed = IpAddr::from(LISTED);
        put("ranges/test.txt", &format!("{SENDER}/32\n{listed}/32\n"));
        put("secret", "the secret of the account, which nobody here knows");
        put("config.yaml", &config(terms, application));
        Self { dir, terms }
    }

    pub fn config(&self) -> PathBuf {
        self.dir.path().join("config.yaml")
    }

    pub fn authority(&self) -> String {
        self.path().join("authority.pem").display().to_string()
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }
}

fn config(terms: Terms, application: &str) -> String {
    let tls = "tls: { certificate: chain.pem, key: key.pem }, http2: true";
    let doors = [
        "",
        ", http2: true",
        &format!(", {tls}"),
        ", proxy_protocol: true, http2: true",
        &format!(", proxy_protocol: true, {tls}"),
    ]
    .map(|more| format!(r#"{{ address: "127.0.0.1:0"{more} }}"#));
    let (deny, mode) = match terms.judgement {
        Judgement::Forbid => ("forbid", "enforce"),
        Judgement::Hide => ("hide", "enforce"),
        Judgement::Retry => ("retry", "enforce"),
        Judgement::Drop => ("drop", "enforce"),
        Judgement::Observe => ("forbid", "observe"),
    };
    let sizes = match terms.sizes {
        Sizes::Tight => ", connections: 400, concurrent_requests: 128, buffers: 8MiB",
        Sizes::Default => "",
    };
    let times = format!(
        "head_timeout: {}s, body_timeout: {}s, keepalive: {}s",
        HEAD.as_secs(),
        BODY.as_secs(),
        KEEPALIVE.as_secs()
    );
    let mut text = String::new();
    for (key, value) in [
        ("listen", format!("[{}]", doors.join(", "))),
        ("upstream", format!("{application:?}")),
        ("ranges", "ranges/".to_owned()),
        ("trusted_proxies", "[127.0.9.0/24]".to_owned()),
        ("deny", deny.to_owned()),
        ("mode", mode.to_owned()),
        (
            "routes",
            format!(
                r#"[{{ path: "/signed/*", webhook: sms-inbound, allow: [test], signature: require, deadline: {0}s }}, {{ path: "/*", webhook: generic, allow: [test], signature: off, deadline: {0}s }}]"#,
                GRACE.as_secs()
            ),
        ),
        ("signatures", "{ secrets: [{ api_key: a1b2c3d, file: secret }], unlisted: admit }".to_owned()),
        ("limits", format!("{{ {times}{sizes} }}")),
        ("drain", format!("{{ grace: {}s }}", GRACE.as_secs())),
        ("admin", r#"{ address: "127.0.0.1:0" }"#.to_owned()),
        ("log", "{ format: json, level: info, access: stdout }".to_owned()),
    ] {
        writeln!(text, "{key}: {value}").expect("a string takes everything");
    }
    text
}
