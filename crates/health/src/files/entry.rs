//! One alarm or template while its lines are read.

use patterns::SimplePattern;

use super::definition::{Definition, On, Source};
use super::delay::seconds;
use super::lines::{Line, shown};
use super::{Delay, LabelPattern, Lookup, Problems, Repeat};
use crate::expression::Expression;

pub(super) struct Entry {
    definition: Definition,
    line: usize,
    is_template: bool,
    /// Keywords so far, and their values.
    said: Vec<(String, String)>,
    has_on: bool,
    /// A line without which the rest means something else could not be read.
    is_broken: bool,
}

impl Entry {
    /// Begins an entry if the line is such a beginning.
    pub(super) fn begin(line: &Line, problems: &mut Problems<'_>) -> Option<Self> {
        let is_template = match &*line.keyword {
            "alarm" => false,
            "template" => true,
            _ => return None,
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '_';
        let name: String = line.value.chars().map(|c| if plain(c) { c } else { '_' }).collect();
        if name != line.value {
            let value = shown(&line.value);
            problems.add(
                line.number,
                format!("expected a name of letters, digits, \".\" and \"_\", found \"{value}\", which is read as \"{name}\""),
            );
        }
        let source = Source { file: problems.file.into(), line: line.number };
        let on = if is_template { On::Context(String::new()) } else { On::Chart(String::new()) };
        let definition = Definition::new(name, on, source);
        Some(Self { definition, line: line.number, is_template, said: Vec::new(), has_on: false, is_broken: false })
    }

    /// Takes a line of the entry.
    pub(super) fn take(&mut self, line: &Line, problems: &mut Problems<'_>) {
        let Line { number, keyword, value } = line;
        self.note_twice(line, problems);
        if let Err(text) = self.try_take(keyword, value) {
            problems.add(*number, format!("{keyword}: {text}"));
        }
    }

    /// A keyword that comes twice replaces what it said first, but for those that add up.
    fn note_twice(&mut self, line: &Line, problems: &mut Problems<'_>) {
        const ADD_UP: [&str; 7] = ["os", "hosts", "host labels", "chart labels", "plugin", "module", "options"];
        let Line { number, keyword, value } = line;
        match self.said.iter().find(|(known, _)| known == keyword) {
            Some((_, before)) if before != value && !ADD_UP.contains(&&**keyword) => {
                problems.add(*number, format!("\"{keyword}\" comes twice in one alarm, this one counts"));
            }
            Some(_) => {}
            None => self.said.push((keyword.clone(), value.clone())),
        }
    }

    fn try_take(&mut self, keyword: &str, value: &str) -> Result<(), String> {
        let definition = &mut self.definition;
        match keyword {
            "on" => {
                self.has_on = true;
                let on = value.to_owned();
                definition.on = if self.is_template { On::Context(on) } else { On::Chart(on) };
            }
            "os" => add_words(&mut definition.os, &mut self.said, keyword, value),
            "hosts" => add_words(&mut definition.hosts, &mut self.said, keyword, value),
            "plugin" => add_words(&mut definition.plugin, &mut self.said, keyword, value),
            "module" => add_words(&mut definition.module, &mut self.said, keyword, value),
            "host labels" => add_labels(&mut definition.host_labels, value)?,
            "chart labels" => add_labels(&mut definition.chart_labels, value)?,
            // An alarm names its chart: there is no more to choose.
            "families" | "charts" if !self.is_template => {}
            "families" => definition.families = Some(SimplePattern::new(value)),
            "charts" => definition.charts = Some(SimplePattern::new(value)),
            "lookup" => definition.lookup = Some(Lookup::parse(value).inspect_err(|_| self.is_broken = true)?),
            "calc" => definition.calc = Some(expression(value).inspect_err(|_| self.is_broken = true)?),
            "warn" => definition.warn = Some(expression(value).inspect_err(|_| self.is_broken = true)?),
            "crit" => definition.crit = Some(expression(value).inspect_err(|_| self.is_broken = true)?),
            "every" => definition.every_s = seconds(value)?,
            "units" => definition.units = unquoted(value),
            "green" => definition.green = Some(threshold(value)?),
            "red" => definition.red = Some(threshold(value)?),
            "delay" => definition.delay = Delay::parse(value)?,
            "repeat" => definition.repeat = Some(Repeat::parse(value)?),
            "options" => self.options(value)?,
            "exec" => definition.exec = unquoted(value),
            "to" => definition.to = unquoted(value),
            "info" => definition.info = unquoted(value),
            "summary" => definition.summary = unquoted(value),
            "class" => definition.class = unquoted(value),
            "component" => definition.component = unquoted(value),
            "type" => definition.kind = unquoted(value),
            _ => return Err("no line of an alarm begins so".into()),
        }
        Ok(())
    }

    fn options(&mut self, value: &str) -> Result<(), String> {
        for word in value.split([' ', ',']).filter(|word| !word.is_empty()) {
            match &*word.to_lowercase() {
                "no-clear-notification" | "no-clear" => self.definition.no_clear_notification = true,
                _ => return Err(format!("expected no-clear-notification, found \"{}\"", shown(word))),
            }
        }
        Ok(())
    }

    /// The definition, if it is one.
    pub(super) fn finish(mut self, problems: &mut Problems<'_>) -> Option<Definition> {
        let definition = &mut self.definition;
        if definition.every_s == 0 {
            let by_lookup = |lookup: &Lookup| lookup.every_s.unwrap_or(lookup.length_s);
            definition.every_s = definition.lookup.as_ref().map_or(0, by_lookup);
        }
        let does_something = definition.lookup.is_some()
            || [&definition.calc, &definition.warn, &definition.crit].iter().any(|part| part.is_some());
        let why = if self.is_broken {
            "a line of it cannot be read"
        } else if !self.has_on {
            "there is no line \"on\" that names a chart or context"
        } else if !does_something {
            "it has none of the lines lookup, calc, warn and crit"
        } else if definition.every_s == 0 {
            "there is no line \"every\" that says how often it is evaluated"
        } else {
            self.definition.note_hash();
            return Some(self.definition);
        };
        problems.add(self.line, format!("\"{}\" is left out: {why}", definition.name));
        None
    }
}

/// Words of several lines are one list.
fn add_words(to: &mut Option<SimplePattern>, said: &mut [(String, String)], keyword: &str, value: &str) {
    let Some((_, words)) = said.iter_mut().find(|(known, _)| known == keyword) else { return };
    if to.is_some() {
        words.push(' ');
        words.push_str(value);
    }
    *to = Some(SimplePattern::new(words));
}

fn add_labels(to: &mut Option<LabelPattern>, value: &str) -> Result<(), String> {
    let more = LabelPattern::parse(value)?;
    match to {
        Some(labels) => labels.extend(more),
        None => *to = Some(more),
    }
    Ok(())
}

fn expression(value: &str) -> Result<Expression, String> {
    Expression::parse(value).map_err(|error| error.to_string())
}

fn threshold(value: &str) -> Result<f64, String> {
    let number = value.parse().ok().filter(|number: &f64| !number.is_nan());
    number.ok_or_else(|| format!("expected a number, found \"{}\"", shown(value)))
}

/// Texts have no quotes.
fn unquoted(value: &str) -> String {
    value.replace(['\'', '"'], " ").split_whitespace().collect::<Vec<_>>().join(" ")
}
