//! What a step of alarms brings: changes of status for the log, and notices for people.

use std::sync::Arc;

use super::levels::ToldElsewhere;
use crate::expression::Status;
use crate::files::Definition;

/// A change of an alarm's status.
#[derive(Debug, Clone)]
pub struct Transition {
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
    /// The status now.
    pub to: Status,
    /// The value before.
    pub old_value: f64,
    /// The value now.
    pub value: f64,
    /// How long its notification waits.
    pub delay_s: u32,
    /// Notifications are kept back.
    pub is_silenced: bool,
    /// The alarm's name.
    pub name: Arc<str>,
    /// The id of its chart.
    pub chart: Arc<str>,
    /// The context of its chart.
    pub context: Arc<str>,
    /// The family of its chart.
    pub family: Arc<str>,
    /// Its units.
    pub units: Arc<str>,
    /// What it is about.
    pub info: Arc<str>,
    /// What it is.
    pub definition: Arc<Definition>,
    /// The values that decided on the status.
    pub trace: Arc<str>,
}

impl Transition {
    /// When it is told at the earliest.
    #[must_use]
    pub fn due_s(&self) -> i64 {
        self.when_s + i64::from(self.delay_s)
    }
}

/// Something to tell.
#[derive(Debug, Clone)]
pub struct Notice {
    /// What became of the alarm.
    pub transition: Transition,
    /// It was told before, and is still so.
    pub is_repeated: bool,
    /// It was told to be critical, now or since it was last told to be clear.
    pub was_critical: bool,
    /// Other alarms of the host that are raised.
    pub others: Others,
}

/// Alarms that are raised: their names, and since when they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Others {
    /// Those that are warnings.
    pub warning: Vec<(Arc<str>, i64)>,
    /// Those that are critical.
    pub critical: Vec<(Arc<str>, i64)>,
}

/// What a step brought.
#[derive(Debug, Default)]
pub struct Report {
    /// For the log, in their order.
    pub transitions: Vec<Transition>,
    /// For people.
    pub notices: Vec<Notice>,
    /// What other nodes told.
    pub elsewhere: Vec<ToldElsewhere>,
}
