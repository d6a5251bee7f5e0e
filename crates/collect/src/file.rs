//! Files of the kernel that stay open and are read again and again.
//!
//! A read at offset 0 makes the kernel write the file anew, so neither seek nor reopen is needed;
//! opening each time would cost 7 to 12 µs more. A file that is one record (`stat`, `meminfo`)
//! comes whole with one read where the buffer is large enough. A file of many records
//! (`net/dev`, `diskstats`, `vmstat`) comes about 4 KiB at a time however large the buffer is, so
//! reading goes on at the next offset until little or nothing more comes.
//!
//! The bytes lie in one buffer for all files: it grows to what the largest file needs, within a
//! limit, and from then on a read allocates nothing.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::scan::{Words, signed};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// What the buffer begins with: enough for every file of a machine of some 50 cores.
const BUFFER_BYTES_FIRST: usize = 16 * 1024;
/// What the buffer grows to at most: `stat` with 8,192 cores takes 0.8 MB.
const BUFFER_BYTES_MAX: usize = 1024 * 1024;
/// A read shorter than this was the last of its file: the kernel fills at least a page (4 KiB)
/// less one record, and no record of a file of many records read here reaches 1 KiB.
const WHOLE_BELOW_BYTES: usize = 3 * 1024;

const _: () = assert!(WHOLE_BELOW_BYTES < BUFFER_BYTES_FIRST && BUFFER_BYTES_FIRST <= BUFFER_BYTES_MAX);

/// The bytes of the file that was read last.
#[derive(Debug)]
pub(crate) struct Buffer(Vec<u8>);

impl Buffer {
    /// An empty buffer of the first size.
    pub(crate) fn new() -> Self {
        Self(vec![0; BUFFER_BYTES_FIRST])
    }

    /// The first bytes of what was read last.
    pub(crate) fn text(&self, length: usize) -> &[u8] {
        &self.0[..length]
    }

    /// Fills the buffer by `read_at(bytes, offset)` until that gives nothing more, or less than there is room for
    /// and than `whole_below` bytes. What lies beyond the limit is left out, together with the line that the limit
    /// cuts.
    fn fill(
        &mut self,
        whole_below: usize,
        mut read_at: impl FnMut(&mut [u8], u64) -> io::Result<usize>,
    ) -> io::Result<&[u8]> {
        let mut length = 0;
        loop {
            if length == self.0.len() && !self.grow() {
                return Ok(whole_lines(&self.0));
            }
            let room = self.0.len() - length;
            let read = match read_at(&mut self.0[length..], length as u64) {
                Ok(read) => read.min(room),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            length += read;
            if read == 0 || (read < room && read < whole_below) {
                break;
            }
        }
        Ok(&self.0[..length])
    }

    fn grow(&mut self) -> bool {
        let grown = (self.0.len() * 2).min(BUFFER_BYTES_MAX);
        let room = grown > self.0.len();
        self.0.resize(grown, 0);
        room
    }
}

fn whole_lines(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
    &text[..end]
}

/// A file that stays open.
#[derive(Debug)]
pub(crate) struct KeptFile(File);

impl From<File> for KeptFile {
    fn from(file: File) -> Self {
        Self(file)
    }
}

impl KeptFile {
    /// Opens `path`, which stands under `root`.
    pub(crate) fn open(root: &Path, path: &str) -> io::Result<Self> {
        Self::open_path(&under(root, path))
    }

    /// Opens `path` as it is.
    pub(crate) fn open_path(path: &Path) -> io::Result<Self> {
        File::open(path).map(Self)
    }

    /// Whether the kernel says that the file changed since it was last asked that, or was opened.
    /// Few files tell; of others this is never so.
    pub(crate) fn has_changed(&self) -> bool {
        let mut polled = [PollFd::new(&self.0, PollFlags::PRI)];
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        poll(&mut polled, Some(&at_once)).is_ok() && polled[0].revents().contains(PollFlags::ERR)
    }

    /// Reads the beginning of the file with one call: as much of it as the buffer takes.
    pub(crate) fn read_beginning<'b>(&self, buffer: &'b mut Buffer) -> io::Result<&'b [u8]> {
        loop {
            match self.0.read_at(&mut buffer.0, 0) {
                Ok(length) => return Ok(&buffer.0[..length]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Reads a file that the kernel writes as one record, however long: it comes with one call.
    pub(crate) fn read_record<'b>(&self, buffer: &'b mut Buffer) -> io::Result<&'b [u8]> {
        buffer.fill(usize::MAX, |bytes, offset| self.0.read_at(bytes, offset))
    }

    /// Reads the file as it is now.
    pub(crate) fn read<'b>(&self, buffer: &'b mut Buffer) -> io::Result<&'b [u8]> {
        buffer.fill(WHOLE_BELOW_BYTES, |bytes, offset| self.0.read_at(bytes, offset))
    }

    /// The same where records may be of any length: a short read may not be the whole.
    pub(crate) fn read_to_end<'b>(&self, buffer: &'b mut Buffer) -> io::Result<&'b [u8]> {
        buffer.fill(0, |bytes, offset| self.0.read_at(bytes, offset))
    }

    /// Reads the file as it is now; the text is then that many bytes of the buffer. For callers to
    /// whom a file that cannot be read is no end: they may use the buffer again.
    pub(crate) fn read_length(&self, buffer: &mut Buffer) -> io::Result<usize> {
        self.read(buffer).map(<[u8]>::len)
    }
}

/// A file that stays open and holds one number, such as many in `/sys`.
#[derive(Debug)]
pub(crate) struct NumberFile(KeptFile);

impl NumberFile {
    /// Opens a file by its whole path.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        KeptFile::open_path(path).map(Self)
    }

    /// The number as it is now; `None` where it cannot be read or is none.
    pub(crate) fn read(&self, buffer: &mut Buffer) -> Option<i64> {
        signed(Words::new(self.0.read(buffer).ok()?).next()?)
    }
}

/// Reads a file that is needed rarely, opening it for this once. Its records may be of any length.
pub(crate) fn read_once<'b>(path: &Path, buffer: &'b mut Buffer) -> io::Result<&'b [u8]> {
    let file = File::open(path)?;
    buffer.fill(0, |bytes, offset| file.read_at(bytes, offset))
}

/// The path `path`, written from `/`, as it lies under `root`.
pub(crate) fn under(root: &Path, path: &str) -> PathBuf {
    root.join(path.trim_start_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hands out `text` as the kernel does, `piece` bytes per read.
    fn in_pieces(text: &[u8], piece: usize) -> impl FnMut(&mut [u8], u64) -> io::Result<usize> {
        move |bytes, offset| {
            let rest = text.get(offset as usize..).unwrap_or(b"");
            let length = rest.len().min(piece).min(bytes.len());
            bytes[..length].copy_from_slice(&rest[..length]);
            Ok(length)
        }
    }

    /// Files longer than a piece and longer than the buffer come whole, and the growth stays.
    #[test]
    fn pieces_are_put_together() {
        for length in [0, 1, 3071, 3072, 4096, 16_384, 16_385, 100_000] {
            let text: Vec<u8> = (0..length).map(|at| b'a' + (at % 26) as u8).collect();
            let mut buffer = Buffer::new();
            assert!(buffer.fill(WHOLE_BELOW_BYTES, in_pieces(&text, 4090)).unwrap() == text, "{length} bytes");
            let grown = buffer.0.len();
            assert!(grown >= length && grown <= BUFFER_BYTES_FIRST.max(4 * length));
            assert!(buffer.fill(WHOLE_BELOW_BYTES, in_pieces(&text, usize::MAX)).unwrap() == text, "{length} bytes");
        }
    }

    /// A short read is believed to be the last, a long one is confirmed, and one that had no room for more goes on; a
    /// file of one record comes with one call.
    #[test]
    fn short_files_take_one_read() {
        for (length, whole_below, expected) in [
            (10, WHOLE_BELOW_BYTES, 1),
            (3071, WHOLE_BELOW_BYTES, 1),
            (3072, WHOLE_BELOW_BYTES, 2),
            (4000, WHOLE_BELOW_BYTES, 2),
            (4096 + 44, WHOLE_BELOW_BYTES, 2),
            (4 * 4096 + 44, WHOLE_BELOW_BYTES, 5),
            (5 * 4096, WHOLE_BELOW_BYTES, 6),
            (4095, usize::MAX, 1),
        ] {
            let text = vec![b'x'; length];
            let mut reads = 0;
            let mut source = in_pieces(&text, 4096);
            let mut buffer = Buffer::new();
            let read = buffer.fill(whole_below, |bytes, offset| {
                reads += 1;
                source(bytes, offset)
            });
            assert_eq!((read.unwrap().len(), reads), (length, expected));
        }
    }

    /// A file without end is cut at the limit, after a whole line.
    #[test]
    fn growth_has_a_limit() {
        let mut buffer = Buffer::new();
        let endless = |bytes: &mut [u8], offset: u64| {
            for (at, byte) in bytes.iter_mut().enumerate() {
                *byte = if (offset as usize + at) % 100 == 99 { b'\n' } else { b'x' };
            }
            Ok(bytes.len())
        };
        let text = buffer.fill(WHOLE_BELOW_BYTES, endless).unwrap();
        assert!(text.len() <= BUFFER_BYTES_MAX && text.len() > BUFFER_BYTES_MAX - 100);
        assert!(text.ends_with(b"\n"));
        let endless_line = |bytes: &mut [u8], _| {
            bytes.fill(b'x');
            Ok(bytes.len())
        };
        assert!(buffer.fill(WHOLE_BELOW_BYTES, endless_line).unwrap().is_empty());
    }

    /// Interrupted reads go on, other errors are told.
    #[test]
    fn errors_of_reading() {
        let mut buffer = Buffer::new();
        let mut first = true;
        let text = buffer.fill(WHOLE_BELOW_BYTES, |bytes, _| {
            if std::mem::take(&mut first) {
                return Err(io::ErrorKind::Interrupted.into());
            }
            bytes[0] = b'x';
            Ok(1)
        });
        assert_eq!(text.unwrap(), b"x");
        assert!(buffer.fill(WHOLE_BELOW_BYTES, |_, _| Err(io::ErrorKind::NotFound.into())).is_err());
    }
}
