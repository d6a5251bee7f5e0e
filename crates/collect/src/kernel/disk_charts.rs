//! The charts of one disk.
//!
//! Most values are counters as read; four charts are computed here from two readings, since no
//! algorithm of a dimension divides one growth by another.

use row::ChartType;

use crate::charts::{Batch, Chart, DETAIL, Form, Owner, PLAIN, absolute, incremental};
use crate::kernel::disk_ext::ExtendedCharts;
use crate::kernel::diskstats::{Counters, Extended};
use crate::running_sum::growth;

pub(super) const fn form(
    id: &'static str,
    context: &'static str,
    title: &'static str,
    units: &'static str,
    chart_type: ChartType,
    priority: i32,
    dimensions: &'static [row::DimensionDefinition<'static>],
) -> Form {
    Form { id, context, title, units, family: "", chart_type, priority, options: DETAIL, dimensions }
}

static BANDWIDTH: Form = Form {
    options: PLAIN,
    ..form(
        "disk",
        "disk.io",
        "Data read and written",
        "KiB/s",
        ChartType::Area,
        2000,
        &[incremental("reads", 512, 1024), incremental("writes", -512, 1024)],
    )
};
static OPERATIONS: Form = form(
    "disk_ops",
    "disk.ops",
    "Operations completed",
    "operations/s",
    ChartType::Line,
    2010,
    &[incremental("reads", 1, 1), incremental("writes", -1, 1)],
);
static IN_FLIGHT: Form = form(
    "disk_qops",
    "disk.qops",
    "Operations in flight",
    "operations",
    ChartType::Line,
    2015,
    &[absolute("operations", 1, 1)],
);
static BACKLOG: Form = form(
    "disk_backlog",
    "disk.backlog",
    "Time of waiting, of all operations together",
    "milliseconds",
    ChartType::Area,
    2020,
    &[incremental("backlog", 1, 1)],
);
static BUSY: Form = form(
    "disk_busy",
    "disk.busy",
    "Time with operations in flight",
    "milliseconds",
    ChartType::Area,
    2030,
    &[incremental("busy", 1, 1)],
);
static UTILIZATION: Form = form(
    "disk_util",
    "disk.util",
    "Share of time with operations in flight",
    "% of time working",
    ChartType::Area,
    2040,
    &[absolute("utilization", 1, 1)],
);
static WAIT: Form = form(
    "disk_await",
    "disk.await",
    "Mean time of an operation, waiting included",
    "milliseconds/operation",
    ChartType::Line,
    2050,
    &[absolute("reads", 1, 1), absolute("writes", -1, 1)],
);
static SIZE: Form = form(
    "disk_avgsz",
    "disk.avgsz",
    "Mean size of an operation",
    "KiB/operation",
    ChartType::Area,
    2060,
    &[absolute("reads", 512, 1024), absolute("writes", -512, 1024)],
);
static SERVICE: Form = form(
    "disk_svctm",
    "disk.svctm",
    "Mean time of an operation at the disk",
    "milliseconds/operation",
    ChartType::Line,
    2070,
    &[absolute("svctm", 1, 1)],
);
static MERGED: Form = form(
    "disk_mops",
    "disk.mops",
    "Operations merged with others",
    "merged operations/s",
    ChartType::Line,
    2080,
    &[incremental("reads", 1, 1), incremental("writes", -1, 1)],
);
static TIME: Form = form(
    "disk_iotime",
    "disk.iotime",
    "Time of all operations together",
    "milliseconds/s",
    ChartType::Line,
    2090,
    &[incremental("reads", 1, 1), incremental("writes", -1, 1)],
);

/// The charts of one disk.
#[derive(Debug)]
pub(crate) struct DiskCharts {
    bandwidth: Chart,
    operations: Chart,
    in_flight: Chart,
    backlog: Chart,
    busy: Chart,
    utilization: Chart,
    wait: Chart,
    size: Chart,
    service: Chart,
    merged: Chart,
    time: Chart,
    /// Once there were discards or flushes.
    extended: Option<Box<ExtendedCharts>>,
}

impl DiskCharts {
    /// Charts that appear once they have something to show.
    pub(crate) const fn new() -> Self {
        Self {
            bandwidth: Chart::new(&BANDWIDTH),
            operations: Chart::new(&OPERATIONS),
            in_flight: Chart::new(&IN_FLIGHT),
            backlog: Chart::new(&BACKLOG),
            busy: Chart::new(&BUSY),
            utilization: Chart::new(&UTILIZATION),
            wait: Chart::new(&WAIT),
            size: Chart::new(&SIZE),
            service: Chart::new(&SERVICE),
            merged: Chart::new(&MERGED),
            time: Chart::new(&TIME),
            extended: None,
        }
    }

    /// Hands over the rows of one reading; `before` is the previous one, `periods` how many
    /// times update every lie between the two.
    pub(crate) fn write(
        &mut self,
        batch: &mut Batch<'_>,
        owner: &Owner,
        before: Option<&Counters>,
        now: &Counters,
        periods: i64,
    ) {
        self.write_counters(batch, owner, now);
        let growth = before.map(|before| before.growth(now));
        let busy_ms = growth.map_or(0, |growth| growth.busy_ms);
        let percent = utilization(busy_ms, periods, owner.update_every_s);
        batch.row_once(now.busy_ms != 0, &mut self.utilization, owner, &[percent]);
        if let Some(growth) = growth {
            self.write_means(batch, owner, &growth);
        }
        if self.extended.is_some() || now.extended.is_any() || batch.zero_metrics() {
            let charts = self.extended.get_or_insert_with(|| Box::new(ExtendedCharts::new()));
            charts.write(batch, owner, before.map(|before| &before.extended), &now.extended);
        }
    }

    fn write_counters(&mut self, batch: &mut Batch<'_>, owner: &Owner, now: &Counters) {
        let pairs = [
            (&mut self.bandwidth, [now.sectors_read, now.sectors_written]),
            (&mut self.operations, [now.reads, now.writes]),
            (&mut self.merged, [now.reads_merged, now.writes_merged]),
            (&mut self.time, [now.reading_ms, now.writing_ms]),
        ];
        for (chart, values) in pairs {
            batch.row_once(values != [0, 0], chart, owner, &values);
        }
        let singles =
            [(&mut self.in_flight, now.in_flight), (&mut self.backlog, now.waiting_ms), (&mut self.busy, now.busy_ms)];
        for (chart, value) in singles {
            batch.row_once(value != 0, chart, owner, &[value]);
        }
    }

    /// Means per operation, for a disk whose charts of both parts exist.
    fn write_means(&mut self, batch: &mut Batch<'_>, owner: &Owner, growth: &Counters) {
        if !self.operations.is_defined() {
            return;
        }
        if self.time.is_defined() {
            let wait = [mean(growth.reading_ms, growth.reads), mean(growth.writing_ms, growth.writes)];
            batch.row(&mut self.wait, owner, &wait);
        }
        if self.bandwidth.is_defined() {
            let size = [mean(growth.sectors_read, growth.reads), mean(growth.sectors_written, growth.writes)];
            batch.row(&mut self.size, owner, &size);
        }
        if self.busy.is_defined() {
            let operations = growth.reads.saturating_add(growth.writes);
            batch.row(&mut self.service, owner, &[mean(growth.busy_ms, operations)]);
        }
    }

    /// Says that the disk is gone.
    pub(crate) fn obsolete(&mut self, batch: &mut Batch<'_>) {
        let Self { bandwidth, operations, in_flight, backlog, busy, utilization, .. } = self;
        let Self { wait, size, service, merged, time, .. } = self;
        for chart in [bandwidth, operations, in_flight, backlog, busy, utilization, wait, size, service, merged, time] {
            batch.obsolete(chart);
        }
        if let Some(extended) = &mut self.extended {
            extended.obsolete(batch);
        }
    }
}

impl Counters {
    /// How much each counter grew until `now`.
    fn growth(&self, now: &Self) -> Self {
        Self {
            reads: growth(self.reads, now.reads),
            reads_merged: 0,
            sectors_read: growth(self.sectors_read, now.sectors_read),
            reading_ms: growth(self.reading_ms, now.reading_ms),
            writes: growth(self.writes, now.writes),
            writes_merged: 0,
            sectors_written: growth(self.sectors_written, now.sectors_written),
            writing_ms: growth(self.writing_ms, now.writing_ms),
            in_flight: 0,
            busy_ms: growth(self.busy_ms, now.busy_ms),
            waiting_ms: 0,
            extended: Extended::default(),
        }
    }
}

/// Percent of the time, whole and at most 100: a reading may be some milliseconds late.
fn utilization(busy_ms: i64, periods: i64, update_every_s: u32) -> i64 {
    let percent_ms = i64::from(update_every_s.max(1)) * 10;
    (busy_ms / percent_ms.saturating_mul(periods.max(1))).clamp(0, 100)
}

/// How much of the one for each of the other, 0 where there is none.
pub(super) fn mean(sum: i64, count: i64) -> i64 {
    if count > 0 { sum / count } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Utilisation is per period, also after periods that were missed, and never above 100.
    #[test]
    fn utilization_is_a_share_of_time() {
        for (busy_ms, periods, every_s, percent) in
            [(0, 1, 1, 0), (1000, 1, 1, 100), (1009, 1, 1, 100), (999, 1, 1, 99), (500, 2, 1, 25), (500, 1, 5, 10)]
        {
            assert_eq!(utilization(busy_ms, periods, every_s), percent);
        }
        assert_eq!(utilization(-7, i64::MAX, u32::MAX), 0);
        assert_eq!(mean(7, 2), 3);
        assert_eq!(mean(7, 0), 0);
        assert_eq!(mean(i64::MIN, -1), 0);
    }
}
