use std::collections::HashMap;
use std::sync::Arc;

use row::{ChartDefinition, ChartOptions, DimensionDefinition, Guid, Label, Now, US_PER_S};
use rrd_store::{Feed, FeedKind, Host, HostInfo, Keep, MemoryMode, Store};

use super::*;
use crate::expression::Status;
use crate::files;
use crate::silencers::Silencers;

const START_S: i64 = 1_795_387_000;

/// A host with one chart `test.chart` of the family `fam`, and its alarms.
struct World {
    host: Arc<Host>,
    feed: Feed,
    watch: Watch,
    now_s: i64,
    report: Report,
    space: Space,
}

fn rules(text: &str) -> Arc<Rules> {
    let (definitions, problems) = files::read("test.conf", text);
    assert_eq!(problems, []);
    Arc::new(Rules::new(definitions))
}

fn now(second: i64) -> Now {
    Now { wall_us: second * US_PER_S, mono_us: ((second - START_S) * US_PER_S) as u64 + 1_000_000_000 }
}

fn facts() -> HostFacts {
    HostFacts { hostname: "host1".into(), os: "linux".into() }
}

impl World {
    fn new(text: &str) -> Self {
        let info = HostInfo::unknown(Guid::from_bytes([7; 16]));
        let host = Store::new().add(&info, Keep::new(MemoryMode::Ram, 3_600));
        let feed = host.claim(FeedKind::Stored, info);
        let watch = Watch::new(rules(text), facts(), Patience::default(), HashMap::new(), 0, now(START_S));
        let mut world = Self { host, feed, watch, now_s: START_S, report: Report::default(), space: Space::default() };
        world.define("test.chart", "fam", &["w", "x"]);
        world
    }

    fn define(&mut self, id: &str, family: &str, dimensions: &[&str]) {
        let mut writer = self.feed.writer(now(self.now_s)).unwrap();
        let definition = ChartDefinition {
            id,
            family,
            context: "test.context",
            units: "widgets",
            update_every_s: 1,
            ..Default::default()
        };
        let slot = writer.define_chart(&definition).unwrap();
        for id in dimensions {
            writer.define_dimension(slot, &DimensionDefinition { id, ..Default::default() }).unwrap();
        }
        writer.set_chart_labels(slot, &[Label { name: "disk", value: "sda", source: 1 }]);
    }

    fn row(&mut self, id: &str, values: &[f64]) {
        let mut writer = self.feed.writer(now(self.now_s)).unwrap();
        let slot = writer.find_chart(id.as_bytes(), None).unwrap();
        writer.begin(slot);
        for (index, value) in (0..).zip(values) {
            writer.set_stored(index, Some(*value as i64), row::Packed::pack(*value, row::PointFlags::default()));
        }
        writer.end_stored(self.now_s, true);
    }

    /// A second passes: the chart has a row of this value, then alarms are looked at.
    fn second(&mut self, value: f64) {
        self.now_s += 1;
        self.row("test.chart", &[value, 0.0]);
        self.step();
    }

    fn step(&mut self) {
        self.watch.step(&self.host, now(self.now_s), &mut self.report, &mut self.space);
    }

    fn alarm(&self, name: &str) -> &Alarm {
        self.watch.alarms().iter().find(|alarm| *alarm.name == *name).expect("it is bound")
    }

    fn status(&self, name: &str) -> Status {
        self.alarm(name).state.status
    }

    /// Statuses that an alarm went to, and when, from a second on.
    fn log(&self, name: &str, from_s: i64) -> Vec<(i64, Status)> {
        let of = self.report.transitions.iter().filter(|transition| *transition.name == *name);
        of.map(|transition| (transition.when_s - from_s, transition.to)).collect()
    }

    fn told(&self, name: &str, from_s: i64) -> Vec<(i64, Status)> {
        let of = self.report.notices.iter().map(|notice| &notice.transition);
        let of = of.filter(|transition| *transition.name == *name);
        of.map(|transition| (transition.when_s - from_s, transition.to)).collect()
    }
}

const HYSTERESIS: &str = "
alarm: both
on: test.chart
calc: $w
every: 1s
warn: $this > (($status >= $WARNING) ? (40) : (50))
crit: $this > (($status == $CRITICAL) ? (80) : (90))
delay: up 4s down 8s multiplier 1.5 max 30s
";

/// Two levels, as a real Netdata 1.37.1 was seen to go through them.
#[test]
fn hysteresis() {
    let mut world = World::new(HYSTERESIS);
    for (value, status) in [
        (10.0, Status::Uninitialized),
        (10.0, Status::Clear),
        (60.0, Status::Warning),
        (95.0, Status::Critical),
        (85.0, Status::Critical),
        (45.0, Status::Warning),
        (10.0, Status::Clear),
    ] {
        world.second(value);
        assert_eq!(world.status("both"), status, "{value}");
    }
    // What decided is told with the values of that moment: the status is the one before.
    let traces: Vec<_> = world.report.transitions.iter().map(|transition| &*transition.trace).collect();
    assert_eq!(traces[2], "[ $this = 60 ] [ $status = 1 ] [ $WARNING = 3 ] ");
    assert_eq!(traces[3], "[ $this = 95 ] [ $status = 3 ] [ $CRITICAL = 4 ] ");
}

/// Notifications wait, longer where the status goes to and fro: the table of a real Netdata's run.
#[test]
fn delays() {
    let mut world = World::new(HYSTERESIS);
    (0..20).for_each(|_| world.second(10.0));
    let from_s = world.now_s + 1;
    let (mut heard, mut known) = (Vec::new(), world.report.notices.len());
    for second in 0..75 {
        world.second(match second {
            0..15 => 60.0,
            15..30 => 95.0,
            30..42 => 45.0,
            42..53 => 95.0,
            _ => 10.0,
        });
        if world.report.notices.len() > known {
            known = world.report.notices.len();
            heard.push((second, world.report.notices[known - 1].transition.to));
        }
    }
    use Status::{Clear, Critical, Warning};
    let log: Vec<_> = world.log("both", from_s).into_iter().filter(|(second, _)| *second >= 0).collect();
    // The value of 45 is a warning still, as hysteresis has it; the clear comes with 10.
    assert_eq!(log, [(0, Warning), (15, Critical), (30, Warning), (42, Critical), (53, Clear)]);
    assert_eq!(heard, [(4, Warning), (19, Critical), (38, Warning), (46, Critical), (61, Clear)]);
    let cleared = world.report.transitions.last().unwrap();
    assert_eq!((cleared.duration_s, cleared.non_clear_s), (11, 53));
}

/// A change that is over before its delay is not told, and what was told already is not told again.
#[test]
fn what_did_not_last_is_not_told() {
    let mut world = World::new(HYSTERESIS);
    (0..20).for_each(|_| world.second(10.0));
    world.second(60.0);
    (0..30).for_each(|_| world.second(10.0));
    assert_eq!(world.told("both", 0), []);
    assert_eq!(world.status("both"), Status::Clear);
    (0..10).for_each(|_| world.second(60.0));
    let from_s = world.now_s;
    world.second(10.0);
    (0..30).for_each(|_| world.second(60.0));
    assert_eq!(world.told("both", from_s), [(-9, Status::Warning)], "told once");
}

/// What is still so is told again, counted from the change; without a clear notification nothing
/// is told of the end.
#[test]
fn repeats() {
    let mut world = World::new(
        "alarm: again\non: test.chart\ncalc: $w\nevery: 1s\nwarn: $this > 50\ncrit: $this > 90\n\
         repeat: warning 6s critical 3s\nalarm: silent_end\non: test.chart\ncalc: $w\nevery: 1s\nwarn: $this > 50\n\
         options: no-clear-notification",
    );
    (0..5).for_each(|_| world.second(10.0));
    let from_s = world.now_s + 1;
    for second in 0..40 {
        world.second(if second < 15 {
            60.0
        } else if second < 24 {
            95.0
        } else {
            10.0
        });
    }
    use Status::{Clear, Critical, Warning};
    let told = [(0, Warning), (6, Warning), (12, Warning), (15, Critical), (18, Critical), (21, Critical), (24, Clear)];
    assert_eq!(world.told("again", from_s), told);
    assert_eq!(world.told("silent_end", from_s), [(0, Warning)]);
    let repeated = world.report.notices.iter().filter(|notice| notice.is_repeated).count();
    assert_eq!(repeated, 4, "repeats are no transitions");
}

/// All that a variable may stand for, in its order.
#[test]
fn variables() {
    let text = |name: &str, calc: &str| format!("alarm: {name}\non: test.chart\ncalc: {calc}\nevery: 1s\n");
    let asked = [
        ("dim", "$w", 100.0),
        ("raw", "$w_raw", 100.0),
        ("collected", "$w_last_collected_t - $last_collected_t", 0.0),
        ("every", "$update_every", 1.0),
        ("now_is", "$now - $last_collected_t", 0.0),
        ("chart_var", "$limit", 500.0),
        ("host_var", "$cores", 8.0),
        ("family", "$only_there", 5.0),
        ("other_chart", "${other.chart.only_there} + ${far.chart.far}", 12.0),
        ("context", "${test.context.w}", 100.0),
        ("alarm_here", "$dim + 1", 101.0),
        ("alarm_there", "${far.chart.on_far}", 7.0),
        ("nobody", "$nosuch == nan", 1.0),
        ("status_is", "$status", 0.0),
    ];
    let mut all: String = asked.iter().map(|(name, calc, _)| text(name, calc)).collect();
    all.push_str("alarm: on_far\non: far.chart\ncalc: $far\nevery: 1s\n");
    all.push_str("alarm: red_here\non: test.chart\ncalc: $green + $red\nevery: 1s\n");
    all.push_str("alarm: has_red\non: test.chart\ncalc: 1\ngreen: 20\nred: 80\nevery: 1s\n");
    let mut world = World::new(&all);
    world.define("other.chart", "fam", &["only_there"]);
    world.define("far.chart", "elsewhere", &["far"]);
    let mut writer = world.feed.writer(now(START_S)).unwrap();
    let slot = writer.find_chart(b"test.chart", None).unwrap();
    writer.set_chart_variable(slot, "limit", 500.0);
    writer.set_host_variable("cores", 8.0);
    drop(writer);
    for _ in 0..4 {
        world.now_s += 1;
        world.row("other.chart", &[5.0]);
        world.row("far.chart", &[7.0]);
        world.row("test.chart", &[100.0, 1.0]);
        world.step();
    }
    for (name, calc, expected) in asked {
        let expected = if name == "status_is" { f64::from(Status::Undefined as i8) } else { expected };
        assert_eq!(world.alarm(name).state.value, expected, "{calc}");
    }
    assert_eq!(world.alarm("red_here").state.value, 100.0, "thresholds are the chart's");
}

/// Lookups answer for the range that they name, and wait until it is covered.
#[test]
fn lookups() {
    let mut world = World::new(
        "template: mean\non: test.context\nlookup: average -5s unaligned of w\nevery: 1s\nwarn: $this > 50\n\
         template: most\non: test.context\nlookup: max -5s unaligned of w\nevery: 1s\n\
         template: each\non: test.context\nlookup: sum -5s unaligned foreach w,x\nevery: 1s\n\
         template: back\non: test.context\nlookup: average -2s at -3s unaligned of w\nevery: 1s\n",
    );
    for second in 0..20 {
        world.second(f64::from(second));
        if second == 2 {
            assert_eq!(world.status("mean"), Status::Uninitialized, "the range is not covered");
        }
    }
    // The row of this second may still be in the making: ranges end with the one before.
    assert_eq!(world.alarm("mean").state.value, 16.0);
    assert_eq!(world.alarm("most").state.value, 18.0);
    assert_eq!(world.alarm("each_w").state.value, 80.0);
    assert_eq!(world.alarm("each_x").state.value, 0.0);
    assert_eq!(world.status("mean"), Status::Clear);
    assert_eq!(world.status("most"), Status::Undefined, "it only has a value");
}

/// The first definition of a name wins, alarms before templates; what is elsewhere is not here.
#[test]
fn which_definition_wins() {
    let mut world = World::new(
        "template: one\non: test.context\ncalc: 1\nevery: 1s\nalarm: one\non: test.chart\ncalc: 2\nevery: 1s\n\
         template: two\non: test.context\nfamilies: other*\ncalc: 3\nevery: 1s\n\
         template: two\non: test.context\nfamilies: !other* *\ncalc: 4\nevery: 1s\n\
         template: three\non: test.context\nos: windows\ncalc: 5\nevery: 1s\n\
         template: four\non: test.context\nchart labels: disk=sd*\nhost labels: _os=linux _hostname=host*\ncalc: 6\n\
         every: 1s\ninfo: $label:disk of ${family}, $label:nobody and $5",
    );
    (0..3).for_each(|_| world.second(1.0));
    let mut values: Vec<_> = world.watch.alarms().iter().map(|alarm| (&*alarm.name, alarm.state.value)).collect();
    values.sort_by(|one, other| one.0.cmp(other.0));
    assert_eq!(values, [("four", 6.0), ("one", 2.0), ("two", 4.0)]);
    assert_eq!(&*world.alarm("four").info, "sda of fam, $label:nobody and $5");
    assert_eq!(&*world.alarm("four").units, "widgets");
}

/// After a restart a raised alarm is not told again, but its end is; the numbers go on.
#[test]
fn a_restart_does_not_tell_twice() {
    let mut world = World::new(HYSTERESIS);
    (0..5).for_each(|_| world.second(10.0));
    (0..10).for_each(|_| world.second(60.0));
    assert_eq!(world.report.notices.len(), 1);
    let last = world.report.transitions.last().unwrap().clone();
    let alarm = world.alarm("both");
    let memories = HashMap::from([((Arc::clone(&alarm.chart), Arc::clone(&alarm.name)), alarm.memory)]);
    world.watch =
        Watch::new(rules(HYSTERESIS), facts(), Patience::default(), memories, last.unique_id, now(world.now_s));
    (0..10).for_each(|_| world.second(60.0));
    assert_eq!((world.status("both"), world.report.notices.len()), (Status::Warning, 1));
    (0..20).for_each(|_| world.second(10.0));
    assert_eq!(world.report.notices.last().unwrap().transition.to, Status::Clear);
    let after = world.report.transitions.last().unwrap();
    assert_eq!(after.alarm_id, last.alarm_id);
    let ids: Vec<_> = world.report.transitions.iter().map(|transition| transition.unique_id).collect();
    assert!(ids.windows(2).all(|pair| pair[0] < pair[1]), "{ids:?}");
    assert!(after.event_id > last.event_id);
}

/// A chart that is no longer collected takes its alarms along; one that is removed, too. Other rules
/// leave alone what is still among them.
#[test]
fn what_goes_takes_its_alarms_along() {
    let mut world = World::new(HYSTERESIS);
    (0..5).for_each(|_| world.second(10.0));
    (0..5).for_each(|_| world.second(60.0));
    let more = format!("{HYSTERESIS}\nalarm: more\non: test.chart\ncalc: 1\nevery: 1s");
    world.watch.set_rules(rules(&more));
    world.second(60.0);
    assert_eq!((world.status("both"), world.status("more")), (Status::Warning, Status::Undefined));
    world.watch.set_rules(rules(HYSTERESIS));
    world.second(60.0);
    assert_eq!(world.watch.alarms().len(), 1);
    assert_eq!(world.log("more", 0).last().unwrap().1, Status::Removed);

    let mut writer = world.feed.writer(now(world.now_s)).unwrap();
    let slot = writer.find_chart(b"test.chart", None).unwrap();
    writer.set_chart_obsolete(slot);
    drop(writer);
    for _ in 0..80 {
        world.now_s += 1;
        world.step();
    }
    assert_eq!(world.status("both"), Status::Removed);
    assert!(world.host.read(|view| view.chart(slot).unwrap().definition().options.has(ChartOptions::OBSOLETE)));
}

/// Where the data stops, calculations go on with what was last, lookups wait as they are; after this
/// machine slept and after a host connected nothing is evaluated for a while.
#[test]
fn when_nothing_comes() {
    let mut world = World::new(
        "alarm: stale\non: test.chart\ncalc: $now - $last_collected_t\nevery: 1s\nwarn: $this > 20\n\
         alarm: mean\non: test.chart\nlookup: average -5s unaligned of w\nevery: 1s\nwarn: $this > 50\n",
    );
    (0..10).for_each(|_| world.second(60.0));
    for _ in 0..30 {
        world.now_s += 1;
        world.step();
    }
    assert_eq!((world.status("stale"), world.status("mean")), (Status::Warning, Status::Warning));
    assert!(world.now_s - world.alarm("mean").state.last_updated_s > 20);
    world.watch.connected(now(world.now_s), 60);
    let from_s = world.now_s;
    (0..70).for_each(|_| world.second(10.0));
    assert_eq!(world.log("stale", from_s).last(), Some(&(60, Status::Clear)));
    let asleep = Now { wall_us: (world.now_s + 4_000) * US_PER_S, ..now(world.now_s + 2) };
    assert_eq!(world.watch.step(&world.host, asleep, &mut world.report, &mut world.space), world.now_s + 4_060);
}

/// Silenced alarms are evaluated and not told, disabled ones stay as they are; also those that come later.
#[test]
fn silence() {
    let silencers = |command: &str| {
        let mut silencers = Silencers::default();
        silencers.command([("cmd", command), ("alarm", "b*"), ("hosts", "!other *")].into_iter());
        Arc::new(silencers)
    };
    let mut world = World::new(HYSTERESIS);
    world.watch.set_silencers(&silencers("SILENCE"));
    (0..5).for_each(|_| world.second(10.0));
    (0..20).for_each(|_| world.second(60.0));
    assert_eq!((world.status("both"), world.report.notices.len()), (Status::Warning, 0));
    assert!(world.report.transitions.last().unwrap().is_silenced);
    assert!(world.watch.set_silencers(&Arc::default()));
    (0..20).for_each(|_| world.second(60.0));
    assert_eq!(world.report.notices.len(), 0, "nor when the silence ends");
    world.watch.set_silencers(&silencers("DISABLE"));
    (0..20).for_each(|_| world.second(95.0));
    assert_eq!(world.status("both"), Status::Warning);
}

/// Values as the real one shows them.
#[test]
fn values_with_units() {
    for (value, units, shown) in [
        (6.97, "widgets", "6.97 widgets"),
        (45.0, "percentage", "45%"),
        (1_234.5, "KB", "1234 KB"),
        (0.5, "%", "0.5%"),
        (f64::NAN, "x", "-"),
        (0.0, "seconds", "now"),
        (3_661.0, "seconds", "01:01:01"),
        (90_061.0, "seconds ago", "1 day 01:01:01 ago"),
        (125.0, "minutes", "2h 5m"),
        (1_565.0, "minutes", "1d 02h 05m"),
        (27.0, "hours", "1d 3h"),
        (f64::NAN, "seconds", "undefined"),
        (1.0, "up/down", "up"),
        (0.0, "ok-error", "error"),
        (0.000_25, "", "0.00025"),
        (-0.04, "x", "-0.04 x"),
    ] {
        assert_eq!(value_string(value, units), shown, "{value} {units}");
    }
}
