//! A node whose child is hostile, and which passes the host on to its parent.

use std::sync::Arc;

use patterns::SimplePattern;
use protocol::Capabilities;
use rrd_store::{Call, Feed, FeedKind, Host, Keep, Life, MemoryMode, OpenCall, Patience, Payload, Store, TapId};
use tokio::sync::Notify;

use super::peer::{self, Peer};
use super::script::{Script, Step, Time};
use super::stored;
use crate::receiver::functions::UNSENT_BEFORE_CALLS;
use crate::receiver::open::{OWN, agree};
use crate::receiver::session::{Session, SessionError};
use crate::sender::session::{self as sender, Session as Sender};

/// What the node and its parent may be agreed on.
const ONWARD: [Capabilities; 4] = [
    Capabilities::PARENT.with(Capabilities::FUNCTIONS).with(Capabilities::PROGRESS),
    // A parent of 1.37.
    Capabilities(15_296),
    Capabilities::V1,
    // What parents of all ages with half of the new things would answer.
    Capabilities::CHILD.with(Capabilities::VCAPS).without(Capabilities::IEEE754.with(Capabilities::SLOTS)),
];
/// Rows that are kept: with several blocks, and of a spool.
const HISTORY_ROWS: [u32; 2] = [300, 60];
/// Text that may wait for the parent.
const BUFFER_BYTES: usize = 100_000;
/// Calls that are open at once.
const CALLS: usize = 6;

pub(super) fn run(script: Script<'_>) {
    let mut node = Node::new(&script);
    for step in script {
        match step {
            Step::Text(text) => {
                if node.receive(text).is_err() {
                    // That is the end of the child, and of nothing else.
                    node.begin();
                }
            }
            Step::Turn(kind, amount) => node.turn(kind, amount),
        }
        node.pass_calls();
        node.onward.pump(node.time);
    }
    node.check();
}

struct Node {
    time: Time,
    store: Store,
    life: Life,
    agreed: Capabilities,
    keep: Keep,
    feed: Feed,
    session: Session,
    /// What is to be sent to the child.
    out: Vec<u8>,
    calls: Vec<OpenCall>,
    onward: Onward,
    /// The clock was never set. One that is set back takes the rows along that are ahead of it then.
    is_steady: bool,
}

impl Node {
    fn new(script: &Script<'_>) -> Self {
        let settings = script.settings;
        let mode = if settings & 1 == 0 { MemoryMode::Ram } else { MemoryMode::None };
        let keep = Keep::new(mode, HISTORY_ROWS[usize::from(settings >> 1 & 1)]);
        let agreed = agree(OWN, script.capabilities, &[]);
        let store = Store::new();
        let feed = store.claim(&peer::info(), keep, peer::kind(agreed));
        let form = ONWARD[usize::from(settings >> 2 & 3)];
        let mut node = Self {
            time: Time::START,
            store,
            life: Life::new(Patience { charts_us: 1_000_000, hosts_us: 1_000_000 }),
            agreed,
            keep,
            onward: Onward::new(feed.host(), form, Time::START),
            feed,
            session: Session::new(agreed, 1, keep.history_rows),
            out: Vec::new(),
            calls: Vec::new(),
            is_steady: true,
        };
        node.begin();
        node
    }

    /// The child connects.
    fn begin(&mut self) {
        self.feed = self.store.claim(&peer::info(), self.keep, peer::kind(self.agreed));
        self.session = Session::new(self.agreed, 1, self.keep.history_rows);
        self.out.clear();
        if self.agreed.has(Capabilities::FUNCTIONS) {
            self.feed.take_calls_with(Arc::new(|| ()));
        }
    }

    fn receive(&mut self, text: &[u8]) -> Result<(), SessionError> {
        let before = self.out.len();
        let mut writer = self.feed.writer(self.time.0).expect("the feed is the newest");
        let taken = self.session.receive(text, self.time.0, &mut writer, &mut self.out);
        // Each line may be answered by a request, and an id may be long.
        assert!(self.out.len() - before <= 4_000 + 5 * text.len(), "{} for {}", self.out.len() - before, text.len());
        taken
    }

    fn turn(&mut self, kind: u8, amount: u8) {
        match kind {
            0 => self.time.pass(amount),
            1 => {
                self.time.jump(amount);
                self.is_steady = false;
            }
            2 => self.sweep(),
            3 => self.call(amount),
            4 => self.out.clear(),
            5 => self.begin(),
            6 => self.onward.begin(ONWARD[usize::from(amount & 3)], self.time),
            _ => drop(self.session.take_gap(self.time.0, amount & 1 == 0)),
        }
    }

    /// Charts that are obsolete leave.
    fn sweep(&mut self) {
        for _ in 0..3 {
            self.time.pass(4);
            assert!(self.life.step(&self.store, self.time.0).hosts.is_empty());
        }
    }

    /// Somebody above calls a function, or gives a call up, or still waits for one.
    fn call(&mut self, amount: u8) {
        match amount {
            30 => self.calls.iter().for_each(|call| call.still_awaited(self.time.0)),
            31 => self.calls.clear(),
            _ if self.calls.len() >= CALLS => {}
            _ => {
                let payload = || Payload { content_type: "text/plain".into(), body: b"line\nline".to_vec() };
                let call = Call {
                    function: "processes".into(),
                    timeout_s: i64::from(amount),
                    access: "0xFFFF".into(),
                    source: "method=api".into(),
                    payload: (amount & 1 == 1).then(payload),
                };
                self.calls.push(self.feed.host().ask(call, self.time.0, Box::new(|_| ())));
            }
        }
    }

    /// What the connection does with calls after each read.
    fn pass_calls(&mut self) {
        let before = self.out.len();
        self.session.functions.pass(&self.feed, self.time.0, &mut self.out);
        assert!(self.out.len() <= before.max(UNSENT_BEFORE_CALLS) + 20_000);
        self.calls.retain(OpenCall::is_open);
    }

    fn check(mut self) {
        let (time, host) = (self.time, self.feed.host());
        self.onward.settle(time);
        stored::check(host, time.0.wall_s());
        stored::check(self.onward.peer.feed.host(), time.0.wall_s());
        // A chart that left and came back may have brought other values for the same seconds.
        if self.is_steady && self.onward.has_values && host.read(|view| view.removals()) == 0 {
            stored::compare(host, self.onward.peer.feed.host());
        }
    }
}

/// The stream to the parent.
struct Onward {
    host: Arc<Host>,
    tap: TapId,
    form: Capabilities,
    session: Option<Sender>,
    peer: Peer,
    /// All of its streams took stored values.
    has_values: bool,
}

impl Onward {
    fn new(host: &Arc<Host>, form: Capabilities, time: Time) -> Self {
        let tap = sender::attach(host, SimplePattern::new("*"), BUFFER_BYTES, Arc::new(Notify::new()));
        let peer = Peer::new(form);
        let mut onward = Self { host: Arc::clone(host), tap, form, session: None, peer, has_values: true };
        onward.begin(form, time);
        onward
    }

    /// The parent is connected to, and answers so.
    fn begin(&mut self, form: Capabilities, time: Time) {
        if let Some(session) = self.session.take() {
            session.stop();
        }
        self.form = form;
        self.has_values &= peer::kind(form) == FeedKind::Stored;
        self.peer.begin(form);
        self.session = Some(Sender::start(Arc::clone(&self.host), self.tap, form, BUFFER_BYTES, time.0));
    }

    /// Moves text up, and what is asked for down; returns whether there is more.
    fn pump(&mut self, time: Time) -> bool {
        let Some(session) = self.session.as_mut().filter(|session| !session.is_fed_anew() && !session.has_overflowed())
        else {
            self.begin(self.form, time);
            return true;
        };
        let mut text = Vec::new();
        session.fill(time.0, &mut text);
        self.peer.take(&text, time.0);
        let asks = std::mem::take(&mut self.peer.asks);
        session.receive(&asks, time.0).expect("the parent is ours");
        !text.is_empty() || session.is_asked()
    }

    /// Pumps until nothing moves any more: there is an end to it.
    fn settle(&mut self, time: Time) {
        assert!((0..5_000).any(|_| !self.pump(time)), "no end to it");
    }
}
