//! The charts of a container or a machine: its own, in a section of their own.

use super::forms::{CORE, MEMORY_1_WITHOUT_SWAP, PER_CORE, WRITEBACK_WITHOUT_DIRTY, Which};
use super::limits::Limits;
use super::name::Name;
use super::reading::{MemoryStat, Reading};
use crate::charts::{Batch, Chart, Form, GrowingChart, Growth, Owner};
use crate::names::chart_id;
use crate::running_sum::growth;

/// The plugin that the charts belong to, by the name that dashboards know.
pub(super) const PLUGIN: &str = "cgroups.plugin";
const MIB: f64 = (1 << 20) as f64;

/// The charts of one group. They take room once they have something to show.
pub(crate) struct OwnCharts {
    owner: Owner,
    charts: [Option<Box<Chart>>; Which::ALL],
    per_core: Option<Box<GrowingChart>>,
    before: Option<Before>,
    /// Limits that were told: of the processor, of memory, and of that with swap.
    told: [Option<f64>; 3],
}

/// The last reading, as far as charts are computed from two.
#[derive(Debug, Clone, Copy)]
struct Before {
    us: u64,
    cpu: Option<i64>,
    throttled: Option<[i64; 3]>,
}

/// What all groups share.
pub(crate) struct Frame<'a> {
    /// Whether there is one tree for all controllers.
    pub unified: bool,
    /// Bytes in a page.
    pub page_bytes: i32,
    /// The names of cores.
    pub cores: &'a [String],
    /// When the reading was, by the monotonic clock.
    pub now_us: u64,
}

/// The section that charts of a group by this name are in.
pub(crate) fn section(name: &str) -> String {
    format!("cgroup_{}", chart_id(name.as_bytes()).replace('.', "-"))
}

impl OwnCharts {
    /// Charts of a group of this name.
    pub(crate) fn new(name: Name, module: &'static str, update_every_s: u32) -> Self {
        let mut labels = vec![("cgroup_name", name.text.clone())];
        labels.extend(name.labels);
        let owner = Owner {
            plugin: PLUGIN,
            group: section(&name.text),
            context_prefix: name.context_prefix,
            labels,
            ..Owner::machine(module, update_every_s)
        };
        Self { owner, charts: [const { None }; Which::ALL], per_core: None, before: None, told: [None; 3] }
    }

    /// What the charts are of.
    pub(crate) fn owner(&self) -> &Owner {
        &self.owner
    }

    /// The section that the charts are in.
    pub(crate) fn section(&self) -> &str {
        &self.owner.group
    }

    /// Hands over a reading.
    pub(crate) fn write(&mut self, batch: &mut Batch<'_>, reading: &Reading, limits: &Limits, frame: &Frame<'_>) {
        self.write_cpu(batch, reading, limits, frame);
        self.write_memory(batch, reading, limits, frame);
        for (at, values) in reading.transfers.iter().enumerate() {
            if let Some(values) = values {
                self.row(batch, Which::Transfer(at), frame, *values != [0; 2], values);
            }
        }
        if let Some(pids) = reading.pids {
            self.row(batch, Which::Pids, frame, pids != 0, &[pids]);
        }
        for (at, stalls) in reading.pressure.iter().flatten().enumerate() {
            if let Some(stalls) = stalls {
                self.row(batch, Which::Pressure(2 * at), frame, true, &stalls.hundredths);
                self.row(batch, Which::Pressure(2 * at + 1), frame, true, &[stalls.total_ms]);
            }
        }
        self.before = Some(Before {
            us: frame.now_us,
            cpu: reading.cpu.map(|[user, system]| user.wrapping_add(system)),
            throttled: reading.throttled,
        });
    }

    fn write_cpu(&mut self, batch: &mut Batch<'_>, reading: &Reading, limits: &Limits, frame: &Frame<'_>) {
        if let Some(cpu) = reading.cpu {
            self.row(batch, Which::Cpu, frame, cpu != [0; 2], &cpu);
            self.write_cpu_limit(batch, cpu, limits, frame);
        }
        if !reading.per_core.is_empty() {
            let chart = self.per_core.get_or_insert_with(|| Box::new(GrowingChart::of(&PER_CORE, CORE)));
            let cores = frame.cores.iter().zip(&reading.per_core);
            let values = cores.map(|(id, &time)| Growth { id, name: "", value: Some(time) });
            batch.growing_row(chart, &self.owner, values);
        }
        if let Some(now) = reading.throttled {
            let shows = now != [0; 3];
            let before = self.before.and_then(|before| before.throttled).unwrap_or(now);
            let [periods, throttled] = [0, 1].map(|at| growth(before[at], now[at]));
            let share = if periods > 0 { throttled.saturating_mul(100) / periods } else { 0 };
            self.row(batch, Which::Throttled, frame, shows, &[share]);
            self.row(batch, Which::ThrottledDuration, frame, shows, &[now[2]]);
        }
    }

    /// The share of what is allowed: 100 times what its dimension is divided by is all of it.
    fn write_cpu_limit(&mut self, batch: &mut Batch<'_>, cpu: [i64; 2], limits: &Limits, frame: &Frame<'_>) {
        let Some(percent) = limits.cpu_percent else { return };
        let shows = cpu != [0; 2];
        if let Some(Before { us, cpu: Some(before), .. }) = self.before {
            let grown = growth(before, cpu[0].wrapping_add(cpu[1])) as f64;
            let passed_s = frame.now_us.saturating_sub(us) as f64 / 1e6;
            let used = if passed_s > 0.0 { grown * 100.0 * 100.0 / (percent * passed_s) } else { 0.0 };
            self.row(batch, Which::CpuLimit, frame, shows, &[used as i64]);
        }
        self.tell(batch, 0, Which::Cpu, "cpu_limit", Some(percent));
    }

    fn write_memory(&mut self, batch: &mut Batch<'_>, reading: &Reading, limits: &Limits, frame: &Frame<'_>) {
        let inactive = reading.memory_stat.map_or(0, |stat| stat.inactive_file);
        if let Some(bytes) = reading.memory {
            let ram = bytes.saturating_sub(inactive).max(0);
            // Version 1 counts memory and swap together.
            let swap = reading.swap.map_or(0, |swap| if frame.unified { swap } else { (swap - bytes).max(0) });
            self.row(batch, Which::MemoryUsage, frame, ram != 0 || swap != 0, &[ram, swap]);
            if let Some(limit) = limits.memory_bytes {
                let available = limit.saturating_sub(ram).max(0);
                let share = (ram as f64 * 100.0 / limit as f64) as i64;
                self.row(batch, Which::MemoryUtilization, frame, ram != 0, &[share]);
                self.row(batch, Which::MemoryUsageLimit, frame, ram != 0, &[available, ram]);
            }
            for (at, name) in [(1, "memory_limit"), (2, "memory_and_swap_limit")] {
                let limit = limits.said[at - 1].map(|bytes| bytes as f64 / MIB);
                self.tell(batch, at, Which::MemoryUsage, name, limit);
            }
        }
        if let Some(stat) = &reading.memory_stat {
            self.write_memory_stat(batch, stat, frame);
        }
        if let Some(failures) = reading.failures {
            self.row(batch, Which::Failures, frame, failures != 0, &[failures]);
        }
    }

    /// What memory is used for: these charts appear together.
    fn write_memory_stat(&mut self, batch: &mut Batch<'_>, stat: &MemoryStat, frame: &Frame<'_>) {
        let [cache, rss, swap, huge, mapped, _] = stat.detail;
        let shows = stat.has_values();
        match (frame.unified, stat.has_swap) {
            (true, _) => self.row(batch, Which::Memory, frame, shows, &stat.detail),
            (false, true) => self.row(batch, Which::Memory, frame, shows, &[cache, rss, swap, huge, mapped]),
            (false, false) => {
                self.row_of(batch, Which::Memory, &MEMORY_1_WITHOUT_SWAP, shows, &[cache, rss, huge, mapped]);
            }
        }
        match stat.dirty {
            Some(dirty) => self.row(batch, Which::Writeback, frame, shows, &[dirty, stat.writeback]),
            None => self.row_of(batch, Which::Writeback, &WRITEBACK_WITHOUT_DIRTY, shows, &[stat.writeback]),
        }
        self.owner.factor = frame.page_bytes;
        if !frame.unified {
            self.row(batch, Which::Activity, frame, shows, &stat.paged);
        }
        self.row(batch, Which::Faults, frame, shows, &stat.faults);
        self.owner.factor = 1;
    }

    /// Sets a variable of a chart that is defined, unless it was told.
    fn tell(&mut self, batch: &mut Batch<'_>, at: usize, which: Which, name: &str, value: Option<f64>) {
        let chart = self.charts[which.number()].as_deref().filter(|chart| chart.is_defined());
        if let (Some(chart), Some(limit)) = (chart, value)
            && self.told[at] != value
        {
            self.told[at] = value;
            batch.chart_variable(chart, name, limit);
        }
    }

    fn row(&mut self, batch: &mut Batch<'_>, which: Which, frame: &Frame<'_>, shows: bool, values: &[i64]) {
        self.row_of(batch, which, which.form(frame.unified), shows, values);
    }

    /// Hands over a row of a chart that appears once it has something to show.
    fn row_of(&mut self, batch: &mut Batch<'_>, which: Which, form: &'static Form, shows: bool, values: &[i64]) {
        let place = &mut self.charts[which.number()];
        if place.is_none() && !shows && !batch.shows_zeros() {
            return;
        }
        batch.row(place.get_or_insert_with(|| Box::new(Chart::new(form))), &self.owner, values);
    }

    /// Says that all charts' collection stopped.
    pub(crate) fn obsolete(&mut self, batch: &mut Batch<'_>) {
        for chart in self.charts.iter_mut().flatten() {
            batch.obsolete(chart);
        }
        if let Some(chart) = &mut self.per_core {
            batch.obsolete_growing(chart);
        }
    }
}
