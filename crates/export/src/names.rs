//! Names: what databases allow in them, and what becomes of the rest.

/// Bytes of a name's part, and of a label's value.
pub const NAME_BYTES_MAX: usize = 256;

/// Appends a part of a Prometheus name: what is neither letter, digit, `_` nor `:` becomes `_`, a
/// character of several bytes one of them; blanks and control characters before it are left out.
pub fn write_name(out: &mut Vec<u8>, text: &str) {
    let text = cut(text.trim_start_matches(|c: char| c <= ' '));
    // Bytes within a character say nothing.
    let heads = text.bytes().filter(|byte| byte & 0xc0 != 0x80);
    out.extend(heads.map(|byte| if is_name(byte) { byte } else { b'_' }));
}

const fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b':'
}

/// Appends `_` and units as the end of a Prometheus name; nothing for none.
pub fn write_units(out: &mut Vec<u8>, units: &str) {
    let units = cut(units);
    match units {
        "" => return,
        "%" => return out.extend_from_slice(b"_percent"),
        _ => out.push(b'_'),
    }
    let (head, per_s) = match units.strip_suffix("/s") {
        Some(head) if !head.is_empty() => (head, true),
        _ => (units, false),
    };
    out.extend(head.bytes().map(|byte| if byte.is_ascii_alphanumeric() { byte } else { b'_' }));
    if per_s {
        out.extend_from_slice(b"_persec");
    }
}

/// What units were called before Netdata 1.12.
#[must_use]
pub fn old_units(units: &str) -> &str {
    match units {
        "KiB/s" => "kilobytes/s",
        "MiB/s" => "MB/s",
        "GiB/s" => "GB/s",
        "KiB" => "KB",
        "MiB" => "MB",
        "GiB" => "GB",
        "inodes" => "Inodes",
        "percentage" => "percent",
        "faults/s" => "page faults/s",
        "KiB/operation" => "kilobytes per operation",
        "milliseconds/operation" => "ms per operation",
        other => other,
    }
}

/// Appends a label's value for between quotes.
pub fn write_label_value(out: &mut Vec<u8>, text: &str) {
    let text = cut(text).as_bytes();
    if !text.iter().any(|&byte| is_escaped(byte)) {
        return out.extend_from_slice(text);
    }
    for &byte in text {
        match byte {
            b'\n' => out.extend_from_slice(b"\\n"),
            byte if is_escaped(byte) => out.extend_from_slice(&[b'\\', byte]),
            byte => out.push(byte),
        }
    }
}

const fn is_escaped(byte: u8) -> bool {
    matches!(byte, b'\\' | b'"' | b'\n')
}

/// A text's first bytes, in whole characters.
pub(crate) fn cut(text: &str) -> &str {
    if text.len() <= NAME_BYTES_MAX { text } else { &text[..text.floor_char_boundary(NAME_BYTES_MAX)] }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl Fn(&mut Vec<u8>, &str), text: &str) -> String {
        let mut out = Vec::new();
        write(&mut out, text);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn names_hold_what_is_allowed() {
        for (text, expected) in [
            ("system.cpu", "system_cpu"),
            (" \t\n10min avg", "10min_avg"),
            ("a:b_c-d", "a:b_c_d"),
            ("Ελλάδα🦀", "_______"),
            ("\"}\n# TYPE x", "_____TYPE_x"),
            ("", ""),
        ] {
            assert_eq!(written(write_name, text), expected, "{text}");
        }
        assert_eq!(written(write_name, &"ä".repeat(1_000)).len(), 128);
    }

    #[test]
    fn units_become_ends_of_names() {
        for (units, expected) in [
            ("percentage", "_percentage"),
            ("%", "_percent"),
            ("KiB/s", "_KiB_persec"),
            ("milliseconds/s", "_milliseconds_persec"),
            ("milliseconds/request", "_milliseconds_request"),
            ("context switches/s", "_context_switches_persec"),
            ("/s", "__s"),
            ("", ""),
        ] {
            assert_eq!(written(write_units, units), expected, "{units}");
        }
        assert_eq!(old_units("KiB/s"), "kilobytes/s");
        assert_eq!(old_units("load"), "load");
    }

    #[test]
    fn values_of_labels_stay_between_their_quotes() {
        for (text, expected) in [("plain ä", "plain ä"), ("a\"b\\c\nd", "a\\\"b\\\\c\\nd"), ("", "")] {
            assert_eq!(written(write_label_value, text), expected);
        }
        assert_eq!(written(write_label_value, &"🦀".repeat(100)).len(), 256);
        assert_eq!(written(write_label_value, &format!("x{}", "🦀".repeat(100))).len(), 253);
    }
}
