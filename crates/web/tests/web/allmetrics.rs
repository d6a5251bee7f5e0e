//! `allmetrics`: for shells, clients and scrapers.

use serde_json::json;

use crate::client::{get, request};
use crate::fleet::{LAST_S, NASTY, fleet};

/// Goal: clients find every chart with its newest values, hidden dimensions too.
#[tokio::test]
async fn clients_get_json() {
    let fleet = fleet();
    let url = "/api/v1/allmetrics%3Fformat=json&help=no&types=no&timestamps=yes&names=yes&data=average";
    let all = get(&fleet.web, url).await.json();
    let charts: Vec<&String> = all.as_object().unwrap().keys().collect();
    assert_eq!(charts, ["test.cpu", "test.dark", "test.hidden", "test.rowless"]);
    let value = LAST_S % 10;
    assert_eq!(
        all["test.cpu"],
        json!({
            "name": "test.processor", "family": "test", "context": "test.cpu", "units": "%", "last_updated": LAST_S,
            "dimensions": {
                "user": { "name": "user", "value": f64::from(value as i32) },
                "system": { "name": "the \"system\"", "value": -0.5 },
                "steal": { "name": "steal", "value": 0.0 },
                "idle": { "name": "idle", "value": 100.0 },
            }
        })
    );
    assert_eq!(all["test.rowless"]["dimensions"], json!({}), "never collected");
    let some = get(&fleet.web, "/api/v1/allmetrics?format=json&filter=!*dark%20*processor%20*less").await.json();
    assert_eq!(some.as_object().unwrap().keys().collect::<Vec<_>>(), ["test.cpu", "test.rowless"]);
    let nobody = get(&fleet.web, "/host/beta/api/v1/allmetrics?format=json").await;
    assert_eq!(nobody.json(), json!({}));
}

/// Goal: a shell can read it, and nothing that a host says is run.
#[tokio::test]
async fn shells_get_variables() {
    let fleet = fleet();
    let reply = get(&fleet.web, "/api/v1/allmetrics").await;
    assert_eq!(reply.header("content-type"), "text/plain; charset=utf-8");
    let text = &reply.body;
    let expected = format!(
        "\n# chart: test.cpu (name: test.processor)\nNETDATA_TEST_PROCESSOR_USER=\"{}\"      # %\n\
         NETDATA_TEST_PROCESSOR_THE__SYSTEM_=\"-1\"      # %\nNETDATA_TEST_PROCESSOR_STEAL=\"0\"      # %\n\
         NETDATA_TEST_PROCESSOR_IDLE=\"100\"      # %\nNETDATA_TEST_PROCESSOR_VISIBLETOTAL=\"{}\"      # %\n",
        LAST_S % 10,
        LAST_S % 10 - 1
    );
    assert!(text.starts_with(&expected), "{text}");
    assert!(!text.contains("NETDATA_TEST_ROWLESS_A") && text.ends_with("\n# NETDATA ALARMS RUNNING\n"));
    for line in text.lines().filter(|line| !line.is_empty()) {
        let is_variable = line.split_once("=\"").is_some_and(|(name, _)| {
            name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
        });
        assert!(line.starts_with('#') || is_variable, "{line}");
    }
}

/// Goal: every parameter changes what it is for.
#[tokio::test]
async fn scrapers_choose() {
    let fleet = fleet();
    let ask = async |query: &str| {
        let reply =
            get(&fleet.web, &format!("/api/v1/allmetrics?format=prometheus&filter=*cpu%20*processor&{query}")).await;
        assert_eq!((reply.status, reply.header("content-type")), (200, "text/plain; version=0.0.4"), "{query}");
        assert_eq!(reply.header("cache-control"), "no-cache, no-store, must-revalidate");
        reply.body.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let all = ask("server=a").await;
    assert!(
        all[0].starts_with("netdata_info{instance=\"alpha\",application=\"netdata\",version=\"v1.37.1\"} 1 "),
        "{}",
        all[0]
    );
    assert!(all[1].starts_with("# HELP netdata_test_cpu_percent_average a \"title\"\\\\ with\\n"), "{}", all[1]);
    assert_eq!(all[2], "# TYPE netdata_test_cpu_percent_average gauge");
    let average = "netdata_test_cpu_percent_average{chart=\"test.processor\",dimension=\"the \\\"system\\\"\",family=\"test\"} -0.5000000 ";
    assert!(all[4].starts_with(average), "{}", all[4]);
    assert_eq!(all.len(), 7, "hidden dimensions, too");
    assert!(ask("server=b&source=sum&help=no&types=no").await[1].starts_with("netdata_test_cpu_sum{"));
    assert!(
        ask("server=c&names=no&help=no&types=no").await.is_empty() || ask("server=d&names=no&help=no").await.len() == 6
    );
    let plain = ask("server=e&timestamps=no&help=no&types=0&hideunits=yes&prefix=x.y").await;
    assert!(
        plain[0].ends_with("} 1") && plain[2].starts_with("x_y_test_cpu_average{") && plain[2].ends_with(" -0.5000000")
    );
    assert_eq!(ask("server=f&data=raw").await[2], "# TYPE netdata_test_cpu gauge");
    let wrong = get(&fleet.web, "/api/v1/allmetrics?format=xml").await;
    let text = "Which format? 'shell', 'prometheus', 'prometheus_all_hosts' and 'json' are currently supported.";
    assert_eq!((wrong.status, wrong.body.as_str()), (400, text));
}

/// Goal: all hosts are in one text, each metric explained once, and a host's name cannot break a line.
#[tokio::test]
async fn all_hosts_are_scraped() {
    let fleet = fleet();
    let text = get(&fleet.web, "/api/v1/allmetrics?format=prometheus_all_hosts").await.body;
    assert_eq!(text.matches("netdata_info{instance=").count(), 4);
    assert_eq!(text.matches("# TYPE netdata_test_cpu_percent_average").count(), 1);
    assert_eq!(text.matches("dimension=\"user\",family=\"test\",instance=\"alpha\"} ").count(), 1);
    assert_eq!(text.matches("dimension=\"user\",family=\"test\",instance=\"my box/1 <b>\"} ").count(), 1);
    assert!(!text.contains("instance=\"gamma\"} "), "a host without rows has no averages");
    assert!(!text.contains(NASTY));
}

/// Goal: clients that can unpack get less bytes of the same text; short answers stay as they are.
#[tokio::test]
async fn answers_are_packed_for_those_who_can_unpack() {
    let fleet = fleet();
    for (url, is_long) in
        [("/api/v1/data?chart=test.cpu&dimensions=*&after=-590", true), ("/api/v1/alarm_count", false)]
    {
        let plain = get(&fleet.web, url).await;
        assert_eq!(plain.header("content-encoding"), "");
        for accepted in ["gzip", "zstd", "gzip;q=0, identity", "br"] {
            let reply = request(&fleet.web, "GET", url, &format!("Accept-Encoding: {accepted}\r\n")).await;
            let expected = if is_long && !accepted.contains(['=', 'r']) { accepted } else { "" };
            assert_eq!(reply.header("content-encoding"), expected, "{url} {accepted}");
            assert!(reply.header("vary").contains("accept-encoding") || reply.header("vary").contains("origin"));
            let bytes = match expected {
                "gzip" => gunzip(&reply.bytes),
                "zstd" => zstd::decode_all(&*reply.bytes).unwrap(),
                _ => reply.bytes.clone(),
            };
            assert_eq!(bytes, plain.bytes, "{url} {accepted}");
            assert!(expected.is_empty() || reply.bytes.len() * 4 < plain.bytes.len());
        }
    }
}

fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(bytes), &mut out).unwrap();
    out
}
