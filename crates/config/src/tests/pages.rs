use std::fs;
use std::path::{Path, PathBuf};

use super::{GUID, load, load_file};
use crate::keys::{DefaultValue, SECTIONS};
use crate::merge::id_of;
use crate::{Role, configuration_file, help, reference};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn configuration_path(role: Role) -> PathBuf {
    root().join(format!("configs/{}.toml", role.as_str()))
}

/// Goal: the committed pages are those that the list of keys writes. `UPDATE=1 cargo test -p config`
/// writes them anew.
#[test]
fn committed_pages_are_up_to_date() {
    let mut pages = vec![(root().join("docs/settings.md"), reference())];
    pages.extend(Role::ALL.map(|role| (configuration_path(role), configuration_file(role))));
    for (path, page) in pages {
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&path, &page).unwrap();
        }
        let committed = fs::read_to_string(&path).unwrap_or_default();
        assert!(committed == page, "{} is out of date: run UPDATE=1 cargo test -p config", path.display());
    }
}

/// Goal: a node starts with the file of its role as it is, and with every key of it set to its default.
#[test]
fn committed_files_load_without_a_word() {
    for role in Role::ALL {
        let file = fs::read_to_string(configuration_path(role)).unwrap();
        let options: &[&str] = match role {
            Role::Collector => &["--destination", "master", "--api-key", GUID],
            _ => &[],
        };
        let settings = load(role, &file, &[], options).unwrap_or_else(|problems| panic!("{role:?}: {problems}"));
        assert_eq!(settings.notes, [""; 0], "{role:?}");

        let file = uncommented(&file).replacen("\nurl = \"\"", "\nurl = \"https://example.org\"", 1);
        let settings = load(role, &file, &[], options).unwrap_or_else(|problems| panic!("{role:?}: {problems}"));
        assert_eq!(settings.notes, [""; 0], "{role:?}");
        let keys = SECTIONS.iter().flat_map(|section| section.keys).filter(|key| key.roles.contain(role)).count();
        assert_eq!(file.lines().filter(|line| is_setting(line)).count(), keys, "{role:?}: each key stands there once");
        assert_eq!(settings.api_keys.len(), usize::from(role != Role::Collector));
    }
}

fn uncommented(file: &str) -> String {
    let line = |line: &str| match line.strip_prefix("# ") {
        Some(inner) if is_setting(inner) || inner.starts_with('[') => format!("{inner}\n"),
        _ => format!("{line}\n"),
    };
    file.lines().map(line).collect()
}

fn is_setting(line: &str) -> bool {
    let is_key = |key: &str| !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    line.split_once(" = ").is_some_and(|(key, _)| is_key(key))
}

/// Goal: the list of keys is sound: names are unique, meanings are sentences without a full stop,
/// and what it refers to exists.
#[test]
fn the_list_is_sound() {
    for (at, section) in SECTIONS.iter().enumerate() {
        let same = |other: &&crate::keys::Section| other.path == section.path && other.naming == section.naming;
        assert_eq!(SECTIONS.iter().filter(same).count(), 1, "{}", section.path);
        assert!(!section.meaning.ends_with('.'), "{}", section.path);
        assert!(at == 0 || !section.path.is_empty());
        for key in section.keys {
            let name = format!("{}.{}", section.path, key.name);
            assert_eq!(section.keys.iter().filter(|other| other.name == key.name).count(), 1, "{name}");
            assert!(!key.meaning.is_empty() && !key.meaning.ends_with('.') && !key.meaning.contains('\n'), "{name}");
            if let DefaultValue::As(path) = key.default {
                assert!(id_of(path).0.name.is_empty(), "{name}");
            }
        }
    }
}

/// Goal: the help names every option and every key of the role, and no other role's.
#[test]
fn help_is_complete() {
    for role in Role::ALL {
        let page = help(role);
        assert_eq!(page.contains("--destination"), role == Role::Collector, "{page}");
        assert_eq!(page.contains("[web]"), role != Role::Collector);
        assert_eq!(page.contains("[stream]"), role != Role::Master);
        assert_eq!(page.contains("proxy_destination"), role == Role::Proxy);
        for section in SECTIONS.iter().filter(|section| section.has_effect(role)) {
            for key in section.keys.iter().filter(|key| key.roles.contain(role)) {
                assert!(page.contains(&format!("  {} = ", key.name)), "{role:?}: {}", key.name);
            }
        }
    }
}

/// Goal: where there is no file, defaults hold; `load` itself looks at the role's own place only.
#[test]
fn default_files() {
    for role in Role::ALL {
        assert_eq!(role.default_file(), format!("/etc/tributary/{}.toml", role.as_str()));
    }
    assert!(load_file(Role::Master, "/nowhere/x.toml".as_ref(), &[], &[]).is_ok());
}
