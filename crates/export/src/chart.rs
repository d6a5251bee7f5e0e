//! Charts as a walk copies them: all texts in one buffer, all dimensions in another, so that a thousand
//! charts cost no more allocations than one.

use std::ops::Range;

use row::{Algorithm, DimensionOptions, Packed};
use rrd_store::{ChartView, Snapshot};

/// Charts that were copied together.
#[derive(Debug, Default)]
pub(crate) struct Copies {
    pub(crate) texts_of: Texts,
    texts: String,
    charts: Vec<Record>,
    dimensions: Vec<DimensionRecord>,
    labels: Vec<(Text, Text)>,
    rows: Vec<u32>,
}

/// Which texts are copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Texts {
    /// Ids and names; all others are empty.
    Names,
    /// All.
    #[default]
    All,
}

/// A text within the others.
type Text = Range<u32>;

#[derive(Debug)]
struct Record {
    group: u32,
    id: Text,
    name: Text,
    context: Text,
    family: Text,
    units: Text,
    title: Text,
    module: Text,
    last_s: i64,
    collected_us: i64,
    dimensions: Range<u32>,
    labels: Range<u32>,
    window: Option<(i64, i64)>,
    rows: Rows,
}

/// The rows of a window.
#[derive(Debug)]
enum Rows {
    None,
    /// Packed numbers within those of the others, so many a row.
    Copied(Range<u32>, u32),
    Taken(Box<Snapshot>),
}

#[derive(Debug)]
struct DimensionRecord {
    id: Text,
    name: Text,
    algorithm: Algorithm,
    multiplier: i32,
    divisor: i32,
    options: DimensionOptions,
    collected: Option<i64>,
    stored: Packed,
    sum: f64,
    count: u32,
}

impl Copies {
    pub(crate) fn clear(&mut self) {
        self.texts.clear();
        self.charts.clear();
        self.dimensions.clear();
        self.labels.clear();
        self.rows.clear();
    }

    /// Copies a chart, and the rows of a window. Is called under the host's lock.
    pub(crate) fn take(&mut self, chart: &ChartView<'_>, group: u32, window: Option<(i64, i64)>) {
        let definition = chart.definition();
        let every_s = i64::from(chart.update_every_s());
        let rows = window.map_or(Rows::None, |window| self.rows(chart, every_s, window));
        let id = self.text(chart.id());
        let record = Record {
            group,
            name: self.text_or(definition.name, &id),
            id,
            context: self.told(definition.context),
            family: self.told(definition.family),
            units: self.told(definition.units),
            title: self.told(definition.title),
            module: self.told(definition.module),
            last_s: chart.last_s(),
            collected_us: chart.state().collected_us,
            dimensions: self.take_dimensions(chart),
            labels: self.take_labels(chart),
            window,
            rows,
        };
        self.charts.push(record);
    }

    fn rows(&mut self, chart: &ChartView<'_>, every_s: i64, (first_s, last_s): (i64, i64)) -> Rows {
        match chart.open_rows(first_s - every_s, last_s) {
            Some((rows, width)) => {
                let begin = self.rows.len() as u32;
                self.rows.extend_from_slice(rows);
                Rows::Copied(begin..self.rows.len() as u32, width as u32)
            }
            None => Rows::Taken(Box::new(chart.snapshot(first_s - every_s, last_s))),
        }
    }

    fn take_dimensions(&mut self, chart: &ChartView<'_>) -> Range<u32> {
        let begin = self.dimensions.len() as u32;
        for (index, dimension) in (0..).zip(chart.dimensions()) {
            let state = chart.dimension_state(index);
            let id = self.text(dimension.id);
            let record = DimensionRecord {
                name: self.text_or(dimension.name, &id),
                id,
                algorithm: dimension.algorithm,
                multiplier: dimension.multiplier,
                divisor: dimension.divisor,
                options: dimension.options,
                collected: state.filter(|state| state.is_based).map(|state| state.collected),
                stored: state.map_or(Packed::EMPTY, |state| state.stored),
                sum: 0.0,
                count: 0,
            };
            self.dimensions.push(record);
        }
        begin..self.dimensions.len() as u32
    }

    /// Labels that somebody gave the chart; those of the collector begin with `_`.
    fn take_labels(&mut self, chart: &ChartView<'_>) -> Range<u32> {
        let begin = self.labels.len() as u32;
        if self.texts_of == Texts::Names {
            return begin..begin;
        }
        for label in chart.labels().filter(|label| !label.name.starts_with('_')) {
            let pair = (self.text(label.name), self.text(label.value));
            self.labels.push(pair);
        }
        begin..self.labels.len() as u32
    }

    /// What somebody is told who wants more than names.
    fn told(&mut self, text: &str) -> Text {
        self.text(if self.texts_of == Texts::All { text } else { "" })
    }

    /// A name, or the id where there is none.
    fn text_or(&mut self, name: &str, id: &Text) -> Text {
        if name.is_empty() { id.clone() } else { self.text(name) }
    }

    fn text(&mut self, text: &str) -> Text {
        let begin = self.texts.len() as u32;
        self.texts.push_str(text);
        begin..self.texts.len() as u32
    }

    /// Sums up the rows of all windows.
    pub(crate) fn fold(&mut self) {
        for chart in &self.charts {
            let dimensions = &mut self.dimensions[chart.dimensions.start as usize..chart.dimensions.end as usize];
            match &chart.rows {
                Rows::None => {}
                Rows::Copied(rows, width) => {
                    let rows = &self.rows[rows.start as usize..rows.end as usize];
                    for row in rows.chunks_exact((*width).max(1) as usize) {
                        dimensions.iter_mut().zip(row).for_each(|(one, &bits)| one.add(Packed::from_bits(bits)));
                    }
                }
                Rows::Taken(rows) => rows.values(|index, value| {
                    if let Some(one) = dimensions.get_mut(index) {
                        one.add(value);
                    }
                }),
            }
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Chart<'_>> {
        self.charts.iter().map(|record| Chart { copies: self, record })
    }

    fn get(&self, text: &Text) -> &str {
        &self.texts[text.start as usize..text.end as usize]
    }
}

impl DimensionRecord {
    fn add(&mut self, value: Packed) {
        if !value.is_empty() {
            self.sum += value.unpack();
            self.count += 1;
        }
    }
}

/// A chart that was copied.
#[derive(Debug, Clone, Copy)]
pub struct Chart<'a> {
    copies: &'a Copies,
    record: &'a Record,
}

/// A dimension of it.
#[derive(Debug, Clone, Copy)]
pub struct Dimension<'a> {
    copies: &'a Copies,
    record: &'a DimensionRecord,
}

impl<'a> Chart<'a> {
    /// Charts of one context, and no others, have the same number within a walk that goes by context.
    #[must_use]
    pub fn group(&self) -> u32 {
        self.record.group
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &'a str {
        self.copies.get(&self.record.id)
    }

    /// Its name, or its id where it has none.
    #[must_use]
    pub fn name(&self) -> &'a str {
        self.copies.get(&self.record.name)
    }

    /// What kind of chart it is.
    #[must_use]
    pub fn context(&self) -> &'a str {
        self.copies.get(&self.record.context)
    }

    /// Its family; where it has none, what its id begins with.
    #[must_use]
    pub fn family(&self) -> &'a str {
        match self.copies.get(&self.record.family) {
            "" => self.id().split('.').next().unwrap_or_default(),
            family => family,
        }
    }

    /// Its units.
    #[must_use]
    pub fn units(&self) -> &'a str {
        self.copies.get(&self.record.units)
    }

    /// Its title.
    #[must_use]
    pub fn title(&self) -> &'a str {
        self.copies.get(&self.record.title)
    }

    /// The module that collects it.
    #[must_use]
    pub fn module(&self) -> &'a str {
        self.copies.get(&self.record.module)
    }

    /// Whether it was scraped from a Prometheus exporter, whose metrics are told as they were.
    #[must_use]
    pub fn is_scraped(&self) -> bool {
        self.module() == "prometheus"
    }

    /// The second of its newest row; 0 without one.
    #[must_use]
    pub fn last_s(&self) -> i64 {
        self.record.last_s
    }

    /// When it was collected last, in microseconds; 0 if never.
    #[must_use]
    pub fn collected_us(&self) -> i64 {
        self.record.collected_us
    }

    /// The first and the last second that sums are of; `None` where nothing was asked for, or nothing is there.
    #[must_use]
    pub fn window(&self) -> Option<(i64, i64)> {
        self.record.window
    }

    /// Its dimensions in their order, without those that left.
    pub fn dimensions(&self) -> impl Iterator<Item = Dimension<'a>> + use<'a> {
        let (copies, range) = (self.copies, &self.record.dimensions);
        let all = &copies.dimensions[range.start as usize..range.end as usize];
        let alive = all.iter().filter(|record| !record.options.has(DimensionOptions::OBSOLETE));
        alive.map(move |record| Dimension { copies, record })
    }

    /// Names and values of the labels that somebody gave it.
    pub fn labels(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let (copies, range) = (self.copies, &self.record.labels);
        let labels = &copies.labels[range.start as usize..range.end as usize];
        labels.iter().map(move |(name, value)| (copies.get(name), copies.get(value)))
    }

    /// Whether all dimensions are collected alike: by the same algorithm, and in the same unit. As at
    /// Netdata, a first dimension that is shown upside down is like no other.
    #[must_use]
    pub fn is_alike(&self) -> bool {
        let mut dimensions = self.dimensions().map(|dimension| dimension.record);
        let Some(first) = dimensions.next() else { return true };
        let is_like = |other: &DimensionRecord| {
            other.algorithm == first.algorithm
                && i64::from(other.multiplier).abs() == i64::from(first.multiplier)
                && i64::from(other.divisor).abs() == i64::from(first.divisor)
        };
        is_like(first) && dimensions.all(is_like)
    }
}

impl<'a> Dimension<'a> {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> &'a str {
        self.copies.get(&self.record.id)
    }

    /// Its name, or its id where it has none.
    #[must_use]
    pub fn name(&self) -> &'a str {
        self.copies.get(&self.record.name)
    }

    /// Whether it is not shown.
    #[must_use]
    pub fn is_hidden(&self) -> bool {
        self.record.options.has(DimensionOptions::HIDDEN)
    }

    /// Whether its collected values only grow.
    #[must_use]
    pub fn is_counter(&self) -> bool {
        matches!(self.record.algorithm, Algorithm::Incremental | Algorithm::PercentageOfIncrementalRow)
    }

    /// A collected value as its multiplier and divisor have it.
    #[must_use]
    pub fn scaled(&self, collected: i64) -> f64 {
        let (multiplier, divisor) = self.scale();
        collected as f64 * f64::from(multiplier) / f64::from(divisor)
    }

    /// Collected values are multiplied by this, and divided by the second.
    #[must_use]
    pub fn scale(&self) -> (i32, i32) {
        (self.record.multiplier, self.record.divisor)
    }

    /// The newest collected value; `None` before the first.
    #[must_use]
    pub fn collected(&self) -> Option<i64> {
        self.record.collected
    }

    /// The newest stored value; empty where its last row had none.
    #[must_use]
    pub fn stored(&self) -> Packed {
        self.record.stored
    }

    /// The sum of the stored values of the window; `None` where there is none.
    #[must_use]
    pub fn sum(&self) -> Option<f64> {
        (self.record.count > 0).then_some(self.record.sum)
    }

    /// Their average.
    #[must_use]
    pub fn average(&self) -> Option<f64> {
        self.sum().map(|sum| sum / f64::from(self.record.count))
    }
}
