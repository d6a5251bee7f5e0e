//! A disk in memory, with the files of a small host, one of which is what a fuzzer made of it.

use std::sync::{Arc, OnceLock};

use row::{ChartDefinition, DimensionDefinition, Guid, Now, Packed, PointFlags};
use rrd_store::memory::{Files, MemoryDisk};
use rrd_store::query::{Charts, Query};
use rrd_store::{Disk, FeedKind, HostInfo, Keep, Keeper, MemoryMode, Store};

const GUID: Guid = Guid::from_bytes([5; 16]);
const START_S: i64 = 1_795_387_020;
const SECONDS: i64 = 130;

/// The files of a host that was kept on the disk for some minutes, made once.
fn whole() -> &'static Files {
    static WHOLE: OnceLock<Files> = OnceLock::new();
    WHOLE.get_or_init(write)
}

fn write() -> Files {
    let disk = Arc::new(MemoryDisk::default());
    let store = Store::new();
    let mut keeper = Keeper::new(Arc::clone(&disk) as Arc<dyn Disk>, 1, |keep| keep.on_disk);
    let info = HostInfo { hops: 1, ..HostInfo::unknown(GUID) };
    let host = store.add(&info, Keep::new(MemoryMode::Map, 300));
    let mut feed = host.claim(FeedKind::Stored, info);
    for second in START_S..START_S + SECONDS {
        let now = Now { wall_us: second * 1_000_000, mono_us: second as u64 * 1_000_000 };
        let mut writer = feed.writer(now).expect("the feed is in force");
        for id in ["a.chart", "another.chart"] {
            let slot = writer.define_chart(&ChartDefinition { id, update_every_s: 1, ..Default::default() });
            let slot = slot.expect("within limits");
            for id in ["a", "b"] {
                let definition = DimensionDefinition { id, ..Default::default() };
                writer.define_dimension(slot, &definition).expect("within limits");
            }
            writer.begin(slot);
            writer.set_stored(0, Some(1), Packed::pack((second % 9) as f64, PointFlags::NORMAL));
            writer.set_stored(1, Some(1), Packed::pack(0.5, PointFlags::NORMAL));
            writer.end_stored(second, true);
        }
        drop(writer);
        assert!(keeper.flush(&store, now).is_empty());
    }
    disk.files()
}

/// The records of the file of a kind, as a fuzzer gets them: each payload with its length in front.
pub fn seed(prefix: &str) -> Vec<u8> {
    let (_, bytes) = whole().iter().find(|(name, _)| name.contains(prefix)).expect("a file of each kind");
    let mut seed = Vec::new();
    let mut rest = &bytes[..];
    while let Some((head, after)) = rest.split_first_chunk::<8>() {
        let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
        seed.extend_from_slice(&(length as u16).to_le_bytes());
        seed.extend_from_slice(&after[..length]);
        rest = &after[length..];
    }
    seed
}

/// Reads a host one of whose files has these records: whatever they hold, it is read without a panic,
/// what is damaged is told with its place, and what it has can be asked for.
pub fn file(prefix: &str, records: &[u8]) {
    let mut files = whole().clone();
    let mut bytes = Vec::new();
    let mut rest = records;
    while let Some((length, after)) = rest.split_first_chunk::<2>() {
        let length = usize::from(u16::from_le_bytes(*length)).min(after.len());
        let (payload, after) = after.split_at(length);
        bytes.extend_from_slice(&(length as u32).to_le_bytes());
        bytes.extend_from_slice(&crc32fast::hash(payload).to_le_bytes());
        bytes.extend_from_slice(payload);
        rest = after;
    }
    let length = bytes.len() as u64;
    let name = files.keys().find(|name| name.contains(prefix)).expect("a file of each kind").clone();
    files.insert(name.clone(), Arc::new(bytes));
    for stays in [|_| true, |_| false] as [fn(Keep) -> bool; 2] {
        let memory = MemoryDisk::of(files.clone());
        let store = Store::new();
        store.load(&(Arc::new(memory) as Arc<dyn Disk>), stays);
        let Some(host) = store.host(GUID) else { continue };
        let ids: Vec<String> = host.read(|view| view.charts().map(|chart| chart.id().to_owned()).collect());
        for id in ids.iter().take(50) {
            // An answer, or none: both are fine.
            drop(host.query(&Query::new(Charts::One(id)), START_S + SECONDS));
        }
        for damage in store.damages() {
            assert!(damage.file == name && damage.offset <= length, "{damage}");
        }
    }
}
