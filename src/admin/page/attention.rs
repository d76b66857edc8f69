//! What needs the operator's attention, in a box at the top of the page.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, UNIX_EPOCH};

use crate::admin::LONG_RELOAD;
use crate::admin::api::status::UpstreamState;
use crate::admin::page::View;
use crate::admin::page::chart::minutes;
use crate::admin::page::level::Level;
use crate::admin::page::loaded::problems_of;
use crate::admin::page::markup::Markup;
use crate::admin::page::proposed;
use crate::admin::page::signatures;
use crate::admin::status::rfc3339;
use crate::admin::text::quantity::{counted, grouped};
use crate::config::{Mode, Problem};
use crate::policy::address::addr::Address;
use crate::policy::demand::Unlisted;
use crate::policy::outcome::{Outcome, Reason};
use crate::state::stats::denials::Row;
use crate::state::stats::gauges::Phase;
use crate::state::stats::health::Condition;
use crate::state::stats::history::Tally;
use crate::state::strangers::SignedStranger;
use crate::state::tls;

/// Everything that needs attention, the worst first.
#[must_use]
pub(crate) fn needs(view: &View<'_>) -> Vec<(Level, String)> {
    let mut needs = Vec::new();
    loaded(view, &mut needs);
    proposed::needs(view, &mut needs);
    signatures::needs(view, &mut needs);
    serving(view, &mut needs);
    process(view, &mut needs);
    needs.sort_by_key(|(level, _)| *level);
    needs
}

fn loaded(view: &View<'_>, needs: &mut Vec<(Level, String)>) {
    let snapshot = view.snapshot;
    for list in snapshot.lists.values() {
        if list.last_good {
            let why = problems_of(view, &list.path).next().map_or_else(
                || format!("{}: run `nexmo-gate check` for the reason", list.path.display()),
                ToString::to_string,
            );
            needs.push((Level::Bad, format!("list {} is the last good one: {why}", list.name)));
        }
        let is_used =
            snapshot.routes.iter().flat_map(|route| &route.allow).any(|used| used.name == list.name);
        match list.ranges.reviewed_days(view.today()) {
            Some(days) if is_used && days > snapshot.config.review_days() => {
                let words = format!("list {} was last compared with its source {days} days ago", list.name);
                needs.push((Level::Warn, words));
            }
            _ => {}
        }
    }
    if let Some(report) = view.last_reload {
        let of_a_list = |problem: &Problem| {
            let mut last_good = snapshot.lists.values().filter(|list| list.last_good);
            last_good.any(|list| problems_of(view, &list.path).any(|own| own == problem))
        };
        let others: Vec<_> = report.problems.iter().filter(|problem| !of_a_list(problem)).collect();
        if let Some(first) = others.first() {
            let count = counted(others.len(), "problem", "problems");
            needs.push((Level::Bad, format!("the last reload found {count}: {first}")));
        }
        needs.extend(
            report
                .held
                .iter()
                .map(|held| (Level::Bad, format!("held; run `nexmo-gate reload` to accept: {held}"))),
        );
        needs.extend(report.needs_restart.iter().map(|key| (Level::Warn, key.clone())));
    }
    for one in tls::certificates(&snapshot.doors) {
        let path = one.files.certificate.display();
        match one.days_left(view.now) {
            None => needs.push((Level::Bad, format!("certificate {path} has expired"))),
            Some(days) if days < one.warn_days() => {
                needs.push((Level::Warn, format!("certificate {path} expires in {days} days")));
            }
            Some(_) => {}
        }
        if let (Some(flaw), Some(_)) = (one.untimely(view.now), one.days_left(view.now)) {
            needs.push((Level::Bad, format!("certificate {path} {flaw}")));
        }
        if one.last_good {
            needs.push((
                Level::Bad,
                format!("certificate {path} is the last good one: its files cannot be used"),
            ));
        }
    }
}

fn serving(view: &View<'_>, needs: &mut Vec<(Level, String)>) {
    let snapshot = view.snapshot;
    for endpoint in snapshot.endpoints().values() {
        let condition = endpoint.health.condition(view.instant);
        if condition != Condition::Up {
            let state = UpstreamState::from(condition);
            needs.push((Level::Bad, format!("upstream {} is {}", endpoint.url, state.word())));
        }
    }
    let mut recent = Tally::default();
    let mut denied = 0;
    for route in &snapshot.routes {
        for column in view.history.columns(&route.label, &route.counters) {
            recent.add(&column);
            denied += column.count(Outcome::Denied);
        }
    }
    needs.extend(strangers(view).map(|words| (Level::Bad, words)));
    if recent.would_deny > 0 {
        let words = format!(
            "mode enforce would have denied {} in the last {} minutes",
            requests(recent.would_deny),
            minutes()
        );
        needs.push((Level::Warn, words));
    }
    if denied > 0 {
        needs.push((
            Level::Warn,
            format!(
                "denied on configured routes in the last {} minutes: {}; the clients are below",
                minutes(),
                requests(denied)
            ),
        ));
    }
    if let Some(words) = just_removed(view) {
        needs.push((Level::Bad, words));
    }
    if snapshot.config.mode == Mode::Observe {
        needs.push((Level::Warn, "mode: observe: no request is denied".to_owned()));
    }
    if view.gauges.phase() == Phase::Draining {
        needs.push((
            Level::Warn,
            "draining: open requests are finished, new connections are refused".to_owned(),
        ));
    }
}

/// Clients that no list holds now and that proved themselves by a signature.
fn strangers(view: &View<'_>) -> Option<String> {
    let unlisted = |one: &&SignedStranger| !view.snapshot.is_listed(Address::new(one.address));
    let strangers: Vec<&SignedStranger> = view.strangers.iter().filter(unlisted).collect();
    let last = strangers.iter().max_by_key(|one| one.last)?;
    let heard = match view.snapshot.config.signatures.unlisted {
        Unlisted::Retry => "they heard 503 and try again",
        Unlisted::Admit => "they were forwarded",
        Unlisted::Deny => "they are denied",
    };
    Some(format!(
        "no list holds {} that proved themselves by a signature, in {} (the last was {}, at {}); {heard}. A new range? \
         `nexmo-gate ranges suggest` prints what to add",
        counted(strangers.len(), "sender", "senders"),
        requests(strangers.iter().map(|one| one.requests).sum()),
        last.address,
        rfc3339(UNIX_EPOCH + Duration::from_secs(last.last)),
    ))
}

/// Senders that a reload took from the lists, and that still send.
fn just_removed(view: &View<'_>) -> Option<String> {
    let lately = |row: &&Row| {
        let age = view.instant.saturating_duration_since(row.last);
        row.reason == Reason::JustRemoved && age < view.snapshot.config.removed_grace
    };
    let rows: Vec<&Row> = view.denials.routed.iter().filter(lately).collect();
    let last = rows.iter().max_by_key(|row| row.last)?;
    let clients: BTreeSet<_> = rows.iter().map(|row| row.client).collect();
    let verb = if clients.len() == 1 { "sends" } else { "send" };
    Some(format!(
        "{} that a reload took from the lists still {verb} (the last was {}, to {}): if that was a mistake, put the range back",
        counted(clients.len(), "client", "clients"),
        last.client,
        last.route.map_or_else(|| "no route".to_owned(), |label| label.to_string())
    ))
}

fn process(view: &View<'_>, needs: &mut Vec<(Level, String)>) {
    if view.gauges.reload_dead.load(Relaxed) > 0 {
        let words = "the reload thread has ended: no change of a file is noticed until the gate is restarted";
        needs.push((Level::Bad, words.to_owned()));
    }
    let busy = view.gauges.reload_busy.load(Relaxed);
    if busy >= LONG_RELOAD.as_secs() {
        let words =
            format!("a reload has been under way for {busy} s; check whether the file system answers");
        needs.push((Level::Warn, words));
    }
    if view.gauges.log_reopen_failed.load(Relaxed) > 0 {
        let words = "the access log's file cannot be opened again; lines are written to the old file";
        needs.push((Level::Bad, words.to_owned()));
    }
    let dropped = view.gauges.log_lines_dropped.load(Relaxed);
    if dropped > 0 {
        needs.push((Level::Warn, format!("{} log lines were dropped since the start", grouped(dropped))));
    }
}

fn requests(count: u64) -> String {
    format!("{} {}", grouped(count), if count == 1 { "request" } else { "requests" })
}

/// The box at the top.
#[must_use]
pub(crate) fn section(needs: &[(Level, String)]) -> Markup {
    let mut markup = Markup::default();
    if needs.is_empty() {
        markup.put("<p class=\"calm\">Nothing needs attention.</p>", &[]);
        return markup;
    }
    markup.put("<section class=\"attention\"><h2>Needs attention</h2><ul>", &[]);
    for (level, words) in needs {
        markup.put("<li class=\"{}\">{}</li>", &[&level.class(), words]);
    }
    markup.put("</ul></section>", &[]);
    markup
}
