//! Lines of live rows, in the v1 form (collected values) and in the v2 form (stored values).

use alloc::vec::Vec;

use row::text::{write_int, write_packed, write_uint};
use row::{Packed, PointFlags};

use super::{Form, write_flags, write_id};

/// Writes `BEGIN`: microseconds since the chart's previous collection, 0 for the peer's own clock.
pub fn write_begin(out: &mut Vec<u8>, id: &str, elapsed_us: u64) {
    write_begin_prefix(out, id);
    write_begin_values(out, elapsed_us);
}

/// Writes what of `BEGIN` stays the same.
pub fn write_begin_prefix(out: &mut Vec<u8>, id: &str) {
    out.extend_from_slice(b"BEGIN ");
    write_id(out, b'"', id);
    out.push(b' ');
}

/// Writes what of `BEGIN` changes.
#[inline]
pub fn write_begin_values(out: &mut Vec<u8>, elapsed_us: u64) {
    write_uint(out, elapsed_us);
    out.push(b'\n');
}

/// Writes `SET`.
pub fn write_set(out: &mut Vec<u8>, id: &str, value: i64) {
    write_set_prefix(out, id);
    write_set_values(out, value);
}

/// Writes what of `SET` stays the same.
pub fn write_set_prefix(out: &mut Vec<u8>, id: &str) {
    out.extend_from_slice(b"SET ");
    write_id(out, b'"', id);
    out.extend_from_slice(b" = ");
}

/// Writes what of `SET` changes.
#[inline]
pub fn write_set_values(out: &mut Vec<u8>, value: i64) {
    write_int(out, value);
    out.push(b'\n');
}

/// Writes `END`.
#[inline]
pub fn write_end(out: &mut Vec<u8>) {
    out.extend_from_slice(b"END\n");
}

/// Writes `BEGIN2`: the second that the row is stored at, and our clock.
pub fn write_begin2(out: &mut Vec<u8>, form: Form, slot: u32, id: &str, update_every_s: u32, time_s: i64, wall_s: i64) {
    write_begin2_prefix(out, form, slot, id);
    write_begin2_values(out, form, update_every_s, time_s, wall_s);
}

/// Writes what of `BEGIN2` stays the same.
pub fn write_begin2_prefix(out: &mut Vec<u8>, form: Form, slot: u32, id: &str) {
    out.extend_from_slice(b"BEGIN2 ");
    form.write_slot(out, slot);
    write_id(out, b'\'', id);
    out.push(b' ');
}

/// Writes what of `BEGIN2` changes.
#[inline]
pub fn write_begin2_values(out: &mut Vec<u8>, form: Form, update_every_s: u32, time_s: i64, wall_s: i64) {
    form.write_int(out, i64::from(update_every_s));
    out.push(b' ');
    form.write_int(out, time_s);
    out.push(b' ');
    if wall_s == time_s {
        out.push(b'#');
    } else {
        form.write_int(out, wall_s);
    }
    out.push(b'\n');
}

/// Writes `SET2`. A dimension without a value is better left out.
pub fn write_set2(out: &mut Vec<u8>, form: Form, slot: u32, id: &str, collected: i64, value: Packed) {
    write_set2_prefix(out, form, slot, id);
    write_set2_values(out, form, collected, value);
}

/// Writes what of `SET2` stays the same.
pub fn write_set2_prefix(out: &mut Vec<u8>, form: Form, slot: u32, id: &str) {
    out.extend_from_slice(b"SET2 ");
    form.write_slot(out, slot);
    write_id(out, b'\'', id);
    out.push(b' ');
}

/// Writes what of `SET2` changes.
#[inline]
pub fn write_set2_values(out: &mut Vec<u8>, form: Form, collected: i64, value: Packed) {
    form.write_int(out, collected);
    out.push(b' ');
    if value.is_empty() {
        out.extend_from_slice(b"# E\n");
        return;
    }
    if value.unpack() == collected as f64 {
        out.push(b'#');
    } else {
        write_packed(out, value);
    }
    out.push(b' ');
    write_flags(out, PointFlags { reset: value.is_reset(), anomalous: value.is_anomalous() });
    out.push(b'\n');
}

/// Writes `END2`.
#[inline]
pub fn write_end2(out: &mut Vec<u8>) {
    out.extend_from_slice(b"END2\n");
}
