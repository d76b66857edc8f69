//! What the name of a field says of its value: that it is a secret, that somebody wrote it, or nothing.
//!
//! A name is compared in lower case and by its parts: `api-secret`, `api_secret` and `apiSecret` are one. Which fields a
//! provider has besides is in its table.

/// What a name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Says {
    /// The value proves somebody's right: it is left out in any mode.
    Secret,
    /// The value is what somebody wrote, or says who somebody is: only its length is told.
    Private,
    /// Nothing: the shape of the value decides.
    Nothing,
}

/// The fields of a provider.
#[derive(Debug)]
pub struct Names {
    /// Names of secrets, each as its parts with underscores between.
    pub secret: &'static [&'static str],
    /// Names of what somebody wrote, or of who somebody is.
    pub private: &'static [&'static str],
}

/// A name with one of these parts is a secret's.
const SECRET: [&str; 15] = [
    "authorization",
    "cookie",
    "credential",
    "credentials",
    "jwt",
    "passwd",
    "password",
    "secret",
    "sig",
    "signature",
    "token",
    "bearer",
    "auth",
    "csrf",
    "apikey",
];
/// So is a name with these two parts, in this order.
const SECRET_PAIRS: [(&str, &str); 3] = [("private", "key"), ("secret", "key"), ("access", "key")];
/// Headers that hold a key by themselves.
const SECRET_KEYS: [&str; 2] = ["x_api_key", "api_key_secret"];
/// The gate's own word on a signature is none.
const OWN: &str = "x_nexmo_gate_signature";
/// A name with one of these parts is of what somebody wrote or is.
const PRIVATE: [&str; 8] = ["address", "birthday", "caption", "email", "name", "text", "username", "phone"];
/// So is each of these names as a whole.
const PRIVATE_WHOLE: [&str; 24] = [
    "body",
    "comment",
    "comments",
    "content",
    "data",
    "description",
    "firstname",
    "lastname",
    "filename",
    "lat",
    "latitude",
    "lng",
    "location",
    "long",
    "longitude",
    "message",
    "note",
    "otp",
    "payload",
    "pin",
    "profile",
    "subject",
    "title",
    "vcard",
];

impl Names {
    /// What this name says.
    #[must_use]
    pub(crate) fn of(&self, name: &str) -> Says {
        let parts = parts(name);
        let whole = parts.join("_");
        let has = |words: &[&str]| parts.iter().any(|part| words.contains(&part.as_str()));
        let has_pair =
            |(one, other): &(&str, &str)| parts.windows(2).any(|two| two[0] == *one && two[1] == *other);
        let is = |words: &[&str]| words.contains(&whole.as_str());
        // `apisecret` is written so too.
        let joined = ["secret", "password", "token", "signature", "authorization", "cookie"];
        let ends_so = joined.iter().any(|word| whole.replace('_', "").ends_with(word));
        if whole == OWN {
            return Says::Nothing;
        }
        if has(&SECRET) || ends_so || SECRET_PAIRS.iter().any(has_pair) || is(&SECRET_KEYS) || is(self.secret)
        {
            return Says::Secret;
        }
        if has(&PRIVATE) || is(&PRIVATE_WHOLE) || is(self.private) { Says::Private } else { Says::Nothing }
    }
}

/// Whether a header that nobody knows names a key or a password.
#[must_use]
pub(crate) fn is_of_key(name: &str) -> bool {
    parts(name).iter().any(|part| matches!(part.as_str(), "key" | "pass" | "pwd" | "passphrase" | "passcode"))
}

/// The parts of a name, in lower case: at what is neither letter nor digit, and where a capital follows a small letter.
fn parts(name: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut before = ' ';
    for c in name.chars() {
        let breaks = !c.is_alphanumeric() || (c.is_uppercase() && before.is_lowercase());
        if breaks && parts.last().is_some_and(|part| !part.is_empty()) {
            parts.push(String::new());
        }
        if let Some(part) = parts.last_mut().filter(|_| c.is_alphanumeric()) {
            part.extend(c.to_lowercase());
        }
        before = c;
    }
    parts.retain(|part| !part.is_empty());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_what_its_value_is_however_it_is_written() {
        let names = Names { secret: &["nonce_key"], private: &["dtmf"] };
        for secret in [
            "sig",
            "Sig",
            "api-secret",
            "api_secret",
            "apiSecret",
            "APISECRET",
            "Authorization",
            "X-Auth-Token",
            "set-cookie",
            "access_token",
            "X-Vonage-Webhook-Auth-Token",
            "nonce-key",
            "privateKey",
            "X-Api-Key",
        ] {
            assert_eq!(names.of(secret), Says::Secret, "{secret}");
        }
        for private in [
            "text",
            "message.text",
            "first_name",
            "userName",
            "profile",
            "dtmf",
            "DTMF",
            "message",
            "body",
            "e-mail-address",
            "email",
        ] {
            assert_eq!(names.of(private), Says::Private, "{private}");
        }
        for other in [
            "msisdn",
            "to",
            "messageId",
            "message_uuid",
            "message-timestamp",
            "content-type",
            "status",
            "api-key",
            "design",
            "host",
            "X-Nexmo-Gate-Signature",
            "signal",
            "",
            "-",
        ] {
            assert_eq!(names.of(other), Says::Nothing, "{other}");
        }
    }
}
