//! Formats: what each backend understands. One [`Writer`] writes records of any of them.
//!
//! What is the same for all samples of a host is made once per host, what is the same for all dimensions of a
//! chart once per chart; a record is some copies, a name and a number.

mod graphite;
mod influx;
mod json;
mod opentsdb;
mod remote_write;

pub(crate) use remote_write::write_joined;

use std::mem;

use row::text::{write_fixed, write_int};
use rrd_store::Host;

use crate::chart::{Chart, Dimension, Texts};
use crate::records::Records;
use crate::source::Source;

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Lines of Graphite.
    Graphite,
    /// Lines of OpenTSDB's telnet.
    OpenTsdb,
    /// Objects of OpenTSDB's HTTP.
    OpenTsdbObjects,
    /// Objects, one to a line.
    Json,
    /// Series of Prometheus' remote write.
    RemoteWrite,
    /// Influx' line protocol.
    Influx,
}

impl Format {
    /// Tags that stand among those of a host's labels: a label of that name is left out.
    const fn tags(self) -> &'static [&'static str] {
        match self {
            Self::OpenTsdb | Self::OpenTsdbObjects => &["host"],
            Self::Influx => &["host", "chart", "dimension", "family", "node"],
            Self::Graphite | Self::Json | Self::RemoteWrite => &[],
        }
    }
}

/// How records look.
#[derive(Debug, Clone)]
pub struct FormatOptions {
    /// Their format.
    pub format: Format,
    /// Which values.
    pub source: Source,
    /// What names of metrics begin with.
    pub prefix: String,
    /// Charts and dimensions are called by their names, not by their ids.
    pub names: bool,
    /// Labels that somebody gave the host are told.
    pub configured_labels: bool,
    /// and those that its agent found.
    pub automatic_labels: bool,
    /// The host's GUID is told, as `node`.
    pub node: bool,
    /// Dots of host names become `_`.
    pub undot_hostname: bool,
}

impl FormatOptions {
    /// The texts of charts that records are made of.
    #[must_use]
    pub const fn texts(&self) -> Texts {
        match self.format {
            Format::Graphite | Format::OpenTsdb | Format::OpenTsdbObjects => Texts::Names,
            Format::Json | Format::RemoteWrite | Format::Influx => Texts::All,
        }
    }
}

/// A host's own part of what is written.
#[derive(Debug, Default)]
struct HostPart {
    hostname: String,
    guid: String,
    program_name: String,
    program_version: String,
    labels: Vec<(String, String)>,
    /// What records of the host share, as the format has it.
    prepared: Vec<u8>,
    /// and its labels, where they stand apart.
    tags: Vec<u8>,
}

/// Writes records of hosts, one host after another.
#[derive(Debug)]
pub struct Writer {
    options: FormatOptions,
    host: HostPart,
    /// What records of a chart share: before the dimension, after it, and after the value.
    head: Vec<u8>,
    tail: Vec<u8>,
    end: Vec<u8>,
    chart_label: Vec<u8>,
    /// Each dimension of the chart is a metric of its own.
    is_metric_each: bool,
    /// Metrics of the chart are told as they were scraped.
    is_scraped: bool,
}

/// What is told of a dimension.
#[derive(Debug, Clone, Copy)]
enum Value {
    Collected(i64),
    Stored(f64),
}

impl Writer {
    /// A writer.
    #[must_use]
    pub fn new(options: FormatOptions) -> Self {
        Self {
            options,
            host: HostPart::default(),
            head: Vec::new(),
            tail: Vec::new(),
            end: Vec::new(),
            chart_label: Vec::new(),
            is_metric_each: false,
            is_scraped: false,
        }
    }

    /// What it writes.
    #[must_use]
    pub fn options(&self) -> &FormatOptions {
        &self.options
    }

    /// Goes on to a host, called so if its own name is not to be used; writes what a format tells of hosts.
    pub fn host(&mut self, out: &mut Records, host: &Host, called: Option<&str>, now_ms: i64) {
        let info = host.info();
        let hostname = called.unwrap_or(&info.hostname);
        let options = &self.options;
        let labels = host.read(|view| {
            let selected = view.labels().filter(|label| match label.name.starts_with('_') {
                true => options.automatic_labels,
                false => options.configured_labels,
            });
            let free = selected.filter(|label| !options.format.tags().contains(&label.name));
            free.map(|label| (label.name.to_owned(), label.value.to_owned())).collect()
        });
        self.host = HostPart {
            hostname: if options.undot_hostname { hostname.replace('.', "_") } else { hostname.to_owned() },
            guid: host.guid().to_string(),
            program_name: info.program_name.to_string(),
            program_version: info.program_version.to_string(),
            labels,
            prepared: Vec::new(),
            tags: Vec::new(),
        };
        match options.format {
            Format::Graphite => graphite::prepare(self),
            Format::OpenTsdb => opentsdb::prepare(self),
            Format::OpenTsdbObjects => opentsdb::prepare_objects(self),
            Format::Json => json::prepare(self),
            Format::Influx => influx::prepare(self),
            Format::RemoteWrite => {
                remote_write::prepare(self);
                out.push(|out| remote_write::write_host(self, out, now_ms));
            }
        }
    }

    /// Writes a record for each dimension of a chart that has something to tell: as collected, what was
    /// collected since `since_s`; else what its window holds.
    pub fn chart(&mut self, out: &mut Records, chart: &Chart<'_>, since_s: i64) {
        let time_ms = match (self.options.source, chart.window()) {
            (Source::AsCollected, _) if chart.collected_us() < since_s.saturating_mul(1_000_000) => return,
            (Source::AsCollected, _) => chart.collected_us() / 1_000,
            (_, Some((_, before_s))) => before_s * 1_000,
            (_, None) => return,
        };
        let mut is_led = false;
        for dimension in chart.dimensions() {
            let Some(value) = self.value(&dimension) else { continue };
            if !mem::replace(&mut is_led, true) {
                self.lead(chart, time_ms.div_euclid(1_000));
            }
            out.push(|out| self.write(out, &dimension, value, time_ms));
        }
    }

    fn value(&self, dimension: &Dimension<'_>) -> Option<Value> {
        match self.options.source {
            Source::AsCollected => dimension.collected().map(Value::Collected),
            Source::Average => dimension.average().filter(|value| value.is_finite()).map(Value::Stored),
            Source::Sum => dimension.sum().filter(|value| value.is_finite()).map(Value::Stored),
        }
    }

    /// Makes what the records of a chart share.
    fn lead(&mut self, chart: &Chart<'_>, time_s: i64) {
        self.head.clear();
        self.tail.clear();
        self.end.clear();
        match self.options.format {
            Format::Graphite => graphite::lead(self, chart, time_s),
            Format::OpenTsdb => opentsdb::lead(self, chart, time_s),
            Format::OpenTsdbObjects => opentsdb::lead_objects(self, chart, time_s),
            Format::Json => json::lead(self, chart, time_s),
            Format::Influx => influx::lead(self, chart, time_s),
            Format::RemoteWrite => remote_write::lead(self, chart),
        }
    }

    fn write(&mut self, out: &mut Vec<u8>, dimension: &Dimension<'_>, value: Value, time_ms: i64) {
        match self.options.format {
            Format::Graphite => graphite::write(self, out, dimension, value),
            Format::OpenTsdb | Format::OpenTsdbObjects => opentsdb::write(self, out, dimension, value),
            Format::Json => json::write(self, out, dimension, value),
            Format::Influx => influx::write(self, out, dimension, value),
            Format::RemoteWrite => remote_write::write(self, out, dimension, value, time_ms),
        }
    }

    fn chart_name<'a>(&self, chart: &Chart<'a>) -> &'a str {
        if self.options.names { chart.name() } else { chart.id() }
    }

    fn dimension_name<'a>(&self, dimension: &Dimension<'a>) -> &'a str {
        if self.options.names { dimension.name() } else { dimension.id() }
    }
}

impl Value {
    fn write(self, out: &mut Vec<u8>) {
        match self {
            Self::Collected(value) => write_int(out, value),
            Self::Stored(value) => write_fixed(out, value),
        }
    }
}

/// Bytes of a part of a name at most.
const PART_BYTES_MAX: usize = 1_200;

/// Appends a chart or a dimension as Graphite and OpenTSDB want it: what is neither letter, digit nor dot
/// becomes `_`, byte by byte.
fn write_part(out: &mut Vec<u8>, text: &str) {
    let bytes = text.bytes().take(PART_BYTES_MAX);
    out.extend(bytes.map(|byte| if byte.is_ascii_alphanumeric() || byte == b'.' { byte } else { b'_' }));
}

/// Appends a text with `_` for what is bad.
fn write_without(out: &mut Vec<u8>, text: &str, is_bad: impl Fn(char) -> bool) {
    let characters = text.chars().map(|c| if is_bad(c) { '_' } else { c });
    characters.for_each(|c| out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()));
}

/// Appends a text within the quotes of JSON.
fn write_json(out: &mut Vec<u8>, text: &str) {
    let is_plain = |byte: u8| byte >= b' ' && !matches!(byte, b'"' | b'\\' | 0x7f);
    if text.bytes().all(is_plain) {
        return out.extend_from_slice(text.as_bytes());
    }
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend_from_slice(&[b'\\', character as u8]),
            character if character < ' ' || character == '\u{7f}' => out.push(b'_'),
            character => out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests;
