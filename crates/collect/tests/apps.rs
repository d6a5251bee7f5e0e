//! Applications, users and groups of a machine whose processes are files.

mod world;

use std::fs;

use row::Algorithm;
use world::{Random, World};

const LIST: &str = "web: nginx\nsql: postgres 'odd) (name'\ncloud: *agent.py*\nkernel: kthreadd\nidle: unused\n";

/// The charts as dashboards of Netdata 1.37 know them: `id | family | units | type | priority | multiplier | divisor`.
const CHARTS: &str = "\
cpu | cpu | percentage | stacked | 20001 | 1 | 10000
cpu_user | cpu | percentage | stacked | 20020 | 1 | 10000
cpu_system | cpu | percentage | stacked | 20021 | 1 | 10000
preads | disk | KiB/s | stacked | 20002 | 1 | 10240000
pwrites | disk | KiB/s | stacked | 20002 | 1 | 10240000
lreads | disk | KiB/s | stacked | 20042 | 1 | 10240000
lwrites | disk | KiB/s | stacked | 20042 | 1 | 10240000
mem | mem | MiB | stacked | 20003 | 1 | 1024
vmem | mem | MiB | stacked | 20005 | 1 | 1024
minor_faults | mem | page faults/s | stacked | 20011 | 1 | 10000
swap | swap | MiB | stacked | 20011 | 1 | 1024
major_faults | swap | page faults/s | stacked | 20012 | 1 | 10000
processes | processes | processes | stacked | 20007 | 1 | 1
threads | processes | threads | stacked | 20006 | 1 | 1
uptime | processes | seconds | line | 20008 | 1 | 1
files | disk | open files | stacked | 20050 | 1 | 1
sockets | net | open sockets | stacked | 20051 | 1 | 1
pipes | processes | open pipes | stacked | 20053 | 1 | 1
";

/// Goal: every chart has the id, context, units, family, priority and factors that dashboards know, and no other
/// charts come; nothing comes where nothing is switched on.
#[test]
fn definitions_are_those_that_dashboards_know() {
    let mut world = World::new(LIST, |_| {});
    world.tick();
    world.tick();
    world.host.read(|host| {
        for kind in ["apps", "users", "groups"] {
            for line in CHARTS.lines() {
                let id = format!("{kind}.{}", line.split(" | ").next().unwrap());
                let chart = host.find_chart(&id).unwrap_or_else(|| panic!("{id}"));
                let (one, dimension) = (chart.definition(), chart.dimensions().next().unwrap());
                let found = format!(
                    "{} | {} | {} | {} | {} | {} | {}",
                    id.split_once('.').unwrap().1,
                    one.family,
                    one.units,
                    one.chart_type.word(),
                    one.priority,
                    dimension.multiplier,
                    dimension.divisor
                );
                assert_eq!((found.as_str(), one.context, one.plugin), (line, &*id, "apps.plugin"));
                assert_eq!((dimension.algorithm, one.update_every_s), (Algorithm::Absolute, 1));
            }
        }
        let labels: Vec<String> =
            host.find_chart("apps.cpu").unwrap().labels().map(|one| one.value.to_owned()).collect();
        assert_eq!(labels, ["apps.plugin", "[none]"]);
        assert_eq!(host.chart_count(), 3 * 18 + 1);
    });
    assert_eq!(
        world.values("system.processes_state"),
        "running=0 sleeping_uninterruptible=0 sleeping_interruptible=1 zombie=0 stopped=0"
    );
    let off = collect::Family::OFF;
    let mut world = World::new(LIST, |config| (config.apps, config.users, config.groups) = (off, off, off));
    assert_eq!((world.tick().rows, world.tick().rows), (0, 0));
}

/// Goal: known numbers of a small tree come out in their charts, group by group.
#[test]
fn values_of_a_small_tree() {
    let mut world = World::new(LIST, |_| {});
    let master = world.fork(1, "nginx");
    let worker = world.fork(master, "nginx: worker");
    let odd = world.fork(1, "odd) (name");
    world.change(worker).threads = 5;
    assert_eq!(world.tick().rows, 1, "rates need two readings");
    world.second += 19;
    world.open(master, 0, "/dev/null");
    world.open(worker, 1, "socket:[5]");
    world.open(worker, 2, "pipe:[5]");
    world.open(odd, 0, "socket:[6]");
    for _ in 0..22 {
        world.tick();
    }
    world.work(worker, 30);
    world.work(odd, 11);
    world.busy += 100;
    world.tick();
    let expected = [
        ("apps.cpu", "web=300000 sql=110000 other=0"),
        ("apps.cpu_user", "web=150000 sql=60000 other=0"),
        ("apps.cpu_system", "web=150000 sql=50000 other=0"),
        ("apps.minor_faults", "web=300000 sql=110000 other=0"),
        ("apps.major_faults", "web=0 sql=0 other=0"),
        ("apps.lreads", "web=300000000 sql=110000000 other=0"),
        ("apps.lwrites", "web=600000000 sql=220000000 other=0"),
        ("apps.preads", "web=900000000 sql=330000000 other=0"),
        ("apps.pwrites", "web=1200000000 sql=440000000 other=0"),
        ("apps.mem", "web=800 sql=400 other=400"),
        ("apps.vmem", "web=1920 sql=960 other=960"),
        ("apps.swap", "web=200 sql=100 other=100"),
        ("apps.processes", "web=2 sql=1 other=1"),
        ("apps.threads", "web=6 sql=1 other=1"),
        ("apps.uptime", "web=42 sql=42 other=42"),
        ("apps.files", "web=1 sql=0 other=0"),
        ("apps.sockets", "web=1 sql=1 other=0"),
        ("apps.pipes", "web=1 sql=0 other=0"),
        ("users.cpu", "0=410000"),
        ("groups.processes", "0=4"),
    ];
    for (chart, expected) in expected {
        assert_eq!(world.values(chart), expected, "{chart}");
    }
    world.host.read(|host| {
        let chart = host.find_chart("apps.files").unwrap();
        assert_eq!(chart.variables().map(|(name, _)| name).collect::<Vec<_>>(), ["fdperc"]);
    });
    world.tick();
    assert_eq!(world.sum("apps.cpu") + world.sum("apps.lreads"), 0, "nobody did anything");
}

/// Goal: a process that became another program is in another group from then on; threads of the kernel, command
/// lines and processes that cannot be read wholly are where they belong; an application appears with its first process.
#[test]
fn programs_change() {
    let mut world = World::new(LIST, |_| {});
    let kthreadd = world.fork(0, "kthreadd");
    let kworker = world.fork(kthreadd, "kworker/0:1-events_unbound");
    world.change(kthreadd).is_kernel = true;
    world.change(kworker).is_kernel = true;
    let agent = world.fork(1, "python3");
    world.change(agent).command_line = "python3\0/opt/agent.py\0-d\0".to_owned();
    let shell = world.fork(1, "bash");
    world.tick();
    world.tick();
    assert_eq!(world.values("apps.processes"), "cloud=1 kernel=2 other=2");
    let child = world.fork(shell, "bash");
    world.tick();
    assert_eq!(world.values("apps.processes"), "cloud=1 kernel=2 other=3");
    let fake = world.change(child);
    fake.name = "postgres".to_owned();
    (fake.uid, fake.gid) = (70, 71);
    world.tick();
    assert_eq!(world.values("apps.processes"), "cloud=1 kernel=2 other=1 sql=2", "and who started it");
    assert_eq!(world.values("users.processes"), "0=5 70=1");
    assert_eq!(world.values("groups.processes"), "0=5 71=1");
    // A process without statm, with an io that is no file, and one whose stat is garbage.
    let blind = world.fork(1, "nginx");
    fs::create_dir_all(world.path(&format!("proc/{blind}/io"))).unwrap();
    world.work(blind, 3);
    world.write();
    fs::remove_file(world.path(&format!("proc/{blind}/statm"))).unwrap();
    fs::create_dir_all(world.path("proc/333")).unwrap();
    fs::write(world.path("proc/333/stat"), "333 (x) S nonsense").unwrap();
    fs::create_dir_all(world.path("proc/334")).unwrap();
    world.second += 1;
    world.busy += 10;
    world.read();
    assert_eq!((world.value("apps.processes", "web"), world.value("apps.mem", "web")), (Some(1), Some(0)));
    assert_eq!(world.value("apps.lreads", "web"), Some(0));
    world.end(child);
    world.tick();
    assert_eq!(world.value("system.processes_state", "zombie"), Some(1));
    assert_eq!(world.value("apps.processes", "sql"), Some(2));
}

/// Goal: a pid that is used again is another process: its counters begin anew and nothing falls or leaps.
#[test]
fn pids_are_used_again() {
    let mut world = World::new(LIST, |_| {});
    let first = world.fork(1, "nginx");
    world.work(first, 1000);
    world.tick();
    world.tick();
    world.end(first);
    world.wait_for(first);
    world.fork_as(first, 1, "postgres");
    world.work(first, 7);
    world.busy += 500;
    world.tick();
    assert_eq!(world.values("apps.cpu"), "web=0 other=0 sql=70000");
    assert_eq!(world.values("apps.processes"), "web=0 other=1 sql=1");
    world.work(first, 4);
    world.busy += 500;
    world.tick();
    assert_eq!(world.values("apps.cpu"), "web=0 other=0 sql=40000");
}

/// Goal: what a process used up to its end, and what children used that nobody saw, goes to who waited, once; and
/// a process that was there before its first reading brings only what it uses from then on.
#[test]
fn ends_are_counted_once() {
    let mut world = World::new(LIST, |_| {});
    let master = world.fork(1, "nginx");
    let worker = world.fork(master, "worker");
    world.work(worker, 5000);
    world.tick();
    world.work(worker, 20);
    world.busy += 90;
    world.tick();
    assert_eq!(world.value("apps.cpu", "web"), Some(200_000));
    world.work(worker, 6);
    let unseen = world.fork(master, "unseen");
    world.work(unseen, 9);
    for pid in [worker, unseen] {
        world.end(pid);
        world.wait_for(pid);
    }
    world.busy += 90;
    world.tick();
    assert_eq!(world.value("apps.cpu", "web"), Some(150_000));
    assert_eq!(world.value("apps.lreads", "web"), Some(150_000_000));
    assert_eq!(world.value("apps.minor_faults", "web"), Some(150_000));
}

/// Goal: children that nobody waits for cost their ancestors nothing, neither then nor later.
#[test]
fn nobody_waits() {
    let mut world = World::new(LIST, |_| {});
    let master = world.fork(1, "nginx");
    world.change(master).ignores_children = true;
    let worker = world.fork(master, "worker");
    world.work(worker, 5000);
    world.tick();
    world.tick();
    world.end(worker);
    world.wait_for(worker);
    for _ in 0..3 {
        world.work(master, 8);
        world.busy += 90;
        world.tick();
        assert_eq!((world.sum("apps.cpu"), world.value("apps.lreads", "web")), (80_000, Some(80_000_000)));
    }
}

/// What a world of random processes showed.
struct Shown {
    /// Hundredths of a tick, by the world and by the charts.
    used: u64,
    shown: i64,
    /// The most that a second showed beyond what the machine was busy.
    beyond: i64,
}

/// Processes fork, become others, work, end with their parents or alone, are waited for or not, for so many seconds.
fn random_world(seed: u64, seconds: u32, busy: impl Fn(u64, &mut Random) -> u64) -> Shown {
    let mut world = World::new(LIST, |_| {});
    let mut random = Random(seed);
    world.tick();
    let (mut shown, mut beyond) = (0, i64::MIN);
    for _ in 0..seconds {
        let before = world.used;
        for _ in 0..12 {
            live(&mut world, &mut random);
        }
        let busy = busy(world.used - before, &mut random);
        world.busy += busy;
        world.tick();
        let sum = world.sum("apps.cpu");
        assert_eq!((world.sum("users.cpu") - sum).abs() / 100, 0, "each kind adds the same up");
        shown += sum / 100;
        beyond = beyond.max(sum - busy as i64 * 10_000);
    }
    Shown { used: world.used * 100, shown, beyond }
}

fn live(world: &mut World, random: &mut Random) {
    let all: Vec<u32> = world.processes.keys().copied().collect();
    let any = all[random.below(all.len() as u64) as usize];
    let is_alive = world.processes[&any].state != 'Z';
    let name = ["nginx", "postgres", "bash", "odd) (name", "x y"][random.below(5) as usize];
    match random.below(10) {
        0 | 1 if is_alive && all.len() < 120 => {
            let child = world.fork(any, name);
            world.work(child, random.below(5));
        }
        2 if is_alive && any != 1 => name.clone_into(&mut world.change(any).name),
        3 if is_alive && any != 1 => world.end(any),
        4 | 5 if !is_alive => world.wait_for(any),
        // A whole family ends at once, and whoever is left waits.
        6 if is_alive && any != 1 && random.below(4) == 0 => {
            let family: Vec<u32> = all.iter().copied().filter(|pid| world.processes[pid].parent == any).collect();
            for pid in family.into_iter().chain([any]) {
                world.end(pid);
                world.wait_for(pid);
            }
        }
        _ if is_alive => world.work(any, random.below(40)),
        _ => {}
    }
}

/// Goal: over minutes of random processes all that was used is shown, once, with nothing lost or doubled where
/// processes end, whoever waits for them.
#[test]
fn nothing_is_lost_or_doubled() {
    for seed in 1..=3 {
        let Shown { used, shown, .. } = random_world(seed, 90, |_, _| 1_000_000);
        let off = (shown - used as i64).abs();
        println!("seed {seed}: used {used}, shown {shown}");
        assert!(used > 50_000 && off as u64 <= used / 200, "seed {seed}: used {used}, shown {shown}");
    }
}

/// Goal: no second shows more than the machine was busy, and where its figure wavers nothing is lost but a little.
#[test]
fn never_more_than_the_machine() {
    for seed in 5..=6 {
        let wavering = |used: u64, random: &mut Random| (used + random.below(7)).saturating_sub(3);
        let Shown { used, shown, beyond } = random_world(seed, 90, wavering);
        println!("seed {seed}: used {used}, shown {shown}, beyond {beyond}");
        assert!(beyond <= 0, "seed {seed}: {beyond} beyond");
        assert!(shown as u64 >= used / 100 * 97, "seed {seed}: used {used}, shown {shown}");
    }
}

/// Goal: users and groups have the names of the files, also after these change; those beyond the limit are others.
#[test]
fn users_have_names() {
    let mut world = World::new(LIST, |_| {});
    fs::write(world.path("etc/passwd"), "root:x:0:0::/:/bin/sh\nwww:x:33:33::/:/bin/sh\n").unwrap();
    fs::write(world.path("etc/group"), "root:x:0:\nweb:x:34:www\n").unwrap();
    let server = world.fork(1, "nginx");
    (world.change(server).uid, world.change(server).gid) = (33, 34);
    world.tick();
    world.tick();
    assert_eq!(world.values("users.processes"), "root=1 www=1");
    assert_eq!(world.values("groups.processes"), "root=1 web=1");
    assert_eq!(world.values("apps.processes"), "web=1 other=1");
    fs::write(world.path("etc/passwd"), "root:x:0:0::/:/bin/sh\nserver:x:33:33::/:/bin/sh\nlong line\n").unwrap();
    for _ in 0..10 {
        world.tick();
    }
    assert!(world.values("users.processes").ends_with("server=1"), "{}", world.values("users.processes"));
    for uid in 1000..1250 {
        let pid = world.fork(1, "many");
        world.change(pid).uid = uid;
    }
    world.tick();
    world.tick();
    assert_eq!(world.sum("users.processes"), 252 + 1, "one that was renamed keeps its last value");
    assert_eq!(world.value("users.processes", "other"), Some(252 - 200));
}

/// Goal: a kind may come less often than the others, and shows all that happened since.
#[test]
fn slower_kinds() {
    let mut world = World::new(LIST, |config| config.users.update_every_s = 5);
    let worker = world.fork(1, "nginx");
    world.tick();
    let mut rows = Vec::new();
    for _ in 0..10 {
        world.work(worker, 10);
        world.busy += 50;
        rows.push(world.tick().rows);
    }
    assert_eq!(rows.iter().filter(|&&rows| rows == 3 * 18 + 1).count(), 2, "{rows:?}");
    assert_eq!((world.value("users.cpu", "0"), world.value("apps.cpu", "web")), (Some(100_000), Some(100_000)));
}
