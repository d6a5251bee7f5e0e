//! What processes are added up to: applications, users or groups, each a dimension of every chart.
//!
//! Processor time is paid out and not only measured: the kernel counts what processes used exactly, but
//! what the machine used by samples, and both are read a moment apart. So the targets together get at
//! most what the machine says it used since the last row; what is left of one tick is paid with the next.

use row::Now;

use super::forms::{self, Metric};
use super::process::Process;
use crate::charts::{Batch, GrowingChart, Growth, Owner};
use crate::pace::Cadence;

/// Charts of each kind.
pub(super) const METRICS: usize = 18;
/// Users or groups at most; processes of those beyond are others.
const TARGETS_MAX: usize = 200;
/// The name of those who are beyond, or on no list.
pub(super) const OTHER: &str = "other";
/// A user or group without processes for so long makes room for others.
const EMPTY_US_MAX: u64 = 3600 * 1_000_000;
/// Growth is counted in ten-thousandths, so that shares of it are not lost.
const SCALE: u64 = 10_000;
/// Processor time that may be left for the next row: a tenth of a second of one core.
const LEFT_MAX: u64 = 10 * SCALE;

/// What grows: processor time in programs and in the kernel, page faults without and with a disk,
/// bytes read, written, read from disks, written to disks.
type Growths = [u64; 8];

/// Which number of a process decides, and what the charts are.
#[derive(Debug)]
pub(super) struct Kind {
    pub(super) metrics: &'static [Metric; METRICS],
    /// Where a process keeps its target.
    pub(super) target: fn(&Process) -> u16,
}

/// By the groups of the list.
pub(super) static APPS: Kind = Kind { metrics: &forms::APPS, target: |process| process.app };
/// By user.
pub(super) static USERS: Kind = Kind { metrics: &forms::USERS, target: |process| process.user };
/// By group.
pub(super) static GROUPS: Kind = Kind { metrics: &forms::GROUPS, target: |process| process.group };

/// All targets of a kind, and their charts.
#[derive(Debug)]
pub(super) struct Targets {
    kind: &'static Kind,
    owner: Owner,
    charts: Vec<GrowingChart>,
    targets: Vec<Target>,
    cadence: Cadence,
    /// Microseconds since the last row, and ticks that the machine was busy meanwhile.
    since: Since,
    /// Whether there is a row to hand over.
    is_due: bool,
    /// Whether some have to leave or change their names.
    has_leaving: bool,
    descriptors_percent: f64,
    overflow_told: bool,
}

#[derive(Debug, Default)]
struct Since {
    us: u64,
    busy: Option<u64>,
}

#[derive(Debug, Default)]
struct Target {
    /// The number of the user or group; none has an application, and others.
    id: Option<u32>,
    /// Empty where the place is free.
    name: String,
    /// What it is called from the next row on, empty for none; nothing while all stays.
    next_name: Option<String>,
    /// Whether it had a process; one that had none so far is not shown.
    seen: bool,
    growths: Growths,
    gauges: Gauges,
    /// Microseconds without a process.
    empty_us: u64,
    values: [i64; METRICS],
}

/// What is so now.
#[derive(Debug, Default)]
struct Gauges {
    processes: u64,
    threads: u64,
    private_kib: u64,
    virtual_kib: u64,
    swap_kib: u64,
    files: u64,
    sockets: u64,
    pipes: u64,
    oldest: Option<u64>,
}

/// A part of something, from none to all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Share {
    pub(super) part: u64,
    pub(super) of: u64,
}

impl Share {
    pub(super) const ALL: Self = Self { part: 1, of: 1 };

    /// As much of `of` as `part` allows.
    pub(super) fn of(part: u64, of: u64) -> Self {
        if part >= of { Self::ALL } else { Self { part, of } }
    }

    fn apply(self, value: u64) -> u64 {
        if self == Self::ALL || value == 0 {
            return value;
        }
        (u128::from(value) * u128::from(self.part) / u128::from(self.of)) as u64
    }
}

/// What the targets need to know of a scan.
pub(super) struct Scan<'a> {
    pub(super) processes: &'a [Process],
    /// How much of what ended children used is believed.
    pub(super) share: Share,
    /// Microseconds since the scan before.
    pub(super) us: u64,
    /// Ticks that the machine was busy since then, where it says so.
    pub(super) busy: Option<u64>,
    /// Ticks since the machine started.
    pub(super) uptime: u64,
    pub(super) now: Now,
}

impl Targets {
    /// Targets with these names for ever, in this order.
    pub(super) fn listed(kind: &'static Kind, update_every_s: u32, names: impl Iterator<Item = String>) -> Self {
        let targets = names.map(|name| Target { name, ..Target::default() }).collect();
        Self { targets, ..Self::found(kind, update_every_s) }
    }

    /// Targets that come and go.
    pub(super) fn found(kind: &'static Kind, update_every_s: u32) -> Self {
        Self {
            kind,
            owner: Owner { plugin: forms::PLUGIN, update_every_s, ..Owner::default() },
            charts: kind.metrics.iter().map(|(form, dimension)| GrowingChart::of(form, *dimension)).collect(),
            targets: Vec::new(),
            cadence: Cadence::new(update_every_s),
            since: Since { us: 0, busy: Some(0) },
            is_due: false,
            has_leaving: false,
            descriptors_percent: 0.0,
            overflow_told: false,
        }
    }

    /// The target of a user or group; `name` is asked if it is new.
    pub(super) fn find(&mut self, id: u32, name: impl FnOnce(u32) -> String) -> u16 {
        if let Some(known) = self.targets.iter().position(|target| target.id == Some(id)) {
            return known as u16;
        }
        let known = self.targets.iter().filter(|target| target.id.is_some()).count();
        let name = if known < TARGETS_MAX { name(id) } else { return self.find_other() };
        self.add(Target { id: Some(id), name, ..Target::default() })
    }

    fn find_other(&mut self) -> u16 {
        if !std::mem::replace(&mut self.overflow_told, true) {
            tracing::warn!(
                limit = TARGETS_MAX,
                charts = self.kind.metrics[0].0.id,
                "too many users or groups, those beyond are shown as others"
            );
        }
        let is_other = |target: &Target| target.id.is_none() && target.name == OTHER;
        let other = self.targets.iter().position(is_other).map(|other| other as u16);
        other.unwrap_or_else(|| self.add(Target { name: OTHER.to_owned(), ..Target::default() }))
    }

    fn add(&mut self, target: Target) -> u16 {
        let free = self.targets.iter().position(|target| target.name.is_empty());
        match free {
            Some(free) => self.targets[free] = target,
            None => self.targets.push(target),
        }
        free.unwrap_or(self.targets.len() - 1) as u16
    }

    /// Asks for all names anew.
    pub(super) fn rename(&mut self, name: &mut dyn FnMut(u32) -> String) {
        for target in &mut self.targets {
            target.next_name = target.id.map(&mut *name).filter(|name| *name != target.name);
            self.has_leaving |= target.next_name.is_some();
        }
    }

    /// Adds a scan up, and makes a row if it is time.
    pub(super) fn add_up(&mut self, scan: &Scan<'_>) {
        for process in scan.processes {
            if let Some(target) = self.targets.get_mut(usize::from((self.kind.target)(process))) {
                target.add_growths(process, scan.share);
            }
        }
        self.since.us += scan.us;
        self.since.busy = self.since.busy.zip(scan.busy).map(|(before, now)| before.saturating_add(now));
        self.is_due = self.cadence.is_due(scan.now) && self.since.us > 0;
        if self.is_due {
            self.measure(scan);
            self.pay();
            self.since = Since { us: 0, busy: Some(0) };
        }
    }

    /// Finds out what is so now.
    fn measure(&mut self, scan: &Scan<'_>) {
        self.targets.iter_mut().for_each(|target| target.gauges = Gauges::default());
        self.descriptors_percent = 0.0;
        for process in scan.processes {
            if let Some(target) = self.targets.get_mut(usize::from((self.kind.target)(process))) {
                target.gauges.add(process);
                self.descriptors_percent = self.descriptors_percent.max(process.descriptors.percent());
            }
        }
        let us = self.since.us;
        for target in &mut self.targets {
            target.show_gauges(scan.uptime);
            target.empty_us = if target.gauges.processes > 0 { 0 } else { target.empty_us.saturating_add(us) };
            // Those of a list stay.
            if target.empty_us > EMPTY_US_MAX && target.id.is_some() {
                target.next_name = Some(String::new());
                self.has_leaving = true;
            }
        }
    }

    /// Makes rates of what grew. Processor time is limited to what the machine used.
    fn pay(&mut self) {
        let wanted = self.targets.iter().map(Target::processor_time).sum();
        let room = self.since.busy.map_or(u64::MAX, |ticks| ticks.saturating_mul(SCALE));
        let share = Share::of(room, wanted);
        for target in &mut self.targets {
            target.pay(share, self.since.us);
        }
        let left = self.targets.iter().map(Target::processor_time).sum();
        let keep = Share::of(LEFT_MAX, left);
        for target in &mut self.targets {
            target.growths[0] = keep.apply(target.growths[0]);
            target.growths[1] = keep.apply(target.growths[1]);
        }
    }

    /// Hands over the row.
    pub(super) fn write(&mut self, batch: &mut Batch<'_>) {
        if !std::mem::take(&mut self.is_due) {
            return;
        }
        if std::mem::take(&mut self.has_leaving) {
            self.let_go(batch);
        }
        for (at, chart) in self.charts.iter_mut().enumerate() {
            let values = self.targets.iter().map(|target| target.growth(at));
            batch.listed_row(chart, &self.owner, values);
        }
        batch.growing_chart_variable(&self.charts[Value::Files as usize], "fdperc", self.descriptors_percent);
    }

    fn let_go(&mut self, batch: &mut Batch<'_>) {
        for (at, target) in self.targets.iter_mut().enumerate() {
            let Some(name) = target.next_name.take() else { continue };
            for chart in &mut self.charts {
                batch.retire_dimension(chart, at, &target.name);
            }
            if name.is_empty() {
                *target = Target::default();
            }
            target.name = name;
        }
    }
}

impl Target {
    fn add_growths(&mut self, process: &Process, share: Share) {
        for at in 0..4 {
            let of_children = share.apply(process.children_growth[at].saturating_mul(SCALE));
            let own = process.used_growth[at].saturating_mul(SCALE);
            self.growths[at] = self.growths[at].saturating_add(own).saturating_add(of_children);
            let moved = process.moved_growth[at].saturating_mul(SCALE);
            self.growths[4 + at] = self.growths[4 + at].saturating_add(moved);
        }
    }

    fn processor_time(&self) -> u64 {
        self.growths[0].saturating_add(self.growths[1])
    }

    fn pay(&mut self, share: Share, us: u64) {
        let per_second = |grown: u64| i64::try_from(u128::from(grown) * 1_000_000 / u128::from(us)).unwrap_or(i64::MAX);
        // A tick is a hundredth of a second, so ticks a second are percent of a core.
        let paid = [share.apply(self.growths[0]), share.apply(self.growths[1])];
        self.growths[0] -= paid[0];
        self.growths[1] -= paid[1];
        let [user, system] = paid.map(per_second);
        let [_, _, minor, major, read, written, disk_read, disk_written] = self.growths.map(per_second);
        self.growths[2..].fill(0);
        for (value, rate) in [
            (Value::Cpu, user.saturating_add(system)),
            (Value::CpuUser, user),
            (Value::CpuSystem, system),
            (Value::MinorFaults, minor),
            (Value::MajorFaults, major),
            (Value::Read, read),
            (Value::Written, written),
            (Value::DiskRead, disk_read),
            (Value::DiskWritten, disk_written),
        ] {
            self.values[value as usize] = rate;
        }
    }

    fn show_gauges(&mut self, uptime: u64) {
        let gauges = &self.gauges;
        self.seen |= gauges.processes > 0;
        let age = gauges.oldest.map_or(0, |start| uptime.saturating_sub(start) / 100);
        for (value, gauge) in [
            (Value::Private, gauges.private_kib),
            (Value::Virtual, gauges.virtual_kib),
            (Value::Swap, gauges.swap_kib),
            (Value::Processes, gauges.processes),
            (Value::Threads, gauges.threads),
            (Value::Age, age),
            (Value::Files, gauges.files),
            (Value::Sockets, gauges.sockets),
            (Value::Pipes, gauges.pipes),
        ] {
            self.values[value as usize] = i64::try_from(gauge).unwrap_or(i64::MAX);
        }
    }

    fn growth(&self, at: usize) -> Growth<'_> {
        Growth { id: &self.name, name: "", value: self.seen.then(|| self.values[at]) }
    }
}

impl Gauges {
    fn add(&mut self, process: &Process) {
        let sums = [
            (&mut self.processes, 1),
            (&mut self.threads, process.threads),
            (&mut self.private_kib, process.private_kib),
            (&mut self.virtual_kib, process.virtual_kib),
            (&mut self.swap_kib, process.swap_kib),
            (&mut self.files, u64::from(process.descriptors.files)),
            (&mut self.sockets, u64::from(process.descriptors.sockets)),
            (&mut self.pipes, u64::from(process.descriptors.pipes)),
        ];
        for (sum, value) in sums {
            *sum = sum.saturating_add(value);
        }
        self.oldest = Some(self.oldest.map_or(process.start, |oldest| oldest.min(process.start)));
    }
}

/// The charts of a kind, in the order of their forms.
#[derive(Debug, Clone, Copy)]
enum Value {
    Cpu,
    CpuUser,
    CpuSystem,
    DiskRead,
    DiskWritten,
    Read,
    Written,
    Private,
    Virtual,
    MinorFaults,
    Swap,
    MajorFaults,
    Processes,
    Threads,
    Age,
    Files,
    Sockets,
    Pipes,
}

const _: () = assert!(Value::Pipes as usize + 1 == METRICS);
