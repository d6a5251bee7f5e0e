//! What blocks come to, by dimension: numbers of the group's method.

use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;

use crate::query::group::{Condition, Group};
use crate::query::method::{Average, ByBlock, CountIf, Deviation, Extreme, Increment, Sum};

/// States of a method, block after block, as many of each as there are dimensions.
pub(super) trait States: fmt::Debug + Send {
    /// Makes room for one more block of so many dimensions.
    fn push_block(&mut self, dimensions: usize);
    /// Forgets the first block.
    fn pop_block(&mut self, dimensions: usize);
    fn clear(&mut self);
    /// Remembers what a column comes to.
    fn set(&mut self, place: usize, column: &[u32]);
    /// What some columns, every `dimensions`th of the remembered states and some more columns come to.
    fn fold(&self, before: &[&[u32]], states: Range<usize>, dimensions: usize, after: &[&[u32]]) -> f64;
    fn bytes(&self) -> usize;
    fn shrink(&mut self);
}

/// Room for the states of a group; `None` for one that needs all values.
pub(super) fn of_group(group: Group, condition: Condition) -> Option<Box<dyn States>> {
    Some(match group {
        Group::Average => boxed(Average { divisor: None }),
        Group::Sum => boxed(Sum),
        Group::Min => boxed(Extreme { smallest: true }),
        Group::Max => boxed(Extreme { smallest: false }),
        Group::Stddev => boxed(Deviation { relative: false }),
        Group::Cv => boxed(Deviation { relative: true }),
        Group::IncrementalSum => boxed(Increment),
        Group::CountIf => boxed(CountIf { condition }),
        _ => return None,
    })
}

fn boxed<M: ByBlock<State: Send> + Send + 'static>(method: M) -> Box<dyn States> {
    Box::new(OfMethod { method, states: VecDeque::new() })
}

struct OfMethod<M: ByBlock> {
    method: M,
    states: VecDeque<M::State>,
}

impl<M: ByBlock<State: Send> + Send> States for OfMethod<M> {
    fn push_block(&mut self, dimensions: usize) {
        self.states.extend((0..dimensions).map(|_| self.method.start()));
    }

    fn pop_block(&mut self, dimensions: usize) {
        self.states.drain(..dimensions.min(self.states.len()));
    }

    fn clear(&mut self) {
        self.states.clear();
    }

    fn set(&mut self, place: usize, column: &[u32]) {
        self.states[place] = self.method.of_run(column);
    }

    fn fold(&self, before: &[&[u32]], states: Range<usize>, dimensions: usize, after: &[&[u32]]) -> f64 {
        let mut state = self.method.start();
        before.iter().for_each(|run| self.method.add_run(&mut state, run));
        let remembered = self.states.range(states).step_by(dimensions.max(1));
        remembered.for_each(|next| self.method.merge(&mut state, next));
        after.iter().for_each(|run| self.method.add_run(&mut state, run));
        self.method.finish(&mut state)
    }

    fn bytes(&self) -> usize {
        size_of::<Self>() + self.states.capacity() * size_of::<M::State>()
    }

    fn shrink(&mut self) {
        self.states.shrink_to_fit();
    }
}

impl<M: ByBlock> fmt::Debug for OfMethod<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OfMethod").field("states", &self.states.len()).finish_non_exhaustive()
    }
}
