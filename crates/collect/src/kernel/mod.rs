//! What the kernel tells of the machine as a whole: a module per file of `/proc` and `/sys`.

mod btrfs;
mod clock;
mod conntrack;
mod counted;
mod disk_charts;
mod disk_device;
mod disk_ext;
mod diskstats;
mod edac;
mod entropy;
mod frequency;
mod headed;
mod ip;
mod ip6_charts;
mod ip_charts;
mod ip_vs;
mod ipc;
mod ksm;
mod lasting;
mod loadavg;
mod mdstat;
mod meminfo;
mod net_dev;
mod net_link;
mod nfs;
mod nfs_charts;
mod numa;
mod power_supply;
pub(crate) mod pressure;
mod sctp;
mod sockstat;
mod softnet;
mod sources;
mod stat;
mod synproxy;
mod uptime;
mod vmstat;
mod wireless;
mod zfs;
mod zfs_charts;
mod zram;

use std::io;
use std::sync::Arc;

use patterns::SimplePattern;
use tracing::{info, warn};

use self::btrfs::Btrfs;
use self::clock::Clock;
use self::conntrack::Conntrack;
use self::diskstats::Diskstats;
use self::edac::Edac;
use self::entropy::Entropy;
use self::frequency::Frequency;
use self::ip::Ip;
use self::ip_vs::IpVs;
use self::ipc::Ipc;
use self::ksm::Ksm;
use self::lasting::{Lasting, Open};
use self::loadavg::Loadavg;
use self::mdstat::Mdstat;
use self::meminfo::Meminfo;
use self::net_dev::NetDev;
use self::nfs::Nfs;
use self::numa::Numa;
use self::power_supply::PowerSupply;
use self::pressure::Pressure;
use self::sctp::Sctp;
use self::sockstat::Sockstat;
use self::softnet::Softnet;
use self::sources::Sources;
use self::stat::Stat;
use self::synproxy::Synproxy;
use self::uptime::Uptime;
use self::vmstat::Vmstat;
use self::wireless::Wireless;
use self::zfs::Zfs;
use self::zram::Zram;
use crate::claims::Claims;
use crate::config::{Config, Family};
use crate::file::under;
use crate::module::Module;

/// A module by its name, and how to open it every so many seconds.
struct Opening<'a> {
    path: &'static str,
    family: Family,
    /// Seconds below which its file says nothing new.
    at_least_s: u32,
    open: &'a dyn Fn(u32) -> io::Result<Box<dyn Module>>,
}

macro_rules! opening {
    ($path:expr, $family:expr, $every_s:ident => $open:expr) => {
        opening!($path, $family, 1, $every_s => $open)
    };
    ($path:expr, $family:expr, $at_least_s:expr, $every_s:ident => $open:expr) => {
        Opening { path: $path, family: $family, at_least_s: $at_least_s, open: &|$every_s| Ok(Box::new($open?)) }
    };
}

/// All that `config` enables, and every how many seconds. What cannot be opened is left out, which the log
/// says, until its file is there. Interfaces belong to whom `claims` say.
pub(crate) fn modules(config: &Config, claims: &Claims) -> Vec<(Box<dyn Module>, u32)> {
    let config = Arc::new(config.clone());
    let mut modules = Vec::new();
    let mut missing = Vec::new();
    each_opening(&config, claims, &mut |opening| {
        let Opening { path, family, at_least_s, open } = opening;
        if !family.enabled {
            return;
        }
        let every_s = family.update_every_s.max(config.update_every_s).max(*at_least_s);
        let module = match open(every_s) {
            Ok(module) => Some(module),
            // Kernels are built without what nobody asked of them.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                missing.push(*path);
                None
            }
            Err(error) => {
                warn!(file = path, root = %config.root.display(), %error, "file cannot be opened, its charts are left out");
                return;
            }
        };
        let reopen = reopening(Arc::clone(&config), claims.clone(), path, every_s);
        modules.push((Box::new(Lasting::new(path, under(&config.root, path), reopen, module)) as _, every_s));
    });
    if !missing.is_empty() {
        info!(files = missing.join(" "), root = %config.root.display(), "no such files, their charts are left out");
    }
    modules
}

/// How to open the module of a file again.
fn reopening(config: Arc<Config>, claims: Claims, path: &'static str, every_s: u32) -> Open {
    Box::new(move || {
        let mut opened = Err(io::ErrorKind::NotFound.into());
        each_opening(&config, &claims, &mut |opening| {
            if opening.path == path {
                opened = (opening.open)(every_s);
            }
        });
        opened
    })
}

/// Calls `each` with how to open each module. The list is long: once in a binary is enough.
#[inline(never)]
fn each_opening(config: &Config, claims: &Claims, each: &mut dyn FnMut(&Opening<'_>)) {
    let root = &*config.root;
    let disks_excluded = SimplePattern::new(&config.diskstats_exclude);
    let interfaces_excluded = SimplePattern::new(&config.net_dev_exclude);
    let per_core = config.per_core;
    let zeros = config.zero_metrics;
    let has_nodes = config.numa.enabled && numa::has_nodes(root, zeros);
    let openings = [
        opening!(stat::PATH, stat::either(config), _every_s => Stat::open(root, config)),
        opening!(uptime::PATH, config.uptime, every_s => Uptime::open(root, every_s)),
        opening!(loadavg::PATH, config.loadavg, every_s => Loadavg::open(root, every_s)),
        opening!(clock::NAME, config.clock, clock::EVERY_S, every_s => Clock::open(every_s)),
        opening!(entropy::PATH, config.entropy, every_s => Entropy::open(root, every_s)),
        opening!(pressure::PATH, config.pressure, pressure::EVERY_S, every_s => Pressure::open(root, every_s)),
        opening!(sources::INTERRUPTS, config.interrupts, every_s => Sources::interrupts(root, every_s, per_core)),
        opening!(sources::SOFTIRQS, config.interrupts, every_s => Sources::softirqs(root, every_s, per_core)),
        opening!(vmstat::PATH, config.vmstat, every_s => Vmstat::open(root, every_s, has_nodes)),
        opening!(meminfo::PATH, config.meminfo, every_s => Meminfo::open(root, every_s)),
        opening!(sockstat::PATH, config.sockets, every_s => Sockstat::open(root, every_s)),
        opening!(sockstat::PATH6, config.sockets, every_s => Sockstat::open6(root, every_s)),
        opening!(ip::PATH, config.protocols, every_s => Ip::open(root, every_s)),
        opening!(softnet::PATH, config.softnet, every_s => Softnet::open(root, every_s, per_core)),
        opening!(conntrack::PATH, config.conntrack, every_s => Conntrack::open(root, every_s)),
        opening!(diskstats::PATH, config.diskstats, every_s => Diskstats::open(root, every_s, disks_excluded.clone())),
        opening!(net_dev::PATH, config.net_dev, every_s => NetDev::open(root, every_s, interfaces_excluded.clone(), claims.clone())),
        opening!(frequency::PATH, config.frequency, every_s => Frequency::open(root, every_s)),
        opening!(numa::PATH, config.numa, every_s => Numa::open(root, every_s, zeros)),
        opening!(edac::PATH, config.ecc, every_s => Edac::open(root, every_s)),
        opening!(ksm::PATH, config.ksm, every_s => Ksm::open(root, every_s)),
        opening!(zram::PATH, config.zram, every_s => Zram::open(root, every_s)),
        opening!(wireless::PATH, config.wireless, every_s => Wireless::open(root, every_s)),
        opening!(sctp::PATH, config.sctp, every_s => Sctp::open(root, every_s)),
        opening!(ip_vs::PATH, config.ip_vs, every_s => IpVs::open(root, every_s)),
        opening!(synproxy::PATH, config.synproxy, every_s => Synproxy::open(root, every_s)),
        opening!(mdstat::PATH, config.raid, every_s => Mdstat::open(root, every_s)),
        opening!(nfs::CLIENT_PATH, config.nfs, every_s => Nfs::client(root, every_s)),
        opening!(nfs::SERVER_PATH, config.nfs, every_s => Nfs::server(root, every_s)),
        opening!(zfs::CACHE_PATH, config.zfs, every_s => Zfs::open(root, every_s)),
        opening!(btrfs::PATH, config.btrfs, every_s => Btrfs::open(root, every_s)),
        opening!(ipc::PATH, config.ipc, every_s => Ipc::open(root, every_s)),
        opening!(power_supply::PATH, config.power, every_s => PowerSupply::open(root, every_s, config.power_details)),
    ];
    openings.iter().for_each(each);
}
