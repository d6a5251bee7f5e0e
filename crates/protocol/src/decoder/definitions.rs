//! Lines of definitions: charts, dimensions, labels, variables, functions.

use row::{Algorithm, ChartDefinition, ChartOptions, ChartType, DimensionDefinition, DimensionOptions, Guid, Label};

use super::Fault;
use super::fields::{double, int_or, required, required_text, seconds, slot, text, text_or};
use crate::command::{CHART_SLOT_MAX, DIMENSION_SLOT_MAX, VariableScope};
use crate::words::Words;
use crate::{Command, number};

const PRIORITY: i64 = 1000;
/// Peers leak bits of their own in the upper three of a label's source.
const LABEL_SOURCE: i64 = 0x1fff_ffff;

/// `CHART [SLOT:n] "id" "name" "title" "units" "family" "context" "type" priority update_every "options" "plugin" "module"`
pub(super) fn chart(mut words: Words<'_>) -> Result<Command<'_>, Fault> {
    const KEYWORD: &str = "CHART";
    let slot = slot(&mut words, CHART_SLOT_MAX);
    let id = required_text(&mut words, KEYWORD, "id")?;
    let type_and_rest = id.split_once('.').filter(|(kind, rest)| !kind.is_empty() && !rest.is_empty());
    let (kind, rest) = type_and_rest.ok_or(Fault::Invalid { keyword: KEYWORD, word: "id", expected: "type.id" })?;
    let definition = ChartDefinition {
        id,
        name: chart_name(text_or(&mut words, "", KEYWORD, "name")?, kind, rest),
        title: text_or(&mut words, "", KEYWORD, "title")?,
        units: text_or(&mut words, "unknown", KEYWORD, "units")?,
        family: text_or(&mut words, "", KEYWORD, "family")?,
        context: text_or(&mut words, "", KEYWORD, "context")?,
        chart_type: ChartType::from_word(words.next().unwrap_or_default()),
        priority: clamp(int_or(&mut words, PRIORITY)),
        update_every_s: seconds(int_or(&mut words, 0)),
        options: ChartOptions::from_words(words.next().unwrap_or_default()),
        plugin: text_or(&mut words, "", KEYWORD, "plugin")?,
        module: text_or(&mut words, "", KEYWORD, "module")?,
    };
    Ok(Command::Chart { slot, definition })
}

/// The name without its type; empty where it says no more than the id.
fn chart_name<'a>(name: &'a str, kind: &str, rest: &str) -> &'a str {
    let own = name.strip_prefix(kind).and_then(|own| own.strip_prefix('.')).unwrap_or(name);
    if matches!(own, "NULL" | "(NULL)") || own == rest { "" } else { own }
}

/// `DIMENSION [SLOT:n] "id" "name" "algorithm" multiplier divisor "options"`
pub(super) fn dimension(mut words: Words<'_>) -> Result<Command<'_>, Fault> {
    const KEYWORD: &str = "DIMENSION";
    let slot = slot(&mut words, DIMENSION_SLOT_MAX);
    let id = required_text(&mut words, KEYWORD, "id")?;
    let name = text_or(&mut words, "", KEYWORD, "name")?;
    let definition = DimensionDefinition {
        id,
        name: if name == id { "" } else { name },
        algorithm: Algorithm::from_word(words.next().unwrap_or_default()),
        multiplier: factor(&mut words),
        divisor: factor(&mut words),
        options: DimensionOptions::from_words(words.next().unwrap_or_default()),
    };
    Ok(Command::Dimension { slot, definition })
}

/// A multiplier or divisor: never 0.
fn factor(words: &mut Words<'_>) -> i32 {
    match clamp(int_or(words, 1)) {
        0 => 1,
        factor => factor,
    }
}

pub(super) fn clamp(value: i64) -> i32 {
    value.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32
}

/// `CLABEL "name" "value" source`
pub(super) fn chart_label(mut words: Words<'_>) -> Result<Command<'_>, Fault> {
    const KEYWORD: &str = "CLABEL";
    let name = required_text(&mut words, KEYWORD, "name")?;
    let value = words.next().ok_or(Fault::Missing { keyword: KEYWORD, word: "value" })?;
    let value = text(value, KEYWORD, "value")?;
    let source = label_source(required(&mut words, KEYWORD, "source")?);
    Ok(Command::ChartLabel(Label { name, value, source }))
}

/// `LABEL "name" = source "value"`, in older versions with a value of many words, unquoted
pub(super) fn host_label(mut words: Words<'_>) -> Result<Command<'_>, Fault> {
    const KEYWORD: &str = "LABEL";
    let name = required_text(&mut words, KEYWORD, "name")?;
    let source = label_source(required(&mut words, KEYWORD, "source")?);
    let rest = words.rest();
    let value = match rest.first() {
        Some(b'"' | b'\'') => words.next().unwrap_or_default(),
        _ => rest.trim_ascii_end(),
    };
    Ok(Command::HostLabel(Label { name, value: text(value, KEYWORD, "value")?, source }))
}

fn label_source(word: &[u8]) -> u32 {
    (number::parse_int(word).unwrap_or(0) & LABEL_SOURCE) as u32
}

/// `VARIABLE [HOST|GLOBAL|CHART|LOCAL] name = value`
pub(super) fn variable<'a>(mut words: Words<'a>, keyword: &'a [u8]) -> Result<Command<'a>, Fault> {
    const KEYWORD: &str = "VARIABLE";
    let first = required(&mut words, KEYWORD, "name")?;
    let scope = match first {
        b"HOST" | b"GLOBAL" => VariableScope::Host,
        b"CHART" | b"LOCAL" => VariableScope::Chart,
        _ => VariableScope::Current,
    };
    let name = if scope == VariableScope::Current { first } else { required(&mut words, KEYWORD, "name")? };
    let name = text(name, KEYWORD, "name")?;
    match words.next() {
        Some(value) if !value.is_empty() => {
            Ok(Command::Variable { scope, name, value: double(value, KEYWORD, "value")? })
        }
        _ => Ok(Command::Ignored { keyword }),
    }
}

/// `CLAIMED_ID machine claim|NULL`
pub(super) fn claimed_id(mut words: Words<'_>) -> Result<Command<'_>, Fault> {
    const KEYWORD: &str = "CLAIMED_ID";
    let guid =
        |bytes, word| Guid::parse(bytes).map_err(|_| Fault::Invalid { keyword: KEYWORD, word, expected: "a GUID" });
    let machine = guid(required(&mut words, KEYWORD, "machine")?, "machine")?;
    let claim = match required(&mut words, KEYWORD, "claim")? {
        b"NULL" => None,
        claim => Some(guid(claim, "claim")?),
    };
    Ok(Command::ClaimedId { machine, claim })
}
