//! `/sys/devices/system/node/nodeN/numastat`: whether memory came from the node that was asked.
//!
//! ```text
//! numa_hit 1234567        a counter per line, in pages
//! ```
//!
//! A machine with one node has nothing to tell.

use std::io;
use std::path::{Path, PathBuf};

use row::Now;

use crate::charts::{Batch, Chart, Form, Owner, incremental, line, named};
use crate::file::{Buffer, KeptFile};
use crate::keyed::Keyed;
use crate::listing::Folder;
use crate::module::{Module, ReadError};
use crate::names::text_of;
use crate::roster::Roster;
use crate::scan::number;

/// The folder of the nodes.
pub(crate) const PATH: &str = "/sys/devices/system/node";
/// The most nodes that Linux kernels are built for.
const NODES_MAX: usize = 1024;

const KEYS: [&str; 6] = ["numa_hit", "numa_miss", "local_node", "numa_foreign", "interleave_hit", "other_node"];

static NODE: Form = line(
    "mem.{}",
    "Memory taken from this node and from others",
    "events/s",
    "numa",
    1410,
    &[
        named("hit", incremental("numa_hit", 1, 1)),
        named("miss", incremental("numa_miss", 1, 1)),
        named("local", incremental("local_node", 1, 1)),
        named("foreign", incremental("numa_foreign", 1, 1)),
        named("interleave", incremental("interleave_hit", 1, 1)),
        named("other", incremental("other_node", 1, 1)),
    ],
)
.detail();

/// Whether the machine has several nodes; with `even_one` one is enough.
pub(crate) fn has_nodes(root: &Path, even_one: bool) -> bool {
    let mut nodes = 0;
    let listed = crate::listing::list(&crate::file::under(root, PATH), |name| nodes += usize::from(is_node(name)));
    listed.is_ok() && nodes >= least(even_one)
}

const fn least(even_one: bool) -> usize {
    if even_one { 1 } else { 2 }
}

fn is_node(name: &[u8]) -> bool {
    name.strip_prefix(b"node").and_then(number).is_some()
}

/// Reads the file of each node.
pub(crate) struct Numa {
    folder: Folder,
    nodes: Roster<Node>,
    least: usize,
    update_every_s: u32,
}

struct Node {
    file: Option<KeptFile>,
    reading: Keyed<{ KEYS.len() }>,
    /// Whether the file could not be read: the node was taken away.
    lost: bool,
    /// Whether the last reading gave anything.
    fresh: bool,
    chart: Chart,
    owner: Owner,
}

impl Numa {
    /// Opens the folder under `root`; with `even_one` a single node has its chart, too.
    pub(crate) fn open(root: &Path, update_every_s: u32, even_one: bool) -> io::Result<Self> {
        let folder = Folder::open(root, PATH, NODES_MAX)?;
        Ok(Self { folder, nodes: Roster::new(), least: least(even_one), update_every_s })
    }
}

impl Module for Numa {
    fn name(&self) -> &'static str {
        PATH
    }

    fn read(&mut self, buffer: &mut Buffer, now: Now) -> Result<(), ReadError> {
        let update_every_s = self.update_every_s;
        self.folder.look(now, &mut self.nodes, is_node, |name, path| Node::new(name, path, update_every_s));
        let is_told = self.nodes.len() >= self.least;
        for node in self.nodes.devices() {
            if is_told {
                node.read(buffer);
            }
        }
        Ok(())
    }

    fn write(&mut self, batch: &mut Batch<'_>) {
        self.nodes.drop_unlisted(|node| batch.obsolete(&mut node.chart));
        self.nodes.drop_lost(|node| node.lost, |node| batch.obsolete(&mut node.chart));
        for node in self.nodes.devices().filter(|node| node.fresh) {
            let values: [i64; KEYS.len()] = std::array::from_fn(|key| node.reading.or_zero(key));
            batch.row_once(values != [0; KEYS.len()], &mut node.chart, &node.owner, &values);
        }
    }
}

impl Node {
    fn new(name: &[u8], mut path: PathBuf, update_every_s: u32) -> Self {
        let name = text_of(name);
        path.push("numastat");
        Self {
            file: KeptFile::open_path(&path).ok(),
            reading: Keyed::new(KEYS),
            lost: false,
            fresh: false,
            chart: Chart::new(&NODE),
            owner: Owner {
                device: name.clone(),
                labels: vec![("numa_node", name)],
                ..Owner::machine(PATH, update_every_s)
            },
        }
    }

    fn read(&mut self, buffer: &mut Buffer) {
        let text = self.file.as_ref().and_then(|file| file.read(buffer).ok());
        self.lost = text.is_none();
        self.fresh = text.is_some_and(|text| self.reading.parse(text) > 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REAL: &[u8] = include_bytes!("../../tests/files/numastat.txt");

    /// A real file has all keys; changed ones do not panic, and other names are no nodes.
    #[test]
    fn real_and_mutated_files() {
        let mut reading = Keyed::new(KEYS);
        assert_eq!(reading.parse(REAL), KEYS.len());
        assert_eq!((reading.or_zero(0), reading.or_zero(5)), (4_711_000, 42));
        crate::tests::mutate(REAL, |text| {
            reading.parse(text);
        });
        let names = ["node0", "node1023", "node", "nodex", "online", "node-1"];
        assert_eq!(names.map(|name| is_node(name.as_bytes())), [true, true, false, false, false, false]);
    }
}
