//! What is proposed for the range lists, and which of it has waited long.

use std::time::{Duration, UNIX_EPOCH};

use ipnet::IpNet;

use crate::admin::page::View;
use crate::admin::page::level::Level;
use crate::admin::page::markup::Markup;
use crate::admin::text::quantity::{Grouped, ago};
use crate::state::proposals::Waiting;

/// A proposal that has waited longer needs attention, as the alert has it.
const LONG: Duration = Duration::from_secs(3 * 86_400);
/// The prefixes that a row names, of those added and of those removed.
const MOST_NAMED: usize = 20;

/// What needs attention.
pub(crate) fn needs(view: &View<'_>, needs: &mut Vec<(Level, String)>) {
    for one in view.proposals.waiting.iter().filter(|one| age(view, one) > LONG) {
        let words = format!(
            "a change of list {} was proposed {}: look at it with `nexmo-gate ranges replay {}`, then publish or remove it",
            one.list,
            ago(age(view, one)),
            one.list
        );
        needs.push((Level::Warn, words));
    }
    for one in &view.proposals.unreadable {
        needs.push((Level::Warn, format!("the proposal for list {} cannot be read: {}", one.list, one.why)));
    }
}

fn age(view: &View<'_>, one: &Waiting) -> Duration {
    view.now.duration_since(UNIX_EPOCH + Duration::from_secs(one.at)).unwrap_or_default()
}

/// The proposals; nothing if there is none.
#[must_use]
pub(crate) fn section(view: &View<'_>) -> Markup {
    let mut markup = Markup::default();
    if view.proposals.waiting.is_empty() {
        return markup;
    }
    markup.put(
        "<section class=\"card\"><h2>Proposed</h2><table><caption class=\"hidden\">Proposals for range lists</caption>",
        &[],
    );
    markup.put("<thead><tr><th scope=\"col\">list</th><th scope=\"col\" class=\"number\">added</th><th scope=\"col\" class=\"number\">removed</th><th scope=\"col\" class=\"when\">proposed</th></tr></thead><tbody>", &[]);
    for one in &view.proposals.waiting {
        row(&mut markup, view, one);
    }
    markup.put("</tbody></table>", &[]);
    if view.proposals.cut > 0 {
        markup.put("<p class=\"quiet\">{} more were not looked at.</p>", &[&view.proposals.cut]);
    }
    markup.put("</section>", &[]);
    markup
}

fn row(markup: &mut Markup, view: &View<'_>, one: &Waiting) {
    let [added, removed, gained_v4, lost_v4, gained_v6, lost_v6] = one.change.sizes().map(|(_, size)| size);
    markup.put("<tr data-proposed=\"{}\"><th scope=\"row\"><code>{}</code>", &[&one.list, &one.list]);
    markup.put("<small>from {}, by {}</small></th>", &[&one.source, &one.by]);
    for (prefixes, v4, v6, verb) in
        [(added, gained_v4, gained_v6, "gained"), (removed, lost_v4, lost_v6, "lost")]
    {
        markup.put(
            "<td class=\"number\">{}<small>{} addresses {}</small>",
            &[&Grouped(prefixes), &Grouped(v4), &verb],
        );
        if v6 > 0 {
            // 29 digits are not readable.
            markup.put("<small>IPv6: 2<sup>{}</sup></small>", &[&v6.ilog2()]);
        }
        markup.put("</td>", &[]);
    }
    markup.put("<td class=\"when\">{}</td></tr>", &[&ago(age(view, one))]);
    for (sign, prefixes, count) in
        [("+", &one.change.added, added), ("\u{2212}", &one.change.removed, removed)]
    {
        named(markup, sign, prefixes, count);
    }
}

fn named(markup: &mut Markup, sign: &str, prefixes: &[IpNet], count: u128) {
    let shown: Vec<String> = prefixes.iter().take(MOST_NAMED).map(ToString::to_string).collect();
    if shown.is_empty() {
        return;
    }
    markup.put("<tr><td colspan=\"4\"><small>{} {}", &[&sign, &shown.join(", ")]);
    let rest = count.saturating_sub(shown.len() as u128);
    if rest > 0 {
        markup.put(" and {} more", &[&Grouped(rest)]);
    }
    markup.put("</small></td></tr>", &[]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::fixture::{CONFIG, Stage};
    use crate::admin::page::tests::Begun;
    use crate::admin::page::{attention, render};
    use crate::policy::address::range_list::parse;
    use crate::state::proposals::{Change, Unreadable};
    use crate::telemetry::timestamp::unix_seconds;

    #[test]
    fn a_proposal_is_shown_and_needs_attention_when_it_has_waited_for_days() {
        let snapshot = Stage::new(CONFIG).snapshot();
        let mut begun = Begun::new();
        assert!(!render(&begun.view(&snapshot)).contains("<h2>Proposed</h2>"));
        let text: String = (0..30).map(|n| format!("203.0.113.{n}\n")).collect();
        let proposed = parse(format!("192.0.2.0/28\n{text}").as_bytes()).unwrap();
        let now = unix_seconds(std::time::SystemTime::now());
        begun.proposals.waiting.push(Waiting {
            list: "voice".to_owned(),
            at: now - 2 * 86_400,
            by: "<ada>".to_owned(),
            source: "https://vendor.example/?a=1&b=2".to_owned(),
            change: Change::between(Some(&snapshot.lists["voice"].ranges), &proposed).unwrap(),
        });
        let page = render(&begun.view(&snapshot));
        for wanted in [
            "<tr data-proposed=\"voice\">",
            "from https://vendor.example/?a=1&amp;b=2, by &lt;ada&gt;",
            "30<small>30 addresses gained</small>",
            "1<small>16 addresses lost</small>",
            "<td class=\"when\">2 d ago</td>",
            "<small>+ 203.0.113.0/32, ",
            " and 10 more</small>",
            "<small>\u{2212} 192.0.2.64/28</small>",
        ] {
            assert!(page.contains(wanted), "{wanted}\n{page}");
        }
        let words = |begun: &Begun| {
            let view = begun.view(&snapshot);
            attention::needs(&view).into_iter().map(|(_, words)| words).collect::<Vec<_>>().join("\n")
        };
        assert!(!words(&begun).contains("was proposed"), "{}", words(&begun));
        begun.proposals.waiting[0].at = now - 3 * 86_400 - 5;
        begun.proposals.unreadable.push(Unreadable { list: "sms".to_owned(), why: "line 7: odd".to_owned() });
        let words = words(&begun);
        assert!(words.contains("a change of list voice was proposed 3 d ago: "), "{words}");
        assert!(words.contains("the proposal for list sms cannot be read: line 7: odd"), "{words}");
    }
}
