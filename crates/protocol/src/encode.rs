//! Commands to bytes: functions that append one line to the caller's buffer.
//!
//! A [`Form`] says which of the forms that a peer understands is written; it follows from what was
//! negotiated. Stored values are written as short decimals everywhere: every reader takes any form
//! of number in any place, and decimals are shorter than the bits of a double and compress better.
//! Integers of the v2 form are written in base 64 where the peer offered it.
//!
//! Texts are sanitised, since the wire knows no escapes: quotes and backslashes become `_`, control
//! characters blanks, and what is longer than [`TEXT_BYTES_MAX`] is cut, so no line gets too long
//! for a peer. An id is changed the same way in every line, so rows still meet their definition.
//!
//! A sender that writes the same rows every second keeps the beginning of each line, which the
//! `…_prefix` functions make, and appends to it only what the `…_values` functions write.

mod alarms;
mod definitions;
mod functions;
mod replay;
mod rows;

use alloc::vec::Vec;

use row::PointFlags;
use row::text::write_int;

pub use alarms::write_alarm;
pub use definitions::{
    write_chart, write_chart_definition_end, write_chart_label, write_chart_labels_commit, write_claimed_id,
    write_dimension, write_host_label, write_host_labels_overwrite, write_variable,
};
pub use functions::{
    FunctionCall, fits_payload, write_function, write_function_awaited, write_function_call, write_function_cancel,
    write_function_payload, write_function_progress, write_function_result,
};
pub use replay::{
    write_rbegin, write_rdstate, write_rend, write_replay_chart, write_rpoint, write_rset, write_rset_prefix,
    write_rset_values, write_rsstate,
};
pub use rows::{
    write_begin, write_begin_prefix, write_begin_values, write_begin2, write_begin2_prefix, write_begin2_values,
    write_end, write_end2, write_set, write_set_prefix, write_set_values, write_set2, write_set2_prefix,
    write_set2_values,
};

use crate::{Capabilities, number};

/// Bytes of a text at most: twelve of them still fit the 15,360 bytes that old peers read.
pub const TEXT_BYTES_MAX: usize = 1_000;

/// Which forms the peer understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Form {
    /// Charts and dimensions are numbered.
    pub slots: bool,
    /// Integers of rows and of replication are in base 64.
    pub base64: bool,
    /// Rows of the past carry the letter of the anomaly bit.
    pub interpolated: bool,
}

impl Form {
    /// Decimal numbers, no slots: what every version reads.
    pub const PLAIN: Self = Self { slots: false, base64: false, interpolated: false };

    /// The form for negotiated capabilities.
    #[must_use]
    pub const fn of(capabilities: Capabilities) -> Self {
        Self {
            slots: capabilities.has(Capabilities::SLOTS),
            base64: capabilities.has(Capabilities::IEEE754),
            interpolated: capabilities.has(Capabilities::INTERPOLATED),
        }
    }

    #[inline]
    fn write_int(self, out: &mut Vec<u8>, value: i64) {
        if self.base64 { number::write_base64_int(out, value) } else { write_int(out, value) }
    }

    /// `SLOT:n ` where the peer wants it.
    #[inline]
    fn write_slot(self, out: &mut Vec<u8>, slot: u32) {
        if self.slots {
            out.extend_from_slice(b"SLOT:");
            self.write_int(out, i64::from(slot));
            out.push(b' ');
        }
    }
}

/// Writes a sanitised id between quotes. Lines differ in their quotes, so an id has neither kind.
fn write_id(out: &mut Vec<u8>, quote: u8, id: &str) {
    out.push(quote);
    write_sanitised(out, id, |byte| matches!(byte, b'"' | b'\'' | b'\\'));
    out.push(quote);
}

/// Writes a sanitised text of a definition between double quotes.
fn write_text(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    write_sanitised(out, text, |byte| matches!(byte, b'"' | b'\\'));
    out.push(b'"');
}

fn write_sanitised(out: &mut Vec<u8>, text: &str, is_unfit: impl Fn(u8) -> bool) {
    for byte in text[..text.floor_char_boundary(TEXT_BYTES_MAX)].bytes() {
        out.push(match byte {
            0..=0x1f | 0x7f => b' ',
            _ if is_unfit(byte) => b'_',
            _ => byte,
        });
    }
}

/// Writes the flags of a point, where `A` means normal.
#[inline]
fn write_flags(out: &mut Vec<u8>, flags: PointFlags) {
    out.extend_from_slice(match (flags.anomalous, flags.reset) {
        (false, false) => b"A",
        (false, true) => b"AR",
        (true, false) => b"''",
        (true, true) => b"R",
    });
}
