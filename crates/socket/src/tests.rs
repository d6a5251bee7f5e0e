//! Tests of TLS between our own two sides, over real sockets, with certificates made here.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};

use crate::client::{Connector, Settings};
use crate::server::{Acceptor, Files, Identity};
use crate::{Socket, TlsError};

/// Certificates of one test, in a folder.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// What `openssl req -x509` makes: its own authority, and marked as one.
    fn own(&self, name: &str, adjust: impl FnOnce(&mut CertificateParams)) -> (PathBuf, PathBuf) {
        let (mut params, key) = (params(name), KeyPair::generate().unwrap());
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        adjust(&mut params);
        self.pair(name, &params.self_signed(&key).unwrap().pem(), &key)
    }

    /// A certificate that the authority of these files vouches for.
    fn of(
        &self,
        name: &str,
        authority: &(PathBuf, PathBuf),
        adjust: impl FnOnce(&mut CertificateParams),
    ) -> (PathBuf, PathBuf) {
        let key = KeyPair::from_pem(&fs::read_to_string(&authority.1).unwrap()).unwrap();
        let above = authority.0.file_stem().unwrap().to_str().unwrap();
        let issuer = Issuer::new(params(above), key);
        let (mut params, key) = (params(name), KeyPair::generate().unwrap());
        params.is_ca = IsCa::NoCa;
        adjust(&mut params);
        self.pair(name, &params.signed_by(&key, &issuer).unwrap().pem(), &key)
    }

    fn pair(&self, name: &str, certificate: &str, key: &KeyPair) -> (PathBuf, PathBuf) {
        (self.file(&format!("{name}.pem"), certificate), self.file(&format!("{name}.key"), &key.serialize_pem()))
    }
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(vec!["parent.test".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

fn expired(params: &mut CertificateParams) {
    params.not_before = date_time_ymd(2001, 1, 1);
    params.not_after = date_time_ymd(2002, 1, 1);
}

fn future(params: &mut CertificateParams) {
    params.not_before = date_time_ymd(2100, 1, 1);
    params.not_after = date_time_ymd(2101, 1, 1);
}

fn as_authority(params: &mut CertificateParams) {
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
}

fn acceptor((certificate, key): &(PathBuf, PathBuf), client_ca: Option<&Path>) -> Acceptor {
    let client_ca = client_ca.map(Path::to_path_buf);
    Acceptor::new(Identity::load(&Files { certificate: certificate.clone(), key: key.clone(), client_ca }).unwrap())
}

fn trusting(ca_file: &Path) -> Settings {
    Settings { ca_file: ca_file.into(), verify: true, certificate: None }
}

/// Both ends of a connection.
async fn line() -> (Socket, Socket) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (client, server) = tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
    (client.unwrap().into(), server.unwrap().0.into())
}

/// Shakes hands; the server has read some bytes already, as the door does.
async fn shake(
    acceptor: &Acceptor,
    settings: &Settings,
    host: &str,
) -> (Result<Socket, TlsError>, Result<Socket, TlsError>) {
    let (client, mut server) = line().await;
    let connector = Connector::new(settings.clone());
    let accept = async {
        let mut head = vec![0; 3];
        server.read_exact(&mut head).await.map_err(TlsError::Io)?;
        acceptor.accept(server, &head).await
    };
    let (client, server) = tokio::join!(connector.connect(client, host), accept);
    (client, server)
}

/// The goal: who is trusted and who is not, and the words for it at both ends.
#[tokio::test]
async fn whom_a_child_trusts() {
    let place = Place::new();
    let authority = place.own("authority", |_| {});
    let good = place.of("good", &authority, |_| {});
    let own = place.own("own", |_| {});
    let other = place.own("other", |_| {});
    let both = place.file("both.pem", &[&other.0, &own.0].map(|path| fs::read_to_string(path).unwrap()).concat());
    let simple = place.own("simple", |params| params.is_ca = IsCa::NoCa);
    let old = place.own("old", expired);
    let old_of_authority = place.of("old-of", &authority, expired);
    let early = place.own("early", future);
    let nameless = place.own("nameless", |params| params.subject_alt_names.clear());
    let above = place.of("above", &authority, as_authority);
    let (name, address, wrong) = ("parent.test", "127.0.0.1", "other.test");
    for (what, shown, ca_file, host, expected) in [
        ("by an authority", &good, &authority.0, name, ""),
        ("by its address", &good, &authority.0, address, ""),
        ("pinned", &own, &own.0, name, ""),
        ("pinned, by its address", &own, &own.0, address, ""),
        ("pinned among others", &own, &both, name, ""),
        ("pinned, no authority", &simple, &simple.0, name, ""),
        ("wrong name", &good, &authority.0, wrong, "wrong name: expected other.test"),
        ("wrong address", &good, &authority.0, "10.0.0.1", "wrong name"),
        ("pinned, wrong name", &own, &own.0, wrong, "wrong name: expected other.test"),
        ("pinned, no name", &nameless, &nameless.0, name, "no name at all"),
        ("expired", &old_of_authority, &authority.0, name, "certificate expired"),
        ("pinned, expired", &old, &old.0, name, "certificate expired"),
        ("pinned, not valid yet", &early, &early.0, name, "not valid yet"),
        ("of nobody", &own, &authority.0, name, "certificate"),
        ("of another authority", &good, &other.0, name, "unknown authority"),
        ("an authority's own, not pinned", &above, &authority.0, name, "that of an authority"),
    ] {
        let (client, server) = shake(&acceptor(shown, None), &trusting(ca_file), host).await;
        match client {
            Ok(_) => assert!(expected.is_empty(), "{what}: taken"),
            Err(err) => {
                let text = err.to_string();
                assert!(!expected.is_empty() && text.contains(expected) && text.starts_with("TLS: "), "{what}: {text}");
                let heard = server.unwrap_err().to_string();
                assert!(heard.starts_with("TLS: the other side refuses"), "{what}: {heard}");
            }
        }
    }
}

/// The goal: without verification anything is taken, yet encrypted; the own certificate is not shown unasked.
#[tokio::test]
async fn unverified_takes_anything() {
    let place = Place::new();
    let old = place.own("old", expired);
    let settings = Settings { verify: false, ..trusting(Path::new("/no/such/file")) };
    let (client, server) = shake(&acceptor(&old, None), &settings, "whoever").await;
    let tls = client.unwrap().tls().unwrap();
    assert!(tls.starts_with("TLS 1.3 with ") && tls.len() > 20, "{tls}");
    assert!(!server.unwrap().is_certified());
}

/// The goal: a parent that wants certificates tells who has one of its authority.
#[tokio::test]
async fn children_show_certificates() {
    let place = Place::new();
    let authority = place.own("authority", |_| {});
    let stranger = place.own("stranger", |_| {});
    let parent = acceptor(&place.of("parent", &authority, |_| {}), Some(&authority.0));
    let with = |pair: Option<(PathBuf, PathBuf)>| Settings { certificate: pair, ..trusting(&authority.0) };
    let (client, server) = shake(&parent, &with(None), "parent.test").await;
    assert!(client.is_ok() && !server.unwrap().is_certified());
    let child = place.of("child", &authority, |_| {});
    let (client, server) = shake(&parent, &with(Some(child)), "parent.test").await;
    assert!(client.is_ok() && server.unwrap().is_certified());
    let other = place.of("other", &stranger, |_| {});
    let (client, server) = shake(&parent, &with(Some(other)), "parent.test").await;
    assert!(server.unwrap_err().to_string().contains("unknown authority"));
    // In TLS 1.3 the child learns it with the first bytes that it reads.
    let err = client.unwrap().read_u8().await.unwrap_err().to_string();
    assert!(err.contains("does not know the authority of our certificate"), "{err}");
}

/// The goal: an identity can be exchanged while the node runs; what stands goes on.
#[tokio::test]
async fn the_identity_can_be_exchanged() {
    let place = Place::new();
    let (first, second) = (place.own("first", |_| {}), place.own("second", |_| {}));
    let acceptor = acceptor(&first, None);
    let (before, before_server) = shake(&acceptor, &trusting(&first.0), "parent.test").await;
    let files = Files { certificate: second.0.clone(), key: second.1, client_ca: None };
    acceptor.exchange(Identity::load(&files).unwrap());
    assert!(shake(&acceptor, &trusting(&second.0), "parent.test").await.0.is_ok());
    assert!(shake(&acceptor, &trusting(&first.0), "parent.test").await.0.is_err());
    before.unwrap().write_all(b"still here").await.unwrap();
    let mut text = [0; 10];
    before_server.unwrap().read_exact(&mut text).await.unwrap();
    assert_eq!(&text, b"still here");
}

/// Two ends that speak TLS.
async fn pair(place: &Place) -> (Socket, Socket) {
    let own = place.own("pair", |_| {});
    let (client, server) = shake(&acceptor(&own, None), &trusting(&own.0), "parent.test").await;
    (client.unwrap(), server.unwrap())
}

fn pattern(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|at| (at * 7 + at / 251) as u8).collect()
}

/// The goal: megabytes arrive whole both ways at once, however they are cut, also when the
/// connection changes its runtime in the middle.
#[tokio::test]
async fn bytes_arrive_whole() {
    let place = Place::new();
    let (client, server) = pair(&place).await;
    let sent = Arc::new(pattern(3_000_001));
    let work = |socket: Socket, piece: usize| {
        let sent = Arc::clone(&sent);
        async move {
            let mut socket = socket.park().unwrap().unpark().unwrap();
            let (mut written, mut got, mut buffer) = (0, Vec::new(), vec![0; piece]);
            while written < sent.len() || got.len() < sent.len() || socket.has_unsent() {
                let waits = written < sent.len() || socket.has_unsent();
                tokio::select! {
                    ready = socket.readable() => {
                        ready.unwrap();
                        match socket.try_read(&mut buffer) {
                            Ok(count) => {
                                assert!(count > 0, "closed after {} bytes", got.len());
                                got.extend_from_slice(&buffer[..count]);
                            }
                            Err(err) => assert_eq!(err.kind(), std::io::ErrorKind::WouldBlock),
                        }
                    }
                    ready = socket.writable(), if waits => {
                        ready.unwrap();
                        let end = (written + 100_000).min(sent.len());
                        match socket.try_write(&sent[written..end]) {
                            Ok(count) => written += count,
                            Err(err) => assert_eq!(err.kind(), std::io::ErrorKind::WouldBlock),
                        }
                    }
                }
            }
            assert!(got == *sent, "other bytes");
            socket = socket.park().unwrap().unpark().unwrap();
            socket
        }
    };
    let (mut client, mut server) = tokio::join!(work(client, 65_536), work(server, 999));
    client.shutdown().await.unwrap();
    assert_eq!(server.read(&mut [0; 9]).await.unwrap(), 0);
}

/// The goal: an end in order and a sudden one both read as an end, after all that came before.
#[tokio::test]
async fn ends_come_after_the_last_byte() {
    let place = Place::new();
    let (mut client, mut server) = pair(&place).await;
    client.write_all(b"last words").await.unwrap();
    drop(client);
    let mut text = Vec::new();
    server.read_to_end(&mut text).await.unwrap();
    assert_eq!(text, b"last words");
    let (mut client, mut server) = pair(&place).await;
    server.write_all(b"and these").await.unwrap();
    server.shutdown().await.unwrap();
    text.clear();
    client.read_to_end(&mut text).await.unwrap();
    assert_eq!(text, b"and these");
    client.write_all(b"half closed is not closed").await.unwrap();
    client.shutdown().await.unwrap();
    text.clear();
    server.read_to_end(&mut text).await.unwrap();
    assert_eq!(text, b"half closed is not closed");
}

/// The goal: who speaks no TLS, or breaks it off, is told apart in words.
#[tokio::test]
async fn garbage_is_no_handshake() {
    let place = Place::new();
    let own = place.own("own", |_| {});
    let acceptor = acceptor(&own, None);
    for (bytes, words) in [
        (&b"\x16\x03\x01\x00\x05nonsense"[..], "TLS: "),
        (b"\x16GET / HTTP/1.1\r\n\r\n", "does not speak TLS here"),
        (b"\x16\x03\x01", "closed the connection during the TLS handshake"),
    ] {
        let (mut client, server) = line().await;
        client.write_all(bytes).await.unwrap();
        client.shutdown().await.unwrap();
        let text = acceptor.accept(server, &[]).await.unwrap_err().to_string();
        assert!(text.contains(words), "{text}");
    }
    let (client, mut server) = line().await;
    server.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    let text = Connector::new(trusting(&own.0)).connect(client, "parent.test").await.unwrap_err().to_string();
    assert!(text.contains("does not speak TLS here"), "{text}");
    let text = Connector::new(trusting(&own.0)).connect(line().await.0, "no name").await.unwrap_err().to_string();
    assert!(text.contains("no name"), "{text}");
}

/// The goal: a handshake that stops in the middle is given up.
#[tokio::test(start_paused = true)]
async fn slow_handshakes_are_given_up() {
    let place = Place::new();
    let (_client, server) = line().await;
    let acceptor = acceptor(&place.own("own", |_| {}), None);
    let text = acceptor.accept(server, b"\x16\x03\x01\x02\x00\x01").await.unwrap_err().to_string();
    assert_eq!(text, "no TLS handshake within 10 s");
}

/// The goal: an error names the file and what is wrong with it, and nothing that is in it.
#[test]
fn files_that_cannot_be_used_are_named() {
    let place = Place::new();
    let (good, other) = (place.own("good", |_| {}), place.own("other", |_| {}));
    let text = fs::read_to_string(&good.1).unwrap();
    let secret = text.lines().nth(1).unwrap();
    let empty = place.file("empty", "");
    let cut = place.file("cut", &text[..text.len() - 20]);
    let garbled = place.file("garbled", &text.replacen(&secret[..4], "????", 1));
    let encrypted = place.file("encrypted", &text.replace("PRIVATE", "ENCRYPTED PRIVATE"));
    let big = place.file("big", &"x".repeat(2 << 20));
    let missing = place.0.path().join("missing");
    for (certificate, key, client_ca, at, words) in [
        (&missing, &good.1, None, &missing, "No such file"),
        (&empty, &good.1, None, &empty, "no certificate"),
        (&good.1, &good.1, None, &good.1, "no certificate"),
        (&big, &good.1, None, &big, "longer than"),
        (&good.0, &missing, None, &missing, "No such file"),
        (&good.0, &good.0, None, &good.0, "no private key"),
        (&good.0, &cut, None, &cut, "does not end"),
        (&good.0, &garbled, None, &garbled, "not base64"),
        (&good.0, &encrypted, None, &encrypted, "passphrase"),
        (&good.0, &other.1, None, &other.1, "does not belong to the certificate"),
        (&good.0, &good.1, Some(&empty), &empty, "no certificate"),
    ] {
        let files = Files { certificate: certificate.clone(), key: key.clone(), client_ca: client_ca.cloned() };
        let error = Identity::load(&files).unwrap_err().to_string();
        assert!(error.starts_with(&at.display().to_string()) && error.contains(words), "{error}");
        assert!(!error.contains(&secret[4..20]), "{error}");
    }
    let error = Connector::new(trusting(&missing)).check().unwrap_err().to_string();
    assert!(error.contains("missing: No such file"), "{error}");
}

/// The goal: a plain connection carries no TLS state, and unix sockets need no port.
#[tokio::test]
async fn plain_connections_are_small() {
    assert!(size_of::<Socket>() <= 64, "{}", size_of::<Socket>());
    let (one, two) = UnixStream::pair().unwrap();
    let (mut one, mut two) = (Socket::from(one), Socket::from(two).park().unwrap().unpark().unwrap());
    assert!(one.is_local() && one.tls().is_none() && !one.is_certified() && !one.has_unsent());
    one.write_all(b"x").await.unwrap();
    assert_eq!(two.read_u8().await.unwrap(), b'x');
    one.shutdown().await.unwrap();
    assert_eq!(two.read(&mut [0; 4]).await.unwrap(), 0);
}
