//! What fuzzing checks. The fuzz target and the replay of its corpus share these functions.

use std::sync::Arc;

use plugins::{Nodes, take};
use row::{Guid, Now};
use rrd_store::{FeedKind, HostInfo, Keep, MemoryMode, Store};

/// Takes any output of a plugin, whole and in small pieces: no panic, and both ways leave the same hosts.
pub fn session(output: &[u8]) {
    let whole = run(output, output.len());
    let pieces = run(output, 7);
    assert_eq!(whole, pieces);
}

/// What comes of an output: the rows that were complete, whether it was at fault, and the hosts.
fn run(output: &[u8], piece: usize) -> (u64, bool, Vec<String>) {
    const KEEP: Keep = Keep::new(MemoryMode::Ram, 60);
    let now = Now { wall_us: 1_795_387_000_000_000, mono_us: 1_000_000 };
    let store = Arc::new(Store::new());
    let own = store.claim(&HostInfo::unknown(Guid::from_bytes([1; 16])), KEEP, FeedKind::Local);
    let nodes = Nodes::new(Arc::clone(&store), own, KEEP, Box::new(|_| {}));
    let (rows, is_at_fault) = take(nodes, output, piece, now);
    let mut hosts = Vec::new();
    for host in store.hosts().iter() {
        assert!(!host.is_fed(), "a host is still fed when nobody runs");
        host.read(|view| {
            hosts.push(format!("{:?} {:?}", host.info().hostname, view.labels().collect::<Vec<_>>()));
            for chart in view.charts() {
                let dimensions: Vec<_> = chart.dimensions().collect();
                let states: Vec<_> = (0..).zip(&dimensions).map(|(index, _)| chart.dimension_state(index)).collect();
                hosts.push(format!("{:?} {dimensions:?} {states:?}", chart.definition()));
                hosts.push(format!("{:?} {:?}", chart.labels().collect::<Vec<_>>(), chart.state()));
            }
        });
    }
    (rows, is_at_fault, hosts)
}
