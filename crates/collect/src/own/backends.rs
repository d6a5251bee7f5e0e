//! Backends that this node writes to: what became of the windows of each. Ids, contexts and dimensions of
//! the first three charts are those of Netdata 2; latency and backlog are ours.
//!
//! A row is what happened since the row before, about once a window, just before the next one is told: so
//! a window that was delivered in time counts as buffered and sent in the same row. While no window is told
//! there is no row, and an alarm may ask for the last one.

use row::{ChartType, Now};

use crate::charts::{Batch, Chart, Form, Owner, PLAIN, absolute};
use crate::file::Buffer;
use crate::module::{Module, ReadError};
use crate::roster::Roster;

/// The module's name.
const NAME: &str = "exporting";

const fn form(
    id: &'static str,
    context: &'static str,
    title: &'static str,
    units: &'static str,
    chart_type: ChartType,
    priority: i32,
) -> Form {
    Form { id, context, title, units, family: "exporting", chart_type, priority, options: PLAIN, dimensions: &[] }
}

static METRICS: Form = Form {
    dimensions: &[absolute("buffered", 1, 1), absolute("lost", 1, 1), absolute("sent", 1, 1)],
    ..form(
        "netdata.exporting_{}_metrics",
        "netdata.exporting_buffer",
        "Values for a backend",
        "metrics",
        ChartType::Line,
        130_610,
    )
};
static BYTES: Form = Form {
    dimensions: &[
        absolute("buffered", 1, 1024),
        absolute("lost", 1, 1024),
        absolute("sent", 1, 1024),
        absolute("received", 1, 1024),
    ],
    ..form(
        "netdata.exporting_{}_bytes",
        "netdata.exporting_data_size",
        "Bytes for a backend",
        "KiB",
        ChartType::Area,
        130_620,
    )
};
static OPS: Form = Form {
    dimensions: &[
        absolute("write", 1, 1),
        absolute("discard", 1, 1),
        absolute("reconnect", 1, 1),
        absolute("failure", 1, 1),
        absolute("read", 1, 1),
    ],
    ..form(
        "netdata.exporting_{}_ops",
        "netdata.exporting_operations",
        "What was done at a backend",
        "operations",
        ChartType::Line,
        130_630,
    )
};
static LATENCY: Form = Form {
    dimensions: &[absolute("average", 1, 1000), absolute("slowest", 1, 1000)],
    ..form(
        "netdata.exporting_{}_latency",
        "netdata.exporting_latency",
        "How long a backend takes",
        "milliseconds",
        ChartType::Line,
        130_640,
    )
};
static BACKLOG: Form = Form {
    dimensions: &[absolute("windows", 1, 1)],
    ..form(
        "netdata.exporting_{}_backlog",
        "netdata.exporting_backlog",
        "Windows that wait for a backend",
        "windows",
        ChartType::Line,
        130_650,
    )
};
static BACKLOG_BYTES: Form = Form {
    dimensions: &[absolute("memory", 1, 1024), absolute("disk", 1, 1024)],
    ..form(
        "netdata.exporting_{}_backlog_bytes",
        "netdata.exporting_backlog_size",
        "Bytes that wait for a backend",
        "KiB",
        ChartType::Stacked,
        130_660,
    )
};

/// A backend since the start.
#[derive(Debug, Clone, Copy)]
pub struct BackendFigures<'a> {
    /// Its name.
    pub name: &'a str,
    /// Seconds of a window.
    pub every_s: u32,
    /// Windows that were told.
    pub windows: u64,
    /// Values of them, and their bytes.
    pub buffered: [u64; 2],
    /// Those that were given up or refused.
    pub lost: [u64; 2],
    /// Those that arrived.
    pub sent: [u64; 2],
    /// Bytes that the backend said.
    pub received_bytes: u64,
    /// Attempts that did well.
    pub writes: u64,
    /// and those that failed.
    pub failures: u64,
    /// How often something was given up.
    pub discards: u64,
    /// Connections.
    pub reconnects: u64,
    /// How often the backend said something.
    pub reads: u64,
    /// Microseconds of all attempts.
    pub took_us: u64,
    /// Microseconds of the longest attempt since the last look.
    pub slowest_us: u64,
    /// Windows that wait.
    pub waiting_windows: u64,
    /// Their bytes in memory
    pub memory_bytes: u64,
    /// and on the disk.
    pub disk_bytes: u64,
}

/// Shows all backends to whom it is given.
pub type Backends = Box<dyn Fn(&mut dyn FnMut(&BackendFigures<'_>)) + Send>;

/// Tells of all backends.
pub(crate) struct OwnBackends {
    look: Backends,
    backends: Roster<Backend>,
    every_s: u32,
}

struct Backend {
    owner: Owner,
    /// The window that it is in, by number.
    window: i64,
    before: Counts,
    row: Row,
    charts: [Chart; 6],
    /// Its windows are of another length than its charts say.
    is_other: bool,
}

/// What only grows.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    windows: u64,
    took_us: u64,
    metrics: [u64; 3],
    bytes: [u64; 4],
    ops: [u64; 5],
}

/// What the next row has.
#[derive(Debug, Default)]
struct Row {
    is_due: bool,
    since: Counts,
    slowest_us: u64,
    waiting: [u64; 3],
}

impl OwnBackends {
    pub(crate) fn new(look: Backends, every_s: u32) -> Self {
        Self { look, backends: Roster::new(), every_s: every_s.max(1) }
    }
}

impl Counts {
    const fn of(figures: &BackendFigures<'_>) -> Self {
        let BackendFigures { buffered, lost, sent, received_bytes, .. } = figures;
        Self {
            windows: figures.windows,
            took_us: figures.took_us,
            metrics: [buffered[0], lost[0], sent[0]],
            bytes: [buffered[1], lost[1], sent[1], *received_bytes],
            ops: [figures.writes, figures.discards, figures.reconnects, figures.failures, figures.reads],
        }
    }

    fn since(self, before: Self) -> Self {
        Self {
            windows: self.windows.saturating_sub(before.windows),
            took_us: self.took_us.saturating_sub(before.took_us),
            metrics: less(self.metrics, before.metrics),
            bytes: less(self.bytes, before.bytes),
            ops: less(self.ops, before.ops),
        }
    }
}

fn less<const N: usize>(now: [u64; N], before: [u64; N]) -> [u64; N] {
    std::array::from_fn(|index| now[index].saturating_sub(before[index]))
}

impl Backend {
    /// One whose figures are looked at every so many seconds.
    fn new(figures: &BackendFigures<'_>, look_every_s: u32, now: Now) -> Self {
        let every_s = figures.every_s.next_multiple_of(look_every_s);
        let owner = Owner {
            plugin: "exporting",
            module: NAME,
            update_every_s: every_s,
            device: part(figures.name),
            labels: vec![("backend", figures.name.to_owned())],
            ..Owner::default()
        };
        let charts = [&METRICS, &BYTES, &OPS, &LATENCY, &BACKLOG, &BACKLOG_BYTES].map(Chart::new);
        Self {
            window: window(&owner, now),
            owner,
            before: Counts::default(),
            row: Row::default(),
            charts,
            is_other: false,
        }
    }

    fn look(&mut self, figures: &BackendFigures<'_>, look_every_s: u32, now: Now) {
        let every_s = figures.every_s.next_multiple_of(look_every_s);
        self.is_other |= std::mem::replace(&mut self.owner.update_every_s, every_s) != every_s;
        self.row.slowest_us = self.row.slowest_us.max(figures.slowest_us);
        self.row.waiting = [figures.waiting_windows, figures.memory_bytes, figures.disk_bytes];
        let window = window(&self.owner, now);
        let counts = Counts::of(figures);
        if window == self.window || counts.windows == self.before.windows {
            return;
        }
        self.row.since = counts.since(self.before);
        self.row.is_due = true;
        (self.window, self.before) = (window, counts);
    }

    fn write(&mut self, batch: &mut Batch<'_>) {
        if !std::mem::take(&mut self.row.is_due) {
            return;
        }
        if std::mem::take(&mut self.is_other) {
            self.charts.iter_mut().for_each(|chart| batch.obsolete(chart));
        }
        let Row { since, waiting: [windows, memory_bytes, disk_bytes], .. } = self.row;
        let attempts = since.ops[0] + since.ops[3];
        let average_us = since.took_us.checked_div(attempts).unwrap_or(0);
        let slowest_us = std::mem::take(&mut self.row.slowest_us);
        let rows: [&[u64]; 6] = [
            &since.metrics,
            &since.bytes,
            &since.ops,
            &[average_us, slowest_us],
            &[windows],
            &[memory_bytes, disk_bytes],
        ];
        for (chart, row) in self.charts.iter_mut().zip(rows) {
            let mut values = [0; 5];
            values.iter_mut().zip(row).for_each(|(value, count)| *value = count.cast_signed());
            batch.row(chart, &self.owner, &values[..row.len()]);
        }
    }
}

/// The number of a window: they are told a second before the full ones.
fn window(owner: &Owner, now: Now) -> i64 {
    (now.wall_s() + 1).div_euclid(i64::from(owner.update_every_s))
}

/// A name as a part of an id.
fn part(name: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() || c == '-' || c == '_' { c } else { '_' };
    name.chars().map(plain).collect()
}

impl Module for OwnBackends {
    fn name(&self) -> &'static str {
        NAME
    }

    fn read(&mut self, _buffer: &mut Buffer, now: Now) -> Result<(), ReadError> {
        let Self { look, backends, every_s } = self;
        backends.begin();
        look(&mut |figures| match backends.find(figures.name.as_bytes()) {
            Some(backend) => backend.look(figures, *every_s, now),
            None => backends.add(figures.name.as_bytes(), Backend::new(figures, *every_s, now)),
        });
        Ok(())
    }

    fn write(&mut self, batch: &mut Batch<'_>) {
        self.backends.devices().for_each(|backend| backend.write(batch));
        self.backends.drop_unlisted(|backend| backend.charts.iter_mut().for_each(|chart| batch.obsolete(chart)));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use row::{ChartOptions, Guid};
    use rrd_store::{FeedKind, HostInfo, HostView, Keep, MemoryMode, Store};

    use super::*;
    use crate::collector::Collector;
    use crate::config::Config;

    /// The end of a window of ten seconds.
    const T: i64 = 1_795_390_009;

    const QUIET: BackendFigures<'_> = BackendFigures {
        name: "site a",
        every_s: 10,
        windows: 0,
        buffered: [0; 2],
        lost: [0; 2],
        sent: [0; 2],
        received_bytes: 0,
        writes: 0,
        failures: 0,
        discards: 0,
        reconnects: 0,
        reads: 0,
        took_us: 0,
        slowest_us: 0,
        waiting_windows: 0,
        memory_bytes: 0,
        disk_bytes: 0,
    };

    /// Goal: a window is one row, with all that became of it; no window, no row; a backend that is taken away takes
    /// its charts along, and one with other windows has others.
    #[test]
    fn a_window_is_a_row() {
        let store = Arc::new(Store::new());
        let info = HostInfo::unknown(Guid::from_bytes([1; 16]));
        let own = store.add(&info, Keep::new(MemoryMode::Ram, 600));
        let mut feed = own.claim(FeedKind::Local, info);
        let backends = Arc::new(Mutex::new(vec![QUIET]));
        let nowhere = Config { root: "/nowhere".into(), ..Config::default() };
        let of_collector = Arc::clone(&backends);
        let look: Backends = Box::new(move |see| of_collector.lock().unwrap().iter().for_each(&mut *see));
        let mut collector = Collector::new(nowhere).with_backends(look, 1);
        let mut until = |from_s: i64, to_s: i64| {
            let tick = |second| {
                let now = Now { wall_us: (T + second) * 1_000_000, mono_us: ((second + 100) * 1_000_000) as u64 };
                collector.tick(now, &mut feed).rows
            };
            (from_s..=to_s).map(tick).sum::<u32>()
        };
        let told = |windows, buffered, sent| {
            backends.lock().unwrap()[0] = BackendFigures {
                windows,
                buffered: [buffered, buffered * 50],
                sent: [sent, sent * 50],
                writes: windows,
                took_us: windows * 3_000,
                slowest_us: 4_000,
                waiting_windows: 2,
                ..QUIET
            };
        };
        assert_eq!(until(0, 4), 0, "nothing was told");
        told(1, 100, 0);
        assert_eq!(until(5, 9), 0, "the window may still arrive");
        told(1, 100, 100);
        assert_eq!(until(10, 10), 6);
        told(2, 250, 250);
        assert_eq!(until(11, 20), 6);
        assert_eq!(until(21, 60), 0, "nothing more was told");
        let collected = |id: &str, dimension: &str| {
            let find = |view: &HostView<'_>| {
                let chart = view.find_chart(id)?;
                let index = chart.dimensions().position(|known| known.id == dimension)?;
                chart.dimension_state(index as u32).map(|state| state.collected)
            };
            own.read(find)
        };
        let metrics = ["buffered", "lost", "sent"].map(|name| collected("netdata.exporting_site_a_metrics", name));
        assert_eq!(metrics, [Some(150), Some(0), Some(150)]);
        assert_eq!(collected("netdata.exporting_site_a_bytes", "sent"), Some(7_500));
        assert_eq!(collected("netdata.exporting_site_a_ops", "write"), Some(1));
        assert_eq!(collected("netdata.exporting_site_a_latency", "average"), Some(3_000));
        assert_eq!(collected("netdata.exporting_site_a_latency", "slowest"), Some(4_000));
        assert_eq!(collected("netdata.exporting_site_a_backlog", "windows"), Some(2));
        told(3, 251, 251);
        backends.lock().unwrap()[0].every_s = 5;
        assert_eq!(until(61, 70), 6);
        let every = |view: &HostView<'_>| view.charts().map(|chart| chart.update_every_s()).collect::<Vec<_>>();
        assert_eq!(own.read(every), [5; 6]);
        backends.lock().unwrap().clear();
        until(71, 71);
        let is_obsolete =
            |view: &HostView<'_>| view.charts().all(|chart| chart.definition().options.has(ChartOptions::OBSOLETE));
        assert!(own.read(is_obsolete));
    }
}
