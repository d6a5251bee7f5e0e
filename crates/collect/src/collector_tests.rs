//! Modules beside each other: one that takes long, one that has too many charts.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, channel};

use row::Guid;
use rrd_store::{FeedKind, Host, HostInfo, Keep, MemoryMode};

use super::*;
use crate::charts::{Chart, Form, Owner, absolute, line};
use crate::module::ReadError;

static FORM: Form = line("test", "A test", "things", "tests", 1, &[absolute("value", 1, 1)]);

/// A module that counts its readings; each waits until nobody holds the gate any more, where there is one.
struct Slow {
    name: &'static str,
    gate: Option<Receiver<()>>,
    value: i64,
    chart: Chart,
    owner: Owner,
}

impl Module for Slow {
    fn name(&self) -> &'static str {
        self.name
    }

    fn asks_devices(&self) -> bool {
        self.gate.is_some()
    }

    fn read(&mut self, _buffer: &mut Buffer, _now: Now) -> Result<(), ReadError> {
        if let Some(gate) = &self.gate {
            assert!(gate.recv().is_err(), "nothing is ever sent");
        }
        NS.fetch_add(TAKES_NS.load(Ordering::Relaxed), Ordering::Relaxed);
        self.value += 1;
        Ok(())
    }

    fn write(&mut self, batch: &mut Batch<'_>) {
        batch.row(&mut self.chart, &self.owner, &[self.value]);
    }
}

/// A stopwatch, and what each reading adds to it; one test uses them.
static NS: AtomicU64 = AtomicU64::new(0);
static TAKES_NS: AtomicU64 = AtomicU64::new(0);

fn slow(name: &'static str, gate: Option<Receiver<()>>) -> Box<Slow> {
    let owner = Owner { device: name.to_owned(), ..Owner::machine("test", 1) };
    Box::new(Slow { name, gate, value: 0, chart: Chart::new(&FORM), owner })
}

struct World {
    host: Arc<Host>,
    feed: Feed,
    collector: Collector,
    second: u64,
}

impl World {
    fn new(change: impl FnOnce(&mut Config)) -> Self {
        let info = HostInfo { hostname: "here".to_owned(), hops: 0, ..HostInfo::unknown(Guid::from_bytes([4; 16])) };
        let host = Store::new().add(&info, Keep::new(MemoryMode::Ram, 60));
        let feed = host.claim(FeedKind::Local, info);
        let mut config = Config { root: "/nowhere".into(), ..Config::default() };
        change(&mut config);
        Self { host, feed, collector: Collector::new(config), second: 1_700_000_000 }
    }

    fn tick(&mut self) -> u32 {
        self.second += 1;
        let now = Now { wall_us: (self.second * 1_000_000).cast_signed(), mono_us: self.second * 1_000_000 };
        self.collector.tick(now, &mut self.feed).rows
    }

    fn value(&self, chart: &str) -> Option<i64> {
        self.host.read(|host| host.find_chart(chart)?.dimension_state(0).map(|state| state.collected))
    }
}

/// Goal: while a module that asks devices hangs, ticks go on with all others; what it read in the end is
/// too old to be handed over, and it is asked again.
#[test]
fn a_module_that_hangs_delays_nobody() {
    let mut world = World::new(|_| {});
    let (holder, gate) = channel();
    world.collector.add(slow("device", Some(gate)), 1);
    world.collector.add(slow("memory", None), 1);
    for turn in 1..=30 {
        assert_eq!(world.tick(), 1, "the other one's row");
        assert_eq!((world.value("test.memory"), world.value("test.device")), (Some(turn), None));
    }
    drop(holder);
    let answer = (0..10_000).find_map(|_| {
        world.tick();
        world.value("test.device")
    });
    assert!(answer >= Some(2), "{answer:?}");
}

/// Goal: a module that turns out to take long holds others up twice at most, is read aside from then on,
/// and comes back into turn when it is quick again.
#[test]
fn a_module_that_takes_long_goes_aside() {
    let mut world = World::new(|_| {});
    world.collector = world.collector.timed_by(|| NS.load(Ordering::Relaxed), 3600);
    world.collector.add(slow("lazy", None), 1);
    for _ in 0..5 {
        assert_eq!(world.tick(), 1);
        assert!(!world.collector.modules.last().unwrap().is_aside(), "it is quick so far");
    }
    TAKES_NS.store(60_000_000, Ordering::Relaxed);
    let is_aside = |world: &mut World| {
        world.tick();
        world.collector.modules.last().unwrap().is_aside()
    };
    assert!(!is_aside(&mut world), "the tick took long, for whatever reason");
    assert!(is_aside(&mut world), "now it is known which module that was");
    for _ in 0..50 {
        assert!(is_aside(&mut world));
    }
    TAKES_NS.store(1_000_000, Ordering::Relaxed);
    assert!((0..100_000).any(|_| !is_aside(&mut world)), "it is quick again");
    assert_eq!(world.tick(), 1);
}

/// Goal: a module has no more charts than it may; with room again, others come.
#[test]
fn charts_of_a_module_have_a_limit() {
    struct Many {
        charts: Vec<(Chart, Owner)>,
        /// Gone are the first so many.
        gone: usize,
    }
    impl Module for Many {
        fn name(&self) -> &'static str {
            "many"
        }
        fn read(&mut self, _buffer: &mut Buffer, now: Now) -> Result<(), ReadError> {
            self.gone = if now.wall_s() % 10 < 5 { 0 } else { 2 };
            Ok(())
        }
        fn write(&mut self, batch: &mut Batch<'_>) {
            let (gone, here) = self.charts.split_at_mut(self.gone);
            gone.iter_mut().for_each(|(chart, _)| batch.obsolete(chart));
            here.iter_mut().for_each(|(chart, owner)| batch.row(chart, owner, &[1]));
        }
    }
    let mut world = World::new(|config| config.charts_max = 3);
    let owner = |number| Owner { device: format!("device{number}"), ..Owner::machine("test", 1) };
    let charts = (0..5).map(|number| (Chart::new(&FORM), owner(number))).collect();
    world.collector.add(Box::new(Many { charts, gone: 0 }), 1);
    world.collector.add(slow("other", None), 1);
    for _ in 0..3 {
        assert_eq!(world.tick(), 4, "three of one module, one of the other");
    }
    assert_eq!(world.value("test.device3"), None);
    world.second += 2;
    for _ in 0..3 {
        assert_eq!(world.tick(), 4);
    }
    assert_eq!((world.value("test.device3"), world.value("test.device4")), (Some(1), Some(1)));
}
