//! What fuzzing checks. The fuzz target and the replay of its corpus share this function.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use collect::{Collector, Config};
use row::{Guid, Now};
use rrd_store::{FeedKind, Host, HostInfo, Keep, MemoryMode, Store};

/// The first of the bytes that pick a file; the others follow it, in the order of the list.
pub const FIRST: u8 = b'0';
/// The files, each with what must be beside it for it to be read.
pub const FILES: &[(&str, &[&str])] = &[
    ("proc/stat", &[]),
    ("proc/interrupts", &[]),
    ("proc/softirqs", &[]),
    ("proc/pressure/io", &[]),
    ("proc/vmstat", &["sys/devices/system/node/node0/x", "sys/devices/system/node/node1/x"]),
    ("proc/meminfo", &[]),
    ("proc/net/netstat", &[]),
    ("proc/net/snmp", &["proc/net/netstat"]),
    ("proc/net/snmp6", &["proc/net/netstat"]),
    ("proc/net/sockstat", &[]),
    ("proc/net/softnet_stat", &[]),
    ("proc/net/stat/nf_conntrack", &[]),
    ("proc/net/stat/synproxy", &[]),
    ("proc/net/dev", &[]),
    ("proc/net/wireless", &[]),
    ("proc/net/sctp/snmp", &[]),
    ("proc/net/ip_vs_stats", &[]),
    ("proc/net/rpc/nfs", &[]),
    ("proc/net/rpc/nfsd", &[]),
    ("proc/diskstats", &[]),
    ("proc/self/mountinfo", &[]),
    ("proc/mdstat", &[]),
    ("proc/spl/kstat/zfs/arcstats", &["proc/spl/kstat/zfs/tank/state"]),
    ("proc/spl/kstat/zfs/tank/state", &["proc/spl/kstat/zfs/arcstats"]),
    ("proc/sysvipc/sem", &[]),
    ("proc/sysvipc/msg", &["proc/sysvipc/sem"]),
    ("proc/sysvipc/shm", &["proc/sysvipc/sem"]),
    ("proc/loadavg", &[]),
    ("proc/uptime", &[]),
    ("sys/block/zram0/mm_stat", &[]),
    ("sys/devices/system/node/node0/numastat", &["sys/devices/system/node/node1/numastat"]),
    ("sys/devices/system/edac/mc/mc0/ce_count", &[]),
    ("sys/devices/system/cpu/cpu0/cpufreq/stats/time_in_state", &[]),
    ("sys/class/power_supply/BAT0/capacity", &[]),
    ("sys/fs/btrfs/0c5a2b0e-7c1f-4c8e-9a57-0123456789ab/label", &[]),
    ("sys/fs/btrfs/0c5a2b0e-7c1f-4c8e-9a57-0123456789ab/allocation/data/disk_total", &[]),
];
/// Ticks per input: what is computed of two readings, and of what stays, is seen, too.
const TICKS: i64 = 12;
const START_S: i64 = 1_700_000_000;

/// Collects from a machine of which one file, picked by the first byte, holds the rest of the bytes: no
/// panic, and every text that is made of them can be sent. Half of the ticks see the first half only.
pub fn files(root: &Path, data: &[u8]) {
    let Some((&first, text)) = data.split_first() else { return };
    let at = usize::from(first.wrapping_sub(FIRST)) % FILES.len();
    let (file, beside) = FILES[at];
    let root = root.join(at.to_string());
    for path in beside {
        write(&root.join(path), b"0\n");
    }
    write(&root.join(file), text);
    let info = HostInfo { hostname: "fuzzed".to_owned(), ..HostInfo::unknown(Guid::from_bytes([1; 16])) };
    let host = Store::new().add(&info, Keep::new(MemoryMode::Ram, 60));
    let mut feed = host.claim(FeedKind::Local, info);
    let mut collector = Collector::new(Config { root: root.clone(), zero_metrics: true, ..Config::default() });
    for tick in 0..TICKS {
        if tick == TICKS / 2 {
            write(&root.join(file), &text[..text.len() / 2]);
        }
        let wall_us = (START_S + tick) * 1_000_000;
        collector.tick(Now { wall_us, mono_us: wall_us.unsigned_abs() }, &mut feed);
    }
    check_texts(&host);
}

fn write(path: &Path, text: &[u8]) {
    if fs::write(path, text).is_err() {
        fs::create_dir_all(path.parent().expect("files lie in folders")).expect("the folder is ours");
        fs::write(path, text).expect("the folder is ours");
    }
}

fn check_texts(host: &Arc<Host>) {
    let check = |text: &str| assert!(!text.contains(|letter: char| letter.is_control() || letter == '"'), "{text:?}");
    host.read(|host| {
        for chart in host.charts() {
            let definition = chart.definition();
            let texts = [definition.id, definition.name, definition.family, definition.context];
            texts.into_iter().chain(chart.labels().map(|label| label.value)).for_each(check);
            chart.dimensions().flat_map(|dimension| [dimension.id, dimension.name]).for_each(check);
        }
    });
}
