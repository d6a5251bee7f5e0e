//! Control groups: what containers, virtual machines and services use.
//!
//! ```text
//! walk (every 10 s, some folders per tick) ──> members ──> groups: files ──> reading ──> charts
//! ```
//!
//! A container or a virtual machine has charts in a section of its own; services share charts, with
//! a dimension each. A group that is found after the first walk has to be there on two walks in a
//! row: what lives for seconds only costs no chart. What is gone is dropped with all it had.
//!
//! Interfaces of containers are found here and claimed ([`Claims`]); who reads all interfaces shows them.

mod files;
mod forms;
mod hierarchy;
mod interfaces;
mod json;
mod limits;
mod name;
mod networks;
mod own_charts;
mod reading;
mod services;
#[cfg(test)]
mod tests;
mod walk;

use std::io;
use std::path::PathBuf;

use patterns::SimplePattern;
use row::Now;
use tracing::{info, warn};

use self::files::{Budget, Files, Reader};
use self::hierarchy::Hierarchy;
use self::interfaces::Interfaces;
use self::limits::{Limits, Machine};
use self::name::{Found, Name};
use self::networks::{Kernel, Networks};
use self::own_charts::{Frame, OwnCharts, section};
use self::reading::{Parsers, Reading, Source, VERSION_1, VERSION_2};
use self::services::{Service, Services};
use self::walk::{Progress, Walk};
use crate::charts::Batch;
use crate::claims::Claims;
use crate::config::Config;
use crate::file::Buffer;
use crate::module::{Module, ReadError};
use crate::names::text_of;
use crate::pace::Cadence;
use crate::page_size::page_size_bytes;
use crate::roster::Roster;

/// Where control groups are.
const PATH: &str = "/sys/fs/cgroup";
/// Groups that have charts; those beyond are left out.
const GROUPS_MAX: usize = 1000;
/// Limits are read each so many readings, of some groups at a time.
const LIMITS_EVERY: usize = 10;

/// Reads the files of control groups.
pub(crate) struct Cgroups {
    root: PathBuf,
    rules: Rules,
    walk: Walk,
    /// How many walks are through.
    walks: u32,
    /// Whether one got through in this tick.
    is_through: bool,
    members: Roster<Member>,
    groups: usize,
    interfaces: Interfaces,
    reader: Reader,
    machine: Machine,
    services: Services,
    /// Names of cores.
    cores: Vec<String>,
    page_bytes: i32,
    update_every_s: u32,
    rows: Cadence,
    is_due: bool,
    readings: usize,
    now_us: u64,
    told_limit: bool,
}

/// A folder that the walk sees.
enum Member {
    /// It has no charts.
    Ignored,
    /// It is to have some, once it is known to stay and what it is called.
    New { path: Box<[u8]>, walk: u32, tries: u32 },
    /// It has charts.
    Group(Box<Group>),
}

/// A group that has charts.
struct Group {
    path: Box<[u8]>,
    files: Files,
    reading: Reading,
    limits: Option<Limits>,
    charts: Charts,
    is_there: bool,
    /// How often its interfaces were looked for, up to 255.
    looks: u8,
}

enum Charts {
    Own(Box<OwnCharts>),
    Shared(Box<Service>),
}

/// Which groups have charts, and how they are called.
struct Rules {
    include: SimplePattern,
    names: SimplePattern,
    rename: SimplePattern,
    services: SimplePattern,
}

/// What a group is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Own,
    Service,
    Neither,
}

impl Rules {
    fn kind_of(&self, path: &[u8]) -> Kind {
        let path = String::from_utf8_lossy(path);
        match () {
            () if self.include.matches(&path) => Kind::Own,
            () if self.services.matches(&path) => Kind::Service,
            () => Kind::Neither,
        }
    }
}

impl Cgroups {
    /// The module for `config`, if that wants it, and every how many seconds it is to be read. It claims the
    /// interfaces of containers.
    pub(crate) fn find(config: &Config, claims: Claims) -> Option<(Box<dyn Module>, u32)> {
        if !config.cgroups.enabled {
            return None;
        }
        match Self::open(config, Budget::of_system(), claims, Box::new(Kernel::default())) {
            Ok(Some(cgroups)) => return Some((Box::new(cgroups), config.update_every_s)),
            Ok(None) => info!(file = PATH, "no control groups, their charts are left out"),
            Err(error) => info!(file = PATH, %error, "no table of mounts, charts of control groups are left out"),
        }
        None
    }

    fn open(config: &Config, budget: Budget, claims: Claims, networks: Box<dyn Networks>) -> io::Result<Option<Self>> {
        // Its own: that of all modules is not there yet.
        let mut buffer = Buffer::new();
        let Some(hierarchy) = Hierarchy::find(&config.root, &mut buffer)? else { return Ok(None) };
        let update_every_s = config.cgroups.update_every_s.max(config.update_every_s).max(1);
        let trees = hierarchy.walked().into_iter().map(ToOwned::to_owned).collect();
        Ok(Some(Self {
            rules: Rules {
                include: SimplePattern::new(&config.cgroups_include),
                names: SimplePattern::new(&config.cgroups_names),
                rename: SimplePattern::new(&config.cgroups_rename),
                services: SimplePattern::new(&config.cgroups_services),
            },
            walk: Walk::new(trees, SimplePattern::new(&config.cgroups_search)),
            walks: 0,
            is_through: false,
            members: Roster::new(),
            groups: 0,
            interfaces: Interfaces::new(&config.root, claims, networks),
            machine: Machine::read(&config.root, &mut buffer),
            services: Services::new(hierarchy.unified, update_every_s),
            reader: Reader { hierarchy, budget, parsers: Parsers::new(), path: PathBuf::new() },
            cores: Vec::new(),
            page_bytes: page_size_bytes(),
            update_every_s,
            rows: Cadence::new(update_every_s),
            is_due: false,
            readings: 0,
            now_us: 0,
            told_limit: false,
            root: config.root.clone(),
        }))
    }

    fn sources(unified: bool) -> &'static [Source] {
        if unified { &VERSION_2 } else { &VERSION_1 }
    }

    /// Goes on with the walk; when it is through, newcomers become groups.
    fn look_around(&mut self, now: Now, buffer: &mut Buffer) {
        if self.walk.begin(now) {
            self.members.begin();
        }
        let Self { walk, members, rules, walks, .. } = self;
        let progress = walk.step(|path| {
            if members.find(path).is_none() {
                let member = match rules.kind_of(path) {
                    Kind::Neither => Member::Ignored,
                    _ => Member::New { path: path.into(), walk: *walks, tries: 0 },
                };
                members.add(path, member);
            }
        });
        self.is_through = progress == Progress::Through;
        if self.is_through {
            self.settle_newcomers(buffer);
            self.look_for_interfaces(buffer);
            self.walks += 1;
        }
    }

    fn settle_newcomers(&mut self, buffer: &mut Buffer) {
        // Taken apart, since a newcomer is compared with all others.
        let mut members = std::mem::replace(&mut self.members, Roster::new());
        let mut sections: Option<Vec<String>> = None;
        let walks = self.walks;
        let old = |member: &Member| match member {
            Member::Group(group) => group.charts.section().map(str::to_owned),
            _ => None,
        };
        if members.devices().any(|member| matches!(member, Member::New { .. })) {
            sections = Some(members.devices().filter_map(|member| old(member)).collect());
        }
        for member in members.devices() {
            if let (Member::New { path, walk, tries }, Some(sections)) = (&mut *member, &mut sections)
                && (*walk == 0 || *walk < walks)
                && let Some(settled) = self.settle(path, tries, sections, buffer)
            {
                *member = settled;
            }
        }
        self.members = members;
    }

    /// What becomes of a newcomer; `None` where its name is not known yet.
    fn settle(
        &mut self,
        path: &[u8],
        tries: &mut u32,
        sections: &mut Vec<String>,
        buffer: &mut Buffer,
    ) -> Option<Member> {
        if self.groups >= GROUPS_MAX {
            if !std::mem::replace(&mut self.told_limit, true) {
                warn!(limit = GROUPS_MAX, "too many control groups, some have no charts");
            }
            return Some(Member::Ignored);
        }
        let charts = if self.rules.kind_of(path) == Kind::Service {
            Charts::Shared(Box::new(Service::new(path, &name::service(path))))
        } else {
            let Some(name) = self.name_of(path, tries, buffer)? else { return Some(Member::Ignored) };
            let section = section(&name.text);
            if !self.rules.names.matches(&name.text) || sections.contains(&section) {
                return Some(Member::Ignored);
            }
            sections.push(section);
            Charts::Own(Box::new(OwnCharts::new(name, PATH, self.update_every_s)))
        };
        self.groups += 1;
        let is_service = matches!(charts, Charts::Shared(_));
        let sources = Self::sources(self.reader.hierarchy.unified);
        let files = sources.iter().filter(|source| !is_service || source.of_services).count();
        Some(Member::Group(Box::new(Group {
            path: path.into(),
            files: Files::new(files),
            reading: Reading::default(),
            limits: None,
            charts,
            is_there: false,
            looks: 0,
        })))
    }

    fn look_for_interfaces(&mut self, buffer: &mut Buffer) {
        let Self { members, interfaces, reader, walks, .. } = self;
        interfaces.begin();
        for (at, member) in members.devices().enumerate() {
            if let Member::Group(group) = member
                && let Group { path, charts: Charts::Own(charts), looks, .. } = &mut **group
            {
                interfaces.look((at, looks, *walks), (path, charts.owner()), reader, buffer);
            }
        }
    }

    /// The name of a group; `Some(None)` where it is to have no charts, `None` where it is to be tried again.
    fn name_of(&self, path: &[u8], tries: &mut u32, buffer: &mut Buffer) -> Option<Option<Name>> {
        if !self.rules.rename.matches(&String::from_utf8_lossy(path)) {
            return Some(Some(name::default(path).into()));
        }
        match name::resolve(&self.root, path, buffer) {
            Found::Named(name) => Some(Some(name)),
            Found::NotYet { tries: most, instead } => {
                *tries += 1;
                (*tries >= most).then(|| {
                    info!(group = text_of(path), "no file tells the name of this control group");
                    instead
                })
            }
        }
    }

    fn read_groups(&mut self, buffer: &mut Buffer) {
        let Self { members, reader, cores, machine, readings, .. } = self;
        let sources = Self::sources(reader.hierarchy.unified);
        *readings = readings.wrapping_add(1);
        let mut cores_max = 0;
        for (at, member) in members.devices().enumerate() {
            let Member::Group(group) = member else { continue };
            let is_service = matches!(group.charts, Charts::Shared(_));
            let sources = sources.iter().filter(|source| !is_service || source.of_services);
            let Group { path, files, reading, limits, is_there, .. } = &mut **group;
            *is_there = files.read(sources, path, reader, buffer, reading);
            if !is_service && (limits.is_none() || (at + *readings).is_multiple_of(LIMITS_EVERY)) {
                *limits = Some(Limits::read(path, *machine, reader, buffer, reading));
            }
            cores_max = cores_max.max(reading.per_core.len());
        }
        while cores.len() < cores_max {
            cores.push(format!("cpu{}", cores.len()));
        }
    }
}

impl Module for Cgroups {
    fn name(&self) -> &'static str {
        PATH
    }

    fn read(&mut self, buffer: &mut Buffer, now: Now) -> Result<(), ReadError> {
        self.now_us = now.mono_us;
        self.is_due = self.rows.is_due(now);
        self.look_around(now, buffer);
        if self.is_due {
            self.read_groups(buffer);
        }
        Ok(())
    }

    fn write(&mut self, batch: &mut Batch<'_>) {
        let Self { members, services, groups, interfaces, .. } = self;
        if self.is_through {
            members.drop_unlisted(|member| {
                let Member::Group(group) = member else { return };
                *groups -= 1;
                match &mut group.charts {
                    Charts::Own(charts) => {
                        interfaces.leave(charts.section());
                        charts.obsolete(batch);
                    }
                    Charts::Shared(service) => services.leave(batch, service),
                }
            });
        }
        if !self.is_due {
            return;
        }
        let frame = Frame {
            unified: self.reader.hierarchy.unified,
            page_bytes: self.page_bytes,
            cores: &self.cores,
            now_us: self.now_us,
        };
        for member in members.devices() {
            let Member::Group(group) = member else { continue };
            let Group { reading, limits, charts, is_there, .. } = &mut **group;
            if let (Charts::Own(charts), Some(limits), true) = (charts, limits, *is_there) {
                charts.write(batch, reading, limits, &frame);
            }
        }
        services.write(batch, &mut |f| {
            for member in members.devices() {
                if let Member::Group(group) = member
                    && let Group { charts: Charts::Shared(service), reading, is_there: true, .. } = &mut **group
                {
                    f(service, reading);
                }
            }
        });
    }
}

impl Charts {
    fn section(&self) -> Option<&str> {
        match self {
            Self::Own(charts) => Some(charts.section()),
            Self::Shared(_) => None,
        }
    }
}
