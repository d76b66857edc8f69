//! The signatures of requests by route, the secrets that made them, and what of both needs attention.
//!
//! Invariant: of a secret the page has its owner, its file and its use, and nothing that is made from it.

use std::time::{Duration, UNIX_EPOCH};

use crate::admin::page::View;
use crate::admin::page::level::Level;
use crate::admin::page::markup::Markup;
use crate::admin::text::quantity::{ago, grouped};
use crate::policy::demand::Need;
use crate::policy::signature::finding::Finding;
use crate::state::secrets::LiveSecret;
use crate::state::snapshot::LiveRoute;
use crate::state::stats::signatures::Row;
use crate::telemetry::timestamp::unix_seconds;

/// What needs attention.
pub(crate) fn needs(view: &View<'_>, needs: &mut Vec<(Level, String)>) {
    for route in judging(view).filter(|route| route.signature.need == Need::Require) {
        let Some(row) = route.counters.signatures.row() else { continue };
        let words = match row {
            Row::Unsigned(requests) => format!(
                "route {} requires signatures, and the last {} requests of this route had no signature: does the account sign \
                 its webhooks?",
                route.label,
                grouped(requests)
            ),
            Row::NotGood(faults) => format!(
                "route {} requires signatures, and the last {} were not good: is its secret the account's signature secret, \
                 not the API secret?",
                route.label,
                grouped(faults)
            ),
        };
        needs.push((Level::Bad, words));
    }
    for one in &view.snapshot.secrets.sources {
        needs.extend(of_secret(view, one));
    }
}

fn of_secret(view: &View<'_>, one: &LiveSecret) -> Vec<(Level, String)> {
    let (secrets, now, owner) = (&view.snapshot.secrets, now(view), one.owner());
    let path = one.file.file.display();
    let mut needs = Vec::new();
    if one.last_good {
        let words = format!("the secret of {owner} is the last good one: {path} cannot be used");
        needs.push((Level::Bad, words));
    }
    if one.is_over(now) {
        let is_replaced = secrets.others_of(one).any(|other| !other.is_over(now));
        needs.push((if is_replaced { Level::Warn } else { Level::Bad }, one.over()));
    }
    if secrets.is_left_behind(one, now) {
        let words = format!(
            "the secret of {owner} in {path} has made no signature for 7 days, while another of {owner} has; remove it"
        );
        needs.push((Level::Warn, words));
    }
    needs
}

/// The signatures; nothing if no route judges any and there is no secret.
#[must_use]
pub(crate) fn section(view: &View<'_>) -> Markup {
    let mut markup = Markup::default();
    if judging(view).next().is_none() && view.snapshot.secrets.sources.is_empty() {
        return markup;
    }
    markup.put("<section class=\"card\"><h2>Signatures</h2><table><caption class=\"hidden\">Signatures by route</caption>", &[]);
    markup.put("<thead><tr><th scope=\"col\">route</th><th scope=\"col\" class=\"number\">good</th><th scope=\"col\" class=\"number\">not good</th></tr></thead><tbody>", &[]);
    for route in judging(view) {
        one_route(&mut markup, route);
    }
    markup.put("</tbody></table>", &[]);
    secrets(&mut markup, view);
    markup.put("</section>", &[]);
    markup
}

fn one_route(markup: &mut Markup, route: &LiveRoute) {
    let mut good = 0;
    let mut found = [0; Finding::ALL.len()];
    for (_, finding, count) in route.counters.signatures.by_finding() {
        found[finding as usize] += count;
        if finding.is_good() {
            good += count;
        }
    }
    markup.put("<tr data-signed=\"{}\"><th scope=\"row\"><code>{}</code>", &[&route.label, &route.label]);
    markup.put(" <span class=\"pill plain\">{}</span>", &[&route.signature.need.word()]);
    let words: Vec<String> = Finding::ALL
        .into_iter()
        .filter(|finding| found[*finding as usize] > 0)
        .map(|finding| format!("{} {}", finding.word(), grouped(found[finding as usize])))
        .collect();
    if !words.is_empty() {
        markup.put("<small>{}</small>", &[&words.join(", ")]);
    }
    markup.put("</th><td class=\"number\">{}</td>", &[&grouped(good)]);
    markup.put("<td class=\"number\">{}</td></tr>", &[&grouped(found.iter().sum::<u64>() - good)]);
}

fn secrets(markup: &mut Markup, view: &View<'_>) {
    if view.snapshot.secrets.sources.is_empty() {
        return;
    }
    markup.put("<table><caption class=\"hidden\">Secrets of signatures</caption>", &[]);
    markup.put("<thead><tr><th scope=\"col\">secret of</th><th scope=\"col\" class=\"number\">signatures</th><th scope=\"col\" class=\"when\">last used</th></tr></thead><tbody>", &[]);
    for one in &view.snapshot.secrets.sources {
        one_secret(markup, view, one);
    }
    markup.put("</tbody></table>", &[]);
}

fn one_secret(markup: &mut Markup, view: &View<'_>, one: &LiveSecret) {
    markup.put("<tr><th scope=\"row\">{}", &[&one.owner()]);
    if one.last_good {
        markup.put(" <span class=\"pill bad\">last good</span>", &[]);
    }
    if one.is_over(now(view)) {
        markup.put(" <span class=\"pill warn\">over</span>", &[]);
    }
    markup.put("<small>", &[]);
    markup.put_path(&one.file.file.display());
    if let Some(until) = one.file.until {
        markup.put(", until {}", &[&until]);
    }
    markup.put("</small></th><td class=\"number\">{}</td><td class=\"when\">", &[&grouped(one.uses.hits())]);
    match one.uses.last() {
        None => markup.put("never", &[]),
        Some(last) => {
            let past = view.now.duration_since(UNIX_EPOCH + Duration::from_secs(last)).unwrap_or_default();
            markup.put("{}", &[&ago(past)]);
        }
    }
    markup.put("</td></tr>", &[]);
}

fn judging<'v>(view: &View<'v>) -> impl Iterator<Item = &'v LiveRoute> {
    let snapshot = view.snapshot;
    snapshot.all_routes().filter(move |route| snapshot.signature_rules(route).is_some())
}

fn now(view: &View<'_>) -> u64 {
    unix_seconds(view.now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::fixture::{CONFIG, SIGNED, Stage};
    use crate::admin::page::tests::Begun;
    use crate::policy::signature::finding::Scheme;
    use crate::state::snapshot::Snapshot;
    use crate::state::stats::signatures::{Counted, MANY_IN_A_ROW};

    const DAY: u64 = 86_400;

    /// Days since 1970 at noon.
    fn with_view<T>(snapshot: &Snapshot, day: u64, use_it: impl FnOnce(&View<'_>) -> T) -> T {
        let now = UNIX_EPOCH + Duration::from_secs(day * DAY + DAY / 2);
        use_it(&View { now, ..Begun::new().view(snapshot) })
    }

    fn needed(snapshot: &Snapshot, day: u64) -> Vec<(Level, String)> {
        with_view(snapshot, day, |view| {
            let mut all = Vec::new();
            needs(view, &mut all);
            all
        })
    }

    fn today() -> u64 {
        unix_seconds(std::time::SystemTime::now()) / DAY
    }

    fn count(route: &LiveRoute, finding: Finding) {
        let scheme = Some(Scheme::Token);
        route.counters.signatures.count(&Counted { scheme, finding, age: Some(1), form: None });
    }

    #[test]
    fn signatures_and_secrets_stand_on_the_page_without_what_a_secret_is() {
        let snapshot = Stage::new(SIGNED).snapshot();
        for finding in [Finding::Valid, Finding::ValidHead, Finding::Bad, Finding::Unsigned] {
            count(&snapshot.routes[0], finding);
        }
        snapshot.secrets.count_use(1, 20_000 * DAY);
        let html = with_view(&snapshot, 20_001, |view| section(view).into_text());
        for part in [
            "<tr data-signed=\"/webhooks/answer\"><th scope=\"row\"><code>/webhooks/answer</code> <span class=\"pill plain\">require</span>\
             <small>valid 1, valid_head 1, unsigned 1, bad 1</small></th><td class=\"number\">2</td><td class=\"number\">2</td></tr>",
            "<code>/webhooks/sms/*</code> <span class=\"pill plain\">note</span></th><td class=\"number\">0</td>",
            "api_key a1b2c3d<small>",
            "/old, until 2026-12-31</small></th><td class=\"number\">0</td><td class=\"when\">never</td>",
            "/new</small></th><td class=\"number\">1</td><td class=\"when\">1 d ago</td>",
        ] {
            assert!(html.contains(part), "{part}\n{html}");
        }
        assert!(!html.contains("/webhooks/off") && !html.contains("the secret of"), "{html}");
        let plain = Stage::new(CONFIG).snapshot();
        assert_eq!(with_view(&plain, 20_001, |view| section(view).into_text()), "");
    }

    #[test]
    fn many_faults_in_a_row_need_attention_where_signatures_are_required() {
        let snapshot = Stage::new(SIGNED).snapshot();
        let [required, noted, ..] = snapshot.routes.as_slice() else { panic!() };
        for _ in 1..MANY_IN_A_ROW {
            count(required, Finding::Bad);
            count(noted, Finding::Bad);
        }
        assert_eq!(needed(&snapshot, 20_000), []);
        count(required, Finding::Unsigned);
        count(noted, Finding::Unsigned);
        let [(level, words)] = &needed(&snapshot, 20_000)[..] else { panic!() };
        assert_eq!(*level, Level::Bad);
        assert!(
            words.starts_with("route /webhooks/answer requires signatures, and the last 20 were not good"),
            "{words}"
        );
        for _ in 1..MANY_IN_A_ROW {
            count(required, Finding::Unsigned);
        }
        let wanted = "route /webhooks/answer requires signatures, and the last 20 requests of this route had no signature: \
                      does the account sign its webhooks?";
        assert_eq!(needed(&snapshot, 20_000), [(Level::Bad, wanted.to_owned())]);
        count(required, Finding::Valid);
        assert_eq!(needed(&snapshot, 20_000), []);
    }

    #[test]
    fn a_secret_needs_attention_when_it_is_over_or_left_behind() {
        let until = 20_818;
        let snapshot = Stage::new(SIGNED).snapshot();
        assert_eq!(needed(&snapshot, until), [], "2026-12-31 is the last day");
        let [(Level::Warn, words)] = &needed(&snapshot, until + 1)[..] else { panic!() };
        let over =
            "the secret of api_key a1b2c3d no longer counts since the end of 2026-12-31 (UTC); remove it";
        assert_eq!(words, over);
        let alone = SIGNED.replace("    - { api_key: a1b2c3d, file: new }\n", "");
        let alone = Stage::new(&alone).snapshot();
        assert_eq!(needed(&alone, until + 1), [(Level::Bad, over.to_owned())], "there is no other");
        let unending = SIGNED.replace(", until: 2026-12-31", "");
        let rotated = Stage::new(&unending).snapshot();
        let later = today() + 8;
        rotated.secrets.count_use(1, later * DAY);
        assert_eq!(needed(&rotated, today() + 6), [], "it has not been there for a week");
        let [(Level::Warn, words)] = &needed(&rotated, later)[..] else { panic!() };
        assert!(
            words.starts_with("the secret of api_key a1b2c3d in ") && words.contains("/old has made no"),
            "{words}"
        );
    }
}
