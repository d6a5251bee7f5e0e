//! `/proc/net/sockstat` and `/proc/net/sockstat6`: sockets in use and their memory.
//!
//! ```text
//! TCP: inuse 63 orphan 0 tw 6381 alloc 66 mem 376        a group, then names and values
//! ```

use std::io;
use std::path::{Path, PathBuf};

use row::Now;

use crate::charts::{Batch, Owner, absolute, line};
use crate::file::{Buffer, KeptFile, read_once, under};
use crate::kernel::counted::{Counted, Counters, counted};
use crate::module::{Module, ReadError};
use crate::pace::Cadence;
use crate::page_size::page_size_bytes;
use crate::scan::{Words, lines, number};

/// The file of IPv4.
pub(crate) const PATH: &str = "/proc/net/sockstat";
/// The file of IPv6.
pub(crate) const PATH6: &str = "/proc/net/sockstat6";
/// Seconds between two readings of the limits, which hardly ever change.
const LIMITS_EVERY_S: u32 = 60;
/// The host's variables that alarms compare with.
const LIMITS: [&str; 4] = ["tcp_mem_low", "tcp_mem_pressure", "tcp_mem_high", "tcp_max_orphans"];

pub(crate) static CHARTS: &[Counted] = &[
    counted(
        "sockets",
        line("ipv4.sockstat_sockets", "Sockets in use", "sockets", "sockets", 5100, &[absolute("used", 1, 1)]),
    ),
    counted(
        "TCP",
        line(
            "ipv4.sockstat_tcp_sockets",
            "TCP sockets",
            "sockets",
            "tcp",
            5201,
            &[absolute("alloc", 1, 1), absolute("orphan", 1, 1), absolute("inuse", 1, 1), absolute("timewait", 1, 1)],
        ),
    )
    .from(&[("timewait", "TCP", "tw")]),
    counted(
        "TCP",
        line("ipv4.sockstat_tcp_mem", "Memory of TCP sockets", "KiB", "tcp", 5290, &[absolute("mem", 1, 1024)]).area(),
    )
    .in_pages(),
    counted(
        "UDP",
        line("ipv4.sockstat_udp_sockets", "UDP sockets", "sockets", "udp", 5300, &[absolute("inuse", 1, 1)]),
    ),
    counted(
        "UDP",
        line("ipv4.sockstat_udp_mem", "Memory of UDP sockets", "KiB", "udp", 5390, &[absolute("mem", 1, 1024)]).area(),
    )
    .in_pages(),
    counted(
        "UDPLITE",
        line(
            "ipv4.sockstat_udplite_sockets",
            "UDP-Lite sockets",
            "sockets",
            "udplite",
            5400,
            &[absolute("inuse", 1, 1)],
        ),
    ),
    counted(
        "RAW",
        line("ipv4.sockstat_raw_sockets", "Raw sockets", "sockets", "raw", 5450, &[absolute("inuse", 1, 1)]),
    ),
    counted(
        "FRAG",
        line(
            "ipv4.sockstat_frag_sockets",
            "Packets being put together",
            "fragments",
            "fragments",
            5460,
            &[absolute("inuse", 1, 1)],
        ),
    ),
    counted(
        "FRAG",
        line(
            "ipv4.sockstat_frag_mem",
            "Memory of packets being put together",
            "KiB",
            "fragments",
            5470,
            &[absolute("mem", 1, 1024)],
        )
        .area(),
    )
    .from(&[("mem", "FRAG", "memory")]),
];
static CHARTS6: &[Counted] = &[
    counted(
        "TCP6",
        line("ipv6.sockstat6_tcp_sockets", "TCP sockets (IPv6)", "sockets", "tcp6", 6500, &[absolute("inuse", 1, 1)]),
    ),
    counted(
        "UDP6",
        line("ipv6.sockstat6_udp_sockets", "UDP sockets (IPv6)", "sockets", "udp6", 6600, &[absolute("inuse", 1, 1)]),
    ),
    counted(
        "UDPLITE6",
        line(
            "ipv6.sockstat6_udplite_sockets",
            "UDP-Lite sockets (IPv6)",
            "sockets",
            "udplite6",
            6700,
            &[absolute("inuse", 1, 1)],
        ),
    ),
    counted(
        "RAW6",
        line("ipv6.sockstat6_raw_sockets", "Raw sockets (IPv6)", "sockets", "raw6", 6800, &[absolute("inuse", 1, 1)]),
    ),
    counted(
        "FRAG6",
        line(
            "ipv6.sockstat6_frag_sockets",
            "Packets being put together (IPv6)",
            "fragments",
            "fragments6",
            6400,
            &[absolute("inuse", 1, 1)],
        ),
    ),
];

/// Reads one of the two files.
pub(crate) struct Sockstat {
    path: &'static str,
    file: KeptFile,
    counters: Counters,
    owner: Owner,
    page_owner: Owner,
    /// The limits of TCP, where this file is the one that has them.
    limits: Option<Limits>,
}

struct Limits {
    memory_path: PathBuf,
    orphans_path: PathBuf,
    page_bytes: i64,
    cadence: Cadence,
    now: [Option<i64>; LIMITS.len()],
    told: [Option<i64>; LIMITS.len()],
}

impl Sockstat {
    /// Opens the file of IPv4 under `root`.
    pub(crate) fn open(root: &Path, update_every_s: u32) -> io::Result<Self> {
        let limits = Limits {
            memory_path: under(root, "/proc/sys/net/ipv4/tcp_mem"),
            orphans_path: under(root, "/proc/sys/net/ipv4/tcp_max_orphans"),
            page_bytes: i64::from(page_size_bytes()),
            cadence: Cadence::new(LIMITS_EVERY_S),
            now: [None; LIMITS.len()],
            told: [None; LIMITS.len()],
        };
        Self::open_path(root, update_every_s, PATH, CHARTS, Some(limits))
    }

    /// Opens the file of IPv6 under `root`.
    pub(crate) fn open6(root: &Path, update_every_s: u32) -> io::Result<Self> {
        Self::open_path(root, update_every_s, PATH6, CHARTS6, None)
    }

    fn open_path(
        root: &Path,
        update_every_s: u32,
        path: &'static str,
        charts: &'static [Counted],
        limits: Option<Limits>,
    ) -> io::Result<Self> {
        Ok(Self {
            path,
            file: KeptFile::open(root, path)?,
            counters: Counters::new(charts),
            owner: Owner::machine(path, update_every_s),
            page_owner: Owner { factor: page_size_bytes(), ..Owner::machine(path, update_every_s) },
            limits,
        })
    }
}

impl Module for Sockstat {
    fn name(&self) -> &'static str {
        self.path
    }

    fn read(&mut self, buffer: &mut Buffer, now: Now) -> Result<(), ReadError> {
        if let Some(limits) = &mut self.limits
            && limits.cadence.is_due(now)
        {
            limits.read(buffer);
        }
        match parse(self.file.read(buffer)?, &mut self.counters) {
            0 => Err(ReadError::Expected("numbers of sockets")),
            _ => Ok(()),
        }
    }

    fn write(&mut self, batch: &mut Batch<'_>) {
        self.counters.write(batch, &self.owner, &self.page_owner);
        if let Some(limits) = &mut self.limits {
            limits.tell(batch);
        }
    }
}

impl Limits {
    fn read(&mut self, buffer: &mut Buffer) {
        let mut words = Words::new(read_once(&self.memory_path, buffer).unwrap_or_default());
        for limit in &mut self.now[..3] {
            *limit = words.number().map(|pages| pages.saturating_mul(self.page_bytes) / 1024);
        }
        self.now[3] = Words::new(read_once(&self.orphans_path, buffer).unwrap_or_default()).number();
    }

    fn tell(&mut self, batch: &mut Batch<'_>) {
        for ((name, now), told) in LIMITS.iter().zip(self.now).zip(&mut self.told) {
            if let Some(limit) = now
                && *told != now
            {
                *told = now;
                batch.host_variable(name, limit as f64);
            }
        }
    }
}

/// Sets what `text` says; returns how many counters of the charts it has.
fn parse(text: &[u8], counters: &mut Counters) -> usize {
    counters.begin();
    let mut found = 0;
    for line in lines(text) {
        let mut words = Words::new(line);
        let Some(group) = words.next().and_then(|word| word.strip_suffix(b":")) else { continue };
        while let (Some(name), Some(value)) = (words.next(), words.next()) {
            if let (Some(slot), Some(value)) = (counters.slot(group, name), number(value)) {
                counters.set(slot, value);
                found += 1;
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const REAL: &[u8] = include_bytes!("../../tests/files/sockstat.txt");

    /// A real file gives each number its place; changed ones do not panic.
    #[test]
    fn real_and_mutated_files() {
        let mut counters = Counters::new(CHARTS);
        assert_eq!(parse(REAL, &mut counters), 12);
        let expected = [("TCP", "tw", 6381), ("TCP", "mem", 376), ("UDP", "inuse", 2), ("sockets", "used", 137)];
        for (group, name, value) in expected {
            assert_eq!(counters.value(group, name), value, "{group} {name}");
        }
        crate::tests::mutate(REAL, |text| {
            parse(text, &mut counters);
        });
        let mut counters = Counters::new(CHARTS6);
        assert_eq!(parse(b"TCP6: inuse 4\nUDP6: inuse x\nRAW6: inuse\nFRAG6: inuse 1 memory 0\n", &mut counters), 2);
        assert_eq!(counters.value("TCP6", "inuse"), 4);
    }
}
