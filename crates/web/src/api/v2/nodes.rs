//! A host as `nodes` describes it.

use rrd_store::{Host, HostInfo};

use crate::json::Json;

/// What a host says of its system: the group and the key here, and the names it has there.
const SYSTEM: [(&str, &[(&str, &str)]); 2] = [
    (
        "hw",
        &[
            ("architecture", "NETDATA_SYSTEM_ARCHITECTURE"),
            ("cpu_frequency", "NETDATA_SYSTEM_CPU_FREQ"),
            ("cpus", "NETDATA_SYSTEM_CPU_LOGICAL_CPU_COUNT"),
            ("memory", "NETDATA_SYSTEM_TOTAL_RAM"),
            ("disk_space", "NETDATA_SYSTEM_TOTAL_DISK_SIZE"),
            ("virtualization", "NETDATA_SYSTEM_VIRTUALIZATION"),
            ("container", "NETDATA_SYSTEM_CONTAINER"),
        ],
    ),
    (
        "os",
        &[
            ("id", "NETDATA_HOST_OS_ID"),
            ("nm", "NETDATA_HOST_OS_NAME"),
            ("v", "NETDATA_HOST_OS_VERSION"),
            ("kernel", "NETDATA_SYSTEM_KERNEL_VERSION"),
        ],
    ),
];

/// Who it is.
pub(super) fn write_identity(json: &mut Json, number: usize, host: &Host) {
    json.key("mg").text(&host.guid().to_string());
    json.key("nd").null();
    json.key("nm").text(&host.info().hostname);
    json.key("ni").count(number);
}

pub(super) fn write(json: &mut Json, number: usize, host: &Host) {
    let info = host.info();
    // What sleeps is not woken for its labels.
    let labels: Vec<(String, String)> = if host.is_asleep() {
        Vec::new()
    } else {
        host.read(|view| view.labels().map(|label| (label.name.into(), label.value.into())).collect())
    };
    json.object(|json| {
        write_identity(json, number, host);
        json.key("v").text(&info.program_version);
        json.key("state").text(if host.is_fed() { "reachable" } else { "stale" });
        json.key("hops").int(i64::from(info.hops));
        json.key("labels").object(|json| labels.iter().for_each(|(name, value)| json.key(name).text(value)));
        for (group, texts) in SYSTEM {
            json.key(group).object(|json| write_told(json, &info, texts));
        }
    });
}

fn write_told(json: &mut Json, info: &HostInfo, texts: &[(&str, &str)]) {
    for (key, name) in texts {
        let told = info.system.iter().find(|(known, value)| known == name && !value.is_empty());
        if let Some((_, value)) = told {
            json.key(key).text(value);
        }
    }
}
