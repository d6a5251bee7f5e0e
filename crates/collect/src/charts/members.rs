//! Charts with a dimension for each of what comes and goes, such as queues or arrays of disks.
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
    /// What its dimensions are but for the id.
    dimension: DimensionDefinition<'static>,
}

/// The dimension of a member, and how many removals the host had seen when it was defined.
#[derive(Debug, Default)]
pub(crate) struct Member(Option<(DimensionIndex, u64)>);

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

impl Batch<'_> {
    /// Sees to it that a member has its dimension.
    pub(crate) fn enlist(&mut self, members: &mut MemberChart, owner: &Owner, id: &str, member: &mut Member) {
        let removals = self.writer.view().removals();
        if member.0.is_some_and(|(_, seen)| seen == removals) {
            return;
        }
        let Some(slot) = self.slot_of(&mut members.chart, owner) else { return };
        let definition = DimensionDefinition { id, ..members.dimension };
        member.0 = self.writer.define_dimension(slot, &definition).ok().map(|index| (index, removals));
    }

    /// Hands over a row: a value for each member that is enlisted.
    pub(crate) fn member_row<'m>(&mut self, members: &MemberChart, values: impl Iterator<Item = (&'m Member, i64)>) {
        let Place::Defined(slot, ..) = members.chart.place else { return };
        self.writer.begin(slot);
        for (member, value) in values {
            if let Some((index, _)) = member.0 {
                self.writer.set(index, value);
                self.samples += 1;
            }
        }
        self.writer.end(Elapsed::Clock);
        self.rows += 1;
    }

    /// Says that a member is gone.
    pub(crate) fn dismiss(&mut self, members: &mut MemberChart, owner: &Owner, id: &str, member: &mut Member) {
        if member.0.take().is_none() {
            return;
        }
        let Some(slot) = self.slot_of(&mut members.chart, owner) else { return };
        let definition = DimensionDefinition { id, options: DimensionOptions::OBSOLETE, ..members.dimension };
        // What cannot be defined has no place to give back.
        let _gone = self.writer.define_dimension(slot, &definition);
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
