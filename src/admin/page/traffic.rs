//! The requests: all together and per route, as charts with their numbers.

use crate::admin::page::View;
use crate::admin::page::chart::{STACK, chart, minutes, sum};
use crate::admin::page::markup::Markup;
use crate::admin::text::quantity::{counted, grouped};
use crate::policy::outcome::Outcome;
use crate::state::snapshot::LiveRoute;
use crate::state::stats::history::{COLUMNS, Tally};

/// The requests of all routes.
#[must_use]
pub(crate) fn overview(view: &View<'_>) -> Markup {
    let mut columns = [Tally::default(); COLUMNS];
    let mut total = Tally::default();
    for route in view.snapshot.all_routes() {
        let of_route = view.history.columns(&route.label, &route.counters);
        columns.iter_mut().zip(&of_route).for_each(|(all, one)| all.add(one));
        total.add(&Tally::of(&route.counters));
    }
    let recent = sum(&columns);
    let mut markup = Markup::default();
    markup.put("<section class=\"card overview\"><h2>Requests</h2>", &[]);
    markup.append(&chart("All requests", &columns));
    markup.put("<dl class=\"tiles\">", &[]);
    let observed = (total.would_deny > 0).then_some(("would deny", recent.would_deny, total.would_deny));
    let admitted = [("admitted", recent.admitted(), total.admitted())];
    let by_outcome = STACK
        .iter()
        .filter(|outcome| **outcome != Outcome::Served || total.count(Outcome::Served) > 0)
        .map(|outcome| (outcome.word(), recent.count(*outcome), total.count(*outcome)));
    for (word, recent, total) in admitted.into_iter().chain(by_outcome).chain(observed) {
        let class = word.replace(' ', "-");
        markup.put("<div class=\"tile {}\"><dt>{}</dt><dd>", &[&class, &word]);
        markup.put("<b>{}</b><span>{} in all</span></dd></div>", &[&grouped(recent), &grouped(total)]);
    }
    markup.put("</dl><p class=\"note\">Large: the last {} minutes; below, since the start. ", &[&minutes()]);
    markup.put("Admitted is every request that was not denied.</p></section>", &[]);
    markup
}

/// A card for each route with requests; the other routes only by name.
#[must_use]
pub(crate) fn routes(view: &View<'_>) -> Markup {
    let mut markup = Markup::default();
    markup.put("<section><h2>Routes</h2><div class=\"cards\">", &[]);
    let (busy, quiet): (Vec<_>, Vec<_>) =
        view.snapshot.all_routes().partition(|route| Tally::of(&route.counters).all() > 0);
    for route in busy {
        card(&mut markup, view, route);
    }
    markup.put("</div>", &[]);
    let quiet: Vec<_> = quiet.into_iter().filter(|route| !is_placeholder(view, route)).collect();
    if !quiet.is_empty() {
        markup.put(
            "<p class=\"quiet\">{} without a request since the start: ",
            &[&counted(quiet.len(), "route", "routes")],
        );
        for (place, route) in quiet.iter().enumerate() {
            markup.put(if place > 0 { ", <code>{}</code>" } else { "<code>{}</code>" }, &[&route.label]);
        }
        markup.put("</p>", &[]);
    }
    markup.put("</section>", &[]);
    markup
}

fn is_placeholder(view: &View<'_>, route: &LiveRoute) -> bool {
    std::ptr::eq(route, view.snapshot.unrouted.as_ref())
}

fn card(markup: &mut Markup, view: &View<'_>, route: &LiveRoute) {
    let columns = view.history.columns(&route.label, &route.counters);
    let (recent, total) = (sum(&columns), Tally::of(&route.counters));
    markup.put("<article class=\"card\" data-route=\"{}\">", &[&route.label]);
    if is_placeholder(view, route) {
        markup.put("<h3>no route</h3><p class=\"meta\">paths that no route matches, requests that cannot be read, and connections closed without an answer</p>", &[]);
    } else {
        markup.put("<h3><code>{}</code></h3>", &[&route.label]);
        let lists: Vec<_> = route.allow.iter().map(|list| list.name.as_str()).collect();
        markup.put(
            "<p class=\"meta\">{} &middot; {} s &middot; {}</p>",
            &[&route.webhook.name(), &route.deadline.as_secs_f64(), &lists.join(", ")],
        );
    }
    markup.append(&chart(&format!("Requests to {}", route.label), &columns));
    markup
        .put("<table class=\"numbers\"><caption class=\"hidden\">Requests to {}</caption>", &[&route.label]);
    markup.put("<thead><tr><th scope=\"col\">outcome</th><th scope=\"col\">{} min</th><th scope=\"col\">since start</th></tr></thead><tbody>", &[&minutes()]);
    for outcome in STACK {
        // Delivered and denied are shown even if they are zero.
        let always = matches!(outcome, Outcome::Delivered | Outcome::Denied);
        if always || total.count(outcome) > 0 {
            row(markup, outcome.word(), recent.count(outcome), total.count(outcome));
        }
    }
    if total.would_deny > 0 {
        row(markup, "would deny", recent.would_deny, total.would_deny);
    }
    markup.put("</tbody></table></article>", &[]);
}

fn row(markup: &mut Markup, word: &str, recent: u64, total: u64) {
    markup.put("<tr class=\"{}\"><th scope=\"row\">{}</th>", &[&word.replace(' ', "-"), &word]);
    markup.put("<td>{}</td><td>{}</td></tr>", &[&grouped(recent), &grouped(total)]);
}
