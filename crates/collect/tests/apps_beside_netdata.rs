//! The same processes, read by us and by the `apps.plugin` of Netdata 1.37.1 at the same time.
//!
//! Needs Debian's package `netdata-core` and root, so it runs where it is asked for: `cargo test -p collect --test
//! apps_beside_netdata -- --ignored --nocapture`. It fails where the program is missing.

#![expect(clippy::unwrap_used, reason = "what a test relies on ends it where it fails")]
#![expect(clippy::disallowed_methods, reason = "two programs are compared in real time")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use collect::{Collector, Config, Family};
use row::{Guid, Now};
use rrd_store::{FeedKind, HostInfo, Keep, MemoryMode, Store};

const PLUGIN: &str = "/usr/lib/netdata/plugins.d/apps.plugin";
/// Seconds that are compared, after as many as both need to begin.
const SECONDS: u64 = 20;
const SECONDS_BEFORE: u64 = 12;
/// Groups of the processes below, by names that nothing else has; and of this one, which would else count for that of
/// one of its children.
const LIST: &str = "tests: apps_beside*\nspinning: tribspin*\nholding: tribhold*\nforking: tribfork*\n";

/// Processes of this test, ended with it.
struct Kids(Vec<Child>);

impl Drop for Kids {
    fn drop(&mut self) {
        for kid in &mut self.0 {
            drop(kid.kill());
            drop(kid.wait());
        }
    }
}

impl Kids {
    /// Runs a copy of `program` by another name.
    fn start(&mut self, folder: &Path, program: &str, name: &str, arguments: &[&str]) {
        let copy = folder.join(name);
        fs::copy(program, &copy).unwrap();
        self.0.push(Command::new(copy).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    }
}

/// Sums over the seconds that are compared and how many there were, by chart and dimension.
type Sums = BTreeMap<String, (f64, u32)>;

fn add_to(sums: &mut Sums, chart: &str, dimension: &str, value: f64) {
    let (sum, count) = sums.entry(format!("{chart} {dimension}")).or_default();
    *sum += value;
    *count += 1;
}

/// Goal: the processor time and the memory of shared groups are the same within a few percent, and ours costs at most a
/// fifth of the processor time, also right after its start and while processes are forked all the time.
#[test]
#[ignore = "needs netdata-core and root, and takes half a minute"]
fn the_same_for_less() {
    assert!(Path::new(PLUGIN).exists(), "{PLUGIN} is missing, install netdata-core");
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("apps_groups.conf");
    fs::write(&list, LIST).unwrap();
    let mut kids = Kids(Vec::new());
    let half = "while :; do i=0; while [ $i -lt 30000 ]; do i=$((i+1)); done; sleep 0.05; done";
    kids.start(folder.path(), "/bin/sh", "tribspin", &["-c", half]);
    let hold = "x=$(head -c 20000000 /dev/zero | tr '\\0' x); sleep 99; :";
    kids.start(folder.path(), "/bin/bash", "tribhold", &["-c", hold]);
    let fork = "while :; do /bin/true; sleep 0.01; done";
    kids.start(folder.path(), "/bin/sh", "tribfork", &["-c", fork]);

    let measuring = Arc::new(AtomicI64::new(0));
    let (theirs, their_pid) = their_sums(folder.path(), Arc::clone(&measuring), &mut kids);
    let (ours, our_us, their_us) = our_sums(&list, &measuring, their_pid);
    drop(kids);
    let theirs = theirs.join().unwrap();

    let processes = fs::read_dir("/proc").unwrap().filter(|entry| {
        entry.as_ref().unwrap().file_name().to_string_lossy().bytes().all(|byte| byte.is_ascii_digit())
    });
    println!("{} processes; CPU a second: ours {our_us} µs, apps.plugin {their_us} µs", processes.count());
    let mut wrong = Vec::new();
    for (chart, slack) in [("cpu", 0.06), ("mem", 0.03), ("vmem", 0.03), ("processes", 0.25), ("threads", 0.25)] {
        for group in ["spinning", "holding", "forking"] {
            let key = format!("apps.{chart} {group}");
            let mean = |sums: &Sums| sums.get(&key).map_or(0.0, |(sum, count)| sum / f64::from(*count));
            let (our, their) = (mean(&ours), mean(&theirs));
            println!("{key}: ours {our:.0}, theirs {their:.0}");
            // A hundredth of a core, and memory of processes that live shorter than a second, are chance.
            let chance = if chart == "cpu" { 1e4 } else { 0.0 };
            let is_chance = group != "holding" && chart != "cpu";
            if !is_chance && (our - their).abs() > their * slack + chance {
                wrong.push(format!("{key}: ours {our}, theirs {their}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    // What is not optimized is no measure.
    assert!(cfg!(debug_assertions) || our_us * 5 <= their_us, "ours {our_us} µs, theirs {their_us} µs");
}

/// Starts theirs; its sums of the seconds in which `measuring` is 1, once that is 2.
fn their_sums(folder: &Path, measuring: Arc<AtomicI64>, kids: &mut Kids) -> (thread::JoinHandle<Sums>, u32) {
    let mut plugin = Command::new(PLUGIN);
    plugin.arg("1").env("NETDATA_USER_CONFIG_DIR", folder).env("NETDATA_STOCK_CONFIG_DIR", folder);
    let mut plugin = plugin.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let (output, pid) = (plugin.stdout.take().unwrap(), plugin.id());
    kids.0.push(plugin);
    let read = move || {
        let (mut sums, mut chart) = (Sums::new(), String::new());
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words[..] {
                ["BEGIN", name, ..] => name.clone_into(&mut chart),
                ["SET", dimension, "=", value] if measuring.load(Ordering::Relaxed) == 1 => {
                    add_to(&mut sums, &chart, dimension, value.parse().unwrap());
                }
                _ => {}
            }
        }
        sums
    };
    (thread::spawn(read), pid)
}

/// Runs ours second by second; its sums, and microseconds of CPU a second of both.
fn our_sums(list: &Path, measuring: &AtomicI64, their_pid: u32) -> (Sums, i64, i64) {
    let info = HostInfo { hostname: "here".to_owned(), hops: 0, ..HostInfo::unknown(Guid::from_bytes([1; 16])) };
    let host = Store::new().add(&info, Keep::new(MemoryMode::Ram, 120));
    let mut feed = host.claim(FeedKind::Local, info);
    let on = Family::default();
    let mut collector = Collector::new(only(Config {
        apps: on,
        users: on,
        groups: on,
        apps_list: Some(list.to_owned()),
        ..Config::default()
    }));
    let begun = Instant::now();
    let (mut sums, mut our_ns, mut their_us) = (Sums::new(), 0, 0);
    for second in 0..SECONDS_BEFORE + SECONDS {
        // Half a second after theirs, which reads on the second.
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let rest = Duration::from_millis(1500) - Duration::from_millis(u64::from(wall.subsec_millis()) % 1000);
        thread::sleep(if rest > Duration::from_secs(1) { rest - Duration::from_secs(1) } else { rest });
        if second == SECONDS_BEFORE {
            measuring.store(1, Ordering::Relaxed);
            (our_ns, their_us) = (0, cpu_us_of(their_pid));
        }
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let now = Now { wall_us: wall.as_micros() as i64, mono_us: begun.elapsed().as_micros() as u64 + 1 };
        let before = cost::cpu_ns();
        collector.tick(now, &mut feed);
        our_ns += cost::cpu_ns() - before;
        if second >= SECONDS_BEFORE {
            add(&mut sums, &host);
        }
    }
    measuring.store(2, Ordering::Relaxed);
    let seconds = SECONDS as i64;
    (sums, our_ns / 1000 / seconds, (cpu_us_of(their_pid) - their_us) / seconds)
}

fn add(sums: &mut Sums, host: &rrd_store::Host) {
    host.read(|host| {
        for chart in host.charts().filter(|chart| chart.id().starts_with("apps.")) {
            for (at, dimension) in chart.dimensions().enumerate() {
                let value = chart.dimension_state(at as u32).unwrap().collected as f64;
                add_to(sums, chart.id(), dimension.id, value);
            }
        }
    });
}

/// The same without what is not compared, which has its cost, too.
fn only(config: Config) -> Config {
    let off = Family::OFF;
    Config {
        idlejitter: off,
        stat: off,
        processes: off,
        interrupts: off,
        pressure: off,
        protocols: off,
        sockets: off,
        softnet: off,
        conntrack: off,
        entropy: off,
        clock: off,
        uptime: off,
        loadavg: off,
        vmstat: off,
        meminfo: off,
        diskstats: off,
        net_dev: off,
        frequency: off,
        numa: off,
        ecc: off,
        ksm: off,
        zram: off,
        wireless: off,
        sctp: off,
        ip_vs: off,
        synproxy: off,
        raid: off,
        nfs: off,
        zfs: off,
        btrfs: off,
        ipc: off,
        power: off,
        mounts: off,
        cgroups: off,
        ..config
    }
}

/// Microseconds that all threads of a process were on a processor.
fn cpu_us_of(pid: u32) -> i64 {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten();
    let ns = |thread: fs::DirEntry| {
        let text = fs::read_to_string(thread.path().join("schedstat")).unwrap();
        text.split(' ').next().unwrap().parse::<i64>().unwrap()
    };
    threads.map(ns).sum::<i64>() / 1000
}
