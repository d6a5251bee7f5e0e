//! Who may see what, and what a browser may do with it.

use std::fs;
use std::os::unix::fs::symlink;

use patterns::SimplePattern;
use row::{ChartDefinition, DimensionDefinition, Packed, PointFlags};
use web::{Allowed, Config, Peer, Tokens, Web};

use crate::client::{Reply, get, request, send, somebody};
use crate::fleet::{LAST_S, fleet, fleet_with, now};

const TOKEN: &str = "a token; with blanks";

fn web_with(allowed: Allowed) -> Web {
    fleet_with(Config { allowed, settings: "[web]\n".into(), ..Config::default() }).web
}

fn with_token() -> Web {
    web_with(Allowed { tokens: Tokens::new(&[TOKEN.into()]), ..Allowed::default() })
}

fn status_of_post(form: &str) -> String {
    let length = form.len();
    let kind = "Content-Type: application/x-www-form-urlencoded";
    format!(
        "POST /host/alpha/sign-in HTTP/1.1\r\nHost: n\r\nConnection: close\r\n{kind}\r\nContent-Length: {length}\r\n\r\n{form}"
    )
}

/// Goal: where there are tokens, API, badges and dashboard want one; what has keys of its own does not.
#[tokio::test]
async fn tokens_are_wanted() {
    let web = with_token();
    for (url, is_open) in [
        ("/api/v1/info", false),
        ("/host/alpha/api/v1/info", false),
        ("/host/nosuch/api/v1/info", false),
        ("/host/alpha", false),
        ("/%00", false),
        ("/api/v1/badge.svg?chart=test.cpu", false),
        ("/", false),
        ("/index.html", false),
        ("/logo.svg", false),
        ("/netdata.conf", false),
        ("/api/v1/registry?action=hello", false),
        ("/api/v1/registry?action=access", true),
        ("/api/v3/stream_info", true),
        ("/api/v1/manage/health", true),
        ("/sign-in.css", true),
    ] {
        let reply = get(&web, url).await;
        assert_eq!(reply.status != 401, is_open, "{url}: {reply:?}");
        let reply = request(&web, "GET", url, &format!("Authorization: Bearer {TOKEN}\r\n")).await;
        assert_ne!(reply.status, 401, "{url}");
        let reply = request(&web, "GET", url, "Authorization: Bearer a token\r\n").await;
        assert_eq!(reply.status != 401, is_open, "{url}");
    }
    let reply = get(&web, "/api/v1/info").await;
    assert_eq!(reply.header("www-authenticate"), "Bearer realm=\"tributary\"");
    assert_eq!(
        (reply.header("access-control-allow-origin"), reply.header("access-control-allow-credentials")),
        ("*", "")
    );
}

/// Goal: a user gives the token once; the browser keeps it where no script and no other site gets at it.
#[tokio::test]
async fn browsers_keep_a_token() {
    let web = with_token();
    let page = get(&web, "/host/alpha/").await;
    assert_eq!((page.status, page.header("content-type")), (401, "text/html; charset=utf-8"));
    assert!(page.body.contains("action=\"sign-in\""), "{}", page.body);
    let wrong = send(&web, &status_of_post("token=wrong"), somebody()).await;
    assert_eq!((wrong.status, wrong.header("set-cookie")), (401, ""));
    assert!(wrong.body.contains("not known"));
    let right = send(&web, &status_of_post("token=a+token%3B%20with+blanks"), somebody()).await;
    assert_eq!((right.status, right.header("location")), (303, "./"));
    let cookie = right.header("set-cookie").to_owned();
    assert!(cookie.ends_with("; Path=/; Max-Age=2592000; HttpOnly; SameSite=Strict"), "{cookie}");
    let pair = cookie.split(';').next().unwrap();
    assert_eq!(request(&web, "GET", "/api/v1/info", &format!("Cookie: a=b; {pair}\r\n")).await.status, 200);
    let tls = send(&web, &status_of_post("token=a+token%3B%20with+blanks"), Peer::Tls(somebody())).await;
    assert!(tls.header("set-cookie").ends_with("; Secure"));
    let long = send(&web, &status_of_post(&"x".repeat(20_000)), somebody()).await;
    assert_eq!(long.status, 401);
}

/// Goal: without tokens nobody is asked for one, and there is no page for it.
#[tokio::test]
async fn no_tokens_no_questions() {
    let fleet = fleet();
    assert_eq!(get(&fleet.web, "/api/v1/info").await.status, 200);
    assert_eq!(get(&fleet.web, "/sign-in").await.status, 404);
    assert_eq!(send(&fleet.web, &status_of_post("token="), somebody()).await.status, 401);
}

/// Goal: each kind of page has its list, and tokens may be exchanged while the server runs.
#[tokio::test]
async fn lists_of_addresses() {
    let nobody = || SimplePattern::new("localhost");
    for (allowed, shut, open) in [
        (
            Allowed { dashboard: nobody(), ..Allowed::default() },
            vec!["/", "/api/v1/info", "/api/v1/registry?action=hello", "/api/v1/manage/health", "/sign-in.css", "/%00"],
            vec![
                "/api/v1/badge.svg?chart=test.cpu",
                "/netdata.conf",
                "/api/v3/stream_info",
                "/api/v1/registry?action=access",
            ],
        ),
        (
            Allowed { settings: nobody(), ..Allowed::default() },
            vec!["/netdata.conf", "/host/beta/netdata.conf"],
            vec!["/", "/api/v1/info"],
        ),
        (
            Allowed { registry: nobody(), ..Allowed::default() },
            vec!["/api/v1/registry?action=access", "/api/v1/registry"],
            vec!["/api/v1/registry?action=hello"],
        ),
        (Allowed { management: nobody(), ..Allowed::default() }, vec!["/api/v1/manage/health"], vec!["/api/v1/alarms"]),
    ] {
        let web = web_with(allowed);
        for url in shut {
            let reply = get(&web, url).await;
            assert_eq!((reply.status, &*reply.body), (403, "You are not allowed to access this resource."), "{url}");
        }
        for url in open {
            assert_ne!(get(&web, url).await.status, 403, "{url}");
        }
    }
    let fleet = fleet();
    fleet.web.exchange(Allowed { tokens: Tokens::new(&["new".into()]), ..Allowed::default() });
    assert_eq!(get(&fleet.web, "/api/v1/info").await.status, 401);
}

/// Goal: what a browser may do is said of each kind of answer: of ours strictly, of files that are not ours
/// not at all.
#[tokio::test]
async fn policies_of_browsers() {
    let fleet = fleet();
    let page = get(&fleet.web, "/").await;
    let policy = page.header("content-security-policy");
    for part in ["default-src 'none'", "script-src 'self'", "frame-ancestors 'self'", "base-uri 'none'"] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    let api = get(&fleet.web, "/host/%3Cscript%3E/").await;
    assert_eq!(api.header("content-security-policy"), "default-src 'none'; sandbox");
    for reply in [&page, &api] {
        assert_eq!(reply.header("x-content-type-options"), "nosniff");
        assert_eq!(reply.header("referrer-policy"), "same-origin");
    }
}

/// Goal: who has a file is told that it is still the same.
#[tokio::test]
async fn files_that_a_client_has() {
    let fleet = fleet();
    let first = get(&fleet.web, "/").await;
    let tag = first.header("etag").to_owned();
    assert_eq!((first.status, first.header("cache-control")), (200, "no-cache"));
    let again = request(&fleet.web, "GET", "/host/alpha/", &format!("If-None-Match: {tag}\r\n")).await;
    assert_eq!((again.status, &*again.body, again.header("etag")), (304, "", &*tag));
    let other = request(&fleet.web, "GET", "/", "If-None-Match: \"other\"\r\n").await;
    assert_eq!((other.status, other.body.len()), (200, first.body.len()));
    let head = request(&fleet.web, "HEAD", "/", "").await;
    assert_eq!((head.status, &*head.body, head.header("etag")), (200, "", &*tag));
}

fn custom(folder: &std::path::Path) -> Web {
    fleet_with(Config { custom_dir: Some(folder.into()), ..Config::default() }).web
}

/// Goal: another dashboard takes the place of ours, below each host, without our policy, whole and checked.
#[tokio::test]
async fn files_of_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let long = "0123456789".repeat(30_000);
    fs::write(folder.path().join("index.html"), "<p>theirs").unwrap();
    fs::create_dir(folder.path().join("js")).unwrap();
    fs::write(folder.path().join("js/long.js"), &long).unwrap();
    fs::write(folder.path().join("empty.css"), "").unwrap();
    let web = custom(folder.path());
    for (url, content_type, body) in [
        ("/", "text/html; charset=utf-8", "<p>theirs"),
        ("/host/alpha/", "text/html; charset=utf-8", "<p>theirs"),
        ("/node/beta//js//long.js", "text/javascript; charset=utf-8", &*long),
        ("/host/gamma/empty.css", "text/css; charset=utf-8", ""),
    ] {
        let reply = get(&web, url).await;
        assert_eq!((reply.status, reply.header("content-type")), (200, content_type), "{url}");
        assert!(reply.body == body, "{url}: {} bytes", reply.body.len());
        assert_eq!(reply.header("content-security-policy"), "");
        assert_eq!(reply.header("x-content-type-options"), "nosniff");
        let tag = format!("If-None-Match: {}\r\n", reply.header("etag"));
        assert_eq!(request(&web, "GET", url, &tag).await.status, 304, "{url}");
        let date = format!("If-Modified-Since: {}\r\n", reply.header("last-modified"));
        assert_eq!(request(&web, "GET", url, &date).await.status, 304, "{url}");
    }
    let missing: Reply = get(&web, "/logo.svg").await;
    assert_eq!((missing.status, &*missing.body), (404, "File does not exist, or is not accessible: logo.svg"));
    assert_eq!(get(&web, "/api/v1/info").await.header("content-security-policy"), "default-src 'none'; sandbox");
    assert_eq!(get(&custom(std::path::Path::new("/nosuch")), "/").await.status, 404);
}

/// Goal: nothing beside the folder is read, however a name is written, and nothing that is hidden in it.
#[tokio::test]
async fn nothing_outside_of_the_folder() {
    let around = tempfile::tempdir().unwrap();
    let folder = around.path().join("web");
    for path in ["web/js", "web/.git", "beside"] {
        fs::create_dir_all(around.path().join(path)).unwrap();
    }
    for path in ["secret", "beside/secret", "web/.secret", "web/.git/secret", "web/js/.secret"] {
        fs::write(around.path().join(path), "secret").unwrap();
    }
    symlink("../secret", folder.join("link")).unwrap();
    symlink("../beside", folder.join("js/beside")).unwrap();
    symlink("/", folder.join("root")).unwrap();
    let web = custom(&folder);
    for below in ["", "/host/alpha", "/node/beta"] {
        for (name, status) in [
            ("/../secret", 400),
            ("/js/../../secret", 400),
            ("/%2e%2e/secret", 400),
            ("/%2E./secret", 400),
            ("/js%2f..%2f..%2fsecret", 400),
            ("/..%5csecret", 400),
            ("/%252e%252e/secret", 400),
            ("/..%c0%afsecret", 400),
            ("/js%00/../secret", 400),
            ("/....//secret", 400),
            ("//../secret", 400),
            ("/link", 404),
            ("/js/beside/secret", 404),
            ("/root/etc/passwd", 404),
            ("//etc/passwd", 404),
            ("/.secret", 404),
            ("/.git/secret", 404),
            ("/js//.secret", 404),
            ("/js/./%2esecret", 404),
            ("/js", 404),
        ] {
            let reply = get(&web, &format!("{below}{name}")).await;
            assert_eq!(reply.status, status, "{below}{name}: {}", reply.body);
            assert!(reply.body != "secret" && !reply.body.contains("root:"), "{below}{name}");
        }
    }
}

/// Goal: what a hostile child calls its things is nowhere more than a text: not in tables, pictures, scripts
/// nor in what is said of errors.
#[tokio::test]
async fn hostile_names_are_texts() {
    const BAD: &str = "</td></text><script>alert('1')</script>\\\");//";
    let mut fleet = fleet();
    let mut writer = fleet.feed.writer(now()).unwrap();
    let definition = ChartDefinition {
        id: "bad.chart",
        name: BAD,
        title: BAD,
        units: BAD,
        family: BAD,
        update_every_s: 1,
        ..Default::default()
    };
    let chart = writer.define_chart(&definition).unwrap();
    writer.define_dimension(chart, &DimensionDefinition { id: "a", name: BAD, ..Default::default() }).unwrap();
    writer.begin(chart);
    writer.set_stored(0, None, Packed::pack(1.0, PointFlags::NORMAL));
    assert!(writer.end_stored(LAST_S, true));
    drop(writer);
    for (url, status, content_type) in [
        ("/api/v1/data?chart=bad.chart&after=-2&format=html", 200, "text/html"),
        ("/api/v1/badge.svg?chart=bad.chart", 200, "image/svg+xml"),
        (
            "/api/v1/badge.svg?chart=bad.chart&label=%3Cscript%3E&units=%3Cscript%3E&value_color=%3Cscript%3E",
            200,
            "image/svg+xml",
        ),
        ("/api/v1/badge.svg?chart=%3Cscript%3E", 200, "image/svg+xml"),
        ("/host/%3Cscript%3E/", 404, "text/html"),
        ("/host/%3Cscript%3E", 404, "text/html"),
        ("/api/%3Cscript%3E", 404, "text/html"),
        ("/api/v1/%3Cscript%3E", 404, "text/plain"),
        ("/%3Cscript%3E", 400, "text/html"),
        ("/api/v1/chart?chart=%3Cscript%3E", 404, "text/plain"),
        ("/api/v2/data?group_by=%3Cscript%3E", 400, "text/plain"),
    ] {
        let reply = get(&fleet.web, url).await;
        assert_eq!(
            (reply.status, reply.header("content-type").split(';').next()),
            (status, Some(content_type)),
            "{url}"
        );
        assert!(!reply.body.contains("<script"), "{url}: {}", reply.body);
        assert!(reply.header("content-security-policy").contains("default-src 'none'"), "{url}");
    }
    let called = "/api/v1/data?chart=bad.chart&after=-1&points=1&format=";
    for (more, before, after) in [
        ("jsonp&callback=alert(1)//", "alert_1___(", ");"),
        (
            "datasource&tqx=reqId:');alert(1);//",
            "google.visualization.Query.setResponse({version:'0.6',reqId:'__',status:'ok',sig:'",
            "});",
        ),
        ("datasource&options=google_json&tqx=responseHandler:alert(1)//", "alert_1___({version:'0.6',", "});"),
    ] {
        let body = get(&fleet.web, &format!("{called}{more}")).await.body;
        assert!(body.starts_with(before) && body.ends_with(after), "{body}");
        assert!(
            body.contains(r#"</td></text><script>alert('1')</script>\\\");//""#),
            "the text stays in its quotes: {body}"
        );
    }
}

/// Goal: settings, version and the word to robots are where clients look for them.
#[tokio::test]
async fn other_pages() {
    let web = web_with(Allowed::default());
    for (url, body) in [
        ("/netdata.conf", "[web]\n"),
        ("/host/beta/netdata.conf", "[web]\n"),
        ("/robots.txt", "User-agent: *\nAllow: /$\nDisallow: /\n"),
    ] {
        let reply = get(&web, url).await;
        assert_eq!(
            (reply.status, reply.header("content-type"), &*reply.body),
            (200, "text/plain; charset=utf-8", body)
        );
    }
    assert_eq!(get(&web, "/version.txt").await.body.trim(), Config::default().version);
}
