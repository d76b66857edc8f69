//! The manual page of the configuration file, nexmo-gate.yaml(5), from the table of keys.

use clap_mangen::roff::{Inline, Roff, bold, italic, roman};

use crate::config::keys::{Change, KEYS, Key};

/// The name of the page and of its file.
pub(super) const NAME: &str = "nexmo-gate.yaml";

/// The small configuration in the README.
const EXAMPLE: &str = include_str!("example.yaml");

const DESCRIPTION: [&str; 4] = [
    "`nexmo-gate run` reads the file that `--config` or the variable `NEXMO_GATE_CONFIG` names, else `./config.yaml`, \
     else `/etc/nexmo-gate/config.yaml`. It also runs without a file, on flags or variables alone: a flag overrides \
     its variable, and a variable overrides the file. `--allow` works only where no file has routes.",
    "The file is YAML. Unknown keys are errors. All problems are reported at once, each with its key path. Durations \
     and sizes carry a unit: `250ms`, `5s`, `1MiB`. Relative paths are relative to the file.",
    "A change of a hot key takes effect at a reload. A cold key needs a restart: a changed cold key is reported, and \
     the rest of the file is applied.",
    "`nexmo-gate check` reads a changed file and says what is wrong with it or what it means.",
];

/// The whole page, as roff.
pub(super) fn render() -> String {
    let mut page = Roff::new();
    let version = concat!("nexmo-gate ", env!("CARGO_PKG_VERSION"));
    // The third argument is the date, which is left out so that builds are reproducible.
    page.control("TH", [NAME, "5", " ", version, "File formats"]);
    page.control("SH", ["NAME"]);
    page.text([roman(NAME), roman(" - the configuration file of nexmo-gate")]);
    page.control("SH", ["SYNOPSIS"]);
    page.text([bold("/etc/nexmo-gate/config.yaml"), roman(", "), bold("./config.yaml")]);
    page.control("SH", ["DESCRIPTION"]);
    for paragraph in DESCRIPTION {
        page.control("PP", []).text(inlines(paragraph));
    }
    page.control("SH", ["KEYS"]);
    page.text(inlines("A dot leads into a mapping, and `[]` stands for any entry of a list."));
    for key in KEYS {
        entry(&mut page, key);
    }
    page.control("SH", ["EXAMPLE"]).control("nf", []);
    for line in EXAMPLE.lines() {
        page.text([roman(line)]);
    }
    page.control("fi", []);
    page.control("SH", ["SEE ALSO"]);
    for (name, end) in [("nexmo-gate", ", "), ("nexmo-gate-run", ", "), ("nexmo-gate-check", "")] {
        page.text([bold(name), roman("(1)"), roman(end)]);
    }
    page.control("PP", []).text(inlines("`/usr/share/doc/nexmo-gate/docs/configuration.md`"));
    page.render()
}

fn entry(page: &mut Roff, key: &Key) {
    page.control("TP", []).text([bold(key.path)]).text(inlines(key.help));
    let mut line = |name: &str, value: Vec<Inline>| {
        page.control("br", []).text([vec![roman(format!("{name}: "))], value].concat());
    };
    line("Default", inlines(key.default));
    line("Values", inlines(key.values));
    if let Some(flag) = key.flag {
        line("Flag", vec![bold(flag.name), roman(" "), italic(flag.value)]);
        line("Variable", vec![bold(flag.env)]);
    }
    let change = match key.change {
        Change::Hot => "hot",
        Change::Cold => "cold",
    };
    line("Change", vec![roman(change)]);
}

/// Converts one line of Markdown: text in backticks becomes bold, and a link becomes its text.
fn inlines(markdown: &str) -> Vec<Inline> {
    let piece = |(at, text): (usize, &str)| if at % 2 == 1 { bold(text) } else { roman(without_links(text)) };
    markdown.split('`').enumerate().filter(|(_, text)| !text.is_empty()).map(piece).collect()
}

fn without_links(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, label, after)) = link(rest) {
        plain.push_str(before);
        plain.push_str(label);
        rest = after;
    }
    plain + rest
}

/// The first link: the text before it, its own text, the text after it.
fn link(text: &str) -> Option<(&str, &str, &str)> {
    let (head, tail) = text.split_once("](")?;
    let (before, label) = head.rsplit_once('[')?;
    let (_, after) = tail.split_once(')')?;
    Some((before, label, after))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{Overrides, parse};

    #[test]
    fn the_page_has_every_key_with_its_default_its_values_its_flag_and_its_change() {
        let page = render();
        let entries: Vec<&str> = page.split("\n.TP\n").skip(1).collect();
        assert_eq!(entries.len(), KEYS.len());
        for (key, entry) in KEYS.iter().zip(entries) {
            // The last entry is followed by other sections.
            let entry = entry.split("\n.SH").next().unwrap().replace("\\-", "-");
            assert!(entry.starts_with(&format!("\\fB{}\\fR\n", key.path)), "{entry}");
            let change = if key.change == Change::Cold { "Change: cold" } else { "Change: hot" };
            assert!(entry.contains("\nDefault: ") && entry.contains("\nValues: "), "{entry}");
            assert!(entry.trim_end().ends_with(change), "{entry}");
            assert_eq!(entry.contains("\nFlag: "), key.flag.is_some(), "{entry}");
            if let Some(flag) = key.flag {
                for word in [flag.name, flag.value, flag.env] {
                    assert!(entry.contains(word), "{word}: {entry}");
                }
            }
            assert!(!entry.contains('`') && !entry.contains("]("), "{entry}");
        }
        let heads: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix(".SH ")).collect();
        let wanted = ["NAME", "SYNOPSIS", "DESCRIPTION", "KEYS", "EXAMPLE", "\"SEE ALSO\""];
        assert_eq!(heads, wanted);
    }

    #[test]
    fn the_example_means_the_same_as_that_of_the_readme() {
        let readme = include_str!("../../../README.md");
        let (_, rest) = readme.split_once("A small one:\n\n```yaml\n").unwrap();
        let (shown, _) = rest.split_once("```").unwrap();
        let config = |text| parse(Some(text), &Overrides::default(), Path::new("/")).unwrap().config;
        assert_eq!(config(EXAMPLE), config(shown));
    }

    #[test]
    fn code_is_bold_and_a_link_is_its_text() {
        let wanted = [roman("see "), bold("a: b"), roman(" in the page, or there")];
        assert_eq!(inlines("see `a: b` in [the page](x.md), or [there](y.md#z)"), wanted);
        assert_eq!(inlines("[open"), [roman("[open")]);
    }
}
