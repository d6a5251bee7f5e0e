//! What a connected child costs in memory while it has nothing to say, and what a codec adds.

use std::io::Write;
use std::net::TcpStream;

use integration_tests::API_KEY;
use integration_tests::node::{self, Node};
use integration_tests::wait::{s, until};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::load::{Form, connect, definitions, encoder, pack, row_of};

const CHILDREN: u32 = 10_000;
const CHILDREN_WITH_CODEC: u32 = 1_000;
/// How many connect at once.
const CONNECTORS: u32 = 16;
/// Files of this program beside its sockets.
const OTHER_FILES: u64 = 100;

/// Memory per child that is connected and has sent nothing.
pub(crate) fn children() {
    let count = allowed(CHILDREN);
    let master = master("none");
    let before = master.process().anonymous_bytes();
    let children = connect_all(Form::V2_PLAIN, &master, count);
    until(s(60), "all children to be streams", || (streams(&master) >= u64::from(count)).then_some(()));
    let after = master.process().anonymous_bytes();
    let each = after.saturating_sub(before) as f64 / f64::from(count);
    println!(
        "{count} idle connected children, no charts: {:.2} KiB each, {} MB in all",
        each / 1024.0,
        after / 1_000_000
    );
    drop(children);
}

/// What a codec adds: children with one chart, after their first rows.
pub(crate) fn codecs() {
    let count = allowed(CHILDREN_WITH_CODEC);
    let mut plain = None;
    for (form, codec) in [(Form::V2_PLAIN, "none"), (Form::V2_LZ4, "lz4"), (Form::V2_ZSTD, "zstd")] {
        let master = master(codec);
        let before = master.process().anonymous_bytes();
        let mut children = connect_all(form, &master, count);
        let mut encoder = encoder(form);
        let now_s = integration_tests::wait::now_s();
        let rows = (0..60).flat_map(|turn| row_of(form, 0, turn, now_s - 60 + i64::from(turn)));
        let text = definitions(form, 1, 4).into_iter().chain(rows).collect::<Vec<_>>();
        let bytes = pack(encoder.as_mut(), &text);
        children.iter_mut().for_each(|child| child.write_all(&bytes).expect("the master reads"));
        until(s(60), "all rows to arrive", || (rows_of(&master) >= 60 * u64::from(count)).then_some(()));
        let each = master.process().anonymous_bytes().saturating_sub(before) as f64 / f64::from(count);
        let plain = *plain.get_or_insert(each);
        println!(
            "{count} children, 1 chart × 4, 60 rows, {}: {:.2} KiB each, the codec {:.2} KiB of it",
            form.name,
            each / 1024.0,
            (each - plain) / 1024.0
        );
    }
}

fn master(codec: &str) -> Node {
    let master = node::master("bench-idle").set("collect.enabled", "false").accepts(API_KEY);
    master.set(&format!("api_keys.{API_KEY}.compression"), codec).start()
}

/// As many children as this process may have files, after asking for more of them.
pub(crate) fn allowed(wanted: u32) -> u32 {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).ok();
    let files = getrlimit(Resource::Nofile).current.map_or(wanted, |files| files.saturating_sub(OTHER_FILES) as u32);
    if files < wanted {
        println!("only {files} children: this system lets a process open no more files");
    }
    wanted.min(files)
}

fn connect_all(form: Form, master: &Node, count: u32) -> Vec<TcpStream> {
    let parent = master.address();
    let part = |first: u32| -> Vec<TcpStream> {
        (first..count).step_by(CONNECTORS as usize).map(|host| connect(form, parent, host)).collect()
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..CONNECTORS).map(|first| scope.spawn(move || part(first))).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("children connect")).collect()
    })
}

fn streams(master: &Node) -> u64 {
    sum(master, |host| host["in"]["connected"].as_u64().unwrap_or_default())
}

fn rows_of(master: &Node) -> u64 {
    sum(master, |host| host["in"]["rows"].as_u64().unwrap_or_default())
}

fn sum(master: &Node, of: impl Fn(&serde_json::Value) -> u64) -> u64 {
    let streams = master.api().try_json("/api/v1/streams").expect("our master tells its streams");
    streams["hosts"].as_array().map_or(0, |hosts| hosts.iter().map(of).sum())
}
