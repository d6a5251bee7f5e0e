//! Rows as text, in any format, some of them at a time.
//!
//! Most values of most dimensions repeat the value before: its text is then copied, not made anew.

use std::ops::Range;

use row::Packed;
use row::text::{write_double, write_int, write_packed};
use rrd_store::query::{Answer, Column, Combine, Values};

use super::format::{Format, Shape, Times};
use super::options::DataOptions;
use crate::answer::escape_html;
use crate::date::{write_date, write_date_parts};
use crate::json::write_text;

/// Values that are written before the caller is asked again: some 20 KB.
const VALUES_AT_ONCE: usize = 2_048;
/// How lines end.
const LINE: &[u8] = b"\r\n";
/// and how they do within JSON.
const WRAPPED_LINE: &[u8] = b"\n";

/// Rows, and how to show them.
pub(super) struct Table {
    pub(super) rows: Answer,
    /// The places of the columns that are shown.
    pub(super) columns: Vec<usize>,
    options: DataOptions,
    format: Format,
    /// It stands in JSON that tells about it.
    is_wrapped: bool,
    /// Seconds east of UTC, for dates.
    offset_s: i64,
    shape: Shape,
    /// Rows that are written.
    written: usize,
    lasts: Lasts,
}

enum Lasts {
    Stored(Vec<Last<Packed>>),
    Computed(Vec<Last<f64>>),
}

/// What was written last of a column, and where, with all that stands before and after a value.
struct Last<T> {
    key: Vec<u8>,
    value: Option<T>,
    text: Range<usize>,
}

impl Table {
    pub(super) fn new(
        rows: Answer,
        columns: Vec<usize>,
        options: DataOptions,
        format: Format,
        is_wrapped: bool,
        offset_s: i64,
    ) -> Self {
        let shape = shape(format, options, is_wrapped);
        let is_keyed = matches!(format, Format::Json | Format::Jsonp) && options.has(DataOptions::OBJECTROWS);
        let key = |place: &usize| {
            let mut key = shape.before_value.to_vec();
            if is_keyed {
                write_text(&mut key, &rows.columns[*place].name);
                key.push(b':');
            }
            key
        };
        let lasts = match rows.values() {
            Values::Stored(_) => Lasts::Stored(columns.iter().map(|place| Last::new(key(place))).collect()),
            Values::Computed(_) => Lasts::Computed(columns.iter().map(|place| Last::new(key(place))).collect()),
        };
        Self { rows, columns, options, format, is_wrapped, offset_s, shape, written: 0, lasts }
    }

    /// Writes some more; returns whether there is more to come.
    pub(super) fn write(&mut self, out: &mut Vec<u8>) -> bool {
        if self.written == 0 {
            self.write_head(out);
        }
        self.lasts.forget();
        let rest =
            if self.columns.is_empty() && !self.format.is_text() { 0 } else { self.rows.window.points - self.written };
        let count = rest.min((VALUES_AT_ONCE / self.columns.len().max(1)).max(1));
        for number in self.written..self.written + count {
            if number > 0 {
                out.extend_from_slice(self.shape.between_rows);
            }
            self.write_row(out, number);
        }
        self.written += count;
        let is_more = rest > count;
        if !is_more {
            self.write_foot(out);
        }
        is_more
    }

    fn names(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().map(|&place| &self.rows.columns[place])
    }

    fn write_head(&self, out: &mut Vec<u8>) {
        match self.format {
            Format::Json | Format::Jsonp => {
                out.extend_from_slice(b"{\"labels\":[\"time\"");
                self.write_names(out);
                out.extend_from_slice(b"],\"data\":[");
            }
            Format::CsvJsonArray => {
                out.extend_from_slice(b"[\n[\"time\"");
                self.write_names(out);
                out.push(b']');
                if self.rows.window.points > 0 && !self.columns.is_empty() {
                    out.extend_from_slice(b",\n");
                }
            }
            Format::Csv => self.write_csv_head(out, b','),
            Format::Tsv => self.write_csv_head(out, b'\t'),
            Format::Markdown => self.write_markdown_head(out),
            Format::Html => self.write_html_head(out),
            Format::Array => out.push(b'['),
            Format::Ssv | Format::SsvComma => {}
            Format::DataTable | Format::DataSource => self.write_google_head(out),
        }
    }

    /// Names as JSON, with a comma before each.
    fn write_names(&self, out: &mut Vec<u8>) {
        for column in self.names() {
            out.push(b',');
            write_text(out, &column.name);
        }
        if self.columns.is_empty() {
            out.extend_from_slice(b",\"no data\"");
        }
    }

    fn line(&self) -> &'static [u8] {
        if self.is_wrapped { WRAPPED_LINE } else { LINE }
    }

    fn write_csv_head(&self, out: &mut Vec<u8>, separator: u8) {
        out.extend_from_slice(b"time");
        for column in self.names() {
            out.push(separator);
            write_cell(out, &column.name, separator);
        }
        out.extend_from_slice(self.line());
    }

    fn write_markdown_head(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"time");
        for column in self.names() {
            out.push(b'|');
            for character in column.name.chars() {
                match character {
                    '|' => out.extend_from_slice(b"\\|"),
                    '\r' | '\n' => out.push(b' '),
                    other => out.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
                }
            }
        }
        out.extend_from_slice(self.line());
        out.extend_from_slice(b":---:");
        self.names().for_each(|_| out.extend_from_slice(b"|:---:"));
        out.extend_from_slice(self.line());
    }

    fn write_html_head(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(
            b"<html>\n<center>\n<table border=\"0\" cellpadding=\"5\" cellspacing=\"5\">\n<tr><td>time</td>",
        );
        for column in self.names() {
            out.extend_from_slice(b"<td>");
            out.extend_from_slice(escape_html(&column.name).as_bytes());
            out.extend_from_slice(b"</td>");
        }
        out.extend_from_slice(b"</tr>\n");
    }

    fn write_google_head(&self, out: &mut Vec<u8>) {
        let is_loose = self.options.has(DataOptions::GOOGLE_JSON);
        let fixed: &[u8] = if is_loose {
            b"{cols:[{id:'',label:'time',pattern:'',type:'datetime'},\
              {id:'',label:'',pattern:'',type:'string',p:{role:'annotation'}},\
              {id:'',label:'',pattern:'',type:'string',p:{role:'annotationText'}}"
        } else {
            b"{\"cols\":[{\"id\":\"\",\"label\":\"time\",\"pattern\":\"\",\"type\":\"datetime\"},\
              {\"id\":\"\",\"label\":\"\",\"pattern\":\"\",\"type\":\"string\",\"p\":{\"role\":\"annotation\"}},\
              {\"id\":\"\",\"label\":\"\",\"pattern\":\"\",\"type\":\"string\",\"p\":{\"role\":\"annotationText\"}}"
        };
        out.extend_from_slice(fixed);
        for column in self.names() {
            let (before, after): (&[u8], &[u8]) = if is_loose {
                (b",{id:'',label:", b",pattern:'',type:'number'}")
            } else {
                (b",{\"id\":\"\",\"label\":", b",\"pattern\":\"\",\"type\":\"number\"}")
            };
            out.extend_from_slice(before);
            write_text(out, &column.name);
            out.extend_from_slice(after);
        }
        out.extend_from_slice(if is_loose { b"],rows:[" } else { b"],\"rows\":[" });
    }

    fn write_foot(&self, out: &mut Vec<u8>) {
        let foot: &[u8] = match self.format {
            Format::Json | Format::Jsonp | Format::DataTable | Format::DataSource => b"]}",
            Format::CsvJsonArray => b"\n]",
            Format::Html => b"</table>\n</center>\n</html>\n",
            Format::Array => b"]",
            Format::Csv | Format::Tsv | Format::Markdown | Format::Ssv | Format::SsvComma => b"",
        };
        out.extend_from_slice(foot);
    }

    /// The place of a row among those of the answer, by its place among those that are shown.
    fn row(&self, number: usize) -> usize {
        if self.options.has(DataOptions::FLIP) { number } else { self.rows.window.points - 1 - number }
    }

    fn write_row(&mut self, out: &mut Vec<u8>, number: usize) {
        let row = self.row(number);
        if self.format.is_combined() {
            return write_double(out, self.combined(row));
        }
        out.extend_from_slice(self.shape.before_row);
        write_time(out, self.shape.times, self.rows.window.row_s(row), self.offset_s);
        out.extend_from_slice(self.shape.after_time);
        let width = self.rows.columns.len();
        let values = row * width..(row + 1) * width;
        let after = self.shape.after_value;
        match (self.rows.values(), &mut self.lasts) {
            (Values::Stored(all), Lasts::Stored(lasts)) => {
                write_values(out, &all[values], &self.columns, lasts, after, write_packed);
            }
            (Values::Computed(all), Lasts::Computed(lasts)) => {
                write_values(out, &all[values], &self.columns, lasts, after, write_double);
            }
            _ => {}
        }
        out.extend_from_slice(self.shape.after_row);
    }

    /// The one number of a row; not a number where it has none.
    fn combined(&self, row: usize) -> f64 {
        let how = if self.options.has(DataOptions::MIN2MAX) { Combine::MinToMax } else { Combine::Sum };
        let (width, values) = (self.rows.columns.len(), self.rows.values());
        let shown: Vec<f64> = self.columns.iter().map(|place| values.get(row * width + place)).collect();
        Values::Computed(&shown).combine(how).unwrap_or(f64::NAN)
    }

    /// The smallest and the largest number shown; 0 where there is none.
    pub(super) fn extremes(&self) -> (f64, f64) {
        let (min, max) = match self.rows.values() {
            _ if self.format.is_combined() => {
                let rows = 0..self.rows.window.points;
                rows.map(|row| self.combined(row)).fold(NOTHING, with)
            }
            Values::Stored(values) => self.extremes_of(values, Packed::unpack),
            Values::Computed(values) => self.extremes_of(values, |value| value),
        };
        if min > max { (0.0, 0.0) } else { (min, max) }
    }

    fn extremes_of<T: Copy>(&self, values: &[T], number: impl Fn(T) -> f64) -> (f64, f64) {
        let rows = values.chunks_exact(self.rows.columns.len().max(1));
        rows.fold(NOTHING, |extremes, row| {
            self.columns.iter().fold(extremes, |extremes, &place| with(extremes, number(row[place])))
        })
    }
}

const NOTHING: (f64, f64) = (f64::INFINITY, f64::NEG_INFINITY);

/// Comparisons with what is not a number are false.
fn with((min, max): (f64, f64), value: f64) -> (f64, f64) {
    (if value < min { value } else { min }, if value > max { value } else { max })
}

impl Lasts {
    /// What was written before is not in this buffer.
    fn forget(&mut self) {
        match self {
            Self::Stored(lasts) => lasts.iter_mut().for_each(|last| last.value = None),
            Self::Computed(lasts) => lasts.iter_mut().for_each(|last| last.value = None),
        }
    }
}

impl<T: Copy + PartialEq> Last<T> {
    fn new(key: Vec<u8>) -> Self {
        Self { key, value: None, text: 0..0 }
    }
}

fn write_values<T: Copy + PartialEq>(
    out: &mut Vec<u8>,
    values: &[T],
    columns: &[usize],
    lasts: &mut [Last<T>],
    after: &[u8],
    write: impl Fn(&mut Vec<u8>, T),
) {
    for (&place, last) in columns.iter().zip(lasts) {
        let (value, begin) = (values[place], out.len());
        if last.value == Some(value) {
            out.extend_from_within(last.text.clone());
            continue;
        }
        out.extend_from_slice(&last.key);
        write(out, value);
        out.extend_from_slice(after);
        (last.value, last.text) = (Some(value), begin..out.len());
    }
}

fn write_time(out: &mut Vec<u8>, times: Times, time_s: i64, offset_s: i64) {
    match times {
        Times::Seconds => write_int(out, time_s),
        Times::Milliseconds => {
            write_int(out, time_s);
            out.extend_from_slice(b"000");
        }
        Times::Date(before, after) => {
            out.extend_from_slice(before.as_bytes());
            write_date(out, time_s + offset_s);
            out.extend_from_slice(after.as_bytes());
        }
        Times::Parts(before, after) => {
            out.extend_from_slice(before.as_bytes());
            write_date_parts(out, time_s + offset_s);
            out.extend_from_slice(after.as_bytes());
        }
    }
}

/// A text that does not end its cell; in quotes, where it would.
fn write_cell(out: &mut Vec<u8>, text: &str, separator: u8) {
    if !text.bytes().any(|byte| byte == separator || matches!(byte, b'"' | b'\r' | b'\n')) {
        return out.extend_from_slice(text.as_bytes());
    }
    out.push(b'"');
    out.extend_from_slice(text.replace('"', "\"\"").as_bytes());
    out.push(b'"');
}

/// What stands between times and values of a format.
fn shape(format: Format, options: DataOptions, is_wrapped: bool) -> Shape {
    let is_loose = options.has(DataOptions::GOOGLE_JSON);
    let or_dates = |before, after| match () {
        () if options.has(DataOptions::MS) => Times::Milliseconds,
        () if options.has(DataOptions::SECONDS) => Times::Seconds,
        () => Times::Date(before, after),
    };
    let lines = Shape {
        before_row: b"",
        times: or_dates("", ""),
        after_time: b"",
        before_value: b",",
        after_value: b"",
        after_row: if is_wrapped { WRAPPED_LINE } else { LINE },
        between_rows: b"",
    };
    match format {
        Format::Json | Format::Jsonp => {
            let is_keyed = options.has(DataOptions::OBJECTROWS);
            Shape {
                before_row: if is_keyed { b"{\"time\":" } else { b"[" },
                times: match () {
                    () if is_loose => Times::Parts("new Date(", ")"),
                    () if options.has(DataOptions::MS) => Times::Milliseconds,
                    () => Times::Seconds,
                },
                after_row: if is_keyed { b"}" } else { b"]" },
                between_rows: b",",
                ..lines
            }
        }
        Format::Csv => lines,
        Format::Tsv => Shape { before_value: b"\t", ..lines },
        Format::Markdown => Shape { before_value: b"|", ..lines },
        Format::CsvJsonArray => {
            Shape { before_row: b"[", times: or_dates("\"", "\""), after_row: b"]", between_rows: b",\n", ..lines }
        }
        Format::Html => Shape {
            before_row: b"<tr><td>",
            after_time: b"</td>",
            before_value: b"<td>",
            after_value: b"</td>",
            after_row: b"</tr>\n",
            ..lines
        },
        Format::Ssv => Shape { between_rows: b" ", ..lines },
        Format::SsvComma | Format::Array => Shape { between_rows: b",", ..lines },
        Format::DataTable | Format::DataSource if is_loose => Shape {
            before_row: b"{c:[{v:",
            times: Times::Parts("'Date(", ")'"),
            after_time: b"},{v:null},{v:null}",
            before_value: b",{v:",
            after_value: b"}",
            after_row: b"]}",
            between_rows: b",",
        },
        Format::DataTable | Format::DataSource => Shape {
            before_row: b"{\"c\":[{\"v\":",
            times: Times::Parts("\"Date(", ")\""),
            after_time: b"},{\"v\":null},{\"v\":null}",
            before_value: b",{\"v\":",
            after_value: b"}",
            after_row: b"]}",
            between_rows: b",",
        },
    }
}
