//! Chains of nodes that watch one host: whatever breaks between them, people are told, and of what all see, once.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::collections::VecDeque;
use std::sync::Arc;

use health::engine::{Patience, Rules};
use health::expression::Status;
use health::files;
use health::fleet::{Fleet, Telling};
use row::{AlarmWord, ChartDefinition, ChartSlot, DimensionDefinition, Guid, Now, Packed, PointFlags, US_PER_S};
use rrd_store::memory::MemoryDisk;
use rrd_store::{AlarmPolicy, Feed, FeedKind, Host, HostInfo, Keep, Link, MemoryMode, SaidAbove, SaidBelow, Store};

const START_S: i64 = 1_795_387_000;
const HOST: Guid = Guid::from_bytes([7; 16]);
/// How long a node leaves a host alone that connected.
const POSTPONE_S: u32 = 10;
/// When a status has lasted so long, it must have been told.
const PATIENCE_S: i64 = 90;
const SECONDS: i64 = 3_000;

const FILE: &str = "
alarm: hot
on: test.cpu
calc: $busy
every: 1s
warn: $this > 50
crit: $this > 90
exec: /bin/notify
";

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % limit
    }
}

/// A node: the first collects the host, the others are streamed to.
struct Node {
    level: u32,
    file: String,
    always: bool,
    disk: Arc<MemoryDisk>,
    store: Arc<Store>,
    fleet: Fleet,
    feed: Option<Feed>,
    last_s: i64,
}

fn now(second: i64) -> Now {
    Now { wall_us: second * US_PER_S, mono_us: ((second - START_S + 100) * US_PER_S) as u64 }
}

fn fleet(store: &Arc<Store>, disk: &Arc<MemoryDisk>, file: &str, always: bool) -> Fleet {
    let (definitions, problems) = files::read("x.conf", file);
    assert_eq!(problems, []);
    let fleet = Fleet::new(Arc::clone(store), Arc::clone(disk) as _, Rules::new(definitions), Patience::default());
    fleet.set_telling(Telling { always, ..Telling::default() });
    fleet
}

impl Node {
    fn new(level: u32, file: &str, always: bool) -> Self {
        let (store, disk) = (Arc::new(Store::new()), Arc::<MemoryDisk>::default());
        let fleet = fleet(&store, &disk, file, always);
        Self { level, file: file.into(), always, disk, store, fleet, feed: None, last_s: 0 }
    }

    /// A new process: only what is on the disk is left.
    fn restart(&mut self) {
        self.feed = None;
        self.store = Arc::new(Store::new());
        self.fleet = fleet(&self.store, &self.disk, &self.file, self.always);
        self.last_s = 0;
    }

    fn claim(&mut self, now_s: i64) {
        let info = HostInfo { hops: self.level, ..HostInfo::unknown(HOST) };
        let host = self.store.add(&info, Keep::new(MemoryMode::Ram, 600));
        host.set_alarm_policy(AlarmPolicy { enabled: None, postpone_s: POSTPONE_S });
        let mut feed = host.claim(FeedKind::Stored, info);
        let mut writer = feed.writer(now(now_s)).unwrap();
        let chart = ChartDefinition { id: "test.cpu", update_every_s: 1, ..Default::default() };
        let slot = writer.define_chart(&chart).unwrap();
        writer.define_dimension(slot, &DimensionDefinition { id: "busy", ..Default::default() }).unwrap();
        drop(writer);
        self.feed = Some(feed);
    }

    fn host(&self) -> Option<Arc<Host>> {
        self.store.host(HOST)
    }

    fn write(&mut self, now_s: i64, busy: f64) {
        let Some(feed) = &mut self.feed else { return };
        let mut writer = feed.writer(now(now_s)).unwrap();
        // What was missed came by replication.
        for second in self.last_s.max(now_s - 5) + 1..=now_s {
            writer.begin(ChartSlot(0));
            writer.set_stored(0, None, Packed::pack(busy, PointFlags::default()));
            writer.end_stored(second, second == now_s);
        }
        self.last_s = now_s;
    }

    fn step(&self, now_s: i64) -> Vec<Status> {
        let told = self.fleet.step(now(now_s));
        assert!(told.refused.is_empty() && told.damaged.is_empty());
        // People hear it at once.
        for message in &told.messages {
            self.fleet.told(HOST, &message.notice.transition, now(now_s), 0);
        }
        told.messages.iter().map(|message| message.notice.transition.to).collect()
    }
}

/// A stream, and what is on its way.
#[derive(Default)]
struct Stream {
    said_above: SaidAbove,
    said_below: SaidBelow,
    up: VecDeque<(i64, AlarmWord)>,
    down: VecDeque<(i64, AlarmWord)>,
}

struct World {
    nodes: Vec<Node>,
    /// From each node to the next.
    streams: Vec<Option<Stream>>,
    now_s: i64,
    busy: f64,
    /// When, by whom, what.
    told: Vec<(i64, usize, Status)>,
}

impl World {
    fn new(files: &[(&str, bool)]) -> Self {
        let nodes: Vec<_> = (0..).zip(files).map(|(level, (file, always))| Node::new(level, file, *always)).collect();
        let streams = nodes.iter().skip(1).map(|_| None).collect();
        Self { nodes, streams, now_s: START_S, busy: 0.0, told: Vec::new() }
    }

    fn connect(&mut self, at: usize) {
        if self.streams[at].is_some() || self.nodes[at].feed.is_none() {
            return;
        }
        self.nodes[at + 1].claim(self.now_s);
        let (below, above) = (self.nodes[at].host().unwrap(), self.nodes[at + 1].host().unwrap());
        above.levels().begin_below(above.generation(), Arc::new(|| {}));
        below.levels().begin_above(Arc::new(|| {}));
        self.streams[at] = Some(Stream::default());
    }

    /// The stream breaks; whatever is on its way is lost, and all streams further up end, too.
    fn cut(&mut self, at: usize) {
        for at in at..self.streams.len() {
            if self.streams[at].take().is_none() {
                continue;
            }
            let above = self.nodes[at + 1].host().unwrap();
            above.levels().end_below(above.generation());
            self.nodes[at + 1].feed = None;
            if let Some(below) = self.nodes[at].host() {
                below.levels().end_above();
            }
        }
    }

    fn restart(&mut self, at: usize) {
        self.cut(at.saturating_sub(1));
        self.nodes[at].restart();
        if at == 0 {
            self.nodes[0].claim(self.now_s);
        }
    }

    fn second(&mut self, delay_s: i64) {
        self.now_s += 1;
        if self.nodes[0].feed.is_none() {
            self.nodes[0].claim(self.now_s);
        }
        for node in &mut self.nodes {
            node.write(self.now_s, self.busy);
        }
        self.talk(delay_s);
        // Who is first within a second is another one each time.
        let (count, first) = (self.nodes.len(), self.now_s as usize);
        for at in (0..count).map(|at| (at + first) % count) {
            for status in self.nodes[at].step(self.now_s) {
                self.told.push((self.now_s, at, status));
            }
            self.talk(delay_s);
        }
    }

    fn talk(&mut self, delay_s: i64) {
        for (at, stream) in self.streams.iter_mut().enumerate() {
            let Some(stream) = stream else { continue };
            let (below, above) = (self.nodes[at].host().unwrap(), self.nodes[at + 1].host().unwrap());
            let due_s = self.now_s + delay_s;
            let Stream { said_above, said_below, up, down } = stream;
            below.levels().say_above(said_above, |word| up.push_back((due_s, word)));
            let generation = above.generation();
            above.levels().say_below(said_below, generation, true, |word| down.push_back((due_s, word)));
            while let Some((_, word)) = up.pop_front_if(|(due_s, _)| *due_s <= self.now_s) {
                above.levels().hear_below(word);
            }
            while let Some((_, word)) = down.pop_front_if(|(due_s, _)| *due_s <= self.now_s) {
                below.levels().hear_above(word);
            }
        }
    }

    fn seconds(&mut self, count: i64, busy: f64) {
        self.busy = busy;
        (0..count).for_each(|_| self.second(0));
    }

    fn connected(files: &[(&str, bool)]) -> Self {
        let mut world = Self::new(files);
        world.seconds(5, 0.0);
        for at in 0..world.streams.len() {
            world.connect(at);
            world.seconds(1, 0.0);
        }
        world.seconds(60, 0.0);
        world
    }

    /// Who told what, since this was asked last.
    fn take(&mut self) -> Vec<(usize, Status)> {
        self.told.drain(..).map(|(_, at, status)| (at, status)).collect()
    }
}

fn status(busy: f64) -> Status {
    match busy {
        ..=50.0 => Status::Clear,
        ..=90.0 => Status::Warning,
        _ => Status::Critical,
    }
}

/// Goal: while all is well the node above tells, each change once, in chains of two and of three.
#[test]
fn the_highest_tells() {
    for count in [2, 3] {
        let mut world = World::connected(&[(FILE, false)].repeat(count));
        for (busy, expected) in [(60.0, Status::Warning), (95.0, Status::Critical), (0.0, Status::Clear)] {
            world.seconds(40, busy);
            assert_eq!(world.take(), [(count - 1, expected)], "of {count}");
        }
    }
}

/// Goal: where the node above is away for long, the one below tells after its grace, and the other does not
/// tell it again when it is back; nor what both had heard of before.
#[test]
fn a_node_takes_over_and_hands_back() {
    let mut world = World::connected(&[(FILE, false); 3]);
    world.seconds(20, 60.0);
    assert_eq!(world.take(), [(2, Status::Warning)]);
    world.cut(1);
    world.seconds(20, 95.0);
    assert_eq!(world.take(), [], "it may come back");
    world.seconds(20, 95.0);
    assert_eq!(world.take(), [(1, Status::Critical)]);
    world.connect(1);
    world.seconds(60, 95.0);
    assert_eq!(world.take(), []);
    world.restart(2);
    world.seconds(3, 95.0);
    world.connect(1);
    world.seconds(60, 95.0);
    assert_eq!(world.take(), [], "a new process knows what was told");
    world.seconds(40, 0.0);
    assert_eq!(world.take(), [(2, Status::Clear)]);
    world.cut(0);
    world.seconds(40, 60.0);
    assert_eq!(world.take(), [(0, Status::Warning)], "the one in the middle sees nothing");
    world.connect(0);
    world.connect(1);
    world.seconds(60, 60.0);
    world.seconds(30, 0.0);
    assert_eq!(world.take(), [(2, Status::Clear)]);
}

/// Goal: what is not the same alarm, or reaches nobody above, is told below; who always tells, tells.
#[test]
fn who_does_not_hold_it_does_not_tell_it() {
    let other = FILE.replace("> 50", "> 55");
    let mute = FILE.replace("exec: /bin/notify", "");
    for (below, above, both) in [
        ((FILE, false), (&*other, false), true),
        ((FILE, true), (FILE, false), true),
        ((FILE, false), (FILE, true), false),
        ((&*mute, false), (&*mute, false), true),
    ] {
        let mut world = World::connected(&[below, above]);
        world.seconds(40, 60.0);
        let mut told = world.take();
        told.sort_by_key(|(at, _)| *at);
        let expected = [(0, Status::Warning), (1, Status::Warning)];
        assert_eq!(told, if both { &expected[..] } else { &expected[1..] }, "{below:?} {above:?}");
    }
}

/// Goal: a child that says that everything was told silences nothing but that, and of its own host only.
#[test]
fn a_lying_child_silences_only_what_it_says_was_told() {
    let mut world = World::connected(&[(FILE, false); 2]);
    let host = world.nodes[1].host().unwrap();
    let mut keys = Vec::new();
    host.levels().say_below(&mut SaidBelow::default(), host.generation(), true, |word| {
        if let AlarmWord::Hold(key) = word {
            keys.push(key);
        }
    });
    assert_eq!(keys.len(), 1);
    for at_s in [i64::MAX, START_S + 100_000, world.now_s] {
        host.levels().hear_below(AlarmWord::Hold(keys[0]));
        host.levels().hear_below(AlarmWord::Told(keys[0], row::Told { status: 3, at_s }));
        host.levels().hear_below(AlarmWord::Told(keys[0], row::Told { status: 77, at_s: at_s - 1 }));
    }
    world.seconds(20, 60.0);
    world.seconds(20, 95.0);
    world.seconds(20, 0.0);
    assert_eq!(
        world.take(),
        [(1, Status::Warning), (1, Status::Critical), (1, Status::Clear)],
        "it lies of the future"
    );
    host.levels().begin_below(host.generation(), Arc::new(|| {}));
    host.levels().hear_below(AlarmWord::Told(keys[0], row::Told { status: 3, at_s: world.now_s + 1 }));
    world.seconds(20, 60.0);
    world.seconds(20, 95.0);
    assert_eq!(world.take(), [(1, Status::Critical)]);
    assert_eq!(host.levels().heard().link(), Link::None);
}

/// Goal: streams and processes break at any moment, words are lost on their way: what lasts is told by
/// somebody, the last that was told is how it is, and hardly anything is told twice.
#[test]
fn whatever_breaks_people_are_told() {
    let (mut all, mut again) = (0, 0);
    for seed in 1..=40 {
        let mut random = Random(seed);
        let count = 2 + random.below(2) as usize;
        let mut world = World::new(&[(FILE, false)].repeat(count));
        let (mut since_s, mut down) = (START_S, vec![0; count]);
        while world.now_s < START_S + SECONDS {
            if random.below(60) == 0 {
                let busy = [0.0, 60.0, 95.0][random.below(3) as usize];
                if busy != world.busy {
                    (world.busy, since_s) = (busy, world.now_s);
                }
            }
            for at in 0..count {
                if at + 1 < count && random.below(200) == 0 {
                    world.cut(at);
                    down[at] = random.below(100);
                }
                if random.below(400) == 0 {
                    world.restart(at);
                    down[at.saturating_sub(1)] = 1 + random.below(10);
                }
                if at + 1 < count {
                    down[at] = down[at].saturating_sub(1);
                    if down[at] == 0 {
                        world.connect(at);
                    }
                }
            }
            let delay_s = i64::from(random.below(10) == 0);
            world.second(delay_s);
            let last = world.told.last().map_or(Status::Clear, |(_, _, status)| *status);
            let lasted_s = world.now_s - since_s;
            let told = &world.told[world.told.len().saturating_sub(6)..];
            assert!(lasted_s < PATIENCE_S || last == status(world.busy), "seed {seed}, {lasted_s} s: {told:?}");
        }
        all += world.told.len();
        again += world.told.windows(2).filter(|pair| pair[0].2 == pair[1].2).count();
    }
    println!("{all} notifications, {again} of them once more");
    assert!(all > 1_000 && again * 20 < all, "{again} of {all} were told once more");
}
