//! What is loaded and its state: lists, certificates, upstreams, the last reload, the process.

use std::path::Path;

use crate::admin::api::status::UpstreamState;
use crate::admin::last_hits::{self, OfList};
use crate::admin::page::View;
use crate::admin::page::markup::Markup;
use crate::admin::text::quantity::{Grouped, ago, counted, grouped};
use crate::config::Problem;
use crate::state::snapshot::List;
use crate::state::stats::gauges::TABLE;
use crate::state::stats::health::Condition;

/// The number of prefixes that are named among those that were never hit.
const MOST_NEVER_HIT: usize = 20;

/// The problems of the last reload that are at this file or at a line of it.
pub(crate) fn problems_of<'a>(view: &View<'a>, path: &Path) -> impl Iterator<Item = &'a Problem> {
    let path = path.display().to_string();
    let problems = view.last_reload.map(|report| report.problems.as_slice()).unwrap_or_default();
    problems.iter().filter(move |problem| {
        problem.at.strip_prefix(&path).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
    })
}

/// The range lists.
#[must_use]
pub(crate) fn lists(view: &View<'_>) -> Markup {
    let mut markup = Markup::default();
    markup.put(
        "<section class=\"card\"><h2>Lists</h2><table><caption class=\"hidden\">Range lists</caption>",
        &[],
    );
    markup.put("<thead><tr><th scope=\"col\">list</th><th scope=\"col\" class=\"number\">prefixes</th><th scope=\"col\" class=\"number\">addresses</th><th scope=\"col\" class=\"when\">reviewed</th></tr></thead><tbody>", &[]);
    let hits = last_hits::of(view.snapshot);
    for list in view.snapshot.lists.values() {
        let hits = hits.iter().find(|one| one.list.name == list.name);
        one_list(&mut markup, view, list, hits);
    }
    markup.put("</tbody></table></section>", &[]);
    markup
}

fn one_list(markup: &mut Markup, view: &View<'_>, list: &List, hits: Option<&OfList<'_>>) {
    markup.put("<tr data-list=\"{}\"><th scope=\"row\"><code>{}</code>", &[&list.name, &list.name]);
    if list.last_good {
        markup.put(" <span class=\"pill bad\">last good</span>", &[]);
    }
    markup.put("<small>", &[]);
    markup.put_path(&list.path.display());
    markup.put("</small></th>", &[]);
    markup.put("<td class=\"number\">{}</td>", &[&Grouped(list.ranges.entries().len() as u128)]);
    let (v4, v6) = list.ranges.set().covered();
    markup.put("<td class=\"number\">{}", &[&grouped(v4)]);
    if v6 > 0 {
        // 29 digits are not readable.
        markup.put("<small>IPv6: 2<sup>{}</sup></small>", &[&v6.ilog2()]);
    }
    markup.put("</td><td class=\"when\">", &[]);
    match list.ranges.reviewed_days(view.today()) {
        None => markup.put("<span class=\"pill warn\">never</span>", &[]),
        Some(days) => {
            let class = if days > view.snapshot.config.review_days() { "pill warn" } else { "plain" };
            let words = if days == 0 { "today".to_owned() } else { format!("{days} d ago") };
            markup.put("<span class=\"{}\">{}</span>", &[&class, &words]);
        }
    }
    if let Some(day) = list.ranges.reviewed() {
        markup.put("<small>{}</small>", &[&day]);
    }
    markup.put("</td></tr>", &[]);
    if let Some(hits) = hits {
        never_hit(markup, hits);
    }
    let problems: Vec<_> = problems_of(view, &list.path).collect();
    if !problems.is_empty() {
        markup.put("<tr><td colspan=\"4\">", &[]);
        problem_list(markup, &problems);
        markup.put("</td></tr>", &[]);
    }
}

/// The prefixes of a list that admitted nobody since the start: they may be old, or belong to somebody else by now.
fn never_hit(markup: &mut Markup, hits: &OfList<'_>) {
    let never: Vec<String> = hits.never_hit().take(MOST_NEVER_HIT).map(ToString::to_string).collect();
    let rest = hits.never() - never.len() + hits.cut;
    let words = match hits.last() {
        None => "no hit since the start".to_owned(),
        Some(_) if never.is_empty() => return,
        Some(_) => format!("never hit since the start: {}", never.join(", ")),
    };
    markup.put("<tr><td colspan=\"4\"><small>{}", &[&words]);
    if hits.last().is_some() && rest > 0 {
        markup.put(" and {} more", &[&Grouped(rest as u128)]);
    }
    markup.put("</small></td></tr>", &[]);
}

fn problem_list(markup: &mut Markup, problems: &[&Problem]) {
    markup.put("<ul class=\"problems\">", &[]);
    for problem in problems {
        markup.put("<li>", &[]);
        if !problem.at.is_empty() {
            markup.put("<code>{}</code> ", &[&problem.at]);
        }
        markup.put("{}</li>", &[&problem.message]);
    }
    markup.put("</ul>", &[]);
}

/// The endpoints of the upstreams.
#[must_use]
pub(crate) fn upstreams(view: &View<'_>) -> Markup {
    let mut markup = Markup::default();
    markup.put("<section class=\"card\"><h2>Upstreams</h2><table><caption class=\"hidden\">Endpoints of upstreams</caption>", &[]);
    markup.put(
        "<thead><tr><th scope=\"col\">endpoint</th><th scope=\"col\" class=\"state\">state</th></tr></thead><tbody>",
        &[],
    );
    for endpoint in view.snapshot.endpoints().values() {
        let condition = endpoint.health.condition(view.instant);
        let state = UpstreamState::from(condition);
        let class = if condition == Condition::Up { "good" } else { "bad" };
        markup.put(
            "<tr data-upstream=\"{}\"><th scope=\"row\"><code>{}</code>",
            &[&endpoint.url, &endpoint.url],
        );
        if endpoint.check.is_some() {
            markup.put("<small>with health checks</small>", &[]);
        }
        markup.put("</th><td><span class=\"pill {}\">{}</span>", &[&class, &state.word()]);
        if let Some(meaning) = state.meaning() {
            markup.put("<small>{}", &[&meaning]);
            if let Condition::Resting(rest) = condition {
                markup.put("; tried again in {} s", &[&(rest.as_secs() + 1)]);
            }
            markup.put("</small>", &[]);
        }
        markup.put("</td></tr>", &[]);
    }
    markup.put("</tbody></table></section>", &[]);
    markup
}

/// The certificates of the listeners; nothing if none has TLS.
#[must_use]
pub(crate) fn certificates(view: &View<'_>) -> Markup {
    let mut markup = Markup::default();
    let listeners = view.snapshot.config.listen.iter().zip(&view.snapshot.doors);
    let shown: Vec<_> = listeners
        .filter_map(|(listener, door)| Some((listener, door.as_ref()?)))
        .flat_map(|(listener, door)| door.certificates.iter().map(move |one| (listener.address, one)))
        .collect();
    if shown.is_empty() {
        return markup;
    }
    markup.put("<section class=\"card\"><h2>Certificates</h2><table><caption class=\"hidden\">Certificates of listeners</caption>", &[]);
    markup.put("<thead><tr><th scope=\"col\">names</th><th scope=\"col\" class=\"when\">days left</th></tr></thead><tbody>", &[]);
    for (address, one) in shown {
        markup.put("<tr><th scope=\"row\">{}<small>on {}: ", &[&one.names.join(", "), &address]);
        markup.put_path(&one.files.certificate.display());
        markup.put("</small></th><td class=\"when\">", &[]);
        match one.days_left(view.now) {
            None => markup.put("<span class=\"pill bad\">expired</span>", &[]),
            Some(_) if one.untimely(view.now).is_some() => {
                markup.put("<span class=\"pill bad\">not valid yet</span>", &[]);
            }
            Some(days) if days < one.warn_days() => {
                markup.put("<span class=\"pill warn\">{}</span>", &[&days]);
            }
            Some(days) => markup.put("{}", &[&days]),
        }
        if one.last_good {
            markup.put(" <span class=\"pill bad\">last good</span>", &[]);
        }
        markup.put("<small>{}</small></td></tr>", &[&one.until]);
    }
    markup.put("</tbody></table></section>", &[]);
    markup
}

/// The result of the last reload.
#[must_use]
pub(crate) fn last_reload(view: &View<'_>) -> Markup {
    let mut markup = Markup::default();
    markup.put("<section class=\"card\"><h2>Last reload</h2>", &[]);
    let Some(report) = view.last_reload else {
        markup.put("<p class=\"quiet\">None since the start.</p></section>", &[]);
        return markup;
    };
    let (class, word) = match (report.problems.is_empty(), report.published) {
        (true, true) => ("good", "loaded"),
        (true, false) if !report.held.is_empty() => ("warn", "held"),
        (true, false) => ("good", "nothing changed"),
        (false, true) => ("bad", "loaded in part"),
        (false, false) => ("bad", "failed"),
    };
    let past = view.now.duration_since(report.at).unwrap_or_default();
    markup.put("<p><span class=\"pill {}\">{}</span> {}", &[&class, &word, &ago(past)]);
    markup.put(
        ", because of {}</p>",
        &[&match report.cause {
            crate::state::report::Cause::Changed => "a changed file",
            crate::state::report::Cause::Signal => "a signal",
            crate::state::report::Cause::Asked => "a manual reload",
        }],
    );
    let problems: Vec<_> = report.problems.iter().collect();
    if !problems.is_empty() {
        problem_list(&mut markup, &problems);
    }
    let warnings = report.warnings.iter().map(|warning| ("warning: ", warning.to_string()));
    let held = report.held.iter().map(|held| ("held: ", held.clone()));
    let changes = report.changes.iter().chain(&report.needs_restart).map(|change| ("", change.clone()));
    let lines: Vec<_> = held.chain(warnings).chain(changes).collect();
    if !lines.is_empty() {
        markup.put("<ul class=\"said\">", &[]);
        for (kind, text) in &lines {
            markup.put("<li>{}{}</li>", &[kind, text]);
        }
        markup.put("</ul>", &[]);
    }
    markup.put("</section>", &[]);
    markup
}

/// The numbers of the process.
#[must_use]
pub(crate) fn process(view: &View<'_>) -> Markup {
    let mut markup = Markup::default();
    markup.put("<section class=\"card\"><h2>Process</h2><dl class=\"facts\">", &[]);
    for number in TABLE {
        markup.put("<div><dt>{}</dt><dd>{}", &[&number.words, &grouped(number.value(view.gauges))]);
        if let Some(most) = number.most(&view.snapshot.config.limits) {
            markup.put(" <small>of {}</small>", &[&Grouped(most as u128)]);
        }
        markup.put("</dd></div>", &[]);
    }
    markup.put("</dl></section>", &[]);
    markup
}

/// The number of trusted proxy entries.
#[must_use]
pub(crate) fn trusted(view: &View<'_>) -> String {
    match view.snapshot.trusted_names.len() {
        0 => "no trusted proxies".to_owned(),
        count => counted(count, "trusted proxy entry", "trusted proxy entries"),
    }
}
