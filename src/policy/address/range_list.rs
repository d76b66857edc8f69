//! A range file: its grammar, its problems, its prefixes.
//!
//! One CIDR or bare address a line, `#` starts a comment, blank lines and CRLF are fine. The grammar
//! is strict, because this text decides who reaches the application: what two tools read differently
//! (leading zeros, host bits, short forms) is refused with what was probably meant, and so is a
//! prefix so short that it must be a line cut in half. One bad line refuses the whole file.
//! Invariant: a [`RangeList`] is never empty, and `parse(render(list)) == list`.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

use crate::policy::address::addr::dotted;
use crate::policy::address::prefix_set::PrefixSet;

/// The shortest prefix length that a list or a trusted proxy may have: /8 is 16 million addresses.
pub const MIN_V4_LENGTH: u8 = 8;
/// The shortest IPv6 prefix length that a list or a trusted proxy may have.
pub const MIN_V6_LENGTH: u8 = 16;

/// A prefix with the line of its file that it stands on (from 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The prefix, canonical: no host bits, IPv4-mapped IPv6 folded to IPv4.
    pub prefix: IpNet,
    /// The line, from 1.
    pub line: u32,
}

/// A day of the Gregorian calendar as it is written in a range file. Compares in time order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day {
    /// The year, 1970 to 9999.
    pub year: u16,
    /// The month, 1 to 12.
    pub month: u8,
    /// The day of the month, 1 to 31.
    pub day: u8,
}

impl Day {
    /// Days since 1970-01-01.
    #[must_use]
    pub fn days_since_epoch(self) -> i64 {
        // Days from civil, with years that begin in March so that the leap day is the last one.
        let (y, m, d) = (i64::from(self.year), i64::from(self.month), i64::from(self.day));
        let year = if m <= 2 { y - 1 } else { y };
        let of_year = (153 * ((m + 9) % 12) + 2) / 5 + d - 1;
        let of_era = (year % 400) * 365 + (year % 400) / 4 - (year % 400) / 100 + of_year;
        (year / 400) * 146_097 + of_era - 719_468
    }

    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '-');
        let mut number = |width: usize| -> Option<u16> {
            let part = parts.next()?;
            (part.len() == width && part.bytes().all(|b| b.is_ascii_digit())).then(|| part.parse().ok())?
        };
        let (year, month, day) = (number(4)?, number(2)?, number(2)?);
        let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        let last = match month {
            2 if leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        let valid = year >= 1970 && (1..=12).contains(&month) && (1..=last).contains(&day);
        valid.then(|| Self { year, month: month.to_le_bytes()[0], day: day.to_le_bytes()[0] })
    }
}

impl std::fmt::Display for Day {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// A list that nobody has compared with the vendor's article for longer than this is worth a warning.
pub const REVIEW_DAYS: i64 = 180;

/// The prefixes of one file, ready for look-ups.
#[derive(Clone, Debug)]
pub struct RangeList {
    entries: Vec<Entry>,
    set: PrefixSet,
    reviewed: Option<Day>,
    as_of: Option<Day>,
}

impl RangeList {
    /// The prefixes in file order, duplicates kept.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The set for look-ups; places are indices of [`Self::entries`].
    #[must_use]
    pub fn set(&self) -> &PrefixSet {
        &self.set
    }

    /// When a person last compared the file with the vendor's article (`# reviewed: YYYY-MM-DD`, the newest).
    #[must_use]
    pub fn reviewed(&self) -> Option<Day> {
        self.reviewed
    }

    /// How many days ago that was, `today` in days since 1970-01-01; a day to come counts as today.
    #[must_use]
    pub fn reviewed_days(&self, today: i64) -> Option<i64> {
        self.reviewed.map(|day| (today - day.days_since_epoch()).max(0))
    }

    /// The newest date that a group of lines is from (`# as-of: YYYY-MM-DD`).
    #[must_use]
    pub fn as_of(&self) -> Option<Day> {
        self.as_of
    }

    /// The prefixes as the text of a range file.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = String::new();
        let mut line = 1;
        for entry in &self.entries {
            while line < entry.line {
                text.push('\n');
                line += 1;
            }
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{}", entry.prefix);
            line += 1;
        }
        text
    }
}

impl PartialEq for RangeList {
    fn eq(&self, other: &Self) -> bool {
        self.entries == other.entries
    }
}

/// What is wrong with one line, or with the file (line 0).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineProblem {
    /// The line, from 1; 0 when the file as a whole is meant.
    pub line: u32,
    /// What is wrong and, where it can be guessed, what was meant.
    pub message: String,
}

/// Reads a range file.
///
/// # Errors
/// Every bad line, the first [`MOST_PROBLEMS`] of them, or line 0 when the file holds no prefix at all.
pub fn parse(bytes: &[u8]) -> Result<RangeList, Vec<LineProblem>> {
    let mut problems = Vec::new();
    let mut entries = Vec::new();
    let (mut reviewed, mut as_of) = (None, None);
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    for (number, raw) in (1u32..).zip(bytes.split(|b| *b == b'\n')) {
        let raw = raw.strip_suffix(b"\r").unwrap_or(raw);
        let Ok(text) = std::str::from_utf8(raw) else {
            problems.push(LineProblem { line: number, message: "is not UTF-8 text".to_owned() });
            continue;
        };
        let (range, comment) = text.split_once('#').unwrap_or((text, ""));
        if let Some((key, value)) = comment.split_once(':') {
            let slot = match key.trim() {
                "reviewed" => Some(&mut reviewed),
                "as-of" => Some(&mut as_of),
                _ => None,
            };
            if let (Some(slot), Some(day)) = (slot, value.trim().get(..10).and_then(Day::parse)) {
                *slot = (*slot).max(Some(day));
            }
        }
        let range = range.trim_matches([' ', '\t']);
        if range.is_empty() {
            continue;
        }
        match parse_prefix(range) {
            Ok(prefix) => entries.push(Entry { prefix, line: number }),
            Err(message) => {
                problems.push(LineProblem { line: number, message: format!("{}: {message}", shown(range)) });
            }
        }
        // A file of another kind has only bad lines, and must not cost many times its size.
        if problems.len() == MOST_PROBLEMS {
            break;
        }
    }
    if problems.is_empty() && entries.is_empty() {
        problems.push(LineProblem {
            line: 0,
            message: "holds no address range; an empty list would admit nobody, so it is refused \
                      (delete the file and its uses to retire a list)"
                .to_owned(),
        });
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let set = PrefixSet::new(entries.iter().map(|e| &e.prefix));
    Ok(RangeList { entries, set, reviewed, as_of })
}

/// Bad lines after which a file is read no further.
pub const MOST_PROBLEMS: usize = 10_000;

/// Characters of the longest prefix: eight groups of IPv6 and `/128`.
const LONGEST: usize = 43;

/// What was written, as far as it can have been meant as a prefix. Anything else may be a secret: a range
/// file can be a link to a private key, and what is said here stands in logs and on pages.
#[must_use]
pub fn shown(text: &str) -> String {
    let of_an_address = |b: u8| b.is_ascii_hexdigit() || b".:/-% ".contains(&b);
    // The dump of a key is pairs of digits.
    let pairs = text.split(':').filter(|part| part.len() == 2).count();
    let parted = text.contains(['.', ':', '/']) && pairs < 4;
    if parted && text.len() <= LONGEST && text.bytes().all(of_an_address) {
        return format!("{text:?}");
    }
    match text.chars().count() {
        1 => "one character that is no address".to_owned(),
        count => format!("{count} characters that are no address"),
    }
}

/// Reads one CIDR or bare address under the rules of a range file. Trusted proxies use them too.
///
/// # Errors
/// What is wrong and, where it can be guessed, what was meant.
pub fn parse_prefix(text: &str) -> Result<IpNet, String> {
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (text, None),
    };
    let ip = match dotted(address.as_bytes()) {
        Some(ip) => IpAddr::V4(ip),
        None => address.parse().map_err(|_| meant_address(address, length))?,
    };
    let bits = if ip.is_ipv4() { 32 } else { 128 };
    let length = match length {
        None => bits,
        Some(length) => parse_length(length, ip, bits)?,
    };
    let net = fold(ip, length)?;
    if net.trunc() != net {
        return Err(format!(
            "the address has bits beyond its prefix length; write {} for the range or {}/{} for the one address",
            net.trunc(),
            net.addr(),
            net.max_prefix_len()
        ));
    }
    let floor = if net.addr().is_ipv4() { MIN_V4_LENGTH } else { MIN_V6_LENGTH };
    if net.prefix_len() < floor {
        return Err(format!(
            "a prefix shorter than /{floor} is refused: it is more likely a line cut short than a list of one sender"
        ));
    }
    Ok(net)
}

fn parse_length(text: &str, ip: IpAddr, bits: u8) -> Result<u8, String> {
    if text.is_empty() {
        return Err(format!("the prefix length is missing; write {ip}/{bits} for the one address"));
    }
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(match (ip, text.parse::<Ipv4Addr>().map(ipnet::ipv4_mask_to_prefix)) {
            (IpAddr::V4(_), Ok(Ok(length))) => {
                format!("a netmask is not a prefix length; write {ip}/{length}")
            }
            (IpAddr::V4(_), Ok(Err(_))) => "a netmask is not a prefix length".to_owned(),
            _ => "the prefix length is not a number".to_owned(),
        });
    }
    if text.len() <= 4 && text.len() > 1 && text.starts_with('0') {
        let plain = text.trim_start_matches('0');
        let plain = if plain.is_empty() { "0" } else { plain };
        return Err(format!("the prefix length has a leading zero; write /{plain}"));
    }
    match text.parse::<u8>() {
        Ok(length) if length <= bits => Ok(length),
        _ => Err(format!("the prefix length must be 0 to {bits}")),
    }
}

/// An IPv4-mapped IPv6 range becomes the IPv4 range that it is.
fn fold(ip: IpAddr, length: u8) -> Result<IpNet, String> {
    let net = |ip: IpAddr, length: u8| {
        IpNet::new(ip, length).map_err(|_| "the prefix length is too long".to_owned())
    };
    let IpAddr::V6(v6) = ip else { return net(ip, length) };
    let Some(v4) = v6.to_ipv4_mapped() else { return net(ip, length) };
    if length < 96 {
        return Err("an IPv4-mapped range needs a prefix length of 96 or more".to_owned());
    }
    net(IpAddr::V4(v4), length - 96)
}

/// Guesses what an unreadable address was meant to be.
fn meant_address(address: &str, length: Option<&str>) -> String {
    // Only what is a length is said again.
    let length = length.filter(|l| !l.is_empty() && l.len() <= 3 && l.bytes().all(|b| b.is_ascii_digit()));
    let length = length.map_or(String::new(), |l| format!("/{l}"));
    if address.contains('%') {
        return "a zone id names a network interface of one machine; leave it out".to_owned();
    }
    if address.contains(':') {
        return "is not an IPv6 address".to_owned();
    }
    let parts: Vec<&str> = address.split('.').collect();
    let numeric = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !parts.iter().all(numeric) {
        if address.contains('-') && address.split('-').all(|side| side.trim().parse::<IpAddr>().is_ok()) {
            return "a from-to range must be written as CIDR, e.g. 192.0.2.0/28".to_owned();
        }
        return "is not an IP address; names are not looked up".to_owned();
    }
    if parts.iter().any(|part| part.parse::<u16>().is_ok_and(|n| n > 255) || part.len() > 3) {
        return "each part of an IPv4 address is 0 to 255".to_owned();
    }
    if parts.len() < 4 {
        let full = (0..4).map(|i| *parts.get(i).unwrap_or(&"0")).collect::<Vec<_>>().join(".");
        return format!("an IPv4 address has four parts; {full}{length}?");
    }
    if parts.len() > 4 {
        return "an IPv4 address has four parts".to_owned();
    }
    let plain = parts.iter().map(|p| p.parse::<u16>().unwrap_or(0).to_string()).collect::<Vec<_>>().join(".");
    format!(
        "a leading zero is octal to some programs and decimal to others; write {plain}{length} if decimal was meant"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::net::Ipv6Addr;

    fn problems(text: &str) -> Vec<String> {
        match parse(text.as_bytes()) {
            Ok(list) => panic!("accepted: {:?}", list.entries),
            Err(problems) => problems.iter().map(|p| format!("{}: {}", p.line, p.message)).collect(),
        }
    }

    #[test]
    fn a_file_of_another_kind_costs_no_more_than_so_many_problems() {
        let text = "no address\n".repeat(3 * MOST_PROBLEMS);
        assert_eq!(parse(text.as_bytes()).unwrap_err().len(), MOST_PROBLEMS);
        let dump = parse(b"05:ba:4b:b6:0f\n").unwrap_err();
        assert!(!dump[0].message.contains("4b"), "{}", dump[0].message);
    }

    #[test]
    fn comments_blank_lines_crlf_bom_and_a_missing_last_newline_are_fine() {
        let text = "\u{feff}# source: somewhere\r\n# as-of: 2019-01-31\r\n\r\n192.0.2.0/28 # tail\r\n\t2001:db8::/32\n# reviewed: 2026-11-21\n203.0.113.7";
        let list = parse(text.as_bytes()).unwrap();
        let seen: Vec<_> = list.entries().iter().map(|e| (e.prefix.to_string(), e.line)).collect();
        let wanted = [("192.0.2.0/28", 4), ("2001:db8::/32", 5), ("203.0.113.7/32", 7)];
        assert_eq!(seen, wanted.map(|(p, l)| (p.to_owned(), l)));
        assert_eq!(list.as_of().map(|d| d.to_string()).as_deref(), Some("2019-01-31"));
        assert_eq!(list.reviewed().map(|d| d.to_string()).as_deref(), Some("2026-11-21"));
    }

    #[test]
    fn every_bad_line_is_reported_with_what_was_meant() {
        let seen = problems("1.2.3.4/24\nok.example\n192.0.2.0/28\n010.0.0.0/8\n1.2.3.0/2\n");
        let wanted = [
            "1: \"1.2.3.4/24\": the address has bits beyond its prefix length; write 1.2.3.0/24 for the range or 1.2.3.4/32 for the one address",
            "2: 10 characters that are no address: is not an IP address; names are not looked up",
            "4: \"010.0.0.0/8\": a leading zero is octal to some programs and decimal to others; write 10.0.0.0/8 if decimal was meant",
            "5: \"1.2.3.0/2\": the address has bits beyond its prefix length; write 0.0.0.0/2 for the range or 1.2.3.0/32 for the one address",
        ];
        assert_eq!(seen, wanted);
    }

    /// A link to a key, a token, a list of passwords: none of it may reach a log.
    #[test]
    fn what_is_no_address_is_not_said_again() {
        let secrets = [
            "-----BEGIN PRIVATE KEY-----",
            "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7",
            "deadbeefdeadbeefdeadbeefdeadbeef",
            "00:b4:31:98:0a:c4:bc:62:c1:88:aa:dc:b0:c8:bb:",
            "hunter2",
            "1.2/hunter2",
            "10.0.0.1/hunter2",
            "01.2.3.4/hunter2",
            "2001:db8::/hunter2",
            "fe80::1%hunter2",
            "10.1.2.3-hunter2",
        ];
        for secret in secrets {
            let said = problems(secret)[0].clone();
            let parts = secret
                .split(['/', '%', '-'])
                .filter(|part| part.len() > 6 && part.parse::<IpAddr>().is_err());
            for part in parts {
                assert!(!said.contains(part), "{said}");
            }
            assert!(
                said.contains("characters that are no address") || said.contains("prefix length"),
                "{said}"
            );
        }
        // What was meant is said as before.
        for (text, meant) in [
            ("1.2.3/24", "1: \"1.2.3/24\": an IPv4 address has four parts; 1.2.3.0/24?"),
            ("1.2.3.4 - 1.2.3.9", "1: \"1.2.3.4 - 1.2.3.9\": a from-to range must be written as CIDR"),
            (
                "1.2.3.0/255.255.255.0",
                "1: \"1.2.3.0/255.255.255.0\": a netmask is not a prefix length; write 1.2.3.0/24",
            ),
            ("x", "1: one character that is no address: is not an IP address"),
        ] {
            let said = &problems(text)[0];
            assert!(said.starts_with(meant), "{said}");
        }
    }

    #[test]
    fn a_file_without_a_range_is_refused() {
        for text in ["", "\n\n", "# only words\n"] {
            assert!(problems(text)[0].starts_with("0: holds no address range"), "{text:?}");
        }
    }

    /// tests/fixtures/range-line-parsers.json: one line, three parsers, and what this one does.
    #[test]
    fn lines_that_parsers_disagree_about_come_out_as_wanted() {
        let text = include_str!("../../../tests/fixtures/range-line-parsers.json");
        let file: serde_json::Value = serde_json::from_str(text).unwrap();
        let rows = file["rows"].as_array().unwrap();
        for row in rows {
            let (line, wanted) = (row[0].as_str().unwrap(), row[4].as_str().unwrap());
            let accept = wanted.starts_with("accept") || wanted.starts_with("treat as");
            assert_eq!(parse(line.as_bytes()).is_ok(), accept, "{line}: {wanted}");
        }
        assert_eq!(rows.len(), 15);
        let mapped = parse(b"::ffff:1.2.3.0/120").unwrap();
        assert_eq!(mapped.entries()[0].prefix.to_string(), "1.2.3.0/24");
    }

    #[test]
    fn days_count_from_the_epoch() {
        for (text, days) in
            [("1970-01-01", 0), ("2000-02-29", 11_016), ("2024-03-01", 19_783), ("2026-11-21", 20_778)]
        {
            assert_eq!(Day::parse(text).unwrap().days_since_epoch(), days, "{text}");
        }
        for text in ["2023-02-29", "2024-13-01", "2024-00-10", "24-01-01", "2024-1-01", "2024-04-31"] {
            assert_eq!(Day::parse(text), None, "{text}");
        }
    }

    fn prefix() -> impl Strategy<Value = IpNet> {
        prop_oneof![
            (any::<u32>(), 8u8..=32)
                .prop_map(|(b, l)| IpNet::new_assert(Ipv4Addr::from(b).into(), l).trunc()),
            (1u128 << 120.., 16u8..=128)
                .prop_map(|(b, l)| IpNet::new_assert(Ipv6Addr::from(b).into(), l).trunc()),
        ]
    }

    proptest! {
        #[test]
        fn parsing_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn parsing_range_like_text_never_panics(text in "[0-9a-f:./#% \r\n-]{0,80}") {
            let _ = parse(text.as_bytes());
        }

        /// Whatever a file holds, a message never repeats a long run of it that is no address.
        #[test]
        fn no_run_of_letters_of_a_bad_line_is_repeated(secret in "[g-zG-Z+=]{7,70}", before in "[0-9a-f.:/]{0,8}", after in "[0-9a-f.:/]{0,8}") {
            for problem in parse(format!("{before}{secret}{after}").as_bytes()).unwrap_err() {
                prop_assert!(!problem.message.contains(&secret), "{}", problem.message);
            }
        }

        #[test]
        fn a_rendered_list_parses_to_itself(prefixes in prop::collection::vec(prefix(), 1..50)) {
            let text = prefixes.iter().map(|p| format!("{p}\n")).collect::<String>();
            let list = parse(text.as_bytes()).unwrap();
            prop_assert_eq!(parse(list.render().as_bytes()).unwrap(), list);
        }
    }
}
