//! Tests of the sender over real sockets: parents that answer, and parents that do not.

use std::collections::HashMap;

use patterns::SimplePattern;
use row::Guid;
use rrd_store::{Feed, FeedKind, Keep, MemoryMode, Store};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn_local;

use super::*;
use crate::receiver::{ApiKey, Receiver};
use crate::testing::{START_S, clock, define, host, info, rows, run, set_clock, skip, store, until};

const KEY: Guid = Guid::from_bytes([8; 16]);
const COMPRESSED_PROMPT: &[u8] = b"Hit me baby, push them over with the version=9280";
const PROMPT: &[u8] = b"Hit me baby, push them over with the version=64";

/// A child with a chart and one row, and its sender.
struct Child {
    feed: Feed,
    slot: row::ChartSlot,
    stop: CancellationToken,
    sender: tokio::task::JoinHandle<()>,
}

fn config(parents: &str, buffer_bytes: usize) -> Config {
    Config {
        destinations: Destination::list(parents, 1).unwrap(),
        api_key: KEY,
        timeout: Duration::from_secs(60),
        reconnect_delay: Duration::from_millis(200),
        return_after: Duration::from_secs(300),
        tls: Arc::default(),
        compression: true,
        compression_window_bytes: 1 << 17,
        asks_alarms: true,
        send_charts_matching: SimplePattern::new("*"),
        buffer_bytes,
    }
}

impl Child {
    fn start(parents: &[&TcpListener], buffer_bytes: usize) -> Self {
        set_clock(START_S);
        let host = host(MemoryMode::Ram, 3_600);
        let mut feed = host.claim(FeedKind::Stored, info(1));
        let slot = define(&mut feed, "a.b", 10);
        store(&mut feed, slot, START_S, 1.0);
        let addresses: Vec<_> = parents.iter().map(|parent| parent.local_addr().unwrap().to_string()).collect();
        let config = config(&addresses.join(" "), buffer_bytes);
        let stop = CancellationToken::new();
        let sender = spawn_local(crate::sender::run(host, Arc::new(config), clock, stop.clone()));
        Self { feed, slot, stop, sender }
    }

    fn rows(&mut self, seconds: std::ops::Range<i64>) {
        seconds.for_each(|second| store(&mut self.feed, self.slot, START_S + second, 2.0));
    }
}

async fn listen() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

/// Takes a request.
async fn accept(parent: &TcpListener) -> TcpStream {
    accept_request(parent).await.0
}

/// Takes a request, and tells what it offers.
async fn accept_request(parent: &TcpListener) -> (TcpStream, Capabilities) {
    let (mut socket, _) = parent.accept().await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        assert!(socket.read_buf(&mut head).await.unwrap() > 0);
    }
    assert!(head.starts_with(b"STREAM key=08080808-"), "{}", String::from_utf8_lossy(&head));
    (socket, protocol::Request::parse(&head).unwrap().capabilities)
}

/// What comes until the child closes.
async fn rest(mut socket: TcpStream) -> usize {
    let (mut count, mut buffer) = (0, vec![0; 65_536]);
    while let Ok(read @ 1..) = socket.read(&mut buffer).await {
        count += read;
    }
    count
}

/// A real receiver behind a listener.
fn receive(listener: TcpListener) -> Arc<Store> {
    receive_with(listener, Codec::BUILT)
}

/// The same, with a key that asks for these codecs.
fn receive_with(listener: TcpListener, codecs: &[Codec]) -> Arc<Store> {
    let key = ApiKey {
        enabled: true,
        allow_from: SimplePattern::new("*"),
        keep: Keep::new(MemoryMode::Ram, 3_600),
        ephemeral: None,
        alarms: rrd_store::AlarmPolicy::default(),
        duplicate_guid: crate::receiver::DuplicateGuid::Derive,
        pace: Duration::ZERO,
        compression: codecs.to_vec(),
        forward: None,
    };
    let config = crate::receiver::Config {
        allow_streaming_from: SimplePattern::new("*"),
        accept_every: Duration::ZERO,
        watches_alarms: true,
        wants_certificate: false,
        api_keys: HashMap::from([(KEY, key)]),
        machines: HashMap::new(),
    };
    let store = Arc::new(Store::new());
    let (own, lane) = (Guid::from_bytes([9; 16]), crate::lane::of_test());
    let receiver = Receiver::new(Arc::clone(&store), own, config, lane, clock, CancellationToken::new());
    drop(spawn_local(async move {
        while let Ok((socket, peer)) = listener.accept().await {
            receiver.take(socket.into(), Vec::new(), peer.into());
        }
    }));
    store
}

fn arrived(store: &Store) -> Vec<(i64, f64)> {
    store.host(Guid::from_bytes([1; 16])).map(|host| rows(&host, "a.b")).unwrap_or_default()
}

/// The goal: over a stream of ours, each side hears of the other's alarms; its end is noticed, and the next
/// begins anew.
#[test]
fn alarms_are_spoken_of() {
    use row::Told;
    use rrd_store::{Held, Link};
    run(async {
        let listener = listen().await;
        let mut child = Child::start(&[&listener], 1 << 20);
        let store = receive(listener);
        until(|| arrived(&store).len() == 1).await;
        let (below, above) = (Arc::clone(child.feed.host()), store.host(Guid::from_bytes([1; 16])).unwrap());
        let link = || below.levels().heard().link();
        until(|| link() == Link::Waiting).await;
        let critical = Told { status: 4, at_s: START_S };
        above.levels().set_own(above.generation(), &[Held { key: 5, told: Some(critical) }], true);
        until(|| link() == Link::Ready).await;
        assert!(below.levels().heard().is_held(5));
        assert_eq!(below.levels().heard().told(5), Some(critical));
        let clear = Told { status: 1, at_s: START_S + 1 };
        below.levels().set_own(below.generation(), &[Held { key: 5, told: Some(clear) }], true);
        until(|| above.levels().heard().told(5) == Some(clear)).await;
        child.rows(1..3);
        until(|| arrived(&store).len() == 3).await;
        child.stop.cancel();
        child.sender.await.unwrap();
        assert_eq!(link(), Link::Cut);
        until(|| !above.levels().is_wanted_below()).await;
    });
}

/// The goal: past and live rows arrive, and a stop sends what is left before it ends.
#[test]
fn rows_arrive_at_a_real_receiver() {
    run(async {
        let listener = listen().await;
        let mut child = Child::start(&[&listener], 1 << 20);
        child.rows(1..5);
        let store = receive(listener);
        until(|| arrived(&store).len() == 5).await;
        child.rows(5..9);
        until(|| arrived(&store).len() == 9).await;
        child.rows(9..12);
        child.stop.cancel();
        until(|| child.sender.is_finished()).await;
        until(|| arrived(&store).len() == 12).await;
        assert_eq!(arrived(&store), rows(child.feed.host(), "a.b"));
    });
}

/// The goal: rows arrive with the codec that the parent asks for, and both ends count the text and
/// the bytes it became.
#[test]
fn each_codec_carries_rows() {
    for codecs in [Codec::BUILT, &[Codec::Lz4], &[]] {
        run(async {
            let listener = listen().await;
            let mut child = Child::start(&[&listener], 1 << 20);
            child.rows(1..500);
            let store = receive_with(listener, codecs);
            until(|| arrived(&store).len() == 500).await;
            child.rows(500..900);
            until(|| arrived(&store).len() == 900).await;
            assert_eq!(arrived(&store), rows(child.feed.host(), "a.b"));
            let received = store.host(Guid::from_bytes([1; 16])).unwrap();
            let (sent, received) = (child.feed.host().figures(), received.figures());
            assert_eq!(sent.sent_bytes.get(), received.received_bytes.get());
            assert_eq!(sent.sent_text_bytes.get(), received.received_text_bytes.get());
            let ratio = sent.sent_text_bytes.get() / sent.sent_bytes.get();
            assert_eq!(ratio >= 4, !codecs.is_empty(), "{codecs:?}: {ratio}");
            assert_eq!(ratio == 1, codecs.is_empty(), "{codecs:?}: {ratio}");
        });
    }
}

/// The goal: a parent that closes at the first frames is sent plain text at the next attempt.
#[test]
fn a_parent_that_cannot_read_frames_is_sent_plain_text() {
    run(async {
        let parent = listen().await;
        let _child = Child::start(&[&parent], 1 << 20);
        let (mut socket, offered) = accept_request(&parent).await;
        assert!(offered.has(Codec::offered()), "{offered}");
        socket.write_all(COMPRESSED_PROMPT).await.unwrap();
        let mut frame = Vec::new();
        socket.read_buf(&mut frame).await.unwrap();
        assert_eq!(frame[0], 0xfa);
        drop(socket);
        let (mut socket, offered) = accept_request(&parent).await;
        assert_eq!(offered.compression(), Capabilities::NONE);
        // What was not offered is not used, whatever the parent says.
        socket.write_all(COMPRESSED_PROMPT).await.unwrap();
        let mut text = Vec::new();
        while !text.ends_with(b"\n") {
            socket.read_buf(&mut text).await.unwrap();
        }
        assert!(String::from_utf8(text).unwrap().contains("CHART \"a.b\""));
    });
}

/// The goal: rows that come one by one share a frame, and the first of them does not wait.
#[test]
fn rows_that_trickle_share_a_frame() {
    run(async {
        let parent = listen().await;
        let mut child = Child::start(&[&parent], 1 << 20);
        let mut socket = accept(&parent).await;
        socket.write_all(COMPRESSED_PROMPT).await.unwrap();
        let (mut decoder, mut plain) = (crate::codec::Decoder::new(Codec::Lz4), crate::codec::Plain::default());
        let (mut frames, mut found) = (0, 0);
        let mut buffer = vec![0; 65_536];
        let mut second = 0;
        while found < 20 {
            // Well within the time that rows are gathered.
            if let Ok(count) = timeout(Duration::from_millis(3), socket.read(&mut buffer)).await {
                let taken = decoder.push(&buffer[..count.unwrap()], &mut plain, |text| {
                    frames += 1;
                    found += text.windows(6).filter(|word| word == b"BEGIN ").count();
                    Ok::<_, ()>(())
                });
                taken.unwrap().unwrap();
            }
            if frames > 0 && second < 20 {
                second += 1;
                child.rows(second..second + 1);
            }
        }
        assert!(frames <= 4, "{frames} frames");
    });
}

/// The goal: what is no prompt sends the child to the next parent at once.
#[test]
fn wrong_answers_lead_to_the_next_parent() {
    run(async {
        let wrong = listen().await;
        let good = listen().await;
        let _child = Child::start(&[&wrong, &good], 1 << 20);
        let store = receive(good);
        let mut socket = accept(&wrong).await;
        socket.write_all(b"HTTP/1.1 400 Bad Request\r\n").await.unwrap();
        assert_eq!(rest(socket).await, 0);
        until(|| arrived(&store).len() == 1).await;
    });
}

/// The goal: a parent that a host's way has passed is left alone for long, but asked at once when
/// the host comes on another way.
#[test]
fn another_way_may_be_no_circle() {
    run(async {
        let parent = listen().await;
        let mut child = Child::start(&[&parent], 1 << 20);
        let mut socket = accept(&parent).await;
        socket.write_all(Refusal::SameLocalhost.sentence().as_bytes()).await.unwrap();
        assert_eq!(rest(socket).await, 0);
        assert!(timeout(Duration::from_millis(50), parent.accept()).await.is_err(), "it waits");
        let mut info = info(1);
        info.path.push(Guid::from_bytes([5; 16]));
        let host = Arc::clone(child.feed.host());
        child.feed = host.claim(FeedKind::Stored, info);
        timeout(Duration::from_millis(150), accept(&parent)).await.expect("it comes at once");
    });
}

/// The goal: a parent that takes the request and says nothing is left after the timeout.
#[test]
fn a_parent_that_never_answers_is_left() {
    run(async {
        let silent = listen().await;
        let good = listen().await;
        let _child = Child::start(&[&silent, &good], 1 << 20);
        let store = receive(good);
        let socket = accept(&silent).await;
        skip(59).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(!_child.sender.is_finished() && arrived(&store).is_empty());
        skip(2).await;
        assert_eq!(rest(socket).await, 0, "the child closes");
        until(|| arrived(&store).len() == 1).await;
    });
}

/// The goal: a prompt that comes in pieces within the known text is waited for.
#[test]
fn a_prompt_may_come_in_pieces() {
    run(async {
        let parent = listen().await;
        let _child = Child::start(&[&parent], 1 << 20);
        let mut socket = accept(&parent).await;
        for piece in [&PROMPT[..7], &PROMPT[7..44], &PROMPT[44..]] {
            socket.write_all(piece).await.unwrap();
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let mut text = Vec::new();
        while !text.ends_with(b"\n") {
            socket.read_buf(&mut text).await.unwrap();
        }
        assert!(String::from_utf8(text).unwrap().contains("CHART \"a.b\""));
    });
}

/// The goal: a parent that reads nothing is left after the timeout, and found again.
#[test]
fn a_parent_that_reads_nothing_is_left() {
    run(async {
        let deaf = listen().await;
        let mut child = Child::start(&[&deaf], 1 << 30);
        let mut socket = accept(&deaf).await;
        socket2::SockRef::from(&socket).set_recv_buffer_size(4_096).unwrap();
        socket.write_all(PROMPT).await.unwrap();
        let figures = Arc::clone(child.feed.host());
        until(|| figures.figures().streams_established.get() == 1).await;
        let (mut second, mut sent) = (1, 0);
        loop {
            child.rows(second..second + 500);
            second += 500;
            tokio::time::sleep(Duration::from_millis(3)).await;
            let now_sent = figures.figures().sent_bytes.get();
            if sent > 0 && now_sent == sent {
                break;
            }
            sent = now_sent;
        }
        skip(61).await;
        accept(&deaf).await;
    });
}

/// The goal: when more waits than the buffer may hold, the stream ends at once and begins anew.
#[test]
fn an_overflow_ends_the_stream() {
    run(async {
        let slow = listen().await;
        let mut child = Child::start(&[&slow], 20_000);
        let mut socket = accept(&slow).await;
        socket2::SockRef::from(&socket).set_recv_buffer_size(4_096).unwrap();
        socket.write_all(PROMPT).await.unwrap();
        let mut second = 1;
        let again = accept(&slow);
        tokio::pin!(again);
        loop {
            child.rows(second..second + 500);
            second += 500;
            tokio::select! {
                _ = &mut again => break,
                () = tokio::time::sleep(Duration::from_millis(3)) => {}
            }
        }
    });
}

/// The goal: a parent that sends an endless line is left.
#[test]
fn an_endless_line_of_a_parent_ends_the_stream() {
    run(async {
        let parent = listen().await;
        let _child = Child::start(&[&parent], 1 << 20);
        let mut socket = accept(&parent).await;
        socket.write_all(PROMPT).await.unwrap();
        let mut text = Vec::new();
        while !text.ends_with(b"\n") {
            socket.read_buf(&mut text).await.unwrap();
        }
        socket.write_all(&[b'x'; 20_000]).await.unwrap();
        rest(socket).await;
        accept(&parent).await;
    });
}

/// The goal: a parent that was slow to read gets the last row all the same, whatever it asked for
/// meanwhile: the child says that nothing more comes, reads to the end, and only then closes.
#[test]
fn a_slow_parent_gets_the_last_row() {
    run(async {
        let parent = listen().await;
        let mut child = Child::start(&[&parent], 1 << 20);
        let mut socket = accept(&parent).await;
        socket.write_all(PROMPT).await.unwrap();
        let figures = Arc::clone(child.feed.host());
        until(|| figures.figures().streams_established.get() == 1).await;
        child.rows(1..100);
        let sent = |figures: &Host| figures.figures().sent_bytes.get();
        until(|| sent(&figures) > 0).await;
        child.rows(100..200);
        child.stop.cancel();
        // Questions that come after the child has made up its mind.
        for _ in 0..20 {
            socket.write_all(b"\n").await.unwrap();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(!child.sender.is_finished(), "the child waits for its parent");
        let mut text = String::new();
        socket.read_to_string(&mut text).await.expect("all of it, and an end in order");
        assert_eq!(text.matches("BEGIN").count(), 199, "{text}");
        drop(socket);
        until(|| child.sender.is_finished()).await;
    });
}

/// The goal: a parent that reads and never closes its side does not keep the child for ever.
#[test]
fn a_parent_that_never_closes_is_left() {
    run(async {
        let parent = listen().await;
        let child = Child::start(&[&parent], 1 << 20);
        let mut socket = accept(&parent).await;
        socket.write_all(PROMPT).await.unwrap();
        let figures = Arc::clone(child.feed.host());
        until(|| figures.figures().streams_established.get() == 1).await;
        child.stop.cancel();
        let mut text = Vec::new();
        socket.read_to_end(&mut text).await.unwrap();
        until(|| child.sender.is_finished()).await;
        drop(socket);
    });
}

/// The goal: a stream to the second parent ends in order when the first is there again, and goes
/// on there; one whose first parent refuses stays with the second, and looks less and less often.
#[test]
fn the_first_parent_is_returned_to() {
    run(async {
        let (first, second) = (listen().await, listen().await);
        let address = first.local_addr().unwrap();
        drop(first);
        set_clock(START_S);
        let config = |parents: &str| Config { return_after: Duration::from_secs(40), ..config(parents, 1 << 20) };
        let host = host(MemoryMode::Ram, 3_600);
        let mut feed = host.claim(FeedKind::Stored, info(1));
        let slot = define(&mut feed, "a.b", 1);
        store(&mut feed, slot, START_S, 1.0);
        let parents = format!("{address} {}", second.local_addr().unwrap());
        let stop = CancellationToken::new();
        let figures = Arc::clone(&host);
        let _sender = spawn_local(crate::sender::run(host, Arc::new(config(&parents)), clock, stop.clone()));
        let mut socket = accept(&second).await;
        socket.write_all(PROMPT).await.unwrap();
        let mut text = Vec::new();
        while !text.ends_with(b"\n") {
            socket.read_buf(&mut text).await.unwrap();
        }
        // Nobody is there yet: the stream goes on.
        skip(61).await;
        let idle = tokio::time::timeout(Duration::from_millis(50), socket.read_buf(&mut text)).await;
        assert!(!matches!(idle, Ok(Ok(0))), "left for a parent that is not there");
        let first = TcpListener::bind(address).await.unwrap();
        skip(61).await;
        let (probe, _) = first.accept().await.unwrap();
        assert_eq!(rest(probe).await, 0, "who only looks says nothing");
        let mut ended = Vec::new();
        tokio::join!(async { socket.read_to_end(&mut ended).await.unwrap() }, async {
            tokio::time::sleep(Duration::from_millis(300)).await;
        });
        drop(socket);
        let mut again = accept(&first).await;
        again.write_all(protocol::Refusal::NotPermitted.sentence().as_bytes()).await.unwrap();
        drop(again);
        let mut socket = accept(&second).await;
        socket.write_all(PROMPT).await.unwrap();
        until(|| figures.figures().streams_established.get() == 2).await;
        // This time it stays twice as long, half to one and a half times 80 s.
        skip(35).await;
        let looked = tokio::time::timeout(Duration::from_millis(50), first.accept()).await;
        assert!(looked.is_err(), "it looks too soon");
        skip(90).await;
        first.accept().await.unwrap();
    });
}
