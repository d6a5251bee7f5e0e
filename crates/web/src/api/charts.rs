//! `charts` and `chart`: what a host measures.
//!
//! Charts are copied a few at a time while the answer is written, so that the host's lock is held for
//! some 50 µs and rows that come meanwhile do not wait for thousands of charts.

use std::collections::HashMap;
use std::sync::Arc;

use row::ChartSlot;
use rrd_store::Host;

use super::alarms::{self, OfChart};
use super::chart::{ChartCopy, is_listed};
use crate::Node;
use crate::answer::{Answer, JSON};
use crate::json::Json;
use crate::pieces::Make;

/// Charts copied under one hold of the lock.
pub(super) const CHARTS_AT_ONCE: u32 = 64;

/// The charts of a host, in the making.
struct Listing {
    node: Arc<Node>,
    host: Arc<Host>,
    /// The slot to go on from.
    next: u32,
    copies: Vec<ChartCopy>,
    /// The alarms of charts, by their ids.
    alarms: HashMap<String, OfChart>,
    comma: bool,
    charts: usize,
    dimensions: usize,
}

pub(super) fn answer(node: Arc<Node>, host: Arc<Host>) -> Answer {
    let alarms = alarms::by_chart(&node, &host);
    let listing = Listing { node, host, next: 0, copies: Vec::new(), alarms, comma: false, charts: 0, dimensions: 0 };
    Answer::made(JSON, listing)
}

impl Make for Listing {
    fn make(&mut self, out: &mut Vec<u8>) -> bool {
        let is_first = self.next == 0;
        let is_more = self.copy_some();
        let mut comma = self.comma;
        Json::go_on(out, &mut comma, |json| {
            if is_first {
                self.begin(json);
            }
            for chart in self.copies.drain(..) {
                json.key(chart.id());
                chart.write(json, &self.alarms.remove(chart.id()).unwrap_or_default());
                self.charts += 1;
                self.dimensions += chart.dimensions();
            }
            if !is_more {
                self.end(json);
            }
        });
        self.comma = comma;
        is_more
    }
}

impl Listing {
    /// Copies the next listed charts; returns whether there are more.
    fn copy_some(&mut self) -> bool {
        let (start, end) = (self.next, self.next + CHARTS_AT_ONCE);
        let copies = &mut self.copies;
        let is_more = self.host.read(|view| {
            let slots = (start..view.slots_end().min(end)).map(ChartSlot);
            let charts = slots.filter_map(|slot| view.chart(slot)).filter(is_listed);
            copies.extend(charts.map(|chart| ChartCopy::of(&chart)));
            view.slots_end() > end
        });
        self.next = end;
        is_more
    }

    fn begin(&self, json: &mut Json) {
        let (host, info) = (&self.host, self.host.info());
        json.open(b'{');
        json.key("hostname").text(&info.hostname);
        json.key("version").text(&info.program_version);
        json.key("release_channel").text("stable");
        json.key("os").text(&info.os);
        json.key("timezone").text(&info.timezone);
        json.key("update_every").int(i64::from(info.update_every_s));
        json.key("history").int(i64::from(host.keep().history_rows));
        json.key("memory_mode").text(host.keep().mode.word());
        json.key("custom_info").text("");
        json.key("charts").open(b'{');
    }

    fn end(&self, json: &mut Json) {
        let hosts = self.node.store.hosts();
        json.close(b'}');
        json.key("charts_count").count(self.charts);
        json.key("dimensions_count").count(self.dimensions);
        json.key("alarms_count").count(alarms::count_of(&self.node, &self.host));
        json.key("rrd_memory_bytes").count(self.host.bytes());
        json.key("hosts_count").count(hosts.len());
        json.key("hosts").array(|json| {
            for host in hosts.iter() {
                json.object(|json| json.key("hostname").text(&host.info().hostname));
            }
        });
        json.close(b'}');
    }
}

/// The chart with this id or name.
pub(super) fn one(node: &Node, host: &Host, id_or_name: &str) -> Option<Vec<u8>> {
    let chart = host.read(|view| view.find_chart(id_or_name).map(|chart| ChartCopy::of(&chart)))?;
    let mut json = Json::with_capacity(1_024);
    chart.write(&mut json, &alarms::of_chart(node, host, chart.id()));
    Some(json.finish())
}
