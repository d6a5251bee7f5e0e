//! A machine made of files, its collector and the host that it feeds.

pub(crate) mod parts;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use collect::{Collector, Config, TickReport};
use row::{ChartOptions, DimensionOptions, Guid, Now};
use rrd_store::{Feed, FeedKind, Host, HostInfo, Keep, MemoryMode, Store};
use tempfile::TempDir;

const START_S: i64 = 1_700_000_000;

pub(crate) struct Machine {
    pub(crate) root: TempDir,
    collector: Collector,
    feed: Feed,
    pub(crate) host: Arc<Host>,
    second: i64,
}

impl Machine {
    /// A machine with the files that `prepare` writes below a folder.
    pub(crate) fn new(prepare: impl FnOnce(&Path), change: impl FnOnce(&mut Config)) -> Self {
        let root = tempfile::tempdir().unwrap();
        prepare(root.path());
        let mut config = Config { root: root.path().to_owned(), ..Config::default() };
        change(&mut config);
        let info = HostInfo { hostname: "fake".to_owned(), hops: 0, ..HostInfo::unknown(Guid::from_bytes([1; 16])) };
        let host = Store::new().add(&info, Keep::new(MemoryMode::Ram, 120));
        let feed = host.claim(FeedKind::Local, info);
        Self { root, collector: Collector::new(config), feed, host, second: START_S }
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        write(self.root.path(), path, text);
    }

    pub(crate) fn remove(&self, path: &str) {
        let path = self.root.path().join(path);
        if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
    }

    /// Runs the tick of the next second.
    pub(crate) fn tick(&mut self) -> TickReport {
        self.second += 1;
        let wall_us = self.second * 1_000_000 + 20_000;
        self.collector.tick(Now { wall_us, mono_us: wall_us.unsigned_abs() - 1_000_000_000 }, &mut self.feed)
    }

    /// Runs so many ticks.
    pub(crate) fn ticks(&mut self, count: usize) {
        for _ in 0..count {
            self.tick();
        }
    }

    pub(crate) fn has(&self, chart: &str) -> bool {
        self.host.read(|host| host.find_chart(chart).is_some())
    }

    pub(crate) fn is_obsolete(&self, chart: &str) -> bool {
        self.host.read(|host| host.find_chart(chart).unwrap().definition().options.has(ChartOptions::OBSOLETE))
    }

    /// The values that were collected last.
    pub(crate) fn collected(&self, chart: &str) -> Vec<i64> {
        self.host.read(|host| {
            let chart = host.find_chart(chart).unwrap();
            (0..chart.dimensions().len()).map(|at| chart.dimension_state(at as u32).unwrap().collected).collect()
        })
    }

    /// The dimensions that are not obsolete.
    pub(crate) fn dimensions(&self, chart: &str) -> Vec<String> {
        self.host.read(|host| {
            let dimensions = host.find_chart(chart).unwrap().dimensions();
            let there = dimensions.filter(|dimension| !dimension.options.has(DimensionOptions::OBSOLETE));
            there.map(|dimension| dimension.id.to_owned()).collect()
        })
    }

    /// The labels beside those of plugin and module.
    pub(crate) fn labels(&self, chart: &str) -> String {
        self.host.read(|host| {
            let labels = host.find_chart(chart).unwrap().labels().skip(2);
            labels.map(|label| format!("{}={}", label.name, label.value)).collect::<Vec<_>>().join(" ")
        })
    }

    /// The definitions but titles of the charts that are wanted by their ids:
    /// `id | context | units | family | type | priority | update every | options | module`, then
    /// `id | name | algorithm | multiplier | divisor | options` for each dimension.
    pub(crate) fn definitions(&self, wanted: impl Fn(&str) -> bool) -> String {
        let mut charts = self
            .host
            .read(|host| host.charts().filter(|chart| wanted(chart.definition().id)).map(render).collect::<Vec<_>>());
        charts.sort();
        charts.concat()
    }
}

pub(crate) fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// A chart's definition and those of its dimensions, in lines.
pub(crate) fn render(chart: rrd_store::ChartView<'_>) -> String {
    let options = |set: u8, words: &[(u8, &str)]| {
        let words: Vec<_> = words.iter().filter(|(bit, _)| set & bit != 0).map(|(_, word)| *word).collect();
        if words.is_empty() { "-".to_owned() } else { words.join(" ") }
    };
    let one = chart.definition();
    assert_eq!(one.plugin, "proc.plugin");
    assert!(!one.title.is_empty());
    let words = ChartOptions::WORDS.map(|(bit, word)| (bit.0, word));
    let mut text = format!(
        "{} | {} | {} | {} | {} | {} | {} | {} | {}\n",
        one.id,
        one.context,
        one.units,
        one.family,
        one.chart_type.word(),
        one.priority,
        one.update_every_s,
        options(one.options.0, &words),
        one.module
    );
    let words = DimensionOptions::WORDS.map(|(bit, word)| (bit.0, word));
    for one in chart.dimensions() {
        let name = if one.name.is_empty() { one.id } else { one.name };
        let (algorithm, options) = (one.algorithm.word(), options(one.options.0, &words));
        writeln!(text, "  {} | {name} | {algorithm} | {} | {} | {options}", one.id, one.multiplier, one.divisor)
            .unwrap();
    }
    text
}
