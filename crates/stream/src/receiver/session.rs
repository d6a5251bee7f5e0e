//! The session of a received stream: commands in, rows and definitions out.
//!
//! A plain state machine: bytes, the time and a writer of the host are arguments, requests to the
//! child go to a caller's buffer. A row may begin in one read and end in the next; a line, too.

use protocol::encode;
use protocol::{Capabilities, Command, DecodeError, Decoder, Limits, Step, VariableScope};
use row::{ChartDefinition, ChartSlot, DimensionDefinition, DimensionIndex, Guid, Label, Now, Packed, PointFlags};
use rrd_store::{DefineError, Elapsed, HostView, Writer};

use super::functions::Functions;
use super::replication::{Have, Replication, missing};
use crate::loss::{Gap, Loss};
use crate::shown::shown;

/// A line that has not ended may be this long: the longest that is valid, and its newline.
const CUT_BYTES_MAX: usize = 16 * 1024;
/// Labels of one definition.
const LABELS_MAX: usize = rrd_store::LABELS_MAX;
/// Chart slots of a peer that are remembered.
const SLOTS_MAX: u32 = protocol::command::CHART_SLOT_MAX;

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;

/// Why a session cannot go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SessionError {
    #[error("{0}")]
    Decode(#[from] DecodeError),
    #[error("line {line}: {keyword} of the unknown chart \"{id}\"")]
    UnknownChart { line: u64, keyword: &'static str, id: String },
    #[error("line {line}: {keyword} of the unknown dimension \"{id}\"")]
    UnknownDimension { line: u64, keyword: &'static str, id: String },
    #[error("line {line}: {keyword} without {missing}")]
    OutOfPlace { line: u64, keyword: &'static str, missing: &'static str },
    #[error("line {line}: {source}")]
    Define { line: u64, source: DefineError },
}

/// A label until its set is complete.
type OwnedLabel = (String, String, u32);

/// What a connection knows beyond its host.
pub(crate) struct Session {
    decoder: Decoder,
    cut: Vec<u8>,
    update_every_s: u32,
    history_rows: u32,
    replicates: bool,
    /// Rows come with stored values, and need no state of an interpolation.
    is_stored: bool,
    /// The chart that definition lines are about.
    defined: Option<ChartSlot>,
    chart_labels: Vec<OwnedLabel>,
    host_labels: Vec<OwnedLabel>,
    /// From the peer's chart slots to ours.
    slots: Vec<Option<ChartSlot>>,
    row: RowAt,
    replication: Replication,
    replay: Replay,
    /// Calls that are under way, and answers that came.
    pub(crate) functions: Functions,
    /// The host's removals and births when its slots were last known to mean what they meant.
    removals: u64,
    births: u64,
    /// Rows that the child does not have any more.
    loss: Loss,
    /// Rows of the past since this was asked last.
    replicated: u64,
    /// Commands that nobody here knows.
    unknown: u64,
    /// The first of them, until it was told.
    untold: Option<(u64, String)>,
    /// How far rows were ahead of our clock when they first were; whether that was told.
    ahead: Option<(i64, bool)>,
}

/// The row that is being received.
#[derive(Debug, Default)]
struct RowAt {
    chart: Option<ChartSlot>,
    is_open: bool,
    /// The dimension that is expected next.
    next: DimensionIndex,
    elapsed_us: u64,
    time_s: i64,
}

/// The answer to a replication request that is being received.
#[derive(Debug, Default)]
struct Replay {
    chart: Option<ChartSlot>,
    /// The second of the open row of the past.
    point_s: Option<i64>,
    next: DimensionIndex,
    /// States are being received.
    has_states: bool,
}

impl Session {
    pub(crate) fn new(capabilities: Capabilities, update_every_s: u32, history_rows: u32) -> Self {
        Self {
            decoder: Decoder::new(Limits::default()).with_capabilities(capabilities),
            cut: Vec::new(),
            update_every_s: update_every_s.max(1),
            history_rows,
            replicates: capabilities.has(Capabilities::REPLICATION),
            is_stored: capabilities.has(Capabilities::INTERPOLATED),
            defined: None,
            chart_labels: Vec::new(),
            host_labels: Vec::new(),
            slots: Vec::new(),
            row: RowAt::default(),
            replication: Replication::default(),
            replay: Replay::default(),
            functions: Functions::new(capabilities.has(Capabilities::PROGRESS)),
            removals: 0,
            births: 0,
            loss: Loss::default(),
            replicated: 0,
            unknown: 0,
            untold: None,
            ahead: None,
        }
    }

    /// Takes plain text off the stream; appends what is to be sent to the child to `out`.
    pub(crate) fn receive(
        &mut self,
        text: &[u8],
        now: Now,
        writer: &mut Writer<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), SessionError> {
        self.forget_removed(&writer.view());
        let mut text = text;
        if !self.cut.is_empty() {
            let end = memchr::memchr(b'\n', text).map_or(text.len(), |end| end + 1);
            let mut line = std::mem::take(&mut self.cut);
            line.extend_from_slice(&text[..end]);
            text = &text[end..];
            let taken = self.commands(&line, now, writer, out)?;
            line.drain(..taken);
            self.cut = line;
        }
        let taken = if self.cut.is_empty() { self.commands(text, now, writer, out)? } else { 0 };
        self.cut.extend_from_slice(&text[taken..]);
        debug_assert!(self.cut.len() <= CUT_BYTES_MAX);
        self.births = writer.view().births();
        self.ahead = self.ahead.or(writer.ahead_s().map(|ahead_s| (ahead_s, false)));
        Ok(())
    }

    /// Forgets the slots of charts that left the host since the last read: others may be there now.
    fn forget_removed(&mut self, host: &HostView<'_>) {
        if std::mem::replace(&mut self.removals, host.removals()) == host.removals() {
            return;
        }
        let stays = |slot: &ChartSlot| host.chart(*slot).is_some_and(|chart| chart.born() <= self.births);
        self.slots.iter_mut().for_each(|slot| *slot = slot.filter(stays));
        while self.slots.pop_if(|slot| slot.is_none()).is_some() {}
        self.defined = self.defined.filter(stays);
        self.row.chart = self.row.chart.filter(stays);
        self.replay.chart = self.replay.chart.filter(stays);
        self.replication.retain(stays);
    }

    /// The line and the keyword of the first unknown command, once.
    pub(crate) fn take_unknown(&mut self) -> Option<(u64, String)> {
        self.untold.take()
    }

    /// How many seconds ahead of our clock the child dates its rows, once.
    pub(crate) fn take_ahead(&mut self) -> Option<i64> {
        let (ahead_s, told) = self.ahead.as_mut()?;
        (!std::mem::replace(told, true)).then_some(*ahead_s)
    }

    /// How many rows of the past came since the last call.
    pub(crate) fn take_replicated(&mut self) -> u64 {
        std::mem::take(&mut self.replicated)
    }

    /// What the child was asked for and does not have, once per gap; at the end of the stream
    /// whether the gap is complete or not.
    pub(crate) fn take_gap(&mut self, now: Now, ends: bool) -> Option<Gap> {
        if ends { self.loss.take() } else { self.loss.take_settled(now.mono_us) }
    }

    fn commands(
        &mut self,
        text: &[u8],
        now: Now,
        writer: &mut Writer<'_>,
        out: &mut Vec<u8>,
    ) -> Result<usize, SessionError> {
        let mut at = 0;
        loop {
            let mut consumed = 0;
            if let Some(command) = self.decoder.usual_step(&text[at..], &mut consumed) {
                at += consumed;
                self.command(&command, now, writer, out)?;
                continue;
            }
            let step = self.decoder.step_by_words(&text[at..], &mut consumed)?;
            at += consumed;
            match step {
                Step::NeedMore => return Ok(at),
                Step::Command(command) => self.any_command(&command, now, writer, out)?,
            }
        }
    }

    #[inline(never)]
    fn any_command(
        &mut self,
        command: &Command<'_>,
        now: Now,
        writer: &mut Writer<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), SessionError> {
        self.command(command, now, writer, out)
    }

    /// The commands of rows first; all others are rare.
    #[inline(always)]
    fn command(
        &mut self,
        command: &Command<'_>,
        now: Now,
        writer: &mut Writer<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), SessionError> {
        match *command {
            Command::Set { id, value, .. } => {
                let dimension = self.dimension(writer, "SET", id, self.row.next)?;
                writer.set(dimension, value);
            }
            Command::Set2 { slot, id, collected, value, flags } => {
                let guess = slot.map_or(self.row.next, |slot| slot - 1);
                let dimension = self.dimension(writer, "SET2", id, guess)?;
                writer.set_stored(dimension, Some(collected), Packed::pack(value, flags));
            }
            Command::Begin { slot, id, elapsed_us } => {
                let chart = self.chart(writer, "BEGIN", slot, id)?;
                self.row = RowAt { chart: Some(chart), is_open: writer.begin(chart), next: 0, elapsed_us, time_s: 0 };
            }
            Command::Begin2 { slot, id, update_every_s, time_s, .. } => {
                let chart = self.chart(writer, "BEGIN2", slot, id)?;
                writer.set_update_every(chart, update_every_s);
                self.row = RowAt { chart: Some(chart), is_open: writer.begin(chart), next: 0, elapsed_us: 0, time_s };
            }
            Command::End => {
                self.end_row("END")?;
                writer.end(Elapsed::Us(self.row.elapsed_us));
            }
            Command::End2 => {
                self.end_row("END2")?;
                writer.end_stored(self.row.time_s, true);
            }
            _ => return self.rare_command(command, now, writer, out),
        }
        Ok(())
    }

    fn chart(
        &mut self,
        writer: &Writer<'_>,
        keyword: &'static str,
        slot: Option<u32>,
        id: &[u8],
    ) -> Result<ChartSlot, SessionError> {
        if let Some(slot) = slot
            && let Some(&Some(chart)) = self.slots.get(slot as usize)
            && writer.is_chart(chart, id)
        {
            return Ok(chart);
        }
        writer.find_chart(id, self.row.chart).ok_or_else(|| SessionError::UnknownChart {
            line: self.decoder.line(),
            keyword,
            id: shown(id),
        })
    }

    #[inline(always)]
    fn dimension(
        &mut self,
        writer: &Writer<'_>,
        keyword: &'static str,
        id: &[u8],
        guess: DimensionIndex,
    ) -> Result<DimensionIndex, SessionError> {
        match writer.find_dimension(id, guess).filter(|_| self.row.is_open) {
            Some(dimension) => {
                self.row.next = dimension + 1;
                Ok(dimension)
            }
            None => Err(self.no_dimension(keyword, id)),
        }
    }

    /// Why a line of a live row has no dimension.
    #[cold]
    fn no_dimension(&self, keyword: &'static str, id: &[u8]) -> SessionError {
        if !self.row.is_open {
            return self.out_of_place(keyword, "a row");
        }
        SessionError::UnknownDimension { line: self.decoder.line(), keyword, id: shown(id) }
    }

    fn end_row(&mut self, keyword: &'static str) -> Result<(), SessionError> {
        if std::mem::take(&mut self.row.is_open) { Ok(()) } else { Err(self.out_of_place(keyword, "BEGIN")) }
    }

    fn out_of_place(&self, keyword: &'static str, missing: &'static str) -> SessionError {
        SessionError::OutOfPlace { line: self.decoder.line(), keyword, missing }
    }

    #[cold]
    fn rare_command(
        &mut self,
        command: &Command<'_>,
        now: Now,
        writer: &mut Writer<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), SessionError> {
        match *command {
            Command::Chart { slot, ref definition } => self.define_chart(writer, slot, definition)?,
            Command::Dimension { ref definition, .. } => self.define_dimension(writer, definition)?,
            Command::ChartLabel(label) => keep_label(&mut self.chart_labels, label),
            Command::ChartLabelsCommit => {
                let chart = self.defined.ok_or_else(|| self.out_of_place("CLABEL_COMMIT", "a chart"))?;
                with_labels(&self.chart_labels, |labels| writer.set_chart_labels(chart, labels));
                self.chart_labels.clear();
            }
            Command::HostLabel(label) => keep_label(&mut self.host_labels, label),
            Command::HostLabelsOverwrite => {
                with_labels(&self.host_labels, |labels| writer.set_host_labels(labels));
                self.host_labels.clear();
            }
            Command::Variable { scope, name, value } => match (scope, self.current_chart()) {
                (VariableScope::Chart | VariableScope::Current, Some(chart)) => {
                    writer.set_chart_variable(chart, name, value);
                }
                (VariableScope::Chart, None) => return Err(self.out_of_place("VARIABLE CHART", "a chart")),
                _ => writer.set_host_variable(name, value),
            },
            Command::ClaimedId { machine, claim } => self.claimed_id(writer, machine, claim),
            Command::Function { ref definition, .. } => {
                // One too many is left out.
                writer.offer_function(definition);
            }
            Command::FunctionDelete { name } => writer.withdraw_function(name),
            Command::FunctionResult { transaction, code, content_type, expires_s } => {
                self.functions.begin(transaction, code, content_type, expires_s);
            }
            Command::ResultText { text } => self.functions.text(text),
            Command::ResultEnd => self.functions.end(),
            Command::Alarm(word) => writer.levels().hear_below(word),
            Command::FunctionProgress { transaction, done, all } => self.functions.progress(transaction, done, all),
            Command::ChartDefinitionEnd { first_s, last_s, .. } => {
                self.end_definition(writer, first_s, last_s, now, out)?
            }
            Command::Unknown { keyword } => {
                if self.unknown == 0 {
                    self.untold = Some((self.decoder.line(), shown(keyword)));
                }
                self.unknown += 1;
            }
            Command::ReplayBegin { .. }
            | Command::ReplayPoint { .. }
            | Command::ReplaySet { .. }
            | Command::ReplayDimensionState { .. }
            | Command::ReplayChartState { .. }
            | Command::ReplayEnd { .. } => self.replay_command(command, now, writer, out)?,
            // What only parents send, and what means nothing here: it leaves an open row as it is.
            _ => {}
        }
        Ok(())
    }

    /// The chart that lines without an id are about: that of the open row, else the one being defined.
    fn current_chart(&self) -> Option<ChartSlot> {
        self.row.chart.filter(|_| self.row.is_open).or(self.defined)
    }

    /// A claim of another host than the stream's means nothing.
    fn claimed_id(&self, writer: &mut Writer<'_>, machine: Guid, claim: Option<Guid>) {
        if machine == writer.guid() {
            writer.set_claimed_id(claim);
        }
    }

    fn define_chart(
        &mut self,
        writer: &mut Writer<'_>,
        slot: Option<u32>,
        definition: &ChartDefinition<'_>,
    ) -> Result<(), SessionError> {
        let kind = definition.id.split_once('.').map_or("", |(kind, _)| kind);
        let name = if definition.name.is_empty() { String::new() } else { format!("{kind}.{}", definition.name) };
        let every_s = if definition.update_every_s == 0 { self.update_every_s } else { definition.update_every_s };
        let definition = ChartDefinition { name: &name, update_every_s: every_s, ..*definition };
        let line = self.decoder.line();
        let chart = writer.define_chart(&definition).map_err(|source| SessionError::Define { line, source })?;
        if let Some(slot) = slot.filter(|&slot| slot <= SLOTS_MAX) {
            if self.slots.len() <= slot as usize {
                self.slots.resize(slot as usize + 1, None);
            }
            self.slots[slot as usize] = Some(chart);
        }
        self.defined = Some(chart);
        self.chart_labels.clear();
        Ok(())
    }

    fn define_dimension(
        &mut self,
        writer: &mut Writer<'_>,
        definition: &DimensionDefinition<'_>,
    ) -> Result<(), SessionError> {
        let line = self.decoder.line();
        let chart = self.defined.ok_or_else(|| self.out_of_place("DIMENSION", "a chart"))?;
        writer.define_dimension(chart, definition).map_err(|source| SessionError::Define { line, source })?;
        Ok(())
    }

    fn end_definition(
        &mut self,
        writer: &Writer<'_>,
        first_s: i64,
        last_s: i64,
        now: Now,
        out: &mut Vec<u8>,
    ) -> Result<(), SessionError> {
        let chart = self.defined.ok_or_else(|| self.out_of_place("CHART_DEFINITION_END", "a chart"))?;
        if !self.replicates {
            return Ok(());
        }
        let have = self.have(writer, chart, first_s, last_s);
        if let Some(request) = self.replication.defined(chart, &have, now) {
            write_request(writer, chart, &request, out);
            if let Some(gap) = missing(&have, now) {
                self.loss.add(gap, now.mono_us);
            }
        }
        Ok(())
    }

    fn have(&self, writer: &Writer<'_>, chart: ChartSlot, child_first_s: i64, child_last_s: i64) -> Have {
        let view = writer.view();
        let chart = view.chart(chart);
        let every_s = chart.as_ref().map_or(1, |chart| chart.update_every_s());
        Have {
            has_dimensions: chart.as_ref().is_some_and(|chart| chart.dimension_count() > 0),
            child_first_s,
            child_last_s,
            own_last_s: chart.map_or(0, |chart| chart.last_s()),
            every_s: i64::from(every_s),
            period_s: i64::from(self.history_rows) * i64::from(every_s),
        }
    }

    /// The commands of an answer to a replication request. They end a live row that is open.
    fn replay_command(
        &mut self,
        command: &Command<'_>,
        now: Now,
        writer: &mut Writer<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), SessionError> {
        self.row.is_open = false;
        match *command {
            Command::ReplayBegin { slot, id } => {
                self.replay = Replay { chart: Some(self.chart(writer, "RBEGIN", slot, id)?), ..Replay::default() };
            }
            Command::ReplayPoint { slot, id, start_s, end_s, wall_s } => {
                self.end_point(writer);
                if !id.is_empty() {
                    self.replay.chart = Some(self.chart(writer, "RBEGIN", slot, id)?);
                }
                self.begin_point(writer, start_s, end_s, wall_s.unwrap_or(now.wall_s() + 5))?;
            }
            Command::ReplaySet { slot, id, value, flags } => self.set_point(writer, slot, id, value, flags)?,
            Command::ReplayDimensionState { slot, id, collected_us, collected, calculated, .. } => {
                self.end_point(writer);
                let chart = self.replay.chart.ok_or_else(|| self.out_of_place("RDSTATE", "RBEGIN"))?;
                if !self.is_stored {
                    let state = (collected_us > 0).then_some((collected, calculated));
                    self.set_dimension_state(writer, chart, slot, id, state);
                }
            }
            Command::ReplayChartState { collected_us, updated_us } => {
                self.end_point(writer);
                let chart = self.replay.chart.ok_or_else(|| self.out_of_place("RSSTATE", "RBEGIN"))?;
                if !self.is_stored {
                    writer.set_chart_state(chart, collected_us, updated_us);
                }
            }
            Command::ReplayEnd { first_s, last_s, start_streaming, before_s, .. } => {
                self.end_point(writer);
                let chart = self.replay.chart.take().ok_or_else(|| self.out_of_place("REND", "RBEGIN"))?;
                let have = self.have(writer, chart, first_s, last_s);
                if let Some(request) = self.replication.answered(chart, start_streaming, before_s, &have, now) {
                    write_request(writer, chart, &request, out);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Takes over where a dimension's interpolation is; one that was never collected has no state.
    fn set_dimension_state(
        &mut self,
        writer: &mut Writer<'_>,
        chart: ChartSlot,
        slot: Option<u32>,
        id: &[u8],
        state: Option<(i64, f64)>,
    ) {
        if !std::mem::replace(&mut self.replay.has_states, true) {
            writer.begin(chart);
        }
        let guess = slot.map_or(self.replay.next, |slot| slot - 1);
        let Some(dimension) = writer.find_dimension(id, guess) else { return };
        self.replay.next = dimension + 1;
        match state {
            Some((collected, carry)) => writer.set_dimension_state(chart, dimension, collected, carry),
            None => writer.forget_dimension_state(chart, dimension),
        }
    }

    /// Opens a row of the past, if its times make sense.
    fn begin_point(
        &mut self,
        writer: &mut Writer<'_>,
        start_s: i64,
        end_s: i64,
        wall_s: i64,
    ) -> Result<(), SessionError> {
        let chart = self.replay.chart.ok_or_else(|| self.out_of_place("RBEGIN", "a chart"))?;
        let every_s = end_s.saturating_sub(start_s);
        if start_s <= 0
            || !(1..=i64::from(rrd_store::UPDATE_EVERY_MAX_S)).contains(&every_s)
            || end_s > wall_s.saturating_add(every_s)
        {
            return Ok(());
        }
        writer.set_update_every(chart, every_s as u32);
        writer.begin(chart);
        // Children count from where they were asked; the row that they mean is the one before.
        self.replay.point_s = Some(end_s - end_s % every_s);
        self.replay.next = 0;
        self.replay.has_states = false;
        Ok(())
    }

    fn set_point(
        &mut self,
        writer: &mut Writer<'_>,
        slot: Option<u32>,
        id: &[u8],
        value: f64,
        flags: PointFlags,
    ) -> Result<(), SessionError> {
        if self.replay.chart.is_none() {
            return Err(self.out_of_place("RSET", "RBEGIN"));
        }
        if self.replay.point_s.is_none() {
            return Ok(());
        }
        let guess = slot.map_or(self.replay.next, |slot| slot - 1);
        let Some(dimension) = writer.find_dimension(id, guess) else {
            return Err(SessionError::UnknownDimension { line: self.decoder.line(), keyword: "RSET", id: shown(id) });
        };
        self.replay.next = dimension + 1;
        writer.set_stored(dimension, None, Packed::pack(value, flags));
        Ok(())
    }

    /// Writes the open row of the past.
    fn end_point(&mut self, writer: &mut Writer<'_>) {
        if let Some(time_s) = self.replay.point_s.take() {
            writer.end_stored(time_s, false);
            self.replicated += 1;
            self.replay.next = 0;
        }
    }
}

fn write_request(
    writer: &Writer<'_>,
    chart: ChartSlot,
    request: &protocol::replication::ReplayRequest,
    out: &mut Vec<u8>,
) {
    if let Some(chart) = writer.view().chart(chart) {
        encode::write_replay_chart(out, chart.id(), request);
    }
}

/// Notes a label; the last one of a name holds. Names that are too long are left out, values cut.
fn keep_label(labels: &mut Vec<OwnedLabel>, label: Label<'_>) {
    let value = &label.value[..label.value.floor_char_boundary(rrd_store::TEXT_BYTES_MAX)];
    if let Some(known) = labels.iter_mut().find(|(name, ..)| name == label.name) {
        (known.1, known.2) = (value.into(), label.source);
    } else if labels.len() < LABELS_MAX && label.name.len() <= rrd_store::TEXT_BYTES_MAX {
        labels.push((label.name.into(), value.into(), label.source));
    }
}

fn with_labels(labels: &[OwnedLabel], f: impl FnOnce(&[Label<'_>])) {
    let borrowed: Vec<_> = labels.iter().map(|(name, value, source)| Label { name, value, source: *source }).collect();
    f(&borrowed);
}
