//! `tributary-collector`: reads this machine every second and streams it to a parent.
//!
//! One thread collects and streams. No listener, no database but the spool.
#![forbid(unsafe_code)]

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use config::{Role, Settings};
use node::{CollectOn, OwnHost, Reload, Stop};

fn main() -> ExitCode {
    node::program(Role::Collector, run)
}

fn run(settings: Settings) -> anyhow::Result<()> {
    node::exit::on_panic();
    node::stay_small();
    let destination = node::sender(&settings)?.context("streaming is switched off, which leaves nothing to do")?;
    let own = OwnHost::build(&settings)?;
    node::runtime()?.block_on(async {
        let stop = Stop::new();
        node::settle();
        let _sweeping = own.sweep(&settings);
        let collecting = own.collect(&settings, CollectOn::ThisThread)?;
        let sending = stream::sender::run(Arc::clone(&own.host), destination, node::clock::now, stop.clone());
        let ended = node::run_until_stopped(&stop, Reload::new(settings), sending).await;
        collecting.end().await;
        own.save();
        ended
    })
}
