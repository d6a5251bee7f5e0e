//! TLS: our nodes with each other, with real Netdatas, with openssl and curl, and with those who
//! mean no good.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::fs;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::thread;

use integration_tests::api::Window;
use integration_tests::certificates::{Certificates, Pair};
use integration_tests::node::{self, Node, Settings};
use integration_tests::peer::scripted::{is_closed, raw, request};
use integration_tests::wait::{now_s, s, until};
use integration_tests::{API_KEY, agreement};

const LOOPBACK: [&str; 2] = ["127.0.0.1", "localhost"];

fn master(hostname: &str, pair: &Pair) -> Settings {
    node::master(hostname).set("collect.enabled", "false").accepts(API_KEY).shows(pair)
}

/// A collector that streams with TLS and trusts what stands in `ca_file`.
fn collector(hostname: &str, parent: SocketAddr, ca_file: &str) -> Settings {
    to(hostname, &format!("{parent}:SSL")).set("stream.ca_file", ca_file)
}

fn to(hostname: &str, destination: &str) -> Settings {
    node::collector(hostname).sends_to(([127, 0, 0, 1], 9).into(), API_KEY).set("stream.destination", destination)
}

fn curl(arguments: &[&str]) -> (bool, String) {
    let output = Command::new("curl").args(["-sS", "--max-time", "10"]).args(arguments).output();
    let output = output.expect("curl of the package curl");
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

/// Goal: the recipe of the documentation works as it stands: rows arrive, both logs say TLS, and
/// curl, openssl and plain HTTP get the API at the same port.
#[test]
fn pinned_certificate() {
    let place = Certificates::new();
    let pair = place.by_openssl("master", "DNS:localhost,IP:127.0.0.1");
    let master = master("pin-master", &pair).start();
    let _plain = to("pin-plain", &master.address().to_string()).start();
    let collector = collector("pin-box", master.address(), pair.certificate()).start();
    agreement::goes_on(&master.api().host("pin-box"), "system.cpu", 3);
    agreement::goes_on(&master.api().host("pin-plain"), "system.cpu", 3);
    for node in [&collector, &master] {
        node.wait_for_log(0, &["STREAM pin-box [", "TLS 1.3 with "], s(1));
    }
    let key = fs::read_to_string(&pair.key).unwrap();
    let secret = key.lines().nth(1).unwrap();
    assert!(!master.log().contains(secret) && !collector.log().contains(secret));

    let port = master.address().port();
    let url = format!("https://localhost:{port}/api/v1/info");
    let (good, text) = curl(&["--cacert", pair.certificate(), &url]);
    assert!(good && text.contains("pin-box") && text.contains("\"https-enabled\":true"), "{text}");
    let (good, text) = curl(&["--cacert", pair.certificate(), "-I", &format!("https://localhost:{port}/host/pin-box")]);
    assert!(good && text.contains(&format!("Location: https://localhost:{port}/host/pin-box/")), "{text}");
    assert!(!curl(&[&url]).0, "curl does not know this authority");
    let (good, text) = curl(&["--cacert", pair.certificate(), "--tls-max", "1.2", &url]);
    assert!(good && text.contains("pin-box"), "{text}");
    let text = s_client(port, pair.certificate());
    assert!(text.contains("HTTP/1.1 200 OK") && text.contains("pin-box"), "{text}");
    master.wait_for_log(0, &["[receive from ", "TLS not established", "refuses"], s(1));
}

fn s_client(port: u16, ca_file: &str) -> String {
    let mut child = Command::new("timeout")
        .args(["10", "openssl", "s_client", "-quiet", "-verify_return_error", "-CAfile", ca_file])
        .args(["-connect", &format!("127.0.0.1:{port}")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"GET /api/v1/info HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let output = child.wait_with_output().unwrap();
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

/// Goal: an authority is enough, for a chain of trust; whoever is not to be trusted gets no row and
/// both logs say why; who does not verify takes anything and says so once.
#[test]
fn whom_a_collector_trusts() {
    let place = Certificates::new();
    let authority = place.authority("authority");
    let stranger = place.authority("stranger");
    let good = master("trust-good", &place.of(&authority, "good", &LOOPBACK)).start();
    let misnamed = master("trust-misnamed", &place.of(&authority, "misnamed", &["elsewhere.test"])).start();
    let old = master("trust-old", &place.expired(&authority, "old", &LOOPBACK)).start();
    let plain = node::master("trust-plain").accepts(API_KEY).set("collect.enabled", "false").start();
    let ca = authority.certificate();
    let trusting = collector("trust-box", good.address(), ca).start();
    let careless = collector("careless-box", old.address(), ca).set("stream.tls_verify", "false").start();
    // A certificate of the system's authorities, which are in this file for the time being.
    let system = to("system-box", &format!("localhost:{}:SSL", good.address().port()));
    let _system = system.variable("SSL_CERT_FILE", ca).start();
    for (name, parent, ca_file, why) in [
        ("misnamed-box", &misnamed, ca, "wrong name: expected 127.0.0.1, it is for"),
        ("old-box", &old, ca, "TLS: certificate expired"),
        ("strange-box", &good, stranger.certificate(), "TLS: certificate of an unknown authority"),
        ("unspoken-box", &plain, ca, "TLS: the other side refuses: it speaks no TLS here"),
    ] {
        let collector = collector(name, parent.address(), ca_file).start();
        let line = collector.wait_for_log(0, &["STREAM", name, "[send to ", why], s(10));
        assert!(line.contains("not established"), "{line}");
        let why =
            if name == "unspoken-box" { "no certificate" } else { "TLS not established: TLS: the other side refuses" };
        parent.wait_for_log(0, &["STREAM [receive from ", why], s(5));
        assert!(!parent.api().hosts().contains(&name.to_owned()));
    }
    agreement::goes_on(&good.api().host("trust-box"), "system.cpu", 2);
    agreement::goes_on(&good.api().host("system-box"), "system.cpu", 2);
    agreement::goes_on(&old.api().host("careless-box"), "system.cpu", 2);
    let warnings = careless.log().matches("stream.tls_verify = false").count();
    assert_eq!(warnings, 1);
    trusting.wait_for_log(0, &["STREAM trust-box [send to ", "TLS 1.3"], s(1));
}

/// Goal: where TLS is required, plain child and plain browser are refused in words that they log
/// or show; TLS children and unix sockets come in.
#[test]
fn required() {
    let place = Certificates::new();
    let authority = place.authority("authority");
    let master = master("req-master", &place.of(&authority, "master", &LOOPBACK));
    let master = master.set("web.tls", "required").start();
    let plain = to("req-plain", &master.address().to_string()).start();
    let _good = collector("req-box", master.address(), authority.certificate()).start();
    plain.wait_for_log(0, &["STREAM req-plain [send to ", "This parent takes TLS only"], s(10));
    master.wait_for_log(0, &["STREAM [receive from ", "plain text", "required"], s(2));
    let port = master.address().port();
    let (_, text) = curl(&["-i", &format!("http://127.0.0.1:{port}/api/v1/info")]);
    assert!(text.starts_with("HTTP/1.1 400") && text.contains("https://"), "{text}");
    let url = format!("https://127.0.0.1:{port}/api/v1/info");
    until(s(20), "the TLS child", || {
        let (good, text) = curl(&["--cacert", authority.certificate(), &url]);
        assert!(good, "{text}");
        assert!(!text.contains("req-plain"), "{text}");
        text.contains("req-box").then_some(())
    });
}

/// Goal: a master that wants certificates takes the children that have one, and no other; browsers
/// need none.
#[test]
fn client_certificates() {
    let place = Certificates::new();
    let authority = place.authority("authority");
    let children = place.authority("children");
    let master = master("cert-master", &place.of(&authority, "master", &LOOPBACK));
    let master = master.set("web.tls_client_ca", children.certificate()).start();
    let with = |name: &str, pair: &Pair| {
        let settings = collector(name, master.address(), authority.certificate());
        settings.set("stream.tls_certificate", pair.certificate()).set("stream.tls_key", pair.key()).start()
    };
    let _good = with("cert-box", &place.of(&children, "child", &["child"]));
    let wrong = with("cert-wrong", &place.of(&authority, "wrong", &["wrong"]));
    let _none = collector("cert-none", master.address(), authority.certificate()).start();
    let _plain = to("cert-plain", &master.address().to_string()).start();
    agreement::goes_on(&master.api().host("cert-box"), "system.cpu", 2);
    for name in ["cert-none", "cert-plain"] {
        master.wait_for_log(0, &["STREAM", name, "showed no TLS certificate"], s(10));
    }
    master.wait_for_log(0, &["STREAM [receive from ", "certificate of an unknown authority"], s(10));
    wrong.wait_for_log(0, &["STREAM cert-wrong [send to ", "does not know the authority of our certificate"], s(10));
    assert_eq!(master.api().hosts(), ["cert-master", "cert-box"]);
}

/// Goal: garbage, handshakes that stop in the middle and those that crawl take nothing from a child
/// that streams, nor from one that comes meanwhile.
#[test]
fn beside_bad_company() {
    let place = Certificates::new();
    let authority = place.authority("authority");
    let master = master("bad-master", &place.of(&authority, "master", &LOOPBACK)).start();
    let ca = authority.certificate();
    let _first = collector("bad-first", master.address(), ca).start();
    let host = master.api().host("bad-first");
    agreement::goes_on(&host, "system.cpu", 3);
    let address = master.address();
    // One is told of by name; of a crowd the log has only some.
    let slow = annoy(address, 0);
    master.wait_for_log(0, &["STREAM [receive from ", "no TLS handshake within 10 s"], s(15));
    drop(slow);
    let start = now_s();
    let crowd: Vec<TcpStream> = (0..300).filter_map(|number| annoy(address, number)).collect();
    let crawler = thread::spawn(move || crawl(address));
    let _second = collector("bad-second", master.address(), ca).start();
    agreement::goes_on(&master.api().host("bad-second"), "system.cpu", 3);
    agreement::goes_on(&host, "system.cpu", 8);
    let end = now_s() - 2;
    let data = host.data("system.cpu", Window { after: start, before: end });
    let whole = data.rows.values().filter(|row| row.iter().all(Option::is_some)).count() as i64;
    assert_eq!(whole, end - start + 1, "of {start}..{end}");
    // Whoever began a handshake is left by now or soon.
    for mut one in crowd {
        assert!(is_closed(&mut one, s(15)), "{one:?} is still waited for");
    }
    crawler.join().unwrap();
    let pages = raw(address).map(|mut stream| stream.write_all(request(API_KEY, "x", "y").as_bytes()));
    assert!(pages.is_ok() && master.api().hosts().len() == 3);
}

/// One of a crowd; each begins like a TLS handshake and goes on worse.
fn annoy(address: SocketAddr, number: usize) -> Option<TcpStream> {
    let mut stream = raw(address).ok()?;
    let bytes: &[u8] = match number % 4 {
        0 => b"\x16",
        1 => b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        2 => b"\x16\x03\x01\xff\xff",
        _ => b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00",
    };
    stream.write_all(bytes).ok()?;
    Some(stream)
}

/// A handshake at one byte in a while, as long as it is borne.
fn crawl(address: SocketAddr) {
    let mut stream = raw(address).unwrap();
    let hello = [&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], &[7; 400]].concat();
    for byte in hello {
        if stream.write_all(&[byte]).is_err() || is_closed(&mut stream, std::time::Duration::from_millis(100)) {
            return;
        }
    }
    panic!("nobody minds a handshake of 40 s");
}

/// Goal: a file that cannot be used ends the start, named, with what is wrong with it.
#[test]
fn unusable_files() {
    let place = Certificates::new();
    let (one, two) = (place.authority("one"), place.authority("two"));
    for (role, settings, words) in [
        (
            node::Role::Master,
            vec![format!("web.tls_certificate={}", one.certificate()), format!("web.tls_key={}", two.key())],
            ["two.key", "does not belong to the certificate"],
        ),
        (
            node::Role::Master,
            vec![format!("web.tls_certificate={}", one.key()), format!("web.tls_key={}", one.key())],
            ["one.key", "no certificate"],
        ),
        (
            node::Role::Collector,
            vec![
                "stream.destination=localhost:1:SSL".to_owned(),
                format!("stream.api_key={API_KEY}"),
                "stream.ca_file=/no/such/file.pem".to_owned(),
            ],
            ["/no/such/file.pem", "No such file"],
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let lib = format!("global.lib_dir={}", folder.path().display());
        let all: Vec<&str> = std::iter::once(&lib).chain(&settings).flat_map(|one| ["--set", one.as_str()]).collect();
        let output = role.run(&[&all[..], &["--set", "web.bind_to=127.0.0.1:0"]].concat());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(words.iter().all(|word| said.contains(word)), "{said}");
    }
}

/// Goal: TLS does not make a collector fat: about 1 MiB more than without.
#[test]
fn footprint() {
    let place = Certificates::new();
    let authority = place.authority("authority");
    let master: Node = master("fat-master", &place.of(&authority, "master", &LOOPBACK)).start();
    let with_file = collector("fat-file", master.address(), authority.certificate()).start();
    // All authorities of this system, and ours.
    let bundle = fs::read("/etc/ssl/certs/ca-certificates.crt").expect("the package ca-certificates");
    let all = tempfile::NamedTempFile::new().unwrap();
    fs::write(all.path(), [bundle, fs::read(&authority.certificate).unwrap()].concat()).unwrap();
    let with_system = to("fat-system", &format!("{}:SSL", master.address()));
    let with_system = with_system.variable("SSL_CERT_FILE", all.path().to_str().unwrap()).start();
    for (name, node) in [("fat-file", &with_file), ("fat-system", &with_system)] {
        agreement::goes_on(&master.api().host(name), "system.cpu", 10);
        let (resident, anonymous) = (node.process().resident_bytes(), node.process().anonymous_bytes());
        println!("{name}: {resident} bytes resident, {anonymous} of them anonymous");
        assert!(resident < 6 * 1024 * 1024, "{name}: {resident} bytes resident");
    }
}
