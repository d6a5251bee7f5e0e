//! Lines of replication, in both directions. To peers before interpolated rows all is decimal, and
//! flags are quoted.

use alloc::vec::Vec;

use row::text::{write_double, write_int, write_packed};
use row::{Packed, PointFlags};

use super::{Form, write_flags, write_id};
use crate::replication::ReplayRequest;

/// Writes `REPLAY_CHART`, a parent's request.
pub fn write_replay_chart(out: &mut Vec<u8>, id: &str, request: &ReplayRequest) {
    out.extend_from_slice(b"REPLAY_CHART ");
    write_id(out, b'"', id);
    out.extend_from_slice(if request.start_streaming { b" \"true\" " } else { b" \"false\" " });
    write_int(out, request.after_s);
    out.push(b' ');
    write_int(out, request.before_s);
    out.push(b'\n');
}

/// Writes the `RBEGIN` that opens the answer for a chart.
pub fn write_rbegin(out: &mut Vec<u8>, form: Form, slot: u32, id: &str) {
    out.extend_from_slice(b"RBEGIN ");
    form.write_slot(out, slot);
    write_id(out, quote(form), id);
    out.push(b'\n');
}

/// Writes the `RBEGIN` of one row, which covers the time from `start_s` to `end_s`.
#[inline]
pub fn write_rpoint(out: &mut Vec<u8>, form: Form, slot: u32, start_s: i64, end_s: i64, wall_s: i64) {
    out.extend_from_slice(b"RBEGIN ");
    form.write_slot(out, slot);
    out.extend_from_slice(b"''");
    for time in [start_s, end_s, wall_s] {
        out.push(b' ');
        form.write_int(out, time);
    }
    out.push(b'\n');
}

/// Writes `RSET`. To peers with interpolated rows a dimension without a value is better left out.
pub fn write_rset(out: &mut Vec<u8>, form: Form, slot: u32, id: &str, value: Packed) {
    write_rset_prefix(out, form, slot, id);
    write_rset_values(out, form, value);
}

/// Writes what of `RSET` stays the same.
pub fn write_rset_prefix(out: &mut Vec<u8>, form: Form, slot: u32, id: &str) {
    out.extend_from_slice(b"RSET ");
    form.write_slot(out, slot);
    write_id(out, b'"', id);
    out.push(b' ');
}

/// Writes what of `RSET` changes.
#[inline]
pub fn write_rset_values(out: &mut Vec<u8>, form: Form, value: Packed) {
    if value.is_empty() {
        out.extend_from_slice(b"NAN \"E\"\n");
        return;
    }
    write_packed(out, value);
    out.push(b' ');
    if form.interpolated {
        write_flags(out, PointFlags { reset: value.is_reset(), anomalous: value.is_anomalous() });
    } else {
        out.extend_from_slice(if value.is_reset() { b"\"R\"" } else { b"\"\"" });
    }
    out.push(b'\n');
}

/// Writes `RDSTATE`: when and what was collected last, and the state of the interpolation.
#[expect(clippy::too_many_arguments, reason = "the line has that many words, and each is named here")]
pub fn write_rdstate(
    out: &mut Vec<u8>,
    form: Form,
    slot: u32,
    id: &str,
    collected_us: i64,
    collected: i64,
    calculated: f64,
    stored: f64,
) {
    out.extend_from_slice(b"RDSTATE ");
    form.write_slot(out, slot);
    write_id(out, quote(form), id);
    for value in [collected_us, collected] {
        out.push(b' ');
        form.write_int(out, value);
    }
    for value in [calculated, stored] {
        out.push(b' ');
        write_number(out, value);
    }
    out.push(b'\n');
}

/// Writes `RSSTATE`: when the chart was collected last, and its last stored point, in microseconds.
pub fn write_rsstate(out: &mut Vec<u8>, form: Form, collected_us: i64, updated_us: i64) {
    out.extend_from_slice(b"RSSTATE ");
    form.write_int(out, collected_us);
    out.push(b' ');
    form.write_int(out, updated_us);
    out.push(b'\n');
}

/// Writes `REND`: what we have of the chart (the second before the first row, the last row), the
/// request as executed, and our clock.
pub fn write_rend(
    out: &mut Vec<u8>,
    form: Form,
    update_every_s: u32,
    have_s: (i64, i64),
    executed: &ReplayRequest,
    wall_s: i64,
) {
    out.extend_from_slice(b"REND");
    for value in [i64::from(update_every_s), have_s.0, have_s.1] {
        out.push(b' ');
        form.write_int(out, value);
    }
    out.extend_from_slice(if executed.start_streaming { b" true" } else { b" false" });
    for value in [executed.after_s, executed.before_s, wall_s] {
        out.push(b' ');
        form.write_int(out, value);
    }
    out.push(b'\n');
}

/// Peers before interpolated rows use double quotes everywhere.
const fn quote(form: Form) -> u8 {
    if form.interpolated { b'\'' } else { b'"' }
}

/// Old peers know `NAN` only.
fn write_number(out: &mut Vec<u8>, value: f64) {
    if value.is_finite() { write_double(out, value) } else { out.extend_from_slice(b"NAN") }
}
