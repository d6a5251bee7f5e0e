//! Who drives the beat: the thread that streams, or one of its own.

use std::io;

use anyhow::Context;
use collect::{Beat, Next};
use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::clock;
use crate::plugins::Plugins;
use crate::program::runtime;
use crate::timer::Timer;

/// Which thread collects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CollectOn {
    /// The one that starts it: a tick's rows are sent in the turn that they are collected in.
    ThisThread,
    /// One of its own, where this one has requests to answer.
    OwnThread,
}

/// The collection of the own host, where settings want it.
#[derive(Debug, Default)]
pub struct Collecting {
    stop: CancellationToken,
    task: Option<tokio::task::JoinHandle<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
    plugins: Plugins,
}

impl Collecting {
    pub(crate) fn start(beat: Beat, plugins: Plugins, on: CollectOn) -> anyhow::Result<Self> {
        let stop = CancellationToken::new();
        let mut collecting = Self { stop: stop.clone(), plugins, ..Self::default() };
        match on {
            CollectOn::ThisThread => collecting.task = Some(tokio::spawn(until(stop, beat))),
            CollectOn::OwnThread => {
                let thread = std::thread::Builder::new().name("collect".into());
                let work = move || match runtime() {
                    Ok(runtime) => runtime.block_on(until(stop, beat)),
                    Err(err) => error!("collection ends: {err:#}"),
                };
                collecting.thread = Some(thread.spawn(work).context("starting the collecting thread")?);
            }
        }
        Ok(collecting)
    }

    /// Ends it: nothing is collected any more afterwards.
    pub async fn end(self) {
        self.stop.cancel();
        self.plugins.end();
        let task_ended = match self.task {
            Some(task) => task.await.is_ok(),
            None => true,
        };
        let thread_ended = self.thread.is_none_or(|thread| thread.join().is_ok());
        if !(task_ended && thread_ended) {
            error!("collection ended by a panic");
        }
    }
}

async fn until(stop: CancellationToken, beat: Beat) {
    if let Some(Err(err)) = stop.run_until_cancelled(drive(beat)).await {
        error!("no timer, collection ends: {err}");
    }
}

/// Steps the beat whenever it wants to be stepped.
async fn drive(mut beat: Beat) -> io::Result<()> {
    let timer = Timer::new()?;
    loop {
        match beat.step(clock::now()) {
            Next::Now => {}
            Next::At(wall_us) => timer.wait(wall_us).await?,
            Next::End => return Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rrd_store::{FeedKind, Host, HostInfo, Keep, MemoryMode, Store};

    use super::*;

    fn beat() -> (Arc<Host>, Beat) {
        let guid = row::Guid::from_bytes([3; 16]);
        let info = HostInfo { hostname: "here".to_owned(), hops: 0, ..HostInfo::unknown(guid) };
        let host = Store::new().add(&info, Keep::new(MemoryMode::Ram, 60));
        let feed = host.claim(FeedKind::Local, info);
        (Arc::clone(&host), Beat::new(collect::Collector::new(collect::Config::default()), feed, guid))
    }

    /// Goal: on either thread rows come in real time, and none after the end.
    #[test]
    fn rows_come_until_the_end() {
        for on in [CollectOn::ThisThread, CollectOn::OwnThread] {
            runtime().unwrap().block_on(async {
                let (host, beat) = beat();
                let collecting = Collecting::start(beat, Plugins::default(), on).unwrap();
                let deadline = clock::now().mono_us + 10_000_000;
                while !host.read(|host| host.find_chart("system.cpu").is_some()) {
                    assert!(clock::now().mono_us < deadline, "no row within ten seconds");
                    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                }
                collecting.end().await;
                assert!(!host.is_fed(), "{on:?}");
            });
        }
    }

    /// Goal: another feed of the host ends it by itself.
    #[test]
    fn it_ends_with_its_feed() {
        runtime().unwrap().block_on(async {
            let (host, beat) = beat();
            let collecting = Collecting::start(beat, Plugins::default(), CollectOn::ThisThread).unwrap();
            let _other = host.claim(FeedKind::Local, HostInfo::clone(&host.info()));
            let ended = tokio::time::timeout(std::time::Duration::from_secs(10), collecting.task.unwrap()).await;
            assert!(ended.unwrap().is_ok());
        });
    }
}
