//! Charts of IPv6 and of what runs over it: which counters of `snmp6` each shows.
//!
//! A dimension's id is the kernel's name of its counter, but where that would repeat the chart's.

use crate::charts::{incremental, line, named};
use crate::kernel::counted::{Counted, counted};

/// In the order in which dashboards list them.
pub(crate) static CHARTS: &[Counted] = &[
    counted(
        "Ip6",
        line(
            "system.ipv6",
            "Data received and sent over IPv6",
            "kilobits/s",
            "network",
            502,
            &[named("received", incremental("InOctets", 8, 1000)), named("sent", incremental("OutOctets", -8, 1000))],
        )
        .area(),
    ),
    counted(
        "Ip6",
        line(
            "ipv6.packets",
            "IPv6 packets",
            "packets/s",
            "packets",
            6200,
            &[
                named("received", incremental("InReceives", 1, 1)),
                named("sent", incremental("OutRequests", -1, 1)),
                named("forwarded", incremental("OutForwDatagrams", -1, 1)),
                named("delivers", incremental("InDelivers", 1, 1)),
            ],
        ),
    ),
    counted(
        "Ip6",
        line(
            "ipv6.errors",
            "IPv6 packets dropped, by reason",
            "packets/s",
            "errors",
            6300,
            &[
                incremental("InDiscards", 1, 1),
                incremental("OutDiscards", -1, 1),
                incremental("InHdrErrors", 1, 1),
                incremental("InAddrErrors", 1, 1),
                incremental("InUnknownProtos", 1, 1),
                incremental("InTooBigErrors", 1, 1),
                incremental("InTruncatedPkts", 1, 1),
                incremental("InNoRoutes", 1, 1),
                incremental("OutNoRoutes", -1, 1),
            ],
        )
        .detail(),
    ),
    counted(
        "Udp6",
        line(
            "ipv6.udppackets",
            "UDP packets over IPv6",
            "packets/s",
            "udp6",
            6601,
            &[named("received", incremental("InDatagrams", 1, 1)), named("sent", incremental("OutDatagrams", -1, 1))],
        ),
    ),
    counted(
        "Udp6",
        line(
            "ipv6.udperrors",
            "UDP packets over IPv6 dropped, by reason",
            "events/s",
            "udp6",
            6610,
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
        "Ip6",
        line(
            "ipv6.mcast",
            "Data received and sent to IPv6 groups",
            "kilobits/s",
            "multicast6",
            6850,
            &[
                named("received", incremental("InMcastOctets", 8, 1000)),
                named("sent", incremental("OutMcastOctets", -8, 1000)),
            ],
        )
        .area()
        .detail(),
    ),
    counted(
        "Ip6",
        line(
            "ipv6.mcastpkts",
            "Packets received and sent to IPv6 groups",
            "packets/s",
            "multicast6",
            6851,
            &[named("received", incremental("InMcastPkts", 1, 1)), named("sent", incremental("OutMcastPkts", -1, 1))],
        )
        .detail(),
    ),
    counted(
        "Icmp6",
        line(
            "ipv6.icmp",
            "ICMPv6 messages",
            "messages/s",
            "icmp6",
            6900,
            &[named("received", incremental("InMsgs", 1, 1)), named("sent", incremental("OutMsgs", -1, 1))],
        ),
    ),
    counted(
        "Ip6",
        line(
            "ipv6.fragsout",
            "IPv6 packets cut for sending",
            "packets/s",
            "fragments6",
            6401,
            &[
                named("ok", incremental("FragOKs", 1, 1)),
                named("failed", incremental("FragFails", -1, 1)),
                named("all", incremental("FragCreates", 1, 1)),
            ],
        )
        .detail(),
    ),
    counted(
        "Ip6",
        line(
            "ipv6.fragsin",
            "IPv6 packets put together",
            "packets/s",
            "fragments6",
            6402,
            &[
                named("ok", incremental("ReasmOKs", 1, 1)),
                named("failed", incremental("ReasmFails", -1, 1)),
                named("timeout", incremental("ReasmTimeout", -1, 1)),
                named("all", incremental("ReasmReqds", 1, 1)),
            ],
        )
        .detail(),
    ),
    counted(
        "UdpLite6",
        line(
            "ipv6.udplitepackets",
            "UDP-Lite packets over IPv6",
            "packets/s",
            "udplite6",
            6701,
            &[named("received", incremental("InDatagrams", 1, 1)), named("sent", incremental("OutDatagrams", -1, 1))],
        ),
    ),
    counted(
        "UdpLite6",
        line(
            "ipv6.udpliteerrors",
            "UDP-Lite packets over IPv6 dropped, by reason",
            "events/s",
            "udplite6",
            6710,
            &[
                incremental("RcvbufErrors", 1, 1),
                incremental("SndbufErrors", -1, 1),
                incremental("InErrors", 1, 1),
                incremental("NoPorts", 1, 1),
                incremental("InCsumErrors", 1, 1),
            ],
        )
        .detail(),
    ),
    counted(
        "Ip6",
        line(
            "ipv6.bcast",
            "Data received and sent to everybody over IPv6",
            "kilobits/s",
            "broadcast6",
            6840,
            &[
                named("received", incremental("InBcastOctets", 8, 1000)),
                named("sent", incremental("OutBcastOctets", -8, 1000)),
            ],
        )
        .area()
        .detail(),
    ),
    counted(
        "Icmp6",
        line(
            "ipv6.icmpredir",
            "ICMPv6 redirects",
            "redirects/s",
            "icmp6",
            6910,
            &[named("received", incremental("InRedirects", 1, 1)), named("sent", incremental("OutRedirects", -1, 1))],
        ),
    ),
    counted(
        "Icmp6",
        line(
            "ipv6.icmperrors",
            "ICMPv6 errors",
            "errors/s",
            "icmp6",
            6920,
            &[
                incremental("InErrors", 1, 1),
                incremental("OutErrors", -1, 1),
                incremental("InCsumErrors", 1, 1),
                incremental("InDestUnreachs", 1, 1),
                incremental("InPktTooBigs", 1, 1),
                incremental("InTimeExcds", 1, 1),
                incremental("InParmProblems", 1, 1),
                incremental("OutDestUnreachs", -1, 1),
                incremental("OutPktTooBigs", -1, 1),
                incremental("OutTimeExcds", -1, 1),
                incremental("OutParmProblems", -1, 1),
            ],
        ),
    ),
    counted(
        "Icmp6",
        line(
            "ipv6.icmpechos",
            "ICMPv6 echoes",
            "messages/s",
            "icmp6",
            6930,
            &[
                incremental("InEchos", 1, 1),
                incremental("OutEchos", -1, 1),
                incremental("InEchoReplies", 1, 1),
                incremental("OutEchoReplies", -1, 1),
            ],
        ),
    ),
    counted(
        "Icmp6",
        line(
            "ipv6.groupmemb",
            "ICMPv6 group membership",
            "messages/s",
            "icmp6",
            6940,
            &[
                incremental("InQueries", 1, 1),
                incremental("OutQueries", -1, 1),
                incremental("InResponses", 1, 1),
                incremental("OutResponses", -1, 1),
                incremental("InReductions", 1, 1),
                incremental("OutReductions", -1, 1),
            ],
        ),
    )
    .from(&[
        ("InQueries", "Icmp6", "InGroupMembQueries"),
        ("OutQueries", "Icmp6", "OutGroupMembQueries"),
        ("InResponses", "Icmp6", "InGroupMembResponses"),
        ("OutResponses", "Icmp6", "OutGroupMembResponses"),
        ("InReductions", "Icmp6", "InGroupMembReductions"),
        ("OutReductions", "Icmp6", "OutGroupMembReductions"),
    ]),
    counted(
        "Icmp6",
        line(
            "ipv6.icmprouter",
            "ICMPv6 messages of routers",
            "messages/s",
            "icmp6",
            6950,
            &[
                incremental("InSolicits", 1, 1),
                incremental("OutSolicits", -1, 1),
                incremental("InAdvertisements", 1, 1),
                incremental("OutAdvertisements", -1, 1),
            ],
        ),
    )
    .from(&[
        ("InSolicits", "Icmp6", "InRouterSolicits"),
        ("OutSolicits", "Icmp6", "OutRouterSolicits"),
        ("InAdvertisements", "Icmp6", "InRouterAdvertisements"),
        ("OutAdvertisements", "Icmp6", "OutRouterAdvertisements"),
    ]),
    counted(
        "Icmp6",
        line(
            "ipv6.icmpneighbor",
            "ICMPv6 messages of neighbours",
            "messages/s",
            "icmp6",
            6960,
            &[
                incremental("InSolicits", 1, 1),
                incremental("OutSolicits", -1, 1),
                incremental("InAdvertisements", 1, 1),
                incremental("OutAdvertisements", -1, 1),
            ],
        ),
    )
    .from(&[
        ("InSolicits", "Icmp6", "InNeighborSolicits"),
        ("OutSolicits", "Icmp6", "OutNeighborSolicits"),
        ("InAdvertisements", "Icmp6", "InNeighborAdvertisements"),
        ("OutAdvertisements", "Icmp6", "OutNeighborAdvertisements"),
    ]),
    counted(
        "Icmp6",
        line(
            "ipv6.icmpmldv2",
            "Reports of listeners to groups",
            "reports/s",
            "icmp6",
            6970,
            &[
                named("received", incremental("InMLDv2Reports", 1, 1)),
                named("sent", incremental("OutMLDv2Reports", -1, 1)),
            ],
        ),
    ),
    counted(
        "Icmp6",
        line(
            "ipv6.icmptypes",
            "ICMPv6 messages by type",
            "messages/s",
            "icmp6",
            6980,
            &[
                incremental("InType1", 1, 1),
                incremental("InType128", 1, 1),
                incremental("InType129", 1, 1),
                incremental("InType136", 1, 1),
                incremental("OutType1", -1, 1),
                incremental("OutType128", -1, 1),
                incremental("OutType129", -1, 1),
                incremental("OutType133", -1, 1),
                incremental("OutType135", -1, 1),
                incremental("OutType143", -1, 1),
            ],
        ),
    ),
    counted(
        "Ip6",
        line(
            "ipv6.ect",
            "IPv6 packets by their notice of congestion",
            "packets/s",
            "packets",
            6210,
            &[
                incremental("InNoECTPkts", 1, 1),
                incremental("InECT1Pkts", 1, 1),
                incremental("InECT0Pkts", 1, 1),
                incremental("InCEPkts", 1, 1),
            ],
        ),
    ),
];
