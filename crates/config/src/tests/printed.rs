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
            "tokens = [\"…\", \"…\"] # not built yet",
            "destination = \"http://…@host:80/\" # not built yet",
        ] {
            assert_eq!(has(line), role != Role::Collector, "{role:?}: {line}\n{page}");
        }
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
