//! `stream_info`: what a child of Netdata 2.1 or later asks each of its parents before it streams, to
//! choose the one that knows most of it.

use std::hash::{BuildHasher, RandomState};

use row::Guid;
use rrd_store::Host;

use crate::Node;
use crate::answer::Answer;
use crate::json::Json;

/// What is known of the asking host, where it is known.
struct Known {
    is_own: bool,
    is_fed: bool,
    first_s: i64,
    last_s: i64,
}

pub(super) fn answer(node: &Node, machine_guid: Option<&str>) -> Answer {
    let hosts = node.store.hosts();
    let Some(own) = hosts.first() else { return Answer::starting() };
    let guid = machine_guid.and_then(|text| Guid::parse(text.as_bytes()).ok());
    let known = guid.and_then(|guid| node.store.host(guid)).map(|host| Known::of(&host, own));
    let receivers = hosts.iter().skip(1).filter(|host| host.is_fed()).count();
    let mut json = Json::with_capacity(512);
    json.object(|json| {
        json.key("version").int(1);
        json.key("status").int(if known.is_some() { 200 } else { 404 });
        json.key("host_id").text(&own.guid().to_string());
        json.key("nodes").count(hosts.len());
        json.key("receivers").count(receivers);
        // Lets a child choose at random among parents that know the same.
        json.key("nonce").int(i64::from(RandomState::new().hash_one(0) as u32));
        if let Some(known) = &known {
            known.write(json);
        }
    });
    if known.is_some() { Answer::json(json.finish()) } else { Answer::json_not_found(json.finish()) }
}

impl Known {
    fn of(host: &Host, own: &Host) -> Self {
        let first_s = host.read(|view| view.charts().map(|chart| chart.first_s()).filter(|first_s| *first_s > 0).min());
        Self {
            is_own: host.guid() == own.guid(),
            is_fed: host.is_fed(),
            first_s: first_s.unwrap_or_default(),
            last_s: host.newest_s(),
        }
    }

    fn write(&self, json: &mut Json) {
        let (ingest, status) = match (self.is_own, self.is_fed) {
            (true, _) => ("localhost", "online"),
            (false, true) => ("child", "online"),
            (false, false) => ("archived", "offline"),
        };
        json.key("db_status").text("online");
        json.key("db_liveness").text(if self.is_own || self.is_fed { "live" } else { "stale" });
        json.key("ingest_type").text(ingest);
        json.key("ingest_status").text(status);
        json.key("first_time_s").int(self.first_s);
        json.key("last_time_s").int(self.last_s);
    }
}
