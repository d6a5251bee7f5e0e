//! Lines of replication, in both directions.

use row::PointFlags;

use super::Fault;
use super::fields::{double, flags, optional_int, required, required_int, required_text, seconds, slot};
use crate::Command;
use crate::command::{CHART_SLOT_MAX, DIMENSION_SLOT_MAX};
use crate::words::Words;

/// `RBEGIN [SLOT:n] "chart"`, or `RBEGIN [SLOT:n] '' start end [wall]`
#[inline(always)]
pub(super) fn begin(mut words: Words<'_>) -> Result<Command<'_>, Fault> {
    let slot = slot(&mut words, CHART_SLOT_MAX);
    let id = words.next_word().unwrap_or_default();
    let Some(start_s) = optional_int(&mut words, "RBEGIN", "start")? else {
        if id.is_empty() {
            return Err(Fault::Missing { keyword: "RBEGIN", word: "chart" });
        }
        return Ok(Command::ReplayBegin { slot, id });
    };
    let end_s = required_int(&mut words, "RBEGIN", "end")?;
    let wall_s = optional_int(&mut words, "RBEGIN", "wall clock")?;
    Ok(Command::ReplayPoint { slot, id, start_s, end_s, wall_s })
}

/// `RSET [SLOT:n] "dimension" value flags`. Without interpolated rows no letter means normal.
#[inline(always)]
pub(super) fn set(mut words: Words<'_>, has_anomaly: bool) -> Result<Command<'_>, Fault> {
    let slot = slot(&mut words, DIMENSION_SLOT_MAX);
    let id = required(&mut words, "RSET", "dimension")?;
    let value = match words.next_word() {
        Some(value) if !value.is_empty() => double(value, "RSET", "value")?,
        _ => f64::NAN,
    };
    let (flags, empty) = flags(words.next_word().unwrap_or_default());
    let flags = PointFlags { anomalous: flags.anomalous && has_anomaly, ..flags };
    Ok(Command::ReplaySet { slot, id, value: if empty { f64::NAN } else { value }, flags })
}

/// `RDSTATE [SLOT:n] "dimension" collected_us collected calculated stored`
pub(super) fn dimension_state(mut words: Words<'_>) -> Result<Command<'_>, Fault> {
    const KEYWORD: &str = "RDSTATE";
    let slot = slot(&mut words, DIMENSION_SLOT_MAX);
    let id = required(&mut words, KEYWORD, "dimension")?;
    let collected_us = required_int(&mut words, KEYWORD, "time")?;
    let (collected, _) = super::fields::collected(required(&mut words, KEYWORD, "collected value")?, KEYWORD)?;
    let calculated = double(required(&mut words, KEYWORD, "calculated value")?, KEYWORD, "calculated value")?;
    let stored = double(required(&mut words, KEYWORD, "stored value")?, KEYWORD, "stored value")?;
    Ok(Command::ReplayDimensionState { slot, id, collected_us, collected, calculated, stored })
}

/// `RSSTATE collected_us updated_us`
pub(super) fn chart_state(mut words: Words<'_>) -> Result<Command<'_>, Fault> {
    let collected_us = required_int(&mut words, "RSSTATE", "time of collection")?;
    let updated_us = required_int(&mut words, "RSSTATE", "time of update")?;
    Ok(Command::ReplayChartState { collected_us, updated_us })
}

/// `REND update_every first last true|false after before [wall]`
pub(super) fn end(mut words: Words<'_>) -> Result<Command<'_>, Fault> {
    const KEYWORD: &str = "REND";
    Ok(Command::ReplayEnd {
        update_every_s: seconds(required_int(&mut words, KEYWORD, "update every")?),
        first_s: required_int(&mut words, KEYWORD, "first")?,
        last_s: required_int(&mut words, KEYWORD, "last")?,
        start_streaming: required(&mut words, KEYWORD, "true or false")? == b"true",
        after_s: required_int(&mut words, KEYWORD, "after")?,
        before_s: required_int(&mut words, KEYWORD, "before")?,
        wall_s: optional_int(&mut words, KEYWORD, "wall clock")?,
    })
}

/// `CHART_DEFINITION_END first last [now]`
pub(super) fn definition_end(mut words: Words<'_>) -> Result<Command<'_>, Fault> {
    const KEYWORD: &str = "CHART_DEFINITION_END";
    Ok(Command::ChartDefinitionEnd {
        first_s: required_int(&mut words, KEYWORD, "first")?,
        last_s: required_int(&mut words, KEYWORD, "last")?,
        now_s: optional_int(&mut words, KEYWORD, "wall clock")?,
    })
}

/// `REPLAY_CHART "chart" "true"|"false" after before`
pub(super) fn request(mut words: Words<'_>) -> Result<Command<'_>, Fault> {
    const KEYWORD: &str = "REPLAY_CHART";
    Ok(Command::ReplayChart {
        id: required_text(&mut words, KEYWORD, "chart")?,
        start_streaming: required(&mut words, KEYWORD, "true or false")? == b"true",
        after_s: required_int(&mut words, KEYWORD, "after")?,
        before_s: required_int(&mut words, KEYWORD, "before")?,
    })
}
