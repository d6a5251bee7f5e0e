//! `hosts`: all hosts of this node with how fresh they are and what is raised, for every page of the dashboard. Ours.

use std::sync::Arc;

use archive::Elder;
use rrd_store::Host;

use super::alarms;
use crate::answer::Answer;
use crate::json::Json;
use crate::{Node, list};

/// A host of the list.
enum Listed {
    Known(Arc<Host>),
    /// Only the archive knows it.
    Elder(Elder),
}

pub(super) fn answer(node: Arc<Node>) -> Answer {
    let now_s = node.now().wall_s();
    let known: Vec<Listed> = node.store.hosts().iter().cloned().map(Listed::Known).collect();
    let listed = known.into_iter().chain(node.elders().into_iter().map(Listed::Elder));
    let mut json = Json::default();
    json.open(b'[');
    let write = move |json: &mut Json, listed: Listed| match listed {
        Listed::Known(host) => write_host(json, &node, &host, now_s),
        Listed::Elder(elder) => write_elder(json, &elder, now_s),
    };
    list::answer(json, listed, write, |json| json.close(b']'))
}

fn write_host(json: &mut Json, node: &Node, host: &Host, now_s: i64) {
    let (_, warning, critical) = alarms::by_level(node, host);
    let (info, status, figures) = (host.info(), host.status(), host.figures());
    json.object(|json| {
        json.key("guid").text(&host.guid().to_string());
        json.key("hostname").text(&info.hostname);
        json.key("hops").int(i64::from(info.hops));
        json.key("reachable").bool(status.fed);
        json.key("newest_s").int(status.newest_s);
        match status.newest_s {
            0 => json.key("age_s").null(),
            newest_s => json.key("age_s").int((now_s - newest_s).max(0)),
        }
        let ahead_s = status.newest_s - now_s;
        json.key("ahead_s").int(if ahead_s >= rrd_store::AHEAD_S { ahead_s } else { 0 });
        json.key("rows_ahead").int(figures.rows_ahead.get() as i64);
        json.key("charts").count(status.charts);
        json.key("dimensions").count(status.dimensions);
        json.key("memory_mode").text(host.keep().mode.word());
        json.key("rows").int(figures.rows.get() as i64);
        json.key("samples").int(figures.samples.get() as i64);
        json.key("bytes").count(host.bytes());
        json.key("program").text(format!("{} {}", info.program_name, info.program_version).trim());
        json.key("os").text(&info.os);
        json.key("alarms").object(|json| {
            json.key("critical").count(critical);
            json.key("warning").count(warning);
        });
    });
}

/// A host that only the archive knows: who it is, and when it wrote last.
fn write_elder(json: &mut Json, elder: &Elder, now_s: i64) {
    json.object(|json| {
        json.key("guid").text(&elder.guid.to_string());
        json.key("hostname").text(&elder.hostname);
        json.key("hops").int(1);
        json.key("reachable").bool(false);
        json.key("newest_s").int(elder.newest_s);
        json.key("age_s").int((now_s - elder.newest_s).max(0));
        for count in ["ahead_s", "rows_ahead", "charts", "dimensions"] {
            json.key(count).int(0);
        }
        json.key("memory_mode").text("archive");
        for count in ["rows", "samples", "bytes"] {
            json.key(count).int(0);
        }
        json.key("program").text("");
        json.key("os").text("");
        json.key("alarms").object(|json| {
            json.key("critical").int(0);
            json.key("warning").int(0);
        });
    });
}
