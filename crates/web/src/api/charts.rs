//! `charts` and `chart`: what a host measures.
//!
//! Charts are copied a few at a time, so that the host's lock is held for some 50 µs and rows that
//! come meanwhile do not wait for thousands of charts.

use row::ChartSlot;
use rrd_store::Host;

use super::alarms;
use super::chart::{ChartCopy, is_listed};
use crate::Node;
use crate::json::Json;

/// Charts copied under one hold of the lock.
const CHARTS_AT_ONCE: u32 = 64;

pub(super) fn answer(node: &Node, host: &Host) -> Vec<u8> {
    let (info, status, hosts) = (host.info(), host.status(), node.store.hosts());
    let mut json = Json::with_capacity(1_024 + status.charts * 768 + status.dimensions * 48);
    let (mut charts, mut dimensions) = (0, 0);
    json.object(|json| {
        json.key("hostname").text(&info.hostname);
        json.key("version").text(&info.program_version);
        json.key("release_channel").text("stable");
        json.key("os").text(&info.os);
        json.key("timezone").text(&info.timezone);
        json.key("update_every").int(i64::from(info.update_every_s));
        json.key("history").int(i64::from(host.keep().history_rows));
        json.key("memory_mode").text(host.keep().mode.word());
        json.key("custom_info").text("");
        json.key("charts").object(|json| {
            each_listed(host, |chart| {
                json.key(chart.id());
                chart.write(json);
                charts += 1;
                dimensions += chart.dimensions();
            });
        });
        json.key("charts_count").count(charts);
        json.key("dimensions_count").count(dimensions);
        json.key("alarms_count").count(alarms::count_of(node, host));
        json.key("rrd_memory_bytes").count(host.bytes());
        json.key("hosts_count").count(hosts.len());
        json.key("hosts").array(|json| {
            for host in hosts.iter() {
                json.object(|json| json.key("hostname").text(&host.info().hostname));
            }
        });
    });
    json.finish()
}

/// The chart with this id or name.
pub(super) fn one(host: &Host, id_or_name: &str) -> Option<Vec<u8>> {
    let chart = host.read(|view| view.find_chart(id_or_name).map(|chart| ChartCopy::of(&chart)))?;
    let mut json = Json::with_capacity(1_024);
    chart.write(&mut json);
    Some(json.finish())
}

/// Calls `f` for each listed chart, outside the host's lock.
fn each_listed(host: &Host, mut f: impl FnMut(&ChartCopy)) {
    let mut copies = Vec::new();
    for start in (0..).step_by(CHARTS_AT_ONCE as usize) {
        let more = host.read(|view| {
            let slots = (start..view.slots_end().min(start + CHARTS_AT_ONCE)).map(ChartSlot);
            let charts = slots.filter_map(|slot| view.chart(slot)).filter(is_listed);
            copies.extend(charts.map(|chart| ChartCopy::of(&chart)));
            view.slots_end() > start + CHARTS_AT_ONCE
        });
        copies.drain(..).for_each(|chart| f(&chart));
        if !more {
            return;
        }
    }
}
