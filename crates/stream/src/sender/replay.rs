//! Answers to a parent that asks for rows of the past.
//!
//! History is decoded and written outside the host's lock. Where live rows are to follow, what
//! came meanwhile, the state of the chart's interpolation and the end of the answer are written
//! under it, together with letting the chart go live: no row falls in between.

use std::collections::VecDeque;

use protocol::encode;
use protocol::replication::{ChildState, ReplayPlan, ReplayRequest, plan_answer};
use row::{ChartSlot, Now, US_PER_S};
use rrd_store::{ChartView, Host, HostView, Snapshot, TapId};

use crate::loss::Gap;

use super::tap::{RowForm, SenderTap, Wire, final_value, retention};

#[cfg(test)]
#[path = "replay_tests.rs"]
mod tests;

/// Requests that wait for their turn: one per chart, the newest.
#[derive(Debug, Default)]
pub(super) struct Requests {
    queue: VecDeque<ChartSlot>,
    /// Per slot what is asked, and of which chart: its number of births.
    asked: Vec<Option<(u64, ReplayRequest)>>,
}

/// A chart that a parent asked for: its slot, and its number of births.
pub(super) type Asked = (ChartSlot, u64);

impl Requests {
    pub(super) fn push(&mut self, (slot, born): Asked, request: ReplayRequest) {
        let place = slot.0 as usize;
        if self.asked.len() <= place {
            self.asked.resize(place + 1, None);
        }
        if self.asked[place].replace((born, request)).is_none() {
            self.queue.push_back(slot);
        }
    }

    pub(super) fn pop(&mut self) -> Option<(Asked, ReplayRequest)> {
        let slot = self.queue.pop_front()?;
        let (born, request) = self.asked[slot.0 as usize].take()?;
        Some(((slot, born), request))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }
}

/// The chart that a parent means: it knows ids as they are written, without quotes.
pub(super) fn find_chart(host: &Host, id: &str) -> Option<Asked> {
    let asked = |chart: ChartView<'_>| (chart.slot(), chart.born());
    host.read(|view| {
        if let Some(chart) = view.find_chart(id).filter(|chart| chart.id() == id) {
            return Some(asked(chart));
        }
        let (mut wanted, mut written) = (Vec::new(), Vec::new());
        encode::write_begin_prefix(&mut wanted, id);
        let mut charts = view.charts().filter(|chart| {
            written.clear();
            encode::write_begin_prefix(&mut written, chart.id());
            written == wanted
        });
        charts.next().map(asked)
    })
}

/// Appends what the tap gathered and the answer to a request to `out`. `None` where the chart is
/// gone or not sent, or the tap is gone.
pub(super) fn answer(
    host: &Host,
    tap: TapId,
    chart: Asked,
    request: &ReplayRequest,
    now: Now,
    out: &mut Vec<u8>,
    lost: &mut dyn FnMut(Gap),
) -> Option<()> {
    loop {
        let mut answer =
            host.with_tap(tap, |tap: &mut SenderTap, view| Answer::prepare(tap, view, chart, request, now))??;
        answer.write_rows(now);
        answer.lost.take().into_iter().for_each(&mut *lost);
        if host.with_tap(tap, |tap: &mut SenderTap, view| answer.finish(tap, view, now, out))?? {
            return Some(());
        }
    }
}

/// An answer in the making.
pub(super) struct Answer {
    slot: ChartSlot,
    born: u64,
    wire: Wire,
    plan: ReplayPlan,
    /// The last second that is sent or known to the parent.
    until_s: i64,
    snapshot: Option<Snapshot>,
    /// Rows that the parent will never get.
    lost: Option<Gap>,
    lines: Lines,
}

impl Answer {
    /// Decides what to send, under the host's lock.
    pub(super) fn prepare(
        tap: &mut SenderTap,
        view: &HostView<'_>,
        (slot, born): Asked,
        request: &ReplayRequest,
        now: Now,
    ) -> Option<Self> {
        let wire = tap.wire?;
        let silent_after_s = tap.silent_after_s(slot)?;
        let chart = view.chart(slot).filter(|chart| chart.born() == born)?;
        let (first_s, last_s) = retention(&chart);
        // A parent asks for no more than it was offered: what it has to do without is before that.
        let lost = tap.lost_before(&chart, first_s).filter(|_| (1..=first_s).contains(&request.after_s));
        // Rows of a host elsewhere may be ahead of our clock; they are asked for all the same.
        let now_s = now.wall_s().max(last_s);
        let state = ChildState { first_s, last_s, now_s, update_every_s: chart.update_every_s() };
        let mut plan = plan_answer(request, &state);
        if plan.start_streaming && plan.rows.is_none() && silent_after_s < last_s {
            // Rows that came since the definition were held back: they are not of the past that the
            // parent does without.
            plan.rows = Some((silent_after_s, last_s));
            (plan.after_s, plan.before_s) = (silent_after_s, last_s);
        }
        let until_s = plan.rows.map_or(silent_after_s, |(_, before_s)| before_s);
        let snapshot = plan.rows.map(|(after_s, before_s)| chart.snapshot(after_s, before_s));
        Some(Self { slot, born, wire, plan, until_s, snapshot, lost, lines: Lines::of(&wire, &chart) })
    }

    /// Writes the rows of the snapshot, outside the lock.
    pub(super) fn write_rows(&mut self, now: Now) {
        if let Some(snapshot) = self.snapshot.take() {
            self.lines.write_rows(&self.wire, &snapshot, now);
        }
    }

    /// Writes the rest and lets the chart go live, under the host's lock. `false` where the chart
    /// was defined anew meanwhile, and all must be done again.
    pub(super) fn finish(
        &mut self,
        tap: &mut SenderTap,
        view: &HostView<'_>,
        now: Now,
        out: &mut Vec<u8>,
    ) -> Option<bool> {
        let chart = view.chart(self.slot).filter(|chart| chart.born() == self.born)?;
        if !self.lines.are_of(&chart) {
            return Some(false);
        }
        self.lines.finish(&self.wire, &chart, &self.plan, self.until_s, now);
        tap.define_changed(&chart, now);
        out.append(&mut tap.out);
        out.append(&mut self.lines.out);
        tap.note_replicated(self.lines.rows, self.lines.newest_s);
        if self.plan.start_streaming {
            tap.set_live(self.slot, chart.last_s(), has_states(&self.wire, &chart));
        }
        Some(true)
    }
}

/// Whether a parent that calculates is told where its interpolation goes on from. Of a chart that was
/// loaded that is not known before its first row, but for stored values: those lie on their seconds.
fn has_states(wire: &Wire, chart: &ChartView<'_>) -> bool {
    match wire.rows {
        RowForm::Stored => false,
        RowForm::Collected => chart.state().collected_us > 0,
        RowForm::Final => chart.last_s() > 0,
    }
}

/// The lines of one answer.
struct Lines {
    out: Vec<u8>,
    slot: u32,
    every_s: i64,
    /// Rows in them, and the second of the newest.
    rows: u64,
    newest_s: i64,
    /// The chart's number of births with its indexes of dimensions.
    laid_out: u64,
    /// The beginning of each dimension's line; empty for an index that is free.
    prefixes: Vec<Vec<u8>>,
}

impl Lines {
    fn of(wire: &Wire, chart: &ChartView<'_>) -> Self {
        let slot = chart.slot().0 + 1;
        let mut out = Vec::new();
        encode::write_rbegin(&mut out, wire.form, slot, chart.id());
        let prefix = |(slot, id): (u32, &str)| {
            let mut prefix = Vec::new();
            if !id.is_empty() {
                encode::write_rset_prefix(&mut prefix, wire.form, slot, id);
            }
            prefix
        };
        let prefixes = (1..).zip(chart.dimensions().map(|dimension| dimension.id)).map(prefix).collect();
        Self {
            out,
            slot,
            every_s: i64::from(chart.update_every_s()),
            rows: 0,
            newest_s: 0,
            laid_out: chart.laid_out(),
            prefixes,
        }
    }

    /// Whether the chart still has the dimensions and the interval that the lines were made for.
    fn are_of(&self, chart: &ChartView<'_>) -> bool {
        self.laid_out == chart.laid_out()
            && self.prefixes.len() == chart.dimension_count()
            && self.every_s == i64::from(chart.update_every_s())
    }

    fn write_rows(&mut self, wire: &Wire, snapshot: &Snapshot, now: Now) {
        let Self { out, slot, every_s, prefixes, rows, newest_s, .. } = self;
        snapshot.rows(|time_s, values| {
            *rows += 1;
            *newest_s = time_s;
            encode::write_rpoint(out, wire.form, *slot, time_s - *every_s, time_s, now.wall_s().max(time_s));
            for (prefix, &value) in prefixes.iter().zip(values) {
                if prefix.is_empty() || (value.is_empty() && wire.form.interpolated) {
                    continue;
                }
                out.extend_from_slice(prefix);
                encode::write_rset_values(out, wire.form, value);
            }
        });
    }

    /// Writes what came meanwhile, the states, and the end.
    fn finish(&mut self, wire: &Wire, chart: &ChartView<'_>, plan: &ReplayPlan, until_s: i64, now: Now) {
        let mut executed =
            ReplayRequest { start_streaming: plan.start_streaming, after_s: plan.after_s, before_s: plan.before_s };
        if plan.start_streaming {
            if until_s < chart.last_s() {
                self.write_rows(wire, &chart.snapshot(until_s, chart.last_s()), now);
                executed.before_s = chart.last_s();
            }
            if has_states(wire, chart) {
                self.write_states(wire, chart);
            }
        }
        let every_s = chart.update_every_s();
        encode::write_rend(&mut self.out, wire.form, every_s, retention(chart), &executed, now.wall_s());
    }

    /// Writes where the parent's interpolation is to go on from. Of a dimension that was never
    /// collected the time is 0.
    fn write_states(&mut self, wire: &Wire, chart: &ChartView<'_>) {
        let state = chart.state();
        let last_us = chart.last_s() * US_PER_S;
        let is_final = wire.rows == RowForm::Final;
        let collected_us = if is_final { last_us } else { state.collected_us };
        let updated_us = if is_final { last_us } else { state.updated_us };
        for (index, dimension) in (0..).zip(chart.dimensions()).filter(|(_, dimension)| !dimension.id.is_empty()) {
            let Some(of) = chart.dimension_state(index) else { continue };
            let stored = if of.stored.is_empty() { 0.0 } else { of.stored.unpack() };
            let (time_us, collected, carry) = if is_final {
                (collected_us, final_value(of.stored).unwrap_or(0), stored)
            } else {
                (if of.is_based { collected_us } else { 0 }, of.collected, of.carry)
            };
            encode::write_rdstate(&mut self.out, wire.form, index + 1, dimension.id, time_us, collected, carry, stored);
        }
        encode::write_rsstate(&mut self.out, wire.form, collected_us, updated_us);
    }
}
