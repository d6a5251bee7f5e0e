//! What of a peer and of a secret a log may show.

use std::fmt;

use row::Guid;

/// The beginning of a key, enough to find it and too little to use it.
pub(crate) struct Shortened(pub(crate) Guid);

impl fmt::Display for Shortened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_text();
        text[..8].iter().try_for_each(|&byte| fmt::Write::write_char(f, char::from(byte)))?;
        f.write_str("...")
    }
}

/// A text from the network: its beginning, without control characters.
#[cfg(feature = "receiver")]
pub(crate) fn shown(text: &[u8]) -> String {
    const BYTES_MAX: usize = 100;
    let text = String::from_utf8_lossy(&text[..text.len().min(BYTES_MAX)]);
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
