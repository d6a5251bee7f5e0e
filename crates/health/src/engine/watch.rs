//! The alarms of one host: bound to its charts, stepped through time.

use std::collections::HashMap;
use std::sync::Arc;

use patterns::SimplePattern;
use row::Now;
use rrd_store::{Host, HostView};

use super::alarm::{Alarm, Change, Memory, Side, State, decide};
use super::facts::{Chart, Facts};
use super::levels::{Place, key};
use super::lookups::{Lookups, Space};
use super::rules::Rules;
use super::scope::{Reference, Scope, last_collected_s, value};
use super::text;
use super::transition::{Report, Transition};
use crate::expression::{Expression, Status};
use crate::files::{Definition, Lookup, Repeat};
use crate::silencers::Silencers;

/// What a host is looked at for at least so often: new charts are found then.
const STEP_S_MAX: i64 = 10;
/// An obsolete chart takes its alarms along so long after its last collection.
const OBSOLETE_S: i64 = 60;
/// Alarms of one host at most.
const ALARMS_MAX: usize = 100_000;
/// Alarms that are evaluated under one hold of the host's lock.
const ALARMS_AT_ONCE: usize = 128;

/// What definitions are held against, beside labels.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HostFacts {
    /// The host's name.
    pub hostname: String,
    /// Its operating system.
    pub os: String,
}

/// How long alarms are held back, and told again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Seconds after this machine slept.
    pub after_sleep_s: i64,
    /// Where a definition does not say.
    pub repeat: Repeat,
}

impl Default for Patience {
    fn default() -> Self {
        Self { after_sleep_s: 60, repeat: Repeat::default() }
    }
}

/// The alarms of one host.
#[derive(Debug)]
pub struct Watch {
    rules: Arc<Rules>,
    host: HostFacts,
    pub(super) patience: Patience,
    pub(super) alarms: Vec<Alarm>,
    /// The host's counts when its charts were looked at; `None` before.
    pub(super) seen: Option<Seen>,
    /// Nothing is evaluated before.
    pub(super) ready_s: i64,
    /// The host's newest row at the first step: charts must have rows after it.
    begin_s: Option<i64>,
    /// The last step.
    last: Option<Now>,
    pub(super) next_unique_id: u32,
    next_alarm_id: u32,
    /// Alarms that were here before, by chart and name.
    memories: HashMap<(Arc<str>, Arc<str>), Memory>,
    silencers: Arc<Silencers>,
    /// Where it is among nodes that watch the same host.
    pub(super) place: Place,
    /// Rises with what other nodes are to know.
    pub(super) revision: u64,
    lookups: Lookups,
    /// Space for a step.
    due: Vec<usize>,
    changed: Vec<Changed>,
}

/// An alarm whose status is another, and what its variables were when that was decided.
#[derive(Debug)]
struct Changed {
    place: usize,
    status: Status,
    values: Vec<Option<f64>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    changes: u64,
    removals: u64,
}

impl Watch {
    /// Watches a host from `now` on; `memories` are those of alarms that its log remembers, and
    /// `last_unique_id` is the newest one there.
    #[must_use]
    pub fn new(
        rules: Arc<Rules>,
        host: HostFacts,
        patience: Patience,
        memories: HashMap<(Arc<str>, Arc<str>), Memory>,
        last_unique_id: u32,
        now: Now,
    ) -> Self {
        let first = u32::try_from(now.wall_s()).unwrap_or(1);
        let last_alarm_id = memories.values().map(|memory| memory.alarm_id).max().unwrap_or(0);
        Self {
            rules,
            host,
            patience,
            alarms: Vec::new(),
            seen: None,
            ready_s: 0,
            begin_s: None,
            last: None,
            next_unique_id: first.max(last_unique_id.saturating_add(1)),
            next_alarm_id: first.max(last_alarm_id.saturating_add(1)),
            memories,
            silencers: Arc::default(),
            place: Place::default(),
            revision: 0,
            lookups: Lookups::default(),
            due: Vec::new(),
            changed: Vec::new(),
        }
    }

    /// The alarms in force.
    #[must_use]
    pub fn alarms(&self) -> &[Alarm] {
        &self.alarms
    }

    /// Bytes of what is remembered for lookups.
    #[must_use]
    pub fn lookup_bytes(&self) -> usize {
        self.lookups.bytes()
    }

    /// The host connected: its alarms wait so many seconds, until its charts are there.
    pub fn connected(&mut self, now: Now, postpone_s: i64) {
        self.ready_s = self.ready_s.max(now.wall_s() + postpone_s);
        self.last = None;
    }

    /// Other rules are in force: alarms that are still among them keep their status.
    pub fn set_rules(&mut self, rules: Arc<Rules>) {
        self.rules = rules;
        self.seen = None;
    }

    /// Puts silencers in force; returns whether they are others than before.
    pub fn set_silencers(&mut self, silencers: &Arc<Silencers>) -> bool {
        if Arc::ptr_eq(&self.silencers, silencers) {
            return false;
        }
        self.silencers = Arc::clone(silencers);
        for alarm in &mut self.alarms {
            (alarm.is_silenced, alarm.is_disabled) = silencers.of(alarm, &self.host.hostname);
        }
        self.revision += 1;
        true
    }

    /// Evaluates what is due, and returns the second of the next step.
    pub fn step(&mut self, host: &Host, now: Now, report: &mut Report, space: &mut Space) -> i64 {
        let now_s = now.wall_s();
        self.note_sleep(now);
        if now_s < self.ready_s {
            return self.ready_s;
        }
        let begin_s = *self.begin_s.get_or_insert_with(|| host.newest_s());
        let seen = host.read(|view| Seen { changes: view.changes(), removals: view.removals() });
        if self.seen != Some(seen) {
            self.bind(host, now_s, report);
            self.hear(host.levels(), now_s, report);
        } else if self.has_news(host.levels()) {
            self.hear(host.levels(), now_s, report);
        }
        self.pick_due(host, begin_s, now_s, report);
        self.lookups.answer(host, &mut self.alarms, &self.due, now_s, space);
        self.evaluate(host, now_s);
        for changed in std::mem::take(&mut self.changed) {
            self.change(&changed, now_s, report);
        }
        self.tell(now_s, report);
        self.next_s(now_s)
    }

    /// After the machine slept, what is in the charts is as old as before.
    fn note_sleep(&mut self, now: Now) {
        let Some(last) = self.last.replace(now) else { return };
        let wall_us = now.wall_us - last.wall_us;
        let mono_us = now.mono_us.saturating_sub(last.mono_us) as i64;
        if wall_us > 2 * mono_us.max(1_000_000) {
            self.ready_s = now.wall_s() + self.patience.after_sleep_s;
        }
    }

    /// Finds out which definitions apply to which charts. Alarms that still do stay as they are.
    fn bind(&mut self, host: &Host, now_s: i64, report: &mut Report) {
        let facts = Facts::of(host);
        let mut before: HashMap<(u32, u64, Arc<str>), Alarm> = HashMap::new();
        let mut order = Vec::with_capacity(self.alarms.len());
        for alarm in std::mem::take(&mut self.alarms) {
            let key = (alarm.slot.0, alarm.born, Arc::clone(&alarm.name));
            order.push(key.clone());
            before.insert(key, alarm);
        }
        let (mut staying, mut new) = (HashMap::new(), Vec::new());
        let rules = Arc::clone(&self.rules);
        for chart in facts.charts.iter().filter(|chart| !chart.dimensions.is_empty()) {
            for definition in rules.of_chart(&self.host, &facts, chart) {
                for (name, only) in instances(definition, chart) {
                    let key = (chart.slot.0, chart.born, name.clone());
                    match before.remove(&key) {
                        Some(mut alarm) => {
                            describe(&mut alarm, definition, chart);
                            staying.insert(key, alarm);
                        }
                        None => new.push((definition, chart, name, only)),
                    }
                }
            }
        }
        for key in &order {
            if let Some(mut gone) = before.remove(key) {
                self.let_go(&mut gone, now_s, report);
            }
        }
        self.alarms = order.iter().filter_map(|key| staying.remove(key)).collect();
        for (definition, chart, name, only) in new {
            if self.alarms.len() < ALARMS_MAX {
                let alarm = self.begin(definition, chart, (name, only), now_s, report);
                self.alarms.push(alarm);
            }
        }
        self.resolve(&facts);
        self.revision += 1;
        self.lookups.renew(host, &mut self.alarms);
        self.seen = facts.seen.map(|(changes, removals)| Seen { changes, removals });
    }

    /// An alarm's chart or definition went.
    fn let_go(&mut self, alarm: &mut Alarm, now_s: i64, report: &mut Report) {
        if alarm.state.status != Status::Removed {
            let change = alarm.state.change(Status::Removed, &alarm.definition.delay, now_s);
            alarm.state.value = f64::NAN;
            report.transitions.push(transition(alarm, &mut self.next_unique_id, &change, now_s));
        }
        self.memories.insert((Arc::clone(&alarm.chart), Arc::clone(&alarm.name)), alarm.memory);
    }

    fn begin(
        &mut self,
        definition: &Arc<Definition>,
        chart: &Chart,
        (name, only): Instance,
        now_s: i64,
        report: &mut Report,
    ) -> Alarm {
        let key = (Arc::from(&*chart.id), name);
        let memory = self.memories.remove(&key).unwrap_or_else(|| {
            self.next_alarm_id += 1;
            Memory { alarm_id: self.next_alarm_id - 1, ..Memory::default() }
        });
        let (chart_id, name) = key;
        let mut alarm = Alarm {
            definition: Arc::clone(definition),
            name,
            chart: chart_id,
            chart_name: Arc::from(&*chart.name),
            family: Arc::from(""),
            context: Arc::from(""),
            units: Arc::from(""),
            info: Arc::from(""),
            memory,
            state: State::new(now_s),
            is_silenced: false,
            is_disabled: false,
            key: 0,
            is_held: false,
            was_told_elsewhere: false,
            bound_s: now_s,
            pending: None,
            slot: chart.slot,
            born: chart.born,
            every_s: 1,
            only,
            ask: None,
            calc: Box::default(),
            warn: Box::default(),
            crit: Box::default(),
        };
        describe(&mut alarm, definition, chart);
        (alarm.is_silenced, alarm.is_disabled) = self.silencers.of(&alarm, &self.host.hostname);
        let change = Change { from: Status::Uninitialized, to: Status::Uninitialized, duration_s: 0, non_clear_s: 0 };
        report.transitions.push(transition(&mut alarm, &mut self.next_unique_id, &change, now_s));
        alarm
    }

    /// Finds what all variables stand for.
    fn resolve(&mut self, facts: &Facts) {
        let by_slot: HashMap<u32, &Chart> = facts.charts.iter().map(|chart| (chart.slot.0, chart)).collect();
        let scope = Scope::new(facts, &self.alarms);
        let references = |expression: &Option<Expression>, alarm: &Alarm, chart: &Chart| -> Box<[Reference]> {
            let names = expression.iter().flat_map(Expression::variables);
            names.map(|name| scope.resolve(name, &alarm.definition, chart)).collect()
        };
        let resolved: Vec<_> = self
            .alarms
            .iter()
            .map(|alarm| {
                let chart = by_slot.get(&alarm.slot.0)?;
                let of = |expression| references(expression, alarm, chart);
                let definition = &alarm.definition;
                Some((of(&definition.calc), of(&definition.warn), of(&definition.crit)))
            })
            .collect();
        for (alarm, resolved) in self.alarms.iter_mut().zip(resolved) {
            (alarm.calc, alarm.warn, alarm.crit) = resolved.unwrap_or_default();
        }
    }

    /// Finds the alarms that are due and can be evaluated; those of charts that are gone end.
    fn pick_due(&mut self, host: &Host, begin_s: i64, now_s: i64, report: &mut Report) {
        self.due.clear();
        let Some(seen) = self.seen else { return };
        let mut removed = Vec::new();
        let alarms = &mut self.alarms;
        for first in (0..alarms.len()).step_by(ALARMS_AT_ONCE) {
            let last = (first + ALARMS_AT_ONCE).min(alarms.len());
            if !alarms[first..last].iter().any(|alarm| alarm.state.next_update_s <= now_s && !alarm.is_disabled) {
                continue;
            }
            host.read(|view| {
                if view.removals() != seen.removals {
                    return;
                }
                for (place, alarm) in (first..last).zip(&mut alarms[first..last]) {
                    if alarm.state.next_update_s > now_s || alarm.is_disabled {
                        continue;
                    }
                    match readiness(alarm, view, begin_s, now_s) {
                        Readiness::Ready => self.due.push(place),
                        Readiness::Waits => {
                            alarm.state.next_update_s = now_s + i64::from(alarm.every_s).min(STEP_S_MAX)
                        }
                        Readiness::Gone => removed.push(place),
                    }
                }
            });
        }
        for place in removed {
            self.alarms[place].state.value = f64::NAN;
            self.alarms[place].state.next_update_s = now_s + STEP_S_MAX;
            if self.alarms[place].state.status != Status::Removed {
                self.change(&Changed { place, status: Status::Removed, values: Vec::new() }, now_s, report);
            }
        }
    }

    /// Calculates all values, then decides on statuses: those see the values of all.
    fn evaluate(&mut self, host: &Host, now_s: i64) {
        let Some(seen) = self.seen else { return };
        let Self { alarms, due, changed, .. } = self;
        let mut is_done = true;
        for places in due.chunks(ALARMS_AT_ONCE) {
            host.read(|view| {
                is_done &= view.removals() == seen.removals;
                for &place in places.iter().take_while(|_| is_done) {
                    if let Some(calc) = &alarms[place].definition.calc {
                        let value = evaluated(calc, |alarm| &alarm.calc, alarms, place, now_s, view);
                        alarms[place].state.value = value.unwrap_or(f64::NAN);
                    }
                }
            });
        }
        for places in due.chunks(ALARMS_AT_ONCE) {
            host.read(|view| {
                is_done &= view.removals() == seen.removals;
                for &place in places.iter().take_while(|_| is_done) {
                    let alarm = &alarms[place];
                    let warn = side(&alarm.definition.warn, |alarm| &alarm.warn, alarms, place, now_s, view);
                    let crit = side(&alarm.definition.crit, |alarm| &alarm.crit, alarms, place, now_s, view);
                    let status = decide(warn, crit);
                    if status != alarm.state.status {
                        let (_, references) = decisive(alarm, status);
                        let value = |reference| value(reference, alarm, alarms, now_s, view);
                        changed.push(Changed { place, status, values: references.iter().map(value).collect() });
                    }
                    let alarm = &mut alarms[place];
                    alarm.state.last_updated_s = now_s;
                    alarm.state.next_update_s = now_s + i64::from(alarm.every_s);
                }
            });
        }
    }

    fn change(&mut self, changed: &Changed, now_s: i64, report: &mut Report) {
        let Changed { place, status, values } = changed;
        let alarm = &mut self.alarms[*place];
        let trace = |expression: &Expression| expression.trace(|number| *values.get(number)?);
        let trace: Arc<str> = decisive(alarm, *status).0.map(trace).unwrap_or_default().into();
        let change = alarm.state.change(*status, &alarm.definition.delay, now_s);
        alarm.state.last_repeat_s = now_s;
        alarm.state.times_repeat = 0;
        let transition = Transition { trace, ..transition(alarm, &mut self.next_unique_id, &change, now_s) };
        alarm.pending = Some(Box::new(transition.clone()));
        report.transitions.push(transition);
    }

    fn next_s(&self, now_s: i64) -> i64 {
        let of_alarm = |alarm: &Alarm| {
            let update_s = if alarm.is_disabled { i64::MAX } else { alarm.state.next_update_s };
            update_s.min(self.tells_next_s(alarm))
        };
        let next_s = self.alarms.iter().map(of_alarm).min().unwrap_or(i64::MAX);
        next_s.clamp(now_s + 1, now_s + STEP_S_MAX)
    }
}

/// The name of an alarm, and the only dimension that it looks at.
type Instance = (Arc<str>, Option<(Arc<str>, SimplePattern)>);

/// The alarms that a definition makes on a chart: one, or one per dimension that it names.
fn instances(definition: &Definition, chart: &Chart) -> Vec<Instance> {
    let Some(words) = definition.lookup.as_ref().and_then(|lookup| lookup.foreach.as_ref()) else {
        return vec![(Arc::from(&*definition.name), None)];
    };
    let matching =
        chart.dimensions.iter().filter(|(id, name)| words.pattern.matches(id) || words.pattern.matches(name));
    let instance = |(id, name): &(String, String)| {
        let shown = if name.is_empty() { id } else { name };
        let only = SimplePattern::with_separators(id, &[]);
        (Arc::from(format!("{}_{shown}", definition.name)), Some((Arc::from(&**id), only)))
    };
    matching.map(instance).collect()
}

/// What an alarm says of its chart.
fn describe(alarm: &mut Alarm, definition: &Arc<Definition>, chart: &Chart) {
    let units = if definition.units.is_empty() { &chart.units } else { &definition.units };
    let set = |to: &mut Arc<str>, text: &str| {
        if **to != *text {
            *to = Arc::from(text);
        }
    };
    set(&mut alarm.units, units);
    set(&mut alarm.family, &chart.family);
    set(&mut alarm.context, &chart.context);
    set(&mut alarm.info, &text::about(&definition.info, chart));
    alarm.definition = Arc::clone(definition);
    alarm.key = key(alarm);
    alarm.every_s = definition.every_s.max(chart.every_s).max(1);
}

pub(super) fn transition(alarm: &mut Alarm, next_unique_id: &mut u32, change: &Change, now_s: i64) -> Transition {
    let unique_id = *next_unique_id;
    *next_unique_id = next_unique_id.saturating_add(1);
    alarm.memory.event_id += 1;
    let state = &alarm.state;
    let is_first = change.from == change.to;
    Transition {
        unique_id,
        alarm_id: alarm.memory.alarm_id,
        event_id: alarm.memory.event_id,
        when_s: now_s,
        duration_s: change.duration_s,
        non_clear_s: change.non_clear_s,
        from: change.from,
        to: change.to,
        old_value: state.old_value,
        value: state.value,
        delay_s: if is_first { 0 } else { state.delay_s },
        is_silenced: alarm.is_silenced,
        name: Arc::clone(&alarm.name),
        chart: Arc::clone(&alarm.chart),
        context: Arc::clone(&alarm.context),
        family: Arc::clone(&alarm.family),
        units: Arc::clone(&alarm.units),
        info: Arc::clone(&alarm.info),
        definition: Arc::clone(&alarm.definition),
        trace: Arc::from(""),
    }
}

/// The expression that decides on a status, and what its variables stand for.
fn decisive(alarm: &Alarm, status: Status) -> (Option<&Expression>, &[Reference]) {
    match status {
        Status::Critical => (alarm.definition.crit.as_ref(), &alarm.crit),
        _ => (alarm.definition.warn.as_ref(), &alarm.warn),
    }
}

/// Whether an alarm can be evaluated.
enum Readiness {
    Ready,
    Waits,
    /// Its chart is obsolete.
    Gone,
}

fn readiness(alarm: &Alarm, host: &HostView<'_>, begin_s: i64, now_s: i64) -> Readiness {
    let Some(chart) = host.chart(alarm.slot) else { return Readiness::Waits };
    let is_obsolete = chart.definition().options.has(row::ChartOptions::OBSOLETE);
    if is_obsolete {
        let is_old = now_s - last_collected_s(&chart) > OBSOLETE_S;
        return if is_old { Readiness::Gone } else { Readiness::Waits };
    }
    let every_s = i64::from(chart.update_every_s());
    if chart.last_s() < chart.first_s().max(begin_s) + every_s {
        // A second row since the start is waited for.
        return Readiness::Waits;
    }
    let covers = |lookup: &Lookup| {
        let begin_s = now_s - i64::from(lookup.back_s) - i64::from(lookup.length_s);
        begin_s + every_s >= chart.oldest_s() && begin_s - every_s <= chart.last_s()
    };
    let is_ready = now_s + every_s >= chart.oldest_s() && alarm.definition.lookup.as_ref().is_none_or(covers);
    if is_ready { Readiness::Ready } else { Readiness::Waits }
}

/// The value of one of an alarm's expressions; `None` where it has none.
fn evaluated(
    expression: &Expression,
    references: impl Fn(&Alarm) -> &[Reference],
    alarms: &[Alarm],
    place: usize,
    now_s: i64,
    host: &HostView<'_>,
) -> Option<f64> {
    let alarm = &alarms[place];
    let references = references(alarm);
    let outcome = expression.evaluate(|number| value(references.get(number)?, alarm, alarms, now_s, host));
    outcome.failure.is_none().then_some(outcome.value)
}

fn side(
    expression: &Option<Expression>,
    references: impl Fn(&Alarm) -> &[Reference],
    alarms: &[Alarm],
    place: usize,
    now_s: i64,
    host: &HostView<'_>,
) -> Side {
    let value = expression.as_ref().and_then(|it| evaluated(it, references, alarms, place, now_s, host));
    match value {
        None => Side::Undefined,
        Some(0.0) => Side::Clear,
        Some(_) => Side::Raised,
    }
}
