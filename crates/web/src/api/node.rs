//! `node`: this node, what it keeps and where it writes that to, for its own page. Ours.

use export::{Amount, Ledger};

use crate::Node;
use crate::json::Json;

/// Looks at each chart of each host for the bytes that it takes.
pub(super) fn answer(node: &Node) -> Vec<u8> {
    let hosts = node.store.hosts();
    let (mut charts, mut dimensions, mut bytes, mut asleep) = (0, 0, 0, 0);
    for host in hosts.iter() {
        let status = host.status();
        charts += status.charts;
        dimensions += status.dimensions;
        bytes += host.bytes();
        asleep += usize::from(host.is_asleep());
    }
    let mut json = Json::with_capacity(512);
    json.object(|json| {
        json.key("now_s").int(node.now().wall_s());
        json.key("version").text(&node.config.version);
        if let Some(own) = hosts.first() {
            json.key("guid").text(&own.guid().to_string());
            json.key("hostname").text(&own.info().hostname);
            json.key("memory_mode").text(own.keep().mode.word());
            json.key("history_rows").int(i64::from(own.keep().history_rows));
        }
        json.key("tls").bool(node.config.tls);
        json.key("streams_to_parent").bool(node.config.streams_to_parent);
        json.key("store").object(|json| {
            json.key("hosts").count(hosts.len());
            json.key("asleep").count(asleep);
            json.key("charts").count(charts);
            json.key("dimensions").count(dimensions);
            json.key("bytes").count(bytes);
        });
        json.key("backends").array(|json| node.config.backends.each(|ledger| backend(json, ledger)));
    });
    json.finish()
}

/// Writes what became of a backend's windows since the start, and how it is now.
fn backend(json: &mut Json, ledger: &Ledger) {
    let figures = ledger.figures();
    let amount = |json: &mut Json, key: &str, amount: Amount| {
        json.key(key).object(|json| {
            json.key("values").uint(amount.records);
            json.key("bytes").uint(amount.bytes);
        });
    };
    json.object(|json| {
        json.key("name").text(&ledger.name);
        json.key("type").text(&ledger.kind);
        json.key("destination").text(&ledger.destination);
        json.key("update_every_s").int(ledger.every_s);
        json.key("connected");
        match figures.is_reached {
            Some(is_reached) => json.bool(is_reached),
            None => json.null(),
        }
        json.key("windows").uint(figures.windows);
        amount(json, "told", figures.buffered);
        amount(json, "sent", figures.sent);
        amount(json, "dropped", figures.lost);
        json.key("attempts").uint(figures.attempts);
        json.key("failed").uint(figures.failures);
        json.key("latency_ms").double(figures.took_us as f64 / figures.attempts.max(1) as f64 / 1_000.0);
        json.key("backlog").object(|json| {
            json.key("windows").uint(figures.waiting.windows);
            json.key("values").uint(figures.waiting.records);
            json.key("memory_bytes").uint(figures.waiting.memory_bytes);
            json.key("disk_bytes").uint(figures.waiting.bytes - figures.waiting.memory_bytes);
            second(json, "oldest_s", figures.oldest_s);
        });
        second(json, "sent_s", figures.sent_s);
        second(json, "failed_s", figures.failed_s);
        json.key("last_error").text(&figures.error);
    });
}

/// Writes a moment, or that there is none.
fn second(json: &mut Json, key: &str, second: i64) {
    json.key(key);
    match second {
        0 => json.null(),
        second => json.int(second),
    }
}
