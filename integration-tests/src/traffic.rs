//! A little network traffic, so that network charts have something to show.
//!
//! Over loopback for the charts of protocols, and as multicast with a range of one hop for the
//! interfaces: it leaves the machine no further than its own wire, and nobody answers.

use std::fs;
use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Time between two packets.
const PACE: Duration = Duration::from_millis(20);
/// An address of the range kept for local use.
const MULTICAST: &str = "239.255.77.7:9";

/// Traffic, for as long as this is alive.
#[derive(Debug)]
pub struct Traffic {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Traffic {
    /// Starts it.
    ///
    /// # Panics
    /// When there is no loopback.
    pub fn start() -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&stop);
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket on loopback");
        let own = socket.local_addr().expect("a bound socket has an address");
        let outside = UdpSocket::bind("0.0.0.0:0").expect("a socket");
        let thread = std::thread::spawn(move || {
            let mut length = 1;
            while !until.load(Ordering::Relaxed) {
                length = length * 7 % 1201;
                let packet = [b'.'; 1201];
                // A machine without a route for it has no interface to show either.
                socket.send_to(&packet[..length], own).ok();
                outside.send_to(&packet[..length], MULTICAST).ok();
                crate::wait::pass(PACE);
            }
        });
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

/// Whether this machine has a network interface that is not virtual, without which no node has
/// the chart `system.net`.
pub fn has_physical_interface() -> bool {
    let Ok(entries) = fs::read_dir("/sys/class/net") else { return false };
    let targets = entries.flatten().filter_map(|entry| fs::canonicalize(entry.path()).ok());
    targets.into_iter().any(|path| !path.starts_with("/sys/devices/virtual"))
}
