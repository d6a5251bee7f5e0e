//! A link: one sender session, one receiver session, and the bytes between them.

use std::collections::VecDeque;
use std::sync::Arc;

use patterns::SimplePattern;
use protocol::Capabilities;
use row::Now;
use rrd_store::{Feed, FeedKind, Host, Keep, Store, TapId};
use tokio::sync::Notify;

use super::random::Random;
use super::source::HIDDEN;
use super::world::{Form, told};
use crate::receiver::session::Session as Receiver;
use crate::sender::session::{self, Session as Sender};
use crate::testing::info;

/// A host with a tap for its link.
pub(super) struct Tapped {
    pub(super) host: Arc<Host>,
    tap: TapId,
    buffer_bytes: usize,
}

/// An open connection.
pub(super) struct Link {
    sender: Sender,
    end: End,
    /// Text on its way out of the sender, and how much of it is.
    pending: Vec<u8>,
    up: VecDeque<u8>,
    window_bytes: usize,
}

/// How many bytes may arrive at the parent, and at the child.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flow {
    pub(super) down: usize,
    pub(super) up: usize,
}

/// The parent's end, which may outlive the connection for a while.
pub(super) struct End {
    receiver: Receiver,
    feed: Feed,
    down: VecDeque<u8>,
    out: Vec<u8>,
}

impl Tapped {
    pub(super) fn new(host: Arc<Host>, buffer_bytes: usize) -> Self {
        let matching = SimplePattern::new(&format!("!{HIDDEN}* *"));
        let tap = session::attach(&host, matching, buffer_bytes, Arc::new(Notify::new()));
        Self { host, tap, buffer_bytes }
    }
}

fn capabilities(form: Form) -> Capabilities {
    const COLLECTED: Capabilities = Capabilities(
        Capabilities::VCAPS.0
            | Capabilities::HLABELS.0
            | Capabilities::CLABELS.0
            | Capabilities::REPLICATION.0
            | Capabilities::BINARY.0,
    );
    match form {
        Form::Stored => Capabilities::CHILD.with(Capabilities::VCAPS),
        Form::Collected => COLLECTED,
    }
}

impl Link {
    /// What handshake and admission come to.
    pub(super) fn open(
        from: &Tapped,
        to: &Store,
        keep: Keep,
        form: Form,
        now: Now,
        parent_now: Now,
        window: usize,
    ) -> Self {
        let capabilities = capabilities(form);
        let host = to.add(&info(1), keep);
        let kind = if form == Form::Stored { FeedKind::Stored } else { FeedKind::Collected };
        let mut feed = host.claim(kind, info(1));
        drop(feed.writer(parent_now));
        Self {
            sender: Sender::start(Arc::clone(&from.host), from.tap, capabilities, from.buffer_bytes, now),
            end: End {
                receiver: Receiver::new(capabilities, 1, keep.history_rows),
                feed,
                down: VecDeque::new(),
                out: Vec::new(),
            },
            pending: Vec::new(),
            up: VecDeque::new(),
            window_bytes: window,
        }
    }

    /// Moves some bytes, in pieces of any size; returns whether there was something to do.
    pub(super) fn pump(&mut self, now: Now, parent_now: Now, flow: Flow, random: &mut Random) -> bool {
        let before = (self.pending.len(), self.end.down.len(), self.up.len());
        if self.pending.is_empty() {
            self.sender.fill(now, &mut self.pending);
            told(|| format!("{} sends\n{}", now.wall_s(), String::from_utf8_lossy(&self.pending)));
        }
        let room = self.window_bytes.saturating_sub(self.end.down.len()).min(self.pending.len());
        self.end.down.extend(self.pending.drain(..room));
        self.end.deliver(parent_now, flow.down, random);
        told(|| format!("{} asks {}", parent_now.wall_s(), String::from_utf8_lossy(&self.end.out)));
        self.up.extend(self.end.out.drain(..));
        let mut left = flow.up.min(self.up.len());
        while left > 0 {
            let piece: Vec<u8> = self.up.drain(..1 + random.below(left)).collect();
            left -= piece.len();
            self.sender.receive(&piece, now).unwrap();
        }
        before != (0, 0, 0) || !self.pending.is_empty() || !self.up.is_empty() || self.sender.is_asked()
    }

    /// Whether the sender would end the stream now.
    pub(super) fn is_over(&self, from: &Tapped) -> bool {
        let is_idle = self.pending.is_empty();
        self.sender.has_overflowed() || (is_idle && (!from.host.is_fed() || self.sender.is_fed_anew()))
    }

    pub(super) fn has_overflowed(&self) -> bool {
        self.sender.has_overflowed()
    }

    /// The connection is lost; what is on its way down may still arrive.
    pub(super) fn cut(self) -> End {
        self.sender.stop();
        self.end
    }
}

impl End {
    /// Gives some of the bytes that are under way to the parent; `false` once another stream of the
    /// host took over.
    pub(super) fn deliver(&mut self, now: Now, flow: usize, random: &mut Random) -> bool {
        let mut left = flow.min(self.down.len());
        while left > 0 {
            let longest = if random.permille(50) { 1 } else { left };
            let piece: Vec<u8> = self.down.drain(..1 + random.below(longest)).collect();
            left -= piece.len();
            let Some(mut writer) = self.feed.writer(now) else { return false };
            if let Err(err) = self.receiver.receive(&piece, now, &mut writer, &mut self.out) {
                panic!("the parent ends the stream: {err}");
            }
            assert_eq!(self.receiver.take_unknown(), None);
        }
        true
    }
}
