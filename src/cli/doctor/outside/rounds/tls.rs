//! Certificates and versions of TLS, and the clocks.

use std::io::{Read as _, Write as _};
use std::time::Duration;

use crate::cli::doctor::checks::Check;
use crate::cli::doctor::outside::course::{Course, Proven};
use crate::cli::doctor::outside::probes::{is_old_choice, old_hello};
use crate::cli::doctor::outside::shown::{Versions, is_vouched};
use crate::cli::doctor::outside::visitor::Way;
use crate::cli::doctor::report::Finding;
use crate::cli::doctor::verdict::tls::{self, Spoken};

/// How far two clocks may differ: what is signed may lie this far in the future by default, and more.
const APART_MS: u64 = 5_000;

/// Asks.
pub(crate) fn ask(course: &mut Course, proven: &Proven) {
    course.found(clock(proven));
    if !course.place.https {
        course.found(Finding::warn(
            Check::TlsUsed,
            "the URL is one of http: messages and signatures can be read on the way",
            "tls: at the listener, or https in front; then give the provider the https URL",
        ));
        return;
    }
    course.found(Finding::pass(Check::TlsUsed, "https"));
    let shown = &proven.heard.shown;
    let Some(leaf) = tls::leaf(shown) else {
        course.found(Finding::fail(
            Check::TlsChain,
            "the certificate cannot be read",
            "use another certificate",
        ));
        return;
    };
    // At a time and for a name that suit the certificate: those have checks of their own.
    let now = i64::try_from(proven.now_ms / 1000).unwrap_or(i64::MAX);
    let at = now.clamp(leaf.not_before, leaf.not_after.max(leaf.not_before));
    let name = leaf.names.first().map_or(course.place.host.as_str(), String::as_str).replace("*.", "any.");
    let vouched = is_vouched(&course.roots, shown, &name, u64::try_from(at).unwrap_or(0));
    course.found(tls::whole(&leaf, shown.len(), vouched, proven.front));
    course.found(tls::name(&leaf, &course.place.host));
    course.found(tls::life(&leaf, now));
    let spoken = Spoken {
        tls12: speaks(course, Versions::Only12),
        tls13: speaks(course, Versions::Only13),
        older: speaks_older(course),
    };
    course.found(tls::versions(spoken, proven.front));
}

fn speaks(course: &mut Course, versions: Versions) -> bool {
    let way = Way { versions, ..course.way() };
    let request = course.request("GET", &course.target(""), "", b"");
    course.visitor.ask(&way, &[&request]).is_ok_and(|heard| heard.tls.is_some())
}

/// Only the first bytes of the answer are read: nothing here could go on.
fn speaks_older(course: &Course) -> bool {
    let Ok(mut socket) = course.visitor.connect(course.first()) else { return false };
    let within = Some(Duration::from_secs(2).min(course.visitor.left().max(Duration::from_millis(1))));
    if socket.set_read_timeout(within).is_err() || socket.write_all(&old_hello()).is_err() {
        return false;
    }
    let mut bytes = [0; 11];
    socket.read_exact(&mut bytes).is_ok() && is_old_choice(&bytes)
}

fn clock(proven: &Proven) -> Finding {
    let apart = proven.now_ms.abs_diff(proven.seen.now_ms);
    let seconds = std::time::Duration::from_millis(apart).as_secs_f64();
    if apart <= APART_MS {
        return Finding::pass(
            Check::TimeClock,
            format!("the gate's and this machine's are {seconds:.1} s apart"),
        );
    }
    Finding::warn(
        Check::TimeClock,
        format!(
            "the gate's clock and this machine's are {seconds:.0} s apart: good signatures count as stale"
        ),
        "let both follow a time server: timedatectl set-ntp true",
    )
}
