//! The files of parts that not every machine has.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::write;

/// The file system of the kind btrfs.
pub(crate) const UUID: &str = "0c5a2b0e-7c1f-4c8e-9a57-0123456789ab";

/// Files of one number or a word.
pub(crate) const NUMBERS: &[(&str, &str)] = &[
    ("sys/class/net/eth0/operstate", "up"),
    ("sys/class/net/eth0/carrier", "1"),
    ("sys/class/net/eth0/duplex", "full"),
    ("sys/class/net/eth0/speed", "1000"),
    ("sys/class/net/eth0/mtu", "1500"),
    ("sys/class/net/down0/operstate", "down"),
    ("sys/class/net/down0/mtu", "9000"),
    ("sys/devices/system/edac/mc/mc0/ce_count", "0"),
    ("sys/devices/system/edac/mc/mc0/ue_count", "0"),
    ("sys/devices/system/edac/mc/mc1/ce_count", "3"),
    ("sys/devices/system/edac/mc/mc1/ue_count", "0"),
    ("sys/kernel/mm/ksm/pages_shared", "10"),
    ("sys/kernel/mm/ksm/pages_unshared", "20"),
    ("sys/kernel/mm/ksm/pages_sharing", "50"),
    ("sys/kernel/mm/ksm/pages_volatile", "0"),
    ("sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count", "0"),
    ("sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "1200000"),
    ("sys/devices/system/cpu/cpu1/thermal_throttle/core_throttle_count", "7"),
    ("sys/devices/system/cpu/cpu1/cpufreq/stats/time_in_state", "800000 100\n1600000 100"),
    ("sys/class/power_supply/BAT0/capacity", "87"),
    ("sys/class/power_supply/AC/online", "1"),
    ("sys/block/md1/md/mismatch_cnt", "128"),
    ("proc/spl/kstat/zfs/tank/state", "DEGRADED"),
    ("proc/sys/kernel/sem", "32000\t1024000000\t500\t32000"),
];

/// Files of many lines.
pub(crate) const TEXTS: &[(&str, &str)] = &[
    ("proc/net/dev", NET_DEV),
    ("proc/net/wireless", include_str!("../files/wireless.txt")),
    ("proc/net/sctp/snmp", include_str!("../files/sctp-snmp.txt")),
    ("proc/net/ip_vs_stats", "a\nb\n 1 1A 14 4D2A 3B1C\n"),
    ("proc/net/stat/synproxy", "entries\n0 a 1 2 3 4\n0 a 1 2 3 4\n"),
    ("proc/net/rpc/nfs", include_str!("../files/nfs.txt")),
    ("proc/net/rpc/nfsd", include_str!("../files/nfsd.txt")),
    ("proc/mdstat", include_str!("../files/mdstat.txt")),
    ("proc/spl/kstat/zfs/arcstats", include_str!("../files/arcstats.txt")),
    ("proc/sysvipc/sem", include_str!("../files/sysvipc-sem.txt")),
    ("proc/sysvipc/msg", include_str!("../files/sysvipc-msg.txt")),
    ("proc/sysvipc/shm", "key shmid perms size cpid\n0 1 600 4096 1\n7 2 600 8192 1\n"),
    ("proc/diskstats", DISKSTATS),
    ("proc/vmstat", include_str!("../files/vmstat.txt")),
    ("sys/block/zram0/mm_stat", "  16384     1024    12288        0    16384        1        0\n"),
    ("sys/devices/system/node/node0/numastat", include_str!("../files/numastat.txt")),
    ("sys/devices/system/node/node1/numastat", include_str!("../files/numastat.txt")),
    ("sys/devices/system/node/online", "0-1\n"),
    ("proc/meminfo", "MemTotal: 1000 kB\nMemFree: 100 kB\nMemAvailable: 700 kB\nBuffers: 50 kB\nCached: 400 kB\n"),
];
const NET_DEV: &str = "a\nb\n eth0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n down0: 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n";
const DISKSTATS: &str =
    " 254 0 vda 1 1 1 1 1 1 1 1 1 1 1 5 1 4096 20 7 35\n 8 0 sdb 1 1 1 1 1 1 1 1 1 1 1 0 0 0 0 0 0\n";

/// Writes all of them below a folder.
pub(crate) fn machine_of_parts(root: &Path) {
    NUMBERS.iter().for_each(|(path, text)| write(root, path, &format!("{text}\n")));
    TEXTS.iter().for_each(|(path, text)| write(root, path, text));
    write_btrfs(root);
    fs::create_dir_all(root.join("sys/block/vda")).unwrap();
}

fn write_btrfs(root: &Path) {
    let folder = format!("sys/fs/btrfs/{UUID}");
    write(root, &format!("{folder}/label"), "data\n");
    write(root, &format!("{folder}/allocation/global_rsv_size"), "10\n");
    for (part, total) in [("data", 1000), ("metadata", 100), ("system", 20)] {
        let numbers =
            [("total_bytes", total), ("bytes_used", total / 2), ("disk_total", total), ("disk_used", total / 2)];
        for (name, number) in numbers {
            write(root, &format!("{folder}/allocation/{part}/{name}"), &format!("{number}\n"));
        }
    }
    write(root, "sys/devices/sdx/size", "4\n");
    fs::create_dir_all(root.join(&folder).join("devices")).unwrap();
    symlink("../../../../devices/sdx", root.join(&folder).join("devices/sdx")).unwrap();
    write(root, "sys/fs/btrfs/features/raid56", "1\n");
}
