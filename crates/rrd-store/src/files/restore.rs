//! From what files tell to a host of the store.

use std::collections::BTreeMap;

use row::{ChartDefinition, ChartSlot, DimensionDefinition, Guid, Label, Now, Packed};

use super::read::Restored;
use super::{FileKind, FileName};
use crate::feed::{Feed, FeedKind};
use crate::host::{HostInfo, Keep, MemoryMode};
use crate::store::Store;

/// Builds one host.
pub(crate) struct Restoring<'a> {
    store: &'a Store,
    guid: Guid,
    feed: Option<Feed>,
    /// Per segment, from its numbers to charts; `None` where one could not be defined.
    charts: BTreeMap<u64, Vec<Option<ChartSlot>>>,
    /// The number of the file that is being read.
    number: u64,
    blocks_done: bool,
}

/// Nothing is dated while rows are restored.
const NO_TIME: Now = Now { wall_us: 0, mono_us: 0 };
/// Kept of a host whose own record is damaged, until it comes itself: a day of seconds.
const UNKNOWN_HISTORY_ROWS: u32 = 86_400;
/// Charts of one file at most.
const CHARTS_MAX: usize = crate::CHARTS_PER_HOST_MAX;

impl<'a> Restoring<'a> {
    pub(crate) fn new(store: &'a Store, guid: Guid) -> Self {
        Self { store, guid, feed: None, charts: BTreeMap::new(), number: 0, blocks_done: false }
    }

    /// The host; one whose record was damaged is known by its GUID until it comes itself.
    fn feed(&mut self) -> &mut Feed {
        let (store, guid) = (self.store, self.guid);
        self.feed.get_or_insert_with(|| {
            let info = HostInfo::unknown(guid);
            let host = store.host(guid).unwrap_or_else(|| {
                store.add(&info, Keep { mode: MemoryMode::Save, history_rows: UNKNOWN_HISTORY_ROWS })
            });
            let info = (*host.info()).clone();
            host.claim(FeedKind::Stored, info)
        })
    }

    /// The next file begins: its charts have numbers of their own.
    pub(crate) fn begin_file(&mut self, file: FileName) {
        self.number = file.number;
        if file.kind == FileKind::Journal {
            // Rows come in order: the last blocks are opened for them first.
            self.finish_blocks();
        }
    }

    fn finish_blocks(&mut self) {
        if !std::mem::replace(&mut self.blocks_done, true)
            && let Some(feed) = &mut self.feed
            && let Some(mut writer) = feed.writer(NO_TIME)
        {
            writer.finish_restore();
        }
    }

    fn chart_at(&self, number: u32) -> Option<ChartSlot> {
        self.charts.get(&self.number)?.get(number as usize).copied().flatten()
    }
}

impl Restored for Restoring<'_> {
    fn host(&mut self, info: HostInfo, keep: Keep, labels: &[Label<'_>]) {
        if self.feed.is_none() {
            let known = self.store.host(self.guid);
            let host = known.unwrap_or_else(|| self.store.add(&info, keep));
            // What this node knows of itself by now is newer than the file.
            let info = if host.info().hops == 0 { (*host.info()).clone() } else { info };
            self.feed = Some(host.claim(FeedKind::Stored, info));
        }
        if let Some(mut writer) = self.feed().writer(NO_TIME) {
            writer.set_host_labels(labels);
        }
    }

    fn chart(
        &mut self,
        number: u32,
        chart: &ChartDefinition<'_>,
        dimensions: &[DimensionDefinition<'_>],
        labels: &[Label<'_>],
    ) {
        let place = number as usize;
        if place >= CHARTS_MAX {
            return;
        }
        let slot = self.feed().writer(NO_TIME).and_then(|mut writer| {
            let slot = writer.define_chart(chart).ok()?;
            for dimension in dimensions {
                writer.define_dimension(slot, dimension).ok()?;
            }
            writer.set_chart_labels(slot, labels);
            Some(slot)
        });
        let charts = self.charts.entry(self.number).or_default();
        if charts.len() <= place {
            charts.resize(place + 1, None);
        }
        charts[place] = slot;
    }

    fn block(&mut self, number: u32, start_s: i64, block: &[u8]) {
        if let Some(slot) = self.chart_at(number)
            && let Some(mut writer) = self.feed().writer(NO_TIME)
        {
            writer.restore_block(slot, start_s, block);
        }
    }

    fn row(&mut self, number: u32, time_s: i64, values: &[u32]) {
        if let Some(slot) = self.chart_at(number)
            && let Some(mut writer) = self.feed().writer(NO_TIME)
        {
            writer.begin(slot);
            for (index, &value) in (0..).zip(values) {
                writer.set_stored(index, None, Packed::from_bits(value));
            }
            writer.end_stored(time_s, false);
        }
    }
}

impl Drop for Restoring<'_> {
    fn drop(&mut self) {
        self.finish_blocks();
    }
}
