//! Control groups of a machine made of files.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use row::{ChartOptions, Guid};
use rrd_store::{Feed, FeedKind, Host, HostInfo, Keep, MemoryMode, Store};
use tempfile::TempDir;

use super::networks::End;
use super::*;

/// Charts as dashboards and alarms of Netdata 1.37 know them; see `charts.txt` for how they are written.
const CHARTS: &str = include_str!("../../tests/files/cgroup-charts.txt");
const MEMORY_1: &str = include_str!("../../tests/files/cgroup-1-memory.stat");
const MEMORY_2: &str = include_str!("../../tests/files/cgroup-2-memory.stat");
const TABLE_1: &str = "1 0 0:2 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n\
    2 0 0:3 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
    3 0 0:4 / /sys/fs/cgroup/blkio rw - cgroup cgroup rw,blkio\n\
    4 0 0:5 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n";
const TABLE_2: &str = "1 0 0:2 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
const STALLS: &str =
    "some avg10=1.50 avg60=0.25 avg300=0.00 total=5000\nfull avg10=0.50 avg60=0.00 avg300=0.00 total=3000\n";

/// Process 100 is in a network that `veth0` leads to, 101 in that of `veth1`, all others in that of the machine.
struct TwoNetworks;

impl Networks for TwoNetworks {
    fn network_of(&mut self, pid: u32) -> Option<i32> {
        (100..102).contains(&pid).then(|| pid as i32 - 100)
    }

    fn ends(&mut self, ends: &mut Vec<End>) -> io::Result<()> {
        let end = |name: &[u8], network, number| End { name: networks::Name::new(name).unwrap(), network, number };
        ends.extend([end(b"veth0", 0, 2), end(b"veth1", 1, 7)]);
        Ok(())
    }
}

struct World {
    root: TempDir,
    claims: Claims,
    cgroups: Cgroups,
    buffer: Buffer,
    host: Arc<Host>,
    feed: Feed,
    second: u64,
}

impl World {
    fn new(unified: bool) -> Self {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| write(root.path(), path, text);
        write("proc/self/mountinfo", if unified { TABLE_2 } else { TABLE_1 });
        write("proc/meminfo", "MemTotal:  1048576 kB\n");
        write("sys/devices/system/cpu/online", "0-3\n");
        for tree in ["cpu,cpuacct", "memory", "blkio", "pids"] {
            fs::create_dir_all(root.path().join("sys/fs/cgroup").join(if unified { "" } else { tree })).unwrap();
        }
        if unified {
            write("sys/fs/cgroup/cgroup.controllers", "cpu memory io pids\n");
        }
        let config = Config { root: root.path().into(), ..Config::default() };
        let claims = Claims::default();
        let cgroups = Cgroups::open(&config, Budget::new(50), claims.clone(), Box::new(TwoNetworks)).unwrap().unwrap();
        let info = HostInfo::unknown(Guid::from_bytes([1; 16]));
        let host = Store::new().add(&info, Keep::new(MemoryMode::Ram, 60));
        let feed = host.claim(FeedKind::Local, info);
        Self { root, claims, cgroups, buffer: Buffer::new(), host, feed, second: 1_700_000_000 }
    }

    fn now(&self) -> Now {
        Now { wall_us: (self.second * 1_000_000) as i64, mono_us: self.second * 1_000_000 }
    }

    fn tick(&mut self) -> u32 {
        self.second += 1;
        let now = self.now();
        self.cgroups.read(&mut self.buffer, now).unwrap();
        let mut batch = Batch::new(self.feed.writer(now).unwrap(), false);
        self.cgroups.write(&mut batch);
        batch.counts().0
    }

    /// Runs so many ticks.
    fn pass(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.tick();
        }
    }

    /// Makes a group with files whose counters are `times` their first value.
    fn group(&self, path: &str, times: i64) {
        let files = if self.cgroups.reader.hierarchy.unified { files_2(times) } else { files_1(times) };
        for (file, text) in files {
            let (tree, file) = file.split_once('/').unwrap_or(("", &file));
            write(self.root.path(), &format!("sys/fs/cgroup/{tree}{path}/{file}"), &text);
        }
    }

    fn remove(&self, path: &str) {
        for tree in ["cpu,cpuacct", "memory", "blkio", "pids", ""] {
            let folder = self.root.path().join(format!("sys/fs/cgroup/{tree}{path}"));
            fs::remove_dir_all(folder).ok();
        }
    }

    fn collected(&self, chart: &str) -> Vec<i64> {
        self.host.read(|host| {
            let chart = host.find_chart(chart).unwrap_or_else(|| panic!("{chart}"));
            (0..chart.dimensions().len()).map(|at| chart.dimension_state(at as u32).unwrap().collected).collect()
        })
    }

    fn charts(&self, part: &str) -> Vec<String> {
        self.host.read(|host| {
            let charts = host.charts().filter(|chart| chart.id().contains(part));
            charts.map(|chart| chart.id().to_owned()).collect()
        })
    }

    fn is_obsolete(&self, chart: &str) -> bool {
        self.host.read(|host| host.find_chart(chart).unwrap().definition().options.has(ChartOptions::OBSOLETE))
    }
}

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn files_1(times: i64) -> Vec<(String, String)> {
    let devices = |read: i64, write: i64| format!("8:0 Read {}\n8:0 Write {}\nTotal 1\n", read * times, write * times);
    [
        ("cpu,cpuacct/cpuacct.stat", format!("user {}\nsystem {}\n", 50 * times, 30 * times)),
        ("cpu,cpuacct/cpuacct.usage_percpu", format!("{} 0 7 0 \n", 1000 * times)),
        (
            "cpu,cpuacct/cpu.stat",
            format!("nr_periods {}\nnr_throttled {}\nthrottled_time {}\n", 10 * times, 4 * times, 9 * times),
        ),
        ("cpu,cpuacct/cpu.cfs_period_us", "100000\n".to_owned()),
        ("cpu,cpuacct/cpu.cfs_quota_us", "200000\n".to_owned()),
        ("memory/memory.stat", MEMORY_1.to_owned()),
        ("memory/memory.usage_in_bytes", "20000000\n".to_owned()),
        ("memory/memory.memsw.usage_in_bytes", "20004096\n".to_owned()),
        ("memory/memory.limit_in_bytes", "268435456\n".to_owned()),
        ("memory/memory.memsw.limit_in_bytes", "536870912\n".to_owned()),
        ("memory/memory.failcnt", format!("{times}\n")),
        ("blkio/blkio.throttle.io_service_bytes_recursive", devices(4096, 512)),
        ("blkio/blkio.throttle.io_serviced", devices(2, 1)),
        ("blkio/blkio.io_queued", devices(0, 0)),
        ("blkio/blkio.io_merged", devices(0, 3)),
        ("pids/pids.current", "3\n".to_owned()),
    ]
    .map(|(file, text)| (file.to_owned(), text))
    .to_vec()
}

fn files_2(times: i64) -> Vec<(String, String)> {
    let cpu = [("user", 500_000), ("system", 300_000)].map(|(name, us)| format!("{name}_usec {}\n", us * times));
    [
        (
            "cpu.stat",
            format!(
                "usage_usec 1\n{}nr_periods {}\nnr_throttled {}\nthrottled_usec {}\n",
                cpu.concat(),
                10 * times,
                4 * times,
                9 * times
            ),
        ),
        ("cpu.max", "200000 100000\n".to_owned()),
        ("memory.stat", MEMORY_2.to_owned()),
        ("memory.current", "60000000\n".to_owned()),
        ("memory.swap.current", "4096\n".to_owned()),
        ("memory.max", "268435456\n".to_owned()),
        ("memory.swap.max", "max\n".to_owned()),
        ("io.stat", format!("8:0 rbytes={} wbytes=512 rios=2 wios=1 dbytes=0 dios=0\n", 4096 * times)),
        ("pids.current", "3\n".to_owned()),
        ("cpu.pressure", STALLS.to_owned()),
        ("memory.pressure", STALLS.to_owned()),
        ("io.pressure", "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n".to_owned()),
    ]
    .map(|(file, text)| (file.to_owned(), text))
    .to_vec()
}

/// The definitions of all charts, one line each and one per dimension.
fn definitions(world: &World) -> String {
    world.host.read(|host| {
        let mut charts: Vec<_> = host.charts().collect();
        charts.sort_by_key(|chart| chart.id());
        let mut text = String::new();
        for chart in charts {
            let is = chart.definition();
            text += &format!(
                "{} | {} | {} | {} | {} | {} | {} | {}\n",
                is.id,
                is.context,
                is.units,
                is.family,
                is.chart_type.word(),
                is.priority,
                is.plugin,
                is.module
            );
            for is in chart.dimensions() {
                let name = if is.name == is.id { "" } else { is.name };
                let algorithm = is.algorithm.word();
                text += &format!("  {} | {name} | {algorithm} | {} | {}\n", is.id, is.multiplier, is.divisor);
            }
        }
        text
    })
}

/// Goal: all charts of both versions have the ids, contexts, units and factors that dashboards know.
#[test]
fn definitions_are_those_that_dashboards_know() {
    let mut all = String::new();
    for unified in [false, true] {
        let mut world = World::new(unified);
        world.group("/docker/x", 1);
        world.group("/system.slice/ssh.service", 1);
        world.pass(2);
        all += &format!("# version {}\n{}", if unified { 2 } else { 1 }, definitions(&world));
    }
    if std::env::var_os("UPDATE").is_some() {
        fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/files/cgroup-charts.txt"), &all).unwrap();
    }
    assert!(all == CHARTS, "{all}");
}

/// Goal: values of version 1, counted and computed ones.
#[test]
fn values_of_version_1() {
    let mut world = World::new(false);
    world.group("/docker/x", 1);
    world.tick();
    world.group("/docker/x", 2);
    // Blocks that read as zero are looked at seldom.
    world.tick();
    for (chart, expected) in [
        ("cpu", &[100, 60][..]),
        // 80 ticks of 200, of which a hundred are a percent.
        ("cpu_limit", &[4000]),
        ("cpu_per_core", &[2000, 7]),
        ("throttled", &[40]),
        ("throttled_duration", &[18]),
        ("mem_usage", &[20_000_000 - 4_907_008, 4096]),
        ("mem_usage_limit", &[268_435_456 - 15_092_992, 15_092_992]),
        ("mem_utilization", &[5]),
        ("mem", &[12_845_056, 6_377_472, 4096, 2_097_152, 2_162_688]),
        ("writeback", &[135_168, 270_336]),
        ("mem_failcnt", &[2]),
        ("throttle_io", &[8192, 1024]),
        ("throttle_serviced_ops", &[4, 2]),
        ("merged_ops", &[0, 6]),
        ("pids_current", &[3]),
    ] {
        assert_eq!(world.collected(&format!("cgroup_docker_x.{chart}")), expected, "{chart}");
    }
    assert!(world.charts("queued").is_empty() && world.charts("_x.io").is_empty());
    let variables = |chart: &str| {
        world.host.read(|host| {
            let chart = host.find_chart(chart).unwrap();
            chart.variables().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
        })
    };
    assert_eq!(variables("cgroup_docker_x.cpu"), "cpu_limit=200");
    assert_eq!(variables("cgroup_docker_x.mem_usage"), "memory_limit=256 memory_and_swap_limit=512");
}

/// Goal: values of version 2, counted and computed ones, and those of services.
#[test]
fn values_of_version_2() {
    let mut world = World::new(true);
    world.group("/docker/x", 1);
    world.group("/system.slice/ssh.service", 1);
    world.group("/system.slice/cron-x2d.service", 3);
    world.tick();
    world.group("/docker/x", 2);
    world.tick();
    for (chart, expected) in [
        ("cpu", &[1_000_000, 600_000][..]),
        ("cpu_limit", &[40_000_000]),
        ("throttled", &[40]),
        ("throttled_duration", &[18_000]),
        ("mem_usage", &[60_000_000 - 33_554_432, 4096]),
        ("io", &[8192, 512]),
        ("serviced_ops", &[2, 1]),
        ("cpu_some_pressure", &[150, 25, 0]),
        ("cpu_full_pressure_stall_time", &[3]),
        ("io_some_pressure", &[0, 0, 0]),
    ] {
        assert_eq!(world.collected(&format!("cgroup_docker_x.{chart}")), expected, "{chart}");
    }
    assert!(world.charts("io_full").is_empty(), "there is no such line");
    let mut cpu = world.collected("services.cpu");
    cpu.sort_unstable();
    assert_eq!(cpu, [800_000, 2_400_000]);
    assert_eq!(world.collected("services.mem_usage"), [26_445_568; 2]);
}

/// Goal: newcomers have charts once they are there on two walks; what is gone is obsolete, its
/// files are closed, and what comes again goes on.
#[test]
fn groups_come_and_go() {
    let mut world = World::new(true);
    world.group("/docker/a", 1);
    world.group("/system.slice/ssh.service", 1);
    world.pass(2);
    assert!(!world.charts("cgroup_docker_a").is_empty());
    let left = world.cgroups.reader.budget.left();
    world.group("/docker/b", 1);
    world.pass(10);
    assert!(world.charts("docker_b").is_empty());
    world.pass(10);
    assert!(!world.charts("docker_b").is_empty());
    assert!(world.cgroups.reader.budget.left() < left);
    for path in ["/docker/b", "/system.slice/ssh.service"] {
        world.remove(path);
    }
    world.pass(11);
    assert!(world.is_obsolete("cgroup_docker_b.cpu") && !world.is_obsolete("cgroup_docker_a.cpu"));
    let is_gone = world.host.read(|host| {
        host.find_chart("services.cpu")
            .unwrap()
            .dimensions()
            .next()
            .unwrap()
            .options
            .has(row::DimensionOptions::OBSOLETE)
    });
    assert!(is_gone);
    assert_eq!(world.cgroups.groups, 1);
    assert!(world.cgroups.reader.budget.left() >= left);
    world.group("/docker/b", 1);
    world.group("/system.slice/ssh.service", 5);
    world.pass(21);
    assert!(!world.is_obsolete("cgroup_docker_b.cpu"));
    assert_eq!(world.collected("services.cpu"), [4_000_000], "it has its dimension again");
}

/// Goal: an empty group is looked at seldom, and noticed when it is no longer; one that had values
/// once is looked at each time.
#[test]
fn empty_groups_rest() {
    let mut world = World::new(true);
    world.group("/docker/x", 0);
    for file in ["memory.current", "memory.stat", "memory.swap.current", "cpu.pressure", "memory.pressure"] {
        write(world.root.path(), &format!("sys/fs/cgroup/docker/x/{file}"), "");
    }
    world.pass(2);
    assert!(world.charts("docker_x.cpu").is_empty());
    world.group("/docker/x", 1);
    world.pass(11);
    for times in 2..5 {
        world.group("/docker/x", times);
        world.tick();
        assert_eq!(world.collected("cgroup_docker_x.cpu"), [500_000 * times, 300_000 * times]);
    }
    // Nothing of it is read in most ticks, yet it is there.
    world.group("/docker/x", 0);
    world.pass(3);
    assert_eq!(world.collected("cgroup_docker_x.cpu"), [0, 0]);
    assert!(world.tick() > 10);
}

/// Goal: no more files are kept open than are to be, and those beyond are read nevertheless.
#[test]
fn files_beyond_the_budget_are_read() {
    let mut world = World::new(true);
    for group in 0..20 {
        world.group(&format!("/docker/g{group}"), 1);
    }
    world.pass(2);
    assert_eq!(world.cgroups.reader.budget.left(), 0);
    let open = fs::read_dir("/proc/self/fd").unwrap().flatten().filter(|entry| {
        fs::read_link(entry.path()).is_ok_and(|target| target.starts_with(world.root.path().join("sys")))
    });
    assert_eq!(open.count(), 50);
    world.group("/docker/g19", 7);
    world.tick();
    assert_eq!(world.collected("cgroup_docker_g19.cpu"), [3_500_000, 2_100_000]);
}

/// Goal: two groups of one name do not write to one chart, and there is a limit.
#[test]
fn names_are_unique_and_groups_limited() {
    let mut world = World::new(true);
    world.group("/a_b", 1);
    world.group("/a/b", 1);
    world.pass(2);
    assert_eq!(world.charts("cgroup_a_b.cpu_limit").len(), 1);
    assert_eq!(world.cgroups.groups, 2, "the other is /a");
    for group in 0..GROUPS_MAX + 50 {
        fs::create_dir_all(world.root.path().join(format!("sys/fs/cgroup/g{group}"))).unwrap();
    }
    world.pass(60);
    assert_eq!(world.cgroups.groups, GROUPS_MAX);
}

/// Goal: the interfaces of a container are claimed by the names that they have inside, also where its processes are in
/// parts of its group, and only as long as it is there.
#[test]
fn interfaces_belong_to_containers() {
    for unified in [false, true] {
        let mut world = World::new(unified);
        let tree = if unified { "" } else { "memory" };
        let processes = |world: &World, group: &str, text: &str| {
            write(world.root.path(), &format!("sys/fs/cgroup/{tree}{group}/cgroup.procs"), text);
        };
        for group in ["/docker/a", "/docker/b", "/docker/c"] {
            world.group(group, 1);
        }
        processes(&world, "/docker/a", "100\n7\n");
        processes(&world, "/docker/b/init.scope", "101\n");
        // Of the same network, but not the first.
        processes(&world, "/docker/c", "100\n");
        write(world.root.path(), "proc/100/net/dev_mcast", "2    eth0            1     0     333300000001\n");
        write(world.root.path(), "proc/101/net/dev", "head\nhead\n    lo: 1 2\n  net1: 3 4\n");
        world.tick();
        let claim = |world: &World, interface: &[u8]| {
            world.claims.of(interface).map(|claim| format!("{}{} {}", claim.context_prefix, claim.section, claim.name))
        };
        let [first, second] = [&b"veth0"[..], b"veth1"].map(|interface| claim(&world, interface).unwrap());
        assert!(["cgroup.cgroup_docker_a eth0", "cgroup.cgroup_docker_c eth0"].contains(&&*first), "{first}");
        assert_eq!(second, "cgroup.cgroup_docker_b net1");
        let version = world.claims.version();
        world.pass(60);
        assert_eq!(world.claims.version(), version, "nothing changed");
        world.remove("/docker/b");
        world.pass(11);
        assert_eq!((claim(&world, b"veth1"), claim(&world, b"veth0")), (None, Some(first)));
        // A container that is started anew has another network, which somebody notices.
        processes(&world, "/docker/a", "101\n");
        processes(&world, "/docker/c", "101\n");
        world.claims.tell_newcomer();
        world.pass(10);
        assert_eq!(claim(&world, b"veth0"), None);
        assert_eq!(claim(&world, b"veth1").unwrap().rsplit(' ').next(), Some("net1"));
    }
}
