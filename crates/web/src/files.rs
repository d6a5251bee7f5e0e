//! The dashboard's files, part of the program; every host has them under its own path.
//!
//! The build script makes them of `dashboard/`. Which page of the dashboard an address means is
//! the dashboard's own business: all of them are one file.

use http::Uri;

use crate::answer::{Answer, HTML, escape_html};
use crate::percent::{Plus, decode};

/// Name, type and content of each file.
const FILES: [(&str, &str, &str); 4] = include!(concat!(env!("OUT_DIR"), "/files.rs"));
/// The file of all pages, and the addresses of pages below a node or a host.
const INDEX: &str = "index.html";
const PAGES: [&str; 4] = ["", "alarms", "node", "badges"];

/// The file that a path names.
pub(crate) fn file(uri: &Uri) -> Answer {
    let name = match name(uri) {
        Ok(name) => name,
        Err(refusal) => return refusal,
    };
    let wanted = if PAGES.contains(&&*name) { INDEX } else { &name };
    match FILES.iter().find(|(known, ..)| *known == wanted) {
        Some((_, content_type, content)) => Answer::new(content_type, *content).embedded(),
        None => missing(&name),
    }
}

/// The name of a file that a path asks for; a refusal where it is none.
pub(crate) fn name(uri: &Uri) -> Result<String, Answer> {
    let name = decode(uri.path().trim_start_matches('/'), Plus::Literal).unwrap_or_default();
    let shown = || escape_html(&name);
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte)) {
        return Err(Answer::bad_request(format!("Filename contains invalid characters: {}", shown())).of_type(HTML));
    }
    if name.contains("..") {
        return Err(Answer::bad_request(format!("Relative filenames are not supported: {}", shown())).of_type(HTML));
    }
    Ok(name)
}

/// There is no such file.
pub(crate) fn missing(name: &str) -> Answer {
    Answer::not_found(format!("File does not exist, or is not accessible: {}", escape_html(name))).of_type(HTML)
}
