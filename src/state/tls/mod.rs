//! The TLS of the listeners in one snapshot: certificates, versions and protocols.
//!
//! Certificates are hot. Invariant: a pair of files that cannot be used never replaces one that can; the last
//! good certificate stays, and the problem is reported.
//!
//! | file | noun |
//! | --- | --- |
//! | [`certificate`] | a pair of files, read and checked |
//! | [`chain`] | whether each certificate of a file is signed by the next |
//! | [`error`] | why a file of certificates or of a key cannot be used |
//! | [`names`] | which certificate a sender gets |
//! | [`provider`] | the cryptography library that TLS uses |
//! | [`senders`] | the certificates that senders present |
//! | [`subject`] | the subject of a certificate, as text that is safe in a header |

pub(crate) mod certificate;
pub(crate) mod chain;
pub(crate) mod error;
#[cfg(test)]
mod fixture;
pub(crate) mod names;
pub(crate) mod provider;
pub(crate) mod senders;
pub(crate) mod subject;
#[cfg(test)]
#[expect(dead_code, unreachable_pub, reason = "the black-box tests share it, and use more of it")]
#[path = "../../../tests/it/harness/test_ca.rs"]
mod test_ca;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::server::{ProducesTickets, ServerSessionMemoryCache, StoresServerSessions};
use rustls::{ServerConfig, version};

use self::certificate::Certificate;
use self::names::Names;
use self::provider::PROVIDER;
use crate::config::{CertificateFiles, ClientAuth, Listener, Problem, Tls, TlsVersion};
use crate::files::file::Files;
use crate::policy::provider::advice::Advice;

/// TLS 1.2 sessions that are stored for senders that take no ticket.
const REMEMBERED_SESSIONS: usize = 1024;
/// The protocols that are offered inside TLS (RFC 7301), the preferred one first.
const HTTP2: &[u8] = b"h2";
const HTTP1: &[u8] = b"http/1.1";

/// The TLS of one listener.
#[derive(Debug)]
pub struct LiveTls {
    /// The configuration of new handshakes.
    pub server: Arc<ServerConfig>,
    /// The certificates, in the order of the config.
    pub certificates: Vec<Arc<Certificate>>,
    /// The authorities that may sign a sender's certificate; empty when none is asked for.
    authorities: Vec<CertificateDer<'static>>,
    min_version: TlsVersion,
    client_auth: Option<ClientAuth>,
    sessions: Sessions,
}

/// What lets a sender resume a session. It is kept when certificates change, so that senders need no full
/// handshake, and replaced when the rules for senders change.
#[derive(Clone, Debug)]
struct Sessions {
    tickets: Arc<dyn ProducesTickets>,
    memory: Arc<dyn StoresServerSessions>,
}

/// The TLS of every listener, in the order of `listen`.
pub(crate) type Doors = Vec<Option<Arc<LiveTls>>>;

/// The result of a load.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    /// `None` when a certificate is unusable and there is no earlier one to keep.
    pub doors: Option<Doors>,
    /// Everything that is wrong.
    pub problems: Vec<Problem>,
    /// What looks like a mistake, but works.
    pub warnings: Vec<Problem>,
}

/// The files that the TLS of the listeners is read from.
pub(crate) fn files(listen: &[Listener]) -> BTreeSet<&Path> {
    let all = listen.iter().filter_map(|listener| listener.tls.as_ref());
    all.flat_map(|tls| {
        let pairs = tls.certificates.iter().flat_map(|pair| [pair.certificate.as_path(), pair.key.as_path()]);
        pairs.chain(tls.client_auth.as_ref().map(|auth| auth.ca.as_path()))
    })
    .collect()
}

/// Makes the TLS of every listener from a view of the files; `before` is what is in use now, and `advice` is
/// the provider's advice on flaws.
pub(crate) fn load(
    listen: &[Listener],
    contents: &Files,
    before: &[Option<Arc<LiveTls>>],
    now: SystemTime,
    advice: &Advice,
) -> Loaded {
    let mut builder = Builder { contents, before, now, advice, problems: Vec::new(), warnings: Vec::new() };
    let doors: Vec<Option<Option<Arc<LiveTls>>>> = listen
        .iter()
        .enumerate()
        .map(|(place, listener)| match &listener.tls {
            None => Some(None),
            Some(tls) => builder.door(place, tls, listener.http2).map(Some),
        })
        .collect();
    let doors = doors.into_iter().collect();
    Loaded { doors, problems: builder.problems, warnings: builder.warnings }
}

/// The differences between the files, as text for the log.
pub(crate) fn changes(old: &[Option<Arc<LiveTls>>], new: &[Option<Arc<LiveTls>>]) -> Vec<String> {
    let mut changes = BTreeSet::new();
    for certificate in certificates(new) {
        let path = certificate.files.certificate.display();
        let Some(before) = find(old, &certificate.files) else {
            changes.insert(format!("certificate={path} new"));
            continue;
        };
        if before.key.cert != certificate.key.cert {
            changes.insert(format!(
                "certificate={path} serial={} until={}",
                certificate.serial, certificate.until
            ));
        }
        match (before.last_good, certificate.last_good) {
            (false, true) => changes.insert(format!("certificate={path} last good kept")),
            (true, false) => changes.insert(format!("certificate={path} good again")),
            _ => false,
        };
    }
    for gone in certificates(old).filter(|one| find(new, &one.files).is_none()) {
        changes.insert(format!("certificate={} gone", gone.files.certificate.display()));
    }
    for (old, new) in old.iter().flatten().zip(new.iter().flatten()) {
        if let (Some(_), Some(auth)) = (&old.client_auth, &new.client_auth)
            && old.authorities != new.authorities
        {
            changes.insert(format!("client_ca={} changed", auth.ca.display()));
        }
    }
    changes.into_iter().collect()
}

/// Every certificate of every listener.
pub(crate) fn certificates(doors: &[Option<Arc<LiveTls>>]) -> impl Iterator<Item = &Arc<Certificate>> {
    doors.iter().flatten().flat_map(|door| &door.certificates)
}

/// Certificates that are not valid now or expire soon, each with the reason.
pub(crate) fn untimely(
    doors: &[Option<Arc<LiveTls>>],
    now: SystemTime,
) -> impl Iterator<Item = (&Arc<Certificate>, String)> {
    certificates(doors).filter_map(move |one| {
        let soon = || {
            let days = one.last_days(now)?;
            Some(format!("expires in {days} days, on {}", one.until))
        };
        Some((one, one.untimely(now).or_else(soon)?))
    })
}

fn find<'a>(doors: &'a [Option<Arc<LiveTls>>], files: &CertificateFiles) -> Option<&'a Arc<Certificate>> {
    certificates(doors).find(|one| one.files.certificate == files.certificate && one.files.key == files.key)
}

/// The state of one load.
struct Builder<'a> {
    contents: &'a Files,
    before: &'a [Option<Arc<LiveTls>>],
    now: SystemTime,
    advice: &'a Advice,
    problems: Vec<Problem>,
    warnings: Vec<Problem>,
}

impl Builder<'_> {
    fn door(&mut self, place: usize, tls: &Tls, http2: bool) -> Option<Arc<LiveTls>> {
        // Read each one, so that the problems of all are reported.
        let certificates: Vec<Option<Arc<Certificate>>> =
            tls.certificates.iter().map(|files| self.certificate(files)).collect();
        let before = self.before.get(place).and_then(Option::as_ref);
        let authorities = self.authorities(place, tls, before);
        let (certificates, authorities) =
            (certificates.into_iter().collect::<Option<Vec<_>>>()?, authorities?);
        let same_rules = before.filter(|before| {
            before.min_version == tls.min_version
                && before.client_auth == tls.client_auth
                && before.authorities == authorities
        });
        let unchanged = |before: &&Arc<LiveTls>| {
            before.certificates.len() == certificates.len()
                && before.certificates.iter().zip(&certificates).all(|(a, b)| Arc::ptr_eq(a, b))
        };
        if let Some(before) = same_rules.filter(unchanged) {
            return Some(Arc::clone(before));
        }
        let sessions = same_rules.map(|before| before.sessions.clone());
        match build(tls, http2, certificates, authorities, sessions) {
            Ok(live) => Some(Arc::new(live)),
            Err(error) => {
                self.problems
                    .push(Problem::new(format!("listen[{place}].tls"), format!("cannot be used: {error}")));
                None
            }
        }
    }

    /// The certificate of a pair of files, or the last good one.
    fn certificate(&mut self, files: &CertificateFiles) -> Option<Arc<Certificate>> {
        let before = find(self.before, files).cloned();
        match self.fresh(files, before.as_ref()) {
            Ok(fresh) => Some(fresh),
            Err(problems) => {
                self.problems.extend(problems);
                let before = before?;
                Some(if before.last_good { before } else { Arc::new(before.as_last_good()) })
            }
        }
    }

    fn fresh(
        &mut self,
        files: &CertificateFiles,
        before: Option<&Arc<Certificate>>,
    ) -> Result<Arc<Certificate>, Vec<Problem>> {
        let (fresh, flaws) = certificate::read(files, self.contents, self.advice)?;
        let at = format!("{}.certificate", files.at);
        let path = files.certificate.display();
        self.warnings.extend(flaws.into_iter().map(|flaw| Problem::new(&at, format!("{path}: {flaw}"))));
        let same = before.filter(|before| before.key.cert == fresh.key.cert);
        // A valid certificate stays. If there is none, refusing the new one would not help: the machine's
        // clock may be wrong, and senders check the certificate themselves.
        let better = before.is_some_and(|before| before.untimely(self.now).is_none());
        match (fresh.untimely(self.now), same) {
            (Some(flaw), None) if better => return Err(vec![Problem::new(&at, format!("{path}: {flaw}"))]),
            (Some(flaw), _) => self.warnings.push(Problem::new(&at, format!("{path}: {flaw}"))),
            (None, _) => {
                if let Some(days) = fresh.last_days(self.now) {
                    let flaw = format!("{path}: expires in {days} days, on {}", fresh.until);
                    self.warnings.push(Problem::new(&at, flaw));
                }
            }
        }
        Ok(match same {
            Some(before) if !before.last_good && before.files == *files => Arc::clone(before),
            _ => Arc::new(fresh),
        })
    }

    /// The authorities that may sign a sender's certificate: those of the file, or else those in use.
    fn authorities(
        &mut self,
        place: usize,
        tls: &Tls,
        before: Option<&Arc<LiveTls>>,
    ) -> Option<Vec<CertificateDer<'static>>> {
        let Some(auth) = &tls.client_auth else { return Some(Vec::new()) };
        match senders::authorities(&auth.ca, self.contents) {
            Ok(authorities) => Some(authorities),
            Err(flaw) => {
                let at = format!("listen[{place}].tls.client_ca");
                self.problems.push(Problem::new(at, format!("{}: {flaw}", auth.ca.display())));
                let same = before.filter(|b| b.client_auth.as_ref().is_some_and(|b| b.ca == auth.ca));
                same.map(|before| before.authorities.clone())
            }
        }
    }
}

fn build(
    tls: &Tls,
    http2: bool,
    certificates: Vec<Arc<Certificate>>,
    authorities: Vec<CertificateDer<'static>>,
    sessions: Option<Sessions>,
) -> Result<LiveTls, rustls::Error> {
    let sessions = match sessions {
        Some(sessions) => sessions,
        None => Sessions {
            // The key is made here, replaced every six hours, and never leaves this process.
            tickets: ring::Ticketer::new()?,
            memory: ServerSessionMemoryCache::new(REMEMBERED_SESSIONS),
        },
    };
    let versions: &[_] = match tls.min_version {
        TlsVersion::V12 => &[&version::TLS13, &version::TLS12],
        TlsVersion::V13 => &[&version::TLS13],
    };
    let builder =
        ServerConfig::builder_with_provider(Arc::clone(&PROVIDER)).with_protocol_versions(versions)?;
    let builder = match &tls.client_auth {
        None => builder.with_no_client_auth(),
        Some(auth) => builder.with_client_cert_verifier(senders::verifier(&authorities, auth.required)?),
    };
    let mut server = builder.with_cert_resolver(Arc::new(Names::new(&certificates)));
    let protocols: &[&[u8]] = if http2 { &[HTTP2, HTTP1] } else { &[HTTP1] };
    server.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    server.ticketer = Arc::clone(&sessions.tickets);
    server.session_storage = Arc::clone(&sessions.memory);
    let (min_version, client_auth) = (tls.min_version, tls.client_auth.clone());
    Ok(LiveTls { server: Arc::new(server), certificates, authorities, min_version, client_auth, sessions })
}

#[cfg(test)]
mod tests;
