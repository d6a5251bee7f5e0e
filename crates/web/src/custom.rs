//! Files of a folder in place of the built-in dashboard: somebody else's dashboard.
//!
//! What is served lies in the folder: names go nowhere else, nor do links that lead out. Files are
//! read while they are written to the connection. They are served without a content security policy,
//! since what they load is theirs to know.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use http::Uri;

use crate::answer::Answer;
use crate::date::http_date;
use crate::files;
use crate::pieces::PIECE_BYTES;

/// A file is no longer than this.
const FILE_BYTES_MAX: u64 = 256 << 20;
/// What a folder stands for.
const INDEX: &str = "index.html";
/// Types by the ends of names; of others nothing is known.
const TYPES: [(&str, &str); 25] = [
    ("html", "text/html; charset=utf-8"),
    ("htm", "text/html; charset=utf-8"),
    ("css", "text/css; charset=utf-8"),
    ("js", "text/javascript; charset=utf-8"),
    ("mjs", "text/javascript; charset=utf-8"),
    ("json", "application/json; charset=utf-8"),
    ("map", "application/json; charset=utf-8"),
    ("webmanifest", "application/manifest+json"),
    ("txt", "text/plain; charset=utf-8"),
    ("md", "text/plain; charset=utf-8"),
    ("xml", "text/xml; charset=utf-8"),
    ("svg", "image/svg+xml"),
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("gif", "image/gif"),
    ("webp", "image/webp"),
    ("ico", "image/x-icon"),
    ("bmp", "image/bmp"),
    ("wasm", "application/wasm"),
    ("woff", "font/woff"),
    ("woff2", "font/woff2"),
    ("ttf", "font/ttf"),
    ("otf", "font/otf"),
    ("eot", "application/vnd.ms-fontobject"),
];
const UNKNOWN: &str = "application/octet-stream";

/// The file that a path names in a folder.
pub(crate) async fn file(folder: &Path, uri: &Uri) -> Answer {
    let name = match files::name(uri) {
        Ok(name) => name,
        Err(refusal) => return refusal,
    };
    let (folder, wanted) = (folder.to_path_buf(), name.clone());
    // A disk may take its time.
    let found = tokio::task::spawn_blocking(move || find(&folder, &wanted)).await;
    match found {
        Ok(Ok(found)) => answer(found),
        _ => files::missing(&name),
    }
}

struct Found {
    file: File,
    bytes: u64,
    modified_s: i64,
    content_type: &'static str,
}

fn find(folder: &Path, name: &str) -> io::Result<Found> {
    let folder = folder.canonicalize()?;
    let mut path = folder.join(name).canonicalize()?;
    if path.is_dir() {
        path = path.join(INDEX).canonicalize()?;
    }
    if !path.starts_with(&folder) {
        return Err(io::Error::from(io::ErrorKind::PermissionDenied));
    }
    open(path)
}

fn open(path: PathBuf) -> io::Result<Found> {
    // Pipes and devices would wait for ever.
    if !path.metadata()?.is_file() {
        return Err(io::Error::from(io::ErrorKind::NotFound));
    }
    let file = File::open(&path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() || metadata.len() > FILE_BYTES_MAX {
        return Err(io::Error::from(io::ErrorKind::FileTooLarge));
    }
    let end = path.extension().and_then(|end| end.to_str()).map(str::to_ascii_lowercase).unwrap_or_default();
    let content_type = TYPES.iter().find(|(known, _)| *known == end).map_or(UNKNOWN, |(_, content_type)| content_type);
    let age = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(Found { file, bytes: metadata.len(), modified_s: age.as_secs() as i64, content_type })
}

/// What was there when the file was opened; one that shrinks meanwhile is cut off.
fn answer(found: Found) -> Answer {
    let Found { mut file, bytes, modified_s, content_type } = found;
    let (tag, date) = (format!("W/\"{modified_s:x}-{bytes:x}\""), http_date(modified_s));
    let mut left = bytes;
    let maker = move |out: &mut Vec<u8>| {
        let mut part = (&mut file).take(left.min(PIECE_BYTES as u64));
        let read = part.read_to_end(out).unwrap_or(0) as u64;
        left -= read;
        read > 0 && left > 0
    };
    Answer::made(content_type, maker).tagged(&tag).modified(&date).foreign()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    /// Goal: nothing outside the folder is found, by any name or link; what is inside is, also by a link.
    #[test]
    fn only_what_lies_in_the_folder() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("web");
        fs::create_dir_all(folder.join("sub")).unwrap();
        fs::write(root.path().join("secret"), "secret").unwrap();
        fs::create_dir(root.path().join("web-2")).unwrap();
        fs::write(root.path().join("web-2/x"), "secret").unwrap();
        for (name, text) in [("index.html", "index"), ("sub/index.html", "sub"), ("a.JS", "js"), ("b", "b")] {
            fs::write(folder.join(name), text).unwrap();
        }
        symlink("../secret", folder.join("out")).unwrap();
        symlink("../web-2", folder.join("out-dir")).unwrap();
        symlink(root.path(), folder.join("sub/up")).unwrap();
        symlink("a.JS", folder.join("in.js")).unwrap();
        symlink("loop", folder.join("loop")).unwrap();
        for (name, content_type) in [
            ("", "text/html; charset=utf-8"),
            ("sub/", "text/html; charset=utf-8"),
            ("a.JS", "text/javascript; charset=utf-8"),
            ("in.js", "text/javascript; charset=utf-8"),
            ("b", UNKNOWN),
        ] {
            assert_eq!(find(&folder, name).unwrap().content_type, content_type, "{name}");
        }
        for name in ["out", "out-dir/x", "sub/up/secret", "../secret", "../web-2/x", "loop", "nosuch", "/etc/passwd"] {
            assert!(find(&folder, name).is_err(), "{name}");
        }
    }
}
