//! The dashboard's files, part of the program; every host has them under its own path.

use http::Uri;

use crate::answer::{Answer, HTML, escape_html};
use crate::percent::{Plus, decode};

/// Name, type and content of each file.
const FILES: [(&str, &str, &str); 7] = [
    ("index.html", HTML, include_str!("../dashboard/index.html")),
    ("dashboard.css", "text/css; charset=utf-8", include_str!("../dashboard/dashboard.css")),
    ("dashboard.js", JAVASCRIPT, include_str!("../dashboard/dashboard.js")),
    ("charts.js", JAVASCRIPT, include_str!("../dashboard/charts.js")),
    ("painter.js", JAVASCRIPT, include_str!("../dashboard/painter.js")),
    ("words.js", JAVASCRIPT, include_str!("../dashboard/words.js")),
    ("logo.svg", "image/svg+xml", include_str!("../dashboard/logo.svg")),
];
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

/// The file that a path names.
pub(crate) fn file(uri: &Uri) -> Answer {
    let path = uri.path().trim_start_matches('/');
    let name = decode(path, Plus::Literal).unwrap_or_default();
    let name = if name.is_empty() { "index.html" } else { &name };
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
