//! Formats of `data`: their words, their types, and the shape that each gives to rows.

use crate::answer::{HTML, JSON, PLAIN};

/// JSON as the argument of a call.
pub(super) const CALL: &str = "application/x-javascript; charset=utf-8";

/// A format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Format {
    #[default]
    Json,
    /// JSON as the argument of a call.
    Jsonp,
    Csv,
    Tsv,
    Markdown,
    /// One number a row, blanks between.
    Ssv,
    SsvComma,
    /// One number a row, as JSON.
    Array,
    /// Rows as arrays, the names in the first.
    CsvJsonArray,
    Html,
    /// For Google's charts.
    DataTable,
    /// The same as the argument of a call.
    DataSource,
}

impl Format {
    /// Reads the word of the API; any other word means JSON.
    pub(super) fn from_word(word: &str) -> Self {
        match word {
            "jsonp" => Self::Jsonp,
            "csv" => Self::Csv,
            "tsv" | "tsv-excel" => Self::Tsv,
            "markdown" => Self::Markdown,
            "ssv" => Self::Ssv,
            "ssvcomma" => Self::SsvComma,
            "array" => Self::Array,
            "csvjsonarray" => Self::CsvJsonArray,
            "html" => Self::Html,
            "datatable" => Self::DataTable,
            "datasource" => Self::DataSource,
            _ => Self::Json,
        }
    }

    /// What clients are told.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Jsonp => "jsonp",
            Self::Csv => "csv",
            Self::Tsv => "tsv",
            Self::Ssv => "ssv",
            Self::SsvComma => "ssvcomma",
            Self::Array => "array",
            Self::Html => "html",
            Self::DataTable => "datatable",
            Self::DataSource => "datasource",
            Self::Markdown | Self::CsvJsonArray => "unknown",
        }
    }

    /// The type of an answer; `is_wrapped` in JSON that tells about it.
    pub(super) const fn content_type(self, is_wrapped: bool) -> &'static str {
        match self {
            Self::Jsonp | Self::DataSource => CALL,
            _ if is_wrapped => JSON,
            Self::Json | Self::Array | Self::CsvJsonArray | Self::DataTable => JSON,
            Self::Html => HTML,
            Self::Csv | Self::Tsv | Self::Markdown | Self::Ssv | Self::SsvComma => PLAIN,
        }
    }

    /// Whether it is text that JSON can only hold as a string.
    pub(super) const fn is_text(self) -> bool {
        matches!(self, Self::Csv | Self::Tsv | Self::Markdown | Self::Ssv | Self::SsvComma | Self::Html)
    }

    /// Whether a row becomes one number.
    pub(super) const fn is_combined(self) -> bool {
        matches!(self, Self::Ssv | Self::SsvComma | Self::Array)
    }
}

/// How a time is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Times {
    Seconds,
    Milliseconds,
    /// Year to second, with something before and after it.
    Date(&'static str, &'static str),
    /// The same as numbers between commas, the month counted from 0.
    Parts(&'static str, &'static str),
}

/// What stands between times and values.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub(super) before_row: &'static [u8],
    pub(super) times: Times,
    pub(super) after_time: &'static [u8],
    pub(super) before_value: &'static [u8],
    pub(super) after_value: &'static [u8],
    pub(super) after_row: &'static [u8],
    pub(super) between_rows: &'static [u8],
}
