//! Where control groups lie: in one tree (version 2), or in a tree per controller (version 1).

use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use crate::file::{Buffer, read_once, under};
use crate::mountinfo::{self, MountLine, has_option, unescape};
use crate::scan::{Words, lines};

/// What counts and limits something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Controller {
    /// Processor time that was used.
    Cpuacct,
    /// Its limits.
    Cpu,
    /// Which processors may be used.
    Cpuset,
    /// Memory.
    Memory,
    /// Block devices.
    Blkio,
    /// Tasks.
    Pids,
}

/// All, in the order of their numbers, with their names in the table of mounts.
const CONTROLLERS: [(Controller, &str); 6] = [
    (Controller::Cpuacct, "cpuacct"),
    (Controller::Cpu, "cpu"),
    (Controller::Cpuset, "cpuset"),
    (Controller::Memory, "memory"),
    (Controller::Blkio, "blkio"),
    (Controller::Pids, "pids"),
];
/// Those whose trees are walked: who is in none of them is not counted by anything.
const WALKED: [Controller; 4] = [Controller::Cpuacct, Controller::Memory, Controller::Blkio, Controller::Pids];

/// The trees.
#[derive(Debug, PartialEq)]
pub(crate) struct Hierarchy {
    /// Whether there is one tree for all controllers.
    pub unified: bool,
    folders: [Option<PathBuf>; CONTROLLERS.len()],
}

impl Hierarchy {
    /// Finds the trees that are mounted below `root`; `None` where there are none.
    pub(crate) fn find(root: &Path, buffer: &mut Buffer) -> io::Result<Option<Self>> {
        let table = mountinfo::open(root)?;
        let (mut unified, mut folders) = (None, [const { None }; CONTROLLERS.len()]);
        for mount in lines(table.read(buffer)?).filter_map(MountLine::parse) {
            let folder = || under_bytes(root, unescape(mount.point));
            match mount.fs_type {
                b"cgroup2" => unified = unified.or_else(|| Some(folder())),
                b"cgroup" => {
                    for (place, (_, name)) in folders.iter_mut().zip(CONTROLLERS) {
                        if place.is_none() && has_option(mount.super_options, name) {
                            *place = Some(folder());
                        }
                    }
                }
                _ => {}
            }
        }
        // A machine of version 1 may have a tree of version 2 that has nothing to say.
        if let Some(folder) = unified.filter(|folder| has_controllers(folder, buffer)) {
            return Ok(Some(Self {
                unified: true,
                folders: [const { None }; CONTROLLERS.len()].map(|_: Option<()>| Some(folder.clone())),
            }));
        }
        let walks = WALKED.iter().any(|&controller| folders[controller as usize].is_some());
        Ok(walks.then_some(Self { unified: false, folders }))
    }

    /// The tree of a controller.
    pub(crate) fn folder(&self, controller: Controller) -> Option<&Path> {
        self.folders[controller as usize].as_deref()
    }

    /// The trees that are to be walked, each once.
    pub(crate) fn walked(&self) -> Vec<&Path> {
        let mut folders: Vec<&Path> = WALKED.iter().filter_map(|&controller| self.folder(controller)).collect();
        let mut seen = Vec::new();
        folders.retain(|folder| {
            !seen.contains(folder) && {
                seen.push(*folder);
                true
            }
        });
        folders
    }
}

/// Whether a tree of version 2 counts processors and memory.
fn has_controllers(folder: &Path, buffer: &mut Buffer) -> bool {
    let text = read_once(&folder.join("cgroup.controllers"), buffer).unwrap_or_default();
    ["cpu", "memory"].iter().all(|name| Words::new(text).any(|word| word == name.as_bytes()))
}

fn under_bytes(root: &Path, point: Vec<u8>) -> PathBuf {
    let point = PathBuf::from(OsString::from_vec(point));
    under(root, "").join(point.strip_prefix("/").unwrap_or(&point))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn find(table: &str, controllers: &str) -> Option<(bool, Vec<String>)> {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in [("proc/self/mountinfo", table), ("sys/fs/cgroup/unified/cgroup.controllers", controllers)]
        {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let found = Hierarchy::find(root.path(), &mut Buffer::new()).unwrap()?;
        let text = |path: &Path| path.strip_prefix(root.path()).unwrap().display().to_string();
        Some((found.unified, found.walked().into_iter().map(text).collect()))
    }

    /// Goal: version 2 is used where it has controllers, else version 1, each tree once.
    #[test]
    fn versions() {
        let two = "1 0 0:1 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
        let one = "2 0 0:2 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n\
            3 0 0:3 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
            4 0 0:4 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n";
        let both = format!("{two}{one}");
        let folders = |list: &[&str]| list.iter().map(|name| format!("sys/fs/cgroup/{name}")).collect::<Vec<_>>();
        assert_eq!(find(&both, "cpuset cpu io memory pids\n"), Some((true, folders(&["unified"]))));
        for empty in ["", "cpuset hugetlb", "cpu"] {
            assert_eq!(find(&both, empty), Some((false, folders(&["cpu,cpuacct", "memory"]))));
            assert_eq!(find(two, empty), None);
        }
    }
}
