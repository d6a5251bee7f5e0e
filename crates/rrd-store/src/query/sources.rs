//! Sources: which rows of a chart answer for which seconds of a window.
//!
//! The chart's own rows come first, and tiers for what is older; an archive lies between them, as fine as it is. Where a row of the answer holds whole
//! rows of a tier, and the group can go on from sums, the tier comes first: it is less to read. No
//! second is answered for twice, and none is left out that anything has:
//!
//! ```text
//! usual        tier 1 ──────┤ tier 0 ──────┤ rows ──────────┤
//! long rows    tier 1 ──────────────────────────────┤ tier 0┤ rows ┤
//! ```

use super::Query;
use super::archive::{Older, Span};
use super::group::Group;
use super::window::Window;
use crate::snapshot::Snapshot;
use crate::tier::{Coverage, TierRows};
use crate::view::ChartView;

/// The seconds after the first up to the second come from a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) level: usize,
    pub(super) after_s: i64,
    pub(super) before_s: i64,
}

/// Rows to be folded.
#[derive(Debug)]
pub(super) enum Source<'a> {
    /// Those of the chart.
    Rows(Snapshot),
    /// Those of a tier, which has all up to this second.
    Tier(TierRows, i64),
    /// Those of an archive.
    Older(&'a Span),
}

/// Sources in the order of time, with the seconds that each answers for.
pub(super) type Sources<'a> = Vec<(Part, Source<'a>)>;

/// Takes what a window needs of a chart; `span` are the seconds that matter of its own rows, `tiers`
/// says whether others may be used, `older` is what an archive has.
pub(super) fn take<'a>(
    chart: &ChartView<'_>,
    window: &Window,
    query: &Query<'_>,
    span: (i64, i64),
    tiers: bool,
    older: &'a Older,
) -> Sources<'a> {
    let levels = chart.levels();
    let part = Part { level: 0, after_s: i64::MIN, before_s: i64::MAX };
    if (levels.len() == 1 && older.spans.is_empty()) || !tiers {
        return vec![(part, Source::Rows(chart.snapshot(span.0, span.1)))];
    }
    let source = |part: Part| {
        let (after_s, before_s) = (part.after_s.max(span.0), part.before_s.min(span.1));
        let source = match part.level.checked_sub(1) {
            None => Source::Rows(chart.snapshot(after_s, before_s)),
            Some(_) if part.level >= levels.len() => Source::Older(&older.spans[part.level - levels.len()]),
            Some(tier) => Source::Tier(chart.tier_rows(tier, after_s, before_s), levels[part.level].before_s),
        };
        (part, source)
    };
    plan_with(&levels, &older.covers, window, query, span).into_iter().map(source).collect()
}

/// Lays a chart's levels and, numbered behind them, what is elsewhere, side by side: what of that is within
/// `span`. What is here wins over what is as fine elsewhere.
pub(super) fn plan_with(
    levels: &[Coverage],
    elsewhere: &[Coverage],
    window: &Window,
    query: &Query<'_>,
    span: (i64, i64),
) -> Vec<Part> {
    let preferred = if query.exact { 0 } else { preference(levels, window, query.group) };
    let all = [levels, elsewhere].concat();
    let mut order: Vec<usize> = (0..all.len()).collect();
    // The chart's own rows stay first.
    order[1..].sort_by_key(|&level| all[level].step_s);
    let first = order.iter().position(|&level| level == preferred).unwrap_or(0);
    let mut parts = Vec::new();
    lay(&all, (0..=first).rev().chain(first + 1..all.len()).map(|place| order[place]), &mut parts);
    parts.retain(|part| part.after_s < span.1 && part.before_s > span.0);
    parts
}

/// Whether a chart's own rows answer for all of a window, if they come first. `parts` is space for it.
pub(super) fn rows_suffice(levels: &[Coverage], window: &Window, parts: &mut Vec<Part>) -> bool {
    if levels.len() > 1 {
        plan(levels, 0, parts);
    }
    levels.len() == 1 || parts.iter().filter(|part| part.is_in(window)).all(|part| part.level == 0)
}

impl Part {
    fn is_in(&self, window: &Window) -> bool {
        self.after_s < window.before_s && self.before_s > window.start_s()
    }
}

/// The level that comes first: the coarsest whose rows fall into rows of the answer as a whole.
fn preference(levels: &[Coverage], window: &Window, group: Group) -> usize {
    let is_whole = |level: &Coverage| window.step_s % level.step_s == 0 && window.before_s % level.step_s == 0;
    let keeps_grid = levels[0].step_s == window.quantum_s;
    if !keeps_grid || !matches!(group, Group::Average | Group::Sum | Group::Max) {
        return 0;
    }
    levels.iter().rposition(is_whole).unwrap_or(0)
}

/// Lays levels, the finest first, side by side: first the one that is preferred, then finer ones, then
/// coarser ones.
fn plan(levels: &[Coverage], first: usize, parts: &mut Vec<Part>) {
    lay(levels, (0..=first).rev().chain(first + 1..levels.len()), parts);
}

/// Lays levels side by side, in an order: each into what the ones before it left free.
fn lay(levels: &[Coverage], order: impl Iterator<Item = usize>, parts: &mut Vec<Part>) {
    parts.clear();
    for level in order {
        let Coverage { step_s, after_s, before_s } = levels[level];
        // The chart's own rows fit everywhere.
        let step_s = if level == 0 { 1 } else { step_s };
        let round_up = |time_s: i64| after_s + (time_s - after_s + step_s - 1).div_euclid(step_s) * step_s;
        if after_s >= before_s {
            continue;
        }
        // The part that a gap lies before; the last gap lies before none.
        let mut place = 0;
        while place <= parts.len() {
            let begin_s = place.checked_sub(1).map_or(after_s, |last| round_up(parts[last].before_s.max(after_s)));
            let end_s = parts.get(place).map_or(i64::MAX, |next| next.after_s);
            // A row that reaches into what is there takes that over as a whole.
            let until_s = if before_s >= end_s { round_up(end_s).min(before_s) } else { before_s };
            if begin_s >= until_s.min(end_s) {
                place += 1;
                continue;
            }
            while parts.get(place).is_some_and(|next| next.before_s <= until_s) {
                parts.remove(place);
            }
            if let Some(next) = parts.get_mut(place) {
                next.after_s = next.after_s.max(until_s);
            }
            parts.insert(place, Part { level, after_s: begin_s, before_s: until_s });
            place += 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(step_s: i64, after_s: i64, before_s: i64) -> Coverage {
        Coverage { step_s, after_s, before_s }
    }

    fn plan(levels: &[Coverage], first: usize) -> Vec<Part> {
        let mut parts = Vec::new();
        super::plan(levels, first, &mut parts);
        parts
    }

    fn part(level: usize, after_s: i64, before_s: i64) -> Part {
        Part { level, after_s, before_s }
    }

    /// Each second comes from one level, the preferred one where it has it.
    #[test]
    fn levels_lie_side_by_side() {
        let levels = [level(1, 9_470, 12_345), level(60, 6_000, 12_299), level(3_600, 0, 12_240)];
        for (first, expected) in [
            (0, vec![part(2, 0, 7_200), part(1, 7_200, 9_480), part(0, 9_480, 12_345)]),
            (1, vec![part(2, 0, 7_200), part(1, 7_200, 12_299), part(0, 12_299, 12_345)]),
            (2, vec![part(2, 0, 12_240), part(1, 12_240, 12_299), part(0, 12_299, 12_345)]),
        ] {
            assert_eq!(plan(&levels, first), expected, "{first}");
        }
        // A tier that is shorter than the rows, one without rows, rows that end before a tier.
        assert_eq!(
            plan(&[level(1, 0, 500), level(60, 240, 479)], 1),
            [part(0, 0, 240), part(1, 240, 479), part(0, 479, 500)]
        );
        assert_eq!(plan(&[level(1, 0, 500), level(60, 0, 0)], 1), [part(0, 0, 500)]);
        assert_eq!(plan(&[level(1, 0, 100), level(60, 0, 600)], 0), [part(0, 0, 100), part(1, 120, 600)]);
        // Less history than a tier's step: what it has taken of the period in progress is there, too.
        assert_eq!(
            plan(&[level(1, 3_900, 4_000), level(3_600, 0, 3_959)], 0),
            [part(1, 0, 3_959), part(0, 3_959, 4_000)]
        );
    }

    /// What is coarse fills what finer ones leave free, between them too.
    #[test]
    fn gaps_are_filled() {
        let levels = [level(1, 0, 100), level(10, 500, 600), level(60, -600, 540)];
        let expected = [part(2, -600, 0), part(0, 0, 100), part(2, 120, 540), part(1, 540, 600)];
        assert_eq!(plan(&levels, 0), expected);
    }

    /// Whatever there is, parts follow each other, and hold nothing that their level does not have.
    #[test]
    fn parts_never_overlap() {
        let mut random = 1_u64;
        let mut next = |below: i64| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) as i64 % below
        };
        for _ in 0..20_000 {
            let mut levels = vec![level(1, next(20_000), next(20_000))];
            for step_s in [60, 3_600] {
                let after_s = next(20_000) / step_s * step_s;
                levels.push(level(step_s, after_s, next(20_000)));
            }
            let first = next(3) as usize;
            let parts = plan(&levels, first);
            assert!(parts.windows(2).all(|pair| pair[0].before_s <= pair[1].after_s), "{levels:?} {parts:?}");
            for part in &parts {
                let level = levels[part.level];
                let is_there = part.after_s >= level.after_s && part.before_s <= level.before_s;
                assert!(is_there && part.after_s <= part.before_s, "{levels:?} {parts:?}");
            }
        }
    }
}
