//! The fields of a message that somebody sets: `text=Hello`, or `message.content.text=Hello` for what is nested.
//!
//! A value is text. Where another kind of value stands it is read as JSON if it can be; so is a new one that begins as JSON
//! does, and it must be JSON then. Invariant: only the named field changes, and a field that is not there can only be added
//! where an object is.

use crate::cli::webhooks::document::Node;
use crate::cli::webhooks::form::{self, Form, NotConverted};
use crate::cli::webhooks::samples::Sample;

/// A field and its new value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Setting {
    /// Its name, or the names on the way to it with a point between.
    pub path: String,
    /// The value, as it was given.
    pub value: String,
}

/// Why a text is no setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoSetting {
    /// There is no equals sign.
    #[error("wants FIELD=VALUE, as in text=Hello")]
    NoEquals,
    /// There is no name before it.
    #[error("has no field before the equals sign")]
    NoField,
}

/// Why a field cannot be set.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotSet {
    /// The message cannot be read.
    #[error("--set: {0}")]
    Message(#[from] NotConverted),
    /// On the way to it stands something that has no fields.
    #[error("--set {path}: {at:?} has no fields")]
    NoFields {
        /// The whole name.
        path: String,
        /// The part that has none.
        at: String,
    },
    /// The value begins as JSON does, and is none.
    #[error(
        "--set {path}: the value begins like JSON and is none: {error}; to send it as a text, write that as JSON: \"...\""
    )]
    NoJson {
        /// The whole name.
        path: String,
        /// Why.
        error: serde_json::Error,
    },
    /// It is an element that a list does not have.
    #[error("--set {path}: {at:?} is no element of the list")]
    NoElement {
        /// The whole name.
        path: String,
        /// The part that names it.
        at: String,
    },
}

impl std::str::FromStr for Setting {
    type Err = NoSetting;

    fn from_str(text: &str) -> Result<Self, NoSetting> {
        let (path, value) = text.split_once('=').ok_or(NoSetting::NoEquals)?;
        if path.is_empty() {
            return Err(NoSetting::NoField);
        }
        Ok(Self { path: path.to_owned(), value: value.to_owned() })
    }
}

/// The message with other fields. Without settings it stays as it is, byte for byte.
///
/// # Errors
/// A field cannot be set.
pub(crate) fn with(sample: &Sample, settings: &[Setting]) -> Result<Sample, NotSet> {
    if settings.is_empty() {
        return Ok(sample.clone());
    }
    let form = Form::of(sample);
    let mut root = Node::Object(form::fields(sample)?);
    for setting in settings {
        set(&mut root, setting, form)?;
    }
    let Node::Object(fields) = root else { return Ok(sample.clone()) };
    Ok(form::written(sample, form, fields))
}

fn set(root: &mut Node, setting: &Setting, form: Form) -> Result<(), NotSet> {
    // A query and a form are flat: a point in a name is a point.
    let is_own = root.members().is_some_and(|members| members.iter().any(|(key, _)| *key == setting.path));
    if form != Form::Json || is_own {
        return put(root, &setting.path, setting, form, &setting.path);
    }
    let mut names: Vec<&str> = setting.path.split('.').collect();
    let last = names.pop().unwrap_or_default();
    let (mut place, mut at) = (root, "");
    for name in names {
        let no_fields = || NotSet::NoFields { path: setting.path.clone(), at: name.to_owned() };
        if let Node::Object(members) = place
            && members.iter().all(|(key, _)| key != name)
        {
            members.push((name.to_owned(), Node::Object(Vec::new())));
        }
        place = place.get_mut(name).ok_or_else(no_fields)?;
        at = name;
    }
    put(place, last, setting, form, at)
}

fn put(place: &mut Node, name: &str, setting: &Setting, form: Form, at: &str) -> Result<(), NotSet> {
    if let Some(old) = place.get_mut(name) {
        *old = value(setting, Some(old), form)?;
        return Ok(());
    }
    let path = setting.path.clone();
    match place {
        Node::Object(members) => {
            members.push((name.to_owned(), value(setting, None, form)?));
            Ok(())
        }
        Node::List(_) => Err(NotSet::NoElement { path, at: name.to_owned() }),
        _ => Err(NotSet::NoFields { path, at: at.to_owned() }),
    }
}

/// Text stays text; where another kind stands, or nothing, JSON is read. What begins as JSON must be JSON there: an
/// application that gets the half of an object as a text was not meant.
fn value(setting: &Setting, old: Option<&Node>, form: Form) -> Result<Node, NotSet> {
    let text = &setting.value;
    let as_text = || Node::Text(text.clone());
    let begins = text.trim_start().starts_with(['{', '[', '"']);
    match old {
        _ if form != Form::Json => Ok(as_text()),
        Some(Node::Text(_)) => Ok(as_text()),
        None if !begins => Ok(as_text()),
        _ => match Node::read(text) {
            Err(error) if begins => Err(NotSet::NoJson { path: setting.path.clone(), error }),
            read => Ok(read.unwrap_or_else(|_| as_text())),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::webhooks::samples;

    fn set(name: &str, settings: &[&str]) -> Result<Sample, String> {
        let sample = samples::all().unwrap().into_iter().find(|sample| sample.name == name).unwrap();
        let settings: Vec<Setting> = settings.iter().map(|text| text.parse().unwrap()).collect();
        with(&sample, &settings).map_err(|error| error.to_string())
    }

    #[test]
    fn a_field_of_a_query_or_a_form_is_set_or_added() {
        let got = set("sms-inbound-get", &["text=Hello & b=ye é", "a.b=1"]).unwrap();
        assert!(got.target.contains("&text=Hello+%26+b%3Dye+%C3%A9&"), "{}", got.target);
        assert!(got.target.ends_with("&a.b=1"), "{}", got.target);
        let got = set("sms-inbound-post-form", &["text="]).unwrap();
        assert!(got.body.contains("&text=&"), "{}", got.body);
    }

    #[test]
    fn a_field_of_json_is_set_where_it_is_and_keeps_its_kind() {
        let got =
            set("messages-inbound-v0", &["message.content.text=Hi", "from.number=1", "new.deep=2"]).unwrap();
        assert!(got.body.contains(r#""content":{"type":"text","text":"Hi"}"#), "{}", got.body);
        assert!(got.body.contains(r#""from":{"type":"sms","number":"1"}"#), "{}", got.body);
        assert!(got.body.ends_with(r#","new":{"deep":"2"}}"#), "{}", got.body);
        let got = set("voice-event-answered", &["rate=0.5", "start_time=null", "headers={\"a\":1}"]).unwrap();
        assert!(got.body.contains(r#""rate":0.5"#), "{}", got.body);
        assert!(got.body.contains(r#""start_time":null"#), "{}", got.body);
        assert!(got.body.contains(r#""headers":{"a":1}"#), "{}", got.body);
    }

    #[test]
    fn a_value_that_begins_like_json_is_json_where_no_text_stands() {
        let got = set("messages-inbound", &["a={\"b\":[1]}", "c=\"{x\"", "d=1", "text={half"]).unwrap();
        assert!(got.body.ends_with(r#","a":{"b":[1]},"c":"{x","d":"1"}"#), "{}", got.body);
        assert!(got.body.contains(r#""text":"{half""#), "{}", got.body);
        for broken in ["a={\"b\":", "a=[1", "a=\"x", "a= {x}"] {
            let error = set("messages-inbound", &[broken]).unwrap_err();
            assert!(
                error.starts_with("--set a: the value begins like JSON and is none: "),
                "{broken}: {error}"
            );
        }
        assert!(set("voice-event-answered", &["rate={x"]).is_err());
        assert!(set("voice-event-answered", &["rate=often"]).unwrap().body.contains(r#""rate":"often""#));
    }

    #[test]
    fn a_field_that_cannot_be_is_named() {
        assert_eq!(
            set("messages-inbound", &["text.a=1"]).unwrap_err(),
            "--set text.a: \"text\" has no fields"
        );
        assert_eq!(
            set("messages-inbound", &["text.a.b=1"]).unwrap_err(),
            "--set text.a.b: \"a\" has no fields"
        );
        assert_eq!("text".parse::<Setting>(), Err(NoSetting::NoEquals));
        assert_eq!("=x".parse::<Setting>(), Err(NoSetting::NoField));
    }

    #[test]
    fn without_a_setting_nothing_changes() {
        for sample in samples::all().unwrap() {
            assert_eq!(with(&sample, &[]).unwrap(), sample);
        }
    }
}
