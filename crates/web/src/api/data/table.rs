//! Rows as JSON.
//!
//! Most values of most dimensions repeat the value before: its text is then copied, not made anew.

use std::ops::Range;

use row::Packed;
use row::text::{write_double, write_int, write_packed};
use rrd_store::query::{Answer, Values};

use super::options::DataOptions;
use crate::json::write_text;

/// Rows, and how to show them.
pub(super) struct Table<'a> {
    pub(super) rows: &'a Answer,
    /// The places of the columns that are shown.
    pub(super) columns: Vec<usize>,
    pub(super) options: DataOptions,
}

/// What was written last of a column, with all that stands before a value.
struct Last<T> {
    key: Vec<u8>,
    value: Option<T>,
    text: Range<usize>,
}

impl Table<'_> {
    pub(super) fn json(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.bytes());
        self.write(&mut out);
        out
    }

    /// About how many bytes the table takes.
    pub(super) fn bytes(&self) -> usize {
        256 + self.rows.window.points * (16 + 10 * self.columns.len())
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"labels\":[\"time\"");
        for &place in &self.columns {
            out.push(b',');
            write_text(out, &self.rows.columns[place].name);
        }
        if self.columns.is_empty() {
            out.extend_from_slice(b",\"no data\"],\"data\":[]}");
            return;
        }
        out.extend_from_slice(b"],\"data\":[");
        match self.rows.values() {
            Values::Stored(values) => self.write_rows(out, values, write_packed),
            Values::Computed(values) => self.write_rows(out, values, write_double),
        }
        out.extend_from_slice(b"]}");
    }

    fn write_rows<T: Copy + PartialEq>(&self, out: &mut Vec<u8>, values: &[T], write: impl Fn(&mut Vec<u8>, T)) {
        let objects = self.options.has(DataOptions::OBJECTROWS);
        let (open, close) = if objects { (b'{', b'}') } else { (b'[', b']') };
        let in_ms = self.options.has(DataOptions::MS);
        let last = |&place: &usize| Last { key: self.key(place, objects), value: None, text: 0..0 };
        let mut lasts: Vec<Last<T>> = self.columns.iter().map(last).collect();
        let (points, width) = (self.rows.window.points, self.rows.columns.len());
        for number in 0..points {
            let row = if self.options.has(DataOptions::FLIP) { number } else { points - 1 - number };
            if number > 0 {
                out.push(b',');
            }
            out.push(open);
            if objects {
                out.extend_from_slice(b"\"time\":");
            }
            write_int(out, self.rows.window.row_s(row));
            if in_ms {
                out.extend_from_slice(b"000");
            }
            let values = &values[row * width..][..width];
            for (&place, last) in self.columns.iter().zip(&mut lasts) {
                last.write(out, values[place], &write);
            }
            out.push(close);
        }
    }

    /// What stands between the comma and a value of a column.
    fn key(&self, place: usize, objects: bool) -> Vec<u8> {
        let mut key = Vec::new();
        if objects {
            write_text(&mut key, &self.rows.columns[place].name);
            key.push(b':');
        }
        key
    }

    /// The smallest and the largest value shown; 0 where there is none.
    pub(super) fn extremes(&self) -> (f64, f64) {
        let (min, max) = match self.rows.values() {
            Values::Stored(values) => self.extremes_of(values, Packed::unpack),
            Values::Computed(values) => self.extremes_of(values, |value| value),
        };
        if min > max { (0.0, 0.0) } else { (min, max) }
    }

    fn extremes_of<T: Copy>(&self, values: &[T], number: impl Fn(T) -> f64) -> (f64, f64) {
        let (mut min, mut max) = (f64::INFINITY, f64::NEG_INFINITY);
        for row in values.chunks_exact(self.rows.columns.len().max(1)) {
            for &place in &self.columns {
                // Comparisons with what is not a number are false.
                let value = number(row[place]);
                min = if value < min { value } else { min };
                max = if value > max { value } else { max };
            }
        }
        (min, max)
    }
}

impl<T: Copy + PartialEq> Last<T> {
    fn write(&mut self, out: &mut Vec<u8>, value: T, write: impl Fn(&mut Vec<u8>, T)) {
        let begin = out.len();
        if self.value == Some(value) {
            out.extend_from_within(self.text.clone());
            return;
        }
        out.push(b',');
        if !self.key.is_empty() {
            out.extend_from_slice(&self.key);
        }
        write(out, value);
        (self.value, self.text) = (Some(value), begin..out.len());
    }
}
