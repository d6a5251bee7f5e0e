//! The charts that a container or a machine has.

use row::{ChartType, DimensionDefinition};

use crate::charts::{Form, PLAIN, absolute, incremental, named};
use crate::kernel::pressure::{FULL, SOME, TIME};

/// Clock ticks of a second, in which version 1 counts processor time. It is so on all machines.
pub(crate) const TICKS: i32 = 100;
const US: i32 = 1_000_000;
const NS: i32 = 1_000_000_000;
const KIB: i32 = 1024;
const MIB: i32 = 1 << 20;

/// A chart of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    CpuLimit,
    Cpu,
    Throttled,
    ThrottledDuration,
    MemoryUtilization,
    MemoryUsageLimit,
    MemoryUsage,
    Memory,
    Writeback,
    Activity,
    Faults,
    Failures,
    Transfer(usize),
    Pids,
    /// Share and time of the first line, then of the second, of processors, memory and devices.
    Pressure(usize),
}

impl Which {
    /// How many there are.
    pub(crate) const ALL: usize = Self::Pressure(11).number() + 1;

    /// Its place among all.
    pub(crate) const fn number(self) -> usize {
        match self {
            Self::CpuLimit => 0,
            Self::Cpu => 1,
            Self::Throttled => 2,
            Self::ThrottledDuration => 3,
            Self::MemoryUtilization => 4,
            Self::MemoryUsageLimit => 5,
            Self::MemoryUsage => 6,
            Self::Memory => 7,
            Self::Writeback => 8,
            Self::Activity => 9,
            Self::Faults => 10,
            Self::Failures => 11,
            Self::Pids => 12,
            Self::Transfer(at) => 13 + at,
            Self::Pressure(at) => 19 + at,
        }
    }

    /// What it is in a tree of this version.
    pub(crate) fn form(self, unified: bool) -> &'static Form {
        match (self, unified) {
            (Self::CpuLimit, false) => &CPU_LIMIT_1,
            (Self::CpuLimit, true) => &CPU_LIMIT_2,
            (Self::Cpu, false) => &CPU_1,
            (Self::Cpu, true) => &CPU_2,
            (Self::Throttled, _) => &THROTTLED,
            (Self::ThrottledDuration, _) => &THROTTLED_DURATION,
            (Self::MemoryUtilization, _) => &MEMORY_UTILIZATION,
            (Self::MemoryUsageLimit, _) => &MEMORY_USAGE_LIMIT,
            (Self::MemoryUsage, _) => &MEMORY_USAGE,
            (Self::Memory, false) => &MEMORY_1,
            (Self::Memory, true) => &MEMORY_2,
            (Self::Writeback, _) => &WRITEBACK,
            (Self::Activity, _) => &ACTIVITY,
            (Self::Faults, _) => &FAULTS,
            (Self::Failures, _) => &FAILURES,
            (Self::Transfer(at), _) => &TRANSFERS[at],
            (Self::Pids, _) => &PIDS,
            (Self::Pressure(at), _) => &PRESSURE[at],
        }
    }
}

const fn form(
    (id, context): (&'static str, &'static str),
    title: &'static str,
    units: &'static str,
    family: &'static str,
    chart_type: ChartType,
    priority: i32,
    dimensions: &'static [DimensionDefinition<'static>],
) -> Form {
    Form { id, context, title, units, family, chart_type, priority, options: PLAIN, dimensions }
}

macro_rules! same {
    ($id:literal) => {
        ($id, concat!("cgroup.", $id))
    };
}

use ChartType::{Area, Line, Stacked};

const LIMIT_TITLE: &str = "Processor time within the limit";
static CPU_LIMIT_1: Form =
    form(same!("cpu_limit"), LIMIT_TITLE, "percentage", "cpu", Line, 39_999, &[absolute("used", 1, TICKS)]);
static CPU_LIMIT_2: Form = Form { dimensions: &[absolute("used", 1, US)], ..CPU_LIMIT_1 };
const CPU_TITLE: &str = "Processor time, of which a core has 100 %";
static CPU_1: Form = form(
    same!("cpu"),
    CPU_TITLE,
    "percentage",
    "cpu",
    Stacked,
    40_000,
    &[incremental("user", 100, TICKS), incremental("system", 100, TICKS)],
);
static CPU_2: Form = Form { dimensions: &[incremental("user", 100, US), incremental("system", 100, US)], ..CPU_1 };
/// Has a dimension per core, like [`CORE`].
pub(crate) static PER_CORE: Form =
    form(same!("cpu_per_core"), "Processor time of each core", "percentage", "cpu", Stacked, 40_100, &[]);
/// What dimensions of cores are but for their ids.
pub(crate) const CORE: DimensionDefinition<'static> = incremental("", 100, NS);
static THROTTLED: Form = form(
    same!("throttled"),
    "Periods that ended early, since the limit was reached",
    "percentage",
    "cpu",
    Line,
    40_010,
    &[absolute("throttled", 1, 1)],
);
static THROTTLED_DURATION: Form = form(
    same!("throttled_duration"),
    "Time that was lost to the limit",
    "ms",
    "cpu",
    Line,
    40_015,
    &[incremental("duration", 1, US)],
);
static MEMORY_UTILIZATION: Form = form(
    same!("mem_utilization"),
    "Memory within the limit",
    "percentage",
    "mem",
    Area,
    40_199,
    &[absolute("utilization", 1, 1)],
);
static MEMORY_USAGE_LIMIT: Form = form(
    same!("mem_usage_limit"),
    "Memory that is used, and what the limit leaves",
    "MiB",
    "mem",
    Stacked,
    40_200,
    &[absolute("available", 1, MIB), absolute("used", 1, MIB)],
);
static MEMORY_USAGE: Form = form(
    same!("mem_usage"),
    "Memory and swap that are used",
    "MiB",
    "mem",
    Stacked,
    40_210,
    &[absolute("ram", 1, MIB), absolute("swap", 1, MIB)],
);
const MEMORY_TITLE: &str = "What memory is used for";
static MEMORY_1: Form = form(
    same!("mem"),
    MEMORY_TITLE,
    "MiB",
    "mem",
    Stacked,
    40_220,
    &[
        absolute("cache", 1, MIB),
        absolute("rss", 1, MIB),
        absolute("swap", 1, MIB),
        absolute("rss_huge", 1, MIB),
        absolute("mapped_file", 1, MIB),
    ],
);
/// The same where the kernel does not count swap.
pub(crate) static MEMORY_1_WITHOUT_SWAP: Form = Form {
    dimensions: &[
        absolute("cache", 1, MIB),
        absolute("rss", 1, MIB),
        absolute("rss_huge", 1, MIB),
        absolute("mapped_file", 1, MIB),
    ],
    ..MEMORY_1
};
static MEMORY_2: Form = Form {
    dimensions: &[
        absolute("anon", 1, MIB),
        absolute("kernel_stack", 1, MIB),
        absolute("slab", 1, MIB),
        absolute("sock", 1, MIB),
        absolute("anon_thp", 1, MIB),
        absolute("file", 1, MIB),
    ],
    ..MEMORY_1
};
static WRITEBACK: Form = form(
    same!("writeback"),
    "Memory that waits to be written, and is written",
    "MiB",
    "mem",
    Area,
    40_300,
    &[absolute("dirty", 1, MIB), absolute("writeback", 1, MIB)],
);
/// The same where the kernel does not count what waits.
pub(crate) static WRITEBACK_WITHOUT_DIRTY: Form = Form { dimensions: &[absolute("writeback", 1, MIB)], ..WRITEBACK };
// Times the bytes in a page.
static ACTIVITY: Form = form(
    same!("mem_activity"),
    "Memory that came and went",
    "MiB/s",
    "mem",
    Line,
    40_400,
    &[named("in", incremental("pgpgin", 1, MIB)), named("out", incremental("pgpgout", -1, MIB))],
);
static FAULTS: Form = form(
    same!("pgfaults"),
    "Page faults, and those that waited for a device",
    "MiB/s",
    "mem",
    Line,
    40_500,
    &[incremental("pgfault", 1, MIB), named("swap", incremental("pgmajfault", -1, MIB))],
);
static FAILURES: Form = form(
    same!("mem_failcnt"),
    "Times that memory reached the limit",
    "count",
    "mem",
    Line,
    40_250,
    &[incremental("failures", 1, 1)],
);
static PIDS: Form = form(same!("pids_current"), "Tasks", "pids", "pids", Line, 42_150, &[absolute("pids", 1, 1)]);

const KIBS: &[DimensionDefinition<'static>] = &[incremental("read", 1, KIB), incremental("write", -1, KIB)];
const TIMES: &[DimensionDefinition<'static>] = &[incremental("read", 1, 1), incremental("write", -1, 1)];

/// By [`Transfers`](super::reading::Transfers).
static TRANSFERS: [Form; 6] = [
    form(same!("io"), "Data read and written", "KiB/s", "disk", Area, 41_200, KIBS),
    form(same!("serviced_ops"), "Reads and writes", "operations/s", "disk", Line, 41_200, TIMES),
    form(same!("throttle_io"), "Data read and written, where it is limited", "KiB/s", "disk", Area, 41_200, KIBS),
    form(
        same!("throttle_serviced_ops"),
        "Reads and writes, where they are limited",
        "operations/s",
        "disk",
        Line,
        41_200,
        TIMES,
    ),
    form(
        same!("queued_ops"),
        "Reads and writes that wait",
        "operations",
        "disk",
        Line,
        42_000,
        &[absolute("read", 1, 1), absolute("write", -1, 1)],
    ),
    form(same!("merged_ops"), "Reads and writes merged with others", "operations/s", "disk", Line, 42_100, KIBS),
];

const fn share(
    names: (&'static str, &'static str),
    title: &'static str,
    family: &'static str,
    priority: i32,
    dimensions: &'static [DimensionDefinition<'static>],
) -> Form {
    form(names, title, "percentage", family, Line, priority, dimensions)
}

const fn time(names: (&'static str, &'static str), title: &'static str, family: &'static str, priority: i32) -> Form {
    form(names, title, "ms", family, Line, priority, TIME)
}

// The ids of shares of memory are shorter than their contexts.
static PRESSURE: [Form; 12] = [
    share(same!("cpu_some_pressure"), "Share of time that tasks waited for a processor", "cpu", 42_200, SOME),
    time(same!("cpu_some_pressure_stall_time"), "Time that tasks waited for a processor", "cpu", 42_220),
    share(same!("cpu_full_pressure"), "Share of time that all tasks waited for a processor", "cpu", 42_240, FULL),
    time(same!("cpu_full_pressure_stall_time"), "Time that all tasks waited for a processor", "cpu", 42_260),
    share(
        ("mem_some_pressure", "cgroup.memory_some_pressure"),
        "Share of time that tasks waited for memory",
        "mem",
        42_300,
        SOME,
    ),
    time(same!("memory_some_pressure_stall_time"), "Time that tasks waited for memory", "mem", 42_320),
    share(
        ("mem_full_pressure", "cgroup.memory_full_pressure"),
        "Share of time that all tasks waited for memory",
        "mem",
        42_340,
        FULL,
    ),
    time(same!("memory_full_pressure_stall_time"), "Time that all tasks waited for memory", "mem", 42_360),
    share(same!("io_some_pressure"), "Share of time that tasks waited for devices", "disk", 42_400, SOME),
    time(same!("io_some_pressure_stall_time"), "Time that tasks waited for devices", "disk", 42_420),
    share(same!("io_full_pressure"), "Share of time that all tasks waited for devices", "disk", 42_440, FULL),
    time(same!("io_full_pressure_stall_time"), "Time that all tasks waited for devices", "disk", 42_460),
];
