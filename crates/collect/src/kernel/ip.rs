//! `/proc/net/netstat`, `/proc/net/snmp` and `/proc/net/snmp6`: what the protocols of the internet
//! count.
//!
//! All three give values of one table each; which charts are made of them stands there. A kernel
//! without IPv6 has no third file, and its charts are left out.

use std::io;
use std::path::Path;

use row::Now;

use super::{ip_charts, ip6_charts};
use crate::charts::{Batch, Owner};
use crate::file::{Buffer, KeptFile};
use crate::kernel::counted::{Counters, Slot};
use crate::kernel::headed::Headed;
use crate::module::{Module, ReadError};
use crate::scan::{Words, lines};

/// The file that names the module; the other two lie beside it.
pub(crate) const PATH: &str = "/proc/net/netstat";
/// The most lines of `snmp6` that are looked at.
const LINES_MAX: usize = 1024;

/// Reads the three files.
pub(crate) struct Ip {
    extended: (KeptFile, Headed),
    basic: Option<(KeptFile, Headed)>,
    file6: Option<(KeptFile, Listed)>,
    counters: Counters,
    counters6: Counters,
    owner: Owner,
    /// The most TCP connections, where there is a limit: -1 says that there is none.
    connections_max: Option<i64>,
    connections_max_told: Option<i64>,
}

impl Ip {
    /// Opens the files under `root`.
    pub(crate) fn open(root: &Path, update_every_s: u32) -> io::Result<Self> {
        let beside = |path| KeptFile::open(root, path).ok();
        Ok(Self {
            extended: (KeptFile::open(root, PATH)?, Headed::default()),
            basic: beside("/proc/net/snmp").map(|file| (file, Headed::default())),
            file6: beside("/proc/net/snmp6").map(|file| (file, Listed::default())),
            counters: Counters::new(ip_charts::CHARTS),
            counters6: Counters::new(ip6_charts::CHARTS),
            owner: Owner::machine(PATH, update_every_s),
            connections_max: None,
            connections_max_told: None,
        })
    }
}

impl Module for Ip {
    fn name(&self) -> &'static str {
        PATH
    }

    fn read(&mut self, buffer: &mut Buffer, _now: Now) -> Result<(), ReadError> {
        self.counters.begin();
        let mut pairs = self.extended.1.parse(self.extended.0.read_record(buffer)?, &mut self.counters);
        if let Some((file, headed)) = &mut self.basic {
            let text = file.read_record(buffer)?;
            pairs += headed.parse(text, &mut self.counters);
            self.connections_max = connections_max(text);
        }
        if let Some((file, listed)) = &mut self.file6 {
            self.counters6.begin();
            listed.parse(file.read_record(buffer)?, &mut self.counters6);
        }
        if pairs == 0 { Err(ReadError::Expected("lines of names and lines of their values")) } else { Ok(()) }
    }

    fn write(&mut self, batch: &mut Batch<'_>) {
        self.counters.write(batch, &self.owner, &self.owner);
        self.counters6.write(batch, &self.owner, &self.owner);
        if let Some(limit) = self.connections_max
            && self.connections_max_told != self.connections_max
        {
            self.connections_max_told = self.connections_max;
            batch.host_variable("tcp_max_connections", limit as f64);
        }
    }
}

/// The fourth number of TCP, at the same place in every kernel (RFC 1213 orders the first ones).
fn connections_max(text: &[u8]) -> Option<i64> {
    let values = lines(text).filter(|line| line.starts_with(b"Tcp: ")).nth(1)?;
    crate::scan::signed(Words::new(values).nth(4)?)
}

/// A file of a name and a value per line, in an order that hardly ever changes.
#[derive(Debug, Default)]
pub(super) struct Listed(Vec<(Vec<u8>, Option<Slot>)>);

impl Listed {
    /// Sets what `text` says of the counters; returns how many of them it has.
    pub(super) fn parse(&mut self, text: &[u8], counters: &mut Counters) -> usize {
        let mut found = 0;
        for (at, line) in lines(text).take(LINES_MAX).enumerate() {
            let mut words = Words::new(line);
            let Some(name) = words.next() else { continue };
            if self.0.get(at).is_none_or(|(known, _)| known != name) {
                self.0.truncate(at);
                // A line of blanks has no name: places before this one may be missing.
                self.0.resize(at, (Vec::new(), None));
                self.0.push((name.to_vec(), counters.slot_of_whole(name)));
            }
            if let Some((_, Some(slot))) = self.0.get(at) {
                counters.set(*slot, words.number().unwrap_or(0));
                found += 1;
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NETSTAT: &[u8] = include_bytes!("../../tests/files/netstat.txt");
    const SNMP: &[u8] = include_bytes!("../../tests/files/snmp.txt");
    const SNMP6: &[u8] = include_bytes!("../../tests/files/snmp6.txt");

    /// Real files give each counter its value.
    #[test]
    fn real_files() {
        let mut counters = Counters::new(ip_charts::CHARTS);
        assert_eq!(Headed::default().parse(NETSTAT, &mut counters), 3);
        assert_eq!(Headed::default().parse(SNMP, &mut counters), 6);
        assert_eq!(counters.value("IpExt", "InOctets"), 611_813_686);
        assert_eq!(counters.value("TcpExt", "TCPSynRetrans"), 2);
        assert_eq!(counters.value("Tcp", "CurrEstab"), 38);
        assert_eq!(counters.value("IcmpMsg", "InType3"), 1);
        assert_eq!(counters.value("Udp", "RcvbufErrors"), 10_865);
        assert_eq!(connections_max(SNMP), Some(-1));
    }

    /// The lines of IPv6 are found by their whole name, also once there are more of them.
    #[test]
    fn lines_of_ipv6() {
        let mut counters = Counters::new(ip6_charts::CHARTS);
        let mut listed = Listed::default();
        listed.parse(SNMP6, &mut counters);
        assert_eq!(counters.value("Ip6", "InReceives"), 1234);
        assert_eq!(counters.value("Icmp6", "InNeighborSolicits"), 17);
        let text = [b"Ip6New \t 5\n \nUdpLite6InDatagrams 9\n", SNMP6].concat();
        for _ in 0..2 {
            counters.begin();
            listed.parse(&text, &mut counters);
            assert_eq!(counters.value("Ip6", "InReceives"), 1234);
        }
        assert_eq!(listed.0[2].1, counters.slot(b"UdpLite6", b"InDatagrams"));
    }

    /// Whatever is changed in real files, nothing panics.
    #[test]
    fn mutations() {
        let (mut counters, mut headed) = (Counters::new(ip_charts::CHARTS), Headed::default());
        let (mut counters6, mut listed) = (Counters::new(ip6_charts::CHARTS), Listed::default());
        crate::tests::mutate(SNMP, |text| {
            headed.parse(text, &mut counters);
            connections_max(text);
        });
        crate::tests::mutate(SNMP6, |text| {
            listed.parse(text, &mut counters6);
        });
    }
}
