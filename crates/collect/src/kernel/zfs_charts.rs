//! The charts of the cache of ZFS, each with how its values come of the file's.

use row::{Algorithm, DimensionDefinition};

use crate::charts::{Form, absolute, dimension, incremental, line, named};
use crate::keyed::{Keyed, place};

/// What is wanted of the file.
pub(super) const KEYS: [&str; 36] = [
    "hits",
    "misses",
    "demand_data_hits",
    "demand_data_misses",
    "demand_metadata_hits",
    "demand_metadata_misses",
    "prefetch_data_hits",
    "prefetch_data_misses",
    "prefetch_metadata_hits",
    "prefetch_metadata_misses",
    "mru_hits",
    "mru_ghost_hits",
    "mfu_hits",
    "mfu_ghost_hits",
    "deleted",
    "mutex_miss",
    "evict_skip",
    "hash_elements",
    "hash_elements_max",
    "hash_collisions",
    "hash_chains",
    "hash_chain_max",
    "p",
    "c",
    "c_min",
    "c_max",
    "size",
    "l2_hits",
    "l2_misses",
    "l2_read_bytes",
    "l2_write_bytes",
    "l2_size",
    "l2_asize",
    "memory_throttle_count",
    "memory_direct_count",
    "memory_indirect_count",
];

/// What a reading gave.
pub(super) type Reading = Keyed<{ KEYS.len() }>;
/// The most dimensions of these charts.
const DIMENSIONS_MAX: usize = 5;
/// The values of a chart, of which as many count as it has dimensions; `None` where the driver does
/// not tell what it shows.
type Values = fn(&Reading) -> Option<[i64; DIMENSIONS_MAX]>;

/// The place of a key in [`KEYS`], found when compiling.
const fn key(name: &str) -> usize {
    place(&KEYS, name)
}

/// The values of a chart: each the sum of what stands at some keys, which are looked up when compiling.
macro_rules! sums {
    ($([$($name:literal)+]),+) => {
        |reading| {
            let mut values = [0; DIMENSIONS_MAX];
            let mut places = values.iter_mut();
            $(*places.next()? = 0_i64$(.wrapping_add(reading.or_zero(const { key($name) })))+;)+
            Some(values)
        }
    };
}

const MIB: i32 = 1024 * 1024;
/// Whether what was looked for was in the cache: shares, and rates.
const SHARES: &[DimensionDefinition<'static>] = &[
    dimension("hits", Algorithm::PercentageOfIncrementalRow, 1, 1),
    dimension("misses", Algorithm::PercentageOfIncrementalRow, 1, 1),
];
const RATES: &[DimensionDefinition<'static>] = &[incremental("hits", 1, 1), incremental("misses", 1, 1)];

const fn share(id: &'static str, title: &'static str, priority: i32) -> Form {
    line(id, title, "percentage", "efficiency", priority, SHARES).stacked()
}

const fn rate(id: &'static str, title: &'static str, priority: i32) -> Form {
    line(id, title, "events/s", "efficiency", priority, RATES).stacked()
}

/// The charts and their values.
pub(super) static CHARTS: [(Form, Values); 26] = [
    (
        line(
            "zfs.arc_size",
            "Size of the cache",
            "MiB",
            "size",
            2500,
            &[
                named("arcsz", absolute("size", 1, MIB)),
                absolute("target", 1, MIB),
                named("min (hard limit)", absolute("min", 1, MIB)),
                named("max (high water)", absolute("max", 1, MIB)),
            ],
        )
        .area(),
        sums!(["size"], ["c"], ["c_min"], ["c_max"]),
    ),
    (
        line(
            "zfs.l2_size",
            "Size of the cache on disks",
            "MiB",
            "size",
            2500,
            &[absolute("actual", 1, MIB), absolute("size", 1, MIB)],
        )
        .area(),
        sums!(["l2_asize"], ["l2_size"]),
    ),
    (
        line(
            "zfs.reads",
            "What was looked for in the cache",
            "reads/s",
            "accesses",
            2510,
            &[
                named("arc", incremental("areads", 1, 1)),
                named("demand", incremental("dreads", 1, 1)),
                named("prefetch", incremental("preads", 1, 1)),
                named("metadata", incremental("mreads", 1, 1)),
                named("l2", incremental("l2reads", 1, 1)),
            ],
        )
        .area(),
        sums!(["hits" "misses"], ["demand_data_hits" "demand_data_misses" "demand_metadata_hits" "demand_metadata_misses"], ["prefetch_data_hits" "prefetch_data_misses" "prefetch_metadata_hits" "prefetch_metadata_misses"], ["demand_metadata_hits" "demand_metadata_misses" "prefetch_metadata_hits" "prefetch_metadata_misses"], ["l2_hits" "l2_misses"]),
    ),
    (
        line(
            "zfs.bytes",
            "Data read from and written to the cache on disks",
            "KiB/s",
            "accesses",
            2700,
            &[incremental("read", 1, 1024), incremental("write", -1, 1024)],
        )
        .area(),
        sums!(["l2_read_bytes"], ["l2_write_bytes"]),
    ),
    (share("zfs.hits", "Share of hits: anything", 2520), sums!(["hits"], ["misses"])),
    (rate("zfs.hits_rate", "Hits and misses: anything", 2521), sums!(["hits"], ["misses"])),
    (
        share("zfs.dhits", "Share of hits: what programs wanted", 2530),
        sums!(["demand_data_hits" "demand_metadata_hits"], ["demand_data_misses" "demand_metadata_misses"]),
    ),
    (
        rate("zfs.dhits_rate", "Hits and misses: what programs wanted", 2531),
        sums!(["demand_data_hits" "demand_metadata_hits"], ["demand_data_misses" "demand_metadata_misses"]),
    ),
    (
        share("zfs.demand_data_hits", "Share of hits: data that programs wanted", 2540),
        sums!(["demand_data_hits"], ["demand_data_misses"]),
    ),
    (
        rate("zfs.demand_data_hits_rate", "Hits and misses: data that programs wanted", 2541),
        sums!(["demand_data_hits"], ["demand_data_misses"]),
    ),
    (
        share("zfs.prefetch_data_hits", "Share of hits: data that was read ahead", 2550),
        sums!(["prefetch_data_hits"], ["prefetch_data_misses"]),
    ),
    (
        rate("zfs.prefetch_data_hits_rate", "Hits and misses: data that was read ahead", 2551),
        sums!(["prefetch_data_hits"], ["prefetch_data_misses"]),
    ),
    (
        share("zfs.phits", "Share of hits: what was read ahead", 2560),
        sums!(["prefetch_data_hits" "prefetch_metadata_hits"], ["prefetch_data_misses" "prefetch_metadata_misses"]),
    ),
    (
        rate("zfs.phits_rate", "Hits and misses: what was read ahead", 2561),
        sums!(["prefetch_data_hits" "prefetch_metadata_hits"], ["prefetch_data_misses" "prefetch_metadata_misses"]),
    ),
    (
        share("zfs.mhits", "Share of hits: metadata", 2570),
        sums!(["demand_metadata_hits" "prefetch_metadata_hits"], ["demand_metadata_misses" "prefetch_metadata_misses"]),
    ),
    (
        rate("zfs.mhits_rate", "Hits and misses: metadata", 2571),
        sums!(["demand_metadata_hits" "prefetch_metadata_hits"], ["demand_metadata_misses" "prefetch_metadata_misses"]),
    ),
    (share("zfs.l2hits", "Share of hits: anything, on disks", 2580), sums!(["l2_hits"], ["l2_misses"])),
    (rate("zfs.l2hits_rate", "Hits and misses: anything, on disks", 2581), sums!(["l2_hits"], ["l2_misses"])),
    (share("zfs.actual_hits", "Share of hits in the lists of what was used", 2519), actual_hits),
    (rate("zfs.actual_hits_rate", "Hits and misses in the lists of what was used", 2520), actual_hits),
    (
        line(
            "zfs.list_hits",
            "Hits by list",
            "hits/s",
            "efficiency",
            2600,
            &[
                incremental("mfu", 1, 1),
                named("mfu ghost", incremental("mfug", 1, 1)),
                incremental("mru", 1, 1),
                named("mru ghost", incremental("mrug", 1, 1)),
            ],
        )
        .area(),
        sums!(["mfu_hits"], ["mfu_ghost_hits"], ["mru_hits"], ["mru_ghost_hits"]),
    ),
    (
        line(
            "zfs.arc_size_breakdown",
            "Share of the cache for what was used of late, and often",
            "percentage",
            "efficiency",
            2520,
            &[
                dimension("recent", Algorithm::PercentageOfAbsoluteRow, 1, 1),
                dimension("frequent", Algorithm::PercentageOfAbsoluteRow, 1, 1),
            ],
        )
        .stacked(),
        breakdown,
    ),
    (
        line(
            "zfs.memory_ops",
            "Reactions to a want of memory",
            "operations/s",
            "operations",
            2523,
            &[incremental("direct", 1, 1), incremental("throttled", 1, 1), incremental("indirect", 1, 1)],
        ),
        sums!(["memory_direct_count"], ["memory_throttle_count"], ["memory_indirect_count"]),
    ),
    (
        line(
            "zfs.important_ops",
            "Work on the cache",
            "operations/s",
            "operations",
            2522,
            &[
                named("evict skip", incremental("eskip", 1, 1)),
                incremental("deleted", 1, 1),
                named("mutex miss", incremental("mtxmis", 1, 1)),
                named("hash collisions", incremental("hash_collisions", 1, 1)),
            ],
        ),
        sums!(["evict_skip"], ["deleted"], ["mutex_miss"], ["hash_collisions"]),
    ),
    (
        line(
            "zfs.hash_elements",
            "Elements of the cache's table",
            "elements",
            "hash",
            2800,
            &[absolute("current", 1, 1), absolute("max", 1, 1)],
        ),
        sums!(["hash_elements"], ["hash_elements_max"]),
    ),
    (
        line(
            "zfs.hash_chains",
            "Chains of the cache's table",
            "chains",
            "hash",
            2810,
            &[absolute("current", 1, 1), absolute("max", 1, 1)],
        ),
        sums!(["hash_chains"], ["hash_chain_max"]),
    ),
];

/// Hits in the lists of what was used of late and often; what is neither there is a miss here.
fn actual_hits(reading: &Reading) -> Option<[i64; DIMENSIONS_MAX]> {
    let hits = reading.or_zero(const { key("mfu_hits") }).wrapping_add(reading.or_zero(const { key("mru_hits") }));
    let all = reading.or_zero(const { key("hits") }).wrapping_add(reading.or_zero(const { key("misses") }));
    Some([hits, all.wrapping_sub(hits), 0, 0, 0])
}

/// How much is meant for what was used of late, and the rest. Newer drivers do not tell.
fn breakdown(reading: &Reading) -> Option<[i64; DIMENSIONS_MAX]> {
    let recent = reading.get(const { key("p") })?;
    let all = reading.or_zero(const { key("size") }).max(reading.or_zero(const { key("c") }));
    Some([recent, all.wrapping_sub(recent), 0, 0, 0])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::zfs::WORDS_BETWEEN;

    const REAL: &[u8] = include_bytes!("../../tests/files/arcstats.txt");

    fn values(reading: &Reading, id: &str) -> Option<Vec<i64>> {
        let (form, values) = CHARTS.iter().find(|(form, _)| form.id == id).unwrap();
        values(reading).map(|values| values[..form.dimensions.len()].to_vec())
    }

    /// The values of a real file, and nothing of what a driver does not tell.
    #[test]
    fn real_and_mutated_files() {
        let mut reading = Keyed::new(KEYS).after_words(WORDS_BETWEEN);
        assert_eq!(reading.parse(REAL), KEYS.len());
        for (id, expected) in [
            ("zfs.arc_size", &[3000, 4000, 1000, 8000][..]),
            ("zfs.l2_size", &[55, 66]),
            ("zfs.reads", &[110, 78, 33, 44, 7]),
            ("zfs.mhits_rate", &[38, 6]),
            ("zfs.actual_hits", &[70, 40]),
            ("zfs.arc_size_breakdown", &[1500, 2500]),
            ("zfs.memory_ops", &[2, 1, 3]),
            ("zfs.hash_chains", &[13, 14]),
        ] {
            assert_eq!(values(&reading, id).unwrap(), expected, "{id}");
        }
        let newer: Vec<_> = REAL.split(|&byte| byte == b'\n').filter(|line| !line.starts_with(b"p ")).collect();
        reading.parse(&newer.join(&b'\n'));
        assert_eq!(values(&reading, "zfs.arc_size_breakdown"), None);
        crate::tests::mutate(REAL, |text| {
            reading.parse(text);
            assert!(CHARTS.iter().filter_map(|(_, values)| values(&reading)).count() >= CHARTS.len() - 1);
        });
    }

    /// No chart has more dimensions than values are computed, and no two the same id.
    #[test]
    fn the_table_is_sound() {
        for (at, (form, _)) in CHARTS.iter().enumerate() {
            assert!(form.dimensions.len() <= DIMENSIONS_MAX, "{}", form.id);
            assert!(CHARTS[..at].iter().all(|(other, _)| other.id != form.id), "{}", form.id);
        }
    }
}
