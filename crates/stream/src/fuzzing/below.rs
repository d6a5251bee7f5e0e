//! A node whose parent is hostile. It collects a few charts, keeps their rows, and serves functions.

use std::sync::Arc;

use patterns::SimplePattern;
use protocol::{Capabilities, DecodeError, Fault};
use row::{Algorithm, ChartDefinition, ChartSlot, DimensionDefinition, FunctionDefinition, Label, Packed, PointFlags};
use rrd_store::{Elapsed, Feed, FeedKind, Keep, Life, MemoryMode, Patience, Reply, Store, TapId, Writer};
use tokio::sync::Notify;

use super::peer::{self, Peer};
use super::script::{Script, Step, Time};
use super::stored;
use crate::receiver::open::agree;
use crate::sender::connection::OFFERED;
use crate::sender::session::{self, Session};

/// Rows that are there when the parent comes, and rows that are kept.
const PAST_ROWS: i64 = 70;
const HISTORY_ROWS: u32 = 120;
/// Text that may wait.
const BUFFER_BYTES: [usize; 4] = [2_000, 8_000, 30_000, 1 << 20];
/// What may come on top of it: an answer of the past, the answer to a call, or a definition.
const ON_TOP_BYTES: usize = 150_000;
/// Bytes of the longest answer to a call.
const REPLY_BYTES: usize = 31 * 1_000;
/// The charts with their seconds between rows. The parent is not sent the last.
const CHARTS: [(&str, u32); 5] =
    [("fuzz.plain", 1), ("fuzz.o'clock \"x\"", 1), ("fuzz.slow", 5), ("fuzz.many", 1), (HIDDEN, 1)];
const HIDDEN: &str = "fuzz.hidden";
/// The chart with many dimensions.
const MANY: usize = 3;

pub(super) fn run(script: Script<'_>) {
    let mut node = Node::new(&script);
    for step in script {
        match step {
            Step::Text(text) => {
                if let Err(err) = node.receive(text) {
                    let is_long = matches!(err.fault, Fault::LineTooLong { .. } | Fault::BlockTooLong { .. });
                    assert!(is_long, "{err}");
                    node.begin();
                }
            }
            Step::Turn(kind, amount) => node.turn(kind, amount),
        }
        let waiting = node.session().waiting_bytes();
        assert!(waiting <= node.buffer_bytes + ON_TOP_BYTES, "{waiting}");
    }
    node.check();
}

struct Node {
    time: Time,
    store: Store,
    life: Life,
    feed: Feed,
    kind: FeedKind,
    charts: Vec<ChartSlot>,
    /// The last second that was collected.
    collected_s: i64,
    buffer_bytes: usize,
    agreed: Capabilities,
    tap: TapId,
    session: Option<Session>,
    peer: Peer,
}

impl Node {
    fn new(script: &Script<'_>) -> Self {
        let settings = script.settings;
        let mode = if settings & 1 == 0 { MemoryMode::Ram } else { MemoryMode::None };
        let kind = [FeedKind::Local, FeedKind::Collected, FeedKind::Stored, FeedKind::Stored];
        let kind = kind[usize::from(settings >> 1 & 3)];
        let buffer_bytes = BUFFER_BYTES[usize::from(settings >> 3 & 3)];
        let agreed = agree(OFFERED, script.capabilities, &[]);
        let store = Store::new();
        let feed = store.claim(&peer::info(), Keep::new(mode, HISTORY_ROWS), kind);
        feed.take_calls_with(Arc::new(|| ()));
        let matching = SimplePattern::new(&format!("!{HIDDEN} *"));
        let tap = session::attach(feed.host(), matching, buffer_bytes, Arc::new(Notify::new()));
        let time = Time::START;
        let mut node = Self {
            time,
            store,
            life: Life::new(Patience { charts_us: 1_000_000, hosts_us: 1_000_000 }),
            kind,
            charts: Vec::new(),
            collected_s: time.0.wall_s() - PAST_ROWS,
            buffer_bytes,
            agreed,
            tap,
            session: None,
            peer: Peer::new(agreed),
            feed,
        };
        node.define();
        node.collect();
        node.begin();
        node
    }

    /// The parent is connected to anew.
    fn begin(&mut self) {
        if let Some(session) = self.session.take() {
            session.stop();
        }
        let host = Arc::clone(self.feed.host());
        self.session = Some(Session::start(host, self.tap, self.agreed, self.buffer_bytes, self.time.0));
        self.peer.begin(self.agreed);
    }

    fn session(&mut self) -> &mut Session {
        self.session.as_mut().expect("it was begun")
    }

    fn define(&mut self) {
        let mut writer = self.feed.writer(self.time.0).expect("the feed is the only one");
        self.charts.clear();
        for (place, (id, update_every_s)) in CHARTS.into_iter().enumerate() {
            let definition = ChartDefinition { id, update_every_s, title: "a chart", ..Default::default() };
            let slot = writer.define_chart(&definition).expect("there is room");
            let dimensions: &[&str] =
                if place == MANY { &["d0", "d1", "d2", "d3", "d4", "d5", "d6", "d7"] } else { &["in", "it's"] };
            dimensions.iter().for_each(|id| define_dimension(&mut writer, slot, id));
            self.charts.push(slot);
        }
        let function = FunctionDefinition {
            name: "processes",
            timeout_s: 10,
            help: "Shows",
            tags: "top",
            access: "0x8",
            priority: 100,
            version: 0,
        };
        writer.offer_function(&function);
    }

    /// Collects each second up to now.
    fn collect(&mut self) {
        let now_s = self.time.0.wall_s();
        // A clock that is set leaves a gap, or begins anew.
        if !(0..=PAST_ROWS).contains(&(now_s - self.collected_s)) {
            self.collected_s = now_s - 1;
        }
        while self.collected_s < now_s {
            self.collected_s += 1;
            let mut now = self.time.0;
            now.wall_us = self.collected_s * row::US_PER_S + 200_000;
            let mut writer = self.feed.writer(now).expect("the feed is the only one");
            for (slot, (_, every_s)) in self.charts.iter().zip(CHARTS) {
                if self.collected_s % i64::from(every_s) == 0 {
                    write_row(&mut writer, *slot, self.kind, self.collected_s, every_s);
                }
            }
        }
    }

    fn receive(&mut self, text: &[u8]) -> Result<(), DecodeError> {
        let now = self.time.0;
        self.session().receive(text, now)
    }

    fn turn(&mut self, kind: u8, amount: u8) {
        match kind {
            0 => {
                self.time.pass(amount);
                self.collect();
                self.feed.give_up_calls(self.time.0);
            }
            1 => {
                self.time.jump(amount);
                self.collect();
            }
            2 => self.change(amount),
            3 => self.serve(amount),
            4 => self.send(),
            5 => self.begin(),
            6 => {
                let now = self.time.0;
                self.session().take_gap(now, amount & 1 == 0);
            }
            _ => self.send_all(),
        }
    }

    /// A chart changes, or leaves and comes back.
    fn change(&mut self, amount: u8) {
        let slot = self.charts[usize::from(amount >> 2) % self.charts.len()];
        let mut writer = self.feed.writer(self.time.0).expect("the feed is the only one");
        match amount & 3 {
            0 => define_dimension(&mut writer, slot, &format!("late{}", self.collected_s % 7)),
            1 => {
                let value = self.collected_s.to_string();
                writer.set_chart_labels(slot, &[Label { name: "turn", value: &value, source: 1 }]);
            }
            2 => writer.set_chart_variable(slot, "limit", self.collected_s as f64),
            _ => {
                writer.set_chart_obsolete(slot);
                drop(writer);
                for _ in 0..3 {
                    self.time.pass(4);
                    assert!(self.life.step(&self.store, self.time.0).hosts.is_empty());
                }
                self.define();
            }
        }
    }

    /// The host's feed looks after a call.
    fn serve(&mut self, amount: u8) {
        while self.feed.take_notice().is_some() {}
        let Some((number, call)) = self.feed.take_call() else { return };
        assert!(call.function.len() < 16_384);
        if amount == 31 {
            return self.feed.progress_call(number, (1, 2), self.time.0);
        }
        let body = "a line of text\n".bytes().cycle().take(usize::from(amount) * 1_000).collect();
        let reply = Reply { code: 200, content_type: "text/plain".into(), expires_s: 0, body };
        self.feed.answer_call(number, reply);
    }

    /// What the connection does as soon as the last text is written.
    fn send(&mut self) {
        if self.session().is_fed_anew() || self.session().has_overflowed() {
            return self.begin();
        }
        let mut text = Vec::new();
        let now = self.time.0;
        self.session().fill(now, &mut text);
        assert!(text.len() <= 2 * self.buffer_bytes + ON_TOP_BYTES + REPLY_BYTES, "{}", text.len());
        self.peer.take(&text, now);
        self.peer.asks.clear();
    }

    /// Sends all there is: there is an end to what a parent that is silent now had asked for.
    fn send_all(&mut self) {
        for _ in 0..1_000 {
            self.send();
            if !self.session().is_asked() {
                return;
            }
        }
        panic!("no end to it");
    }

    fn check(mut self) {
        self.send_all();
        let (host, now_s) = (self.feed.host(), self.time.0.wall_s());
        stored::check(host, now_s);
        stored::check(self.peer.feed.host(), now_s);
        let hidden = self.peer.feed.host().read(|view| view.find_chart(HIDDEN).is_some());
        assert!(!hidden);
        if peer::kind(self.agreed) == FeedKind::Stored && host.read(|view| view.removals()) == 0 {
            stored::compare(host, self.peer.feed.host());
        }
    }
}

fn define_dimension(writer: &mut Writer<'_>, slot: ChartSlot, id: &str) {
    let algorithm = if id == "in" { Algorithm::Incremental } else { Algorithm::Absolute };
    let definition = DimensionDefinition { id, algorithm, ..Default::default() };
    writer.define_dimension(slot, &definition).expect("there is room");
}

fn write_row(writer: &mut Writer<'_>, slot: ChartSlot, kind: FeedKind, second: i64, every_s: u32) {
    if !writer.begin(slot) {
        return;
    }
    let dimensions = writer.view().chart(slot).map_or(0, |chart| chart.dimension_count());
    for index in 0..dimensions as u32 {
        let value = second % 1_000 * i64::from(index + 1);
        match kind {
            FeedKind::Stored if (second + i64::from(index)) % 11 != 0 => {
                writer.set_stored(index, Some(value), Packed::pack(value as f64, PointFlags::NORMAL));
            }
            FeedKind::Stored => {}
            FeedKind::Local | FeedKind::Collected => writer.set(index, value),
        }
    }
    match kind {
        FeedKind::Stored => drop(writer.end_stored(second, true)),
        FeedKind::Local => writer.end(Elapsed::Clock),
        FeedKind::Collected => writer.end(Elapsed::Us(u64::from(every_s) * row::US_PER_S as u64)),
    }
}
