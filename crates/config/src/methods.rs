//! The tables of methods of notification: which keys mean something for which type, and what a type needs.

use crate::kind::Value;
use crate::lookup::TableId;
use crate::merge::{InForce, KeyId, section_of};
use crate::problems::Problems;

/// What a method may be.
pub(crate) const TYPES: &[&str] =
    &["mail", "webhook", "slack", "discord", "telegram", "pagerduty", "ntfy", "mattermost", "rocketchat", "syslog"];

/// Keys that mean something for every type.
const OF_ALL: &[&str] = &["enabled", "type", "recipients", "roles", "timeout"];
const URL: &[&str] = &["url", "url_file", "ca_file"];
const TOKEN: &[&str] = &["token", "token_file"];

/// The other keys of a type.
fn own_keys(kind: &str) -> &'static [&'static [&'static str]] {
    match kind {
        "mail" => &[&["server", "tls", "username", "password", "password_file", "sender", "ca_file"]],
        "webhook" => &[URL, &["method", "headers", "format", "body", "success"]],
        "slack" | "discord" | "mattermost" | "rocketchat" => &[URL, &["sender"]],
        "telegram" | "pagerduty" | "ntfy" => &[URL, TOKEN],
        "syslog" => &[&["server", "facility"]],
        _ => &[],
    }
}

/// Of these keys, a type needs one.
fn needed(kind: &str) -> &'static [&'static [&'static str]] {
    match kind {
        "mail" => &[&["server"], &["sender"], &["recipients", "roles"]],
        "webhook" | "slack" | "discord" | "mattermost" | "rocketchat" => &[&["url", "url_file"]],
        "telegram" => &[&["token", "token_file"], &["recipients", "roles"]],
        "pagerduty" => &[&["token", "token_file"]],
        "ntfy" => &[&["recipients", "roles"]],
        _ => &[],
    }
}

/// Each is the file of another, which cannot stand beside it.
const FILES: [(&str, &str); 3] = [("url", "url_file"), ("token", "token_file"), ("password", "password_file")];

/// Whether a table is one of these.
pub(crate) fn is_method(table: &TableId) -> bool {
    table.section == section_of("health", true)
}

/// The type of a method: what it says, or what its table is called.
pub(crate) fn kind<'a>(in_force: &InForce, table: &'a TableId) -> Option<std::borrow::Cow<'a, str>> {
    match in_force.said(&id(table, "type")).map(|entry| &entry.value) {
        Some(Value::Text(kind)) => Some(kind.clone().into()),
        _ => TYPES.contains(&&*table.name).then_some(table.name.as_str().into()),
    }
}

/// Whether a key means something for a type.
pub(crate) fn takes(kind: &str, key: &str) -> bool {
    OF_ALL.contains(&key) || own_keys(kind).iter().any(|keys| keys.contains(&key))
}

/// Each method has a type, what that needs, and nothing else.
pub(crate) fn check(in_force: &InForce, problems: &mut Problems) {
    for (table, origin) in in_force.tables().filter(|(table, _)| is_method(table)) {
        let path = table.shown();
        let Some(kind) = kind(in_force, table) else {
            if !in_force.is_refused(&id(table, "type")) {
                problems.add(origin, format_args!("{path}: expected a type, one of {}", TYPES.join(", ")));
            }
            continue;
        };
        let said = |key: &str| in_force.said(&id(table, key)).filter(|entry| entry.value != Value::Text(String::new()));
        for (id, entry) in in_force.entries().filter(|(id, _)| id.0 == *table) {
            let key = crate::merge::key(id);
            if !takes(&kind, key.name) && !in_force.is_default(key, &entry.value) {
                problems.add(&entry.origin, format_args!("{path}.{}: means nothing for the type {kind}", key.name));
            }
        }
        for (key, file) in FILES {
            if let (Some(_), Some(entry)) = (said(key), said(file)) {
                problems.add(&entry.origin, format_args!("{path}.{file}: expected either this or {path}.{key}"));
            }
        }
        for keys in needed(&kind) {
            let is_there = |key: &&str| said(key).is_some() || in_force.is_refused(&id(table, key));
            if !keys.iter().any(is_there) {
                let keys: Vec<String> = keys.iter().map(|key| format!("{path}.{key}")).collect();
                problems.add(origin, format_args!("{path}: expected {} to be set", keys.join(" or ")));
            }
        }
    }
}

fn id(table: &TableId, key: &str) -> KeyId {
    let at = table.section().keys.iter().position(|known| known.name == key);
    (table.clone(), at.expect("a key that the code names is on the list"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: what is listed here exists.
    #[test]
    fn listed_keys_exist() {
        let keys = crate::keys::SECTIONS[section_of("health", true)].keys;
        for kind in TYPES {
            let listed = [&[OF_ALL], own_keys(kind), needed(kind)].concat();
            assert!(listed.concat().iter().all(|key| keys.iter().any(|known| known.name == *key)), "{kind}");
            assert!(needed(kind).concat().iter().all(|key| takes(kind, key)), "{kind}");
        }
        let unused = keys.iter().find(|key| !TYPES.iter().any(|kind| takes(kind, key.name)));
        assert!(unused.is_none(), "{unused:?}");
    }
}
