//! Hosts with rows, and records, for tests.

use std::sync::Arc;

use row::{Algorithm, ChartDefinition, ChartSlot, DimensionDefinition, Guid, Now, Packed, PointFlags};
use rrd_store::{Feed, FeedKind, Host, HostInfo, Keep, MemoryMode, Store};

use crate::records::Records;

pub(crate) const LAST_S: i64 = 1_795_387_620;
pub(crate) const NOW: Now = Now { wall_us: (LAST_S + 1) * 1_000_000, mono_us: 1 };

/// A host that is fed.
pub(crate) fn host(store: &Store, name: &str) -> (Arc<Host>, Feed) {
    host_kept(store, name, MemoryMode::Ram)
}

pub(crate) fn host_kept(store: &Store, name: &str, mode: MemoryMode) -> (Arc<Host>, Feed) {
    let guid = Guid::from_bytes([name.len() as u8; 16]);
    let info = HostInfo {
        hostname: name.into(),
        program_name: "netdata".into(),
        program_version: "v1.37.1".into(),
        ..HostInfo::unknown(guid)
    };
    let host = store.add(&info, Keep::new(mode, 600));
    let feed = host.claim(FeedKind::Local, info);
    (host, feed)
}

/// Adds a chart of dimensions with names, algorithms, multipliers and divisors.
pub(crate) fn chart(
    feed: &mut Feed,
    definition: &ChartDefinition<'_>,
    dimensions: &[(&str, Algorithm, i32, i32)],
) -> ChartSlot {
    let mut writer = feed.writer(NOW).unwrap();
    let slot = writer.define_chart(definition).unwrap();
    for &(id, algorithm, multiplier, divisor) in dimensions {
        let dimension = DimensionDefinition { id, algorithm, multiplier, divisor, ..Default::default() };
        writer.define_dimension(slot, &dimension).unwrap();
    }
    slot
}

/// Rows of stored values, with collected ones that are a thousand times as much.
pub(crate) fn fill(
    feed: &mut Feed,
    slot: ChartSlot,
    seconds: impl Iterator<Item = i64>,
    value: impl Fn(i64, u32) -> Option<f64>,
) {
    let mut writer = feed.writer(NOW).unwrap();
    for time_s in seconds {
        writer.begin(slot);
        for dimension in 0..4 {
            if let Some(value) = value(time_s, dimension) {
                let packed = Packed::pack(value, PointFlags::NORMAL);
                writer.set_stored(dimension, Some((value * 1_000.0) as i64), packed);
            }
        }
        writer.end_stored(time_s, true);
    }
}

/// A record for each text.
pub(crate) fn records(texts: &[&str]) -> Records {
    let mut records = Records::default();
    texts.iter().for_each(|text| records.push(|out| out.extend_from_slice(text.as_bytes())));
    records
}
