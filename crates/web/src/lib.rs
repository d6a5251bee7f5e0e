//! The HTTP API and the dashboard of proxy and master.
//!
//! `door` accepts connections and reads their first bytes; what is HTTP it hands over to
//! [`Web::serve`], with the bytes that it read. `target` says which host and what a URL means, `page`
//! who may have it, `gate` lets in (`signin` those who have yet to show a token), `api` answers from the store,
//! `older` asks an archive for what is not here any more, `files` holds the dashboard and `custom` reads another, `registry` knows who visited which nodes, and
//! `dress` adds the headers that all answers carry.
//!
//! ```text
//! door ─> connection (hyper) ─> gate ─> axum routes ─> api::{info, charts, data, allmetrics, …} ─> pieces ─> encoding
//!                                └─ target              └─ files
//! ```
//!
//! Under a host's lock answers are copied, never formatted; a query decodes outside it, on a thread of
//! its own if it takes long. Long answers are made while they are written.
#![forbid(unsafe_code)]

mod access_log;
mod answer;
mod api;
mod conditional;
mod config;
mod connection;
mod custom;
mod date;
mod dress;
mod encoding;
mod files;
mod gate;
mod json;
mod list;
mod older;
mod page;
mod params;
mod percent;
mod pieces;
mod queries;
mod registry;
mod secret;
mod signin;
mod socket;
mod target;

use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, PoisonError, RwLock};

use axum::Router;
use hyper_util::service::TowerToHyperService;
use row::Now;
use rrd_store::Store;
use tokio::sync::Semaphore;

use api::Scrapes;
use encoding::Encoders;
use queries::Queries;
use registry::Registry;

pub use access_log::ACCESS;
pub use config::{Allowed, Clock, Config, Keep, Management, Peer, Registry as RegistryConfig};
pub use secret::Tokens;

/// The web server of a node: routes over its store. Cloning is cheap.
#[derive(Clone)]
pub struct Web {
    node: Arc<Node>,
    routes: TowerToHyperService<Router>,
}

/// What every answer is made from.
pub(crate) struct Node {
    pub(crate) store: Arc<Store>,
    pub(crate) config: Config,
    /// Who may ask; wins over what `config` says of it.
    allowed: RwLock<Arc<Allowed>>,
    clock: Clock,
    encoders: Arc<Encoders>,
    pub(crate) scrapes: Scrapes,
    pub(crate) queries: Queries,
    /// Those that wait for an archive.
    waiting: Queries,
    /// The second of the last refusals that were logged, and below it their count in eight bits.
    complaints: AtomicU64,
    /// What was last told of all hosts.
    fleet: tokio::sync::Mutex<api::Board>,
    registry: Option<Registry>,
    /// Connections so far, for the access log.
    connections: AtomicU64,
    /// Connections that may be open at once.
    places: Arc<Semaphore>,
}

impl Node {
    pub(crate) fn now(&self) -> Now {
        (self.clock)()
    }

    /// Seconds that this machine's time is east of UTC.
    pub(crate) fn utc_offset_s(&self) -> i64 {
        self.store.hosts().first().map_or(0, |own| i64::from(own.info().utc_offset_s))
    }

    pub(crate) fn allowed(&self) -> Arc<Allowed> {
        Arc::clone(&self.allowed.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Web {
    /// A server of what `store` holds. `clock` is read once per request.
    #[must_use]
    pub fn new(store: Arc<Store>, config: Config, clock: Clock) -> Self {
        let allowed = config.allowed.clone();
        let allowed = RwLock::new(Arc::new(allowed));
        let registry = config.registry.enabled.then(|| Registry::open(config.registry.disk.clone(), clock().wall_s()));
        let node = Arc::new(Node {
            store,
            config,
            allowed,
            clock,
            encoders: Arc::default(),
            scrapes: Scrapes::default(),
            queries: Queries::default(),
            waiting: Queries::that_wait(),
            registry,
            complaints: AtomicU64::new(0),
            fleet: Default::default(),
            connections: AtomicU64::new(0),
            places: Arc::new(Semaphore::new(connection::CONNECTIONS_MAX)),
        });
        let routes = TowerToHyperService::new(api::routes(Arc::clone(&node)));
        Self { node, routes }
    }

    /// Lets in other addresses from now on.
    pub fn exchange(&self, allowed: Allowed) {
        *self.node.allowed.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(allowed);
    }
}

impl fmt::Debug for Web {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Web").field("config", &self.node.config).finish_non_exhaustive()
    }
}
