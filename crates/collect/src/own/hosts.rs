//! The hosts that stream to this node: how long each has said nothing, and what of it was lost. Ours.
//!
//! One chart per host, so that an alarm can tell of the one that is silent; for hosts that come and go
//! silence is in order, and they have none. Silence is counted by the monotonic clock from when a row
//! came last: a host whose clock is wrong is not silent.

use std::sync::Arc;

use row::{Guid, Now, US_PER_S};
use rrd_store::{Host, MemoryMode, Store};

use crate::charts::{Batch, Chart, Form, Owner, absolute, incremental, line};
use crate::file::Buffer;
use crate::module::{Module, ReadError};
use crate::roster::Roster;

/// The module's name.
pub(crate) const NAME: &str = "hosts";
/// Seconds between rows, at least: each is a walk over all hosts.
pub(crate) const EVERY_S: u32 = 10;

static SILENT: Form =
    line("host_silent", "How long a host has sent nothing", "seconds", "hosts", 130_010, &[absolute("silent", 1, 1)])
        .of("tributary.host_silent");
static LOST: Form =
    line("host_lost", "Rows of a host that were lost", "rows/s", "hosts", 130_011, &[incremental("lost", 1, 1)])
        .of("tributary.host_lost");

/// Looks at all hosts of a store.
pub(crate) struct Hosts {
    store: Arc<Store>,
    hosts: Roster<Streamed>,
    update_every_s: u32,
}

/// A host that streams here.
struct Streamed {
    newest_s: i64,
    /// When that was seen first, by the monotonic clock.
    since_us: u64,
    silent_s: i64,
    lost: i64,
    owner: Owner,
    charts: [Chart; 2],
}

impl Hosts {
    pub(crate) fn new(store: Arc<Store>, update_every_s: u32) -> Self {
        Self { store, hosts: Roster::new(), update_every_s }
    }
}

impl Streamed {
    /// A host that is new here; one that nobody streams has been silent since its newest row.
    fn new(host: &Host, update_every_s: u32, now: Now) -> Self {
        let (info, newest_s) = (host.info(), host.newest_s());
        let silent_s = if host.is_fed() || newest_s == 0 { 0 } else { (now.wall_s() - newest_s).max(0) };
        let owner = Owner {
            plugin: "tributary",
            module: NAME,
            update_every_s,
            device: host.guid().to_string(),
            name: info.hostname.clone(),
            family: info.hostname.clone(),
            labels: vec![("hostname", info.hostname.clone())],
            ..Owner::default()
        };
        Self {
            newest_s,
            since_us: now.mono_us.saturating_sub(silent_s.unsigned_abs() * US_PER_S as u64),
            silent_s,
            lost: 0,
            owner,
            charts: [Chart::new(&SILENT), Chart::new(&LOST)],
        }
    }

    fn look(&mut self, host: &Host, now: Now) {
        let newest_s = host.newest_s();
        if newest_s != self.newest_s {
            (self.newest_s, self.since_us) = (newest_s, now.mono_us);
        }
        self.silent_s = (now.mono_us.saturating_sub(self.since_us) / US_PER_S as u64).cast_signed();
        self.lost = host.figures().rows_lost.get().cast_signed();
    }
}

impl Module for Hosts {
    fn name(&self) -> &'static str {
        NAME
    }

    fn read(&mut self, _buffer: &mut Buffer, now: Now) -> Result<(), ReadError> {
        self.hosts.begin();
        let own: Option<Guid> = self.store.hosts().first().map(|own| own.guid());
        for host in self.store.hosts().iter() {
            let is_watched = Some(host.guid()) != own && host.keep().mode != MemoryMode::None && !host.is_ephemeral();
            if !is_watched || host.has_left() {
                continue;
            }
            let guid = host.guid();
            match self.hosts.find(guid.as_bytes()) {
                Some(streamed) => streamed.look(host, now),
                None => self.hosts.add(guid.as_bytes(), Streamed::new(host, self.update_every_s, now)),
            }
        }
        Ok(())
    }

    fn write(&mut self, batch: &mut Batch<'_>) {
        for Streamed { silent_s, lost, owner, charts: [silent, losses], .. } in self.hosts.devices() {
            batch.row(silent, owner, &[*silent_s]);
            batch.row(losses, owner, &[*lost]);
        }
        self.hosts.drop_unlisted(|streamed| streamed.charts.iter_mut().for_each(|chart| batch.obsolete(chart)));
    }
}

#[cfg(test)]
mod tests {
    use row::ChartOptions;
    use rrd_store::{FeedKind, HostInfo, Keep};

    use super::*;
    use crate::collector::Collector;
    use crate::config::Config;

    const NOW_S: i64 = 1_795_390_000;

    fn now(second: i64) -> Now {
        Now { wall_us: (NOW_S + second) * US_PER_S, mono_us: ((second + 1_000) * US_PER_S).cast_unsigned() }
    }

    fn info(byte: u8) -> HostInfo {
        HostInfo { hostname: format!("box{byte}"), hops: 1, ..HostInfo::unknown(Guid::from_bytes([byte; 16])) }
    }

    /// Goal: a host that sends rows is not silent, whatever its clock says; one that stops is, from then on;
    /// one that comes and goes has no chart, nor has one that left.
    #[test]
    fn silence_is_told_by_host() {
        let store = Arc::new(Store::new());
        let keep = Keep::new(MemoryMode::Ram, 60);
        let own = store.add(&info(1), keep);
        let mut feed = own.claim(FeedKind::Local, info(1));
        let child = store.add(&info(2), keep);
        store.add(&info(3), keep).set_ephemeral(Some(true));
        let nowhere = Config { root: "/nowhere".into(), ..Config::default() };
        let mut collector = Collector::new(nowhere).with_hosts(Arc::clone(&store), 1);
        let mut of_child = child.claim(FeedKind::Stored, info(2));
        let mut writer = of_child.writer(now(0)).unwrap();
        let definition = row::ChartDefinition { id: "a.b", update_every_s: 1, ..Default::default() };
        let slot = writer.define_chart(&definition).unwrap();
        writer.define_dimension(slot, &row::DimensionDefinition { id: "x", ..Default::default() }).unwrap();
        drop(writer);
        let mut silent = |second: i64, has_row: bool| {
            if has_row {
                let mut writer = of_child.writer(now(second)).unwrap();
                writer.begin(slot);
                writer.set_stored(0, None, row::Packed::ZERO);
                // Its clock is five minutes behind.
                writer.end_stored(NOW_S + second - 300, true);
            }
            collector.tick(now(second), &mut feed);
            let find = |view: &rrd_store::HostView<'_>| {
                let chart = view.find_chart("host_silent.box2")?;
                chart.dimension_state(0).map(|state| state.collected)
            };
            own.read(find)
        };
        assert_eq!(silent(10, true), Some(0));
        assert_eq!(silent(20, true), Some(0));
        assert_eq!(silent(30, false), Some(10));
        assert_eq!(silent(90, false), Some(70));
        assert_eq!(silent(100, true), Some(0));
        let charts: Vec<String> = own.read(|view| view.charts().map(|chart| chart.id().to_owned()).collect());
        assert_eq!(charts.len(), 2, "{charts:?}");
        drop(of_child);
        assert_eq!(store.remove(&[child]).len(), 1);
        collector.tick(now(110), &mut feed);
        let is_obsolete = |view: &rrd_store::HostView<'_>| {
            view.charts().all(|chart| chart.definition().options.has(ChartOptions::OBSOLETE))
        };
        assert!(own.read(is_obsolete));
    }
}
