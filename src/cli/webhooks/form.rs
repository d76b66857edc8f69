//! The forms in which a message arrives: a query, a form or JSON; and one made of another.
//!
//! Nested values stand in a query as JSON text, `null` as that word, as the vendor's captured requests have them.

use crate::cli::webhooks::document::Node;
use crate::cli::webhooks::samples::Sample;
use crate::policy::signature::text::pairs::{self, Unreadable};

/// A form of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Form {
    /// GET, the message in the query
    Get,
    /// POST, the message as a form
    #[value(name = "form")]
    Urlencoded,
    /// POST, the message as JSON
    #[value(alias = "post")]
    Json,
}

/// Why a message cannot be written in another form.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotConverted {
    /// Its parameters cannot be read.
    #[error("its parameters cannot be read: {0}")]
    Parameters(#[from] Unreadable),
    /// Its body is no JSON.
    #[error("its body is no JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// It says something in two places, and one of them would be lost.
    #[error("it is a GET with a body, and a message is in one of the two: take the body out")]
    TwoPlaces,
    /// Its body is JSON, and no object.
    #[error("its body is JSON, and no object")]
    NoObject,
}

impl Form {
    /// Its name on the command line.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Urlencoded => "form",
            Self::Json => "json",
        }
    }

    /// The form of a message.
    pub(crate) fn of(sample: &Sample) -> Self {
        let is_form = |(name, value): &(String, String)| {
            name.eq_ignore_ascii_case("content-type")
                && value.to_ascii_lowercase().starts_with("application/x-www-form-urlencoded")
        };
        if sample.method == "GET" {
            Self::Get
        } else if sample.headers.iter().any(is_form) {
            Self::Urlencoded
        } else {
            Self::Json
        }
    }

    fn content_type(self) -> Option<&'static str> {
        match self {
            Self::Get => None,
            Self::Urlencoded => Some("application/x-www-form-urlencoded; charset=UTF-8"),
            Self::Json => Some("application/json"),
        }
    }
}

/// The fields of a message.
///
/// # Errors
/// They cannot be read.
pub(crate) fn fields(sample: &Sample) -> Result<Vec<(String, Node)>, NotConverted> {
    let text = match Form::of(sample) {
        Form::Json => {
            return match Node::read(&sample.body)? {
                Node::Object(members) => Ok(members),
                _ => Err(NotConverted::NoObject),
            };
        }
        Form::Get if !sample.body.is_empty() => return Err(NotConverted::TwoPlaces),
        Form::Get => sample.query().unwrap_or_default(),
        Form::Urlencoded => &sample.body,
    };
    let text_of = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).map_err(|_| Unreadable::NotUtf8);
    let mut fields = Vec::new();
    for pair in pairs::form(text.as_bytes())? {
        fields.push((text_of(&pair.key)?, Node::Text(text_of(&pair.value.unwrap_or_default())?)));
    }
    Ok(fields)
}

/// The same message with these fields, in a form. The query of a POST is no part of the message, and stays.
pub(crate) fn written(sample: &Sample, form: Form, fields: Vec<(String, Node)>) -> Sample {
    let is_post = Form::of(sample) != Form::Get;
    let mut written = Sample {
        method: if form == Form::Get { "GET" } else { "POST" }.to_owned(),
        target: if is_post { sample.target.clone() } else { sample.path().to_owned() },
        body: String::new(),
        ..sample.clone()
    };
    if Form::of(sample) != form {
        written.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-type"));
        let line = form.content_type().map(|value| ("Content-Type".to_owned(), value.to_owned()));
        written.headers.extend(line);
    }
    match form {
        Form::Json => written.body = Node::Object(fields).text(),
        Form::Urlencoded => written.body = query(&fields),
        Form::Get => {
            written.target.push(if written.target.contains('?') { '&' } else { '?' });
            written.target.push_str(&query(&fields));
        }
    }
    written
}

/// Fields as a query has them: blanks as `+`, all but letters, digits and `*-._` by their bytes.
pub(crate) fn query(fields: &[(String, Node)]) -> String {
    let pair = |(key, value): &(String, Node)| {
        let value = match value {
            Node::Text(text) => text.clone(),
            other => other.text(),
        };
        format!("{}={}", escaped(key), escaped(&value))
    };
    fields.iter().map(pair).collect::<Vec<_>>().join("&")
}

fn escaped(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b' ' => "+".to_owned(),
        b'*' | b'-' | b'.' | b'_' => char::from(byte).to_string(),
        _ if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::webhooks::samples;

    fn sample(name: &str) -> Sample {
        samples::all().unwrap().into_iter().find(|sample| sample.name == name).unwrap()
    }

    #[test]
    fn every_sample_says_the_same_in_every_form() {
        let mut seen = 0;
        for sample in samples::all().unwrap() {
            let own = fields(&sample).unwrap();
            for form in [Form::Get, Form::Urlencoded, Form::Json] {
                let other = written(&sample, form, own.clone());
                assert_eq!(Form::of(&other), form, "{}", sample.name);
                let back = fields(&other).unwrap();
                assert_eq!(query(&back), query(&own), "{} as {}", sample.name, form.word());
                seen += 1;
            }
        }
        assert!(seen >= 60, "{seen}");
    }

    #[test]
    fn a_message_that_is_read_and_written_in_its_own_form_is_the_same() {
        for name in ["sms-inbound-post-json", "messages-inbound", "voice-event-answered"] {
            let sample = sample(name);
            assert_eq!(written(&sample, Form::Json, fields(&sample).unwrap()), sample, "{name}");
        }
        for (name, form) in [("sms-inbound-get", Form::Get), ("sms-inbound-post-form", Form::Urlencoded)] {
            let sample = sample(name);
            assert_eq!(written(&sample, form, fields(&sample).unwrap()), sample, "{name}");
        }
    }

    #[test]
    fn the_query_of_a_post_stays_and_a_get_with_a_body_is_not_read() {
        let post = Sample { target: "/a?token=t".to_owned(), ..sample("sms-inbound-post-json") };
        let own = fields(&post).unwrap();
        assert_eq!(written(&post, Form::Json, own.clone()), post);
        assert_eq!(written(&post, Form::Urlencoded, own.clone()).target, "/a?token=t");
        let get = written(&post, Form::Get, own.clone());
        assert_eq!(get.target, format!("/a?token=t&{}", query(&own)));
        assert_eq!(written(&get, Form::Json, fields(&get).unwrap()).target, "/a");
        let two = Sample { body: "{}".to_owned(), ..get };
        assert!(matches!(fields(&two), Err(NotConverted::TwoPlaces)));
    }

    #[test]
    fn nested_values_stand_in_a_query_as_json() {
        let fields = vec![
            ("a b".to_owned(), Node::read(r#"{"x":[1,null]}"#).unwrap()),
            ("n".to_owned(), Node::Null),
            ("t".to_owned(), Node::Text("é&=+%".to_owned())),
        ];
        assert_eq!(query(&fields), "a+b=%7B%22x%22%3A%5B1%2Cnull%5D%7D&n=null&t=%C3%A9%26%3D%2B%25");
    }
}
