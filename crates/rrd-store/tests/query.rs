//! Queries against a reference that is slow and plain: lists of points, one method after another.
#![allow(clippy::unwrap_used, reason = "test code")]

mod random;

use std::collections::BTreeMap;
use std::sync::Arc;

use patterns::SimplePattern;
use row::{ChartDefinition, ChartSlot, DimensionDefinition, DimensionOptions, Guid, Label, Now, Packed, PointFlags};
use rrd_store::query::{Answer, Charts, Combine, Grid, Group, MatchBy, Options, Query, Values, WindowRequest};
use rrd_store::{Feed, FeedKind, Host, HostInfo, Keep, MemoryMode, Store};

use random::Random;

const START_S: i64 = 1_795_387_200;

fn info() -> HostInfo {
    HostInfo { hostname: "alpha".into(), hops: 1, ..HostInfo::unknown(Guid::from_bytes([7; 16])) }
}

fn host(history_rows: u32) -> (Arc<Host>, Feed) {
    let host = Store::new().add(&info(), Keep::new(MemoryMode::Ram, history_rows));
    let feed = host.claim(FeedKind::Stored, info());
    (host, feed)
}

const NOW: Now = Now { wall_us: START_S * 1_000_000, mono_us: 1_000_000_000 };

/// Defines a chart whose hidden dimensions begin with `h`.
fn define(feed: &mut Feed, id: &str, context: &str, update_every_s: u32, dimensions: &[&str]) -> ChartSlot {
    let mut writer = feed.writer(NOW).unwrap();
    let name = format!("{id}-name");
    let chart = ChartDefinition { id, name: &name, context, update_every_s, ..Default::default() };
    let slot = writer.define_chart(&chart).unwrap();
    for id in dimensions {
        let options = if id.starts_with('h') { DimensionOptions::HIDDEN } else { DimensionOptions::default() };
        let name = format!("{id}-name");
        writer.define_dimension(slot, &DimensionDefinition { id, name: &name, options, ..Default::default() }).unwrap();
    }
    slot
}

fn put(feed: &mut Feed, slot: ChartSlot, second: i64, values: &[Option<f64>]) {
    let mut writer = feed.writer(NOW).unwrap();
    writer.begin(slot);
    for (index, value) in values.iter().enumerate() {
        if let Some(value) = value {
            writer.set_stored(index as u32, None, Packed::pack(*value, PointFlags::NORMAL));
        }
    }
    writer.end_stored(second, true);
}

/// A chart as the reference knows it: a list of points per dimension.
struct Model {
    every_s: i64,
    dimensions: Vec<&'static str>,
    points: Vec<BTreeMap<i64, f64>>,
}

impl Model {
    fn is_shown(&self, dimension: usize) -> bool {
        !self.dimensions[dimension].starts_with('h')
    }

    /// The value at a second on the grid: that of the point there, or on the way to it.
    fn at(&self, dimension: usize, second: i64) -> Option<f64> {
        let points = &self.points[dimension];
        let covering = (second + self.every_s - 1) / self.every_s * self.every_s;
        let value = *points.get(&covering)?;
        let before = points.get(&(covering - self.every_s)).copied().unwrap_or(value);
        let way = (second - (covering - self.every_s)) as f64 / self.every_s as f64;
        Some(before + (value - before) * way)
    }

    /// The values of a dimension, row by row.
    fn rows(&self, dimension: usize, answer: &Answer) -> Vec<Vec<f64>> {
        let window = answer.window;
        let row = |row: i64| {
            let end = window.before_s - (window.points as i64 - 1 - row) * window.step_s;
            let seconds = (0..window.group).rev().map(|back| end - back * window.quantum_s);
            seconds.filter_map(|second| self.at(dimension, second)).collect()
        };
        (0..window.points as i64).map(row).collect()
    }
}

/// All rows' values of one dimension by the group's definition.
fn grouped(group: Group, argument: &str, rows: &[Vec<f64>], answer: &Answer) -> Vec<Option<f64>> {
    let smoothed = if answer.window.group == 1 { answer.window.points as i64 } else { answer.window.group };
    let alpha = 2.0 / (smoothed.min(15) as f64 + 1.0);
    let mut seen: Vec<f64> = Vec::new();
    let mut one = |values: &Vec<f64>| {
        if values.is_empty() {
            return None;
        }
        seen.extend(values);
        let count = values.len() as f64;
        let sum: f64 = values.iter().sum();
        let mean = sum / count;
        let variance = values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / (count - 1.0).max(1.0);
        let mut sorted = values.clone();
        sorted.sort_by(|a, b| a.partial_cmp(b).unwrap());
        let by_magnitude = |a: &f64, b: &f64| a.abs().partial_cmp(&b.abs()).unwrap();
        Some(match group {
            Group::Average => answer.window.divisor.map_or(mean, |divisor| sum / divisor),
            Group::Sum => sum,
            Group::Min => values.iter().copied().min_by(by_magnitude).unwrap(),
            // Of equals the first, as for the smallest.
            Group::Max => values.iter().rev().copied().max_by(by_magnitude).unwrap(),
            Group::Median => median(&sorted),
            Group::TrimmedMedian(percent) => {
                let range = sorted[sorted.len() - 1] - sorted[0];
                let cut = range * f64::from(percent) / 100.0;
                let (low, high) = (sorted[0] + cut, sorted[sorted.len() - 1] - cut);
                let left: Vec<f64> = sorted.iter().copied().filter(|v| (low..=high).contains(v)).collect();
                // Of nothing that is left Netdata takes the first beyond the middle.
                let beyond = sorted.iter().copied().find(|value| *value >= low);
                if left.is_empty() { beyond.unwrap() } else { median(&left) }
            }
            Group::TrimmedMean(percent) => mean_of(&sorted, 1.0 - f64::from(percent) / 50.0, 0.5),
            Group::Percentile(percent) => mean_of(&sorted, f64::from(percent) / 100.0, 0.0),
            Group::Stddev => variance.sqrt(),
            Group::Cv if values.len() == 1 => 0.0,
            Group::Cv if mean == 0.0 => return None,
            Group::Cv => 100.0 * variance.sqrt() / mean.abs(),
            Group::IncrementalSum => values[values.len() - 1] - values[0],
            Group::Ses => seen.iter().fold(seen[0], |level, v| alpha * v + (1.0 - alpha) * level),
            Group::Des => double_smoothed(&seen, alpha),
            Group::CountIf => {
                let limit: f64 = argument.strip_prefix('>').unwrap().parse().unwrap();
                100.0 * values.iter().filter(|v| **v > limit).count() as f64 / count
            }
        })
    };
    rows.iter().map(&mut one).collect()
}

fn median(sorted: &[f64]) -> f64 {
    (sorted[(sorted.len() - 1) / 2] + sorted[sorted.len() / 2]) / 2.0
}

/// The mean of a share of the values, of which so much of the rest is skipped at the beginning.
fn mean_of(sorted: &[f64], share: f64, skip: f64) -> f64 {
    let mut sorted = sorted.to_vec();
    if sorted[0] == sorted[sorted.len() - 1] {
        return sorted[0];
    }
    if sorted[0] < 0.0 {
        sorted.reverse();
    }
    let wanted = sorted.len() as f64 * share;
    let whole = (wanted.floor() as usize).max(1);
    let begin = ((sorted.len() - whole) as f64 * skip).floor() as usize;
    let mut used = sorted[begin..begin + whole].to_vec();
    let fraction = wanted - whole as f64;
    if fraction > 0.0 && begin + whole < sorted.len() {
        used.push(used[whole - 1] * (1.0 - fraction) + sorted[begin + whole] * fraction);
    }
    used.iter().sum::<f64>() / used.len() as f64
}

fn double_smoothed(seen: &[f64], alpha: f64) -> f64 {
    let (mut level, mut trend) = (seen[0], seen[0]);
    for (number, value) in seen.iter().enumerate().skip(1) {
        if number == 1 {
            (level, trend) = (*value, value - trend);
        }
        let before = level;
        level = alpha * value + (1.0 - alpha) * (level + trend);
        trend = alpha * (level - before) + (1.0 - alpha) * trend;
    }
    level
}

/// What the answer should be: a list of values per row.
fn expected(models: &[Model], query: &Query<'_>, answer: &Answer) -> Vec<Vec<Option<f64>>> {
    let mut rows = vec![Vec::new(); answer.window.points];
    let mut totals = vec![0.0; answer.window.points];
    for model in models {
        for dimension in 0..model.dimensions.len() {
            let values = grouped(query.group, query.group_options, &model.rows(dimension, answer), answer);
            for (row, value) in values.into_iter().enumerate() {
                let value = value.map(|v| if query.options.absolute { v.abs() } else { v });
                totals[row] += value.unwrap_or(0.0);
                if model.is_shown(dimension) {
                    rows[row].push(value);
                }
            }
        }
    }
    for (row, total) in rows.iter_mut().zip(totals) {
        for value in row.iter_mut() {
            if query.options.percentage {
                *value = value.map(|v| v * 100.0 / if total == 0.0 { 1.0 } else { total });
            }
            if query.options.null2zero {
                *value = value.or(Some(0.0));
            }
        }
    }
    rows
}

fn is_close(found: Option<f64>, expected: Option<f64>) -> bool {
    match (found, expected) {
        (Some(found), Some(expected)) => (found - expected).abs() <= 1e-7 * (1.0 + found.abs().max(expected.abs())),
        (found, expected) => found == expected,
    }
}

const GROUPS: [(Group, &str); 18] = [
    (Group::Average, ""),
    (Group::Sum, ""),
    (Group::Min, ""),
    (Group::Max, ""),
    (Group::Median, ""),
    (Group::TrimmedMedian(5), ""),
    (Group::TrimmedMedian(25), ""),
    (Group::TrimmedMean(5), ""),
    (Group::TrimmedMean(20), ""),
    (Group::Percentile(95), ""),
    (Group::Percentile(50), ""),
    (Group::Percentile(25), ""),
    (Group::Stddev, ""),
    (Group::Cv, ""),
    (Group::IncrementalSum, ""),
    (Group::Ses, ""),
    (Group::Des, ""),
    (Group::CountIf, ">10"),
];

/// Charts of the same context, with gaps, filled as a plain list remembers them.
fn fill(feed: &mut Feed, random: &mut Random, everies: &[u32]) -> Vec<Model> {
    let names = ["a", "b", "c", "hidden"];
    let signs = random.one_of(&[1.0, -1.0, 0.5]);
    let chart = |(number, &every_s): (usize, &u32)| {
        let id = format!("test.c{number}");
        let dimensions = names[..1 + random.below(4) as usize].to_vec();
        let slot = define(feed, &id, "test.context", every_s, &dimensions);
        let every_s = i64::from(every_s);
        let mut points = vec![BTreeMap::new(); dimensions.len()];
        let mut second = START_S / every_s * every_s;
        let end = START_S + 400 + random.below(300) as i64;
        while second < end {
            let values: Vec<Option<f64>> = (0..dimensions.len())
                .map(|_| {
                    (random.below(8) > 0).then(|| (random.below(2_000) as f64 / 8.0 - 125.0 * signs).abs() * signs)
                })
                .collect();
            put(feed, slot, second, &values);
            for (points, value) in points.iter_mut().zip(&values) {
                value.map(|value| points.insert(second, Packed::pack(value, PointFlags::NORMAL).unpack()));
            }
            second += every_s * if random.below(60) == 0 { 1 + random.below(70) as i64 } else { 1 };
        }
        Model { every_s, dimensions, points }
    };
    everies.iter().enumerate().map(chart).collect()
}

/// Whatever the charts, the window, the group and the options: values are what their definitions
/// say.
#[test]
fn answers_are_what_the_definitions_say() {
    let (mut answered, mut stored) = (0, 0);
    for seed in 1..=60 {
        let mut random = Random(seed);
        let everies = random.one_of(&[&[1][..], &[1], &[5], &[10], &[1, 1], &[2, 5], &[1, 10, 3]]);
        let (host, mut feed) = host(random.one_of(&[100, 10_000]));
        let mut models = fill(&mut feed, &mut random, everies);
        host.read(|view| {
            for (chart, model) in view.charts().zip(&mut models) {
                model.points.iter_mut().for_each(|points| *points = points.split_off(&chart.first_s()));
            }
        });
        let now_s = START_S + 720;
        for _ in 0..60 {
            let (group, group_options) = random.one_of(&GROUPS);
            let end = START_S + random.below(800) as i64;
            let (after_s, before_s) =
                random.one_of(&[(0, 0), (-100, 0), (-600, -50), (end - 200, end), (end - 29, end)]);
            let window = WindowRequest {
                after_s,
                before_s,
                points: random.one_of(&[0, 0, 1, 3, 7, 20, 100_000]),
                gtime_s: random.one_of(&[0, 0, 0, 7, 60]),
                unaligned: random.below(2) == 0,
                grid: random.one_of(&[Grid::ByRequest, Grid::ByRequest, Grid::Natural, Grid::Virtual]),
            };
            let mut flag = || random.below(4) == 0;
            let options = Options { absolute: flag(), percentage: flag(), null2zero: flag() };
            let contexts = SimplePattern::new("test.context");
            let charts = Charts::OfContexts(&contexts, None);
            let query = Query { window, group, group_options, options, ..Query::new(charts) };
            let Ok(answer) = host.query(&query, now_s) else { continue };
            // Charts far from the window have no columns, and count for nothing.
            let of = |model: &Model| {
                let first = model.points.iter().filter_map(|points| points.keys().next()).min();
                let last = model.points.iter().filter_map(|points| points.keys().next_back()).max();
                first.unwrap() - 2 * model.every_s <= answer.window.before_s
                    && last.unwrap() + 2 * model.every_s >= answer.window.after_s
            };
            if !models.iter().all(of) {
                continue;
            }
            let expected = expected(&models, &query, &answer);
            for ((second, row), expected) in answer.rows().zip(&expected) {
                let found: Vec<_> = row.iter().map(|v| Some(v).filter(|v| !v.is_nan())).collect();
                let close = found.len() == expected.len() && found.iter().zip(expected).all(|(&f, &e)| is_close(f, e));
                assert!(close, "seed {seed}: {query:?} {:?} {second} {found:?} {expected:?}", answer.window);
            }
            answered += 1;
            stored += usize::from(matches!(answer.values(), Values::Stored(_)));
        }
    }
    assert!(answered > 2_000 && stored > 20, "{answered} {stored}");
}

/// Charts by id, name, pattern, context and label; each column tells its chart.
#[test]
fn charts_are_chosen_in_many_ways() {
    let (host, mut feed) = host(1_000);
    for (id, context, dimensions) in [
        ("disk.sda", "disk.io", &["reads", "writes", "hidden"][..]),
        ("disk.sdb", "disk.io", &["reads", "writes"]),
        ("net.eth0", "net.net", &["received"]),
        ("net.none", "net.net", &["received"]),
    ] {
        let slot = define(&mut feed, id, context, 1, dimensions);
        feed.writer(NOW)
            .unwrap()
            .set_chart_labels(slot, &[Label { name: "device", value: id.split_once('.').unwrap().1, source: 1 }]);
        for second in 0..if id == "net.none" { 0 } else { 30 } {
            put(&mut feed, slot, START_S + second, &vec![Some(2.0); dimensions.len()]);
        }
    }
    let all = |list: &str| SimplePattern::with_separators(list, &['|']);
    let window = WindowRequest { after_s: -5, ..Default::default() };
    let ask = |query: Query<'_>| -> Option<Vec<String>> {
        let answer = host.query(&Query { window, ..query }, START_S + 30).ok()?;
        Some(
            answer
                .columns
                .iter()
                .map(|column| format!("{}:{}", column.chart.split_once('.').unwrap().1, column.id))
                .collect(),
        )
    };
    let found = |columns: &[&str]| Some(columns.iter().map(|column| column.to_string()).collect::<Vec<_>>());
    let (disks, nets, none, disk_ids) = (all("disk.*"), all("net.*"), all("nothing"), all("!*sda*|*"));
    assert_eq!(ask(Query::new(Charts::One("disk.sda"))), found(&["sda:reads", "sda:writes"]));
    assert_eq!(ask(Query::new(Charts::One("net.eth0-name"))), found(&["eth0:received"]));
    assert_eq!(ask(Query::new(Charts::One("disk.*"))), None);
    let both = found(&["sda:reads", "sda:writes", "sdb:reads", "sdb:writes"]);
    assert_eq!(ask(Query::new(Charts::Matching(&disks))), both);
    assert_eq!(ask(Query::new(Charts::OfContexts(&disks, None))), both);
    assert_eq!(ask(Query::new(Charts::OfContexts(&nets, None))), found(&["eth0:received"]), "one has no rows");
    assert_eq!(ask(Query::new(Charts::OfContexts(&disks, Some(&disk_ids)))), found(&["sdb:reads", "sdb:writes"]));
    assert_eq!(ask(Query::new(Charts::OfContexts(&disks, Some(&none)))), None);
    assert_eq!(ask(Query::new(Charts::Matching(&none))), None);

    let (every, hidden, sdb, by_name) = (all("*"), all("hidden"), all("device:sdb"), all("reads-name"));
    let disk = Query::new(Charts::Matching(&disks));
    assert_eq!(ask(Query { dimensions: Some(&every), ..disk }).map(|columns| columns.len()), Some(5));
    assert_eq!(ask(Query { dimensions: Some(&hidden), ..disk }), found(&["sda:hidden"]));
    assert_eq!(ask(Query { dimensions: Some(&none), ..disk }), None);
    assert_eq!(ask(Query { labels: Some(&sdb), ..disk }), found(&["sdb:reads", "sdb:writes"]));
    let (key, other) = (all("dev*"), all("mount"));
    assert_eq!(ask(Query { label_keys: Some(&key), ..disk }), both);
    assert_eq!(ask(Query { label_keys: Some(&other), ..disk }), None);
    assert_eq!(ask(Query { label_keys: Some(&key), labels: Some(&sdb), ..disk }), found(&["sdb:reads", "sdb:writes"]));
    let named = Query { dimensions: Some(&by_name), ..disk };
    assert_eq!(ask(named), found(&["sda:reads", "sdb:reads"]));
    assert_eq!(ask(Query { match_by: MatchBy::Name, ..named }), found(&["sda:reads", "sdb:reads"]));
    assert_eq!(ask(Query { match_by: MatchBy::Id, ..named }), None);
    let only_id = all("disk.sda");
    let disk = Query::new(Charts::Matching(&only_id));
    assert_eq!(ask(disk), found(&["sda:reads", "sda:writes"]));
    assert_eq!(ask(Query { match_by: MatchBy::Name, ..disk }), None, "charts, too, are matched by name");
}

/// A chart counts only where a dimension of it is asked for: others do not change the grid, and do
/// not make an answer of nothing.
#[test]
fn charts_without_an_asked_dimension_do_not_count() {
    let (host, mut feed) = host(1_000);
    let slow = define(&mut feed, "test.slow", "test.context", 10, &["a"]);
    let quick = define(&mut feed, "test.quick", "test.context", 1, &["b"]);
    (0..10).for_each(|row| put(&mut feed, slow, START_S + 10 * row, &[Some(1.0)]));
    (500..600).for_each(|row| put(&mut feed, quick, START_S + row, &[Some(1.0)]));
    let (contexts, a, b) = (SimplePattern::new("*"), SimplePattern::new("a"), SimplePattern::new("b"));
    let ask = |dimensions, after_s, percentage| {
        let window = WindowRequest { after_s, ..Default::default() };
        let options = Options { percentage, ..Default::default() };
        let charts = Charts::OfContexts(&contexts, None);
        host.query(&Query { dimensions: Some(dimensions), window, options, ..Query::new(charts) }, START_S + 600)
    };
    let answer = ask(&a, -50, false).unwrap();
    assert_eq!((answer.update_every_s, answer.last_s, answer.columns.len()), (10, START_S + 90, 1));
    assert_eq!(ask(&b, -50, false).unwrap().update_every_s, 1);
    assert!(ask(&a, -50, true).is_err(), "the window is that of all that counts, and holds no row of it");
}

/// The total of a percentage is that of all dimensions, shown or not; zero in total is zero.
#[test]
fn percentages_are_of_everything() {
    let (host, mut feed) = host(1_000);
    let slot = define(&mut feed, "test.chart", "", 1, &["a", "b", "hidden"]);
    put(&mut feed, slot, START_S, &[Some(1.0), Some(-2.0), Some(7.0)]);
    put(&mut feed, slot, START_S + 1, &[Some(0.0), None, Some(0.0)]);
    let shown = SimplePattern::new("a b");
    let ask = |absolute, null2zero| {
        let query = Query {
            dimensions: Some(&shown),
            options: Options { percentage: true, absolute, null2zero },
            ..Query::new(Charts::One("test.chart"))
        };
        let answer = host.query(&query, START_S + 2).unwrap();
        let rows: Vec<Vec<f64>> = answer.rows().map(|(_, row)| row.iter().collect()).collect();
        let combined = answer.rows().next().unwrap().1.combine(Combine::Sum);
        (rows, combined)
    };
    let (rows, combined) = ask(true, true);
    assert_eq!((rows, combined), (vec![vec![10.0, 20.0], vec![0.0, 0.0]], Some(30.0)));
    let (rows, _) = ask(false, false);
    assert_eq!(rows[0], [100.0 / 6.0, -200.0 / 6.0]);
    assert!(rows[1][0] == 0.0 && rows[1][1].is_nan());
}

/// Columns tell their newest value, and whether there is anything but zero in the window.
#[test]
fn columns_tell_what_is_in_them() {
    let (host, mut feed) = host(1_000);
    let slot = define(&mut feed, "test.chart", "", 1, &["a", "b", "c"]);
    for second in 0..100 {
        put(&mut feed, slot, START_S + second, &[Some(f64::from(second == 20)), Some(-1.0), None]);
    }
    for (after, before, points, zero) in [
        (0, 40, 0, [false, false, true]),
        (30, 40, 0, [true, false, true]),
        (19, 20, 1, [false, false, true]),
        (30, 40, 2, [true, false, true]),
    ] {
        let window =
            WindowRequest { after_s: START_S + after, before_s: START_S + before, points, ..Default::default() };
        let answer = host.query(&Query { window, ..Query::new(Charts::One("test.chart")) }, START_S + 100).unwrap();
        let found: Vec<bool> = answer.columns.iter().map(|column| column.is_zero).collect();
        assert_eq!(found, zero, "{after} {before}");
        assert_eq!(answer.columns[1].newest, -1.0);
        assert!(answer.columns[2].newest.is_nan());
    }
}

/// Whatever is asked, the answer has no more values than allowed, and comes soon.
#[test]
fn answers_are_bounded() {
    let (host, mut feed) = host(400);
    for every_s in [1, 3_600] {
        let slot = define(&mut feed, &format!("test.of{every_s}"), "test.context", every_s, &["a", "b", "c"]);
        let first = START_S / 3_600 * 3_600;
        (0..30).for_each(|row| put(&mut feed, slot, first + row * i64::from(every_s), &[Some(1.0), None, Some(2.0)]));
    }
    let now_s = START_S + 150_000;
    let contexts = SimplePattern::new("*");
    let extremes = [i64::MIN, -94_608_001, -94_608_000, -7, 0, 1, START_S, START_S + 100_000, now_s, i64::MAX];
    let mut answered = 0;
    for after_s in extremes {
        for before_s in extremes {
            for points in [i64::MIN, 0, 86_400, i64::MAX] {
                for (gtime_s, group, values_max) in [
                    (0, Group::Median, 100),
                    (i64::MAX, Group::Average, 1_000),
                    (0, Group::Ses, 0),
                    (61, Group::Sum, 10_000),
                ] {
                    let grid = [Grid::ByRequest, Grid::Virtual][answered % 2];
                    let window = WindowRequest { after_s, before_s, points, gtime_s, unaligned: true, grid };
                    let query = Query { window, group, values_max, ..Query::new(Charts::OfContexts(&contexts, None)) };
                    if let Ok(answer) = host.query(&query, now_s) {
                        assert!(answer.values().len() <= values_max.max(6), "{query:?} {:?}", answer.window);
                        answered += 1;
                    }
                }
            }
        }
    }
    assert!(answered > 500, "{answered}");
}

/// Too many values between stored points are not all calculated; averages stay what they are.
#[test]
fn long_windows_between_points_are_answered_coarsely() {
    let (host, mut feed) = host(4_000);
    let names: Vec<String> = (0..8).map(|number| format!("d{number}")).collect();
    let slot = define(&mut feed, "test.chart", "", 3_600, &names.iter().map(String::as_str).collect::<Vec<_>>());
    let first = START_S / 3_600 * 3_600;
    for row in 0..1_000 {
        put(&mut feed, slot, first + row * 3_600, &[Some(row as f64); 8]);
    }
    let ask = |hours: i64, step_s: i64| {
        let (after_s, before_s) = (first + 3_601, first + hours * 3_600);
        let points = (before_s - after_s + 1) / step_s;
        let window = WindowRequest { after_s, before_s, points, unaligned: true, ..Default::default() };
        host.query(&Query { window, ..Query::new(Charts::One("test.chart")) }, first + 4_000_000).unwrap()
    };
    for (hours, step_s) in [(101, 1_800), (991, 1_800), (991, 7_200)] {
        let answer = ask(hours, step_s);
        assert_eq!((answer.window.quantum_s, answer.window.step_s), (1, step_s));
        for (second, row) in answer.rows() {
            let expected = (second - first) as f64 / 3_600.0;
            assert!((row.get(3) - expected).abs() <= step_s as f64 / 3_600.0, "{second} {} {expected}", row.get(3));
        }
    }
}
