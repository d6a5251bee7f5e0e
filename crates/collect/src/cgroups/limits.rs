//! What a control group may use at most.

use std::path::Path;

use super::files::Reader;
use super::hierarchy::Controller;
use super::reading::Reading;
use super::walk::path_of;
use crate::file::{Buffer, KeptFile, read_once, under};
use crate::scan::{Words, lines, number};

/// What the machine has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Machine {
    /// Processors.
    pub cores: u32,
    /// Bytes of memory.
    pub memory_bytes: i64,
}

/// What a group may use at most.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub(crate) struct Limits {
    /// Percent of a core; `None` where nothing tells.
    pub cpu_percent: Option<f64>,
    /// Bytes of memory, those of the machine at most.
    pub memory_bytes: Option<i64>,
    /// Bytes of memory as the limit says, and of memory with swap.
    pub said: [Option<i64>; 2],
}

impl Machine {
    /// What the machine whose files lie below `root` has.
    pub(crate) fn read(root: &Path, buffer: &mut Buffer) -> Self {
        let online = read_once(&under(root, "/sys/devices/system/cpu/online"), buffer).ok().and_then(cores_in);
        let text = read_once(&under(root, "/proc/meminfo"), buffer).unwrap_or_default();
        let total = lines(text).find_map(|line| Words::new(line.strip_prefix(b"MemTotal:")?).number());
        Self { cores: online.unwrap_or(1).max(1), memory_bytes: total.unwrap_or(0).saturating_mul(1024) }
    }
}

impl Limits {
    /// Reads the limits of the group `name` on what `reading` has of it.
    pub(crate) fn read(
        name: &[u8],
        machine: Machine,
        reader: &mut Reader,
        buffer: &mut Buffer,
        reading: &Reading,
    ) -> Self {
        if reader.hierarchy.unified {
            Self::read_2(name, machine, reader, buffer)
        } else {
            Self::read_1(name, machine, reader, buffer, reading)
        }
    }

    /// A group need not be in the trees of all controllers.
    fn read_1(name: &[u8], machine: Machine, reader: &mut Reader, buffer: &mut Buffer, reading: &Reading) -> Self {
        let mut limits = Self::default();
        let mut read =
            |controller, file| read(name, controller, file, reader, buffer, |text| Words::new(text).number());
        if reading.memory.is_some() {
            limits.said = [
                read(Controller::Memory, "memory.limit_in_bytes"),
                read(Controller::Memory, "memory.memsw.limit_in_bytes"),
            ];
            limits.memory_bytes = machine.limit(limits.said[0]);
        }
        if reading.cpu.is_some()
            && let Some(period) = read(Controller::Cpu, "cpu.cfs_period_us")
        {
            // Without a limit it is -1, which is no number here.
            let quota = read(Controller::Cpu, "cpu.cfs_quota_us");
            let set = self::read(name, Controller::Cpuset, "cpuset.cpus", reader, buffer, cores_in);
            let cores = set.filter(|&cores| cores > 0).unwrap_or(machine.cores);
            limits.cpu_percent = Some(percent(quota, period, cores));
        }
        limits
    }

    fn read_2(name: &[u8], machine: Machine, reader: &mut Reader, buffer: &mut Buffer) -> Self {
        let both = |text: &[u8]| {
            let mut words = Words::new(text);
            let quota = words.next()?;
            Some((number(quota), words.number()?))
        };
        let cpu = read(name, Controller::Cpu, "cpu.max", reader, buffer, both);
        let bytes = |text: &[u8]| Some(Words::new(text).number().unwrap_or(i64::MAX));
        let memory = read(name, Controller::Memory, "memory.max", reader, buffer, bytes);
        let swap = read(name, Controller::Memory, "memory.swap.max", reader, buffer, bytes);
        let cpu_percent = cpu.map(|(quota, period)| percent(quota, period, machine.cores));
        Self { cpu_percent, memory_bytes: machine.limit(memory), said: [memory, swap] }
    }
}

impl Machine {
    /// The least of a limit and what the machine has; `None` where there is nothing to compare with.
    fn limit(self, limit: Option<i64>) -> Option<i64> {
        // Beyond what a signed number holds, it is no limit.
        let limit = limit.map(|limit| if limit < 0 { i64::MAX } else { limit })?;
        Some(if self.memory_bytes > 0 { limit.min(self.memory_bytes) } else { limit }).filter(|&limit| limit > 0)
    }
}

/// The share of a core that `quota` in each `period` is, where that is less than `cores`.
fn percent(quota: Option<i64>, period: i64, cores: u32) -> f64 {
    let all = f64::from(cores) * 100.0;
    let quota = quota.filter(|&quota| quota > 0 && period > 0).map(|quota| quota as f64 * 100.0 / period as f64);
    quota.filter(|&quota| quota < all).unwrap_or(all)
}

/// Reads a file of the group `name`, opening it for this once.
fn read<T>(
    name: &[u8],
    controller: Controller,
    file: &str,
    reader: &mut Reader,
    buffer: &mut Buffer,
    parse: impl FnOnce(&[u8]) -> Option<T>,
) -> Option<T> {
    let folder = reader.hierarchy.folder(controller)?;
    path_of(&mut reader.path, folder, name, file);
    parse(KeptFile::open_path(&reader.path).ok()?.read(buffer).ok()?)
}

/// How many cores a list such as `0-3,8` has.
fn cores_in(list: &[u8]) -> Option<u32> {
    let mut cores = 0_u32;
    for range in list.trim_ascii().split(|&byte| byte == b',').filter(|range| !range.is_empty()) {
        let mut ends = range.splitn(2, |&byte| byte == b'-');
        let first = number(ends.next()?)?;
        let last = ends.next().map_or(Some(first), number)?;
        cores = cores.saturating_add(u32::try_from(last.checked_sub(first)?.checked_add(1)?).ok()?);
    }
    Some(cores)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: lists of cores are counted, and nonsense gives nothing.
    #[test]
    fn lists_of_cores() {
        for (list, expected) in [
            ("0\n", Some(1)),
            ("0-3,8,10-11\n", Some(7)),
            ("\n", Some(0)),
            ("3-1", None),
            ("0-99999999999", None),
            ("a", None),
            ("1-", None),
        ] {
            assert_eq!(cores_in(list.as_bytes()), expected, "{list}");
        }
    }

    /// Goal: a quota counts where it is less than the cores, memory where it is less than the machine's.
    #[test]
    fn the_least_counts() {
        assert_eq!(percent(Some(50_000), 100_000, 4), 50.0);
        assert_eq!(percent(Some(500_000), 100_000, 4), 400.0);
        assert_eq!((percent(None, 100_000, 4), percent(Some(1), 0, 2)), (400.0, 200.0));
        let machine = Machine { cores: 1, memory_bytes: 1000 };
        for (limit, expected) in
            [(Some(500), Some(500)), (Some(5000), Some(1000)), (Some(-1), Some(1000)), (Some(0), None), (None, None)]
        {
            assert_eq!(machine.limit(limit), expected);
        }
    }
}
