//! The streams of this node: what all hosts together received and sent. Ours.
//!
//! No file is read: the hosts of the store count for themselves, and are asked every few seconds.
//! There are as many charts with ten thousand hosts as with one, and none on a node without streams.

use std::sync::Arc;

use row::{ChartType, Now};
use rrd_store::{Count, Store, Totals};

use crate::charts::{Batch, Chart, Form, Owner, PLAIN, absolute, incremental};
use crate::file::Buffer;
use crate::module::{Module, ReadError};

/// The module's name.
pub(crate) const NAME: &str = "streams";
/// Seconds between rows, at least: each is a walk over all hosts.
pub(crate) const EVERY_S: u32 = 5;

const fn form(id: &'static str, title: &'static str, units: &'static str, order: i32) -> Form {
    Form {
        id,
        context: id,
        title,
        units,
        family: "streams",
        chart_type: ChartType::Line,
        priority: 130_000 + order,
        options: PLAIN,
        dimensions: &[],
    }
}

static CONNECTED: Form = Form {
    dimensions: &[absolute("received", 1, 1), absolute("sent", 1, 1)],
    ..form("tributary.streams_connected", "Streams that are connected", "streams", 0)
};
static OPENED: Form = Form {
    dimensions: &[incremental("received", 1, 1), incremental("sent", 1, 1)],
    ..form("tributary.streams_opened", "Streams that were opened", "streams/s", 1)
};
static ROWS: Form = Form {
    dimensions: &[
        incremental("written", 1, 1),
        incremental("sent", 1, 1),
        incremental("replicated_in", 1, 1),
        incremental("replicated_out", 1, 1),
    ],
    ..form("tributary.streams_rows", "Rows written here and sent on", "rows/s", 2)
};
static DISCARDED: Form = Form {
    dimensions: &[
        incremental("lost_in", 1, 1),
        incremental("lost_out", 1, 1),
        incremental("ignored", 1, 1),
        incremental("refused", 1, 1),
    ],
    ..form("tributary.streams_discarded", "Rows lost, ignored and refused", "rows/s", 3)
};
static BYTES: Form = Form {
    dimensions: &[
        incremental("received", 8, 1000),
        incremental("sent", 8, 1000),
        incremental("received_text", 8, 1000),
        incremental("sent_text", 8, 1000),
    ],
    ..form("tributary.streams_traffic", "Bytes of streams, on the wire and as text", "kilobits/s", 4)
};
static LAG: Form = Form {
    dimensions: &[absolute("oldest", 1, 1), absolute("unsent", 1, 1)],
    ..form("tributary.streams_lag", "How far the host that is most behind is, as received and as sent on", "seconds", 5)
};
static UNSAVED: Form = Form {
    dimensions: &[absolute("hosts", 1, 1)],
    ..form("tributary.hosts_unsaved", "Hosts whose rows the disk refuses", "hosts", 6)
};

/// Adds the streams of a store up.
pub(crate) struct Streams {
    store: Arc<Store>,
    totals: Totals,
    owner: Owner,
    connected: Chart,
    opened: Chart,
    rows: Chart,
    discarded: Chart,
    bytes: Chart,
    lag: Chart,
    unsaved: Chart,
}

impl Streams {
    pub(crate) fn new(store: Arc<Store>, update_every_s: u32) -> Self {
        Self {
            store,
            totals: Totals::default(),
            owner: Owner::machine(NAME, update_every_s),
            connected: Chart::new(&CONNECTED),
            opened: Chart::new(&OPENED),
            rows: Chart::new(&ROWS),
            discarded: Chart::new(&DISCARDED),
            bytes: Chart::new(&BYTES),
            lag: Chart::new(&LAG),
            unsaved: Chart::new(&UNSAVED),
        }
    }
}

impl Module for Streams {
    fn name(&self) -> &'static str {
        NAME
    }

    fn read(&mut self, _buffer: &mut Buffer, now: Now) -> Result<(), ReadError> {
        self.totals = self.store.totals(now.wall_s());
        Ok(())
    }

    fn write(&mut self, batch: &mut Batch<'_>) {
        let Self { totals, owner, connected, opened, rows, discarded, bytes, lag, unsaved, .. } = self;
        let figures = &totals.figures;
        let streams = [&figures.streams_accepted, &figures.streams_established];
        let shows = streams.iter().any(|count| count.get() > 0);
        batch.row_once(shows, connected, owner, &[figures.receiving.get(), figures.sending.get()]);
        batch.row_once(shows, opened, owner, &streams.map(value));
        let counts = [&figures.rows, &figures.sent_rows, &figures.rows_replicated, &figures.sent_rows_replicated];
        batch.row_once(shows, rows, owner, &counts.map(value));
        let counts = [&figures.rows_lost, &figures.sent_rows_lost, &figures.rows_ignored, &figures.rows_refused];
        batch.row_once(shows, discarded, owner, &counts.map(value));
        let counts =
            [&figures.received_bytes, &figures.sent_bytes, &figures.received_text_bytes, &figures.sent_text_bytes];
        batch.row_once(shows, bytes, owner, &counts.map(value));
        batch.row_once(shows, lag, owner, &[totals.lag_s, totals.sent_lag_s]);
        // Of a disk that works there is nothing to see.
        let refused = figures.unsaved.get();
        batch.row_once(refused > 0, unsaved, owner, &[refused]);
    }
}

fn value(count: &Count) -> i64 {
    i64::try_from(count.get()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collector::Collector;
    use crate::config::Config;
    use row::Guid;
    use rrd_store::{FeedKind, HostInfo, Keep, MemoryMode};

    /// Goal: a node without streams has no chart of them; with the first stream all are there, and
    /// a host that leaves takes nothing away from a total.
    #[test]
    fn charts_come_with_the_first_stream() {
        let store = Arc::new(Store::new());
        let keep = Keep::new(MemoryMode::Ram, 60);
        let info = |byte| HostInfo::unknown(Guid::from_bytes([byte; 16]));
        let own = store.add(&info(1), keep);
        let child = store.add(&info(2), keep);
        let mut feed = own.claim(FeedKind::Local, info(1));
        let nowhere = Config { root: "/nowhere".into(), ..Config::default() };
        let mut collector = Collector::new(nowhere).with_streams(Arc::clone(&store), 1);
        let mut tick = |second: i64| {
            let now = Now { wall_us: (1_795_390_000 + second) * 1_000_000, mono_us: (second * 1_000_000) as u64 };
            collector.tick(now, &mut feed).rows
        };
        assert_eq!(tick(5), 0);
        child.figures().accept_stream();
        child.figures().receiving.add(1);
        child.figures().received_bytes.add(1_000);
        assert_eq!(tick(10), 6);
        child.figures().unsaved.set(1);
        child.figures().sending.add(1);
        assert_eq!(tick(11), 0, "every five seconds is enough");
        assert_eq!(tick(12), 0);
        assert_eq!(tick(15), 6 + 1, "the disk refuses a host");
        assert_eq!(store.remove(&[child]).len(), 1);
        assert_eq!(tick(20), 6 + 1);
        let totals = store.totals(0);
        assert_eq!((totals.figures.received_bytes.get(), totals.figures.receiving.get()), (1_000, 0));
        let ids: Vec<String> = own.read(|view| view.charts().map(|chart| chart.id().to_owned()).collect());
        assert!(
            ids.iter().all(|id| id.starts_with("tributary.streams_") || id == "tributary.hosts_unsaved"),
            "{ids:?}"
        );
    }
}
