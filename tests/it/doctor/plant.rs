//! How a fault is planted, and where.

use super::chain::Chain;
use super::proxy::Proxy;

/// One change of a sound deployment. In texts, `{OWN}` is the proxy's address, `{SECOND}`, `{THIRD}` and `{PLAIN}` are free
/// ports, `{APP}` is the application's port.
#[derive(Clone, Copy, Debug)]
pub enum Plant {
    /// In the proxy's configuration, what stands there exactly once.
    Text(&'static str, &'static str),
    /// Behind the proxy's configuration.
    More(&'static str),
    /// A key of the gate's configuration.
    Gate(&'static str, &'static str),
    /// The certificate that is shown.
    Shown(Chain),
    /// The date on which the list was compared with the vendor's article.
    Reviewed(&'static str),
    /// The application listens on every address.
    OpenApplication,
    /// What the application answers.
    Application(Application),
    /// The gate's clock is moved.
    Clock(&'static str),
    /// More arguments of the doctor.
    Doctor(&'static [&'static str]),
    /// The doctor looks from the gate's own machine.
    Inside,
    /// The gate is stopped when the doctor asks for that.
    Stopped,
    /// So many requests come through the proxy first, from an address in no list.
    Strangers(usize),
    /// A file of the gate is changed while it runs.
    Later(&'static str, &'static str),
    /// A key is changed while it runs.
    LaterKey(&'static str, &'static str),
    /// The application ends.
    NoApplication,
    /// The gate ends.
    NoGate,
}

/// What the application answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Application {
    /// 200
    Good,
    /// No HTTP.
    Garbage,
    /// 500
    Broken,
    /// A Date of long ago.
    LongAgo,
    /// 101 for who asks for a tunnel.
    Tunnel,
}

/// A deployment with a fault, and the one check that must be red; none where it is sound.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    pub name: &'static str,
    pub proxy: Proxy,
    pub plants: &'static [Plant],
    pub red: Option<&'static str>,
}

pub const fn case(name: &'static str, proxy: Proxy, plants: &'static [Plant], red: &'static str) -> Case {
    Case { name, proxy, plants, red: Some(red) }
}

pub const fn sound(name: &'static str, proxy: Proxy, plants: &'static [Plant]) -> Case {
    Case { name, proxy, plants, red: None }
}
