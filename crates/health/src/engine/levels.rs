//! One alarm, one notification, where several nodes watch a host: who tells, and when.
//!
//! The node nearest to people tells what it holds. A node below that holds the same alarm keeps its change
//! pending and is told what people heard; so, when the stream to the node above breaks, it knows what they
//! have not heard, and tells that after a grace in which the other may come back. What it told meanwhile it
//! reports once the other is there again, which waits a moment for that before it tells anything itself.
//!
//! Each telling is dated later than the last that is known of its alarm, so that of two nodes the one that
//! was told last is known whatever their clocks say.

use row::Told;
use rrd_store::{Held, Levels, Link};

use super::alarm::{Alarm, Change, Memory};
use super::transition::{Report, Transition};
use super::watch::{Watch, transition};
use crate::expression::Status;

/// How long a node waits for the one above to come back, or to find out what it holds.
pub const GRACE_S: i64 = 30;
/// How long what one node does may be on its way to another.
const SETTLE_S: i64 = 5;
/// A notification of an alarm that never clears is taken for that of a change if it is not much older.
const SAME_S: i64 = 60;
/// What is dated further ahead of our clock is not believed.
const AHEAD_S_MAX: i64 = 3_600;

/// Where a host's watch is among others.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Place {
    link: Link,
    /// Since when it is not known any more, or not yet, what is held above.
    since_s: i64,
    /// Since when it is known, or was.
    ready_s: i64,
    was_ready: bool,
    /// What others say does not count.
    is_alone: bool,
    /// Nothing is told before.
    quiet_until_s: i64,
    /// What was heard last, as the store counts it.
    heard: u64,
}

impl Place {
    /// When a change that is due may be told from here; never, where it is told above.
    pub(super) fn tells_s(&self, alarm: &Alarm, due_s: i64) -> i64 {
        let due_s = due_s.max(self.quiet_until_s);
        // A new alarm may just as well be new above.
        let settled_s = due_s.max(alarm.bound_s + SETTLE_S);
        match self.link {
            Link::None => due_s,
            Link::Ready if alarm.is_held => i64::MAX,
            Link::Ready => settled_s,
            Link::Waiting | Link::Cut if alarm.is_held || !self.was_ready => due_s.max(self.since_s + GRACE_S),
            Link::Waiting | Link::Cut => settled_s,
        }
    }

    fn set_link(&mut self, link: Link, now_s: i64) {
        if link == self.link {
            return;
        }
        match self.link {
            Link::None => self.since_s = now_s,
            // Who is back for a moment only does not put it off any further.
            Link::Ready if now_s > self.ready_s + GRACE_S => self.since_s = now_s,
            _ => {}
        }
        if link == Link::Ready {
            self.ready_s = now_s;
            self.was_ready = true;
        }
        self.link = link;
    }
}

/// What was told elsewhere of one of our alarms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToldElsewhere {
    /// The id of its chart.
    pub chart: std::sync::Arc<str>,
    /// Its name.
    pub name: std::sync::Arc<str>,
    /// The status.
    pub status: Status,
    /// When.
    pub at_s: i64,
}

impl Watch {
    /// Tells whatever other nodes tell, and does not listen to them.
    pub const fn tell_always(&mut self) {
        self.place.is_alone = true;
    }

    /// Whether other nodes said something that is not taken over yet.
    #[must_use]
    pub fn has_news(&self, levels: &Levels) -> bool {
        !self.place.is_alone && self.place.heard != levels.heard_count()
    }

    /// Takes over what other nodes say of the host.
    pub(super) fn hear(&mut self, levels: &Levels, now_s: i64, report: &mut Report) {
        if self.place.is_alone {
            return;
        }
        self.place.heard = levels.heard_count();
        let heard = levels.heard();
        self.place.set_link(heard.link(), now_s);
        let told = report.elsewhere.len();
        for alarm in &mut self.alarms {
            alarm.is_held = heard.is_held(alarm.key);
            let is_news = |told: &Told| told.at_s > alarm.memory.told_s && told.at_s < now_s + AHEAD_S_MAX;
            let Some(told) = heard.told(alarm.key).filter(is_news) else { continue };
            let Some(status) = Status::ALL.into_iter().find(|status| *status as i8 == told.status) else { continue };
            alarm.memory.note_told(status, told.at_s);
            alarm.was_told_elsewhere = true;
            if alarm.pending.is_none() && alarm.state.status != status && alarm.state.status >= Status::Clear {
                alarm.pending = Some(Box::new(correction(alarm, status, &mut self.next_unique_id, now_s)));
            }
            let (chart, name) = (alarm.chart.clone(), alarm.name.clone());
            report.elsewhere.push(ToldElsewhere { chart, name, status, at_s: told.at_s });
        }
        if report.elsewhere.len() > told {
            self.revision += 1;
        }
    }

    /// Nothing is told for a moment: a node below is about to say what it told.
    pub fn listen(&mut self, from_s: i64) {
        self.place.quiet_until_s = from_s + SETTLE_S;
    }

    /// Rises with what [`held`](Self::held) returns.
    #[must_use]
    pub const fn revision(&self) -> u64 {
        self.revision
    }

    /// Whether it is known which alarms the host has, and they are evaluated.
    #[must_use]
    pub fn is_ready(&self, now_s: i64) -> bool {
        self.seen.is_some() && now_s >= self.ready_s
    }

    /// The alarms whose changes reach somebody from here, as other nodes are told of them.
    pub fn held(&self, reaches: impl Fn(&Alarm) -> bool) -> Vec<Held> {
        let evaluated = self.alarms.iter().filter(|alarm| !alarm.is_disabled && reaches(alarm));
        let held = evaluated.map(|alarm| Held { key: alarm.key, told: alarm.memory.as_told() });
        let mut held: Vec<_> = held.collect();
        held.sort_unstable_by_key(|held| held.key);
        held.dedup_by_key(|held| held.key);
        held
    }
}

/// Another node told something else than what is so here: that is told as well, unless the next evaluation
/// says the same.
fn correction(alarm: &mut Alarm, told: Status, next_unique_id: &mut u32, now_s: i64) -> Transition {
    let state = &alarm.state;
    let duration_s = (now_s - state.last_status_change_s).max(0);
    let change = Change { from: told, to: state.status, duration_s, non_clear_s: 0 };
    let delay_s = alarm.every_s + SETTLE_S as u32;
    Transition { delay_s, ..transition(alarm, next_unique_id, &change, now_s) }
}

impl Memory {
    fn as_told(&self) -> Option<Told> {
        // What a node that ended had not finished is known to nobody.
        let told = self.told.filter(|told| *told != Status::Undefined)?;
        Some(Told { status: told as i8, at_s: self.told_s })
    }

    /// The second of what is told now.
    pub(super) fn tells_at_s(&self, now_s: i64) -> i64 {
        now_s.max(self.told_s.saturating_add(1))
    }
}

/// Whether a change was told elsewhere already. That is seen from the status alone but where alarms that do
/// not clear tell the same one again and again.
pub(super) fn was_told_elsewhere(alarm: &Alarm, pending: &Transition) -> bool {
    alarm.was_told_elsewhere
        && alarm.definition.no_clear_notification
        && alarm.memory.told == Some(pending.to)
        && pending.when_s <= alarm.memory.told_s + SAME_S
}

/// The hash by which nodes name an alarm: 64 bits of FNV-1a.
pub(super) fn key(alarm: &Alarm) -> u64 {
    const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let texts = [alarm.chart.as_bytes(), b"\0", alarm.name.as_bytes(), b"\0", alarm.definition.hash.as_bytes()];
    texts.into_iter().flatten().fold(BASIS, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(PRIME))
}
