//! Folding: one pass over the blocks of each chart, from points to the rows of an answer.
//!
//! ```text
//! snapshot ─ run of points of one dimension ─> lane (state of its row in progress) ─> sheet
//! ```
//!
//! Runs of a dimension come in the order of time, so a lane knows one row at a time; no list of
//! points is made. Rows of a single stored point each are copied as they are.

use row::Packed;

use super::answer::{Column, Table};
use super::group::{Condition, Group, share};
use super::method::{Average, CountIf, Deviation, Extreme, Increment, Method, Points, Smoothing, Sorted, Sum};
use super::select::Picked;
use super::sources::{Part, Source, Sources};
use super::window::Window;
use super::{Options, Query};
use crate::snapshot::Run;
use crate::tier::Summary;

/// Bytes that methods which keep a row's points may take; more dimensions are folded in turns.
const POINTS_BYTES_MAX: usize = 64 * 1024 * 1024;
/// In place of a column: a dimension that only counts for the total.
const NOT_SHOWN: usize = usize::MAX;
/// The bit of a stored number that makes it negative.
const SIGN: u32 = 0x8000_0000;
const NO_ROW: usize = usize::MAX;

/// Where values go: the answer in the making.
pub(super) struct Sheet {
    window: Window,
    width: usize,
    options: Options,
    table: Table,
    /// With percentages: the total of each row.
    totals: Vec<f64>,
    /// Between stored points not all values are needed: one per point and row.
    coarse: bool,
}

/// What is known of one dimension while it is folded.
struct Lane<S> {
    column: usize,
    row: usize,
    state: S,
    is_zero: bool,
    /// The stored value before, and its second.
    previous: f64,
    previous_s: i64,
}

impl Sheet {
    /// An empty sheet. `stored` keeps single points as they are stored.
    pub(super) fn new(window: Window, width: usize, options: Options, stored: bool, coarse: bool) -> Self {
        let count = window.points * width;
        let table =
            if stored { Table::Stored(vec![Packed::EMPTY; count]) } else { Table::Computed(vec![f64::NAN; count]) };
        let totals = vec![0.0; if options.percentage { window.points } else { 0 }];
        Self { window, width, options, table, totals, coarse }
    }

    /// Whether the rows of charts whose points are `every_s` apart may stay as they are stored.
    pub(super) fn may_be_stored(query: &Query<'_>, window: &Window, every_s: impl IntoIterator<Item = i64>) -> bool {
        window.group == 1
            && window.divisor.is_none()
            && !query.options.percentage
            && query.group.keeps_single_points()
            && every_s.into_iter().all(|every_s| every_s == window.quantum_s)
    }

    /// The seconds, after the first up to the second, that matter for a chart: values between
    /// points want the points around them.
    pub(super) fn span(window: &Window, every_s: i64) -> (i64, i64) {
        let around_s = if every_s == window.quantum_s { 0 } else { every_s };
        (window.start_s() - around_s, window.before_s + around_s)
    }

    /// Folds a chart, whose columns are those from `first_column` on, and notes which are zero.
    pub(super) fn fold(
        &mut self,
        query: &Query<'_>,
        chart: &Picked,
        from: &Sources<'_>,
        columns: &mut [Column],
        first: usize,
    ) {
        let Window { group, points, divisor, .. } = self.window;
        let argument = query.group_options;
        let mut chart = ChartFold { sheet: self, chart, sources: from, columns, first_column: first };
        match query.group {
            _ if chart.copy_stored() => {}
            Group::Average => chart.fold(&Average { divisor }),
            Group::Sum => chart.fold(&Sum),
            Group::Min => chart.fold(&Extreme { smallest: true }),
            Group::Max => chart.fold(&Extreme { smallest: false }),
            Group::Median => chart.fold(&Sorted::Median { trim: 0.0 }),
            Group::TrimmedMedian(own) => chart.fold(&Sorted::Median { trim: share(argument, own, 50.0) }),
            Group::TrimmedMean(own) => chart.fold(&Sorted::TrimmedMean { trim: share(argument, own, 50.0) }),
            Group::Percentile(own) => chart.fold(&Sorted::Percentile { share: share(argument, own, 100.0) }),
            Group::Stddev => chart.fold(&Deviation { relative: false }),
            Group::Cv => chart.fold(&Deviation { relative: true }),
            Group::IncrementalSum => chart.fold(&Increment),
            Group::Ses => chart.fold(&Smoothing::new(group, points, false)),
            Group::Des => chart.fold(&Smoothing::new(group, points, true)),
            Group::CountIf => chart.fold(&CountIf { condition: Condition::read(argument) }),
        }
    }

    /// Puts a row's value of one dimension to its place.
    fn put(&mut self, row: usize, column: usize, value: f64) {
        let value = if self.options.absolute { value.abs() } else { value };
        if let Some(total) = self.totals.get_mut(row)
            && !value.is_nan()
        {
            *total += value;
        }
        if column != NOT_SHOWN
            && let Table::Computed(values) = &mut self.table
        {
            values[row * self.width + column] = value;
        }
    }

    /// The values, after what concerns them all.
    pub(super) fn finish(mut self) -> Table {
        match &mut self.table {
            Table::Stored(values) => finish_stored(values, self.options),
            Table::Computed(values) => {
                for (row, &total) in values.chunks_exact_mut(self.width.max(1)).zip(&self.totals) {
                    let total = if total == 0.0 { 1.0 } else { total };
                    row.iter_mut().for_each(|value| *value = *value * 100.0 / total);
                }
                if self.options.null2zero {
                    values.iter_mut().filter(|value| value.is_nan()).for_each(|value| *value = 0.0);
                }
            }
        }
        self.table
    }
}

fn finish_stored(values: &mut [Packed], options: Options) {
    if options.absolute {
        values.iter_mut().for_each(|value| *value = Packed::from_bits(value.to_bits() & !SIGN));
    }
    if options.null2zero {
        values.iter_mut().filter(|value| value.is_empty()).for_each(|value| *value = Packed::ZERO);
    }
}

/// One chart being folded.
struct ChartFold<'a> {
    sheet: &'a mut Sheet,
    chart: &'a Picked,
    sources: &'a Sources<'a>,
    columns: &'a mut [Column],
    first_column: usize,
}

impl ChartFold<'_> {
    /// Copies single points into a sheet of stored numbers; `false` where the sheet is another.
    fn copy_stored(&mut self) -> bool {
        let Table::Stored(table) = &mut self.sheet.table else { return false };
        let (window, width) = (self.sheet.window, self.sheet.width);
        let Some((_, Source::Rows(rows))) = self.sources.first() else { return true };
        rows.runs(&self.chart.shown, |run| {
            let (slot, bits) = clip(&window, &run);
            let places = table.iter_mut().skip(slot * width + self.first_column + run.place).step_by(width);
            places.zip(bits).for_each(|(place, &bits)| *place = Packed::from_bits(bits));
            let is_zero = &mut self.columns[run.place].is_zero;
            *is_zero = *is_zero && all_zero(bits);
        });
        true
    }

    fn fold<M: Method>(&mut self, method: &M) {
        let (wanted, columns) = self.wanted();
        let of_source = |(_, source): &(Part, Source<'_>)| match source {
            Source::Rows(rows) => rows.rows_max() as i64 * self.chart.every_s / self.sheet.window.quantum_s,
            Source::Tier(rows, _) => rows.rows_max() as i64,
            Source::Older(rows) => rows.rows() * self.chart.every_s / self.sheet.window.quantum_s,
        };
        let points: i64 = self.sources.iter().map(of_source).sum();
        let points = points.clamp(1, self.sheet.window.group) as usize;
        let at_once = if M::KEEPS_POINTS { POINTS_BYTES_MAX / (points * size_of::<f64>()) } else { wanted.len() };
        for (wanted, columns) in wanted.chunks(at_once.max(1)).zip(columns.chunks(at_once.max(1))) {
            self.fold_some(method, wanted, columns);
        }
    }

    /// The dimensions to fold, and the column of each.
    fn wanted(&self) -> (Vec<u32>, Vec<usize>) {
        let shown = &self.chart.shown;
        if !self.sheet.options.percentage {
            return (shown.clone(), (self.first_column..).take(shown.len()).collect());
        }
        let mut columns = vec![NOT_SHOWN; self.chart.dimensions as usize];
        for (&dimension, column) in shown.iter().zip(self.first_column..) {
            columns[dimension as usize] = column;
        }
        ((0..self.chart.dimensions).collect(), columns)
    }

    fn fold_some<M: Method>(&mut self, method: &M, wanted: &[u32], columns: &[usize]) {
        let lane = |&column: &usize| Lane {
            column,
            row: NO_ROW,
            state: method.start(),
            is_zero: true,
            previous: f64::NAN,
            previous_s: i64::MIN,
        };
        let mut lanes: Vec<_> = columns.iter().map(lane).collect();
        let (every_s, quantum_s) = (self.chart.every_s, self.sheet.window.quantum_s);
        for (part, source) in self.sources {
            let mut take_rows = |run: Run<'_>| {
                let (lane, run) = (&mut lanes[run.place], cut(run, part, every_s));
                match every_s == quantum_s {
                    true => lane.take_points(method, self.sheet, &run),
                    false => lane.take_between(method, self.sheet, &run, every_s),
                }
            };
            let values = every_s as f64 / quantum_s as f64;
            match source {
                Source::Rows(rows) => rows.runs(wanted, take_rows),
                Source::Older(span) if span.coverage.step_s == every_s => span.runs(wanted, &mut take_rows),
                Source::Older(span) => {
                    let grid = TierGrid { part, step_s: span.coverage.step_s, end_s: span.coverage.before_s, values };
                    span.summaries(wanted, every_s, |place, summaries| {
                        lanes[place].take_summaries(method, self.sheet, summaries.iter().copied(), &grid);
                    });
                }
                Source::Tier(rows, end_s) => {
                    let grid = TierGrid { part, step_s: rows.step_s, end_s: *end_s, values };
                    rows.runs(wanted, |run| {
                        let summaries = run.summaries(grid.step_s);
                        lanes[run.place].take_summaries(method, self.sheet, summaries, &grid);
                    });
                }
            }
        }
        for mut lane in lanes {
            lane.enter(method, self.sheet, NO_ROW);
            if lane.column != NOT_SHOWN {
                self.columns[lane.column - self.first_column].is_zero = lane.is_zero;
            }
        }
    }
}

impl<S> Lane<S> {
    /// Goes on to a row: the one before is done.
    fn enter<M: Method<State = S>>(&mut self, method: &M, sheet: &mut Sheet, row: usize) {
        if row != self.row {
            if self.row != NO_ROW {
                sheet.put(self.row, self.column, method.finish(&mut self.state));
            }
            self.row = row;
        }
    }

    /// Takes stored points, each of which belongs to one row.
    fn take_points<M: Method<State = S>>(&mut self, method: &M, sheet: &mut Sheet, run: &Run<'_>) {
        let group = sheet.window.group as usize;
        let (slot, mut bits) = clip(&sheet.window, run);
        self.is_zero = self.is_zero && all_zero(bits);
        let mut row = slot / group;
        let mut room = group - slot % group;
        while !bits.is_empty() {
            let (of_row, rest) = bits.split_at(room.min(bits.len()));
            self.enter(method, sheet, row);
            method.add_run(&mut self.state, of_row);
            (bits, row, room) = (rest, row + 1, group);
        }
    }

    /// Takes the values at the seconds between stored points, on the way from one to the next.
    fn take_between<M: Method<State = S>>(&mut self, method: &M, sheet: &mut Sheet, run: &Run<'_>, every_s: i64) {
        let Window { before_s, quantum_s, group, .. } = sheet.window;
        let start_s = sheet.window.start_s();
        for (number, &bits) in (0..).zip(run.bits) {
            let point_s = run.start_s + number * every_s;
            let from_s = point_s - every_s;
            let value = Packed::from_bits(bits).unpack();
            let known = self.previous_s == from_s && !self.previous.is_nan();
            let previous = if known { self.previous } else { value };
            (self.previous, self.previous_s) = (value, point_s);
            if value.is_nan() {
                continue;
            }
            let mut slot = (from_s.max(start_s) - start_s) / quantum_s;
            let end = (point_s.min(before_s) - start_s).div_euclid(quantum_s);
            while slot < end {
                let row = slot / group;
                if sheet.coarse {
                    slot = end.min((row + 1) * group) - 1;
                }
                let time_s = start_s + (slot + 1) * quantum_s;
                let way = (time_s - from_s) as f64 / every_s as f64;
                self.is_zero = self.is_zero && value == 0.0;
                self.enter(method, sheet, row as usize);
                method.add(&mut self.state, if way == 1.0 { value } else { previous + (value - previous) * way });
                slot += 1;
            }
        }
    }
}

/// How rows of a tier fall into an answer.
struct TierGrid<'a> {
    /// The seconds that they answer for.
    part: &'a Part,
    step_s: i64,
    /// The tier has nothing later.
    end_s: i64,
    /// Values of the answer per stored one.
    values: f64,
}

impl<S> Lane<S> {
    /// Takes rows of a tier. One that several rows of the answer share is taken to be the same all over.
    fn take_summaries<M: Method<State = S>>(
        &mut self,
        method: &M,
        sheet: &mut Sheet,
        summaries: impl Iterator<Item = (i64, Summary)>,
        grid: &TierGrid<'_>,
    ) {
        let Window { before_s, step_s, .. } = sheet.window;
        let start_s = sheet.window.start_s();
        for (period_s, of_period) in summaries {
            // What it sums up, and what of that is asked of it.
            let (whole_from_s, whole_to_s) = (period_s - grid.step_s, period_s.min(grid.end_s));
            let from_s = whole_from_s.max(grid.part.after_s).max(start_s);
            let to_s = whole_to_s.min(grid.part.before_s).min(before_s);
            if from_s >= to_s {
                continue;
            }
            self.is_zero = self.is_zero && of_period.least == 0.0 && of_period.most == 0.0;
            let (first, last) = ((from_s - start_s) / step_s, (to_s - 1 - start_s) / step_s);
            let (sum, count) = (of_period.sum * grid.values, f64::from(of_period.count) * grid.values);
            if first == last && (from_s, to_s) == (whole_from_s, whole_to_s) {
                self.enter(method, sheet, first as usize);
                method
                    .add_points(&mut self.state, &Points { least: of_period.least, most: of_period.most, sum, count });
                continue;
            }
            let average = sum / count;
            for row in first..=last {
                let (row_from_s, row_to_s) = (start_s + row * step_s, start_s + (row + 1) * step_s);
                let share_s = row_to_s.min(to_s) - row_from_s.max(from_s);
                let share = share_s as f64 / (whole_to_s - whole_from_s) as f64;
                self.enter(method, sheet, row as usize);
                let points = Points { least: average, most: average, sum: sum * share, count: count * share };
                method.add_points(&mut self.state, &points);
            }
        }
    }
}

/// The part of a run that a source answers for.
fn cut<'a>(run: Run<'a>, part: &Part, every_s: i64) -> Run<'a> {
    let count = run.bits.len() as i64;
    let rows_to =
        |time_s: i64| time_s.saturating_sub(run.start_s).div_euclid(every_s).saturating_add(1).clamp(0, count);
    let (begin, end) = (rows_to(part.after_s), rows_to(part.before_s));
    Run { start_s: run.start_s + begin * every_s, bits: &run.bits[begin as usize..end.max(begin) as usize], ..run }
}

/// The part of a run that lies in the window, with the number of its first point there.
fn clip<'a>(window: &Window, run: &Run<'a>) -> (usize, &'a [u32]) {
    let slot = (run.start_s - window.start_s()) / window.quantum_s - 1;
    let slots = window.points as i64 * window.group;
    let count = run.bits.len() as i64;
    let begin = (-slot).clamp(0, count);
    let end = (slots - slot).clamp(begin, count);
    ((slot + begin).max(0) as usize, &run.bits[begin as usize..end as usize])
}

fn all_zero(bits: &[u32]) -> bool {
    bits.iter().all(|&bits| Packed::from_bits(bits).is_zero() || Packed::from_bits(bits).is_empty())
}
