//! Lines of live rows: `BEGIN`, `SET`, `BEGIN2`, `SET2`.

use super::Fault;
use super::fields::{collected, double, flags, optional_int, required, required_int, seconds, slot};
use crate::Command;
use crate::command::{CHART_SLOT_MAX, DIMENSION_SLOT_MAX};
use crate::words::Words;

/// `BEGIN [SLOT:n] "chart" [microseconds]`
pub(super) fn begin(mut words: Words<'_>) -> Result<Command<'_>, Fault> {
    let slot = slot(&mut words, CHART_SLOT_MAX);
    let id = required(&mut words, "BEGIN", "chart")?;
    let elapsed = optional_int(&mut words, "BEGIN", "microseconds")?;
    let elapsed_us = elapsed.and_then(|elapsed| u64::try_from(elapsed).ok()).unwrap_or(0);
    Ok(Command::Begin { slot, id, elapsed_us })
}

/// `SET [SLOT:n] "dimension" = value`; without a value nothing was collected.
pub(super) fn set(mut words: Words<'_>) -> Result<Command<'_>, Fault> {
    let slot = slot(&mut words, DIMENSION_SLOT_MAX);
    let id = required(&mut words, "SET", "dimension")?;
    match words.next_word() {
        Some(value) if !value.is_empty() => Ok(Command::Set { slot, id, value: collected(value, "SET")?.0 }),
        _ => Ok(Command::Ignored { keyword: b"SET" }),
    }
}

/// `BEGIN2 [SLOT:n] 'chart' update_every time wall|#`
pub(super) fn begin2(mut words: Words<'_>) -> Result<Command<'_>, Fault> {
    let slot = slot(&mut words, CHART_SLOT_MAX);
    let id = required(&mut words, "BEGIN2", "chart")?;
    let update_every_s = seconds(required_int(&mut words, "BEGIN2", "update every")?);
    let time_s = required_int(&mut words, "BEGIN2", "time")?;
    // A lone `#` has no digits: it stands for the time of the row.
    let wall_s = if words.rest() == b"#" { time_s } else { required_int(&mut words, "BEGIN2", "wall clock")? };
    Ok(Command::Begin2 { slot, id, update_every_s, time_s, wall_s })
}

/// `SET2 [SLOT:n] 'dimension' collected value|# flags`
pub(super) fn set2(mut words: Words<'_>) -> Result<Command<'_>, Fault> {
    let slot = slot(&mut words, DIMENSION_SLOT_MAX);
    let id = required(&mut words, "SET2", "dimension")?;
    let (integer, same) = collected(required(&mut words, "SET2", "collected value")?, "SET2")?;
    let value = match required(&mut words, "SET2", "value")? {
        b"#" => same,
        value => double(value, "SET2", "value")?,
    };
    let word = words.next_word().ok_or(Fault::Missing { keyword: "SET2", word: "flags" })?;
    let (flags, empty) = flags(word);
    Ok(Command::Set2 { slot, id, collected: integer, value: if empty { f64::NAN } else { value }, flags })
}
