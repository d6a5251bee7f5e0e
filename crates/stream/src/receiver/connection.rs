//! Connections that want to stream: the request is read, and admitted or refused; who is admitted goes to its lane.

#[cfg(feature = "sender")]
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
#[cfg(feature = "sender")]
use std::sync::{Mutex, Weak};
use std::time::Duration;

use protocol::request::HEAD_BYTES_MAX;
use protocol::{Refusal, Request};
use row::Guid;
use rrd_store::Store;
use socket::{Peer, Socket};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use super::admission::{self, Admitted, Config, Denied, Entrant};
use super::open::Entry;
use super::streams::{Asked, Live, NoPlace, Streams};
use super::twin::Marks;
use crate::lane::LaneHandle;
use crate::shown::shown;
use crate::{ACCESS, Clock};

#[cfg(test)]
#[path = "connection_tests.rs"]
mod tests;

/// How long a request may take to arrive.
const REQUEST_WITHIN: Duration = Duration::from_secs(10);
/// How long a child may take to read an answer.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// Takes streams from children.
#[derive(Clone)]
pub struct Receiver {
    shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) store: Arc<Store>,
    pub(super) own: Guid,
    config: RwLock<Arc<Config>>,
    lanes: LaneHandle,
    pub(super) clock: Clock,
    pub(super) stop: CancellationToken,
    handshakes: TaskTracker,
    pub(super) streams: Streams,
    #[cfg(feature = "sender")]
    forwarded: Mutex<HashMap<Guid, Forwarded>>,
}

/// A host that is streamed on.
#[cfg(feature = "sender")]
struct Forwarded {
    /// Does not keep it from leaving.
    host: Weak<rrd_store::Host>,
    stop: CancellationToken,
}

impl Receiver {
    /// A receiver that puts hosts into `store`, whose own host is `own`, until `stop`.
    #[must_use]
    pub fn new(
        store: Arc<Store>,
        own: Guid,
        config: Config,
        lanes: LaneHandle,
        clock: Clock,
        stop: CancellationToken,
    ) -> Self {
        let shared = Shared {
            store,
            own,
            config: RwLock::new(Arc::new(config)),
            lanes,
            clock,
            stop,
            handshakes: TaskTracker::new(),
            streams: Streams::default(),
            #[cfg(feature = "sender")]
            forwarded: Mutex::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Uses other settings from now on. Streams that are no longer allowed end; the others go on, and
    /// are kept and streamed on as they were when they began.
    pub fn exchange(&self, config: Config) {
        let config = Arc::new(config);
        *self.shared.config.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&config);
        self.shared.streams.cut_if(|guid, entrant| Shared::denies(&config, entrant, guid).is_some());
    }

    /// The settings in force.
    #[must_use]
    pub fn config(&self) -> Arc<Config> {
        self.shared.config()
    }

    /// Takes a connection over that began with `head`; needs a runtime.
    pub fn take(&self, socket: Socket, head: Vec<u8>, peer: Peer) {
        let shared = Arc::clone(&self.shared);
        self.shared.handshakes.spawn(async move {
            let stop = shared.stop.clone();
            let handshake = timeout(REQUEST_WITHIN + ANSWER_WITHIN, shake_hands(shared, socket, head, peer));
            if let Some(Err(_)) = stop.run_until_cancelled(handshake).await {
                info!("STREAM [receive from {peer}]: no complete request within {} s", REQUEST_WITHIN.as_secs());
            }
        });
    }
}

/// Reads the request, decides, and hands the stream to its lane.
async fn shake_hands(shared: Arc<Shared>, mut socket: Socket, mut head: Vec<u8>, peer: Peer) {
    let mut request = match read_request(&mut socket, &mut head).await {
        Ok(request) => request,
        Err(reason) => {
            warn!("STREAM [receive from {peer}]: refused: {reason}");
            return refuse(&mut socket, Refusal::NotPermitted).await;
        }
    };
    let name = shown(request.hostname.as_bytes());
    let tls = socket.tls().map(|tls| format!(", {tls}")).unwrap_or_default();
    info!("STREAM {name} [receive from {peer}]: new client connection{tls}");
    let is_certified = socket.is_certified() || socket.is_local();
    let entrant = Entrant { key: request.key, machine_guid: request.machine_guid, peer, is_certified };
    let (admitted, live) = match shared.admit(entrant, &mut request) {
        Ok(admitted) => admitted,
        Err((refusal, reason)) => {
            warn!("STREAM {name} [receive from {peer}]: refused: {reason}");
            info!(target: ACCESS, "STREAM {name} [receive from {peer}]: refused: {reason}");
            return refuse(&mut socket, refusal).await;
        }
    };
    match socket.park() {
        Ok(socket) => {
            let lanes = shared.lanes.clone();
            let entry = Entry { shared, request, admitted, live };
            lanes.spawn(entry.request.machine_guid, move || entry.run(socket));
        }
        Err(err) => warn!("STREAM {name} [receive from {peer}]: {err}"),
    }
}

/// Reads until the request is complete. The reason of a failure is for the log.
async fn read_request(socket: &mut Socket, head: &mut Vec<u8>) -> Result<Request, String> {
    loop {
        if let Some(length) = Request::head_length(head) {
            return Request::parse(&head[..length]).map_err(|err| err.to_string());
        }
        if head.len() > HEAD_BYTES_MAX {
            return Err(format!("the request is longer than {HEAD_BYTES_MAX} bytes"));
        }
        match timeout(REQUEST_WITHIN, socket.read_buf(head)).await {
            Ok(Ok(0)) => return Err(format!("the connection closed after {} bytes of a request", head.len())),
            Ok(Ok(_)) => {}
            Ok(Err(err)) => return Err(err.to_string()),
            Err(_) => return Err(format!("no complete request within {} s", REQUEST_WITHIN.as_secs())),
        }
    }
}

async fn refuse(socket: &mut Socket, refusal: Refusal) {
    let sent = timeout(ANSWER_WITHIN, socket.write_all(refusal.sentence().as_bytes())).await;
    if matches!(sent, Ok(Ok(()))) && socket.shutdown().await.is_err() {
        // The child is gone already, which is what was asked for.
    }
}

impl Shared {
    /// Lets a stream in, under another GUID if another machine has its own; or says to the child,
    /// and to the log, why not.
    fn admit(&self, entrant: Entrant, request: &mut Request) -> Result<(Admitted, Live), (Refusal, String)> {
        let denied = |denied: Denied| (denied.refusal(), denied.to_string());
        let config = self.config();
        let mut admitted = admission::admit(&config, &entrant).map_err(denied)?;
        admission::check_way(request, self.own).map_err(denied)?;
        let guid = request.machine_guid;
        let asked = Asked {
            guid,
            entrant,
            marks: Marks::new(request, entrant.peer),
            duplicates: admitted.duplicate_guid,
            every: config.accept_every,
            now_us: (self.clock)().mono_us,
            cut: self.stop.child_token(),
        };
        let entered = match self.streams.enter(asked, |guid| self.store.host(guid).is_some()) {
            Ok(entered) => entered,
            Err(NoPlace::Busy(wait_s)) => {
                let reason = format!(
                    "too busy to accept new streaming request. Will be allowed in {wait_s} secs \
                     (web.accept_a_streaming_request_every)"
                );
                return Err((Refusal::Busy, reason));
            }
            Err(NoPlace::Taken(other)) => {
                let reason =
                    format!("{} already streams for {guid} from {}", shown(other.hostname.as_bytes()), other.peer);
                return Err((Refusal::AlreadyStreaming, reason));
            }
        };
        if entered.is_new_twin {
            warn!(
                "STREAM {} [receive from {}]: another machine has the machine_guid {guid}: this one is shown as {}",
                shown(request.hostname.as_bytes()),
                entrant.peer,
                entered.guid
            );
        }
        if entered.guid != guid {
            request.machine_guid = entered.guid;
            // A table of its own may say more of it.
            let derived = Entrant { machine_guid: entered.guid, ..entrant };
            if config.machines.contains_key(&entered.guid) {
                admitted = admission::admit(&config, &derived).map_err(|err| {
                    self.streams.leave(entered.guid, &entered.live);
                    denied(err)
                })?;
            }
        }
        // Settings that were exchanged meanwhile may not have found this stream.
        if let Some(now_denied) = Self::denies(&self.config(), &entrant, entered.guid) {
            self.streams.leave(entered.guid, &entered.live);
            return Err(denied(now_denied));
        }
        Ok((admitted, entered.live))
    }

    /// Why a stream may not go on that is known here by `guid`.
    pub(super) fn denies(config: &Config, entrant: &Entrant, guid: Guid) -> Option<Denied> {
        let derived = Entrant { machine_guid: guid, ..*entrant };
        let has_own_table = config.machines.contains_key(&guid);
        let mut asked = [entrant, &derived].into_iter().take(if has_own_table { 2 } else { 1 });
        asked.find_map(|entrant| admission::admit(config, entrant).err())
    }

    /// The settings in force.
    pub(super) fn config(&self) -> Arc<Config> {
        Arc::clone(&self.config.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Streams a host on, if its API key says so and nobody does it yet.
    #[cfg(feature = "sender")]
    pub(super) fn forward(self: &Arc<Self>, host: &Arc<rrd_store::Host>, config: Option<Arc<crate::sender::Config>>) {
        let Some(config) = config else { return };
        let mut forwarded = self.forwarded.lock().unwrap_or_else(PoisonError::into_inner);
        let guid = host.guid();
        let weak = Arc::downgrade(host);
        if forwarded.get(&guid).is_some_and(|known| known.host.ptr_eq(&weak)) {
            return;
        }
        let stop = self.stop.child_token();
        let (shared, host) = (Arc::clone(self), Arc::clone(host));
        let before = forwarded.insert(guid, Forwarded { host: weak.clone(), stop: stop.clone() });
        if let Some(before) = before {
            // The store has the host anew: its sender goes with the old one.
            before.stop.cancel();
        }
        self.lanes.spawn(guid, move || async move {
            crate::sender::run(host, config, shared.clock, stop).await;
            shared.forget_forwarded(guid, &weak);
        });
    }

    /// A sender ended, unless another has taken its place.
    #[cfg(feature = "sender")]
    fn forget_forwarded(&self, guid: Guid, host: &Weak<rrd_store::Host>) {
        let mut forwarded = self.forwarded.lock().unwrap_or_else(PoisonError::into_inner);
        if forwarded.get(&guid).is_some_and(|known| known.host.ptr_eq(host)) {
            forwarded.remove(&guid);
        }
    }
}
