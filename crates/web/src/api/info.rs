//! `info`: what this node and the host asked about are, and which hosts are here.

use std::collections::BTreeSet;

use row::ChartOptions;
use rrd_store::{Host, HostInfo};

use super::alarms;
use crate::Node;
use crate::json::Json;

/// Keys of the answer and the names under which a host tells them; texts are `unknown` if it did not.
const TEXTS: [(&str, &[&str]); 13] = [
    ("os_name", &["NETDATA_HOST_OS_NAME", "NETDATA_SYSTEM_OS_NAME"]),
    ("os_id", &["NETDATA_HOST_OS_ID", "NETDATA_SYSTEM_OS_ID"]),
    ("os_id_like", &["NETDATA_HOST_OS_ID_LIKE", "NETDATA_SYSTEM_OS_ID_LIKE"]),
    ("os_version", &["NETDATA_HOST_OS_VERSION", "NETDATA_SYSTEM_OS_VERSION"]),
    ("os_version_id", &["NETDATA_HOST_OS_VERSION_ID", "NETDATA_SYSTEM_OS_VERSION_ID"]),
    ("os_detection", &["NETDATA_HOST_OS_DETECTION", "NETDATA_SYSTEM_OS_DETECTION"]),
    ("kernel_name", &["NETDATA_SYSTEM_KERNEL_NAME"]),
    ("kernel_version", &["NETDATA_SYSTEM_KERNEL_VERSION"]),
    ("architecture", &["NETDATA_SYSTEM_ARCHITECTURE"]),
    ("virtualization", &["NETDATA_SYSTEM_VIRTUALIZATION"]),
    ("virt_detection", &["NETDATA_SYSTEM_VIRT_DETECTION"]),
    ("container", &["NETDATA_SYSTEM_CONTAINER"]),
    ("container_detection", &["NETDATA_SYSTEM_CONTAINER_DETECTION"]),
];
/// Numbers that clients expect as texts; `0` if the host did not tell them.
const NUMBERS: [(&str, &str); 4] = [
    ("cores_total", "NETDATA_SYSTEM_CPU_LOGICAL_CPU_COUNT"),
    ("total_disk_space", "NETDATA_SYSTEM_TOTAL_DISK_SIZE"),
    ("cpu_freq", "NETDATA_SYSTEM_CPU_FREQ"),
    ("ram_total", "NETDATA_SYSTEM_TOTAL_RAM"),
];

/// What is copied under the host's lock.
#[derive(Default)]
struct Contents {
    labels: Vec<(String, String)>,
    /// Name, help, seconds.
    functions: Vec<(String, String, i64)>,
    collectors: BTreeSet<(String, String)>,
    charts: usize,
    dimensions: usize,
}

pub(super) fn answer(node: &Node, host: &Host) -> Vec<u8> {
    let (info, contents) = (host.info(), contents(host));
    let hosts = node.store.hosts();
    let mut json = Json::with_capacity(4_096 + hosts.len() * 192);
    json.object(|json| {
        json.key("version").text(&info.program_version);
        json.key("uid").text(&host.guid().to_string());
        json.key("mirrored_hosts").array(|json| hosts.iter().for_each(|host| json.text(&host.info().hostname)));
        json.key("mirrored_hosts_status").array(|json| hosts.iter().for_each(|host| write_status(json, host)));
        let (normal, warning, critical) = alarms::by_level(node, host);
        json.key("alarms").object(|json| {
            json.key("normal").count(normal);
            json.key("warning").count(warning);
            json.key("critical").count(critical);
        });
        write_system(json, &info);
        json.key("host_labels").object(|json| {
            contents.labels.iter().for_each(|(name, value)| json.key(name).text(value));
        });
        json.key("functions").object(|json| contents.functions.iter().for_each(|known| write_function(json, known)));
        json.key("collectors").array(|json| contents.collectors.iter().for_each(|pair| write_collector(json, pair)));
        for key in ["cloud-enabled", "cloud-available", "agent-claimed", "aclk-available"] {
            json.key(key).bool(false);
        }
        json.key("memory-mode").text(host.keep().mode.word());
        json.key("multidb-disk-quota").int(0);
        json.key("page-cache-size").int(0);
        json.key("stream-enabled").bool(node.config.streams_to_parent);
        json.key("stream-compression").null();
        json.key("hosts-available").count(hosts.len());
        json.key("https-enabled").bool(node.config.tls);
        json.key("web-enabled").bool(true);
        json.key("exporting-enabled").bool(false);
        json.key("buildinfo").text("");
        json.key("release-channel").text("stable");
        json.key("charts-count").count(contents.charts);
        json.key("metrics-count").count(contents.dimensions);
    });
    json.finish()
}

fn contents(host: &Host) -> Contents {
    host.read(|view| {
        let mut contents = Contents {
            labels: view.labels().map(|label| (label.name.into(), label.value.into())).collect(),
            functions: view.functions().map(|known| (known.name.into(), known.help.into(), known.timeout_s)).collect(),
            ..Contents::default()
        };
        let (mut plugin, mut module) = ("", "");
        for chart in view.charts() {
            let definition = chart.definition();
            if definition.options.0 & (ChartOptions::HIDDEN.0 | ChartOptions::OBSOLETE.0) != 0 {
                continue;
            }
            contents.charts += 1;
            contents.dimensions += (0..).zip(chart.dimensions()).filter(|(index, _)| !chart.is_gone(*index)).count();
            // Charts of one collector follow one another.
            if (plugin, module) != (definition.plugin, definition.module) {
                (plugin, module) = (definition.plugin, definition.module);
                contents.collectors.insert((plugin.into(), module.into()));
            }
        }
        contents
    })
}

fn write_status(json: &mut Json, host: &Host) {
    let info = host.info();
    json.object(|json| {
        json.key("guid").text(&host.guid().to_string());
        json.key("hostname").text(&info.hostname);
        json.key("reachable").bool(host.is_fed());
        json.key("hops").int(i64::from(info.hops));
        match host.claimed_id() {
            None => json.key("claim_id").null(),
            Some(claimed_id) => json.key("claim_id").text(&claimed_id.to_string()),
        }
        json.key("node_id").null();
    });
}

fn write_system(json: &mut Json, info: &HostInfo) {
    let told = |name: &str| info.system.iter().find(|(known, value)| known == name && !value.is_empty());
    for (key, names) in TEXTS {
        let value = names.iter().find_map(|name| told(name));
        json.key(key).text(value.map_or("unknown", |(_, value)| value));
    }
    for (key, name) in NUMBERS {
        let value = told(name).filter(|(_, value)| value.parse::<f64>().is_ok_and(f64::is_finite));
        json.key(key).text(value.map_or("0", |(_, value)| value));
    }
}

fn write_function(json: &mut Json, (name, help, timeout_s): &(String, String, i64)) {
    json.key(name).object(|json| {
        json.key("help").text(help);
        json.key("timeout").int(*timeout_s);
        json.key("options").text("GLOBAL");
    });
}

fn write_collector(json: &mut Json, (plugin, module): &(String, String)) {
    json.object(|json| {
        json.key("plugin").text(plugin);
        json.key("module").text(module);
    });
}
