//! Certificates that a proxy shows: whole, and wrong in one way each.

use std::process::Command;

use crate::harness::test_ca::{Authority, HOST, Pair};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chain {
    /// The certificate and its intermediate.
    Whole,
    /// Without the intermediate.
    LeafAlone,
    /// The root stands before the intermediate.
    OutOfOrder,
    /// Nobody else signed it.
    SelfSigned,
    /// Of an authority that nobody trusts.
    OfNobody,
    /// For another host.
    OtherName,
    Expired,
    /// Few days of a long life are left.
    NearlyOver,
    NotYet,
}

/// The beginning of the day that is so many days from now.
macro_rules! date {
    ($days:expr) => {{
        let text = day($days);
        let parts: Vec<u16> = text.split('-').map(|part| part.parse().expect("a number")).collect();
        let small = |place: usize| u8::try_from(parts[place]).expect("a small number");
        rcgen::date_time_ymd(parts[0].into(), small(1), small(2))
    }};
}

/// The authorities of one deployment.
pub struct Authorities {
    pub root: Authority,
    intermediate: Authority,
}

impl Authorities {
    pub fn new() -> Self {
        let root = Authority::new("Test Root");
        let intermediate = Authority::below("Test Intermediate", &root);
        Self { root, intermediate }
    }

    /// The certificates in the order in which they are shown, and the key.
    pub fn pair(&self, chain: Chain) -> Pair {
        let signed = |names: &[&str], days: (i64, i64)| {
            self.intermediate.signed(names, |params| {
                (params.not_before, params.not_after) = (date!(days.0), date!(days.1));
            })
        };
        let good = || signed(&[HOST], (-30, 60));
        match chain {
            Chain::Whole => good(),
            Chain::LeafAlone => {
                let pair = good();
                Pair { chain: pair.certificate.clone(), ..pair }
            }
            Chain::OutOfOrder => {
                let pair = good();
                let chain = format!("{}{}{}", pair.certificate, self.root.pem, self.intermediate.pem);
                Pair { chain, ..pair }
            }
            Chain::SelfSigned => {
                let key = rcgen::KeyPair::generate().expect("a key");
                let params = rcgen::CertificateParams::new(vec![HOST.to_owned()]).expect("names");
                let pem = params.self_signed(&key).expect("a certificate").pem();
                Pair { certificate: pem.clone(), chain: pem, key: key.serialize_pem() }
            }
            Chain::OfNobody => Authority::new("Nobody").signed(&[HOST], |params| {
                (params.not_before, params.not_after) = (date!(-30), date!(60));
            }),
            Chain::OtherName => signed(&["other.example"], (-30, 60)),
            Chain::Expired => signed(&[HOST], (-90, -1)),
            Chain::NearlyOver => signed(&[HOST], (-85, 5)),
            Chain::NotYet => signed(&[HOST], (2, 90)),
        }
    }
}

/// The day that is so many days from now, as `YYYY-MM-DD`.
pub fn day(days: i64) -> String {
    let output =
        Command::new("date").args(["-u", "+%F", "-d", &format!("{days} days")]).output().expect("date");
    String::from_utf8(output.stdout).expect("a date").trim().to_owned()
}
