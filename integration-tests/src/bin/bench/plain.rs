//! What any program must spend on these bytes: one that only reads them, one that only copies them.
//!
//! Both are this program again, as a process of its own, so that they are measured like all others.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use integration_tests::process::Process;
use integration_tests::wait::{s, until};
use protocol::{Capabilities, Request, write_prompt};
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::fd::OwnedFd;
use tempfile::TempDir;

const READ_BYTES: usize = 64 * 1024;
const EVENTS: usize = 256;
const LISTENER: u64 = 0;
const START_LIMIT: Duration = s(10);
/// What either says before its address.
const LISTENING: &str = "listening on ";

/// One of the two, running.
pub(crate) struct Plain {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
    _folder: TempDir,
}

impl Plain {
    /// Reads all streams, after a prompt with these capabilities.
    pub(crate) fn sink(granted: Capabilities) -> Self {
        Self::start("sink", &granted.0.to_string())
    }

    /// Copies all connections to `parent` and back.
    pub(crate) fn relay(parent: SocketAddr) -> Self {
        Self::start("relay", &parent.to_string())
    }

    fn start(what: &str, argument: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let program = std::env::current_exe().expect("this program has a file");
        let adjust = |command: &mut std::process::Command| {
            command.args([what, argument]);
        };
        let process = Process::start(what, &program, adjust, &folder.path().join("output"));
        let address = until(START_LIMIT, "a plain program to listen", || {
            process.log().lines().find_map(|line| line.strip_prefix(LISTENING)?.parse().ok())
        });
        Self { process, address, _folder: folder }
    }
}

/// Answers each request with a prompt, then reads.
pub(crate) fn sink(capabilities: u32) {
    let mut heads: HashMap<u64, Vec<u8>> = HashMap::new();
    serve(
        |_| None,
        |id, bytes, from, _| {
            let Some(head) = heads.get_mut(&id) else {
                if bytes.starts_with(b"STREAM ") {
                    heads.insert(id, Vec::new());
                    return answer(bytes, from, capabilities).then(|| heads.remove(&id)).is_some();
                }
                return true;
            };
            head.extend_from_slice(bytes);
            answer(head, from, capabilities).then(|| heads.remove(&id)).is_some()
        },
    );
}

/// Answers a request that is complete.
fn answer(head: &[u8], to: &mut TcpStream, capabilities: u32) -> bool {
    let is_complete = Request::head_length(head).is_some();
    if is_complete {
        let mut prompt = Vec::new();
        write_prompt(&mut prompt, Capabilities(capabilities));
        to.write_all(&prompt).ok();
    }
    is_complete
}

/// Copies both ways.
pub(crate) fn relay(parent: SocketAddr) {
    let other = |_: &TcpStream| Some(TcpStream::connect(parent).expect("the parent listens"));
    serve(other, |_, bytes, _, to| to.is_some_and(|to| to.write_all(bytes).is_ok()));
}

/// Reads what comes on any connection, and hands it over with both ends; `false` ends the connection.
fn serve(
    other_end: impl Fn(&TcpStream) -> Option<TcpStream>,
    mut take: impl FnMut(u64, &[u8], &mut TcpStream, Option<&mut TcpStream>) -> bool,
) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port on loopback");
    println!("{LISTENING}{}", listener.local_addr().expect("it is bound"));
    let poll = epoll::create(CreateFlags::CLOEXEC).expect("an epoll");
    epoll::add(&poll, &listener, EventData::new_u64(LISTENER), EventFlags::IN).expect("a listener can be watched");
    let (mut sockets, mut next) = (HashMap::<u64, TcpStream>::new(), 2);
    let (mut events, mut buffer) = (Vec::with_capacity(EVENTS), vec![0; READ_BYTES]);
    loop {
        events.clear();
        if epoll::wait(&poll, spare_capacity(&mut events), None).is_err() {
            continue;
        }
        for event in &events {
            let id = event.data.u64();
            if id == LISTENER {
                let (socket, _) = listener.accept().expect("a connection waits");
                let other = other_end(&socket);
                // The two ends of a relay are an even number and the odd one behind it.
                for (id, socket) in (next..).zip([Some(socket), other].into_iter().flatten()) {
                    watch(&poll, &socket, id);
                    sockets.insert(id, socket);
                }
                next += 2;
                continue;
            }
            let Some(mut socket) = sockets.remove(&id) else { continue };
            let count = socket.read(&mut buffer).unwrap_or_default();
            if count > 0 && take(id, &buffer[..count], &mut socket, sockets.get_mut(&(id ^ 1))) {
                sockets.insert(id, socket);
            } else {
                sockets.remove(&(id ^ 1));
            }
        }
    }
}

fn watch(poll: &OwnedFd, socket: &TcpStream, id: u64) {
    socket.set_nodelay(true).expect("a TCP socket");
    epoll::add(poll, socket, EventData::new_u64(id), EventFlags::IN).expect("a socket can be watched");
}
