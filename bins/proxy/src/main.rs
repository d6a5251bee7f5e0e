//! `tributary-proxy`: receives streams and passes them on, with or without a database of its own.
#![forbid(unsafe_code)]

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use config::{Role, Settings};
use node::{CollectOn, Exporting, OwnHost, Parent, Reload, Stop, Watching};
use stream::lane::Lanes;

fn main() -> ExitCode {
    node::program(Role::Proxy, run)
}

fn run(settings: Settings) -> anyhow::Result<()> {
    let destination = node::sender(&settings)?;
    let own = OwnHost::build(&settings)?;
    let lanes = Lanes::start(node::clock::now).context("starting the lanes")?;
    node::runtime()?.block_on(async {
        let stop = Stop::new();
        let watching = Watching::start(&settings, &own)?;
        let parent = Parent::open(&settings, &own, watching.as_ref(), &lanes.handle(), &stop)?;
        if let Some(destination) = destination {
            let (host, stop) = (Arc::clone(&own.host), stop.clone());
            let sending = move || stream::sender::run(host, destination, node::clock::now, stop);
            lanes.handle().spawn(own.host.guid(), sending);
        }
        let exporting = Exporting::start(&settings, &own)?;
        let _sweeping = own.sweep(&settings);
        let collecting = own.collect(&settings, CollectOn::OwnThread)?;
        let ended =
            node::run_until_stopped(&stop, Reload::with(settings, &parent, &exporting), parent.run(stop.clone())).await;
        collecting.end().await;
        ended
    })?;
    lanes.join();
    own.save();
    Ok(())
}
