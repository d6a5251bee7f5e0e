//! What collects beside the collector: external plugins, and metrics that programs send. They share a
//! thread, which exists only where settings want one of them.

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use anyhow::Context;
use config::Settings;
use patterns::SimplePattern;
use plugins::{Facts, Nodes, OnHost, Single};
use rrd_store::{Feed, Store};
use tokio::task::LocalSet;
use tokio_util::sync::CancellationToken;
use tracing::info;

use self::senders::Senders;
use crate::{VERSION, clock, folder, own_host};

/// The thread of plugins and of metrics that are sent.
#[derive(Debug, Default)]
pub(crate) struct Plugins {
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Plugins {
    /// Starts the thread, if settings want it, for the host of `own`.
    ///
    /// # Errors
    /// Where a folder cannot be made, or the system gives no thread.
    pub(crate) fn start(settings: &Settings, store: &Arc<Store>, own: &Feed) -> anyhow::Result<Self> {
        let plugins = plugins_config(settings, own)?;
        let statsd = settings.collect.statsd.enabled.then(|| statsd_config(settings));
        if plugins.is_none() && statsd.is_none() {
            return Ok(Self::default());
        }
        let stop = CancellationToken::new();
        let (feed, store, keep) = (own.share(), Arc::clone(store), own_host::keep(settings));
        let destination = senders::destination(settings)?;
        let runtime = crate::runtime()?;
        let ends = stop.clone();
        let work = move || {
            LocalSet::new().block_on(&runtime, async {
                let senders = Senders::new(destination);
                let statsd_feed = feed.share();
                let plugins = async {
                    let Some(config) = plugins else { return };
                    let nodes = Nodes::new(store, feed, keep, senders.starter());
                    plugins::run(config, nodes, clock::now, ends.clone()).await;
                };
                let statsd = async {
                    let Some(config) = statsd else { return };
                    statsd::run(config, statsd_feed, clock::now, ends.clone()).await;
                };
                tokio::join!(plugins, statsd);
                senders.end().await;
            });
        };
        let thread = std::thread::Builder::new().name("plugins".into()).spawn(work);
        Ok(Self { stop, thread: Some(thread.context("starting the thread of plugins")?) })
    }

    /// Ends the thread, and all plugins.
    pub(crate) fn end(self) {
        self.stop.cancel();
        if self.thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread of plugins ended by a panic");
        }
    }
}

/// Which plugins run; `None` for none.
fn plugins_config(settings: &Settings, own: &Feed) -> anyhow::Result<Option<plugins::Config>> {
    let collect = &settings.collect;
    if SimplePattern::new(&collect.plugins).is_empty() {
        return Ok(None);
    }
    let is_collected = |name: &str| collect.families.iter().any(|family| family.name == name && family.enabled);
    let plugins = wanted(&collect.plugins, is_collected);
    let lib_dir = &settings.global.lib_dir;
    let is_default = lib_dir == Path::new(config::LIB_DIR);
    let state = folder::state(lib_dir, is_default, &|name| std::env::var(name).ok())?;
    let folder = state.path.join("plugins");
    std::fs::create_dir_all(&folder).with_context(|| format!("{}", folder.display()))?;
    let log_dir = &settings.global.log_dir;
    let info = own.host().info();
    let is_root = collect.root == Path::new("/");
    let single = collect.single_plugins.iter().map(|single| Single {
        name: single.name.clone(),
        update_every_s: single.update_every.as_secs() as u32,
        arguments: single.arguments.clone(),
    });
    Ok(Some(plugins::Config {
        plugins,
        update_every_s: info.update_every_s,
        single: single.collect(),
        facts: Facts {
            hostname: info.hostname.clone(),
            guid: info.guid.to_string(),
            version: VERSION.into(),
            update_every_s: info.update_every_s,
            plugins_dir: collect.plugins_dir.clone(),
            config_dir: collect.plugins_config_dir.clone(),
            log_dir: if log_dir.as_os_str().is_empty() { folder.clone() } else { log_dir.clone() },
            cache_dir: folder.clone(),
            lib_dir: folder,
            host_prefix: if is_root { String::new() } else { collect.root.display().to_string() },
        },
    }))
}

/// Families of charts that are those of a plugin, by its name.
const OWN: [(&str, &str); 3] = [("apps", "apps"), ("users", "apps"), ("groups", "apps")];

/// The plugins to run: none whose charts this node collects itself.
fn wanted(list: &str, is_collected: impl Fn(&str) -> bool) -> SimplePattern {
    let mut list = list.to_owned();
    for (family, plugin) in OWN.into_iter().filter(|(family, _)| is_collected(family)) {
        if SimplePattern::new(&list).matches(plugin) {
            info!("PLUGIN {plugin}.plugin: not run, this node collects its charts itself (collect.{family})");
            list.insert_str(0, &format!("!{plugin} "));
        }
    }
    SimplePattern::new(&list)
}

fn statsd_config(settings: &Settings) -> statsd::Config {
    let statsd = &settings.collect.statsd;
    statsd::Config {
        update_every_s: statsd.update_every.max(settings.global.update_every).as_secs() as u32,
        port: statsd.port,
        metrics: SimplePattern::new(&statsd.metrics),
        metrics_max: statsd.metrics_max as usize,
        labels: statsd.labels,
    }
}

/// Streams of the hosts that plugins define: they live where these are fed.
#[cfg(feature = "sender")]
mod senders {
    use std::cell::RefCell;
    use std::rc::Rc;
    use std::sync::{Arc, Weak};
    use std::time::Duration;

    use config::Settings;
    use rrd_store::Host;
    use stream::sender;
    use tokio::task::{JoinHandle, spawn_local};
    use tokio_util::sync::CancellationToken;

    use super::OnHost;
    use crate::clock;

    /// How long the streams may take to end.
    const GRACE: Duration = Duration::from_secs(1);

    /// Where the hosts go; `None` for nowhere.
    pub(super) type Destination = Option<Arc<sender::Config>>;

    pub(super) fn destination(settings: &Settings) -> anyhow::Result<Destination> {
        crate::sender(settings)
    }

    pub(super) struct Senders {
        destination: Destination,
        stop: CancellationToken,
        running: Running,
    }

    /// Streams that run, or have ended since.
    type Running = Rc<RefCell<Vec<(Weak<Host>, JoinHandle<()>)>>>;

    impl Senders {
        pub(super) fn new(destination: Destination) -> Self {
            Self { destination, stop: CancellationToken::new(), running: Rc::default() }
        }

        /// Starts a stream for each new host; one that comes back has its own still.
        pub(super) fn starter(&self) -> OnHost {
            let Some(destination) = self.destination.clone() else { return Box::new(|_| {}) };
            let (stop, running) = (self.stop.clone(), Rc::clone(&self.running));
            Box::new(move |host| {
                let mut running = running.borrow_mut();
                running.retain(|(_, stream)| !stream.is_finished());
                if running.iter().any(|(known, _)| std::ptr::eq(known.as_ptr(), Arc::as_ptr(host))) {
                    return;
                }
                let stream = sender::run(Arc::clone(host), Arc::clone(&destination), clock::now, stop.clone());
                running.push((Arc::downgrade(host), spawn_local(stream)));
            })
        }

        /// Ends all streams in order.
        pub(super) async fn end(self) {
            self.stop.cancel();
            let streams = async {
                for (_, stream) in self.running.take() {
                    // One that panicked has said so.
                    let _ended = stream.await;
                }
            };
            // What is not out by then comes from the spool at the next start.
            let _over = tokio::time::timeout(GRACE, streams).await;
        }
    }
}

/// A node that does not stream has none.
#[cfg(not(feature = "sender"))]
mod senders {
    use config::Settings;

    use super::OnHost;

    /// Where the hosts go: nowhere.
    pub(super) type Destination = Option<std::convert::Infallible>;

    #[expect(clippy::unnecessary_wraps, reason = "where there are streams, this may fail")]
    pub(super) fn destination(_: &Settings) -> anyhow::Result<Destination> {
        Ok(None)
    }

    pub(super) struct Senders;

    impl Senders {
        pub(super) fn new(_: Destination) -> Self {
            Self
        }

        pub(super) fn starter(&self) -> OnHost {
            Box::new(|_| {})
        }

        pub(super) async fn end(self) {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: apps.plugin does not run where the node has the same charts of its own; other plugins do.
    #[test]
    fn no_chart_is_collected_twice() {
        for (own, runs) in [(&[][..], true), (&["users"], false), (&["apps", "groups"], false), (&["cpu"], true)] {
            let wanted = wanted("*", |family| own.contains(&family));
            assert_eq!(wanted.matches("apps"), runs, "{own:?}");
            assert!(wanted.matches("python.d"), "{own:?}");
        }
    }
}
