//! Charts as this crate makes them, and the few calls to the store that it takes.
//!
//! What a chart is stands in a [`Form`], a constant; which machine part it is of, in an [`Owner`].
//! A [`Chart`] joins the two: it is defined in the store with its first row and remembers its
//! slots from then on, so that handing over a row is a call per value and no look-up by text.
//! A [`Batch`] is one tick's turn at the store: one lock for all rows.

mod members;

use row::{
    Algorithm, ChartDefinition, ChartOptions, ChartSlot, ChartType, DimensionDefinition, DimensionIndex,
    DimensionOptions, Label,
};
use rrd_store::{Elapsed, Writer};
use tracing::warn;

pub(crate) use self::members::{Member, MemberChart};

/// The plugin that charts belong to where nothing else is said, by the name that dashboards know.
const PLUGIN: &str = "proc.plugin";
/// Stands for the device in ids and contexts.
const DEVICE: &str = "{}";
/// The most dimensions of a form: both directions of ten types of ICMP messages.
const DIMENSIONS_MAX: usize = 20;

/// What all charts of one kind have in common.
#[derive(Debug)]
pub(crate) struct Form {
    /// The identity, with `{}` for the device; or its part before the dot where there is one chart
    /// per device.
    pub id: &'static str,
    /// The kind of chart; `{}` stands for the device.
    pub context: &'static str,
    /// What it shows.
    pub title: &'static str,
    /// The units.
    pub units: &'static str,
    /// The group; that of the owner wins.
    pub family: &'static str,
    /// How it is drawn.
    pub chart_type: ChartType,
    /// Where it is shown.
    pub priority: i32,
    /// Options.
    pub options: ChartOptions,
    /// The dimensions in their order.
    pub dimensions: &'static [DimensionDefinition<'static>],
}

/// No options, for the tables of forms.
pub(crate) const PLAIN: ChartOptions = ChartOptions(0);
/// A detail, for the tables of forms.
pub(crate) const DETAIL: ChartOptions = ChartOptions::DETAIL;

/// A dimension whose name is its id, for the tables of forms.
pub(crate) const fn dimension(
    id: &'static str,
    algorithm: Algorithm,
    multiplier: i32,
    divisor: i32,
) -> DimensionDefinition<'static> {
    DimensionDefinition { id, name: "", algorithm, multiplier, divisor, options: DimensionOptions(0) }
}

/// A dimension that shows values as they are, times a factor.
pub(crate) const fn absolute(id: &'static str, multiplier: i32, divisor: i32) -> DimensionDefinition<'static> {
    dimension(id, Algorithm::Absolute, multiplier, divisor)
}

/// A dimension that shows a counter's rate, times a factor.
pub(crate) const fn incremental(id: &'static str, multiplier: i32, divisor: i32) -> DimensionDefinition<'static> {
    dimension(id, Algorithm::Incremental, multiplier, divisor)
}

/// The same by another name than its id.
pub(crate) const fn named(name: &'static str, dimension: DimensionDefinition<'static>) -> DimensionDefinition<'static> {
    DimensionDefinition { name, ..dimension }
}

/// A chart drawn as lines, the only one of its kind: its context is its id.
pub(crate) const fn line(
    id: &'static str,
    title: &'static str,
    units: &'static str,
    family: &'static str,
    priority: i32,
    dimensions: &'static [DimensionDefinition<'static>],
) -> Form {
    Form { id, context: id, title, units, family, chart_type: ChartType::Line, priority, options: PLAIN, dimensions }
}

impl Form {
    /// The same drawn as an area.
    pub(crate) const fn area(self) -> Self {
        Self { chart_type: ChartType::Area, ..self }
    }

    /// The same drawn as areas one above the other.
    pub(crate) const fn stacked(self) -> Self {
        Self { chart_type: ChartType::Stacked, ..self }
    }

    /// The same as a detail.
    pub(crate) const fn detail(self) -> Self {
        Self { options: DETAIL, ..self }
    }

    /// The same as one of several of a kind.
    pub(crate) const fn of(self, context: &'static str) -> Self {
        Self { context, ..self }
    }
}

/// Which part of the machine charts are of.
#[derive(Debug)]
pub(crate) struct Owner {
    /// The plugin, by the name that dashboards know.
    pub plugin: &'static str,
    /// The module, which is the file that values come from.
    pub module: &'static str,
    /// Seconds between rows.
    pub update_every_s: u32,
    /// What precedes the dot in ids where that is not the form's id: the form's then follows it, and then the
    /// device, if there is one.
    pub group: String,
    /// What follows the dot in ids; empty for charts of the whole machine.
    pub device: String,
    /// What follows the dot in names; empty where that is the id.
    pub name: String,
    /// The group; empty for that of the form.
    pub family: String,
    /// Precedes the form's context.
    pub context_prefix: &'static str,
    /// Added to the priority of the form.
    pub priority_offset: i32,
    /// Multiplies the dimensions' multipliers, from 1.
    pub factor: i32,
    /// Labels beside those that every chart has.
    pub labels: Vec<(&'static str, String)>,
}

impl Default for Owner {
    fn default() -> Self {
        Self {
            plugin: PLUGIN,
            module: "",
            update_every_s: 1,
            group: String::new(),
            device: String::new(),
            name: String::new(),
            family: String::new(),
            context_prefix: "",
            priority_offset: 0,
            factor: 1,
            labels: Vec::new(),
        }
    }
}

impl Owner {
    /// The machine as a whole.
    pub(crate) fn machine(module: &'static str, update_every_s: u32) -> Self {
        Self { module, update_every_s, ..Self::default() }
    }
}

/// A chart and its place in the store.
#[derive(Debug)]
pub(crate) struct Chart {
    form: &'static Form,
    place: Place,
}

#[derive(Debug, Clone, Copy)]
enum Place {
    /// Not defined so far.
    None,
    /// Defined; the indexes of its dimensions, and what the host had seen then.
    Defined(ChartSlot, [DimensionIndex; DIMENSIONS_MAX], Seen),
    /// The store refused it, and would again.
    Refused,
}

/// What a host had seen: as long as it sees no removal, slots and indexes mean what they meant.
#[derive(Debug, Clone, Copy)]
struct Seen {
    births: u64,
    removals: u64,
}

impl Chart {
    /// A chart that is defined when its first row comes.
    pub(crate) const fn new(form: &'static Form) -> Self {
        Self { form, place: Place::None }
    }

    /// Whether the store knows the chart.
    pub(crate) const fn is_defined(&self) -> bool {
        matches!(self.place, Place::Defined(..))
    }
}

/// A chart whose dimensions come one by one, each with its first value.
#[derive(Debug)]
pub(crate) struct GrowingChart {
    /// Has no dimensions of its own.
    chart: Chart,
    form: &'static Form,
    /// What its dimensions are but for id and name.
    dimension: DimensionDefinition<'static>,
    /// Whether its dimensions come all with the first value that is not zero.
    together: bool,
    /// By the number that the module gives them.
    indexes: Vec<Option<DimensionIndex>>,
}

/// What a row gives a dimension of a [`GrowingChart`].
pub(crate) struct Growth<'a> {
    /// What the dimension is known by.
    pub id: &'a str,
    /// What it is shown as; empty where that is the id.
    pub name: &'a str,
    /// The value, if there is one.
    pub value: Option<i64>,
}

impl GrowingChart {
    /// A chart that is defined when its first dimension comes; all are rates, times one.
    pub(crate) const fn new(form: &'static Form) -> Self {
        Self::of(form, incremental("", 1, 1))
    }

    /// The same with dimensions like this one, but for id and name.
    pub(crate) const fn of(form: &'static Form, dimension: DimensionDefinition<'static>) -> Self {
        Self { chart: Chart::new(form), form, dimension, together: false, indexes: Vec::new() }
    }

    /// The same whose dimensions come all with the first value that is not zero.
    pub(crate) fn together(mut self) -> Self {
        self.together = true;
        self
    }

    /// Whether the store knows the chart.
    pub(crate) const fn is_defined(&self) -> bool {
        self.chart.is_defined()
    }
}

/// One tick's turn at the store.
pub(crate) struct Batch<'w> {
    writer: Writer<'w>,
    zero_metrics: bool,
    rows: u32,
    samples: u32,
    turn: Turn,
}

/// The module whose turn it is.
#[derive(Debug)]
struct Turn {
    charts: u32,
    charts_max: u32,
    left_out: u32,
}

impl<'w> Batch<'w> {
    /// Takes the turn; with `zero_metrics` charts appear even while there is nothing but zeros.
    pub(crate) fn new(writer: Writer<'w>, zero_metrics: bool) -> Self {
        Self { writer, zero_metrics, rows: 0, samples: 0, turn: Turn { charts: 0, charts_max: u32::MAX, left_out: 0 } }
    }

    /// From here on charts are those of a module that has so many, and may have `charts_max`.
    pub(crate) fn begin_module(&mut self, charts: u32, charts_max: u32) {
        self.turn = Turn { charts, charts_max, left_out: 0 };
    }

    /// How many charts the module has now, and how many were left out.
    pub(crate) fn end_module(&mut self) -> (u32, u32) {
        (self.turn.charts, self.turn.left_out)
    }

    /// How many charts the host has.
    pub(crate) fn charts_of_host(&self) -> usize {
        self.writer.view().chart_count()
    }

    /// Whether charts appear even while there is nothing but zeros.
    pub(crate) const fn zero_metrics(&self) -> bool {
        self.zero_metrics
    }

    /// Rows and samples handed over so far.
    pub(crate) const fn counts(&self) -> (u32, u32) {
        (self.rows, self.samples)
    }

    /// Hands over a row: one value per dimension, in their order. With the first row the chart is
    /// defined, with as many dimensions as there are values.
    pub(crate) fn row(&mut self, chart: &mut Chart, owner: &Owner, values: &[i64]) {
        debug_assert!(values.len() <= chart.form.dimensions.len());
        let removals = self.writer.view().removals();
        let is_none = match chart.place {
            Place::None => true,
            // Charts left the host, this one perhaps, and its slot may be another's.
            Place::Defined(_, _, seen) => seen.removals != removals,
            Place::Refused => false,
        };
        if is_none {
            chart.place = self.define(chart.form, owner, values.len(), chart.place);
        }
        let Place::Defined(slot, indexes, _) = &chart.place else { return };
        self.writer.begin(*slot);
        for (&index, &value) in indexes.iter().zip(values) {
            self.writer.set(index, value);
        }
        self.writer.end(Elapsed::Clock);
        self.rows += 1;
        self.samples += values.len() as u32;
    }

    /// The same for a chart that appears only once it has something to show.
    pub(crate) fn row_once(&mut self, shows: bool, chart: &mut Chart, owner: &Owner, values: &[i64]) {
        if shows || self.zero_metrics || chart.is_defined() {
            self.row(chart, owner, values);
        }
    }

    /// Hands over a row whose dimensions come when they are no longer zero, in a fixed order.
    pub(crate) fn growing_row<'a>(
        &mut self,
        growing: &mut GrowingChart,
        owner: &Owner,
        values: impl Iterator<Item = Growth<'a>> + Clone,
    ) {
        self.grown_row(growing, owner, values, self.zero_metrics);
    }

    /// The same with dimensions that come with their first value, be it zero.
    pub(crate) fn listed_row<'a>(
        &mut self,
        growing: &mut GrowingChart,
        owner: &Owner,
        values: impl Iterator<Item = Growth<'a>> + Clone,
    ) {
        self.grown_row(growing, owner, values, true);
    }

    fn grown_row<'a>(
        &mut self,
        growing: &mut GrowingChart,
        owner: &Owner,
        values: impl Iterator<Item = Growth<'a>> + Clone,
        zeros: bool,
    ) {
        let wanted = |value: i64| value != 0 || zeros;
        if !growing.chart.is_defined() && !values.clone().any(|growth| growth.value.is_some_and(wanted)) {
            return;
        }
        let removals = self.writer.view().removals();
        if !matches!(growing.chart.place, Place::Defined(_, _, seen) if seen.removals == removals) {
            if matches!(growing.chart.place, Place::Refused) {
                return;
            }
            growing.indexes.clear();
            growing.chart.place = self.define(growing.form, owner, 0, growing.chart.place);
        }
        let Place::Defined(slot, ..) = growing.chart.place else { return };
        for (at, growth) in values.clone().enumerate() {
            self.grow(growing, slot, at, &growth, zeros);
        }
        self.writer.begin(slot);
        for (growth, index) in values.zip(&growing.indexes) {
            if let (Some(value), Some(index)) = (growth.value, *index) {
                self.writer.set(index, value);
                self.samples += 1;
            }
        }
        self.writer.end(Elapsed::Clock);
        self.rows += 1;
    }

    /// Defines the dimension with the number `at` if it is time.
    fn grow(&mut self, growing: &mut GrowingChart, slot: ChartSlot, at: usize, growth: &Growth<'_>, zeros: bool) {
        if at >= growing.indexes.len() {
            growing.indexes.resize(at + 1, None);
        }
        let all = zeros || growing.together;
        if growing.indexes[at].is_some() || !growth.value.is_some_and(|value| value != 0 || all) {
            return;
        }
        let definition = DimensionDefinition { id: growth.id, name: growth.name, ..growing.dimension };
        growing.indexes[at] = self.writer.define_dimension(slot, &definition).ok();
    }

    /// Says that the collection of the dimension with the number `at` stopped; another may have its number.
    pub(crate) fn retire_dimension(&mut self, growing: &mut GrowingChart, at: usize, id: &str) {
        let Some(index) = growing.indexes.get_mut(at) else { return };
        // It is named by its id, so it does not matter what else left the host meanwhile, unless the chart did.
        if let (Some(_), Place::Defined(slot, _, seen)) = (index.take(), growing.chart.place)
            && self.is_there(slot, seen)
        {
            let definition = DimensionDefinition { id, options: DimensionOptions::OBSOLETE, ..growing.dimension };
            if let Err(error) = self.writer.define_dimension(slot, &definition) {
                warn!(chart = growing.form.id, dimension = id, %error, "dimension cannot be retired");
            }
        }
    }

    /// Whether a slot is still that of the chart that was seen in it, whatever left the host meanwhile.
    fn is_there(&self, slot: ChartSlot, seen: Seen) -> bool {
        self.writer.view().chart(slot).is_some_and(|chart| chart.born() <= seen.births)
    }

    /// Says that a chart's collection stopped; its next row defines it again.
    pub(crate) fn obsolete(&mut self, chart: &mut Chart) {
        if let Place::Defined(slot, _, seen) = chart.place
            && self.is_there(slot, seen)
        {
            self.writer.set_chart_obsolete(slot);
        }
        if chart.is_defined() {
            self.turn.charts = self.turn.charts.saturating_sub(1);
        }
        chart.place = Place::None;
    }

    /// The same of a chart whose dimensions come one by one.
    pub(crate) fn obsolete_growing(&mut self, growing: &mut GrowingChart) {
        self.obsolete(&mut growing.chart);
    }

    /// Whether charts appear even while there is nothing but zeros.
    pub(crate) const fn shows_zeros(&self) -> bool {
        self.zero_metrics
    }

    /// Sets a variable of a chart that is defined.
    pub(crate) fn chart_variable(&mut self, chart: &Chart, name: &str, value: f64) {
        if let Place::Defined(slot, _, seen) = chart.place
            && seen.removals == self.writer.view().removals()
        {
            self.writer.set_chart_variable(slot, name, value);
        }
    }

    /// The same for a chart whose dimensions come one by one.
    pub(crate) fn growing_chart_variable(&mut self, growing: &GrowingChart, name: &str, value: f64) {
        self.chart_variable(&growing.chart, name, value);
    }

    /// Sets a variable of the host.
    pub(crate) fn host_variable(&mut self, name: &str, value: f64) {
        self.writer.set_host_variable(name, value);
    }

    fn define(&mut self, form: &Form, owner: &Owner, dimensions: usize, before: Place) -> Place {
        let is_new = matches!(before, Place::None);
        if is_new && self.turn.charts >= self.turn.charts_max {
            self.turn.left_out += 1;
            return Place::None;
        }
        let id = id_of(form, owner);
        match self.try_define(&id, form, owner, dimensions) {
            Ok(place) => {
                self.turn.charts += u32::from(is_new);
                place
            }
            Err(error) => {
                warn!(chart = id, %error, "chart left out");
                Place::Refused
            }
        }
    }

    fn try_define(
        &mut self,
        id: &str,
        form: &Form,
        owner: &Owner,
        dimensions: usize,
    ) -> Result<Place, rrd_store::DefineError> {
        let name = if owner.name.is_empty() { String::new() } else { with_device(form.id, &owner.name) };
        let slot = self.writer.define_chart(&ChartDefinition {
            id,
            name: &name,
            title: form.title,
            units: form.units,
            family: if owner.family.is_empty() { form.family } else { &owner.family },
            context: &context_of(form, owner),
            chart_type: form.chart_type,
            priority: form.priority + owner.priority_offset,
            update_every_s: owner.update_every_s,
            options: form.options,
            plugin: owner.plugin,
            module: owner.module,
        })?;
        let mut indexes = [0; DIMENSIONS_MAX];
        for (index, dimension) in indexes.iter_mut().zip(&form.dimensions[..dimensions]) {
            let multiplier = dimension.multiplier * owner.factor;
            *index = self.writer.define_dimension(slot, &DimensionDefinition { multiplier, ..*dimension })?;
        }
        self.writer.set_chart_labels(slot, &labels(owner));
        let host = self.writer.view();
        Ok(Place::Defined(slot, indexes, Seen { births: host.births(), removals: host.removals() }))
    }
}

fn id_of(form: &Form, owner: &Owner) -> String {
    let Owner { group, device, .. } = owner;
    match (group.is_empty(), device.is_empty()) {
        (true, _) => with_device(form.id, device),
        (false, true) => format!("{group}.{}", form.id),
        (false, false) => format!("{group}.{}_{device}", form.id),
    }
}

/// A device of a group is of a kind of its own: `net.packets` is `cgroup.net_packets` there.
fn context_of(form: &Form, owner: &Owner) -> String {
    let is_in_group = !owner.group.is_empty() && !owner.device.is_empty();
    let context =
        if is_in_group { form.context.replace('.', "_") } else { form.context.replace(DEVICE, &owner.device) };
    format!("{}{context}", owner.context_prefix)
}

fn with_device(id: &str, device: &str) -> String {
    match id.split_once(DEVICE) {
        Some((before, after)) => format!("{before}{device}{after}"),
        None if device.is_empty() => id.to_owned(),
        None => format!("{id}.{device}"),
    }
}

fn labels(owner: &Owner) -> Vec<Label<'_>> {
    let module = if owner.module.is_empty() { "[none]" } else { owner.module };
    let everywhere = [("_collect_plugin", owner.plugin), ("_collect_module", module)];
    let own = owner.labels.iter().map(|(name, value)| (*name, value.as_str()));
    everywhere.into_iter().chain(own).map(|(name, value)| Label { name, value, source: Label::AUTOMATIC }).collect()
}
