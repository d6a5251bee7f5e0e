//! Once all charts are known and the spool is full, a tick allocates nothing: not to read, not to
//! store, not to compress, not to send.

#![allow(clippy::unwrap_used, reason = "test code")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use patterns::SimplePattern;
use protocol::Capabilities;
use row::{Guid, Now};
use rrd_store::{FeedKind, Host, HostInfo, Keep, MemoryMode, Store};
use socket::destination::Destination;
use stream::codec::{Codec, Decoder, Plain};
use stream::sender;
use tokio_util::sync::CancellationToken;

#[global_allocator]
static COUNTING: cost::Counting = cost::Counting;

const SPOOL_ROWS: u32 = 120;
const TICKS_BEFORE: u32 = 400;
const TICKS: u32 = 100;
/// A slab that is new, not reused: the counter of who shares its bytes, which lie apart. The spool takes
/// one where the machine's values became harder to pack than they were in the ticks before.
const ALLOCATIONS_OF_GROWTH: u64 = 1;

/// The second of the last tick. The sender goes by it too: ticks are a second apart for it, and so
/// none waits for company.
static SECOND: AtomicU64 = AtomicU64::new(1_700_000_000);

fn clock() -> Now {
    let second = SECOND.load(Ordering::Relaxed);
    Now { wall_us: (second * 1_000_000 + 20_000).cast_signed(), mono_us: second * 1_000_000 }
}

/// A parent that takes everything: asks for no history and throws rows away. It runs on a thread
/// of its own, whose allocations are not counted.
fn parent(version: u32) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut seen = Vec::new();
        let mut buffer = [0; 65_536];
        while !seen.ends_with(b"\r\n\r\n") {
            let count = socket.read(&mut buffer).unwrap();
            seen.extend_from_slice(&buffer[..count]);
        }
        write!(socket, "Hit me baby, push them over with the version={version}").unwrap();
        seen.clear();
        let mut codec = Codec::of(Capabilities(version)).map(Decoder::new);
        let (mut plain, mut chart) = (Plain::default(), String::new());
        while let Ok(count @ 1..) = socket.read(&mut buffer) {
            let mut take = |text: &[u8]| {
                seen.extend_from_slice(text);
                Ok::<_, ()>(())
            };
            match &mut codec {
                None => take(&buffer[..count]).unwrap(),
                Some(codec) => codec.push(&buffer[..count], &mut plain, take).unwrap().unwrap(),
            }
            answer_definitions(&mut socket, &mut seen, &mut chart);
        }
    });
    address
}

/// Answers what whole lines of `seen` define; `chart` is the one whose definition is being read,
/// which may come in pieces.
fn answer_definitions(socket: &mut TcpStream, seen: &mut Vec<u8>, chart: &mut String) {
    let end = seen.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
    for line in String::from_utf8_lossy(&seen[..end]).lines() {
        if line.starts_with("CHART ") {
            *chart = line.split('"').nth(1).unwrap_or_default().to_owned();
        } else if line.starts_with("CHART_DEFINITION_END") {
            writeln!(socket, "REPLAY_CHART \"{chart}\" \"true\" 0 0").unwrap();
        }
    }
    seen.drain(..end);
}

fn info() -> HostInfo {
    HostInfo { hostname: "here".into(), hops: 0, ..HostInfo::unknown(Guid::from_bytes([7; 16])) }
}

/// Lets the sender write what the last tick brought.
async fn settle(host: &Host, sent_before: u64) {
    for _ in 0..2_000 {
        tokio::time::sleep(Duration::from_millis(1)).await;
        if host.figures().sent_bytes.get() > sent_before {
            return;
        }
    }
    panic!("nothing was sent");
}

/// Ticks follow one another as fast as the sender writes, a second apart by the rows' clock.
async fn ticks_allocate_nothing(version: u32) {
    let host = Store::new().add(&info(), Keep::new(MemoryMode::None, SPOOL_ROWS));
    let mut feed = host.claim(FeedKind::Local, info());
    let config = sender::Config {
        destinations: Destination::list(&parent(version).to_string(), 1).unwrap(),
        api_key: Guid::from_bytes([1; 16]),
        timeout: Duration::from_secs(1_000),
        reconnect_delay: Duration::from_secs(1),
        return_after: Duration::ZERO,
        tls: Arc::default(),
        send_charts_matching: SimplePattern::new("*"),
        buffer_bytes: 1 << 20,
        compression: true,
        compression_window_bytes: 128 << 10,
        asks_alarms: false,
    };
    let stop = CancellationToken::new();
    tokio::task::spawn_local(sender::run(Arc::clone(&host), Arc::new(config), clock, stop.clone()));
    let mut collector = collect::Collector::new(collect::Config { zero_metrics: true, ..collect::Config::default() });
    let (mut watched, mut charts) = (Vec::new(), 0);
    for tick in 0..TICKS_BEFORE + 10 * TICKS {
        SECOND.fetch_add(1, Ordering::Relaxed);
        let now = clock();
        let (allocations, sent) = (cost::allocations(), host.figures().sent_bytes.get());
        collector.tick(now, &mut feed);
        settle(&host, sent).await;
        watched.push(cost::allocations() - allocations);
        if tick < TICKS_BEFORE || !tick.is_multiple_of(TICKS) {
            continue;
        }
        let last = &watched[watched.len() - TICKS as usize..];
        let calm = std::mem::replace(&mut charts, host.status().charts) == charts;
        if calm && last.iter().sum::<u64>() <= ALLOCATIONS_OF_GROWTH {
            println!("version {version}: {} allocations in {TICKS} ticks", last.iter().sum::<u64>());
            stop.cancel();
            return;
        }
    }
    panic!("version {version}: {:?}", &watched[watched.len() - TICKS as usize..]);
}

/// Towards a parent that takes stored values, and towards one that takes collected ones, as plain
/// text and with each codec.
#[test]
fn a_warm_tick_allocates_nothing() {
    let runtime = node::runtime().unwrap();
    for version in [64 + 128 + 512 + 4_096 + 8_192 + 16_384 + 32_768 + 262_144, 64 + 128 + 512 + 4_096 + 8_192] {
        for codec in [0, Capabilities::LZ4.0, Capabilities::ZSTD.0] {
            tokio::task::LocalSet::new().block_on(&runtime, ticks_allocate_nothing(version + codec));
        }
    }
}
