//! Charts of IPv4 and of what runs over it: which counters of `netstat` and `snmp` each shows.
//!
//! A dimension's id is the kernel's name of its counter.

use crate::charts::{absolute, incremental, line, named};
use crate::kernel::counted::{Counted, counted};

/// In the order in which dashboards list them.
pub(crate) static CHARTS: &[Counted] = &[
    counted(
        "IpExt",
        line(
            "system.ip",
            "Data received and sent over IPv4",
            "kilobits/s",
            "network",
            501,
            &[named("received", incremental("InOctets", 8, 1000)), named("sent", incremental("OutOctets", -8, 1000))],
        )
        .area(),
    ),
    counted(
        "IpExt",
        line(
            "ip.inerrors",
            "IPv4 packets received that cannot be used",
            "packets/s",
            "errors",
            4100,
            &[
                named("noroutes", incremental("InNoRoutes", 1, 1)),
                named("truncated", incremental("InTruncatedPkts", 1, 1)),
                named("checksum", incremental("InCsumErrors", 1, 1)),
            ],
        )
        .detail(),
    )
    .shown_by(2),
    counted(
        "IpExt",
        line(
            "ip.mcast",
            "Data received and sent to groups",
            "kilobits/s",
            "multicast",
            4600,
            &[
                named("received", incremental("InMcastOctets", 8, 1000)),
                named("sent", incremental("OutMcastOctets", -8, 1000)),
            ],
        )
        .area()
        .detail(),
    ),
    counted(
        "IpExt",
        line(
            "ip.bcast",
            "Data received and sent to everybody",
            "kilobits/s",
            "broadcast",
            4500,
            &[
                named("received", incremental("InBcastOctets", 8, 1000)),
                named("sent", incremental("OutBcastOctets", -8, 1000)),
            ],
        )
        .area()
        .detail(),
    ),
    counted(
        "IpExt",
        line(
            "ip.mcastpkts",
            "Packets received and sent to groups",
            "packets/s",
            "multicast",
            4610,
            &[named("received", incremental("InMcastPkts", 1, 1)), named("sent", incremental("OutMcastPkts", -1, 1))],
        )
        .detail(),
    ),
    counted(
        "IpExt",
        line(
            "ip.bcastpkts",
            "Packets received and sent to everybody",
            "packets/s",
            "broadcast",
            4510,
            &[named("received", incremental("InBcastPkts", 1, 1)), named("sent", incremental("OutBcastPkts", -1, 1))],
        )
        .detail(),
    ),
    counted(
        "IpExt",
        line(
            "ip.ecnpkts",
            "Packets by their notice of congestion",
            "packets/s",
            "ecn",
            4700,
            &[
                named("CEP", incremental("InCEPkts", 1, 1)),
                named("NoECTP", incremental("InNoECTPkts", -1, 1)),
                named("ECTP0", incremental("InECT0Pkts", 1, 1)),
                named("ECTP1", incremental("InECT1Pkts", 1, 1)),
            ],
        )
        .detail(),
    ),
    counted(
        "TcpExt",
        line(
            "ip.tcpmemorypressures",
            "Times that TCP was short of memory",
            "events/s",
            "tcp",
            4290,
            &[named("pressures", incremental("TCPMemoryPressures", 1, 1))],
        ),
    ),
    counted(
        "TcpExt",
        line(
            "ip.tcpconnaborts",
            "Connections given up",
            "connections/s",
            "tcp",
            4210,
            &[
                named("baddata", incremental("TCPAbortOnData", 1, 1)),
                named("userclosed", incremental("TCPAbortOnClose", 1, 1)),
                named("nomemory", incremental("TCPAbortOnMemory", 1, 1)),
                named("timeout", incremental("TCPAbortOnTimeout", 1, 1)),
                named("linger", incremental("TCPAbortOnLinger", 1, 1)),
                named("failed", incremental("TCPAbortFailed", -1, 1)),
            ],
        ),
    ),
    counted(
        "TcpExt",
        line(
            "ip.tcpreorders",
            "Packets found out of order, by how it was noticed",
            "packets/s",
            "tcp",
            4220,
            &[
                named("timestamp", incremental("TCPTSReorder", 1, 1)),
                named("sack", incremental("TCPSACKReorder", 1, 1)),
                named("fack", incremental("TCPFACKReorder", 1, 1)),
                named("reno", incremental("TCPRenoReorder", 1, 1)),
            ],
        ),
    ),
    counted(
        "TcpExt",
        line(
            "ip.tcpofo",
            "Packets waiting for one before them",
            "packets/s",
            "tcp",
            4250,
            &[
                named("inqueue", incremental("TCPOFOQueue", 1, 1)),
                named("dropped", incremental("TCPOFODrop", -1, 1)),
                named("merged", incremental("TCPOFOMerge", 1, 1)),
                named("pruned", incremental("OfoPruned", -1, 1)),
            ],
        ),
    )
    .shown_by(3),
    counted(
        "TcpExt",
        line(
            "ip.tcpsyncookies",
            "SYN cookies",
            "packets/s",
            "tcp",
            4260,
            &[
                named("received", incremental("SyncookiesRecv", 1, 1)),
                named("sent", incremental("SyncookiesSent", -1, 1)),
                named("failed", incremental("SyncookiesFailed", -1, 1)),
            ],
        ),
    ),
    counted(
        "TcpExt",
        line(
            "ip.tcp_syn_queue",
            "Connections begun that found their queue full",
            "packets/s",
            "tcp",
            4215,
            &[
                named("drops", incremental("TCPReqQFullDrop", 1, 1)),
                named("cookies", incremental("TCPReqQFullDoCookies", 1, 1)),
            ],
        ),
    ),
    counted(
        "TcpExt",
        line(
            "ip.tcp_accept_queue",
            "Connections made that found their queue full",
            "packets/s",
            "tcp",
            4216,
            &[
                named("overflows", incremental("ListenOverflows", 1, 1)),
                named("drops", incremental("ListenDrops", 1, 1)),
            ],
        ),
    ),
    counted(
        "Ip",
        line(
            "ipv4.packets",
            "IPv4 packets",
            "packets/s",
            "packets",
            5130,
            &[
                named("received", incremental("InReceives", 1, 1)),
                named("sent", incremental("OutRequests", -1, 1)),
                named("forwarded", incremental("ForwDatagrams", 1, 1)),
                named("delivered", incremental("InDelivers", 1, 1)),
            ],
        ),
    ),
    counted(
        "Ip",
        line(
            "ipv4.fragsout",
            "Packets cut for sending",
            "packets/s",
            "fragments",
            5460,
            &[
                named("ok", incremental("FragOKs", 1, 1)),
                named("failed", incremental("FragFails", -1, 1)),
                named("created", incremental("FragCreates", 1, 1)),
            ],
        )
        .detail(),
    ),
    counted(
        "Ip",
        line(
            "ipv4.fragsin",
            "Packets put together",
            "packets/s",
            "fragments",
            5461,
            &[
                named("ok", incremental("ReasmOKs", 1, 1)),
                named("failed", incremental("ReasmFails", -1, 1)),
                named("all", incremental("ReasmReqds", 1, 1)),
            ],
        )
        .detail(),
    ),
    counted(
        "Ip",
        line(
            "ipv4.errors",
            "IPv4 packets dropped, by reason",
            "packets/s",
            "errors",
            5150,
            &[
                incremental("InDiscards", 1, 1),
                incremental("OutDiscards", -1, 1),
                incremental("InHdrErrors", 1, 1),
                incremental("OutNoRoutes", -1, 1),
                incremental("InAddrErrors", 1, 1),
                incremental("InUnknownProtos", 1, 1),
            ],
        )
        .detail(),
    ),
    counted(
        "Icmp",
        line(
            "ipv4.icmp",
            "ICMP messages",
            "packets/s",
            "icmp",
            5170,
            &[named("received", incremental("InMsgs", 1, 1)), named("sent", incremental("OutMsgs", -1, 1))],
        ),
    ),
    counted(
        "Icmp",
        line(
            "ipv4.icmp_errors",
            "ICMP messages with errors",
            "packets/s",
            "icmp",
            5171,
            &[incremental("InErrors", 1, 1), incremental("OutErrors", -1, 1), incremental("InCsumErrors", 1, 1)],
        ),
    )
    .with_previous(),
    counted(
        "IcmpMsg",
        line(
            "ipv4.icmpmsg",
            "ICMP messages by type",
            "packets/s",
            "icmp",
            5172,
            &[
                named("InEchoReps", incremental("InType0", 1, 1)),
                named("OutEchoReps", incremental("OutType0", -1, 1)),
                named("InDestUnreachs", incremental("InType3", 1, 1)),
                named("OutDestUnreachs", incremental("OutType3", -1, 1)),
                named("InRedirects", incremental("InType5", 1, 1)),
                named("OutRedirects", incremental("OutType5", -1, 1)),
                named("InEchos", incremental("InType8", 1, 1)),
                named("OutEchos", incremental("OutType8", -1, 1)),
                named("InRouterAdvert", incremental("InType9", 1, 1)),
                named("OutRouterAdvert", incremental("OutType9", -1, 1)),
                named("InRouterSelect", incremental("InType10", 1, 1)),
                named("OutRouterSelect", incremental("OutType10", -1, 1)),
                named("InTimeExcds", incremental("InType11", 1, 1)),
                named("OutTimeExcds", incremental("OutType11", -1, 1)),
                named("InParmProbs", incremental("InType12", 1, 1)),
                named("OutParmProbs", incremental("OutType12", -1, 1)),
                named("InTimestamps", incremental("InType13", 1, 1)),
                named("OutTimestamps", incremental("OutType13", -1, 1)),
                named("InTimestampReps", incremental("InType14", 1, 1)),
                named("OutTimestampReps", incremental("OutType14", -1, 1)),
            ],
        ),
    ),
    counted(
        "Tcp",
        line(
            "ipv4.tcpsock",
            "TCP connections",
            "active connections",
            "tcp",
            5200,
            &[named("connections", absolute("CurrEstab", 1, 1))],
        ),
    ),
    counted(
        "Tcp",
        line(
            "ipv4.tcppackets",
            "TCP segments",
            "packets/s",
            "tcp",
            5204,
            &[named("received", incremental("InSegs", 1, 1)), named("sent", incremental("OutSegs", -1, 1))],
        ),
    ),
    counted(
        "Tcp",
        line(
            "ipv4.tcperrors",
            "TCP segments with errors or sent again",
            "packets/s",
            "tcp",
            5220,
            &[incremental("InErrs", 1, 1), incremental("InCsumErrors", 1, 1), incremental("RetransSegs", -1, 1)],
        )
        .detail(),
    ),
    counted(
        "Tcp",
        line(
            "ipv4.tcpopens",
            "TCP connections opened",
            "connections/s",
            "tcp",
            5205,
            &[named("active", incremental("ActiveOpens", 1, 1)), named("passive", incremental("PassiveOpens", 1, 1))],
        )
        .detail(),
    ),
    counted(
        "Tcp",
        line(
            "ipv4.tcphandshake",
            "TCP connections that failed to begin or were reset",
            "events/s",
            "tcp",
            5230,
            &[
                incremental("EstabResets", 1, 1),
                incremental("OutRsts", 1, 1),
                incremental("AttemptFails", 1, 1),
                named("SynRetrans", incremental("TCPSynRetrans", 1, 1)),
            ],
        )
        .detail(),
    )
    .from(&[("TCPSynRetrans", "TcpExt", "TCPSynRetrans")]),
    counted(
        "Udp",
        line(
            "ipv4.udppackets",
            "UDP packets",
            "packets/s",
            "udp",
            5300,
            &[named("received", incremental("InDatagrams", 1, 1)), named("sent", incremental("OutDatagrams", -1, 1))],
        ),
    ),
    counted(
        "Udp",
        line(
            "ipv4.udperrors",
            "UDP packets dropped, by reason",
            "events/s",
            "udp",
            5310,
            &[
                incremental("RcvbufErrors", 1, 1),
                incremental("SndbufErrors", -1, 1),
                incremental("InErrors", 1, 1),
                incremental("NoPorts", 1, 1),
                incremental("InCsumErrors", 1, 1),
                incremental("IgnoredMulti", 1, 1),
            ],
        )
        .detail(),
    ),
    counted(
        "UdpLite",
        line(
            "ipv4.udplite",
            "UDP-Lite packets",
            "packets/s",
            "udplite",
            5400,
            &[named("received", incremental("InDatagrams", 1, 1)), named("sent", incremental("OutDatagrams", -1, 1))],
        ),
    ),
    counted(
        "UdpLite",
        line(
            "ipv4.udplite_errors",
            "UDP-Lite packets dropped, by reason",
            "packets/s",
            "udplite",
            5410,
            &[
                incremental("RcvbufErrors", 1, 1),
                incremental("SndbufErrors", -1, 1),
                incremental("InErrors", 1, 1),
                incremental("NoPorts", 1, 1),
                incremental("InCsumErrors", 1, 1),
                incremental("IgnoredMulti", 1, 1),
            ],
        ),
    ),
];
