//! The parent of the node: it is honest, and takes what comes seriously.

use protocol::Capabilities;
use row::{Guid, Now};
use rrd_store::{Feed, FeedKind, HostInfo, Keep, MemoryMode, Store};

use crate::receiver::session::Session;

/// Rows that it keeps.
const HISTORY_ROWS: u32 = 600;

pub(super) struct Peer {
    pub(super) feed: Feed,
    session: Session,
    /// What it asks for.
    pub(super) asks: Vec<u8>,
}

/// The host that all is about.
pub(super) fn info() -> HostInfo {
    HostInfo::unknown(Guid::from_bytes([7; 16]))
}

pub(super) fn kind(agreed: Capabilities) -> FeedKind {
    if agreed.has(Capabilities::INTERPOLATED) { FeedKind::Stored } else { FeedKind::Collected }
}

impl Peer {
    pub(super) fn new(agreed: Capabilities) -> Self {
        let feed = Store::new().claim(&info(), Keep::new(MemoryMode::Ram, HISTORY_ROWS), kind(agreed));
        Self { feed, session: Session::new(agreed, 1, HISTORY_ROWS), asks: Vec::new() }
    }

    /// A stream begins; what came before stays.
    pub(super) fn begin(&mut self, agreed: Capabilities) {
        self.feed = self.feed.host().claim(kind(agreed), info());
        self.session = Session::new(agreed, 1, HISTORY_ROWS);
        self.asks.clear();
    }

    /// Takes text of the node: it understands all of it.
    pub(super) fn take(&mut self, text: &[u8], now: Now) {
        let mut writer = self.feed.writer(now).expect("the feed is the only one");
        if let Err(err) = self.session.receive(text, now, &mut writer, &mut self.asks) {
            panic!("{err} in\n{}", String::from_utf8_lossy(text));
        }
        assert_eq!(self.session.take_unknown(), None);
    }
}
