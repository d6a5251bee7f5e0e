//! Ten thousand hosts and a day: what alarms come to, against a naive model of the same.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::collections::HashMap;
use std::sync::Arc;

use health::engine::{HostFacts, Patience, Report, Rules, Space, Watch};
use health::expression::Status;
use health::files;
use row::{ChartDefinition, ChartSlot, DimensionDefinition, Guid, Now, Packed, PointFlags, US_PER_S};
use rrd_store::{Feed, FeedKind, Host, HostInfo, Keep, MemoryMode, Store};

const HOSTS: u32 = 10_000;
const START_S: i64 = 1_795_386_600;
const STEP_S: i64 = 600;
const STEPS: i64 = 86_400 / STEP_S;
const UP_S: i64 = 900;
const DOWN_S: i64 = 1_500;

const FILE: &str = "
template: hot
on: day.context
calc: $value
every: 10m
warn: $this > (($status >= $WARNING) ? (60) : (70))
crit: $this > (($status == $CRITICAL) ? (80) : (90))
delay: up 15m down 25m
";

/// What a host's alarm should do, told in a few lines.
#[derive(Default)]
struct Model {
    status: Option<Status>,
    /// The last change, until it was told or overtaken.
    pending: Option<(i64, Status)>,
    told: Option<Status>,
    changes: u32,
    notices: Vec<Status>,
}

impl Model {
    fn see(&mut self, value: f64, now_s: i64) {
        let was = self.status.unwrap_or(Status::Uninitialized);
        let status = if value > if was == Status::Critical { 80.0 } else { 90.0 } {
            Status::Critical
        } else if value > if was >= Status::Warning { 60.0 } else { 70.0 } {
            Status::Warning
        } else {
            Status::Clear
        };
        if status != was {
            self.status = Some(status);
            self.changes += 1;
            self.pending = Some((now_s + if status > was { UP_S } else { DOWN_S }, status));
        }
        self.tell(now_s);
    }

    fn tell(&mut self, now_s: i64) {
        let Some((_, status)) = self.pending.take_if(|(due_s, _)| *due_s <= now_s) else { return };
        let is_news = if status == Status::Clear { self.told.is_some() } else { true };
        if is_news && self.told != Some(status) {
            self.told = Some(status);
            self.notices.push(status);
        }
    }
}

fn now(second: i64) -> Now {
    Now { wall_us: second * US_PER_S, mono_us: ((second - START_S) * US_PER_S) as u64 + 1_000_000 }
}

fn host(store: &Store, number: u32) -> (Arc<Host>, Feed) {
    let mut bytes = [9; 16];
    bytes[..4].copy_from_slice(&number.to_le_bytes());
    let info = HostInfo::unknown(Guid::from_bytes(bytes));
    let host = store.add(&info, Keep::new(MemoryMode::Ram, 60));
    let mut feed = host.claim(FeedKind::Stored, info);
    let mut writer = feed.writer(now(START_S)).unwrap();
    let chart = ChartDefinition {
        id: "day.chart",
        context: "day.context",
        update_every_s: STEP_S as u32,
        ..ChartDefinition::default()
    };
    let slot = writer.define_chart(&chart).unwrap();
    writer.define_dimension(slot, &DimensionDefinition { id: "value", ..DimensionDefinition::default() }).unwrap();
    drop(writer);
    (host, feed)
}

/// The goal: every host's statuses, and what was told of them, are those of the model, however values
/// wander.
#[test]
fn ten_thousand_hosts() {
    let store = Store::new();
    let (definitions, problems) = files::read("day.conf", FILE);
    assert_eq!(problems, []);
    let rules = Arc::new(Rules::new(definitions));
    let mut all: Vec<_> = (0..HOSTS)
        .map(|number| {
            let (host, feed) = host(&store, number);
            let facts = HostFacts { hostname: format!("host{number}"), os: "linux".into() };
            let watch = Watch::new(Arc::clone(&rules), facts, Patience::default(), HashMap::new(), 0, now(START_S));
            (host, feed, watch, Model::default(), Report::default(), 50.0)
        })
        .collect();
    let mut state = 7_u64;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / f64::from(1 << 24)
    };
    let mut space = Space::default();
    for step in 0..STEPS {
        let second = START_S + step * STEP_S;
        for (host, feed, watch, model, report, value) in &mut all {
            *value = (*value + (random() - 0.5) * 40.0).clamp(0.0, 100.0);
            let packed = Packed::pack(value.round(), PointFlags::default());
            let mut writer = feed.writer(now(second)).unwrap();
            writer.begin(ChartSlot(0));
            writer.set_stored(0, None, packed);
            writer.end_stored(second, true);
            drop(writer);
            watch.step(host, now(second), report, &mut space);
            // The first row is waited past: a chart shows that it goes on.
            if step > 0 {
                model.see(packed.unpack(), second);
            }
        }
    }
    let mut told = 0;
    for (number, (_, _, watch, model, report, _)) in all.iter().enumerate() {
        let alarm = &watch.alarms()[0];
        assert_eq!(Some(alarm.state.status), model.status, "host {number}");
        // One transition more: it was bound.
        let notices: Vec<_> = report.notices.iter().map(|notice| notice.transition.to).collect();
        assert_eq!(notices, model.notices, "host {number}");
        assert_eq!(report.transitions.len() as u32, model.changes + 1, "host {number}");
        told += notices.len();
    }
    assert!(told > 10_000, "{told}");
}
