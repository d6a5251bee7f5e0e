//! What tests of both sides share: a clock that stands still, a host, a runtime.

use std::cell::Cell;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use row::{ChartDefinition, ChartSlot, DimensionDefinition, Guid, Now, Packed, PointFlags, US_PER_S};
use rrd_store::{Feed, Host, HostInfo};

/// The second at which each test begins.
pub(crate) const START_S: i64 = 1_795_387_000;

thread_local! {
    static SECOND: Cell<i64> = const { Cell::new(START_S) };
}

/// The clock of this thread's test.
pub(crate) fn clock() -> Now {
    at(SECOND.get())
}

/// Sets the clock.
pub(crate) fn set_clock(second: i64) {
    SECOND.set(second);
}

pub(crate) fn at(second: i64) -> Now {
    Now { wall_us: second * US_PER_S, mono_us: ((second - START_S + 1_000) * US_PER_S) as u64 }
}

pub(crate) fn info(guid: u8) -> HostInfo {
    HostInfo { hostname: "alpha".into(), hops: 0, ..HostInfo::unknown(Guid::from_bytes([guid; 16])) }
}

/// Defines a chart with some dimensions `d0`, `d1`, and so on.
pub(crate) fn define(feed: &mut Feed, id: &str, dimensions: usize) -> ChartSlot {
    let mut writer = feed.writer(clock()).unwrap();
    let slot = writer.define_chart(&ChartDefinition { id, update_every_s: 1, ..Default::default() }).unwrap();
    for number in 0..dimensions {
        let id = format!("d{number}");
        writer.define_dimension(slot, &DimensionDefinition { id: &id, ..Default::default() }).unwrap();
    }
    slot
}

/// Stores a row whose values are all equal.
pub(crate) fn store(feed: &mut Feed, slot: ChartSlot, second: i64, value: f64) {
    let mut writer = feed.writer(at(second)).unwrap();
    writer.begin(slot);
    let dimensions = writer.view().chart(slot).unwrap().dimension_count();
    for index in 0..dimensions as u32 {
        writer.set_stored(index, Some(value as i64), Packed::pack(value, PointFlags::NORMAL));
    }
    writer.end_stored(second, true);
}

/// The seconds of a chart's rows, and their first values.
pub(crate) fn rows(host: &Host, id: &str) -> Vec<(i64, f64)> {
    let snapshot = host.read(|view| view.find_chart(id).map(|chart| chart.snapshot(0, i64::MAX / 2)));
    let mut rows = Vec::new();
    if let Some(snapshot) = snapshot {
        snapshot.rows(|second, values| rows.push((second, values[0].unpack())));
    }
    rows
}

/// Runs a test on a runtime of its own with one thread.
pub(crate) fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let within = async { tokio::time::timeout(Duration::from_secs(600), test).await.expect("the test hangs") };
    tokio::task::LocalSet::new().block_on(&runtime, within);
}

/// Lets the runtime's clock, not ours, go on by this much.
pub(crate) async fn skip(seconds: u64) {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(seconds)).await;
    tokio::time::resume();
}

/// Waits until something has come to pass.
pub(crate) async fn until(mut is_so: impl FnMut() -> bool) {
    while !is_so() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Any store's host, which nobody feeds yet.
pub(crate) fn host(mode: rrd_store::MemoryMode, history_rows: u32) -> Arc<Host> {
    rrd_store::Store::new().add(&info(1), rrd_store::Keep::new(mode, history_rows))
}

/// Says that a chart is obsolete, and lets the seconds pass until it left its host.
pub(crate) fn let_go(store: &rrd_store::Store, feed: &mut Feed, slot: ChartSlot, second: i64) {
    feed.writer(at(second)).unwrap().set_chart_obsolete(slot);
    let mut life = rrd_store::Life::new(rrd_store::Patience { charts_us: 1_000_000, hosts_us: 1_000_000 });
    let left: u64 = (second..second + 4).map(|second| life.step(store, at(second)).charts).sum();
    assert_eq!(left, 1);
}
