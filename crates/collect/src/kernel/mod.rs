//! What the kernel tells of the machine as a whole: a module per file of `/proc` and `/sys`.

mod conntrack;
mod counted;
mod disk_charts;
mod disk_device;
mod diskstats;
mod entropy;
mod headed;
mod ip;
mod ip6_charts;
mod ip_charts;
mod loadavg;
mod meminfo;
mod net_dev;
mod pressure;
mod sockstat;
mod softnet;
mod sources;
mod stat;
mod uptime;
mod vmstat;

use std::io;

use patterns::SimplePattern;
use tracing::{info, warn};

use self::conntrack::Conntrack;
use self::diskstats::Diskstats;
use self::entropy::Entropy;
use self::ip::Ip;
use self::loadavg::Loadavg;
use self::meminfo::Meminfo;
use self::net_dev::NetDev;
use self::pressure::Pressure;
use self::sockstat::Sockstat;
use self::softnet::Softnet;
use self::sources::Sources;
use self::stat::Stat;
use self::uptime::Uptime;
use self::vmstat::Vmstat;
use crate::config::{Config, Family};
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

/// All that `config` enables, and every how many seconds. What cannot be opened is left out, which the log says.
pub(crate) fn modules(config: &Config) -> Vec<(Box<dyn Module>, u32)> {
    let root = &*config.root;
    let disks_excluded = SimplePattern::new(&config.diskstats_exclude);
    let interfaces_excluded = SimplePattern::new(&config.net_dev_exclude);
    let per_core = config.per_core;
    let openings = [
        opening!(stat::PATH, stat::either(config), _every_s => Stat::open(root, config)),
        opening!(uptime::PATH, config.uptime, every_s => Uptime::open(root, every_s)),
        opening!(loadavg::PATH, config.loadavg, every_s => Loadavg::open(root, every_s)),
        opening!(entropy::PATH, config.entropy, every_s => Entropy::open(root, every_s)),
        opening!(pressure::PATH, config.pressure, pressure::EVERY_S, every_s => Pressure::open(root, every_s)),
        opening!(sources::INTERRUPTS, config.interrupts, every_s => Sources::interrupts(root, every_s, per_core)),
        opening!(sources::SOFTIRQS, config.interrupts, every_s => Sources::softirqs(root, every_s, per_core)),
        opening!(vmstat::PATH, config.vmstat, every_s => Vmstat::open(root, every_s)),
        opening!(meminfo::PATH, config.meminfo, every_s => Meminfo::open(root, every_s)),
        opening!(sockstat::PATH, config.sockets, every_s => Sockstat::open(root, every_s)),
        opening!(sockstat::PATH6, config.sockets, every_s => Sockstat::open6(root, every_s)),
        opening!(ip::PATH, config.protocols, every_s => Ip::open(root, every_s)),
        opening!(softnet::PATH, config.softnet, every_s => Softnet::open(root, every_s, per_core)),
        opening!(conntrack::PATH, config.conntrack, every_s => Conntrack::open(root, every_s)),
        opening!(diskstats::PATH, config.diskstats, every_s => Diskstats::open(root, every_s, disks_excluded.clone())),
        opening!(net_dev::PATH, config.net_dev, every_s => NetDev::open(root, every_s, interfaces_excluded.clone())),
    ];
    let enabled = openings.iter().filter(|opening| opening.family.enabled);
    enabled.filter_map(|opening| open_module(config, opening)).collect()
}

fn open_module(config: &Config, opening: &Opening<'_>) -> Option<(Box<dyn Module>, u32)> {
    let Opening { path, family, at_least_s, open } = opening;
    let every_s = family.update_every_s.max(config.update_every_s).max(*at_least_s);
    match open(every_s) {
        Ok(module) => Some((module, every_s)),
        // Kernels are built without what nobody asked of them.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            info!(file = path, root = %config.root.display(), "no such file, its charts are left out");
            None
        }
        Err(error) => {
            warn!(file = path, root = %config.root.display(), %error, "file cannot be opened, its charts are left out");
            None
        }
    }
}
