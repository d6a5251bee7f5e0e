//! Lines of definitions.

use alloc::vec::Vec;

use row::text::write_int;
use row::{ChartDefinition, DimensionDefinition, Guid, Label};

use super::{Form, write_id, write_text};
use crate::command::VariableScope;

/// What peers write for a label without a value.
const NO_VALUE: &str = "[none]";

/// Writes `CHART`. A name may be with or without its type.
pub fn write_chart(out: &mut Vec<u8>, form: Form, slot: u32, chart: &ChartDefinition<'_>) {
    out.extend_from_slice(b"CHART ");
    form.write_slot(out, slot);
    let (kind, rest) = chart.id.split_once('.').unwrap_or((chart.id, ""));
    let name = chart.name.strip_prefix(kind).and_then(|name| name.strip_prefix('.')).unwrap_or(chart.name);
    let name = if name == rest { "" } else { name };
    write_id(out, b'"', chart.id);
    for text in [name, chart.title, chart.units, chart.family, chart.context, chart.chart_type.word()] {
        out.push(b' ');
        write_text(out, text);
    }
    out.push(b' ');
    write_int(out, i64::from(chart.priority));
    out.push(b' ');
    write_int(out, i64::from(chart.update_every_s));
    let options = row::ChartOptions::WORDS.iter().map(|(option, word)| (chart.options.has(*option), *word));
    write_options(out, options);
    out.push(b' ');
    write_text(out, chart.plugin);
    out.push(b' ');
    write_text(out, chart.module);
    out.push(b'\n');
}

/// Writes `DIMENSION`.
pub fn write_dimension(out: &mut Vec<u8>, form: Form, slot: u32, dimension: &DimensionDefinition<'_>) {
    out.extend_from_slice(b"DIMENSION ");
    form.write_slot(out, slot);
    let name = if dimension.name.is_empty() { dimension.id } else { dimension.name };
    write_id(out, b'"', dimension.id);
    for text in [name, dimension.algorithm.word()] {
        out.push(b' ');
        write_text(out, text);
    }
    out.push(b' ');
    write_int(out, i64::from(dimension.multiplier));
    out.push(b' ');
    write_int(out, i64::from(dimension.divisor));
    let options = row::DimensionOptions::WORDS.iter().map(|(option, word)| (dimension.options.has(*option), *word));
    write_options(out, options);
    out.push(b'\n');
}

/// Writes the words of the options that are set, joined by blanks as peers do: an option that is not
/// set leaves its blank.
fn write_options<'a>(out: &mut Vec<u8>, options: impl Iterator<Item = (bool, &'a str)>) {
    out.extend_from_slice(b" \"");
    for (at, (set, word)) in options.enumerate() {
        if at > 0 {
            out.push(b' ');
        }
        if set {
            out.extend_from_slice(word.as_bytes());
        }
    }
    out.push(b'"');
}

/// Writes `CLABEL`, after `CHART` and before the first dimension.
pub fn write_chart_label(out: &mut Vec<u8>, label: &Label<'_>) {
    out.extend_from_slice(b"CLABEL ");
    write_text(out, label.name);
    out.push(b' ');
    write_text(out, if label.value.is_empty() { NO_VALUE } else { label.value });
    out.push(b' ');
    write_int(out, i64::from(label.source));
    out.push(b'\n');
}

/// Writes `CLABEL_COMMIT`, if there was a label.
pub fn write_chart_labels_commit(out: &mut Vec<u8>) {
    out.extend_from_slice(b"CLABEL_COMMIT\n");
}

/// Writes `LABEL`.
pub fn write_host_label(out: &mut Vec<u8>, label: &Label<'_>) {
    out.extend_from_slice(b"LABEL ");
    write_text(out, label.name);
    out.extend_from_slice(b" = ");
    write_int(out, i64::from(label.source));
    out.push(b' ');
    write_text(out, if label.value.is_empty() { NO_VALUE } else { label.value });
    out.push(b'\n');
}

/// Writes `OVERWRITE labels`, behind all labels.
pub fn write_host_labels_overwrite(out: &mut Vec<u8>) {
    out.extend_from_slice(b"OVERWRITE labels\n");
}

/// Writes `CLAIMED_ID`: the host's identity with its maker's cloud, where it has one.
pub fn write_claimed_id(out: &mut Vec<u8>, machine: Guid, claim: Option<Guid>) {
    out.extend_from_slice(b"CLAIMED_ID ");
    out.extend_from_slice(&machine.to_text());
    out.push(b' ');
    match claim {
        Some(claim) => out.extend_from_slice(&claim.to_text()),
        None => out.extend_from_slice(b"NULL"),
    }
    out.push(b'\n');
}

/// Writes `VARIABLE`; nothing for a value that is not finite.
pub fn write_variable(out: &mut Vec<u8>, scope: VariableScope, name: &str, value: f64) {
    if !value.is_finite() {
        return;
    }
    out.extend_from_slice(match scope {
        VariableScope::Host => b"VARIABLE HOST ",
        VariableScope::Chart => b"VARIABLE CHART ",
        VariableScope::Current => b"VARIABLE ",
    });
    write_text(out, name);
    out.extend_from_slice(b" = ");
    row::text::write_double(out, value);
    out.push(b'\n');
}

/// Writes `CHART_DEFINITION_END`, the last line of a definition: the second before the first row,
/// the last row (0 and 0 without rows), and our clock.
pub fn write_chart_definition_end(out: &mut Vec<u8>, first_s: i64, last_s: i64, now_s: i64) {
    out.extend_from_slice(b"CHART_DEFINITION_END");
    for time in [first_s, last_s, now_s] {
        out.push(b' ');
        write_int(out, time);
    }
    out.push(b'\n');
}
