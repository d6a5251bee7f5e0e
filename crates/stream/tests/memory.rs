//! What a stream keeps in memory. Alone in its process, since what is live there is counted.

#![cfg(all(feature = "receiver", feature = "sender"))]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::cell::Cell;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use patterns::SimplePattern;
use protocol::Capabilities;
use row::{ChartDefinition, ChartSlot, DimensionDefinition, Guid, Now, Packed, PointFlags, US_PER_S};
use rrd_store::{Feed, FeedKind, HostInfo, Keep, MemoryMode, Store};
use socket::destination::Destination;
use tokio_util::sync::CancellationToken;

#[global_allocator]
static COUNTING: cost::Counting = cost::Counting;

const START_S: i64 = 1_795_387_000;
const CHARTS: usize = 40;
const DIMENSIONS: usize = 10;
/// What a sender of so many dimensions may keep: codec, beginnings of lines, two buffers.
const KEPT_BYTES: i64 = 400_000;

thread_local! {
    static SECOND: Cell<i64> = const { Cell::new(START_S) };
}

fn clock() -> Now {
    let second = SECOND.get();
    Now { wall_us: second * US_PER_S, mono_us: ((second - START_S + 10_000) * US_PER_S) as u64 }
}

/// The spool of a child, full.
struct Child {
    feed: Feed,
    charts: Vec<ChartSlot>,
}

impl Child {
    fn new() -> Self {
        let info = HostInfo::unknown(Guid::from_bytes([1; 16]));
        let mut feed = Store::new().claim(&info, Keep::new(MemoryMode::None, 600), FeedKind::Stored);
        let mut charts = Vec::new();
        let mut writer = feed.writer(clock()).unwrap();
        for chart in 0..CHARTS {
            let id = format!("chart.number_{chart}");
            let definition = ChartDefinition { id: &id, update_every_s: 1, ..Default::default() };
            let slot = writer.define_chart(&definition).unwrap();
            for dimension in 0..DIMENSIONS {
                let id = format!("dimension_{dimension}");
                writer.define_dimension(slot, &DimensionDefinition { id: &id, ..Default::default() }).unwrap();
            }
            charts.push(slot);
        }
        drop(writer);
        let mut child = Self { feed, charts };
        (START_S - 599..=START_S).for_each(|second| child.collect(second));
        child
    }

    fn collect(&mut self, second: i64) {
        SECOND.set(second);
        let mut writer = self.feed.writer(clock()).unwrap();
        for &slot in &self.charts {
            writer.begin(slot);
            for index in 0..DIMENSIONS as u32 {
                let value = second % 1_000 * i64::from(index);
                writer.set_stored(index, Some(value), Packed::pack(value as f64, PointFlags::NORMAL));
            }
            writer.end_stored(second, true);
        }
    }
}

/// A parent that asks for all there is, and reads what comes; in a thread of its own.
fn serve(listener: &TcpListener, prompt: &[u8]) {
    let (mut socket, _) = listener.accept().unwrap();
    let mut buffer = vec![0; 1 << 16];
    assert!(socket.read(&mut buffer).unwrap() > 0);
    socket.write_all(prompt).unwrap();
    // The prompt comes alone.
    assert!(socket.read(&mut buffer).unwrap() > 0);
    ask(&mut socket);
    while socket.read(&mut buffer).unwrap() > 0 {}
}

fn ask(socket: &mut TcpStream) {
    let requests: String = (0..CHARTS)
        .map(|chart| format!("REPLAY_CHART \"chart.number_{chart}\" \"true\" {} {START_S}\n", START_S - 600))
        .collect();
    socket.write_all(requests.as_bytes()).unwrap();
}

/// The goal: a sender that sent all of its spool does not keep the buffers that this took, whether it
/// compresses or not.
#[test]
fn buffers_for_the_past_are_given_back() {
    let plain = Capabilities::VCAPS.with(Capabilities::REPLICATION).with(Capabilities::INTERPOLATED);
    for agreed in [plain, plain.with(Capabilities::LZ4).with(Capabilities::BINARY)] {
        let mut prompt = Vec::new();
        protocol::write_prompt(&mut prompt, agreed);
        replay(prompt);
    }
}

fn replay(prompt: Vec<u8>) {
    let mut child = Child::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let config = stream::sender::Config {
        destinations: Destination::list(&listener.local_addr().unwrap().to_string(), 1).unwrap(),
        api_key: Guid::from_bytes([8; 16]),
        timeout: Duration::from_secs(60),
        reconnect_delay: Duration::from_secs(5),
        return_after: Duration::ZERO,
        tls: Arc::default(),
        send_charts_matching: SimplePattern::new("*"),
        buffer_bytes: 2 << 20,
        compression: true,
        compression_window_bytes: 1 << 17,
        asks_alarms: false,
    };
    let parent = std::thread::spawn(move || serve(&listener, &prompt));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let host = Arc::clone(child.feed.host());
    let stop = CancellationToken::new();
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let before = cost::live();
        let sender =
            tokio::task::spawn_local(stream::sender::run(Arc::clone(&host), Arc::new(config), clock, stop.clone()));
        // Returns how much was live at most on the way.
        let until = async |rows: u64| {
            let mut most = 0;
            while host.figures().sent_rows.get() < rows {
                tokio::time::sleep(Duration::from_millis(1)).await;
                most = most.max((cost::live() - before).bytes);
            }
            most
        };
        let past = 600 * CHARTS as u64;
        let most = until(past).await;
        assert!(most > 2 * KEPT_BYTES, "{most} bytes: the past is short, nothing is proved");
        for second in 1..=60 {
            child.collect(START_S + second);
            until(past + second as u64 * CHARTS as u64).await;
        }
        let kept = (cost::live() - before).bytes;
        println!("{most} bytes with the past, {kept} after");
        assert!(kept < KEPT_BYTES, "{kept} of {most} bytes");
        stop.cancel();
        sender.await.unwrap();
    });
    parent.join().unwrap();
}
