//! The node's own host: who it is, and what of it is collected.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use config::{MemoryMode, Settings};
use rrd_store::{FeedKind, Host, HostInfo, Keep, Store, TIER_ROWS_MAX, TierSettings};
use tracing::info;

use crate::collecting::{CollectOn, Collecting};
use crate::plugins::Plugins;
use crate::saving::Saving;
use crate::sweeping::Sweeping;
use crate::system::System;
use crate::{VERSION, clock, folder, identity};

/// Each module is timed once in so many seconds.
const TIMED_EVERY_S: u32 = 10;

/// The node's own host, the first of its store.
#[derive(Debug)]
pub struct OwnHost {
    /// All hosts of the node.
    pub store: Arc<Store>,
    /// Its own.
    pub host: Arc<Host>,
    info: HostInfo,
    saving: Saving,
    /// The folder of what outlives a restart.
    #[cfg(feature = "parent")]
    pub(crate) state: std::path::PathBuf,
    /// What became of notifications, for charts, where any are sent.
    pub(crate) notified: Mutex<Option<Notified>>,
    /// What became of windows for backends.
    #[cfg(feature = "parent")]
    pub(crate) ledgers: export::Ledgers,
}

/// Tells what became of notifications.
pub(crate) struct Notified(pub(crate) Box<dyn Fn() -> collect::NotificationCounts + Send>);

impl fmt::Debug for Notified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notified").finish_non_exhaustive()
    }
}

/// The tiers of all hosts.
fn tiers(settings: &Settings) -> Vec<TierSettings> {
    let tier = |tier: &config::Tier| {
        let step_s = tier.resolution.as_secs().max(1);
        let rows = tier.retention.map_or(u64::from(TIER_ROWS_MAX), |retention| retention.as_secs() / step_s);
        TierSettings { step_s: step_s as u32, rows: rows as u32, bytes: tier.bytes }
    };
    settings.global.tiers.iter().map(tier).collect()
}

impl OwnHost {
    /// Finds out who this machine is, and loads what was saved.
    ///
    /// # Errors
    /// Where the state folder or the machine GUID cannot be had.
    pub fn build(settings: &Settings) -> anyhow::Result<Self> {
        let lib_dir = &settings.global.lib_dir;
        let is_default = lib_dir == Path::new(config::LIB_DIR);
        let state = folder::state(lib_dir, is_default, &|name| std::env::var(name).ok())?;
        if let Some(default) = &state.instead_of {
            info!("{} may not be written to, state goes to {}", default.display(), state.path.display());
        }
        let identity = identity::machine_guid(&state.path)?;
        let info = host_info(settings, identity.guid);
        let new = if identity.is_new { ", made just now" } else { "" };
        info!("this host is '{}' with machine_guid '{}'{new}", info.hostname, info.guid);
        let store = Arc::new(Store::with_tiers(&tiers(settings)));
        let host = store.add(&info, keep(settings));
        let mut saving = Saving::new(settings, &state.path)?;
        saving.load(&store);
        saving.keep(settings, &store)?;
        Ok(Self {
            store,
            host,
            info,
            saving,
            notified: Mutex::default(),
            #[cfg(feature = "parent")]
            ledgers: export::Ledgers::default(),
            #[cfg(feature = "parent")]
            state: state.path,
        })
    }

    /// Saves what is to survive a restart; comes last, when nobody writes any more.
    pub fn save(self) {
        self.saving.save(&self.store);
    }

    /// Starts to sweep what nobody collects any more, until the returned value is dropped. Needs a
    /// runtime, that of the main thread: a step now and then is no work for a thread of its own.
    #[must_use]
    pub fn sweep(&self, settings: &Settings) -> Sweeping {
        Sweeping::start(settings, Arc::clone(&self.store), self.saving.remover())
    }

    /// Starts to collect, unless settings say not to. Needs a runtime.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub fn collect(&self, settings: &Settings, on: CollectOn) -> anyhow::Result<Collecting> {
        if !settings.collect.enabled {
            return Ok(Collecting::default());
        }
        let mut feed = self.host.claim(FeedKind::Local, self.info.clone());
        if settings.global.ephemeral
            && let Some(mut writer) = feed.writer(clock::now())
        {
            let label = row::Label { name: "_is_ephemeral", value: "true", source: row::Label::CONFIGURED };
            writer.set_host_labels(&[label]);
        }
        let plugins = Plugins::start(settings, &self.store, &feed)?;
        let notified = self.notified.lock().unwrap_or_else(PoisonError::into_inner).take();
        let collector = collector(settings, &self.store, notified);
        #[cfg(feature = "parent")]
        let collector = with_backends(collector, settings, &self.ledgers);
        Collecting::start(collect::Beat::new(collector, feed, self.info.guid), plugins, on)
    }
}

/// The collector that settings describe.
fn collector(settings: &Settings, store: &Arc<Store>, notified: Option<Notified>) -> collect::Collector {
    let collector = collect::Collector::new(collect_config(settings)).timed_by(clock::mono_ns, TIMED_EVERY_S);
    let own = switch_of(find(settings, "self"));
    if own.enabled {
        let every_s = own.update_every_s;
        let mut collector = collector.with_usage(clock::cpu_us, every_s).with_streams(Arc::clone(store), every_s);
        if let Some(Notified(counts)) = notified {
            collector = collector.with_notifications(counts, every_s);
        }
        // They are for alarms, and those are where rows are kept.
        let has_alarms = cfg!(feature = "parent") && settings.health.enabled;
        if has_alarms && settings.global.memory_mode != MemoryMode::None {
            collector.with_hosts(Arc::clone(store), every_s)
        } else {
            collector
        }
    } else {
        collector
    }
}

/// The same with charts of backends, which may come while the node runs.
#[cfg(feature = "parent")]
fn with_backends(collector: collect::Collector, settings: &Settings, ledgers: &export::Ledgers) -> collect::Collector {
    let own = switch_of(find(settings, "self"));
    if !own.enabled {
        return collector;
    }
    collector.with_backends(crate::exporting::figures(ledgers.clone()), own.update_every_s)
}

/// A family of `[collect]`.
fn find<'a>(settings: &'a Settings, name: &str) -> Option<&'a config::Family> {
    settings.collect.families.iter().find(|family| family.name == name)
}

/// Whether a family is collected, and when.
fn switch_of(family: Option<&config::Family>) -> collect::Family {
    family.map_or_else(collect::Family::default, |family| collect::Family {
        enabled: family.enabled,
        update_every_s: family.update_every.as_secs() as u32,
    })
}

fn host_info(settings: &Settings, guid: row::Guid) -> HostInfo {
    let system = System::read(&settings.collect.root);
    let configured = settings.global.hostname.trim();
    let hostname = if configured.is_empty() { system.hostname } else { configured.to_owned() };
    HostInfo {
        guid,
        registry_hostname: hostname.clone(),
        hostname,
        os: std::env::consts::OS.into(),
        timezone: system.timezone,
        abbrev_timezone: "UTC".into(),
        utc_offset_s: 0,
        hops: 0,
        update_every_s: settings.global.update_every.as_secs() as u32,
        program_name: "tributary".into(),
        program_version: VERSION.into(),
        tags: String::new(),
        system: system.facts,
        boot_id: system.boot_id,
        fingerprint: system.fingerprint,
        path: vec![guid],
    }
}

/// How the node keeps its own rows.
pub(crate) fn keep(settings: &Settings) -> Keep {
    keep_as(settings.global.memory_mode, settings.global.history, settings)
}

/// How rows are kept in a memory mode: without a database only what retransmission needs.
pub(crate) fn keep_as(mode: MemoryMode, history_rows: u32, settings: &Settings) -> Keep {
    match mode {
        MemoryMode::None => {
            let every_s = settings.global.update_every.as_secs().max(1);
            let spool_rows = (settings.stream.spool.as_secs() / every_s) as u32;
            let on_disk = settings.stream.spool_mode == MemoryMode::Map && spool_rows > 0;
            Keep { on_disk, ..Keep::new(rrd_store::MemoryMode::None, spool_rows) }
        }
        MemoryMode::Ram => Keep::new(rrd_store::MemoryMode::Ram, history_rows),
        MemoryMode::Save => Keep::new(rrd_store::MemoryMode::Save, history_rows),
        MemoryMode::Map => Keep::new(rrd_store::MemoryMode::Map, history_rows),
    }
}

fn collect_config(settings: &Settings) -> collect::Config {
    let family = |name: &str| find(settings, name);
    let switch = |name: &str| switch_of(family(name));
    let pattern = |name: &str, key: &str| family(name).map(|family| family.pattern(key)).unwrap_or_default();
    let exclude = |name: &str| family(name).map(|family| family.exclude.clone()).unwrap_or_default();
    collect::Config {
        root: settings.collect.root.clone(),
        update_every_s: settings.global.update_every.as_secs() as u32,
        charts_max: settings.collect.charts_per_module,
        idlejitter: switch("idlejitter"),
        stat: switch("cpu"),
        processes: switch("processes"),
        interrupts: switch("interrupts"),
        pressure: switch("pressure"),
        protocols: switch("protocols"),
        sockets: switch("sockets"),
        softnet: switch("softnet"),
        conntrack: switch("conntrack"),
        entropy: switch("entropy"),
        clock: switch("clock"),
        uptime: switch("uptime"),
        loadavg: switch("load"),
        vmstat: switch("memory"),
        meminfo: switch("memory"),
        diskstats: switch("disks"),
        diskstats_exclude: exclude("disks"),
        net_dev: switch("network"),
        net_dev_exclude: exclude("network"),
        frequency: switch("frequency"),
        numa: switch("numa"),
        ecc: switch("ecc"),
        ksm: switch("ksm"),
        zram: switch("zram"),
        wireless: switch("wireless"),
        sctp: switch("sctp"),
        ip_vs: switch("ip_vs"),
        synproxy: switch("synproxy"),
        raid: switch("raid"),
        nfs: switch("nfs"),
        zfs: switch("zfs"),
        btrfs: switch("btrfs"),
        ipc: switch("ipc"),
        power: switch("power"),
        power_details: family("power").is_some_and(|family| family.details),
        apps: switch("apps"),
        apps_list: Some(settings.collect.apps_list.clone()).filter(|path| !path.as_os_str().is_empty()),
        users: switch("users"),
        groups: switch("groups"),
        mounts: switch("mounts"),
        mounts_exclude: exclude("mounts"),
        mounts_exclude_types: pattern("mounts", "exclude_types"),
        cgroups: switch("cgroups"),
        cgroups_search: pattern("cgroups", "search"),
        cgroups_include: pattern("cgroups", "include"),
        cgroups_names: pattern("cgroups", "names"),
        cgroups_rename: pattern("cgroups", "rename"),
        cgroups_services: pattern("cgroups", "services"),
        ..collect::Config::default()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use config::{Invocation, Role};

    use super::*;

    /// Goal: each family of the settings is switched off and slowed down where collection is told.
    #[test]
    fn every_family_is_heard() {
        let invocation = Invocation::parse(Role::Master, ["master".into()]).unwrap();
        let mut settings = Settings::load(Role::Master, &invocation, std::iter::empty()).unwrap();
        let told =
            |settings: &Settings| format!("{:?} {:?}", collect_config(settings), switch_of(find(settings, "self")));
        let as_it_is = told(&settings);
        assert!(settings.collect.families.len() > 10);
        for at in 0..settings.collect.families.len() {
            let before = settings.collect.families[at].clone();
            settings.collect.families[at].enabled ^= true;
            assert_ne!(told(&settings), as_it_is, "[collect.{}].enabled", before.name);
            settings.collect.families[at] = before.clone();
            settings.collect.families[at].update_every = Duration::from_secs(7);
            assert_ne!(told(&settings), as_it_is, "[collect.{}].update_every", before.name);
            settings.collect.families[at] = before;
        }
    }

    /// Goal: what settings leave out where nobody says otherwise is what collection leaves out by itself.
    #[test]
    fn patterns_that_nobody_set() {
        let invocation = Invocation::parse(Role::Master, ["master".into()]).unwrap();
        let settings = Settings::load(Role::Master, &invocation, std::iter::empty()).unwrap();
        let patterns = |config: collect::Config| {
            [
                config.diskstats_exclude,
                config.net_dev_exclude,
                config.mounts_exclude,
                config.mounts_exclude_types,
                config.cgroups_search,
                config.cgroups_include,
                config.cgroups_names,
                config.cgroups_rename,
                config.cgroups_services,
            ]
        };
        assert_eq!(patterns(collect_config(&settings)), patterns(collect::Config::default()));
    }
}
