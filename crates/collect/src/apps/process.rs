//! What is known of one process, and the texts that the kernel gives of it.
//!
//! ```text
//! PID (NAME) STATE PARENT … FLAGS MINFLT CMINFLT MAJFLT CMAJFLT UTIME STIME CUTIME CSTIME … THREADS 0 START VSIZE RSS …
//! ```

use super::list::NAME_BYTES_MAX;
use crate::file::KeptFile;
use crate::scan::{Words, lines, number, signed};

/// No target so far.
pub(super) const NONE: u16 = u16::MAX;
/// Of the flags in `stat`: a thread of the kernel.
const FLAG_KERNEL: u64 = 0x0020_0000;

/// What a process used: ticks in programs and in the kernel, page faults without and with a disk.
pub(super) type Used = [u64; 4];
/// What it read and wrote: bytes asked for of each, bytes that reached a disk of each.
pub(super) type Moved = [u64; 4];

/// One process.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) pid: u32,
    /// When it started, in ticks after the machine: with the pid this names it for ever.
    pub(super) start: u64,
    pub(super) parent: u32,
    pub(super) name: Name,
    pub(super) state: u8,
    /// Whether it is a thread of the kernel, which has no memory, files or command line.
    pub(super) is_kernel: bool,
    /// How often it was read, up to 255.
    pub(super) age: u8,
    /// How many readings in a row it did nothing, up to 255.
    pub(super) quiet: u8,
    /// Whether it may have been on a processor since its descriptors were counted.
    pub(super) has_run: bool,
    /// It is not there any more.
    pub(super) gone: bool,

    pub(super) used: Used,
    /// The same of its children that have ended and were waited for.
    pub(super) children: Used,
    pub(super) moved: Option<Moved>,
    /// How much each grew with the last reading.
    pub(super) used_growth: Used,
    pub(super) children_growth: Used,
    pub(super) moved_growth: Moved,

    pub(super) threads: u64,
    pub(super) resident_pages: u64,
    pub(super) private_kib: u64,
    pub(super) virtual_kib: u64,
    pub(super) swap_kib: u64,
    pub(super) descriptors: Descriptors,

    pub(super) uid: u32,
    pub(super) gid: u32,
    /// The group of the list by its own name.
    pub(super) matched: u16,
    /// The group that it counts for.
    pub(super) app: u16,
    pub(super) user: u16,
    pub(super) group: u16,
    /// The group of all its children so far, while groups are found out.
    pub(super) of_children: u16,

    pub(super) stat_file: Option<KeptFile>,
    pub(super) io_file: Option<KeptFile>,
    /// Tells how long it was on a processor.
    pub(super) run_file: Option<KeptFile>,
    /// Nanoseconds that it was, as was read last.
    pub(super) run_ns: Option<i64>,
    /// Whether the kernel has such a file.
    pub(super) tells_run: bool,
}

/// Descriptors by what they are open on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Descriptors {
    pub(super) files: u32,
    pub(super) sockets: u32,
    pub(super) pipes: u32,
    /// These and all others.
    pub(super) all: u32,
    /// How many the process may have; 0 where that is not known.
    pub(super) limit: u32,
    /// How often they were counted.
    pub(super) counted: u8,
}

/// The first bytes of a process's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Name([u8; NAME_BYTES_MAX], u8);

impl Name {
    pub(super) fn new(name: &[u8]) -> Self {
        let length = name.len().min(NAME_BYTES_MAX);
        let mut bytes = [0; NAME_BYTES_MAX];
        bytes[..length].copy_from_slice(&name[..length]);
        Self(bytes, length as u8)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0[..usize::from(self.1)]
    }
}

impl Process {
    /// A process as its first `stat` tells; nothing has grown so far.
    pub(super) fn new(pid: u32, stat: &Stat) -> Self {
        Self {
            pid,
            start: stat.start,
            parent: stat.parent,
            name: stat.name,
            state: stat.state,
            is_kernel: stat.is_kernel,
            age: 0,
            quiet: 0,
            has_run: true,
            gone: false,
            used: stat.used,
            children: stat.children,
            moved: None,
            used_growth: [0; 4],
            children_growth: [0; 4],
            moved_growth: [0; 4],
            threads: stat.threads,
            resident_pages: stat.resident_pages,
            private_kib: 0,
            virtual_kib: stat.virtual_bytes / 1024,
            swap_kib: 0,
            descriptors: Descriptors::default(),
            uid: 0,
            gid: 0,
            matched: NONE,
            app: NONE,
            user: NONE,
            group: NONE,
            of_children: NONE,
            stat_file: None,
            io_file: None,
            run_file: None,
            run_ns: None,
            tells_run: true,
        }
    }

    /// Takes over what `stat` says now; returns whether the process did anything since.
    pub(super) fn update(&mut self, stat: &Stat) -> bool {
        self.used_growth = growth(&self.used, &stat.used);
        self.children_growth = growth(&self.children, &stat.children);
        let is_busy = self.used != stat.used || self.children != stat.children || stat.state == b'R';
        self.quiet = if is_busy { 0 } else { self.quiet.saturating_add(1) };
        self.used = stat.used;
        self.children = stat.children;
        self.parent = stat.parent;
        self.state = stat.state;
        self.threads = stat.threads;
        self.virtual_kib = stat.virtual_bytes / 1024;
        is_busy
    }

    /// Takes it for granted that nothing grew.
    pub(super) fn rest(&mut self) {
        (self.used_growth, self.children_growth, self.moved_growth) = ([0; 4], [0; 4], [0; 4]);
    }

    /// Takes over what it read and wrote so far, `before` being what is known from earlier.
    pub(super) fn update_moved(&mut self, moved: Moved, before: Option<Moved>) {
        self.moved_growth = before.map_or([0; 4], |before| growth(&before, &moved));
        self.moved = Some(moved);
    }
}

/// How much each counter grew; one that fell did not.
fn growth(before: &[u64; 4], now: &[u64; 4]) -> [u64; 4] {
    std::array::from_fn(|at| now[at].saturating_sub(before[at]))
}

/// What `stat` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stat {
    pub(super) name: Name,
    pub(super) state: u8,
    pub(super) parent: u32,
    pub(super) is_kernel: bool,
    pub(super) used: Used,
    pub(super) children: Used,
    pub(super) threads: u64,
    pub(super) start: u64,
    pub(super) virtual_bytes: u64,
    pub(super) resident_pages: u64,
}

impl Stat {
    /// Reads the text. A name may hold anything, parentheses and blanks too, so it ends with the last one.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let open = text.iter().position(|&byte| byte == b'(')?;
        let close = text.iter().rposition(|&byte| byte == b')').filter(|&close| close > open)?;
        let mut words = Words::new(&text[close + 1..]);
        let state = *words.next()?.first()?;
        let parent = u32::try_from(words.number()?).ok()?;
        let is_kernel = number(words.nth(4)?)?.cast_unsigned() & FLAG_KERNEL != 0;
        let [minor, children_minor, major, children_major, user, system] =
            words.numbers::<6>()?.map(i64::cast_unsigned);
        let mut signed = || words.next().and_then(signed).map(|value| value.max(0).cast_unsigned());
        let (children_user, children_system) = (signed()?, signed()?);
        let threads = number(words.nth(2)?)?.cast_unsigned();
        let start = number(words.nth(1)?)?.cast_unsigned();
        let virtual_bytes = words.number()?.cast_unsigned();
        let resident_pages = signed_or_zero(words.next()?)?;
        Some(Self {
            name: Name::new(&text[open + 1..close]),
            state,
            parent,
            is_kernel,
            used: [user, system, minor, major],
            children: [children_user, children_system, children_minor, children_major],
            threads,
            start,
            virtual_bytes,
            resident_pages,
        })
    }
}

fn signed_or_zero(word: &[u8]) -> Option<u64> {
    Some(signed(word)?.max(0).cast_unsigned())
}

/// Pages that are in memory and not shared, from `statm`.
pub(super) fn private_pages(text: &[u8]) -> Option<u64> {
    let [_, resident, shared] = Words::new(text).numbers()?.map(i64::cast_unsigned);
    Some(resident.saturating_sub(shared))
}

/// What `status` says that nothing else does: whose process it is, and what of it is in swap.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Status {
    pub(super) uid: Option<u32>,
    pub(super) gid: Option<u32>,
    pub(super) swap_kib: u64,
}

impl Status {
    pub(super) fn parse(text: &[u8]) -> Self {
        let mut status = Self::default();
        let id = |rest| Words::new(rest).number().and_then(|id| u32::try_from(id).ok());
        for line in lines(text) {
            if let Some(rest) = line.strip_prefix(b"Uid:") {
                status.uid = id(rest);
            } else if let Some(rest) = line.strip_prefix(b"Gid:") {
                status.gid = id(rest);
            } else if let Some(rest) = line.strip_prefix(b"VmSwap:") {
                status.swap_kib = Words::new(rest).number().unwrap_or(0).cast_unsigned();
                break;
            }
        }
        status
    }
}

/// What `io` says.
pub(super) fn moved(text: &[u8]) -> Option<Moved> {
    let mut moved = [None; 4];
    for line in lines(text) {
        for (value, key) in moved.iter_mut().zip([&b"rchar:"[..], b"wchar:", b"read_bytes:", b"write_bytes:"]) {
            if let Some(rest) = line.strip_prefix(key) {
                *value = Words::new(rest).number().map(i64::cast_unsigned);
            }
        }
    }
    Some([moved[0]?, moved[1]?, moved[2]?, moved[3]?])
}

/// How many descriptors a process may have, from `limits`.
pub(super) fn descriptors_limit(text: &[u8]) -> Option<u32> {
    let rest = lines(text).find_map(|line| line.strip_prefix(b"Max open files"))?;
    Some(Words::new(rest).number().and_then(|limit| u32::try_from(limit).ok()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &[u8] = b"23245 (a) b (c d) S 22981 22981 19325 0 -1 4194304 100 7 3 2 11 12 -1 14 20 0 5 0 1792632 \
        3133440 394 18446744073709551615 94672428142592 94672428162473 140729445386640 0 0 0 0 0 0 0 0 0 17 1\n";
    const STATUS: &[u8] =
        b"Name:\ta\nUmask:\t0022\nUid:\t1000\t0\t0\t0\nGid:\t100\t1\t1\t1\nVmRSS:\t9 kB\nVmSwap:\t      12 kB\n";
    const IO: &[u8] =
        b"rchar: 6976\nwchar: 5\nsyscr: 10\nsyscw: 0\nread_bytes: 4096\nwrite_bytes: 8192\ncancelled_write_bytes: 1\n";
    const LIMITS: &[u8] =
        b"Limit   Soft Limit  Hard Limit  Units\nMax open files            1024      4096      files\n";

    /// Goal: each number comes from its place, whatever the name holds.
    #[test]
    fn stat_is_read() {
        let stat = Stat::parse(STAT).unwrap();
        assert_eq!(stat.name.bytes(), b"a) b (c d");
        assert_eq!((stat.state, stat.parent, stat.is_kernel), (b'S', 22981, false));
        assert_eq!((stat.used, stat.children), ([11, 12, 100, 3], [0, 14, 7, 2]));
        assert_eq!((stat.threads, stat.start), (5, 1_792_632));
        assert_eq!((stat.virtual_bytes, stat.resident_pages), (3_133_440, 394));
        let kernel = b"2 (kworker/u8:1-events_unbound) I 0 0 0 0 -1 69238880 0 0 0 0 0 9 0 0 20 0 1 0 6 0 0 1\n";
        let stat = Stat::parse(kernel).unwrap();
        assert!(stat.is_kernel && stat.name.bytes() == b"kworker/u8:1-ev");
    }

    /// Goal: what is cut, absurd or another file's gives nothing, and no mutation panics.
    #[test]
    fn bad_texts() {
        for text in [&b""[..], b"1", b"1 (", b"1 )(", b"1 (a)", b"1 (a) S", b"1 (a) S x", &STAT[..60], &STAT[..90]] {
            assert_eq!(Stat::parse(text), None, "{}", String::from_utf8_lossy(text));
        }
        assert_eq!((private_pages(b"1 2"), moved(b"rchar: 1\n"), descriptors_limit(b"")), (None, None, None));
        for text in [STAT, STATUS, IO, LIMITS, b"1 2 3 4 5"] {
            crate::tests::mutate(text, |text| {
                assert_eq!(Stat::parse(text), Stat::parse(text));
                assert_eq!((private_pages(text), Status::parse(text)), (private_pages(text), Status::parse(text)));
                assert_eq!((moved(text), descriptors_limit(text)), (moved(text), descriptors_limit(text)));
            });
        }
    }

    /// Goal: the other files give their numbers, too.
    #[test]
    fn other_files_are_read() {
        assert_eq!(private_pages(b"1000 300 100 5 0 80 0\n"), Some(200));
        assert_eq!(private_pages(b"0 0 0 0 0 0 0\n"), Some(0));
        assert_eq!(Status::parse(STATUS), Status { uid: Some(1000), gid: Some(100), swap_kib: 12 });
        assert_eq!(moved(IO), Some([6976, 5, 4096, 8192]));
        assert_eq!(descriptors_limit(LIMITS), Some(1024));
        assert_eq!(descriptors_limit(b"Max open files  unlimited unlimited files\n"), Some(0));
    }
}
