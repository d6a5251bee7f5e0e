use std::path::PathBuf;
use std::time::Duration;

use super::{GUID, Place, load, load_file};
use crate::{MemoryMode, Role, Settings, WebMode};

const STREAM: &str = "[stream]\ndestination = 'master'\napi_key = '11111111-2222-3333-4444-555555555555'\n";

fn loaded(role: Role, file: &str) -> Settings {
    load(role, file, &[], &[]).unwrap_or_else(|problems| panic!("{problems}"))
}

/// Goal: without anything said, every field has the default that the documents promise.
#[test]
fn defaults() {
    let settings = load_file(Role::Master, "/nowhere/at/all.toml".as_ref(), &[], &[]).unwrap();
    assert!(settings.notes.is_empty());
    assert_eq!(settings.global.update_every, Duration::from_secs(1));
    assert_eq!((settings.global.memory_mode, settings.global.history), (MemoryMode::Ram, 3600));
    assert_eq!(settings.global.lib_dir, PathBuf::from("/var/lib/tributary"));
    assert_eq!(settings.web.mode, WebMode::StaticThreaded);
    assert_eq!(settings.web.bind_to, ["127.0.0.1:19999"]);
    assert_eq!(settings.web.accept_a_streaming_request_every, Duration::ZERO);
    assert!(!settings.stream.enabled);
    assert_eq!(settings.stream.spool, Duration::from_secs(600));
    assert_eq!((settings.stream.buffer_size, settings.stream.compression_window), (1 << 20, 128 << 10));
    assert_eq!((settings.api_keys.len(), settings.machines.len(), settings.backends.len()), (0, 0, 0));
    let families: Vec<&str> = settings.collect.families.iter().map(|family| family.name).collect();
    assert_eq!(
        families,
        [
            "cpu",
            "load",
            "memory",
            "processes",
            "disks",
            "network",
            "interrupts",
            "pressure",
            "protocols",
            "sockets",
            "softnet",
            "conntrack",
            "entropy",
            "clock",
            "uptime",
            "frequency",
            "numa",
            "ecc",
            "ksm",
            "zram",
            "wireless",
            "sctp",
            "ip_vs",
            "synproxy",
            "raid",
            "nfs",
            "zfs",
            "btrfs",
            "ipc",
            "power",
            "apps",
            "users",
            "groups",
            "idlejitter",
            "self",
            "mounts",
            "cgroups",
        ]
    );
    assert_eq!(settings.collect.families[4].exclude, "loop* ram*");
    assert_eq!(settings.collect.families[0].exclude, "");
    assert!(settings.collect.families.iter().all(|family| !family.details));
    let mounts = settings.collect.families.iter().find(|family| family.name == "mounts").unwrap();
    assert!(mounts.exclude.starts_with("/dev ") && mounts.pattern("exclude_types").starts_with("*gvfs "));
    assert_eq!((mounts.pattern("exclude"), mounts.pattern("other")), (String::new(), String::new()));
}

/// Goal: the command line wins over the environment, that over the file, that over the default;
/// and of the command line, what comes last.
#[test]
fn precedence() {
    let file = "[global]\nhistory = 10";
    let variable = [("TRIBUTARY_GLOBAL__HISTORY", "20")];
    for (file, variables, arguments, expected) in [
        ("", &[][..], &[][..], 3600),
        (file, &[], &[], 10),
        (file, &variable, &[], 20),
        ("", &variable, &[], 20),
        (file, &variable, &["--set", "global.history=30"], 30),
        (file, &variable, &["--set", "global.history=30", "--set", "global.history=40"], 40),
    ] {
        let settings = load(Role::Master, file, variables, arguments).unwrap();
        assert_eq!(settings.global.history, expected, "{file:?} {variables:?} {arguments:?}");
    }
}

/// Goal: `--config` wins over the default file, which is read only where it exists.
#[test]
fn which_file() {
    let place = Place::new();
    let default = place.file("default.toml", "[global]\nhistory = 10");
    let named = place.file("named.toml", "[global]\nhistory = 20");
    let named = named.to_str().unwrap();
    let history = |path: &std::path::Path, arguments: &[&str]| {
        load_file(Role::Master, path, &[], arguments).unwrap().global.history
    };
    assert_eq!(history(&default, &[]), 10);
    assert_eq!(history(&default, &["--config", named]), 20);
    assert_eq!(history(&place.0.path().join("absent.toml"), &[]), 3600);
}

/// Goal: a destination makes a collector stream; the command line's own options are enough.
#[test]
fn a_collector_streams() {
    let options = ["--destination", "master:19999", "--api-key", GUID];
    let settings = load(Role::Collector, "", &[], &options).unwrap();
    assert!(settings.stream.enabled);
    assert_eq!((&*settings.stream.destination, &*settings.stream.api_key), ("master:19999", GUID));
    assert!(loaded(Role::Collector, STREAM).stream.enabled, "a destination anywhere is enough");
    let disabled = format!("{STREAM}enabled = false");
    assert!(!loaded(Role::Collector, &disabled).stream.enabled, "unless somebody said no");
    assert!(load(Role::Collector, &disabled, &[], &options).unwrap().stream.enabled, "--destination implies it");
    let refused = ["--set", "stream.enabled=false", "--destination", "master"];
    assert!(!load(Role::Collector, STREAM, &[], &refused).unwrap().stream.enabled, "but a --set is explicit");
}

/// Goal: the other roles stream only where they are told to.
#[test]
fn a_proxy_streams_when_enabled() {
    assert!(!loaded(Role::Proxy, STREAM).stream.enabled);
    assert!(loaded(Role::Proxy, &format!("{STREAM}enabled = true")).stream.enabled);
}

/// Goal: an API key takes from [global] and [stream] what it does not say; a machine leaves open
/// what it does not say.
#[test]
fn inheritance() {
    let other = "99999999-2222-3333-4444-555555555555";
    let file = format!(
        "[global]\nhistory = 77\nmemory_mode = 'none'\nupdate_every = 2\n\
         [collect.disks]\nupdate_every = 5\n\
         {STREAM}enabled = true\nsend_charts_matching = 'system.*'\n\
         [api_keys.{}]\n\
         [api_keys.{other}]\ndefault_history = 99\nproxy_enabled = false\nproxy_destination = 'else'\n\
         [machines.{GUID}]\nhistory = 5\n",
        GUID.to_uppercase()
    );
    let settings = loaded(Role::Proxy, &file);
    let [first, second] = &*settings.api_keys else { panic!("two keys") };
    assert_eq!((&*first.guid, &*second.guid), (GUID, other));
    assert_eq!((first.default_history, first.default_memory_mode), (77, MemoryMode::None));
    assert_eq!((first.proxy_enabled, &*first.proxy_destination), (true, "master"));
    assert_eq!((&*first.proxy_api_key, &*first.proxy_send_charts_matching), (GUID, "system.*"));
    assert_eq!((second.default_history, second.proxy_enabled, &*second.proxy_destination), (99, false, "else"));
    assert_eq!((first.health_enabled_by_default, first.ephemeral), (None, None));
    let [machine] = &*settings.machines else { panic!("one machine") };
    assert_eq!((machine.history, machine.memory_mode, machine.health_enabled), (Some(5), None, None));
    let every: Vec<u64> = settings.collect.families.iter().map(|family| family.update_every.as_secs()).collect();
    let disks = 4;
    let expected: Vec<u64> = (0..every.len()).map(|at| if at == disks { 5 } else { 2 }).collect();
    assert_eq!(every, expected);
}

/// Goal: tables with names can come from the environment and the command line as well.
#[test]
fn named_tables_from_everywhere() {
    let underscored = format!("TRIBUTARY_API_KEYS__{}__ALLOW_FROM", GUID.replace('-', "_"));
    let machine = format!("machines.{GUID}.enabled=false");
    let settings = load(
        Role::Master,
        "",
        &[(&underscored, "10.*"), ("TRIBUTARY_COLLECT__DISKS__EXCLUDE", "sd*"), ("TRIBUTARY_WEB__BIND_TO", "*:1 *:2")],
        &["--set", &machine],
    )
    .unwrap();
    assert_eq!((&*settings.api_keys[0].guid, &*settings.api_keys[0].allow_from), (GUID, "10.*"));
    assert_eq!(settings.collect.families[4].exclude, "sd*");
    assert_eq!(settings.web.bind_to, ["*:1", "*:2"]);
    assert!(!settings.machines[0].enabled);
}

/// Goal: what is set without effect is told, in one line each, and only then.
#[test]
fn notes() {
    for (role, file, expected) in [
        (Role::Master, "[global]\nhistory = 10", &[][..]),
        (Role::Master, "[health]\nenabled = true\n[web]\ntls = 'optional'", &[]),
        (Role::Master, "[health]\nenabled = false", &[]),
        (Role::Master, "[global]\nmemory_mode = 'map'", &[]),
        (Role::Proxy, "[stream]\nspool_mode = 'map'", &[]),
        (Role::Master, "[global]\nmemory_mode = 'none'", &[]),
        (Role::Master, "[stream]\ntimeout = 5", &["node.toml:2: stream.timeout = \"5s\": has no effect in a master"]),
        (Role::Master, "[backend.graphite]", &[]),
        (
            Role::Collector,
            "[health.syslog]\n[backend.x]\ntype = 'json'\n[web]\nmode = 'none'\n[api_keys.11111111-2222-3333-4444-555555555555]\nallow_from = '*'",
            &[
                "node.toml:6: [api_keys.11111111…]: has no effect in a collector",
                "node.toml:1: [health.syslog]: has no effect in a collector",
                "node.toml:2: [backend.x]: has no effect in a collector",
                "node.toml:5: web.mode = \"none\": has no effect in a collector",
            ],
        ),
        (
            Role::Master,
            "[api_keys.11111111-2222-3333-4444-555555555555]\nproxy_enabled = true\nhealth_enabled_by_default = true\ndefault_memory_mode = 'map'",
            &["node.toml:2: api_keys.11111111….proxy_enabled = true: has no effect in a master"],
        ),
    ] {
        let file = if role == Role::Collector { format!("{file}\n{STREAM}") } else { file.to_owned() };
        let notes: Vec<String> = loaded(role, &file).notes.iter().map(|note| super::without_folder(note)).collect();
        assert_eq!(notes, expected, "{file}");
    }
}
