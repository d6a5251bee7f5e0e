//! The dashboard's files, part of the program; every host has them under its own path.
//!
//! The build script makes them of `dashboard/`, and packs them: nothing is packed when they are asked for. Which
//! page of the dashboard an address means is the dashboard's own business: all of them are one file.

use std::io::{self, Read};

use flate2::bufread::GzDecoder;
use http::{HeaderMap, Uri};

use crate::answer::{Answer, HTML, escape_html};
use crate::encoding::Encoding;
use crate::percent::{Plus, decode};

/// A file of the dashboard.
struct File {
    name: &'static str,
    content_type: &'static str,
    /// What it is known again by.
    tag: &'static str,
    /// How long it is when it is not packed.
    bytes: usize,
    packed: &'static [u8],
}

const FILES: [File; 4] = include!(concat!(env!("OUT_DIR"), "/files.rs"));
/// The file of all pages, and the addresses of pages below a node or a host.
const INDEX: &str = "index.html";
const PAGES: [&str; 4] = ["", "alarms", "node", "badges"];

/// The file that a path names, for a client that says what it can unpack.
pub(crate) fn file(uri: &Uri, headers: &HeaderMap) -> Answer {
    let name = match name(uri) {
        Ok(name) => name,
        Err(refusal) => return refusal,
    };
    let wanted = if PAGES.contains(&&*name) { INDEX } else { &name };
    match FILES.iter().find(|file| file.name == wanted) {
        Some(file) => file.answer(Encoding::Gzip.is_accepted(headers)),
        None => missing(&name),
    }
}

impl File {
    const fn new(
        name: &'static str,
        content_type: &'static str,
        tag: &'static str,
        bytes: usize,
        packed: &'static [u8],
    ) -> Self {
        Self { name, content_type, tag, bytes, packed }
    }

    fn answer(&self, can_unpack: bool) -> Answer {
        let answer = if can_unpack {
            Answer::new(self.content_type, self.packed).encoded(Encoding::Gzip)
        } else {
            match self.unpacked() {
                Ok(content) => Answer::new(self.content_type, content),
                Err(error) => return Answer::internal(error.to_string()),
            }
        };
        answer.tagged(self.tag).embedded()
    }

    fn unpacked(&self) -> io::Result<Vec<u8>> {
        let mut content = Vec::with_capacity(self.bytes);
        GzDecoder::new(self.packed).take(self.bytes as u64).read_to_end(&mut content)?;
        Ok(content)
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
    // What is hidden in a folder is not meant for readers: repositories, editors' copies, passwords.
    if name.split('/').any(|part| part.len() > 1 && part.starts_with('.')) {
        return Err(missing(&name));
    }
    Ok(name)
}

/// There is no such file.
pub(crate) fn missing(name: &str) -> Answer {
    Answer::not_found(format!("File does not exist, or is not accessible: {}", escape_html(name))).of_type(HTML)
}
