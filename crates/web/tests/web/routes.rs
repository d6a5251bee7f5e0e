//! Routes: every path, its errors, and the headers of answers.

use std::io::Read;

use web::Peer;

use crate::client::{get, request, send, somebody};
use crate::fleet::{fleet, guid, nobody};

const NO_DATABASE: &str = "This netdata does not maintain a database for host: ";

/// Every error has its status and its text.
#[tokio::test]
async fn errors_have_exact_texts() {
    let fleet = fleet();
    for (url, status, body) in [
        ("/host/nosuch/", 404, format!("{NO_DATABASE}nosuch")),
        ("/host/nosuch", 404, format!("{NO_DATABASE}nosuch")),
        ("/host/%3Cb%3E%2F&'%22/api/v1/info", 404, format!("{NO_DATABASE}&lt;b&gt;&#x2F;&amp;&#x27;&quot;")),
        ("/host/ALPHA/api/v1/info", 404, format!("{NO_DATABASE}ALPHA")),
        ("/host/beta/host/alpha/", 400, "Nesting of hosts is not allowed.".into()),
        ("/api", 400, "Which API version?".into()),
        ("/api/", 400, "Which API version?".into()),
        ("/host/alpha/api", 400, "Which API version?".into()),
        ("/api/v9/x", 404, "Unsupported API version: v9".into()),
        ("/api/v9", 404, "Unsupported API version: v9".into()),
        ("/api/%3Cb%3E/x", 404, "Unsupported API version: &lt;b&gt;".into()),
        ("/api/v1", 400, "Which API v1 command?".into()),
        ("/api/v1/", 404, "Unsupported v1 API command: ".into()),
        ("/api/v1/nosuch", 404, "Unsupported v1 API command: nosuch".into()),
        ("/api/v1/%22x%22", 404, "Unsupported v1 API command: &quot;x&quot;".into()),
        ("/api/v1/info/", 404, "Unsupported v1 API command: info&#x2F;".into()),
        ("/apis", 404, "File does not exist, or is not accessible: apis".into()),
        ("/nosuch.js", 404, "File does not exist, or is not accessible: nosuch.js".into()),
        ("/host/alpha/a/b.js", 404, "File does not exist, or is not accessible: a&#x2F;b.js".into()),
        ("/a%20b", 400, "Filename contains invalid characters: a b".into()),
        ("/%3Cscript%3E", 400, "Filename contains invalid characters: &lt;script&gt;".into()),
        ("/../etc/passwd", 400, "Relative filenames are not supported: ..&#x2F;etc&#x2F;passwd".into()),
        ("/%2e%2e/x", 400, "Relative filenames are not supported: ..&#x2F;x".into()),
        ("/%00", 400, "URL not valid. I don't understand you...\r\n".into()),
        ("/api/v1/info?x=%ff", 400, "URL not valid. I don't understand you...\r\n".into()),
        ("/api/v1/chart", 400, "No chart id is given at the request.".into()),
        ("/api/v1/chart?chart=%3Ci%3E", 404, "Chart is not found: &lt;i&gt;".into()),
        ("/api/v1/data", 400, "No chart or context is given.".into()),
        ("/api/v1/data?chart=&context=", 400, "No chart or context is given.".into()),
        ("/api/v1/data?chart=nosuch", 404, "No metrics where matched to query.".into()),
        ("/api/v1/data?context=nosuch", 404, "No metrics where matched to query.".into()),
        ("/host/gamma/api/v1/charts", 404, format!("{NO_DATABASE}gamma")),
        ("/host/gamma/api/v1/chart?chart=test.cpu", 404, format!("{NO_DATABASE}gamma")),
        ("/host/gamma/api/v1/data?chart=test.cpu", 404, format!("{NO_DATABASE}gamma")),
    ] {
        let reply = get(&fleet.web, url).await;
        assert_eq!((reply.status, &reply.body), (status, &body), "{url}");
        let of_files =
            ["This netdata", "File", "Relative", "Unsupported API version"].iter().any(|start| body.starts_with(start));
        let content_type = if of_files { "text/html; charset=utf-8" } else { "text/plain; charset=utf-8" };
        assert_eq!(reply.header("content-type"), content_type, "{url}");
        assert_eq!(reply.header("cache-control"), "no-cache, no-store, must-revalidate", "{url}");
    }
}

/// A host is found by name, by GUID, as `localhost`, below `/host` and `/node`, and with odd names.
#[tokio::test]
async fn hosts_are_found_by_whatever_names_them() {
    let fleet = fleet();
    let shouted = guid(2).to_string().to_uppercase();
    for (url, uid) in [
        ("/api/v1/info".to_string(), 1),
        ("//api//v1/info".into(), 1),
        ("/api/v1/info%3Fx=1".into(), 1),
        ("/host/localhost/api/v1/info".into(), 1),
        ("/host/beta/api/v1/info?&&_=17".into(), 2),
        ("/host/beta//api/v1/info".into(), 2),
        ("/node/beta/api/v1/info".into(), 2),
        (format!("/host/{}/api/v1/info", guid(2)), 2),
        (format!("/host/{shouted}/api/v1/info"), 2),
        ("/host/gamma/api/v1/info".into(), 3),
        ("/host/my%20box%2F1%20%3Cb%3E/api/v1/info".into(), 4),
    ] {
        assert_eq!(get(&fleet.web, &url).await.json()["uid"], guid(uid).to_string(), "{url}");
    }
}

/// A host without a slash is sent to where relative URLs work, and nowhere else.
#[tokio::test]
async fn hosts_want_a_slash() {
    let web = &fleet().web;
    let to = |headers: &'static str, url: &'static str| async move {
        let reply = request(web, "GET", url, headers).await;
        assert_eq!((reply.status, reply.body.as_str()), (308, ""));
        reply.header("location").to_string()
    };
    assert_eq!(to("", "/host/beta").await, "http://node:19999/host/beta/");
    assert_eq!(to("X-Forwarded-Host: pub.example\r\n", "/host/beta").await, "http://pub.example/host/beta/");
    assert_eq!(to("X-Forwarded-Proto: https\r\n", "/host/beta?x").await, "https://node:19999/host/beta/");
    assert_eq!(to("X-Forwarded-Host: evil/path\r\n", "/host/beta").await, "./beta/");
    assert_eq!(to("", "/host/my%20box%2F1%20%3Cb%3E").await, "http://node:19999/host/my%20box%2F1%20%3Cb%3E/");
    let ask = "GET /host/beta HTTP/1.1\r\nHost: node:19999\r\nConnection: close\r\n\r\n";
    let reply = send(web, ask, Peer::Tls(somebody())).await;
    assert_eq!(reply.header("location"), "https://node:19999/host/beta/", "who came with TLS stays with it");
}

/// The dashboard lies at the root and below every host, with all that it asks for.
#[tokio::test]
async fn the_dashboard_is_everywhere() {
    let web = &fleet().web;
    for root in ["/", "/host/beta/", "/host/gamma/", "/node/my%20box%2F1%20%3Cb%3E/"] {
        for (file, content_type) in [
            ("", "text/html; charset=utf-8"),
            ("index.html", "text/html; charset=utf-8"),
            ("?x=1", "text/html; charset=utf-8"),
            ("alarms", "text/html; charset=utf-8"),
            ("node", "text/html; charset=utf-8"),
            ("badges", "text/html; charset=utf-8"),
            ("dashboard.css", "text/css; charset=utf-8"),
            ("dashboard.js", "text/javascript; charset=utf-8"),
            ("logo.svg", "image/svg+xml"),
        ] {
            let reply = get(web, &format!("{root}{file}")).await;
            assert_eq!((reply.status, reply.header("content-type")), (200, content_type), "{root}{file}");
            assert!(reply.header("content-security-policy").starts_with("default-src 'none'; script-src 'self'"));
            assert!(!reply.body.is_empty());
        }
    }
    let page = get(web, "/").await.body;
    for forbidden in ["style=", "onclick", "http:", "https:", "src=\"/", "href=\"/"] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
}

/// Goal: who takes gzip has the dashboard's files as they lie in the program, at once and with their length; others
/// have the same files plain, under the same tag.
#[tokio::test]
async fn the_dashboard_is_packed_beforehand() {
    let web = &fleet().web;
    for file in ["", "dashboard.css", "dashboard.js", "logo.svg"] {
        let url = format!("/host/beta/{file}");
        let plain = get(web, &url).await;
        assert_eq!((plain.status, plain.header("content-encoding")), (200, ""), "{file}");
        assert_eq!(plain.header("content-length"), plain.body.len().to_string());
        let packed = request(web, "GET", &url, "Accept-Encoding: gzip, deflate, br, zstd\r\n").await;
        assert_eq!((packed.status, packed.header("content-encoding")), (200, "gzip"), "{file}");
        assert_eq!(packed.header("content-length"), packed.bytes.len().to_string());
        assert_eq!(packed.header("content-type"), plain.header("content-type"));
        assert!(packed.header("vary").contains("accept-encoding"), "{}", packed.header("vary"));
        assert!(plain.header("vary").contains("accept-encoding"), "{}", plain.header("vary"));
        let mut unpacked = String::new();
        flate2::read::GzDecoder::new(&packed.bytes[..]).read_to_string(&mut unpacked).unwrap();
        assert_eq!(unpacked, plain.body, "{file}");
        let tag = plain.header("etag").to_owned();
        assert_eq!(packed.header("etag"), tag);
        let known = request(web, "GET", &url, &format!("Accept-Encoding: gzip\r\nIf-None-Match: {tag}\r\n")).await;
        assert_eq!((known.status, known.bytes.len(), known.header("content-encoding")), (304, 0, ""), "{file}");
    }
    for refused in ["gzip;q=0", "zstd;q=0", "identity", "br"] {
        let reply = request(web, "GET", "/dashboard.css", &format!("Accept-Encoding: {refused}\r\n")).await;
        assert_eq!((reply.status, reply.header("content-encoding")), (200, ""), "{refused}");
    }
}

/// Other origins may ask, and are told so before.
#[tokio::test]
async fn origins_are_let_in() {
    let web = &fleet().web;
    for url in ["/anything", "*", "/api/v1/info"] {
        let reply = request(web, "OPTIONS", url, "Origin: http://other\r\n").await;
        assert_eq!((reply.status, reply.body.as_str()), (200, "OK"), "{url}");
        assert_eq!(reply.header("access-control-allow-origin"), "http://other");
        assert_eq!(reply.header("access-control-allow-credentials"), "true");
        assert_eq!(reply.header("access-control-allow-methods"), "GET, OPTIONS");
        assert_eq!(
            reply.header("access-control-allow-headers"),
            "accept, x-requested-with, origin, content-type, cookie, pragma, cache-control, x-auth-token, authorization"
        );
        assert_eq!(reply.header("access-control-max-age"), "1209600");
    }
    assert_eq!(get(web, "/api/v1/info").await.header("access-control-allow-origin"), "*");
}

/// HEAD is GET without its body; other methods are not understood.
#[tokio::test]
async fn methods_are_few() {
    let web = &fleet().web;
    for url in ["/", "/api/v1/info", "/api/v1/data?chart=test.cpu", "/nosuch"] {
        let (whole, head) = (get(web, url).await, request(web, "HEAD", url, "").await);
        assert_eq!((head.status, head.body.as_str()), (whole.status, ""), "{url}");
        assert_eq!(head.header("content-length"), whole.body.len().to_string(), "{url}");
    }
    for method in ["POST", "PUT", "DELETE", "get"] {
        let reply = request(web, method, "/api/v1/info", "").await;
        assert_eq!((reply.status, reply.body.as_str()), (405, "I don't understand you...\r\n"));
        assert_eq!(reply.header("allow"), "GET, HEAD, OPTIONS");
    }
}

/// What is about the past may be kept, everything else not.
#[tokio::test]
async fn caching_is_told() {
    let web = &fleet().web;
    let passing = get(web, "/api/v1/data?chart=test.cpu&after=-10").await;
    assert_eq!(passing.header("cache-control"), "no-cache, no-store, must-revalidate");
    assert_eq!(passing.header("pragma"), "no-cache");
    assert_eq!(passing.header("expires"), "Sun, 22 Nov 2026 22:48:01 GMT");
    assert!(passing.header("server").starts_with("Tributary/"));
    let lasting = get(web, "/api/v1/data?chart=test.cpu&after=1795387600&before=1795387610").await;
    assert_eq!((lasting.header("cache-control"), lasting.header("pragma")), ("public", ""));
    assert_eq!(lasting.header("expires"), "Mon, 23 Nov 2026 22:48:00 GMT");
}

/// A node that does not know itself yet says that it starts.
#[tokio::test]
async fn a_node_may_be_starting() {
    let reply = get(&nobody(), "/api/v1/info").await;
    assert_eq!((reply.status, reply.body.as_str()), (503, ""));
}
