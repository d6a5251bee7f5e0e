//! Silencers: which alarms are not told, or not even evaluated, until somebody says otherwise.
//!
//! They are those of the whole node, and outlive it in a file of Netdata's form.

use patterns::SimplePattern;
use serde_json::{Value, json};

use crate::engine::Alarm;

/// Selectors at most: who scripts this adds one a time.
const SELECTORS_MAX: usize = 1_000;
/// A pattern of a selector may be so long, in bytes.
const PATTERN_BYTES_MAX: usize = 1_024;
/// What a selector goes by, in the order in which it is shown.
pub const KEYS: [&str; 5] = ["alarm", "chart", "context", "hosts", "families"];

/// What becomes of the alarms that are selected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Effect {
    #[default]
    None,
    /// They are evaluated and logged, and not told.
    Silence,
    /// They stay as they are.
    Disable,
}

impl Effect {
    const fn word(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Silence => "SILENCE",
            Self::Disable => "DISABLE",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        [Self::None, Self::Silence, Self::Disable].into_iter().find(|effect| effect.word() == word)
    }
}

/// Alarms by patterns, all of which must match.
#[derive(Debug, Clone, Default, PartialEq)]
struct Selector {
    /// By the place of the key in [`KEYS`].
    patterns: [Option<(String, SimplePattern)>; KEYS.len()],
}

/// Which alarms are silenced or disabled.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Silencers {
    is_all: bool,
    effect: Effect,
    /// The newest first.
    selectors: Vec<Selector>,
}

/// What a command came to.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    /// What is told to who gave it.
    pub text: String,
    /// The silencers are to be kept anew.
    pub is_changed: bool,
    /// The text is JSON.
    pub is_json: bool,
}

impl Silencers {
    /// Whether an alarm of a host is silenced, and whether it is disabled.
    #[must_use]
    pub fn of(&self, alarm: &Alarm, hostname: &str) -> (bool, bool) {
        let selected = || self.selectors.iter().any(|selector| selector.matches(alarm, hostname));
        let applies = self.effect != Effect::None && (self.is_all || selected());
        (applies && self.effect == Effect::Silence, applies && self.effect == Effect::Disable)
    }

    /// Does what the parameters of a request say, in their order.
    pub fn command<'p>(&mut self, parameters: impl Iterator<Item = (&'p str, &'p str)>) -> Answer {
        let before = self.clone();
        let (mut text, mut selector, mut has_command) = (String::new(), Selector::default(), false);
        for (key, value) in parameters {
            if key == "cmd" {
                if value == "LIST" {
                    return Answer { text: self.to_json(), is_changed: false, is_json: true };
                }
                has_command |= self.take_command(value, &mut text);
            } else if let Some(place) = KEYS.iter().position(|known| *known == key)
                && !value.is_empty()
                && value.len() <= PATTERN_BYTES_MAX
            {
                selector.patterns[place] = Some((value.to_owned(), SimplePattern::new(value)));
            }
        }
        if selector != Selector::default() {
            self.add(selector, &mut text);
        }
        if has_command && self.effect != Effect::None && !self.is_all && self.selectors.is_empty() {
            text.push_str("WARNING: SILENCE or DISABLE command is ineffective without defining any alarm selectors.\n");
        }
        Answer { text, is_changed: *self != before, is_json: false }
    }

    /// Takes a command; returns whether it chose what becomes of selected alarms.
    fn take_command(&mut self, command: &str, text: &mut String) -> bool {
        let (is_all, effect, reply) = match command {
            "SILENCE ALL" => (true, Effect::Silence, "All alarm notifications are silenced"),
            "DISABLE ALL" => (true, Effect::Disable, "All health checks are disabled"),
            "SILENCE" => (false, Effect::Silence, "Alarm notifications silenced for alarms matching the selectors"),
            "DISABLE" => (false, Effect::Disable, "Health checks disabled for alarms matching the selectors"),
            "RESET" => (false, Effect::None, "All health checks and notifications are enabled"),
            _ => return false,
        };
        if command == "RESET" {
            self.selectors.clear();
        }
        (self.is_all, self.effect) = (is_all, effect);
        text.push_str(reply);
        text.push('\n');
        command != "RESET"
    }

    fn add(&mut self, selector: Selector, text: &mut String) {
        if self.selectors.len() == SELECTORS_MAX {
            text.push_str("WARNING: no more alarm selectors are taken before a RESET.\n");
            return;
        }
        self.selectors.insert(0, selector);
        text.push_str("Alarm selector added\n");
        if self.effect == Effect::None {
            text.push_str(
                "WARNING: Added alarm selector to silence/disable alarms without a SILENCE or DISABLE command.\n",
            );
        }
    }

    /// As files and clients have it.
    #[must_use]
    pub fn to_json(&self) -> String {
        let selectors: Vec<String> = self.selectors.iter().map(Selector::to_json).collect();
        let list = if selectors.is_empty() { String::new() } else { format!("\n{}\n\t", selectors.join(",\n")) };
        format!(
            "{{\n\t\"all\": {},\n\t\"type\": \"{}\",\n\t\"silencers\": [{list}]\n}}\n",
            self.is_all,
            self.effect.word()
        )
    }

    /// What is wrong with a text that [`from_json`](Self::from_json) cannot read, and in which line; `None`
    /// where it can.
    #[must_use]
    pub fn problem(text: &str) -> Option<(usize, String)> {
        if let Err(error) = serde_json::from_str::<Value>(text) {
            return Some((error.line().max(1), format!("column {}: this is no JSON", error.column())));
        }
        let expected =
            "expected {\"all\": true or false, \"type\": \"None\", \"SILENCE\" or \"DISABLE\", \"silencers\": [...]}";
        Self::from_json(text).is_none().then(|| (1, expected.to_owned()))
    }

    /// Reads what [`to_json`](Self::to_json) wrote; `None` where it is something else.
    #[must_use]
    pub fn from_json(text: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(text).ok()?;
        let selectors = value["silencers"].as_array()?.iter().take(SELECTORS_MAX).map(Selector::from_json);
        Some(Self {
            is_all: value["all"].as_bool()?,
            effect: Effect::from_word(value["type"].as_str()?)?,
            selectors: selectors.collect(),
        })
    }
}

impl Selector {
    fn matches(&self, alarm: &Alarm, hostname: &str) -> bool {
        let fits = |place: usize, texts: &[&str]| {
            let pattern = self.patterns[place].as_ref();
            pattern.is_none_or(|(_, pattern)| texts.iter().any(|text| pattern.matches(text)))
        };
        fits(0, &[&alarm.name])
            && fits(1, &[&alarm.chart, &alarm.chart_name])
            && fits(2, &[&alarm.context])
            && fits(3, &[hostname])
            && fits(4, &[&alarm.family])
    }

    fn to_json(&self) -> String {
        let said = KEYS.iter().zip(&self.patterns).filter_map(|(key, pattern)| Some((key, &pattern.as_ref()?.0)));
        let lines: Vec<_> = said.map(|(key, text)| format!("\t\t\t\"{key}\": {}", json!(text))).collect();
        format!("\t\t{{\n{}\n\t\t}}", lines.join(",\n"))
    }

    fn from_json(value: &Value) -> Self {
        let pattern = |key: &str| value[key].as_str().map(|text| (text.to_owned(), SimplePattern::new(text)));
        Self { patterns: KEYS.map(pattern) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(silencers: &mut Silencers, parameters: &[(&str, &str)]) -> String {
        silencers.command(parameters.iter().copied()).text
    }

    /// Words and warnings are those that scripts know.
    #[test]
    fn commands() {
        let mut silencers = Silencers::default();
        assert_eq!(told(&mut silencers, &[("cmd", "SILENCE ALL")]), "All alarm notifications are silenced\n");
        assert_eq!(told(&mut silencers, &[("cmd", "RESET")]), "All health checks and notifications are enabled\n");
        assert_eq!(
            told(&mut silencers, &[("cmd", "SILENCE")]),
            "Alarm notifications silenced for alarms matching the selectors\nWARNING: SILENCE or DISABLE command is \
             ineffective without defining any alarm selectors.\n"
        );
        assert_eq!(told(&mut silencers, &[("context", "synth.c*")]), "Alarm selector added\n");
        told(&mut silencers, &[("alarm", "t_nodelay"), ("hosts", "h\"1 *")]);
        let list = "{\n\t\"all\": false,\n\t\"type\": \"SILENCE\",\n\t\"silencers\": [\n\t\t{\n\t\t\t\"alarm\": \
                    \"t_nodelay\",\n\t\t\t\"hosts\": \"h\\\"1 *\"\n\t\t},\n\t\t{\n\t\t\t\"context\": \"synth.c*\"\n\t\t}\n\t]\n}\n";
        assert_eq!(told(&mut silencers, &[("cmd", "LIST")]), list);
        assert_eq!(Silencers::from_json(list), Some(silencers.clone()));
        assert_eq!(told(&mut silencers, &[("cmd", "DANCE"), ("x", "y"), ("alarm", "")]), "");
        told(&mut silencers, &[("cmd", "RESET")]);
        assert_eq!(silencers, Silencers::default());
        assert_eq!(Silencers::from_json(&silencers.to_json()), Some(silencers.clone()));
        assert_eq!(Silencers::problem(list), None);
        assert_eq!(Silencers::problem("{\n\"all\": tru }").map(|(line, _)| line), Some(2));
        let lonely = told(&mut silencers, &[("chart", "x")]);
        assert!(lonely.starts_with("Alarm selector added\nWARNING: Added alarm selector"), "{lonely}");
        for text in ["", "{}", "[]", "{\"all\":1}", "{\"all\":true,\"type\":\"X\",\"silencers\":[]}"] {
            assert_eq!(Silencers::from_json(text), None, "{text}");
            assert!(Silencers::problem(text).is_some_and(|(line, _)| line == 1), "{text}");
        }
    }

    /// However many selectors are sent, they are bounded.
    #[test]
    fn selectors_are_bounded() {
        let mut silencers = Silencers::default();
        (0..2 * SELECTORS_MAX).for_each(|_| drop(told(&mut silencers, &[("alarm", "x")])));
        assert_eq!(silencers.selectors.len(), SELECTORS_MAX);
        told(&mut silencers, &[("cmd", "RESET")]);
        told(&mut silencers, &[("alarm", &"x".repeat(PATTERN_BYTES_MAX + 1))]);
        assert!(silencers.selectors.is_empty());
    }
}
