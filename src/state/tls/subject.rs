//! The subject of a certificate as text (RFC 4514): the last part first, parts separated by commas.
//!
//! An authority can put any text into a certificate. Everything that could be misread (a comma, a line end, a
//! non-ASCII letter) is escaped here, so that the text is one header value with one meaning.

use std::fmt::Write as _;

use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

/// A longer subject is refused: a cut one could equal another subject.
const LONGEST: usize = 1024;

/// Short names (RFC 4514 section 3, and two that OpenSSL uses).
const NAMES: &[(&str, &str)] = &[
    ("2.5.4.3", "CN"),
    ("2.5.4.5", "serialNumber"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.9", "STREET"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("0.9.2342.19200300.100.1.1", "UID"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("1.2.840.113549.1.9.1", "emailAddress"),
];

/// The subject of a certificate; `None` when it cannot be read or is too long.
#[must_use]
pub(crate) fn of(certificate: &[u8]) -> Option<String> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    Some(text(parsed.subject())).filter(|text| text.len() <= LONGEST)
}

/// A distinguished name as printable ASCII.
#[must_use]
pub(crate) fn text(name: &X509Name<'_>) -> String {
    let mut parts: Vec<String> =
        name.iter_rdn().map(|part| part.iter().map(attribute).collect::<Vec<_>>().join("+")).collect();
    parts.reverse();
    parts.join(",")
}

fn attribute(one: &AttributeTypeAndValue<'_>) -> String {
    let oid = one.attr_type().to_id_string();
    let short = NAMES.iter().find(|(id, _)| *id == oid).map(|(_, short)| *short);
    match (short, one.as_str()) {
        (Some(short), Ok(value)) => format!("{short}={}", escaped(value)),
        (short, _) => {
            // Unknown attributes and other encodings are written as their bytes.
            let value = one.attr_value();
            let mut out = format!("{}=#", short.unwrap_or(&oid));
            for byte in value.data {
                // Writing to a String cannot fail, here and below.
                let _ = write!(out, "{byte:02x}");
            }
            out
        }
    }
}

fn escaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let last = value.len().saturating_sub(1);
    for (place, byte) in value.bytes().enumerate() {
        match byte {
            b'"' | b'+' | b',' | b';' | b'<' | b'>' | b'\\' | b'=' => {
                out.push('\\');
                out.push(char::from(byte));
            }
            b'#' if place == 0 => out.push_str("\\#"),
            b' ' if place == 0 || place == last => out.push_str("\\ "),
            b' '..=b'~' => out.push(char::from(byte)),
            _ => {
                let _ = write!(out, "\\{byte:02X}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};

    fn subject(parts: &[(DnType, &str)]) -> Option<String> {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name = DistinguishedName::new();
        for (kind, value) in parts {
            params.distinguished_name.push(kind.clone(), *value);
        }
        of(params.self_signed(&KeyPair::generate().unwrap()).unwrap().der())
    }

    #[test]
    fn a_subject_is_written_with_its_last_part_first() {
        let parts = [
            (DnType::CountryName, "US"),
            (DnType::OrganizationName, "Vonage"),
            (DnType::CommonName, "video.vonage.example"),
        ];
        assert_eq!(subject(&parts).as_deref(), Some("CN=video.vonage.example,O=Vonage,C=US"));
        assert_eq!(subject(&[]).as_deref(), Some(""));
    }

    #[test]
    fn a_subject_value_cannot_forge_another_part_or_another_header() {
        for (value, wanted) in [
            ("a,O=Vonage", "CN=a\\,O\\=Vonage"),
            ("a+b", "CN=a\\+b"),
            ("a\r\nX-Real-IP: 1.2.3.4", "CN=a\\0D\\0AX-Real-IP: 1.2.3.4"),
            (" a ", "CN=\\ a\\ "),
            ("#a#", "CN=\\#a#"),
            ("\\\"", "CN=\\\\\\\""),
            ("Müller", "CN=M\\C3\\BCller"),
            ("a\0b", "CN=a\\00b"),
        ] {
            assert_eq!(subject(&[(DnType::CommonName, value)]).as_deref(), Some(wanted), "{value:?}");
        }
        let other = [(DnType::CustomDnType(vec![1, 2, 3, 4]), "x")];
        assert_eq!(subject(&other).as_deref(), Some("1.2.3.4=#78"));
    }

    #[test]
    fn a_subject_that_is_too_long_or_unreadable_is_left_out() {
        assert!(subject(&[(DnType::CommonName, &"a".repeat(LONGEST - 3))]).is_some());
        assert_eq!(subject(&[(DnType::CommonName, &"a".repeat(LONGEST - 2))]), None);
        assert_eq!(of(b"no certificate"), None);
    }

    proptest! {
        #[test]
        fn every_value_becomes_printable_ascii_and_different_ones_differ(a in ".{0,20}", b in ".{0,20}") {
            let (one, other) = (escaped(&a), escaped(&b));
            prop_assert!(one.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
            prop_assert_eq!(a == b, one == other);
        }
    }
}
