//! Runs of digits: a telephone number keeps its first four and its last two digits, whatever stands between the others.
//!
//! Digits are those of every script. What cannot be seen does not end a run, and is left out. A time, a UUID and an IPv4
//! address are no number of somebody's. Invariant: the result has no seven digits in a row.

/// A run of so many digits may be somebody's number.
pub(crate) const FEWEST: usize = 7;
/// No telephone number has more (E.164).
const LONGEST: usize = 15;
/// In groups without a plus, fewer digits are a date or a list.
const FEWEST_IN_GROUPS: usize = 9;
/// The digits that stay, at the front and at the end.
const KEPT: (usize, usize) = (4, 2);
/// The characters that may stand between two groups.
const MOST_BETWEEN: usize = 2;

/// The text with its numbers masked.
#[must_use]
pub(crate) fn masked(text: &str) -> String {
    let chars: Vec<char> = text.chars().filter(|c| !is_unseen(*c)).collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(here) = chars.get(at) {
        let begins = at == 0 || !chars[at - 1].is_alphanumeric();
        let literal = if begins { literal(&chars[at..]) } else { None };
        if let Some((length, is_uuid)) = literal {
            // A UUID may end in twelve digits.
            let plain = chars[at..at + length].iter().collect::<String>();
            out.push_str(&if is_uuid { each_run(&plain) } else { plain });
            at += length;
        } else if here.is_numeric() {
            at += number(&chars[at..], at > 0 && chars[at - 1] == '+', &mut out);
        } else {
            out.push(*here);
            at += 1;
        }
    }
    out
}

/// Whether a reader would not see the character: it stands between two digits as if it were not there.
#[must_use]
pub(crate) fn is_unseen(c: char) -> bool {
    (c.is_control() && !matches!(c, '\n' | '\t' | '\r'))
        || matches!(
            c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{3164}' | '\u{feff}'
                | '\u{ffa0}' | '\u{300}'..='\u{34e}' | '\u{350}'..='\u{36f}' | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{20d0}'..='\u{20ff}'
                | '\u{fe00}'..='\u{fe0f}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}'
        )
}

/// Masks the number at the front, and says how many characters it is.
fn number(chars: &[char], has_plus: bool, out: &mut String) -> usize {
    let groups = groups(chars);
    let (first, digits) = (groups[0], groups.iter().map(|(begin, end)| end - begin).sum::<usize>());
    let is_decimal = groups.len() == 2 && chars[first.1] == '.' && groups[1].0 == first.1 + 1;
    let fewest = if has_plus { FEWEST } else { FEWEST_IN_GROUPS };
    let of_group = |(begin, end): (usize, usize)| chars[begin..end].iter().copied();
    if groups.len() > 1 && !is_decimal && digits >= fewest {
        hide(&groups.iter().copied().flat_map(of_group).collect::<Vec<_>>(), out);
        return groups[groups.len() - 1].1;
    }
    hide(&of_group(first).collect::<Vec<_>>(), out);
    first.1
}

/// The groups of digits at the front, with little between them; each from its first digit to behind its last.
fn groups(chars: &[char]) -> Vec<(usize, usize)> {
    let digits = |from: usize| from + chars[from..].iter().take_while(|c| c.is_numeric()).count();
    let mut groups = vec![(0, digits(0))];
    loop {
        let end = groups[groups.len() - 1].1;
        let between = chars[end..].iter().take_while(|c| is_between(**c)).count();
        let next = end + between;
        if !(1..=MOST_BETWEEN).contains(&between) || !chars.get(next).is_some_and(|c| c.is_numeric()) {
            return groups;
        }
        groups.push((next, digits(next)));
    }
}

fn is_between(c: char) -> bool {
    matches!(c, ' ' | '-' | '.' | '/' | '(' | ')' | '_' | ',' | '|' | '\'' | '\u{b7}' | '\u{a0}' | '\u{2010}'..='\u{2015}' | '\u{2000}'..='\u{200a}' | '\u{202f}')
}

/// Appends digits, or what stands for them if they are many.
fn hide(digits: &[char], out: &mut String) {
    let count = digits.len();
    if count < FEWEST {
        out.extend(digits);
    } else if count <= LONGEST {
        out.extend(&digits[..KEPT.0]);
        out.extend(std::iter::repeat_n('*', count - KEPT.0 - KEPT.1));
        out.extend(&digits[count - KEPT.1..]);
    } else {
        // Its length alone, in a form that any text can have.
        out.extend(["(", &count.to_string(), "_digits)"]);
    }
}

/// Masks each run, whatever stands between two of them.
fn each_run(text: &str) -> String {
    let (mut out, mut run) = (String::new(), Vec::new());
    for c in text.chars() {
        if c.is_numeric() {
            run.push(c);
        } else {
            hide(&std::mem::take(&mut run), &mut out);
            out.push(c);
        }
    }
    hide(&run, &mut out);
    out
}

/// The length of a time, an IPv4 address or a UUID at the front, and whether it is a UUID.
fn literal(chars: &[char]) -> Option<(usize, bool)> {
    let ends = |length: usize| !chars.get(length).is_some_and(|c| c.is_alphanumeric());
    if fits(chars, "hhhhhhhh-hhhh-hhhh-hhhh-hhhhhhhhhhhh") && ends(36) {
        return Some((36, true));
    }
    let clock = ["dddd-dd-ddTdd:dd:dd", "dddd-dd-dd dd:dd:dd", "dddd-dd-dd+dd:dd:dd"];
    if let Some(time) = clock.into_iter().find(|time| fits(chars, time)) {
        // What follows, as a fraction or a zone, is looked at by itself.
        let follows_digit = chars.get(time.len()).is_some_and(|c| c.is_numeric());
        return (!follows_digit).then_some((time.len(), false));
    }
    if fits(chars, "dddd-dd-dd") && !chars.get(10).is_some_and(|c| c.is_numeric() || is_between(*c)) {
        return Some((10, false));
    }
    ipv4(chars).map(|length| (length, false))
}

/// Whether the text begins in this form: `d` is a digit and `h` a hexadecimal one, all else stands for itself.
fn fits(chars: &[char], form: &str) -> bool {
    chars.len() >= form.len()
        && form.chars().zip(chars).all(|(form, c)| match form {
            'd' => c.is_ascii_digit(),
            'h' => c.is_ascii_hexdigit(),
            form => form == *c,
        })
}

fn ipv4(chars: &[char]) -> Option<usize> {
    let end = chars.iter().position(|c| !c.is_ascii_digit() && *c != '.').unwrap_or(chars.len());
    // A full stop may follow.
    let end = if end > 0 && chars[end - 1] == '.' { end - 1 } else { end };
    let next_to_digit = chars.get(end).is_some_and(|c| c.is_numeric());
    let text: String = chars[..end].iter().collect();
    (!next_to_digit && text.parse::<std::net::Ipv4Addr>().is_ok()).then_some(end)
}
