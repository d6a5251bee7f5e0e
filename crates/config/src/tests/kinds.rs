use crate::kind::{Item, Kind, Value, duration, integer, size};
use crate::said::Raw;

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

fn list(texts: &[&str]) -> Value {
    Value::List(texts.iter().map(|text| (*text).to_owned()).collect())
}

/// Goal: each kind takes what it should, at both ends of its range, and nothing else.
#[test]
fn good_and_bad_values() {
    let guid = "11111111-2222-3333-4444-aaaaaaaaaaaa";
    let seconds = duration("1s", "1h", 1_000);
    let pace = duration("0", "1s", 1);
    let codecs = Kind::Words(&["lz4", "zstd", "none"]);
    for (kind, toml, expected) in [
        (Kind::Bool, "true", Some(Value::Bool(true))),
        (Kind::Bool, "\"true\"", None),
        (Kind::Bool, "1", None),
        (Kind::AutoBool, "false", Some(Value::AutoBool(Some(false)))),
        (Kind::AutoBool, "\"auto\"", Some(Value::AutoBool(None))),
        (Kind::AutoBool, "\"yes\"", None),
        (integer(5, 100, ""), "5", Some(Value::Integer(5))),
        (integer(5, 100, ""), "1_0", Some(Value::Integer(10))),
        (integer(5, 100, ""), "0x64", Some(Value::Integer(100))),
        (integer(5, 100, ""), "4", None),
        (integer(5, 100, ""), "101", None),
        (integer(5, 100, ""), "-5", None),
        (integer(5, 100, ""), "5.0", None),
        (integer(5, 100, ""), "\"5\"", None),
        (integer(0, u64::MAX, ""), "99999999999999999999999", None),
        (seconds, "1", Some(Value::Duration(1_000))),
        (seconds, "\"1h\"", Some(Value::Duration(3_600_000))),
        (seconds, "2.0", Some(Value::Duration(2_000))),
        (seconds, "1.5", None),
        (seconds, "\"1500ms\"", None),
        (seconds, "0", None),
        (seconds, "3601", None),
        (seconds, "-1", None),
        (seconds, "nan", None),
        (seconds, "inf", None),
        (seconds, "true", None),
        (seconds, "\"five\"", None),
        (pace, "0.05", Some(Value::Duration(50))),
        (pace, "\"50ms\"", Some(Value::Duration(50))),
        (pace, "0", Some(Value::Duration(0))),
        (pace, "\"1001ms\"", None),
        (size("64KiB", "1MiB"), "65536", Some(Value::Size(65_536))),
        (size("64KiB", "1MiB"), "\"1MiB\"", Some(Value::Size(1 << 20))),
        (size("64KiB", "1MiB"), "\"63KiB\"", None),
        (size("64KiB", "1MiB"), "\"1MB\"", None),
        (size("64KiB", "1MiB"), "-1", None),
        (Kind::Text, "\"a b\"", Some(text("a b"))),
        (Kind::Text, "\"\"", Some(text(""))),
        (Kind::Text, "\"a\\nb\"", None),
        (Kind::Text, "5", None),
        (Kind::Text, "1979-05-27", None),
        (Kind::Pattern, "\"!a *\"", Some(text("!a *"))),
        (Kind::Pattern, "\"\"\"a\nb\"\"\"", Some(text("a\nb"))),
        (Kind::Pattern, "[\"a\"]", None),
        (Kind::Choice(&["none", "ram"]), "\"ram\"", Some(text("ram"))),
        (Kind::Choice(&["none", "ram"]), "\"RAM\"", None),
        (codecs, "\"zstd lz4\"", Some(text("zstd lz4"))),
        (codecs, "\"none\"", Some(text("none"))),
        (codecs, "\"none lz4\"", None),
        (codecs, "\"lz4 lz4\"", None),
        (codecs, "\"gzip\"", None),
        (codecs, "\"\"", None),
        (Kind::ApiKey, "\"11111111-2222-3333-4444-AAAAAAAAAAAA\"", Some(text(guid))),
        (Kind::ApiKey, "\"\"", Some(text(""))),
        (Kind::ApiKey, "\"11111111-2222-3333-4444-AAAAAAAAAAA\"", None),
        (Kind::ApiKey, "\"11111111222233334444AAAAAAAAAAAA\"", None),
        (Kind::List(Item::Text), "[]", Some(list(&[]))),
        (Kind::List(Item::Text), "[\"a\", \"b c\"]", Some(list(&["a", "b c"]))),
        (Kind::List(Item::Text), "[\"a\", 5]", None),
        (Kind::List(Item::Text), "\"a\"", None),
        (Kind::List(Item::Tier), "[\"1m:7d\", \"1h:1y\"]", Some(list(&["1m:7d", "1h:1y"]))),
        (Kind::List(Item::Tier), "[\"7d:1m\"]", None),
        (Kind::List(Item::Tier), "[\"1m\"]", None),
        (Kind::SecretList, "[\"a\"]", Some(list(&["a"]))),
        (Kind::SecretList, "[\"\"]", None),
    ] {
        let raw = Raw::parse(toml).unwrap();
        assert_eq!(kind.check(&raw).ok(), expected, "{kind:?}: {toml}");
    }
}

/// Goal: the syntax of addresses to listen at.
#[test]
fn listen_addresses() {
    for (address, good) in [
        ("127.0.0.1:19999", true),
        ("127.0.0.1:0", true),
        ("[::]:19999", true),
        ("[fd00::1]:65535", true),
        ("*:19999", true),
        ("localhost:19999", true),
        ("my-host.example.org:80", true),
        ("unix:/run/tributary.sock", true),
        ("", false),
        (":19999", false),
        ("127.0.0.1", false),
        ("127.0.0.1:", false),
        ("127.0.0.1:65536", false),
        ("127.0.0.1:+80", false),
        ("127.0.0.256:80", false),
        ("127.0.1:80", false),
        ("::1:80", false),
        ("[::1]", false),
        ("[::g]:80", false),
        ("[127.0.0.1]:80", false),
        ("a b:80", false),
        ("http://x:80", false),
        ("unix:", false),
        ("unix:/", false),
        ("unix:run/x", false),
    ] {
        let raw = Raw::parse(&format!("[\"{address}\"]")).unwrap();
        assert_eq!(Kind::List(Item::Listen).check(&raw).is_ok(), good, "{address:?}");
    }
}

/// Goal: outside a file quotes are not needed, and still understood.
#[test]
fn bare_values() {
    for (kind, bare, expected) in [
        (Kind::Bool, "true", Some(Value::Bool(true))),
        (Kind::Bool, "yes", None),
        (Kind::Bool, "", None),
        (Kind::AutoBool, "auto", Some(Value::AutoBool(None))),
        (integer(0, 9, ""), "7", Some(Value::Integer(7))),
        (integer(0, 9, ""), "seven", None),
        (duration("1s", "1h", 1), "90", Some(Value::Duration(90_000))),
        (duration("1s", "1h", 1), "10m", Some(Value::Duration(600_000))),
        (duration("1s", "1h", 1), "\"10m\"", Some(Value::Duration(600_000))),
        (size("0", "1GiB"), "1MiB", Some(Value::Size(1 << 20))),
        (Kind::Text, "web1", Some(text("web1"))),
        (Kind::Text, "\"web 1\"", Some(text("web 1"))),
        (Kind::Text, "true", Some(text("true"))),
        (Kind::Text, "17", Some(text("17"))),
        (Kind::Text, "[a]", Some(text("[a]"))),
        (Kind::Text, "", Some(text(""))),
        (Kind::List(Item::Text), "[\"a b\", \"c\"]", Some(list(&["a b", "c"]))),
        (Kind::List(Item::Text), "a  b", Some(list(&["a", "b"]))),
        (Kind::List(Item::Text), "", Some(list(&[]))),
        (Kind::List(Item::Listen), "*:1 [::]:2", Some(list(&["*:1", "[::]:2"]))),
        (Kind::List(Item::Listen), "*", None),
        (Kind::ApiKey, super::GUID, Some(text(super::GUID))),
    ] {
        assert_eq!(kind.check(&Raw::bare(bare)).ok(), expected, "{kind:?}: {bare}");
    }
}
