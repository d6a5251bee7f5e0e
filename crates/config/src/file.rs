//! Reads the settings file into what was said, with the line of each value.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::rc::Rc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::lookup::takes_entries;
use crate::problems::Problems;
use crate::said::{Origin, Raw, Said, in_order};

/// Bytes of a settings file. A thousand API keys with all their settings take a third of it.
pub(crate) const FILE_BYTES_MAX: u64 = 1 << 20;

/// Faults of syntax that are told: after so many, the file is not meant to be one of settings.
const FAULTS_MAX: usize = 100;

/// Tables in tables that keys may stand in: `[api_keys.GUID]`. Values that are tables come on top.
const DEPTH_MAX: usize = 2;

/// What a file says, in the order of its lines. A table, also an empty one, is said too.
pub(crate) fn read(path: &Path, problems: &mut Problems) -> Vec<Said> {
    let name: Rc<str> = path.display().to_string().into();
    match text(path) {
        Ok(bytes) => match std::str::from_utf8(&bytes) {
            Ok(text) => parse(text, &name, problems),
            Err(err) => {
                let line = 1 + count_lines(&bytes[..err.valid_up_to()]);
                problems.add(&Origin::File { name, line }, "not a text in UTF-8");
                Vec::new()
            }
        },
        Err(err) => {
            problems.add_line(format!("{name}: {err}"));
            Vec::new()
        }
    }
}

fn text(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(io::Error::other("larger than 1 MiB, the limit of a settings file"));
    }
    Ok(bytes)
}

fn count_lines(bytes: &[u8]) -> u32 {
    bytes.iter().filter(|byte| **byte == b'\n').count().try_into().unwrap_or(u32::MAX)
}

/// Parses the text of a file. Where it is no TOML, its faults are named and nothing else is said.
pub(crate) fn parse(text: &str, name: &Rc<str>, problems: &mut Problems) -> Vec<Said> {
    // Offsets become lines by binary search, so that a file of mistakes costs no more than its size.
    let ends: Vec<usize> = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at).collect();
    let line = |offset: usize| u32::try_from(1 + ends.partition_point(|end| *end < offset)).unwrap_or(u32::MAX);
    let (table, errors) = DeTable::parse_recoverable(text);
    for err in errors.iter().take(FAULTS_MAX) {
        let line = err.span().map_or(1, |span| line(span.start));
        problems.add(&Origin::File { name: name.clone(), line }, err.message());
    }
    let mut said = Vec::new();
    if errors.is_empty() {
        flatten(table.get_ref(), &mut Vec::new(), name, &line, &mut said);
    }
    in_order(said)
}

fn flatten(
    table: &DeTable<'_>,
    path: &mut Vec<String>,
    name: &Rc<str>,
    line: &dyn Fn(usize) -> u32,
    said: &mut Vec<Said>,
) {
    for (key, value) in table {
        path.push(key.get_ref().to_string());
        let origin = Origin::File { name: name.clone(), line: line(key.span().start) };
        said.push(Said { path: path.clone(), value: Raw::of_toml(value, line), origin });
        if let (Some(inner), true) = (as_table(value), path.len() <= DEPTH_MAX || takes_entries(path)) {
            flatten(inner, path, name, line, said);
        }
        path.pop();
    }
}

fn as_table<'a, 'i>(value: &'a Spanned<DeValue<'i>>) -> Option<&'a DeTable<'i>> {
    value.get_ref().as_table()
}
