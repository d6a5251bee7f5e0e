//! The description of the API, held against real answers: those of a master with a host that streams to it.
//!
//! `openapi/check.py` does it, with validators of JSON schemas and of OpenAPI that are not ours.

use std::path::PathBuf;
use std::process::Command;

use integration_tests::peer::scripted::Scripted;
use integration_tests::wait::{s, until};
use integration_tests::{API_KEY, node, port, workspace};

const HOST: &str = "described-child";
const GUID: &str = "dddddddd-2222-2222-3333-444444444444";
/// A chart whose texts are as bad as a child can send them.
const CHART: &str = "CHART some.chart '' '<script>alert(1)</script> \"' '<u> %' 'a&b' some.context stacked 1 1 '' p m\n\
    DIMENSION a '' absolute 1 1\nDIMENSION b '<i> \\ b' incremental 1 10\n";

/// Where `make peers` puts what is not of Debian.
fn python() -> PathBuf {
    let python = workspace().join("target/python/bin/python");
    assert!(python.is_file(), "{} is not there: run `make peers` first", python.display());
    python
}

/// Goal: the description is one of OpenAPI, every call is asked, every answer is as described, and a wrong one
/// would not be.
#[test]
fn answers_are_as_described() {
    let master = node::master("described")
        .set("backend.away.type", "json")
        .set("backend.away.destination", &format!("127.0.0.1:{}", port::free()))
        .accepts(API_KEY)
        .start();
    let (address, api) = (master.address(), master.api());
    let mut child = Scripted::connect(address, API_KEY, HOST, GUID).expect("the node takes a child");
    child.send(CHART).expect("the child is connected");
    let mut value = 0;
    until(s(40), "rows of both hosts, alarms, and an entry of their log", || {
        value += 1;
        let row = format!("BEGIN some.chart 1000000\nSET a = {value}\nSET b = {value}\nEND\n");
        child.send(&row).expect("the child is connected");
        integration_tests::wait::pass(s(1));
        let is_full = |path: &str| api.get(path).body.len() > 300;
        let has_rows = api.host(HOST).last_entry("some.chart").is_some() && value > 4;
        (has_rows && is_full("/api/v1/alarms?all") && is_full("/api/v1/alarm_log")).then_some(())
    });
    let files = workspace().join("integration-tests/tests/openapi");
    let output = Command::new(python())
        .arg(files.join("check.py"))
        .args([&address.to_string(), HOST, &master.management_key()])
        .arg(files.join("requests.txt"))
        .output()
        .expect("python of the peers");
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(output.status.success(), "{said}");
}
