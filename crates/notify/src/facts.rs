//! What a message says, as texts: the values that templates name, before anything is escaped.

use std::fmt::Write;

use health::engine::value_string;
use health::expression::Status;
use health::notify::Message;

/// The names of all values, in the order of [`Facts`].
pub(crate) const NAMES: [&str; 30] = [
    "title",
    "host",
    "guid",
    "alarm",
    "chart",
    "family",
    "context",
    "status",
    "old_status",
    "severity",
    "value",
    "old_value",
    "number",
    "units",
    "info",
    "summary",
    "when",
    "unix",
    "duration",
    "raised",
    "roles",
    "class",
    "component",
    "type",
    "source",
    "id",
    "event",
    "transition",
    "url",
    "recipient",
];

/// Characters of one value. Names come from children, and services have limits of their own.
const CHARACTERS_MAX: usize = 1_000;

/// The values of a message.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The status that is told.
    pub(crate) status: Status,
    /// When the alarm changed to it, in seconds since 1970.
    pub(crate) when_s: i64,
    values: Vec<String>,
}

impl Facts {
    /// The values of a message; `dashboard_url` is where people reach this node, or empty.
    #[must_use]
    pub fn of(message: &Message, dashboard_url: &str) -> Self {
        let transition = &message.notice.transition;
        let definition = &transition.definition;
        let alarm = transition.name.replace('_', " ");
        let value = value_string(transition.value, &transition.units);
        let status = transition.to.name();
        let still = if message.notice.is_repeated { "still " } else { "" };
        let texts = [
            format!("{}: {alarm} is {still}{status}, {value}", message.hostname),
            message.hostname.clone(),
            message.guid.to_string(),
            alarm,
            transition.chart.to_string(),
            transition.family.to_string(),
            transition.context.to_string(),
            status.into(),
            transition.from.name().into(),
            severity(transition.to).into(),
            value,
            value_string(transition.old_value, &transition.units),
            if transition.value.is_finite() { transition.value.to_string() } else { String::new() },
            transition.units.to_string(),
            transition.info.to_string(),
            if definition.summary.is_empty() { transition.name.to_string() } else { definition.summary.clone() },
            date(transition.when_s),
            transition.when_s.to_string(),
            span(transition.duration_s),
            span(transition.non_clear_s),
            definition.to.clone(),
            definition.class.clone(),
            definition.component.clone(),
            definition.kind.clone(),
            definition.source.to_string(),
            format!("{}-{}", message.guid, transition.alarm_id),
            transition.event_id.to_string(),
            message.transition_id(),
            link(dashboard_url, message),
            String::new(),
        ];
        Self { status: transition.to, when_s: transition.when_s, values: texts.map(|text| plain(&text)).into() }
    }

    /// The value of this name; empty for one that is on no list.
    pub(crate) fn get(&self, name: &str) -> &str {
        NAMES.iter().position(|known| *known == name).map_or("", |at| &self.values[at])
    }

    /// The same for one recipient.
    pub(crate) fn to(&self, recipient: &str) -> Self {
        let mut facts = self.clone();
        facts.values[NAMES.len() - 1] = plain(recipient);
        facts
    }

    /// What a message tells beside its title, as pairs of a caption and a value.
    pub(crate) fn lines(&self) -> Vec<(&'static str, String)> {
        let mut lines = vec![("Host", self.get("host").to_owned()), ("Chart", self.get("chart").to_owned())];
        if !self.get("family").is_empty() {
            lines.push(("Family", self.get("family").to_owned()));
        }
        let value = match self.get("old_value") {
            "-" | "" => self.get("value").to_owned(),
            old => format!("{}, before {old}", self.get("value")),
        };
        lines.push(("Value", value));
        lines.push(("Since", format!("{} UTC", self.get("when").replace(['T', 'Z'], " ").trim_end())));
        lines.push(("Before", format!("{} for {}", self.get("old_status"), self.get("duration"))));
        lines
    }

    /// A short text of all of it, as it stands.
    pub(crate) fn plain_text(&self) -> String {
        let mut text = String::new();
        if !self.get("info").is_empty() {
            text.push_str(self.get("info"));
            text.push_str("\n\n");
        }
        for (caption, value) in self.lines() {
            writeln!(text, "{caption}: {value}").expect("writing to a string cannot fail");
        }
        if !self.get("url").is_empty() {
            writeln!(text, "{}", self.get("url")).expect("writing to a string cannot fail");
        }
        text.trim_end().to_owned()
    }
}

fn severity(status: Status) -> &'static str {
    match status {
        Status::Critical => "critical",
        Status::Warning => "warning",
        _ => "info",
    }
}

/// The color that stands for a status.
pub(crate) const fn color(status: Status) -> u32 {
    match status {
        Status::Critical => 0xd0_21_2b,
        Status::Warning => 0xf2_a9_00,
        _ => 0x2e_a0_43,
    }
}

/// On one line, and not too long.
fn plain(text: &str) -> String {
    let plain = |character: char| if character.is_control() { ' ' } else { character };
    text.chars().take(CHARACTERS_MAX).map(plain).collect()
}

fn link(dashboard_url: &str, message: &Message) -> String {
    match dashboard_url.trim_end_matches('/') {
        "" => String::new(),
        url => format!("{url}/host/{}/", message.guid),
    }
}

/// `2026-11-22T22:48:18Z`.
fn date(time_s: i64) -> String {
    let mut date = String::new();
    row::write_time(&mut date, time_s).expect("writing to a string cannot fail");
    date.replace(' ', "T") + "Z"
}

/// `45 s`, `3 min 20 s`, `4 h 5 min`, `2 d 3 h`.
fn span(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let two = |large: i64, large_unit: &str, small: i64, small_unit: &str| match small {
        0 => format!("{large} {large_unit}"),
        _ => format!("{large} {large_unit} {small} {small_unit}"),
    };
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => two(seconds / 60, "min", seconds % 60, "s"),
        3_600..86_400 => two(seconds / 3_600, "h", seconds % 3_600 / 60, "min"),
        _ => two(seconds / 86_400, "d", seconds % 86_400 / 3_600, "h"),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Arc;

    use health::engine::{Notice, Others, Transition};
    use row::Guid;

    use super::*;

    /// What an alarm of a host says, whose names are as bad as names can be.
    pub(crate) fn message(to: Status) -> Message {
        let text = "alarm: disk_space_usage\non: disk_space._home\ncalc: $used\nevery: 1s\nto: sysadmin\nwarn: $this > 90\n\
                    class: Utilization\ncomponent: Disk\ntype: System";
        let (definitions, _) = health::files::read("/etc/tributary/health.d/disks.conf", text);
        let transition = Transition {
            unique_id: 1_795_387_864,
            alarm_id: 17,
            event_id: 3,
            when_s: 1_795_387_698,
            duration_s: 3_725,
            non_clear_s: 0,
            from: if to == Status::Clear { Status::Critical } else { Status::Clear },
            to,
            old_value: 50.0,
            value: 97.5,
            delay_s: 0,
            is_silenced: false,
            name: "disk_space_usage".into(),
            chart: "disk_space._home".into(),
            context: "disk.space".into(),
            family: "/home\"\\<b>&\u{7}@channel *_`~|".into(),
            units: "%".into(),
            info: "space runs out on <!channel> {{title}} \"$\"".into(),
            definition: Arc::new(definitions.into_iter().next().unwrap()),
            trace: "".into(),
        };
        let notice = Notice { transition, is_repeated: false, was_critical: false, others: Others::default() };
        let hostname = "web1\r\nBcc: all@example.org".into();
        Message { hostname, guid: Guid::from_bytes([1; 16]), is_own: false, reached: Vec::new(), notice }
    }

    /// Goal: the values of a message are as documented, each on one line.
    #[test]
    fn values() {
        let facts = Facts::of(&message(Status::Critical), "https://master.example.org/");
        for (name, value) in [
            ("title", "web1  Bcc: all@example.org: disk space usage is CRITICAL, 97.5%"),
            ("alarm", "disk space usage"),
            ("status", "CRITICAL"),
            ("old_status", "CLEAR"),
            ("severity", "critical"),
            ("number", "97.5"),
            ("when", "2026-11-22T22:48:18Z"),
            ("unix", "1795387698"),
            ("duration", "1 h 2 min"),
            ("id", "01010101-0101-0101-0101-010101010101-17"),
            ("url", "https://master.example.org/host/01010101-0101-0101-0101-010101010101/"),
            ("source", "1@/etc/tributary/health.d/disks.conf"),
            ("class", "Utilization"),
            ("recipient", ""),
            ("nonsense", ""),
        ] {
            assert_eq!(facts.get(name), value, "{name}");
        }
        assert_eq!(facts.to("#ops\n").get("recipient"), "#ops ");
        assert!(NAMES.iter().all(|name| !facts.get(name).contains(char::is_control)));
        assert_eq!(Facts::of(&message(Status::Clear), "").get("url"), "");
    }

    #[test]
    fn spans() {
        for (seconds, text) in
            [(-5, "0 s"), (59, "59 s"), (60, "1 min"), (3_599, "59 min 59 s"), (7_200, "2 h"), (90_000, "1 d 1 h")]
        {
            assert_eq!(span(seconds), text);
        }
    }
}
