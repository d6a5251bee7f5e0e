//! `node`: this node and what it keeps, for its own page. Ours.

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
    });
    json.finish()
}
