//! What agents of the generation after call otherwise.
//!
//! Charts here have the ids of Netdata 1.37.1, which the alarms and dashboards in the field know. Agents
//! since 2.x took other ids for some; a parent of that age takes any ids, but its own alarms look for
//! the new ones. This is the list of differences, as of 2.11, for whoever wants to choose. What is not
//! listed is the same, is computed in another way, or has no counterpart.
//!
//! Nothing uses the list so far.

/// One difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rename {
    /// A chart has another id, and its context likewise. `{}` stands for the device.
    Chart {
        /// The id here.
        id: &'static str,
        /// The id there.
        new_id: &'static str,
        /// The context there.
        new_context: &'static str,
    },
    /// A dimension has another id.
    Dimension {
        /// The id of the chart here.
        chart: &'static str,
        /// The id of the dimension here.
        id: &'static str,
        /// The id there.
        new_id: &'static str,
    },
    /// Dimensions of such names have them as their ids, too.
    NamesAsIds {
        /// The id of the chart here, or with `*` at the end how the ids of several begin.
        charts: &'static str,
        /// The names.
        names: &'static [&'static str],
    },
    /// A chart stands at another place.
    Priority {
        /// The id of the chart here.
        chart: &'static str,
        /// The priority there.
        new: i32,
    },
    /// A chart stands in another group.
    Family {
        /// The id of the chart here.
        chart: &'static str,
        /// The family there.
        new: &'static str,
    },
    /// Values are collected in bytes, not in KiB, and the divisor is larger by as much.
    Bytes {
        /// The id of the chart here.
        chart: &'static str,
    },
    /// There is no such chart; what it shows stands in another, whose id is given, `{}` for the device.
    Merged {
        /// The id of the chart here.
        chart: &'static str,
        /// Where its dimensions are there.
        into: &'static str,
    },
}

/// All differences.
pub const RENAMES: &[Rename] = &[
    chart("system.swap", "mem.swap"),
    priority("system.swap", 1035),
    Rename::Bytes { chart: "system.swap" },
    chart("system.swapio", "mem.swapio"),
    priority("system.swapio", 1038),
    Rename::Bytes { chart: "system.ram" },
    Rename::Bytes { chart: "mem.available" },
    dimension("mem.available", "MemAvailable", "avail"),
    Rename::Family { chart: "mem.available", new: "overview" },
    Rename::Family { chart: "mem.committed", new: "overview" },
    chart("mem.transparent_hugepages", "mem.thp"),
    priority("mem.transparent_hugepages", 1251),
    priority("mem.hugepages", 1250),
    priority("mem.pgfaults", 1050),
    Rename::Chart { id: "mem.{}", new_id: "numa_node_stat.{}", new_context: "mem.numa_node_stat" },
    Rename::Merged { chart: "mem.ecc_ce", into: "mem.edac_{}" },
    Rename::Merged { chart: "mem.ecc_ue", into: "mem.edac_{}" },
    dimension("system.io", "in", "reads"),
    dimension("system.io", "out", "writes"),
    Rename::Bytes { chart: "system.io" },
    names_as_ids("system.ip"),
    names_as_ids("system.ipv6"),
    names_as_ids("ip.*"),
    names_as_ids("ipv4.*"),
    names_as_ids("ipv6.*"),
    dimension("ipv6.packets", "InDelivers", "delivered"),
    chart("ip.mcast", "ipv4.mcast"),
    chart("ip.bcast", "ipv4.bcast"),
    chart("ip.mcastpkts", "ipv4.mcastpkts"),
    chart("ip.bcastpkts", "ipv4.bcastpkts"),
    chart("ip.ecnpkts", "ipv4.ecnpkts"),
    Rename::Merged { chart: "ip.inerrors", into: "ipv4.errors" },
    chart("ipv4.tcpsock", "ip.tcpsock"),
    chart("ipv4.tcppackets", "ip.tcppackets"),
    chart("ipv4.tcperrors", "ip.tcperrors"),
    chart("ipv4.tcpopens", "ip.tcpopens"),
    chart("ipv4.tcphandshake", "ip.tcphandshake"),
    chart("ipv4.sockstat_sockets", "ip.sockstat_sockets"),
    Rename::Family { chart: "powersupply_capacity.{}", new: "capacity" },
];

const fn chart(id: &'static str, new_id: &'static str) -> Rename {
    Rename::Chart { id, new_id, new_context: new_id }
}

const fn dimension(chart: &'static str, id: &'static str, new_id: &'static str) -> Rename {
    Rename::Dimension { chart, id, new_id }
}

const fn priority(chart: &'static str, new: i32) -> Rename {
    Rename::Priority { chart, new }
}

const fn names_as_ids(charts: &'static str) -> Rename {
    Rename::NamesAsIds { charts, names: &["received", "sent", "forwarded", "delivered", "failed"] }
}

impl Rename {
    /// The id, here, of the chart that differs; see [`Rename::NamesAsIds`] for that of several.
    #[must_use]
    pub const fn chart(&self) -> &'static str {
        match *self {
            Self::Chart { id, .. } => id,
            Self::NamesAsIds { charts, .. } => charts,
            Self::Dimension { chart, .. }
            | Self::Priority { chart, .. }
            | Self::Family { chart, .. }
            | Self::Bytes { chart }
            | Self::Merged { chart, .. } => chart,
        }
    }
}
