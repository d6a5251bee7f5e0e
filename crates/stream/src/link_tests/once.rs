//! A record of what a host was shown first, to tell whether something that came twice changed it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use row::{Now, Packed, Row};
use rrd_store::{ChartView, Host, HostView, Tap};

/// The first value of each dimension, by chart and second.
type Firsts = BTreeMap<String, BTreeMap<i64, Vec<Packed>>>;

#[derive(Default)]
pub(super) struct Once(Arc<Mutex<Firsts>>);

impl Once {
    /// A host, and what it has already.
    pub(super) fn at(host: &Host) -> Self {
        let once = Self::default();
        host.read(|view| {
            for chart in view.charts() {
                let mut rows = BTreeMap::new();
                chart.snapshot(0, i64::MAX / 2).rows(|second, values| {
                    rows.insert(second, values.to_vec());
                });
                once.0.lock().unwrap().insert(chart.id().to_owned(), rows);
            }
        });
        once.go_on(host);
        once
    }

    /// Goes on with a host that took over all rows of the one before.
    pub(super) fn go_on(&self, host: &Host) {
        let firsts = Arc::clone(&self.0);
        host.attach(|view| {
            let mut watcher = Watcher { ids: Vec::new(), firsts };
            view.charts().for_each(|chart| watcher.know(&chart));
            watcher
        });
    }

    pub(super) fn first(&self, id: &str, second: i64) -> Vec<Packed> {
        let firsts = self.0.lock().unwrap();
        firsts.get(id).and_then(|rows| rows.get(&second)).cloned().unwrap_or_default()
    }
}

struct Watcher {
    ids: Vec<String>,
    firsts: Arc<Mutex<Firsts>>,
}

impl Watcher {
    fn know(&mut self, chart: &ChartView<'_>) {
        let slot = chart.slot().0 as usize;
        self.ids.resize(self.ids.len().max(slot + 1), String::new());
        self.ids[slot] = chart.id().to_owned();
        self.firsts.lock().unwrap().entry(chart.id().to_owned()).or_default();
    }
}

impl Tap for Watcher {
    fn host(&mut self, _: &HostView<'_>) {}

    fn definition(&mut self, chart: &ChartView<'_>, _: Now) {
        self.know(chart);
    }

    fn row(&mut self, row: &Row<'_>) {
        let Some(time_s) = row.time_s else { return };
        let mut firsts = self.firsts.lock().unwrap();
        let rows = firsts.get_mut(&self.ids[row.chart.0 as usize]).unwrap();
        let first = rows.entry(time_s).or_default();
        first.resize(first.len().max(row.samples.len()), Packed::EMPTY);
        for (first, sample) in first.iter_mut().zip(row.samples).filter(|(first, _)| first.is_empty()) {
            *first = sample.value;
        }
    }

    fn wake(&mut self) {}
}
