//! Settings of backends, and what a node says of them.

use serde_json::Value;

use crate::node::{Node, Settings};

/// A backend called as its type, with a prefix of its own.
#[must_use]
pub fn backend(settings: Settings, kind: &str, prefix: &str, destination: &str, every_s: i64) -> Settings {
    called(settings, kind, kind, prefix, destination, every_s)
}

/// The same by another name.
#[must_use]
pub fn called(settings: Settings, name: &str, kind: &str, prefix: &str, destination: &str, every_s: i64) -> Settings {
    let key = |key: &str| format!("backend.{name}.{key}");
    settings
        .set(&key("type"), kind)
        .set(&key("prefix"), prefix)
        .set(&key("destination"), destination)
        .set(&key("update_every"), &every_s.to_string())
}

/// What a node says of its backend with that name.
pub fn told(node: &Node, name: &str) -> Value {
    let answer = node.api().try_json("/api/v1/node").unwrap_or_default();
    let backends = answer["backends"].as_array().cloned().unwrap_or_default();
    backends.into_iter().find(|backend| backend["name"] == name).unwrap_or_default()
}
