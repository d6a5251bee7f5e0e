use super::{GUID, load};
use crate::Role;

const FILE: &str = "[global]\nhostname = 'a \"b\"'\nhistory = 100\ntiers = ['1m:7d']\n\
    [web]\ntokens = ['hunter2', 'hunter3']\n\
    [stream]\ntimeout = 90\napi_key = 'deadbeef-2222-3333-4444-c0ffeec0ffee'\n\
    [api_keys.deadbeef-2222-3333-4444-c0ffeec0ffee]\n\
    [api_keys.deadbeef-2222-3333-4444-c0ffeec0ffff]\nstream_pace = '5ms'\n\
    [machines.11111111-2222-3333-4444-555555555555]\nhistory = 50\n\
    [backend.'my backend']\ndestination = 'http://me:hunter2@host:80/'\n";

/// Goal: the page is valid TOML, tells set values from defaults, and shows no secret.
#[test]
fn settings_in_force() {
    for role in Role::ALL {
        let options: &[&str] = if role == Role::Collector { &["--destination", "x"] } else { &[] };
        let settings = load(role, FILE, &[], options).unwrap();
        let page = settings.print(role);
        toml::de::DeTable::parse(&page).unwrap_or_else(|err| panic!("{role:?}: {err}\n{page}"));
        assert!(!page.contains("c0ffee") && !page.contains("hunter"), "{page}");
        assert!(!format!("{settings:?}").contains("c0ffee"));
        let has = |line: &str| page.lines().any(|other| other == line);
        assert!(has("hostname = \"a \\\"b\\\"\"") && has("update_every = \"1s\" # default"), "{page}");
        assert_eq!(has("history = 100"), role != Role::Collector);
        assert_eq!(has("tiers = [\"1m:7d\"]"), role != Role::Collector);
        assert_eq!(has("api_key = \"deadbeef…\""), role != Role::Master, "{page}");
        assert_eq!(has("timeout = \"90s\""), role != Role::Master);
        assert_eq!(has("proxy_api_key = \"deadbeef…\" # default"), role == Role::Proxy);
        for line in [
            "[api_keys.\"deadbeef…\"]",
            "[api_keys.\"deadbeef… (2)\"]",
            "stream_pace = \"5ms\"",
            &format!("[machines.\"{GUID}\"]"),
            "history = 50",
            "tokens = [\"…\", \"…\"]",
            "destination = \"http://…@host:80/\"",
        ] {
            assert_eq!(has(line), role != Role::Collector, "{role:?}: {line}\n{page}");
        }
    }
}

/// Goal: of methods of notification what means something for their type is shown, and no secret, wherever
/// it was said; a table as a value takes entries from everywhere.
#[test]
fn methods() {
    let file = "[health.slack]\nurl = 'https://hooks.example.org/hunter2'\nroles.dba = ['#db|critical']\n\
        roles.web = []\n[health.hook]\ntype = 'webhook'\nurl_file = '/secrets/hook'\nbody = 'key=hunter3'\n\
        [health.hook.headers]\nAuthorization = 'hunter4'\n[health.mail]\nserver = 'x'\npassword = 'hunter5'\n\
        recipients = ['a@example.org']\nsender = 'b@example.org'\n";
    let variables =
        [("TRIBUTARY_HEALTH__SLACK__ROLES__SYSADMIN", "#ops #more"), ("TRIBUTARY_HEALTH__PAGERDUTY__TOKEN", "hunter6")];
    let settings = load(Role::Master, file, &variables, &["--set", "health.slack.roles.web=#web"]).unwrap();
    let page = settings.print(Role::Master);
    assert!(!page.contains("hunter"), "{page}");
    let lists = "{ \"dba\" = [\"#db|critical\"], \"sysadmin\" = [\"#ops\", \"#more\"], \"web\" = [\"#web\"] }";
    for line in [
        &*format!("roles = {lists}"),
        "headers = { \"Authorization\" = \"…\" }",
        "password = \"…\"",
        "[health.\"pagerduty\"]",
    ] {
        assert!(page.lines().any(|other| other == line), "{line}\n{page}");
    }
    assert_eq!(page.matches("server = ").count(), 1, "{page}");
    let [hook, mail, pagerduty, slack] = &*settings.health.methods else { panic!("four methods") };
    assert_eq!((&*hook.kind, &*mail.kind, &*pagerduty.token), ("webhook", "mail", "hunter6"));
    assert_eq!((&slack.recipients, slack.roles.len()), (&None, 3));
    assert!(hook.place("url_file").ends_with("node.toml:7: health.hook.url_file"), "{}", hook.place("url_file"));
    assert!(slack.place("token").ends_with("node.toml:1: health.slack"), "{}", slack.place("token"));
}

/// Goal: the page of the API tells the same, defaults commented, and no secret.
#[test]
fn settings_as_a_page() {
    let page = load(Role::Proxy, FILE, &[], &[]).unwrap().page();
    assert!(!page.contains("c0ffee") && !page.contains("hunter"), "{page}");
    for line in ["[global]", "\thistory = 100", "\t# update_every = \"1s\"", "\ttokens = [\"…\", \"…\"]"] {
        assert!(page.lines().any(|other| other == line), "{line}\n{page}");
    }
}

/// Goal: what was printed, without secrets, would be read again as the same.
#[test]
fn a_printed_page_can_be_loaded() {
    let first = load(Role::Master, "[global]\nhistory = 100\n[backend.x]\n", &[], &[]).unwrap();
    let second = load(Role::Master, &first.print(Role::Master), &[], &[]).unwrap();
    assert!(first.global == second.global && first.web == second.web && first.backends == second.backends);
    assert!(first.collect == second.collect && first.health == second.health && first.stream == second.stream);
}
