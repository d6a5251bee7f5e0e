//! The charts of the network file system, client and server, and which numbers they show.
//!
//! Procedures are numbered by the protocol (versions 2 and 3, and the operations of version 4), or by
//! the kernel (the client's calls of version 4), which only ever adds some at the end.

use crate::charts::{Form, absolute, incremental, line};

/// A chart of some numbers of a line.
pub(super) struct Shown {
    /// How the line begins.
    pub line: &'static str,
    /// Which numbers, from 0, are the chart's dimensions.
    pub numbers: &'static [usize],
    /// The chart.
    pub form: Form,
}

/// A chart of a line that counts the calls of each procedure, after how many procedures there are.
pub(super) struct Called {
    /// How the line begins.
    pub line: &'static str,
    /// The procedures in their order, with blanks between: one text takes less memory than many.
    pub names: &'static str,
    /// The chart.
    pub form: Form,
}

/// What is shown of a file.
pub(super) struct Table {
    /// Charts of some numbers.
    pub shown: &'static [Shown],
    /// Charts of calls.
    pub called: &'static [Called],
}

pub(super) static CLIENT: Table = Table {
    shown: &[
        Shown {
            line: "net",
            numbers: &[1, 2],
            form: line(
                "nfs.net",
                "Operations of the client by protocol",
                "operations/s",
                "network",
                2307,
                &[incremental("udp", 1, 1), incremental("tcp", 1, 1)],
            )
            .stacked()
            .detail(),
        },
        Shown {
            line: "rpc",
            numbers: &[0, 1, 2],
            form: line(
                "nfs.rpc",
                "Calls of the client",
                "calls/s",
                "rpc",
                2308,
                &[incremental("calls", 1, 1), incremental("retransmits", -1, 1), incremental("auth_refresh", -1, 1)],
            )
            .detail(),
        },
    ],
    called: &[
        called("proc2", PROCEDURES_2, calls("nfs.proc2", "Calls of the client, version 2", "nfsv2rpc", 2309)),
        called("proc3", PROCEDURES_3, calls("nfs.proc3", "Calls of the client, version 3", "nfsv3rpc", 2310)),
        called("proc4", CLIENT_4, calls("nfs.proc4", "Calls of the client, version 4", "nfsv4rpc", 2311)),
    ],
};

pub(super) static SERVER: Table = Table {
    shown: &[
        Shown {
            line: "rc",
            numbers: &[0, 1, 2],
            form: line(
                "nfsd.readcache",
                "Requests that were answered before",
                "reads/s",
                "cache",
                2200,
                &[incremental("hits", 1, 1), incremental("misses", 1, 1), incremental("nocache", 1, 1)],
            )
            .stacked(),
        },
        Shown {
            line: "fh",
            numbers: &[0],
            form: line(
                "nfsd.filehandles",
                "Handles of files that are no more",
                "handles/s",
                "filehandles",
                2201,
                &[incremental("stale", 1, 1)],
            )
            .detail(),
        },
        Shown {
            line: "io",
            numbers: &[0, 1],
            form: line(
                "nfsd.io",
                "Data that clients read and wrote",
                "kilobytes/s",
                "io",
                2202,
                &[incremental("read", 1, 1000), incremental("write", -1, 1000)],
            )
            .area(),
        },
        Shown {
            line: "th",
            numbers: &[0],
            form: line(
                "nfsd.threads",
                "Threads of the server",
                "threads",
                "threads",
                2203,
                &[absolute("threads", 1, 1)],
            ),
        },
        Shown {
            line: "net",
            numbers: &[1, 2],
            form: line(
                "nfsd.net",
                "Packets of the server by protocol",
                "packets/s",
                "network",
                2207,
                &[incremental("udp", 1, 1), incremental("tcp", 1, 1)],
            )
            .stacked()
            .detail(),
        },
        Shown {
            line: "rpc",
            numbers: &[0, 2, 3],
            form: line(
                "nfsd.rpc",
                "Calls of the server",
                "calls/s",
                "rpc",
                2208,
                &[incremental("calls", 1, 1), incremental("bad_format", -1, 1), incremental("bad_auth", -1, 1)],
            )
            .detail(),
        },
    ],
    called: &[
        called("proc2", PROCEDURES_2, calls("nfsd.proc2", "Calls of the server, version 2", "nfsv2rpc", 2209)),
        called("proc3", PROCEDURES_3, calls("nfsd.proc3", "Calls of the server, version 3", "nfsv3rpc", 2210)),
        called("proc4", SERVER_4, calls("nfsd.proc4", "Calls of the server, version 4", "nfsv4rpc", 2211)),
        called(
            "proc4ops",
            OPERATIONS_4,
            line("nfsd.proc4ops", "Operations of the server, version 4", "operations/s", "nfsv4ops", 2212, &[])
                .stacked(),
        ),
    ],
};

const fn called(line: &'static str, names: &'static str, form: Form) -> Called {
    Called { line, names, form }
}

impl Called {
    /// The procedures in their order.
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> + Clone {
        self.names.split(' ')
    }
}

const fn calls(id: &'static str, title: &'static str, family: &'static str, priority: i32) -> Form {
    line(id, title, "calls/s", family, priority, &[]).stacked()
}

const PROCEDURES_2: &str = "null getattr setattr root lookup readlink read wrcache write create remove rename link symlink \
    mkdir rmdir readdir fsstat";
const PROCEDURES_3: &str = "null getattr setattr lookup access readlink read write create mkdir symlink mknod remove rmdir \
    rename link readdir readdirplus fsstat fsinfo pathconf commit";
const CLIENT_4: &str = "null read write commit open open_conf open_noat open_dgrd close setattr fsinfo renew setclntid \
    confirm lock lockt locku access getattr lookup lookup_root remove rename link symlink create \
    pathconf statfs readlink readdir server_caps delegreturn getacl setacl fs_locations rel_lkowner \
    secinfo fsid_present exchange_id create_session destroy_session sequence get_lease_time \
    reclaim_comp layoutget getdevinfo layoutcommit layoutreturn secinfo_no test_stateid \
    free_stateid getdevicelist bind_conn_to_ses destroy_clientid seek allocate deallocate \
    layoutstats clone copy offload_cancel lookupp layouterror copy_notify getxattr setxattr \
    listxattrs removexattr read_plus";
/// All that version 4 wants is wrapped in one call.
const SERVER_4: &str = "null compound";
const OPERATIONS_4: &str = "unused_op0 unused_op1 future_op2 access close commit create delegpurge delegreturn getattr \
    getfh link lock lockt locku lookup lookup_root nverify open openattr open_confirm \
    open_downgrade putfh putpubfh putrootfh read readdir readlink remove rename renew restorefh \
    savefh secinfo setattr setclientid setclientid_confirm verify write release_lockowner \
    backchannel_ctl bind_conn_to_session exchange_id create_session destroy_session free_stateid \
    get_dir_delegation getdeviceinfo getdevicelist layoutcommit layoutget layoutreturn \
    secinfo_no_name sequence set_ssv test_stateid want_delegation destroy_clientid reclaim_complete \
    allocate copy copy_notify deallocate ioadvise layouterror layoutstats offload_cancel \
    offload_status read_plus seek write_same clone getxattr setxattr listxattrs removexattr";
