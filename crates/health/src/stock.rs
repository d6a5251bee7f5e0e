//! The alarms that are built in: the files of `configs/health.d`.

macro_rules! files {
    ($($name:literal),+) => {
        &[$(($name, include_str!(concat!("../../../configs/health.d/", $name)))),+]
    };
}

/// Names of files, and their texts.
pub const FILES: &[(&str, &str)] = files![
    "cgroups.conf",
    "cpu.conf",
    "disks.conf",
    "exporting.conf",
    "hosts.conf",
    "load.conf",
    "memory.conf",
    "network.conf",
    "space.conf",
    "system.conf",
    "tcp.conf"
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::files::read;

    /// All are in order, all are built in, and no name is taken twice.
    #[test]
    fn they_are_in_order() {
        let mut names = BTreeSet::new();
        for (file, text) in FILES {
            let (definitions, problems) = read(file, text);
            assert_eq!(problems, [], "{file}");
            for definition in definitions {
                assert!(names.insert(definition.name.clone()), "{file}: {}", definition.name);
                assert!(!definition.info.is_empty(), "{file}: {}", definition.name);
            }
        }
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs/health.d");
        let there = std::fs::read_dir(folder).unwrap().count();
        assert_eq!(there, FILES.len());
    }
}
