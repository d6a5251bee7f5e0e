//! Methods at work, with servers that answer, fail, hang and close.
#![allow(clippy::unwrap_used, reason = "what helps a test is part of it")]

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use health::notify::{Message, test_messages};
use notify::{Facts, Letter, Method, Post, Progress, Secret, Settings, Ticket};
use row::{Guid, Now};

/// How long a test waits for what must come.
const LIMIT: Duration = Duration::from_secs(20);

#[expect(clippy::disallowed_methods, reason = "these tests run in real time; this is their only clock")]
fn clock() -> Now {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    let start = START.get_or_init(Instant::now);
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Now { wall_us: wall.as_micros() as i64, mono_us: 1_000_000 + start.elapsed().as_micros() as u64 }
}

/// What a server does with a connection.
#[derive(Clone, Copy)]
enum Deed {
    /// It answers this.
    Answer(&'static str),
    /// It closes without a word.
    Close,
    /// It says nothing.
    Hang,
}

/// A server that does these one after another, and the last for ever; and what it was asked.
fn server(deeds: &'static [Deed]) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hunter2", listener.local_addr().unwrap());
    let (asked, asks) = channel();
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        for (number, stream) in listener.incoming().flatten().enumerate() {
            let request = request(&mut BufReader::new(&stream)).unwrap_or_default();
            let deed = deeds[number.min(deeds.len() - 1)];
            if let Deed::Answer(answer) = deed {
                let answer =
                    format!("HTTP/1.1 {answer}\r\nContent-Length: 13\r\nConnection: close\r\n\r\nhunter2 is bad");
                (&stream).write_all(&answer.as_bytes()[..answer.len() - 1]).unwrap();
            }
            if let Deed::Hang = deed {
                kept.push(stream);
            }
            if asked.send(request).is_err() {
                return;
            }
        }
    });
    (url, asks)
}

fn request(reader: &mut impl BufRead) -> Option<String> {
    let (mut head, mut length) = (String::new(), 0);
    while !head.ends_with("\r\n\r\n") {
        let begin = head.len();
        reader.read_line(&mut head).ok().filter(|count| *count > 0)?;
        if let Some(value) = head[begin..].to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(head + &String::from_utf8(body).unwrap())
}

fn settings(url: &str) -> Settings {
    Settings {
        name: "slack".into(),
        kind: "slack".into(),
        timeout: Duration::from_secs(1),
        url: (Secret::new(url), PathBuf::new()),
        ..Settings::default()
    }
}

fn post(settings: &Settings) -> Post {
    Post::start(Method::build(settings).unwrap(), 7, clock).unwrap()
}

/// A warning, a critical alarm, and its end.
fn messages() -> Vec<Message> {
    test_messages("web1", Guid::from_bytes([1; 16]), "sysadmin", 1_795_387_698)
}

/// Has a message sent; the receiver hears what it came to.
fn send(post: &Post, message: &Message, key: u64) -> Receiver<i32> {
    let (told, outcome) = channel();
    let ticket = Ticket::new(1, move |progress| {
        let Progress::Settled(code) = progress else { panic!("there is one letter") };
        told.send(code).unwrap();
    });
    post.send(key, Letter { facts: Arc::new(Facts::of(message, "")), recipient: "#ops".into(), ticket });
    outcome
}

/// Goal: what may work later is tried again, and arrives; what was wrong is counted.
#[test]
fn failures_that_pass() {
    for deeds in [
        &[Deed::Answer("500 Oh"), Deed::Answer("200 OK")][..],
        &[Deed::Answer("429 Slow\r\nRetry-After: 1"), Deed::Answer("204 None")],
        &[Deed::Close, Deed::Answer("200 OK")],
        &[Deed::Hang, Deed::Answer("200 OK")],
    ] {
        let deeds: &'static [Deed] = deeds.to_vec().leak();
        let (url, asked) = server(deeds);
        let post = post(&settings(&url));
        let outcome = send(&post, &messages()[0], 1);
        assert_eq!(outcome.recv_timeout(LIMIT), Ok(0));
        let requests = [asked.recv_timeout(LIMIT).unwrap(), asked.recv_timeout(LIMIT).unwrap()];
        assert_eq!(requests[0], requests[1]);
        assert!(requests[0].contains("web1: test alarm is WARNING, 85%"), "{}", requests[0]);
        let counts = post.counts();
        assert_eq!((counts.sent, counts.retried, counts.failed, counts.waiting), (1, 1, 0, 0));
    }
}

/// Goal: what would fail again is not tried again, and says why without the secret; who is behind it is
/// told.
#[test]
fn failures_that_stay() {
    let (url, _asked) = server(&[Deed::Answer("404 None"), Deed::Answer("200 OK")]);
    let post = post(&settings(&url));
    let outcomes = [send(&post, &messages()[0], 1), send(&post, &messages()[1], 1)];
    assert_eq!(outcomes.map(|outcome| outcome.recv_timeout(LIMIT)), [Ok(1), Ok(0)]);
    assert_eq!((post.counts().failed, post.counts().sent), (1, 1));

    let (url, _asked) = server(&[Deed::Answer("404 None")]);
    let method = Method::build(&settings(&url)).unwrap();
    let facts = Facts::of(&messages()[0], "");
    let error = method.try_once(&facts, "#ops", clock()).unwrap_err();
    assert_eq!(error, "the server answers 404: hunter2 is ba");
}

/// Goal: each way not to be there has its own words, none of which is the URL.
#[test]
fn words_of_failures() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (url, words) in [
        (server(&[Deed::Hang]).0, "the server did not answer in time"),
        (server(&[Deed::Close]).0, "the connection failed: "),
        (format!("http://{closed}/hunter2"), "the connection failed: "),
        ("http://no-such-host.invalid/hunter2".into(), ""),
    ] {
        let method = Method::build(&settings(&url)).unwrap();
        let error = method.try_once(&Facts::of(&messages()[0], ""), "#ops", clock()).unwrap_err();
        assert!(error.starts_with(words) && !error.contains("hunter2"), "{url}: {error}");
    }
}

/// Goal: letters about one alarm arrive in their order, whatever fails on the way.
#[test]
fn order() {
    let (url, asked) = server(&[Deed::Close, Deed::Answer("500 Oh"), Deed::Answer("200 OK")]);
    let post = post(&settings(&url));
    let outcomes: Vec<_> = messages().iter().map(|message| send(&post, message, 1)).collect();
    assert!(outcomes.iter().all(|outcome| outcome.recv_timeout(LIMIT) == Ok(0)));
    let statuses = |request: String| {
        ["WARNING", "CRITICAL", "CLEAR"].into_iter().find(|status| request.contains(&format!("is {status}"))).unwrap()
    };
    let asked: Vec<_> = asked.try_iter().map(statuses).collect();
    assert_eq!(asked, ["WARNING", "WARNING", "WARNING", "CRITICAL", "CLEAR"]);
}

/// Goal: the end of a node tries once what waits, whatever it waits for, and does not wait for who hangs.
#[test]
fn the_end() {
    let (url, asked) = server(&[Deed::Answer("503 Away\r\nRetry-After: 600"), Deed::Answer("200 OK")]);
    let waits = post(&settings(&url));
    let outcome = send(&waits, &messages()[0], 1);
    asked.recv_timeout(LIMIT).unwrap();
    let (url, hangs) = server(&[Deed::Hang]);
    let stuck = post(&Settings { timeout: Duration::from_secs(60), ..settings(&url) });
    let lost = send(&stuck, &messages()[0], 1);
    hangs.recv_timeout(LIMIT).unwrap();
    let end_us = clock().mono_us + 1_500_000;
    [&waits, &stuck].iter().for_each(|post| post.stop(end_us));
    [&waits, &stuck].iter().for_each(|post| post.wait(end_us));
    assert!(clock().mono_us < end_us + 1_000_000);
    assert_eq!(outcome.try_recv(), Ok(0));
    assert!(lost.try_recv().is_err(), "nobody knows what became of it");
}

#[cfg(feature = "tls")]
mod tls {
    use std::fs;
    use std::net::TcpListener;

    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
    use rustls::{ServerConfig, ServerConnection, StreamOwned};

    use super::*;

    /// Goal: a server whose certificate an authority of `ca_file` vouches for is told, another one is not.
    #[test]
    fn a_private_authority() {
        let folder = tempfile::tempdir().unwrap();
        let authority = |name: &str| {
            let (mut params, key) = (CertificateParams::new(Vec::new()).unwrap(), KeyPair::generate().unwrap());
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            let file = folder.path().join(name);
            fs::write(&file, params.self_signed(&key).unwrap().pem()).unwrap();
            (file, Issuer::new(params, key))
        };
        let ((file, issuer), (other_file, _)) = (authority("authority.pem"), authority("other.pem"));
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &issuer).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = config.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key).unwrap();
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://localhost:{}/hunter2", listener.local_addr().unwrap().port());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let session = ServerConnection::new(Arc::clone(&config)).unwrap();
                let mut reader = BufReader::new(StreamOwned::new(session, stream));
                if request(&mut reader).is_some() {
                    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
                    reader.get_mut().write_all(answer).unwrap();
                    reader.get_mut().flush().unwrap();
                }
            }
        });
        let facts = Facts::of(&messages()[0], "");
        let attempt = |ca_file: PathBuf| {
            let method =
                Method::build(&Settings { ca_file, timeout: Duration::from_secs(5), ..settings(&url) }).unwrap();
            method.try_once(&facts, "#ops", clock())
        };
        assert_eq!(attempt(file), Ok(()));
        let error = attempt(other_file).unwrap_err();
        assert!(error.contains("certificate") && !error.contains("hunter2"), "{error}");
    }
}
