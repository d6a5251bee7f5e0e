//! Tests of the receiver over real sockets, with a lane on the test's own thread.

use protocol::encode;
use protocol::{Capabilities, Form};
use row::{ChartDefinition, DimensionDefinition};
use rrd_store::{Keep, MemoryMode};
use std::net::SocketAddr;
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::codec::Codec;
use crate::receiver::open::OWN;
use crate::receiver::{ApiKey, DuplicateGuid};
use crate::testing::{START_S, clock, rows, run, set_clock, until};
use std::collections::HashMap;

const KEY: Guid = Guid::from_bytes([8; 16]);
const HOST: Guid = Guid::from_bytes([1; 16]);

struct Parent {
    store: Arc<Store>,
    receiver: Receiver,
    address: SocketAddr,
    stop: CancellationToken,
}

impl Parent {
    async fn start() -> Self {
        Self::start_with(|_| ()).await
    }

    async fn with_codecs(codecs: &[Codec]) -> Self {
        Self::start_with(|key| key.compression = codecs.to_vec()).await
    }

    async fn start_with(adjust: impl FnOnce(&mut ApiKey)) -> Self {
        set_clock(START_S);
        let mut key = ApiKey {
            enabled: true,
            allow_from: patterns::SimplePattern::new("*"),
            keep: Keep::new(MemoryMode::Ram, 3_600),
            ephemeral: None,
            alarms: rrd_store::AlarmPolicy::default(),
            duplicate_guid: DuplicateGuid::Derive,
            pace: Duration::ZERO,
            compression: Codec::BUILT.to_vec(),
            #[cfg(feature = "sender")]
            forward: None,
        };
        adjust(&mut key);
        let config = Config {
            allow_streaming_from: patterns::SimplePattern::new("*"),
            accept_every: Duration::ZERO,
            watches_alarms: false,
            wants_certificate: false,
            api_keys: HashMap::from([(KEY, key)]),
            machines: HashMap::new(),
        };
        let (store, stop) = (Arc::new(Store::new()), CancellationToken::new());
        let own = Guid::from_bytes([9; 16]);
        let lane = crate::lane::of_test();
        let receiver = Receiver::new(Arc::clone(&store), own, config, lane, clock, stop.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let door = receiver.clone();
        drop(tokio::task::spawn_local(async move {
            while let Ok((socket, peer)) = listener.accept().await {
                door.take(socket.into(), Vec::new(), peer.into());
            }
        }));
        Self { store, receiver, address, stop }
    }

    fn rows(&self) -> Vec<(i64, f64)> {
        self.store.host(HOST).map(|host| rows(&host, "a.b")).unwrap_or_default()
    }
}

fn request(fingerprint: &str) -> Request {
    let mut request = Request::new(KEY, HOST, "alpha");
    request.capabilities = Capabilities::CHILD.with(Capabilities::VCAPS);
    request.version_given = true;
    request.fingerprint = Some(fingerprint.into());
    request
}

/// A child that was answered.
struct Child {
    socket: TcpStream,
    answer: String,
}

impl Child {
    /// Sends a request in pieces of `step` bytes and reads the answer.
    async fn ask(parent: &Parent, request: &Request, step: usize) -> Self {
        let mut socket = TcpStream::connect(parent.address).await.unwrap();
        socket.set_nodelay(true).unwrap();
        let mut text = Vec::new();
        request.write(&mut text);
        for piece in text.chunks(step) {
            socket.write_all(piece).await.unwrap();
            tokio::task::yield_now().await;
        }
        let mut answer = vec![0; 500];
        let count = socket.read(&mut answer).await.unwrap();
        Self { socket, answer: String::from_utf8(answer[..count].to_vec()).unwrap() }
    }

    async fn define(&mut self) {
        let mut text = Vec::new();
        let form = Form::of(Capabilities::CHILD);
        encode::write_chart(&mut text, form, 1, &ChartDefinition { id: "a.b", ..Default::default() });
        encode::write_dimension(&mut text, form, 1, &DimensionDefinition { id: "d", ..Default::default() });
        self.socket.write_all(&text).await.unwrap();
    }

    async fn row(&mut self, second: i64, value: i64) {
        let text = format!("BEGIN2 SLOT:#B 'a.b' 1 {second} #\nSET2 SLOT:#B 'd' {value} # A\nEND2\n");
        self.socket.write_all(text.as_bytes()).await.unwrap();
    }

    /// What the parent says up to and with `end`.
    async fn told(&mut self, end: &str) -> String {
        let (mut told, mut buffer) = (String::new(), [0; 1_000]);
        while !told.ends_with(end) {
            let count = timeout(Duration::from_secs(10), self.socket.read(&mut buffer)).await.unwrap().unwrap();
            assert!(count > 0, "closed after {told}");
            told.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
        }
        told
    }

    /// Whether the parent closes, after whatever it still says.
    async fn is_closed(&mut self) -> bool {
        let mut rest = Vec::new();
        let read = timeout(Duration::from_secs(5), self.socket.read_to_end(&mut rest)).await;
        read.is_ok()
    }
}

const PROMPT: &str = "Hit me baby, push them over with the version=";

/// The goal: however a request is cut it is understood, the prompt comes alone, and rows are stored.
#[test]
fn requests_may_come_in_pieces() {
    run(async {
        for step in [1, 100, 10_000] {
            let parent = Parent::start().await;
            let mut child = Child::ask(&parent, &request("x"), step).await;
            let expected = Capabilities::CHILD.without(Capabilities::FLOATBASELINE).with(Capabilities::VCAPS);
            assert_eq!(child.answer, format!("{PROMPT}{}", expected.0), "{step}");
            child.define().await;
            child.row(START_S, 5).await;
            until(|| parent.rows() == [(START_S, 5.0)]).await;
        }
    });
}

/// The goal: of the codecs that a child offers the key's first is asked for, and none where it says so.
#[test]
fn the_keys_order_decides_about_codecs() {
    run(async {
        let mut all = request("x");
        all.capabilities = all.capabilities.with(Capabilities::COMPRESSION);
        for codecs in [&[Codec::Lz4, Codec::Zstd][..], &[Codec::Zstd, Codec::Lz4], &[]] {
            let parent = Parent::with_codecs(codecs).await;
            let answer = Child::ask(&parent, &all, 10_000).await.answer;
            let expected = codecs.first().map_or(Capabilities::NONE, |codec| codec.capability());
            let number: i64 = answer.strip_prefix(PROMPT).unwrap().parse().unwrap();
            assert_eq!(Capabilities::from_version(number).compression(), expected, "{codecs:?}");
        }
    });
}

/// The goal: frames are unpacked and counted; a damaged one cuts its child, and no other.
#[test]
fn a_damaged_frame_cuts_one_child() {
    run(async {
        let parent = Parent::with_codecs(&[Codec::Lz4]).await;
        let mut compressed = request("x");
        compressed.capabilities = compressed.capabilities.with(Capabilities::LZ4);
        let mut good = Child::ask(&parent, &compressed, 10_000).await;
        let mut other = compressed.clone();
        other.machine_guid = Guid::from_bytes([2; 16]);
        let mut bad = Child::ask(&parent, &other, 10_000).await;
        let text = b"CHART a.b ''\nDIMENSION d\nBEGIN2 'a.b' 1 1795387000 #\nSET2 'd' 5 # A\nEND2\n";
        let frame = |text: &[u8]| {
            let payload = lz4_flex::block::compress(text);
            [&protocol::frame::encode(payload.len()).unwrap()[..], &payload].concat()
        };
        good.socket.write_all(&frame(text)).await.unwrap();
        bad.socket.write_all(&frame(text)).await.unwrap();
        until(|| parent.rows() == [(START_S, 5.0)]).await;
        bad.socket.write_all(text).await.unwrap();
        assert!(bad.is_closed().await);
        // Each of our blocks stands alone, which the codec allows.
        good.socket.write_all(&frame(b"BEGIN2 'a.b' 1 1795387001 #\nSET2 'd' 6 # A\nEND2\n")).await.unwrap();
        until(|| parent.rows().len() == 2).await;
        let bad = parent.store.host(other.machine_guid).unwrap();
        assert!(!bad.is_fed() && rows(&bad, "a.b").len() == 1);
        assert_eq!(bad.figures().received_text_bytes.get(), text.len() as u64);
        assert_eq!(bad.figures().received_bytes.get(), (frame(text).len() + text.len()) as u64);
    });
}

/// The goal: who may not stream is told so in one sentence, and the connection closes.
#[test]
fn strangers_are_refused() {
    run(async {
        let parent = Parent::start().await;
        let mut wrong_key = request("x");
        wrong_key.key = Guid::from_bytes([7; 16]);
        let mut child = Child::ask(&parent, &wrong_key, 10_000).await;
        assert_eq!(child.answer, Refusal::NotPermitted.sentence());
        assert!(child.is_closed().await);
        let mut own = request("x");
        own.machine_guid = Guid::from_bytes([9; 16]);
        assert_eq!(Child::ask(&parent, &own, 10_000).await.answer, Refusal::SameLocalhost.sentence());
        let mut socket = TcpStream::connect(parent.address).await.unwrap();
        socket.write_all(b"STREAM key=nonsense HTTP/1.1\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.unwrap();
        assert_eq!(answer, Refusal::NotPermitted.sentence());
        assert!(parent.store.hosts().is_empty(), "strangers leave nothing behind");
    });
}

/// The goal: the same machine takes its own stream over at once, and late bytes commit nothing.
#[test]
fn the_same_machine_replaces_its_connection() {
    run(async {
        let parent = Parent::start().await;
        let mut first = Child::ask(&parent, &request("x"), 10_000).await;
        first.define().await;
        first.row(START_S, 1).await;
        until(|| parent.rows().len() == 1).await;
        let mut second = Child::ask(&parent, &request("x"), 10_000).await;
        assert!(second.answer.starts_with(PROMPT), "{}", second.answer);
        assert!(first.is_closed().await);
        second.define().await;
        second.row(START_S + 1, 2).await;
        until(|| parent.rows() == [(START_S, 1.0), (START_S + 1, 2.0)]).await;
        assert!(parent.store.host(HOST).unwrap().is_fed());
    });
}

/// The goal: another machine with the same GUID waits until the first is silent for half a minute.
#[test]
fn another_machine_waits_its_turn() {
    run(async {
        let parent = Parent::start_with(|key| key.duplicate_guid = DuplicateGuid::Refuse).await;
        let mut first = Child::ask(&parent, &request("x"), 10_000).await;
        first.define().await;
        first.row(START_S, 1).await;
        until(|| parent.rows().len() == 1).await;
        set_clock(START_S + 29);
        let second = Child::ask(&parent, &request("y"), 10_000).await;
        assert_eq!(second.answer, Refusal::AlreadyStreaming.sentence());
        first.row(START_S + 1, 1).await;
        until(|| parent.rows().len() == 2).await;
        set_clock(START_S + 58);
        assert_eq!(Child::ask(&parent, &request("y"), 10_000).await.answer, Refusal::AlreadyStreaming.sentence());
        set_clock(START_S + 61);
        assert!(Child::ask(&parent, &request("y"), 10_000).await.answer.starts_with(PROMPT));
        assert!(first.is_closed().await);
    });
}

/// The goal: a clone of a machine is stored beside it, and settings that are exchanged end only
/// what they no longer allow.
#[test]
fn clones_and_exchanged_settings() {
    run(async {
        let parent = Parent::start().await;
        let mut first = Child::ask(&parent, &request("x"), 10_000).await;
        let mut clone = Child::ask(&parent, &request("y"), 10_000).await;
        for child in [&mut first, &mut clone] {
            child.define().await;
            child.row(START_S, 1).await;
        }
        until(|| parent.store.hosts().len() == 2).await;
        let hosts = parent.store.hosts();
        let twin = hosts.iter().find(|host| host.guid() != HOST).unwrap();
        until(|| rows(twin, "a.b").len() == 1 && parent.rows().len() == 1).await;

        let mut config = Config::clone(&parent.receiver.config());
        let machine =
            crate::receiver::Machine { enabled: true, allow_from: None, mode: None, history_rows: None, alarms: None };
        config.machines.insert(HOST, machine.clone());
        parent.receiver.exchange(config.clone());
        first.row(START_S + 1, 1).await;
        until(|| parent.rows().len() == 2).await;
        let other = Guid::from_bytes([3; 16]);
        config.machines.insert(other, crate::receiver::Machine { enabled: false, ..machine });
        let mut third = request("z");
        third.machine_guid = other;
        let mut third = Child::ask(&parent, &third, 10_000).await;
        parent.receiver.exchange(config);
        assert!(third.is_closed().await);
        first.row(START_S + 2, 1).await;
        until(|| parent.rows().len() == 3).await;
        assert!(twin.is_fed());
    });
}

/// The goal: a stream that ends, or a line that is no command, lets the host go.
#[test]
fn ended_streams_let_their_host_go() {
    run(async {
        let parent = Parent::start().await;
        let mut child = Child::ask(&parent, &request("x"), 10_000).await;
        child.define().await;
        child.row(START_S, 1).await;
        until(|| parent.rows().len() == 1).await;
        drop(child);
        let host = parent.store.host(HOST).unwrap();
        until(|| !host.is_fed()).await;
        let mut child = Child::ask(&parent, &request("y"), 10_000).await;
        assert!(child.answer.starts_with(PROMPT), "nobody else streams any more");
        child.socket.write_all(b"BEGIN2 'no.chart' 1 2 #\n").await.unwrap();
        assert!(child.is_closed().await);
        until(|| !host.is_fed()).await;
        let mut child = Child::ask(&parent, &request("x"), 10_000).await;
        parent.stop.cancel();
        assert!(child.is_closed().await, "the node stops");
    });
}

/// The goal: a child that asks for more and more answers and reads none is parted from.
#[test]
fn a_child_that_never_reads_is_cut() {
    run(async {
        let parent = Parent::start().await;
        let child = Child::ask(&parent, &request("x"), 10_000).await;
        socket2::SockRef::from(&child.socket).set_recv_buffer_size(4_096).unwrap();
        let id = format!("a.{}", "x".repeat(900));
        let definition = format!("CHART \"{id}\"\nDIMENSION \"d\"\nCHART_DEFINITION_END 0 0 0\n");
        let text = format!("{definition}RBEGIN \"{id}\"\nREND 1 0 0 true 0 0\n").repeat(500);
        let (_reader, mut writer) = child.socket.into_split();
        let mut sent = 0;
        while writer.write_all(text.as_bytes()).await.is_ok() {
            sent += text.len();
            assert!(sent < 60_000_000, "the parent remembers all of it");
        }
        let host = parent.store.host(HOST).unwrap();
        until(|| !host.is_fed()).await;
    });
}

/// The goal: ten thousand idle children fit: what a stream keeps beside its host is small.
#[test]
fn a_stream_is_small() {
    run(async {
        let parent = Parent::start().await;
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let socket = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let peer = Peer::Tcp(socket.local_addr().unwrap());
        let shared = Arc::clone(&parent.receiver.shared);
        let mut request = request("x");
        let entrant = Entrant { key: KEY, machine_guid: HOST, peer, is_certified: false };
        let (admitted, live) = shared.admit(entrant, &mut request).unwrap();
        let entry = Entry { shared, request, admitted, live };
        let future = entry.run(socket.into());
        println!("a receiver's stream takes {} bytes", size_of_val(&future));
        assert!(size_of_val(&future) < 2_048, "{}", size_of_val(&future));
    });
}

/// The goal: nothing here holds a host that left; when it comes back it is another, with a sender of
/// its own.
#[cfg(feature = "sender")]
#[test]
fn a_host_that_left_is_let_go() {
    run(async {
        let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let forward = crate::sender::Config {
            destinations: socket::destination::Destination::list(&nobody.to_string(), 1).unwrap(),
            api_key: KEY,
            timeout: Duration::from_secs(60),
            reconnect_delay: Duration::from_millis(20),
            return_after: Duration::from_secs(300),
            send_charts_matching: patterns::SimplePattern::new("*"),
            buffer_bytes: 1 << 20,
            tls: Arc::default(),
            compression: true,
            compression_window_bytes: 1 << 17,
            asks_alarms: false,
        };
        let parent = Parent::start_with(|key| key.forward = Some(Arc::new(forward))).await;
        let keep = Keep::new(MemoryMode::Ram, 60);
        parent.store.add(&rrd_store::HostInfo::unknown(Guid::from_bytes([9; 16])), keep);
        let forwarded = || parent.receiver.shared.forwarded.lock().unwrap().len();
        for _ in 0..3 {
            let mut child = Child::ask(&parent, &request("x"), 10_000).await;
            child.define().await;
            child.row(START_S, 1).await;
            until(|| parent.rows() == [(START_S, 1.0)]).await;
            assert_eq!(forwarded(), 1);
            let host = parent.store.host(HOST).unwrap();
            assert!(parent.store.remove(&[Arc::clone(&host)]).is_empty(), "it is fed");
            drop(child);
            until(|| !host.is_fed()).await;
            let held = Arc::downgrade(&host);
            assert_eq!(parent.store.remove(&[host]).len(), 1);
            until(|| held.strong_count() == 0).await;
            until(|| forwarded() == 0).await;
            assert!(parent.rows().is_empty());
        }
    });
}

/// The goal: a call, word that it goes on and its cancelling reach the child without further ado, and a child
/// that does not read is sent no call after the other until it is full.
#[test]
fn calls_and_their_end_reach_the_child() {
    run(async {
        let parent = Parent::start().await;
        let mut request = request("x");
        request.capabilities = OWN.with(Capabilities::VCAPS);
        let mut child = Child::ask(&parent, &request, 1_000).await;
        child.define().await;
        let is_defined = |host: Arc<rrd_store::Host>| host.read(|view| view.find_chart("a.b").is_some());
        until(|| parent.store.host(HOST).is_some_and(is_defined)).await;
        let host = parent.store.host(HOST).unwrap();
        let ask = |bytes: usize| {
            let payload = rrd_store::Payload { content_type: "text/plain".into(), body: vec![b'x'; bytes] };
            let (function, access, source) = ("f".into(), String::new(), String::new());
            let call = rrd_store::Call { function, timeout_s: 60, access, source, payload: Some(payload) };
            host.ask(call, clock(), Box::new(|_| ()))
        };
        let open = ask(3);
        let told = child.told("_END\n").await;
        assert!(told.starts_with("FUNCTION_PAYLOAD ") && told.ends_with("\nxxx\nFUNCTION_PAYLOAD_END\n"), "{told}");
        open.still_awaited(clock());
        assert!(child.told("\n").await.starts_with("FUNCTION_PROGRESS "));
        drop(open);
        assert!(child.told("\n").await.starts_with("FUNCTION_CANCEL "));

        // Much more than the child may leave unread, in calls that are cancelled at once.
        for _ in 0..200 {
            drop(ask(rrd_store::PAYLOAD_BYTES_MAX));
            let _open = ask(rrd_store::PAYLOAD_BYTES_MAX);
            tokio::task::yield_now().await;
        }
        child.row(START_S, 5).await;
        let stored = timeout(Duration::from_secs(10), until(|| parent.rows() == [(START_S, 5.0)])).await;
        assert!(stored.is_ok(), "the child was cut");
    });
}
