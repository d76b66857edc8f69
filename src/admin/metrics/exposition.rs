//! The text format of Prometheus, version 0.0.4.
//!
//! Written by hand. Invariant: no value of a label can break out of its quotes.

use std::fmt::{Display, Write as _};

/// The text so far. Every name gets the program's prefix here.
#[derive(Default)]
pub(super) struct Page {
    text: String,
}

impl Page {
    /// Begins a family of series.
    pub(super) fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.text, "# HELP nexmo_gate_{name} {help}\n# TYPE nexmo_gate_{name} {kind}");
    }

    /// Adds a series of it.
    pub(super) fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let _ = write!(self.text, "nexmo_gate_{name}");
        for (place, (label, text)) in labels.iter().enumerate() {
            let open = if place == 0 { '{' } else { ',' };
            let _ = write!(self.text, "{open}{label}=\"{}\"", escaped(text));
        }
        if !labels.is_empty() {
            self.text.push('}');
        }
        let _ = writeln!(self.text, " {value}");
    }

    /// Adds a histogram: for each upper bound the count of all that is not above it, the last one without a bound.
    pub(super) fn histogram(
        &mut self,
        name: &str,
        labels: &[(&str, &str)],
        bounds: impl Iterator<Item = String>,
        cells: &[u64],
        sum: impl Display,
    ) {
        for (bound, count) in bounds.chain(["+Inf".to_owned()]).zip(cells) {
            let bucket = [labels, &[("le", bound.as_str())]].concat();
            self.sample(&format!("{name}_bucket"), &bucket, count);
        }
        self.sample(&format!("{name}_sum"), labels, sum);
        self.sample(&format!("{name}_count"), labels, cells.last().copied().unwrap_or(0));
    }

    /// The whole text.
    pub(super) fn into_text(self) -> String {
        self.text
    }
}

/// A label's value between its quotes.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_values_cannot_break_out_of_their_quotes() {
        let mut page = Page::default();
        page.sample("x", &[("a", "q\"u\\o\nte"), ("b", "")], 3);
        assert_eq!(page.text, "nexmo_gate_x{a=\"q\\\"u\\\\o\\nte\",b=\"\"} 3\n");
    }
}
