//! Parts that not every machine has: what is defined and stored of them, and that they come and go.

#![expect(clippy::unwrap_used, reason = "what a test relies on ends it where it fails")]

mod machine;

use std::fs;
use std::path::Path;

use collect::{Config, RENAMES, Rename};
use machine::parts::{NUMBERS, TEXTS, UUID, machine_of_parts};
use machine::{Machine, write};

/// How the ids of the charts begin that are looked at here.
const IDS: [&str; 25] = [
    "btrfs.",
    "cpu.",
    "disk_ext",
    "ipvs.",
    "mdstat.",
    "mem.ecc",
    "mem.ksm",
    "mem.n",
    "mem.zram",
    "net_carrier.",
    "net_duplex.",
    "net_mtu.",
    "net_operstate.",
    "net_speed.",
    "netfilter.synproxy",
    "nfs.",
    "nfsd.",
    "powersupply",
    "sctp.",
    "system.ipc",
    "system.message",
    "system.shared",
    "wireless.",
    "zfs.",
    "zfspool.",
];
/// The charts of the machine below, in the form of [`definitions`].
const CHARTS: &str = include_str!("files/parts.txt");
/// Longer than it takes until folders are looked at again, and what is calm is read again.
const LOOK_TICKS: usize = 16;

fn machine() -> Machine {
    Machine::new(machine_of_parts, |_| {})
}

/// All definitions but titles: a line per chart and one per dimension.
fn definitions(machine: &Machine) -> String {
    machine.definitions(|id| IDS.iter().any(|begin| id.starts_with(begin)))
}

/// Every chart of every part has the id, context, units, family, priority, options and dimensions that
/// dashboards and alarms know.
#[test]
fn definitions_are_those_that_dashboards_know() {
    let mut machine = machine();
    machine.ticks(LOOK_TICKS);
    let found = definitions(&machine);
    if std::env::var_os("WRITE_DEFINITIONS").is_some() {
        fs::write("tests/files/parts.txt", &found).unwrap();
    }
    for (found, expected) in found.lines().zip(CHARTS.lines()) {
        assert_eq!(found, expected);
    }
    assert_eq!(found, CHARTS);
    for (chart, labels) in [
        ("net_mtu.eth0", "interface_type=real device=eth0"),
        ("mem.node1", "numa_node=node1"),
        ("mem.zram_ratio.zram0", "device=zram0"),
        ("mdstat.md1_disks", "device=md1 raid_level=raid6"),
        ("powersupply_capacity.BAT0", "device=BAT0"),
        ("wireless.wlan0_noise_level", "device=wlan0"),
        ("system.ipc_semaphores", ""),
    ] {
        assert_eq!(machine.labels(chart), labels, "{chart}");
    }
    assert_eq!(machine.labels(&format!("btrfs.disk_{UUID}")), format!("device={UUID} device_label=data"));
}

/// Each number of the files lands where it belongs.
#[test]
fn values_are_those_of_the_files() {
    let mut machine = machine();
    machine.tick();
    let page = 4096;
    for (chart, values) in [
        ("net_speed.eth0", vec![1_000_000]),
        ("net_duplex.eth0", vec![1, 0, 0]),
        ("net_operstate.eth0", vec![1, 0, 0, 0, 0, 0, 0]),
        ("net_operstate.down0", vec![0, 1, 0, 0, 0, 0, 0]),
        ("net_carrier.eth0", vec![1, 0]),
        ("net_mtu.down0", vec![9000]),
        ("mem.node0", vec![4_711_000, 12, 4_710_958, 7, 3041, 42]),
        ("mem.ecc_ce", vec![0, 3]),
        ("mem.ksm", vec![10 * page, 20 * page, 50 * page, 0]),
        ("mem.ksm_savings", vec![50 * page, 80 * page]),
        ("mem.ksm_ratios", vec![625_000]),
        ("mem.zram_usage.zram0", vec![1024, 11_264]),
        ("mem.zram_savings.zram0", vec![-15_360, 16_384]),
        ("cpu.core_throttling", vec![0, 7]),
        ("mdstat.mdstat_health", vec![0, 1, 0, 1]),
        ("mdstat.md1_disks", vec![5, 1]),
        ("mdstat.md1_mismatch", vec![128]),
        ("mdstat.md1_operation", vec![0, 0, 1260, 0]),
        ("mdstat.md2_availability", vec![1]),
        ("zfspool.state_tank", vec![0, 1, 0, 0, 0, 0]),
        ("zfs.arc_size", vec![3000, 4000, 1000, 8000]),
        ("powersupply_capacity.BAT0", vec![87]),
        ("system.ipc_semaphores", vec![20]),
        ("system.ipc_semaphore_arrays", vec![2]),
        ("system.shared_memory_segments", vec![2]),
        ("system.shared_memory_bytes", vec![12_288]),
        ("netfilter.synproxy_cookies", vec![4, 2, 6]),
        ("ipvs.net", vec![19_754, 15_132]),
        ("sctp.chunks", vec![41, 31, 0, 40, 30, 4]),
        ("disk_ext.vda", vec![4096]),
        ("disk_ext_ops.vda", vec![5, 7]),
        ("wireless.wlan0_signal_level", vec![-52]),
        // ZFS would give back 2000 bytes, which is one KiB.
        ("system.ram", vec![100, 449, 401, 50]),
        ("mem.available", vec![701]),
    ] {
        assert_eq!(machine.collected(chart), values, "{chart}");
    }
    let btrfs = |chart: &str| machine.collected(&format!("btrfs.{chart}_{UUID}"));
    assert_eq!(btrfs("disk"), [4 * 512 - 1120, 500, 500, 50, 50, 10, 10]);
    assert_eq!(btrfs("metadata"), [40, 50, 10]);
    let mut frequencies = machine.collected("cpu.cpufreq");
    assert_eq!(frequencies, [1_200_000, 0], "a mean needs two readings");
    machine.write("sys/devices/system/cpu/cpu1/cpufreq/stats/time_in_state", "800000 120\n1600000 110\n");
    machine.write("proc/diskstats", " 254 0 vda 1 1 1 1 1 1 1 1 1 1 1 9 1 4112 60 8 41\n");
    machine.tick();
    frequencies = machine.collected("cpu.cpufreq");
    assert_eq!(frequencies, [1_200_000, 1_066_666]);
    assert_eq!(machine.collected("disk_ext_await.vda"), [10, 6]);
    assert_eq!(machine.collected("disk_ext_avgsz.vda"), [4]);
    machine.host.read(|host| {
        let mut variables: Vec<_> = host.variables().filter(|(name, _)| name.starts_with("ipc")).collect();
        variables.sort_by_key(|&(name, _)| name);
        assert_eq!(variables, [("ipc_semaphores_arrays_max", 32_000.0), ("ipc_semaphores_max", 1_024_000_000.0)]);
    });
}

/// An interface that loses its link says so in the same second, and has it back likewise.
#[test]
fn links_are_lost_and_found() {
    let mut machine = machine();
    machine.tick();
    assert!(!machine.has("net_carrier.down0") && !machine.has("net_speed.down0") && !machine.has("net_duplex.down0"));
    machine.write("sys/class/net/eth0/operstate", "lowerlayerdown\n");
    machine.write("sys/class/net/eth0/carrier", "0\n");
    machine.tick();
    assert_eq!(machine.collected("net_operstate.eth0"), [0, 0, 0, 1, 0, 0, 0]);
    assert_eq!(machine.collected("net_carrier.eth0"), [0, 1]);
    assert_eq!(machine.collected("net_speed.eth0"), [0]);
    assert_eq!(machine.collected("net_duplex.eth0"), [0, 0, 1]);
    machine.write("sys/class/net/eth0/operstate", "up\n");
    machine.write("sys/class/net/eth0/carrier", "1\n");
    machine.write("sys/class/net/eth0/speed", "2500\n");
    machine.tick();
    assert_eq!(machine.collected("net_speed.eth0"), [2_500_000]);
    assert_eq!(machine.collected("net_carrier.eth0"), [1, 0]);
    // What changes without a change of state is seen within a minute.
    machine.write("sys/class/net/eth0/mtu", "1400\n");
    machine.ticks(60);
    assert_eq!(machine.collected("net_mtu.eth0"), [1400]);
    machine.remove("sys/class/net/eth0");
    machine.write("proc/net/dev", "a\nb\n");
    machine.tick();
    for chart in ["net_speed.eth0", "net_duplex.eth0", "net_operstate.eth0", "net_carrier.eth0", "net_mtu.eth0"] {
        assert!(machine.is_obsolete(chart), "{chart}");
    }
}

/// With more interfaces than have a turn in one tick, and than have files that stay open, each has its turn.
#[test]
fn many_interfaces_take_turns() {
    let names: Vec<String> = (0..200).map(|number| format!("veth{number}")).collect();
    let mut machine = Machine::new(
        |root| {
            let lines = names.iter().map(|name| format!(" {name}: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n"));
            write(root, "proc/net/dev", &format!("a\nb\n{}", lines.collect::<String>()));
            names.iter().for_each(|name| write(root, &format!("sys/class/net/{name}/operstate"), "up\n"));
        },
        |_| {},
    );
    machine.tick();
    assert!(machine.has("net_operstate.veth15") && !machine.has("net_operstate.veth16"));
    machine.ticks(13);
    names.iter().for_each(|name| assert!(machine.has(&format!("net_operstate.{name}")), "{name}"));
    names.iter().for_each(|name| machine.write(&format!("sys/class/net/{name}/operstate"), "down\n"));
    machine.ticks(13);
    for name in &names {
        assert_eq!(machine.collected(&format!("net_operstate.{name}"))[..2], [0, 1], "{name}");
    }
}

/// Devices that are plugged in have charts after a look, those that are taken out have obsolete ones, and
/// those that come back have them again.
#[test]
fn devices_come_and_go() {
    let mut machine = machine();
    machine.ticks(LOOK_TICKS);
    let btrfs = format!("btrfs.disk_{UUID}");
    let charts = [
        "mem.zram_usage.zram0",
        "mem.node1",
        "powersupply_capacity.BAT0",
        "zfspool.state_tank",
        "mdstat.md1_disks",
        "mdstat.md2_availability",
        "wireless.wlan0_status",
        &btrfs,
    ];
    for path in [
        "sys/block/zram0",
        "sys/devices/system/node/node1",
        "sys/class/power_supply/BAT0",
        "proc/spl/kstat/zfs/tank",
        "sys/devices/system/edac/mc/mc1",
        &format!("sys/fs/btrfs/{UUID}"),
    ] {
        machine.remove(path);
    }
    machine.write("proc/mdstat", "Personalities : [raid1]\nunused devices: <none>\n");
    machine.write("proc/net/wireless", "a\nb\n");
    machine.ticks(LOOK_TICKS);
    charts.iter().for_each(|chart| assert!(machine.is_obsolete(chart), "{chart}"));
    assert_eq!(machine.dimensions("mem.ecc_ce"), ["mc0"]);
    assert!(machine.dimensions("mdstat.mdstat_health").is_empty());
    machine_of_parts_again(&machine);
    machine.ticks(LOOK_TICKS);
    charts.iter().for_each(|chart| assert!(!machine.is_obsolete(chart), "{chart}"));
    assert_eq!(machine.dimensions("mem.ecc_ce"), ["mc0", "mc1"]);
    assert_eq!(machine.dimensions("mdstat.mdstat_health"), ["md0", "md1", "md3", "md127"]);
    machine.write("sys/block/zram1/mm_stat", "1 1 1\n");
    machine.write("sys/class/power_supply/BAT1/capacity", "5\n");
    machine.ticks(LOOK_TICKS);
    assert!(machine.has("mem.zram_usage.zram1"));
    assert_eq!(machine.collected("powersupply_capacity.BAT1"), [5]);
}

fn machine_of_parts_again(machine: &Machine) {
    fs::remove_dir_all(machine.root.path().join("sys/fs/btrfs")).unwrap();
    machine_of_parts(machine.root.path());
}

/// A driver that is loaded after the start brings its charts within a minute.
#[test]
fn drivers_are_loaded_later() {
    let late = |root: &Path| {
        machine_of_parts(root);
        fs::remove_file(root.join("proc/mdstat")).unwrap();
        fs::remove_dir_all(root.join("proc/spl")).unwrap();
    };
    let mut machine = Machine::new(late, |_| {});
    machine.ticks(2);
    assert!(!machine.has("mdstat.md0_disks") && !machine.has("zfs.hits"));
    assert_eq!(machine.collected("mem.available"), [700]);
    machine_of_parts_again(&machine);
    machine.ticks(61);
    assert_eq!(machine.collected("mdstat.md1_disks"), [5, 1]);
    assert_eq!(machine.collected("zfspool.state_tank"), [0, 1, 0, 0, 0, 0]);
    assert_eq!(machine.collected("mem.available"), [701]);
}

/// Where they are wanted, a battery's charge, energy and voltage are told, those that it knows.
#[test]
fn batteries_in_detail() {
    let prepare = |root: &Path| {
        machine_of_parts(root);
        for (file, value) in [("energy_now", "31000000"), ("energy_full", "50000000"), ("voltage_now", "0")] {
            write(root, &format!("sys/class/power_supply/BAT0/{file}"), value);
        }
    };
    let mut machine = Machine::new(prepare, |config| config.power_details = true);
    machine.tick();
    assert_eq!(machine.dimensions("powersupply_energy.BAT0"), ["now", "full"]);
    assert_eq!(machine.collected("powersupply_energy.BAT0"), [31_000_000, 50_000_000]);
    assert_eq!(machine.collected("powersupply_voltage.BAT0"), [0]);
    assert!(!machine.has("powersupply_charge.BAT0") && !machine.has("powersupply_voltage.AC"));
    machine.remove("sys/class/power_supply/BAT0");
    machine.ticks(LOOK_TICKS);
    assert!(machine.is_obsolete("powersupply_energy.BAT0") && machine.is_obsolete("powersupply_capacity.BAT0"));
    let mut machine = Machine::new(prepare, |_| {});
    machine.tick();
    assert!(!machine.has("powersupply_energy.BAT0"));
}

/// An array that is made anew with another level is another one, with its own label.
#[test]
fn arrays_change_their_level() {
    let mut machine = machine();
    machine.tick();
    machine.write("proc/mdstat", "md1 : active raid0 sda[0]\n      7 blocks super 1.2\n");
    machine.ticks(2);
    assert_eq!(machine.labels("mdstat.md1_availability"), "device=md1 raid_level=raid0");
    assert!(machine.is_obsolete("mdstat.md1_disks"));
}

/// A queue that stays has dimensions, one that is gone in a moment has none, and without queues there is
/// no chart.
#[test]
fn queues_come_and_go() {
    let mut machine = machine();
    machine.ticks(5);
    assert!(!machine.has("system.message_queue_bytes"));
    machine.ticks(5);
    assert_eq!(machine.dimensions("system.message_queue_bytes"), ["0", "32769", "5"]);
    assert_eq!(machine.collected("system.message_queue_messages"), [1, 0, 7]);
    let heading = "key msqid perms cbytes qnum\n";
    for id in 100..130 {
        machine.write("proc/sysvipc/msg", &format!("{heading}0 5 600 70 2\n0 {id} 600 1 1\n"));
        machine.tick();
    }
    assert_eq!(machine.dimensions("system.message_queue_bytes"), ["5"]);
    machine.write("proc/sysvipc/msg", heading);
    machine.tick();
    assert!(machine.is_obsolete("system.message_queue_bytes"));
    machine.write("proc/sysvipc/msg", &format!("{heading}0 5 600 70 2\n"));
    machine.ticks(10);
    assert!(!machine.is_obsolete("system.message_queue_bytes"));
    assert_eq!(machine.dimensions("system.message_queue_bytes"), ["5"]);
}

/// What is calm has no chart, and has one soon after it no longer is.
#[test]
fn calm_parts_wake_up() {
    let calm = |root: &Path| {
        machine_of_parts(root);
        for (path, _) in NUMBERS {
            if path.contains("/ksm/") || path.contains("/edac/") || path.contains("throttle") {
                write(root, path, "0\n");
            }
        }
        write(root, "proc/net/stat/synproxy", "entries\n0 0 0 0 0 0\n");
    };
    let charts = ["mem.ksm", "mem.ecc_ue", "cpu.core_throttling", "netfilter.synproxy_syn_received"];
    let mut machine = Machine::new(calm, |_| {});
    machine.ticks(LOOK_TICKS);
    charts.iter().for_each(|chart| assert!(!machine.has(chart), "{chart}"));
    machine.write("sys/kernel/mm/ksm/pages_sharing", "5\n");
    machine.write("sys/devices/system/edac/mc/mc1/ue_count", "1\n");
    machine.write("sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count", "1\n");
    machine.write("proc/net/stat/synproxy", "entries\n0 1 0 0 0 0\n");
    machine.ticks(LOOK_TICKS);
    charts.iter().for_each(|chart| assert!(machine.has(chart), "{chart}"));
    machine.write("sys/devices/system/edac/mc/mc1/ue_count", "9\n");
    machine.tick();
    assert_eq!(machine.collected("mem.ecc_ue"), [0, 9], "what is awake is read each time");
}

/// A machine with one node, or with very many cores, has no charts of them; all of nothing has charts
/// where that is wanted.
#[test]
fn what_is_not_worth_it_is_left_out() {
    let prepare = |root: &Path| {
        machine_of_parts(root);
        fs::remove_dir_all(root.join("sys/devices/system/node/node1")).unwrap();
        for core in 2..60 {
            write(root, &format!("sys/devices/system/cpu/cpu{core}/cpufreq/scaling_cur_freq"), "1\n");
        }
    };
    let mut machine = Machine::new(prepare, |_| {});
    machine.ticks(2);
    for chart in ["mem.numa", "mem.node0", "cpu.cpufreq", "cpu.core_throttling", "disk_ext.sdb"] {
        assert!(!machine.has(chart), "{chart}");
    }
    let mut machine = Machine::new(prepare, |config| config.zero_metrics = true);
    machine.ticks(2);
    for chart in ["mem.numa", "mem.node0", "mem.ecc_ue", "disk_ext.sdb"] {
        assert!(machine.has(chart), "{chart}");
    }
}

/// Each switch leaves out its charts and no others.
#[test]
fn switches() {
    type Switch = fn(&mut Config) -> &mut collect::Family;
    let switches: [(Switch, &[&str]); 15] = [
        (|config| &mut config.frequency, &["cpu.cpufreq", "cpu.core_throttling"]),
        (|config| &mut config.numa, &["mem.numa", "mem.node"]),
        (|config| &mut config.ecc, &["mem.ecc"]),
        (|config| &mut config.ksm, &["mem.ksm"]),
        (|config| &mut config.zram, &["mem.zram"]),
        (|config| &mut config.wireless, &["wireless."]),
        (|config| &mut config.sctp, &["sctp."]),
        (|config| &mut config.ip_vs, &["ipvs."]),
        (|config| &mut config.synproxy, &["netfilter.synproxy"]),
        (|config| &mut config.raid, &["mdstat."]),
        (|config| &mut config.nfs, &["nfs"]),
        (|config| &mut config.zfs, &["zfs"]),
        (|config| &mut config.btrfs, &["btrfs."]),
        (|config| &mut config.ipc, &["system.ipc", "system.shared", "system.message"]),
        (|config| &mut config.power, &["powersupply"]),
    ];
    for (switch, ids) in switches {
        let mut machine = Machine::new(machine_of_parts, |config| switch(config).enabled = false);
        machine.ticks(LOOK_TICKS);
        let found = definitions(&machine);
        let mut expected = String::new();
        let mut wanted = true;
        for line in CHARTS.lines() {
            if !line.starts_with(' ') {
                wanted = !ids.iter().any(|id| line.starts_with(id));
            }
            if wanted {
                expected.push_str(line);
                expected.push('\n');
            }
        }
        assert_eq!(found, expected, "without {ids:?}");
        assert_ne!(found, CHARTS);
    }
}

/// What the table of renames calls a chart or a dimension of ours is one.
#[test]
fn renamed_things_are_ours() {
    let prepare = |root: &Path| {
        machine_of_parts(root);
        write(root, "proc/net/netstat", include_str!("files/netstat.txt"));
        write(root, "proc/net/snmp", include_str!("files/snmp.txt"));
        write(root, "proc/net/snmp6", include_str!("files/snmp6.txt"));
        write(root, "proc/net/sockstat", include_str!("files/sockstat.txt"));
    };
    let mut machine = Machine::new(prepare, |config| config.zero_metrics = true);
    machine.ticks(2);
    let definitions = machine.definitions(|_| true);
    let charts: Vec<&str> = definitions.lines().filter(|line| !line.starts_with(' ')).collect();
    let ids: Vec<&str> = charts.iter().map(|line| line.split(" | ").next().unwrap()).collect();
    for rename in RENAMES {
        let wanted = rename.chart().replace("mem.{}", "mem.node0").replace("{}", "BAT0");
        let (begin, several) = wanted.strip_suffix('*').map_or((&*wanted, false), |begin| (begin, true));
        let found: Vec<&&str> = ids.iter().filter(|id| **id == begin || several && id.starts_with(begin)).collect();
        assert!(!found.is_empty(), "{rename:?}");
        let dimensions = machine.dimensions(found[0]);
        match rename {
            Rename::Dimension { id, .. } => assert!(dimensions.iter().any(|own| own == id), "{rename:?}"),
            Rename::NamesAsIds { names, .. } => {
                let is_ours = |name: &&str| definitions.contains(&format!(" | {name} | incremental"));
                assert!(names.iter().all(is_ours), "{rename:?}");
            }
            Rename::Chart { new_id, .. } => assert!(!ids.contains(new_id), "{rename:?}"),
            _ => {}
        }
    }
}

/// Files that turn to garbage, are cut, longer than a page or gone disturb nothing else, and once they are
/// whole again, all charts are there.
#[test]
fn bad_files_disturb_nothing_else() {
    let mut machine = machine();
    machine.ticks(LOOK_TICKS);
    let long = "x ".repeat(10_000);
    let many = "-1 -2 -3\n".repeat(2_000);
    for garbage in ["", "\n", "\0\0\0\n", "-1\n", "99999999999999999999\n", &long, &many, "a: b\nc d\n e f g\n"] {
        for (path, _) in NUMBERS.iter().chain(TEXTS) {
            machine.write(path, garbage);
        }
        machine.ticks(2);
    }
    for (path, text) in NUMBERS.iter().chain(TEXTS) {
        machine.write(path, &text[..text.len() / 2]);
    }
    machine.ticks(LOOK_TICKS);
    for (path, _) in NUMBERS.iter().chain(TEXTS).filter(|(path, _)| path.starts_with("sys/")) {
        machine.remove(path);
    }
    machine.ticks(LOOK_TICKS);
    machine_of_parts_again(&machine);
    machine.ticks(3 * LOOK_TICKS);
    let obsolete: Vec<_> = CHARTS.lines().filter(|line| !line.starts_with(' ')).collect();
    let obsolete = obsolete.iter().map(|line| line.split(' ').next().unwrap());
    let obsolete: Vec<_> = obsolete.filter(|chart| machine.is_obsolete(chart)).collect();
    assert!(obsolete.is_empty(), "{obsolete:?}");
}
