//! `/proc/vmstat`: paging, swapping, page faults, and kills for want of memory.
//!
//! ```text
//! pgpgin 1612345        a counter per line; pgpgin and pgpgout in KiB, the rest in pages or events
//! ```

use std::io;
use std::path::Path;

use row::{ChartType, Now};

use crate::charts::{Batch, Chart, DETAIL, Form, Owner, PLAIN, incremental, line};
use crate::file::{Buffer, KeptFile};
use crate::keyed::Keyed;
use crate::module::{Module, ReadError};
use crate::page_size::page_size_bytes;

/// The file.
pub(crate) const PATH: &str = "/proc/vmstat";

const KEYS: [&str; 16] = [
    "pgpgin",
    "pgpgout",
    "pswpin",
    "pswpout",
    "pgfault",
    "pgmajfault",
    "oom_kill",
    "numa_local",
    "numa_foreign",
    "numa_interleave",
    "numa_other",
    "numa_pte_updates",
    "numa_huge_pte_updates",
    "numa_hint_faults",
    "numa_hint_faults_local",
    "numa_pages_migrated",
];
const PAGED_IN: usize = 0;
const PAGED_OUT: usize = 1;
const SWAPPED_IN: usize = 2;
const SWAPPED_OUT: usize = 3;
const FAULTS: usize = 4;
const MAJOR_FAULTS: usize = 5;
const KILLS: usize = 6;
/// The first of those that tell of nodes.
const NODES: usize = 7;

static PAGING: Form = Form {
    id: "system.pgpgio",
    context: "system.pgpgio",
    title: "Memory paged from and to disk",
    units: "KiB/s",
    family: "disk",
    chart_type: ChartType::Area,
    priority: 151,
    options: PLAIN,
    dimensions: &[incremental("in", 1, 1), incremental("out", -1, 1)],
};
/// Counted in pages: the owner's factor is the size of a page.
static SWAPPING: Form = Form {
    id: "system.swapio",
    context: "system.swapio",
    title: "Memory swapped in and out",
    units: "KiB/s",
    family: "swap",
    chart_type: ChartType::Area,
    priority: 250,
    options: PLAIN,
    dimensions: &[incremental("in", 1, 1024), incremental("out", -1, 1024)],
};
static PAGE_FAULTS: Form = Form {
    id: "mem.pgfaults",
    context: "mem.pgfaults",
    title: "Page faults",
    units: "faults/s",
    family: "system",
    chart_type: ChartType::Line,
    priority: 1040,
    options: DETAIL,
    dimensions: &[incremental("minor", 1, 1), incremental("major", -1, 1)],
};
static OOM_KILLS: Form = Form {
    id: "mem.oom_kill",
    context: "mem.oom_kill",
    title: "Processes killed for want of memory",
    units: "kills/s",
    family: "system",
    chart_type: ChartType::Line,
    priority: 1020,
    options: DETAIL,
    dimensions: &[incremental("kills", 1, 1)],
};

static NODES_CHART: Form = line(
    "mem.numa",
    "Memory taken from near and from far nodes, and moved between them",
    "events/s",
    "numa",
    1400,
    &[
        incremental("local", 1, 1),
        incremental("foreign", 1, 1),
        incremental("interleave", 1, 1),
        incremental("other", 1, 1),
        incremental("pte_updates", 1, 1),
        incremental("huge_pte_updates", 1, 1),
        incremental("hint_faults", 1, 1),
        incremental("hint_faults_local", 1, 1),
        incremental("pages_migrated", 1, 1),
    ],
)
.detail();

/// Reads `/proc/vmstat`.
pub(crate) struct Vmstat {
    file: KeptFile,
    reading: Keyed<{ KEYS.len() }>,
    owner: Owner,
    swap_owner: Owner,
    paging: Chart,
    swapping: Chart,
    faults: Chart,
    kills: Chart,
    /// None on a machine with one node.
    nodes: Option<Chart>,
}

impl Vmstat {
    /// Opens the file under `root`; `has_nodes` says whether what it tells of nodes is wanted.
    pub(crate) fn open(root: &Path, update_every_s: u32, has_nodes: bool) -> io::Result<Self> {
        Ok(Self {
            file: KeptFile::open(root, PATH)?,
            reading: Keyed::new(KEYS),
            owner: Owner::machine(PATH, update_every_s),
            swap_owner: Owner { factor: page_size_bytes(), ..Owner::machine(PATH, update_every_s) },
            paging: Chart::new(&PAGING),
            swapping: Chart::new(&SWAPPING),
            faults: Chart::new(&PAGE_FAULTS),
            kills: Chart::new(&OOM_KILLS),
            nodes: has_nodes.then(|| Chart::new(&NODES_CHART)),
        })
    }

    fn pair(&self, first: usize, second: usize) -> Option<[i64; 2]> {
        Some([self.reading.get(first)?, self.reading.get(second)?])
    }
}

impl Module for Vmstat {
    fn name(&self) -> &'static str {
        PATH
    }

    fn read(&mut self, buffer: &mut Buffer, _now: Now) -> Result<(), ReadError> {
        match self.reading.parse(self.file.read(buffer)?) {
            0 => Err(ReadError::Expected("pgfault and its like")),
            _ => Ok(()),
        }
    }

    fn write(&mut self, batch: &mut Batch<'_>) {
        if let Some(swapped) = self.pair(SWAPPED_IN, SWAPPED_OUT) {
            batch.row_once(swapped != [0, 0], &mut self.swapping, &self.swap_owner, &swapped);
        }
        if let Some(paged) = self.pair(PAGED_IN, PAGED_OUT) {
            batch.row(&mut self.paging, &self.owner, &paged);
        }
        if let Some(faults) = self.pair(FAULTS, MAJOR_FAULTS) {
            batch.row(&mut self.faults, &self.owner, &faults);
        }
        if let Some(kills) = self.reading.get(KILLS) {
            batch.row(&mut self.kills, &self.owner, &[kills]);
        }
        if let Some(nodes) = &mut self.nodes {
            let values: [i64; KEYS.len() - NODES] = std::array::from_fn(|at| self.reading.or_zero(NODES + at));
            batch.row_once(values.iter().any(|&value| value != 0), nodes, &self.owner, &values);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REAL: &[u8] = include_bytes!("../../tests/files/vmstat.txt");

    /// A real file has all keys; changed ones do not panic.
    #[test]
    fn real_and_mutated_files() {
        let mut reading = Keyed::new(KEYS);
        assert_eq!(reading.parse(REAL), KEYS.len());
        assert!(KEYS[NODES..].iter().all(|key| key.starts_with("numa_")) && !KEYS[NODES - 1].starts_with("numa_"));
        assert!(reading.or_zero(FAULTS) > reading.or_zero(MAJOR_FAULTS));
        crate::tests::mutate(REAL, |text| {
            reading.parse(text);
        });
    }
}
