//! The sweeping: what nobody collects any more leaves memory, a few charts at a time.

use std::sync::Arc;
use std::time::Duration;

use config::Settings;
use rrd_store::{Left, Life, Patience, Store};
use tokio::task::AbortHandle;
use tokio::time::sleep;
use tracing::info;

use crate::clock;
use crate::saving::Remover;

/// Hosts that the log names at once; of more it tells the number.
const HOSTS_NAMED: usize = 10;

/// Memory goes back to the system after so many charts, or any host,
const CHARTS_MANY: u64 = 1_000;
/// and so long after they left: others may have let go of them by then.
const GIVE_BACK_US: u64 = 30_000_000;

/// Sweeps until it is dropped.
#[derive(Debug)]
pub struct Sweeping {
    task: AbortHandle,
}

impl Sweeping {
    pub(crate) fn start(settings: &Settings, store: Arc<Store>, remover: Remover) -> Self {
        let patience = Patience {
            charts_us: settings.global.cleanup_obsolete_charts_after.as_micros() as u64,
            hosts_us: settings.global.cleanup_orphan_hosts_after.as_micros() as u64,
        };
        Self { task: tokio::spawn(sweep(Life::new(patience), store, remover)).abort_handle() }
    }
}

impl Drop for Sweeping {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn sweep(mut life: Life, store: Arc<Store>, remover: Remover) {
    let (mut freed_us, mut charts) = (None, 0);
    loop {
        let now_us = clock::now().mono_us;
        let left = life.step(&store, clock::now());
        tell(&left);
        charts += left.charts;
        if charts >= CHARTS_MANY || !left.hosts.is_empty() {
            freed_us.get_or_insert(now_us);
        }
        if freed_us.is_some_and(|freed_us| now_us >= freed_us + GIVE_BACK_US) {
            (freed_us, charts) = (None, 0);
            give_back();
        }
        remover.remove(&left.hosts);
        remover.put_to_sleep(left.sleepy);
        sleep(Duration::from_micros(life.due_us().saturating_sub(clock::now().mono_us))).await;
    }
}

fn give_back() {
    if let Err(err) = heap::give_back_aside() {
        info!("memory that charts and hosts left stays with this process: {err}");
    }
}

fn tell(left: &Left) {
    if left.charts > 0 {
        info!("{} charts that are no longer collected left memory", left.charts);
    }
    for host in left.hosts.iter().take(HOSTS_NAMED) {
        info!("host '{}' ({}) left memory: nobody streams it any more", host.hostname, host.guid);
    }
    if left.hosts.len() > HOSTS_NAMED {
        info!("and {} more hosts", left.hosts.len() - HOSTS_NAMED);
    }
}
