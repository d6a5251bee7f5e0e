//! `streams`: what came in and went out for each host since the node started. Ours.
//!
//! `in` is `null` for a host that was never received, `out` for one that was never sent on. Bytes
//! are those of the wire, `text_bytes` what they were before compression or are after it.

use std::sync::Arc;

use rrd_store::{Count, Figures, Host, Level};

use crate::answer::Answer;
use crate::json::Json;
use crate::{Node, list};

pub(super) fn answer(node: &Node) -> Answer {
    let now_s = node.now().wall_s();
    let (hosts, totals) = (node.store.hosts(), node.store.totals(now_s));
    let mut json = Json::with_capacity(1_024);
    json.open(b'{');
    json.key("now_s").int(now_s);
    json.key("totals").object(|json| {
        json.key("in").object(|json| {
            write_in(json, &totals.figures);
            json.key("lag_s").int(totals.lag_s);
        });
        json.key("out").object(|json| write_out(json, &totals.figures));
    });
    json.key("hosts").open(b'[');
    let write = move |json: &mut Json, host: Arc<Host>| write_host(json, &host, now_s);
    let end = |json: &mut Json| {
        json.close(b']');
        json.close(b'}');
    };
    list::answer(json, hosts.to_vec(), write, end)
}

fn write_host(json: &mut Json, host: &Host, now_s: i64) {
    let (info, figures) = (host.info(), host.figures());
    json.object(|json| {
        json.key("guid").text(&host.guid().to_string());
        json.key("hostname").text(&info.hostname);
        json.key("hops").int(i64::from(info.hops));
        write_newest(json, host.newest_s(), now_s);
        json.key("in");
        match figures.streams_accepted.get() {
            0 => json.null(),
            _ => json.object(|json| write_in(json, figures)),
        }
        json.key("out");
        match figures.streams_established.get() {
            0 => json.null(),
            _ => json.object(|json| {
                write_out(json, figures);
                write_newest(json, figures.sent_newest_s.get(), now_s);
            }),
        }
    });
}

/// The second of a newest row, and how long ago that is.
fn write_newest(json: &mut Json, newest_s: i64, now_s: i64) {
    json.key("newest_s").int(newest_s);
    json.key("lag_s");
    if newest_s == 0 { json.null() } else { json.int((now_s - newest_s).max(0)) }
}

fn write_in(json: &mut Json, figures: &Figures) {
    write_streams(json, &figures.receiving, &figures.streams_accepted, &figures.streams_accepted_again);
    for (key, count) in [
        ("rows", &figures.rows),
        ("samples", &figures.samples),
        ("rows_replicated", &figures.rows_replicated),
        ("rows_lost", &figures.rows_lost),
        ("rows_ignored", &figures.rows_ignored),
        ("rows_refused", &figures.rows_refused),
    ] {
        json.key(key).int(count.get() as i64);
    }
    write_bytes(json, figures.received_bytes.get(), figures.received_text_bytes.get());
}

fn write_out(json: &mut Json, figures: &Figures) {
    write_streams(json, &figures.sending, &figures.streams_established, &figures.streams_established_again);
    for (key, count) in [
        ("rows", &figures.sent_rows),
        ("rows_replicated", &figures.sent_rows_replicated),
        ("rows_lost", &figures.sent_rows_lost),
    ] {
        json.key(key).int(count.get() as i64);
    }
    write_bytes(json, figures.sent_bytes.get(), figures.sent_text_bytes.get());
}

/// How many streams there are now, how many there were, and how often a host's came again.
fn write_streams(json: &mut Json, now: &Level, so_far: &Count, again: &Count) {
    json.key("connected").int(now.get());
    json.key("streams").int(so_far.get() as i64);
    json.key("reconnects").int(again.get() as i64);
}

fn write_bytes(json: &mut Json, bytes: u64, text_bytes: u64) {
    json.key("bytes").int(bytes as i64);
    json.key("text_bytes").int(text_bytes as i64);
    json.key("compression_ratio").double(if bytes == 0 { f64::NAN } else { text_bytes as f64 / bytes as f64 });
}
