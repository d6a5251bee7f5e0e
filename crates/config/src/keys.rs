//! The one list of settings: every key with its default, kind, state, roles and meaning.
//!
//! Everything else about settings is generated from here or checked against it. A new setting is
//! one row here, one field of [`crate::Settings`] and one line of `resolve`.

use crate::choices::{DuplicateGuid, MemoryMode, TlsMode, WebMode};
use crate::kind::{Item, Kind, duration, integer, size};
use crate::methods::TYPES;
use Built::Yes;
use DefaultValue::{As, ByRole, Is, Unset};
use Kind::{ApiKey, AutoBool, Bool, Choice, List, Lists, Pattern, Secret, SecretList, SecretTexts, Template, Text};

/// Which of the three binaries reads the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Collects and streams; has no listener and no database.
    Collector,
    /// Receives, keeps if told to, and streams on.
    Proxy,
    /// Receives, keeps and shows; does not stream on.
    Master,
}

impl Role {
    /// All three.
    pub const ALL: [Self; 3] = [Self::Collector, Self::Proxy, Self::Master];

    /// The role in one lower-case word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Collector => "collector",
            Self::Proxy => "proxy",
            Self::Master => "master",
        }
    }

    /// The settings file that is read when none is named and this one exists.
    #[must_use]
    pub const fn default_file(self) -> &'static str {
        match self {
            Self::Collector => "/etc/tributary/collector.toml",
            Self::Proxy => "/etc/tributary/proxy.toml",
            Self::Master => "/etc/tributary/master.toml",
        }
    }
}

/// In which roles a key has an effect.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Roles(&'static [Role]);

impl Roles {
    pub(crate) fn contain(self, role: Role) -> bool {
        self.0.contains(&role)
    }

    pub(crate) fn text(self) -> String {
        let words: Vec<&str> = self.0.iter().map(|role| role.as_str()).collect();
        words.join(", ")
    }
}

const ALL: Roles = Roles(&Role::ALL);
const SENDERS: Roles = Roles(&[Role::Collector, Role::Proxy]);
const NODES: Roles = Roles(&[Role::Proxy, Role::Master]);
const PROXY: Roles = Roles(&[Role::Proxy]);

/// How far the code behind a key is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Built {
    Yes,
    /// It is known, and without effect so far.
    #[expect(dead_code, reason = "all keys of today have an effect; the next that is declared early says so")]
    No,
}

/// What holds where a key is not set.
#[derive(Debug, Clone, Copy)]
pub(crate) enum DefaultValue {
    /// This value, as TOML.
    Is(&'static str),
    /// What the key of this path is.
    As(&'static str),
    /// This in the collector, that elsewhere.
    ByRole { collector: &'static str, others: &'static str },
    /// Nothing: something else decides. Pages show this value as an example.
    Unset(&'static str),
}

/// One setting.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) default: DefaultValue,
    pub(crate) kind: Kind,
    pub(crate) built: Built,
    pub(crate) roles: Roles,
    pub(crate) meaning: &'static str,
}

impl Key {
    /// The default as TOML, for pages and messages; of [`Unset`] the example.
    pub(crate) fn default_text(&self, role: Role) -> &'static str {
        match self.default {
            Is(text) | Unset(text) => text,
            ByRole { collector, .. } if role == Role::Collector => collector,
            ByRole { others, .. } => others,
            As(path) => find(path).default_text(role),
        }
    }
}

/// How the tables of a section are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Naming {
    /// There is one, named by the path.
    Fixed,
    /// One for each API key, which is a secret.
    ApiKey,
    /// One for each machine.
    Machine,
    /// One for each name that a person chose.
    Name,
}

/// A table of the settings file, or a kind of tables.
#[derive(Debug)]
pub(crate) struct Section {
    pub(crate) path: &'static str,
    pub(crate) naming: Naming,
    /// The name under which pages show a section that is not [`Naming::Fixed`].
    pub(crate) example: &'static str,
    pub(crate) meaning: &'static str,
    pub(crate) keys: &'static [Key],
}

impl Section {
    /// Whether there may be many of it, each with a name.
    pub(crate) fn is_named(&self) -> bool {
        self.naming != Naming::Fixed
    }

    /// Whether the table does anything in this role.
    pub(crate) fn has_effect(&self, role: Role) -> bool {
        self.keys.iter().any(|key| key.roles.contain(role))
    }

    /// Whether anything of it is built.
    pub(crate) fn is_built(&self) -> bool {
        self.keys.iter().any(|key| !matches!(key.built, Built::No))
    }
}

/// The key of a section without names, by its path.
///
/// # Panics
/// Where the path is on no list: a mistake of ours.
pub(crate) fn find(path: &str) -> &'static Key {
    let found = path.rsplit_once('.').and_then(|(table, name)| {
        let section = SECTIONS.iter().find(|section| section.path == table && section.naming == Naming::Fixed)?;
        section.keys.iter().find(|key| key.name == name)
    });
    found.expect("a path that the code names is on the list")
}

const fn table(path: &'static str, meaning: &'static str, keys: &'static [Key]) -> Section {
    Section { path, naming: Naming::Fixed, example: "", meaning, keys }
}

/// Rows are `key = default, kind, built, roles, meaning`.
macro_rules! keys {
    ($($name:ident = $default:expr, $kind:expr, $built:expr, $roles:expr, $meaning:literal;)*) => {
        &[$(Key {
            name: stringify!($name),
            default: $default,
            kind: $kind,
            built: $built,
            roles: $roles,
            meaning: $meaning,
        },)*]
    };
}

/// One family of `[collect]`: what all have, and its own keys.
macro_rules! family {
    ($path:literal, $meaning:literal $(, $($own:tt)*)?) => {
        family!(enabled "true", $path, $meaning $(, $($own)*)?)
    };
    (enabled $enabled:literal, $path:literal, $meaning:literal $(, $($own:tt)*)?) => {
        table($path, $meaning, keys! {
            enabled      = Is($enabled), Bool, Yes, ALL, "whether this family is collected";
            update_every = As("global.update_every"), SECONDS, Yes, ALL, "time between two collections";
            $($($own)*)?
        })
    };
}

const SECONDS: Kind = duration("1s", "1h", 1_000);
const TIMEOUT: Kind = duration("1s", "1h", 1);
const RETENTION: Kind = duration("1s", "1y", 1);
/// Rows of a chart: a year of seconds at most.
const ROWS: Kind = integer(5, 31_622_400, "rows");
const PATHS: Kind = List(Item::Text);
const MODE: Kind = Choice(MemoryMode::WORDS);

/// The default of `global.cache_dir`. Where a node may not write there, it uses a folder of the user's.
pub const CACHE_DIR: &str = "/var/cache/tributary";
/// The default of `global.lib_dir`. Where a node may not write there, it uses a folder of the user's.
pub const LIB_DIR: &str = "/var/lib/tributary";

/// All settings, in the order of the pages.
pub(crate) const SECTIONS: &[Section] = &[
    table(
        "global",
        "this node, and how its own rows are kept",
        keys! {
            hostname       = Is(r#""""#), Text, Yes, ALL, "name of this host; empty: the system's";
            update_every   = Is("1"), SECONDS, Yes, ALL, "time between two rows of a chart";
            memory_mode    = Is(r#""ram""#), MODE, Yes, NODES, "how rows are kept: not at all, in memory, in memory and saved at the end, on disk as they come";
            history        = Is("3600"), ROWS, Yes, NODES, "rows kept per chart";
            tiers          = Is("[]"), List(Item::Tier), Yes, NODES, r#"longer retention at lower resolution, such as ["1m:7d", "1h:1y"]: summaries (least, greatest, sum, count) of each minute for a week, of each hour for a year; a retention is a time, bytes that the tier may take on each host ("1h:1GiB", from 64KiB), or both, whichever ends first ("1h:1y:1GiB"); each resolution is a multiple of the one before, from 1 m to 1 d, and history is at least the first one"#;
            flush_interval = Is(r#""10s""#), duration("1s", "1h", 1), Yes, NODES, "memory mode map: what a power loss may cost at most";
            ephemeral      = Is("false"), Bool, Yes, ALL, "this host comes and goes; told to parents as a host label";
            lib_dir        = Is(r#""/var/lib/tributary""#), Text, Yes, ALL, "folder of the machine GUID (registry/public.unique.id), the alarm log and the spool";
            cache_dir      = Is(r#""/var/cache/tributary""#), Text, Yes, NODES, "folder of the databases of the memory modes save and map";
            log_dir        = Is(r#""""#), Text, Yes, ALL, "folder of error.log and access.log; empty: standard error";
            cleanup_obsolete_charts_after = Is(r#""1h""#), RETENTION, Yes, ALL, "when a chart that is no longer collected is forgotten, and a dimension is hidden";
            cleanup_orphan_hosts_after    = Is(r#""1h""#), RETENTION, Yes, NODES, "when a host whose stream ended leaves memory, and its files with it if it is ephemeral; with the memory modes map and save it comes back from the disk when it is asked for, and its files go when retention ends";
        },
    ),
    table(
        "collect",
        "what this node measures of its own machine",
        keys! {
            enabled     = Is("true"), Bool, Yes, ALL, "whether this node collects its own host";
            root        = Is(r#""/""#), Text, Yes, ALL, "folder that /proc, /sys and mounts are read below";
            charts_per_module = Is("20000"), integer(1, 1_000_000, "charts"), Yes, ALL, "charts that one module may have, such as those of all disks; further ones are left out";
            plugins     = Is(r#""""#), Pattern, Yes, ALL, "names of the external plugins to run: their file names without .plugin";
            plugins_dir = Is(r#"["/usr/lib/tributary/plugins.d"]"#), PATHS, Yes, ALL, "folders of external plugins; earlier ones win";
            plugins_config_dir = Is(r#"["/etc/tributary/plugins", "/usr/lib/tributary/conf.d"]"#), PATHS, Yes, ALL, "folders that plugins are told to read their configuration from: yours, then the one that came with them";
        },
    ),
    family!("collect.cpu", "processor time, in all and per core"),
    family!("collect.load", "system load"),
    family!("collect.memory", "memory and swap"),
    family!("collect.processes", "processes, context switches, interrupts"),
    family!("collect.disks", "transfers of block devices",
        exclude = Is(r#""loop* ram*""#), Pattern, Yes, ALL, "disks to leave out";
    ),
    family!("collect.network", "traffic of network interfaces",
        exclude = Is(r#""lo fireqos* *-ifb fwpr* fwbr* fwln* ifb4*""#), Pattern, Yes, ALL, "interfaces to leave out";
    ),
    family!("collect.interrupts", "interrupts and softirqs by source, in all and per core"),
    family!("collect.pressure", "waiting for processors, memory and devices (PSI)"),
    family!("collect.protocols", "IP, ICMP, TCP and UDP"),
    family!("collect.sockets", "sockets in use and their memory"),
    family!("collect.softnet", "packets that wait for a core"),
    family!("collect.conntrack", "connections that the firewall keeps track of"),
    family!("collect.entropy", "randomness at hand"),
    family!("collect.clock", "whether somebody keeps the clock right"),
    family!("collect.uptime", "time since the machine started"),
    family!("collect.frequency", "frequency of cores, and slowing down by heat"),
    family!("collect.numa", "memory taken from near and far nodes (NUMA)"),
    family!("collect.ecc", "memory errors that controllers found (EDAC)"),
    family!("collect.ksm", "equal pages of memory that are stored once (KSM)"),
    family!("collect.zram", "compressed disks in memory (zram)"),
    family!("collect.wireless", "links of wireless interfaces"),
    family!("collect.sctp", "the stream control protocol (SCTP)"),
    family!("collect.ip_vs", "connections spread over several servers (IPVS)"),
    family!("collect.synproxy", "connections whose beginning the firewall answers"),
    family!("collect.raid", "arrays of disks (md)"),
    family!("collect.nfs", "the network file system, client and server"),
    family!("collect.zfs", "the cache and the pools of ZFS"),
    family!("collect.btrfs", "space of btrfs file systems"),
    family!("collect.ipc", "semaphores, shared memory and queues of messages (System V)"),
    family!("collect.power", "how full batteries are",
        details = Is("false"), Bool, Yes, ALL, "their charge, energy and voltage, too";
    ),
    family!(enabled "false", "collect.apps", "processes by application: processor time, memory, transfers, descriptors",
        list = Is(r#""""#), Text, Yes, ALL, "file that says which processes make an application; empty: the list that is built in, configs/apps_groups.conf";
    ),
    family!(enabled "false", "collect.users", "the same by the users that processes run as"),
    family!(enabled "false", "collect.groups", "the same by the groups that processes run as"),
    family!("collect.idlejitter", "how late this machine wakes who sleeps"),
    family!("collect.self", "what the node tells of itself: its cost, its ticks, its streams"),
    family!("collect.mounts", "space and inodes of mount points",
        exclude       = Is(r#""/dev /dev/shm /proc/* /sys/* /var/run/user/* /run/lock /run/user/* /snap/* /var/lib/docker/* /var/lib/containers/storage/* /run/credentials/* /run/containerd/* /rpool /rpool/*""#), Pattern, Yes, ALL, "mount points to leave out";
        exclude_types = Is(r#""*gvfs *gluster* *s3fs *ipfs *davfs2 *httpfs *sshfs *gdfs *moosefs fusectl autofs cgroup cgroup2 hugetlbfs devtmpfs fuse.lxcfs""#), Pattern, Yes, ALL, "kinds of file systems to leave out";
    ),
    family!("collect.cgroups", "containers, virtual machines and services, by their control groups",
        search   = Is(r#""!*/init.scope !*-qemu !*.libvirt-qemu !/init.scope !/system !/systemd !/user !/user.slice !/lxc/*/* !/lxc.monitor !/lxc.payload/*/* !/lxc.payload.* *""#), Pattern, Yes, ALL, "groups below which others are looked for";
        include  = Is(r#""!*/init.scope !/system.slice/run-*.scope *.scope /machine.slice/*.service */kubepods/pod*/* */kubepods/*/pod*/* */*-kubepods-pod*/* */*-kubepods-*-pod*/* !*kubepods* !*kubelet* !*/vcpu* !*/emulator !*.mount !*.partition !*.service !*.socket !*.slice !*.swap !*.user !/ !/docker !*/libvirt !/lxc !/lxc/*/* !/lxc.monitor* !/lxc.pivot !/lxc.payload !/machine !/qemu !/system !/systemd !/user *""#), Pattern, Yes, ALL, "groups that have charts of their own";
        names    = Is(r#""*""#), Pattern, Yes, ALL, "the same by the names that were found for them";
        rename   = Is(r#""!/ !*.mount !*.socket !*.partition /machine.slice/*.service !*.service !*.slice !*.swap !*.user !init.scope !*.scope/vcpu* !*.scope/emulator *.scope *docker* *lxc* *qemu* */kubepods/pod*/* */kubepods/*/pod*/* */*-kubepods-pod*/* */*-kubepods-*-pod*/* !*kubepods* !*kubelet* *.libvirt-qemu *""#), Pattern, Yes, ALL, "groups that are called as their container or machine is";
        services = Is(r#""!/system.slice/*/*.service /system.slice/*.service""#), Pattern, Yes, ALL, "groups that are services: they share charts, where they have none of their own";
    ),
    table(
        "collect.statsd",
        "metrics that programs of this machine send (statsd)",
        keys! {
            enabled      = Is("false"), Bool, Yes, ALL, "whether they are taken";
            update_every = As("global.update_every"), SECONDS, Yes, ALL, "time between two rows";
            port         = Is("8125"), integer(1, 65_535, ""), Yes, ALL, "UDP and TCP port at 127.0.0.1 and ::1";
            metrics      = Is(r#""*""#), Pattern, Yes, ALL, "names of the metrics to take";
            metrics_max  = Is("1000"), integer(1, 100_000, "metrics"), Yes, ALL, "metrics beyond these are left out";
            labels       = Is("false"), Bool, Yes, ALL, "whether tags become labels of charts, those of the first line of a metric; else they are ignored, but for units, family and name";
        },
    ),
    Section {
        path: "plugin",
        naming: Naming::Name,
        example: "NAME",
        meaning: "one external plugin, by its name; any number of them",
        keys: keys! {
            update_every = As("global.update_every"), SECONDS, Yes, ALL, "time between its rows: its first argument, where global.update_every is not more";
            arguments    = Is("[]"), List(Item::Text), Yes, ALL, "its other arguments";
        },
    },
    table(
        "web",
        "the port of this node: API, dashboard, and children that stream to it",
        keys! {
            mode                             = Is(r#""static-threaded""#), Choice(WebMode::WORDS), Yes, NODES, "none: no listener at all, and no registry";
            bind_to                          = Is(r#"["127.0.0.1:19999"]"#), List(Item::Listen), Yes, NODES, "addresses to listen at, and unix:/path (for the user and the group of this process)";
            allow_connections_from           = Is(r#""*""#), Pattern, Yes, NODES, "addresses that may connect at all";
            allow_dashboard_from             = Is(r#""*""#), Pattern, Yes, NODES, "addresses that may use the API and the dashboard";
            allow_functions_from             = Is(r#""localhost""#), Pattern, Yes, NODES, "those of them that may call functions of agents (POST /api/v1/function)";
            allow_badges_from                = Is(r#""*""#), Pattern, Yes, NODES, "addresses that may fetch badges, beside those that may use the API";
            allow_streaming_from             = Is(r#""*""#), Pattern, Yes, NODES, "addresses that may stream to this node";
            allow_netdata_conf_from          = Is(r#""localhost""#), Pattern, Yes, NODES, "addresses that may read the settings in force (/netdata.conf)";
            allow_management_from            = Is(r#""localhost""#), Pattern, Yes, NODES, "addresses that may silence alarms";
            accept_a_streaming_request_every = Is("0"), duration("0", "1h", 1), Yes, NODES, "least time between two streams that are accepted; 0 sets no limit";
            tls                              = Is(r#""optional""#), Choice(TlsMode::WORDS), Yes, NODES, "optional: the first byte decides, plain stays allowed; required: TLS only";
            tls_certificate                  = Is(r#""""#), Text, Yes, NODES, "file of this node's certificate and those above it (PEM); empty: no TLS";
            tls_key                          = Is(r#""""#), Text, Yes, NODES, "file of its private key (PEM, no passphrase)";
            tls_client_ca                    = Is(r#""""#), Text, Yes, NODES, "children over the network must show a certificate of the authority in this file (PEM)";
            tokens                           = Is("[]"), SecretList, Yes, NODES, "when set, API, badges and dashboard want one of these bearer tokens";
            custom_dir                       = Is(r#""""#), Text, Yes, NODES, "serve the files of this folder in place of the built-in dashboard; links that lead out of it are not followed";
        },
    ),
    table(
        "registry",
        "which nodes a person has visited",
        keys! {
            enabled    = Is("true"), Bool, Yes, NODES, "whether this node keeps for dashboards which nodes their users visited";
            announce   = Is(r#""""#), Text, Yes, NODES, "URL of the registry that dashboards are sent to; empty: this node";
            allow_from = Is(r#""*""#), Pattern, Yes, NODES, "addresses that may use the registry";
        },
    ),
    table(
        "stream",
        "this node as a child: where its rows go",
        keys! {
            enabled              = ByRole { collector: "true", others: "false" }, Bool, Yes, SENDERS, "whether rows are streamed to a parent";
            destination          = Is(r#""""#), Text, Yes, SENDERS, "parents, separated by blanks: [tcp:|unix:]HOST[%IF][:PORT][:SSL]; the first that answers is used";
            api_key              = Is(r#""""#), ApiKey, Yes, SENDERS, "GUID that the parent knows this node by";
            default_port         = Is("19999"), integer(1, 65_535, ""), Yes, SENDERS, "port of destinations that name none";
            timeout              = Is(r#""60s""#), TIMEOUT, Yes, SENDERS, "a connection on which nothing moved for so long is given up";
            reconnect_delay      = Is(r#""5s""#), TIMEOUT, Yes, SENDERS, "about how long a destination that failed is left out";
            return_after         = Is(r#""5m""#), duration("0", "1d", 1), Yes, SENDERS, "how often a stream to a later destination looks whether an earlier one is there again; 0: only when the stream ends";
            send_charts_matching = Is(r#""*""#), Pattern, Yes, SENDERS, "charts to send, by id or name";
            compression          = Is("true"), Bool, Yes, SENDERS, "whether the stream may be compressed; the parent decides how";
            compression_window   = Is(r#""128KiB""#), size("1KiB", "2MiB"), Yes, SENDERS, "text that encoder and parent remember with ZSTD, rounded down to a power of two; LZ4 remembers 64 KiB";
            spool                = Is(r#""10m""#), duration("0", "1w", 1), Yes, SENDERS, "without a database: how far back rows are kept for a parent that is away; 0: what is not delivered is lost";
            spool_mode           = Is(r#""save""#), Choice(&["ram", "save", "map"]), Yes, SENDERS, "where the spool is kept: what a restart (ram) or a kill (ram, save) of this node costs";
            buffer_size          = Is(r#""1MiB""#), size("64KiB", "1GiB"), Yes, SENDERS, "text that may wait for a slow connection";
            ca_file              = Is(r#""""#), Text, Yes, SENDERS, "file of the authorities that parents' certificates are checked with, or of those certificates themselves (PEM); empty: the system's";
            tls_verify           = Is("true"), Bool, Yes, SENDERS, "whether parents' certificates are checked";
            tls_certificate      = Is(r#""""#), Text, Yes, SENDERS, "file of the certificate shown to a parent that asks for one (PEM)";
            tls_key              = Is(r#""""#), Text, Yes, SENDERS, "file of its private key (PEM, no passphrase)";
        },
    ),
    Section {
        path: "api_keys",
        naming: Naming::ApiKey,
        example: "11111111-2222-3333-4444-555555555555",
        meaning: "this node as a parent: one table per API key that children may use",
        keys: keys! {
            enabled                    = Is("true"), Bool, Yes, NODES, "whether the key is accepted";
            allow_from                 = Is(r#""*""#), Pattern, Yes, NODES, "addresses that may use the key";
            default_history            = As("global.history"), ROWS, Yes, NODES, "rows kept per chart of a child";
            default_memory_mode        = As("global.memory_mode"), MODE, Yes, NODES, "how a child's rows are kept";
            health_enabled_by_default  = Is(r#""auto""#), AutoBool, Yes, NODES, "whether children are watched for alarms; auto: only while they are connected";
            postpone_alarms_on_connect = Is(r#""60s""#), duration("0", "1d", 1), Yes, NODES, "how long a child that just connected raises no alarms";
            ephemeral                  = Is(r#""auto""#), AutoBool, Yes, NODES, "whether children come and go, so that nothing of them is to stay; auto: what they say";
            duplicate_guid             = Is(r#""derive""#), Choice(DuplicateGuid::WORDS), Yes, NODES, "a second machine under one GUID is given a derived identity, or is refused";
            compression                = Is(r#""lz4 zstd""#), Kind::Words(&["lz4", "zstd", "none"]), Yes, NODES, "codecs this parent asks for, the first that a child knows; none: plain text";
            stream_pace                = Is(r#""50ms""#), duration("0", "1s", 1), Yes, NODES, "how long small reads of a child are gathered; 0: not at all";
            proxy_enabled              = As("stream.enabled"), Bool, Yes, PROXY, "whether children's rows are streamed on";
            proxy_destination          = As("stream.destination"), Text, Yes, PROXY, "where to";
            proxy_api_key              = As("stream.api_key"), ApiKey, Yes, PROXY, "with which key";
            proxy_send_charts_matching = As("stream.send_charts_matching"), Pattern, Yes, PROXY, "which of their charts";
        },
    },
    Section {
        path: "machines",
        naming: Naming::Machine,
        example: "12345678-b5a6-11e6-8a50-00508db7e9c9",
        meaning: "one host, at the receiving end; wins over its API key",
        keys: keys! {
            enabled        = Is("true"), Bool, Yes, NODES, "whether the host is accepted";
            allow_from     = Unset(r#""*""#), Pattern, Yes, NODES, "addresses the host may come from; unset: as its API key says";
            history        = Unset("3600"), ROWS, Yes, NODES, "rows kept per chart; unset: as its API key says";
            memory_mode    = Unset(r#""ram""#), MODE, Yes, NODES, "how its rows are kept; unset: as its API key says";
            health_enabled = Unset("true"), Bool, Yes, NODES, "whether it is watched for alarms; unset: as its API key says";
        },
    },
    table(
        "health",
        "alarms",
        keys! {
            enabled          = Is("true"), Bool, Yes, NODES, "whether hosts are watched; never where the memory mode is none";
            stock_alarms     = Is("true"), Bool, Yes, NODES, "whether the built-in alarms are used; files of config_dir win by name";
            config_dir       = Is(r#"["/etc/tributary/health.d"]"#), PATHS, Yes, NODES, "folders of alarm files; earlier ones win";
            notify           = Is(r#""auto""#), Choice(&["auto", "always"]), Yes, NODES, "who tells of an alarm that a parent holds, too: auto: the parent, and this node while it is away; always: both";
            notify_exec      = Is(r#""""#), Text, Yes, NODES, "program called for each notification, as Netdata calls alarm-notify.sh";
            notify_arguments = Is(r#""1""#), Choice(&["1", "2"]), Yes, NODES, "its argument list: that of 1.37.1, or that of 2.x";
            dashboard_url    = Is(r#""""#), Text, Yes, NODES, "URL that people reach this node by, such as https://master.example.org:19999; messages of methods link to the host there; empty: no link";
        },
    ),
    Section {
        path: "health",
        naming: Naming::Name,
        example: "METHOD",
        meaning: "one method of notification, by its type or by a name of yours; any number of them, see docs/alarms.md",
        keys: keys! {
            enabled       = Is("true"), Bool, Yes, NODES, "whether it is used";
            type          = Unset(r#""slack""#), Choice(TYPES), Yes, NODES, "what takes the messages; unset: what the table is called";
            recipients    = Unset(r#"["*"]"#), List(Item::Text), Yes, NODES, r##"who is told of alarms for roles that roles does not name: addresses (mail), chats (telegram), topics (ntfy), channels such as "#ops" (slack, mattermost, rocketchat), a text for templates (webhook); "*" is whoever stands behind the URL; behind each, |critical, |nowarn and |noclear may stand; unset: "*", and with mail, telegram and ntfy nobody"##;
            roles         = Is("{}"), Lists, Yes, NODES, "who is told of alarms for single roles; an empty list is nobody";
            timeout       = Is(r#""30s""#), duration("1s", "2m", 1), Yes, NODES, "how long one message may take";
            url           = Is(r#""""#), Secret, Yes, NODES, "all but mail and syslog: where messages go, the URL of the incoming webhook; ntfy, telegram and pagerduty have one by default";
            url_file      = Is(r#""""#), Text, Yes, NODES, "file that holds it";
            ca_file       = Is(r#""""#), Text, Yes, NODES, "all but syslog: file of the authorities that certificates are checked with (PEM); empty: the system's";
            token         = Is(r#""""#), Secret, Yes, NODES, "telegram: the bot's; pagerduty: the integration key; ntfy: the access token, if it wants one";
            token_file    = Is(r#""""#), Text, Yes, NODES, "file that holds it";
            sender        = Is(r#""""#), Text, Yes, NODES, "mail: address that mails come from, such as Alarms <alarms@example.org>; slack, discord, mattermost, rocketchat: name that messages come from";
            server        = Is(r#""""#), Text, Yes, NODES, "mail: HOST[:PORT]; syslog: HOST[:PORT] to send to by UDP, or the path of a socket, empty: /dev/log";
            tls           = Is(r#""starttls""#), Choice(&["starttls", "tls", "none"]), Yes, NODES, "mail: encrypted after a plain beginning (port 587), from the first byte on (465), or not at all (25)";
            username      = Is(r#""""#), Text, Yes, NODES, "mail: name at the server; empty: none is given";
            password      = Is(r#""""#), Secret, Yes, NODES, "mail: its password";
            password_file = Is(r#""""#), Text, Yes, NODES, "file that holds it";
            facility      = Is(r#""local6""#), Choice(FACILITIES), Yes, NODES, "syslog: the facility";
            method        = Is(r#""POST""#), Choice(&["POST", "PUT", "PATCH", "GET"]), Yes, NODES, "webhook: the method of the request";
            headers       = Is("{}"), SecretTexts, Yes, NODES, "webhook: more headers of the request, templates";
            format        = Is(r#""json""#), Choice(&["json", "form", "html", "text"]), Yes, NODES, "webhook: what the body is, which decides how values are escaped and what Content-Type says";
            body          = Is(r#""""#), Template, Yes, NODES, "webhook: template of the body, with values such as {{title}}; empty: all values, as JSON or as a form";
            success       = Is(r#"["2xx"]"#), List(Item::Status), Yes, NODES, "webhook: statuses of answers that mean success";
        },
    },
    Section {
        path: "backend",
        naming: Naming::Name,
        example: "NAME",
        meaning: "one archive of rows elsewhere; any number of them",
        keys: keys! {
            enabled              = Is("true"), Bool, Yes, NODES, "whether it is used";
            type                 = Is(r#""graphite""#), Choice(BACKEND_TYPES), Yes, NODES, "what the backend understands";
            destination          = Is(r#""127.0.0.1""#), Text, Yes, NODES, "HOST[:PORT], several separated by blanks, of which the first that answers is used; for requests URLs, too, which may name a user; without a port, the usual one of the type";
            update_every         = Is("10"), SECONDS, Yes, NODES, "length of a window: time between two writes";
            data_source          = Is(r#""average""#), Choice(&["as collected", "average", "sum"]), Yes, NODES, "what is written of a window";
            read_back            = Is("false"), Bool, Yes, NODES, "write what [archive] of any node can read back (prometheus-remote-write): averages of windows that end with full multiples of update_every, ids, and the GUID of each host as the label node";
            prefix               = Is(r#""tributary""#), Text, Yes, NODES, "what names of metrics begin with";
            hostname             = Is(r#""""#), Text, Yes, NODES, "what this node's own host is called there; empty: as it is called";
            send_hosts_matching  = Is(r#""*""#), Pattern, Yes, NODES, "hosts to write; this node's own is localhost";
            send_charts_matching = Is(r#""*""#), Pattern, Yes, NODES, "charts to write, by id or name";
            send_names_instead_of_ids = Is("true"), Bool, Yes, NODES, "call charts and dimensions by their names";
            send_configured_labels = Is("true"), Bool, Yes, NODES, "write the labels that somebody gave a host";
            send_automatic_labels = Is("false"), Bool, Yes, NODES, "and those that it found itself, which begin with _";
            username             = Is(r#""""#), Text, Yes, NODES, "requests: name at the server; empty: none is given";
            password             = Is(r#""""#), Secret, Yes, NODES, "requests: its password";
            password_file        = Is(r#""""#), Text, Yes, NODES, "file that holds it";
            token                = Is(r#""""#), Secret, Yes, NODES, "requests: bearer token, in place of a name";
            token_file           = Is(r#""""#), Text, Yes, NODES, "file that holds it";
            ca_file              = Is(r#""""#), Text, Yes, NODES, "requests: file of the authorities that certificates are checked with (PEM); empty: the system's";
            buffer_on_failures   = Is("10"), integer(0, 10_000, "windows"), Yes, NODES, "windows kept in memory while the backend is away";
            queue_on_disk        = Is("0"), size("0", "1TiB"), Yes, NODES, "bytes of windows kept in lib_dir instead, which a restart or a kill does not take; 0: none";
            timeout              = Is(r#""20s""#), TIMEOUT, Yes, NODES, "a write that takes longer has failed";
        },
    },
    table(
        "archive",
        "rows older than this node keeps",
        keys! {
            url           = Is(r#""""#), Text, Yes, NODES, "Prometheus query APIs that answer for them, separated by blanks: URLs up to /api/v1, which may name a user; of several, what any of them has is shown; empty: none";
            update_every  = Is("10"), SECONDS, Yes, NODES, "update_every of the backends that write to it";
            timeout       = Is(r#""5s""#), duration("1s", "1m", 1), Yes, NODES, "how long one request may take";
            delay         = Is(r#""60s""#), duration("0", "1h", 1), Yes, NODES, "what is younger is not asked for: it may not be there yet";
            max_points    = Is("100000"), integer(100, 10_000_000, "points"), Yes, NODES, "points of a dimension that one query may ask for";
            cache         = Is(r#""64MiB""#), size("0", "64GiB"), Yes, NODES, "memory for what was asked for before";
            hosts_for     = Is(r#""30d""#), duration("0", "520w", 1), Yes, NODES, "hosts that wrote to it so recently are shown, even if this node never received them; 0: none";
            tenant        = Is(r#""""#), Text, Yes, NODES, "header X-Scope-OrgID, for Mimir and others; empty: none";
            username      = Is(r#""""#), Text, Yes, NODES, "name at the server; empty: none is given";
            password      = Is(r#""""#), Secret, Yes, NODES, "its password";
            password_file = Is(r#""""#), Text, Yes, NODES, "file that holds it";
            token         = Is(r#""""#), Secret, Yes, NODES, "bearer token, in place of a name";
            token_file    = Is(r#""""#), Text, Yes, NODES, "file that holds it";
            ca_file       = Is(r#""""#), Text, Yes, NODES, "file of the authorities that certificates are checked with (PEM); empty: the system's";
        },
    ),
];

const FACILITIES: &[&str] = &[
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "local0",
    "local1", "local2", "local3", "local4", "local5", "local6", "local7",
];

const BACKEND_TYPES: &[&str] = &[
    "graphite",
    "graphite-http",
    "opentsdb",
    "opentsdb-http",
    "json",
    "json-http",
    "prometheus-remote-write",
    "influx",
];
