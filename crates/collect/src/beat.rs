//! The beat: everything that is done at some moment, as a state machine.
//!
//! It waits for nothing and reads no clock: whoever drives it calls [`Beat::step`] and does not come
//! back before the moment that this names. So the same loop collects on the thread that streams and
//! on a thread of its own, and a test makes a day of it in a moment.

use row::{Guid, Now};
use rrd_store::Feed;
use tracing::{info, warn};

use crate::collector::Collector;
use crate::pace::{Pace, Step};

/// A machine that is collected.
pub struct Beat {
    collector: Collector,
    feed: Feed,
    pace: Pace,
}

/// What to do after a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Step again at this moment of the wall clock, in microseconds, or as soon as that clock is set.
    At(i64),
    /// Step again at once.
    Now,
    /// Another feed of the host took over: there is nothing left to do.
    End,
}

impl Beat {
    /// Collects into `feed`; `guid` is the machine's and fixes where in the second that is.
    #[must_use]
    pub fn new(collector: Collector, feed: Feed, guid: Guid) -> Self {
        let pace = Pace::new(collector.update_every_s(), guid);
        Self { collector, feed, pace }
    }

    /// Does what is due at `now`.
    pub fn step(&mut self, now: Now) -> Next {
        match self.pace.next(now) {
            Step::Wait { us, .. } => {
                let tick_us = now.wall_us.saturating_add_unsigned(us);
                Next::At(self.collector.between_ticks(now).map_or(tick_us, |probe_us| probe_us.min(tick_us)))
            }
            Step::Tick { missed, late_us, .. } => self.tick(now, missed, late_us),
        }
    }

    fn tick(&mut self, now: Now, missed: u64, late_us: u64) -> Next {
        if missed > 0 {
            warn!(missed, "collection was held up");
        }
        self.collector.note_tick(missed, late_us);
        if self.collector.tick(now, &mut self.feed).feed_lost {
            info!("another source feeds this host, collection ends");
            return Next::End;
        }
        Next::Now
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use row::US_PER_S;
    use rrd_store::{FeedKind, Host, HostInfo, Keep, MemoryMode, Store};

    use super::*;
    use crate::config::Config;
    use crate::pace::OFFSET_US_MAX;

    const GUID: Guid = Guid::from_bytes([9; 16]);
    const START_US: i64 = 1_700_000_000_000_000;
    /// What the count grows by in a second in which the machine runs.
    const RATE: f64 = 1000.0;

    /// A machine that counts something while it runs: a thousand times a second.
    struct World {
        root: tempfile::TempDir,
        host: Arc<Host>,
        beat: Beat,
        wall_us: i64,
        mono_us: u64,
    }

    /// A tick: when it was, and the rate that was stored last.
    #[derive(Debug, Clone, Copy)]
    struct Tick {
        wall_us: i64,
        rate: f64,
    }

    impl World {
        fn new() -> Self {
            let root = tempfile::tempdir().unwrap();
            std::fs::create_dir(root.path().join("proc")).unwrap();
            let config = Config { root: root.path().to_owned(), ..Config::default() };
            write(&root, 0);
            let info = HostInfo { hostname: "here".to_owned(), hops: 0, ..HostInfo::unknown(GUID) };
            let host = Store::new().add(&info, Keep::new(MemoryMode::Ram, 120));
            let feed = host.claim(FeedKind::Local, info);
            let beat = Beat::new(Collector::new(config), feed, GUID);
            Self { root, host, beat, wall_us: START_US, mono_us: 5_000_000 }
        }

        /// Both clocks go on.
        fn pass(&mut self, us: u64) {
            self.wall_us += us.cast_signed();
            self.mono_us += us;
        }

        /// Lets the machine run until it had so many ticks.
        fn ticks(&mut self, count: usize) -> Vec<Tick> {
            let mut ticks = Vec::new();
            while ticks.len() < count {
                write(&self.root, self.mono_us / 1000);
                match self.beat.step(Now { wall_us: self.wall_us, mono_us: self.mono_us }) {
                    Next::At(at_us) => {
                        assert!(at_us > self.wall_us, "it waits for what is to come");
                        self.pass(at_us.abs_diff(self.wall_us));
                    }
                    Next::Now => ticks.push(Tick { wall_us: self.wall_us, rate: self.rate() }),
                    Next::End => panic!("nobody else feeds this host"),
                }
            }
            ticks
        }

        fn rate(&self) -> f64 {
            self.host.read(|host| {
                let chart = host.find_chart("system.ctxt").expect("the file has it");
                chart.dimension_state(0).expect("it has one dimension").stored.unpack()
            })
        }
    }

    fn write(root: &tempfile::TempDir, switches: u64) {
        let text =
            format!("cpu  1 1 1 1 1 1 1 1 1 1\nctxt {switches}\nprocesses 1\nprocs_running 1\nprocs_blocked 0\n");
        std::fs::write(root.path().join("proc/stat"), text).unwrap();
    }

    fn assert_rate(ticks: &[Tick]) {
        assert!(ticks.iter().all(|tick| (tick.rate - RATE).abs() < 0.002 * RATE), "{ticks:?}");
    }

    fn assert_aligned(ticks: &[Tick]) {
        let offset_us = ticks[0].wall_us.rem_euclid(US_PER_S);
        assert!((0..=OFFSET_US_MAX).contains(&offset_us), "{ticks:?}");
        assert!(ticks.windows(2).all(|pair| pair[1].wall_us - pair[0].wall_us == US_PER_S), "{ticks:?}");
    }

    /// Goal: each second has its tick, always at the same offset of at most 50 ms.
    #[test]
    fn ticks_are_aligned() {
        let ticks = World::new().ticks(20);
        assert_aligned(&ticks);
        assert_rate(&ticks[2..]);
    }

    /// Goal: a tick that comes late is dated as late as it is: the rate stays what it was, then and
    /// in the seconds after it, and those are aligned again.
    #[test]
    fn a_late_tick_is_dated_truthfully() {
        let mut world = World::new();
        for late_us in [1000, 40_000, 300_000, 450_000] {
            world.ticks(5);
            world.pass(US_PER_S.unsigned_abs() + late_us);
            let late = world.ticks(1)[0];
            assert_rate(&[late]);
            let after = world.ticks(4);
            assert_aligned(&after);
            assert_rate(&after);
        }
    }

    /// Goal: so is one that comes after others were missed.
    #[test]
    fn missed_ticks_leave_no_trace_in_the_rate() {
        let mut world = World::new();
        world.ticks(5);
        world.pass(4_100_000);
        assert_rate(&world.ticks(5)[1..]);
    }

    /// Goal: a machine that was suspended goes on: its monotonic clock stood still, and so did what
    /// it counts; from the second row on all is as it was, and none between claims more.
    #[test]
    fn suspended_and_resumed() {
        for asleep_us in [700_000, 5_300_000, 7_200_000_000] {
            let mut world = World::new();
            world.ticks(10);
            world.wall_us += asleep_us;
            let ticks = world.ticks(6);
            assert!(!ticks.iter().any(|tick| tick.rate > 1.5 * RATE), "{ticks:?}");
            assert_aligned(&ticks[1..]);
            assert_rate(&ticks[2..]);
        }
    }

    /// Goal: the same when the clock is set, forward or back.
    #[test]
    fn the_clock_is_set() {
        for by_us in [3_600_000_000, 10_000_000, -1_500_000, -20_000_000, -86_400_000_000] {
            let mut world = World::new();
            world.ticks(10);
            world.wall_us += by_us;
            let ticks = world.ticks(6);
            assert!(!ticks.iter().any(|tick| tick.rate > 1.5 * RATE), "set by {by_us}: {ticks:?}");
            assert_aligned(&ticks[1..]);
            assert_rate(&ticks[2..]);
        }
    }

    /// Goal: it ends when another source takes the host over.
    #[test]
    fn another_feed_ends_it() {
        let mut world = World::new();
        world.ticks(2);
        let _other = world.host.claim(FeedKind::Local, HostInfo::clone(&world.host.info()));
        world.pass(US_PER_S.unsigned_abs());
        let now = Now { wall_us: world.wall_us, mono_us: world.mono_us };
        assert_eq!(world.beat.step(now), Next::End);
    }
}
