//! What of a plugin's output a log may show.

/// Bytes of a text that are shown.
const BYTES_MAX: usize = 200;

/// The beginning of a text, without control characters.
pub(crate) fn shown(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text.trim_ascii_end());
    let start = &text[..text.floor_char_boundary(BYTES_MAX)];
    start.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
