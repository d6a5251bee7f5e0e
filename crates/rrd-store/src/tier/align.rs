//! Tiers brought in line with the rows of their chart: after a start, and after a clock was set back.
//!
//! Rows of a tier that reach into the open block go, and what the tiers lack is made up: coarser tiers
//! from finer ones, the finest from the chart's rows. Where tiers were kept, that is the last block;
//! where they are new, all that there is.

use row::Packed;

use crate::block::ROWS;
use crate::ring::{self, Ring, Shelf};
use crate::tier::{Part, Summary, Tier, advance, take};

/// Aligns the tiers of the shelf with a chart's rows. `is_cut`: rows that were there are gone, so rows
/// of tiers may be newer than any.
pub(crate) fn align(raw: &Ring, is_cut: bool, shelf: &mut Shelf<'_>) {
    let tiers = std::mem::take(&mut shelf.tiers);
    if !tiers.is_empty() {
        cut(tiers, raw, is_cut, shelf);
        for coarse in (1..tiers.len()).rev() {
            let (finer, coarser) = tiers.split_at_mut(coarse);
            let finer = &finer[coarse - 1].ring;
            make_up(finer, coarser, Tier::add_cells, shelf);
            take(coarser, &open(finer), Tier::add_cells, shelf);
        }
        make_up(raw, tiers, Tier::add, shelf);
        if !raw.is_empty() {
            advance(tiers, raw.open_start_s, shelf);
        }
    }
    shelf.tiers = tiers;
}

/// Takes back rows of periods that are not complete, and all sums.
fn cut(tiers: &mut [Tier], raw: &Ring, is_cut: bool, shelf: &mut Shelf<'_>) {
    // Tiers that are far ahead of damaged rows are all that is left of those.
    let is_ahead = |tier: &Tier| tier.ring.last_s() > tier.period(raw.last_s());
    let cuts = is_cut || !(raw.is_empty() || is_ahead(&tiers[0]));
    let mut before_s = raw.open_start_s;
    for tier in tiers {
        tier.sums.fill(Summary::NONE);
        let next_s = tier.period(before_s);
        if cuts && tier.ring.last_s() >= next_s {
            tier.late.retain(|delta| delta.period_s < next_s);
            tier.settle(shelf);
            let last_s = next_s - tier.ring.every_s;
            tier.ring.cut(last_s, &mut shelf.of_tier(tier.level, tier.settings));
        }
        before_s = next_s;
        let last_s = tier.ring.last_s();
        tier.current_s = if last_s > 0 { last_s + tier.ring.every_s } else { 0 };
    }
}

/// Takes what sealed blocks have and the tiers lack.
fn make_up(source: &Ring, tiers: &mut [Tier], add: impl Fn(&mut Tier, &[u32], usize), shelf: &mut Shelf<'_>) {
    let after_s = tiers[0].ring.last_s();
    let (start_s, block_s, stride) = (source.start_s(), source.block_s(), source.stride);
    let first = usize::try_from((after_s + 1 - start_s).div_euclid(block_s)).unwrap_or(0);
    let mut rows = vec![Packed::EMPTY.to_bits(); stride * ROWS];
    for (number, &at) in source.sealed.iter().enumerate().skip(first) {
        rows.fill(Packed::EMPTY.to_bits());
        ring::decode(at, &mut rows, stride, shelf);
        let start_s = start_s + number as i64 * block_s;
        take(tiers, &Part { rows: &rows, stride, start_s, every_s: source.every_s }, &add, shelf);
    }
}

fn open(ring: &Ring) -> Part<'_> {
    let rows = &ring.open[..ring.open_rows * ring.stride];
    Part { rows, stride: ring.stride, start_s: ring.open_start_s, every_s: ring.every_s }
}
