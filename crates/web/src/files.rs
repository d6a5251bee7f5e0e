//! The dashboard's files, part of the program; every host has them under its own path.
//!
//! The build script makes them of `dashboard/`. Which page of the dashboard an address means is
//! the dashboard's own business: all of them are one file.

use http::Uri;

use crate::answer::{Answer, escape_html};
use crate::percent::{Plus, decode};

/// Name, type and content of each file.
const FILES: [(&str, &str, &str); 4] = include!(concat!(env!("OUT_DIR"), "/files.rs"));
/// The file of all pages, and the addresses of pages below a node or a host.
const INDEX: &str = "index.html";
const PAGES: [&str; 4] = ["", "alarms", "node", "badges"];

/// The file that a path names.
pub(crate) fn file(uri: &Uri) -> Answer {
    let path = uri.path().trim_start_matches('/');
    let name = decode(path, Plus::Literal).unwrap_or_default();
    let name = if PAGES.contains(&&*name) { INDEX } else { &name };
    if let Some((_, content_type, content)) = FILES.iter().find(|(known, ..)| *known == name) {
        return Answer::new(content_type, *content);
    }
    let shown = escape_html(name);
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte)) {
        return Answer::bad_request(format!("Filename contains invalid characters: {shown}"));
    }
    if name.contains("..") {
        return Answer::bad_request(format!("Relative filenames are not supported: {shown}"));
    }
    Answer::not_found(format!("File does not exist, or is not accessible: {shown}"))
}
