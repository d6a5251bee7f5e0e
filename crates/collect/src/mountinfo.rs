//! `mountinfo`: what is mounted where.
//!
//! ```text
//! 27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
//! id parent number root point options … - type source options-of-the-file-system
//! ```
//!
//! Blanks, tabs, line ends and backslashes within a word are written as `\040` and the like.

use std::io;
use std::path::Path;

use crate::file::KeptFile;
use crate::scan::Words;

/// The table of this program.
pub(crate) const PATH: &str = "/proc/self/mountinfo";
/// That of the machine, where its files lie below a folder.
const PATH_BELOW: &str = "/proc/1/mountinfo";

/// A line of the table. Texts are as they stand there: see [`unescape`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct MountLine<'a> {
    /// Of the device: `major:minor`.
    pub number: &'a [u8],
    /// The folder of the file system that is mounted.
    pub root: &'a [u8],
    /// Where.
    pub point: &'a [u8],
    /// Options of this mount.
    pub options: &'a [u8],
    /// The kind of file system.
    pub fs_type: &'a [u8],
    /// What it is of; may be empty.
    pub source: &'a [u8],
    /// Options of the file system.
    pub super_options: &'a [u8],
}

impl<'a> MountLine<'a> {
    /// Reads a line; `None` where something is missing.
    pub(crate) fn parse(line: &'a [u8]) -> Option<Self> {
        let mut words = Words::new(line).skip(2);
        let [number, root, point, options] = [words.next()?, words.next()?, words.next()?, words.next()?];
        let mut words = words.skip_while(|word| *word != b"-").skip(1);
        let (fs_type, second) = (words.next()?, words.next()?);
        // A source may be empty, and two blanks are one.
        let (source, super_options) = words.next().map_or((&b""[..], second), |third| (second, third));
        Some(Self { number, root, point, options, fs_type, source, super_options })
    }
}

/// Opens the table of mounts under `root`.
pub(crate) fn open(root: &Path) -> io::Result<KeptFile> {
    if root != Path::new("/")
        && let Ok(file) = KeptFile::open(root, PATH_BELOW)
    {
        return Ok(file);
    }
    KeptFile::open(root, PATH)
}

/// Whether a list of options, separated by commas, has this one.
pub(crate) fn has_option(options: &[u8], option: &str) -> bool {
    options.split(|&byte| byte == b',').any(|found| found == option.as_bytes())
}

/// A word as it was before the kernel escaped it.
pub(crate) fn unescape(word: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(word.len());
    let mut rest = word;
    while let Some((&byte, after)) = rest.split_first() {
        let escaped = after.get(..3).filter(|_| byte == b'\\').and_then(octal);
        plain.push(escaped.unwrap_or(byte));
        rest = if escaped.is_some() { &after[3..] } else { after };
    }
    plain
}

fn octal(digits: &[u8]) -> Option<u8> {
    digits.iter().try_fold(0_u8, |value, digit| {
        let digit = digit.wrapping_sub(b'0');
        if digit < 8 { value.checked_mul(8)?.checked_add(digit) } else { None }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each word is at its place, whatever optional fields stand before the dash.
    #[test]
    fn lines() {
        let line = MountLine {
            number: b"8:1",
            root: b"/sub",
            point: b"/mnt/a\\040b",
            options: b"ro,relatime",
            fs_type: b"ext4",
            source: b"/dev/sda1",
            super_options: b"rw",
        };
        for optional in ["", "shared:1 ", "shared:1 master:2 propagate_from:3 unbindable "] {
            let text = format!("36 35 8:1 /sub /mnt/a\\040b ro,relatime {optional}- ext4 /dev/sda1 rw");
            assert_eq!(MountLine::parse(text.as_bytes()), Some(line));
        }
        let text = b"36 35 8:1 /sub /mnt/a\\040b ro,relatime - ext4  rw";
        assert_eq!(MountLine::parse(text), Some(MountLine { source: b"", ..line }));
        assert!(has_option(line.options, "ro") && has_option(line.options, "relatime") && !has_option(b"ro", "r"));
        for bad in ["", "1 2 3:4 / /", "1 2 3:4 / / rw shared:1", "1 2 3:4 / / rw - ext4", "1 2 3:4 / / rw -"] {
            assert_eq!(MountLine::parse(bad.as_bytes()), None, "{bad}");
        }
        crate::tests::mutate(text, |text| {
            MountLine::parse(text).map(|line| unescape(line.point));
        });
    }

    /// Only whole octal escapes are replaced.
    #[test]
    fn escapes() {
        for (escaped, plain) in [
            ("/a\\040b", "/a b"),
            ("/a\\04", "/a\\04"),
            ("/a\\", "/a\\"),
            ("/\\999", "/\\999"),
            ("/\\777", "/\\777"),
            ("/\\134040", "/\\040"),
        ] {
            assert_eq!(unescape(escaped.as_bytes()), plain.as_bytes());
        }
    }
}
