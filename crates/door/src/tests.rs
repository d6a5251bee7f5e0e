//! Tests of the door over real sockets; TLS itself is tested where it lives and with real binaries.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::sync::mpsc;

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpStream, UnixStream};

use super::*;

type Handed = mpsc::Receiver<(bool, Vec<u8>, Peer)>;

fn config(bind_to: &str, allow: &str) -> Config {
    Config {
        bind_to: vec![bind_to.into()],
        allow_connections_from: SimplePattern::new(allow),
        tls: None,
        tls_required: false,
    }
}

fn run(config: Config) -> (Address, Handed, CancellationToken) {
    let door = Door::open(config).unwrap();
    let address = door.addresses()[0].clone();
    let (sender, receiver) = mpsc::channel();
    let guest = |is_stream: bool| -> Option<Guest> {
        let sender = sender.clone();
        Some(Arc::new(move |opening: Opening| sender.send((is_stream, opening.head, opening.peer)).unwrap()))
    };
    let guests = Guests { stream: guest(true), rest: guest(false) };
    let stop = CancellationToken::new();
    tokio::spawn(door.run(guests, stop.clone()));
    (address, receiver, stop)
}

fn open(allow: &str) -> (SocketAddr, Handed, CancellationToken) {
    match run(config("127.0.0.1:0", allow)) {
        (Address::Tcp(address), receiver, stop) => (address, receiver, stop),
        (address, ..) => panic!("{address}"),
    }
}

async fn received(receiver: &Handed) -> (bool, Vec<u8>, Peer) {
    for _ in 0..1_000 {
        if let Ok(found) = receiver.try_recv() {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("nothing was handed over");
}

#[tokio::test]
async fn the_first_bytes_decide_even_when_they_come_singly() {
    let (address, receiver, _stop) = open("*");
    for (text, is_stream) in [("STREAM key=1", true), ("GET / HTTP/1.1", false), ("STRANGE", false), ("S\n", false)] {
        let mut socket = TcpStream::connect(address).await.unwrap();
        socket.set_nodelay(true).unwrap();
        for byte in text.bytes() {
            if socket.write_all(&[byte]).await.is_err() {
                break; // it was handed over, and dropped
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let (found, head, peer) = received(&receiver).await;
        assert_eq!(found, is_stream, "{text}");
        assert!(text.as_bytes().starts_with(&head));
        assert!(matches!(peer, Peer::Tcp(peer) if peer.ip() == address.ip()));
    }
}

/// The goal: those who connect and say nothing, however many, keep the port from others for seconds at most.
#[tokio::test]
async fn a_silent_crowd_does_not_keep_the_port() {
    let (address, receiver, _stop) = open("*");
    let mut crowd = Vec::new();
    for _ in 0..UNDECIDED_MAX {
        crowd.push(TcpStream::connect(address).await.unwrap());
    }
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(b"STREAM key=1").await.unwrap();
    for _ in 0..200 {
        if let Ok((is_stream, ..)) = receiver.try_recv() {
            assert!(is_stream);
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("it still waits after 20 s");
}

#[tokio::test]
async fn strangers_are_closed_without_a_word() {
    let (address, receiver, _stop) = open("!localhost *");
    let mut socket = TcpStream::connect(address).await.unwrap();
    let mut answer = Vec::new();
    assert_eq!(socket.read_to_end(&mut answer).await.unwrap_or(0), 0);
    assert!(receiver.try_recv().is_err());
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let (address, _receiver, _stop) = open("*");
    let error = Door::open(config(&address.to_string(), "*")).unwrap_err().to_string();
    assert!(error.contains(&address.to_string()), "{error}");
    for wrong in ["unix:/no/such/folder/x", "nonsense", "127.0.0.1:99999"] {
        assert!(Door::open(config(wrong, "*")).unwrap_err().to_string().contains(wrong));
    }
}

/// The goal: where TLS is required, child and browser are told so in their own protocols, whole,
/// and nobody is handed over.
#[tokio::test]
async fn plain_text_is_refused_in_words_where_tls_is_required() {
    let (address, receiver, _stop) = match run(Config { tls_required: true, ..config("127.0.0.1:0", "*") }) {
        (Address::Tcp(address), receiver, stop) => (address, receiver, stop),
        (address, ..) => panic!("{address}"),
    };
    for (request, answer) in [
        ("STREAM key=1 HTTP/1.1\r\n\r\nand more", "This parent takes TLS only: add :SSL to the destination."),
        ("GET / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n"),
        ("nonsense\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n"),
    ] {
        let mut socket = TcpStream::connect(address).await.unwrap();
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut said = String::new();
        socket.read_to_string(&mut said).await.unwrap();
        assert!(said.starts_with(answer), "{said}");
        assert!(said.contains("TLS only"), "{said}");
    }
    assert!(receiver.try_recv().is_err());
}

/// The goal: who speaks TLS to a node without a certificate is told so by an alert.
#[tokio::test]
async fn tls_without_a_certificate_gets_an_alert() {
    let (address, receiver, _stop) = open("*");
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc]).await.unwrap();
    let mut said = Vec::new();
    socket.read_to_end(&mut said).await.unwrap();
    assert_eq!(said, [0x15, 3, 1, 0, 2, 2, 0x28]);
    assert!(receiver.try_recv().is_err());
}

/// The goal: a unix socket is like a port for those who may open its file; TLS is not asked for.
#[tokio::test]
async fn unix_sockets_are_listened_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.sock");
    let text = format!("unix:{}", path.display());
    let (address, receiver, stop) = run(Config { tls_required: true, ..config(&text, "localhost") });
    assert_eq!(address.to_string(), text);
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o660);
    let mut socket = UnixStream::connect(&path).await.unwrap();
    socket.write_all(b"STREAM key=1").await.unwrap();
    assert_eq!(received(&receiver).await, (true, b"STREAM key=1".to_vec(), Peer::Unix));

    let error = format!("{:?}", Door::open(config(&text, "*")).unwrap_err());
    assert!(error.contains("another process listens there"), "{error}");
    stop.cancel();
    for _ in 0..1_000 {
        if !path.exists() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("the file is left behind");
}

/// The goal: only a socket that nobody listens on is removed; what replaced ours is left alone.
#[tokio::test]
async fn only_stale_sockets_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.sock");
    let text = format!("unix:{}", path.display());
    std::fs::write(&path, "precious").unwrap();
    let error = format!("{:?}", Door::open(config(&text, "*")).unwrap_err());
    assert!(error.contains("is no socket"), "{error}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
    std::fs::remove_file(&path).unwrap();

    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(path.exists(), "a dropped listener leaves its file");
    let door = Door::open(config(&text, "*")).unwrap();
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, "another's").unwrap();
    drop(door);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "another's");
}
