//! The last minutes as columns: an inline SVG without script, style attributes or external resources.
//!
//! Each outcome is one path, stacked in a fixed order; its class gives the colour. The numbers are in a table
//! beside the chart, and in its alternative text.

use std::fmt::Write as _;

use crate::admin::page::markup::Markup;
use crate::admin::text::quantity::grouped;
use crate::policy::outcome::Outcome;
use crate::state::stats::history::{COLUMN, COLUMNS, Tally};

/// The order of the outcomes in a column, from the bottom.
pub(crate) const STACK: [Outcome; 7] = [
    Outcome::Delivered,
    Outcome::Undelivered,
    Outcome::Refused,
    Outcome::Abandoned,
    Outcome::Rejected,
    Outcome::Served,
    Outcome::Denied,
];
/// The width of a column with its gap, in units of the drawing.
const STEP: usize = 5;
const HEIGHT: f64 = 48.0;
/// The smallest height of a bar, so that one denial in a thousand stays visible.
const LEAST: f64 = 2.0;

/// A chart of the columns; `what` is their name in the alternative text.
#[must_use]
pub(crate) fn chart(what: &str, columns: &[Tally; COLUMNS]) -> Markup {
    let mut markup = Markup::default();
    let highest = columns.iter().map(Tally::all).max().unwrap_or(0);
    markup.put(
        "<figure class=\"chart\"><svg role=\"img\" viewBox=\"0 0 299 48\" preserveAspectRatio=\"none\" aria-label=\"{}\">",
        &[&alternative(what, columns, highest)],
    );
    let heights = columns.map(|column| heights(&column, highest));
    for (layer, outcome) in STACK.iter().enumerate() {
        let path = layer_path(&heights, layer);
        if !path.is_empty() {
            markup.put("<path class=\"{}\" d=\"{}\"/>", &[&outcome.word(), &path]);
        }
    }
    markup.put("</svg><figcaption aria-hidden=\"true\"><span>{} min ago</span>", &[&minutes()]);
    markup.put(
        "<span>peak {} in {} s</span><span>now</span></figcaption></figure>",
        &[&grouped(highest), &COLUMN.as_secs()],
    );
    markup
}

/// The minutes that all columns cover.
#[must_use]
pub(crate) fn minutes() -> u64 {
    COLUMN.as_secs() * COLUMNS as u64 / 60
}

/// The height of each outcome in a column, in the order of the stack.
#[expect(clippy::cast_precision_loss, reason = "a drawing needs no more digits than a double has")]
fn heights(column: &Tally, highest: u64) -> [f64; STACK.len()] {
    let counts = STACK.map(|outcome| column.count(outcome));
    let true_height = |count: u64| count as f64 / highest.max(1) as f64 * HEIGHT;
    let mut heights = counts.map(|count| if count == 0 { 0.0 } else { true_height(count).max(LEAST) });
    // Take from the largest what the smallest were raised by.
    let excess = (heights.iter().sum::<f64>() - HEIGHT).max(0.0);
    if let Some(largest) = heights.iter_mut().max_by(|one, other| one.total_cmp(other)) {
        *largest -= excess;
    }
    heights
}

fn layer_path(heights: &[[f64; STACK.len()]; COLUMNS], layer: usize) -> String {
    let mut path = String::new();
    for (place, column) in heights.iter().enumerate().filter(|(_, column)| column[layer] > 0.0) {
        let bottom = HEIGHT - column[..layer].iter().sum::<f64>();
        let (left, width, height) = (place * STEP, STEP - 1, column[layer]);
        // Writing to a String cannot fail.
        let _ = write!(path, "M{left} {bottom:.1}v-{height:.1}h{width}v{height:.1}z");
    }
    path
}

/// The alternative text of the chart.
fn alternative(what: &str, columns: &[Tally; COLUMNS], highest: u64) -> String {
    let total = sum(columns);
    let mut text = format!("{what}, the last {} minutes: ", minutes());
    if total.all() == 0 {
        return text + "no requests";
    }
    let counted = STACK.iter().filter(|outcome| total.count(**outcome) > 0);
    let parts: Vec<String> =
        counted.map(|outcome| format!("{} {}", grouped(total.count(*outcome)), outcome.word())).collect();
    let _ =
        write!(text, "{}; at most {} in {} seconds", parts.join(", "), grouped(highest), COLUMN.as_secs());
    text
}

/// The sum of all columns.
#[must_use]
pub(crate) fn sum(columns: &[Tally; COLUMNS]) -> Tally {
    let mut total = Tally::default();
    for column in columns {
        total.add(column);
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::outcome::Reason;
    use crate::state::stats::counters::RouteCounters;

    fn columns(counts: &[(usize, Reason, u64)]) -> [Tally; COLUMNS] {
        let mut columns = [Tally::default(); COLUMNS];
        for (place, reason, count) in counts {
            let counters = RouteCounters::default();
            (0..*count).for_each(|_| counters.count(*reason, None));
            columns[*place].add(&Tally::of(&counters));
        }
        columns
    }

    #[test]
    fn columns_are_stacked_to_scale_and_told_in_words() {
        let columns = columns(&[
            (0, Reason::Success, 3),
            (59, Reason::Success, 2),
            (59, Reason::NotListed, 2),
            (59, Reason::NoRoute, 2),
        ]);
        let svg = chart("Requests to /<a>", &columns).into_text();
        assert!(
            svg.contains("<path class=\"delivered\" d=\"M0 48.0v-24.0h4v24.0zM295 48.0v-16.0h4v16.0z\"/>")
        );
        assert!(svg.contains("<path class=\"denied\" d=\"M295 32.0v-32.0h4v32.0z\"/>"), "{svg}");
        let words =
            "Requests to /&lt;a&gt;, the last 15 minutes: 5 delivered, 4 denied; at most 6 in 15 seconds";
        assert!(svg.contains(words), "{svg}");
        assert!(!svg.contains("style") && !svg.contains("on="), "{svg}");
    }

    #[test]
    fn a_count_of_one_stays_visible_and_nothing_leaves_the_drawing() {
        let column = columns(&[(7, Reason::Success, 5000), (7, Reason::NotListed, 1)])[7];
        let heights = heights(&column, 5001);
        assert!((heights[6] - LEAST).abs() < 1e-9, "{heights:?}");
        assert!((heights.iter().sum::<f64>() - HEIGHT).abs() < 1e-9, "{heights:?}");
    }

    #[test]
    fn an_empty_chart_says_that_nothing_was_counted() {
        let svg = chart("Requests", &columns(&[])).into_text();
        assert!(svg.contains("no requests") && !svg.contains("<path"), "{svg}");
    }

    #[test]
    fn every_outcome_is_drawn() {
        assert!(Outcome::ALL.iter().all(|outcome| STACK.contains(outcome)));
    }
}
