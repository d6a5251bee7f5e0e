//! Real Netdata 1.37.1 as child, as parent and as both × {plain, LZ4, TLS} × {with, without
//! replication} × {direct, through our headless proxy}: equal second by second.
//!
//! A test is a row of that table; its cells run side by side and are named in the output. All of
//! them exist, with two remarks. TLS carries LZ4 inside, as it would in the field. And between two
//! Netdatas *direct* is no matter of ours: `netdata_pair.rs` has that, to prove the comparison.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::fmt;
use std::net::SocketAddr;
use std::thread;

use integration_tests::API_KEY;
use integration_tests::agreement::{self, Redefined};
use integration_tests::api::Host;
use integration_tests::certificates::{Certificates, Pair};
use integration_tests::node::{self, Node, Settings};
use integration_tests::peer::netdata::{self, Netdata};
use integration_tests::traffic::Traffic;
use integration_tests::wait::s;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transport {
    Plain,
    Lz4,
    Tls,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Direct,
    Proxy,
}

#[derive(Debug, Clone, Copy)]
struct Cell {
    transport: Transport,
    replication: bool,
    way: Way,
}

const TRANSPORTS: [Transport; 3] = [Transport::Plain, Transport::Lz4, Transport::Tls];
const EITHER: [bool; 2] = [true, false];

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let replication = if self.replication { "replicated" } else { "live" };
        write!(f, "{:?}-{replication}-{:?}", self.transport, self.way)
    }
}

impl Cell {
    /// A host's name, which tells the cell.
    fn host(self, row: &str) -> String {
        format!("{row}-{self}").to_lowercase()
    }

    fn is_compressed(self) -> bool {
        self.transport != Transport::Plain
    }
}

fn cells(ways: &[Way]) -> Vec<Cell> {
    let each = |transport| EITHER.map(|replication| (transport, replication));
    let pairs: Vec<_> = TRANSPORTS.into_iter().flat_map(each).collect();
    let cell = |way: Way| pairs.iter().map(move |(transport, replication)| (way, *transport, *replication));
    let all = ways.iter().flat_map(|way| cell(*way));
    all.map(|(way, transport, replication)| Cell { transport, replication, way }).collect()
}

/// Compares all cells at the same time; each has what is taken as right, and what is compared to it.
fn compare(cells: Vec<(String, Host, Host)>, redefined: Redefined) {
    let compared: Vec<(String, bool)> = thread::scope(|scope| {
        let start = |(name, left, right): (String, Host, Host)| {
            (name, scope.spawn(move || agreement::whole(&left, &right, redefined)))
        };
        let all: Vec<_> = cells.into_iter().map(start).collect();
        all.into_iter().map(|(name, one)| (name, one.join().is_ok())).collect()
    });
    for (name, equal) in &compared {
        println!("{name}: {}", if *equal { "equal" } else { "DIFFERENT" });
    }
    assert!(compared.iter().all(|(_, equal)| *equal), "not all cells are equal: {compared:?}");
}

fn quiet(settings: Settings) -> Settings {
    settings.set("collect.enabled", "false").accepts(API_KEY)
}

/// Our node sends as the cell says, to a parent that shows this certificate.
fn sends(settings: Settings, cell: Cell, parent: SocketAddr, pair: &Pair) -> Settings {
    let settings = settings.sends_to(parent, API_KEY);
    match cell.transport {
        Transport::Plain => settings.set("stream.compression", "false"),
        Transport::Lz4 => settings,
        Transport::Tls => {
            settings.set("stream.destination", &format!("{parent}:SSL")).set("stream.ca_file", pair.certificate())
        }
    }
}

fn netdata_child(name: &str, cell: Cell, parent: SocketAddr, pair: &Pair) -> Netdata {
    let child = netdata::named(name).compression(cell.is_compressed()).replication(cell.replication);
    let child = child.sends_to(parent, API_KEY);
    if cell.transport == Transport::Tls { child.trusts(&pair.certificate).start() } else { child.start() }
}

/// A Netdata parent for each kind of cell: one that has a certificate does not let plain children
/// stream, whatever it says of TLS being optional.
struct Parents([[Netdata; 2]; 2]);

impl Parents {
    fn start(row: &str, pair: &Pair) -> Self {
        let start = |tls: bool, replication: bool| {
            let parent = netdata::named(&format!("{row}-parent-{tls}-{replication}")).plugins(&[]).compression(true);
            let parent = parent.replication(replication).accepts(API_KEY);
            if tls { parent.shows(pair).start() } else { parent.start() }
        };
        Self(EITHER.map(|tls| EITHER.map(|replication| start(tls, replication))))
    }

    fn of(&self, cell: Cell) -> &Netdata {
        &self.0[usize::from(cell.transport != Transport::Tls)][usize::from(!cell.replication)]
    }
}

fn certificate(place: &Certificates) -> Pair {
    place.by_openssl("parent", "DNS:localhost,IP:127.0.0.1")
}

/// Both logs tell what the cell is.
fn told(cell: Cell, name: &str, parent: &Node) {
    let words = match cell.transport {
        Transport::Plain => "as plain text",
        Transport::Lz4 => "compressed with LZ4",
        Transport::Tls => "TLS 1.",
    };
    parent.wait_for_log(0, &["STREAM", name, "[receive from ", words], s(10));
}

/// Goal: what a Netdata child keeps is what our master keeps of it.
#[test]
fn netdata_child_to_our_master() {
    let (_traffic, place) = (Traffic::start(), Certificates::new());
    let pair = certificate(&place);
    let master = quiet(node::master("cm-master")).shows(&pair).start();
    let proxy = quiet(node::proxy("cm-proxy")).set("global.memory_mode", "none").shows(&pair);
    let proxy = proxy.sends_to(master.address(), API_KEY).start();
    let cells = cells(&[Way::Direct, Way::Proxy]);
    let parent = |cell: &Cell| if cell.way == Way::Direct { &master } else { &proxy };
    let start = |cell: &Cell| netdata_child(&cell.host("cm"), *cell, parent(cell).address(), &pair);
    let children: Vec<Netdata> = cells.iter().map(start).collect();
    let pairs = cells.iter().zip(&children).map(|(cell, child)| {
        let name = cell.host("cm");
        (name.clone(), child.host(), master.api().host(&name))
    });
    compare(pairs.collect(), Redefined::Compared);
    cells.iter().for_each(|cell| told(*cell, &cell.host("cm"), parent(cell)));
}

/// Goal: what our node keeps of its own host is what a Netdata parent keeps of it.
#[test]
fn our_node_to_netdata_parent() {
    let (_traffic, place) = (Traffic::start(), Certificates::new());
    let pair = certificate(&place);
    let parents = Parents::start("np", &pair);
    let (cells, mut between) = (cells(&[Way::Direct, Way::Proxy]), Vec::new());
    let mut start = |cell: &Cell| {
        let parent = parents.of(*cell).address();
        let own = node::proxy(&cell.host("np")).set("global.memory_mode", "ram");
        if cell.way == Way::Direct {
            return sends(own, *cell, parent, &pair).start();
        }
        let proxy = quiet(node::proxy(&format!("np-proxy-{cell}"))).set("global.memory_mode", "none");
        let proxy = sends(proxy, *cell, parent, &pair).start();
        let own = own.sends_to(proxy.address(), API_KEY).start();
        between.push(proxy);
        own
    };
    let nodes: Vec<Node> = cells.iter().map(&mut start).collect();
    let pairs = cells.iter().zip(&nodes).map(|(cell, node)| {
        let parent = parents.of(*cell);
        let name = cell.host("np");
        (name.clone(), node.host(), parent.api().host(&name))
    });
    compare(pairs.collect(), Redefined::LeftOut);
}

/// Goal: our proxy is invisible between a Netdata child and a Netdata parent.
#[test]
fn netdata_child_to_netdata_parent() {
    let (_traffic, place) = (Traffic::start(), Certificates::new());
    let pair = certificate(&place);
    let parents = Parents::start("nn", &pair);
    let cells = cells(&[Way::Proxy]);
    let start = |cell: &Cell| {
        let proxy = quiet(node::proxy(&format!("nn-proxy-{cell}"))).set("global.memory_mode", "none").shows(&pair);
        let parent = parents.of(*cell).address();
        let proxy = sends(proxy, *cell, parent, &pair).start();
        let child = netdata_child(&cell.host("nn"), *cell, proxy.address(), &pair);
        (proxy, child)
    };
    let chains: Vec<(Node, Netdata)> = cells.iter().map(start).collect();
    let pairs = cells.iter().zip(&chains).map(|(cell, (_, child))| {
        let parent = parents.of(*cell);
        let name = cell.host("nn");
        (name.clone(), child.host(), parent.api().host(&name))
    });
    compare(pairs.collect(), Redefined::LeftOut);
    cells.iter().zip(&chains).for_each(|(cell, (proxy, _))| told(*cell, &cell.host("nn"), proxy));
}
