//! What the settings mean, typed: one struct per table, one field per key.
//!
//! Defaults are filled in, also those that one table takes from another; `Option` stands only
//! where absence has a meaning of its own, which the field's line says. Those that hold secrets
//! have no `Debug`.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::choices::{DuplicateGuid, MemoryMode, TlsMode, WebMode};
use crate::merge::InForce;
use crate::reload::Source;
use crate::tiers::Tier;

/// All settings of a node.
pub struct Settings {
    /// This node, and how its own rows are kept.
    pub global: Global,
    /// What this node measures.
    pub collect: Collect,
    /// The port.
    pub web: Web,
    /// The registry.
    pub registry: Registry,
    /// This node as a child.
    pub stream: Stream,
    /// The API keys that children may use, in the order of their GUIDs.
    pub api_keys: Vec<ApiKey>,
    /// Settings of single hosts, in the order of their GUIDs.
    pub machines: Vec<Machine>,
    /// Alarms.
    pub health: Health,
    /// Archives of rows elsewhere, in the order of their names.
    pub backends: Vec<Backend>,
    /// Rows older than this node keeps.
    pub archive: Archive,
    /// What was set without effect (in this role, or as yet), one line each, for the log.
    pub notes: Vec<String>,
    pub(crate) in_force: InForce,
    pub(crate) source: Source,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").finish_non_exhaustive()
    }
}

/// `[global]`
#[derive(Debug, Clone, PartialEq)]
pub struct Global {
    /// Name of this host; empty: the system's.
    pub hostname: String,
    /// Time between two rows of a chart, whole seconds, 1 s to 1 h.
    pub update_every: Duration,
    /// How this host's rows are kept.
    pub memory_mode: MemoryMode,
    /// Rows kept per chart, 5 to 31,622,400.
    pub history: u32,
    /// Longer retention at lower resolution, the finest first; each resolution is a multiple of the one
    /// before.
    pub tiers: Vec<Tier>,
    /// What a power loss may cost in mode map, 1 s to 1 h.
    pub flush_interval: Duration,
    /// Whether this host comes and goes.
    pub ephemeral: bool,
    /// Folder of the machine GUID, the alarm log and the spool.
    pub lib_dir: PathBuf,
    /// Folder of databases.
    pub cache_dir: PathBuf,
    /// Folder of logs; empty: standard error.
    pub log_dir: PathBuf,
    /// When a chart that is no longer collected is forgotten, 1 s to 1 year.
    pub cleanup_obsolete_charts_after: Duration,
    /// When a host whose stream ended leaves memory, 1 s to 1 year.
    pub cleanup_orphan_hosts_after: Duration,
}

/// `[collect]`
#[derive(Debug, Clone, PartialEq)]
pub struct Collect {
    /// Whether this node collects its own host.
    pub enabled: bool,
    /// Folder that `/proc`, `/sys` and mounts are read below.
    pub root: PathBuf,
    /// Simple pattern over the names of external plugins.
    pub plugins: String,
    /// Folders of external plugins.
    pub plugins_dir: Vec<PathBuf>,
    /// File that says which processes make an application; empty for the built-in list.
    pub apps_list: PathBuf,
    /// Charts that one module may have.
    pub charts_per_module: u32,
    /// Folders of their configuration: the user's, then the one that came with them.
    pub plugins_config_dir: Vec<PathBuf>,
    /// Settings of single plugins, in the order of their names.
    pub single_plugins: Vec<Plugin>,
    /// What programs of this machine send.
    pub statsd: Statsd,
    /// All families, in the order of the pages.
    pub families: Vec<Family>,
}

/// `[collect.FAMILY]`
#[derive(Debug, Clone, PartialEq)]
pub struct Family {
    /// The word of the family: `cpu`, `disks`, …
    pub name: &'static str,
    /// Whether it is collected.
    pub enabled: bool,
    /// Time between two collections, whole seconds, 1 s to 1 h.
    pub update_every: Duration,
    /// Simple pattern over what to leave out (disks, interfaces); empty where the family has none.
    pub exclude: String,
    /// Whether it tells more than it does by itself; false where the family has no more.
    pub details: bool,
    /// Its other simple patterns, by their keys.
    pub patterns: Vec<(&'static str, String)>,
}

impl Family {
    /// The simple pattern of this key; empty where the family has none.
    #[must_use]
    pub fn pattern(&self, key: &str) -> String {
        self.patterns.iter().find(|(name, _)| *name == key).map(|(_, pattern)| pattern.clone()).unwrap_or_default()
    }
}

/// `[plugin.NAME]`
#[derive(Debug, Clone, PartialEq)]
pub struct Plugin {
    /// Its file name without the ending.
    pub name: String,
    /// Time between its rows, whole seconds, 1 s to 1 h.
    pub update_every: Duration,
    /// Arguments behind the update every.
    pub arguments: Vec<String>,
}

/// `[collect.statsd]`
#[derive(Debug, Clone, PartialEq)]
pub struct Statsd {
    /// Whether metrics are taken.
    pub enabled: bool,
    /// Time between two rows, whole seconds, 1 s to 1 h.
    pub update_every: Duration,
    /// Port of the loopback interface, UDP and TCP.
    pub port: u16,
    /// Simple pattern over names of metrics.
    pub metrics: String,
    /// Metrics that are kept.
    pub metrics_max: u32,
    /// Whether tags become labels.
    pub labels: bool,
}

/// `[web]`
#[derive(Clone, PartialEq)]
pub struct Web {
    /// Whether the node listens.
    pub mode: WebMode,
    /// Where: `IP:PORT`, `[IPV6]:PORT`, `*:PORT`, `HOST:PORT` or `unix:/path`.
    pub bind_to: Vec<String>,
    /// Simple pattern over addresses that may connect.
    pub allow_connections_from: String,
    /// Simple pattern over addresses that may use API and dashboard.
    pub allow_dashboard_from: String,
    /// Simple pattern over those of them that may call functions of agents.
    pub allow_functions_from: String,
    /// Simple pattern over addresses that may fetch badges.
    pub allow_badges_from: String,
    /// Simple pattern over addresses that may stream.
    pub allow_streaming_from: String,
    /// Simple pattern over addresses that may read `netdata.conf`.
    pub allow_netdata_conf_from: String,
    /// Simple pattern over addresses that may silence alarms.
    pub allow_management_from: String,
    /// Least time between two streams that are accepted, to 1 h; zero sets no limit.
    pub accept_a_streaming_request_every: Duration,
    /// Which connections the port takes.
    pub tls: TlsMode,
    /// File of the certificate chain; empty: none.
    pub tls_certificate: PathBuf,
    /// File of the private key; empty: none.
    pub tls_key: PathBuf,
    /// File of the authority of children's certificates; empty: none is asked for.
    pub tls_client_ca: PathBuf,
    /// Bearer tokens, one of which the API wants; none: it wants none.
    pub tokens: Vec<String>,
    /// Folder served in place of the built-in dashboard; empty: none.
    pub custom_dir: PathBuf,
}

/// `[registry]`
#[derive(Debug, Clone, PartialEq)]
pub struct Registry {
    /// Whether this node is a registry.
    pub enabled: bool,
    /// URL of the registry that dashboards are sent to; empty: this node.
    pub announce: String,
    /// Simple pattern over addresses that may use it.
    pub allow_from: String,
}

/// `[stream]`
#[derive(Clone, PartialEq)]
pub struct Stream {
    /// Whether rows are streamed; then `destination` and `api_key` are not empty.
    pub enabled: bool,
    /// Parents, separated by blanks.
    pub destination: String,
    /// GUID in lower case, or empty. Secret.
    pub api_key: String,
    /// Port of destinations that name none.
    pub default_port: u16,
    /// When a silent connection is given up, 1 s to 1 h.
    pub timeout: Duration,
    /// About how long a destination that failed is left out, 1 s to 1 h.
    pub reconnect_delay: Duration,
    /// How often an earlier destination is looked for, to 1 day; zero: when the stream ends.
    pub return_after: Duration,
    /// Simple pattern over ids and names of charts to send.
    pub send_charts_matching: String,
    /// Whether the stream may be compressed.
    pub compression: bool,
    /// Bytes that the encoder remembers, 1 KiB to 8 MiB.
    pub compression_window: u64,
    /// How far back rows are kept without a database, to 1 week; zero: not at all.
    pub spool: Duration,
    /// Where the spool is kept; never [`MemoryMode::None`].
    pub spool_mode: MemoryMode,
    /// Bytes of text that may wait for a slow connection, 64 KiB to 1 GiB.
    pub buffer_size: u64,
    /// File of authorities; empty: the system's.
    pub ca_file: PathBuf,
    /// Whether parents' certificates are checked.
    pub tls_verify: bool,
    /// File of the certificate shown to parents; empty: none.
    pub tls_certificate: PathBuf,
    /// File of its private key; empty: none.
    pub tls_key: PathBuf,
}

/// `[api_keys.GUID]`
#[derive(Clone, PartialEq)]
pub struct ApiKey {
    /// The key: a GUID in lower case. Secret.
    pub guid: String,
    /// Whether it is accepted.
    pub enabled: bool,
    /// Simple pattern over addresses that may use it.
    pub allow_from: String,
    /// Rows kept per chart of a child.
    pub default_history: u32,
    /// How a child's rows are kept.
    pub default_memory_mode: MemoryMode,
    /// Whether children are watched for alarms; `None`: only while connected.
    pub health_enabled_by_default: Option<bool>,
    /// How long a child that just connected raises no alarms, to 1 day.
    pub postpone_alarms_on_connect: Duration,
    /// Whether children come and go; `None`: what they say.
    pub ephemeral: Option<bool>,
    /// What becomes of a second machine under one GUID.
    pub duplicate_guid: DuplicateGuid,
    /// Codecs asked for, in this order, separated by blanks: `lz4`, `zstd`; or `none`.
    pub compression: String,
    /// How long small reads are gathered, to 1 s; zero: not at all.
    pub stream_pace: Duration,
    /// Whether children's rows are streamed on.
    pub proxy_enabled: bool,
    /// Where to, as `stream.destination`.
    pub proxy_destination: String,
    /// With which key: a GUID in lower case, or empty. Secret.
    pub proxy_api_key: String,
    /// Simple pattern over ids and names of charts to stream on.
    pub proxy_send_charts_matching: String,
}

/// `[machines.GUID]`
#[derive(Debug, Clone, PartialEq)]
pub struct Machine {
    /// The machine: a GUID in lower case.
    pub guid: String,
    /// Whether it is accepted.
    pub enabled: bool,
    /// Simple pattern over addresses it may come from; `None`: as its API key says.
    pub allow_from: Option<String>,
    /// Rows kept per chart; `None`: as its API key says.
    pub history: Option<u32>,
    /// How its rows are kept; `None`: as its API key says.
    pub memory_mode: Option<MemoryMode>,
    /// Whether it is watched for alarms; `None`: as its API key says.
    pub health_enabled: Option<bool>,
}

/// `[health]`
#[derive(Clone, PartialEq)]
pub struct Health {
    /// Whether hosts are watched.
    pub enabled: bool,
    /// Whether the built-in alarms are used.
    pub stock_alarms: bool,
    /// Folders of alarm files, earlier ones win.
    pub config_dir: Vec<PathBuf>,
    /// Who tells of an alarm that a parent holds, too: `auto` or `always`.
    pub notify: String,
    /// Program called for each notification; empty: none.
    pub notify_exec: PathBuf,
    /// Its argument list: `1` or `2`.
    pub notify_arguments: String,
    /// URL that people reach this node by; empty: none.
    pub dashboard_url: String,
    /// Methods of notification, in the order of their names.
    pub methods: Vec<Method>,
}

/// `[health.METHOD]`
#[derive(Clone, PartialEq)]
pub struct Method {
    /// The name of the table.
    pub name: String,
    /// Whether it is used.
    pub enabled: bool,
    /// Its key is `type`: `mail`, `slack`, …; unset: the name of the table.
    pub kind: String,
    /// Who is told where `roles` says nothing; `None`: as the type does.
    pub recipients: Option<Vec<String>>,
    /// Who is told of alarms for single roles.
    pub roles: Vec<(String, Vec<String>)>,
    /// How long one message may take, 1 s to 2 min.
    pub timeout: Duration,
    /// Where messages go; empty: `url_file`, or what the type does. Secret.
    pub url: String,
    /// File that holds the URL; empty: none.
    pub url_file: PathBuf,
    /// File of authorities; empty: the system's.
    pub ca_file: PathBuf,
    /// What the type takes for a token; empty: `token_file`, or none. Secret.
    pub token: String,
    /// File that holds the token; empty: none.
    pub token_file: PathBuf,
    /// Whom messages come from; empty: as the type does.
    pub sender: String,
    /// `HOST[:PORT]`, or a path; empty: as the type does.
    pub server: String,
    /// `starttls`, `tls` or `none`.
    pub tls: String,
    /// Name at the server; empty: none.
    pub username: String,
    /// Its password; empty: `password_file`. Secret.
    pub password: String,
    /// File that holds the password; empty: none.
    pub password_file: PathBuf,
    /// Facility of syslog, by its word.
    pub facility: String,
    /// `POST`, `PUT`, `PATCH` or `GET`.
    pub method: String,
    /// More headers, templates. Secret.
    pub headers: Vec<(String, String)>,
    /// `json`, `form`, `html` or `text`.
    pub format: String,
    /// Template of the body; empty: all values.
    pub body: String,
    /// `204` or `2xx`.
    pub success: Vec<String>,
    pub(crate) places: Vec<(&'static str, String)>,
}

impl Method {
    /// Where a key was said, or (where it was not) its table, and its path: `FILE:LINE: health.slack.url`.
    #[must_use]
    pub fn place(&self, key: &str) -> &str {
        let place = |key: &str| self.places.iter().find(|(name, _)| *name == key).map(|(_, place)| &**place);
        place(key).or_else(|| place("")).unwrap_or_default()
    }
}

/// `[backend.NAME]`
#[derive(Clone, PartialEq)]
pub struct Backend {
    /// The name of the table.
    pub name: String,
    /// Whether it is used.
    pub enabled: bool,
    /// Its key is `type`: `graphite`, `opentsdb-http`, …
    pub kind: String,
    /// `HOST:PORT` or URL; may hold a password.
    pub destination: String,
    /// Time between two writes, whole seconds, 1 s to 1 h.
    pub update_every: Duration,
    /// `as collected`, `average` or `sum`.
    pub data_source: String,
    /// What names of metrics begin with.
    pub prefix: String,
    /// What is written can be read back by `[archive]`.
    pub read_back: bool,
    /// What the node's own host is called; empty: as it is called.
    pub hostname: String,
    /// Simple pattern over hosts.
    pub send_hosts_matching: String,
    /// Simple pattern over charts.
    pub send_charts_matching: String,
    /// Names of charts and dimensions, not ids.
    pub send_names_instead_of_ids: bool,
    /// Labels that somebody gave a host.
    pub send_configured_labels: bool,
    /// Labels that begin with `_`.
    pub send_automatic_labels: bool,
    /// Name at the server; empty: none.
    pub username: String,
    /// Its password; empty: `password_file`. Secret.
    pub password: String,
    /// File that holds the password; empty: none.
    pub password_file: PathBuf,
    /// Bearer token; empty: `token_file`. Secret.
    pub token: String,
    /// File that holds the token; empty: none.
    pub token_file: PathBuf,
    /// File of authorities; empty: the system's.
    pub ca_file: PathBuf,
    /// Windows kept while the backend is away, to 10,000.
    pub buffer_on_failures: u32,
    /// Bytes on disk instead of those, to 1 TiB; 0: none.
    pub queue_on_disk: u64,
    /// When a write has failed, 1 s to 1 h.
    pub timeout: Duration,
}

/// `[archive]`
#[derive(Clone, PartialEq)]
pub struct Archive {
    /// URLs of Prometheus query APIs, separated by blanks; empty: none. May hold a password.
    pub url: String,
    /// Seconds that its points stand for, 1 s to 1 h.
    pub update_every: Duration,
    /// When a request has failed, 1 s to 1 min.
    pub timeout: Duration,
    /// How young a row may be that is asked for, to 1 h.
    pub delay: Duration,
    /// Points of a dimension per query, 100 to 10,000,000.
    pub max_points: u32,
    /// Bytes of the cache, to 64 GiB.
    pub cache: u64,
    /// How long ago hosts that are shown wrote something, to 10 years; 0: none are.
    pub hosts_for: Duration,
    /// Tenant; empty: none.
    pub tenant: String,
    /// Name at the server; empty: none.
    pub username: String,
    /// Its password; empty: `password_file`. Secret.
    pub password: String,
    /// File that holds the password; empty: none.
    pub password_file: PathBuf,
    /// Bearer token; empty: `token_file`. Secret.
    pub token: String,
    /// File that holds the token; empty: none.
    pub token_file: PathBuf,
    /// File of authorities; empty: the system's.
    pub ca_file: PathBuf,
}
