//! One alarm on one chart: its status, and how that changes.

use std::sync::Arc;

use patterns::SimplePattern;
use row::ChartSlot;
use rrd_store::query::AskId;

use super::scope::Reference;
use super::transition::Transition;
use crate::expression::Status;
use crate::files::{Definition, Delay};

/// What of an alarm outlives a restart, and its binding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Memory {
    /// The same for a chart and name as long as the log remembers them.
    pub alarm_id: u32,
    /// The number of its last transition.
    pub event_id: u32,
    /// The status that was last told, here or by another node.
    pub told: Option<Status>,
    /// When; later than what was told before, whatever clocks say.
    pub told_s: i64,
    /// It was told to be critical since it was last told to be clear.
    pub was_critical: bool,
}

/// An alarm that is bound to a chart.
#[derive(Debug)]
pub struct Alarm {
    /// What it is.
    pub definition: Arc<Definition>,
    /// Its name; of one that stands for one dimension, with that.
    pub name: Arc<str>,
    /// The id of its chart.
    pub chart: Arc<str>,
    /// The name of its chart, which may be empty.
    pub chart_name: Arc<str>,
    /// The family of its chart.
    pub family: Arc<str>,
    /// The context of its chart.
    pub context: Arc<str>,
    /// Its units.
    pub units: Arc<str>,
    /// What it is about, with the names of its chart put in.
    pub info: Arc<str>,
    /// What outlives a restart.
    pub memory: Memory,
    /// The rest.
    pub state: State,
    /// Notifications are kept back.
    pub is_silenced: bool,
    /// It is not evaluated.
    pub is_disabled: bool,
    /// What other nodes name it by.
    pub(super) key: u64,
    /// A node above holds it, too, as far as is known.
    pub(super) is_held: bool,
    /// What was told last of it was told by another node.
    pub(super) was_told_elsewhere: bool,
    /// When it was bound.
    pub(super) bound_s: i64,
    /// The last change, until it was told or is not worth it.
    pub(super) pending: Option<Box<Transition>>,
    pub(super) slot: ChartSlot,
    pub(super) born: u64,
    pub(super) every_s: u32,
    /// The only dimension that it looks at.
    pub(super) only: Option<(Arc<str>, SimplePattern)>,
    /// What its lookup is asked as; `None` where it has none, or only a plain query can tell.
    pub(super) ask: Option<AskId>,
    pub(super) calc: Box<[Reference]>,
    pub(super) warn: Box<[Reference]>,
    pub(super) crit: Box<[Reference]>,
}

/// Where an alarm is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct State {
    /// Its status.
    pub status: Status,
    /// Its value, and the one before.
    pub value: f64,
    /// The value at the evaluation before.
    pub old_value: f64,
    /// The range of the last lookup.
    pub window_s: (i64, i64),
    /// When it changed its status.
    pub last_status_change_s: i64,
    /// When it was evaluated.
    pub last_updated_s: i64,
    /// When it is due.
    pub next_update_s: i64,
    /// The delay of the last change.
    pub delay_s: u32,
    /// Until when the notification of the last change waits.
    pub delay_until_s: i64,
    /// What the delays have grown to.
    pub up_s: u32,
    /// What the delays have grown to.
    pub down_s: u32,
    /// When its status was last told again.
    pub last_repeat_s: i64,
    /// How often.
    pub times_repeat: u32,
    /// How long it was raised before this status, where that was raised, too.
    pub non_clear_s: i64,
}

impl State {
    pub(super) const fn new(now_s: i64) -> Self {
        Self {
            status: Status::Uninitialized,
            value: f64::NAN,
            old_value: f64::NAN,
            window_s: (0, 0),
            last_status_change_s: now_s,
            last_updated_s: 0,
            next_update_s: now_s,
            delay_s: 0,
            delay_until_s: 0,
            up_s: 0,
            down_s: 0,
            last_repeat_s: 0,
            times_repeat: 0,
            non_clear_s: 0,
        }
    }

    /// Goes over to another status; the notification waits as `delay` says.
    pub(super) fn change(&mut self, to: Status, delay: &Delay, now_s: i64) -> Change {
        if now_s > self.delay_until_s {
            (self.up_s, self.down_s) = (delay.up_s, delay.down_s);
        } else {
            let grown = |seconds: u32| ((seconds as f32 * delay.multiplier) as u32).min(delay.max_s);
            (self.up_s, self.down_s) = (grown(self.up_s), grown(self.down_s));
        }
        let from = self.status;
        self.delay_s = if to > from { self.up_s } else { self.down_s };
        self.delay_until_s = now_s + i64::from(self.delay_s);
        let duration_s = (now_s - self.last_status_change_s).max(0);
        let non_clear_s = if from.is_raised() { duration_s } else { 0 } + self.non_clear_s;
        self.non_clear_s = if from.is_raised() && to.is_raised() { non_clear_s } else { 0 };
        self.status = to;
        self.last_status_change_s = now_s;
        Change { from, to, duration_s, non_clear_s }
    }
}

/// A change of status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) from: Status,
    pub(super) to: Status,
    /// How long the status before lasted.
    pub(super) duration_s: i64,
    /// How long it was raised, in all statuses that are.
    pub(super) non_clear_s: i64,
}

/// What one expression says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// There is none, or it has no value.
    Undefined,
    Clear,
    Raised,
}

/// The status that both expressions come to.
pub(super) const fn decide(warn: Side, crit: Side) -> Status {
    match (warn, crit) {
        (_, Side::Raised) => Status::Critical,
        (Side::Raised, _) => Status::Warning,
        (Side::Clear, _) | (_, Side::Clear) => Status::Clear,
        (Side::Undefined, Side::Undefined) => Status::Undefined,
    }
}

impl Memory {
    /// Notes that a status was told at this second.
    pub(crate) fn note_told(&mut self, status: Status, at_s: i64) {
        (self.told, self.told_s) = (Some(status), at_s);
        match status {
            Status::Critical => self.was_critical = true,
            Status::Clear => self.was_critical = false,
            _ => {}
        }
    }

    /// Whether a change is worth telling, once its delay is over.
    pub(super) fn is_told(&self, status: Status, no_clear_notification: bool) -> bool {
        match status {
            Status::Removed | Status::Undefined | Status::Uninitialized => false,
            Status::Clear if no_clear_notification => false,
            _ if no_clear_notification => true,
            // Nobody was told that there was anything.
            Status::Clear => self.told.is_some_and(|told| told != Status::Clear),
            _ => self.told != Some(status),
        }
    }
}
