//! The charts of one disk's discards and flushes.
//!
//! Most disks do neither: the charts are made when the first such operation is counted.

use row::ChartType;

use crate::charts::{Batch, Chart, Form, Owner, PLAIN, absolute, incremental};
use crate::kernel::disk_charts::{form, mean};
use crate::kernel::diskstats::Extended;
use crate::running_sum::growth;

static BANDWIDTH: Form = Form {
    options: PLAIN,
    ..form(
        "disk_ext",
        "disk_ext.io",
        "Data discarded",
        "KiB/s",
        ChartType::Area,
        2001,
        &[incremental("discards", 512, 1024)],
    )
};
static OPERATIONS: Form = form(
    "disk_ext_ops",
    "disk_ext.ops",
    "Discards and flushes completed",
    "operations/s",
    ChartType::Line,
    2011,
    &[incremental("discards", 1, 1), incremental("flushes", 1, 1)],
);
static WAIT: Form = form(
    "disk_ext_await",
    "disk_ext.await",
    "Mean time of a discard and of a flush",
    "milliseconds/operation",
    ChartType::Line,
    2051,
    &[absolute("discards", 1, 1), absolute("flushes", 1, 1)],
);
static SIZE: Form = form(
    "disk_ext_avgsz",
    "disk_ext.avgsz",
    "Mean size of a discard",
    "KiB/operation",
    ChartType::Area,
    2060,
    &[absolute("discards", 512, 1024)],
);
static MERGED: Form = form(
    "disk_ext_mops",
    "disk_ext.mops",
    "Discards merged with others",
    "merged operations/s",
    ChartType::Line,
    2081,
    &[incremental("discards", 1, 1)],
);
static TIME: Form = form(
    "disk_ext_iotime",
    "disk_ext.iotime",
    "Time of all discards and flushes together",
    "milliseconds/s",
    ChartType::Line,
    2091,
    &[incremental("discards", 1, 1), incremental("flushes", 1, 1)],
);

/// The charts of one disk.
#[derive(Debug)]
pub(crate) struct ExtendedCharts {
    bandwidth: Chart,
    operations: Chart,
    wait: Chart,
    size: Chart,
    merged: Chart,
    time: Chart,
}

impl ExtendedCharts {
    /// Charts that appear once they have something to show.
    pub(super) const fn new() -> Self {
        Self {
            bandwidth: Chart::new(&BANDWIDTH),
            operations: Chart::new(&OPERATIONS),
            wait: Chart::new(&WAIT),
            size: Chart::new(&SIZE),
            merged: Chart::new(&MERGED),
            time: Chart::new(&TIME),
        }
    }

    /// Hands over the rows of one reading; `before` is the previous one.
    pub(super) fn write(&mut self, batch: &mut Batch<'_>, owner: &Owner, before: Option<&Extended>, now: &Extended) {
        let singles = [(&mut self.bandwidth, now.sectors_discarded), (&mut self.merged, now.discards_merged)];
        for (chart, value) in singles {
            batch.row_once(value != 0, chart, owner, &[value]);
        }
        let pairs = [
            (&mut self.operations, [now.discards, now.flushes]),
            (&mut self.time, [now.discarding_ms, now.flushing_ms]),
        ];
        for (chart, values) in pairs {
            batch.row_once(values != [0, 0], chart, owner, &values);
        }
        if let Some(before) = before {
            self.write_means(batch, owner, before, now);
        }
    }

    /// Means per operation, for a disk whose charts of both parts exist.
    fn write_means(&mut self, batch: &mut Batch<'_>, owner: &Owner, before: &Extended, now: &Extended) {
        if !self.operations.is_defined() {
            return;
        }
        let discards = growth(before.discards, now.discards);
        if self.time.is_defined() {
            let flushes = growth(before.flushes, now.flushes);
            let wait = [
                mean(growth(before.discarding_ms, now.discarding_ms), discards),
                mean(growth(before.flushing_ms, now.flushing_ms), flushes),
            ];
            batch.row(&mut self.wait, owner, &wait);
        }
        if self.bandwidth.is_defined() {
            let size = mean(growth(before.sectors_discarded, now.sectors_discarded), discards);
            batch.row(&mut self.size, owner, &[size]);
        }
    }

    /// Says that the disk is gone.
    pub(super) fn obsolete(&mut self, batch: &mut Batch<'_>) {
        let Self { bandwidth, operations, wait, size, merged, time } = self;
        for chart in [bandwidth, operations, wait, size, merged, time] {
            batch.obsolete(chart);
        }
    }
}

impl Extended {
    /// Whether anything was counted.
    pub(super) fn is_any(&self) -> bool {
        *self != Self::default()
    }
}
