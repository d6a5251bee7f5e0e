//! Replication: which rows of the past a parent asks for, and which a child sends.
//!
//! Per chart, the parent fills what it misses between its newest row and now, step by step, and
//! then lets live rows follow. Both decisions are functions of their arguments; who sends when, and
//! how much at once, is decided elsewhere. Times are whole seconds of a wall clock; a range means
//! the rows after its beginning up to its end.

/// What a parent's request for rows of the past says, beside the chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplayRequest {
    /// Whether live rows shall follow.
    pub start_streaming: bool,
    /// Rows after this second,
    pub after_s: i64,
    /// and up to this one.
    pub before_s: i64,
}

impl ReplayRequest {
    /// No rows of the past, but live ones from now on.
    pub const EMPTY: Self = Self { start_streaming: true, after_s: 0, before_s: 0 };
}

/// What a parent knows when it makes a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParentState {
    /// Whether this parent wants rows of the past at all.
    pub enabled: bool,
    /// Whether the chart has a dimension.
    pub has_dimensions: bool,
    /// Where the child's rows begin; 0 without rows.
    pub child_first_s: i64,
    /// The child's last row; 0 without rows.
    pub child_last_s: i64,
    /// The last row that this parent has of the chart; 0 without rows.
    pub own_last_s: i64,
    /// This parent's clock.
    pub now_s: i64,
    /// Where the last answer in this series ended; 0 for the first request.
    pub previous_before_s: i64,
    /// How far back it wants rows that it has no beginning for, in seconds.
    pub period_s: i64,
    /// How many seconds it asks for at once.
    pub step_s: i64,
}

/// The parent's next request, on the end of a definition or after an answer that said `false`.
///
/// It is what agents of version 1.37 ask. Those of 2.11 differ in two points: with rows as new as
/// the child's they ask for nothing instead of the empty range at its end, and a range that ends
/// before it begins becomes the empty request.
#[must_use]
pub fn next_request(state: &ParentState) -> ReplayRequest {
    let own_last_s = state.own_last_s.min(state.now_s);
    let nothing_to_ask = !state.enabled
        || !state.has_dimensions
        || state.child_last_s <= 0
        || state.child_first_s <= 0
        || state.child_first_s > state.child_last_s
        || own_last_s > state.child_last_s;
    if nothing_to_ask {
        return ReplayRequest::EMPTY;
    }
    let from_s = if state.previous_before_s > 0 {
        state.previous_before_s
    } else if own_last_s > 0 {
        own_last_s
    } else {
        state.now_s.saturating_sub(state.period_s)
    };
    let after_s = from_s.max(state.child_first_s);
    let is_last_step = state.now_s.saturating_sub(after_s) <= state.step_s;
    let end_s = if is_last_step { state.now_s } else { after_s.saturating_add(state.step_s) };
    let before_s = end_s.min(state.child_last_s);
    ReplayRequest {
        start_streaming: is_last_step || before_s == state.child_last_s,
        after_s: after_s.min(before_s),
        before_s,
    }
}

/// What a child has when it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChildState {
    /// The second before its first row, which is what it announces as first; 0 without rows.
    pub first_s: i64,
    /// Its last row; 0 without rows.
    pub last_s: i64,
    /// Its clock.
    pub now_s: i64,
    /// Seconds between rows of the chart.
    pub update_every_s: u32,
}

/// What a child sends for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplayPlan {
    /// Rows with a time after the first of these and up to the second; `None` for no rows.
    pub rows: Option<(i64, i64)>,
    /// Whether live rows follow, which the answer says.
    pub start_streaming: bool,
    /// What the answer tells as executed.
    pub after_s: i64,
    /// What the answer tells as executed.
    pub before_s: i64,
}

/// Rows this near to now are all sent at once, in units of update every.
const NEAR_ROWS: i64 = 100;

/// The child's plan for an answer: the request, clipped to what there is, and raised to the last
/// row if live rows follow or if the range ends near now.
#[must_use]
pub fn plan_answer(request: &ReplayRequest, state: &ChildState) -> ReplayPlan {
    let after_s = request.after_s.min(request.before_s);
    let before_s = request.after_s.max(request.before_s);
    let no_rows = ReplayPlan { rows: None, start_streaming: true, after_s, before_s };
    if after_s <= 0 || before_s <= 0 || after_s > state.now_s || state.last_s <= 0 {
        return no_rows;
    }
    let near_s = state.now_s.saturating_sub(NEAR_ROWS * i64::from(state.update_every_s));
    let start_streaming = request.start_streaming || before_s >= state.last_s || before_s >= near_s;
    let before_s = if start_streaming { state.last_s } else { before_s.min(state.last_s) };
    let after_s = after_s.max(state.first_s);
    if after_s >= before_s {
        return ReplayPlan { start_streaming, after_s: after_s.min(before_s), before_s, ..no_rows };
    }
    ReplayPlan { rows: Some((after_s, before_s)), start_streaming, after_s, before_s }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_388_030;

    fn parent(first: i64, last: i64) -> ParentState {
        let at = |offset: i64| if offset == i64::MIN { 0 } else { NOW + offset };
        ParentState {
            enabled: true,
            has_dimensions: true,
            child_first_s: at(first),
            child_last_s: at(last),
            own_last_s: 0,
            now_s: NOW,
            previous_before_s: 0,
            period_s: 86_400,
            step_s: 3600,
        }
    }

    fn asked(start_streaming: bool, after: i64, before: i64) -> ReplayRequest {
        ReplayRequest { start_streaming, after_s: NOW + after, before_s: NOW + before }
    }

    const NONE: i64 = i64::MIN;

    /// New charts are asked for as a real parent of 1.37.1 asked, with its step and its period.
    #[test]
    fn requests_of_1_37() {
        let old = |first, last| ParentState { step_s: 600, period_s: 4088, ..parent(first, last) };
        for (state, request) in [
            (old(NONE, NONE), ReplayRequest::EMPTY),
            (old(-100, 0), asked(true, -100, 0)),
            (old(-3000, 0), asked(false, -3000, -2400)),
            (ParentState { previous_before_s: NOW - 2400, ..old(-3000, 0) }, asked(false, -2400, -1800)),
            (ParentState { previous_before_s: NOW - 600, ..old(-3000, 0) }, asked(true, -600, 0)),
            (old(-200_000, 0), asked(false, -4088, -3488)),
            (old(-100, -50), asked(true, -100, -50)),
            (old(NONE, 0), ReplayRequest::EMPTY),
            (ParentState { has_dimensions: false, ..old(-100, 0) }, ReplayRequest::EMPTY),
            (ParentState { enabled: false, ..old(-100, 0) }, ReplayRequest::EMPTY),
        ] {
            assert_eq!(next_request(&state), request, "{state:?}");
        }
    }

    /// The same charts as a real parent of 2.11.0 asked for them, with its step.
    #[test]
    fn requests_of_2_11() {
        for (state, request) in [
            (parent(NONE, NONE), ReplayRequest::EMPTY),
            (parent(-100, 0), asked(true, -100, 0)),
            (parent(-3000, 0), asked(true, -3000, 0)),
            (parent(-5000, 0), asked(false, -5000, -1400)),
            (ParentState { previous_before_s: NOW - 1400, ..parent(-5000, 0) }, asked(true, -1400, 0)),
            (parent(-200_000, 0), asked(false, -86_400, -82_800)),
            (parent(-100, -50), asked(true, -100, -50)),
            (parent(-100, 500), asked(true, -100, 0)),
            (parent(0, -100), ReplayRequest::EMPTY),
        ] {
            assert_eq!(next_request(&state), request, "{state:?}");
        }
    }

    /// A parent goes on where its own rows end, and never asks a child that is behind it.
    #[test]
    fn own_rows_count() {
        for (own, request) in [
            (-40, asked(true, -40, 0)),
            (-500, asked(true, -100, 0)),
            (0, asked(true, 0, 0)),
            // Rows from the future count as rows of now.
            (300, asked(true, 0, 0)),
        ] {
            let state = ParentState { own_last_s: NOW + own, ..parent(-100, 0) };
            assert_eq!(next_request(&state), request, "{own}");
        }
        let behind = ParentState { own_last_s: NOW - 10, ..parent(-100, -50) };
        assert_eq!(next_request(&behind), ReplayRequest::EMPTY);
    }

    /// Numbers that no honest peer sends yield some request and no overflow.
    #[test]
    fn extreme_numbers_do_no_harm() {
        let extremes = [i64::MIN, -1, 0, 1, NOW, i64::MAX];
        for first in extremes {
            for last in extremes {
                for previous in extremes {
                    let state = ParentState {
                        child_first_s: first,
                        child_last_s: last,
                        previous_before_s: previous,
                        ..parent(0, 0)
                    };
                    let request = next_request(&state);
                    assert!(request.after_s <= request.before_s);
                    let child = ChildState { first_s: first, last_s: last, now_s: NOW, update_every_s: u32::MAX };
                    for start_streaming in [false, true] {
                        let asked = ReplayRequest { start_streaming, after_s: previous, before_s: first };
                        let plan = plan_answer(&asked, &child);
                        assert!(plan.rows.is_none_or(|(after_s, before_s)| after_s < before_s));
                    }
                }
            }
        }
    }

    /// The child clips, raises and says whether live rows follow, as real children do.
    #[test]
    fn answers_of_a_child() {
        let child = |first: i64| ChildState { first_s: NOW + first, last_s: NOW - 1, now_s: NOW, update_every_s: 1 };
        let none = |after, before| ReplayPlan { rows: None, start_streaming: true, after_s: after, before_s: before };
        let rows = |start_streaming, after: i64, before: i64| {
            let (after_s, before_s) = (NOW + after, NOW + before);
            ReplayPlan { rows: Some((after_s, before_s)), start_streaming, after_s, before_s }
        };
        for (request, state, plan) in [
            (ReplayRequest::EMPTY, child(-60), none(0, 0)),
            // All of a short past comes at once, whatever was asked.
            (asked(false, -60, -52), child(-60), rows(true, -60, -1)),
            (asked(false, -167, -159), child(-167), rows(false, -167, -159)),
            (asked(true, -159, 0), child(-167), rows(true, -159, -1)),
            (asked(false, -159, -167), child(-200), rows(false, -167, -159)),
            (asked(false, -1000, -500), child(-700), rows(false, -700, -500)),
            (asked(false, 10, 20), child(-700), none(NOW + 10, NOW + 20)),
        ] {
            assert_eq!(plan_answer(&request, &state), plan, "{request:?}");
        }
        let without = ChildState { first_s: 0, last_s: 0, ..child(0) };
        assert_eq!(plan_answer(&asked(false, -100, 0), &without), none(NOW - 100, NOW));
        // Before the first row: nothing to send, and no end to the replication yet.
        let before_all = plan_answer(&asked(false, -2000, -1500), &child(-700));
        assert_eq!((before_all.rows, before_all.start_streaming), (None, false));
        assert_eq!(before_all.before_s, NOW - 1500);
    }
}
