//! The argument list of `alarm-notify.sh`, in its two forms.

use super::Message;
use crate::engine::value_string;
use crate::expression::Status;

/// An argument is no longer than this.
const ARGUMENT_BYTES_MAX: usize = 8_191;
/// Names of other raised alarms, of both levels together, that the first form tells at most.
const OTHERS_MAX: usize = 15;

/// Which list a program expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ArgumentList {
    /// That of Netdata 1.37: 29 arguments.
    #[default]
    One,
    /// That of Netdata 2: without the family, and with five more.
    Two,
}

/// The arguments of a message.
#[must_use]
pub fn arguments(message: &Message, list: ArgumentList) -> Vec<String> {
    let transition = &message.notice.transition;
    let (definition, others) = (&transition.definition, &message.notice.others);
    let is_two = list == ArgumentList::Two;
    let expression = match transition.to {
        Status::Critical => &definition.crit,
        _ => &definition.warn,
    };
    let or = |text: &str, without: &str| if text.is_empty() { without.to_owned() } else { text.to_owned() };
    let mut words = vec![
        definition.to.clone(),
        message.hostname.clone(),
        transition.unique_id.to_string(),
        transition.alarm_id.to_string(),
        transition.event_id.to_string(),
        transition.when_s.to_string(),
        transition.name.to_string(),
        or(&transition.chart, "NOCHART"),
    ];
    if !is_two {
        words.push(or(&transition.family, "NOFAMILY"));
    }
    words.extend([
        transition.to.name().to_owned(),
        transition.from.name().to_owned(),
        whole(transition.value),
        whole(transition.old_value),
        transition.source(),
        transition.duration_s.to_string(),
        transition.non_clear_s.to_string(),
        transition.units.to_string(),
        transition.info.to_string(),
        value_string(transition.value, &transition.units),
        value_string(transition.old_value, &transition.units),
        or(expression.as_ref().map_or("", |expression| expression.text()), if is_two { "" } else { "NOSOURCE" }),
        or(&transition.trace, if is_two { "" } else { "NOERRMSG" }),
        others.warning.len().to_string(),
        others.critical.len().to_string(),
    ]);
    let (warning, critical) = names(message, if is_two { usize::MAX } else { OTHERS_MAX });
    words.extend([
        warning,
        critical,
        or(&definition.class, "Unknown"),
        format!("edit {}={}={}", definition.source.file, definition.source.line, message.hostname),
        if message.is_own && !is_two { String::new() } else { message.guid.to_string() },
    ]);
    if is_two {
        words.extend([
            message.transition_id(),
            or(&definition.summary, &transition.name),
            transition.context.to_string(),
            or(&definition.component, "Unknown"),
            or(&definition.kind, "Unknown"),
        ]);
    }
    words.into_iter().map(fitting).collect()
}

/// Nobody is to take an argument for an option.
fn fitting(word: String) -> String {
    let word = word.trim_start_matches('-');
    word[..word.floor_char_boundary(ARGUMENT_BYTES_MAX)].replace('\0', " ")
}

fn whole(value: f64) -> String {
    if value.is_finite() { format!("{:.0}", value.round()) } else { value.to_string().to_lowercase() }
}

/// `name=since,…` of other raised alarms, the newest first: warnings, and critical ones.
fn names(message: &Message, count_max: usize) -> (String, String) {
    let others = &message.notice.others;
    let of = |list: &'_ [(std::sync::Arc<str>, i64)], is_critical: bool| {
        list.iter().map(|(name, since_s)| (*since_s, is_critical, name.to_string())).collect::<Vec<_>>()
    };
    let mut all = of(&others.warning, false);
    all.extend(of(&others.critical, true));
    all.sort_by_key(|(since_s, ..)| std::cmp::Reverse(*since_s));
    all.truncate(count_max);
    let joined = |critical: bool| {
        let of_level = all.iter().filter(|(_, is_critical, _)| *is_critical == critical);
        of_level.map(|(since_s, _, name)| format!("{name}={since_s}")).collect::<Vec<_>>().join(",")
    };
    (joined(false), joined(true))
}

impl crate::engine::Transition {
    /// Where its alarm is defined.
    fn source(&self) -> String {
        self.definition.source.to_string()
    }
}

impl Message {
    /// An id that is the same wherever this transition is told.
    #[must_use]
    pub fn transition_id(&self) -> String {
        let mut bytes = *self.guid.as_bytes();
        let number = self.notice.transition.unique_id.to_be_bytes();
        bytes.iter_mut().rev().zip(number.iter().rev()).for_each(|(byte, number)| *byte ^= number);
        row::Guid::from_bytes(bytes).to_string()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use row::Guid;

    use super::*;
    use crate::engine::{Notice, Others, Transition};
    use crate::files;

    fn message() -> Message {
        let text = "alarm: t_nodelay\non: synth.chart\ncalc: $w\nevery: 1s\nto: sysadmin\nsummary: short\n\
                    warn: $this > (($status >= $WARNING) ? (40) : (50))";
        let (definitions, _) = files::read("/etc/netdata/health.d/test.conf", text);
        let transition = Transition {
            unique_id: 1_795_387_864,
            alarm_id: 1_795_387_822,
            event_id: 3,
            when_s: 1_795_387_879,
            duration_s: 58,
            non_clear_s: 0,
            from: Status::Clear,
            to: Status::Warning,
            old_value: 10.0,
            value: 60.4,
            delay_s: 0,
            is_silenced: false,
            name: "t_nodelay".into(),
            chart: "synth.chart".into(),
            context: "synth.context".into(),
            family: "fam".into(),
            units: "widgets".into(),
            info: "--hysteresis".into(),
            definition: Arc::new(definitions.into_iter().next().unwrap()),
            trace: "[ $this = 60.4 ] ".into(),
        };
        let others = Others {
            warning: vec![("t_old".into(), 1), ("t_new".into(), 5)],
            critical: vec![("var_missing".into(), 3)],
        };
        let notice = Notice { transition, is_repeated: false, was_critical: false, others };
        Message { hostname: "host1".into(), guid: Guid::from_bytes([1; 16]), is_own: true, reached: Vec::new(), notice }
    }

    /// The list of a real 1.37.1, argument by argument.
    #[test]
    fn the_first_list() {
        let words = arguments(&message(), ArgumentList::One);
        let expected = [
            "sysadmin",
            "host1",
            "1795387864",
            "1795387822",
            "3",
            "1795387879",
            "t_nodelay",
            "synth.chart",
            "fam",
            "WARNING",
            "CLEAR",
            "60",
            "10",
            "1@/etc/netdata/health.d/test.conf",
            "58",
            "0",
            "widgets",
            "hysteresis",
            "60.4 widgets",
            "10 widgets",
            "$this > (($status >= $WARNING) ? (40) : (50))",
            "[ $this = 60.4 ] ",
            "2",
            "1",
            "t_new=5,t_old=1",
            "var_missing=3",
            "Unknown",
            "edit /etc/netdata/health.d/test.conf=1=host1",
            "",
        ];
        assert_eq!(words, expected);
    }

    /// The second list leaves the family out, and says more at its end; a child has its GUID in both.
    #[test]
    fn the_second_list() {
        let words = arguments(&message(), ArgumentList::Two);
        assert_eq!((words.len(), &*words[8], &*words[29]), (33, "WARNING", "short"));
        assert_eq!(words[28], "01010101-0101-0101-0101-01016a0270d9");
        assert_eq!(&words[30..], ["synth.context", "Unknown", "Unknown"]);
        let child = Message { is_own: false, ..message() };
        assert_eq!(arguments(&child, ArgumentList::One)[28], "01010101-0101-0101-0101-010101010101");
    }

    /// Roles that nobody has are not told.
    #[test]
    fn who_is_told() {
        for (to, told) in [("sysadmin", true), ("silent", false), ("silent, disabled", false), ("dba silent", true)] {
            let mut message = message();
            Arc::make_mut(&mut message.notice.transition.definition).to = to.into();
            assert_eq!(message.is_for_somebody(), told, "{to}");
        }
    }
}
