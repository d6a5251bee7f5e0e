//! Messages about an alarm that nobody has, to try out who is told.

use std::sync::Arc;

use row::Guid;

use super::Message;
use crate::engine::{Notice, Others, Transition};
use crate::expression::Status;
use crate::files::{self, Definition};

/// The alarm.
const ALARM: &str = "alarm: test_alarm\non: test.chart\ncalc: $this\nevery: 1s\nunits: %\nwarn: $this > 80\n\
                     crit: $this > 90\nclass: Test\ncomponent: Test\ntype: Test\n\
                     info: this is a test: nothing is wrong\n";

/// What an alarm for a role would tell on its way through all statuses: warning, critical, clear.
#[must_use]
pub fn test_messages(hostname: &str, guid: Guid, role: &str, now_s: i64) -> Vec<Message> {
    let (definitions, _) = files::read("test", ALARM);
    let Some(definition) = definitions.into_iter().next() else { return Vec::new() };
    let definition = Arc::new(Definition { to: role.to_owned(), ..definition });
    let steps = [
        (Status::Clear, Status::Warning, 20.0, 85.0),
        (Status::Warning, Status::Critical, 85.0, 95.0),
        (Status::Critical, Status::Clear, 95.0, 20.0),
    ];
    let message = |(number, (from, to, old_value, value)): (u32, (Status, Status, f64, f64))| {
        let transition = Transition {
            unique_id: (now_s as u32).wrapping_add(number),
            alarm_id: now_s as u32,
            event_id: number,
            when_s: now_s,
            duration_s: 60,
            non_clear_s: if from.is_raised() { 60 * i64::from(number - 1) } else { 0 },
            from,
            to,
            old_value,
            value,
            delay_s: 0,
            is_silenced: false,
            name: "test_alarm".into(),
            chart: "test.chart".into(),
            context: "test.chart".into(),
            family: "test".into(),
            units: "%".into(),
            info: definition.info.as_str().into(),
            definition: Arc::clone(&definition),
            trace: "".into(),
        };
        let was_critical = to == Status::Critical || from == Status::Critical;
        let notice = Notice { transition, is_repeated: false, was_critical, others: Others::default() };
        Message { hostname: hostname.to_owned(), guid, is_own: true, reached: Vec::new(), notice }
    };
    (1..).zip(steps).map(message).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: there is one of each status, for the role that was asked for.
    #[test]
    fn one_of_each() {
        let messages = test_messages("web1", Guid::from_bytes([1; 16]), "dba", 1_795_387_698);
        let statuses: Vec<_> = messages.iter().map(|message| message.notice.transition.to).collect();
        assert_eq!(statuses, [Status::Warning, Status::Critical, Status::Clear]);
        assert!(messages.iter().all(|message| message.notice.transition.definition.to == "dba"));
        assert!(messages.iter().all(|message| message.notice.transition.info.contains("nothing is wrong")));
    }
}
