//! What the files of a control group say, as plain numbers, and which files there are.
//!
//! | version 1 | version 2 | |
//! |---|---|---|
//! | `cpuacct.stat`, `cpuacct.usage_percpu`, `cpu.stat` | `cpu.stat` | processor time, and where it was held back |
//! | `memory.stat`, `memory.{usage,memsw.usage}_in_bytes`, `memory.failcnt` | `memory.{stat,current,swap.current}` | memory |
//! | `blkio.…` | `io.stat` | transfers of block devices |
//! | `pids.current` | `pids.current` | tasks |
//! | | `{cpu,memory,io}.pressure` | waiting |

use crate::kernel::pressure::{self, Stalls};
use crate::keyed::Keyed;
use crate::scan::{Words, lines, number};

use super::hierarchy::Controller;

/// Cores of one group that are told apart.
const CORES_MAX: usize = 512;

/// What was read of a group. What is missing is `None`.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Reading {
    /// Processor time of programs and of the kernel for them: ticks of 10 ms, or microseconds.
    pub cpu: Option<[i64; 2]>,
    /// Periods, those that ended early, and nanoseconds that were lost then.
    pub throttled: Option<[i64; 3]>,
    /// Nanoseconds of each core.
    pub per_core: Vec<i64>,
    /// Bytes of memory.
    pub memory: Option<i64>,
    /// Bytes of swap; in version 1 those of memory and swap together.
    pub swap: Option<i64>,
    /// What memory is used for.
    pub memory_stat: Option<MemoryStat>,
    /// How often the limit of memory was hit.
    pub failures: Option<i64>,
    /// Reads and writes: by [`Transfers`].
    pub transfers: [Option<[i64; 2]>; Transfers::ALL],
    /// Tasks.
    pub pids: Option<i64>,
    /// Some and full, of processors, memory and devices.
    pub pressure: [[Option<Stalls>; 2]; 3],
}

/// What is counted of transfers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transfers {
    /// Bytes.
    Bytes,
    /// Operations.
    Operations,
    /// Bytes at the place where limits hold.
    ThrottledBytes,
    /// Operations there.
    ThrottledOperations,
    /// Operations that wait.
    Queued,
    /// Operations that were merged with others.
    Merged,
}

impl Transfers {
    const ALL: usize = 6;
}

/// What memory is used for.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub(crate) struct MemoryStat {
    /// Pages of files that nobody touched lately: taken for free.
    pub inactive_file: i64,
    /// Version 1: cache, anonymous but for huge pages, swap, huge pages, mapped.
    /// Version 2: anonymous, stacks, slab, sockets, huge pages, files.
    pub detail: [i64; 6],
    /// Whether swap is told, in version 1.
    pub has_swap: bool,
    /// Waits to be written; older kernels do not tell.
    pub dirty: Option<i64>,
    /// Is being written.
    pub writeback: i64,
    /// Pages that came and went, in version 1.
    pub paged: [i64; 2],
    /// Page faults, and those that waited for a device.
    pub faults: [i64; 2],
}

impl MemoryStat {
    /// Whether there is anything but zeros.
    pub(crate) fn has_values(&self) -> bool {
        self.detail != [0; 6] || self.paged != [0; 2] || self.faults != [0; 2]
    }
}

/// Reads the files of all groups: those of one kind have their lines in the same order.
#[derive(Debug)]
pub(crate) struct Parsers {
    cpuacct: Keyed<2>,
    throttling: Keyed<3>,
    cpu: Keyed<5>,
    memory_1: Keyed<12>,
    memory_2: Keyed<11>,
}

impl Parsers {
    pub(crate) fn new() -> Self {
        Self {
            cpuacct: Keyed::new(["user", "system"]),
            throttling: Keyed::new(["nr_periods", "nr_throttled", "throttled_time"]),
            cpu: Keyed::new(["user_usec", "system_usec", "nr_periods", "nr_throttled", "throttled_usec"]),
            memory_1: Keyed::new([
                "total_inactive_file",
                "total_cache",
                "total_rss",
                "total_swap",
                "total_rss_huge",
                "total_mapped_file",
                "total_dirty",
                "total_writeback",
                "total_pgpgin",
                "total_pgpgout",
                "total_pgfault",
                "total_pgmajfault",
            ]),
            memory_2: Keyed::new([
                "inactive_file",
                "anon",
                "kernel_stack",
                "slab",
                "sock",
                "anon_thp",
                "file",
                "file_dirty",
                "file_writeback",
                "pgfault",
                "pgmajfault",
            ]),
        }
    }
}

/// A file of a group.
pub(crate) struct Source {
    /// Whose tree it is in.
    pub controller: Controller,
    /// What it may be called, best first.
    pub names: &'static [&'static str],
    /// Whether it is read of services, too.
    pub of_services: bool,
    /// Whether one that holds nothing but zeros is read seldom, even if it held more before.
    pub rests: bool,
    /// Whether files before it tell the same, so that it need not be read; takes it from there.
    pub is_known: fn(&mut Reading) -> bool,
    /// Reads the text; an empty one means that the file is missing. Returns whether there is
    /// anything but zeros.
    pub parse: fn(&[u8], &mut Parsers, &mut Reading) -> bool,
}

type Parse = fn(&[u8], &mut Parsers, &mut Reading) -> bool;

const fn source(controller: Controller, names: &'static [&'static str], parse: Parse) -> Source {
    Source { controller, names, of_services: false, rests: false, is_known: |_| false, parse }
}

const fn of_all(controller: Controller, names: &'static [&'static str], parse: Parse) -> Source {
    Source { of_services: true, ..source(controller, names, parse) }
}

const fn transfers(names: &'static [&'static str], of_services: bool, parse: Parse) -> Source {
    Source { of_services, rests: true, ..source(Controller::Blkio, names, parse) }
}

/// Without swap, memory and swap together are memory.
fn has_no_swap(reading: &mut Reading) -> bool {
    const SWAP: usize = 2;
    let has_none = reading.memory_stat.is_some_and(|stat| stat.has_swap && stat.detail[SWAP] == 0);
    if has_none {
        reading.swap = reading.memory;
    }
    has_none
}

/// The files of version 1.
pub(crate) static VERSION_1: [Source; 14] = [
    of_all(Controller::Cpuacct, &["cpuacct.stat"], cpuacct),
    source(Controller::Cpuacct, &["cpuacct.usage_percpu"], per_core),
    source(Controller::Cpu, &["cpu.stat"], throttling),
    of_all(Controller::Memory, &["memory.usage_in_bytes"], memory),
    of_all(Controller::Memory, &["memory.stat"], memory_stat_1),
    Source { is_known: has_no_swap, ..of_all(Controller::Memory, &["memory.memsw.usage_in_bytes"], swap) },
    source(Controller::Memory, &["memory.failcnt"], failures),
    transfers(&["blkio.io_service_bytes_recursive", "blkio.io_service_bytes"], true, |text, _, reading| {
        blkio(text, reading, Transfers::Bytes)
    }),
    transfers(&["blkio.io_serviced_recursive", "blkio.io_serviced"], true, |text, _, reading| {
        blkio(text, reading, Transfers::Operations)
    }),
    transfers(
        &["blkio.throttle.io_service_bytes_recursive", "blkio.throttle.io_service_bytes"],
        true,
        |text, _, reading| blkio(text, reading, Transfers::ThrottledBytes),
    ),
    transfers(&["blkio.throttle.io_serviced_recursive", "blkio.throttle.io_serviced"], true, |text, _, reading| {
        blkio(text, reading, Transfers::ThrottledOperations)
    }),
    transfers(&["blkio.io_queued_recursive", "blkio.io_queued"], false, |text, _, reading| {
        blkio(text, reading, Transfers::Queued)
    }),
    transfers(&["blkio.io_merged_recursive", "blkio.io_merged"], false, |text, _, reading| {
        blkio(text, reading, Transfers::Merged)
    }),
    source(Controller::Pids, &["pids.current"], pids),
];

/// The files of version 2.
pub(crate) static VERSION_2: [Source; 9] = [
    of_all(Controller::Cpuacct, &["cpu.stat"], cpu),
    of_all(Controller::Memory, &["memory.current"], memory),
    of_all(Controller::Memory, &["memory.swap.current"], swap),
    of_all(Controller::Memory, &["memory.stat"], memory_stat_2),
    transfers(&["io.stat"], true, |text, _, reading| io(text, reading)),
    source(Controller::Pids, &["pids.current"], pids),
    source(Controller::Cpu, &["cpu.pressure"], |text, _, reading| stalls(text, &mut reading.pressure[0])),
    source(Controller::Memory, &["memory.pressure"], |text, _, reading| stalls(text, &mut reading.pressure[1])),
    source(Controller::Blkio, &["io.pressure"], |text, _, reading| stalls(text, &mut reading.pressure[2])),
];

fn cpuacct(text: &[u8], parsers: &mut Parsers, reading: &mut Reading) -> bool {
    let keyed = &mut parsers.cpuacct;
    keyed.parse(text);
    reading.cpu = both(keyed.get(0), keyed.get(1));
    reading.cpu.is_some_and(|cpu| cpu != [0; 2])
}

fn both(first: Option<i64>, second: Option<i64>) -> Option<[i64; 2]> {
    Some([first?, second?])
}

fn per_core(text: &[u8], _: &mut Parsers, reading: &mut Reading) -> bool {
    reading.per_core.clear();
    reading.per_core.extend(Words::new(text).map_while(number).take(CORES_MAX));
    reading.per_core.iter().any(|&time| time != 0)
}

fn throttling(text: &[u8], parsers: &mut Parsers, reading: &mut Reading) -> bool {
    let keyed = &mut parsers.throttling;
    let found = keyed.parse(text) == 3;
    reading.throttled = found.then(|| [0, 1, 2].map(|key| keyed.or_zero(key)));
    reading.throttled.is_some_and(|throttled| throttled != [0; 3])
}

fn cpu(text: &[u8], parsers: &mut Parsers, reading: &mut Reading) -> bool {
    let keyed = &mut parsers.cpu;
    keyed.parse(text);
    reading.cpu = both(keyed.get(0), keyed.get(1));
    let throttled = [keyed.get(2), keyed.get(3), keyed.get(4).map(|us| us.wrapping_mul(1000))];
    reading.throttled = throttled.iter().all(Option::is_some).then(|| throttled.map(Option::unwrap_or_default));
    reading.cpu.is_some_and(|cpu| cpu != [0; 2])
}

fn one(text: &[u8], place: &mut Option<i64>) -> bool {
    *place = Words::new(text).number();
    place.is_some_and(|value| value != 0)
}

fn memory(text: &[u8], _: &mut Parsers, reading: &mut Reading) -> bool {
    one(text, &mut reading.memory)
}

fn swap(text: &[u8], _: &mut Parsers, reading: &mut Reading) -> bool {
    one(text, &mut reading.swap)
}

fn failures(text: &[u8], _: &mut Parsers, reading: &mut Reading) -> bool {
    one(text, &mut reading.failures)
}

fn pids(text: &[u8], _: &mut Parsers, reading: &mut Reading) -> bool {
    one(text, &mut reading.pids)
}

fn memory_stat_1(text: &[u8], parsers: &mut Parsers, reading: &mut Reading) -> bool {
    let keyed = &mut parsers.memory_1;
    let found = keyed.parse(text) > 0;
    let [cache, rss, swap, huge, mapped] = [1, 2, 3, 4, 5].map(|key| keyed.or_zero(key));
    reading.memory_stat = found.then(|| MemoryStat {
        inactive_file: keyed.or_zero(0),
        detail: [cache, rss.wrapping_sub(huge), swap, huge, mapped, 0],
        has_swap: keyed.get(3).is_some(),
        dirty: keyed.get(6),
        writeback: keyed.or_zero(7),
        paged: [8, 9].map(|key| keyed.or_zero(key)),
        faults: [10, 11].map(|key| keyed.or_zero(key)),
    });
    reading.memory_stat.is_some_and(|stat| stat.has_values())
}

fn memory_stat_2(text: &[u8], parsers: &mut Parsers, reading: &mut Reading) -> bool {
    let keyed = &mut parsers.memory_2;
    let found = keyed.parse(text) > 0;
    reading.memory_stat = found.then(|| MemoryStat {
        inactive_file: keyed.or_zero(0),
        detail: [1, 2, 3, 4, 5, 6].map(|key| keyed.or_zero(key)),
        has_swap: false,
        dirty: Some(keyed.or_zero(7)),
        writeback: keyed.or_zero(8),
        paged: [0; 2],
        faults: [9, 10].map(|key| keyed.or_zero(key)),
    });
    reading.memory_stat.is_some_and(|stat| stat.has_values())
}

/// ```text
/// 8:0 Read 4096      device, what, how much
/// 8:0 Write 0
/// Total 4096
/// ```
fn blkio(text: &[u8], reading: &mut Reading, what: Transfers) -> bool {
    let mut sums = [0_i64; 2];
    for line in lines(text) {
        let mut words = Words::new(line).skip(1);
        let (Some(name), Some(value)) = (words.next(), words.next()) else { continue };
        let Some(value) = number(value) else { continue };
        match name {
            b"Read" => sums[0] = sums[0].wrapping_add(value),
            b"Write" => sums[1] = sums[1].wrapping_add(value),
            _ => {}
        }
    }
    reading.transfers[what as usize] = (!text.is_empty()).then_some(sums);
    sums != [0; 2]
}

/// ```text
/// 8:0 rbytes=4096 wbytes=0 rios=1 wios=0 dbytes=0 dios=0      in any order
/// ```
fn io(text: &[u8], reading: &mut Reading) -> bool {
    const KEYS: [&[u8]; 4] = [b"rbytes=", b"wbytes=", b"rios=", b"wios="];
    let mut sums = [0_i64; 4];
    for word in lines(text).flat_map(Words::new) {
        for (sum, key) in sums.iter_mut().zip(KEYS) {
            if let Some(value) = word.strip_prefix(key).and_then(number) {
                *sum = sum.wrapping_add(value);
            }
        }
    }
    let [read_bytes, written_bytes, reads, writes] = sums;
    reading.transfers[Transfers::Bytes as usize] = Some([read_bytes, written_bytes]);
    reading.transfers[Transfers::Operations as usize] = Some([reads, writes]);
    sums != [0; 4]
}

fn stalls(text: &[u8], place: &mut [Option<Stalls>; 2]) -> bool {
    *place = pressure::parse(text);
    place.iter().flatten().any(|stalls| stalls.total_ms != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMORY_1: &str = include_str!("../../tests/files/cgroup-1-memory.stat");
    const MEMORY_2: &str = include_str!("../../tests/files/cgroup-2-memory.stat");
    const CPU_2: &str = "usage_usec 30\nuser_usec 10\nsystem_usec 20\nnr_periods 5\nnr_throttled 2\n\
        throttled_usec 7\nnr_bursts 0\nburst_usec 0\n";
    const BLKIO: &str = "8:0 Read 4096\n8:0 Write 10\n8:0 Sync 9\n8:16 Read 4\n8:16 Write 1\nTotal 4111\n";
    const IO: &str = "8:0 rbytes=4096 wbytes=10 rios=3 wios=2 dbytes=9 dios=9\n8:16 wios=1 rios=4 rbytes=4\n\n7:0 \n";

    fn read(parse: Parse, text: &str) -> Reading {
        let mut reading = Reading::default();
        parse(text.as_bytes(), &mut Parsers::new(), &mut reading);
        reading
    }

    /// Goal: each number of a real file comes to its place, and a file that is missing leaves nothing.
    #[test]
    fn files() {
        assert_eq!(read(cpuacct, "user 5\nsystem 7\n").cpu, Some([5, 7]));
        assert_eq!(read(per_core, "5 7 0 9 \n").per_core, [5, 7, 0, 9]);
        assert_eq!(read(throttling, "nr_periods 1\nnr_throttled 2\nthrottled_time 3\n").throttled, Some([1, 2, 3]));
        let reading = read(cpu, CPU_2);
        assert_eq!((reading.cpu, reading.throttled), (Some([10, 20]), Some([5, 2, 7000])));
        assert_eq!(read(cpu, "usage_usec 3\nuser_usec 1\nsystem_usec 2\n").throttled, None);
        assert_eq!(read(memory, "max\n").memory, None);
        let blkio = read(VERSION_1[9].parse, BLKIO).transfers;
        assert_eq!(blkio[Transfers::ThrottledBytes as usize], Some([4100, 11]));
        let io = read(VERSION_2[4].parse, IO).transfers;
        assert_eq!(io[..2], [Some([4100, 10]), Some([7, 3])]);
        for source in VERSION_1.iter().chain(&VERSION_2).filter(|source| source.names[0] != "io.stat") {
            assert_eq!(read(source.parse, ""), Reading::default(), "{:?}", source.names);
        }
    }

    /// Goal: what memory is used for, of both versions.
    #[test]
    fn memory_stats() {
        let stat = read(memory_stat_1, MEMORY_1).memory_stat.unwrap();
        assert_eq!((stat.inactive_file, stat.has_swap), (4_907_008, true));
        assert_eq!(stat.detail, [12_845_056, 8_474_624 - 2_097_152, 4096, 2_097_152, 2_162_688, 0]);
        assert_eq!((stat.dirty, stat.writeback), (Some(135_168), 270_336));
        assert_eq!((stat.paged, stat.faults), ([14_223, 9529], [15_837, 33]));
        let stat = read(memory_stat_2, MEMORY_2).memory_stat.unwrap();
        assert_eq!(stat.inactive_file, 33_554_432);
        assert_eq!(stat.detail, [10_240_000, 163_840, 1_500_000, 4096, 2_097_152, 50_331_648]);
        assert_eq!((stat.dirty, stat.writeback, stat.faults), (Some(8192), 12_288, [98_765, 43]));
    }

    /// Goal: any bytes are read without a panic.
    #[test]
    fn broken_files() {
        let mut parsers = Parsers::new();
        for (text, parse) in [
            (MEMORY_1, memory_stat_1 as Parse),
            (MEMORY_2, memory_stat_2),
            (CPU_2, cpu),
            (BLKIO, VERSION_1[7].parse),
            (IO, VERSION_2[4].parse),
            ("1 2 3\n", per_core),
            ("some avg10=0.00 avg60=1.00 avg300=2.00 total=3\n", VERSION_2[6].parse),
        ] {
            let mut reading = Reading::default();
            crate::tests::mutate(text.as_bytes(), |text| {
                parse(text, &mut parsers, &mut reading);
            });
        }
    }
}
