//! `doctor --outside`: looks at the gate from elsewhere, through whatever stands in front of it.
//!
//! The first request shows that who runs the gate let the doctor in: the gate answers it by the token, with a proof that only the
//! token's secret makes, and after each round once more. What has no proof is nobody's word but of who stands in front. Invariant: nothing is probed before that, and nothing but the gate's own name, its addresses and those that the operator named.
//!
//! | file | noun |
//! | --- | --- |
//! | [`order`] | what the doctor is to look at |
//! | [`place`] | the URL, and the addresses behind it |
//! | [`visitor`] | connections within the bounds of a run |
//! | [`tally`] | how often each question was sent, and came |
//! | [`shown`] | the certificates that were shown |
//! | [`answer`] | the answers on a connection |
//! | [`probes`] | what is sent, as data |
//! | [`course`] | one run: the place, the token, what was found |
//! | [`rounds`] | the questions, one file for each group |

pub(crate) mod answer;
pub(crate) mod course;
pub(crate) mod order;
pub(crate) mod place;
pub(crate) mod probes;
pub(crate) mod rounds;
pub(crate) mod shown;
pub(crate) mod tally;
pub(crate) mod visitor;

use std::sync::Arc;
use std::time::SystemTime;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use self::course::{Course, Proven};
use self::order::Order;
use self::place::Place;
use self::rounds::{bypass, client, front, proof, protocol, repeat, tls, truth};
use crate::admin::status::rfc3339;
use crate::cli::doctor::checks::Check;
use crate::cli::doctor::report::{Finding, Report};
use crate::cli::doctor::verdict::passage;
use crate::cli::{Failure, USAGE, failed};
use crate::files::file;

/// Looks, and says what was found.
///
/// # Errors
/// The order cannot be carried out.
pub(crate) fn examine(order: &Order) -> Result<Report, Failure> {
    let usage = |line: String| Failure { code: USAGE, lines: vec![line] };
    let place = Place::read(&order.url).map_err(|error| usage(format!("--outside: {error}")))?;
    let roots = Arc::new(roots(order)?);
    let addresses = match order.connect.as_slice() {
        [] => place.look_up().map_err(|error| failed(error.to_string()))?,
        named => named.to_vec(),
    };
    let subject = match order.from {
        Some(from) => format!("{} from {from}", place.url),
        None => place.url.clone(),
    };
    let at = rfc3339(SystemTime::now());
    let mut course =
        Course::new(place, addresses, order, roots).map_err(|error| failed(error.to_string()))?;
    if let Some(proven) = proof::ask(&mut course)
        && go_round(&mut course, &proven)
    {
        course.found(Finding::pass(Check::ProofWhole, "all of it"));
        course.found(passage::speed(&course.waits, proven.front));
        course.found(passage::once(&course.visitor.tally, proven.front));
        if order.drill {
            truth::drill(&mut course);
        }
    }
    course.findings.sort_by_key(|finding| finding.check);
    Ok(Report { subject, at, findings: course.findings })
}

/// Asks one group of questions after the other; whether all were asked, by the token.
fn go_round(course: &mut Course, proven: &Proven) -> bool {
    let rounds = [repeat::ask, tls::ask, client::ask, front::ask, truth::ask, protocol::ask, bypass::ask];
    for round in rounds {
        let before = course.findings.len();
        round(course, proven);
        // A token that ended meanwhile makes the gate answer as it answers any stranger.
        let ended = if course.visitor.is_over() { None } else { proof::ended(course, proven.front) };
        if ended.is_some() || course.visitor.is_over() {
            // What the round found may be what was not asked any more, or not answered by the token.
            course.findings.truncate(before);
            proof::is_cut_short(course, ended);
            return false;
        }
    }
    true
}

/// The authorities that senders are taken to trust.
fn roots(order: &Order) -> Result<RootCertStore, Failure> {
    let mut roots = RootCertStore::empty();
    let Some(path) = &order.cacert else {
        // A machine without authorities says so with every certificate.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        return Ok(roots);
    };
    let unusable = |why: String| failed(format!("--cacert: {}: {why}", path.display()));
    let bytes = file::read(path, file::MAX_PEM).map_err(|error| unusable(error.to_string()))?;
    for one in CertificateDer::pem_slice_iter(&bytes) {
        let one = one.map_err(|error| unusable(error.to_string()))?;
        roots.add(one).map_err(|error| unusable(error.to_string()))?;
    }
    if roots.is_empty() { Err(unusable("holds no certificate".to_owned())) } else { Ok(roots) }
}
