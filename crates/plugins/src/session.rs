//! One plugin's output: lines in, definitions and rows out.
//!
//! A plain state machine: bytes and the time are arguments. Each batch that was read from the plugin takes
//! the host's lock once. A row is gathered here until it is complete, since other parts of the node
//! write to the same host in between.
//!
//! What is malformed ends the run and says which line: whoever mixes up its own commands would go on
//! writing wrong rows.

use std::rc::Rc;

use protocol::{Command as Common, Decoder, Limits, VariableScope};
use row::{ChartDefinition, FunctionDefinition, Guid, Label, Now, US_PER_S};
use rrd_store::{DefineError, Elapsed, Feed, Writer};
use tracing::{info, warn};

use crate::charts::{self, CHARTS_MAX, Charts, DIMENSIONS_MAX, Defaults, OwnedLabel, with_labels};
use crate::command::{self, Command, Mistake};
use crate::functions::Functions;
use crate::nodes::{NewHost, Nodes, Refused};
use crate::shown::shown;

/// Labels of one definition.
const LABELS_MAX: usize = rrd_store::LABELS_MAX;
/// Hosts that one plugin may define.
const HOSTS_MAX: usize = 256;

/// Why a run is over.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// It said so, for good.
    #[error("it asked not to be run")]
    Disabled,
    /// It said so.
    #[error("it said EXIT")]
    Exit,
    /// A command that is known makes no sense: the plugin is broken.
    #[error("line {line}, \"{text}\": {why}")]
    Malformed { line: u64, text: String, why: Why },
    /// What it prints is no command: something else gets in between, perhaps.
    #[error("line {line}, \"{text}\": no command that is known")]
    Garbage { line: u64, text: String },
    /// The line does not end.
    #[error("line {line} is longer than {limit} bytes")]
    TooLong { line: u64, limit: usize },
    /// Another feed of the host took over.
    #[error("the host's rows come from elsewhere now")]
    FeedLost,
}

/// What is wrong with a command.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Why {
    #[error("{0}")]
    Mistake(#[from] Mistake),
    #[error("{0}")]
    Define(#[from] DefineError),
    #[error("no such chart")]
    UnknownChart,
    #[error("no such dimension of the chart")]
    UnknownDimension,
    #[error("{0} without {1}")]
    OutOfPlace(&'static str, &'static str),
    #[error("no such host")]
    UnknownHost,
    #[error("the host cannot be defined: {0}")]
    Refused(#[from] Refused),
    #[error("a plugin may define {HOSTS_MAX} hosts at most")]
    Hosts,
}

/// What comes after a line.
enum Turn {
    /// The next one.
    Goes,
    /// The next one, of another host.
    Host,
}

/// A plugin's output, and what is known from it.
pub(crate) struct Session {
    nodes: Rc<Nodes>,
    /// The plugin's file name.
    plugin: Rc<str>,
    update_every_s: u32,
    decoder: Decoder,
    /// The text of an answer is being read.
    in_result: bool,
    line: u64,
    /// The node's own host first.
    hosts: Vec<Place>,
    /// The host that commands are about.
    at: usize,
    defining: Option<NewHost>,
    /// A host that is defined as soon as no lock is held.
    defined: Option<NewHost>,
    chart: ChartAt,
    row: RowAt,
    trusts_durations: bool,
    longest_every_s: u32,
    dimensions: usize,
    /// What was left out is said once.
    said: Said,
    pub(crate) functions: Functions,
    /// Rows of this run.
    rows: u64,
}

/// A host that the plugin writes to.
struct Place {
    guid: Option<Guid>,
    feed: Feed,
    charts: Charts,
    labels: Vec<OwnedLabel>,
}

/// The chart that definitions are about.
#[derive(Debug, Default)]
struct ChartAt {
    place: Option<usize>,
    /// It was left out: what is about it is, too.
    is_left_out: bool,
    labels: Vec<OwnedLabel>,
    /// The dimension that is expected next.
    next: usize,
}

/// The row that is being gathered.
#[derive(Debug, Default)]
struct RowAt {
    is_open: bool,
    place: Option<usize>,
    /// The chart of the last row.
    last: usize,
    elapsed_us: u64,
    /// Values by the place of their dimension.
    values: Vec<(usize, i64)>,
    next: usize,
}

#[derive(Debug, Default)]
struct Said {
    charts: bool,
    dimensions: bool,
    foreign: bool,
    functions: bool,
}

impl Session {
    pub(crate) fn new(nodes: Rc<Nodes>, plugin: &str, update_every_s: u32) -> Self {
        let own = Place { guid: None, feed: nodes.own().share(), charts: Charts::default(), labels: Vec::new() };
        Self {
            nodes,
            plugin: plugin.into(),
            update_every_s: update_every_s.max(1),
            decoder: Decoder::new(Limits::default()),
            in_result: false,
            line: 0,
            hosts: vec![own],
            at: 0,
            defining: None,
            defined: None,
            chart: ChartAt::default(),
            row: RowAt::default(),
            trusts_durations: false,
            longest_every_s: update_every_s,
            dimensions: 0,
            said: Said::default(),
            functions: Functions::default(),
            rows: 0,
        }
    }

    /// Rows that were complete.
    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    /// Seconds between the rows that are rarest.
    pub(crate) fn longest_every_s(&self) -> u64 {
        u64::from(self.longest_every_s)
    }

    /// Takes what was read from the plugin; returns how much of it: the rest is a line that goes on.
    pub(crate) fn receive(&mut self, text: &[u8], now: Now) -> Result<usize, Fault> {
        let mut at = 0;
        loop {
            let mut feed = self.hosts[self.at].feed.share();
            let mut writer = feed.writer(now).ok_or(Fault::FeedLost)?;
            self.hosts[self.at].charts.open(&writer.view());
            let host = self.at;
            let turn = self.lines(text, &mut at, now, &mut writer);
            self.hosts[host].charts.close(&writer.view());
            drop(writer);
            match turn? {
                Turn::Goes => return Ok(at),
                Turn::Host => self.define_host(now)?,
            }
        }
    }

    /// Takes lines as long as they are about the writer's host.
    fn lines(&mut self, text: &[u8], at: &mut usize, now: Now, writer: &mut Writer<'_>) -> Result<Turn, Fault> {
        loop {
            let rest = &text[*at..];
            if self.in_result {
                *at += self.result(rest)?;
                if self.in_result {
                    return Ok(Turn::Goes);
                }
                continue;
            }
            let limit = Limits::default().line_bytes;
            let Some(end) = memchr::memchr(b'\n', rest) else {
                let is_short = rest.len() <= limit;
                return if is_short { Ok(Turn::Goes) } else { Err(Fault::TooLong { line: self.line + 1, limit }) };
            };
            self.line += 1;
            *at += end + 1;
            if end > limit {
                return Err(Fault::TooLong { line: self.line, limit });
            }
            if let Turn::Host = self.any_line(&rest[..=end], now, writer)? {
                return Ok(Turn::Host);
            }
        }
    }

    /// Reads the text that answers a call; returns how much was taken.
    fn result(&mut self, text: &[u8]) -> Result<usize, Fault> {
        let mut at = 0;
        loop {
            let mut consumed = 0;
            let read = command::read_result(&text[at..], &mut self.decoder, &mut consumed);
            let read = read.map_err(|mistake| self.malformed(&text[at..], mistake.into()))?;
            at += consumed;
            match read {
                Some(Common::ResultText { text }) => self.functions.text(text),
                Some(Common::ResultEnd) => {
                    self.functions.end();
                    self.in_result = false;
                    return Ok(at);
                }
                // Nothing else is read within an answer.
                Some(_) => {}
                None => return Ok(at),
            }
        }
    }

    /// A line, with its newline. What is not UTF-8 is made so, everywhere in the same way.
    fn any_line(&mut self, line: &[u8], now: Now, writer: &mut Writer<'_>) -> Result<Turn, Fault> {
        match std::str::from_utf8(line) {
            Ok(_) => self.one_line(line, now, writer),
            Err(_) => self.one_line(String::from_utf8_lossy(line).as_bytes(), now, writer),
        }
    }

    fn one_line(&mut self, line: &[u8], now: Now, writer: &mut Writer<'_>) -> Result<Turn, Fault> {
        let command = match command::read(line, &mut self.decoder) {
            Ok(None) => return Ok(Turn::Goes),
            Ok(Some(command)) => command,
            Err(mistake) => return Err(self.malformed(line, mistake.into())),
        };
        let done = match command {
            Command::Set { id, value } => self.set(id, value),
            Command::Begin { id, elapsed_us } => self.begin(id, elapsed_us),
            Command::End => self.end(now, writer),
            Command::Unknown => return Err(Fault::Garbage { line: self.line, text: shown(line) }),
            Command::Disable => return Err(Fault::Disabled),
            Command::Exit => return Err(Fault::Exit),
            Command::Host(guid) => return self.switch_host(guid).map_err(|why| self.malformed(line, why)),
            Command::HostDefineEnd => match self.defining.take() {
                None => Err(Why::OutOfPlace("HOST_DEFINE_END", "HOST_DEFINE")),
                Some(host) => {
                    self.defined = Some(host);
                    return Ok(Turn::Host);
                }
            },
            _ => self.rare_command(&command, line, writer),
        };
        done.map(|()| Turn::Goes).map_err(|why| self.malformed(line, why))
    }

    fn malformed(&self, line: &[u8], why: Why) -> Fault {
        Fault::Malformed { line: self.line, text: shown(line), why }
    }

    fn begin(&mut self, id: &[u8], elapsed_us: u64) -> Result<(), Why> {
        let charts = &mut self.hosts[self.at].charts;
        let place = charts.find(id, self.row.last + 1);
        if place.is_none() && !self.said.charts && !self.said.foreign {
            return Err(Why::UnknownChart);
        }
        self.row.values.clear();
        self.row.last = place.unwrap_or(self.row.last);
        (self.row.is_open, self.row.place, self.row.next, self.row.elapsed_us) = (true, place, 0, elapsed_us);
        (self.chart.place, self.chart.is_left_out) = (place, place.is_none());
        Ok(())
    }

    fn set(&mut self, id: &[u8], value: Option<i64>) -> Result<(), Why> {
        if !self.row.is_open {
            return Err(Why::OutOfPlace("SET", "BEGIN"));
        }
        let Some(place) = self.row.place else { return Ok(()) };
        let chart = self.hosts[self.at].charts.get(place);
        match chart.find_dimension(id, self.row.next) {
            Some(dimension) => {
                self.row.next = dimension + 1;
                self.row.values.extend(value.map(|value| (dimension, value)));
                Ok(())
            }
            None if chart.is_full() => Ok(()),
            None => Err(Why::UnknownDimension),
        }
    }

    fn end(&mut self, now: Now, writer: &mut Writer<'_>) -> Result<(), Why> {
        if !std::mem::take(&mut self.row.is_open) {
            return Err(Why::OutOfPlace("END", "BEGIN"));
        }
        self.rows += 1;
        let Some(place) = self.row.place else { return Ok(()) };
        let defaults = Defaults { plugin: &self.plugin, update_every_s: self.update_every_s };
        let chart = self.hosts[self.at].charts.get(place);
        if chart.slot().is_none() {
            chart.define_again(writer, defaults)?;
        }
        let state = chart
            .slot()
            .and_then(|slot| writer.view().chart(slot).map(|chart| (chart.state(), chart.update_every_s())));
        let elapsed = match state {
            Some((state, every_s)) if self.row.elapsed_us > 0 && state.collected_us > 0 => {
                let expected_us = state.collected_us.saturating_add_unsigned(self.row.elapsed_us);
                let is_near = expected_us.abs_diff(now.wall_us) <= u64::from(every_s) * US_PER_S as u64;
                if is_near || self.trusts_durations { Elapsed::Us(self.row.elapsed_us) } else { Elapsed::Clock }
            }
            _ => Elapsed::Clock,
        };
        chart.write(writer, &self.row.values, elapsed);
        Ok(())
    }

    #[cold]
    fn rare_command(&mut self, command: &Command<'_>, line: &[u8], writer: &mut Writer<'_>) -> Result<(), Why> {
        match *command {
            Command::Flush => self.row.is_open = false,
            Command::TrustDurations => self.trusts_durations = true,
            Command::Dimension(ref definition) => return self.define_dimension(writer, definition, line),
            Command::HostDefine { .. } if self.defining.is_some() => {
                return Err(Why::OutOfPlace("HOST_DEFINE", "HOST_DEFINE_END of the host before"));
            }
            Command::HostDefine { guid, hostname } => {
                self.defining = Some(NewHost { guid, hostname: hostname.into(), labels: Vec::new() });
            }
            Command::HostLabel { name, value } => {
                let host = self.defining.as_mut().ok_or(Why::OutOfPlace("HOST_LABEL", "HOST_DEFINE"))?;
                keep_label(&mut host.labels, Label { name, value, source: Label::CONFIGURED });
            }
            Command::Common(ref common) => return self.common_command(common, line, writer),
            _ => {}
        }
        Ok(())
    }

    fn common_command(&mut self, command: &Common<'_>, line: &[u8], writer: &mut Writer<'_>) -> Result<(), Why> {
        match *command {
            Common::Chart { ref definition, .. } => return self.define_chart(writer, definition, line),
            Common::ChartLabel(label) => keep_label(&mut self.chart.labels, label),
            Common::ChartLabelsCommit => {
                let labels = std::mem::take(&mut self.chart.labels);
                match self.chart.place {
                    Some(place) => self.hosts[self.at].charts.get(place).set_labels(writer, labels),
                    None if self.chart.is_left_out => {}
                    None => return Err(Why::OutOfPlace("CLABEL_COMMIT", "a chart")),
                }
            }
            Common::HostLabel(label) => keep_label(&mut self.hosts[self.at].labels, label),
            Common::HostLabelsOverwrite => self.set_host_labels(writer),
            Common::Variable { scope, name, value } => return self.set_variable(writer, scope, name, value),
            Common::Function { ref definition, .. } => self.offer(writer, definition),
            Common::FunctionDelete { name } if self.at == 0 => {
                self.functions.withdraw(name);
                writer.withdraw_function(name);
            }
            Common::FunctionProgress { transaction, done, all } => self.functions.progress(transaction, done, all),
            Common::FunctionResult { transaction, code, content_type, expires_s } => {
                self.functions.begin(transaction, code, content_type, expires_s);
                self.in_result = true;
            }
            _ => {}
        }
        Ok(())
    }

    fn define_chart(
        &mut self,
        writer: &mut Writer<'_>,
        definition: &ChartDefinition<'_>,
        line: &[u8],
    ) -> Result<(), Why> {
        (self.row.is_open, self.chart) = (false, ChartAt::default());
        self.longest_every_s = self.longest_every_s.max(definition.update_every_s.min(rrd_store::UPDATE_EVERY_MAX_S));
        let defaults = Defaults { plugin: &self.plugin, update_every_s: self.update_every_s };
        let known = self.hosts[self.at].charts.find(definition.id.as_bytes(), usize::MAX);
        let owner = owner(writer, definition.id);
        if known.is_none() && owner.as_ref().is_some_and(|owner| owner != charts::plugin(definition, defaults)) {
            self.chart.is_left_out = true;
            if !std::mem::replace(&mut self.said.foreign, true) {
                let owner = owner.unwrap_or_default();
                warn!("PLUGIN {}: chart {} is left out: it is of {owner} already", self.plugin, definition.id);
            }
            return Ok(());
        }
        let count: usize = self.hosts.iter().map(|host| host.charts.count()).sum();
        if known.is_none() && count >= CHARTS_MAX {
            self.chart.is_left_out = true;
            if !std::mem::replace(&mut self.said.charts, true) {
                warn!("PLUGIN {}: charts beyond {CHARTS_MAX} are left out", self.plugin);
            }
            return Ok(());
        }
        self.chart.place = Some(self.hosts[self.at].charts.define(writer, definition, line, defaults)?);
        Ok(())
    }

    fn define_dimension(
        &mut self,
        writer: &mut Writer<'_>,
        definition: &row::DimensionDefinition<'_>,
        line: &[u8],
    ) -> Result<(), Why> {
        let Some(place) = self.chart.place else {
            return if self.chart.is_left_out { Ok(()) } else { Err(Why::OutOfPlace("DIMENSION", "a chart")) };
        };
        let room = self.dimensions < DIMENSIONS_MAX;
        let chart = self.hosts[self.at].charts.get(place);
        let is_new = chart.define_dimension(writer, definition, line, self.chart.next, room)?;
        self.chart.next += 1;
        self.dimensions += usize::from(is_new);
        if chart.is_full() && !std::mem::replace(&mut self.said.dimensions, true) {
            warn!("PLUGIN {}: there are too many dimensions, some are left out", self.plugin);
        }
        Ok(())
    }

    /// Labels of a plugin are added to those that the host has.
    fn set_host_labels(&mut self, writer: &mut Writer<'_>) {
        let mut labels: Vec<OwnedLabel> =
            writer.view().labels().map(|label| (label.name.into(), label.value.into(), label.source)).collect();
        for (name, value, source) in self.hosts[self.at].labels.drain(..) {
            keep_label(&mut labels, Label { name: &name, value: &value, source });
        }
        with_labels(&labels, |labels| writer.set_host_labels(labels));
    }

    fn set_variable(
        &mut self,
        writer: &mut Writer<'_>,
        scope: VariableScope,
        name: &str,
        value: f64,
    ) -> Result<(), Why> {
        match (scope, self.chart.place) {
            (VariableScope::Chart | VariableScope::Current, Some(place)) => {
                if let Some(slot) = self.hosts[self.at].charts.get(place).slot() {
                    writer.set_chart_variable(slot, name, value);
                }
            }
            (VariableScope::Chart | VariableScope::Current, None) if self.chart.is_left_out => {}
            (VariableScope::Chart, None) => return Err(Why::OutOfPlace("VARIABLE CHART", "a chart")),
            _ => writer.set_host_variable(name, value),
        }
        Ok(())
    }

    /// Functions of hosts that plugins define are not passed on.
    fn offer(&mut self, writer: &mut Writer<'_>, definition: &FunctionDefinition<'_>) {
        if self.at == 0 && writer.offer_function(definition) {
            self.functions.offer(definition);
        } else if !std::mem::replace(&mut self.said.functions, true) {
            info!("PLUGIN {}: function {} is left out", self.plugin, shown(definition.name.as_bytes()));
        }
    }

    fn switch_host(&mut self, guid: Option<Guid>) -> Result<Turn, Why> {
        self.at = self.hosts.iter().position(|host| host.guid == guid).ok_or(Why::UnknownHost)?;
        (self.row, self.chart) = (RowAt::default(), ChartAt::default());
        Ok(Turn::Host)
    }

    /// Takes the host that was just defined, if there is one, for the current one.
    fn define_host(&mut self, now: Now) -> Result<(), Fault> {
        let Some(new) = self.defined.take() else { return Ok(()) };
        (self.row, self.chart) = (RowAt::default(), ChartAt::default());
        if let Some(place) = self.hosts.iter().position(|host| host.guid == Some(new.guid)) {
            self.at = place;
            return Ok(());
        }
        let malformed = |why| self.malformed(b"HOST_DEFINE_END", why);
        if self.hosts.len() > HOSTS_MAX {
            return Err(malformed(Why::Hosts));
        }
        let feed = self.nodes.claim(&new, now).map_err(|refused| malformed(refused.into()))?;
        info!("PLUGIN {}: host {} with machine_guid {}", self.plugin, shown(new.hostname.as_bytes()), new.guid);
        let place = Place { guid: Some(new.guid), feed, charts: Charts::default(), labels: Vec::new() };
        self.at = self.hosts.len();
        self.hosts.push(place);
        Ok(())
    }

    /// The run is over: takes back what the plugin offered; returns the calls that it did not answer.
    pub(crate) fn finish(&mut self, now: Now) -> Vec<u64> {
        let (names, unanswered) = self.functions.clear();
        if let Some(mut writer) = self.hosts[0].feed.writer(now).filter(|_| !names.is_empty()) {
            names.iter().for_each(|name| writer.withdraw_function(name));
        }
        unanswered
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.hosts.iter().filter_map(|host| host.guid).for_each(|guid| self.nodes.release(guid));
    }
}

/// The plugin that a chart of the host is of, if there is such a chart.
fn owner(writer: &Writer<'_>, id: &str) -> Option<String> {
    let slot = writer.find_chart(id.as_bytes(), None)?;
    writer.view().chart(slot).map(|chart| chart.definition().plugin.to_owned())
}

/// Notes a label; the last one of a name holds. Names that are too long are left out, values cut.
fn keep_label(labels: &mut Vec<OwnedLabel>, label: Label<'_>) {
    let value = &label.value[..label.value.floor_char_boundary(rrd_store::TEXT_BYTES_MAX)];
    let source = label.source & LABEL_SOURCES;
    if let Some(known) = labels.iter_mut().find(|(name, ..)| name == label.name) {
        (known.1, known.2) = (value.into(), source);
    } else if labels.len() < LABELS_MAX && label.name.len() <= rrd_store::TEXT_BYTES_MAX {
        labels.push((label.name.into(), value.into(), source));
    }
}

/// The sources of labels that are known; other bits are the agent's own.
const LABEL_SOURCES: u32 = 0xf;
