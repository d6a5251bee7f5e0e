//! What this process costs, and how its ticks come: `netdata.server_cpu`, `netdata.uptime`, and charts
//! of our own.
//!
//! Each second only clocks are read; what takes a file comes every ten seconds.

use std::path::Path;

use row::{ChartType, Now, US_PER_S};

use crate::charts::{Batch, Chart, Form, GrowingChart, Growth, Owner, PLAIN, absolute, incremental, line};
use crate::collector::TickReport;
use crate::file::{Buffer, KeptFile};
use crate::pace::Cadence;
use crate::page_size::page_size_bytes;
use crate::scan::Words;

/// Seconds between rows of what takes a file, and of what changes little.
const SELDOM_S: u32 = 10;
/// The words of `/proc/self/stat` before the times, counted after the program's name.
const WORDS_BEFORE_TIMES: usize = 11;

static CPU: Form = Form {
    id: "netdata.server_cpu",
    context: "netdata.server_cpu",
    title: "Processor time of this program",
    units: "milliseconds/s",
    family: "netdata",
    chart_type: ChartType::Stacked,
    priority: 130_000,
    options: PLAIN,
    dimensions: &[incremental("user", 1, 1000), incremental("system", 1, 1000)],
};
static UPTIME: Form = line(
    "netdata.uptime",
    "Time since this program started",
    "seconds",
    "netdata",
    130_100,
    &[absolute("uptime", 1, 1)],
);
static MEMORY: Form = line(
    "tributary.memory",
    "Resident memory of this program, in all and what no file backs",
    "MiB",
    "collector",
    130_110,
    &[absolute("resident", 1, 1 << 20), absolute("anonymous", 1, 1 << 20)],
);
static COLLECTED: Form = line(
    "tributary.collected",
    "Rows and values that were collected",
    "values/s",
    "collector",
    130_111,
    &[incremental("rows", 1, 1), incremental("samples", 1, 1)],
);
static CHARTS: Form = line(
    "tributary.charts",
    "Charts of this host in memory",
    "charts",
    "collector",
    130_112,
    &[absolute("charts", 1, 1)],
);
static TICKS: Form = line(
    "tributary.ticks",
    "Ticks that ran, and those that came too late to run",
    "ticks/s",
    "collector",
    130_113,
    &[incremental("run", 1, 1), incremental("missed", 1, 1)],
);
static TICK_TIME: Form = line(
    "tributary.tick_time",
    "The longest tick, and the latest",
    "milliseconds",
    "collector",
    130_114,
    &[absolute("took", 1, 1_000_000), absolute("late", 1, 1000)],
);
static MODULES: Form =
    line("tributary.modules", "Time of one reading, by module", "microseconds", "collector", 130_115, &[]).stacked();

/// What ticks came to: counted from the start, and the greatest since the last row.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    rows: u64,
    samples: u64,
    ticks: u64,
    pub(crate) ticks_missed: u64,
    took_ns: u64,
    pub(crate) late_us: u64,
}

impl Figures {
    /// Notes a tick that ran.
    pub(crate) fn note(&mut self, report: &TickReport, took_ns: u64) {
        self.rows += u64::from(report.rows);
        self.samples += u64::from(report.samples);
        self.ticks += 1;
        self.took_ns = self.took_ns.max(took_ns);
    }
}

/// Tells what this process costs.
pub(crate) struct Usage {
    cpu_us: fn() -> u64,
    cpu: Cpu,
    stat: Option<KeptFile>,
    statm: Option<KeptFile>,
    page_bytes: i64,
    uptime_s: i64,
    /// Resident bytes, and those that no file backs.
    memory: Option<[i64; 2]>,
    often: Cadence,
    seldom: Cadence,
    often_due: bool,
    seldom_due: bool,
    often_owner: Owner,
    seldom_owner: Owner,
    charts: Charts,
}

struct Charts {
    cpu: Chart,
    uptime: Chart,
    memory: Chart,
    collected: Chart,
    charts: Chart,
    ticks: Chart,
    tick_time: Chart,
    modules: GrowingChart,
}

/// Processor time, in microseconds. The clock tells all of it, and exactly; how it is split is known
/// from a file that counts hundredths of a second.
#[derive(Debug, Default)]
struct Cpu {
    all_us: u64,
    user_us: u64,
    system_us: u64,
    /// User time, and both together, as the file has them.
    split: (i64, i64),
}

impl Cpu {
    fn add(&mut self, all_us: u64) {
        let more_us = all_us.saturating_sub(self.all_us);
        let (user, both) = self.split;
        let user_us = if both > 0 { (more_us as f64 * user as f64 / both as f64) as u64 } else { more_us / 2 };
        self.all_us = all_us;
        self.user_us += user_us;
        self.system_us += more_us.saturating_sub(user_us);
    }
}

impl Usage {
    /// Rows every so many seconds, or more seldom; `cpu_us` tells the processor time of this process.
    pub(crate) fn new(cpu_us: fn() -> u64, update_every_s: u32) -> Self {
        // This process, wherever the machine's files lie.
        let open = |path| KeptFile::open(Path::new("/"), path).ok();
        let owner = |update_every_s| Owner { plugin: "netdata", ..Owner::machine("stats", update_every_s) };
        let seldom_s = update_every_s.max(SELDOM_S);
        Self {
            cpu_us,
            cpu: Cpu::default(),
            stat: open("/proc/self/stat"),
            statm: open("/proc/self/statm"),
            page_bytes: i64::from(page_size_bytes()),
            uptime_s: 0,
            memory: None,
            often: Cadence::new(update_every_s),
            seldom: Cadence::new(seldom_s),
            often_due: false,
            seldom_due: false,
            often_owner: owner(update_every_s),
            seldom_owner: owner(seldom_s),
            charts: Charts {
                cpu: Chart::new(&CPU),
                uptime: Chart::new(&UPTIME),
                memory: Chart::new(&MEMORY),
                collected: Chart::new(&COLLECTED),
                charts: Chart::new(&CHARTS),
                ticks: Chart::new(&TICKS),
                tick_time: Chart::new(&TICK_TIME),
                modules: GrowingChart::of(&MODULES, absolute("", 1, 1000)),
            },
        }
    }

    /// Reads clocks, and files where they are due.
    pub(crate) fn read(&mut self, buffer: &mut Buffer, now: Now) {
        self.often_due = self.often.is_due(now);
        self.seldom_due = self.seldom.is_due(now);
        if self.seldom_due {
            self.cpu.split = self.stat.as_ref().and_then(|file| split(file.read(buffer).ok()?)).unwrap_or_default();
            self.memory = self.statm.as_ref().and_then(|file| memory(file.read(buffer).ok()?, self.page_bytes));
        }
        self.cpu.add((self.cpu_us)());
        self.uptime_s = (now.mono_us / US_PER_S.unsigned_abs()).cast_signed();
    }

    /// Hands over the rows that are due; `modules` are names and times of one reading in nanoseconds.
    pub(crate) fn write(
        &mut self,
        batch: &mut Batch<'_>,
        figures: &mut Figures,
        modules: impl Iterator<Item = (&'static str, u64)> + Clone,
    ) {
        let Self { cpu, uptime_s, memory, often_owner: often, seldom_owner: seldom, charts, .. } = self;
        if self.often_due {
            batch.row(&mut charts.cpu, often, &[cpu.user_us.cast_signed(), cpu.system_us.cast_signed()]);
            batch.row(&mut charts.uptime, often, &[*uptime_s]);
        }
        if !self.seldom_due {
            return;
        }
        if let Some(memory) = memory {
            batch.row(&mut charts.memory, seldom, memory);
        }
        batch.row(&mut charts.collected, seldom, &[figures.rows, figures.samples].map(u64::cast_signed));
        batch.row(&mut charts.charts, seldom, &[batch.charts_of_host() as i64]);
        batch.row(&mut charts.ticks, seldom, &[figures.ticks, figures.ticks_missed].map(u64::cast_signed));
        let longest =
            [&mut figures.took_ns, &mut figures.late_us].map(|greatest| std::mem::take(greatest).cast_signed());
        batch.row(&mut charts.tick_time, seldom, &longest);
        let times = modules.map(|(id, ns)| Growth { id, name: "", value: Some(ns.cast_signed()) });
        batch.growing_row(&mut charts.modules, seldom, times);
    }
}

/// User time, and user and system time together.
fn split(text: &[u8]) -> Option<(i64, i64)> {
    let end = text.iter().rposition(|&byte| byte == b')')?;
    let mut words = Words::new(&text[end + 1..]);
    words.nth(WORDS_BEFORE_TIMES - 1)?;
    let [user, system] = words.numbers()?;
    Some((user, user.checked_add(system)?))
}

fn memory(text: &[u8], page_bytes: i64) -> Option<[i64; 2]> {
    let [_, resident, shared] = Words::new(text).numbers()?;
    Some([resident, resident.saturating_sub(shared)].map(|pages| pages.saturating_mul(page_bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: the times are found behind a name that has blanks and brackets; broken files give nothing.
    #[test]
    fn files_of_a_process() {
        let stat = b"7 (a) b (c) S 1 1 1 0 -1 4194560 900 0 0 0 30 10 0 0 20 0 1 0 5 1 1 1\n";
        assert_eq!(split(stat), Some((30, 40)));
        assert_eq!(memory(b"900 500 400 1 0 1 0\n", 4096), Some([500 * 4096, 100 * 4096]));
        crate::tests::mutate(stat, |text| assert!(split(text).is_none_or(|(user, both)| both >= user || user < 0)));
        crate::tests::mutate(b"900 500 400 1 0 1 0\n", |text| {
            assert!(memory(text, 4096).is_none_or(|bytes| bytes.len() == 2))
        });
    }

    /// Goal: no time is lost or counted twice, however it is split, and none is taken back.
    #[test]
    fn processor_time_is_split() {
        let mut cpu = Cpu::default();
        for (all_us, split) in [(1000, (0, 0)), (2000, (3, 4)), (2001, (1, 3)), (2001, (1, 1)), (5000, (0, 9))] {
            let before = (cpu.user_us, cpu.system_us);
            cpu.split = split;
            cpu.add(all_us);
            assert_eq!(cpu.user_us + cpu.system_us, all_us);
            assert!(cpu.user_us >= before.0 && cpu.system_us >= before.1);
        }
        assert_eq!((cpu.user_us, cpu.system_us), (500 + 750, 500 + 250 + 1 + 2999));
    }
}
