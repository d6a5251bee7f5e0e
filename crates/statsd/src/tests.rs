//! What programs send, and what the store has of it then.

use std::sync::Arc;

use patterns::SimplePattern;
use row::{Guid, Now};
use rrd_store::query::{Charts, Query, WindowRequest};
use rrd_store::{Feed, FeedKind, HostInfo, Keep, MemoryMode, Store};

use crate::Config;
use crate::metrics::Metrics;

const START_S: i64 = 1_795_387_000;

struct World {
    feed: Feed,
    metrics: Metrics,
    second: i64,
}

fn config() -> Config {
    Config { update_every_s: 1, port: 0, metrics: SimplePattern::new("*"), metrics_max: 50, labels: false }
}

impl World {
    fn new(config: Config) -> Self {
        let store = Arc::new(Store::new());
        let info = HostInfo::unknown(Guid::from_bytes([1; 16]));
        let feed = store.claim(&info, Keep::new(MemoryMode::Ram, 300), FeedKind::Local);
        Self { feed, metrics: Metrics::new(config), second: 0 }
    }

    fn now(&self) -> Now {
        Now { wall_us: (START_S + self.second) * 1_000_000, mono_us: self.second as u64 * 1_000_000 }
    }

    /// Sends this in each of some seconds.
    fn send(&mut self, seconds: i64, text: &str) {
        for _ in 0..seconds {
            self.metrics.take(text.as_bytes(), self.now());
            self.second += 1;
            let now = self.now();
            assert!(self.metrics.flush(&mut self.feed, now));
        }
    }

    /// The newest row of a chart.
    fn last(&self, chart: &str) -> Vec<(String, f64)> {
        let before_s = START_S + self.second;
        let window = WindowRequest { after_s: before_s - 1, before_s, ..Default::default() };
        let query = Query { window, ..Query::new(Charts::One(chart)) };
        let Ok(answer) = self.feed.host().query(&query, before_s + 10) else { return Vec::new() };
        let names = answer.columns.iter().map(|column| column.id.to_string());
        let Some((_, row)) = answer.rows().last() else { return Vec::new() };
        names.zip(row.iter()).collect()
    }

    fn one(&self, chart: &str) -> f64 {
        self.last(chart)[0].1
    }

    fn count(&self) -> usize {
        self.feed.host().read(|view| view.chart_count())
    }
}

/// Goal: each kind of metric is shown as Netdata's statsd was seen to show it, but for its wrong medians and
/// deviations.
#[test]
fn kinds() {
    let mut world = World::new(config());
    world.send(
        5,
        "app.g:12.5|g\napp.g:+1|g\napp.c:3|c\napp.c:4|c|@0.5\nmy_app.m:2|m\nbare\nsolo:5\napp.t:10|ms\napp.t:20|ms\n\
         app.t:30|ms\napp.t:40|ms\napp.s:a|s\napp.s:b|s\napp.s:a|s\napp.d:x|d\napp.d:y|d\napp.d:x|d\nneg.g:-5|g\n\
         app.big:1e3|g\nzz.top:zinit|g\n\n",
    );
    for (chart, value) in [
        ("statsd_app.g_gauge", 13.5),
        ("statsd_app.c_counter", 11.0),
        ("statsd_my.app.m_meter", 2.0),
        ("statsd_bare.meter", 1.0),
        ("statsd_solo.meter", 5.0),
        ("statsd_app.s_set", 2.0),
        ("statsd_neg.g_gauge", -25.0),
        ("statsd_app.big_gauge", 1_000.0),
        ("statsd_zz.top_gauge", 0.0),
    ] {
        assert!((world.one(chart) - value).abs() < 1e-4, "{chart}: {:?}", world.last(chart));
    }
    let timer = world.last("statsd_app.t_timer");
    let expected = [10.0, 40.0, 25.0, 30.0, 25.0, 11.18];
    for ((name, value), expected) in timer.iter().zip(expected) {
        assert!((value - expected).abs() < 1e-3, "{name}: {value}");
    }
    assert_eq!(
        timer.iter().map(|(name, _)| &**name).collect::<Vec<_>>(),
        ["min", "max", "average", "95.0%", "median", "stddev"]
    );
    let words = world.last("statsd_app.d_dictionary");
    assert_eq!(words.len(), 2);
    assert!(words.iter().any(|(name, value)| name == "x" && (value - 2.0).abs() < 1e-4), "{words:?}");
}

/// Goal: what is not sent any more keeps its value if it is a gauge, and is zero otherwise.
#[test]
fn silence() {
    let mut world = World::new(config());
    world.send(3, "a.g:7|g\na.c:5|c\na.t:5|ms\na.s:x|s");
    world.send(3, "");
    assert_eq!(world.one("statsd_a.g_gauge"), 7.0);
    for chart in ["statsd_a.c_counter", "statsd_a.t_timer", "statsd_a.s_set"] {
        assert_eq!(world.one(chart), 0.0, "{chart}");
    }
}

/// Goal: a chart is described by its metric's tags, and has the others as labels where that is wanted.
#[test]
fn tags() {
    for labels in [false, true] {
        let mut world = World::new(Config { labels, ..config() });
        world.send(1, "t.g:1|g|#units:apples,family:trees,name:fruit,rack:5");
        world.feed.host().read(|view| {
            let chart = view.find_chart("statsd_t.g_gauge").unwrap();
            let definition = chart.definition();
            assert_eq!((definition.units, definition.family), ("apples", "trees"));
            assert_eq!(definition.title, "statsd private chart for gauge t.g");
            assert_eq!(
                (definition.priority, definition.plugin, definition.module),
                (90_000, "statsd.plugin", "private_chart")
            );
            assert_eq!(
                chart.dimensions().next().map(|dimension| (dimension.id, dimension.name)),
                Some(("gauge", "fruit"))
            );
            let has = chart.labels().any(|label| (label.name, label.value) == ("rack", "5"));
            assert_eq!(has, labels);
        });
    }
}

/// Goal: metrics, words of a dictionary and values have limits; a metric that is silent for an hour makes room.
#[test]
fn limits() {
    let mut world = World::new(Config { metrics_max: 3, ..config() });
    world.send(1, "a:1|c\nb:1|c\nc:1|c\nd:1|c\n");
    assert_eq!(world.count(), 3);
    world.second += 3_700;
    world.send(2, "a:1|c\nd:1|c");
    world.send(1, "d:1|c");
    let charts = world.feed.host().read(|view| {
        let is_live = |chart: &rrd_store::ChartView<'_>| !chart.definition().options.has(row::ChartOptions::OBSOLETE);
        view.charts().filter(is_live).map(|chart| chart.id().to_owned()).collect::<Vec<_>>()
    });
    assert_eq!(charts, ["statsd_a.counter", "statsd_d.counter"]);

    let mut world = World::new(config());
    let words: String = (0..300).map(|number| format!("d:word{number}|d\n")).collect();
    world.send(3, &words);
    let dimensions = world.last("statsd_d.dictionary");
    assert_eq!(dimensions.len(), 201);
    assert!(dimensions.iter().any(|(name, value)| name == "other" && (*value - 100.0).abs() < 1e-4));
}

/// Goal: names that are not wanted, and lines without sense, make no charts.
#[test]
fn what_is_not_taken() {
    let mut world = World::new(Config { metrics: SimplePattern::new("!*secret* app.*"), ..config() });
    world.send(2, "app.a:1|c\napp.secret:1|c\nother:1|c\napp.b:xyz|g\napp.c:1|zz\napp.d:|s\n:1|c\n\0\u{fffd}|\u{1}");
    assert_eq!(world.count(), 1);
}

/// Goal: any bytes are taken without harm.
#[test]
fn any_bytes() {
    let mut state = 5_u64;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize
    };
    let seeds = ["app.g:+12.5|g|@0.1|#a:b,units:x", "a:1|ms", "a:x|s", "b:y|d", "a.b_c:1e308|h|@0.0001", "c:9e99|c"];
    let nasty = b":|@#,.\n+-eE0 \xff\0zinit";
    let mut world = World::new(Config { labels: true, ..config() });
    for _ in 0..20_000 {
        let mut line = seeds[random() % seeds.len()].as_bytes().to_vec();
        for _ in 0..random() % 4 {
            let at = random() % line.len();
            line[at] = nasty[random() % nasty.len()];
        }
        world.metrics.take(&line, world.now());
        if random() % 100 == 0 {
            world.second += 1;
            let now = world.now();
            assert!(world.metrics.flush(&mut world.feed, now));
        }
    }
    assert_eq!(world.count(), 50);
}
