//! Settings that are read again while the node runs.
//!
//! What may change is listed here; anything else that was set otherwise is named, and holds from the
//! next start on.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::invocation::Invocation;
use crate::keys::{Built, Role};
use crate::merge::{KeyId, key};
use crate::problems::Problems;
use crate::settings::Settings;

/// Keys that may change, by their table; a table without keys may change as a whole.
const RELOADED: [(&str, &[&str]); 5] = [
    (
        "web",
        &[
            "allow_connections_from",
            "allow_dashboard_from",
            "allow_badges_from",
            "allow_functions_from",
            "allow_management_from",
            "allow_netdata_conf_from",
            "allow_streaming_from",
            "tokens",
            "accept_a_streaming_request_every",
            "tls",
            "tls_certificate",
            "tls_key",
            "tls_client_ca",
        ],
    ),
    (
        "api_keys",
        &[
            "enabled",
            "allow_from",
            "default_history",
            "default_memory_mode",
            "ephemeral",
            "duplicate_guid",
            "compression",
            "stream_pace",
        ],
    ),
    ("backend", &[]),
    ("machines", &[]),
    ("registry", &["allow_from"]),
];

/// Where settings came from.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) role: Role,
    pub(crate) invocation: Invocation,
    pub(crate) default_file: PathBuf,
}

impl Settings {
    /// Reads the settings again, from where these came from.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub fn read_again(&self, environment: impl Iterator<Item = (String, String)>) -> Result<Self, Problems> {
        let Source { role, invocation, default_file } = &self.source;
        Self::load_with(*role, invocation, environment, default_file)
    }

    /// The keys that `new` sets otherwise and that hold from the next start on, in the order of the
    /// pages. Keys without effect, in this role or as yet, are left out.
    #[must_use]
    pub fn for_next_start(&self, new: &Self) -> Vec<String> {
        let entries = self.in_force.entries().chain(new.in_force.entries());
        let ids: BTreeSet<&KeyId> = entries.map(|(id, _)| id).collect();
        let waits = |id: &&KeyId| {
            let has_effect = key(id).roles.contain(self.source.role) && !matches!(key(id).built, Built::No);
            // A table that came or went is no change of what is in it.
            let is_new = id.0.section().is_named() && !(self.has_table(id) && new.has_table(id));
            has_effect && !is_reloaded(id, is_new) && self.in_force.value(id) != new.in_force.value(id)
        };
        ids.into_iter().filter(waits).map(|id| format!("{}.{}", id.0.shown(), key(id).name)).collect()
    }

    fn has_table(&self, id: &KeyId) -> bool {
        self.in_force.tables().any(|(table, _)| *table == id.0)
    }
}

fn is_reloaded(id: &KeyId, is_new: bool) -> bool {
    let listed = RELOADED.iter().find(|(path, _)| *path == id.0.section().path);
    listed.is_some_and(|(_, keys)| is_new || keys.is_empty() || keys.contains(&key(id).name))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Goal: settings are read again from their file; what can change is told from what cannot,
    /// and a mistake is named by its line.
    #[test]
    fn changes_are_sorted() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("master.toml");
        let guid = "11111111-2222-3333-4444-555555555555";
        let write = |text: &str| fs::write(&file, text).unwrap();
        write(&format!("[global]\nhistory = 100\n[api_keys.{guid}]\nallow_from = \"10.*\"\n"));
        let load = || Settings::load_with(Role::Proxy, &Invocation::default(), std::iter::empty(), &file).unwrap();
        let old = load();
        assert!(old.for_next_start(&load()).is_empty());
        write(&format!(
            "[web]\nallow_streaming_from = \"10.*\"\nbind_to = [\"127.0.0.1:1\"]\n[machines.{guid}]\nhistory = 7\n\
             [api_keys.{guid}]\nproxy_enabled = true\nproxy_destination = \"x\"\n\
             [api_keys.21111111-2222-3333-4444-555555555555]\nproxy_destination = \"y\"\n"
        ));
        let new = old.read_again(std::iter::empty()).unwrap();
        assert_eq!(new.web.allow_streaming_from, "10.*");
        assert_eq!(
            old.for_next_start(&new),
            [
                "global.history",
                "web.bind_to",
                "api_keys.11111111….proxy_enabled",
                "api_keys.11111111….proxy_destination",
            ]
        );
        write("[web]\n\nallow_streaming_from = 7\n");
        let problems = old.read_again(std::iter::empty()).unwrap_err();
        assert!(problems.lines()[0].contains("master.toml:3: web.allow_streaming_from"), "{problems}");
    }

    /// Goal: what is listed here exists.
    #[test]
    fn listed_keys_exist() {
        for (path, keys) in RELOADED {
            let section = crate::keys::SECTIONS.iter().find(|section| section.path == path).unwrap();
            assert!(keys.iter().all(|key| section.keys.iter().any(|known| known.name == *key)), "{path}");
        }
    }
}
