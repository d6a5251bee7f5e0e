//! Our nodes stream to a real Netdata: it lists them, draws them, and keeps what we keep.
#![allow(clippy::unwrap_used, reason = "what helps a test is part of it")]

use std::fs;

use integration_tests::api::{Data, Host, Window};
use integration_tests::peer::netdata::{self, Netdata};
use integration_tests::wait::{now_s, s, until};
use integration_tests::{API_KEY, agreement, node};

fn quiet_parent(hostname: &str) -> Netdata {
    netdata::named(hostname).plugins(&[]).compression(true).accepts(API_KEY).start()
}

/// Goal: a Netdata parent lists our collector and shows true values of this machine.
#[test]
fn collector() {
    let parent = quiet_parent("collector-parent");
    let collector = node::collector("own-collector").sends_to(parent.address(), API_KEY).start();
    let host = parent.api().host("own-collector");
    until(s(20), "the parent to list the collector", || {
        parent.api().hosts().contains(&"own-collector".to_owned()).then_some(())
    });
    collector.wait_for_log(0, &["STREAM", "own-collector", "[send to ", "sending metrics compressed with LZ4"], s(10));

    let start = agreement::first_row(&host, "system.cpu") + 3;
    agreement::goes_on(&host, "system.cpu", 12);
    let window = Window { after: start, before: start + 8 };
    cpu_is_all_there(&host.data("system.cpu", window));
    memory_is_that_of_this_machine(&host, window);
    load_is_that_of_this_machine(&host);
    basics_are_there(&host);
}

/// The ten parts of the CPU time make 100 % in every second.
fn cpu_is_all_there(data: &Data) {
    assert!(data.dimensions.contains(&"idle".to_owned()), "{:?}", data.dimensions);
    assert_eq!(data.rows.len(), 9);
    for (second, row) in &data.rows {
        let sum: f64 = row.iter().map(|value| value.unwrap_or_else(|| panic!("a gap at {second}: {row:?}"))).sum();
        assert!((sum - 100.0).abs() <= 1.0, "at {second} the CPU was {sum} %: {row:?}");
    }
}

fn memory_is_that_of_this_machine(host: &Host, window: Window) {
    let meminfo = fs::read_to_string("/proc/meminfo").unwrap();
    let total_kib: f64 = meminfo.split_whitespace().nth(1).unwrap().parse().unwrap();
    let ram = host.data("system.ram", window);
    for (second, row) in &ram.rows {
        let sum: f64 = row.iter().flatten().sum();
        assert!((sum - total_kib / 1024.0).abs() <= 2.0, "at {second} the memory was {sum} MiB of {total_kib} KiB");
    }
}

/// The newest load equals what the kernel said within the last 15 s, which may have moved a little.
fn load_is_that_of_this_machine(host: &Host) {
    until(s(20), "the load of this machine", || {
        let now = now_s();
        let data = host.try_data("system.load", Window { after: now - 15, before: now }).ok()?;
        let newest = data.column("load15")?.into_iter().rev().find_map(|(_, value)| value)?;
        let real: f64 = fs::read_to_string("/proc/loadavg").ok()?.split(' ').nth(2)?.parse().ok()?;
        ((newest - real).abs() < 0.05).then_some(())
    });
}

fn basics_are_there(host: &Host) {
    let charts = host.charts();
    for id in ["system.io", "system.processes", "system.forks", "system.ctxt", "system.intr", "system.uptime"] {
        assert!(charts.contains_key(id), "{id} is not among {:?}", charts.keys());
    }
    assert!(charts.keys().any(|id| id.starts_with("cpu.cpu")), "no core among {:?}", charts.keys());
    assert!(charts.len() >= 12, "only {:?}", charts.keys());
}
