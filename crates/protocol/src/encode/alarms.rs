//! Lines of alarms, between nodes of ours.

use alloc::vec::Vec;

use row::text::write_int;
use row::{AlarmWord, Told};

/// Writes `TRIBUTARY_ALARMS`, for a node of ours only: others end the stream at what they do not know.
pub fn write_alarm(out: &mut Vec<u8>, word: &AlarmWord) {
    out.extend_from_slice(b"TRIBUTARY_ALARMS ");
    match *word {
        AlarmWord::Wait => out.extend_from_slice(b"WAIT"),
        AlarmWord::Ready => out.extend_from_slice(b"READY"),
        AlarmWord::Hold(key) => write_key(out, b"HOLD ", key),
        AlarmWord::Drop(key) => write_key(out, b"DROP ", key),
        AlarmWord::Told(key, Told { status, at_s }) => {
            write_key(out, b"TOLD ", key);
            out.push(b' ');
            write_int(out, status.into());
            out.push(b' ');
            write_int(out, at_s);
        }
    }
    out.push(b'\n');
}

fn write_key(out: &mut Vec<u8>, verb: &[u8], key: u64) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.extend_from_slice(verb);
    out.extend((0..16).rev().map(|digit| HEX[(key >> (4 * digit)) as usize & 15]));
}
