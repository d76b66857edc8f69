//! The addresses of an endpoint's name, resolved in the background.
//!
//! A name is resolved when its endpoint is configured, and then every 30 s. It is resolved again at once, but not twice
//! within a second, when none of its addresses could be connected to: an application that was started anew has often
//! moved. If the name server fails, the last known addresses stay in use. If there are none, the name is resolved again each second, and requests fail at once. No
//! connection is opened here. Invariant: only a request that comes before the first result waits.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::lookup_host;
use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};

use crate::config::Target;

/// How often a name with known addresses is resolved again.
const RESOLVE_EVERY: Duration = Duration::from_secs(30);
/// How often a name without a known address is resolved again, and at most one whose addresses are doubted.
const RETRY_EVERY: Duration = Duration::from_secs(1);

/// The known addresses of an endpoint.
#[derive(Debug)]
pub(crate) struct Addresses {
    known: watch::Sender<Known>,
    doubted: Notify,
}

#[derive(Clone, Debug)]
enum Known {
    NotYet,
    No(Arc<str>),
    Yes(Arc<[SocketAddr]>),
}

/// A name to resolve, for as long as its endpoint is in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    host: String,
    port: u16,
}

impl Addresses {
    /// The addresses of a target, and its name if [`keep_fresh`] has to resolve one. An IP address needs no resolver,
    /// and a UNIX socket has no addresses.
    #[must_use]
    pub(crate) fn of(target: &Target) -> (Self, Option<Name>) {
        let (known, name) = match target {
            Target::Unix(_) => (Known::Yes(Arc::from([])), None),
            Target::Http { host, port } | Target::Https { host, port } => match host.parse::<IpAddr>() {
                Ok(ip) => (Known::Yes(Arc::from([SocketAddr::new(ip, *port)])), None),
                Err(_) => (Known::NotYet, Some(Name { host: host.clone(), port: *port })),
            },
        };
        (Self { known: watch::Sender::new(known), doubted: Notify::new() }, name)
    }

    /// The addresses in the order in which they are tried. Waits for the first result, for `max_wait` at most.
    ///
    /// # Errors
    /// No address is known: the cause, as a text.
    pub(crate) async fn known(&self, max_wait: Duration) -> Result<Arc<[SocketAddr]>, Arc<str>> {
        if let Known::Yes(list) = &*self.known.borrow() {
            return Ok(Arc::clone(list));
        }
        let mut changes = self.known.subscribe();
        let answer = timeout(max_wait, changes.wait_for(|known| !matches!(known, Known::NotYet))).await;
        let known = answer.ok().and_then(Result::ok).map_or(Known::NotYet, |known| known.clone());
        match known {
            Known::Yes(list) => Ok(list),
            Known::No(why) => Err(why),
            Known::NotYet => Err(Arc::from("the name is not resolved yet")),
        }
    }

    /// None of the addresses could be connected to, so they may be old: the name is resolved again soon.
    pub(crate) fn doubt(&self) {
        self.doubted.notify_one();
    }

    /// Addresses that a resolver has returned.
    #[cfg(test)]
    pub(crate) fn answered(list: impl Into<Vec<SocketAddr>>) -> Self {
        Self { known: watch::Sender::new(Known::Yes(Arc::from(list.into()))), doubted: Notify::new() }
    }

    /// Stores a result of the resolver; true if addresses are known, new or old ones.
    fn store(&self, answer: Result<Arc<[SocketAddr]>, ResolveError>) -> bool {
        match answer {
            Ok(list) => {
                self.known.send_replace(Known::Yes(list));
                true
            }
            Err(why) => !self.known.send_if_modified(|known| {
                let is_none = !matches!(known, Known::Yes(_));
                if is_none {
                    *known = Known::No(Arc::from(why.to_string()));
                }
                is_none
            }),
        }
    }
}

/// Why a name has no addresses.
#[derive(Debug, thiserror::Error)]
enum ResolveError {
    /// The resolver knows none.
    #[error("the name has no address")]
    Empty,
    /// The resolver says why.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The resolver says nothing.
    #[error("the resolver does not answer")]
    Silent,
}

/// Resolves the name with the system's resolver, at regular intervals, without end.
pub(crate) async fn keep_fresh(addresses: &Addresses, name: &Name) {
    keep_resolving(addresses, name, || lookup(name)).await;
}

async fn lookup(name: &Name) -> io::Result<Vec<SocketAddr>> {
    Ok(lookup_host((name.host.as_str(), name.port)).await?.collect())
}

pub(super) async fn keep_resolving<F: Future<Output = io::Result<Vec<SocketAddr>>>>(
    addresses: &Addresses,
    name: &Name,
    resolve: impl Fn() -> F,
) {
    let mut failing = false;
    loop {
        let answer = match timeout(RESOLVE_EVERY, resolve()).await {
            Ok(Ok(list)) if list.is_empty() => Err(ResolveError::Empty),
            Ok(Ok(list)) => Ok(Arc::from(list)),
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(ResolveError::Silent),
        };
        // Log only changes: a name server that is down for a day fails thousands of times.
        match &answer {
            Err(error) if !failing => tracing::warn!(host = name.host, %error, "upstream name not resolved"),
            Ok(_) if failing => tracing::info!(host = name.host, "upstream name resolved again"),
            _ => {}
        }
        failing = answer.is_err();
        let usable = addresses.store(answer);
        if usable {
            let _ = timeout(RESOLVE_EVERY, doubts(addresses)).await;
        } else {
            sleep(RETRY_EVERY).await;
        }
    }
}

/// Waits until the addresses are doubted. An application that is down is doubted with every request, so a doubt is not
/// heard before [`RETRY_EVERY`] is over; one that came in this time is heard then.
async fn doubts(addresses: &Addresses) {
    sleep(RETRY_EVERY).await;
    addresses.doubted.notified().await;
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use super::*;

    const LONG: Duration = Duration::from_secs(1);

    fn app() -> (Addresses, Name) {
        let (addresses, name) = Addresses::of(&Target::Http { host: "app.example".to_owned(), port: 80 });
        (addresses, name.unwrap())
    }

    fn address(last: u8) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, last], 80))
    }

    fn broken() -> io::Result<Vec<SocketAddr>> {
        Err(io::Error::other("no name server"))
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_of_numbers_needs_no_resolver() {
        let (addresses, name) = Addresses::of(&Target::Https { host: "::1".to_owned(), port: 8443 });
        assert_eq!(name, None);
        assert_eq!(*addresses.known(LONG).await.unwrap(), ["[::1]:8443".parse().unwrap()]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_name_is_asked_for_every_half_minute_and_a_failure_keeps_what_is_known() {
        let (addresses, name) = app();
        let asked = RefCell::new(Vec::new());
        let began = tokio::time::Instant::now();
        let ask = || {
            let mut asked = asked.borrow_mut();
            asked.push(began.elapsed().as_secs());
            let answer = match asked.len() {
                1 => Ok(vec![address(1), address(2)]),
                2 => Ok(vec![address(3)]),
                3 => Ok(vec![]),
                _ => broken(),
            };
            std::future::ready(answer)
        };
        let look = async {
            let mut seen = Vec::new();
            // One second later than the resolver, so that the order of the two is certain.
            sleep(LONG).await;
            for _ in 0..4 {
                seen.push(addresses.known(LONG).await.unwrap().to_vec());
                sleep(RESOLVE_EVERY).await;
            }
            seen
        };
        let seen = tokio::select! {
            biased;
            seen = look => seen,
            () = keep_resolving(&addresses, &name, ask) => unreachable!(),
        };
        let two = vec![address(1), address(2)];
        assert_eq!(seen, [two, vec![address(3)], vec![address(3)], vec![address(3)]]);
        assert_eq!(asked.borrow()[..4], [0, 30, 60, 90]);
    }

    #[tokio::test(start_paused = true)]
    async fn without_any_address_requests_fail_at_once_and_the_next_second_asks_again() {
        let (addresses, name) = app();
        let asked = Cell::new(0);
        let ask = || {
            asked.set(asked.get() + 1);
            std::future::ready(if asked.get() < 3 { broken() } else { Ok(vec![address(9)]) })
        };
        let look = async {
            let began = tokio::time::Instant::now();
            assert_eq!(&*addresses.known(LONG).await.unwrap_err(), "no name server");
            assert_eq!(began.elapsed(), Duration::ZERO, "the resolver has failed: nothing to wait for");
            sleep(RETRY_EVERY * 2 + RETRY_EVERY / 2).await;
            addresses.known(LONG).await.unwrap()
        };
        let list = tokio::select! {
            list = look => list,
            () = keep_resolving(&addresses, &name, ask) => unreachable!(),
        };
        assert_eq!((&*list, asked.get()), ([address(9)].as_slice(), 3));
    }

    #[tokio::test(start_paused = true)]
    async fn doubted_addresses_are_asked_for_at_once_but_not_twice_in_a_second() {
        let (addresses, name) = app();
        let began = tokio::time::Instant::now();
        let asked = RefCell::new(Vec::new());
        let ask = || {
            asked.borrow_mut().push(began.elapsed().as_millis());
            // The fourth answer is a failure: what is known stays, and may be doubted again.
            std::future::ready(if asked.borrow().len() == 4 { broken() } else { Ok(vec![address(1)]) })
        };
        let requests = async {
            // Nothing was asked for a while: at once.
            sleep(LONG * 10).await;
            // Then a crowd of requests to an application that is down, ten each second.
            for _ in 0..25 {
                (0..3).for_each(|_| addresses.doubt());
                sleep(LONG / 10).await;
            }
            // The last doubt is heard when its second is over, and then there is peace.
            sleep(LONG * 20).await;
        };
        tokio::select! {
            () = requests => {}
            () = keep_resolving(&addresses, &name, ask) => unreachable!(),
        }
        assert_eq!(*asked.borrow(), [0, 10_000, 11_000, 12_000, 13_000]);
        assert_eq!(*addresses.known(LONG).await.unwrap(), [address(1)]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_before_the_first_answer_waits_for_it_but_not_for_ever() {
        let (addresses, name) = app();
        let slow = || async {
            sleep(LONG / 2).await;
            Ok(vec![address(1)])
        };
        let list = tokio::select! {
            list = addresses.known(LONG) => list,
            () = keep_resolving(&addresses, &name, slow) => unreachable!(),
        };
        assert_eq!(*list.unwrap(), [address(1)]);
        let (addresses, name) = app();
        let began = tokio::time::Instant::now();
        let list = tokio::select! {
            list = addresses.known(LONG) => list,
            () = keep_resolving(&addresses, &name, std::future::pending) => unreachable!(),
        };
        assert_eq!((&*list.unwrap_err(), began.elapsed()), ("the name is not resolved yet", LONG));
    }
}
