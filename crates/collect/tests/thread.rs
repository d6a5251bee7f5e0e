//! The loop of the collecting thread: it ticks by the clock it is given and stops at once.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use collect::{Collector, Config, Ended, Stop, run};
use row::{Guid, Now};
use rrd_store::{Feed, FeedKind, Host, HostInfo, Keep, MemoryMode, Store};

const GUID: Guid = Guid::from_bytes([9; 16]);

fn host() -> (Arc<Host>, HostInfo, Feed) {
    let info = HostInfo { hostname: "here".to_owned(), hops: 0, ..HostInfo::unknown(GUID) };
    let host = Store::new().add(&info, Keep::new(MemoryMode::Ram, 120));
    let feed = host.claim(FeedKind::Local, info.clone());
    (host, info, feed)
}

/// A clock that leaps 400 ms each time it is read, so that the loop hardly sleeps.
fn fast_clock() -> impl Fn() -> Now {
    let reads = AtomicU64::new(0);
    move || {
        let us = reads.fetch_add(1, Ordering::Relaxed) * 400_000;
        Now { wall_us: 1_700_000_000_000_000 + us.cast_signed(), mono_us: us }
    }
}

/// Rows arrive while it runs, and a request to stop ends it in the middle of a long sleep.
#[test]
fn a_request_ends_it_at_once() {
    let (host, _, feed) = host();
    let stop = Stop::new();
    let (told, hear) = mpsc::channel();
    let thread = {
        let stop = stop.clone();
        let collector = Collector::new(Config { update_every_s: 3600, ..Config::default() });
        let clock = move || Now { wall_us: 1_700_000_001_000_000, mono_us: 1 };
        thread::spawn(move || told.send(run(collector, feed, GUID, clock, &stop)).unwrap())
    };
    assert!(hear.recv_timeout(Duration::from_millis(50)).is_err(), "it waits for the next hour");
    stop.request();
    assert_eq!(hear.recv_timeout(Duration::from_secs(4)).unwrap(), Ended::Stopped);
    thread.join().unwrap();
    assert_eq!(host.status().charts, 0);
}

/// It collects second by second, and ends when another source takes the host over.
#[test]
fn it_collects_until_the_feed_is_lost() {
    let (host, info, feed) = host();
    let stop = Stop::new();
    let thread = thread::spawn(move || run(Collector::new(Config::default()), feed, GUID, fast_clock(), &stop));
    while host.status().newest_s < 1_700_000_003 {
        thread::sleep(Duration::from_millis(1));
    }
    let _other = host.claim(FeedKind::Local, info);
    assert_eq!(thread.join().unwrap(), Ended::FeedLost);
    assert!(host.read(|host| host.find_chart("system.cpu").is_some()));
}
