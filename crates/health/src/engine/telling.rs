//! What of a host's alarms is told now, and when the rest is.

use super::alarm::{Alarm, Change};
use super::levels::was_told_elsewhere;
use super::transition::{Notice, Others, Report, Transition};
use super::watch::{Patience, Watch, transition};
use crate::expression::Status;

impl Watch {
    /// Tells changes whose delay is over, and again what is still so.
    pub(super) fn tell(&mut self, now_s: i64, report: &mut Report) {
        let told = report.notices.len();
        for alarm in &mut self.alarms {
            let notice = |transition: Transition, is_repeated, was_critical| {
                let was_critical = was_critical || transition.to == Status::Critical;
                Notice { transition, is_repeated, was_critical, others: Others::default() }
            };
            let tells_s = |pending: &Transition| self.place.tells_s(alarm, pending.due_s());
            if alarm.pending.as_deref().is_some_and(|pending| tells_s(pending) <= now_s)
                && let Some(transition) = alarm.pending.take()
                && alarm.memory.is_told(transition.to, alarm.definition.no_clear_notification)
                && !was_told_elsewhere(alarm, &transition)
                && !transition.is_silenced
            {
                let was_critical = alarm.memory.was_critical;
                alarm.memory.note_told(transition.to, alarm.memory.tells_at_s(now_s));
                alarm.was_told_elsewhere = false;
                self.revision += 1;
                report.notices.push(notice(*transition, false, was_critical));
            }
            if let Some(due_s) = repeat_due_s(alarm, &self.patience)
                && self.place.tells_s(alarm, due_s) <= now_s
                && !alarm.is_silenced
            {
                alarm.state.last_repeat_s = now_s;
                alarm.state.times_repeat += 1;
                let state = &alarm.state;
                let duration_s = now_s - state.last_status_change_s;
                let change = Change { from: state.status, to: state.status, duration_s, non_clear_s: duration_s };
                let transition = transition(alarm, &mut self.next_unique_id, &change, now_s);
                report.notices.push(notice(transition, true, alarm.memory.was_critical));
            }
        }
        for notice in &mut report.notices[told..] {
            notice.others = self.others(notice.transition.alarm_id);
        }
    }

    /// The alarms that are raised but for one.
    fn others(&self, alarm_id: u32) -> Others {
        let are = |status| {
            let raised = self.alarms.iter().filter(move |alarm| alarm.state.status == status);
            let others = raised.filter(|alarm| alarm.memory.alarm_id != alarm_id);
            others.map(|alarm| (alarm.name.clone(), alarm.state.last_status_change_s)).collect()
        };
        Others { warning: are(Status::Warning), critical: are(Status::Critical) }
    }

    /// When an alarm has something to tell.
    pub(super) fn tells_next_s(&self, alarm: &Alarm) -> i64 {
        let pending_s = alarm.pending.as_ref().map_or(i64::MAX, |pending| self.place.tells_s(alarm, pending.due_s()));
        let repeat_s = repeat_due_s(alarm, &self.patience).filter(|_| !alarm.is_silenced);
        pending_s.min(repeat_s.map_or(i64::MAX, |due_s| self.place.tells_s(alarm, due_s)))
    }
}

/// When a status is told again.
fn repeat_due_s(alarm: &Alarm, patience: &Patience) -> Option<i64> {
    let repeat = alarm.definition.repeat.unwrap_or(patience.repeat);
    let every_s = match alarm.state.status {
        Status::Warning => repeat.warning_s,
        Status::Critical => repeat.critical_s,
        _ => 0,
    };
    let state = &alarm.state;
    (every_s > 0 && !alarm.is_disabled).then(|| (state.last_repeat_s + i64::from(every_s)).max(state.delay_until_s))
}
