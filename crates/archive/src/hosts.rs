//! Elders: hosts that only the archive knows.
//!
//! Who they are is asked at most once a minute, and only while somebody wants to know. A host that somebody looks
//! at is a host of a store of its own, with the charts that its series name and without rows: whatever can be asked
//! of a host can be asked of it, and its rows are the archive's.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use row::{ChartDefinition, DimensionDefinition, Guid, US_PER_S};
use rrd_store::{FeedKind, Host, HostInfo, Keep, MemoryMode, Store};
use tracing::info;

use crate::answer::{self, Labels};
use crate::metric::{About, Known};
use crate::reader::{Reader, lock};
use crate::request;

/// Who they are is asked again after so long, in microseconds.
const LIST_US: u64 = 60_000_000;
/// and so are the charts of a host.
const CHARTS_US: u64 = 300_000_000;
/// Hosts of a list.
const HOSTS_MAX: usize = 20_000;
/// Hosts whose charts are known; then the one that was looked at first goes.
const LOOKED_AT_MAX: usize = 64;
/// Charts of a host, and dimensions of a chart.
const CHARTS_MAX: usize = 20_000;
const DIMENSIONS_MAX: usize = 10_000;
/// Series of a host are those of its last day.
const SERIES_S: i64 = 86_400;

/// A host that the archive knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elder {
    /// Its GUID.
    pub guid: Guid,
    /// What it was called when it wrote last.
    pub hostname: String,
    /// When that was, in seconds.
    pub newest_s: i64,
}

/// What is known of them.
#[derive(Debug, Default)]
pub(crate) struct Elders {
    list: Mutex<List>,
    looked_at: Mutex<Vec<LookedAt>>,
    /// Held by whoever asks.
    asking: Mutex<()>,
}

#[derive(Debug, Default)]
struct List {
    asked_us: Option<u64>,
    hosts: Arc<Vec<Elder>>,
}

#[derive(Debug)]
struct LookedAt {
    guid: Guid,
    asked_us: u64,
    host: Arc<Host>,
}

impl Reader {
    /// The hosts that the archive knows, as far as it was asked, by their names. Does not wait.
    #[must_use]
    pub fn hosts(&self) -> Arc<Vec<Elder>> {
        Arc::clone(&lock(&self.elders.list).hosts)
    }

    /// Whether somebody should ask again who they are: nobody does, and it is time.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.is_old() && self.elders.asking.try_lock().is_ok()
    }

    fn is_old(&self) -> bool {
        let is_old = |asked_us: u64| self.now().mono_us.saturating_sub(asked_us) >= LIST_US;
        self.config.hosts_for_s > 0 && lock(&self.elders.list).asked_us.is_none_or(is_old)
    }

    /// Asks who they are, if it is time. Waits.
    pub fn refresh(&self) {
        let _one_at_a_time = lock(&self.elders.asking);
        if !self.is_old() {
            return;
        }
        let (answers, is_short) = self.ask(&request::hosts(self.config.hosts_for_s), answer::vector);
        let mut list = lock(&self.elders.list);
        list.asked_us = Some(self.now().mono_us);
        let mut hosts = elders(answers.into_iter().flatten());
        if is_short {
            // Who was known stays.
            let known: BTreeSet<Guid> = hosts.iter().map(|host| host.guid).collect();
            hosts.extend(list.hosts.iter().filter(|host| !known.contains(&host.guid)).cloned());
            hosts.truncate(HOSTS_MAX);
        }
        list.hosts = Arc::new(hosts);
    }

    /// When a host wrote last that was looked at.
    pub(crate) fn newest_s(&self, host: Guid) -> Option<i64> {
        let is_elder = lock(&self.elders.looked_at).iter().any(|one| one.guid == host);
        let newest_s = || self.hosts().iter().find(|elder| elder.guid == host).map(|elder| elder.newest_s);
        is_elder.then(newest_s).flatten()
    }

    /// A host of the archive by its GUID or its name, with its charts. Waits. `own` knows what charts are like.
    pub fn host(&self, name: &str, own: &Host) -> Option<Arc<Host>> {
        self.refresh();
        let hosts = self.hosts();
        let guid = name.parse::<Guid>().ok();
        // Of several that share a name, the one that wrote last.
        let named = hosts.iter().filter(|host| Some(host.guid) == guid || host.hostname == name);
        let elder = named.max_by_key(|host| (Some(host.guid) == guid, host.newest_s))?;
        let now_us = self.now().mono_us;
        let known = |looked_at: &LookedAt| {
            let is_young = now_us.saturating_sub(looked_at.asked_us) < CHARTS_US;
            looked_at.guid == elder.guid && is_young
        };
        if let Some(found) = lock(&self.elders.looked_at).iter().find(|one| known(one)) {
            return Some(Arc::clone(&found.host));
        }
        let _one_at_a_time = lock(&self.elders.asking);
        if let Some(found) = lock(&self.elders.looked_at).iter().find(|one| known(one)) {
            return Some(Arc::clone(&found.host));
        }
        let path = request::series(elder.guid, elder.newest_s - SERIES_S, elder.newest_s + 60);
        let (answers, is_short) = self.ask(&path, answer::series);
        let mut looked_at = lock(&self.elders.looked_at);
        if answers.is_empty() || is_short {
            // What was known is better than less.
            let before = looked_at.iter().find(|one| one.guid == elder.guid);
            if let Some(before) = before {
                return Some(Arc::clone(&before.host));
            }
        }
        if answers.is_empty() {
            return None;
        }
        let host = host(elder, charts(answers.into_iter().flatten()), &Known::of(own));
        looked_at.retain(|one| one.guid != elder.guid);
        if looked_at.len() >= LOOKED_AT_MAX {
            looked_at.remove(0);
        }
        // What only some servers told of is asked again soon.
        let asked_us = if is_short { now_us.saturating_sub(CHARTS_US - LIST_US) } else { now_us };
        looked_at.push(LookedAt { guid: elder.guid, asked_us, host: Arc::clone(&host) });
        Some(host)
    }
}

fn label<'a>(labels: &'a Labels, name: &str) -> Option<&'a str> {
    labels.iter().find(|(known, _)| known == name).map(|(_, value)| &**value)
}

/// Hosts by name, each as it was called last.
fn elders(answers: impl Iterator<Item = (Labels, f64)>) -> Vec<Elder> {
    let mut hosts: HashMap<Guid, Elder> = HashMap::new();
    for (labels, newest_s) in answers.filter(|(_, newest_s)| newest_s.is_finite()) {
        let Some(guid) = label(&labels, "node").and_then(|node| node.parse::<Guid>().ok()) else { continue };
        if hosts.len() >= HOSTS_MAX && !hosts.contains_key(&guid) {
            continue;
        }
        let hostname =
            label(&labels, "instance").filter(|name| !name.is_empty()).map_or(guid.to_string(), str::to_owned);
        let found = Elder { guid, hostname, newest_s: newest_s as i64 };
        let known = hosts.entry(guid).or_insert_with(|| found.clone());
        if found.newest_s > known.newest_s {
            *known = found;
        }
    }
    let mut hosts: Vec<_> = hosts.into_values().collect();
    hosts.sort_by(|one, other| (&one.hostname, one.guid).cmp(&(&other.hostname, other.guid)));
    hosts
}

/// What series tell of a chart.
#[derive(Debug, Default, PartialEq, Eq)]
struct Found {
    metric: String,
    family: String,
    dimensions: BTreeSet<String>,
}

/// Charts by id.
fn charts(series: impl Iterator<Item = Labels>) -> BTreeMap<String, Found> {
    let mut charts: BTreeMap<String, Found> = BTreeMap::new();
    for labels in series {
        let (Some(chart), Some(dimension)) = (label(&labels, "chart"), label(&labels, "dimension")) else { continue };
        if charts.len() >= CHARTS_MAX && !charts.contains_key(chart) {
            continue;
        }
        let found = charts.entry(chart.to_owned()).or_default();
        label(&labels, "__name__").unwrap_or_default().clone_into(&mut found.metric);
        label(&labels, "family").unwrap_or_default().clone_into(&mut found.family);
        if found.dimensions.len() < DIMENSIONS_MAX {
            found.dimensions.insert(dimension.to_owned());
        }
    }
    charts
}

/// A host with these charts. The order of dimensions is lost, so it is that of their ids.
fn host(elder: &Elder, charts: BTreeMap<String, Found>, known: &Known) -> Arc<Host> {
    let info = HostInfo { hostname: elder.hostname.clone(), hops: 1, ..HostInfo::unknown(elder.guid) };
    let host = Store::new().add(&info, Keep::new(MemoryMode::Ram, 60));
    let mut feed = host.claim(FeedKind::Stored, info);
    let now = row::Now { wall_us: elder.newest_s * US_PER_S, mono_us: 0 };
    let Some(mut writer) = feed.writer(now) else { return host };
    let mut refused = 0;
    for (id, found) in &charts {
        let About { context, units, title, chart_type, priority, update_every_s } = known.about(&found.metric, id);
        let chart = ChartDefinition {
            id,
            title: &title,
            units: &units,
            family: &found.family,
            context: &context,
            chart_type,
            priority,
            update_every_s,
            ..Default::default()
        };
        let Ok(slot) = writer.define_chart(&chart) else {
            refused += 1;
            continue;
        };
        for id in &found.dimensions {
            refused +=
                usize::from(writer.define_dimension(slot, &DimensionDefinition { id, ..Default::default() }).is_err());
        }
    }
    if refused > 0 {
        info!("archive: {refused} charts or dimensions of {} cannot be shown", elder.hostname);
    }
    drop(writer);
    drop(feed);
    host
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
    }

    const ONE: &str = "04040404-0404-0404-0404-040404040404";

    /// Goal: a host is called as it was last, and what is no host is passed over.
    #[test]
    fn hosts_are_named_as_last() {
        let told = [
            (labels(&[("node", ONE), ("instance", "new")]), 200.0),
            (labels(&[("node", ONE), ("instance", "old")]), 100.0),
            (labels(&[("node", "x"), ("instance", "strange")]), 100.0),
            (labels(&[("instance", "foreign")]), 100.0),
            (labels(&[("node", ONE), ("instance", "never")]), f64::NAN),
        ];
        let guid = ONE.parse().unwrap();
        assert_eq!(elders(told.into_iter()), [Elder { guid, hostname: "new".into(), newest_s: 200 }]);
    }

    /// Goal: series become charts, and what this node knows of such charts is told of them, too.
    #[test]
    fn series_become_charts() {
        let own = Store::new().add(&HostInfo::unknown(Guid::from_bytes([1; 16])), Keep::new(MemoryMode::Ram, 60));
        let mut feed = own.claim(FeedKind::Local, HostInfo::unknown(Guid::from_bytes([1; 16])));
        let disk = ChartDefinition {
            id: "disk.sda",
            context: "disk.io",
            units: "KiB/s",
            title: "I/O",
            priority: 7,
            update_every_s: 1,
            ..Default::default()
        };
        feed.writer(row::Now { wall_us: 1, mono_us: 1 }).unwrap().define_chart(&disk).unwrap();
        let one = |name: &str, chart: &str, dimension: &str| {
            labels(&[("__name__", name), ("chart", chart), ("dimension", dimension), ("family", "f")])
        };
        let series = [
            one("my_site_disk_io_KiB_persec_average", "disk.sdb", "writes"),
            one("my_site_disk_io_KiB_persec_average", "disk.sdb", "reads"),
            one("tributary_app_queue_jobs_persec_average", "app.queue", "a"),
            one("tributary_app_other_thing_average", "app.x", "a"),
            labels(&[("chart", "without.dimension")]),
        ];
        let elder = Elder { guid: ONE.parse().unwrap(), hostname: "box".into(), newest_s: 1_000 };
        let found = host(&elder, charts(series.into_iter()), &Known::of(&own));
        let told = found.read(|view| {
            let one = |chart: rrd_store::ChartView<'_>| {
                let definition = chart.definition();
                let dimensions: Vec<_> = chart.dimensions().map(|dimension| dimension.id).collect();
                format!(
                    "{} {} {} {} {}",
                    definition.id,
                    definition.context,
                    definition.units,
                    definition.family,
                    dimensions.join(",")
                )
            };
            view.charts().map(one).collect::<Vec<_>>()
        });
        assert_eq!(
            told,
            ["app.queue app.queue jobs/s f a", "app.x app_other_thing  f a", "disk.sdb disk.io KiB/s f reads,writes"]
        );
        assert_eq!((&*found.info().hostname, found.guid().to_string()), ("box", ONE.into()));
    }
}
