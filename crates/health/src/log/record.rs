//! Records of the alarm log, as bytes.

use crate::engine::{Memory, Transition};
use crate::expression::Status;

/// A body is no longer than this.
const BODY_BYTES_MAX: usize = 64 * 1_024;
/// Length and checksum.
const HEAD_BYTES: usize = 8;

const TRANSITION: u8 = 1;
const TOLD: u8 = 2;
/// Written before it was known when an alarm was told.
const OLD_MEMORY: u8 = 3;
const MEMORY: u8 = 4;
const RESULT: u8 = 5;
const REACHED: u8 = 6;

/// One record.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Record {
    Transition(Box<Entry>),
    /// A transition is told, when, and with which result, where that is known: 0 is success.
    Told {
        unique_id: u32,
        at_s: i64,
        code: i32,
        chart: String,
        name: String,
        status: Status,
    },
    /// What telling a transition came to.
    Result {
        unique_id: u32,
        at_s: i64,
        code: i32,
    },
    /// Somebody heard a transition, before it is known whether all did.
    Reached {
        unique_id: u32,
        who: String,
    },
    /// What an alarm remembers, at the beginning of a file.
    Memory {
        chart: String,
        name: String,
        memory: Memory,
    },
}

/// A transition as the log keeps it.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Rises from one to the next of a host.
    pub unique_id: u32,
    /// The alarm.
    pub alarm_id: u32,
    /// Its changes, counted from 1.
    pub event_id: u32,
    /// When.
    pub when_s: i64,
    /// How long the status before lasted.
    pub duration_s: i64,
    /// How long it was raised, in all statuses that are.
    pub non_clear_s: i64,
    /// The status before.
    pub from: Status,
    /// The status then.
    pub to: Status,
    /// The value before.
    pub old_value: f64,
    /// The value then.
    pub value: f64,
    /// How long its notification waited.
    pub delay_s: u32,
    /// Notifications were kept back.
    pub is_silenced: bool,
    /// There is none when it clears.
    pub no_clear_notification: bool,
    /// The alarm's name.
    pub name: String,
    /// The id of its chart.
    pub chart: String,
    /// The context of its chart.
    pub context: String,
    /// The family of its chart.
    pub family: String,
    /// Its units.
    pub units: String,
    /// What it is about.
    pub info: String,
    /// A short title.
    pub summary: String,
    /// What kind of trouble it tells of.
    pub class: String,
    /// What has it.
    pub component: String,
    /// What that is part of.
    pub kind: String,
    /// The program that is run.
    pub exec: String,
    /// The roles that are told.
    pub to_roles: String,
    /// Where its definition stands.
    pub source: String,
    /// The hash of what that says.
    pub config_hash: String,
    /// When it was told; 0 if it was not.
    pub told_s: i64,
    /// With which result; 0 is success.
    pub told_code: i32,
    /// The next transition of the alarm; 0 without one.
    pub updated_by_id: u32,
    /// The one before; 0 without one.
    pub updates_id: u32,
}

impl Entry {
    pub(super) fn of(transition: &Transition) -> Self {
        let definition = &transition.definition;
        Self {
            unique_id: transition.unique_id,
            alarm_id: transition.alarm_id,
            event_id: transition.event_id,
            when_s: transition.when_s,
            duration_s: transition.duration_s,
            non_clear_s: transition.non_clear_s,
            from: transition.from,
            to: transition.to,
            old_value: transition.old_value,
            value: transition.value,
            delay_s: transition.delay_s,
            is_silenced: transition.is_silenced,
            no_clear_notification: definition.no_clear_notification,
            name: transition.name.to_string(),
            chart: transition.chart.to_string(),
            context: transition.context.to_string(),
            family: transition.family.to_string(),
            units: transition.units.to_string(),
            info: transition.info.to_string(),
            summary: definition.summary.clone(),
            class: definition.class.clone(),
            component: definition.component.clone(),
            kind: definition.kind.clone(),
            exec: definition.exec.clone(),
            to_roles: definition.to.clone(),
            source: definition.source.to_string(),
            config_hash: definition.hash.to_string(),
            told_s: 0,
            told_code: 0,
            updated_by_id: 0,
            updates_id: 0,
        }
    }

    /// Its texts, in the order in which they are written.
    fn texts(&mut self) -> [&mut String; 14] {
        let Self { name, chart, context, family, units, info, summary, class, component, kind, exec, .. } = self;
        [
            name,
            chart,
            context,
            family,
            units,
            info,
            summary,
            class,
            component,
            kind,
            exec,
            &mut self.to_roles,
            &mut self.source,
            &mut self.config_hash,
        ]
    }
}

impl Record {
    /// Appends the record.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let begin = out.len();
        out.extend_from_slice(&[0; HEAD_BYTES]);
        self.write_body(out);
        let body = begin + HEAD_BYTES;
        let (length, crc) = ((out.len() - body) as u32, crc32fast::hash(&out[body..]));
        out[begin..begin + 4].copy_from_slice(&length.to_le_bytes());
        out[begin + 4..body].copy_from_slice(&crc.to_le_bytes());
    }

    fn write_body(&self, out: &mut Vec<u8>) {
        match self {
            Self::Transition(entry) => {
                out.push(TRANSITION);
                for number in [entry.unique_id, entry.alarm_id, entry.event_id, entry.delay_s] {
                    out.extend_from_slice(&number.to_le_bytes());
                }
                for number in [entry.when_s, entry.duration_s, entry.non_clear_s] {
                    out.extend_from_slice(&number.to_le_bytes());
                }
                for value in [entry.old_value, entry.value] {
                    out.extend_from_slice(&value.to_le_bytes());
                }
                let flags = u8::from(entry.is_silenced) | u8::from(entry.no_clear_notification) << 1;
                out.extend_from_slice(&[entry.from as u8, entry.to as u8, flags]);
                entry.clone().texts().into_iter().for_each(|text| write_text(out, text));
            }
            Self::Told { unique_id, at_s, code, chart, name, status } => {
                out.push(TOLD);
                out.extend_from_slice(&unique_id.to_le_bytes());
                out.extend_from_slice(&at_s.to_le_bytes());
                out.extend_from_slice(&code.to_le_bytes());
                out.push(*status as u8);
                write_text(out, chart);
                write_text(out, name);
            }
            Self::Result { unique_id, at_s, code } => {
                out.push(RESULT);
                out.extend_from_slice(&unique_id.to_le_bytes());
                out.extend_from_slice(&at_s.to_le_bytes());
                out.extend_from_slice(&code.to_le_bytes());
            }
            Self::Reached { unique_id, who } => {
                out.push(REACHED);
                out.extend_from_slice(&unique_id.to_le_bytes());
                write_text(out, who);
            }
            Self::Memory { chart, name, memory } => {
                out.push(MEMORY);
                out.extend_from_slice(&memory.alarm_id.to_le_bytes());
                out.extend_from_slice(&memory.event_id.to_le_bytes());
                out.push(memory.told.map_or(NEVER_TOLD, |status| status as u8));
                out.extend_from_slice(&memory.told_s.to_le_bytes());
                write_text(out, chart);
                write_text(out, name);
                out.push(u8::from(memory.was_critical));
            }
        }
    }

    fn read(body: &[u8]) -> Option<Self> {
        let mut body = Body(body);
        Some(match body.byte()? {
            TRANSITION => {
                let [unique_id, alarm_id, event_id, delay_s] = [body.u32()?, body.u32()?, body.u32()?, body.u32()?];
                let [when_s, duration_s, non_clear_s] = [body.i64()?, body.i64()?, body.i64()?];
                let [old_value, value] = [body.f64()?, body.f64()?];
                let (from, to, flags) = (status(body.byte()?)?, status(body.byte()?)?, body.byte()?);
                let mut entry = Entry {
                    unique_id,
                    alarm_id,
                    event_id,
                    when_s,
                    duration_s,
                    non_clear_s,
                    from,
                    to,
                    old_value,
                    value,
                    delay_s,
                    is_silenced: flags & 1 != 0,
                    no_clear_notification: flags & 2 != 0,
                    name: String::new(),
                    chart: String::new(),
                    context: String::new(),
                    family: String::new(),
                    units: String::new(),
                    info: String::new(),
                    summary: String::new(),
                    class: String::new(),
                    component: String::new(),
                    kind: String::new(),
                    exec: String::new(),
                    to_roles: String::new(),
                    source: String::new(),
                    config_hash: String::new(),
                    told_s: 0,
                    told_code: 0,
                    updated_by_id: 0,
                    updates_id: 0,
                };
                for text in entry.texts() {
                    *text = body.text()?;
                }
                Self::Transition(Box::new(entry))
            }
            TOLD => {
                let (unique_id, at_s, code) = (body.u32()?, body.i64()?, body.u32()? as i32);
                let status = status(body.byte()?)?;
                Self::Told { unique_id, at_s, code, status, chart: body.text()?, name: body.text()? }
            }
            RESULT => Self::Result { unique_id: body.u32()?, at_s: body.i64()?, code: body.u32()? as i32 },
            REACHED => Self::Reached { unique_id: body.u32()?, who: body.text()? },
            kind @ (OLD_MEMORY | MEMORY) => {
                let (alarm_id, event_id, told) = (body.u32()?, body.u32()?, body.byte()?);
                let told = if told == NEVER_TOLD { None } else { Some(status(told)?) };
                let told_s = if kind == MEMORY { body.i64()? } else { 0 };
                let (chart, name) = (body.text()?, body.text()?);
                let was_critical = if kind == MEMORY { body.byte()? != 0 } else { told == Some(Status::Critical) };
                Self::Memory { memory: Memory { alarm_id, event_id, told, told_s, was_critical }, chart, name }
            }
            _ => return None,
        })
    }
}

/// In place of a status.
const NEVER_TOLD: u8 = 0x7f;

fn status(byte: u8) -> Option<Status> {
    Status::ALL.into_iter().find(|status| *status as u8 == byte)
}

/// Texts are cut where they would not fit: they all come from lines of 4 KiB.
fn write_text(out: &mut Vec<u8>, text: &str) {
    let text = &text[..text.floor_char_boundary(4_096)];
    out.extend_from_slice(&(text.len() as u16).to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}

/// What is left of a body.
struct Body<'b>(&'b [u8]);

impl Body<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take::<1>().map(|[byte]| byte)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn i64(&mut self) -> Option<i64> {
        self.take().map(i64::from_le_bytes)
    }

    fn f64(&mut self) -> Option<f64> {
        self.take().map(f64::from_le_bytes)
    }

    fn text(&mut self) -> Option<String> {
        let length = usize::from(self.take().map(u16::from_le_bytes)?);
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        std::str::from_utf8(text).ok().map(str::to_owned)
    }
}

/// The records of a file, up to the first that is torn or damaged.
pub(super) struct Records<'b> {
    rest: &'b [u8],
}

impl<'b> Records<'b> {
    pub(super) const fn new(bytes: &'b [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Bytes that could not be read.
    pub(super) const fn rest(&self) -> usize {
        self.rest.len()
    }
}

impl Iterator for Records<'_> {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        let mut head = Body(self.rest);
        let (length, crc) = (head.u32()? as usize, head.u32()?);
        if length > BODY_BYTES_MAX {
            return None;
        }
        let (body, rest) = head.0.split_at_checked(length)?;
        let record = if crc32fast::hash(body) == crc { Record::read(body) } else { None }?;
        self.rest = rest;
        Some(record)
    }
}
