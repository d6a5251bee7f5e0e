//! Mount points: how much room their file systems have.
//!
//! The table of mounts is read when the kernel says that it changed. File systems are asked by
//! [`asker`], on a thread of its own: a reading posts the questions of this tick and goes on, and
//! when all other files are read, answers are mostly there. Else a row shows the answer before, for
//! [`FRESH_PERIODS`] at most; then there is a gap.
//!
//! File systems that answer from the kernel's memory are asked by the collecting thread itself: to wake another costs
//! more than the answer. The other thread starts with the first that may take its time.
//!
//! A mount that does not answer in time is left alone, as are all of the same server, until its
//! answer comes; then it has a rest.
//!
//! Mount points of the automounter itself are not asked: that would mount them.

mod asker;
mod rules;
#[cfg(test)]
mod tests;

use std::ffi::OsStr;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use row::{ChartType, Now, US_PER_S};
use tracing::{info, warn};

use self::asker::{Ask, Asker, Question, Room};
use self::rules::{Rules, is_prompt, leads_through};
use crate::charts::{Batch, Chart, Form, Owner, PLAIN, absolute, named};
use crate::config::Config;
use crate::file::{Buffer, KeptFile, under};
use crate::module::{Module, ReadError};
use crate::mountinfo::{self, MountLine, unescape};
use crate::names::{chart_id, text_of};
use crate::pace::Cadence;
use crate::roster::Roster;
use crate::scan::lines;

/// The plugin that the charts belong to, by the name that dashboards know.
const PLUGIN: &str = "diskspace.plugin";
/// Mounts that are looked at; those beyond are left out.
const MOUNTS_MAX: usize = 1_000;
/// Seconds between two readings of the table where the kernel does not tell of a change.
const TABLE_EVERY_S: u32 = 15;
/// An answer is shown for so many periods.
const FRESH_PERIODS: f64 = 2.5;
/// A mount that answered late is left alone for as long as it took, within these.
const REST_US_MIN: u64 = 5_000_000;
const REST_US_MAX: u64 = 60_000_000;
/// A block is no larger: 1 GiB, in which the charts count.
const BLOCK_BYTES_MAX: i32 = 1 << 30;

static SPACE: Form = Form {
    id: "disk_space",
    context: "disk.space",
    title: "Space of the file system",
    units: "GiB",
    family: "",
    chart_type: ChartType::Stacked,
    priority: 2023,
    options: PLAIN,
    // Times the bytes in a block.
    dimensions: &[
        absolute("avail", 1, BLOCK_BYTES_MAX),
        absolute("used", 1, BLOCK_BYTES_MAX),
        named("reserved for root", absolute("reserved_for_root", 1, BLOCK_BYTES_MAX)),
    ],
};
static INODES: Form = Form {
    id: "disk_inodes",
    context: "disk.inodes",
    title: "Inodes of the file system",
    units: "inodes",
    priority: 2024,
    dimensions: &[
        absolute("avail", 1, 1),
        absolute("used", 1, 1),
        named("reserved for root", absolute("reserved_for_root", 1, 1)),
    ],
    ..SPACE
};

/// Asks the file systems that are mounted.
pub(crate) struct Mounts {
    root: PathBuf,
    table: KeptFile,
    table_cadence: Cadence,
    /// Of the table as it was read last.
    table_hash: Option<u64>,
    rules: Rules,
    mounts: Roster<Mount>,
    asker: Asker,
    rows: Cadence,
    update_every_s: u32,
    /// Whether this tick has rows.
    is_due: bool,
    now_us: u64,
    /// Whether it was told that there are too many mounts.
    told_limit: bool,
}

struct Mount {
    /// Device, folder and kind: what is mounted there.
    what: Box<[u8]>,
    question: Arc<Question>,
    /// None for a file system of this machine.
    server: Option<String>,
    /// Whether it answers at once, and so do those on the way to it.
    is_prompt: bool,
    mood: Mood,
    asked_us: u64,
    /// The latest answer, and when it was asked for.
    room: Option<(Room, u64)>,
    owner: Owner,
    space: Chart,
    inodes: Chart,
    has_inodes: bool,
    /// What was mounted there before, if its charts are still to be ended.
    replaced: Option<Box<Mount>>,
}

/// How a mount takes to being asked.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Mood {
    /// It answers.
    Fine,
    /// It answers with an error, which was told.
    Failing,
    /// It has not answered in time.
    Hanging,
    /// It answered late, and is left alone until then.
    Resting { until_us: u64 },
    /// It is a single file: there is nothing to ask.
    File,
}

impl Mounts {
    /// The module for `config`, if that wants it, and every how many seconds it is to be read.
    pub(crate) fn find(config: &Config) -> Option<(Box<dyn Module>, u32)> {
        if !config.mounts.enabled {
            return None;
        }
        match Self::open(config, Box::new(asker::ask)) {
            // It is read with each tick, to look after the asking thread.
            Ok(mounts) => Some((Box::new(mounts), config.update_every_s)),
            Err(error) => {
                info!(file = mountinfo::PATH, %error, "no table of mounts, their charts are left out");
                None
            }
        }
    }

    fn open(config: &Config, ask: Box<Ask>) -> io::Result<Self> {
        let update_every_s = config.mounts.update_every_s.max(config.update_every_s).max(1);
        Ok(Self {
            root: config.root.clone(),
            table: mountinfo::open(&config.root)?,
            table_cadence: Cadence::new(TABLE_EVERY_S),
            table_hash: None,
            rules: Rules::new(&config.mounts_exclude, &config.mounts_exclude_types),
            mounts: Roster::new(),
            asker: Asker::new(ask),
            rows: Cadence::new(update_every_s),
            update_every_s,
            is_due: false,
            now_us: 0,
            told_limit: false,
        })
    }

    fn read_table(&mut self, buffer: &mut Buffer) -> io::Result<()> {
        self.note_table(self.table.read(buffer)?);
        Ok(())
    }

    fn note_table(&mut self, text: &[u8]) {
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        if self.table_hash.replace(hasher.finish()) == Some(hasher.finish()) {
            return;
        }
        let mut wanted: Vec<(MountLine<'_>, Vec<u8>)> = Vec::new();
        let mut slow: Vec<Vec<u8>> = Vec::new();
        for line in lines(text).filter_map(MountLine::parse) {
            // What is mounted later at the same place hides what was there.
            wanted.retain(|(other, _)| other.point != line.point);
            let point = unescape(line.point);
            if !is_prompt(line.fs_type) {
                slow.push(point.clone());
            }
            if !self.rules.want(&line, &text_of(&point)) {
                continue;
            }
            if wanted.len() < MOUNTS_MAX {
                wanted.push((line, point));
            } else if !std::mem::replace(&mut self.told_limit, true) {
                warn!(limit = MOUNTS_MAX, "too many mounts, some have no charts");
            }
        }
        self.mounts.begin();
        for (line, point) in &wanted {
            let is_prompt = is_prompt(line.fs_type) && !slow.iter().any(|above| leads_through(point, above));
            self.note(line, point, is_prompt);
        }
    }

    /// Notes that there is this mount: known, new, or another in the place of one.
    fn note(&mut self, line: &MountLine<'_>, point: &[u8], is_prompt: bool) {
        let what = [line.number, line.root, line.fs_type].join(&b' ');
        if let Some(known) = self.mounts.find(point)
            && *known.what == *what
        {
            known.is_prompt = is_prompt;
            return;
        }
        let mount = Mount::new(&self.root, point, line, what, &self.rules, self.update_every_s);
        let mut mount = Mount { is_prompt, ..mount };
        if let Some(known) = self.mounts.find(point) {
            std::mem::swap(known, &mut mount);
            known.replaced = Some(Box::new(mount));
        } else if !self.mounts.devices().any(|other| other.owner.device == mount.owner.device) {
            self.mounts.add(point, mount);
        }
    }

    /// Asks those that answer at once.
    fn ask_prompt(&mut self) {
        let Self { mounts, asker, now_us, .. } = self;
        let is_asked = |mount: &&mut Mount| mount.is_prompt && mount.is_ready(*now_us) && !mount.question.is_waiting();
        for mount in mounts.devices().filter(is_asked) {
            mount.asked_us = *now_us;
            asker.ask(&mount.question);
            mount.hear(*now_us);
        }
    }

    /// Posts the other questions of this tick: first to the file systems that hardly ever hang.
    fn post(&mut self) {
        if !self.asker.is_idle() {
            return;
        }
        let (now_us, may_hang) = (self.now_us, self.asker.may_hang());
        let hanging = self.mounts.devices().filter(|mount| mount.mood == Mood::Hanging);
        let hanging: Vec<String> = hanging.filter_map(|mount| mount.server.clone()).collect();
        for remote in [false, true] {
            let is_asked = |mount: &&mut Mount| {
                let hangs = mount.server.as_ref().is_some_and(|server| !may_hang || hanging.contains(server));
                !mount.is_prompt && mount.server.is_some() == remote && mount.is_ready(now_us) && !hangs
            };
            let asked = self.mounts.devices().filter(is_asked).map(|mount| {
                mount.asked_us = now_us;
                &mount.question
            });
            self.asker.post(asked, now_us);
        }
    }

    fn look_after_asker(&mut self) {
        let Some(question) = self.asker.supervise(self.now_us) else { return };
        for mount in self.mounts.devices() {
            if Arc::ptr_eq(&mount.question, &question) && mount.mood != Mood::Hanging {
                mount.mood = Mood::Hanging;
                warn!(mount = mount.owner.family, "file system does not answer, left alone until it does");
            }
        }
    }
}

impl Module for Mounts {
    fn name(&self) -> &'static str {
        mountinfo::PATH
    }

    fn read(&mut self, buffer: &mut Buffer, now: Now) -> Result<(), ReadError> {
        self.now_us = now.mono_us;
        self.is_due = self.rows.is_due(now);
        let has_changed = self.table.has_changed();
        if self.table_cadence.is_due(now) || has_changed {
            self.read_table(buffer)?;
        }
        self.look_after_asker();
        self.mounts.devices().for_each(|mount| mount.hear(now.mono_us));
        if self.is_due {
            self.ask_prompt();
            self.post();
        }
        Ok(())
    }

    fn write(&mut self, batch: &mut Batch<'_>) {
        self.mounts.drop_unlisted(|mount| mount.obsolete(batch));
        if !self.is_due {
            return;
        }
        let fresh_us = (FRESH_PERIODS * f64::from(self.update_every_s) * US_PER_S as f64) as u64;
        for mount in self.mounts.devices() {
            if let Some(mut before) = mount.replaced.take() {
                before.obsolete(batch);
            }
            // What was asked at the beginning of this tick is answered meanwhile, mostly.
            if mount.mood == Mood::Fine
                && let Some(room) = mount.question.take_room()
            {
                mount.room = Some((room, mount.asked_us));
            }
            let since_us = self.now_us.saturating_sub(fresh_us);
            if let Some((room, asked_us)) = mount.room
                && asked_us >= since_us
            {
                mount.write(batch, &room);
            }
        }
    }
}

impl Mount {
    fn new(root: &Path, point: &[u8], line: &MountLine<'_>, what: Vec<u8>, rules: &Rules, update_every_s: u32) -> Self {
        let text = |word: &[u8]| text_of(&unescape(word));
        let (name, fs_type) = (text_of(point), text(line.fs_type));
        let labels =
            vec![("mount_point", name.clone()), ("filesystem", fs_type.clone()), ("mount_root", text(line.root))];
        let owner = Owner {
            plugin: PLUGIN,
            device: chart_id(point),
            family: name,
            labels,
            ..Owner::machine("", update_every_s)
        };
        // With a slash behind it, the path of a file is an error, which a folder's is not.
        let mut path = under(root, "").into_os_string();
        let slash = path.as_bytes().ends_with(b"/");
        path.push(OsStr::from_bytes(if slash { point.strip_prefix(b"/").unwrap_or(point) } else { point }));
        path.push("/");
        Self {
            what: what.into(),
            question: Question::new(path.into()),
            server: rules.server_of(&fs_type, &text(line.source)),
            is_prompt: false,
            mood: Mood::Fine,
            asked_us: 0,
            room: None,
            owner,
            space: Chart::new(&SPACE),
            inodes: Chart::new(&INODES),
            has_inodes: rules.has_inodes(&fs_type),
            replaced: None,
        }
    }

    fn is_ready(&self, now_us: u64) -> bool {
        match self.mood {
            Mood::Fine | Mood::Failing => true,
            Mood::Resting { until_us } => until_us <= now_us,
            Mood::Hanging | Mood::File => false,
        }
    }

    /// Takes the answer, if one came.
    fn hear(&mut self, now_us: u64) {
        let Some(answer) = self.question.take() else { return };
        let mount = &self.owner.family;
        let took_us = now_us.saturating_sub(self.asked_us);
        self.mood = match (self.mood, answer) {
            (Mood::Hanging, _) => {
                info!(mount, took_s = took_us / US_PER_S as u64, "file system answers again");
                Mood::Resting { until_us: now_us + took_us.clamp(REST_US_MIN, REST_US_MAX) }
            }
            (before, Ok(room)) => {
                if before == Mood::Failing {
                    info!(mount, "file system can be asked again");
                }
                self.room = Some((room, self.asked_us));
                Mood::Fine
            }
            (_, Err(error)) if error.kind() == io::ErrorKind::NotADirectory => Mood::File,
            (before, Err(error)) => {
                if before != Mood::Failing {
                    info!(mount, %error, "file system cannot be asked, left out until it can");
                }
                Mood::Failing
            }
        };
    }

    fn write(&mut self, batch: &mut Batch<'_>, room: &Room) {
        if let Some(bytes) = i32::try_from(room.block_bytes).ok().filter(|bytes| (1..=BLOCK_BYTES_MAX).contains(bytes))
        {
            self.owner.factor = bytes;
            let values = split(room.blocks);
            batch.row_once(values != [0; 3], &mut self.space, &self.owner, &values);
        }
        let [.., available] = room.inodes;
        if self.has_inodes && available != u64::MAX {
            self.owner.factor = 1;
            let values = split(room.inodes);
            batch.row_once(values != [0; 3], &mut self.inodes, &self.owner, &values);
        }
    }

    fn obsolete(&mut self, batch: &mut Batch<'_>) {
        if let Some(mut before) = self.replaced.take() {
            before.obsolete(batch);
        }
        batch.obsolete(&mut self.space);
        batch.obsolete(&mut self.inodes);
    }
}

/// Of all, free, and free to everybody: what is free to everybody, used, and free to few.
fn split([all, free, available]: [u64; 3]) -> [i64; 3] {
    [available, all.saturating_sub(free), free.saturating_sub(available)].map(u64::cast_signed)
}
