//! Settings and the command line, as a person meets them.

use std::net::TcpListener;
use std::process::Output;

use integration_tests::node::Role;

const ROLES: [Role; 3] = [Role::Collector, Role::Proxy, Role::Master];

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Goal: `check` prints the settings in force and succeeds.
#[test]
fn check_prints_settings() {
    for role in ROLES {
        let key = "stream.api_key=11111111-2222-3333-4444-555555555555";
        let parent = "stream.destination=127.0.0.1:1";
        let output = role.run(&["check", "--set", "global.hostname=checked-box", "--set", parent, "--set", key]);
        assert_eq!(output.status.code(), Some(0), "{}: {}", role.binary(), err(&output));
        assert!(out(&output).contains("checked-box"), "{}", out(&output));
        assert!(out(&output).contains("update_every"), "{}", out(&output));
        assert!(!out(&output).contains(&key[15..]), "the API key is shown: {}", out(&output));
    }
}

/// Goal: a mistake in a file is named by file and line, by `check` and at a start, with status 2.
#[test]
fn mistakes_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("node.toml");
    let path = file.display().to_string();
    let mistakes = [
        ("[global]\nhistroy = 60\n", "2"),
        ("[global]\n\nhistory = \"many\"\n", "3"),
        ("[nothing]\nx = 1\n", "1"),
        ("[stream]\nreconnect_delay = \"five\"\n", "2"),
        ("[global\n", "1"),
    ];
    for role in ROLES {
        for (text, line) in mistakes {
            std::fs::write(&file, text).unwrap();
            for arguments in [vec!["check", "--config", &path], vec!["--config", &path]] {
                let output = role.run(&arguments);
                let said = out(&output) + &err(&output);
                assert_eq!(output.status.code(), Some(2), "{} {text:?}: {said}", role.binary());
                assert!(said.contains(&format!("{path}:{line}: ")), "{} {text:?}: {said}", role.binary());
            }
        }
    }
}

/// Goal: a file that is not there, and an option that nobody knows, are named, with status 2.
#[test]
fn wrong_calls_are_named() {
    for role in ROLES {
        for (arguments, word) in [(["--config", "/nowhere/x.toml"], "/nowhere/x.toml"), (["--colour", "red"], "colour")]
        {
            let output = role.run(&arguments);
            assert_eq!(output.status.code(), Some(2), "{} {arguments:?}: {}", role.binary(), err(&output));
            assert!(err(&output).contains(word), "{}", err(&output));
        }
    }
}

/// Goal: a collector that has nowhere to stream to says so and ends with status 2.
#[test]
fn collector_without_destination() {
    let output = Role::Collector.run(&[]);
    assert_eq!(output.status.code(), Some(2), "{}", err(&output));
    assert!(err(&output).contains("destination"), "{}", err(&output));
}

/// Goal: help and version as anyone expects them.
#[test]
fn help_and_version() {
    for role in ROLES {
        let help = role.run(&["--help"]);
        assert_eq!(help.status.code(), Some(0));
        for word in [role.binary(), "--config", "--set", "check"] {
            assert!(out(&help).contains(word), "no {word} in {}", out(&help));
        }
        assert_eq!(out(&help).contains("--destination"), role == Role::Collector);
        let version = role.run(&["--version"]);
        assert_eq!(version.status.code(), Some(0));
        assert_eq!(out(&version).trim(), format!("{} {}", role.binary(), env!("CARGO_PKG_VERSION")));
    }
}

/// Goal: a port that somebody else has is named, with status 1.
#[test]
fn busy_port() {
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = holder.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let lib = format!("global.lib_dir={}", folder.path().join("lib").display());
    let cache = format!("global.cache_dir={}", folder.path().join("cache").display());
    let bind = format!("web.bind_to={address}");
    for role in [Role::Master, Role::Proxy] {
        let output = role.run(&["--set", &lib, "--set", &cache, "--set", &bind]);
        assert_eq!(output.status.code(), Some(1), "{}: {}", role.binary(), err(&output));
        assert!(err(&output).contains(&address), "{}: {}", role.binary(), err(&output));
    }
}
