//! The chart slots of a host: which are vacant, and what tells whether a slot still means the same.
//!
//! Whoever remembers a slot beyond one hold of the host's lock notes the number of births then. As
//! long as the number of removals stands still, all slots and indexes mean what they meant; once it
//! has changed, a slot does so only if its chart was born by then.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Which slots are vacant.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    /// To be used again, the lowest first, so that those at the end can go.
    vacant: BinaryHeap<Reverse<u32>>,
    /// Rises with each chart, and each index of a dimension, that is new or used again.
    births: u64,
    /// Rises with each chart and each dimension that goes.
    removals: u64,
}

impl Slots {
    /// The number of the next chart or dimension.
    pub(crate) fn birth(&mut self) -> u64 {
        self.births += 1;
        self.births
    }

    pub(crate) fn births(&self) -> u64 {
        self.births
    }

    pub(crate) fn removals(&self) -> u64 {
        self.removals
    }

    /// A chart or dimension went.
    pub(crate) fn note_removal(&mut self) {
        self.removals += 1;
    }

    /// The slot of a chart that went.
    pub(crate) fn vacate(&mut self, slot: u32) {
        self.removals += 1;
        self.vacant.push(Reverse(slot));
    }

    /// A slot to use again.
    pub(crate) fn take(&mut self) -> Option<u32> {
        self.vacant.pop().map(|Reverse(slot)| slot)
    }

    /// All charts leave memory; when they come back they are counted on.
    pub(crate) fn asleep(&self) -> Self {
        Self { vacant: BinaryHeap::new(), births: self.births, removals: self.removals + 1 }
    }

    /// How many slots are vacant.
    pub(crate) fn vacant(&self) -> usize {
        self.vacant.len()
    }

    /// There are only so many slots from now on.
    pub(crate) fn truncate(&mut self, slots: usize) {
        self.vacant.retain(|Reverse(slot)| (*slot as usize) < slots);
        if self.vacant.capacity() > 2 * self.vacant.len() {
            self.vacant.shrink_to(self.vacant.len() + self.vacant.len() / 4);
        }
    }
}
