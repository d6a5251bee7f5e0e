//! Texts of the kernel and of people as ids and names of charts.
//!
//! The wire quotes texts but escapes nothing, so no text may hold a quote, a backslash or a
//! control character.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

/// Ids of free texts are cut here.
const ID_BYTES_MAX: usize = 200;

/// A device's name as an id: as it is, with `_` for what the wire cannot carry.
pub(crate) fn text_of(name: &[u8]) -> String {
    String::from_utf8_lossy(name)
        .chars()
        .map(|letter| if letter.is_control() || matches!(letter, '"' | '\'' | '\\') { '_' } else { letter })
        .collect()
}

/// A text that people wrote as the name of a chart: lower case, `_` for what is unusual.
pub(crate) fn chart_name(text: &[u8]) -> String {
    let letter = |&byte: &u8| match byte {
        b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'/' => byte,
        b'A'..=b'Z' => byte.to_ascii_lowercase(),
        b'\\' => b'/',
        b',' => b'.',
        _ => b'_',
    };
    text.iter().map(letter).map(char::from).collect()
}

/// An id that is made of a free text: lower case, `_` for what is unusual, cut where it is too long.
pub(crate) fn chart_id(text: &[u8]) -> String {
    let letter = |&byte: &u8| match byte {
        b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' => byte,
        b'A'..=b'Z' => byte.to_ascii_lowercase(),
        b',' => b'.',
        _ => b'_',
    };
    text.iter().take(ID_BYTES_MAX).map(letter).map(char::from).collect()
}

/// Adds the bytes of a file's name to a path.
pub(crate) fn push_bytes(path: &mut OsString, name: &[u8]) {
    path.push(OsStr::from_bytes(name));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the wire cannot carry is replaced, the rest is kept.
    #[test]
    fn texts_become_names() {
        assert_eq!(text_of(b"eth0.12@x"), "eth0.12@x");
        assert_eq!(text_of(b"a\"b'c\\d\ne f"), "a_b_c_d_e f");
        assert_eq!(text_of("größe".as_bytes()), "größe");
        assert_eq!(text_of(b"\xff\xfe"), "\u{fffd}\u{fffd}");
        assert_eq!(chart_name(b"VG-Data,1\\x y:\xc3"), "vg-data.1/x_y__");
        assert_eq!(chart_id(b"/mnt/VG-Data,1\\x y:\xc3"), "_mnt_vg-data.1_x_y__");
        assert_eq!(chart_id(&[b'/'; 300]).len(), 200);
    }
}
