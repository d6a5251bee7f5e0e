//! The receiver's side of replication: per chart, what is asked for next.

use protocol::replication::{ParentState, ReplayRequest, next_request};
use row::{ChartSlot, Now};

use crate::loss::Gap;

/// Seconds of history asked for at once.
const STEP_S: i64 = 600;

/// After so many answers in a row that did not move on, a child is asked no more.
const STUCK_MAX: u8 = 3;

/// What is under way for a chart.
#[derive(Debug, Clone, Copy, Default)]
struct Chart {
    active: bool,
    /// Where the last answer of this series ended.
    previous_before_s: i64,
    /// Answers in a row that did not move on.
    stuck: u8,
}

/// The replication of all charts of a stream.
#[derive(Debug, Default)]
pub(super) struct Replication {
    charts: Vec<Chart>,
}

/// What the child and this node have of a chart.
#[derive(Debug, Clone, Copy)]
pub(super) struct Have {
    pub(super) has_dimensions: bool,
    pub(super) child_first_s: i64,
    pub(super) child_last_s: i64,
    pub(super) own_last_s: i64,
    /// Seconds between rows.
    pub(super) every_s: i64,
    /// How far back rows are kept, in seconds.
    pub(super) period_s: i64,
}

impl Replication {
    fn chart(&mut self, slot: ChartSlot) -> &mut Chart {
        let place = slot.0 as usize;
        if self.charts.len() <= place {
            self.charts.resize(place + 1, Chart::default());
        }
        &mut self.charts[place]
    }

    /// Forgets the charts that do not stay.
    pub(super) fn retain(&mut self, stays: impl Fn(&ChartSlot) -> bool) {
        for (slot, chart) in (0..).map(ChartSlot).zip(&mut self.charts) {
            if !stays(&slot) {
                *chart = Chart::default();
            }
        }
    }

    /// A definition ended; returns what to ask for, unless an answer is still under way.
    pub(super) fn defined(&mut self, slot: ChartSlot, have: &Have, now: Now) -> Option<ReplayRequest> {
        let chart = self.chart(slot);
        if std::mem::replace(&mut chart.active, true) {
            return None;
        }
        (chart.previous_before_s, chart.stuck) = (0, 0);
        Some(request(have, 0, now))
    }

    /// An answer ended at `before_s`; returns what to ask for next, unless the chart is live now.
    pub(super) fn answered(
        &mut self,
        slot: ChartSlot,
        live: bool,
        before_s: i64,
        have: &Have,
        now: Now,
    ) -> Option<ReplayRequest> {
        let chart = self.chart(slot);
        if live || !chart.active {
            chart.active = false;
            return None;
        }
        // An answer that does not move on must not be asked for again and again.
        if before_s > chart.previous_before_s {
            (chart.previous_before_s, chart.stuck) = (before_s, 0);
            return Some(request(have, before_s, now));
        }
        chart.stuck += 1;
        chart.active = chart.stuck < STUCK_MAX;
        chart.active.then_some(ReplayRequest::EMPTY)
    }
}

/// What this node misses of a chart, would keep, and the child does not have any more. Of a chart
/// that is new here nothing is missing: nobody has promised its past.
pub(super) fn missing(have: &Have, now: Now) -> Option<Gap> {
    if have.own_last_s <= 0 || have.child_first_s <= 0 || have.child_last_s <= 0 {
        return None;
    }
    let from_s = have.own_last_s.max(now.wall_s() - have.period_s);
    Gap::of_chart(from_s, have.child_first_s, have.every_s)
}

/// The next request. Its ends are whole multiples of update every: old children count their rows
/// from where they were asked.
fn request(have: &Have, previous_before_s: i64, now: Now) -> ReplayRequest {
    let every_s = have.every_s.max(1);
    let request = next_request(&ParentState {
        enabled: true,
        has_dimensions: have.has_dimensions,
        child_first_s: have.child_first_s,
        child_last_s: have.child_last_s,
        own_last_s: have.own_last_s,
        now_s: now.wall_s(),
        previous_before_s,
        period_s: have.period_s,
        step_s: (STEP_S + every_s - 1) / every_s * every_s,
    });
    let whole = |time_s: i64| time_s - time_s % every_s;
    let before_s = if request.before_s == have.child_last_s { request.before_s } else { whole(request.before_s) };
    ReplayRequest { after_s: whole(request.after_s), before_s, ..request }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A child that answers without ever moving on, or going live, is left in peace.
    #[test]
    fn a_child_that_moves_in_a_circle_is_asked_no_more() {
        let now = Now { wall_us: 1_795_390_000_000_000, mono_us: 1 };
        let (child_first_s, child_last_s) = (now.wall_s() - 5_000, now.wall_s());
        let have =
            Have { has_dimensions: true, child_first_s, child_last_s, own_last_s: 0, every_s: 1, period_s: 4_000 };
        let (mut replication, slot) = (Replication::default(), ChartSlot(0));
        assert!(replication.defined(slot, &have, now).is_some());
        let answers = (0..100).filter(|_| replication.answered(slot, false, 0, &have, now).is_some()).count();
        assert_eq!(answers, usize::from(STUCK_MAX) - 1);
        assert!(replication.defined(slot, &have, now).is_some(), "a new definition begins anew");
    }

    /// Goal: only what the child had to have, and this node keeps for so long, counts as lost.
    #[test]
    fn what_is_missing_is_between_our_last_row_and_the_childs_first() {
        let now = Now { wall_us: 10_000_000_000, mono_us: 1 };
        let have = Have {
            has_dimensions: true,
            child_first_s: 9_500,
            child_last_s: 9_990,
            own_last_s: 9_400,
            every_s: 5,
            period_s: 3_600,
        };
        assert_eq!(missing(&have, now), Some(Gap { rows: 20, from_s: 9_400, to_s: 9_500 }));
        for (nothing, why) in [
            (Have { own_last_s: 9_500, ..have }, "the child begins where we end"),
            (Have { own_last_s: 9_600, ..have }, "the child begins before"),
            (Have { own_last_s: 0, ..have }, "a chart that is new here"),
            (Have { child_first_s: 0, child_last_s: 0, ..have }, "a child without rows"),
            (Have { period_s: 400, ..have }, "so old a row is not kept here"),
        ] {
            assert_eq!(missing(&nothing, now), None, "{why}");
        }
    }

    /// Steps go on whole multiples of update every, however long it is, until the child's last row.
    #[test]
    fn requests_lie_on_rows() {
        for every_s in [1, 5, 7, 60, 1_000, 3_600] {
            let now = Now { wall_us: 1_795_390_123_000_000, mono_us: 1 };
            let child_last_s = (now.wall_s() - 1) / every_s * every_s;
            let have = Have {
                has_dimensions: true,
                child_first_s: child_last_s - 40 * every_s,
                child_last_s,
                own_last_s: 0,
                every_s,
                period_s: 30 * every_s,
            };
            let (mut before_s, mut turns) = (0, 0);
            loop {
                let request = request(&have, before_s, now);
                assert!(request.before_s > before_s, "{every_s}");
                assert_eq!((request.after_s % every_s, request.before_s % every_s), (0, 0), "{every_s}");
                before_s = request.before_s;
                turns += 1;
                if request.start_streaming {
                    break;
                }
            }
            assert!(turns <= 31, "{every_s}: {turns}");
        }
    }
}
