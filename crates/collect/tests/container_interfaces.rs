//! A real container's interface: a control group whose process is in another network, with a pair of interfaces.
//!
//! Needs root, `ip` (iproute2) and a machine that lets control groups and networks be made, so it runs where it is asked
//! for: `cargo test -p collect --test container_interfaces -- --ignored`.

#![expect(clippy::unwrap_used, reason = "what a test relies on ends it where it fails")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use collect::{Collector, Config};
use row::{ChartOptions, Guid, Now};
use rrd_store::{FeedKind, HostInfo, Keep, MemoryMode, Store};

/// A network with a process in it, and the group of that; all end with the test.
struct Container {
    name: String,
    group: PathBuf,
    process: Option<Child>,
}

fn ip(arguments: &str) {
    let output = Command::new("ip").args(arguments.split(' ')).output().expect("iproute2 is installed");
    assert!(output.status.success(), "ip {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

impl Container {
    fn start() -> Self {
        let name = format!("trib{}", std::process::id());
        let trees = ["", "memory", "cpuacct", "cpu,cpuacct"].map(|tree| Path::new("/sys/fs/cgroup").join(tree));
        let tree = trees.iter().find(|tree| tree.join("cgroup.procs").exists()).expect("control groups are mounted");
        let mut container = Self { group: tree.join(&name), name, process: None };
        let Self { name, group, .. } = &container;
        fs::create_dir(group).unwrap();
        ip(&format!("netns add {name}"));
        ip(&format!("link add {name}v type veth peer name eth7 netns {name}"));
        ip(&format!("-n {name} link set eth7 up"));
        ip(&format!("link set {name}v up"));
        ip(&format!("-n {name} addr add 169.254.77.2/30 dev eth7"));
        ip(&format!("addr add 169.254.77.1/30 dev {name}v"));
        let mut command = Command::new("ip");
        command.args(["netns", "exec", name, "sleep", "60"]).stdout(Stdio::null());
        let process = command.spawn().unwrap();
        fs::write(group.join("cgroup.procs"), process.id().to_string()).unwrap();
        container.process = Some(process);
        container
    }

    /// Sends a packet each way.
    fn speak(&self) {
        let from = std::net::UdpSocket::bind("169.254.77.1:0").unwrap();
        from.send_to(b"hello", "169.254.77.2:9").unwrap();
    }

    /// What the end here has received so far.
    fn received(&self) -> i64 {
        let path = format!("/sys/class/net/{}v/statistics/rx_bytes", self.name);
        fs::read_to_string(path).unwrap().trim().parse().unwrap()
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            drop(process.kill());
            drop(process.wait());
        }
        drop(Command::new("ip").args(["link", "del", &format!("{}v", self.name)]).output());
        drop(Command::new("ip").args(["netns", "del", &self.name]).output());
        drop(fs::remove_dir(&self.group));
    }
}

/// Goal: the interface is shown with the container by the name that it has inside, as seen from there, and not among
/// those of the machine, from the first row on.
#[test]
#[ignore = "needs root, ip and control groups"]
fn an_interface_is_shown_with_its_container() {
    let container = Container::start();
    let info = HostInfo { hostname: "here".to_owned(), hops: 0, ..HostInfo::unknown(Guid::from_bytes([1; 16])) };
    let host = Store::new().add(&info, Keep::new(MemoryMode::Ram, 120));
    let mut feed = host.claim(FeedKind::Local, info);
    let mut collector = Collector::new(Config::default());
    let mut tick = |second: i64| {
        let now = Now { wall_us: (1_700_000_000 + second) * 1_000_000, mono_us: second.cast_unsigned() * 1_000_000 };
        collector.tick(now, &mut feed);
    };
    container.speak();
    tick(1);
    container.speak();
    let before = container.received();
    tick(2);
    let after = container.received();
    let chart = format!("cgroup_{}.net_eth7", container.name);
    host.read(|host| {
        let all: Vec<_> = host.charts().map(|chart| chart.id().to_owned()).collect();
        let shown = host.find_chart(&chart).unwrap_or_else(|| panic!("no {chart} in {all:?}"));
        assert_eq!(shown.definition().context, "cgroup.net_net");
        let sent = shown.dimension_state(1).unwrap().collected;
        assert!((before..=after).contains(&sent), "{sent} bytes left the container, between {before} and {after}");
        let here = format!(".{}v", container.name);
        assert!(!all.iter().any(|id| id.ends_with(&here)), "it is among those of the machine, too: {all:?}");
    });
    drop(container);
    (3..30).for_each(&mut tick);
    host.read(|host| {
        let options = host.find_chart(&chart).unwrap().definition().options;
        assert!(options.has(ChartOptions::OBSOLETE), "what is gone has no charts");
    });
}
