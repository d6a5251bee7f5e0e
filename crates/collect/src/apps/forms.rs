//! The charts: eighteen of each kind, each with a dimension per target.

use row::{ChartType, DimensionDefinition};

use super::targets::METRICS;
use crate::charts::{Form, PLAIN, absolute};

/// The module's charts belong to this plugin, by the name that dashboards know.
pub(super) const PLUGIN: &str = "apps.plugin";

/// A chart and what its dimensions are but for their ids.
pub(super) type Metric = (Form, DimensionDefinition<'static>);

/// Times a second, in ten-thousandths.
const RATE: DimensionDefinition<'static> = absolute("", 1, 10_000);
/// Bytes a second, in ten-thousandths, shown as KiB.
const RATE_KIB: DimensionDefinition<'static> = absolute("", 1, 10_240_000);
const KIB_AS_MIB: DimensionDefinition<'static> = absolute("", 1, 1024);
const COUNT: DimensionDefinition<'static> = absolute("", 1, 1);

const fn form(
    id: &'static str,
    family: &'static str,
    title: &'static str,
    units: &'static str,
    priority: i32,
    chart_type: ChartType,
) -> Form {
    Form { id, context: id, title, units, family, chart_type, priority, options: PLAIN, dimensions: &[] }
}

/// Rows are `id, family, title, units, priority, type, dimensions`, in the order of `targets::Metric`.
macro_rules! metrics {
    ($kind:literal, $of:literal: $($id:literal, $family:literal, $title:literal, $units:literal, $priority:literal, $type:ident, $dimension:ident;)*) => {
        [$((
            form(concat!($kind, ".", $id), $family, concat!($title, " of ", $of), $units, $priority, ChartType::$type),
            $dimension,
        ),)*]
    };
}

macro_rules! kind {
    ($kind:literal, $of:literal) => {
        metrics! { $kind, $of:
            "cpu", "cpu", "Processor time (100 % is one core)", "percentage", 20001, Stacked, RATE;
            "cpu_user", "cpu", "Processor time in programs", "percentage", 20020, Stacked, RATE;
            "cpu_system", "cpu", "Processor time in the kernel", "percentage", 20021, Stacked, RATE;
            "preads", "disk", "Bytes read from disks", "KiB/s", 20002, Stacked, RATE_KIB;
            "pwrites", "disk", "Bytes written to disks", "KiB/s", 20002, Stacked, RATE_KIB;
            "lreads", "disk", "Bytes read, disk or not", "KiB/s", 20042, Stacked, RATE_KIB;
            "lwrites", "disk", "Bytes written, disk or not", "KiB/s", 20042, Stacked, RATE_KIB;
            "mem", "mem", "Memory that is not shared", "MiB", 20003, Stacked, KIB_AS_MIB;
            "vmem", "mem", "Address space", "MiB", 20005, Stacked, KIB_AS_MIB;
            "minor_faults", "mem", "Page faults without a disk", "page faults/s", 20011, Stacked, RATE;
            "swap", "swap", "Memory in swap", "MiB", 20011, Stacked, KIB_AS_MIB;
            "major_faults", "swap", "Page faults that read a disk", "page faults/s", 20012, Stacked, RATE;
            "processes", "processes", "Processes", "processes", 20007, Stacked, COUNT;
            "threads", "processes", "Threads", "threads", 20006, Stacked, COUNT;
            "uptime", "processes", "Age of the oldest process", "seconds", 20008, Line, COUNT;
            "files", "disk", "Open files", "open files", 20050, Stacked, COUNT;
            "sockets", "net", "Open sockets", "open sockets", 20051, Stacked, COUNT;
            "pipes", "processes", "Open pipes", "open pipes", 20053, Stacked, COUNT;
        }
    };
}

/// By the groups of the list.
pub(super) static APPS: [Metric; METRICS] = kind!("apps", "applications");
/// By the users that processes run as.
pub(super) static USERS: [Metric; METRICS] = kind!("users", "users");
/// By the groups that processes run as.
pub(super) static GROUPS: [Metric; METRICS] = kind!("groups", "user groups");

/// What all processes are doing.
pub(super) static STATES: Form = Form {
    id: "system.processes_state",
    context: "system.processes_state",
    title: "Processes by state",
    units: "processes",
    family: "processes",
    chart_type: ChartType::Line,
    priority: 601,
    options: PLAIN,
    dimensions: &[
        absolute("running", 1, 1),
        absolute("sleeping_uninterruptible", 1, 1),
        absolute("sleeping_interruptible", 1, 1),
        absolute("zombie", 1, 1),
        absolute("stopped", 1, 1),
    ],
};
