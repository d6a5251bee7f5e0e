//! `/proc/net/dev`: what the network interfaces received and sent.
//!
//! ```text
//!   eth0: 159478748 3354 0 0 0 0 0 0 170489 1945 0 0 0 0 0 0
//! name: received bytes packets errs drop fifo frame compressed multicast
//!       sent     bytes packets errs drop fifo colls carrier    compressed
//! ```
//!
//! Beside it, `/sys` tells of each interface's link. An interface that leads into a container has its charts there, as
//! the container sees it: by the name of the other end, and what is received here was sent there.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use patterns::SimplePattern;
use row::{ChartType, DimensionDefinition, Now};

use crate::charts::{Batch, Chart, DETAIL, Form, Owner, PLAIN, incremental};
use crate::claims::{Claim, Claims};
use crate::file::{Buffer, KeptFile, under};
use crate::kernel::net_link::{Link, TURNS_PER_TICK};
use crate::module::{Module, ReadError};
use crate::names::text_of;
use crate::roster::Roster;
use crate::running_sum::RunningSum;
use crate::scan::{Words, lines};

/// The file.
pub(crate) const PATH: &str = "/proc/net/dev";
/// Interfaces that are looked at; those beyond are left out.
const INTERFACES_MAX: usize = 16_384;
/// What is added to the priority of charts in a container's section.
const CONTAINER_PRIORITY: i32 = 36_000;

static ALL: Form = Form {
    id: "system.net",
    context: "system.net",
    title: "Data received and sent by all physical interfaces",
    units: "kilobits/s",
    family: "network",
    chart_type: ChartType::Area,
    priority: 500,
    options: PLAIN,
    dimensions: &[
        DimensionDefinition { name: "received", ..incremental("InOctets", 8, 1000) },
        DimensionDefinition { name: "sent", ..incremental("OutOctets", -8, 1000) },
    ],
};

const fn form(
    id: &'static str,
    context: &'static str,
    title: &'static str,
    units: &'static str,
    priority: i32,
    dimensions: &'static [DimensionDefinition<'static>],
) -> Form {
    let chart_type = ChartType::Line;
    Form { id, context, title, units, family: "", chart_type, priority, options: DETAIL, dimensions }
}

static BANDWIDTH: Form = Form {
    chart_type: ChartType::Area,
    options: PLAIN,
    ..form(
        "net",
        "net.net",
        "Data received and sent",
        "kilobits/s",
        7000,
        &[incremental("received", 8, 1000), incremental("sent", -8, 1000)],
    )
};
static PACKETS: Form = form(
    "net_packets",
    "net.packets",
    "Packets received and sent",
    "packets/s",
    7001,
    &[incremental("received", 1, 1), incremental("sent", -1, 1), incremental("multicast", 1, 1)],
);
static ERRORS: Form = form(
    "net_errors",
    "net.errors",
    "Packets with errors",
    "errors/s",
    7002,
    &[incremental("inbound", 1, 1), incremental("outbound", -1, 1)],
);
static DROPS: Form = form(
    "net_drops",
    "net.drops",
    "Packets dropped",
    "drops/s",
    7003,
    &[incremental("inbound", 1, 1), incremental("outbound", -1, 1)],
);
static FIFO: Form = form(
    "net_fifo",
    "net.fifo",
    "Overruns of the interface's buffers",
    "errors",
    7004,
    &[incremental("receive", 1, 1), incremental("transmit", -1, 1)],
);
static COMPRESSED: Form = form(
    "net_compressed",
    "net.compressed",
    "Compressed packets",
    "packets/s",
    7005,
    &[incremental("received", 1, 1), incremental("sent", -1, 1)],
);
static EVENTS: Form = form(
    "net_events",
    "net.events",
    "Broken frames, collisions and losses of the carrier",
    "events/s",
    7006,
    &[incremental("frames", 1, 1), incremental("collisions", -1, 1), incremental("carrier", -1, 1)],
);

/// Reads `/proc/net/dev`.
pub(crate) struct NetDev {
    file: KeptFile,
    root: PathBuf,
    exclude: SimplePattern,
    interfaces: Roster<Interface>,
    claims: Claims,
    /// The claims that interfaces have their charts by.
    claims_version: u64,
    all: (Chart, Owner),
    received: RunningSum,
    sent: RunningSum,
    /// The first interface of the next tick's turns.
    next_turn: usize,
}

#[derive(Debug)]
struct Interface {
    /// Whether it is a physical one, and counts for the whole machine.
    physical: bool,
    before: Option<Counters>,
    now: Counters,
    /// None for an interface that has no charts.
    charts: Option<Box<InterfaceCharts>>,
}

#[derive(Debug)]
struct InterfaceCharts {
    name: Box<[u8]>,
    physical: bool,
    claim: Option<Claim>,
    owner: Owner,
    bandwidth: Chart,
    packets: Chart,
    errors: Chart,
    drops: Chart,
    fifo: Chart,
    compressed: Chart,
    events: Chart,
    link: Link,
    speed_told: Option<i64>,
}

impl NetDev {
    /// Opens the file under `root`; interfaces whose names match `exclude` have no charts, and those of `claims` in
    /// the section of their container.
    pub(crate) fn open(root: &Path, update_every_s: u32, exclude: SimplePattern, claims: Claims) -> io::Result<Self> {
        Ok(Self {
            file: KeptFile::open(root, PATH)?,
            root: root.to_path_buf(),
            exclude,
            interfaces: Roster::new(),
            claims,
            claims_version: 0,
            all: (Chart::new(&ALL), Owner::machine(PATH, update_every_s)),
            received: RunningSum::default(),
            sent: RunningSum::default(),
            next_turn: 0,
        })
    }

    fn look_up(root: &Path, exclude: &SimplePattern, number: usize, update_every_s: u32, line: &Line<'_>) -> Interface {
        let file_name = OsStr::from_bytes(line.name);
        let physical = !under(root, "/sys/devices/virtual/net").join(file_name).exists();
        let name = text_of(line.name);
        let excluded = exclude.matches(&name);
        let charts = (!excluded).then(|| {
            let link = Link::new(under(root, "/sys/class/net").join(file_name), number);
            Box::new(InterfaceCharts::new(line.name, physical, update_every_s, link))
        });
        Interface { physical: physical && !excluded, before: None, now: line.counters, charts }
    }

    /// Reads what `/sys` tells of the interfaces whose turn it is.
    fn read_links(&mut self, buffer: &mut Buffer, now: Now) {
        let mut turns = 0;
        let links = self.interfaces.devices().filter_map(|interface| interface.charts.as_mut());
        for charts in links.skip(self.next_turn).take(TURNS_PER_TICK) {
            charts.link.read(buffer, now);
            turns += 1;
        }
        self.next_turn = if turns == TURNS_PER_TICK { self.next_turn + turns } else { 0 };
    }

    /// Moves charts to whom their interfaces belong now.
    fn follow_claims(&mut self, batch: &mut Batch<'_>) {
        let version = self.claims.version();
        if std::mem::replace(&mut self.claims_version, version) == version {
            return;
        }
        for charts in self.interfaces.devices().filter_map(|interface| interface.charts.as_mut()) {
            let claim = self.claims.of(&charts.name);
            if charts.claim != claim {
                charts.obsolete(batch);
                charts.belong_to(claim, self.all.1.update_every_s);
            }
        }
    }

    fn write_all(&mut self, batch: &mut Batch<'_>) {
        for interface in self.interfaces.devices().filter(|interface| interface.physical) {
            let before = interface.before.as_ref();
            self.received.add(before.map(|before| before.received.bytes), interface.now.received.bytes);
            self.sent.add(before.map(|before| before.sent.bytes), interface.now.sent.bytes);
        }
        let sums = [self.received.end(), self.sent.end()];
        batch.row_once(sums != [0, 0], &mut self.all.0, &self.all.1, &sums);
    }
}

impl Module for NetDev {
    fn name(&self) -> &'static str {
        PATH
    }

    fn read(&mut self, buffer: &mut Buffer, now: Now) -> Result<(), ReadError> {
        let text = self.file.read(buffer)?;
        self.interfaces.begin();
        let (mut seen, mut listed) = (0, 0);
        for line in lines(text) {
            seen += 1;
            let Some(line) = Line::parse(line) else { continue };
            listed += 1;
            if let Some(known) = self.interfaces.find(line.name) {
                known.before = Some(std::mem::replace(&mut known.now, line.counters));
            } else if self.interfaces.len() < INTERFACES_MAX {
                let (number, every_s) = (self.interfaces.len(), self.all.1.update_every_s);
                let interface = Self::look_up(&self.root, &self.exclude, number, every_s, &line);
                if interface.charts.as_ref().is_some_and(|charts| !charts.physical) {
                    self.claims.tell_newcomer();
                }
                self.interfaces.add(line.name, interface);
            }
        }
        // Headings alone are a machine without interfaces; anything else is no list.
        if listed == 0 && seen != HEADING_LINES {
            return Err(ReadError::Expected("lines of an interface's name and sixteen numbers"));
        }
        self.read_links(buffer, now);
        Ok(())
    }

    fn write(&mut self, batch: &mut Batch<'_>) {
        self.interfaces.drop_unlisted(|interface| {
            if let Some(charts) = &mut interface.charts {
                charts.obsolete(batch);
            }
        });
        self.follow_claims(batch);
        for interface in self.interfaces.devices() {
            if let Some(charts) = &mut interface.charts {
                charts.write(batch, &interface.now);
            }
        }
        self.write_all(batch);
    }
}

impl InterfaceCharts {
    fn new(name: &[u8], physical: bool, update_every_s: u32, link: Link) -> Self {
        Self {
            name: name.into(),
            physical,
            claim: None,
            owner: owner(&text_of(name), physical, None, update_every_s),
            bandwidth: Chart::new(&BANDWIDTH),
            packets: Chart::new(&PACKETS),
            errors: Chart::new(&ERRORS),
            drops: Chart::new(&DROPS),
            fifo: Chart::new(&FIFO),
            compressed: Chart::new(&COMPRESSED),
            events: Chart::new(&EVENTS),
            link,
            speed_told: None,
        }
    }

    /// From here on charts are in the section of whom the interface belongs to.
    fn belong_to(&mut self, claim: Option<Claim>, update_every_s: u32) {
        self.owner = owner(&text_of(&self.name), self.physical, claim.as_ref(), update_every_s);
        self.claim = claim;
        self.speed_told = None;
    }

    fn write(&mut self, batch: &mut Batch<'_>, now: &Counters) {
        let mut directions = [&now.received, &now.sent];
        if self.claim.is_some() {
            directions.reverse();
        }
        let [received, sent] = directions;
        let pairs = [
            (&mut self.bandwidth, [received.bytes, sent.bytes]),
            (&mut self.errors, [received.errors, sent.errors]),
            (&mut self.drops, [received.drops, sent.drops]),
            (&mut self.fifo, [received.fifo, sent.fifo]),
            (&mut self.compressed, [received.compressed, sent.compressed]),
        ];
        for (chart, values) in pairs {
            batch.row_once(values != [0, 0], chart, &self.owner, &values);
        }
        let triples = [
            (&mut self.packets, [received.packets, sent.packets, now.multicast]),
            (&mut self.events, [now.frames, now.collisions, now.carrier]),
        ];
        for (chart, values) in triples {
            batch.row_once(values != [0, 0, 0], chart, &self.owner, &values);
        }
        self.link.write(batch, &self.owner, self.bandwidth.is_defined());
        let speed = Some(self.link.speed_kilobits());
        if self.bandwidth.is_defined() && self.speed_told != speed {
            self.speed_told = speed;
            batch.chart_variable(&self.bandwidth, "nic_speed_max", self.link.speed_kilobits() as f64);
        }
    }

    fn obsolete(&mut self, batch: &mut Batch<'_>) {
        let Self { bandwidth, packets, errors, drops, fifo, compressed, events, link, .. } = self;
        let counted = [bandwidth, packets, errors, drops, fifo, compressed, events];
        for chart in counted.into_iter().chain(link.charts()) {
            batch.obsolete(chart);
        }
    }
}

/// The machine's part that an interface is, or the container's that claims it.
fn owner(name: &str, physical: bool, claim: Option<&Claim>, update_every_s: u32) -> Owner {
    let kind = if physical { "real" } else { "virtual" };
    let labels = [("interface_type", kind.to_owned()), ("device", name.to_owned())];
    let machine = Owner::machine(PATH, update_every_s);
    match claim {
        None => Owner { device: name.to_owned(), family: name.to_owned(), labels: labels.into(), ..machine },
        Some(claim) => Owner {
            group: claim.section.clone(),
            device: claim.name.clone(),
            family: format!("net {}", claim.name),
            context_prefix: claim.context_prefix,
            priority_offset: CONTAINER_PRIORITY,
            labels: labels.into_iter().chain(claim.labels.iter().cloned()).collect(),
            ..machine
        },
    }
}

/// What both directions count.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Direction {
    bytes: i64,
    packets: i64,
    errors: i64,
    drops: i64,
    fifo: i64,
    compressed: i64,
}

/// The counters of an interface, since it was made.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Counters {
    received: Direction,
    sent: Direction,
    multicast: i64,
    frames: i64,
    collisions: i64,
    carrier: i64,
}

/// Lines before the first interface.
const HEADING_LINES: usize = 2;

/// A line of the file.
#[derive(Debug, PartialEq)]
struct Line<'a> {
    name: &'a [u8],
    counters: Counters,
}

impl<'a> Line<'a> {
    /// The first number may stand right after the colon.
    fn parse(line: &'a [u8]) -> Option<Self> {
        let colon = line.iter().position(|&byte| byte == b':')?;
        let name = Words::new(&line[..colon]).next()?;
        let mut words = Words::new(&line[colon + 1..]);
        let [bytes, packets, errors, drops, fifo, frames, compressed, multicast] = words.numbers()?;
        let received = Direction { bytes, packets, errors, drops, fifo, compressed };
        let [bytes, packets, errors, drops, fifo, collisions, carrier, compressed] = words.numbers()?;
        let sent = Direction { bytes, packets, errors, drops, fifo, compressed };
        Some(Self { name, counters: Counters { received, sent, multicast, frames, collisions, carrier } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REAL: &[u8] = include_bytes!("../../tests/files/net-dev.txt");

    /// A real file has four interfaces, and each number is at its place.
    #[test]
    fn a_real_file() {
        let names: Vec<_> = lines(REAL).filter_map(Line::parse).map(|line| line.name.to_vec()).collect();
        assert_eq!(names, [&b"lo"[..], b"ifb0", b"ifb1", b"eth0"]);
        let line = Line::parse(b" eth0:1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16").unwrap();
        let received = Direction { bytes: 1, packets: 2, errors: 3, drops: 4, fifo: 5, compressed: 7 };
        let sent = Direction { bytes: 9, packets: 10, errors: 11, drops: 12, fifo: 13, compressed: 16 };
        let counters = Counters { received, sent, multicast: 8, frames: 6, collisions: 14, carrier: 15 };
        assert_eq!(line, Line { name: b"eth0", counters });
    }

    /// Goal: an interface that a container claims has its charts there, seen from inside; without the claim it has them
    /// here again.
    #[test]
    fn claimed_interfaces() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("proc/net/dev", "heading\nheading\n veth1: 1000 10 1 0 0 0 0 3 2000 20 0 0 0 0 0 0\n");
        write("sys/devices/virtual/net/veth1/mtu", "");
        write("sys/class/net/veth1/mtu", "1500\n");
        let claims = Claims::default();
        let mut module = NetDev::open(root.path(), 1, SimplePattern::new(""), claims.clone()).unwrap();
        let info = rrd_store::HostInfo::unknown(row::Guid::from_bytes([1; 16]));
        let host = rrd_store::Store::new().add(&info, rrd_store::Keep::new(rrd_store::MemoryMode::Ram, 60));
        let mut feed = host.claim(rrd_store::FeedKind::Local, info);
        let mut second = 1_700_000_000;
        let mut tick = || {
            second += 1;
            let now = Now { wall_us: second * 1_000_000, mono_us: second.cast_unsigned() * 1_000_000 };
            module.read(&mut Buffer::new(), now).unwrap();
            module.write(&mut Batch::new(feed.writer(now).unwrap(), false));
            host.read(|host| {
                let charts = host.charts().filter(|chart| !chart.definition().options.has(row::ChartOptions::OBSOLETE));
                charts.map(|chart| chart.id().to_owned()).collect::<Vec<_>>()
            })
        };
        let here = ["net.veth1", "net_errors.veth1", "net_mtu.veth1", "net_packets.veth1"];
        let sorted = |mut ids: Vec<String>| {
            ids.sort();
            ids
        };
        assert_eq!(sorted(tick()), here);
        assert!(claims.take_newcomers(), "it may be somebody's");
        let claim = Claim {
            section: "cgroup_web".to_owned(),
            name: "eth0".to_owned(),
            context_prefix: "cgroup.",
            labels: vec![("cgroup_name", "web".to_owned())],
        };
        claims.replace("cgroup_web", [(Box::from(&b"veth1"[..]), claim)].into_iter());
        let there =
            ["net_errors_eth0", "net_eth0", "net_mtu_eth0", "net_packets_eth0"].map(|id| format!("cgroup_web.{id}"));
        assert_eq!(sorted(tick()), there);
        host.read(|host| {
            let chart = host.find_chart("cgroup_web.net_packets_eth0").unwrap();
            let is = chart.definition();
            assert_eq!((is.context, is.family, is.priority), ("cgroup.net_packets", "net eth0", 43_001));
            let values: Vec<_> = (0..3).map(|at| chart.dimension_state(at).unwrap().collected).collect();
            assert_eq!(values, [20, 10, 3], "what was sent here is received there");
            let labels: Vec<_> = chart.labels().map(|label| label.name.to_owned()).collect();
            assert!(labels.contains(&"cgroup_name".to_owned()), "{labels:?}");
        });
        claims.replace("cgroup_web", std::iter::empty());
        assert_eq!(sorted(tick()), here);
    }

    /// Lines that are cut or absurd are left out.
    #[test]
    fn bad_lines_are_left_out() {
        for line in [
            "",
            ":",
            "eth0",
            "eth0:",
            ": 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16",
            "eth0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15",
            "eth0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 x",
            "eth0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 99999999999999999999",
        ] {
            assert_eq!(Line::parse(line.as_bytes()), None, "{line}");
        }
        crate::tests::mutate(REAL, |text| {
            lines(text).filter_map(Line::parse).count();
        });
    }
}
