//! The node as a parent: the port, the streams that come in, the API.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use anyhow::Context;
use archive::Reader;
use config::{Settings, TlsMode, WebMode};
use door::{Door, Guest, Guests, Rulebook};
use health::fleet::Fleet;
use patterns::SimplePattern;
use row::Guid;
use rrd_store::{AlarmPolicy, RealDisk};
use socket::Peer;
use socket::server::{Acceptor, Files, Identity};
use stream::codec::Codec;
use stream::lane::LaneHandle;
use stream::receiver::{self, ApiKey, DuplicateGuid, Machine, Receiver};
use tracing::{info, warn};
use web::Web;

use crate::own_host::{OwnHost, keep_as};
use crate::watching::Watching;
use crate::{Stop, VERSION, clock, reading_back};

/// The port of a proxy or a master, open.
#[derive(Debug)]
pub struct Parent {
    door: Option<Door>,
    guests: Guests,
    parts: Option<Parts>,
}

/// The parts of a parent whose settings may change.
#[derive(Clone)]
pub(crate) struct Parts {
    receiver: Receiver,
    web: Web,
    rules: Rulebook,
    tls: Option<Arc<Acceptor>>,
    alarms: Option<Arc<Fleet>>,
}

impl Parent {
    /// Opens the port, if settings say so. Needs a runtime.
    ///
    /// # Errors
    /// Where an address cannot be listened on, or an API key is not a GUID.
    pub fn open(
        settings: &Settings,
        own: &OwnHost,
        watching: Option<&Watching>,
        lanes: &LaneHandle,
        stop: &Stop,
    ) -> anyhow::Result<Self> {
        if settings.web.mode == WebMode::None {
            return Ok(Self { door: None, guests: Guests::default(), parts: None });
        }
        let tls = tls(settings)?;
        let door = Door::open(door::Config {
            bind_to: settings.web.bind_to.clone(),
            allow_connections_from: SimplePattern::new(&settings.web.allow_connections_from),
            tls_required: settings.web.tls == TlsMode::Required,
            tls: tls.clone(),
        })?;
        for address in door.addresses() {
            match tls {
                Some(_) => info!("listening on {address}, TLS {}", settings.web.tls.as_str()),
                None => info!("listening on {address}"),
            }
        }
        let receiver = Receiver::new(
            Arc::clone(&own.store),
            own.host.guid(),
            receiver_config(settings)?,
            lanes.clone(),
            clock::now,
            stop.clone(),
        );
        let web = web(settings, own, watching, reading_back::reader(settings)?);
        let parts = Parts {
            receiver: receiver.clone(),
            web: web.clone(),
            rules: door.rules(),
            tls,
            alarms: watching.map(Watching::fleet),
        };
        let stop = stop.clone();
        let take_stream: Guest = Arc::new(move |opening| receiver.take(opening.socket, opening.head, opening.peer));
        let take_rest: Guest = Arc::new(move |opening| {
            let (web, stop) = (web.clone(), stop.clone());
            tokio::spawn(async move {
                let peer = match opening.peer {
                    Peer::Tcp(address) if opening.socket.tls().is_some() => web::Peer::Tls(address),
                    Peer::Tcp(address) => web::Peer::Tcp(address),
                    Peer::Unix => web::Peer::Unix,
                };
                let serving = web.serve(opening.socket, bytes::Bytes::from(opening.head), peer);
                stop.run_until_cancelled(serving).await
            });
        });
        Ok(Self {
            door: Some(door),
            guests: Guests { stream: Some(take_stream), rest: Some(take_rest) },
            parts: Some(parts),
        })
    }

    /// What may be given other settings; `None` without a port.
    pub(crate) fn parts(&self) -> Option<Parts> {
        self.parts.clone()
    }

    /// Serves until `stop`.
    pub async fn run(self, stop: Stop) {
        match self.door {
            Some(door) => door.run(self.guests, stop).await,
            None => stop.cancelled().await,
        }
    }
}

impl Parts {
    /// Takes over other settings: reads and checks all of them first.
    ///
    /// # Errors
    /// Where something cannot be used; then all is as it was.
    pub(crate) fn exchange(&self, settings: &Settings) -> anyhow::Result<()> {
        let identity = identity(settings)?;
        if self.tls.is_some() != identity.is_some() {
            warn!("settings: web.tls_certificate: TLS of the port begins or ends at the next start");
        }
        let mut config = receiver_config(settings)?;
        keep_way(&mut config, &self.receiver.config());
        if let (Some(tls), Some(identity)) = (&self.tls, identity) {
            tls.exchange(identity);
            info!("TLS: the certificate is read again");
        }
        let pattern = SimplePattern::new;
        let web = &settings.web;
        let tls_required = web.tls == TlsMode::Required && self.tls.is_some();
        self.rules.exchange(pattern(&web.allow_connections_from), tls_required);
        self.web.exchange(allowed(settings));
        self.receiver.exchange(config);
        if let Some(alarms) = &self.alarms {
            alarms.set_rules(crate::watching::rules(settings));
        }
        Ok(())
    }
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts").finish_non_exhaustive()
    }
}

/// Hosts of a key that was there before are streamed on as before.
#[cfg(feature = "sender")]
fn keep_way(config: &mut receiver::Config, before: &receiver::Config) {
    for (guid, key) in &mut config.api_keys {
        if let Some(before) = before.api_keys.get(guid) {
            key.forward.clone_from(&before.forward);
        }
    }
}

#[cfg(not(feature = "sender"))]
fn keep_way(_: &mut receiver::Config, _: &receiver::Config) {}

/// TLS of the port, where there is a certificate.
fn tls(settings: &Settings) -> anyhow::Result<Option<Arc<Acceptor>>> {
    Ok(identity(settings)?.map(|identity| Arc::new(Acceptor::new(identity))))
}

fn identity(settings: &Settings) -> anyhow::Result<Option<Identity>> {
    let web = &settings.web;
    if web.tls_certificate.as_os_str().is_empty() {
        return Ok(None);
    }
    anyhow::ensure!(socket::server::IS_BUILT, "web.tls_certificate: this program was built without TLS");
    let files = Files {
        certificate: web.tls_certificate.clone(),
        key: web.tls_key.clone(),
        client_ca: Some(web.tls_client_ca.clone()).filter(|path| !path.as_os_str().is_empty()),
    };
    Identity::load(&files).context("TLS of the port").map(Some)
}

fn web(settings: &Settings, own: &OwnHost, watching: Option<&Watching>, archive: Option<Arc<Reader>>) -> Web {
    let folder = &settings.web.custom_dir;
    let config = web::Config {
        version: VERSION.into(),
        allowed: allowed(settings),
        streams_to_parent: settings.stream.enabled,
        alarms: watching.map(Watching::fleet),
        management: watching.map(Watching::management),
        tls: !settings.web.tls_certificate.as_os_str().is_empty(),
        registry: web::RegistryConfig {
            enabled: settings.registry.enabled,
            announce: settings.registry.announce.trim_end_matches('/').into(),
            disk: Some(Arc::new(RealDisk::new(&own.state))),
            new_guid: || Guid::from_bytes(*uuid::Uuid::new_v4().as_bytes()),
        },
        custom_dir: Some(folder.clone()).filter(|folder| !folder.as_os_str().is_empty()),
        settings: settings.page(),
        access_log: !settings.global.log_dir.as_os_str().is_empty(),
        backends: own.ledgers.clone(),
        archive,
    };
    Web::new(Arc::clone(&own.store), config, Arc::new(clock::now))
}

/// Who may ask for what.
fn allowed(settings: &Settings) -> web::Allowed {
    let (web, pattern) = (&settings.web, SimplePattern::new);
    web::Allowed {
        dashboard: pattern(&web.allow_dashboard_from),
        badges: pattern(&web.allow_badges_from),
        functions: pattern(&web.allow_functions_from),
        streaming: pattern(&web.allow_streaming_from),
        management: pattern(&web.allow_management_from),
        registry: pattern(&settings.registry.allow_from),
        settings: pattern(&web.allow_netdata_conf_from),
        tokens: web::Tokens::new(&web.tokens),
    }
}

fn receiver_config(settings: &Settings) -> anyhow::Result<receiver::Config> {
    let mut api_keys = HashMap::new();
    for (number, key) in (1..).zip(&settings.api_keys) {
        let guid = key.guid.parse().with_context(|| format!("API key {number}"))?;
        api_keys.insert(guid, api_key(settings, key).with_context(|| format!("API key {number}"))?);
    }
    let mut machines = HashMap::new();
    for machine in &settings.machines {
        let guid = machine.guid.parse().with_context(|| format!("[machines.{}]", machine.guid))?;
        machines.insert(
            guid,
            Machine {
                enabled: machine.enabled,
                allow_from: machine.allow_from.as_deref().map(SimplePattern::new),
                mode: machine.memory_mode.map(|mode| keep_as(mode, 0, settings).mode),
                history_rows: machine.history,
                alarms: machine.health_enabled,
            },
        );
    }
    Ok(receiver::Config {
        allow_streaming_from: SimplePattern::new(&settings.web.allow_streaming_from),
        accept_every: settings.web.accept_a_streaming_request_every,
        watches_alarms: settings.health.enabled,
        wants_certificate: !settings.web.tls_client_ca.as_os_str().is_empty(),
        api_keys,
        machines,
    })
}

fn api_key(settings: &Settings, key: &config::ApiKey) -> anyhow::Result<ApiKey> {
    Ok(ApiKey {
        enabled: key.enabled,
        allow_from: SimplePattern::new(&key.allow_from),
        keep: keep_as(key.default_memory_mode, key.default_history, settings),
        ephemeral: key.ephemeral,
        alarms: AlarmPolicy {
            enabled: key.health_enabled_by_default,
            postpone_s: u32::try_from(key.postpone_alarms_on_connect.as_secs()).unwrap_or(u32::MAX),
        },
        duplicate_guid: match key.duplicate_guid {
            config::DuplicateGuid::Derive => DuplicateGuid::Derive,
            config::DuplicateGuid::Refuse => DuplicateGuid::Refuse,
        },
        pace: key.stream_pace,
        compression: codecs(&key.compression),
        #[cfg(feature = "sender")]
        forward: forward(settings, key)?,
    })
}

/// The codecs that a key's children are asked for; one that is not in this build is left out.
fn codecs(words: &str) -> Vec<Codec> {
    let codec = |word: &str| Codec::BUILT.iter().copied().find(|codec| codec.to_string().eq_ignore_ascii_case(word));
    let codecs: Vec<_> = words.split_whitespace().filter_map(codec).collect();
    if codecs.is_empty() && words.trim() != "none" {
        warn!("compression = \"{words}\" names no codec of this build: streams come as plain text");
    }
    codecs
}

/// Where the hosts of a key are streamed on to.
#[cfg(feature = "sender")]
fn forward(settings: &Settings, key: &config::ApiKey) -> anyhow::Result<Option<Arc<stream::sender::Config>>> {
    if !key.proxy_enabled {
        return Ok(None);
    }
    let charts = &key.proxy_send_charts_matching;
    crate::sending::towards(settings, &key.proxy_destination, &key.proxy_api_key, charts)
        .context("proxy_destination")
        .map(Some)
}
