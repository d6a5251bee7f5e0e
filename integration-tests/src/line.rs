//! A line between this machine and another network, with a router in the middle that can lose
//! everything: no reset, no error, as a partition is.
//!
//! ```text
//! here ──veth── middle (forwards, or has blackhole routes) ──veth── far end
//! ```
//!
//! Both networks are namespaces without a name, each held by a process that sleeps. When that ends,
//! however it ends, the kernel removes the namespace, its half of the line and so the other half.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::process::{self, Process};
use crate::wait::{s, until};

/// 198.18.0.0/15, the range kept for measurements between networks; a line takes eight addresses.
const RANGE: u32 = 0xc612_0000;
const LINES: u32 = 16_384;

/// A line; gone when dropped.
#[derive(Debug)]
pub struct Line {
    middle: Process,
    far: Process,
    _folder: TempDir,
}

impl Line {
    /// Makes one.
    ///
    /// # Panics
    /// When this may not be done here: it takes root.
    #[expect(clippy::new_without_default, reason = "it starts processes")]
    pub fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("tributary-line-").tempdir().expect("a temporary folder");
        let (middle, far) = (network("middle", folder.path()), network("far end", folder.path()));
        let line = Self { middle, far, _folder: folder };
        line.connect();
        line
    }

    /// The address of this machine at the near end.
    pub fn here(&self) -> Ipv4Addr {
        self.address(1)
    }

    /// The words that begin a command which runs at the far end.
    pub(crate) fn far_end(&self) -> Vec<String> {
        inside(&self.far)
    }

    /// From now on everything is lost, in both directions.
    pub fn cut(&self) {
        self.middle(&["route", "add", "blackhole", &format!("{}/32", self.address(1))]);
        self.middle(&["route", "add", "blackhole", &format!("{}/32", self.address(6))]);
    }

    /// From now on everything arrives again.
    pub fn mend(&self) {
        self.middle(&["route", "del", "blackhole", &format!("{}/32", self.address(1))]);
        self.middle(&["route", "del", "blackhole", &format!("{}/32", self.address(6))]);
    }

    fn connect(&self) {
        let name = format!("trib{}", self.middle.id());
        let (middle, far) = (self.middle.id().to_string(), self.far.id().to_string());
        ip(&[], &["link", "add", &name, "type", "veth", "peer", "name", "near", "netns", &middle]);
        self.middle(&["link", "add", "away", "type", "veth", "peer", "name", "line", "netns", &far]);
        self.up(&[], &name, 1);
        self.up(&inside(&self.middle), "near", 2);
        self.up(&inside(&self.middle), "away", 5);
        self.up(&inside(&self.far), "line", 6);
        ip(&inside(&self.far), &["link", "set", "lo", "up"]);
        ip(&inside(&self.far), &["route", "add", "default", "via", &self.address(5).to_string()]);
        ip(&[], &["route", "add", &format!("{}/32", self.address(6)), "via", &self.address(2).to_string()]);
        run(&inside(&self.middle), &["sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward"]);
    }

    fn up(&self, place: &[String], name: &str, number: u32) {
        ip(place, &["addr", "add", &format!("{}/30", self.address(number)), "dev", name]);
        ip(place, &["link", "set", name, "up"]);
    }

    fn middle(&self, words: &[&str]) {
        ip(&inside(&self.middle), words);
    }

    fn address(&self, number: u32) -> Ipv4Addr {
        Ipv4Addr::from(RANGE + self.middle.id() % LINES * 8 + number)
    }
}

/// A network of its own, for as long as the process sleeps.
fn network(name: &str, folder: &Path) -> Process {
    let program = process::program("unshare", "util-linux");
    let mut process = Process::start(
        name,
        &program,
        |command| {
            command.args(["--net", "sleep", "infinity"]);
        },
        &folder.join("output"),
    );
    let place = |id: &str| fs::read_link(format!("/proc/{id}/ns/net"));
    let own = place("self").expect("/proc is there");
    until(s(10), &format!("the network of {name}"), || {
        assert!(process.ended().is_none(), "no network namespace (it takes root): {}", process.log());
        place(&process.id().to_string()).ok().filter(|other| *other != own)
    });
    process
}

fn inside(network: &Process) -> Vec<String> {
    vec!["nsenter".to_owned(), format!("--net=/proc/{}/ns/net", network.id()), "--".to_owned()]
}

fn ip(place: &[String], words: &[&str]) {
    let program = process::program("ip", "iproute2");
    run(place, &[&[program.to_str().expect("a plain path")], words].concat());
}

fn run(place: &[String], words: &[&str]) {
    let mut all = place.iter().map(String::as_str).chain(words.iter().copied());
    let output = Command::new(all.next().expect("a program")).args(all).output().expect("iproute2 and util-linux");
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
}
