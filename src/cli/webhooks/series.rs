//! Further messages like a sample, each with an id of its own, as an application expects of different messages.

use crate::cli::webhooks::document::Node;
use crate::cli::webhooks::form;
use crate::cli::webhooks::samples::Sample;

/// The fields that tell one message from another; the first that is there counts.
const IDS: [&str; 6] =
    ["messageId", "message_uuid", "uuid", "request_id", "conversation_uuid", "conversation_id"];

/// The sample as a further message: the end of its id is a number, of as many digits. The first is the sample itself.
pub(crate) fn numbered(sample: &Sample, number: u32) -> Sample {
    let Ok(fields) = form::fields(sample) else { return sample.clone() };
    let id = IDS.iter().find_map(|id| fields.iter().find(|(key, _)| key == id));
    let (Some((_, Node::Text(id))), 1..) = (id, number) else { return sample.clone() };
    let digits = format!("{number:05}");
    let Some(begin) = id.len().checked_sub(digits.len()).and_then(|end| id.get(..end)) else {
        return sample.clone();
    };
    let other = format!("{begin}{digits}");
    Sample {
        target: sample.target.replace(id.as_str(), &other),
        body: sample.body.replace(id.as_str(), &other),
        ..sample.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::webhooks::samples::all;

    #[test]
    fn a_further_message_differs_in_its_id_alone() {
        let (mut numbered_ones, all) = (0, all().unwrap());
        for sample in &all {
            assert_eq!(numbered(sample, 0), *sample);
            let other = numbered(sample, 7);
            assert_eq!(other.target.len() + other.body.len(), sample.target.len() + sample.body.len());
            numbered_ones += usize::from(other != *sample);
        }
        // A Video event has its id inside of another value.
        assert_eq!(numbered_ones, all.len() - 1);
    }
}
