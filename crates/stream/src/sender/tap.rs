//! The sender's tap: turns a host's rows into a stream's text, in a bounded buffer.
//!
//! What a chart's rows look like depends on both ends:
//!
//! | the parent takes | the host's feed brings | a row is sent as |
//! |---|---|---|
//! | stored values | anything | its second, collected and stored values (v2) |
//! | collected values | collected values | the microseconds since the last, collected values (v1) |
//! | collected values | stored values | the stored value in units of 1e-7, as an absolute one (v1) |
//!
//! The last line keeps values equal where the moment of collection is not known any more: the
//! parent's arithmetic gives back what it was given.
//!
//! With replication a chart is silent after its definition until the parent has asked for what it
//! misses; replication then sends it on its way, under the host's lock, so that nothing is lost
//! or doubled between history and live rows. Where v1 rows cannot say what is written (rows of the
//! past, a clock that was set), the chart falls behind: it is defined again, and so replicated.

use std::sync::Arc;

use patterns::SimplePattern;
use protocol::encode::{self, Form};
use protocol::{Capabilities, VariableScope};
use row::{Algorithm, ChartSlot, DimensionDefinition, Guid, Now, Packed, Row, Sample, US_PER_S};
use rrd_store::{ChartView, FeedKind, HostView, Tap};
use tokio::sync::Notify;

use crate::loss::Gap;

/// Stored values go as integers of this part of one where they must look like collected ones.
pub(super) const FINAL_DIVISOR: i32 = 10_000_000;

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RowForm {
    /// Second, collected and stored value.
    Stored,
    /// Collected values, and the time between them.
    Collected,
    /// Stored values in the dress of collected ones.
    Final,
}

/// What was agreed with the parent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wire {
    pub(super) form: Form,
    pub(super) rows: RowForm,
    pub(super) capabilities: Capabilities,
}

impl Wire {
    fn new(capabilities: Capabilities, kind: FeedKind) -> Self {
        let rows = match kind {
            _ if capabilities.has(Capabilities::INTERPOLATED) => RowForm::Stored,
            FeedKind::Stored => RowForm::Final,
            FeedKind::Local | FeedKind::Collected => RowForm::Collected,
        };
        Self { form: Form::of(capabilities), rows, capabilities }
    }

    pub(super) fn has(&self, capability: Capabilities) -> bool {
        self.capabilities.has(capability)
    }
}

/// Whether a chart's rows are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Not to be sent to this parent.
    Skipped,
    /// Silent: the parent has not yet said what it misses, or is to be asked again.
    Defined,
    /// Each row is sent as it is written.
    Live,
}

/// A chart as the parent knows it. The beginnings of its rows' lines lie one after the other in
/// `lines`: first that of the row, then one per dimension.
#[derive(Debug)]
struct ChartOut {
    phase: Phase,
    update_every_s: u32,
    lines: Vec<u8>,
    ends: Vec<u32>,
    /// The last second sent, where durations are made of seconds.
    sent_s: i64,
    /// The parent knows what durations are counted from.
    is_dated: bool,
    /// The parent of this stream has asked for its past.
    was_asked: bool,
    /// The chart's last second when it fell silent: rows after it are held back.
    silent_after_s: i64,
    /// The chart's number of births with its indexes of dimensions, as it was defined.
    laid_out: u64,
}

/// What was sent.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sent {
    /// Rows, those of the past included.
    pub(super) rows: u64,
    /// Rows of the past.
    pub(super) replicated: u64,
    /// The newest second of all, since the tap was made.
    pub(super) newest_s: i64,
}

/// Where a stream ended.
#[derive(Debug, Clone, Copy)]
struct Before {
    newest_s: i64,
    /// The host's births then: charts that came later have nothing to lose.
    births: u64,
}

/// What the connection shares with the host: the text that waits to be sent.
#[derive(Debug)]
pub(super) struct SenderTap {
    machine: Guid,
    pub(super) wire: Option<Wire>,
    pub(super) out: Vec<u8>,
    /// Something did not fit: the parent must be brought up to date by replication.
    pub(super) overflowed: bool,
    buffer_bytes: usize,
    charts: Vec<ChartOut>,
    /// What was sent since it was asked last.
    sent: Sent,
    /// How far the stream before this one came, where there was one.
    before: Option<Before>,
    /// Charts that fell behind, to be defined again.
    behind: Vec<ChartSlot>,
    /// Lines of variables that are to go with a chart's next row.
    variables: Vec<(ChartSlot, Vec<u8>)>,
    matching: SimplePattern,
    pub(super) wake: Arc<Notify>,
}

impl SenderTap {
    pub(super) fn new(machine: Guid, matching: SimplePattern, buffer_bytes: usize, wake: Arc<Notify>) -> Self {
        Self {
            machine,
            wire: None,
            out: Vec::new(),
            overflowed: false,
            buffer_bytes,
            charts: Vec::new(),
            sent: Sent::default(),
            before: None,
            behind: Vec::new(),
            variables: Vec::new(),
            matching,
            wake,
        }
    }

    /// A stream was established: tells the parent all there is.
    pub(super) fn start(&mut self, capabilities: Capabilities, host: &HostView<'_>, now: Now) {
        self.stop(host);
        self.wire = Some(Wire::new(capabilities, host.feed_kind()));
        Tap::host(self, host);
        for chart in host.charts() {
            self.define(&chart, now);
        }
    }

    /// The stream ended: nothing is sent until the next start.
    pub(super) fn stop(&mut self, host: &HostView<'_>) {
        if self.wire.take().is_some() && self.sent.newest_s > 0 {
            self.before = Some(Before { newest_s: self.sent.newest_s, births: host.births() });
        }
        self.out = Vec::new();
        self.charts = Vec::new();
        self.behind = Vec::new();
        self.variables = Vec::new();
        self.overflowed = false;
    }

    /// Hands over what is to be sent; the other buffer is used from now on.
    pub(super) fn take(&mut self, empty: &mut Vec<u8>) {
        debug_assert!(empty.is_empty());
        std::mem::swap(&mut self.out, empty);
    }

    /// What was sent since the last call; the newest second stays.
    pub(super) fn take_sent(&mut self) -> Sent {
        let sent = self.sent;
        (self.sent.rows, self.sent.replicated) = (0, 0);
        sent
    }

    /// An answer to the parent has so many rows of the past, up to this second.
    pub(super) fn note_replicated(&mut self, rows: u64, newest_s: i64) {
        self.sent.rows += rows;
        self.sent.replicated += rows;
        self.sent.newest_s = self.sent.newest_s.max(newest_s);
    }

    /// The rows of a chart that the stream before this one had not sent and that nobody can ask for
    /// any more, since our rows begin with the one after `first_s`. Told once per stream and chart.
    pub(super) fn lost_before(&mut self, chart: &ChartView<'_>, first_s: i64) -> Option<Gap> {
        let before = self.before?;
        let known = self.charts.get_mut(chart.slot().0 as usize)?;
        if std::mem::replace(&mut known.was_asked, true) || chart.born() > before.births {
            return None;
        }
        Gap::of_chart(before.newest_s, first_s, i64::from(chart.update_every_s()))
    }

    /// How much there is to hand over, in bytes; charts to define again count as 1.
    pub(super) fn waiting_bytes(&self) -> usize {
        self.out.len().max(usize::from(!self.behind.is_empty()))
    }

    /// Defines the charts again that fell behind.
    pub(super) fn define_behind(&mut self, host: &HostView<'_>, now: Now) {
        for slot in std::mem::take(&mut self.behind) {
            if let Some(chart) = host.chart(slot) {
                self.define(&chart, now);
            }
        }
    }

    /// Defines a chart again whose dimensions are others than the parent knows: a change is told with the
    /// next row only, and an answer may be before that.
    pub(super) fn define_changed(&mut self, chart: &ChartView<'_>, now: Now) {
        let is_known =
            |known: &ChartOut| known.ends.len() == chart.dimension_count() + 1 && known.laid_out == chart.laid_out();
        if !self.charts.get(chart.slot().0 as usize).is_some_and(is_known) {
            self.define(chart, now);
        }
    }

    /// The second after which a chart's rows are held back, the end of time for one that is live;
    /// `None` for one that is not sent.
    pub(super) fn silent_after_s(&self, slot: ChartSlot) -> Option<i64> {
        let chart = self.charts.get(slot.0 as usize)?;
        match chart.phase {
            Phase::Skipped => None,
            Phase::Defined => Some(chart.silent_after_s),
            Phase::Live => Some(i64::MAX),
        }
    }

    /// Replication is done with a chart: its rows follow. `is_dated` says whether the parent was told
    /// where its interpolation goes on from.
    pub(super) fn set_live(&mut self, slot: ChartSlot, sent_s: i64, is_dated: bool) {
        if let Some(chart) = self.charts.get_mut(slot.0 as usize)
            && chart.phase == Phase::Defined
        {
            chart.phase = Phase::Live;
            (chart.sent_s, chart.is_dated) = (sent_s, is_dated);
        }
    }

    fn define(&mut self, chart: &ChartView<'_>, now: Now) {
        let Some(wire) = self.wire else { return };
        let matches = self.matches(chart) && chart.dimension_count() > 0;
        let place = chart.slot().0 as usize;
        while self.charts.len() <= place {
            self.charts.push(ChartOut::skipped());
        }
        let known = &mut self.charts[place];
        if !matches {
            known.phase = Phase::Skipped;
            return;
        }
        self.variables.retain(|(slot, _)| *slot != chart.slot());
        write_definition(&mut self.out, &wire, chart, now);
        *known = ChartOut::new(&wire, chart, std::mem::take(known));
    }

    /// Puts the variables that changed into the row that was just written: `end` is its last line.
    #[cold]
    fn write_variables(&mut self, chart: ChartSlot, end: &[u8]) {
        let Some(place) = self.variables.iter().position(|(slot, _)| *slot == chart) else { return };
        let (_, lines) = self.variables.swap_remove(place);
        debug_assert!(self.out.ends_with(end));
        self.out.truncate(self.out.len() - end.len());
        self.out.extend_from_slice(&lines);
        self.out.extend_from_slice(end);
    }

    fn matches(&self, chart: &ChartView<'_>) -> bool {
        self.matching.matches(chart.id()) || self.matching.matches(chart.name())
    }
}

impl Tap for SenderTap {
    fn host(&mut self, host: &HostView<'_>) {
        let Some(wire) = self.wire else { return };
        if wire.has(Capabilities::CLAIM) {
            encode::write_claimed_id(&mut self.out, self.machine, host.claimed_id());
        }
        if wire.has(Capabilities::HLABELS) {
            host.labels().for_each(|label| encode::write_host_label(&mut self.out, &label));
            encode::write_host_labels_overwrite(&mut self.out);
        }
        if wire.has(Capabilities::FUNCTIONS) {
            host.functions().for_each(|function| encode::write_function(&mut self.out, &function));
        }
        for (name, value) in host.variables() {
            encode::write_variable(&mut self.out, VariableScope::Host, name, value);
        }
    }

    fn definition(&mut self, chart: &ChartView<'_>, now: Now) {
        if self.out.len() > self.buffer_bytes {
            self.overflowed = true;
            return;
        }
        self.behind.retain(|&slot| slot != chart.slot());
        self.define(chart, now);
    }

    fn variables(&mut self, chart: &ChartView<'_>) {
        let is_sent = self.charts.get(chart.slot().0 as usize).is_some_and(|known| known.phase != Phase::Skipped);
        self.variables.retain(|(slot, _)| *slot != chart.slot());
        if self.wire.is_some() && is_sent {
            let mut lines = Vec::new();
            for (name, value) in chart.variables() {
                encode::write_variable(&mut lines, VariableScope::Chart, name, value);
            }
            self.variables.push((chart.slot(), lines));
        }
    }

    fn removed(&mut self, slot: ChartSlot) {
        self.variables.retain(|(known, _)| *known != slot);
        self.behind.retain(|&behind| behind != slot);
        if let Some(chart) = self.charts.get_mut(slot.0 as usize) {
            *chart = ChartOut::skipped();
        }
    }

    fn row(&mut self, row: &Row<'_>) {
        let Some(wire) = self.wire else { return };
        let Some(chart) = self.charts.get_mut(row.chart.0 as usize) else { return };
        if chart.phase != Phase::Live {
            return;
        }
        if self.out.len() > self.buffer_bytes {
            self.overflowed = true;
            return;
        }
        if chart.falls_behind(&wire, row) {
            self.behind.push(row.chart);
            return;
        }
        let before = self.out.len();
        match wire.rows {
            RowForm::Stored => chart.write_stored(&mut self.out, wire.form, row),
            RowForm::Collected => chart.write_collected(&mut self.out, row),
            RowForm::Final => chart.write_final(&mut self.out, row),
        }
        self.sent.rows += u64::from(self.out.len() > before);
        self.sent.newest_s = self.sent.newest_s.max(row.time_s.unwrap_or_default());
        if !self.variables.is_empty() && self.out.len() > before {
            self.write_variables(row.chart, if wire.rows == RowForm::Stored { b"END2\n" } else { b"END\n" });
        }
    }

    fn wake(&mut self) {
        self.wake.notify_one();
    }
}

impl Default for ChartOut {
    fn default() -> Self {
        Self::skipped()
    }
}

impl ChartOut {
    const fn skipped() -> Self {
        Self {
            phase: Phase::Skipped,
            update_every_s: 1,
            lines: Vec::new(),
            ends: Vec::new(),
            sent_s: 0,
            is_dated: false,
            was_asked: false,
            silent_after_s: 0,
            laid_out: 0,
        }
    }

    /// Prepares the lines of a chart's rows, in the space of what was known before.
    fn new(wire: &Wire, chart: &ChartView<'_>, before: Self) -> Self {
        let Self { phase, mut lines, mut ends, sent_s, was_asked, silent_after_s, .. } = before;
        // A second definition before the parent asked holds back no less than the first.
        let last_s = chart.last_s();
        let silent_after_s = if phase == Phase::Defined { silent_after_s.min(last_s) } else { last_s };
        lines.clear();
        ends.clear();
        let slot = chart.slot().0 + 1;
        if wire.rows == RowForm::Stored {
            encode::write_begin2_prefix(&mut lines, wire.form, slot, chart.id());
        } else {
            encode::write_begin_prefix(&mut lines, chart.id());
        }
        ends.push(lines.len() as u32);
        for (slot, dimension) in (1..).zip(chart.dimensions()) {
            if dimension.id.is_empty() {
                // The index is free: no row has a value for it.
            } else if wire.rows == RowForm::Stored {
                encode::write_set2_prefix(&mut lines, wire.form, slot, dimension.id);
            } else {
                encode::write_set_prefix(&mut lines, dimension.id);
            }
            ends.push(lines.len() as u32);
        }
        lines.shrink_to_fit();
        ends.shrink_to_fit();
        let phase = if wire.has(Capabilities::REPLICATION) { Phase::Defined } else { Phase::Live };
        let (update_every_s, laid_out) = (chart.update_every_s(), chart.laid_out());
        Self { phase, update_every_s, lines, ends, sent_s, is_dated: false, was_asked, silent_after_s, laid_out }
    }

    /// Whether a row cannot be told to the parent as it is; the chart is silent then.
    fn falls_behind(&mut self, wire: &Wire, row: &Row<'_>) -> bool {
        let is_past = || row.samples.iter().any(|sample| !sample.updated && !sample.value.is_empty());
        let falls = wire.has(Capabilities::REPLICATION)
            && match wire.rows {
                RowForm::Stored => false,
                RowForm::Collected => {
                    row.elapsed_us.map_or_else(is_past, |elapsed_us| elapsed_us == 0 || !self.is_dated)
                }
                RowForm::Final => !self.is_dated && row.time_s.is_some(),
            };
        if falls {
            self.phase = Phase::Defined;
            self.silent_after_s = row.time_s.map_or(i64::MAX, |time_s| time_s - 1);
        }
        falls
    }

    fn begin(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.lines[..self.ends[0] as usize]);
    }

    /// The samples with the beginnings of their lines.
    fn samples<'a>(&'a self, row: &'a Row<'_>) -> impl Iterator<Item = (&'a [u8], &'a Sample)> {
        let line = |ends: &'a [u32]| &self.lines[ends[0] as usize..ends[1] as usize];
        self.ends.windows(2).map(line).zip(row.samples)
    }

    fn write_stored(&self, out: &mut Vec<u8>, form: Form, row: &Row<'_>) {
        let Some(time_s) = row.time_s else { return };
        if row.samples.iter().all(|sample| sample.value.is_empty()) {
            return;
        }
        self.begin(out);
        encode::write_begin2_values(out, form, self.update_every_s, time_s, time_s);
        for (line, sample) in self.samples(row).filter(|(_, sample)| !sample.value.is_empty()) {
            out.extend_from_slice(line);
            encode::write_set2_values(out, form, sample.collected, sample.value);
        }
        encode::write_end2(out);
    }

    fn write_collected(&self, out: &mut Vec<u8>, row: &Row<'_>) {
        let Some(elapsed_us) = row.elapsed_us else { return };
        self.begin(out);
        encode::write_begin_values(out, elapsed_us);
        for (line, sample) in self.samples(row).filter(|(_, sample)| sample.updated) {
            out.extend_from_slice(line);
            encode::write_set_values(out, sample.collected);
        }
        encode::write_end(out);
    }

    fn write_final(&mut self, out: &mut Vec<u8>, row: &Row<'_>) {
        let Some(time_s) = row.time_s.filter(|&time_s| time_s > self.sent_s) else { return };
        let elapsed_s = if self.sent_s == 0 { 0 } else { time_s - self.sent_s };
        self.sent_s = time_s;
        self.begin(out);
        encode::write_begin_values(out, (elapsed_s * US_PER_S) as u64);
        for (line, sample) in self.samples(row) {
            let Some(value) = final_value(sample.value) else { continue };
            out.extend_from_slice(line);
            encode::write_set_values(out, value);
        }
        encode::write_end(out);
    }
}

/// A stored value as an integer; `None` where it is empty, or does not fit: 9.2e11 and more.
pub(super) fn final_value(value: Packed) -> Option<i64> {
    let scaled = value.unpack() * f64::from(FINAL_DIVISOR);
    (scaled.abs() < i64::MAX as f64).then(|| scaled.round() as i64)
}

/// Writes all lines of a chart's definition.
fn write_definition(out: &mut Vec<u8>, wire: &Wire, chart: &ChartView<'_>, now: Now) {
    let definition = chart.definition();
    encode::write_chart(out, wire.form, chart.slot().0 + 1, &definition);
    if wire.has(Capabilities::CLABELS) && chart.labels().next().is_some() {
        chart.labels().for_each(|label| encode::write_chart_label(out, &label));
        encode::write_chart_labels_commit(out);
    }
    for (slot, dimension) in (1..).zip(chart.dimensions()).filter(|(_, dimension)| !dimension.id.is_empty()) {
        let dimension = match wire.rows {
            RowForm::Final => DimensionDefinition {
                algorithm: Algorithm::Absolute,
                multiplier: 1,
                divisor: FINAL_DIVISOR,
                ..dimension
            },
            RowForm::Stored | RowForm::Collected => dimension,
        };
        encode::write_dimension(out, wire.form, slot, &dimension);
    }
    for (name, value) in chart.variables() {
        encode::write_variable(out, VariableScope::Chart, name, value);
    }
    if wire.has(Capabilities::REPLICATION) {
        let (first_s, last_s) = retention(chart);
        encode::write_chart_definition_end(out, first_s, last_s, now.wall_s());
    }
}

/// What a chart's replication may offer: the second before its first row, and its last.
pub(super) fn retention(chart: &ChartView<'_>) -> (i64, i64) {
    match chart.last_s() {
        0 => (0, 0),
        last_s => (chart.first_s() - i64::from(chart.update_every_s()), last_s),
    }
}
