//! The load: many children that send the same rows, in any form of the stream.
//!
//! All children of a line say the same, so text is made and compressed once and written to each:
//! what is left of this machine belongs to what is measured.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use integration_tests::API_KEY;
use integration_tests::wait::{Deadline, now_s, s};
use protocol::encode;
use protocol::{Answer, Capabilities, Request};
use row::{
    Algorithm, ChartDefinition, ChartOptions, ChartType, DimensionDefinition, DimensionOptions, Guid, Packed,
    PointFlags,
};
use stream::codec::{Codec, Encoder};

/// One hot host would hide every cache miss.
pub(crate) const HOSTS: u32 = 100;
const CHARTS: u32 = 50;
pub(crate) const DIMENSIONS: u32 = 4;
/// Values of one host in one second.
pub(crate) const SAMPLES: u64 = (CHARTS * DIMENSIONS) as u64;
/// Seconds that are left out at the beginning: connections, definitions, first allocations.
const WARM_UP_S: u32 = 5;
/// The same where a Netdata takes part: for about 15 s after a child came it writes its metadata, at
/// several times the cost of its rows.
const WARM_UP_OF_NETDATA_S: u32 = 20;
/// The window of ZSTD that our sender has by default.
const WINDOW_BYTES: u32 = 128 * 1024;
const TIMEOUT: Duration = Duration::from_secs(10);
const ANSWER_BYTES: usize = 512;

/// How a child writes its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Writes {
    /// All of a second at once, as ours do.
    PerSecond,
    /// Chart by chart, as Netdata's do.
    PerChart,
}

/// What goes over the wire.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Form {
    pub(crate) name: &'static str,
    capabilities: Capabilities,
    codec: Option<Codec>,
}

impl Form {
    pub(crate) const V1_PLAIN: Self = Self::of("v1, plain", V1, None);
    pub(crate) const V1_LZ4: Self = Self::of("v1, LZ4", V1, Some(Codec::Lz4));
    pub(crate) const V2_PLAIN: Self = Self::of("v2, plain", V2, None);
    pub(crate) const V2_LZ4: Self = Self::of("v2, LZ4", V2, Some(Codec::Lz4));
    pub(crate) const V2_ZSTD: Self = Self::of("v2, ZSTD", V2, Some(Codec::Zstd));

    const fn of(name: &'static str, capabilities: Capabilities, codec: Option<Codec>) -> Self {
        Self { name, capabilities, codec }
    }

    /// What a child of this form offers, and wants to be granted.
    pub(crate) fn capabilities(self) -> Capabilities {
        self.codec.map_or(self.capabilities, |codec| self.capabilities.with(codec.capability()))
    }

    /// Whether Netdata 1.37.1 takes it.
    pub(crate) fn is_old(self) -> bool {
        !self.capabilities.has(Capabilities::INTERPOLATED)
    }

    pub(crate) fn is_compressed(self) -> bool {
        self.codec.is_some()
    }
}

const V1: Capabilities = Capabilities::VCAPS;
const V2: Capabilities = Capabilities(
    Capabilities::VCAPS.0
        | Capabilities::BINARY.0
        | Capabilities::INTERPOLATED.0
        | Capabilities::IEEE754.0
        | Capabilities::SLOTS.0,
);

/// Children that say the same, each to its parent.
pub(crate) struct Line {
    form: Form,
    writes: Writes,
    encoder: Option<Encoder>,
    children: Vec<TcpStream>,
    turn: u32,
    wire_bytes: u64,
    parents: u64,
}

impl Line {
    /// Connects `HOSTS` children to each of the parents and defines their charts.
    pub(crate) fn connect(form: Form, writes: Writes, parents: &[SocketAddr]) -> Self {
        let hosts = (0..HOSTS).flat_map(|host| parents.iter().map(move |parent| (host, *parent)));
        let children = hosts.map(|(host, parent)| connect(form, parent, host)).collect();
        let mut line = Self {
            form,
            writes,
            encoder: encoder(form),
            children,
            turn: 0,
            wire_bytes: 0,
            parents: parents.len() as u64,
        };
        line.send(&definitions(form, CHARTS, DIMENSIONS));
        line
    }

    /// Sends for as long as everything needs to settle.
    pub(crate) fn warm_up(&mut self) {
        self.play(if self.form.is_old() { WARM_UP_OF_NETDATA_S } else { WARM_UP_S });
        self.wire_bytes = 0;
    }

    /// Sends that many rows of each chart, one a second; returns how many samples went to each parent.
    pub(crate) fn play(&mut self, count: u32) -> u64 {
        for _ in 0..count {
            let second = Deadline::after(s(1));
            self.rows();
            if second.is_over() {
                println!("sending to {} streams took longer than a second: rows came late", self.children.len());
            }
            second.wait();
        }
        u64::from(HOSTS) * SAMPLES * u64::from(count)
    }

    /// Sends a row of each chart, of this second.
    pub(crate) fn rows(&mut self) {
        let time_s = now_s();
        let (form, turn) = (self.form, self.turn);
        let charts = (0..CHARTS).map(|chart| row_of(form, chart, turn, time_s));
        match self.writes {
            Writes::PerSecond => self.send(&charts.collect::<Vec<_>>().concat()),
            // Chart after chart over all hosts: the writes of one host are some time apart.
            Writes::PerChart => charts.for_each(|text| self.send(&text)),
        }
        self.turn += 1;
    }

    /// Bytes that went to each parent since the warm-up.
    pub(crate) fn wire_bytes(&self) -> u64 {
        self.wire_bytes / self.parents
    }

    fn send(&mut self, text: &[u8]) {
        let bytes = pack(self.encoder.as_mut(), text);
        self.wire_bytes += bytes.len() as u64 * self.children.len() as u64;
        self.children.iter_mut().for_each(|child| child.write_all(&bytes).expect("the parent reads"));
    }
}

/// An encoder for this form, where it has one.
pub(crate) fn encoder(form: Form) -> Option<Encoder> {
    form.codec.map(|codec| Encoder::new(codec, WINDOW_BYTES, form.capabilities.has(Capabilities::BINARY)))
}

/// The bytes of the wire for this text.
pub(crate) fn pack(encoder: Option<&mut Encoder>, mut text: &[u8]) -> Vec<u8> {
    let Some(encoder) = encoder else { return text.to_vec() };
    let mut bytes = Vec::new();
    while !text.is_empty() {
        let taken = encoder.frame(text, &mut bytes).expect("text of ours can be compressed");
        text = &text[taken..];
    }
    bytes
}

/// Connects a child, the `host`th of its parent, which must grant all that it offers.
pub(crate) fn connect(form: Form, parent: SocketAddr, host: u32) -> TcpStream {
    let mut socket = TcpStream::connect_timeout(&parent, TIMEOUT).expect("a parent on loopback");
    socket.set_read_timeout(Some(TIMEOUT)).and_then(|()| socket.set_nodelay(true)).expect("a socket of ours");
    let mut guid = [0xcc; 16];
    guid[12..].copy_from_slice(&host.to_be_bytes());
    let mut request = Request::new(API_KEY.parse().expect("a GUID"), Guid::from_bytes(guid), &format!("bench-{host}"));
    request.capabilities = form.capabilities();
    request.version_given = true;
    (request.program_name, request.program_version) = ("bench".into(), "1".into());
    let mut head = Vec::new();
    request.write(&mut head);
    socket.write_all(&head).expect("the parent reads");
    let mut answer = [0; ANSWER_BYTES];
    let length = socket.read(&mut answer).expect("the parent answers");
    match Answer::parse(&answer[..length], form.capabilities()) {
        Some(Answer::Go(granted)) if granted.without(Capabilities::MARKERS) == wanted(form) => socket,
        other => panic!("{parent} grants {other:?} where {:?} is wanted", wanted(form)),
    }
}

fn wanted(form: Form) -> Capabilities {
    form.capabilities().without(Capabilities::MARKERS)
}

/// Definitions of charts, without what asks for replication.
pub(crate) fn definitions(form: Form, charts: u32, dimensions: u32) -> Vec<u8> {
    let (mut out, lines) = (Vec::new(), encode::Form::of(form.capabilities()));
    for chart in 0..charts {
        let definition = ChartDefinition {
            id: &format!("bench.c{chart}"),
            name: "",
            title: "a chart",
            units: "things",
            family: "f",
            context: "bench.c",
            chart_type: ChartType::Line,
            priority: 1000,
            update_every_s: 1,
            options: ChartOptions(0),
            plugin: "bench",
            module: "",
        };
        encode::write_chart(&mut out, lines, chart + 1, &definition);
        for dimension in 0..dimensions {
            let algorithm = [Algorithm::Absolute, Algorithm::Incremental][dimension as usize % 2];
            let id = format!("d{dimension}");
            let definition = DimensionDefinition {
                id: &id,
                name: "",
                algorithm,
                multiplier: 1,
                divisor: 1,
                options: DimensionOptions(0),
            };
            encode::write_dimension(&mut out, lines, dimension + 1, &definition);
        }
    }
    out
}

/// One chart's row of one second. Three of four values repeat, as they do in real streams.
pub(crate) fn row_of(form: Form, chart: u32, turn: u32, time_s: i64) -> Vec<u8> {
    let (mut out, lines) = (Vec::new(), encode::Form::of(form.capabilities()));
    let id = format!("bench.c{chart}");
    match lines.interpolated {
        true => encode::write_begin2(&mut out, lines, chart + 1, &id, 1, time_s, time_s),
        false => encode::write_begin(&mut out, &id, 1_000_000),
    }
    for dimension in 0..DIMENSIONS {
        let moves = (chart + dimension).is_multiple_of(4);
        let value = i64::from(if moves { 1000 * chart + 17 * turn } else { dimension });
        let id = format!("d{dimension}");
        match lines.interpolated {
            true => {
                let stored = Packed::pack(value as f64, PointFlags::default());
                encode::write_set2(&mut out, lines, dimension + 1, &id, value, stored);
            }
            false => encode::write_set(&mut out, &id, value),
        }
    }
    if lines.interpolated {
        encode::write_end2(&mut out)
    } else {
        encode::write_end(&mut out)
    }
    out
}
