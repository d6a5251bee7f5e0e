//! Mounts of a machine made of files, whose file systems answer as a test says.

use std::collections::HashMap;
use std::fs;
use std::sync::{Condvar, Mutex};
use std::thread;
use std::time::Duration;

use row::{ChartOptions, Guid};
use rrd_store::{Feed, FeedKind, Host, HostInfo, Keep, MemoryMode, Store};
use tempfile::TempDir;

use super::*;

/// What file systems answer, by their paths; those that are not listed hang until they are.
#[derive(Default)]
struct Answers(Mutex<HashMap<PathBuf, Result<u64, io::ErrorKind>>>, Condvar);

impl Answers {
    fn set(&self, path: PathBuf, answer: Option<Result<u64, io::ErrorKind>>) {
        let mut answers = self.0.lock().unwrap();
        match answer {
            Some(answer) => answers.insert(path, answer),
            None => answers.remove(&path),
        };
        self.1.notify_all();
    }

    fn ask(&self, path: &Path) -> io::Result<Room> {
        let answers = self.0.lock().unwrap();
        let answers = self.1.wait_while(answers, |answers| !answers.contains_key(path)).unwrap();
        let available = answers[path].map_err(io::Error::from)?;
        Ok(Room { block_bytes: 4096, blocks: [100, 60, available], inodes: [50, 40, u64::MAX] })
    }
}

struct Machine {
    root: TempDir,
    answers: Arc<Answers>,
    mounts: Mounts,
    buffer: Buffer,
    host: Arc<Host>,
    feed: Feed,
    second: u64,
}

impl Machine {
    fn new(table: &str) -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("proc/self")).unwrap();
        fs::write(root.path().join("proc/self/mountinfo"), table).unwrap();
        let answers = Arc::new(Answers::default());
        let of_thread = Arc::clone(&answers);
        let config = Config { root: root.path().into(), ..Config::default() };
        let mounts = Mounts::open(&config, Box::new(move |path: &Path| of_thread.ask(path))).unwrap();
        let info = HostInfo::unknown(Guid::from_bytes([1; 16]));
        let host = Store::new().add(&info, Keep::new(MemoryMode::Ram, 60));
        let feed = host.claim(FeedKind::Local, info);
        Self { root, answers, mounts, buffer: Buffer::new(), host, feed, second: 1_700_000_000 }
    }

    fn table(&self, table: &str) {
        fs::write(self.root.path().join("proc/self/mountinfo"), table).unwrap();
    }

    fn answer(&self, point: &str, answer: impl Into<Option<Result<u64, io::ErrorKind>>>) {
        let path = format!("{}{point}/", self.root.path().display());
        self.answers.set(path.into(), answer.into());
    }

    /// Runs a tick; between reading and writing, file systems have time to answer. Returns the ids
    /// of the charts that have a row of it.
    fn tick(&mut self) -> Vec<String> {
        self.second += 1;
        let now = Now { wall_us: (self.second * 1_000_000) as i64, mono_us: self.second * 1_000_000 };
        self.mounts.read(&mut self.buffer, now).unwrap();
        self.settle();
        let mut batch = Batch::new(self.feed.writer(now).unwrap(), false);
        self.mounts.write(&mut batch);
        drop(batch);
        let newest = self.second as i64 * 1_000_000;
        self.host.read(|host| {
            let fresh = host.charts().filter(|chart| chart.state().collected_us == newest);
            let mut ids: Vec<String> = fresh.map(|chart| chart.id().to_owned()).collect();
            ids.sort();
            ids
        })
    }

    /// Waits until all questions are answered but one that hangs.
    fn settle(&mut self) {
        let mut calm = 0;
        while calm < 20 {
            calm = if self.mounts.asker.is_idle() { 20 } else { calm + 1 };
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Ticks until some hold of these charts, and says how long it took.
    fn ticks_until(&mut self, wanted: impl Fn(&[String]) -> bool) -> usize {
        (1..100).find(|_| wanted(&self.tick())).expect("it comes")
    }

    fn mood(&mut self, point: &str) -> Mood {
        let mut mounts = self.mounts.mounts.devices();
        mounts.find(|mount| mount.owner.family == point).unwrap().mood
    }
}

/// The first answers at once, the second may take its time.
const TWO: &str = "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 8:2 / /data rw - btrfs /dev/sda2 rw\n";

/// Goal: charts are those that dashboards know: id, family, labels, factor and values.
#[test]
fn charts_of_a_mount() {
    let mut machine = Machine::new("1 0 8:1 /sub /mnt/My\\040Disk rw - ext4 /dev/sda1 rw\n");
    machine.answer("/mnt/My Disk", Ok(55));
    assert_eq!(machine.tick(), ["disk_space._mnt_my_disk"], "this one does not say how many inodes are left");
    machine.host.read(|host| {
        let chart = host.find_chart("disk_space._mnt_my_disk").unwrap();
        let definition = chart.definition();
        assert_eq!((definition.family, definition.context), ("/mnt/My Disk", "disk.space"));
        assert_eq!((definition.plugin, definition.module), ("diskspace.plugin", ""));
        let labels: Vec<_> = chart.labels().map(|label| format!("{}={}", label.name, label.value)).collect();
        let expected = [
            "_collect_plugin=diskspace.plugin",
            "_collect_module=[none]",
            "mount_point=/mnt/My Disk",
            "filesystem=ext4",
            "mount_root=/sub",
        ];
        assert_eq!(labels, expected);
        let factors: Vec<_> = chart.dimensions().map(|dimension| (dimension.multiplier, dimension.divisor)).collect();
        assert_eq!(factors, [(4096, 1 << 30); 3]);
        let collected: Vec<_> = (0..3).map(|at| chart.dimension_state(at).unwrap().collected).collect();
        assert_eq!(collected, [55, 40, 5]);
    });
}

/// Goal: mounts come and go; one that takes the place of another goes on with its chart, and one
/// that another hides has none.
#[test]
fn mounts_come_and_go() {
    let mut machine = Machine::new(TWO);
    for point in ["/", "/data", "/more"] {
        machine.answer(if point == "/" { "" } else { point }, Ok(50));
    }
    assert_eq!(machine.tick(), ["disk_space._", "disk_space._data"]);
    machine.table("1 0 8:1 / / rw - ext4 /dev/sda1 rw\n3 1 8:3 / /more rw - xfs /dev/sda3 rw\n");
    let came = |ids: &[String]| ids.contains(&"disk_space._more".to_owned());
    assert!(machine.ticks_until(came) <= TABLE_EVERY_S as usize);
    let is_obsolete = |machine: &Machine, id: &str| {
        machine.host.read(|host| host.find_chart(id).unwrap().definition().options.has(ChartOptions::OBSOLETE))
    };
    assert!(is_obsolete(&machine, "disk_space._data"));
    machine.table(
        "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 8:9 / /data rw - tmpfs tmpfs rw\n\
         3 1 8:3 / /more rw - xfs /dev/sda3 rw\n4 1 0:99 / /more rw - autofs /etc/auto rw\n",
    );
    machine.ticks_until(|ids| ids.contains(&"disk_space._data".to_owned()));
    assert!(!is_obsolete(&machine, "disk_space._data") && is_obsolete(&machine, "disk_space._more"));
    assert_eq!(machine.tick(), ["disk_space._", "disk_space._data"]);
}

/// Goal: a mount that hangs has a gap, and no other has; when it answers, it comes back after a rest.
#[test]
fn a_mount_that_hangs_delays_nothing() {
    let table = "1 0 0:9 / /nfs rw - nfs server:/a rw\n2 0 0:8 / /nfs2 rw - nfs server:/b rw\n".to_owned() + TWO;
    let mut machine = Machine::new(&table);
    for point in ["", "/data", "/nfs", "/nfs2"] {
        machine.answer(point, Ok(50));
    }
    let all = ["disk_space._", "disk_space._data", "disk_space._nfs", "disk_space._nfs2"];
    assert_eq!(machine.tick(), all);
    machine.answer("/nfs", None);
    machine.answer("/data", None);
    for second in 0..30 {
        let ids = machine.tick();
        assert!(ids.contains(&all[0].to_owned()), "{ids:?} in second {second}");
        if second == 10 {
            assert_eq!(ids, all[..1], "mounts of a server hang together");
            assert_eq!((machine.mood("/nfs"), machine.mood("/data")), (Mood::Hanging, Mood::Hanging));
            machine.answer("/data", Ok(50));
        }
    }
    assert_eq!(machine.tick(), all[..2], "it had its rest");
    machine.answer("/nfs", Ok(50));
    machine.settle();
    let second = machine.second;
    machine.ticks_until(|ids| ids == all);
    assert!(machine.second - second >= REST_US_MIN / 1_000_000);
    assert_eq!(machine.mood("/nfs"), Mood::Fine);
}

/// Goal: what answers at once is asked without another thread, unless the way to it leads through what may not.
#[test]
fn who_asks() {
    let table = "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 8:2 / /data rw - xfs /dev/sda2 rw\n";
    let mut machine = Machine::new(table);
    for point in ["", "/data", "/nfs", "/nfs/disk"] {
        machine.answer(point, Ok(50));
    }
    assert_eq!(machine.tick(), ["disk_space._", "disk_space._data"]);
    assert!(!machine.mounts.asker.has_thread());
    machine
        .table(&format!("{table}3 1 0:9 / /nfs rw - nfs server:/a rw\n4 3 8:3 / /nfs/disk rw - ext4 /dev/sda3 rw\n"));
    machine.ticks_until(|ids| ids.contains(&"disk_space._nfs_disk".to_owned()));
    assert!(machine.mounts.asker.has_thread());
    machine.answer("/nfs/disk", None);
    let others = ["disk_space._", "disk_space._data", "disk_space._nfs"];
    assert!(machine.ticks_until(|ids| ids == others) < 10, "what hangs behind a server holds nobody up");
    machine.answer("/nfs/disk", Ok(50));
}

/// Goal: a file is asked once, an error is told once and asked again.
#[test]
fn errors() {
    let mut machine = Machine::new(TWO);
    machine.answer("", Err(io::ErrorKind::PermissionDenied));
    machine.answer("/data", Err(io::ErrorKind::NotADirectory));
    machine.tick();
    machine.tick();
    assert_eq!((machine.mood("/"), machine.mood("/data")), (Mood::Failing, Mood::File));
    machine.answer("", Ok(50));
    machine.tick();
    assert_eq!(machine.tick(), ["disk_space._"]);
}

/// Goal: a table of any bytes is read without a panic, and no more than so many mounts are looked at.
#[test]
fn absurd_tables() {
    let text: String = (0..MOUNTS_MAX + 10).map(|at| format!("1 0 8:1 / /m{at} rw - ext4 x rw\n")).collect();
    let mut machine = Machine::new("");
    machine.mounts.note_table(text.as_bytes());
    assert_eq!(machine.mounts.mounts.len(), MOUNTS_MAX);
    crate::tests::mutate(TWO.as_bytes(), |text| {
        machine.mounts.note_table(text);
        machine.mounts.mounts.drop_unlisted(|_| {});
    });
}
