//! Charts of counters that files name, and the latest value of each.
//!
//! A table says which charts there are; here lie their values, a slot per dimension, which the
//! readers of the files fill by name once and by slot from then on. A chart appears when one of its
//! counters is not zero.

use std::ops::Range;

use crate::charts::{Batch, Chart, Form, Owner};

/// The number of a value.
pub(crate) type Slot = u16;

/// A chart of a table.
#[derive(Debug)]
pub(crate) struct Counted {
    form: Form,
    /// The group that the counters stand in.
    group: &'static str,
    /// Dimensions whose group or counter is another: id, group, counter.
    elsewhere: &'static [(&'static str, &'static str, &'static str)],
    /// How many dimensions, from the first, make the chart appear.
    shown_by: usize,
    /// Whether it appears together with the chart before it.
    with_previous: bool,
    /// Whether values count pages: the owner's factor is the size of one.
    in_pages: bool,
}

/// A chart whose dimensions' ids are names of counters in `group`.
pub(crate) const fn counted(group: &'static str, form: Form) -> Counted {
    Counted { shown_by: form.dimensions.len(), form, group, elsewhere: &[], with_previous: false, in_pages: false }
}

impl Counted {
    /// The same that only the first `count` dimensions make appear.
    pub(crate) const fn shown_by(self, count: usize) -> Self {
        Self { shown_by: count, ..self }
    }

    /// The same with counters from elsewhere.
    pub(crate) const fn from(self, elsewhere: &'static [(&'static str, &'static str, &'static str)]) -> Self {
        Self { elsewhere, ..self }
    }

    /// The same that appears together with the chart before it.
    pub(crate) const fn with_previous(self) -> Self {
        Self { with_previous: true, ..self }
    }

    /// The same counted in pages.
    pub(crate) const fn in_pages(self) -> Self {
        Self { in_pages: true, ..self }
    }

    fn counter(&self, id: &'static str) -> (&'static str, &'static str) {
        let other = self.elsewhere.iter().find(|(dimension, ..)| *dimension == id);
        other.map_or((self.group, id), |&(_, group, counter)| (group, counter))
    }
}

/// The charts of a table and their values.
#[derive(Debug)]
pub(crate) struct Counters {
    charts: Vec<Entry>,
    names: Vec<(&'static str, &'static str)>,
    values: Vec<i64>,
}

#[derive(Debug)]
struct Entry {
    counted: &'static Counted,
    chart: Chart,
    slots: Range<usize>,
}

impl Counters {
    /// All charts of a table, all values zero.
    pub(crate) fn new(table: &'static [Counted]) -> Self {
        let mut names = Vec::new();
        let charts = table.iter().map(|counted| {
            let first = names.len();
            names.extend(counted.form.dimensions.iter().map(|dimension| counted.counter(dimension.id)));
            Entry { counted, chart: Chart::new(&counted.form), slots: first..names.len() }
        });
        let charts = charts.collect();
        let values = vec![0; names.len()];
        Self { charts, names, values }
    }

    /// The slot of a counter that some chart shows.
    pub(crate) fn slot(&self, group: &[u8], counter: &[u8]) -> Option<Slot> {
        let is = |(its, name): &(&str, &str)| its.as_bytes() == group && name.as_bytes() == counter;
        self.names.iter().position(is).map(|at| at as Slot)
    }

    /// The slot of a counter whose group is written right before its name.
    pub(crate) fn slot_of_whole(&self, name: &[u8]) -> Option<Slot> {
        let is = |(group, counter): &(&str, &str)| name.strip_prefix(group.as_bytes()) == Some(counter.as_bytes());
        self.names.iter().position(is).map(|at| at as Slot)
    }

    /// Begins a reading: what it does not bring is zero.
    pub(crate) fn begin(&mut self) {
        self.values.fill(0);
    }

    /// Sets a value.
    pub(crate) fn set(&mut self, slot: Slot, value: i64) {
        self.values[usize::from(slot)] = value;
    }

    /// Hands over the rows of all charts that have appeared.
    pub(crate) fn write(&mut self, batch: &mut Batch<'_>, owner: &Owner, page_owner: &Owner) {
        let mut shows = false;
        for Entry { counted, chart, slots } in &mut self.charts {
            let values = &self.values[slots.clone()];
            let owner = if counted.in_pages { page_owner } else { owner };
            shows = shows && counted.with_previous || values[..counted.shown_by].iter().any(|&value| value != 0);
            batch.row_once(shows, chart, owner, values);
        }
    }

    #[cfg(test)]
    pub(crate) fn value(&self, group: &str, counter: &str) -> i64 {
        self.values[usize::from(self.slot(group.as_bytes(), counter.as_bytes()).unwrap())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No counter is wanted by two charts of a table: a reading would fill the first only.
    #[test]
    fn counters_belong_to_one_chart() {
        use crate::kernel::{ip_charts, ip6_charts, sctp, sockstat};
        for table in [ip_charts::CHARTS, ip6_charts::CHARTS, sockstat::CHARTS, sctp::CHARTS] {
            let counters = Counters::new(table);
            for (at, name) in counters.names.iter().enumerate() {
                assert!(!counters.names[..at].contains(name), "{name:?}");
                let whole = [name.0.as_bytes(), name.1.as_bytes()].concat();
                assert_eq!(counters.slot_of_whole(&whole), Some(at as Slot), "{name:?}");
            }
        }
    }
}
