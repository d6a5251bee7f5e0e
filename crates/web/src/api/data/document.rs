//! An answer of `data` in the making: what stands before the rows, the rows, and what stands after them.

use std::mem;

use super::format::Format;
use super::table::Table;
use crate::json::write_escaped;
use crate::params::Params;
use crate::pieces::Make;

/// Who is called with rows where the client does not say.
const GOOGLE_HANDLER: &str = "google.visualization.Query.setResponse";
const JSONP_HANDLER: &str = "callback";

pub(super) struct Document {
    pub(super) head: Vec<u8>,
    pub(super) table: Table,
    /// The table is a string within JSON.
    pub(super) is_string: bool,
    pub(super) tail: Vec<u8>,
    /// What is written of the table before it becomes part of a string.
    text: Vec<u8>,
}

impl Document {
    pub(super) fn new(head: Vec<u8>, table: Table, is_string: bool, tail: Vec<u8>) -> Self {
        Self { head, table, is_string, tail, text: Vec::new() }
    }

    /// The same as the argument of a call.
    pub(super) fn called(mut self, (before, after): (Vec<u8>, &[u8])) -> Self {
        self.head.splice(..0, before);
        self.tail.extend_from_slice(after);
        self
    }
}

impl Make for Document {
    fn make(&mut self, out: &mut Vec<u8>) -> bool {
        out.append(&mut self.head);
        let is_more = if self.is_string {
            self.text.clear();
            let is_more = self.table.write(&mut self.text);
            write_escaped(out, &self.text);
            is_more
        } else {
            self.table.write(out)
        };
        if !is_more {
            out.append(&mut mem::take(&mut self.tail));
        }
        is_more
    }
}

/// What Google's charts say of how they want to be answered: `name:value` pairs between semicolons.
#[derive(Debug, Default)]
pub(super) struct Google {
    version: String,
    request: String,
    handler: String,
    pub(super) file_name: Option<String>,
    /// The newest second that the client has.
    pub(super) has_s: i64,
    /// The format, if it wants another than a call.
    pub(super) format: Option<Format>,
}

impl Google {
    pub(super) fn read(params: &Params) -> Self {
        let mut told = Self { version: "0.6".into(), request: "0".into(), ..Self::default() };
        for (name, value) in params.text("tqx").unwrap_or_default().split(';').filter_map(|pair| pair.split_once(':')) {
            match name {
                "version" => told.version = plain(value),
                "reqId" => told.request = plain(value),
                "sig" => told.has_s = value.parse().unwrap_or(0),
                "responseHandler" => told.handler = plain(value),
                "outFileName" => told.file_name = Some(plain(value)).filter(|name| !name.is_empty()),
                "out" => {
                    told.format = match value {
                        "html" => Some(Format::Html),
                        "csv" => Some(Format::Csv),
                        "tsv-excel" => Some(Format::Tsv),
                        _ => None,
                    }
                }
                _ => {}
            }
        }
        told
    }

    fn begin(&self, is_ok: bool) -> String {
        let handler = if self.handler.is_empty() { GOOGLE_HANDLER } else { &self.handler };
        let status = if is_ok { "ok" } else { "error" };
        format!("{handler}({{version:'{}',reqId:'{}',status:'{status}',", self.version, self.request)
    }

    /// What stands around rows, of which the newest is of `last_s`.
    pub(super) fn around(&self, last_s: i64) -> (Vec<u8>, &'static [u8]) {
        (format!("{}sig:'{last_s}',table:", self.begin(true)).into_bytes(), b"});")
    }

    /// The answer to a client that has all there is.
    pub(super) fn not_modified(&self) -> String {
        let errors = "errors:[{reason:'not_modified',message:'Data not modified'}]});";
        format!("{}{errors}", self.begin(false))
    }
}

/// What stands around JSON that is the argument of a call.
pub(super) fn around_jsonp(params: &Params) -> (Vec<u8>, &'static [u8]) {
    let handler = params.text("callback").map(plain).filter(|name| !name.is_empty());
    (format!("{}(", handler.as_deref().unwrap_or(JSONP_HANDLER)).into_bytes(), b");")
}

/// A name that means nothing anywhere.
pub(super) fn plain(text: &str) -> String {
    let is_plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    text.chars().map(|c| if is_plain(&c) { c } else { '_' }).collect()
}
