//! What reading processes takes: no allocation with a tick where none come, and no more memory after a day.

mod world;

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use rrd_store::{Life, Patience};
use world::{Random, World};

#[global_allocator]
static COUNTING: cost::Counting = cost::Counting;

/// What is live is counted for all threads.
static ALONE: Mutex<()> = Mutex::new(());
const LIST: &str = "web: nginx\nsql: postgres\n";
const HOUR_US: u64 = 3600 * 1_000_000;

/// Goal: ticks of a machine whose processes work, change their names, sleep and open files allocate nothing, once the
/// history is full; nor do those in which processes only end.
#[test]
fn a_warm_tick_allocates_nothing() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut world = World::new(LIST, |_| {});
    let mut random = Random(1);
    for at in 0..20 {
        let pid = world.fork(1, if at % 3 == 0 { "nginx" } else { "bash" });
        world.change(pid).uid = at % 7;
        world.open(pid, 0, "/dev/null");
        world.open(pid, 1, "socket:[1]");
    }
    let mut tick = |world: &mut World, second: u64| {
        let pids: Vec<u32> = world.processes.keys().copied().collect();
        for pid in pids.iter().skip(second as usize % 5).step_by(5) {
            world.work(*pid, random.below(3));
            world.change(*pid).private_pages = random.below(1000);
        }
        if second.is_multiple_of(9) {
            let pid = pids[1 + random.below(pids.len() as u64 - 1) as usize];
            (if second.is_multiple_of(2) { "nginx" } else { "x y" }).clone_into(&mut world.change(pid).name);
        }
        if second.is_multiple_of(17) {
            let last = pids[pids.len() - 1];
            world.end(last);
            world.wait_for(last);
        }
        world.busy += 1000;
        world.second += 1;
        world.write();
        let before = cost::allocations();
        let rows = world.read().rows;
        (cost::allocations() - before, rows)
    };
    for second in 0..150 {
        tick(&mut world, second);
    }
    let counts: Vec<(u64, u32)> = (150..250).map(|second| tick(&mut world, second)).collect();
    assert!(counts.iter().all(|&(_, rows)| rows == 3 * 18 + 1));
    let allocations: u64 = counts.iter().map(|(count, _)| count).sum();
    // The store may take a new slab, its bytes and its counter, where values became harder to pack.
    assert!(allocations <= 4, "{allocations} in 100 ticks");
}

/// Goal: after a day of processes and users that come and go, no more is live than after its first third.
#[test]
fn a_day_of_processes() {
    const STEP_S: i64 = 120;
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut world = World::new(LIST, |_| {});
    let mut random = Random(2);
    let mut life = Life::new(Patience { charts_us: HOUR_US, hosts_us: HOUR_US });
    let (mut live, mut running) = (Vec::new(), VecDeque::new());
    world.tick();
    for step in 0..86_400 / STEP_S {
        for at in 0..4 {
            let pid = world.fork(1, ["nginx", "sh", "x"][random.below(3) as usize]);
            world.work(pid, random.below(50));
            // A service may have a user of its own each time it starts.
            world.change(pid).uid = if at == 0 { 1000 + step as u32 } else { at };
            running.push_back(pid);
        }
        while running.len() > 24 {
            let pid = running.pop_front().expect("there are more than 24");
            world.end(pid);
            world.wait_for(pid);
        }
        world.busy += 5000;
        assert!(world.pass(STEP_S).rows > 18);
        life.step(&world.store, world.now());
        live.push(cost::live().bytes);
    }
    let most = |part: &[i64]| part.iter().copied().max().unwrap_or(0);
    let (first, rest) = live.split_at(live.len() / 3);
    println!("live bytes at most: {} in the first third, {} after", most(first), most(rest));
    assert!(most(rest) <= most(first) + most(first) / 20);
    let users = world.host.read(|host| host.find_chart("users.cpu").map(|chart| chart.dimensions().len()));
    assert!(users < Some(150), "users of more than two hours ago are forgotten: {users:?}");
}
