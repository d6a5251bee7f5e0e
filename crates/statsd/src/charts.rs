//! The chart of a metric, as Netdata's statsd names it: type `statsd_` and the first word of the name, then its
//! rest and the kind.

use row::{Algorithm, ChartDefinition, ChartOptions, ChartSlot, ChartType, DimensionDefinition, DimensionIndex, Label};
use rrd_store::{DefineError, Elapsed, LABELS_MAX, Writer};
use tracing::warn;

use crate::line::{Kind, Line};
use crate::metrics::DECIMALS;

const PLUGIN: &str = "statsd.plugin";
const MODULE: &str = "private_chart";
const PRIORITY: i32 = 90_000;
/// Tags that say how a chart is shown.
const UNITS: &str = "units";
const FAMILY: &str = "family";
const NAME: &str = "name";
/// Bytes of a tag's value.
const TAG_BYTES_MAX: usize = 200;

/// What all metrics of a kind have in common.
struct Form {
    word: &'static str,
    family: &'static str,
    units: &'static str,
    chart_type: ChartType,
    algorithm: Algorithm,
    divisor: i32,
    /// Ids and names.
    dimensions: &'static [(&'static str, &'static str)],
}

const SUMMARY: &[(&str, &str)] =
    &[("min", ""), ("max", ""), ("average", ""), ("95.0%", ""), ("median", ""), ("stddev", "")];
const THOUSAND: i32 = DECIMALS as i32;

const fn form(kind: Kind) -> Form {
    use Algorithm::{Absolute, Incremental};
    use ChartType::{Area, Line, Stacked};
    let (word, family, units, chart_type, algorithm, divisor, dimensions): (_, _, _, _, _, _, &[_]) = match kind {
        Kind::Gauge => ("gauge", "gauges", "value", Line, Absolute, THOUSAND, &[("gauge", "")]),
        Kind::Counter => ("counter", "counters", "events/s", Area, Incremental, 1, &[("counter", "")]),
        Kind::Meter => ("meter", "meters", "events/s", Area, Incremental, 1, &[("meter", "")]),
        Kind::Timer => ("timer", "timers", "milliseconds", Area, Absolute, THOUSAND, SUMMARY),
        Kind::Histogram => ("histogram", "histograms", "value", Area, Absolute, THOUSAND, SUMMARY),
        Kind::Set => ("set", "sets", "entries", Line, Absolute, 1, &[("set", "unique")]),
        Kind::Dictionary => ("dictionary", "dictionaries", "events/s", Stacked, Incremental, 1, &[]),
    };
    Form { word, family, units, chart_type, algorithm, divisor, dimensions }
}

/// The chart of one metric.
pub(crate) struct Chart {
    id: Box<str>,
    title: Box<str>,
    kind: Kind,
    update_every_s: u32,
    units: Option<Box<str>>,
    family: Option<Box<str>>,
    /// The name of its dimension.
    name: Option<Box<str>>,
    labels: Vec<(Box<str>, Box<str>)>,
    slot: Option<ChartSlot>,
    is_refused: bool,
    indexes: Vec<DimensionIndex>,
}

/// The dimensions of a row.
#[derive(Clone, Copy)]
pub(crate) enum Dimensions<'a> {
    /// Those of the metric's kind.
    OfKind,
    /// One for each word.
    Words(&'a [(Box<str>, i64)]),
}

impl Chart {
    /// The chart of the metric that a line is of.
    pub(crate) fn new(line: &Line<'_>, name: &str, update_every_s: u32, with_labels: bool) -> Self {
        let id = id(name, line.kind);
        let text = |value: &[u8]| -> Box<str> {
            String::from_utf8_lossy(&value[..value.len().min(TAG_BYTES_MAX)]).as_ref().into()
        };
        let is_own = |name: &[u8]| [UNITS, FAMILY, NAME].iter().any(|known| known.as_bytes() == name);
        let labels = line.tags().filter(|(name, _)| with_labels && !is_own(name)).take(LABELS_MAX / 4);
        Self {
            title: format!("statsd private chart for {} {name}", form(line.kind).word).into(),
            id: id.into(),
            kind: line.kind,
            update_every_s,
            units: line.tag(UNITS).map(text),
            family: line.tag(FAMILY).map(text),
            name: line.tag(NAME).map(text),
            labels: labels.map(|(name, value)| (text(name), text(value))).collect(),
            slot: None,
            is_refused: false,
            indexes: Vec::new(),
        }
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Its place is to be asked for again.
    pub(crate) fn forget(&mut self) {
        self.slot = None;
        self.indexes.clear();
    }

    /// Its collection stopped.
    pub(crate) fn obsolete(&self, writer: &mut Writer<'_>) {
        if let Some(slot) = self.slot {
            writer.set_chart_obsolete(slot);
        }
    }

    /// Writes a row; what is not defined is, first.
    pub(crate) fn row(&mut self, writer: &mut Writer<'_>, dimensions: Dimensions<'_>, values: &[i64]) {
        if self.is_refused {
            return;
        }
        if let Err(error) = self.define(writer, dimensions, values.len()) {
            self.is_refused = true;
            return warn!("statsd: chart {} is left out: {error}", self.id);
        }
        let Some(slot) = self.slot else { return };
        writer.begin(slot);
        for (&index, &value) in self.indexes.iter().zip(values) {
            writer.set(index, value);
        }
        writer.end(Elapsed::Clock);
    }

    fn define(&mut self, writer: &mut Writer<'_>, dimensions: Dimensions<'_>, count: usize) -> Result<(), DefineError> {
        let form = form(self.kind);
        let slot = match self.slot {
            Some(slot) => slot,
            None => self.define_chart(writer, &form)?,
        };
        self.slot = Some(slot);
        for at in self.indexes.len()..count {
            let (id, name) = match dimensions {
                Dimensions::Words(words) => (&*words[at].0, ""),
                Dimensions::OfKind => form.dimensions[at],
            };
            let index = writer.define_dimension(
                slot,
                &DimensionDefinition {
                    id,
                    name: self.name.as_deref().filter(|_| count == 1).unwrap_or(name),
                    algorithm: form.algorithm,
                    divisor: form.divisor,
                    ..DimensionDefinition::default()
                },
            )?;
            self.indexes.push(index);
        }
        Ok(())
    }

    fn define_chart(&self, writer: &mut Writer<'_>, form: &Form) -> Result<ChartSlot, DefineError> {
        let slot = writer.define_chart(&ChartDefinition {
            id: &self.id,
            title: &self.title,
            units: self.units.as_deref().unwrap_or(form.units),
            family: self.family.as_deref().unwrap_or(form.family),
            chart_type: form.chart_type,
            priority: PRIORITY,
            update_every_s: self.update_every_s,
            options: ChartOptions::STORE_FIRST,
            plugin: PLUGIN,
            module: MODULE,
            ..ChartDefinition::default()
        })?;
        let own = [("_collect_plugin", PLUGIN), ("_collect_module", MODULE)];
        let own = own.map(|(name, value)| Label { name, value, source: Label::AUTOMATIC });
        let sent = self.labels.iter().map(|(name, value)| Label { name, value, source: Label::AUTOMATIC });
        let labels: Vec<_> = own.into_iter().chain(sent).collect();
        writer.set_chart_labels(slot, &labels);
        Ok(slot)
    }
}

/// The id of a metric's chart.
fn id(name: &str, kind: Kind) -> String {
    let kind = form(kind).word;
    match name.split_once(['.', '_']) {
        Some((first, rest)) => format!("statsd_{}.{}_{kind}", sane(first), sane(rest)),
        None => format!("statsd_{}.{kind}", sane(name)),
    }
}

/// A name as ids have it.
fn sane(name: &str) -> String {
    let letter = |letter: char| match letter {
        'a'..='z' | '0'..='9' | '.' | '-' | '_' => letter,
        'A'..='Z' => letter.to_ascii_lowercase(),
        _ => '_',
    };
    name.chars().map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: ids are those that Netdata 1.37.1 was seen to make of these names.
    #[test]
    fn ids() {
        for (name, kind, expected) in [
            (".lead", Kind::Gauge, "statsd_.lead_gauge"),
            ("a.b.c.d", Kind::Gauge, "statsd_a.b.c.d_gauge"),
            ("app.x.y_z-w", Kind::Gauge, "statsd_app.x.y_z-w_gauge"),
            ("bare", Kind::Meter, "statsd_bare.meter"),
            ("my_app.m", Kind::Meter, "statsd_my.app.m_meter"),
            ("nodot_under", Kind::Counter, "statsd_nodot.under_counter"),
            ("Upper.Case", Kind::Counter, "statsd_upper.case_counter"),
            ("we ird/na-me.x y", Kind::Gauge, "statsd_we_ird_na-me.x_y_gauge"),
            ("app.d", Kind::Dictionary, "statsd_app.d_dictionary"),
        ] {
            assert_eq!(id(name, kind), expected, "{name}");
        }
    }
}
