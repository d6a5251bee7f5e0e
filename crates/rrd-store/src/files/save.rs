//! Saving a host in one go, at an orderly stop.

use std::io;

use super::on_disk::OnDisk;
use super::records::Records;
use super::write::Header;
use super::{FileKind, FileName, list_host, remove};
use crate::block;
use crate::disk::Disk;
use crate::host::{Host, HostState};

/// Writes a host, with all its rows, to files of its own, syncs them, and removes the older ones.
///
/// # Errors
/// Where the disk refuses; the older files are still there then.
pub(crate) fn save(host: &Host, disk: &dyn Disk) -> io::Result<()> {
    let guid = host.guid();
    let known = list_host(disk, guid)?.into_iter().map(|file| file.number).max();
    let number = known.map_or(1, |number| number.saturating_add(1));
    let header = |kind, step_s| Header { kind, step_s, has_end: true };
    let mut state = host.lock();
    state.settle(host);
    let newest_s = state.charts.iter().map(|chart| chart.ring.last_s()).max().unwrap_or(0);
    let mut charts = Records::of(guid, header(FileKind::Charts, 0));
    charts.definitions(host, &state);
    charts.end(newest_s);
    // The rows themselves come last: their file tells how old the host is.
    let steps: Vec<u32> = host.tiers().iter().map(|tier| tier.step_s).chain([0]).collect();
    let levels = (1..steps.len()).chain([0]);
    let segments = levels.zip(&steps).map(|(level, &step_s)| {
        let mut segment = Records::of(guid, header(FileKind::Segment, step_s));
        blocks(&mut segment, &state, level);
        segment.end(newest_s);
        (FileKind::Segment, segment)
    });
    let files: Vec<_> = segments.collect();
    drop(state);
    for (number, (kind, records)) in (number..).zip(files).chain([(number, (FileKind::Charts, charts))]) {
        let name = FileName { guid, kind, number }.to_string();
        disk.append(&name, &records.buffer)?;
        disk.sync(&name)?;
    }
    // Tiers that settings no longer name are left alone.
    remove(disk, guid, |file| file.number < number && steps.contains(&super::read::step_s(disk, file)))
}

/// Adds all rows of a level. A chart's blocks must come in their order: those that a reader meets first are where
/// its ring begins.
fn blocks(records: &mut Records, state: &HostState, level: usize) {
    let (mut copied, mut disk) = (Vec::new(), state.slabs.on_disk.as_ref().map(OnDisk::blocks));
    for (chart, ring) in state.charts.iter().filter_map(|chart| Some((chart, chart.ring_of(level)?))) {
        for (block, &at) in (0..).zip(&ring.sealed) {
            copied.clear();
            if let (Some((segment, offset)), Some(disk)) = (at.segment(), &mut disk) {
                disk.read(segment, offset, &mut copied);
            }
            let bytes = state.slabs.read(at, &mut copied);
            let bytes = bytes.get(&copied).or((!copied.is_empty()).then_some(&*copied));
            if let Some(bytes) = bytes {
                records.block(chart.number, ring.start_s() + block * ring.block_s(), &bytes[..block::length(bytes)]);
            }
        }
        records.open_block(chart.number, ring);
    }
}
