//! A machine made of files: what is defined and stored, tick by tick.

#![expect(clippy::unwrap_used, reason = "what a test relies on ends it where it fails")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use collect::{Collector, Config, Family, TickReport};
use row::{ChartOptions, Guid, Now};
use rrd_store::{Feed, FeedKind, Host, HostInfo, Keep, MemoryMode, Store};
use tempfile::TempDir;

#[allow(dead_code, reason = "a test needs a part of it")]
mod machine;

use machine::{render, write};

/// The charts of the machine below, as dashboards and alarms of Netdata 1.37 know them:
/// `id | context | units | family | type | priority | update every | options | module`, then
/// `id | name | algorithm | multiplier | divisor | options` for each dimension.
const CHARTS: &str = include_str!("files/charts.txt");
const START_S: i64 = 1_700_000_000;
const MEMINFO: &str = "MemTotal: 1000 kB\nMemFree: 100 kB\nMemAvailable: 700 kB\nBuffers: 50 kB\nCached: 400 kB\n\
    SwapTotal: 300 kB\nSwapFree: 200 kB\nDirty: 1 kB\nShmem: 30 kB\nSlab: 9 kB\nSReclaimable: 20 kB\n\
    SUnreclaim: 5 kB\nPercpu: 1 kB\nCommitted_AS: 77 kB\nHardwareCorrupted: 4 kB\nAnonHugePages: 2048 kB\n\
    HugePages_Total: 8\nHugePages_Free: 3\nHugePages_Rsvd: 1\nHugePages_Surp: 0\nHugepagesize: 2048 kB\n";

/// Files whose numbers stand still.
const OTHER_FILES: &[(&str, &str)] = &[
    ("proc/interrupts", include_str!("files/interrupts.txt")),
    ("proc/softirqs", "  CPU0 CPU1\n HI: 0 0\n TIMER: 5 6\n NET_RX: 0 7\n"),
    ("proc/net/netstat", include_str!("files/netstat.txt")),
    ("proc/net/snmp", include_str!("files/snmp.txt")),
    ("proc/net/snmp6", include_str!("files/snmp6.txt")),
    ("proc/net/sockstat", include_str!("files/sockstat.txt")),
    ("proc/net/sockstat6", "TCP6: inuse 3\nUDP6: inuse 0\n"),
    ("proc/net/softnet_stat", "a 0 1 0 0 0 0 0 0 0 0 0 0\n14 0 2 0 0 0 0 0 0 0 0 0 0\n"),
    (
        "proc/net/stat/nf_conntrack",
        "entries\n2a 1 2 3 4 5 6 7 8 9 a b c d e f 10\n2a 1 2 3 4 5 6 7 8 9 a b c d e f 10\n",
    ),
    ("proc/sys/net/netfilter/nf_conntrack_max", "65536\n"),
    ("proc/sys/net/ipv4/tcp_mem", "100 200 300\n"),
    ("proc/sys/net/ipv4/tcp_max_orphans", "4096\n"),
    ("proc/sys/kernel/random/entropy_avail", "256\n"),
    (
        "proc/pressure/cpu",
        "some avg10=1.50 avg60=0.25 avg300=0.00 total=5000\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n",
    ),
    (
        "proc/pressure/memory",
        "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n",
    ),
    ("proc/pressure/io", "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"),
];

struct Machine {
    root: TempDir,
    collector: Collector,
    feed: Feed,
    host: Arc<Host>,
    second: i64,
}

impl Machine {
    fn new(prepare: impl FnOnce(&Path)) -> Self {
        Self::with(prepare, |_| {})
    }

    fn with(prepare: impl FnOnce(&Path), change: impl FnOnce(&mut Config)) -> Self {
        let root = tempfile::tempdir().unwrap();
        prepare(root.path());
        // Mounts are those of the real machine, and answer when they like.
        let mounts = Family { enabled: false, ..Family::default() };
        let mut config = Config { root: root.path().to_owned(), mounts, ..Config::default() };
        change(&mut config);
        let (host, feed) = host();
        Self { root, collector: Collector::new(config), feed, host, second: START_S }
    }

    fn write(&self, path: &str, text: &str) {
        write(self.root.path(), path, text);
    }

    /// Runs the tick of the next second.
    fn tick(&mut self) -> TickReport {
        self.second += 1;
        self.tick_at(self.second * 1_000_000 + 20_000)
    }

    fn tick_at(&mut self, wall_us: i64) -> TickReport {
        self.collector.tick(Now { wall_us, mono_us: wall_us.unsigned_abs() - 1_000_000_000 }, &mut self.feed)
    }

    fn has(&self, chart: &str) -> bool {
        self.host.read(|host| host.find_chart(chart).is_some())
    }

    fn is_obsolete(&self, chart: &str) -> bool {
        self.host.read(|host| host.find_chart(chart).unwrap().definition().options.has(ChartOptions::OBSOLETE))
    }

    /// The values that were collected last.
    fn collected(&self, chart: &str) -> Vec<i64> {
        self.host.read(|host| {
            let chart = host.find_chart(chart).unwrap();
            (0..chart.dimensions().len()).map(|at| chart.dimension_state(at as u32).unwrap().collected).collect()
        })
    }

    /// The values that were stored last.
    fn stored(&self, chart: &str) -> Vec<f64> {
        self.host.read(|host| {
            let chart = host.find_chart(chart).unwrap();
            (0..chart.dimensions().len()).map(|at| chart.dimension_state(at as u32).unwrap().stored.unpack()).collect()
        })
    }

    fn labels(&self, chart: &str) -> String {
        self.host.read(|host| {
            let labels =
                host.find_chart(chart).unwrap().labels().map(|label| format!("{}={}", label.name, label.value));
            labels.collect::<Vec<_>>().join(" ")
        })
    }
}

fn host() -> (Arc<Host>, Feed) {
    let info = HostInfo { hostname: "fake".to_owned(), hops: 0, ..HostInfo::unknown(Guid::from_bytes([1; 16])) };
    let host = Store::new().add(&info, Keep::new(MemoryMode::Ram, 120));
    let feed = host.claim(FeedKind::Local, info);
    (host, feed)
}

fn stat(times: u64) -> String {
    let line = |times: u64| format!("{} 0 {} {} 0 0 0 0 0 0", 10 * times, 20 * times, 70 * times);
    format!(
        "cpu  {}\ncpu0 {}\ncpu1 {}\nintr {} 1 2\nctxt {}\nbtime 1\nprocesses {}\nprocs_running 3\nprocs_blocked 2\n",
        line(2 * times),
        line(times),
        line(times),
        1000 * times,
        2000 * times,
        5 * times
    )
}

fn diskstats(n: u64) -> String {
    let sda = format!("{} 1 {} {} {} 2 {} {} 4 {} {}", 10 * n, 80 * n, 50 * n, 5 * n, 400 * n, 20 * n, 250 * n, 90 * n);
    format!(
        " 254 0 vda {sda} 0 0 0 0\n 254 1 vda1 {sda}\n 7 0 loop0 {sda}\n 252 0 zram0 {sda}\n 8 0 sdb 0 0 0 0 0 0 0 0 0 0 0\n"
    )
}

fn net_dev(n: u64) -> String {
    let line = format!("{} {} 3 4 5 6 7 8 {} {} 11 12 13 14 15 16", 1000 * n, 10 * n, 2000 * n, 20 * n);
    format!(
        "Inter-| Receive | Transmit\n face |bytes x|bytes x\n    lo: {line}\n  eth0: {line}\n veth1: {line}\n dummy0: 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
    )
}

fn busy_machine(root: &Path) {
    write(root, "proc/stat", &stat(1));
    write(root, "proc/uptime", "937.20 1821.02\n");
    write(root, "proc/loadavg", "0.16 0.29 1.13 1/86 4678\n");
    write(root, "proc/sys/kernel/pid_max", "32768\n");
    write(root, "proc/meminfo", MEMINFO);
    write(
        root,
        "proc/vmstat",
        "pgpgin 100\npgpgout 200\npswpin 1\npswpout 2\npgfault 1000\npgmajfault 10\noom_kill 0\n",
    );
    write(root, "proc/diskstats", &diskstats(1));
    write(root, "proc/net/dev", &net_dev(1));
    for (path, text) in OTHER_FILES {
        write(root, path, text);
    }
    write(root, "proc/self/mountinfo", "27 1 254:0 / / rw - ext4 /dev/vda rw\n");
    write(root, "sys/class/net/eth0/speed", "1000\n");
    for folder in [
        "sys/block/vda",
        "sys/block/sdb",
        "sys/block/zram0",
        "sys/devices/virtual/block/zram0",
        "sys/dev/block/254:1/partition",
    ] {
        fs::create_dir_all(root.join(folder)).unwrap();
    }
    fs::create_dir_all(root.join("sys/devices/virtual/net/veth1")).unwrap();
}

/// All definitions of the host but titles and devices' twins, as in [`CHARTS`].
fn definitions(host: &Host) -> String {
    let mut charts = host.read(|host| host.charts().map(render).collect::<Vec<_>>());
    charts.retain(|chart| !chart.split(' ').next().unwrap().ends_with("zram0") && !chart.contains("veth1"));
    charts.sort();
    charts.concat()
}

/// Every chart has the id, context, units, family, priority, options and dimensions that
/// dashboards and alarms know.
#[test]
fn definitions_are_those_that_dashboards_know() {
    let mut machine = Machine::new(busy_machine);
    machine.tick();
    machine.tick();
    let found = definitions(&machine.host);
    let mut expected: Vec<String> = Vec::new();
    for line in CHARTS.lines() {
        match expected.last_mut().filter(|_| line.starts_with(' ')) {
            Some(chart) => writeln!(chart, "{line}").unwrap(),
            None => expected.push(format!("{line}\n")),
        }
    }
    expected.sort();
    for (found, expected) in found.lines().zip(expected.concat().lines()) {
        assert_eq!(found, expected);
    }
    assert_eq!(found, expected.concat());
    let everywhere = "_collect_plugin=proc.plugin _collect_module=";
    assert_eq!(machine.labels("system.cpu"), format!("{everywhere}/proc/stat"));
    let disk = "device=vda mount_point=/ device_type=physical";
    assert_eq!(machine.labels("disk_ops.vda"), format!("{everywhere}/proc/diskstats {disk}"));
    let disk = "device=zram0 mount_point=[none] device_type=virtual";
    assert_eq!(machine.labels("disk.zram0"), format!("{everywhere}/proc/diskstats {disk}"));
    assert_eq!(machine.labels("net.eth0"), format!("{everywhere}/proc/net/dev interface_type=real device=eth0"));
    assert_eq!(machine.labels("net.veth1"), format!("{everywhere}/proc/net/dev interface_type=virtual device=veth1"));
}

/// Two ticks with known numbers: what is collected, and the rates that come of it.
#[test]
fn values_of_two_ticks() {
    let mut machine = Machine::new(busy_machine);
    machine.tick();
    assert_eq!(machine.collected("system.cpu"), [0, 0, 0, 0, 0, 20, 40, 0, 0, 140]);
    assert_eq!(machine.collected("system.load"), [160, 290, 1130]);
    assert_eq!(machine.collected("system.active_processes"), [86]);
    assert_eq!(machine.collected("system.uptime"), [937_200]);
    assert_eq!(machine.collected("system.ram"), [100, 1000 - 100 - 390 - 50, 390, 50]);
    assert_eq!(machine.collected("system.swap"), [200, 100]);
    assert_eq!(machine.collected("mem.hugepages"), [3, 4, 0, 1]);
    assert_eq!(machine.collected("system.io"), [40, 200], "the physical disks only");
    assert_eq!(machine.collected("system.net"), [1000, 2000], "the physical interfaces only");
    assert!(!machine.has("disk_await.vda"), "means need two readings");
    machine.write("proc/stat", &stat(3));
    machine.write("proc/diskstats", &diskstats(3));
    machine.write("proc/net/dev", &net_dev(3));
    let report = machine.tick();
    assert!(report.rows > 50 && report.samples > 100 && !report.feed_lost, "{report:?}");
    let close = |chart: &str, expected: &[f64]| {
        let stored = machine.stored(chart);
        assert_eq!(stored.len(), expected.len(), "{chart}");
        let good = stored
            .iter()
            .zip(expected)
            .all(|(stored, expected)| (stored - expected).abs() < 0.05 * expected.abs() + 1e-6);
        assert!(good, "{chart}: {stored:?}, expected {expected:?}");
    };
    close("cpu.cpu1", &[0.0, 0.0, 0.0, 0.0, 0.0, 10.0, 20.0, 0.0, 0.0, 70.0]);
    assert_eq!(machine.collected("disk_util.vda"), [50]);
    assert_eq!(machine.collected("disk_await.vda"), [5, 4]);
    assert_eq!(machine.collected("disk_avgsz.vda"), [8, 80]);
    assert_eq!(machine.collected("disk_svctm.vda"), [16]);
    assert_eq!(machine.collected("system.io"), [120, 600]);
    close("system.processes", &[3.0, -2.0]);
    close("ipv4.tcpsock", &[38.0]);
    assert_eq!(machine.collected("system.softnet_stat"), [30, 0, 3, 0, 0]);
    assert_eq!(machine.collected("cpu.cpu1_softnet_stat"), [20, 0, 2, 0, 0]);
    assert_eq!(machine.collected("system.softirqs"), [11, 7]);
    assert_eq!(machine.collected("cpu.cpu1_interrupts"), [13, 157_796, 176_543, 2967]);
    assert_eq!(machine.collected("netfilter.conntrack_search"), [2, 32, 4]);
    assert_eq!(machine.collected("ipv4.tcphandshake"), [37, 338, 303, 2]);
    assert_eq!(machine.collected("ipv4.sockstat_tcp_sockets"), [66, 0, 63, 6381]);
    assert_eq!(machine.collected("system.cpu_some_pressure"), [150, 25, 0]);
}

/// Variables that alarms need are set: on the host, and on the charts they belong to.
#[test]
fn variables_are_set() {
    let mut machine = Machine::new(busy_machine);
    machine.tick();
    machine.host.read(|host| {
        let mut variables: Vec<_> = host.variables().collect();
        variables.sort_by_key(|&(name, _)| name);
        let expected = [
            ("active_processors", 2.0),
            ("netfilter_conntrack_max", 65_536.0),
            ("tcp_max_connections", -1.0),
            ("tcp_max_orphans", 4096.0),
            ("tcp_mem_high", 1200.0),
            ("tcp_mem_low", 400.0),
            ("tcp_mem_pressure", 800.0),
        ];
        assert_eq!(variables, expected);
        let variables = |chart| host.find_chart(chart).unwrap().variables().collect::<Vec<_>>();
        assert_eq!(variables("system.active_processes"), [("pidmax", 32_768.0)]);
        assert_eq!(variables("net.eth0"), [("nic_speed_max", 1_000_000.0)]);
        assert_eq!(variables("net.veth1"), [("nic_speed_max", 0.0)]);
    });
}

/// Charts of what never happens do not appear, unless all are wanted; what is left out has none.
#[test]
fn charts_appear_with_their_first_value() {
    let mut machine = Machine::new(busy_machine);
    machine.tick();
    for absent in ["disk.sdb", "net.dummy0", "net.lo", "disk.loop0", "disk.vda1"] {
        assert!(!machine.has(absent), "{absent}");
    }
    let mut machine = Machine::with(busy_machine, |config| {
        config.zero_metrics = true;
        config.per_core = false;
        config.diskstats_exclude = "vda".to_owned();
        config.meminfo.enabled = false;
    });
    machine.tick();
    for (chart, expected) in [
        ("disk.sdb", true),
        ("net_events.dummy0", true),
        ("disk.loop0", true),
        ("disk.vda", false),
        ("disk.vda1", false),
        ("cpu.cpu0", false),
        ("system.ram", false),
        ("net.lo", false),
    ] {
        assert_eq!(machine.has(chart), expected, "{chart}");
    }
    assert_eq!(machine.collected("system.io"), [40, 200], "charts are left out, not the disk");
}

/// A device that goes has obsolete charts, one that comes back has them again, and the sums over
/// all devices never fall.
#[test]
fn devices_come_and_go() {
    let mut machine = Machine::new(busy_machine);
    machine.tick();
    machine.tick();
    machine.write("proc/diskstats", " 252 0 zram0 1 1 1 1 1 1 1 1 1 1 1\n");
    machine.write("proc/net/dev", "a\nb\n    lo: 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1\n");
    machine.tick();
    for gone in ["disk.vda", "disk_util.vda", "disk_await.vda", "net.eth0", "net_events.veth1"] {
        assert!(machine.is_obsolete(gone), "{gone}");
    }
    assert!(!machine.is_obsolete("disk.zram0"));
    assert_eq!(machine.collected("system.io"), [40, 200]);
    assert_eq!(machine.collected("system.net"), [1000, 2000]);
    machine.write("proc/diskstats", &diskstats(1));
    machine.write("proc/net/dev", &net_dev(1));
    machine.tick();
    machine.tick();
    for back in ["disk.vda", "disk_util.vda", "disk_await.vda", "net.eth0", "net_events.veth1"] {
        assert!(!machine.is_obsolete(back), "{back}");
    }
    machine.write("proc/diskstats", "");
    machine.tick();
    assert!(machine.is_obsolete("disk.vda") && machine.is_obsolete("disk.zram0"), "no disk at all");
}

/// A file that cannot be opened leaves its charts out; one that turns to garbage is skipped until
/// it is whole again, and its devices are not taken for gone.
#[test]
fn bad_files_disturb_nothing_else() {
    let mut machine = Machine::new(|root| {
        busy_machine(root);
        fs::remove_file(root.join("proc/vmstat")).unwrap();
    });
    let whole = machine.tick();
    assert!(!machine.has("system.pgpgio"));
    for garbage in ["", "\0\0\0\n", "cpu x\n", "a b c\nd e f\ng h i\n", "99999999999999999999 1 1\n2\n3\n"] {
        let others = OTHER_FILES.iter().map(|(path, _)| *path);
        for file in
            ["proc/stat", "proc/uptime", "proc/loadavg", "proc/meminfo", "proc/net/dev"].into_iter().chain(others)
        {
            machine.write(file, garbage);
        }
        machine.write("proc/diskstats", if garbage.is_empty() { "x" } else { garbage });
        let report = machine.tick();
        assert!(report.rows <= 1, "{report:?} of {garbage:?}");
    }
    let net_gone = machine.is_obsolete("net.eth0");
    busy_machine(machine.root.path());
    // Some charts come every other second.
    let again = machine.tick().rows.max(machine.tick().rows);
    assert!(again > whole.rows - 3, "{again}, before {whole:?}");
    assert!(!machine.is_obsolete("disk.vda"));
    assert!(!net_gone, "an unreadable list is no empty one");
}

/// Load averages come every five seconds; a family may come less often than the rest.
#[test]
fn slower_families() {
    let mut machine = Machine::with(busy_machine, |config| config.meminfo.update_every_s = 3);
    let rows: Vec<u32> = (0..30).map(|_| machine.tick().rows).collect();
    let all = machine.host.read(|host| {
        assert_eq!(host.find_chart("system.ram").unwrap().update_every_s(), 3);
        assert_eq!(host.find_chart("system.load").unwrap().update_every_s(), 5);
        host.chart_count() as u32
    });
    let memory = 10;
    let pressure = 10;
    for (at, &rows) in rows.iter().enumerate().skip(2) {
        let second = START_S + 1 + at as i64;
        let missing = |charts: u32, every_s: i64| charts * u32::from(second % every_s != 0);
        let expected = all - missing(1, 5) - missing(memory, 3) - missing(pressure, 2);
        assert_eq!(rows, expected, "second {second}");
    }
}

/// A family of the settings, by what changes it.
type Slowed = (&'static str, fn(&mut Config) -> &mut collect::Family);

/// Every family comes as seldom as it is told to, and tells so in its charts; no other family does.
#[test]
fn each_family_keeps_its_own_time() {
    let families: &[Slowed] = &[
        ("system.cpu", |config| &mut config.stat),
        ("system.processes", |config| &mut config.processes),
        ("system.interrupts", |config| &mut config.interrupts),
        ("system.cpu_some_pressure", |config| &mut config.pressure),
        ("system.ip", |config| &mut config.protocols),
        ("ipv4.sockstat_sockets", |config| &mut config.sockets),
        ("system.softnet_stat", |config| &mut config.softnet),
        ("netfilter.conntrack_sockets", |config| &mut config.conntrack),
        ("system.entropy", |config| &mut config.entropy),
        ("system.uptime", |config| &mut config.uptime),
        ("system.active_processes", |config| &mut config.loadavg),
        ("system.pgpgio", |config| &mut config.vmstat),
        ("system.ram", |config| &mut config.meminfo),
        ("disk.vda", |config| &mut config.diskstats),
        ("net.eth0", |config| &mut config.net_dev),
    ];
    let intervals = |machine: &Machine| {
        let all = families.iter();
        let chart = |host: &rrd_store::HostView<'_>, id| host.find_chart(id).unwrap().update_every_s();
        machine.host.read(|host| all.map(|(id, _)| chart(host, id)).collect::<Vec<_>>())
    };
    for (at, (id, family)) in families.iter().enumerate() {
        let mut machine = Machine::with(busy_machine, |config| family(config).update_every_s = 7);
        let mut rows = Vec::new();
        for _ in 0..21 {
            machine.tick();
            let newest_s = machine.host.read(|host| host.find_chart(id).map(|chart| chart.state().collected_us));
            if rows.last() != Some(&newest_s) {
                rows.push(newest_s);
            }
        }
        assert!((3..=4).contains(&rows.len()), "{id}: {rows:?}");
        let found = intervals(&machine);
        for (other, &every_s) in found.iter().enumerate() {
            let expected = if other == at { 7..=7 } else { 1..=2 };
            assert!(expected.contains(&every_s), "{}: every {every_s} s while {id} is slow", families[other].0);
        }
    }
}

/// Mount points are asked below the root, on a thread of their own.
#[test]
fn mounts_are_asked() {
    let mut machine = Machine::with(busy_machine, |config| config.mounts.enabled = true);
    fs::create_dir_all(machine.root.path().join("data")).unwrap();
    machine.write("proc/1/mountinfo", "1 0 8:1 / /data rw - ext4 /dev/sda1 rw\n");
    machine.collector = Collector::new(Config { root: machine.root.path().to_owned(), ..Config::default() });
    let came = (0..1000).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(1));
        machine.tick();
        machine.has("disk_space._data")
    });
    assert!(came);
    assert_eq!(machine.labels("disk_space._data").split(' ').next_back(), Some("mount_root=/"));
    assert!(!machine.is_obsolete("disk_space._data"));
}

/// A host that another feed took over is left alone.
#[test]
fn a_lost_feed_is_told() {
    let mut machine = Machine::new(busy_machine);
    machine.tick();
    let _other = machine.host.claim(FeedKind::Local, HostInfo::clone(&machine.host.info()));
    assert_eq!(machine.tick(), TickReport { rows: 0, samples: 0, feed_lost: true });
}

/// The clock may go anywhere without a panic.
#[test]
fn absurd_clocks() {
    let mut machine = Machine::new(busy_machine);
    for wall_us in [0, i64::MAX / 2, 1, 5_000_000, i64::MAX / 2, START_S * 1_000_000] {
        machine.collector.tick(Now { wall_us, mono_us: wall_us.unsigned_abs() / 3 }, &mut machine.feed);
    }
    machine.tick();
}
