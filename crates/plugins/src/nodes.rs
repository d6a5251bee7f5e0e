//! The hosts that plugins write to: the node's own, and those that they define themselves.
//!
//! A host that a plugin defines is fed as long as a plugin that defined it runs. More than one may.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use row::{Guid, Label, Now};
use rrd_store::{Feed, FeedKind, Host, HostInfo, Keep, Store};

use crate::charts::OwnedLabel;

/// Hosts that all plugins together may define.
const HOSTS_MAX: usize = 1_000;

/// Is told of each host that plugins begin to feed.
pub type OnHost = Box<dyn Fn(&Arc<Host>)>;

/// All hosts that plugins write to.
pub struct Nodes {
    store: Arc<Store>,
    own: Feed,
    keep: Keep,
    on_host: OnHost,
    defined: RefCell<HashMap<Guid, Defined>>,
}

struct Defined {
    feed: Feed,
    /// Plugins that write to it.
    users: usize,
}

impl fmt::Debug for Nodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nodes").field("defined", &self.defined.borrow().len()).finish_non_exhaustive()
    }
}

/// A host as a plugin defines it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewHost {
    pub(crate) guid: Guid,
    pub(crate) hostname: String,
    pub(crate) labels: Vec<OwnedLabel>,
}

/// Why a plugin may not write to a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("it is this node itself")]
    Own,
    #[error("somebody else feeds it")]
    Fed,
    #[error("plugins may define {HOSTS_MAX} hosts at most")]
    Full,
}

impl Nodes {
    /// Writes to the host of `own`; hosts that plugins define are added to `store`, kept like this, and
    /// told to `on_host`.
    #[must_use]
    pub fn new(store: Arc<Store>, own: Feed, keep: Keep, on_host: OnHost) -> Self {
        Self { store, own, keep, on_host, defined: RefCell::default() }
    }

    /// The right to write to the node's own host.
    pub(crate) fn own(&self) -> &Feed {
        &self.own
    }

    /// The right to write to a host that a plugin defines, until it is [released](Self::release).
    pub(crate) fn claim(&self, new: &NewHost, now: Now) -> Result<Feed, Refused> {
        let own = self.own.host().info();
        if new.guid == own.guid {
            return Err(Refused::Own);
        }
        let mut defined = self.defined.borrow_mut();
        let is_full = defined.len() >= HOSTS_MAX;
        let (feed, is_new) = match defined.get_mut(&new.guid) {
            Some(known) => {
                known.users += 1;
                (known.feed.share(), false)
            }
            None if self.store.host(new.guid).is_some_and(|host| host.is_fed()) => return Err(Refused::Fed),
            None if is_full => return Err(Refused::Full),
            None => {
                let feed = self.store.claim(&info(new, &own), self.keep, FeedKind::Local);
                defined.insert(new.guid, Defined { feed: feed.share(), users: 1 });
                (feed, true)
            }
        };
        drop(defined);
        label(&mut feed.share(), new, now);
        if is_new {
            (self.on_host)(feed.host());
        }
        Ok(feed)
    }

    /// A plugin writes to a host no more.
    pub(crate) fn release(&self, guid: Guid) {
        let mut defined = self.defined.borrow_mut();
        if let Some(known) = defined.get_mut(&guid) {
            known.users -= 1;
            if known.users == 0 {
                defined.remove(&guid);
            }
        }
    }
}

fn label(feed: &mut Feed, new: &NewHost, now: Now) {
    let Some(mut writer) = feed.writer(now) else { return };
    let labels = new.labels.iter().map(|(name, value, source)| Label { name, value, source: *source });
    writer.set_host_labels(&labels.collect::<Vec<_>>());
}

/// Labels that tell of a host's system, and the names of what they tell in a handshake.
const SYSTEM: [(&str, &str); 15] = [
    ("_os_name", "NETDATA_SYSTEM_OS_NAME"),
    ("_os_version", "NETDATA_SYSTEM_OS_VERSION"),
    ("_os", "NETDATA_SYSTEM_OS_ID"),
    ("_kernel_version", "NETDATA_SYSTEM_KERNEL_VERSION"),
    ("_architecture", "NETDATA_SYSTEM_ARCHITECTURE"),
    ("_virtualization", "NETDATA_SYSTEM_VIRTUALIZATION"),
    ("_container", "NETDATA_SYSTEM_CONTAINER"),
    ("_system_cores", "NETDATA_SYSTEM_CPU_LOGICAL_CPU_COUNT"),
    ("_system_cpu_model", "NETDATA_SYSTEM_CPU_MODEL"),
    ("_system_cpu_freq", "NETDATA_SYSTEM_CPU_FREQ"),
    ("_system_ram_total", "NETDATA_SYSTEM_TOTAL_RAM"),
    ("_system_disk_space", "NETDATA_SYSTEM_TOTAL_DISK_SIZE"),
    ("_cloud_provider_type", "NETDATA_INSTANCE_CLOUD_TYPE"),
    ("_cloud_instance_type", "NETDATA_INSTANCE_CLOUD_INSTANCE_TYPE"),
    ("_cloud_instance_region", "NETDATA_INSTANCE_CLOUD_INSTANCE_REGION"),
];

/// What is known of a host that a plugin of `own` defines.
fn info(new: &NewHost, own: &HostInfo) -> HostInfo {
    let labelled = |label: &str| new.labels.iter().find(|(name, ..)| name == label).map(|(_, value, _)| value.clone());
    let fact = |(label, name): &(&str, &str)| Some(((*name).to_owned(), labelled(label)?));
    HostInfo {
        registry_hostname: new.hostname.clone(),
        timezone: own.timezone.clone(),
        abbrev_timezone: own.abbrev_timezone.clone(),
        utc_offset_s: own.utc_offset_s,
        hops: 0,
        update_every_s: own.update_every_s,
        program_name: own.program_name.clone(),
        program_version: own.program_version.clone(),
        system: SYSTEM.iter().filter_map(fact).collect(),
        path: own.path.clone(),
        hostname: new.hostname.clone(),
        ..HostInfo::unknown(new.guid)
    }
}
