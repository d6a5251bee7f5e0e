//! The world: a chain of hosts, virtual time, and what goes wrong.

use std::collections::BTreeMap;
use std::sync::Arc;

use row::{Now, Packed, US_PER_S};
use rrd_store::memory::MemoryDisk;
use rrd_store::{Disk, Host, Keep, Keeper, MemoryMode, Store};

use super::link::{End, Flow, Link, Tapped};
use super::once::Once;
use super::random::Random;
use super::source::{HIDDEN, Source};

const START_S: i64 = 1_795_387_000;
/// How far a node's clock may be from the source's when clocks jump.
const SKEW_S_MAX: i64 = 300;
/// Rows that a headless proxy keeps.
const SPOOL_ROWS: i64 = 600;
/// The longest update every of the source.
const EVERY_S_MAX: i64 = 5;

/// What the rows of a link look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Stored,
    Collected,
}

/// A link, and the node it leads to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hop {
    pub(super) form: Form,
    /// The node has no database, only a spool. The last node has one, whatever this says.
    pub(super) is_headless: bool,
}

/// A node behind the source.
struct Node {
    store: Store,
    keep: Keep,
    disk: Arc<dyn Disk>,
    /// Where rows go to the disk as they come.
    keeper: Option<Keeper>,
    /// How far its clock is ahead of the source's.
    ahead_us: i64,
    /// The host, once it is known, with the tap of the link that goes on.
    onward: Option<Tapped>,
}

impl Node {
    fn new(keep: Keep, ahead_us: i64) -> Self {
        let disk: Arc<dyn Disk> = Arc::new(MemoryDisk::default());
        let keeper = keep.on_disk.then(|| keeper(&disk));
        Self { store: Store::new(), keep, disk, keeper, ahead_us, onward: None }
    }

    /// An orderly stop: nothing is lost.
    fn save(&mut self, now: Now) {
        match &mut self.keeper {
            Some(keeper) => assert!(keeper.finish(&self.store, now).is_empty()),
            None => assert!(self.store.save(&*self.disk, |_| true).is_empty()),
        }
    }

    /// A new process, which finds what the disk has, if anything.
    fn start_anew(&mut self, is_forgetful: bool) {
        if is_forgetful {
            self.disk = Arc::new(MemoryDisk::default());
        }
        self.onward = None;
        self.keeper = self.keep.on_disk.then(|| keeper(&self.disk));
        self.store = Store::new();
        self.store.load(&self.disk, |keep| keep.on_disk);
        assert!(self.store.damages().is_empty());
    }
}

fn keeper(disk: &Arc<dyn Disk>) -> Keeper {
    Keeper::new(Arc::clone(disk), 10 * US_PER_S as u64, |keep| keep.on_disk)
}

/// The link to a node.
struct Road {
    form: Form,
    link: Option<Link>,
    /// The parent's end of a connection that was lost. The next one may open beside it.
    zombie: Option<End>,
    retry_at_s: i64,
    /// Until when bytes on their way down, and up, do not arrive.
    down_held_s: i64,
    up_held_s: i64,
}

pub(super) struct World {
    random: Random,
    source: Source,
    origin: Tapped,
    nodes: Vec<Node>,
    roads: Vec<Road>,
    /// What the last node was shown first.
    once: Once,
    buffer_bytes: usize,
    window_bytes: usize,
    /// The second in which the source's clock would be had it never been set.
    second: i64,
    /// By how much it was set.
    jumped_s: i64,
    sometimes_jumps: bool,
    /// The newest second before the clock was set back.
    doubtful_s: i64,
}

impl World {
    pub(super) fn new(seed: u64, hops: &[Hop]) -> Self {
        let mut random = Random(seed.wrapping_mul(0x5851_F42D_4C95_7F2D) ^ hops.len() as u64);
        let source = Source::new(&mut random, START_S);
        let buffer_bytes = [1_500, 8_000, 100_000, 1 << 20][random.below(4)];
        let last = hops.len() - 1;
        let mut node = |place: usize| {
            let mut keep = if place == last || !hops[place].is_headless {
                Keep::new(MemoryMode::Save, 4_000)
            } else {
                Keep::new(MemoryMode::None, SPOOL_ROWS as u32)
            };
            keep.on_disk = random.permille(300);
            Node::new(keep, random.between(-2 * US_PER_S, 2 * US_PER_S))
        };
        let nodes: Vec<_> = (0..hops.len()).map(&mut node).collect();
        let road = |hop: &Hop| Road {
            form: hop.form,
            link: None,
            zombie: None,
            retry_at_s: START_S,
            down_held_s: 0,
            up_held_s: 0,
        };
        Self {
            origin: Tapped::new(Arc::clone(&source.host), buffer_bytes),
            source,
            nodes,
            once: Once::default(),
            roads: hops.iter().map(road).collect(),
            buffer_bytes,
            window_bytes: [700, 10_000, 200_000][random.below(3)],
            second: START_S,
            jumped_s: 0,
            sometimes_jumps: random.permille(250),
            doubtful_s: 0,
            random,
        }
    }

    pub(super) fn run(mut self) {
        let (trouble_s, calm_s) = (self.random.between(15, 70), self.random.between(3, 9));
        let fuss = [0, 10, 60][self.random.below(3)];
        for _ in 0..trouble_s {
            self.trouble(fuss);
            self.turn(false);
        }
        if self.random.permille(500) {
            self.cut(0);
        }
        for road in &mut self.roads {
            (road.retry_at_s, road.down_held_s, road.up_held_s) = (self.second, 0, 0);
        }
        for _ in 0..calm_s {
            self.turn(true);
        }
        for _ in 0..5 {
            // Nothing is collected any more: all that is under way arrives.
            self.second += 1;
            self.connect();
            self.settle();
        }
        self.check();
    }

    /// One second: the source collects, bytes move.
    fn turn(&mut self, calm: bool) {
        self.second += 1;
        let now = self.now(0, 0);
        self.source.collect(now.wall_s(), now, &mut self.random);
        self.connect();
        if calm {
            return self.settle();
        }
        let rounds = if self.random.permille(100) { 0 } else { 1 + self.random.below(6) };
        for round in 0..rounds {
            let flow = [30, 3_000, 1 << 20][self.random.below(3)];
            self.pump(round as i64, flow);
        }
        if self.random.permille(900) {
            self.flush();
        }
        if self.random.permille(30) {
            let now = self.now(0, 900_000);
            self.source.redefine(now.wall_s(), now, &mut self.random);
        }
    }

    /// Pumps until nothing moves any more.
    fn settle(&mut self) {
        for _ in 0..5_000 {
            if !self.pump(1, 1 << 20) {
                return;
            }
        }
        panic!("no end to it");
    }

    /// The clocks of the source (0) or of a node (from 1).
    fn now(&self, node: usize, us: i64) -> Now {
        let ahead_us = if node == 0 { 150_000 } else { self.nodes[node - 1].ahead_us };
        let (true_us, jumped_us) = (self.second * US_PER_S + us, self.jumped_s * US_PER_S);
        Now { wall_us: true_us + ahead_us + jumped_us, mono_us: (true_us - START_S * US_PER_S) as u64 + 1_000_000 }
    }

    fn trouble(&mut self, fuss: usize) {
        for place in 0..self.roads.len() {
            if self.random.permille(fuss) {
                self.cut(place);
            }
            if self.random.permille(fuss / 2) {
                self.double(place);
            }
            if self.random.permille(fuss / 2) {
                self.hold(place);
            }
            if self.random.permille(fuss / 6) {
                self.restart(place);
            }
        }
        if self.random.permille(fuss / 6) {
            self.cut(0);
            told(|| format!("{} the source starts anew", self.second));
            self.source.restart();
            self.origin = Tapped::new(Arc::clone(&self.source.host), self.buffer_bytes);
        }
        if self.sometimes_jumps && self.random.permille(15) {
            self.jump();
        }
        if self.sometimes_jumps && self.random.permille(30) {
            let place = self.random.below(self.nodes.len());
            self.nodes[place].ahead_us = self.random.between(-SKEW_S_MAX, SKEW_S_MAX) * US_PER_S;
            told(|| format!("{} the clock of node {place} is set", self.second));
        }
        if self.random.permille(fuss / 3) {
            let place = self.random.below(self.nodes.len());
            self.nodes[place].ahead_us = self.random.between(-20 * US_PER_S, 20 * US_PER_S);
        }
    }

    /// The source's clock is set: alone, or with all others.
    fn jump(&mut self) {
        let by_s = self.random.between(-90, 300);
        if by_s < 0 {
            self.doubtful_s = self.doubtful_s.max(self.second + self.jumped_s);
        }
        self.jumped_s += by_s;
        let is_alone = self.random.permille(500);
        told(|| format!("{} the source's clock is set by {by_s} s, alone {is_alone}", self.second));
        if is_alone {
            let limit_us = SKEW_S_MAX * US_PER_S;
            let stay = |node: &mut Node| node.ahead_us = (node.ahead_us - by_s * US_PER_S).clamp(-limit_us, limit_us);
            self.nodes.iter_mut().for_each(stay);
        }
    }

    /// A connection opens while the parent's end of the last one is alive and has bytes to take.
    fn double(&mut self, place: usize) {
        told(|| format!("{} link {place} is doubled", self.second));
        if let Some(link) = self.roads[place].link.take() {
            self.roads[place].zombie = Some(link.cut());
            self.roads[place].retry_at_s = self.second;
        }
    }

    /// One direction of a link stands still for seconds.
    fn hold(&mut self, place: usize) {
        let until_s = self.second + self.random.between(1, 15);
        let is_down = self.random.permille(500);
        told(|| format!("{} link {place} holds what goes, down {is_down}, until {until_s}", self.second));
        let road = &mut self.roads[place];
        *(if is_down { &mut road.down_held_s } else { &mut road.up_held_s }) = until_s;
    }

    fn cut(&mut self, place: usize) {
        told(|| format!("{} link {place} is cut", self.second));
        let soon_s = if self.random.permille(500) { 1 } else { 25 };
        self.roads[place].retry_at_s = self.second + self.random.between(0, soon_s);
        if let Some(link) = self.roads[place].link.take() {
            let end = link.cut();
            self.roads[place].zombie = self.random.permille(300).then_some(end);
        }
    }

    /// A node starts anew: with what its disk has, or with nothing.
    fn restart(&mut self, place: usize) {
        let (is_orderly, is_forgetful) = (self.random.permille(500), self.random.permille(300));
        told(|| format!("{} node {place} starts anew, in order {is_orderly}, forgets {is_forgetful}", self.second));
        self.cut(place);
        self.roads[place].zombie = None;
        let is_last = place + 1 == self.roads.len();
        if !is_last {
            self.cut(place + 1);
        }
        let now = self.now(place + 1, 0);
        let node = &mut self.nodes[place];
        if is_orderly {
            node.save(now);
        }
        node.start_anew(is_forgetful);
        let Some(host) = node.store.hosts().first().cloned() else { return };
        if is_last && is_orderly {
            self.once.go_on(&host);
        } else if is_last {
            self.once = Once::at(&host);
        }
        node.onward = Some(Tapped::new(host, self.buffer_bytes));
    }

    /// Rows go to the disk; what a kill costs is what came after.
    fn flush(&mut self) {
        for place in 0..self.nodes.len() {
            let now = self.now(place + 1, 500_000);
            let node = &mut self.nodes[place];
            if let Some(keeper) = &mut node.keeper {
                assert!(keeper.flush(&node.store, now).is_empty());
            }
        }
    }

    /// Opens the links whose time has come.
    fn connect(&mut self) {
        let count = self.roads.len();
        for place in 0..self.roads.len() {
            let (now, parent_now) = (self.now(place, 10_000), self.now(place + 1, 10_000));
            let (before, behind) = self.nodes.split_at_mut(place);
            let from = before.last().map_or(Some(&self.origin), |node| node.onward.as_ref());
            let road = &mut self.roads[place];
            let Some(from) = from.filter(|from| from.host.is_fed()) else { continue };
            if road.link.is_some() || road.retry_at_s > self.second {
                continue;
            }
            let node = &mut behind[0];
            let link = Link::open(from, &node.store, node.keep, road.form, now, parent_now, self.window_bytes);
            told(|| format!("{} link {place} is open", self.second));
            road.link = Some(link);
            if node.onward.is_none() {
                let host = node.store.hosts()[0].clone();
                if place + 1 == count {
                    self.once = Once::at(&host);
                }
                node.onward = Some(Tapped::new(host, self.buffer_bytes));
            }
        }
    }

    /// Moves bytes on all links; returns whether any moved.
    fn pump(&mut self, round: i64, flow: usize) -> bool {
        let mut moved = false;
        for place in 0..self.roads.len() {
            let us = 20_000 + round * 100_000;
            let (now, parent_now) = (self.now(place, us), self.now(place + 1, us));
            let before = self.nodes[..place].last();
            let from = before.map_or(Some(&self.origin), |node| node.onward.as_ref());
            let road = &mut self.roads[place];
            let unless_held = |until_s: i64| if until_s > self.second { 0 } else { flow };
            let way = Flow { down: unless_held(road.down_held_s), up: unless_held(road.up_held_s) };
            // What a lost connection still brings comes at any time, also after the next one opened.
            if let Some(zombie) = &mut road.zombie
                && self.random.permille(500)
                && !zombie.deliver(parent_now, flow, &mut self.random)
            {
                road.zombie = None;
            }
            let (Some(link), Some(from)) = (&mut road.link, from) else { continue };
            moved |= link.pump(now, parent_now, way, &mut self.random);
            if link.is_over(from) {
                told(|| format!("{} link {place} ends, overflow {}", self.second, link.has_overflowed()));
                if let Some(link) = road.link.take() {
                    drop(link.cut());
                }
                road.retry_at_s = self.second;
                moved = true;
            }
        }
        if moved {
            self.connect();
        }
        moved
    }

    fn check(&self) {
        let last = self.nodes.last().unwrap();
        let parent = last.onward.as_ref().map(|onward| &onward.host).expect("the parent was reached");
        let is_stored = self.roads.iter().all(|road| road.form == Form::Stored);
        let truth = self.source.truth.lock().unwrap();
        for (chart, truth) in self.source.charts.iter().zip(&*truth) {
            let there = rows(parent, &on_the_wire(&chart.id));
            if chart.id.starts_with(HIDDEN) {
                assert!(there.is_empty(), "{} was not to be sent", chart.id);
                continue;
            }
            self.check_no_stranger(&chart.id, &there, truth, is_stored);
            self.check_complete(&chart.id, &rows(&self.source.host, &chart.id), &there);
            self.check_once(&chart.id, &there, is_stored);
        }
    }

    /// Each value at the parent is one that the source stored at that second.
    fn check_no_stranger(
        &self,
        id: &str,
        there: &BTreeMap<i64, Vec<Packed>>,
        truth: &super::source::Rows,
        is_stored: bool,
    ) {
        for (second, values) in there {
            if !is_stored && *second <= self.doubtful_s + 2 * EVERY_S_MAX {
                // Collected values carry no time: where a clock was set back nobody can date them, nor
                // the first point after.
                continue;
            }
            for (index, value) in values.iter().enumerate().filter(|(_, value)| !value.is_empty()) {
                let known = truth.get(second).into_iter().flatten().filter_map(|row| row.get(index));
                let is_known = known.clone().any(|known| is_same(*known, *value, is_stored));
                assert!(
                    is_known,
                    "{id:.30} dimension {index} at {second} ({} s before the end): {} was never stored, but {:?}",
                    self.second - second,
                    value.unpack(),
                    known.map(|known| known.unpack()).collect::<Vec<_>>()
                );
            }
        }
    }

    /// Each value at the parent is the one that came first, however often it came.
    fn check_once(&self, id: &str, there: &BTreeMap<i64, Vec<Packed>>, is_stored: bool) {
        for (second, values) in there {
            if !is_stored && *second <= self.doubtful_s + 2 * EVERY_S_MAX {
                continue;
            }
            let first = self.once.first(&on_the_wire(id), *second);
            for (index, value) in values.iter().enumerate().filter(|(_, value)| !value.is_empty()) {
                let is_first = first.get(index).is_some_and(|first| is_same(*first, *value, is_stored));
                assert!(
                    is_first,
                    "{id:.30} dimension {index} at {second} changed: {:?}, first {first:?}",
                    value.unpack()
                );
            }
        }
    }

    /// Each value that the source still has is at the parent.
    fn check_complete(&self, id: &str, here: &BTreeMap<i64, Vec<Packed>>, there: &BTreeMap<i64, Vec<Packed>>) {
        // A spool that is shorter than a gap forgets what was before it, and a node whose clock is ahead
        // asks for so much less.
        let skew_s = if self.sometimes_jumps { SKEW_S_MAX } else { 0 };
        let has_spool = self.nodes.iter().any(|node| node.keep.mode == MemoryMode::None);
        let forgotten_s = if has_spool { self.second + self.jumped_s - SPOOL_ROWS + skew_s } else { 0 };
        for (second, values) in here {
            if *second <= forgotten_s.max(self.doubtful_s + EVERY_S_MAX) {
                continue;
            }
            for (index, value) in values.iter().enumerate().filter(|(_, value)| !value.is_empty()) {
                let arrived = there.get(second).and_then(|row| row.get(index)).is_some_and(|value| !value.is_empty());
                assert!(
                    arrived,
                    "{id:.30} dimension {index} at {second} ({} s before the end) is missing: {}; there are {:?}",
                    self.second + self.jumped_s - second,
                    value.unpack(),
                    there.keys().map(|key| self.second + self.jumped_s - key).collect::<Vec<_>>()
                );
            }
        }
    }
}

/// Tells what happens, where one seed is replayed.
pub(super) fn told(text: impl FnOnce() -> String) {
    static ALONE: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
    if *ALONE.get_or_init(|| std::env::var_os("SIM_SEED").is_some()) {
        println!("{}", text());
    }
}

/// Whether two values are equal; those that were calculated twice, within the precision of a value.
fn is_same(one: Packed, other: Packed, is_stored: bool) -> bool {
    let (a, b) = (one.unpack(), other.unpack());
    if is_stored {
        return a == b && one.is_reset() == other.is_reset();
    }
    (a - b).abs() <= 2e-6 * a.abs().max(b.abs()) + 1e-6
}

/// An id as the wire can carry it.
fn on_the_wire(id: &str) -> String {
    id.chars().take(protocol::encode::TEXT_BYTES_MAX).map(|c| if "'\"\\".contains(c) { '_' } else { c }).collect()
}

fn rows(host: &Host, id: &str) -> BTreeMap<i64, Vec<Packed>> {
    let snapshot = host.read(|view| view.find_chart(id).map(|chart| chart.snapshot(0, i64::MAX / 2)));
    let mut rows = BTreeMap::new();
    if let Some(snapshot) = snapshot {
        snapshot.rows(|second, values| {
            rows.insert(second, values.to_vec());
        });
    }
    rows
}
