//! What to collect; main maps its settings to it.

use std::path::PathBuf;

/// Names of disks that are left out where nothing else is said.
pub const DISKS_EXCLUDED: &str = "loop* ram*";
/// Names of interfaces that are left out where nothing else is said.
pub const INTERFACES_EXCLUDED: &str = "lo fireqos* *-ifb fwpr* fwbr* fwln* ifb4*";
/// Mount points that are left out where nothing else is said.
pub const MOUNTS_EXCLUDED: &str = "/dev /dev/shm /proc/* /sys/* /var/run/user/* /run/lock /run/user/* /snap/* \
    /var/lib/docker/* /var/lib/containers/storage/* /run/credentials/* /run/containerd/* /rpool /rpool/*";
/// Kinds of file systems that are left out where nothing else is said.
pub const MOUNT_TYPES_EXCLUDED: &str = "*gvfs *gluster* *s3fs *ipfs *davfs2 *httpfs *sshfs *gdfs *moosefs fusectl \
    autofs cgroup cgroup2 hugetlbfs devtmpfs fuse.lxcfs";
/// Control groups below which others are looked for, where nothing else is said.
pub const CGROUPS_SEARCHED: &str = "!*/init.scope !*-qemu !*.libvirt-qemu !/init.scope !/system !/systemd !/user !/user.slice !/lxc/*/* \
    !/lxc.monitor !/lxc.payload/*/* !/lxc.payload.* *";
/// Control groups that have charts of their own, where nothing else is said.
pub const CGROUPS_INCLUDED: &str = "!*/init.scope !/system.slice/run-*.scope *.scope /machine.slice/*.service */kubepods/pod*/* \
    */kubepods/*/pod*/* */*-kubepods-pod*/* */*-kubepods-*-pod*/* !*kubepods* !*kubelet* !*/vcpu* \
    !*/emulator !*.mount !*.partition !*.service !*.socket !*.slice !*.swap !*.user !/ !/docker \
    !*/libvirt !/lxc !/lxc/*/* !/lxc.monitor* !/lxc.pivot !/lxc.payload !/machine !/qemu !/system \
    !/systemd !/user *";
/// Control groups that are called as their container or machine is, where nothing else is said.
pub const CGROUPS_RENAMED: &str = "!/ !*.mount !*.socket !*.partition /machine.slice/*.service !*.service !*.slice !*.swap !*.user \
    !init.scope !*.scope/vcpu* !*.scope/emulator *.scope *docker* *lxc* *qemu* */kubepods/pod*/* \
    */kubepods/*/pod*/* */*-kubepods-pod*/* */*-kubepods-*-pod*/* !*kubepods* !*kubelet* *.libvirt-qemu \
    *";
/// Control groups of services, where nothing else is said.
pub const CGROUPS_OF_SERVICES: &str = "!/system.slice/*/*.service /system.slice/*.service";

/// Charts that a module may have where nothing else is said: those of a thousand disks.
const CHARTS_MAX: u32 = 20_000;

/// What to collect, from where and how often.
#[derive(Debug, Clone)]
pub struct Config {
    /// The folder that `/proc`, `/sys` and `/dev` lie in.
    pub root: PathBuf,
    /// Seconds between rows, from 1.
    pub update_every_s: u32,
    /// Whether charts exist from the start that otherwise appear with their first value.
    pub zero_metrics: bool,
    /// Charts that one module may have; further ones are left out, which the log says.
    pub charts_max: u32,
    /// How late the machine wakes who sleeps.
    pub idlejitter: Family,
    /// `/proc/stat`: processors, interrupts.
    pub stat: Family,
    /// Whether each core has a chart of its own.
    pub per_core: bool,
    /// `/proc/stat`: processes started, their states, switches between them.
    pub processes: Family,
    /// `/proc/interrupts` and `/proc/softirqs`: what interrupts the cores, by source.
    pub interrupts: Family,
    /// `/proc/pressure`: waiting for processors, memory and devices.
    pub pressure: Family,
    /// `/proc/net/netstat`, `snmp` and `snmp6`: what the protocols of the internet count.
    pub protocols: Family,
    /// `/proc/net/sockstat` and `sockstat6`: sockets and their memory.
    pub sockets: Family,
    /// `/proc/net/softnet_stat`: queues of packets that wait for a core.
    pub softnet: Family,
    /// `/proc/net/stat/nf_conntrack`: connections that the firewall keeps track of.
    pub conntrack: Family,
    /// The kernel's store of randomness.
    pub entropy: Family,
    /// What the kernel says of the clock; not below the root, and so only where it is asked for.
    pub clock: Family,
    /// `/proc/uptime`.
    pub uptime: Family,
    /// `/proc/loadavg`: load and tasks.
    pub loadavg: Family,
    /// `/proc/vmstat`: paging and page faults.
    pub vmstat: Family,
    /// `/proc/meminfo`: memory.
    pub meminfo: Family,
    /// `/proc/diskstats`: disks.
    pub diskstats: Family,
    /// Disks that are left out, a simple pattern over kernel names.
    pub diskstats_exclude: String,
    /// `/proc/net/dev`: network interfaces.
    pub net_dev: Family,
    /// Interfaces that are left out, a simple pattern over their names.
    pub net_dev_exclude: String,
    /// How fast cores run, and how often they were slowed down by heat.
    pub frequency: Family,
    /// Memory of machines with several nodes.
    pub numa: Family,
    /// Errors that memory controllers found.
    pub ecc: Family,
    /// Equal pages of memory that are stored once.
    pub ksm: Family,
    /// Disks that compress what they hold in memory.
    pub zram: Family,
    /// `/proc/net/wireless`: how well wireless interfaces hear and are heard.
    pub wireless: Family,
    /// `/proc/net/sctp/snmp`: the stream control protocol.
    pub sctp: Family,
    /// `/proc/net/ip_vs_stats`: connections spread over several servers.
    pub ip_vs: Family,
    /// `/proc/net/stat/synproxy`: connections whose beginning the firewall answers.
    pub synproxy: Family,
    /// `/proc/mdstat`: arrays of disks.
    pub raid: Family,
    /// `/proc/net/rpc`: the network file system, client and server.
    pub nfs: Family,
    /// `/proc/spl/kstat/zfs`: the cache and the pools of ZFS.
    pub zfs: Family,
    /// `/sys/fs/btrfs`: what the space of file systems is set apart for.
    pub btrfs: Family,
    /// `/proc/sysvipc`: semaphores, shared memory and queues of messages.
    pub ipc: Family,
    /// `/sys/class/power_supply`: how full batteries are.
    pub power: Family,
    /// Whether the charge, energy and voltage of batteries are told, too.
    pub power_details: bool,
    /// `/proc/PID`: processes by application.
    pub apps: Family,
    /// The file that lists applications; the list that comes with the program where there is none.
    pub apps_list: Option<PathBuf>,
    /// `/proc/PID`: processes by user.
    pub users: Family,
    /// `/proc/PID`: processes by group of users.
    pub groups: Family,
    /// Mount points: space and inodes of file systems.
    pub mounts: Family,
    /// Mount points that are left out, a simple pattern over their paths.
    pub mounts_exclude: String,
    /// Kinds of file systems that are left out, a simple pattern.
    pub mounts_exclude_types: String,
    /// Control groups: containers, virtual machines, services.
    pub cgroups: Family,
    /// Those below which others are looked for, a simple pattern over their paths.
    pub cgroups_search: String,
    /// Those that have charts of their own, a simple pattern over their paths.
    pub cgroups_include: String,
    /// The same over the names that were found for them.
    pub cgroups_names: String,
    /// Those that are called as their container or machine is, a simple pattern over their paths.
    pub cgroups_rename: String,
    /// Those that are services, a simple pattern over their paths.
    pub cgroups_services: String,
}

/// A family of charts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Family {
    /// Whether it is collected.
    pub enabled: bool,
    /// Seconds between its rows; less than those of all counts as that.
    pub update_every_s: u32,
}

impl Family {
    /// Not collected unless somebody says so.
    pub const OFF: Self = Self { enabled: false, update_every_s: 1 };
}

impl Default for Family {
    fn default() -> Self {
        Self { enabled: true, update_every_s: 1 }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            root: PathBuf::from("/"),
            update_every_s: 1,
            zero_metrics: false,
            charts_max: CHARTS_MAX,
            idlejitter: Family::default(),
            stat: Family::default(),
            per_core: true,
            processes: Family::default(),
            interrupts: Family::default(),
            pressure: Family::default(),
            protocols: Family::default(),
            sockets: Family::default(),
            softnet: Family::default(),
            conntrack: Family::default(),
            entropy: Family::default(),
            clock: Family::OFF,
            uptime: Family::default(),
            loadavg: Family::default(),
            vmstat: Family::default(),
            meminfo: Family::default(),
            diskstats: Family::default(),
            diskstats_exclude: DISKS_EXCLUDED.to_owned(),
            net_dev: Family::default(),
            net_dev_exclude: INTERFACES_EXCLUDED.to_owned(),
            frequency: Family::default(),
            numa: Family::default(),
            ecc: Family::default(),
            ksm: Family::default(),
            zram: Family::default(),
            wireless: Family::default(),
            sctp: Family::default(),
            ip_vs: Family::default(),
            synproxy: Family::default(),
            raid: Family::default(),
            nfs: Family::default(),
            zfs: Family::default(),
            btrfs: Family::default(),
            ipc: Family::default(),
            power: Family::default(),
            power_details: false,
            apps: Family::OFF,
            apps_list: None,
            users: Family::OFF,
            groups: Family::OFF,
            mounts: Family::default(),
            mounts_exclude: MOUNTS_EXCLUDED.to_owned(),
            mounts_exclude_types: MOUNT_TYPES_EXCLUDED.to_owned(),
            cgroups: Family::default(),
            cgroups_search: CGROUPS_SEARCHED.to_owned(),
            cgroups_include: CGROUPS_INCLUDED.to_owned(),
            cgroups_names: "*".to_owned(),
            cgroups_rename: CGROUPS_RENAMED.to_owned(),
            cgroups_services: CGROUPS_OF_SERVICES.to_owned(),
        }
    }
}
