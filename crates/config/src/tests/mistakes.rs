use std::path::Path;

use super::{GUID, Place, load, load_file, problems, problems_of};
use crate::Role;

/// Goal: a mistake says file, line, key, what was found, and what would do.
#[test]
fn every_mistake_names_its_place() {
    let guid = "a GUID such as \"11111111-2222-3333-4444-555555555555\"";
    for (file, expected) in [
        (
            "[global]\n\n[stream]\nreconnect_delay = \"five\"",
            "node.toml:4: stream.reconnect_delay = \"five\": expected a duration such as 5 or \"5s\", \
             from 1 s to 1 h (default \"5s\")"
                .to_owned(),
        ),
        ("[web]\nmode = 5", "node.toml:2: web.mode = 5: expected one of \"none\", \"static-threaded\" (default \"static-threaded\")".into()),
        ("[global]\nhistory = 4", "node.toml:2: global.history = 4: expected an integer from 5 to 31622400 (rows) (default 3600)".into()),
        ("[stream]\nbuffer_size = \"1KiB\"", "node.toml:2: stream.buffer_size = \"1KiB\": expected a size such as 65536 or \"64KiB\", from 64 KiB to 1 GiB (default \"1MiB\")".into()),
        ("[stream]\napi_key = \"wrong-but-long-enough\"", format!("node.toml:2: stream.api_key = \"wrong-bu…\": expected {guid} (default \"\")")),
        ("[stream]\napi_key = 5", format!("node.toml:2: stream.api_key = \"…\": expected {guid} (default \"\")")),
        ("[collect]\ndisks.enabled = 1", "node.toml:2: collect.disks.enabled = 1: expected true or false (default true)".into()),
        ("[collect.disks]\nupdate_every = 0", "node.toml:2: collect.disks.update_every = 0: expected a duration such as 5 or \"5s\" in whole seconds, from 1 s to 1 h (default as global.update_every)".into()),
        ("[machines.11111111-2222-3333-4444-555555555555]\nhistory = true", "node.toml:2: machines.11111111-2222-3333-4444-555555555555.history = true: expected an integer from 5 to 31622400 (rows)".into()),
        ("stream = 5", "node.toml:1: stream = \"…\": expected a table".into()),
        ("[[backend]]", "node.toml:1: backend = \"…\": expected a table".into()),
        ("[stream]\napi_kye = 'x'", "node.toml:2: stream.api_kye: unknown key; did you mean stream.api_key?".into()),
        ("[web]\n[strem]\napi_key = 'x'", "node.toml:2: strem: unknown table; did you mean stream?".into()),
        ("hostname = 'x'", "node.toml:1: hostname: unknown key; did you mean global.hostname?".into()),
        ("[collect.zebra]\nenabled = true", "node.toml:1: collect.zebra: unknown key".into()),
        ("[health]\nenabledd = true", "node.toml:2: health.enabledd: unknown key; did you mean health.enabled?".into()),
 ("[health.ops]\nenabled = true", "node.toml:1: health.ops: expected a type, one of mail, webhook, slack, discord, telegram, pagerduty, ntfy, mattermost, rocketchat, syslog".into()),
        ("[health.ops]\ntype = 'pigeon'", "node.toml:2: health.ops.type = \"pigeon\": expected one of \"mail\", \"webhook\", \"slack\", \"discord\", \"telegram\", \"pagerduty\", \"ntfy\", \"mattermost\", \"rocketchat\", \"syslog\"".into()),
        ("[health.slack]\nsender = 'x'", "node.toml:1: health.slack: expected health.slack.url or health.slack.url_file to be set".into()),
        ("[health.slack]\nurl = 5", "node.toml:2: health.slack.url = \"…\": expected a text in quotes (default \"\")".into()),
        ("[health.slack]\nurl = 'x'\nurl_file = 'y'", "node.toml:3: health.slack.url_file: expected either this or health.slack.url".into()),
        ("[health.slack]\nurl = 'x'\nserver = 'y'", "node.toml:3: health.slack.server: means nothing for the type slack".into()),
        ("[health.slack]\nurl = 'x'\nroles = 5", "node.toml:3: health.slack.roles = 5: expected a table of lists such as { sysadmin = [\"a\", \"b\"] } (default {})".into()),
        ("[health.slack]\nurl = 'x'\n[health.slack.roles]\n\nsysadmin = 'y'", "node.toml:5: health.slack.roles.sysadmin = \"y\": expected a list of texts such as [\"a\", \"b\"]".into()),
        ("[health.webhook]\nurl = 'x'\nheaders = { A = 5 }", "node.toml:3: health.webhook.headers.A = \"…\": expected a text in quotes".into()),
        ("[health.webhook]\nurl = 'x'\nsuccess = ['2xx', 'ok']", "node.toml:3: health.webhook.success = \"ok\": expected a list of statuses such as [\"2xx\", \"409\"] (default [\"2xx\"])".into()),
        ("[health.webhook]\nurl = 'x'\nheadrs.x = 'y'", "node.toml:3: health.webhook.headrs: unknown key; did you mean health.webhook.headers?".into()),
        ("[stream.enabled]", "node.toml:1: stream.enabled = a table: expected true or false (default false)".into()),
        ("[backend.x.type.y]", "node.toml:1: backend.x.type = a table: expected one of \"graphite\", \"graphite-http\", \"opentsdb\", \"opentsdb-http\", \"json\", \"json-http\", \"prometheus-remote-write\", \"influx\" (default \"graphite\")".into()),
        ("[api_keys.web]\nenabled = true", "node.toml:1: api_keys.…: expected a GUID as the name of the table".into()),
    ] {
        assert_eq!(problems(file), [expected], "{file}");
    }
}

/// Goal: all mistakes are reported, in the order of the file, each with its line, whatever tables,
/// arrays and texts of several lines stand between them.
#[test]
fn all_are_reported_with_their_lines() {
    let file = r#"# a comment
[web]
bind_to = [
    "127.0.0.1:19999",  # good
    "127.0.0.1",

    17,
]
allow_connections_from = """
a
b
"""
tls = "never"

[collect]
[collect.disks]
exclude = 5
network = { exclude = true }

[global]
update_every = "0s"
nonsense = [
  1,
]
[api_keys.11111111-2222-3333-4444-555555555555]
enabled = "yes"
"#;
    let places: Vec<String> = problems(file)
        .iter()
        .map(|line| line.split_once(": ").unwrap())
        .map(|(place, rest)| format!("{place} {}", rest.split([' ', ':']).next().unwrap()))
        .collect();
    assert_eq!(
        places,
        [
            "node.toml:5 web.bind_to",
            "node.toml:13 web.tls",
            "node.toml:17 collect.disks.exclude",
            "node.toml:18 collect.disks.network",
            "node.toml:21 global.update_every",
            "node.toml:22 global.nonsense",
            "node.toml:26 api_keys.11111111….enabled",
        ]
    );
}

/// Goal: texts that are no TOML, duplicates among them, are named with their lines.
#[test]
fn syntax() {
    for (file, lines) in [
        ("[web]\nmode = \n", &["node.toml:2"][..]),
        ("[web]\nmode = 'none'\nmode = 'none'", &["node.toml:3"]),
        ("[web]\nmode = 'none'\n\n[web]\n", &["node.toml:4"]),
        ("[web]\nmode = 'none\n[global]\nhistory 5\n", &["node.toml:2", "node.toml:4"]),
        ("\u{0}", &["node.toml:1", "node.toml:1"]),
        ("[web]\r\nmode = 'none'\r\nmode = 'none'\r\n", &["node.toml:3"]),
    ] {
        let found = problems(file);
        let mut places: Vec<&str> = found.iter().map(|line| line.split_once(": ").unwrap().0).collect();
        places.sort_unstable();
        assert_eq!(places, lines, "{file:?}: {found:?}");
        assert!(found.iter().all(|line| !line.contains('\n')), "{found:?}");
    }
}

/// Goal: files made to hurt end with a message, soon.
#[test]
fn hostile_files() {
    for (what, file) in [
        ("deep dotted key", format!("{}a = 1", "a.".repeat(500_000))),
        ("deep header", format!("[{}a]", "a.".repeat(500_000))),
        ("deep arrays", format!("a = {}", "[".repeat(1_000_000))),
        ("deep inline tables", format!("a = {}", "{a=".repeat(300_000))),
        ("many headers", "[a]\n".repeat(200_000)),
        ("binary", "\u{1}\n".repeat(400_000)),
        ("long text", format!("[global]\nhostname = '{}'", "x".repeat(1_000_000))),
        ("many unknown keys", (0..10_000).map(|at| format!("k{at} = 1\n")).collect()),
    ] {
        let found = load(Role::Master, &file, &[], &[]).unwrap_err();
        assert!(found.lines().iter().all(|line| line.len() < 1_000), "{what}");
        assert_eq!(found.lines().len() > 1_000, what == "many unknown keys", "{what}: {}", found.lines().len());
    }
}

/// Goal: mistakes of the environment and the command line name the variable and the option.
#[test]
fn environment_and_command_line() {
    let key = format!("TRIBUTARY_API_KEYS__{}__ENABLE", GUID.replace('-', "_"));
    let variables = [
        ("TRIBUTARY_GLOBAL__HISTORY", "many"),
        ("TRIBUTARY_HOSTNAME", "x"),
        ("TRIBUTARY_STREAM_API_KEY", GUID),
        ("TRIBUTARY_STREAM__APIKEY", GUID),
        ("TRIBUTARY_", ""),
        ("TRIBUTARY_NONSENSE__X", ""),
        (&key, "true"),
    ];
    let arguments = ["--set", "web.bind_to=nowhere", "--set", "web.bind=x", "--set", "global=5"];
    assert_eq!(
        problems_of(load(Role::Master, "[web]\nmode = 1", &variables, &arguments))[1..],
        [
            "environment TRIBUTARY_: \"\": unknown key",
            "environment TRIBUTARY_API_KEYS__11111111…__ENABLE: api_keys.11111111….enable: unknown key; did you mean TRIBUTARY_API_KEYS__11111111…__ENABLED?",
            "environment TRIBUTARY_GLOBAL__HISTORY: global.history = \"many\": expected an integer from 5 to 31622400 (rows) (default 3600)",
            "environment TRIBUTARY_HOSTNAME: hostname: unknown key; did you mean TRIBUTARY_GLOBAL__HOSTNAME?",
            "environment TRIBUTARY_NONSENSE__X: nonsense: unknown table",
            "environment TRIBUTARY_STREAM_API_KEY: stream_api_key: unknown key; did you mean TRIBUTARY_STREAM__API_KEY?",
            "environment TRIBUTARY_STREAM__APIKEY: stream.apikey: unknown key; did you mean TRIBUTARY_STREAM__API_KEY?",
            "--set web.bind_to: web.bind_to = \"nowhere\": expected a list of addresses such as \"127.0.0.1:19999\", \"[::]:19999\", \"*:19999\" or \"unix:/path\" (default [\"127.0.0.1:19999\"])",
            "--set web.bind: web.bind: unknown key; did you mean web.bind_to?",
            "--set global: global = \"…\": expected a table",
        ]
    );
}

/// Goal: whoever streams must know where to and with which key.
#[test]
fn streaming_without_destination_or_key() {
    assert_eq!(
        problems_of(load(Role::Collector, "", &[], &[])),
        [
            "no destination: give --destination HOST:PORT or set stream.destination",
            "no API key: give --api-key GUID or set stream.api_key"
        ]
    );
    assert_eq!(
        problems_of(load(Role::Collector, "", &[], &["--destination", "x", "--api-key", "hunter2"])),
        [
            "--api-key: stream.api_key = \"…\": expected a GUID such as \"11111111-2222-3333-4444-555555555555\" (default \"\")"
        ]
    );
    for role in [Role::Proxy, Role::Master] {
        assert_eq!(
            problems_of(load(role, "[stream]\nenabled = true", &[], &[])),
            [
                "node.toml:2: stream.enabled = true: expected stream.destination to be set too",
                "node.toml:2: stream.enabled = true: expected stream.api_key to be set too"
            ]
        );
    }
}

/// Goal: settings of TLS that cannot work alone name what is missing, where they matter.
#[test]
fn tls_settings_need_each_other() {
    let file = "[web]\ntls = 'required'\ntls_client_ca = '/a'\n[stream]\ntls_key = '/b'\n";
    let web = [
        "node.toml:3: web.tls_client_ca: expected web.tls_certificate to be set too",
        "node.toml:2: web.tls = \"required\": expected web.tls_certificate to be set too",
    ];
    assert_eq!(problems_of(load(Role::Master, file, &[], &[])), web);
    let key = "node.toml:5: stream.tls_key: expected stream.tls_certificate to be set too";
    assert_eq!(problems_of(load(Role::Proxy, file, &[], &[])), [web[0], key, web[1]]);
    let collector = load(Role::Collector, file, &[], &["--destination", "x:SSL", "--api-key", GUID]);
    assert_eq!(problems_of(collector), [key]);
    let file = "[web]\ntls = 'required'\ntls_certificate = '/a'\n";
    assert_eq!(
        problems_of(load(Role::Master, file, &[], &[])),
        ["node.toml:3: web.tls_certificate: expected web.tls_key to be set too"]
    );
    assert!(load(Role::Master, &format!("{file}tls_key = '/b'\n"), &[], &[]).is_ok());
}

/// Goal: a tier that does not nest is told with its place and what would do.
#[test]
fn tiers_nest() {
    for role in [Role::Proxy, Role::Master] {
        assert_eq!(
            problems_of(load(role, "[global]\ntiers = ['1m:7d', '90s:1y']", &[], &[])),
            ["node.toml:2: global.tiers, \"90s:1y\": expected a multiple of the resolution before it, 1 m"]
        );
        assert!(load(role, "[global]\ntiers = ['1m:7d', '1h:1y']", &[], &[]).is_ok());
    }
}

/// Goal: a file that cannot be read is named, with the reason, and costs no memory to speak of.
#[test]
fn unreadable_files() {
    let place = Place::new();
    let big = place.file("big.toml", vec![b'#'; 10 << 20]);
    let limit = place.file("limit.toml", vec![b'#'; 1 << 20]);
    let latin = place.file("latin.toml", b"[global]\n\nhostname = 'gr\xfc\xdfe'\n");
    let config = |path: &Path| {
        let result = load_file(Role::Master, "/nowhere".as_ref(), &[], &["--config", path.to_str().unwrap()]);
        result.map(|_| ()).map_err(|problems| problems.to_string())
    };
    let named = |path: &Path, rest: &str| Err(format!("{}{rest}", path.display()));
    assert_eq!(config(&big), named(&big, ": larger than 1 MiB, the limit of a settings file"));
    assert_eq!(config(&limit), Ok(()));
    assert_eq!(config(&latin), named(&latin, ":3: not a text in UTF-8"));
    let missing = place.0.path().join("missing.toml");
    assert_eq!(config(&missing), named(&missing, ": No such file or directory (os error 2)"));
    assert_eq!(config(place.0.path()), named(place.0.path(), ": Is a directory (os error 21)"));
}

/// Goal: whatever is wrong around a secret, no message shows it.
#[test]
fn secrets_are_never_shown() {
    let secret = "deadbeef-2222-3333-4444-c0ffeec0ffee";
    let tail = "c0ffee";
    let files = [
        format!("[stream]\napi_key = '{secret}x'"),
        format!("[stream]\napi_key = ['{secret}']"),
        format!("[stream]\napi_key = '{secret}\nenabled = true"),
        format!("[stream]\napikey = '{secret}'"),
        format!("[stream]\n{secret} = 1\n{secret}x = 1"),
        format!("api_key = '{secret}'"),
        format!("stream = '{secret}'"),
        format!("[api_keys]\n{secret} = true"),
        format!("[api_keys]\n'{secret}x' = {{}}"),
        format!("[api_keys.{secret}]\nenabled = 5\nproxy_api_key = '{secret}y'\ncolour = 1"),
        format!("[api_keys.{secret}]\n[api_keys.{secret}]\n"),
        format!("[{secret}]\n"),
        format!("[web]\ntokens = ['{tail}', 5]\n"),
        format!("[web]\ntokens = '{tail}'\n"),
        format!("[web]\ntokens = [['{tail}']]\n"),
    ];
    for file in files {
        for role in Role::ALL {
            let found = load(role, &file, &[], &[]).unwrap_err().to_string();
            assert!(!found.contains(tail), "{file}: {found}");
        }
        let whole = format!("stream.api_key={file}");
        let found = load(Role::Master, "", &[("TRIBUTARY_STREAM__API_KEY", &file)], &["--set", &whole]);
        let found = found.unwrap_err().to_string();
        assert!(!found.contains(tail), "{file}: {found}");
    }
}
