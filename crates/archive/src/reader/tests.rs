use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};

use row::Guid;
use rrd_store::query::What;

use super::*;

const HOST: Guid = Guid::from_bytes([4; 16]);
const END_S: i64 = 1_795_387_200;

fn clock() -> Now {
    let wall_us = (END_S + 60) * 1_000_000;
    Now { wall_us, mono_us: 1_000_000_000 }
}

/// A server that answers each head of a request in its way; it counts requests.
fn server(answer: impl Fn(&str) -> Vec<u8> + Send + 'static) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let (mut head, mut byte) = (Vec::new(), [0]);
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|count| count == 1) {
                head.push(byte[0]);
            }
            counted.fetch_add(1, Ordering::Relaxed);
            let head = String::from_utf8(head).unwrap();
            // Who has read enough may be gone.
            stream.write_all(&answer(&head)).ok();
        }
    });
    (url, count)
}

fn http(status: u16, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len()).into_bytes()
}

fn number(path: &str, name: &str) -> i64 {
    let begin = path.find(&format!("&{name}=")).unwrap() + name.len() + 2;
    path[begin..].split('&').next().unwrap().parse().unwrap()
}

/// Rows of one dimension, each with its second as value, but for those that `has` leaves out.
fn rows(path: &str, dimension: &str, has: fn(i64) -> bool) -> Vec<u8> {
    let (start, end, step) = (number(path, "start"), number(path, "end"), number(path, "step"));
    let values: Vec<_> =
        (start..=end).step_by(step as usize).filter(|s| has(*s)).map(|s| format!("[{s},\"{s}\"]")).collect();
    let values = values.join(",");
    http(
        200,
        &format!(
            r#"{{"status":"success","data":{{"resultType":"matrix","result":[{{"metric":{{"dimension":"{dimension}"}},"values":[{values}]}}]}}}}"#
        ),
    )
}

fn reader(urls: &[&str], points_max: u32) -> Arc<Reader> {
    Arc::new(Reader::new(config(urls, points_max), clock).unwrap())
}

fn config(urls: &[&str], points_max: u32) -> Config {
    Config {
        urls: urls.iter().map(|&url| url.to_owned()).collect(),
        headers: urls.iter().map(|_| Vec::new()).collect(),
        trust: Trust::default(),
        every_s: 10,
        timeout: Duration::from_secs(5),
        delay_s: 60,
        points_max,
        cache_bytes: 1 << 20,
        hosts_for_s: 86_400,
    }
}

fn asked(step_s: i64, after_s: i64, before_s: i64) -> Asked<'static> {
    Asked { host: HOST, chart: "a.b", dimensions: 2, what: What::Average, step_s, after_s, before_s }
}

fn check(fetched: &Fetched, asked: &Asked<'_>, has: impl Fn(i64) -> bool) {
    let values = &fetched.series.iter().find(|(id, _)| &**id == "user").unwrap().1;
    let rows: Vec<i64> = (asked.after_s + asked.step_s..=asked.before_s).step_by(asked.step_s as usize).collect();
    assert_eq!(values.len(), rows.len());
    for (second, value) in rows.iter().zip(values) {
        assert!(if has(*second) { *value == *second as f64 } else { value.is_nan() }, "{second} {value} {asked:?}");
    }
}

/// Goal: whatever is asked, each row has its value, and what was asked once and is settled is not asked again.
#[test]
fn rows_are_put_together() {
    let (url, count) = server(|path| rows(path, "user", |_| true));
    let reader = reader(&[&url], 100_000);
    let mut random = 3_u64;
    let mut next = |below: i64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as i64 % below
    };
    for _ in 0..60 {
        let step_s = [10, 60, 600, 86_400][next(4) as usize];
        let before_s = END_S - next(200_000);
        let after_s = before_s - step_s * (1 + next(2_000));
        let asked = asked(step_s, after_s, before_s);
        let fetched = reader.session(HOST).fetch(&asked);
        assert_eq!(fetched.lack, None);
        check(&fetched, &asked, |_| true);
    }
    let old = asked(10, END_S - 200_000, END_S - 100_000);
    reader.session(HOST).fetch(&old);
    let before = count.load(Ordering::Relaxed);
    check(&reader.session(HOST).fetch(&old), &old, |_| true);
    assert_eq!(count.load(Ordering::Relaxed), before, "all of it is kept");
    let young = asked(10, END_S - 1_000, END_S);
    (0..2).for_each(|_| check(&reader.session(HOST).fetch(&young), &young, |_| true));
    assert_eq!(count.load(Ordering::Relaxed), before + 2, "what is young is asked again");
}

/// Goal: two servers complete each other; if one is away, the answer says that something may lack, and is not kept.
#[test]
fn servers_complete_each_other() {
    let (one, _) = server(|path| rows(path, "user", |second| second % 20 == 0));
    let (other, _) = server(|path| rows(path, "user", |second| second % 20 != 0));
    let both = reader(&[&one, &other], 100_000);
    let asked = asked(10, END_S - 20_000, END_S - 10_000);
    check(&both.session(HOST).fetch(&asked), &asked, |_| true);
    let half = reader(&[&one, "http://127.0.0.1:1"], 100_000);
    for _ in 0..2 {
        let fetched = half.session(HOST).fetch(&asked);
        assert_eq!(fetched.lack, Some(Lack::Partial));
        check(&fetched, &asked, |second| second % 20 == 0);
    }
}

/// Goal: whatever a broken server says is no answer; after three it is left alone.
#[test]
fn broken_servers_are_left_alone() {
    for body in [
        http(500, "oops"),
        http(200, "<html>"),
        http(200, r#"{"status":"error","error":"no"}"#),
        http(
            200,
            r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"dimension":"x"},"values":[[1,"1"#,
        ),
        b"nonsense".to_vec(),
    ] {
        let (url, count) = server(move |_| body.clone());
        let reader = reader(&[&url], 100_000);
        let asked = asked(10, END_S - 2_000, END_S - 1_000);
        for _ in 0..5 {
            assert_eq!(reader.session(HOST).fetch(&asked), Fetched { series: vec![], lack: Some(Lack::Unavailable) });
        }
        assert_eq!(count.load(Ordering::Relaxed), 3);
    }
}

/// Goal: too many points are refused, and no answer may be longer than what is read of one.
#[test]
fn answers_are_bounded() {
    let (url, count) = server(|path| rows(path, "user", |_| true));
    let asked = asked(10, END_S - 20_000, END_S - 9_990);
    assert_eq!(reader(&[&url], 1_000).session(HOST).fetch(&asked).lack, Some(Lack::Unavailable));
    assert_eq!(count.load(Ordering::Relaxed), 0);
    let (url, _) = server(|_| {
        let mut huge = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".to_vec();
        huge.resize(ANSWER_BYTES_MAX as usize + 1_000, b' ');
        huge
    });
    assert_eq!(reader(&[&url], 10_000).session(HOST).fetch(&asked).lack, Some(Lack::Unavailable));
}

/// Goal: servers learn who asks, below whatever path they are; what they repeat of it is not told.
#[test]
fn servers_learn_who_asks() {
    let (url, _) = server(|head| {
        let head = head.to_ascii_lowercase();
        let is_known = head.starts_with("get /select/0/prometheus/api/v1/query_range?query=")
            && head.contains("\r\nauthorization: bearer hunter2\r\n")
            && head.contains("\r\nx-scope-orgid: site\r\n");
        if is_known { rows(&head, "user", |_| true) } else { http(401, "who are you?") }
    });
    let headers = vec![("Authorization".into(), "Bearer hunter2".into()), ("X-Scope-OrgID".into(), "site".into())];
    let config = Config { headers: vec![headers], ..config(&[&format!("{url}/select/0/prometheus")], 100_000) };
    let asked = asked(10, END_S - 2_000, END_S - 1_000);
    let reader = Arc::new(Reader::new(config, clock).unwrap());
    check(&reader.session(HOST).fetch(&asked), &asked, |_| true);
    let told = reader.servers[0].without_secrets("no hunter2 of site may enter".into());
    assert_eq!(told, "no … of … may enter");
    assert!(!format!("{reader:?}").contains("hunter2"));
}
