//! Looks up, checks and merges what was said; answers what is in force.

use std::collections::{BTreeMap, BTreeSet};

use crate::environment::variable;
use crate::keys::{DefaultValue, Key, Role, SECTIONS};
use crate::kind::Value;
use crate::lookup::{Place, TableId, Unknown, locate};
use crate::problems::Problems;
use crate::said::{Origin, Raw, Said, What};

/// A key of a table: the table, and the index among the keys of its section.
pub(crate) type KeyId = (TableId, usize);

/// What holds: what was said last of each key, and the defaults of the others.
#[derive(Debug)]
pub(crate) struct InForce {
    role: Role,
    /// Of a key that was said and refused there is no entry: nothing can be concluded about it.
    values: BTreeMap<KeyId, Option<Entry>>,
    /// Every table that was named, also one without keys, and where it was named first.
    tables: BTreeMap<TableId, Origin>,
}

/// A checked value and where it was said.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) value: Value,
    pub(crate) origin: Origin,
}

impl InForce {
    /// Merges what was said: later wins over earlier.
    pub(crate) fn merge(role: Role, said: impl Iterator<Item = Said>, problems: &mut Problems) -> Self {
        let mut merged = Self { role, values: BTreeMap::new(), tables: BTreeMap::new() };
        let mut unknown_tables: BTreeSet<Vec<String>> = BTreeSet::new();
        for said in said {
            // What stands in a table that was refused is not worth a line of its own.
            if (1..said.path.len()).any(|length| unknown_tables.contains(&said.path[..length])) {
                continue;
            }
            let is_table = said.value.what == What::Table;
            match locate(&said.path, is_table) {
                Ok(place) => merged.take(place, said, problems),
                Err(unknown) => {
                    problems.add(&said.origin, describe(unknown, &said.origin));
                    if is_table {
                        unknown_tables.insert(said.path);
                    }
                }
            }
        }
        merged
    }

    fn take(&mut self, place: Place, said: Said, problems: &mut Problems) {
        match place {
            Place::Table(_) if said.value.what != What::Table => {
                let path = crate::secret::shorten_guids(&said.path.join("."));
                let shown = said.value.shown(crate::secret::Secrecy::Secret);
                problems.add(&said.origin, format_args!("{path} = {shown}: expected a table"));
            }
            Place::Table(None) => {}
            Place::Table(Some(table)) => {
                self.tables.entry(table).or_insert(said.origin);
            }
            Place::Key(table, at) => self.take_key((table, at), said, problems),
            Place::Entry(table, at, name) => self.take_entry((table, at), name, said, problems),
        }
    }

    /// Puts an entry into the table that is the value of a key.
    fn take_entry(&mut self, id: KeyId, name: String, said: Said, problems: &mut Problems) {
        self.tables.entry(id.0.clone()).or_insert_with(|| said.origin.clone());
        let key = key(&id);
        let kind = key.kind.of_entries().unwrap_or(key.kind);
        match kind.check(&said.value) {
            Ok(value) => {
                let empty = Entry { value: Value::Table(BTreeMap::new()), origin: said.origin };
                let entry = self.values.entry(id).or_insert(Some(empty));
                if let Some(Entry { value: Value::Table(entries), .. }) = entry {
                    entries.insert(name, value);
                }
            }
            Err(wrong) => {
                let shown = wrong.shown(kind.secrecy());
                let path = format!("{}.{}.{name}", id.0.shown(), key.name);
                let place = said.origin.at_line(wrong.line);
                problems.add(&place, format_args!("{path} = {shown}: expected {}", kind.expected()));
                self.values.insert(id, None);
            }
        }
    }

    fn take_key(&mut self, id: KeyId, said: Said, problems: &mut Problems) {
        self.tables.entry(id.0.clone()).or_insert_with(|| said.origin.clone());
        let key = key(&id);
        match key.kind.check(&said.value) {
            Ok(value) => {
                self.values.insert(id, Some(Entry { value, origin: said.origin }));
            }
            Err(wrong) => {
                let shown = wrong.shown(key.kind.secrecy());
                let expected = key.kind.expected();
                let default = default_remark(key, self.role);
                let path = format!("{}.{}", id.0.shown(), key.name);
                let place = said.origin.at_line(wrong.line);
                problems.add(&place, format_args!("{path} = {shown}: expected {expected}{default}"));
                self.values.insert(id, None);
            }
        }
    }

    /// What was said of a key last.
    pub(crate) fn said(&self, id: &KeyId) -> Option<&Entry> {
        self.values.get(id)?.as_ref()
    }

    /// All that was said and accepted, in the order of the list of keys.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&KeyId, &Entry)> {
        self.values.iter().filter_map(|(id, entry)| Some((id, entry.as_ref()?)))
    }

    /// Whether a key was said, but not as it must be.
    pub(crate) fn is_refused(&self, id: &KeyId) -> bool {
        matches!(self.values.get(id), Some(None))
    }

    /// The tables that were named, in the order of the list of keys.
    pub(crate) fn tables(&self) -> impl Iterator<Item = (&TableId, &Origin)> {
        self.tables.iter()
    }

    /// The value of a key; `None` only where its default is to be unset.
    pub(crate) fn value(&self, id: &KeyId) -> Option<Value> {
        match self.said(id) {
            Some(entry) => Some(entry.value.clone()),
            None => self.default_value(key(id)),
        }
    }

    fn default_value(&self, key: &Key) -> Option<Value> {
        match key.default {
            DefaultValue::As(path) => self.value(&id_of(path)),
            DefaultValue::Unset(_) => None,
            DefaultValue::Is(_) | DefaultValue::ByRole { .. } => Some(self.example_value(key)),
        }
    }

    /// Whether a value is no more than what would hold without it.
    pub(crate) fn is_default(&self, key: &Key, value: &Value) -> bool {
        self.default_value(key).unwrap_or_else(|| self.example_value(key)) == *value
    }

    fn example_value(&self, key: &Key) -> Value {
        let raw = Raw::parse(key.default_text(self.role)).expect("defaults are values of TOML");
        key.kind.check(&raw).expect("defaults are of their key's kind")
    }
}

/// The key that an id names.
pub(crate) fn key(id: &KeyId) -> &'static Key {
    &id.0.section().keys[id.1]
}

/// The id of a key in a section without names.
///
/// # Panics
/// Where the path is on no list: a mistake of ours.
pub(crate) fn id_of(path: &str) -> KeyId {
    let path: Vec<String> = path.split('.').map(str::to_owned).collect();
    match locate(&path, false) {
        Ok(Place::Key(table, at)) => (table, at),
        _ => unreachable!("a path that the code names is on the list: {path:?}"),
    }
}

/// The tables of a section, by its path: that one, or those that were named.
pub(crate) fn section_of(path: &str, named: bool) -> usize {
    let is_it = |section: &crate::keys::Section| section.path == path && section.is_named() == named;
    SECTIONS.iter().position(is_it).expect("a section that the code names is on the list")
}

fn describe(unknown: Unknown, origin: &Origin) -> String {
    match (unknown.nearest, origin) {
        (None, _) => unknown.what,
        (Some(nearest), Origin::Environment(_)) => {
            format!("{}; did you mean {}?", unknown.what, variable(&nearest))
        }
        (Some(nearest), _) => format!("{}; did you mean {nearest}?", unknown.what),
    }
}

fn default_remark(key: &Key, role: Role) -> String {
    match key.default {
        DefaultValue::Unset(_) => String::new(),
        DefaultValue::As(path) => format!(" (default as {path})"),
        _ => format!(" (default {})", key.default_text(role)),
    }
}
