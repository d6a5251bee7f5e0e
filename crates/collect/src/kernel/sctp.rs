//! `/proc/net/sctp/snmp`: what the stream control protocol counts.
//!
//! ```text
//! SctpCurrEstab                   3        a name and a value per line
//! ```

use std::io;
use std::path::Path;

use row::Now;

use crate::charts::{Batch, Owner, absolute, incremental, line, named};
use crate::file::{Buffer, KeptFile};
use crate::kernel::counted::{Counted, Counters, counted};
use crate::kernel::ip::Listed;
use crate::module::{Module, ReadError};

/// The file.
pub(crate) const PATH: &str = "/proc/net/sctp/snmp";

pub(super) static CHARTS: &[Counted] = &[
    counted(
        "",
        line(
            "sctp.established",
            "Associations that are established",
            "associations",
            "associations",
            7000,
            &[named("established", absolute("SctpCurrEstab", 1, 1))],
        ),
    ),
    counted(
        "",
        line(
            "sctp.transitions",
            "Associations that were opened and ended",
            "transitions/s",
            "transitions",
            7010,
            &[
                named("active", incremental("SctpActiveEstabs", 1, 1)),
                named("passive", incremental("SctpPassiveEstabs", 1, 1)),
                named("aborted", incremental("SctpAborteds", -1, 1)),
                named("shutdown", incremental("SctpShutdowns", -1, 1)),
            ],
        ),
    ),
    counted(
        "",
        line(
            "sctp.packets",
            "Packets received and sent",
            "packets/s",
            "packets",
            7020,
            &[
                named("received", incremental("SctpInSCTPPacks", 1, 1)),
                named("sent", incremental("SctpOutSCTPPacks", -1, 1)),
            ],
        )
        .detail(),
    ),
    counted(
        "",
        line(
            "sctp.packet_errors",
            "Packets with errors",
            "packets/s",
            "packets",
            7030,
            &[
                named("invalid", incremental("SctpOutOfBlues", 1, 1)),
                named("checksum", incremental("SctpChecksumErrors", 1, 1)),
            ],
        )
        .detail(),
    ),
    counted(
        "",
        line(
            "sctp.fragmentation",
            "Messages taken apart and put together",
            "packets/s",
            "fragmentation",
            7040,
            &[
                named("reassembled", incremental("SctpReasmUsrMsgs", 1, 1)),
                named("fragmented", incremental("SctpFragUsrMsgs", -1, 1)),
            ],
        )
        .detail(),
    ),
    counted(
        "",
        line(
            "sctp.chunks",
            "Chunks received and sent",
            "chunks/s",
            "chunks",
            7050,
            &[
                named("InCtrl", incremental("SctpInCtrlChunks", 1, 1)),
                named("InOrder", incremental("SctpInOrderChunks", 1, 1)),
                named("InUnorder", incremental("SctpInUnorderChunks", 1, 1)),
                named("OutCtrl", incremental("SctpOutCtrlChunks", -1, 1)),
                named("OutOrder", incremental("SctpOutOrderChunks", -1, 1)),
                named("OutUnorder", incremental("SctpOutUnorderChunks", -1, 1)),
            ],
        )
        .detail(),
    ),
];

/// Reads the file.
pub(crate) struct Sctp {
    file: KeptFile,
    listed: Listed,
    counters: Counters,
    owner: Owner,
}

impl Sctp {
    /// Opens the file under `root`.
    pub(crate) fn open(root: &Path, update_every_s: u32) -> io::Result<Self> {
        Ok(Self {
            file: KeptFile::open(root, PATH)?,
            listed: Listed::default(),
            counters: Counters::new(CHARTS),
            owner: Owner::machine(PATH, update_every_s),
        })
    }
}

impl Module for Sctp {
    fn name(&self) -> &'static str {
        PATH
    }

    fn read(&mut self, buffer: &mut Buffer, _now: Now) -> Result<(), ReadError> {
        self.counters.begin();
        match self.listed.parse(self.file.read(buffer)?, &mut self.counters) {
            0 => Err(ReadError::Expected("SctpCurrEstab and its like")),
            _ => Ok(()),
        }
    }

    fn write(&mut self, batch: &mut Batch<'_>) {
        self.counters.write(batch, &self.owner, &self.owner);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REAL: &[u8] = include_bytes!("../../tests/files/sctp-snmp.txt");

    /// A real file has all counters; changed ones do not panic.
    #[test]
    fn real_and_mutated_files() {
        let (mut counters, mut listed) = (Counters::new(CHARTS), Listed::default());
        assert_eq!(listed.parse(REAL, &mut counters), 17);
        assert_eq!(counters.value("", "SctpCurrEstab"), 3);
        assert_eq!(counters.value("", "SctpOutUnorderChunks"), 4);
        crate::tests::mutate(REAL, |text| {
            counters.begin();
            listed.parse(text, &mut counters);
        });
    }
}
