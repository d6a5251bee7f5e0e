//! The environment of a plugin: what Netdata tells its plugins, by the same names.

use std::path::{Path, PathBuf};

/// What folders and identity a plugin is told.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The node's name.
    pub hostname: String,
    /// Its machine GUID.
    pub guid: String,
    /// The version of this program.
    pub version: String,
    /// Seconds between rows.
    pub update_every_s: u32,
    /// Folders of plugins, the primary one first.
    pub plugins_dir: Vec<PathBuf>,
    /// Folders of their configuration: the user's, then the one that came with them.
    pub config_dir: Vec<PathBuf>,
    /// Where plugins may keep what they learned.
    pub lib_dir: PathBuf,
    /// Where they may keep what they can do without.
    pub cache_dir: PathBuf,
    /// Where logs go.
    pub log_dir: PathBuf,
    /// The folder that `/proc` and `/sys` lie in, empty for the root.
    pub host_prefix: String,
}

/// What a path of programs is extended by.
const MORE_PATH: &str = "/sbin:/usr/sbin:/usr/local/bin:/usr/local/sbin";

/// The variables that plugins are given beside those that this program was given. `inherited` tells those.
pub(crate) fn variables(facts: &Facts, inherited: impl Fn(&str) -> Option<String>) -> Vec<(&'static str, String)> {
    let path = |path: &Path| path.display().to_string();
    let of = |folders: &[PathBuf], at: usize| folders.get(at).or(folders.last()).map_or(String::new(), |dir| path(dir));
    let others = facts.plugins_dir.iter().skip(1).map(|dir| path(dir)).collect::<Vec<_>>().join(" ");
    let every = facts.update_every_s.to_string();
    let mut variables = vec![
        ("NETDATA_UPDATE_EVERY", every),
        ("NETDATA_VERSION", facts.version.clone()),
        ("NETDATA_HOSTNAME", facts.hostname.clone()),
        ("NETDATA_REGISTRY_HOSTNAME", facts.hostname.clone()),
        ("NETDATA_REGISTRY_UNIQUE_ID", facts.guid.clone()),
        ("NETDATA_REGISTRY_URL", String::new()),
        ("NETDATA_REGISTRY_CLOUD_BASE_URL", String::new()),
        ("NETDATA_CONFIG_DIR", of(&facts.config_dir, 0)),
        ("NETDATA_USER_CONFIG_DIR", of(&facts.config_dir, 0)),
        ("NETDATA_STOCK_CONFIG_DIR", of(&facts.config_dir, 1)),
        ("NETDATA_STOCK_DATA_DIR", of(&facts.config_dir, 1)),
        ("NETDATA_PLUGINS_DIR", of(&facts.plugins_dir, 0)),
        ("NETDATA_USER_PLUGINS_DIRS", others),
        ("NETDATA_WEB_DIR", String::new()),
        ("NETDATA_CACHE_DIR", path(&facts.cache_dir)),
        ("NETDATA_LIB_DIR", path(&facts.lib_dir)),
        ("NETDATA_LOCK_DIR", path(&facts.lib_dir)),
        ("NETDATA_RUN_DIR", path(&facts.lib_dir)),
        ("CLAIMING_DIR", path(&facts.lib_dir)),
        ("NETDATA_LOG_DIR", path(&facts.log_dir)),
        ("NETDATA_LOG_METHOD", "stderr".into()),
        ("NETDATA_LOG_FORMAT", "logfmt".into()),
        ("NETDATA_LOG_LEVEL", "info".into()),
        ("NETDATA_HOST_PREFIX", facts.host_prefix.clone()),
        ("NETDATA_LISTEN_PORT", "19999".into()),
        ("NETDATA_DEBUG_FLAGS", "0x0000000000000000".into()),
        ("NETDATA_ERRORS_THROTTLE_PERIOD", "1200".into()),
        ("NETDATA_ERRORS_PER_PERIOD", "200".into()),
        ("NETDATA_INTERNALS_MONITORING", "NO".into()),
        ("PYTHONUNBUFFERED", "1".into()),
        ("LC_ALL", "C".into()),
        ("MALLOC_ARENA_MAX", "1".into()),
        ("UV_THREADPOOL_SIZE", "16".into()),
        ("PATH", inherited("PATH").map_or(MORE_PATH.into(), |path| format!("{path}:{MORE_PATH}"))),
    ];
    let defaults = [("TZ", ":/etc/localtime".to_owned()), ("HOME", path(&facts.lib_dir))];
    variables.extend(defaults.into_iter().filter(|(name, _)| inherited(name).is_none()));
    variables
}

/// Whether a variable that this program was given is not for plugins: its settings may hold secrets.
pub(crate) fn is_secret(name: &str) -> bool {
    name.starts_with("TRIBUTARY_")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: what Debian's plugins need is there, and folders that are not set stand in for each other.
    #[test]
    fn what_plugins_need() {
        let facts = Facts {
            plugins_dir: vec!["/p/one".into(), "/p/two".into(), "/p/three".into()],
            config_dir: vec!["/etc/x".into(), "/usr/lib/x".into()],
            update_every_s: 3,
            ..Facts::default()
        };
        let has = |variables: &[(&str, String)], name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone())
        };
        let variables = variables(&facts, |name| (name == "PATH").then(|| "/bin".into()));
        for (name, value) in [
            ("NETDATA_UPDATE_EVERY", "3"),
            ("NETDATA_USER_CONFIG_DIR", "/etc/x"),
            ("NETDATA_STOCK_CONFIG_DIR", "/usr/lib/x"),
            ("NETDATA_PLUGINS_DIR", "/p/one"),
            ("NETDATA_USER_PLUGINS_DIRS", "/p/two /p/three"),
            ("NETDATA_HOST_PREFIX", ""),
            ("PATH", "/bin:/sbin:/usr/sbin:/usr/local/bin:/usr/local/sbin"),
            ("TZ", ":/etc/localtime"),
        ] {
            assert_eq!(has(&variables, name).as_deref(), Some(value), "{name}");
        }
        let facts = Facts { config_dir: vec!["/etc/x".into()], ..facts };
        let variables = super::variables(&facts, |_| Some("set".into()));
        assert_eq!(has(&variables, "NETDATA_STOCK_CONFIG_DIR").as_deref(), Some("/etc/x"));
        assert_eq!(has(&variables, "TZ"), None, "a time zone that is set stays");
    }
}
