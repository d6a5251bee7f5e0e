//! The text that Prometheus scrapes.
//!
//! What is the same for all dimensions of a chart is made once per chart; a line is three copies, a name
//! and a number. `# HELP` and `# TYPE` stand once, before the first sample of a metric, however many hosts
//! have it. Where the dimensions of a chart are metrics of their own, the samples of each are gathered
//! over all charts of a context, so that they stand together.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::mem;

use row::Now;
use row::text::{write_fixed, write_int};
use rrd_store::Host;

use crate::chart::{Chart, Dimension};
use crate::names::{old_units, write_label_value, write_name, write_units};
use crate::source::Source;
use crate::span::Span;

/// Bytes of samples that wait for others of their metric.
const GATHERED_BYTES_MAX: usize = 1024 * 1024;

/// How the text looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrometheusOptions {
    /// Which values.
    pub source: Source,
    /// What names of metrics begin with.
    pub prefix: String,
    /// Charts and dimensions are called by their names, not by their ids.
    pub names: bool,
    /// Samples have their time.
    pub timestamps: bool,
    /// Metrics are explained.
    pub help: bool,
    /// and their types told.
    pub types: bool,
    /// The host's variables are metrics, too.
    pub variables: bool,
    /// Units are called as before Netdata 1.12.
    pub old_units: bool,
    /// Names have no units.
    pub hide_units: bool,
    /// Samples name their host in a label `instance`.
    pub instance: bool,
}

impl Default for PrometheusOptions {
    fn default() -> Self {
        Self {
            source: Source::Average,
            prefix: "netdata".into(),
            names: true,
            timestamps: true,
            help: true,
            types: true,
            variables: false,
            old_units: false,
            hide_units: false,
            instance: false,
        }
    }
}

/// Writes the text: each host in turn, of each its charts by context.
#[derive(Debug)]
pub struct Prometheus {
    options: PrometheusOptions,
    span: Span,
    /// The host as a label, if samples have it, with its comma.
    instance: Vec<u8>,
    group: Option<u32>,
    /// Hashes of the metrics that were announced.
    announced: HashSet<u64>,
    hasher: RandomState,
    /// Samples of metrics that stand together; by name their places.
    gathered: Vec<Vec<u8>>,
    places: HashMap<Vec<u8>, usize>,
    gathered_bytes: usize,
    line: Line,
}

/// The parts of lines that all dimensions of a chart share.
#[derive(Debug, Default)]
struct Line {
    name: Vec<u8>,
    /// The name of the chart before.
    last_name: Vec<u8>,
    head: Vec<u8>,
    tail: Vec<u8>,
    stamp: Vec<u8>,
}

impl Prometheus {
    /// A text of what there is of a span; as collected, of what was collected since its begin.
    #[must_use]
    pub fn new(options: PrometheusOptions, span: Span) -> Self {
        Self {
            options,
            span,
            instance: Vec::new(),
            group: None,
            announced: HashSet::new(),
            hasher: RandomState::new(),
            gathered: Vec::new(),
            places: HashMap::new(),
            gathered_bytes: 0,
            line: Line::default(),
        }
    }

    /// Goes on to a host: writes what is told of the host itself.
    pub fn host(&mut self, out: &mut Vec<u8>, host: &Host, now: Now) {
        self.end(out);
        let info = host.info();
        self.instance.clear();
        if self.options.instance {
            write_label(&mut self.instance, b",instance=\"", &info.hostname);
        }
        let (labels, variables) = host.read(|view| {
            let configured = view.labels().filter(|label| !label.name.starts_with('_'));
            let labels: Vec<(String, String)> =
                configured.map(|label| (label.name.into(), label.value.into())).collect();
            let variables = view.variables().filter(|_| self.options.variables);
            (labels, variables.map(|(name, value)| (name.to_owned(), value)).collect::<Vec<_>>())
        });
        let begin = out.len();
        write_label(out, b"netdata_info{instance=\"", &info.hostname);
        write_label(out, b",application=\"", &info.program_name);
        write_label(out, b",version=\"", &info.program_version);
        labels.iter().for_each(|(name, value)| write_named_label(out, begin, name, value));
        out.extend_from_slice(b"} 1");
        self.write_stamp(out, now.wall_us / 1_000);
        for (name, value) in variables.iter().filter(|(_, value)| value.is_finite()) {
            write_name(out, &self.options.prefix);
            out.push(b'_');
            write_name(out, name);
            if let Some(instance) = self.instance.get(1..) {
                out.push(b'{');
                out.extend_from_slice(instance);
                out.push(b'}');
            }
            out.push(b' ');
            write_fixed(out, *value);
            self.write_stamp(out, now.wall_s() * 1_000);
        }
    }

    fn write_stamp(&self, out: &mut Vec<u8>, time_ms: i64) {
        if self.options.timestamps {
            out.push(b' ');
            write_int(out, time_ms);
        }
        out.push(b'\n');
    }

    /// Writes the samples of a chart.
    pub fn chart(&mut self, out: &mut Vec<u8>, chart: &Chart<'_>) {
        if self.group != Some(chart.group()) || self.gathered_bytes > GATHERED_BYTES_MAX {
            self.end(out);
            self.group = Some(chart.group());
        }
        match self.options.source {
            Source::Average => self.write_stored(out, chart, Dimension::average),
            Source::Sum => self.write_stored(out, chart, Dimension::sum),
            Source::AsCollected if chart.collected_us() / 1_000_000 < self.span.after_s => {}
            Source::AsCollected if chart.is_alike() => self.write_collected(out, chart),
            Source::AsCollected => self.gather_collected(chart),
        }
    }

    /// Ends a host: writes what was gathered.
    pub fn end(&mut self, out: &mut Vec<u8>) {
        self.gathered.drain(..).for_each(|lines| out.extend_from_slice(&lines));
        self.places.clear();
        self.gathered_bytes = 0;
        self.group = None;
    }

    fn write_stored<'a>(
        &mut self,
        out: &mut Vec<u8>,
        chart: &Chart<'a>,
        value: impl Fn(&Dimension<'a>) -> Option<f64>,
    ) {
        let Some((_, before_s)) = chart.window() else { return };
        let value = |dimension: &Dimension<'a>| value(dimension).filter(|value| value.is_finite());
        if chart.dimensions().all(|dimension| value(&dimension).is_none()) {
            return;
        }
        self.begin_name(chart);
        let name = &mut self.line.name;
        if self.options.source == Source::Average {
            if !self.options.hide_units {
                let units = chart.units();
                write_units(name, if self.options.old_units { old_units(units) } else { units });
            }
            name.extend_from_slice(b"_average");
        } else {
            name.extend_from_slice(b"_sum");
        }
        self.announce(out, chart, b"gauge");
        self.lead(chart, before_s * 1_000, true);
        for dimension in chart.dimensions() {
            if let Some(value) = value(&dimension) {
                self.line.begin(out, self.name_of(&dimension));
                write_fixed(out, value);
                out.extend_from_slice(&self.line.stamp);
            }
        }
    }

    fn write_collected(&mut self, out: &mut Vec<u8>, chart: &Chart<'_>) {
        let is_scaled = chart.is_scraped();
        let mut told = chart.dimensions().filter(|dimension| is_collected(chart, dimension)).peekable();
        let Some(first) = told.peek() else { return };
        let is_counter = first.is_counter() && !is_scaled;
        self.begin_name(chart);
        if is_counter {
            self.line.name.extend_from_slice(b"_total");
        }
        self.announce(out, chart, if is_counter { b"counter" } else { b"gauge" });
        self.lead(chart, chart.collected_us() / 1_000, true);
        for dimension in told {
            self.line.begin(out, self.name_of(&dimension));
            write_collected(out, &dimension, is_scaled);
            out.extend_from_slice(&self.line.stamp);
        }
    }

    /// Of a chart whose dimensions are not alike, each is a metric of its own.
    fn gather_collected(&mut self, chart: &Chart<'_>) {
        let is_scaled = chart.is_scraped();
        self.begin_name(chart);
        let context_end = self.line.name.len();
        let mut is_led = false;
        for dimension in chart.dimensions().filter(|dimension| is_collected(chart, dimension)) {
            let is_counter = dimension.is_counter() && !is_scaled;
            self.line.name.truncate(context_end);
            self.line.name.push(b'_');
            let called = self.name_of(&dimension);
            write_name(&mut self.line.name, called);
            if is_counter {
                self.line.name.extend_from_slice(b"_total");
            }
            if !mem::replace(&mut is_led, true) {
                self.lead(chart, chart.collected_us() / 1_000, false);
            }
            let place = self.place(chart, if is_counter { b"counter" } else { b"gauge" });
            let mut lines = mem::take(&mut self.gathered[place]);
            let before = lines.len();
            lines.extend_from_slice(&self.line.name);
            lines.extend_from_slice(&self.line.head);
            lines.extend_from_slice(&self.line.tail);
            write_collected(&mut lines, &dimension, is_scaled);
            lines.extend_from_slice(&self.line.stamp);
            self.gathered_bytes += lines.len() - before;
            self.gathered[place] = lines;
        }
        self.line.last_name.clear();
    }

    /// Where samples of the metric are gathered.
    fn place(&mut self, chart: &Chart<'_>, kind: &[u8]) -> usize {
        if let Some(&place) = self.places.get(&self.line.name) {
            return place;
        }
        let place = self.gathered.len();
        self.places.insert(self.line.name.clone(), place);
        let mut lines = Vec::new();
        self.announce(&mut lines, chart, kind);
        self.gathered.push(lines);
        place
    }

    fn name_of<'a>(&self, dimension: &Dimension<'a>) -> &'a str {
        if self.options.names { dimension.name() } else { dimension.id() }
    }

    /// Begins the name of a chart's metric.
    fn begin_name(&mut self, chart: &Chart<'_>) {
        mem::swap(&mut self.line.name, &mut self.line.last_name);
        let name = &mut self.line.name;
        name.clear();
        write_name(name, &self.options.prefix);
        name.push(b'_');
        write_name(name, chart.context());
    }

    /// Explains the metric where it comes first.
    fn announce(&mut self, out: &mut Vec<u8>, chart: &Chart<'_>, kind: &[u8]) {
        let (name, PrometheusOptions { help, types, .. }) = (&self.line.name, &self.options);
        if !(*help || *types) || *name == self.line.last_name || !self.announced.insert(self.hasher.hash_one(name)) {
            return;
        }
        if *help {
            out.extend_from_slice(b"# HELP ");
            out.extend_from_slice(name);
            out.push(b' ');
            write_help(out, chart.title());
            out.push(b'\n');
        }
        if *types {
            out.extend_from_slice(b"# TYPE ");
            out.extend_from_slice(name);
            out.push(b' ');
            out.extend_from_slice(kind);
            out.push(b'\n');
        }
    }

    /// Makes what stands before and after the name of a dimension, if lines have one, and after the value.
    fn lead(&mut self, chart: &Chart<'_>, time_ms: i64, with_dimension: bool) {
        let called = if self.options.names { chart.name() } else { chart.id() };
        let mut line = mem::take(&mut self.line);
        line.head.clear();
        if with_dimension {
            line.head.extend_from_slice(&line.name);
        }
        write_label(&mut line.head, b"{chart=\"", called);
        line.tail.clear();
        if with_dimension {
            line.head.extend_from_slice(b",dimension=\"");
            line.tail.push(b'"');
        }
        write_label(&mut line.tail, b",family=\"", chart.family());
        chart.labels().for_each(|(name, value)| write_named_label(&mut line.tail, 0, name, value));
        line.tail.extend_from_slice(&self.instance);
        line.tail.extend_from_slice(b"} ");
        line.stamp.clear();
        self.write_stamp(&mut line.stamp, time_ms);
        self.line = line;
    }
}

impl Line {
    /// Writes all before the value.
    fn begin(&self, out: &mut Vec<u8>, dimension: &str) {
        out.extend_from_slice(&self.head);
        write_label_value(out, dimension);
        out.extend_from_slice(&self.tail);
    }
}

/// Whether a dimension was collected, and with the chart's newest row, if there is one.
fn is_collected(chart: &Chart<'_>, dimension: &Dimension<'_>) -> bool {
    dimension.collected().is_some() && (chart.last_s() == 0 || !dimension.stored().is_empty())
}

fn write_collected(out: &mut Vec<u8>, dimension: &Dimension<'_>, is_scaled: bool) {
    let collected = dimension.collected().unwrap_or_default();
    if is_scaled {
        write_fixed(out, dimension.scaled(collected));
    } else {
        write_int(out, collected);
    }
}

/// Writes a label from its comma or bracket to its closing quote.
fn write_label(out: &mut Vec<u8>, lead: &[u8], value: &str) {
    out.extend_from_slice(lead);
    write_label_value(out, value);
    out.push(b'"');
}

/// Writes a label that a person named. The names of ours are taken, and no name stands twice: Prometheus
/// would refuse everything.
fn write_named_label(out: &mut Vec<u8>, line_begin: usize, name: &str, value: &str) {
    const TAKEN: [&[u8]; 6] = [b"chart", b"dimension", b"family", b"instance", b"application", b"version"];
    let begin = out.len();
    out.push(b',');
    write_name(out, name);
    // A colon is for names of metrics only, and no name begins with a digit.
    out[begin..].iter_mut().filter(|byte| **byte == b':').for_each(|byte| *byte = b'_');
    if out.get(begin + 1).is_none_or(u8::is_ascii_digit) {
        out.insert(begin + 1, b'_');
    }
    let is_taken = TAKEN.contains(&&out[begin + 1..]);
    out.extend_from_slice(b"=\"");
    // Quotes within values are escaped, so that this is found nowhere else.
    let (before, label) = out[line_begin..].split_at(begin - line_begin);
    if is_taken || before.windows(label.len()).any(|part| part == label) {
        out.truncate(begin);
        return;
    }
    write_label_value(out, value);
    out.push(b'"');
}

fn write_help(out: &mut Vec<u8>, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\\' => out.extend_from_slice(b"\\\\"),
            byte => out.push(byte),
        }
    }
}

#[cfg(test)]
#[path = "prometheus_tests.rs"]
mod tests;
