//! The thread that watches hosts for alarms.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context;
use config::Settings;
use health::engine::{Patience, Rules, value_string};
use health::expression::Status;
use health::files::{Found, read_folders};
use health::fleet::{Fleet, Telling, Told};
use health::notify::Message;
use row::US_PER_S;
use rrd_store::RealDisk;
use tracing::{error, info, warn};
use web::Management;

use crate::notifying::{self, Notifying};
use crate::own_host::OwnHost;
use crate::{clock, folder, management};

/// Hosts are looked at so long after each full second: by then its rows are there.
const OFFSET_US: i64 = 300_000;

/// The thread, until it is dropped.
#[derive(Debug)]
pub struct Watching {
    fleet: Arc<Fleet>,
    management: Management,
    /// Dropped to end the thread.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watching {
    /// Starts to watch, unless settings say not to.
    ///
    /// # Errors
    /// Where the state folder cannot be had, or the system gives no thread.
    pub fn start(settings: &Settings, own: &OwnHost) -> anyhow::Result<Option<Self>> {
        if !settings.health.enabled {
            return Ok(None);
        }
        let lib_dir = &settings.global.lib_dir;
        let is_default = lib_dir == std::path::Path::new(config::LIB_DIR);
        let state = folder::state(lib_dir, is_default, &|name| std::env::var(name).ok())?;
        let disk = Arc::new(RealDisk::new(&state.path.join("health")));
        let fleet = Fleet::new(Arc::clone(&own.store), disk, rules(settings), Patience::default());
        fleet.set_silencers(management::silencers(&state.path));
        fleet.set_telling(Telling {
            always: settings.health.notify == "always",
            reaches: notifying::reaches(&settings.health)?,
        });
        let management = management::management(&state.path)?;
        let fleet = Arc::new(fleet);
        let (stop, stopped) = channel::<()>();
        let (of_thread, notifying) = (Arc::clone(&fleet), Notifying::start(settings, Arc::clone(&fleet))?);
        *own.notified.lock().unwrap_or_else(PoisonError::into_inner) = notifying.notified();
        let thread = std::thread::Builder::new().name("health".into());
        let thread = thread
            .spawn(move || {
                while stopped.recv_timeout(until_next()) == Err(RecvTimeoutError::Timeout) {
                    tell(of_thread.step(clock::now()), &notifying);
                }
            })
            .context("starting the thread of alarms")?;
        Ok(Some(Self { fleet, management, stop: Some(stop), thread: Some(thread) }))
    }

    /// The alarms of all hosts.
    pub(crate) fn fleet(&self) -> Arc<Fleet> {
        Arc::clone(&self.fleet)
    }

    /// What it takes to silence them.
    pub(crate) fn management(&self) -> Management {
        self.management.clone()
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        drop(self.stop.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            error!("the thread of alarms ended by a panic");
        }
    }
}

/// What the folders of settings hold, and what is built in.
pub(crate) fn found(settings: &config::Health) -> Found {
    let built_in = if settings.stock_alarms { health::stock::FILES } else { &[] };
    read_folders(&settings.config_dir, built_in)
}

/// The alarms that settings put in force; what is wrong with their files is told.
pub(crate) fn rules(settings: &Settings) -> Rules {
    let found = found(&settings.health);
    for problem in &found.problems {
        warn!("health: {problem}");
    }
    let rules = Rules::new(found.definitions);
    info!("health: {} alarms and templates are in force", rules.count());
    rules
}

fn until_next() -> Duration {
    let us = (clock::now().wall_us - OFFSET_US).rem_euclid(US_PER_S);
    Duration::from_micros((US_PER_S - us) as u64)
}

fn tell(told: Told, notifying: &Notifying) {
    for (guid, error) in &told.refused {
        warn!("health: the alarm log of {guid} cannot be written: {error}");
    }
    for (guid, bytes) in &told.damaged {
        warn!("health: the alarm log of {guid} is damaged, its last {bytes} bytes are not used");
    }
    for message in told.messages {
        log(&message);
        notifying.tell(message);
    }
}

fn log(message: &Message) {
    let (hostname, transition) = (&message.hostname, &message.notice.transition);
    let (name, chart, status) = (&transition.name, &transition.chart, transition.to.name());
    let value = value_string(transition.value, &transition.units);
    let again = if message.notice.is_repeated { ", still" } else { "" };
    if transition.to == Status::Clear {
        info!("health: {hostname}: {name} of {chart} is {status}, {value}");
    } else {
        warn!("health: {hostname}: {name} of {chart} is {status}, {value}{again}");
    }
}
