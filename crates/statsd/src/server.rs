//! The sockets: UDP and TCP at the loopback interface, and the flush each update every.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use rrd_store::Feed;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::metrics::Metrics;
use crate::{Clock, Config};

/// Bytes of a packet, and of a line of a connection.
const PACKET_BYTES_MAX: usize = 9_000;
/// Bytes that are taken within a second; of what comes beyond, packets are lost and connections wait.
const BYTES_PER_S: usize = 4 * 1024 * 1024;
/// Connections at once.
const CLIENTS_MAX: usize = 100;
/// A connection on which nothing comes for so long is closed.
const IDLE: Duration = Duration::from_secs(600);

/// What sockets and flush share.
struct Shared {
    metrics: RefCell<Metrics>,
    /// Bytes that may still come in this interval.
    allowance: Cell<usize>,
    is_flood_told: Cell<bool>,
    flushed: Notify,
    clock: Clock,
}

/// Takes metrics until `stop`. Needs a `LocalSet` of tokio's.
pub async fn run(config: Config, mut feed: Feed, clock: Clock, stop: CancellationToken) {
    let port = config.port;
    let shared = Rc::new(Shared {
        metrics: RefCell::new(Metrics::new(config)),
        allowance: Cell::new(BYTES_PER_S),
        is_flood_told: Cell::new(false),
        flushed: Notify::new(),
        clock,
    });
    let mut tasks = JoinSet::new();
    for address in [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)] {
        if let Err(error) = listen(SocketAddr::new(address, port), &shared, &mut tasks).await {
            // Many machines have no IPv6.
            warn!("statsd: {} cannot be listened on: {error}", SocketAddr::new(address, port));
        }
    }
    let every_s = shared.metrics.borrow().update_every_s();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            () = sleep(until_flush(every_s, clock)) => {}
        }
        if !shared.metrics.borrow_mut().flush(&mut feed, clock()) {
            break;
        }
        shared.allowance.set(BYTES_PER_S * every_s as usize);
        shared.flushed.notify_waiters();
    }
    tasks.shutdown().await;
}

/// The time until the next whole interval of the wall clock.
fn until_flush(every_s: u32, clock: Clock) -> Duration {
    let every_us = i64::from(every_s) * row::US_PER_S;
    Duration::from_micros((every_us - clock().wall_us.rem_euclid(every_us)).unsigned_abs())
}

async fn listen(address: SocketAddr, shared: &Rc<Shared>, tasks: &mut JoinSet<()>) -> io::Result<()> {
    let (packets, connections) = (UdpSocket::bind(address).await?, TcpListener::bind(address).await?);
    info!("statsd: listening on {address}, UDP and TCP");
    tasks.spawn_local(take_packets(packets, Rc::clone(shared)));
    tasks.spawn_local(take_connections(connections, Rc::clone(shared)));
    Ok(())
}

async fn take_packets(socket: UdpSocket, shared: Rc<Shared>) {
    // One byte more tells a packet that is too long.
    let mut buffer = vec![0; PACKET_BYTES_MAX + 1];
    loop {
        match socket.recv(&mut buffer).await {
            Ok(count) if count <= PACKET_BYTES_MAX => {
                shared.metrics.borrow_mut().take(&buffer[..count], (shared.clock)());
                shared.spend(count).await;
            }
            Ok(count) => shared.spend(count).await,
            // Such as an answer of a sender that is gone.
            Err(_) => tokio::task::yield_now().await,
        }
    }
}

async fn take_connections(listener: TcpListener, shared: Rc<Shared>) {
    let mut clients = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if clients.len() < CLIENTS_MAX => match accepted {
                Ok((socket, _)) => { clients.spawn_local(take_lines(socket, Rc::clone(&shared))); }
                // Out of files, perhaps: that passes.
                Err(_) => sleep(Duration::from_secs(1)).await,
            },
            Some(_) = clients.join_next() => {}
        }
    }
}

async fn take_lines(mut socket: TcpStream, shared: Rc<Shared>) {
    let mut buffer = Vec::new();
    let mut some = [0; 1_024];
    while let Ok(Ok(count @ 1..)) = timeout(IDLE, socket.read(&mut some)).await {
        buffer.extend_from_slice(&some[..count]);
        let end = memchr::memrchr(b'\n', &buffer).map_or(0, |end| end + 1);
        shared.metrics.borrow_mut().take(&buffer[..end], (shared.clock)());
        buffer.drain(..end);
        if buffer.len() > PACKET_BYTES_MAX {
            return;
        }
        shared.spend(count).await;
    }
    shared.metrics.borrow_mut().take(&buffer, (shared.clock)());
}

impl Shared {
    /// Notes bytes that came; where they are too many, waits for the next interval.
    async fn spend(&self, bytes: usize) {
        let left = self.allowance.get().saturating_sub(bytes);
        self.allowance.set(left);
        if left == 0 {
            if !self.is_flood_told.replace(true) {
                warn!("statsd: more than {BYTES_PER_S} bytes came within a second, the rest waits or is lost");
            }
            self.flushed.notified().await;
        }
    }
}
