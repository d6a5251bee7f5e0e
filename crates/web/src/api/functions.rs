//! `functions`: what the agent that collects a host offers to do. `function` calls one.

use rrd_store::Host;

use crate::json::Json;

pub(super) fn answer(host: &Host) -> Vec<u8> {
    let mut json = Json::with_capacity(1_024);
    json.object(|json| {
        json.key("functions").object(|json| {
            // There are few, and they are short: they are written while the host's lock is held.
            host.read(|view| {
                for function in view.functions() {
                    json.key(function.name).object(|json| {
                        json.key("help").text(function.help);
                        json.key("timeout").int(function.timeout_s);
                        json.key("version").int(i64::from(function.version));
                        json.key("options").text("GLOBAL");
                        json.key("tags").text(function.tags);
                        json.key("access").text(function.access);
                        json.key("priority").int(i64::from(function.priority));
                    });
                }
            });
        });
    });
    json.finish()
}
