//! Blocks of real values: the recorded streams of real children, brought to stored values.
//!
//! A capture goes through the decoder into a host, as it does behind a socket. What the host then
//! holds is cut into blocks of 60 full rows, chart by chart; what is left over is not used.

use std::collections::HashMap;
use std::io::Read;
use std::path::Path;

use protocol::{Capabilities, Command, Decoder, Limits, Request, Step, frame};
use row::{ChartDefinition, ChartSlot, Guid, Now, Packed, US_PER_S};
use rrd_store::{Elapsed, Feed, FeedKind, HostInfo, Keep, MemoryMode, Store, Writer};

use rrd_store::block::ROWS;

/// The captures, in the order of the report.
pub(crate) const FILES: [&str; 7] = [
    "netdata-1.37.1-plain-v1.bin",
    "netdata-1.37.1-caps.bin",
    "netdata-1.37.1-lz4.bin",
    "netdata-2.11.0-v1.bin.gz",
    "netdata-2.11.0-caps.bin.gz",
    "netdata-2.11.0-lz4.bin.gz",
    "netdata-2.11.0-zstd.bin.gz",
];

/// The clock of children that leave it to their parent.
const START_S: i64 = 1_795_387_000;

/// 60 rows of a chart, row after row.
pub(crate) struct Block {
    pub(crate) stride: usize,
    pub(crate) rows: Vec<u32>,
}

/// A chart of a capture.
pub(crate) struct Chart {
    pub(crate) texts: [String; 7],
    pub(crate) dimensions: Vec<[String; 2]>,
    pub(crate) blocks: Vec<Block>,
}

impl Chart {
    /// Its definition under another id, for one row per second.
    pub(crate) fn definition<'a>(&'a self, id: &'a str) -> ChartDefinition<'a> {
        let [name, title, units, family, context, plugin, module] = self.texts.each_ref().map(String::as_str);
        ChartDefinition {
            id,
            name,
            title,
            units,
            family,
            context,
            plugin,
            module,
            update_every_s: 1,
            ..Default::default()
        }
    }
}

/// All charts of a capture with a full block at least; `None` where it is not at hand.
pub(crate) fn charts(file: &str) -> Option<Vec<Chart>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/captures").join(file);
    let text = text(file, std::fs::read(path).ok()?);
    // What a replicated value without flags means depends on what was agreed on.
    let agreed = if file.contains("1.37") { Capabilities::V1 } else { Capabilities::PARENT };
    let mut replayer = Replayer::new(durations(&text, agreed));
    each_command(&text, agreed, |command| replayer.command(command));
    Some(replayer.charts())
}

/// What a capture says after its request, in plain text.
fn text(file: &str, mut bytes: Vec<u8>) -> Vec<u8> {
    if file.ends_with(".gz") {
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(&bytes[..]).read_to_end(&mut plain).expect("the capture is whole");
        bytes = plain;
    }
    let body = bytes.split_off(Request::head_length(&bytes).expect("a capture begins with a request"));
    if file.contains("lz4") {
        unframe(&body, |payload, plain, text| {
            let history = &text[text.len().saturating_sub(65_536)..];
            lz4_flex::block::decompress_into_with_dict(payload, plain, history).expect("an LZ4 frame")
        })
    } else if file.contains("zstd") {
        let mut decoder = zstd::stream::raw::Decoder::new().expect("room for a decoder");
        unframe(&body, |payload, plain, _| {
            use zstd::stream::raw::Operation;
            decoder.run_on_buffers(payload, plain).expect("a ZSTD frame").bytes_written
        })
    } else {
        body
    }
}

fn unframe(mut bytes: &[u8], mut codec: impl FnMut(&[u8], &mut [u8], &[u8]) -> usize) -> Vec<u8> {
    let mut text = Vec::new();
    let mut plain = vec![0; frame::PLAIN_BYTES_MAX];
    while let Some((head, rest)) = bytes.split_first_chunk() {
        let length = frame::parse(head).expect("a frame's head");
        let Some((payload, rest)) = rest.split_at_checked(length) else { break };
        let length = codec(payload, &mut plain, &text);
        text.extend_from_slice(&plain[..length]);
        bytes = rest;
    }
    text
}

fn each_command(text: &[u8], agreed: Capabilities, mut f: impl FnMut(&Command<'_>)) {
    let mut decoder = Decoder::new(Limits::default()).with_capabilities(agreed);
    let mut at = 0;
    loop {
        let mut consumed = 0;
        let step = decoder.step(&text[at..], &mut consumed).expect("real traffic is without faults");
        at += consumed;
        match step {
            Step::Command(command) => f(&command),
            Step::NeedMore => return,
        }
    }
}

/// The times between collections that a child measured itself, by chart. A child without history
/// leaves the first minute to its parent's clock, which is not recorded: these stand in for it.
fn durations(text: &[u8], agreed: Capabilities) -> HashMap<Vec<u8>, Vec<u64>> {
    let mut durations: HashMap<Vec<u8>, Vec<u64>> = HashMap::new();
    each_command(text, agreed, |command| {
        if let Command::Begin { id, elapsed_us, .. } = *command
            && elapsed_us > 0
        {
            durations.entry(id.to_vec()).or_default().push(elapsed_us);
        }
    });
    durations
}

/// Feeds a host with the commands of a capture.
struct Replayer {
    feed: Feed,
    durations: HashMap<Vec<u8>, Vec<u64>>,
    /// Each chart's clock and its number of collections.
    clocks: HashMap<ChartSlot, (i64, usize)>,
    chart: Option<ChartSlot>,
    elapsed_us: u64,
    row_s: i64,
    next: u32,
    replayed: Option<i64>,
}

impl Replayer {
    fn new(durations: HashMap<Vec<u8>, Vec<u64>>) -> Self {
        let info = HostInfo { hostname: "capture".into(), hops: 1, ..HostInfo::unknown(Guid::from_bytes([1; 16])) };
        let host = Store::new().add(&info, Keep::new(MemoryMode::Ram, 3_600));
        let feed = host.claim(FeedKind::Collected, info);
        let clocks = HashMap::new();
        Self { feed, durations, clocks, chart: None, elapsed_us: 0, row_s: 0, next: 0, replayed: None }
    }

    fn writer(feed: &mut Feed, wall_us: i64) -> Writer<'_> {
        feed.writer(Now { wall_us, mono_us: wall_us as u64 }).expect("the feed is the only one")
    }

    fn command(&mut self, command: &Command<'_>) {
        let wall_us = self.chart.and_then(|chart| self.clocks.get(&chart)).map_or(START_S * US_PER_S, |clock| clock.0);
        let mut writer = Self::writer(&mut self.feed, wall_us);
        if !matches!(command, Command::ReplaySet { .. })
            && let Some(time_s) = self.replayed.take()
        {
            writer.end_stored(time_s, false);
        }
        match *command {
            Command::Chart { ref definition, .. } => {
                let update_every_s = definition.update_every_s.max(1);
                let definition = ChartDefinition { name: "", update_every_s, ..*definition };
                self.chart = Some(writer.define_chart(&definition).expect("a real definition"));
            }
            Command::Dimension { ref definition, .. } => {
                let chart = self.chart.expect("a dimension follows its chart");
                writer.define_dimension(chart, definition).expect("a real definition");
            }
            Command::Begin { id, elapsed_us, .. } => {
                self.chart = writer.find_chart(id, self.chart);
                self.elapsed_us = elapsed_us;
                if elapsed_us == 0
                    && let Some(known) = self.durations.get(id)
                {
                    let collections = self.chart.and_then(|chart| self.clocks.get(&chart)).map_or(0, |clock| clock.1);
                    self.elapsed_us = known[collections % known.len()];
                }
                self.next = 0;
                writer.begin(self.chart.expect("a known chart"));
            }
            Command::Set { id, value, .. } => {
                let dimension = writer.find_dimension(id, self.next).expect("a known dimension");
                writer.set(dimension, value);
                self.next = dimension + 1;
            }
            Command::End => {
                drop(writer);
                self.end_collected();
            }
            Command::Begin2 { id, update_every_s, time_s, .. } => {
                self.chart = writer.find_chart(id, self.chart);
                (self.row_s, self.next) = (time_s, 0);
                let chart = self.chart.expect("a known chart");
                writer.set_update_every(chart, update_every_s);
                writer.begin(chart);
            }
            Command::Set2 { id, collected, value, flags, .. } => {
                let dimension = writer.find_dimension(id, self.next).expect("a known dimension");
                writer.set_stored(dimension, Some(collected), Packed::pack(value, flags));
                self.next = dimension + 1;
            }
            Command::End2 => {
                writer.end_stored(self.row_s, true);
            }
            Command::ReplayBegin { id, .. } => self.chart = writer.find_chart(id, None),
            Command::ReplayPoint { start_s, end_s, .. } => {
                let chart = self.chart.expect("a known chart");
                writer.set_update_every(chart, (end_s - start_s) as u32);
                writer.begin(chart);
                (self.replayed, self.next) = (Some(end_s), 0);
            }
            Command::ReplaySet { id, value, flags, .. } => {
                let dimension = writer.find_dimension(id, self.next).expect("a known dimension");
                writer.set_stored(dimension, None, Packed::pack(value, flags));
                self.next = dimension + 1;
            }
            Command::ReplayDimensionState { id, collected, calculated, .. } => {
                let chart = self.chart.expect("a known chart");
                writer.begin(chart);
                if let Some(dimension) = writer.find_dimension(id, 0) {
                    writer.set_dimension_state(chart, dimension, collected, calculated);
                }
            }
            Command::ReplayChartState { collected_us, updated_us } => {
                writer.set_chart_state(self.chart.expect("a known chart"), collected_us, updated_us);
            }
            _ => {}
        }
    }

    /// Moves the chart's clock, then ends its row.
    fn end_collected(&mut self) {
        let chart = self.chart.expect("a row is open");
        let clock = self.clocks.entry(chart).or_insert((START_S * US_PER_S, 0));
        clock.0 += self.elapsed_us as i64;
        clock.1 += 1;
        Self::writer(&mut self.feed, clock.0).end(Elapsed::Us(self.elapsed_us));
    }

    fn charts(&self) -> Vec<Chart> {
        let mut charts = Vec::new();
        self.feed.host().read(|host| {
            for chart in host.charts() {
                let stride = chart.dimension_count();
                let (every_s, first_s, last_s) = (i64::from(chart.update_every_s()), chart.first_s(), chart.last_s());
                // The first row is seldom whole.
                let start_s = first_s + every_s;
                let count = ((last_s - start_s) / every_s + 1).max(0) as usize / ROWS;
                let mut rows = vec![Packed::EMPTY.to_bits(); count * ROWS * stride];
                chart.snapshot(start_s - 1, last_s).rows(|time_s, values| {
                    let at = ((time_s - start_s) / every_s) as usize * stride;
                    if let Some(row) = rows.get_mut(at..at + stride) {
                        row.iter_mut().zip(values).for_each(|(place, value)| *place = value.to_bits());
                    }
                });
                if first_s > 0 && stride > 0 {
                    let blocks = rows.chunks_exact(ROWS * stride).map(|rows| Block { stride, rows: rows.to_vec() });
                    let texts = chart.definition();
                    charts.push(Chart {
                        texts: [
                            texts.name,
                            texts.title,
                            texts.units,
                            texts.family,
                            texts.context,
                            texts.plugin,
                            texts.module,
                        ]
                        .map(str::to_owned),
                        dimensions: chart
                            .dimensions()
                            .map(|texts| [texts.id.to_owned(), texts.name.to_owned()])
                            .collect(),
                        blocks: blocks.collect(),
                    });
                }
            }
        });
        charts.retain(|chart| !chart.blocks.is_empty());
        charts
    }
}
