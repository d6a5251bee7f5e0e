//! Badges: a value of a chart as a picture.

use patterns::SimplePattern;
use web::{Allowed, Config};

use crate::client::{Reply, get};
use crate::fleet::{fleet, fleet_with};

/// The texts of a badge: its label and its value.
pub(crate) fn texts(reply: &Reply) -> (String, String) {
    assert_eq!((reply.status, reply.header("content-type")), (200, "image/svg+xml"), "{reply:?}");
    let texts: Vec<&str> =
        reply.body.split("</text>").filter_map(|part| Some(part.rsplit_once("<text")?.1.split_once('>')?.1)).collect();
    assert_eq!((texts.len(), texts[0], texts[2]), (4, texts[1], texts[3]), "{}", reply.body);
    (texts[0].into(), texts[2].into())
}

/// The colours of label and value.
pub(crate) fn colors(reply: &Reply) -> (String, String) {
    let fills: Vec<&str> = reply.body.split(r##" fill="#"##).skip(2).map(|part| &part[..6]).collect();
    (fills[0].into(), fills[1].into())
}

/// Goal: every wish of a URL is heard. The last row is user 8, system -0.5, steal 0.
#[tokio::test]
async fn values_of_charts() {
    let fleet = fleet();
    for (query, label, value) in [
        ("", "test.processor", "7.5%"),
        ("&dimensions=user", "user", "8%"),
        ("&dimension=%7Cuser%7Csystem", "user|system", "7.5%"),
        ("&options=min2max", "test.processor", "8.5%"),
        ("&options=absolute", "test.processor", "8.5%"),
        ("&dimensions=system", "system", "-0.5%"),
        ("&options=display-absolute&dimensions=system", "system", "0.5%"),
        ("&options=percentage&dimensions=user", "user", "7.44%"),
        ("&after=-10&group=max&dimensions=user", "user", "9%"),
        ("&label=a%20%22%3Cb%5C%26'", "a &quot;&lt;b/&amp;&apos;", "7.5%"),
        ("&units=%3Cx%3E", "test.processor", "7.5&lt;x&gt;"),
        ("&units=apples", "test.processor", "7.5 apples"),
        ("&units=empty", "test.processor", "7.5"),
        ("&units=on/off", "test.processor", "on"),
        ("&units=seconds%20ago", "test.processor", "00:00:07 ago"),
        ("&multiply=4&divide=3", "test.processor", "10%"),
        ("&multiply=0&divide=0", "test.processor", "7.5%"),
        ("&precision=3", "test.processor", "7.500%"),
        ("&precision=99999999", "test.processor", "7.500000000000000%"),
        ("&dimensions=nosuch", "nosuch", "-"),
        ("&after=-100000&before=-90000", "test.processor", "-"),
    ] {
        let reply = get(&fleet.web, &format!("/api/v1/badge.svg?chart=test.cpu{query}")).await;
        assert_eq!(texts(&reply), (label.into(), value.into()), "{query}");
        assert_eq!(reply.header("cache-control"), "no-cache, no-store, must-revalidate");
        assert_eq!(reply.header("refresh"), "");
    }
    let long = get(&fleet.web, &format!("/api/v1/badge.svg?chart=test.cpu&label={}", "x".repeat(5_000))).await;
    assert_eq!(texts(&long).0.len(), 200);
}

/// Goal: colours are chosen by name, number and condition, and nothing else gets into the picture.
#[tokio::test]
async fn colors_of_charts() {
    let fleet = fleet();
    for (query, label, value) in [
        ("", "555555", "44cc11"),
        ("&label_color=blue&value_color=abc", "007ec6", "aabbcc"),
        ("&value_color=red%3E7.4%7Cgreen", "555555", "e05d44"),
        ("&value_color=red%3E7.5%7Cgreen", "555555", "97ca00"),
        ("&label_color=%22/%3E&value_color=%3C", "555555", "555555"),
        ("&dimensions=nosuch", "555555", "999999"),
        ("&dimensions=nosuch&value_color=blue:null", "555555", "007ec6"),
    ] {
        let reply = get(&fleet.web, &format!("/api/v1/badge.svg?chart=test.cpu{query}")).await;
        assert_eq!(colors(&reply), (label.into(), value.into()), "{query}");
    }
}

/// Goal: a badge says when to ask again.
#[tokio::test]
async fn badges_come_again() {
    let fleet = fleet();
    for (query, refresh) in [
        ("&refresh=auto&after=-60", "60"),
        ("&refresh=auto&after=-60&options=unaligned", "1"),
        ("&refresh=17", "17"),
        ("&refresh=-5", ""),
        ("&refresh=99999999999", "86400"),
    ] {
        let reply = get(&fleet.web, &format!("/api/v1/badge.svg?chart=test.cpu{query}")).await;
        assert_eq!(reply.header("refresh"), refresh, "{query}");
    }
}

/// Goal: what is not there is a picture that says so; only a question without a chart is none.
#[tokio::test]
async fn what_is_missing_is_shown() {
    let fleet = fleet();
    for (url, label) in [
        ("/api/v1/badge.svg?chart=%3Cb%3E", "chart not found"),
        ("/host/my%20box%2F1%20%3Cb%3E/api/v1/badge.svg?chart=nosuch", "chart not found"),
        ("/api/v1/badge.svg?chart=test.cpu&alarm=nosuch", "alarm not found"),
    ] {
        let reply = get(&fleet.web, url).await;
        assert_eq!(texts(&reply), (label.into(), "-".into()));
        assert_eq!(colors(&reply), ("555555".into(), "999999".into()));
    }
    let reply = get(&fleet.web, "/api/v1/badge.svg").await;
    assert_eq!((reply.status, &*reply.body), (400, "No chart id is given at the request."));
}

/// Goal: badges have an access list of their own, beside that of the dashboard.
#[tokio::test]
async fn who_may_fetch_badges() {
    let with = |badges: &str, dashboard: &str| {
        let (badges, dashboard) = (SimplePattern::new(badges), SimplePattern::new(dashboard));
        fleet_with(Config { allowed: Allowed { badges, dashboard, ..Allowed::default() }, ..Config::default() }).web
    };
    let web = with("*", "localhost");
    assert_eq!(get(&web, "/api/v1/badge.svg?chart=test.cpu").await.status, 200);
    assert_eq!(get(&web, "/host/alpha/api/v1/badge.svg?chart=test.cpu").await.status, 200);
    assert_eq!(get(&web, "/api/v1/info").await.status, 403);
    assert_eq!(get(&web, "/x/api/v1/badge.svg").await.status, 403);
    assert_eq!(get(&with("", "*"), "/api/v1/badge.svg?chart=test.cpu").await.status, 200);
    assert_eq!(get(&with("10.9.*", "localhost"), "/api/v1/badge.svg?chart=test.cpu").await.status, 403);
}
