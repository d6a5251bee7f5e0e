//! Charts with a dimension for each of what comes and goes, such as queues, arrays of disks or services.
//!
//! What comes is enlisted, what goes is dismissed: its dimension is hidden after a while, and its
//! place is used again.

use row::{DimensionDefinition, DimensionIndex, DimensionOptions};
use rrd_store::Elapsed;

use super::{Batch, Chart, ChartSlot, Form, Owner, Place};

/// A chart with a dimension per member.
#[derive(Debug)]
pub(crate) struct MemberChart {
    /// Has no dimensions of its own.
    chart: Chart,
    /// What its dimensions are but for id and name.
    dimension: DimensionDefinition<'static>,
}

/// The dimension of a member, and how many removals the host had seen when it was defined.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Member(Option<(DimensionIndex, u64)>);

/// A row of a chart of members, in the making.
pub(crate) struct MemberRow<'b, 'w> {
    batch: &'b mut Batch<'w>,
}

impl MemberChart {
    /// A chart that is defined when its first member comes.
    pub(crate) const fn new(form: &'static Form, dimension: DimensionDefinition<'static>) -> Self {
        Self { chart: Chart::new(form), dimension }
    }

    /// Whether the store knows the chart.
    pub(crate) const fn is_defined(&self) -> bool {
        self.chart.is_defined()
    }
}

impl<'w> Batch<'w> {
    /// Sees to it that a member has its dimension; an empty `name` is that of its id.
    pub(crate) fn enlist(
        &mut self,
        members: &mut MemberChart,
        owner: &Owner,
        (id, name): (&str, &str),
        member: &mut Member,
    ) {
        let removals = self.writer.view().removals();
        if member.0.is_some_and(|(_, seen)| seen == removals) {
            return;
        }
        let Some(slot) = self.slot_of(&mut members.chart, owner) else { return };
        let definition = DimensionDefinition { id, name, ..members.dimension };
        member.0 = self.writer.define_dimension(slot, &definition).ok().map(|index| (index, removals));
    }

    /// Begins a row of a chart whose members were enlisted in this turn; `None` where there is no chart.
    pub(crate) fn begin_members(&mut self, members: &MemberChart) -> Option<MemberRow<'_, 'w>> {
        let Place::Defined(slot, ..) = members.chart.place else { return None };
        self.writer.begin(slot);
        Some(MemberRow { batch: self })
    }

    /// Hands over a row: a value for each member that is enlisted.
    pub(crate) fn member_row<'m>(&mut self, members: &MemberChart, values: impl Iterator<Item = (&'m Member, i64)>) {
        let Some(mut row) = self.begin_members(members) else { return };
        values.for_each(|(member, value)| row.set(member, value));
        row.end();
    }

    /// Says that a member is gone.
    pub(crate) fn dismiss(&mut self, members: &MemberChart, (id, name): (&str, &str), member: &mut Member) {
        if let (Some(_), Place::Defined(slot, _, seen)) = (member.0.take(), members.chart.place)
            && self.is_there(slot, seen)
        {
            let options = DimensionOptions::OBSOLETE;
            // What cannot be defined has no place to give back.
            let definition = DimensionDefinition { id, name, options, ..members.dimension };
            let _gone = self.writer.define_dimension(slot, &definition);
        }
    }

    /// Says that there is no member any more.
    pub(crate) fn obsolete_members(&mut self, members: &mut MemberChart) {
        self.obsolete(&mut members.chart);
    }

    /// The slot of a chart without dimensions of its own, which is defined if it has none.
    fn slot_of(&mut self, chart: &mut Chart, owner: &Owner) -> Option<ChartSlot> {
        let removals = self.writer.view().removals();
        let known = match chart.place {
            Place::Defined(_, _, seen) => seen.removals == removals,
            Place::None => false,
            Place::Refused => true,
        };
        if !known {
            chart.place = self.define(chart.form, owner, 0, chart.place);
        }
        match chart.place {
            Place::Defined(slot, ..) => Some(slot),
            Place::None | Place::Refused => None,
        }
    }
}

impl MemberRow<'_, '_> {
    /// Sets the value of a member, if it is enlisted.
    pub(crate) fn set(&mut self, member: &Member, value: i64) {
        if let Some((index, _)) = member.0 {
            self.batch.writer.set(index, value);
            self.batch.samples += 1;
        }
    }

    /// Hands the row over.
    pub(crate) fn end(self) {
        self.batch.writer.end(Elapsed::Clock);
        self.batch.rows += 1;
    }
}
