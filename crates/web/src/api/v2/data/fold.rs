//! Groups: values of many dimensions become few columns.

use std::collections::{BTreeSet, HashMap};

use row::Guid;
use rrd_store::ChartView;
use rrd_store::query::{Answer, Column, VALUES_MAX};

use super::Refusal;
use super::ask::{Aggregation, Ask, GroupBy};
use super::summary::{Stats, Summary};

/// What stands for a label that a chart does not have.
const UNSET: &str = "[unset]";

/// What is told of a chart that takes part.
#[derive(Debug)]
pub(super) struct Chart {
    pub(super) node: usize,
    pub(super) id: String,
    pub(super) name: String,
    pub(super) context: String,
    pub(super) title: String,
    pub(super) units: String,
    pub(super) chart_type: &'static str,
    pub(super) priority: i32,
    pub(super) labels: Vec<(String, String)>,
}

/// All groups, and what took part in them.
#[derive(Debug)]
pub(super) struct Fold {
    pub(super) groups: Vec<Group>,
    places: HashMap<String, usize>,
    pub(super) summary: Summary,
    pub(super) title: String,
    pub(super) chart_types: BTreeSet<&'static str>,
    pub(super) units: BTreeSet<String>,
    pub(super) update_every_s: u32,
    pub(super) first_s: i64,
    pub(super) last_s: i64,
    /// Stored values that were read, about.
    pub(super) reads: u64,
    points: usize,
}

/// A column of the answer.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) units: String,
    pub(super) priority: i32,
    /// Dimensions that are in it.
    pub(super) members: u32,
    pub(super) stats: Stats,
    /// One per row, oldest first.
    pub(super) cells: Vec<Cell>,
}

/// A value in the making.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cell {
    value: f64,
    count: u32,
}

impl Chart {
    pub(super) fn of(node: usize, chart: &ChartView<'_>) -> Self {
        let definition = chart.definition();
        Self {
            node,
            id: definition.id.into(),
            name: chart.name().into(),
            context: definition.context.into(),
            title: definition.title.into(),
            units: definition.units.into(),
            chart_type: definition.chart_type.word(),
            priority: definition.priority,
            labels: chart.labels().map(|label| (label.name.into(), label.value.into())).collect(),
        }
    }

    fn label(&self, key: &str) -> &str {
        self.labels.iter().find(|(name, _)| name == key).map_or(UNSET, |(_, value)| value)
    }
}

impl Fold {
    pub(super) fn new(ask: &Ask) -> Self {
        Self {
            groups: Vec::new(),
            places: HashMap::new(),
            summary: Summary::default(),
            title: String::new(),
            chart_types: BTreeSet::new(),
            units: BTreeSet::new(),
            update_every_s: 0,
            first_s: 0,
            last_s: 0,
            reads: 0,
            points: ask.points,
        }
    }

    /// Charts that took part so far.
    pub(super) fn charts(&self) -> usize {
        self.summary.instances.len()
    }

    /// Adds the rows of a chart.
    pub(super) fn add(
        &mut self,
        ask: &Ask,
        chart: Chart,
        host: &str,
        guid: &Guid,
        rows: &Answer,
    ) -> Result<(), Refusal> {
        if rows.window.points != self.points {
            return Err(format!("{} of {host} has too many values: ask for fewer points or dimensions.", chart.id));
        }
        self.note(&chart, rows);
        let width = rows.columns.len();
        let read = (rows.window.before_s - rows.window.after_s).max(0) / i64::from(rows.update_every_s.max(1));
        self.reads += read as u64 * width as u64;
        let values = rows.values();
        let mut of_chart = Vec::with_capacity(width);
        for (place, column) in rows.columns.iter().enumerate() {
            let group = self.group(ask, &chart, (host, guid), column)?;
            let mut stats = Stats::default();
            for (row, cell) in group.cells.iter_mut().enumerate() {
                let value = values.get(row * width + place);
                if !value.is_nan() {
                    cell.add(value, ask.aggregation);
                    stats.add(value);
                }
            }
            group.members += 1;
            group.stats.absorb(stats);
            of_chart.push((column.id.to_string(), column.name.to_string(), stats));
        }
        self.summary.add(chart, host, guid, of_chart);
        Ok(())
    }

    fn note(&mut self, chart: &Chart, rows: &Answer) {
        let least = |known: i64, new: i64| if known == 0 { new } else { known.min(new) };
        if self.title.is_empty() {
            self.title.clone_from(&chart.title);
        }
        self.update_every_s = least(i64::from(self.update_every_s), i64::from(rows.update_every_s)) as u32;
        self.first_s = least(self.first_s, rows.first_s);
        self.last_s = self.last_s.max(rows.last_s);
        self.chart_types.insert(chart.chart_type);
        if !self.units.contains(&chart.units) {
            self.units.insert(chart.units.clone());
        }
    }

    /// The group that a dimension belongs to, made where it is not there yet.
    fn group(&mut self, ask: &Ask, chart: &Chart, host: (&str, &Guid), column: &Column) -> Result<&mut Group, Refusal> {
        let (id, name) = key(ask, chart, host, column);
        if let Some(&place) = self.places.get(&id) {
            return Ok(&mut self.groups[place]);
        }
        if (self.groups.len() + 1) * self.points > VALUES_MAX {
            return Err(format!("There are more than {VALUES_MAX} values: ask for fewer points, or group by less."));
        }
        let place = self.groups.len();
        self.places.insert(id.clone(), place);
        self.groups.push(Group {
            id,
            name,
            units: chart.units.clone(),
            priority: chart.priority,
            members: 0,
            stats: Stats::default(),
            cells: vec![Cell::default(); self.points],
        });
        Ok(&mut self.groups[place])
    }
}

/// What a group is called: an id and a name.
fn key(ask: &Ask, chart: &Chart, (host, guid): (&str, &Guid), column: &Column) -> (String, String) {
    if ask.group_by.is_empty() {
        return ("selected".into(), "selected".into());
    }
    let (mut ids, mut names) = (Vec::new(), Vec::new());
    for by in &ask.group_by {
        let (id, name) = match by {
            GroupBy::Dimension => (column.id.to_string(), column.name.to_string()),
            GroupBy::Instance => (format!("{}@{guid}", chart.id), format!("{}@{host}", chart.name)),
            GroupBy::Label => {
                let values = ask.group_by_labels.iter().map(|label| chart.label(label)).collect::<Vec<_>>().join(",");
                (values.clone(), values)
            }
            GroupBy::Node => (guid.to_string(), host.into()),
            GroupBy::Context => (chart.context.clone(), chart.context.clone()),
            GroupBy::Units => (chart.units.clone(), chart.units.clone()),
        };
        ids.push(id);
        names.push(name);
    }
    (ids.join(","), names.join(","))
}

impl Cell {
    fn add(&mut self, value: f64, aggregation: Aggregation) {
        self.value = match aggregation {
            _ if self.count == 0 => value,
            Aggregation::Average | Aggregation::Sum | Aggregation::Percentage => self.value + value,
            Aggregation::Min => self.value.min(value),
            Aggregation::Max => self.value.max(value),
            Aggregation::Extremes if value.abs() > self.value.abs() => value,
            Aggregation::Extremes => self.value,
        };
        self.count += 1;
    }

    /// The value, of which all groups of the row sum up to `total`; not a number where there is none.
    pub(super) fn value(self, aggregation: Aggregation, total: f64) -> f64 {
        match aggregation {
            _ if self.count == 0 => f64::NAN,
            Aggregation::Average => self.value / f64::from(self.count),
            Aggregation::Percentage if total == 0.0 => 0.0,
            Aggregation::Percentage => 100.0 * self.value / total,
            _ => self.value,
        }
    }

    /// What it adds to the sum of its row.
    pub(super) const fn share(self) -> f64 {
        self.value.abs()
    }

    /// How many values are in it.
    pub(super) const fn count(self) -> u32 {
        self.count
    }
}
