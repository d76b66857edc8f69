//! A sample as the request that goes over the wire.

use std::fmt::Write as _;

use crate::cli::webhooks::samples::Sample;

/// Writes it, for a host, with header lines that are not of the sample.
pub(crate) fn written(sample: &Sample, authority: &str, more: &[(&str, String)]) -> String {
    let mut text = format!("{} {} HTTP/1.1\r\nHost: {authority}\r\n", sample.method, sample.target);
    let own = sample.headers.iter().map(|(name, value)| (name.as_str(), value));
    // Writing to a String cannot fail, here and below.
    for (name, value) in own.chain(more.iter().map(|(name, value)| (*name, value))) {
        let _ = write!(text, "{name}: {value}\r\n");
    }
    if sample.method != "GET" || !sample.body.is_empty() {
        let _ = write!(text, "Content-Length: {}\r\n", sample.body.len());
    }
    text + "\r\n" + &sample.body
}
