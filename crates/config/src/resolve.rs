//! From what was said to what is meant: the one function that makes [`Settings`].

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::choices::{DuplicateGuid, MemoryMode, TlsMode, WebMode};
use crate::invocation::Invocation;
use crate::keys::{Built, Role, SECTIONS};
use crate::kind::{Kind, Value};
use crate::lookup::TableId;
use crate::merge::{InForce, KeyId, id_of, key, section_of};
use crate::problems::Problems;
use crate::reload::Source;
use crate::settings::{
    ApiKey, Archive, Backend, Collect, Family, Global, Health, Machine, Method, Plugin, Registry, Settings, Statsd,
    Stream, Web,
};
use crate::tiers::{self, Tier};
use crate::{environment, file, methods};

impl Settings {
    /// Reads the file named by `--config` (or, where none is named, the role's default file if
    /// there is one), the environment and the command line. Opens nothing else.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub fn load(
        role: Role,
        invocation: &Invocation,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, Problems> {
        Self::load_with(role, invocation, environment, Path::new(role.default_file()))
    }

    /// [`Settings::load`] with another default file, for tests.
    ///
    /// # Errors
    /// Everything that is wrong with the settings.
    pub fn load_with(
        role: Role,
        invocation: &Invocation,
        environment: impl Iterator<Item = (String, String)>,
        default_file: &Path,
    ) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let file = match &invocation.config {
            Some(path) => file::read(path, &mut problems),
            None if is_absent(default_file) => Vec::new(),
            None => file::read(default_file, &mut problems),
        };
        let said = file.into_iter().chain(environment::read(environment)).chain(invocation.said());
        let in_force = InForce::merge(role, said, &mut problems);
        check_stream(role, &in_force, &mut problems);
        check_tls(role, &in_force, &mut problems);
        check_tiers(&in_force, &mut problems);
        methods::check(&in_force, &mut problems);
        problems.unless_any(())?;
        let source = Source { role, invocation: invocation.clone(), default_file: default_file.into() };
        Ok(resolve(role, in_force, source))
    }
}

/// A file that cannot be seen for other reasons is read, so that the reason is told.
fn is_absent(path: &Path) -> bool {
    matches!(path.metadata(), Err(err) if matches!(err.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory))
}

/// Whoever streams needs a destination and a key.
fn check_stream(role: Role, in_force: &InForce, problems: &mut Problems) {
    let enabled = id_of("stream.enabled");
    let is_enabled = in_force.value(&enabled) == Some(Value::Bool(true));
    if role == Role::Collector {
        if is_missing(in_force, "stream.destination") {
            problems.add_line("no destination: give --destination HOST:PORT or set stream.destination".into());
        }
        if is_missing(in_force, "stream.api_key") {
            problems.add_line("no API key: give --api-key GUID or set stream.api_key".into());
        }
    } else if let (true, Some(entry)) = (is_enabled, in_force.said(&enabled)) {
        for path in ["stream.destination", "stream.api_key"].into_iter().filter(|path| is_missing(in_force, path)) {
            problems.add(&entry.origin, format_args!("stream.enabled = true: expected {path} to be set too"));
        }
    }
}

/// A certificate needs its key, a key its certificate, and whoever wants TLS needs both.
fn check_tls(role: Role, in_force: &InForce, problems: &mut Problems) {
    let pairs = [
        ("web.tls_certificate", "web.tls_key"),
        ("web.tls_key", "web.tls_certificate"),
        ("web.tls_client_ca", "web.tls_certificate"),
        ("stream.tls_certificate", "stream.tls_key"),
        ("stream.tls_key", "stream.tls_certificate"),
    ];
    for (path, needs) in pairs.into_iter().filter(|(path, _)| key(&id_of(path)).roles.contain(role)) {
        if let (Some(entry), true) =
            (in_force.said(&id_of(path)), is_missing(in_force, needs) && !is_missing(in_force, path))
        {
            problems.add(&entry.origin, format_args!("{path}: expected {needs} to be set too"));
        }
    }
    let mode = id_of("web.tls");
    let is_required = in_force.value(&mode) == Some(Value::Text(TlsMode::Required.as_str().into()));
    if let (true, Some(entry)) = (is_required && role != Role::Collector, in_force.said(&mode))
        && is_missing(in_force, "web.tls_certificate")
    {
        problems.add(&entry.origin, format_args!("web.tls = \"required\": expected web.tls_certificate to be set too"));
    }
}

/// Tiers must nest.
fn check_tiers(in_force: &InForce, problems: &mut Problems) {
    let id = id_of("global.tiers");
    if let Some(Value::List(texts)) = in_force.value(&id)
        && let Some((tier, expected)) = tiers::fault(&texts)
        && let Some(entry) = in_force.said(&id)
    {
        problems.add(&entry.origin, format_args!("global.tiers, \"{tier}\": expected {expected}"));
    }
}

fn is_missing(in_force: &InForce, path: &str) -> bool {
    let id = id_of(path);
    !in_force.is_refused(&id) && in_force.value(&id) == Some(Value::Text(String::new()))
}

fn resolve(role: Role, in_force: InForce, source: Source) -> Settings {
    let notes = notes(role, &in_force);
    let named = |path| Table::named(&in_force, path);
    Settings {
        global: global(role, &Table::fixed(&in_force, "global")),
        collect: collect(&in_force),
        web: web(&Table::fixed(&in_force, "web")),
        registry: registry(&Table::fixed(&in_force, "registry")),
        stream: stream(&Table::fixed(&in_force, "stream")),
        api_keys: named("api_keys").map(|table| api_key(&table)).collect(),
        machines: named("machines").map(|table| machine(&table)).collect(),
        health: health(&Table::fixed(&in_force, "health"), named("health").map(|table| method(&table)).collect()),
        backends: named("backend").map(|table| backend(&table)).collect(),
        archive: archive(&Table::fixed(&in_force, "archive")),
        notes,
        in_force,
        source,
    }
}

fn global(role: Role, table: &Table<'_>) -> Global {
    // A collector keeps no database, whatever is set.
    let memory_mode = if role == Role::Collector { MemoryMode::None } else { table.get("memory_mode") };
    Global {
        hostname: table.get("hostname"),
        update_every: table.get("update_every"),
        memory_mode,
        history: table.get("history"),
        tiers: table.get::<Vec<String>>("tiers").iter().filter_map(|text| Tier::parse(text)).collect(),
        flush_interval: table.get("flush_interval"),
        ephemeral: table.get("ephemeral"),
        lib_dir: table.get("lib_dir"),
        cache_dir: table.get("cache_dir"),
        log_dir: table.get("log_dir"),
        cleanup_obsolete_charts_after: table.get("cleanup_obsolete_charts_after"),
        cleanup_orphan_hosts_after: table.get("cleanup_orphan_hosts_after"),
    }
}

fn collect(in_force: &InForce) -> Collect {
    let table = Table::fixed(in_force, "collect");
    let families = SECTIONS.iter().filter_map(|section| {
        let name = section.path.strip_prefix("collect.").filter(|name| *name != "statsd")?;
        let table = Table::fixed(in_force, section.path);
        let patterns = section.keys.iter().filter(|key| key.name != "exclude" && matches!(key.kind, Kind::Pattern));
        Some(Family {
            name,
            enabled: table.get("enabled"),
            update_every: table.get("update_every"),
            exclude: if table.has("exclude") { table.get("exclude") } else { String::new() },
            details: table.has("details") && table.get("details"),
            patterns: patterns.map(|key| (key.name, table.get(key.name))).collect(),
        })
    });
    Collect {
        enabled: table.get("enabled"),
        root: table.get("root"),
        plugins: table.get("plugins"),
        plugins_dir: table.get("plugins_dir"),
        apps_list: Table::fixed(in_force, "collect.apps").get("list"),
        charts_per_module: table.get("charts_per_module"),
        plugins_config_dir: table.get("plugins_config_dir"),
        single_plugins: Table::named(in_force, "plugin").map(|table| plugin(&table)).collect(),
        statsd: statsd(&Table::fixed(in_force, "collect.statsd")),
        families: families.collect(),
    }
}

fn plugin(table: &Table<'_>) -> Plugin {
    Plugin { name: table.id.name.clone(), update_every: table.get("update_every"), arguments: table.get("arguments") }
}

fn statsd(table: &Table<'_>) -> Statsd {
    Statsd {
        enabled: table.get("enabled"),
        update_every: table.get("update_every"),
        port: table.get("port"),
        metrics: table.get("metrics"),
        metrics_max: table.get("metrics_max"),
        labels: table.get("labels"),
    }
}

fn web(table: &Table<'_>) -> Web {
    Web {
        mode: table.get("mode"),
        bind_to: table.get("bind_to"),
        allow_connections_from: table.get("allow_connections_from"),
        allow_dashboard_from: table.get("allow_dashboard_from"),
        allow_functions_from: table.get("allow_functions_from"),
        allow_badges_from: table.get("allow_badges_from"),
        allow_streaming_from: table.get("allow_streaming_from"),
        allow_netdata_conf_from: table.get("allow_netdata_conf_from"),
        allow_management_from: table.get("allow_management_from"),
        accept_a_streaming_request_every: table.get("accept_a_streaming_request_every"),
        tls: table.get("tls"),
        tls_certificate: table.get("tls_certificate"),
        tls_key: table.get("tls_key"),
        tls_client_ca: table.get("tls_client_ca"),
        tokens: table.get("tokens"),
        custom_dir: table.get("custom_dir"),
    }
}

fn registry(table: &Table<'_>) -> Registry {
    Registry { enabled: table.get("enabled"), announce: table.get("announce"), allow_from: table.get("allow_from") }
}

fn stream(table: &Table<'_>) -> Stream {
    Stream {
        enabled: table.get("enabled"),
        destination: table.get("destination"),
        api_key: table.get("api_key"),
        default_port: table.get("default_port"),
        timeout: table.get("timeout"),
        reconnect_delay: table.get("reconnect_delay"),
        return_after: table.get("return_after"),
        send_charts_matching: table.get("send_charts_matching"),
        compression: table.get("compression"),
        compression_window: table.get("compression_window"),
        spool: table.get("spool"),
        spool_mode: table.get("spool_mode"),
        buffer_size: table.get("buffer_size"),
        ca_file: table.get("ca_file"),
        tls_verify: table.get("tls_verify"),
        tls_certificate: table.get("tls_certificate"),
        tls_key: table.get("tls_key"),
    }
}

fn api_key(table: &Table<'_>) -> ApiKey {
    ApiKey {
        guid: table.id.name.clone(),
        enabled: table.get("enabled"),
        allow_from: table.get("allow_from"),
        default_history: table.get("default_history"),
        default_memory_mode: table.get("default_memory_mode"),
        health_enabled_by_default: table.get("health_enabled_by_default"),
        postpone_alarms_on_connect: table.get("postpone_alarms_on_connect"),
        ephemeral: table.get("ephemeral"),
        duplicate_guid: table.get("duplicate_guid"),
        compression: table.get("compression"),
        stream_pace: table.get("stream_pace"),
        proxy_enabled: table.get("proxy_enabled"),
        proxy_destination: table.get("proxy_destination"),
        proxy_api_key: table.get("proxy_api_key"),
        proxy_send_charts_matching: table.get("proxy_send_charts_matching"),
    }
}

fn machine(table: &Table<'_>) -> Machine {
    Machine {
        guid: table.id.name.clone(),
        enabled: table.get("enabled"),
        allow_from: table.optional("allow_from"),
        history: table.optional("history"),
        memory_mode: table.optional("memory_mode"),
        health_enabled: table.optional("health_enabled"),
    }
}

fn health(table: &Table<'_>, methods: Vec<Method>) -> Health {
    Health {
        enabled: table.get("enabled"),
        stock_alarms: table.get("stock_alarms"),
        config_dir: table.get("config_dir"),
        notify: table.get("notify"),
        notify_exec: table.get("notify_exec"),
        notify_arguments: table.get("notify_arguments"),
        dashboard_url: table.get("dashboard_url"),
        methods,
    }
}

fn method(table: &Table<'_>) -> Method {
    let kind = methods::kind(table.in_force, &table.id).expect("methods without a type were refused");
    Method {
        name: table.id.name.clone(),
        enabled: table.get("enabled"),
        kind: kind.into_owned(),
        recipients: table.optional("recipients"),
        roles: table.entries("roles"),
        timeout: table.get("timeout"),
        url: table.get("url"),
        url_file: table.get("url_file"),
        ca_file: table.get("ca_file"),
        token: table.get("token"),
        token_file: table.get("token_file"),
        sender: table.get("sender"),
        server: table.get("server"),
        tls: table.get("tls"),
        username: table.get("username"),
        password: table.get("password"),
        password_file: table.get("password_file"),
        facility: table.get("facility"),
        method: table.get("method"),
        headers: table.entries("headers"),
        format: table.get("format"),
        body: table.get("body"),
        success: table.get("success"),
        places: table.places(),
    }
}

fn backend(table: &Table<'_>) -> Backend {
    Backend {
        name: table.id.name.clone(),
        enabled: table.get("enabled"),
        kind: table.get("type"),
        destination: table.get("destination"),
        update_every: table.get("update_every"),
        data_source: table.get("data_source"),
        read_back: table.get("read_back"),
        prefix: table.get("prefix"),
        hostname: table.get("hostname"),
        send_hosts_matching: table.get("send_hosts_matching"),
        send_charts_matching: table.get("send_charts_matching"),
        send_names_instead_of_ids: table.get("send_names_instead_of_ids"),
        send_configured_labels: table.get("send_configured_labels"),
        send_automatic_labels: table.get("send_automatic_labels"),
        username: table.get("username"),
        password: table.get("password"),
        password_file: table.get("password_file"),
        token: table.get("token"),
        token_file: table.get("token_file"),
        ca_file: table.get("ca_file"),
        buffer_on_failures: table.get("buffer_on_failures"),
        queue_on_disk: table.get("queue_on_disk"),
        timeout: table.get("timeout"),
    }
}

fn archive(table: &Table<'_>) -> Archive {
    Archive {
        url: table.get("url"),
        update_every: table.get("update_every"),
        timeout: table.get("timeout"),
        delay: table.get("delay"),
        max_points: table.get("max_points"),
        cache: table.get("cache"),
        hosts_for: table.get("hosts_for"),
        tenant: table.get("tenant"),
        username: table.get("username"),
        password: table.get("password"),
        password_file: table.get("password_file"),
        token: table.get("token"),
        token_file: table.get("token_file"),
        ca_file: table.get("ca_file"),
    }
}

/// What was set without effect, one line each.
fn notes(role: Role, in_force: &InForce) -> Vec<String> {
    let mut notes = Vec::new();
    // A named table that does nothing as a whole is told once, also where it sets nothing.
    let is_idle = |table: &TableId| {
        let section = table.section();
        section.is_named() && !(section.has_effect(role) && section.is_built())
    };
    for (table, origin) in in_force.tables().filter(|(table, _)| is_idle(table)) {
        let why = if table.section().has_effect(role) { "not built yet".to_owned() } else { no_effect(role) };
        notes.push(format!("{origin}: [{}]: {why}", table.shown()));
    }
    for (id, entry) in in_force.entries().filter(|(id, _)| !is_idle(&id.0)) {
        let key = key(id);
        let why = match key.built {
            _ if in_force.is_default(key, &entry.value) => continue,
            _ if !key.roles.contain(role) => no_effect(role),
            Built::Yes => continue,
            Built::No => "not built yet".to_owned(),
        };
        let shown = entry.value.shown(key.kind.secrecy());
        notes.push(format!("{}: {}.{} = {shown}: {why}", entry.origin, id.0.shown(), key.name));
    }
    notes
}

fn no_effect(role: Role) -> String {
    format!("has no effect in a {}", role.as_str())
}

/// The values of one table.
struct Table<'a> {
    in_force: &'a InForce,
    id: TableId,
}

impl<'a> Table<'a> {
    fn fixed(in_force: &'a InForce, path: &str) -> Self {
        Self { in_force, id: TableId { section: section_of(path, false), name: String::new() } }
    }

    /// The tables that were named under a path.
    fn named(in_force: &'a InForce, path: &str) -> impl Iterator<Item = Self> {
        let section = section_of(path, true);
        let ids = in_force.tables().map(|(id, _)| id).filter(move |id| id.section == section);
        ids.map(move |id| Self { in_force, id: id.clone() })
    }

    fn has(&self, name: &str) -> bool {
        self.id.section().keys.iter().any(|key| key.name == name)
    }

    fn get<T: FromValue>(&self, name: &str) -> T {
        self.optional(name).expect("only keys that are read as optional may be unset")
    }

    fn optional<T: FromValue>(&self, name: &str) -> Option<T> {
        let value = self.in_force.value(&self.key(name))?;
        Some(T::from_value(value).expect("the type of a field is that of its key's kind"))
    }

    /// What stands in the table that is the value of a key.
    fn entries<T: FromValue>(&self, name: &str) -> Vec<(String, T)> {
        let Some(Value::Table(entries)) = self.in_force.value(&self.key(name)) else { return Vec::new() };
        let entry = |(name, value)| Some((name, T::from_value(value)?));
        entries.into_iter().filter_map(entry).collect()
    }

    /// Where the table and its keys were said, as messages begin.
    fn places(&self) -> Vec<(&'static str, String)> {
        let path = self.id.shown();
        let table = self.in_force.tables().find(|(id, _)| **id == self.id);
        let keys = self.in_force.entries().filter(|(id, _)| id.0 == self.id);
        let keys = keys.map(|(id, entry)| (key(id).name, format!("{}: {path}.{}", entry.origin, key(id).name)));
        table.map(|(_, origin)| ("", format!("{origin}: {path}"))).into_iter().chain(keys).collect()
    }

    fn key(&self, name: &str) -> KeyId {
        let at = self.id.section().keys.iter().position(|key| key.name == name);
        (self.id.clone(), at.expect("a key that the code names is on the list"))
    }
}

/// A type that fields of settings have.
trait FromValue: Sized {
    fn from_value(value: Value) -> Option<Self>;
}

/// Rows are `type: pattern of the value => the field`.
macro_rules! from_value {
    ($($type:ty: $pattern:pat => $field:expr;)*) => {
        $(impl FromValue for $type {
            fn from_value(value: Value) -> Option<Self> {
                match value {
                    $pattern => $field,
                    _ => None,
                }
            }
        })*
    };
}

from_value! {
    bool: Value::Bool(value) => Some(value);
    Option<bool>: Value::AutoBool(value) => Some(value);
    u16: Value::Integer(value) => value.try_into().ok();
    u32: Value::Integer(value) => value.try_into().ok();
    u64: Value::Size(bytes) => Some(bytes);
    Duration: Value::Duration(ms) => Some(Duration::from_millis(ms));
    String: Value::Text(text) => Some(text);
    PathBuf: Value::Text(text) => Some(text.into());
    Vec<String>: Value::List(texts) => Some(texts);
    Vec<PathBuf>: Value::List(texts) => Some(texts.into_iter().map(PathBuf::from).collect());
    MemoryMode: Value::Text(word) => Self::from_word(&word);
    WebMode: Value::Text(word) => Self::from_word(&word);
    TlsMode: Value::Text(word) => Self::from_word(&word);
    DuplicateGuid: Value::Text(word) => Self::from_word(&word);
}
