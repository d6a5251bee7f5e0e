//! `test-notification`: tells a role of an alarm that nobody has, by all that tells it of others.

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use config::Settings;
use health::notify::{Message, arguments, test_messages};
use notify::Facts;

use super::methods;
use super::program::{Program, list};
use crate::exit::{FAILURE, USAGE};
use crate::system::System;
use crate::{clock, identity};

/// Sends one message of each status, one after another, and says what came of each.
pub(crate) fn test(name: &str, settings: &Settings, role: &str) -> ExitCode {
    let methods = match methods::build(&settings.health) {
        Ok(methods) => methods,
        Err(problems) => {
            problems.iter().for_each(|problem| eprintln!("{problem}"));
            return ExitCode::from(USAGE);
        }
    };
    let hostname = match &*settings.global.hostname {
        "" => System::read(Path::new("/")).hostname,
        hostname => hostname.to_owned(),
    };
    let guid = identity::found(&settings.global.lib_dir);
    let (mut sent, mut failed) = (0, 0);
    let mut tell = |what: String, outcome: Result<(), String>| match outcome {
        Ok(()) => {
            sent += 1;
            println!("{what}: sent");
        }
        Err(why) => {
            failed += 1;
            println!("{what}: failed: {why}");
        }
    };
    for message in test_messages(&hostname, guid, role, clock::now().wall_s()) {
        let status = message.notice.transition.to.name();
        let facts = Facts::of(&message, &settings.health.dashboard_url);
        for method in &methods {
            for recipient in method.recipients(&message) {
                let outcome = method.try_once(&facts, recipient, clock::now());
                tell(format!("{}: {status} to {recipient}", method.name()), outcome);
            }
        }
        if let Some(exec) = Program::of(&settings.health, &message) {
            tell(format!("{}: {status}", exec.display()), run(&exec, settings, &message));
        }
    }
    if sent + failed == 0 {
        eprintln!("{name}: nobody is told of alarms for {role}: see [health.METHOD] and health.notify_exec");
    }
    if failed == 0 && sent > 0 { ExitCode::SUCCESS } else { ExitCode::from(FAILURE) }
}

/// Runs the program of settings, and waits for it. What it prints is for people to see.
fn run(exec: &Path, settings: &Settings, message: &Message) -> Result<(), String> {
    let mut command = Command::new(exec);
    command.args(arguments(message, list(&settings.health))).env("NETDATA_HOSTNAME", &message.hostname);
    match command.stdin(Stdio::null()).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(status.to_string()),
        Err(err) => Err(err.to_string()),
    }
}
