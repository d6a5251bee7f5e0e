//! Answers to a parent that asks for rows of the past.
//!
//! History is decoded and written outside the host's lock. Where live rows are to follow, what
//! came meanwhile, the state of the chart's interpolation and the end of the answer are written
//! under it, together with letting the chart go live: no row falls in between.

use std::collections::VecDeque;

use protocol::encode;
use protocol::replication::{ChildState, ReplayPlan, ReplayRequest, plan_answer};
use row::{ChartSlot, Now, Packed, Sample, US_PER_S};
use rrd_store::{ChartView, Host, Snapshot, TapId};

use super::tap::{RowForm, SenderTap, Wire, final_value, retention};

/// Requests that wait for their turn: one per chart, the newest.
#[derive(Debug, Default)]
pub(super) struct Requests {
    queue: VecDeque<(ChartSlot, ReplayRequest)>,
}

impl Requests {
    pub(super) fn push(&mut self, slot: ChartSlot, request: ReplayRequest) {
        match self.queue.iter_mut().find(|(queued, _)| *queued == slot) {
            Some((_, queued)) => *queued = request,
            None => self.queue.push_back((slot, request)),
        }
    }

    pub(super) fn pop(&mut self) -> Option<(ChartSlot, ReplayRequest)> {
        self.queue.pop_front()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }
}

/// Writes the answer to a request into the tap's buffer. `None` where the chart or the tap is gone.
pub(super) fn answer(host: &Host, tap: TapId, slot: ChartSlot, request: &ReplayRequest, now: Now) -> Option<()> {
    let wire = host.with_tap(tap, |tap: &mut SenderTap, _| tap.wire)??;
    let (plan, mut lines, snapshot) = host.read(|view| {
        let chart = view.chart(slot)?;
        let (first_s, last_s) = retention(&chart);
        let state = ChildState { first_s, last_s, now_s: now.wall_s(), update_every_s: chart.update_every_s() };
        let plan = plan_answer(request, &state);
        let lines = Lines::of(&wire, &chart);
        Some((plan, lines, plan.rows.map(|(after_s, before_s)| chart.snapshot(after_s, before_s))))
    })?;
    if let Some(snapshot) = &snapshot {
        lines.write_rows(&wire, snapshot, now);
    }
    host.with_tap(tap, |tap: &mut SenderTap, view| {
        let chart = view.chart(slot)?;
        lines.finish(&wire, &chart, &plan, now);
        tap.out.append(&mut lines.out);
        if plan.start_streaming {
            tap.set_live(slot, chart.last_s());
        }
        Some(())
    })?
}

/// The lines of one answer.
struct Lines {
    out: Vec<u8>,
    slot: u32,
    every_s: i64,
    /// The beginning of each dimension's line.
    prefixes: Vec<Vec<u8>>,
}

impl Lines {
    fn of(wire: &Wire, chart: &ChartView<'_>) -> Self {
        let slot = chart.slot().0 + 1;
        let mut out = Vec::new();
        encode::write_rbegin(&mut out, wire.form, slot, chart.id());
        let prefix = |(slot, id): (u32, &str)| {
            let mut prefix = Vec::new();
            encode::write_rset_prefix(&mut prefix, wire.form, slot, id);
            prefix
        };
        let prefixes = (1..).zip(chart.dimensions().map(|dimension| dimension.id)).map(prefix).collect();
        Self { out, slot, every_s: i64::from(chart.update_every_s()), prefixes }
    }

    fn write_rows(&mut self, wire: &Wire, snapshot: &Snapshot, now: Now) {
        let Self { out, slot, every_s, prefixes } = self;
        snapshot.rows(|time_s, values| {
            encode::write_rpoint(out, wire.form, *slot, time_s - *every_s, time_s, now.wall_s().max(time_s));
            for (prefix, &value) in prefixes.iter().zip(values) {
                if value.is_empty() && wire.form.interpolated {
                    continue;
                }
                out.extend_from_slice(prefix);
                encode::write_rset_values(out, wire.form, value);
            }
        });
    }

    /// Writes what came meanwhile, the states, and the end.
    fn finish(&mut self, wire: &Wire, chart: &ChartView<'_>, plan: &ReplayPlan, now: Now) {
        let mut executed =
            ReplayRequest { start_streaming: plan.start_streaming, after_s: plan.after_s, before_s: plan.before_s };
        if plan.start_streaming {
            if let Some((_, before_s)) = plan.rows.filter(|&(_, before_s)| before_s < chart.last_s()) {
                self.write_rows(wire, &chart.snapshot(before_s, chart.last_s()), now);
                executed.before_s = chart.last_s();
            }
            if chart.state().collected_us > 0 && wire.rows != RowForm::Stored {
                self.write_states(wire, chart);
            }
        }
        let every_s = chart.update_every_s();
        encode::write_rend(&mut self.out, wire.form, every_s, retention(chart), &executed, now.wall_s());
    }

    /// Writes where the parent's interpolation is to go on from.
    fn write_states(&mut self, wire: &Wire, chart: &ChartView<'_>) {
        let state = chart.state();
        let last_us = chart.last_s() * US_PER_S;
        let is_final = wire.rows == RowForm::Final;
        let collected_us = if is_final { last_us } else { state.collected_us };
        let updated_us = if is_final { last_us } else { state.updated_us };
        for (index, dimension) in (0..).zip(chart.dimensions()) {
            let Some(of) = chart.dimension_state(index) else { continue };
            let stored = if of.stored.is_empty() { 0.0 } else { of.stored.unpack() };
            let (collected, carry) = if is_final {
                (
                    final_value(&Sample { value: Packed::pack(stored, row::PointFlags::NORMAL), ..Sample::ABSENT }),
                    stored,
                )
            } else {
                (of.collected, of.carry)
            };
            encode::write_rdstate(
                &mut self.out,
                wire.form,
                index + 1,
                dimension.id,
                collected_us,
                collected,
                carry,
                stored,
            );
        }
        encode::write_rsstate(&mut self.out, wire.form, collected_us, updated_us);
    }
}
