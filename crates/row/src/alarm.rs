//! What nodes say to one another of the alarms that they hold on one host.

/// A status that people were told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// The status, by its number.
    pub status: i8,
    /// When, in seconds since 1970; later than what was told of the alarm before, whatever clocks say.
    pub at_s: i64,
}

impl Told {
    /// Of two, the later one; the first where they are of one second.
    #[must_use]
    pub fn later(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        match (one, other) {
            (Some(one), Some(other)) => Some(if other.at_s > one.at_s { other } else { one }),
            (one, other) => one.or(other),
        }
    }
}

/// What one node says to another. An alarm is named by a hash of chart, name and definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlarmWord {
    /// To the node below: it is not known yet which alarms are held here.
    Wait,
    /// To the node below: those that were named are held here, and no others.
    Ready,
    /// To the node below: this alarm is held here, or above: who sees it is told from there.
    Hold(u64),
    /// To the node below: this one no longer is.
    Drop(u64),
    /// To either: people were told this of an alarm.
    Told(u64, Told),
}
