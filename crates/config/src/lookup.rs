//! Finds the setting that a path names, and the nearest one where it names none.

use crate::keys::{Naming, SECTIONS, Section};
use crate::secret::{normalize_guid, shorten_guids, shorten_key};

/// One table: a section, and its name where the section has names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TableId {
    /// Index into [`SECTIONS`].
    pub(crate) section: usize,
    /// Empty where the section is [`Naming::Fixed`].
    pub(crate) name: String,
}

impl TableId {
    pub(crate) fn section(&self) -> &'static Section {
        &SECTIONS[self.section]
    }

    /// The path of the table as messages show it.
    pub(crate) fn shown(&self) -> String {
        let path = self.section().path;
        match self.section().naming {
            Naming::Fixed => path.into(),
            Naming::ApiKey => format!("{path}.{}", shorten_key(&self.name)),
            _ => format!("{path}.{}", self.name),
        }
    }
}

/// What a path names.
#[derive(Debug, PartialEq)]
pub(crate) enum Place {
    /// A table, or (`None`) the parent of named tables.
    Table(Option<TableId>),
    /// A key of a table, by its index among the keys of the section.
    Key(TableId, usize),
    /// An entry of the table that is a key's value.
    Entry(TableId, usize, String),
}

/// Why a path names nothing.
#[derive(Debug, PartialEq)]
pub(crate) struct Unknown {
    /// What is wrong, without a suggestion.
    pub(crate) what: String,
    /// The path of the nearest setting.
    pub(crate) nearest: Option<String>,
}

/// Finds what a path names; `is_table` tells whether a table was given as its value.
pub(crate) fn locate(path: &[String], is_table: bool) -> Result<Place, Unknown> {
    let texts: Vec<&str> = path.iter().map(String::as_str).collect();
    match *texts {
        [table] => match fixed(table) {
            Some(id) => Ok(Place::Table(Some(id))),
            None if named(table).is_some() => Ok(Place::Table(None)),
            None if is_table => Err(unknown_table(table)),
            None => Err(Unknown { what: format!("{}: unknown key", shown(table)), ..unknown_table(table) }),
        },
        [outer, inner] => {
            if let Some(id) = fixed(&format!("{outer}.{inner}")) {
                return Ok(Place::Table(Some(id)));
            }
            match (fixed(outer), named(outer)) {
                (Some(id), Some(free)) if is_table => key_place(&id, inner).or_else(|_| name_place(free, inner)),
                (Some(id), _) => key_place(&id, inner),
                (None, Some(section)) => name_place(section, inner),
                (None, None) => Err(unknown_table(outer)),
            }
        }
        [outer, middle, key] => match (fixed(&format!("{outer}.{middle}")), named(outer)) {
            (Some(id), _) => key_place(&id, key),
            (None, Some(section)) => {
                let Place::Table(Some(id)) = name_place(section, middle)? else { return Err(unknown_path(path)) };
                key_place(&id, key)
            }
            (None, None) => Err(unknown_path(path)),
        },
        [outer, ref middle @ .., key, entry] if !middle.is_empty() && takes_entries_in(outer, key) => {
            let section = named(outer).unwrap_or_default();
            match name_place(section, &middle.join("."))? {
                Place::Table(Some(id)) => entry_place(&id, key, entry),
                _ => Err(unknown_path(path)),
            }
        }
        // Names of plugins may have dots.
        [outer, ref middle @ .., key] if named(outer).is_some_and(|at| SECTIONS[at].naming == Naming::Name) => {
            let section = named(outer).unwrap_or_default();
            match name_place(section, &middle.join("."))? {
                Place::Table(Some(id)) => key_place(&id, key),
                _ => Err(unknown_path(path)),
            }
        }
        _ => Err(unknown_path(path)),
    }
}

/// Whether a path names a key whose value is a table.
pub(crate) fn takes_entries(path: &[String]) -> bool {
    matches!(path, [outer, _, key] if takes_entries_in(outer, key))
}

fn takes_entries_in(outer: &str, key: &str) -> bool {
    let keys = named(outer).map_or(&[][..], |section| SECTIONS[section].keys);
    keys.iter().any(|known| known.name == key && known.kind.of_entries().is_some())
}

fn entry_place(id: &TableId, key: &str, entry: &str) -> Result<Place, Unknown> {
    match key_place(id, key)? {
        Place::Key(id, at) if is_name(entry) => Ok(Place::Entry(id, at, entry.to_owned())),
        _ => {
            let entry = shown(entry);
            let what = format!("{}.{key}.{entry}: expected a name of 1 to {NAME_BYTES_MAX} characters", id.shown());
            Err(Unknown { what, nearest: None })
        }
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= NAME_BYTES_MAX && !name.chars().any(char::is_control)
}

fn fixed(path: &str) -> Option<TableId> {
    let section = SECTIONS.iter().position(|section| section.path == path && section.naming == Naming::Fixed)?;
    Some(TableId { section, name: String::new() })
}

fn named(path: &str) -> Option<usize> {
    SECTIONS.iter().position(|section| section.path == path && section.naming != Naming::Fixed)
}

fn key_place(id: &TableId, name: &str) -> Result<Place, Unknown> {
    let keys = id.section().keys;
    match keys.iter().position(|key| key.name == name) {
        Some(at) => Ok(Place::Key(id.clone(), at)),
        None => Err(Unknown {
            what: format!("{}.{}: unknown key", id.shown(), shown(name)),
            nearest: nearest_inside(id, name).or_else(|| elsewhere(name)),
        }),
    }
}

/// The nearest among the keys of a table and the tables in it.
fn nearest_inside(id: &TableId, name: &str) -> Option<String> {
    let section = id.section();
    let keys = section.keys.iter().map(|key| key.name);
    let tables = SECTIONS.iter().filter_map(|inner| inner.path.strip_prefix(section.path)?.strip_prefix('.'));
    nearest(name, keys.chain(tables)).map(|nearest| format!("{}.{nearest}", id.shown()))
}

/// Characters of a plugin's, a backend's or a method's name.
const NAME_BYTES_MAX: usize = 100;

fn name_place(section: usize, name: &str) -> Result<Place, Unknown> {
    let id = |name| Ok(Place::Table(Some(TableId { section, name })));
    let path = SECTIONS[section].path;
    match SECTIONS[section].naming {
        Naming::ApiKey | Naming::Machine => match normalize_guid(name) {
            Some(guid) => id(guid),
            None => {
                let what = format!("{path}.{}: expected a GUID as the name of the table", shorten_key(&shown(name)));
                Err(Unknown { what, nearest: None })
            }
        },
        _ if !is_name(name) => {
            let what = format!("{path}.{}: expected a name of 1 to {NAME_BYTES_MAX} characters", shown(name));
            Err(Unknown { what, nearest: None })
        }
        _ => id(name.to_owned()),
    }
}

fn unknown_path(path: &[String]) -> Unknown {
    Unknown { what: format!("{}: unknown key", shown(&path.join("."))), nearest: None }
}

/// At the top of the file stands a table that is on no list, or a key that belongs into one.
fn unknown_table(name: &str) -> Unknown {
    let tables = SECTIONS.iter().map(|section| section.path.split('.').next().unwrap_or(section.path));
    let table = nearest(name, tables).map(str::to_owned);
    Unknown { what: format!("{}: unknown table", shown(name)), nearest: elsewhere(name).or(table) }
}

/// The first key of this name in any table, or the one that is written so but for its dots.
fn elsewhere(name: &str) -> Option<String> {
    let paths = SECTIONS
        .iter()
        .filter(|section| section.naming == Naming::Fixed)
        .flat_map(|section| section.keys.iter().map(move |key| (section.path, key.name)));
    let is_it = |(table, key): &(&str, &str)| {
        *key == name || name.strip_suffix(key).and_then(|rest| rest.strip_suffix('_')) == Some(&table.replace('.', "_"))
    };
    paths.clone().find(is_it).map(|(table, key)| format!("{table}.{key}"))
}

/// The text that needs the fewest edits to become `name`: one of three characters, at most.
fn nearest<'a>(name: &str, texts: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    const NAME_CHARACTERS_MAX: usize = 40;
    if name.len() > NAME_CHARACTERS_MAX {
        return None;
    }
    let within = (name.len() / 3).max(1);
    // A beginning that is long enough to mean something counts as one edit.
    let distance = |text: &str| if name.len() > 3 && text.starts_with(name) { 1 } else { edits(name, text) };
    let near = texts.map(|text| (distance(text), text)).filter(|(edits, _)| *edits <= within);
    near.min_by_key(|(edits, _)| *edits).map(|(_, text)| text)
}

/// Characters to insert, remove or replace.
fn edits(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (line, character) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (at, other) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(character != *other);
            diagonal = row[at + 1];
            row[at + 1] = replaced.min(row[at] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}

/// A name that nobody knows, as messages show it.
fn shown(name: &str) -> String {
    const SHOWN_CHARACTERS_MAX: usize = 80;
    if name.is_empty() {
        return "\"\"".into();
    }
    let plain = |character: char| if character.is_control() { '?' } else { character };
    shorten_guids(name).chars().take(SHOWN_CHARACTERS_MAX).map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Vec<String> {
        text.split('.').map(str::to_owned).collect()
    }

    /// Goal: what is near is suggested, what is far is not.
    #[test]
    fn suggestions() {
        for (text, nearest) in [
            ("stream.api_kye", Some("stream.api_key")),
            ("stream.apikey", Some("stream.api_key")),
            ("stream.history", Some("global.history")),
            ("stream.colour", None),
            ("web.bind", Some("web.bind_to")),
            ("strem", Some("stream")),
            ("hostname", Some("global.hostname")),
            ("stream_api_key", Some("stream.api_key")),
            ("collect_disks_exclude", Some("collect.disks.exclude")),
            ("collect.disk", Some("collect.disks")),
            ("zebra", None),
            ("collect.disks.exclud", Some("collect.disks.exclude")),
            ("backend.b.typ", Some("backend.b.type")),
            ("a.b.c.d", None),
            ("", None),
        ] {
            let unknown = locate(&path(text), false).unwrap_err();
            assert_eq!(unknown.nearest.as_deref(), nearest, "{text}: {}", unknown.what);
        }
    }

    /// Goal: keys, tables, named tables and entries of tables are told apart.
    #[test]
    fn places() {
        let guid = "11111111-2222-3333-4444-555555555555";
        for (text, is_table, expected) in [
            ("global".to_owned(), true, "Table(Some"),
            ("backend".into(), true, "Table(None"),
            ("collect.disks".into(), true, "Table(Some"),
            ("health".into(), true, "Table(Some"),
            ("health.enabled".into(), false, "Key"),
            ("health.email".into(), true, "Table(Some"),
            ("health.email.recipients".into(), false, "Key"),
            ("health.email.roles".into(), true, "Key"),
            ("health.email.roles.dba".into(), false, "Entry"),
            (format!("api_keys.{}", guid.to_uppercase()), true, "Table(Some"),
            (format!("api_keys.{guid}.enabled"), false, "Key"),
            ("backend.x.type".into(), false, "Key"),
            ("plugin.python.d.update_every".into(), false, "Key"),
        ] {
            let place = locate(&path(&text), is_table).unwrap();
            assert!(format!("{place:?}").starts_with(expected), "{text}: {place:?}");
        }
        assert!(locate(&path("health.email"), false).is_err(), "a key of [health] that is on no list");
        assert!(locate(&path("machines.web1"), true).is_err(), "a machine is named by its GUID");
    }
}
