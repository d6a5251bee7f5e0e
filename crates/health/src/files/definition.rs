//! What a file says about one alarm.

use std::fmt;
use std::sync::Arc;

use patterns::SimplePattern;
use row::Guid;

use super::{Delay, LabelPattern, Lookup, Repeat};
use crate::expression::Expression;

/// Where a definition stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The file.
    pub file: Arc<str>,
    /// The line that it begins in.
    pub line: usize,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.line, self.file)
    }
}

/// What an alarm watches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum On {
    /// One chart, by its id or name (`alarm`).
    Chart(String),
    /// Each chart of a context (`template`).
    Context(String),
}

/// An alarm, or a template of alarms. What a line may say and does not is empty or `None`.
#[derive(Debug, Clone)]
pub struct Definition {
    /// Letters, digits, dots and underscores.
    pub name: String,
    /// What it watches.
    pub on: On,
    /// Where it stands.
    pub source: Source,
    /// Operating systems.
    pub os: Option<SimplePattern>,
    /// Names of hosts.
    pub hosts: Option<SimplePattern>,
    /// Labels of hosts.
    pub host_labels: Option<LabelPattern>,
    /// Labels of charts.
    pub chart_labels: Option<LabelPattern>,
    /// Families of charts.
    pub families: Option<SimplePattern>,
    /// Ids or names of charts.
    pub charts: Option<SimplePattern>,
    /// Plugins that charts come from.
    pub plugin: Option<SimplePattern>,
    /// Modules that charts come from.
    pub module: Option<SimplePattern>,
    /// The query that its value comes from.
    pub lookup: Option<Lookup>,
    /// What its value is calculated with.
    pub calc: Option<Expression>,
    /// When it is a warning.
    pub warn: Option<Expression>,
    /// When it is critical.
    pub crit: Option<Expression>,
    /// Seconds between evaluations, from 1.
    pub every_s: u32,
    /// The units of its value; empty for those of the chart.
    pub units: String,
    /// `$green` in its expressions.
    pub green: Option<f64>,
    /// `$red` in its expressions.
    pub red: Option<f64>,
    /// How long notifications wait.
    pub delay: Delay,
    /// How often they are sent again; `None` for what the settings say.
    pub repeat: Option<Repeat>,
    /// No notification when it clears.
    pub no_clear_notification: bool,
    /// The program that is run; empty for that of the settings.
    pub exec: String,
    /// The roles that are told.
    pub to: String,
    /// What it is about.
    pub info: String,
    /// A short title.
    pub summary: String,
    /// What kind of trouble it tells of.
    pub class: String,
    /// What has it.
    pub component: String,
    /// What that is part of.
    pub kind: String,
    /// The same for all that say the same, wherever they stand.
    pub hash: Guid,
}

/// Before the hash is known.
const NO_HASH: Guid = Guid::from_bytes([0; 16]);

/// Whom alarms tell that do not say.
pub(super) const DEFAULT_TO: &str = "root";

impl Definition {
    /// One that says nothing yet.
    pub(super) fn new(name: String, on: On, source: Source) -> Self {
        Self {
            name,
            on,
            source,
            os: None,
            hosts: None,
            host_labels: None,
            chart_labels: None,
            families: None,
            charts: None,
            plugin: None,
            module: None,
            lookup: None,
            calc: None,
            warn: None,
            crit: None,
            every_s: 0,
            units: String::new(),
            green: None,
            red: None,
            delay: Delay::default(),
            repeat: None,
            no_clear_notification: false,
            exec: String::new(),
            to: DEFAULT_TO.to_owned(),
            info: String::new(),
            summary: String::new(),
            class: String::new(),
            component: String::new(),
            kind: String::new(),
            hash: NO_HASH,
        }
    }

    /// Notes the hash of what it says now: 128 bits of FNV-1a.
    pub(super) fn note_hash(&mut self) {
        const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
        const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
        self.hash = NO_HASH;
        let source = std::mem::replace(&mut self.source, Source { file: "".into(), line: 0 });
        let text = format!("{self:?}");
        self.source = source;
        let hash = text.bytes().fold(BASIS, |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(PRIME));
        self.hash = Guid::from_bytes(hash.to_be_bytes());
    }
}
